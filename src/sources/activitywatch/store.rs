//! The rows of an export on their way into order.
//!
//! An export holds its buckets one after the other, but windows, idle times and tabs have to be
//! walked through side by side. They are put into a private temporary database, which SQLite
//! spills to disk and deletes by itself, and read back by time: memory does not grow with the
//! export. Nothing else ever sees this database.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::app::Family;
use crate::clock::Micros;

/// One event of any bucket, checked as far as that goes without knowing the bucket's type.
#[derive(Clone, Debug, Default)]
pub(super) struct Event {
    /// Its place in the input, from 1.
    pub(super) number: u64,
    pub(super) start: Micros,
    pub(super) end: Micros,
    pub(super) app: Option<String>,
    pub(super) title: Option<String>,
    pub(super) url: Option<String>,
    pub(super) incognito: bool,
    pub(super) status: Option<String>,
}

/// What is known about a bucket.
#[derive(Clone, Debug, Default)]
pub(super) struct Bucket {
    pub(super) id: String,
    pub(super) bucket_type: String,
    pub(super) client: String,
    pub(super) hostname: String,
}

/// What a stream of one host's rows is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Window,
    /// Rows of any idle state.
    Idle,
    /// Tabs of one family of browsers, or of one that could not be told.
    Web(Option<Family>),
}

impl Stream {
    fn key(self) -> &'static str {
        match self {
            Stream::Window => "window",
            Stream::Idle => "idle",
            Stream::Web(None) => "web",
            Stream::Web(Some(family)) => family.as_str(),
        }
    }
}

pub(super) struct Store {
    db: Connection,
}

impl Store {
    /// An empty store.
    pub(super) fn new() -> rusqlite::Result<Store> {
        let db = Connection::open("")?;
        db.execute_batch(
            "pragma journal_mode = off;
             pragma synchronous = off;
             create table bucket (bucket integer primary key, host text, stream text);
             create table event (
                 number integer, bucket integer, start integer, stop integer, app text,
                 title text, url text, incognito integer, status text
             );
             begin;",
        )?;
        Ok(Store { db })
    }

    /// Adds an event of a bucket, which may still be unknown.
    pub(super) fn add(&self, bucket: i64, event: &Event) -> rusqlite::Result<()> {
        let mut insert = self
            .db
            .prepare_cached("insert into event values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
        insert.execute(params![
            i64::try_from(event.number).unwrap_or(i64::MAX),
            bucket,
            event.start,
            event.end,
            event.app,
            event.title,
            event.url,
            event.incognito,
            event.status,
        ])?;
        Ok(())
    }

    /// Says whose a bucket is.
    pub(super) fn assign(&self, bucket: i64, host: &str, stream: Stream) -> rusqlite::Result<()> {
        self.db.execute(
            "insert into bucket values (?1, ?2, ?3)",
            params![bucket, host, stream.key()],
        )?;
        Ok(())
    }

    /// Takes out the windows without an application and the idle rows without a known status, and
    /// gives back their numbers: first those, then these.
    pub(super) fn take_out_bad(&self) -> rusqlite::Result<[Vec<u64>; 2]> {
        let bad = [
            "from event where app is null and bucket in
                 (select bucket from bucket where stream = 'window')",
            "from event where coalesce(status, '') not in ('afk', 'not-afk') and bucket in
                 (select bucket from bucket where stream = 'idle')",
        ];
        let mut found = [Vec::new(), Vec::new()];
        for (which, found) in bad.into_iter().zip(&mut found) {
            let mut select = self
                .db
                .prepare(&format!("select number {which} order by number"))?;
            for number in select.query_map([], |row| row.get::<_, i64>(0))? {
                found.push(number?.unsigned_abs());
            }
            self.db.execute(&format!("delete {which}"), [])?;
        }
        Ok(found)
    }

    /// Whether a host has a bucket of this kind, even an empty one.
    pub(super) fn has(&self, host: &str, stream: Stream) -> rusqlite::Result<bool> {
        self.db
            .query_row(
                "select 1 from bucket where host = ?1 and stream = ?2 limit 1",
                params![host, stream.key()],
                |_| Ok(()),
            )
            .optional()
            .map(|found| found.is_some())
    }

    /// The latest end in a stream, of rows with a status if one is given.
    pub(super) fn reach(
        &self,
        host: &str,
        stream: Stream,
        status: Option<&str>,
    ) -> rusqlite::Result<Option<Micros>> {
        self.db.query_row(
            "select max(stop) from event
             where (?3 is null or status = ?3) and bucket in
                 (select bucket from bucket where host = ?1 and stream = ?2)",
            params![host, stream.key(), status],
            |row| row.get(0),
        )
    }

    /// A statement for the rows of a stream by start, then end; run it with [`Store::rows`].
    pub(super) fn by_time(&self) -> rusqlite::Result<rusqlite::Statement<'_>> {
        self.db.prepare(
            "select number, start, stop, app, title, url, incognito
             from event
             where (?3 is null or status = ?3) and bucket in
                 (select bucket from bucket where host = ?1 and stream = ?2)
             order by start, stop, number",
        )
    }

    /// Runs a statement of [`Store::by_time`].
    pub(super) fn rows<'s>(
        statement: &'s mut rusqlite::Statement<'_>,
        host: &str,
        stream: Stream,
        status: Option<&str>,
    ) -> rusqlite::Result<rusqlite::Rows<'s>> {
        statement.query(params![host, stream.key(), status])
    }
}

/// Reads a row of [`Store::by_time`].
pub(super) fn event_of(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        number: row.get::<_, i64>(0)?.unsigned_abs(),
        start: row.get(1)?,
        end: row.get(2)?,
        app: row.get(3)?,
        title: row.get(4)?,
        url: row.get(5)?,
        incognito: row.get(6)?,
        status: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_by_time_over_all_buckets_of_a_stream() {
        let store = Store::new().unwrap();
        for (number, bucket, start) in [(1, 1, 30), (2, 2, 10), (3, 1, 20), (4, 3, 5)] {
            let event = Event {
                number,
                start,
                end: start + 5,
                app: Some("a".into()),
                ..Event::default()
            };
            store.add(bucket, &event).unwrap();
        }
        store.assign(1, "pc", Stream::Window).unwrap();
        store.assign(2, "pc", Stream::Window).unwrap();
        store.assign(3, "other", Stream::Window).unwrap();
        let mut statement = store.by_time().unwrap();
        let mut rows = Store::rows(&mut statement, "pc", Stream::Window, None).unwrap();
        let mut numbers = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            numbers.push(event_of(row).unwrap().number);
        }
        assert_eq!(numbers, [2, 3, 1]);
        assert_eq!(store.reach("pc", Stream::Window, None), Ok(Some(35)));
        assert_eq!(store.reach("pc", Stream::Idle, None), Ok(None));
        assert_eq!(store.has("pc", Stream::Window), Ok(true));
        assert_eq!(store.has("pc", Stream::Idle), Ok(false));
    }

    #[test]
    fn bad_rows_are_taken_out_and_named() {
        let store = Store::new().unwrap();
        store
            .add(
                1,
                &Event {
                    number: 7,
                    ..Event::default()
                },
            )
            .unwrap();
        store
            .add(
                2,
                &Event {
                    number: 8,
                    ..Event::default()
                },
            )
            .unwrap();
        store.assign(1, "pc", Stream::Window).unwrap();
        store.assign(2, "pc", Stream::Idle).unwrap();
        assert_eq!(store.take_out_bad().unwrap(), [vec![7], vec![8]]);
        assert!(store.take_out_bad().unwrap().iter().all(Vec::is_empty));
    }
}
