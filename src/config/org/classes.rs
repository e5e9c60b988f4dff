//! categories.csv, classification.csv and applications.csv, the organisation's and the shipped.

use std::collections::HashSet;

use super::groups::known_group;
use super::seen::Seen;
use super::table::{Column, Need, Report, Row, Table};
use super::{Application, Category, Match, NameMatch, Productivity, Rule};
use crate::config::keys::MAX_ID;
use crate::config::nearest::did_you_mean;

pub const CATEGORIES: &[Column] = &[("category_id", Need::Filled), ("category", Need::Filled)];

pub const CLASSIFICATION: &[Column] = &[
    ("order", Need::Optional),
    ("scope", Need::Filled),
    ("match", Need::Filled),
    ("value", Need::Filled),
    ("category", Need::Optional),
    ("productivity", Need::Optional),
];

pub const APPLICATIONS: &[Column] = &[
    ("match", Need::Filled),
    ("value", Need::Filled),
    ("application", Need::Optional),
    ("consolidated_name", Need::Optional),
];

/// The category that takes an event out of every view but `events` (`semantics.md` §3). It is
/// known whether or not categories.csv names it.
const IGNORE: &str = "Ignore";

/// Reads categories; an id and a name (in any case) stand once.
pub fn categories(table: &Table, report: &mut Report) -> Vec<Category> {
    let mut categories = Vec::new();
    let mut ids = Seen::new();
    let mut names = Seen::new();
    for row in table.rows() {
        let id = row.id(report, "category_id");
        if let Some(id) = id
            && let Some(line) = ids.before(id, row.line)
        {
            row.wrong(
                report,
                "category_id",
                format!("{id} stands already on line {line}"),
            );
        }
        let Some(category) = row.text("category") else {
            continue;
        };
        if let Some(line) = names.before(category.to_lowercase(), row.line) {
            row.wrong(
                report,
                "category",
                format!("'{category}' stands already on line {line}"),
            );
        }
        if let Some(category_id) = id {
            categories.push(Category {
                category_id,
                category: category.to_owned(),
            });
        }
    }
    categories
}

/// What classification rules may name.
pub struct Names<'a> {
    pub groups: HashSet<i64>,
    pub categories: &'a [Category],
    /// Names that applications.csv, the organisation's or the shipped, gives: lower case.
    pub applications: HashSet<String>,
}

/// The lower-case application names of name rules.
pub fn application_names<'a>(rules: impl IntoIterator<Item = &'a Application>) -> HashSet<String> {
    rules
        .into_iter()
        .filter_map(|rule| rule.application.as_ref())
        .map(|name| name.to_lowercase())
        .collect()
}

/// Reads classification rules; categories take the spelling of categories.csv.
pub fn classification(table: &Table, names: &Names<'_>, report: &mut Report) -> Vec<Rule> {
    let mut rules = Vec::new();
    for row in table.rows() {
        let order = row.integer(report, "order", -MAX_ID, MAX_ID).unwrap_or(0);
        let scope = row.text("scope").unwrap_or_default();
        let group_id = if scope.eq_ignore_ascii_case("account") || scope.is_empty() {
            None
        } else if scope.bytes().all(|byte| byte.is_ascii_digit()) {
            let id = row.id(report, "scope");
            if let Some(id) = id {
                known_group(&row, "scope", id, &names.groups, report);
            }
            id
        } else {
            row.wrong(
                report,
                "scope",
                format!("'{scope}': account or a group_id is allowed"),
            );
            None
        };
        let matches = row.choice(
            report,
            "match",
            &[
                ("site", Match::Site),
                ("website", Match::Website),
                ("application", Match::Application),
                ("executable", Match::Executable),
                ("pattern", Match::Pattern),
            ],
        );
        let category = row
            .text("category")
            .map(|typed| category(&row, typed, names.categories, report));
        let productivity = row.choice(
            report,
            "productivity",
            &[
                ("Productive", Productivity::Productive),
                ("Unproductive", Productivity::Unproductive),
                ("Undefined", Productivity::Undefined),
            ],
        );
        let (Some(matches), Some(value)) = (matches, row.text("value")) else {
            continue;
        };
        check_value(&row, matches, value, &names.applications, report);
        rules.push(Rule {
            order,
            group_id,
            matches,
            value: value.to_owned(),
            category,
            productivity: productivity.unwrap_or(Productivity::Undefined),
        });
    }
    rules
}

fn category(row: &Row<'_>, typed: &str, known: &[Category], report: &mut Report) -> String {
    let lower = typed.to_lowercase();
    let found = known
        .iter()
        .map(|known| known.category.as_str())
        .chain([IGNORE])
        .find(|name| name.to_lowercase() == lower);
    if found.is_none() {
        let guess = did_you_mean(typed, known.iter().map(|known| known.category.as_str()));
        row.wrong(
            report,
            "category",
            format!("there is no category '{typed}'{guess}"),
        );
    }
    found.unwrap_or(typed).to_owned()
}

