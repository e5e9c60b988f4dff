//! The tables that ship with the product (`data/*.csv`), or a folder of the same file names.
//!
//! In: texts built into the program, or files that stand in for some of them. Out: [`Shipped`], or
//! every problem at once. They go through the same reader and the same checks as the
//! organisation's files.

use std::collections::HashSet;
use std::path::Path;
use std::sync::OnceLock;

use super::Error;
use super::nearest::did_you_mean;
use super::org::seen::Seen;
use super::org::table::{Column, Need, Report, Table};
use super::org::{
    APPLICATIONS, Application, CATEGORIES, CLASSIFICATION, Category, Names, Problem, Rule,
    application_names, applications, categories, classification, read_folder,
};
use crate::zone::ZoneNames;

/// All shipped tables, typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shipped {
    pub applications: Vec<Application>,
    pub categories: Vec<Category>,
    pub classification: Vec<Rule>,
    pub search_engines: Vec<SearchEngine>,
    pub file_transfer: Vec<FileTransfer>,
    /// IANA name and its number.
    pub timezones: Vec<(String, i64)>,
    /// Windows zone name and the IANA name it stands for.
    pub windows_zones: Vec<(String, String)>,
}

/// Where a search term stands in a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchEngine {
    /// A glob over the whole host, lower case.
    pub host_pattern: String,
    /// The path begins with this.
    pub path_prefix: String,
    /// Query parameter name.
    pub parameter: String,
}

/// What makes an activity a potential file transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileTransfer {
    pub matches: FileTransferMatch,
    /// A glob, lower case.
    pub value: String,
}

/// What a file-transfer rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileTransferMatch {
    Host,
    Executable,
    Scheme,
}

const SEARCH_ENGINES: &[Column] = &[
    ("host_pattern", Need::Filled),
    ("path_prefix", Need::Filled),
    ("parameter", Need::Filled),
];
const FILE_TRANSFER: &[Column] = &[("match", Need::Filled), ("value", Need::Filled)];
const TIMEZONES: &[Column] = &[("timezone", Need::Filled), ("id", Need::Filled)];
const WINDOWS_ZONES: &[Column] = &[("windows_name", Need::Filled), ("timezone", Need::Filled)];

/// File names, texts and columns, in the order in which they refer to each other.
const FILES: [(&str, &str, &[Column]); 7] = [
    (
        "applications.csv",
        include_str!("../../data/applications.csv"),
        APPLICATIONS,
    ),
    (
        "categories.csv",
        include_str!("../../data/categories.csv"),
        CATEGORIES,
    ),
    (
        "classification.csv",
        include_str!("../../data/classification.csv"),
        CLASSIFICATION,
    ),
    (
        "search_engines.csv",
        include_str!("../../data/search_engines.csv"),
        SEARCH_ENGINES,
    ),
    (
        "file_transfer.csv",
        include_str!("../../data/file_transfer.csv"),
        FILE_TRANSFER,
    ),
    (
        "timezones.csv",
        include_str!("../../data/timezones.csv"),
        TIMEZONES,
    ),
    ("windows_zones.csv", WINDOWS_ZONES_TEXT, WINDOWS_ZONES),
];

const WINDOWS_ZONES_TEXT: &str = include_str!("../../data/windows_zones.csv");

