//! The list of calendars that stands in for a directory where there is none: a CSV file
//! `email,url`, one calendar a line.
//!
//! The file goes in; people with one address and one calendar each come out, or every problem with
//! its line and field. Never: a URL is repeated in a message or kept as an id, because the address
//! of a feed often is its only secret.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::{DirectoryPerson, Failure, FailureKind};
use crate::sources::meeting::address;

/// Problems told at once.
const PROBLEMS_MAX: usize = 20;
/// A list of a company of a million people is smaller.
const BYTES_MAX: u64 = 256 << 20;

/// The calendars of an instance, in the order of the file.
pub struct CalendarList {
    listed: Vec<Listed>,
    /// By what was typed.
    by_calendar: HashMap<String, usize>,
}

impl std::fmt::Debug for CalendarList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CalendarList({} calendars)", self.listed.len())
    }
}

/// One line.
#[derive(Clone, PartialEq, Eq)]
pub struct Listed {
    /// 1-based line of the file.
    pub line: u64,
    /// Trimmed, lower case.
    pub email: String,
    /// As typed.
    calendar: String,
    pub place: Place,
}

// Neither address nor URL may reach a log.
impl std::fmt::Debug for Listed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Listed(line {})", self.line)
    }
}

/// Where a calendar is.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    Url(Url),
    /// From the folder of the list.
    File(PathBuf),
}

impl CalendarList {
    /// Reads the file. `files` says whether a calendar may be a path.
    ///
    /// # Errors
    /// [`FailureKind::Config`] with every problem: file, line, field.
    pub fn read(path: &Path, files: bool) -> Result<CalendarList, Failure> {
        let told = |problem: String| {
            Failure::new(
                FailureKind::Config,
                format!("{}: {problem}", path.display()),
            )
        };
        let bytes = std::fs::metadata(path)
            .and_then(|about| {
                if about.len() > BYTES_MAX {
                    return Err(std::io::Error::other("larger than 256 MiB"));
                }
                std::fs::read(path)
            })
            .map_err(|error| told(format!("the list of calendars cannot be read: {error}")))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&bytes, folder, files).map_err(|problems| told(problems.join("; ")))
    }

    fn parse(bytes: &[u8], folder: &Path, files: bool) -> Result<CalendarList, Vec<String>> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .flexible(true)
            .from_reader(bytes);
        let header = reader
            .headers()
            .map_err(|_| vec!["line 1: the header is not UTF-8".to_owned()])?
            .clone();
        let column = |name: &str| {
            header
                .iter()
                .position(|title| title.eq_ignore_ascii_case(name))
                .ok_or_else(|| vec![format!("line 1: the column {name} is missing (email,url)")])
        };
        let (email_at, url_at) = (column("email")?, column("url")?);
        let mut list = CalendarList {
            listed: Vec::new(),
            by_calendar: HashMap::new(),
        };
        let mut emails: HashSet<String> = HashSet::new();
        let mut problems: Vec<String> = Vec::new();
        let mut record = csv::StringRecord::new();
        let mut lines = Lines {
            bytes,
            at: 0,
            line: 1,
        };
        loop {
            if problems.len() >= PROBLEMS_MAX {
                problems.push("and perhaps more".into());
                break;
            }
            match reader.read_record(&mut record) {
                Ok(false) => break,
                Ok(true) => {}
                Err(error) => {
                    let line = lines.of(error.position());
                    problems.push(format!("line {line}: not UTF-8 or not CSV"));
                    continue;
                }
            }
            let line = lines.of(record.position());
            let field = |at: usize| record.get(at).unwrap_or("");
            let Some(email) = address(field(email_at)) else {
                problems.push(format!("line {line}, email: not an e-mail address"));
                continue;
            };
            let typed = field(url_at);
            let place = match place(typed, folder, files) {
                Ok(place) => place,
                Err(problem) => {
                    problems.push(format!("line {line}, url: {problem}"));
                    continue;
                }
            };
            if !emails.insert(email.clone()) {
                problems.push(format!(
                    "line {line}, email: stands twice; one calendar a person"
                ));
            } else if list
                .by_calendar
                .insert(typed.to_owned(), list.listed.len())
                .is_some()
            {
                problems.push(format!(
                    "line {line}, url: stands twice; one person a calendar"
                ));
            } else {
                list.listed.push(Listed {
                    line,
                    email,
                    calendar: typed.to_owned(),
                    place,
                });
            }
        }
        if problems.is_empty() {
            Ok(list)
        } else {
            Err(problems)
        }
    }

    /// The URLs of the list: the client must be made for them.
    pub fn bases(&self) -> Vec<&Url> {
        self.listed
            .iter()
            .filter_map(|listed| match &listed.place {
                Place::Url(url) => Some(url),
                Place::File(_) => None,
            })
            .collect()
    }

    /// Everybody in it, as a directory gives them. The id is a hash of where the calendar is.
    pub fn people(&self) -> impl Iterator<Item = DirectoryPerson> + '_ {
        self.listed.iter().map(|listed| DirectoryPerson {
            id: format!("{:016x}", xxh3_64(listed.calendar.as_bytes())),
            calendar: listed.calendar.clone(),
            principal_names: vec![listed.email.clone()],
            emails: vec![listed.email.clone()],
            display_name: None,
            active: true,
        })
    }

    /// The line of a person.
    ///
    /// # Errors
    /// [`FailureKind::Config`] when the person is not of this list.
    pub fn of(&self, person: &DirectoryPerson) -> Result<&Listed, Failure> {
        self.by_calendar
            .get(&person.calendar)
            .and_then(|index| self.listed.get(*index))
            .ok_or_else(|| {
                Failure::new(
                    FailureKind::Config,
                    "the calendar is not in the list of calendars any more",
                )
            })
    }
}