/// Reads name rules; a value stands once for each kind of match.
pub fn applications(table: &Table, report: &mut Report) -> Vec<Application> {
    let mut rules = Vec::new();
    let mut values = Seen::new();
    for row in table.rows() {
        let matches = row.choice(
            report,
            "match",
            &[
                ("executable", (NameMatch::Executable, Match::Executable)),
                ("site", (NameMatch::Site, Match::Site)),
                ("website", (NameMatch::Website, Match::Website)),
            ],
        );
        let application = row.owned("application");
        let consolidated_name = row.owned("consolidated_name");
        let (Some((matches, rule)), Some(value)) = (matches, row.text("value")) else {
            continue;
        };
        check_value(&row, rule, value, &HashSet::new(), report);
        if matches != NameMatch::Executable && application.is_some() {
            row.wrong(
                report,
                "application",
                "only an executable has an application name",
            );
        }
        if application.is_none() && consolidated_name.is_none() {
            row.wrong(
                report,
                "consolidated_name",
                "the row names nothing: give application or consolidated_name",
            );
        }
        let value = value.to_lowercase();
        if let Some(line) = values.before((matches as u8, value.clone()), row.line) {
            row.wrong(
                report,
                "value",
                format!("'{value}' stands already on line {line}"),
            );
        }
        rules.push(Application {
            matches,
            value,
            application,
            consolidated_name,
        });
    }
    rules
}

/// Reports a value that no activity can have.
fn check_value(
    row: &Row<'_>,
    matches: Match,
    value: &str,
    applications: &HashSet<String>,
    report: &mut Report,
) {
    let lower = value.to_lowercase();
    let slash = value.contains(['/', '\\']);
    let never = if value.contains(char::is_control) {
        Some("a name has no control characters")
    } else {
        match matches {
            Match::Site | Match::Website => never_a_host(value),
            Match::Executable if slash => Some("an executable is a base name: without folders"),
            Match::Executable if value.contains(['*', '?']) => {
                Some("an exact name; match 'pattern' knows * and ?")
            }
            // Only names that applications.csv gives can hold a slash: base names do not.
            Match::Application if slash && !applications.contains(&lower) => {
                Some("no application of applications.csv is called so, and others have no slash")
            }
            Match::Pattern if slash && !applications.iter().any(|name| glob(&lower, name)) => {
                Some("sites have no scheme and no path, executables no folder")
            }
            _ => None,
        }
    };
    if let Some(reason) = never {
        row.wrong(
            report,
            "value",
            format!("'{value}' matches nothing: {reason}"),
        );
        return;
    }
    let doubtful = match matches {
        Match::Site | Match::Website | Match::Pattern if lower.starts_with("www.") => {
            Some("sites and websites are compared without a leading www.")
        }
        Match::Application if value.contains(['*', '?']) => {
            Some("an exact name; match 'pattern' knows * and ?")
        }
        Match::Application
            if (lower.ends_with(".exe") || lower.ends_with(".app"))
                && !applications.contains(&lower) =>
        {
            Some("an application's name has no .exe or .app; match 'executable' has")
        }
        _ => None,
    };
    if let Some(reason) = doubtful {
        row.warn(
            report,
            "value",
            format!("'{value}' may match nothing: {reason}"),
        );
    }
}

/// Why a text is no host name or address, as far as can be told without guessing.
fn never_a_host(value: &str) -> Option<&'static str> {
    let bare = value
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(value);
    if bare.parse::<std::net::Ipv6Addr>().is_ok() {
        return None;
    }
    if value.contains(['/', '\\', '@', '#']) {
        Some("a site is a host name: without scheme, user and path")
    } else if value.contains(['*', '?']) {
        Some("an exact name; match 'pattern' knows * and ?")
    } else if value.contains(':') {
        Some("a site is a host name: without port")
    } else if value.contains(char::is_whitespace) {
        Some("a host name has no blanks")
    } else if value.starts_with('.') || value.ends_with('.') || value.contains("..") {
        Some("a host name has no empty part and no dot at its end")
    } else {
        None
    }
}

