//! The databases of ActivityWatch servers, opened read-only.
//!
//! Three layouts are known: that of the Python server (`bucketmodel`, `eventmodel`), that of its
//! plain SQLite storage (times in microseconds) and that of the Rust server (in nanoseconds). The
//! file is never written to, and a running server may keep using it.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use serde_json::Value;

use super::super::draft::Fault;
use super::super::error::{Error, Place};
use super::super::{Compression, Input, Options, Origin, Sink};
use super::store::Bucket;
use super::{Loader, RawEvent, fault, instant_of};

pub(in super::super) fn read_sqlite(
    input: &Input,
    options: &Options,
    sink: &mut dyn Sink,
) -> crate::error::Result<()> {
    let path = match (&input.origin, input.compression) {
        (Origin::File(path), Compression::None) => path,
        _ => {
            return Err(Error::Unsupported {
                name: input.name.clone(),
                detail: "a database can only be read from a plain file".to_owned(),
            }
            .into());
        }
    };
    let damaged = |rows, error: rusqlite::Error| Error::Damaged {
        name: input.name.clone(),
        place: Place::Row(rows),
        detail: error.to_string(),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let server = Connection::open_with_flags(path, flags).map_err(|error| damaged(0, error))?;
    let layout = Layout::of(&server)
        .map_err(|error| damaged(0, error))?
        .ok_or_else(|| Error::WrongKind {
            name: input.name.clone(),
            detail: "a database, but not that of an ActivityWatch server".to_owned(),
        })?;
    let mut loader = Loader::new(&input.name, options, sink)?;
    loader.buckets = layout
        .buckets(&server)
        .map_err(|error| damaged(0, error))?
        .into_iter()
        .collect();

    let mut statement = server
        .prepare(layout.events_sql())
        .map_err(|error| damaged(0, error))?;
    let mut rows = statement.query([]).map_err(|error| damaged(0, error))?;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => break,
            // All or nothing: rows that are missing would make other pieces of those that are there.
            Err(error) => return Err(damaged(loader.events, error).into()),
        };
        loader.events += 1;
        match layout.event(row, options.max_row_bytes) {
            Ok((bucket, start, seconds, data)) => {
                let raw = RawEvent {
                    start,
                    seconds,
                    data: Some(&data),
                };
                loader.event(bucket, raw)?;
            }
            Err(fault) => loader.sink.reject(fault.at(loader.events))?,
        }
    }
    loader.sink.progress(input.bytes.unwrap_or(0));
    loader.finish()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Python: times as text, durations in seconds.
    Model,
    /// Start and end as integers of this many a microsecond.
    Ticks { per_micro: i64 },
}

type EventParts = (i64, Result<i64, Fault>, Result<f64, Fault>, Value);

impl Layout {
    fn of(server: &Connection) -> rusqlite::Result<Option<Layout>> {
        if has_columns(server, "eventmodel", &["bucket_id", "datastr"])? {
            return Ok(Some(Layout::Model));
        }
        if has_columns(server, "events", &["bucketrow", "starttime", "datastr"])? {
            return Ok(Some(Layout::Ticks { per_micro: 1 }));
        }
        if has_columns(server, "events", &["bucketrow", "starttime", "data"])? {
            return Ok(Some(Layout::Ticks { per_micro: 1000 }));
        }
        Ok(None)
    }

    fn buckets(self, server: &Connection) -> rusqlite::Result<Vec<(i64, Bucket)>> {
        let mut select = server.prepare(match self {
            Layout::Model => "select key, id, type, client, hostname from bucketmodel",
            Layout::Ticks { per_micro: 1 } => {
                "select rowid, id, type, client, hostname from buckets"
            }
            Layout::Ticks { .. } => "select id, name, type, client, hostname from buckets",
        })?;
        let text = |row: &Row<'_>, at: usize| {
            let text = row.get::<_, Option<String>>(at);
            text.map(Option::unwrap_or_default)
        };
        let buckets = select.query_map([], |row| {
            Ok((
                row.get(0)?,
                Bucket {
                    id: text(row, 1)?,
                    bucket_type: text(row, 2)?,
                    client: text(row, 3)?,
                    hostname: text(row, 4)?,
                },
            ))
        })?;
        buckets.collect()
    }

    fn events_sql(self) -> &'static str {
        match self {
            Layout::Model => "select bucket_id, timestamp, duration, datastr from eventmodel",
            Layout::Ticks { per_micro: 1 } => {
                "select bucketrow, starttime, endtime, datastr from events"
            }
            Layout::Ticks { .. } => "select bucketrow, starttime, endtime, data from events",
        }
    }

    fn event(self, row: &Row<'_>, bytes_max: usize) -> Result<EventParts, Fault> {
        let cell = |at: usize| row.get_ref(at).unwrap_or(ValueRef::Null);
        let ValueRef::Integer(bucket) = cell(0) else {
            return Err(fault("bucket", "bad_type"));
        };
        let (start, seconds) = match self {
            Layout::Model => (time_of(cell(1)), number_of(cell(2))),
            Layout::Ticks { per_micro } => match (cell(1), cell(2)) {
                (ValueRef::Integer(start), ValueRef::Integer(end)) => {
                    let start = start.div_euclid(per_micro);
                    let micros = end.div_euclid(per_micro).saturating_sub(start);
                    (
                        super::instant::in_range(i128::from(start))
                            .ok_or_else(|| fault("timestamp", "bad_time")),
                        Ok(micros as f64 / 1e6),
                    )
                }
                _ => return Err(fault("timestamp", "bad_type")),
            },
        };
        let data = match cell(3) {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
            ValueRef::Null => return Err(fault("data", "missing")),
            _ => return Err(fault("data", "bad_type")),
        };
        if data.len() > bytes_max {
            return Err(Fault::row(
                "row_too_large",
                format!("more than {bytes_max} bytes"),
            ));
        }
        let data = serde_json::from_slice(data).map_err(|_| fault("data", "bad_json"))?;
        Ok((bucket, start, seconds, data))
    }
}

fn time_of(cell: ValueRef<'_>) -> Result<i64, Fault> {
    match cell {
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => instant_of(text),
            Err(_) => Err(fault("timestamp", "not_utf8")),
        },
        ValueRef::Null => Err(fault("timestamp", "missing")),
        _ => Err(fault("timestamp", "bad_type")),
    }
}

/// Seconds; the Python server's decimals may be stored as text.
fn number_of(cell: ValueRef<'_>) -> Result<f64, Fault> {
    match cell {
        ValueRef::Integer(number) => Ok(number as f64),
        ValueRef::Real(number) => Ok(number),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .ok_or_else(|| fault("duration", "not_a_number")),
        ValueRef::Null => Err(fault("duration", "missing")),
        ValueRef::Blob(_) => Err(fault("duration", "bad_type")),
    }
}

fn has_columns(server: &Connection, table: &str, wanted: &[&str]) -> rusqlite::Result<bool> {
    let mut select = server.prepare("select name from pragma_table_info(?1)")?;
    let names = select.query_map([table], |row| row.get::<_, String>(0))?;
    let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(wanted
        .iter()
        .all(|wanted| names.iter().any(|name| name == wanted)))
}
