//! All files together: names checked, tables read in the order in which they refer to each other.

use super::table::{Column, Report, Table};
use super::{Lines, Org, Problem, classes, groups, people, places, schedules, time_off, users};
use crate::config::error::Error;
use crate::config::nearest::did_you_mean;
use crate::config::settings::Metrics;
use crate::config::shipped::Shipped;
use crate::zone::ZoneNames;

/// The files an organisation may have, and their columns.
pub const FILES: &[(&str, &[Column])] = &[
    ("users.csv", users::USERS),
    ("computers.csv", users::COMPUTERS),
    ("groups.csv", groups::GROUPS),
    ("group_members.csv", groups::GROUP_MEMBERS),
    ("categories.csv", classes::CATEGORIES),
    ("applications.csv", classes::APPLICATIONS),
    ("classification.csv", classes::CLASSIFICATION),
    ("core_categories.csv", groups::CORE_CATEGORIES),
    ("schedules.csv", schedules::SCHEDULES),
    ("schedule_members.csv", schedules::SCHEDULE_MEMBERS),
    ("time_off.csv", time_off::TIME_OFF),
    ("locations.csv", places::LOCATIONS),
    ("consumers.csv", people::CONSUMERS),
    ("do_not_track.csv", people::DO_NOT_TRACK),
    ("hosts.csv", places::HOSTS),
];

impl Org {
    /// Reads all files, given as (file name, text); those not given are empty tables. Gives the
    /// tables and warnings, or every error of every file, by file and line.
    pub fn parse(
        files: &[(String, String)],
        shipped: &Shipped,
        zones: &ZoneNames,
    ) -> Result<(Org, Vec<Problem>), Vec<Problem>> {
        let mut report = Report::default();
        check_names(files, &mut report);
        let mut org = Org::default();

        // A file that is not there has no rows and no problems.
        let table = |name: &str, report: &mut Report| -> Option<Table> {
            let (_, columns) = FILES.iter().find(|(known, _)| *known == name)?;
            let (_, text) = files.iter().find(|(file, _)| is(file, name))?;
            Some(Table::read(name, text, columns, report))
        };
        let r = &mut report;
        if let Some(table) = table("users.csv", r) {
            org.users = users::users(&table, zones, r);
        }
        if let Some(table) = table("computers.csv", r) {
            org.computers = users::computers(&table, r);
        }
        if let Some(table) = table("groups.csv", r) {
            org.groups = groups::groups(&table, r);
        }
        if let Some(table) = table("group_members.csv", r) {
            (org.group_members, org.lines.group_members) =
                groups::members(&table, &org.groups, &org.users, r);
        }
        if let Some(table) = table("categories.csv", r) {
            org.categories = classes::categories(&table, r);
        }
        if let Some(table) = table("applications.csv", r) {
            org.applications = classes::applications(&table, r);
        }
        let categories = if org.categories.is_empty() {
            &shipped.categories
        } else {
            &org.categories
        };
        if let Some(table) = table("classification.csv", r) {
            let names = classes::Names {
                groups: org.groups.iter().map(|group| group.group_id).collect(),
                categories,
                applications: classes::application_names(
                    org.applications.iter().chain(&shipped.applications),
                ),
            };
            org.classification = classes::classification(&table, &names, r);
        }
        if let Some(table) = table("core_categories.csv", r) {
            org.core_categories = groups::core_categories(&table, &org.groups, categories, r);
        }
        if let Some(table) = table("schedules.csv", r) {
            org.schedules = schedules::schedules(&table, r);
        }
        if let Some(table) = table("schedule_members.csv", r) {
            org.schedule_members =
                schedules::schedule_members(&table, &org.schedules, &org.users, r);
        }
        if let Some(table) = table("time_off.csv", r) {
            org.time_off = time_off::time_off(&table, &org.users, r);
        }
        if let Some(table) = table("locations.csv", r) {
            (org.locations, org.lines.locations) = places::locations(&table, r);
        }
        if let Some(table) = table("consumers.csv", r) {
            org.consumers = people::consumers(&table, &org.groups, r);
        }
        if let Some(table) = table("do_not_track.csv", r) {
            org.do_not_track = people::do_not_track(&table, r);
        }
        if let Some(table) = table("hosts.csv", r) {
            org.hosts = places::hosts(&table, r);
        }
        in_order(&mut report.problems);
        in_order(&mut report.warnings);
        if report.problems.is_empty() {
            Ok((org, report.warnings))
        } else {
            Err(report.problems)
        }
    }

    /// Settings that name what this organisation does not have: warnings, as the number is then
    /// just zero.
    pub fn check_metrics(&self, metrics: &Metrics, shipped: &Shipped) -> Vec<Problem> {
        let categories = if self.categories.is_empty() {
            &shipped.categories
        } else {
            &self.categories
        };
        let known = |name: &str| {
            let lower = name.to_lowercase();
            categories
                .iter()
                .any(|known| known.category.to_lowercase() == lower)
        };
        metrics
            .collaboration_categories
            .iter()
            .filter(|name| !known(name))
            .map(|name| Problem {
                file: "categories.csv".to_owned(),
                line: 0,
                column: String::new(),
                message: format!(
                    "there is no category '{name}', which metrics.collaboration_categories names"
                ),
            })
            .collect()
    }
}

