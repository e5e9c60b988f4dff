//! ActivityWatch: JSON exports and server databases.
//!
//! Both are read once into a [`store`], event by event, and come out of it by time: per host the
//! windows, split by idle state and current tab ([`pieces`]). Events that make no sense are rejects
//! with their number in the input; buckets of other kinds are only counted, by type, as unknown.
//! Memory is one event, whatever the size of the export.

mod app;
mod export;
mod pieces;
mod server;
mod span;
mod store;
#[cfg(test)]
mod tests;

pub(super) use self::export::read_json;
pub(super) use self::server::read_sqlite;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::app::Family;
use self::store::{Bucket, Event, Store, Stream};
use super::draft::{Fault, checked_text};
use super::error::Error;
use super::instant;
use super::record::shorten;
use super::rules::FUTURE_MICROS;
use super::{Options, Reject, Sink};
use crate::clock::Micros;

/// The longest that one row can be meant: a kiosk may show one window for months.
const EVENT_SECONDS_MAX: f64 = 366.0 * 86_400.0;

/// Takes in buckets and events in whatever order they come, then hands over records.
struct Loader<'a> {
    store: Store,
    input: &'a str,
    options: &'a Options,
    sink: &'a mut dyn Sink,
    buckets: BTreeMap<i64, Bucket>,
    /// Events seen, good and bad.
    events: u64,
}

/// What an event says about itself, before anything is checked.
struct RawEvent<'v> {
    start: Result<Micros, Fault>,
    seconds: Result<f64, Fault>,
    data: Option<&'v Value>,
}

fn fault(field: &'static str, reason: &'static str) -> Fault {
    Fault {
        field,
        reason,
        value: String::new(),
    }
}

/// An ISO 8601 instant.
fn instant_of(text: &str) -> Result<Micros, Fault> {
    instant::parse(text.trim()).ok_or_else(|| Fault {
        field: "timestamp",
        reason: "bad_time",
        value: shorten(text),
    })
}

impl<'a> Loader<'a> {
    fn new(
        input: &'a str,
        options: &'a Options,
        sink: &'a mut dyn Sink,
    ) -> Result<Loader<'a>, Error> {
        Ok(Loader {
            store: Store::new().map_err(|source| Error::Scratch {
                name: input.to_owned(),
                source,
            })?,
            input,
            options,
            sink,
            buckets: BTreeMap::new(),
            events: 0,
        })
    }

    fn scratch(&self, source: rusqlite::Error) -> crate::error::Error {
        Error::Scratch {
            name: self.input.to_owned(),
            source,
        }
        .into()
    }

    /// One event of the bucket with this number.
    fn event(&mut self, bucket: i64, raw: RawEvent<'_>) -> crate::error::Result<()> {
        match self.checked(raw) {
            Ok(event) => self
                .store
                .add(bucket, &event)
                .map_err(|source| self.scratch(source)),
            Err(fault) => self.sink.reject(fault.at(self.events)),
        }
    }

    fn checked(&self, raw: RawEvent<'_>) -> Result<Event, Fault> {
        let start = raw.start?;
        if start > self.options.as_of.saturating_add(FUTURE_MICROS) {
            return Err(Fault {
                field: "timestamp",
                reason: "future",
                value: start.to_string(),
            });
        }
        let seconds = raw.seconds?;
        let unfit = |reason| Fault {
            field: "duration",
            reason,
            value: seconds.to_string(),
        };
        if !seconds.is_finite() {
            return Err(unfit("not_a_number"));
        }
        if seconds < 0.0 {
            return Err(unfit("negative"));
        }
        if seconds > EVENT_SECONDS_MAX {
            return Err(unfit("too_long"));
        }
        let Some(Value::Object(data)) = raw.data else {
            let reason = if raw.data.is_none_or(Value::is_null) {
                "missing"
            } else {
                "bad_type"
            };
            return Err(fault("data", reason));
        };
        let text = |field: &'static str| match data.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => checked_text(text.as_str().into())
                .map(|text| text.map(std::borrow::Cow::into_owned))
                .map_err(|reason| fault(field, reason)),
            Some(_) => Err(fault(field, "bad_type")),
        };
        Ok(Event {
            number: self.events,
            start,
            // Within 366 days: exact in a double, and no overflow.
            end: start + (seconds * 1e6).round() as i64,
            app: text("app")?,
            title: text("title")?,
            url: text("url")?,
            // Anything but a clear no: privacy errs on this side.
            incognito: !matches!(
                data.get("incognito"),
                None | Some(Value::Null | Value::Bool(false))
            ),
            status: text("status")?,
        })
    }

    /// Sorts the buckets to their hosts and hands over all records.
    fn finish(mut self) -> crate::error::Result<()> {
        let hosts = self.assign_buckets()?;
        let bad = self.store.take_out_bad();
        let [no_app, no_status] = bad.map_err(|source| self.scratch(source))?;
        for (numbers, field, reason) in [
            (no_app, "app", "missing"),
            (no_status, "status", "bad_state"),
        ] {
            for number in numbers {
                self.sink.reject(fault(field, reason).at(number))?;
            }
        }
        for host in &hosts {
            pieces::hand_over(&self.store, host, self.input, self.options, self.sink)?;
        }
        Ok(())
    }

    /// The hosts that have windows.
    fn assign_buckets(&mut self) -> crate::error::Result<BTreeSet<String>> {
        let mut hosts = BTreeSet::new();
        for bucket in self.buckets.values() {
            if bucket.bucket_type == "currentwindow" && !bucket.hostname.trim().is_empty() {
                hosts.insert(bucket.hostname.trim().to_owned());
            }
        }
        let only_host = hosts.first().filter(|_| hosts.len() == 1).cloned();
        for (number, bucket) in std::mem::take(&mut self.buckets) {
            let mut host = bucket.hostname.trim();
            let stream = match bucket.bucket_type.as_str() {
                "currentwindow" => Stream::Window,
                "afkstatus" => Stream::Idle,
                "web.tab.current" => {
                    // Browsers do not tell an extension what their computer is called.
                    if !hosts.contains(host) {
                        host = only_host.as_deref().unwrap_or("");
                    }
                    let family = Family::of_bucket(&bucket.id, &bucket.client, &bucket.hostname);
                    Stream::Web(family)
                }
                other => {
                    self.sink.note("unknown_field", &shorten(other))?;
                    continue;
                }
            };
            if host.is_empty() {
                self.sink.reject(Reject {
                    line: number.unsigned_abs(),
                    field: "hostname".to_owned(),
                    reason: "no_hostname",
                    value: shorten(&bucket.id),
                })?;
                continue;
            }
            self.store
                .assign(number, host, stream)
                .map_err(|source| self.scratch(source))?;
        }
        Ok(hosts)
    }
}
