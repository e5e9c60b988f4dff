//! Whether an activity may have moved a file out (`semantics.md` §3), by the shipped rules.

use std::collections::HashMap;

use crate::config::shipped::{FileTransfer, FileTransferMatch};
use crate::functions::glob;

/// The rules, with what they said before.
#[derive(Debug, Default)]
pub struct FileTransfers {
    hosts: Vec<String>,
    executables: Vec<String>,
    schemes: Vec<String>,
    known_hosts: HashMap<String, bool>,
    known_executables: HashMap<String, bool>,
}

/// Answers kept before the memory starts anew.
const KNOWN_MAX: usize = 50_000;

impl FileTransfers {
    /// Of the rows of `file_transfer.csv`.
    pub fn new(rules: &[FileTransfer]) -> FileTransfers {
        let of = |kind: FileTransferMatch| {
            rules
                .iter()
                .filter(|rule| rule.matches == kind)
                .map(|rule| rule.value.to_lowercase())
                .collect()
        };
        FileTransfers {
            hosts: of(FileTransferMatch::Host),
            executables: of(FileTransferMatch::Executable),
            schemes: of(FileTransferMatch::Scheme),
            ..FileTransfers::default()
        }
    }

    /// Whether any rule, or the agent's USB flag, says so.
    pub fn potential(
        &mut self,
        host: Option<&str>,
        executable: Option<&str>,
        scheme: Option<&str>,
        usb: bool,
    ) -> bool {
        usb || scheme.is_some_and(|scheme| {
            self.schemes
                .iter()
                .any(|pattern| glob::matches(pattern, scheme))
        }) || host.is_some_and(|host| ask(&mut self.known_hosts, &self.hosts, host))
            || executable
                .is_some_and(|name| ask(&mut self.known_executables, &self.executables, name))
    }
}

fn ask(known: &mut HashMap<String, bool>, patterns: &[String], text: &str) -> bool {
    if let Some(answer) = known.get(text) {
        return *answer;
    }
    if known.len() >= KNOWN_MAX {
        known.clear();
    }
    let lower = text.to_lowercase();
    let answer = patterns
        .iter()
        .any(|pattern| glob::matches(pattern, &lower));
    known.insert(text.to_owned(), answer);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_rule_or_the_usb_flag() {
        let rule = |matches, value: &str| FileTransfer {
            matches,
            value: value.into(),
        };
        let mut rules = FileTransfers::new(&[
            rule(FileTransferMatch::Host, "*.dropbox.com"),
            rule(FileTransferMatch::Executable, "winscp.exe"),
            rule(FileTransferMatch::Scheme, "ftp"),
        ]);
        assert!(rules.potential(Some("www.dropbox.com"), None, Some("https"), false));
        assert!(rules.potential(None, Some("WinSCP.exe"), None, false));
        assert!(rules.potential(None, None, Some("ftp"), false));
        assert!(rules.potential(None, None, None, true));
        assert!(!rules.potential(Some("example.com"), Some("word.exe"), Some("https"), false));
        assert!(!rules.potential(Some("example.com"), Some("word.exe"), Some("https"), false));
    }
}
