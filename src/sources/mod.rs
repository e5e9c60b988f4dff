//! One file a raw format: bytes in, typed records and rejects out.
//!
//! A reader streams: its memory does not grow with its input. A bad row is data (a [`Reject`]),
//! not an error; an [`Error`] means that the file as a whole cannot go on. Readers never look at
//! the lake, the organisation or a clock.

mod activitywatch;
mod calendar_json;
mod columnar;
mod csv;
pub mod dav;
mod detect;
mod draft;
mod error;
mod field;
pub mod google;
pub mod graph;
pub mod icalendar;
mod instant;
pub mod meeting;
mod ndjson;
mod record;
mod rules;
mod stream;
#[cfg(test)]
mod testing;

pub use detect::{Compression, Input, Kind, Origin, detect, expand};
pub use error::{Error, Place};
pub use record::{Alarm, AlarmAction, Record, Reject, State};

use std::sync::Arc;

use crate::clock::Micros;
use meeting::Meeting;

/// What a reader needs to know besides the bytes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The load's as-of instant; a start more than 24 h after it is rejected as `future`.
    pub as_of: Micros,
    /// `max_event_seconds`: a longer duration is rejected.
    pub max_event_seconds: i64,
    /// `flood_seconds`: the hole between two ActivityWatch rows that goes to the row before.
    pub flood_seconds: i64,
    /// The largest row (NDJSON line, CSV record) in bytes; a longer one is a reject.
    pub max_row_bytes: usize,
    /// ActivityWatch host names and the logins behind them (`hosts.csv`).
    pub hosts: Vec<Host>,
}

/// A row of `hosts.csv`: who sits at an ActivityWatch host, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub hostname: String,
    pub user_name: String,
    pub logon_domain: Option<String>,
    /// First UTC date in force, as days since the epoch; `None` is open.
    pub valid_from: Option<i32>,
    /// First UTC date no longer in force; `None` is open.
    pub valid_to: Option<i32>,
}

/// Where records go. A sink's error ends the read and is handed back unchanged.
pub trait Sink {
    /// One good record. `line` is the 1-based line (text formats), row (columnar ones) or event
    /// (ActivityWatch) it began with.
    fn record(&mut self, line: u64, record: Record<'_>) -> crate::error::Result<()>;
    /// One bad row.
    fn reject(&mut self, reject: Reject) -> crate::error::Result<()>;
    /// One good calendar entry, and whose calendar it stands in. `line` is the 1-based line, or
    /// element of a JSON list.
    fn meeting(
        &mut self,
        line: u64,
        instance: &Arc<str>,
        uid: i64,
        meeting: Meeting,
    ) -> crate::error::Result<()>;
    /// Something of an accepted row was dropped or not understood and is only counted: an unknown
    /// field, zone, alarm action, or word of a calendar, an invited person without an address.
    /// `what` is one of `unknown_field`, `unknown_zone`, `unknown_alarm_action`,
    /// `unknown_show_as`, `unknown_kind`, `no_address`; `name` the field or value.
    fn note(&mut self, what: &'static str, name: &str) -> crate::error::Result<()>;
    /// The piece under this record's `event_id`, which an earlier and shorter export of the same
    /// ActivityWatch host may have handed over as its unsettled last one, is known not to exist:
    /// what is stored under the key, if anything, has no more seconds. `record` has the agent's
    /// names, the key and a duration of 0. Nothing need be stored when the key is not known.
    fn retract(&mut self, record: Record<'_>) -> crate::error::Result<()> {
        let _ = record;
        Ok(())
    }
    /// Bytes consumed from the (compressed) input so far, for a progress bar.
    fn progress(&mut self, bytes: u64);
}

/// Reads one input from front to back into `sink`.
///
/// # Errors
/// [`Error`] when the input cannot be opened, its container is damaged (a gzip stream cut short, a
/// Parquet footer missing) or its kind does not fit; rows handed over before stay handed over. Of a
/// damaged ActivityWatch input no record is handed over: a missing bucket changes all others.
pub fn read(input: &Input, options: &Options, sink: &mut dyn Sink) -> crate::error::Result<()> {
    match input.kind {
        Kind::Ndjson => ndjson::read(input, options, sink),
        Kind::Csv => csv::read(input, options, sink),
        Kind::Parquet => columnar::read_parquet(input, options, sink),
        Kind::Ipc => columnar::read_ipc(input, options, sink),
        Kind::ActivityWatchJson => activitywatch::read_json(input, options, sink),
        Kind::ActivityWatchSqlite => activitywatch::read_sqlite(input, options, sink),
        Kind::Meetings => calendar_json::read(input, options, sink),
    }
}