/// Reads the `.csv` files of a folder, by name; for [`Org::parse`] and the shipped tables.
///
/// Errors: [`Error::Read`]; a file that is not UTF-8 is one of them and says so.
pub fn read_folder(folder: &std::path::Path) -> Result<Vec<(String, String)>, Error> {
    let failed = |path: &std::path::Path, source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|source| failed(folder, source))? {
        let path = entry.map_err(|source| failed(folder, source))?.path();
        let csv = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && csv
            && !name.starts_with('.')
            && path.is_file()
        {
            let text = std::fs::read_to_string(&path).map_err(|source| failed(&path, source))?;
            files.push((name.to_owned(), text));
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a path's last part is the file of this name, in any case.
fn is(path: &str, name: &str) -> bool {
    base(path).eq_ignore_ascii_case(name)
}

fn base(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn check_names(files: &[(String, String)], report: &mut Report) {
    let names = || FILES.iter().map(|(name, _)| *name);
    for (at, (file, _)) in files.iter().enumerate() {
        let message = if !names().any(|name| is(file, name)) {
            format!(
                "no such organisation file{} (files: {})",
                did_you_mean(base(file), names()),
                names().collect::<Vec<_>>().join(", ")
            )
        } else if files
            .iter()
            .take(at)
            .any(|(other, _)| is(other, base(file)))
        {
            "the file is given twice".to_owned()
        } else {
            continue;
        };
        report.problems.push(Problem {
            file: file.clone(),
            line: 0,
            column: String::new(),
            message,
        });
    }
}

/// By file, in the order of [`FILES`] with unknown ones first, then by line.
fn in_order(problems: &mut [Problem]) {
    problems.sort_by_key(|problem| {
        let file = FILES.iter().position(|(name, _)| *name == problem.file);
        (file, problem.line)
    });
}

impl PartialEq for Lines {
    /// Where rows stand does not matter to what they say.
    fn eq(&self, _: &Lines) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{org, problems, shipped, zones};
    use super::*;

    #[test]
    fn nothing_is_an_empty_organisation() {
        assert_eq!(org(&[]).0, Org::default());
    }

    #[test]
    fn file_names_are_checked() {
        let found = problems(&[
            ("user.csv", "uid\n"),
            ("org/users.csv", "uid\n1\n"),
            ("Users.CSV", "uid\n"),
            ("salaries.csv", ""),
        ]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[0].starts_with("user.csv: no such organisation file, did you mean 'users.csv'?")
        );
        assert!(found[1].starts_with("Users.CSV: the file is given twice"));
        assert!(found[2].starts_with("salaries.csv: no such organisation file (files: users.csv"));
    }

    #[test]
    fn errors_of_all_files_come_at_once_in_order() {
        let files = [
            ("hosts.csv", "hostname\n"),
            ("users.csv", "uid\n1\n1\nx\n"),
            ("groups.csv", "group_id,group_name,colour\n1,A,red\n"),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let found = Org::parse(&files, &shipped(), &zones()).unwrap_err();
        let places: Vec<_> = found
            .iter()
            .map(|problem| (problem.file.as_str(), problem.line, problem.column.as_str()))
            .collect();
        assert_eq!(
            places,
            [
                ("users.csv", 3, "uid"),
                ("users.csv", 4, "uid"),
                ("groups.csv", 1, "colour"),
                ("hosts.csv", 1, "user_name"),
            ]
        );
    }

    #[test]
    fn every_file_has_a_reader_and_its_documented_columns() {
        // A missing required column shows that the file is read at all.
        for (name, columns) in FILES {
            let found = problems(&[(name, "\n")]);
            assert_eq!(found.len(), 1, "{name}");
            for (column, _) in *columns {
                assert!(found[0].contains(column), "{name} {column}");
            }
        }
        assert_eq!(FILES.len(), 15);
    }

    #[test]
    fn settings_that_name_no_category_are_warned_of() {
        let (org, _) = org(&[(
            "categories.csv",
            "category_id,category\n1,CHAT & messaging\n",
        )]);
        let found = org.check_metrics(&Metrics::default(), &shipped());
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("'Meeting Software'"));
    }

    #[test]
    fn a_folder_is_read() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["users.csv", "groups.CSV", ".hidden.csv", "notes.txt"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let files = read_folder(folder.path()).unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["groups.CSV", "users.csv"]);
        std::fs::write(folder.path().join("hosts.csv"), [0xff, 0xfe]).unwrap();
        assert!(
            read_folder(folder.path())
                .unwrap_err()
                .to_string()
                .contains("hosts.csv")
        );
        assert!(read_folder(&folder.path().join("none")).is_err());
    }
}
