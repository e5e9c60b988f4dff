//! What is told about instances, people and trials; nothing of how it is printed.

use serde::{Deserialize, Serialize};

use crate::clock::Micros;
use crate::connectors::FailureKind;

/// How an instance is doing: its latest sync. The names are those of the view `connectors`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub instance: String,
    pub r#type: String,
    /// `ok`, `partial`, `failed`, `needs_reauth`, `ready` or `never_synced`.
    pub state: String,
    /// Why the instance as a whole failed.
    pub message: Option<String>,
    pub directory: Option<u64>,
    pub matched: Option<u64>,
    pub unmatched: Option<u64>,
    pub ambiguous: Option<u64>,
    pub read: Option<u64>,
    pub failed: Option<u64>,
    pub added: Option<u64>,
    pub changed: Option<u64>,
    pub removed: Option<u64>,
    pub rejected: Option<u64>,
    /// RFC 3339, UTC, as are those below.
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
    pub succeeded_at: Option<String>,
    pub next_run: Option<String>,
    /// Failures of people by kind, most people first.
    #[serde(default)]
    pub failures: Vec<FailureCount>,
    /// Warnings of people who were read, in plain words, most people first.
    #[serde(default)]
    pub warnings: Vec<(String, u64)>,
    /// That credentials end soon.
    #[serde(default)]
    pub expiry: Option<String>,
}

/// A kind of failure, and how many people have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailureCount {
    /// See [`FailureKind::word`].
    pub kind: String,
    pub people: u64,
    /// Of one of them.
    pub message: String,
}

/// A tracked person, as an instance knows them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Person {
    pub uid: i64,
    pub name: String,
    /// `user_principal_name` or `email`; nothing when the directory does not know the person, or
    /// knows several.
    pub matched_by: Option<String>,
    pub last_read_at: Option<String>,
    pub failure: Option<String>,
    /// In plain words: why the latest try failed, or a warning.
    pub message: Option<String>,
    /// Not asked for again before.
    pub retry_at: Option<String>,
}

/// One step of a trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    pub name: &'static str,
    pub ok: bool,
    /// What was found, or why it failed, in plain words.
    pub found: String,
    /// Of a step that failed: its error class decides the exit code.
    #[serde(skip)]
    pub class: Option<crate::error::Class>,
}

/// What a trial found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    pub instance: String,
    pub steps: Vec<Step>,
    /// (what became of them, who): people of the directory who do not match, and tracked people
    /// who are missing. For the administrator's eyes; not stored anywhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<(&'static str, String)>,
}

/// What a removal did outside the settings file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Disconnected {
    /// Whether a consent was withdrawn at the maker; `Some(Err)` says why not, `None` that there
    /// was none.
    pub revoked: Option<Result<(), String>>,
    /// Stored entries that had not begun and were taken out.
    pub dropped: u64,
}

/// RFC 3339 in UTC, whole seconds.
pub fn rfc3339(at: Micros) -> String {
    chrono::DateTime::from_timestamp_micros(at).map_or_else(String::new, |at| {
        at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    })
}

/// Counts what people's tries came to: failures by kind, and warnings by text, most people first.
pub fn counted<'a>(
    people: impl Iterator<Item = (Option<FailureKind>, Option<&'a str>)>,
) -> (Vec<FailureCount>, Vec<(String, u64)>) {
    let mut failures: Vec<FailureCount> = Vec::new();
    let mut warnings: Vec<(String, u64)> = Vec::new();
    for (kind, message) in people {
        let message = message.unwrap_or_default();
        match kind {
            Some(kind) => match failures.iter_mut().find(|one| one.kind == kind.word()) {
                Some(one) => one.people += 1,
                None => failures.push(FailureCount {
                    kind: kind.word().to_owned(),
                    people: 1,
                    message: message.to_owned(),
                }),
            },
            None if message.is_empty() => {}
            None => match warnings.iter_mut().find(|(text, _)| text == message) {
                Some((_, people)) => *people += 1,
                None => warnings.push((message.to_owned(), 1)),
            },
        }
    }
    failures.sort_by_key(|one| std::cmp::Reverse(one.people));
    warnings.sort_by_key(|(_, people)| std::cmp::Reverse(*people));
    (failures, warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_counted_by_kind_and_the_most_come_first() {
        let people = [
            (Some(FailureKind::Person), Some("no mailbox")),
            (None, Some("only busy")),
            (Some(FailureKind::Throttled), Some("slower")),
            (Some(FailureKind::Throttled), Some("slower still")),
            (None, None),
            (None, Some("only busy")),
        ];
        let (failures, warnings) = counted(people.into_iter());
        let told: Vec<(&str, u64, &str)> = failures
            .iter()
            .map(|one| (one.kind.as_str(), one.people, one.message.as_str()))
            .collect();
        assert_eq!(
            told,
            [("throttled", 2, "slower"), ("person", 1, "no mailbox")]
        );
        assert_eq!(warnings, [("only busy".to_owned(), 2)]);
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    }
}
