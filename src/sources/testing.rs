//! A sink that keeps everything, and inputs out of bytes, for the tests of this room.

use std::sync::Arc;

use super::meeting::Meeting;
use super::{Input, Kind, Options, Origin, Record, Reject, Sink, detect, read};
use crate::error::{Class, Error};

/// What a read handed over.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) lines: Vec<u64>,
    pub(super) records: Vec<Record<'static>>,
    /// Line, instance, person and entry.
    pub(super) meetings: Vec<(u64, Arc<str>, i64, Meeting)>,
    pub(super) rejects: Vec<Reject>,
    pub(super) notes: Vec<(&'static str, String)>,
    pub(super) retracted: Vec<String>,
    pub(super) progress: u64,
    pub(super) error: Option<String>,
    /// Refuse everything.
    pub(super) fail: bool,
}

impl Sink for Collected {
    fn record(&mut self, line: u64, record: Record<'_>) -> crate::error::Result<()> {
        if self.fail {
            return Err(Error::new(Class::Lake, "sink is full"));
        }
        self.lines.push(line);
        self.records.push(record.into_owned());
        Ok(())
    }
    fn reject(&mut self, reject: Reject) -> crate::error::Result<()> {
        if self.fail {
            return Err(Error::new(Class::Lake, "sink is full"));
        }
        self.rejects.push(reject);
        Ok(())
    }
    fn meeting(
        &mut self,
        line: u64,
        instance: &Arc<str>,
        uid: i64,
        meeting: Meeting,
    ) -> crate::error::Result<()> {
        if self.fail {
            return Err(Error::new(Class::Lake, "sink is full"));
        }
        let entry = (line, Arc::clone(instance), uid, meeting);
        self.meetings.push(entry);
        Ok(())
    }
    fn note(&mut self, what: &'static str, name: &str) -> crate::error::Result<()> {
        self.notes.push((what, name.to_owned()));
        Ok(())
    }
    fn retract(&mut self, record: Record<'_>) -> crate::error::Result<()> {
        self.retracted.push(record.event_id.into_owned());
        Ok(())
    }
    fn progress(&mut self, bytes: u64) {
        assert!(bytes >= self.progress, "progress runs backwards");
        self.progress = bytes;
    }
}

/// As of 2026-03-15, with the defaults.
pub(super) fn options() -> Options {
    Options {
        as_of: 1_773_532_800_000_000,
        max_event_seconds: 86_400,
        flood_seconds: 5,
        max_row_bytes: 1024 * 1024,
        hosts: Vec::new(),
    }
}

/// Reads bytes as a file of the given name and kind.
pub(super) fn read_into(
    kind: Kind,
    name: &str,
    bytes: &[u8],
    options: &Options,
    sink: &mut dyn Sink,
) -> crate::error::Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let input: Input = detect(Origin::File(path), name.to_owned(), Some(kind))?;
    read(&input, options, sink)
}

/// As [`read_into`], keeping everything.
pub(super) fn read_bytes(kind: Kind, name: &str, bytes: &[u8], options: &Options) -> Collected {
    let mut sink = Collected::default();
    if let Err(error) = read_into(kind, name, bytes, options, &mut sink) {
        sink.error = Some(error.to_string());
    }
    sink
}
