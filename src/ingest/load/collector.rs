//! What the readers of a load hand over, counted by file and collected until a batch is full.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Batch, FileSummary, Load, Message, Progress};
use crate::functions::urls::SearchEngines;
use crate::ingest::batch::Builder;
use crate::ingest::meetings::Incoming;
use crate::ingest::normalize::{Normalizer, Outcome};
use crate::ingest::{Error, FileTransfers, Privacy};
use crate::sources::meeting::Meeting;
use crate::sources::{Input, Kind, Record, Reject, Sink};

/// As `ingest --kind` takes it.
fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Ndjson => "ndjson",
        Kind::Csv => "csv",
        Kind::Parquet => "parquet",
        Kind::Ipc => "ipc",
        Kind::ActivityWatchJson => "aw-json",
        Kind::ActivityWatchSqlite => "aw-sqlite",
        Kind::Meetings => "meetings",
    }
}

/// Collects records until a batch is full.
pub(super) struct Collector {
    normalizer: Normalizer,
    builder: Builder,
    meetings: Vec<(usize, Incoming)>,
    meeting_bytes: usize,
    /// Whose calendar entries are refused: people of the settings who are not tracked.
    untracked: HashSet<i64>,
    rejects: Vec<(usize, Reject)>,
    files: Vec<FileSummary>,
    sender: mpsc::Sender<Message>,
    progress: Arc<dyn Progress>,
    bytes: u64,
    max_rows: usize,
    max_bytes: usize,
}

/// Rejects held before a batch is handed over.
const REJECTS_MAX: usize = 20_000;
/// Names of dropped fields told apart in a file; the rest count under one.
const NOTE_NAMES_MAX: usize = 200;

impl Collector {
    pub(super) fn new(
        load: &Load,
        privacy: Privacy,
        sender: mpsc::Sender<Message>,
        progress: Arc<dyn Progress>,
    ) -> Collector {
        let engines = SearchEngines::new(load.shipped.search_engines.iter().map(|row| {
            (
                row.host_pattern.clone(),
                row.path_prefix.clone(),
                row.parameter.clone(),
            )
        }));
        Collector {
            normalizer: Normalizer::new(
                privacy,
                engines,
                FileTransfers::new(&load.shipped.file_transfer),
                load.shipped.zone_names(),
            ),
            builder: Builder::default(),
            meetings: Vec::new(),
            meeting_bytes: 0,
            untracked: load
                .org
                .users
                .iter()
                .filter(|user| !user.tracked)
                .map(|user| user.uid)
                .collect(),
            rejects: Vec::new(),
            files: Vec::new(),
            sender,
            progress,
            bytes: 0,
            max_rows: load.settings.limits.ingest_batch_rows,
            max_bytes: load.settings.limits.ingest_batch_bytes,
        }
    }

    pub(super) fn begin(&mut self, index: usize, input: &Input) {
        self.files.resize_with(index + 1, FileSummary::default);
        let file = self.current();
        file.name = input.name.clone();
        file.kind = kind_name(input.kind).to_owned();
        self.bytes = 0;
    }

    pub(super) fn current(&mut self) -> &mut FileSummary {
        if self.files.is_empty() {
            self.files.push(FileSummary::default());
        }
        let last = self.files.len() - 1;
        &mut self.files[last]
    }

    fn file(&self) -> usize {
        self.files.len().saturating_sub(1)
    }

    fn hand_over(&mut self) -> crate::error::Result<()> {
        if self.builder.rows() == 0 && self.meetings.is_empty() && self.rejects.is_empty() {
            return Ok(());
        }
        self.meeting_bytes = 0;
        let batch = Batch {
            events: self.builder.finish(),
            meetings: std::mem::take(&mut self.meetings),
            rejects: std::mem::take(&mut self.rejects),
        };
        self.sender
            .blocking_send(Message::Batch(Box::new(batch)))
            .map_err(|_| Error::ReaderGone.into())
    }