/// Whether a glob (`*` any run, `?` one character) takes the whole text; both lower case.
fn glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where the last `*` stands and how far the text was when it took nothing.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || Some(c) == text.get(t) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::super::testing::{org, problems};
    use super::*;

    #[test]
    fn rules_are_read_with_the_spelling_of_categories() {
        let (org, warnings) = org(&[
            ("groups.csv", "group_id,group_name\n5,Sales\n"),
            (
                "classification.csv",
                "order,scope,match,value,category,productivity\n\
                 10,account,Site,Mail.Example.com,EMAIL,productive\n\
                 ,5,pattern,*.example.com,ignore,\n\
                 3,account,website,www.example.com,,Unproductive\n",
            ),
        ]);
        assert_eq!(org.classification[0].category.as_deref(), Some("Email"));
        assert_eq!(org.classification[0].productivity, Productivity::Productive);
        assert_eq!(org.classification[0].value, "Mail.Example.com");
        assert_eq!(org.classification[1].group_id, Some(5));
        assert_eq!(org.classification[1].order, 0);
        assert_eq!(org.classification[1].category.as_deref(), Some("Ignore"));
        assert_eq!(org.classification[1].productivity, Productivity::Undefined);
        assert_eq!(org.classification[2].category, None);
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0]
                .to_string()
                .starts_with("classification.csv:4: value: 'www.example")
        );
    }

    #[test]
    fn own_categories_take_the_place_of_the_shipped() {
        let own = ("categories.csv", "category_id,category\n1,Selling\n");
        let rule = |category: &str| {
            format!("scope,match,value,category\naccount,site,a.example,{category}\n")
        };
        assert!(problems(&[own, ("classification.csv", &rule("Email"))])[0].contains("'Email'"));
        assert_eq!(
            org(&[own, ("classification.csv", &rule("selling"))])
                .0
                .classification[0]
                .category,
            Some("Selling".into())
        );
    }

    #[test]
    fn what_cannot_match_is_an_error() {
        let wrong = [
            ("site", "https://example.com", "without scheme"),
            ("site", "example.com/path", "without scheme"),
            ("site", "example.com:8080", "without port"),
            ("website", "*.example.com", "'pattern' knows"),
            ("website", "example com", "no blanks"),
            ("site", "example.com.", "no dot at its end"),
            ("executable", "C:\\tools\\edit.exe", "without folders"),
            ("executable", "edit*", "'pattern' knows"),
            ("application", "usr/bin/edit", "applications.csv"),
            ("pattern", "*.example.com/*", "no path"),
        ];
        let mut text = String::from("scope,match,value\n");
        for (matches, value, _) in wrong {
            text += &format!("account,{matches},{value}\n");
        }
        let found = problems(&[("classification.csv", &text)]);
        assert_eq!(found.len(), wrong.len(), "{found:#?}");
        for (at, (text, (_, _, reason))) in found.iter().zip(wrong).enumerate() {
            assert!(
                text.starts_with(&format!("classification.csv:{}: value: ", at + 2)),
                "{text}"
            );
            assert!(text.contains(reason), "{text}");
        }
    }

    #[test]
    fn names_of_applications_may_hold_slashes() {
        let (_, warnings) = org(&[
            (
                "applications.csv",
                "match,value,application\nexecutable,tcpview.exe,TCP/IP View\n",
            ),
            (
                "classification.csv",
                "scope,match,value\naccount,application,tcp/ip view\naccount,pattern,TCP/*\n\
                 account,site,::1\naccount,site,intranet\naccount,application,edit.exe\n",
            ),
        ]);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert_eq!(warnings[0].line, 6);
    }

    #[test]
    fn rule_problems() {
        let found = problems(&[
            (
                "categories.csv",
                "category_id,category\n1,A\n1,B\n2,a\n3,Emial\n",
            ),
            (
                "classification.csv",
                "order,scope,match,value,category,productivity\n\
                 x,everyone,sites,a.example,Email,Good\n1,9,site,a.example,,\n",
            ),
            (
                "applications.csv",
                "match,value,application,consolidated_name\n\
                 site,a.example,Name,\nsite,A.example,,C\nexecutable,e.exe,,\nhost,x,,y\n",
            ),
        ]);
        for expected in [
            "categories.csv:3: category_id: 1 stands already on line 2",
            "categories.csv:4: category: 'a' stands already on line 2",
            "classification.csv:2: order: 'x'",
            "classification.csv:2: scope: 'everyone': account or a group_id",
            "classification.csv:2: match: 'sites': one of site, website, application, executable, \
             pattern is allowed, did you mean 'site'?",
            "classification.csv:2: category: there is no category 'Email'",
            "classification.csv:2: productivity: 'Good'",
            "classification.csv:3: scope: there is no group 9",
            "applications.csv:2: application: only an executable",
            "applications.csv:3: value: 'a.example' stands already on line 2",
            "applications.csv:4: consolidated_name: the row names nothing",
            "applications.csv:5: match: 'host'",
        ] {
            assert!(
                found.iter().any(|text| text.starts_with(expected)),
                "{expected}\n{found:#?}"
            );
        }
        assert_eq!(found.len(), 12, "{found:#?}");
    }

    #[test]
    fn globs() {
        for (pattern, text) in [
            ("*", ""),
            ("a*c", "abbc"),
            ("a?c", "abc"),
            ("*a*b*", "xaxbx"),
            ("**", "x"),
        ] {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a?c", "ac"), ("a*c", "abb"), ("*ab", "aba")] {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }
}