impl Shipped {
    /// The tables of this build, read once.
    ///
    /// Errors: [`Error::Tables`], only if the build itself is damaged.
    pub fn built_in() -> Result<&'static Shipped, Error> {
        static BUILT_IN: OnceLock<Result<Shipped, Vec<Problem>>> = OnceLock::new();
        BUILT_IN
            .get_or_init(|| Shipped::parse(&[]))
            .as_ref()
            .map_err(|problems| Error::Tables(problems.clone()))
    }

    /// The built-in tables; a file of the same name in `folder` stands in for one of them.
    ///
    /// Errors: [`Error::Read`] for the folder or a file, [`Error::Tables`] with every problem, also
    /// for a file of another name.
    pub fn load(folder: Option<&Path>) -> Result<Shipped, Error> {
        match folder {
            None => Shipped::built_in().cloned(),
            Some(folder) => Shipped::parse(&read_folder(folder)?).map_err(Error::Tables),
        }
    }

    /// The tables, with given files (name, text) standing in for built-in ones.
    pub fn parse(files: &[(String, String)]) -> Result<Shipped, Vec<Problem>> {
        let mut report = Report::default();
        let names = || FILES.iter().map(|(name, _, _)| *name);
        for (file, _) in files {
            if !names().any(|name| name.eq_ignore_ascii_case(file)) {
                report.problems.push(Problem {
                    file: file.clone(),
                    line: 0,
                    column: String::new(),
                    message: format!(
                        "no such shipped table{} (tables: {})",
                        did_you_mean(file, names()),
                        names().collect::<Vec<_>>().join(", ")
                    ),
                });
            }
        }
        let mut shipped = Shipped::default();
        for (name, built_in, columns) in FILES {
            let text = files
                .iter()
                .find(|(file, _)| name.eq_ignore_ascii_case(file))
                .map_or(built_in, |(_, text)| text.as_str());
            let table = Table::read(name, text, columns, &mut report);
            shipped.take(name, &table, &mut report);
        }
        if report.problems.is_empty() {
            Ok(shipped)
        } else {
            Err(report.problems)
        }
    }

    fn take(&mut self, name: &str, table: &Table, report: &mut Report) {
        match name {
            "applications.csv" => self.applications = applications(table, report),
            "categories.csv" => self.categories = categories(table, report),
            "classification.csv" => {
                let names = Names {
                    // Groups are the organisation's: a shipped rule has none.
                    groups: HashSet::new(),
                    categories: &self.categories,
                    applications: application_names(&self.applications),
                };
                self.classification = classification(table, &names, report);
            }
            "search_engines.csv" => self.search_engines = search_engines(table, report),
            "file_transfer.csv" => self.file_transfer = file_transfer(table, report),
            "timezones.csv" => self.timezones = timezones(table, report),
            _ => self.windows_zones = windows_zones(table, report),
        }
    }

    /// A reader of zone names that knows these Windows names.
    pub fn zone_names(&self) -> ZoneNames {
        ZoneNames::new(
            self.windows_zones
                .iter()
                .map(|(windows, iana)| (windows.as_str(), iana.as_str())),
        )
    }
}

/// The built-in [`Shipped::zone_names`], without reading the larger tables.
pub fn built_in_zone_names() -> Result<ZoneNames, Error> {
    let mut report = Report::default();
    let table = Table::read(
        "windows_zones.csv",
        WINDOWS_ZONES_TEXT,
        WINDOWS_ZONES,
        &mut report,
    );
    let zones = windows_zones(&table, &mut report);
    if report.problems.is_empty() {
        Ok(ZoneNames::new(
            zones
                .iter()
                .map(|(windows, iana)| (windows.as_str(), iana.as_str())),
        ))
    } else {
        Err(Error::Tables(report.problems))
    }
}

fn search_engines(table: &Table, report: &mut Report) -> Vec<SearchEngine> {
    let mut engines = Vec::new();
    for row in table.rows() {
        let (Some(host), Some(path), Some(parameter)) = (
            row.text("host_pattern"),
            row.text("path_prefix"),
            row.text("parameter"),
        ) else {
            continue;
        };
        if host.contains(|c: char| c == '/' || c == ':' || c == '@' || c.is_whitespace()) {
            row.wrong(
                report,
                "host_pattern",
                format!("'{host}' matches nothing: a host has no scheme, port or path"),
            );
        }
        if !path.starts_with('/') {
            row.wrong(
                report,
                "path_prefix",
                format!("'{path}': a path begins with /"),
            );
        }
        engines.push(SearchEngine {
            host_pattern: host.to_lowercase(),
            path_prefix: path.to_owned(),
            parameter: parameter.to_owned(),
        });
    }
    engines
}

fn file_transfer(table: &Table, report: &mut Report) -> Vec<FileTransfer> {
    let mut rules = Vec::new();
    for row in table.rows() {
        let matches = row.choice(
            report,
            "match",
            &[
                ("host", FileTransferMatch::Host),
                ("executable", FileTransferMatch::Executable),
                ("scheme", FileTransferMatch::Scheme),
            ],
        );
        let (Some(matches), Some(value)) = (matches, row.text("value")) else {
            continue;
        };
        if value.contains(['/', '\\']) {
            row.wrong(
                report,
                "value",
                format!("'{value}' matches nothing: it is looked for without path or folder"),
            );
        }
        rules.push(FileTransfer {
            matches,
            value: value.to_lowercase(),
        });
    }
    rules
}

fn timezones(table: &Table, report: &mut Report) -> Vec<(String, i64)> {
    let iana = ZoneNames::default();
    let (mut names, mut ids) = (Seen::new(), Seen::new());
    let mut zones = Vec::new();
    for row in table.rows() {
        let id = row.id(report, "id");
        if let Some(id) = id
            && let Some(line) = ids.before(id, row.line)
        {
            row.wrong(report, "id", format!("{id} stands already on line {line}"));
        }
        let Some(name) = row.text("timezone") else {
            continue;
        };
        if iana.parse(name).is_none() {
            row.wrong(report, "timezone", format!("'{name}' is no time zone"));
        }
        if let Some(line) = names.before(name.to_owned(), row.line) {
            row.wrong(
                report,
                "timezone",
                format!("'{name}' stands already on line {line}"),
            );
        }
        if let Some(id) = id {
            zones.push((name.to_owned(), id));
        }
    }
    zones
}

