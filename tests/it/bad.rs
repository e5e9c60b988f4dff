//! Every malformed input ever found, each with what becomes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use activlake::clock::AsOf;
use activlake::sources::meeting::Meeting;
use activlake::sources::{self, Options, Record, Reject, Sink};
use serde::Deserialize;

use crate::place::repository;

#[derive(Debug, Deserialize, PartialEq, Eq, Default)]
#[serde(deny_unknown_fields)]
struct Expected {
    accepted: u64,
    rejected: u64,
    #[serde(default)]
    reasons: BTreeMap<String, u64>,
    #[serde(default)]
    notes: BTreeMap<String, u64>,
    error: Option<String>,
}

#[derive(Default)]
struct Count {
    seen: Expected,
}

impl Sink for Count {
    fn record(&mut self, _: u64, _: Record<'_>) -> activlake::error::Result<()> {
        self.seen.accepted += 1;
        Ok(())
    }

    fn meeting(
        &mut self,
        _: u64,
        _: &Arc<str>,
        _: i64,
        _: Meeting,
    ) -> activlake::error::Result<()> {
        self.seen.accepted += 1;
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> activlake::error::Result<()> {
        self.seen.rejected += 1;
        *self
            .seen
            .reasons
            .entry(reject.reason.to_owned())
            .or_default() += 1;
        Ok(())
    }

    fn note(&mut self, what: &'static str, _: &str) -> activlake::error::Result<()> {
        *self.seen.notes.entry(what.to_owned()).or_default() += 1;
        Ok(())
    }

    fn progress(&mut self, _: u64) {}
}

fn read(path: &Path) -> Expected {
    let options = Options {
        as_of: AsOf::parse("2026-03-15T00:00:00Z").unwrap().micros(),
        max_event_seconds: 86_400,
        flood_seconds: 5,
        max_row_bytes: 1 << 20,
        hosts: Vec::new(),
    };
    let mut count = Count::default();
    let name = path.display().to_string();
    let result = sources::expand(std::slice::from_ref(&name))
        .map_err(activlake::error::Error::from)
        .and_then(|found| {
            for (origin, name) in found {
                let input = sources::detect(origin, name, None)?;
                sources::read(&input, &options, &mut count)?;
            }
            Ok(())
        });
    count.seen.error = result.err().map(|error| error.to_string());
    count.seen
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn every_malformed_input_is_told_apart() {
    let folder = repository().join("tests/bad");
    let text = std::fs::read_to_string(folder.join("expectations.toml")).unwrap();
    let mut expected: BTreeMap<String, Expected> = toml::from_str(&text).unwrap();
    let mut found = Vec::new();
    files(&folder, &mut found);
    found.sort();
    let mut failures = Vec::new();
    let mut seen = BTreeSet::new();
    for path in found {
        let name = path
            .strip_prefix(&folder)
            .unwrap()
            .to_string_lossy()
            .replace('\\', "/");
        if name == "expectations.toml" {
            continue;
        }
        seen.insert(name.clone());
        let Some(want) = expected.remove(&name) else {
            failures.push(format!("{name}: no expectation"));
            continue;
        };
        let got = read(&path);
        let same_error = match (&want.error, &got.error) {
            (None, None) => true,
            (Some(part), Some(message)) => message.contains(part),
            _ => false,
        };
        let same = want.accepted == got.accepted
            && want.rejected == got.rejected
            && want.reasons == got.reasons
            && want.notes == got.notes
            && same_error;
        if !same {
            failures.push(format!("{name}:\n  expected {want:?}\n  got      {got:?}"));
        }
    }
    for name in expected.keys() {
        failures.push(format!("{name}: expected, and there is no such file"));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(seen.len() >= 40, "only {} malformed inputs", seen.len());
}