/// Counts lines: the reader's own count is one behind after a line end of two bytes.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, position: Option<&csv::Position>) -> u64 {
        let begin = position
            .and_then(|position| usize::try_from(position.byte()).ok())
            .unwrap_or(self.at);
        let rest = self.bytes.get(begin..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let begin = begin.saturating_add(blank.count());
        let passed = self.bytes.get(self.at..begin).unwrap_or_default();
        let passed = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u64::try_from(passed).unwrap_or(0));
        self.at = self.at.max(begin);
        self.line
    }
}

fn place(typed: &str, folder: &Path, files: bool) -> Result<Place, &'static str> {
    if typed.is_empty() {
        return Err("missing");
    }
    // A letter before the colon is a Windows drive, not a scheme.
    let scheme = typed
        .split_once(':')
        .map(|(scheme, _)| scheme)
        .filter(|scheme| scheme.len() > 1 && !scheme.contains(['/', '\\']));
    let Some(scheme) = scheme else {
        return if files {
            Ok(Place::File(folder.join(typed)))
        } else {
            Err("not a URL; give https://…")
        };
    };
    let text = match scheme.to_ascii_lowercase().as_str() {
        "https" | "http" => typed.to_owned(),
        // How feeds are offered to be subscribed to.
        "webcal" | "webcals" => format!("https{}", typed.get(scheme.len()..).unwrap_or_default()),
        _ => return Err("only https is spoken"),
    };
    match Url::parse(&text) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("no user name or password belongs into a URL")
        }
        Ok(url) if url.has_host() => Ok(Place::Url(url)),
        _ => Err("not a URL"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<CalendarList, Vec<String>> {
        CalendarList::parse(text.as_bytes(), Path::new("lists"), true)
    }

    #[test]
    fn lines_become_people_with_one_calendar() {
        let list = parse(
            "\u{feff}URL, Email ,note\r\nwebcal://example.org/a.ics?key=1, Ann@Example.org\r\n\
             bob.ics,bob@example.org,x\r\n",
        )
        .unwrap();
        let bases: Vec<_> = list.bases().into_iter().map(Url::as_str).collect();
        assert_eq!(bases, ["https://example.org/a.ics?key=1"]);
        let people: Vec<_> = list.people().collect();
        assert_eq!(people[0].emails, ["ann@example.org"]);
        assert_eq!(people[0].principal_names, ["ann@example.org"]);
        assert!(people.iter().all(|person| person.active));
        assert!(!people[0].id.contains("example"), "{}", people[0].id);
        assert_ne!(people[0].id, people[1].id);
        let file = list.of(&people[1]).unwrap();
        assert!(file.place == Place::File(PathBuf::from("lists/bob.ics")));
        assert_eq!(file.line, 3);
        assert!(!format!("{list:?} {:?}", list.listed).contains("example"));
        let mut stranger = people[0].clone();
        stranger.calendar = "https://example.org/other".into();
        assert_eq!(list.of(&stranger).unwrap_err().kind, FailureKind::Config);
    }

    #[test]
    fn every_problem_is_told_with_its_line_and_without_the_url() {
        let problems = parse(
            "email,url\nann@example.org,https://a.example/1\nnobody,https://a.example/2\n\
             bob@example.org,\nANN@example.org,https://a.example/3\n\
             cy@example.org,https://a.example/1\ndi@example.org,ftp://a.example\n\
             ed@example.org,https://u:secret@a.example/\nfy@example.org,https://\n",
        )
        .unwrap_err();
        assert_eq!(
            problems,
            [
                "line 3, email: not an e-mail address",
                "line 4, url: missing",
                "line 5, email: stands twice; one calendar a person",
                "line 6, url: stands twice; one person a calendar",
                "line 7, url: only https is spoken",
                "line 8, url: no user name or password belongs into a URL",
                "line 9, url: not a URL",
            ]
        );
        assert!(parse("email\nann@example.org\n").is_err());
        let paths = CalendarList::parse(b"email,url\na@b,c.ics", Path::new(""), false);
        assert_eq!(
            paths.unwrap_err(),
            ["line 2, url: not a URL; give https://…"]
        );
    }

    #[test]
    fn a_missing_file_names_itself() {
        let failure = CalendarList::read(Path::new("nowhere/calendars.csv"), true).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Config);
        assert!(failure.message.contains("calendars.csv"), "{failure}");
    }
}