fn windows_zones(table: &Table, report: &mut Report) -> Vec<(String, String)> {
    let iana = ZoneNames::default();
    let mut names = Seen::new();
    let mut zones = Vec::new();
    for row in table.rows() {
        let (Some(windows), Some(name)) = (row.text("windows_name"), row.text("timezone")) else {
            continue;
        };
        if iana.parse(name).is_none() {
            row.wrong(report, "timezone", format!("'{name}' is no time zone"));
        }
        if let Some(line) = names.before(windows.to_lowercase(), row.line) {
            row.wrong(
                report,
                "windows_name",
                format!("'{windows}' stands already on line {line}"),
            );
        }
        zones.push((windows.to_owned(), name.to_owned()));
    }
    zones
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_tables_are_right() {
        let shipped = Shipped::built_in()
            .map_err(|error| error.to_string())
            .unwrap();
        assert!(!shipped.applications.is_empty() && !shipped.classification.is_empty());
        assert!(!shipped.search_engines.is_empty() && !shipped.file_transfer.is_empty());
        assert!(!shipped.timezones.is_empty());
        assert!(
            shipped
                .classification
                .iter()
                .all(|rule| rule.group_id.is_none())
        );
        for name in &super::super::Metrics::default().collaboration_categories {
            assert!(
                shipped
                    .categories
                    .iter()
                    .any(|known| known.category == *name),
                "{name}"
            );
        }
        let zone = shipped.zone_names().parse("Pacific Standard Time").unwrap();
        assert_eq!(zone.name(), "America/Los_Angeles");
        let quick = built_in_zone_names().unwrap();
        assert_eq!(quick.parse("Pacific Standard Time"), Some(zone));
    }

    #[test]
    fn no_built_in_row_is_doubtful() {
        let mut report = Report::default();
        let mut shipped = Shipped::default();
        for (name, text, columns) in FILES {
            let table = Table::read(name, text, columns, &mut report);
            shipped.take(name, &table, &mut report);
        }
        assert_eq!(report.warnings, []);
    }

    #[test]
    fn a_folder_stands_in_for_some_tables() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("search_engines.csv"),
            "host_pattern,path_prefix,parameter\nFind.Example.*,/s,Q\n",
        )
        .unwrap();
        let shipped = Shipped::load(Some(folder.path())).unwrap();
        assert_eq!(shipped.search_engines.len(), 1);
        assert_eq!(shipped.search_engines[0].host_pattern, "find.example.*");
        assert_eq!(shipped.search_engines[0].parameter, "Q");
        assert_eq!(
            shipped.applications,
            Shipped::load(None).unwrap().applications
        );
    }

    #[test]
    fn all_problems_come_at_once() {
        let files = [
            ("search_engine.csv", ""),
            (
                "search_engines.csv",
                "host_pattern,path_prefix,parameter\nhttps://x,s,q\n,/,q\n",
            ),
            (
                "file_transfer.csv",
                "match,value\nport,21\nexecutable,bin/ftp\n",
            ),
            ("timezones.csv", "timezone,id\nMars/Base,1\nUTC,1\nUTC,0\n"),
            (
                "windows_zones.csv",
                "windows_name,timezone\nX,Nowhere\nx,UTC\n",
            ),
            (
                "classification.csv",
                "scope,match,value,category\n5,site,a.example,Nonsense\n",
            ),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let found: Vec<String> = Shipped::parse(&files)
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        for expected in [
            "search_engine.csv: no such shipped table, did you mean 'search_engines.csv'?",
            "search_engines.csv:2: host_pattern: 'https://x' matches nothing",
            "search_engines.csv:2: path_prefix: 's'",
            "search_engines.csv:3: host_pattern: the cell is blank",
            "file_transfer.csv:2: match: 'port'",
            "file_transfer.csv:3: value: 'bin/ftp' matches nothing",
            "timezones.csv:2: timezone: 'Mars/Base'",
            "timezones.csv:3: id: 1 stands already on line 2",
            "timezones.csv:4: timezone: 'UTC' stands already on line 3",
            "timezones.csv:4: id: '0'",
            "windows_zones.csv:2: timezone: 'Nowhere'",
            "windows_zones.csv:3: windows_name: 'x' stands already on line 2",
            "classification.csv:2: scope: there is no group 5",
            "classification.csv:2: category: there is no category 'Nonsense'",
        ] {
            assert!(
                found.iter().any(|text| text.starts_with(expected)),
                "{expected}\n{found:#?}"
            );
        }
        assert_eq!(found.len(), 14, "{found:#?}");
    }
}