    fn hand_over_when_full(&mut self) -> crate::error::Result<()> {
        let rows = self.builder.rows() + self.meetings.len();
        let bytes = self.builder.bytes() + self.meeting_bytes;
        if rows >= self.max_rows || bytes >= self.max_bytes {
            self.hand_over()?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> crate::error::Result<()> {
        self.hand_over()?;
        let files = std::mem::take(&mut self.files);
        self.sender
            .blocking_send(Message::Done(files))
            .map_err(|_| Error::ReaderGone.into())
    }

    fn counted(&mut self) {
        let (file, bytes) = (self.file(), self.bytes);
        let current = self.current();
        current.read += 1;
        let rows = current.read;
        if rows.is_multiple_of(4096) {
            self.progress.at(file, bytes, rows);
        }
    }
}

impl Sink for Collector {
    fn record(&mut self, _line: u64, record: Record<'_>) -> crate::error::Result<()> {
        let file = self.file();
        let mut unknown: Option<String> = None;
        let refused = match self
            .normalizer
            .event(&record, file, |name| unknown = Some(name.to_owned()))
        {
            Outcome::Refused => true,
            Outcome::Event(event) => {
                self.builder.push(&event);
                false
            }
        };
        self.counted();
        if refused {
            self.current().refused += 1;
        }
        if let Some(name) = unknown {
            self.note("unknown_zone", &name)?;
        }
        self.hand_over_when_full()
    }

    fn meeting(
        &mut self,
        _line: u64,
        instance: &Arc<str>,
        uid: i64,
        meeting: Meeting,
    ) -> crate::error::Result<()> {
        let file = self.file();
        self.counted();
        if self.untracked.contains(&uid) {
            self.current().refused += 1;
            return Ok(());
        }
        self.meeting_bytes += held_bytes(&meeting);
        let entry = Incoming {
            instance: Arc::clone(instance),
            uid,
            meeting,
        };
        self.meetings.push((file, entry));
        self.hand_over_when_full()
    }

    fn reject(&mut self, reject: Reject) -> crate::error::Result<()> {
        let file = self.file();
        self.counted();
        let current = self.current();
        current.rejected += 1;
        *current.reasons.entry(reject.reason.to_owned()).or_default() += 1;
        self.rejects.push((file, reject));
        if self.rejects.len() >= REJECTS_MAX {
            self.hand_over()?;
        }
        Ok(())
    }

    fn note(&mut self, what: &'static str, name: &str) -> crate::error::Result<()> {
        let notes = &mut self.current().notes;
        let key = (what.to_owned(), name.chars().take(100).collect::<String>());
        if notes.len() >= NOTE_NAMES_MAX && !notes.contains_key(&key) {
            *notes
                .entry((what.to_owned(), "(others)".into()))
                .or_default() += 1;
        } else {
            *notes.entry(key).or_default() += 1;
        }
        Ok(())
    }

    fn retract(&mut self, record: Record<'_>) -> crate::error::Result<()> {
        let file = self.file();
        if let Outcome::Event(mut event) = self.normalizer.event(&record, file, |_| {}) {
            event.key.retracts = true;
            self.builder.push(&event);
        }
        Ok(())
    }

    fn progress(&mut self, bytes: u64) {
        self.bytes = bytes;
    }
}

/// About what an entry takes in memory.
fn held_bytes(meeting: &Meeting) -> usize {
    let attendees: usize = meeting
        .attendees
        .iter()
        .map(|attendee| size_of_val(attendee) + attendee.email.len())
        .sum();
    size_of::<(usize, Incoming)>()
        + meeting.event_id.len()
        + meeting.series_id.as_deref().map_or(0, str::len)
        + meeting.title.as_deref().map_or(0, str::len)
        + meeting
            .organizer
            .as_ref()
            .map_or(0, |organizer| organizer.email.len())
        + attendees
}
