//! The JSON export: whole (`{"buckets": {…}}`), one bucket, or a list of buckets.
//!
//! The document is walked through without ever being held: each event is handed to the loader as
//! it is parsed. Keys may come in any order, also events before the bucket's type.

use std::cell::Cell;
use std::fmt;
use std::io::{BufReader, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::super::draft::Fault;
use super::super::error::{Error, Place};
use super::super::stream::{Stream, refuse_utf16};
use super::super::{Input, Options, Sink};
use super::store::Bucket;
use super::{Loader, RawEvent, fault, instant_of};

const BUFFER_BYTES: usize = 64 * 1024;
/// Events between two reports of progress.
const PROGRESS_EVENTS: u64 = 1024;

pub(in super::super) fn read_json(
    input: &Input,
    options: &Options,
    sink: &mut dyn Sink,
) -> crate::error::Result<()> {
    let mut stream = Stream::open(input)?;
    let consumed = stream.counter();
    let mut head = Vec::new();
    let start = (&mut stream.reader).take(3).read_to_end(&mut head);
    start.map_err(|source| stream.failure(Place::Start, source))?;
    refuse_utf16(&head, &input.name)?;
    if head == b"\xef\xbb\xbf" {
        head.clear();
    }
    let allowance = options.max_row_bytes.saturating_add(BUFFER_BYTES);
    let left = Rc::new(Cell::new(allowance));
    let rest = std::mem::replace(&mut stream.reader, Box::new(std::io::empty()));
    let bounded = Bounded {
        inner: std::io::Cursor::new(head).chain(rest),
        left: Rc::clone(&left),
    };
    let mut json =
        serde_json::Deserializer::from_reader(BufReader::with_capacity(BUFFER_BYTES, bounded));

    let mut walk = Walk {
        loader: Loader::new(&input.name, options, sink)?,
        progress: (consumed, left, allowance),
        bucket_count: 0,
        failure: None,
    };
    let walked = json
        .deserialize_any(Top { walk: &mut walk })
        .and_then(|()| json.end());
    if let Some(failure) = walk.failure {
        return Err(failure);
    }
    let place = Place::Row(walk.loader.events);
    let damage = match walked {
        Ok(()) => None,
        Err(error) if error.is_io() => Some(match std::io::Error::from(error) {
            source if source.get_ref().is_some_and(|inner| inner.is::<TooLarge>()) => {
                Error::Unsupported {
                    name: input.name.clone(),
                    detail: format!("{place}: {source}"),
                }
            }
            source => stream.failure(place, source),
        }),
        Err(error) if error.is_data() => Some(Error::WrongKind {
            name: input.name.clone(),
            detail: format!("no ActivityWatch export: {error}"),
        }),
        Err(error) => Some(Error::Damaged {
            name: input.name.clone(),
            place,
            detail: error.to_string(),
        }),
    };
    let (consumed, ..) = walk.progress;
    walk.loader.sink.progress(consumed.get());
    // All or nothing: a bucket that is missing would make other pieces of the ones that are there.
    match damage {
        Some(error) => Err(error.into()),
        None => walk.loader.finish(),
    }
}

/// Ends a document in which a single value would have to be held that is larger than a row may be.
struct Bounded<R> {
    inner: R,
    left: Rc<Cell<usize>>,
}

#[derive(Debug, thiserror::Error)]
#[error("an event is larger than a row may be")]
struct TooLarge;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.get().checked_sub(count) {
            Some(left) => self.left.set(left),
            None => return Err(std::io::Error::other(TooLarge)),
        }
        Ok(count)
    }
}

/// The way through the document.
struct Walk<'a> {
    loader: Loader<'a>,
    /// Stored bytes read, bytes left until a value is too large, and what that starts from.
    progress: (Rc<Cell<u64>>, Rc<Cell<usize>>, usize),
    bucket_count: i64,
    /// An error that is not the document's; it ends the walk and is handed back as it is.
    failure: Option<crate::error::Error>,
}

impl Walk<'_> {
    fn new_bucket(&mut self) -> i64 {
        self.bucket_count += 1;
        self.bucket_count
    }

    fn event<E: serde::de::Error>(&mut self, bucket: i64, event: &Value) -> Result<(), E> {
        self.loader.events += 1;
        let (consumed, left, allowance) = &self.progress;
        left.set(*allowance);
        if self.loader.events.is_multiple_of(PROGRESS_EVENTS) {
            self.loader.sink.progress(consumed.get());
        }
        let result = match raw_event(event) {
            Ok(raw) => self.loader.event(bucket, raw),
            Err(fault) => self.loader.sink.reject(fault.at(self.loader.events)),
        };
        result.map_err(|failure| {
            self.failure = Some(failure);
            E::custom("stopped")
        })
    }
}

fn raw_event(event: &Value) -> Result<RawEvent<'_>, Fault> {
    let Value::Object(event) = event else {
        return Err(Fault::row("not_an_object", ""));
    };
    Ok(RawEvent {
        start: match event.get("timestamp") {
            None | Some(Value::Null) => Err(fault("timestamp", "missing")),
            Some(Value::String(text)) => instant_of(text),
            Some(_) => Err(fault("timestamp", "bad_type")),
        },
        seconds: match event.get("duration") {
            None | Some(Value::Null) => Err(fault("duration", "missing")),
            Some(value) => value
                .as_f64()
                .ok_or_else(|| fault("duration", "not_a_number")),
        },
        data: event.get("data"),
    })
}

/// The document: an export, a bucket, or a list of buckets.
struct Top<'w, 'a> {
    walk: &'w mut Walk<'a>,
}

impl<'de> Visitor<'de> for Top<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `buckets`, or a bucket with `type` and `events`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq
            .next_element_seed(BucketSeed {
                walk: self.walk,
                key: None,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut single = SingleBucket::default();
        let mut buckets = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "buckets" {
                buckets = true;
                map.next_value_seed(BucketsSeed { walk: self.walk })?;
            } else {
                single.take(&key, &mut map, self.walk)?;
            }
        }
        if !single.keep(None, self.walk) && !buckets {
            return Err(serde::de::Error::custom("it has no buckets"));
        }
        Ok(())
    }
}

struct BucketsSeed<'w, 'a> {
    walk: &'w mut Walk<'a>,
}

impl<'de> DeserializeSeed<'de> for BucketsSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BucketsSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("buckets by their ids")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(BucketSeed {
                walk: self.walk,
                key: Some(key),
            })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        Top { walk: self.walk }.visit_seq(seq)
    }
}

struct BucketSeed<'w, 'a> {
    walk: &'w mut Walk<'a>,
    key: Option<String>,
}

impl<'de> DeserializeSeed<'de> for BucketSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for BucketSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bucket")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut bucket = SingleBucket::default();
        while let Some(key) = map.next_key::<String>()? {
            bucket.take(&key, &mut map, self.walk)?;
        }
        bucket.keep(self.key, self.walk);
        Ok(())
    }
}

/// A bucket while its keys come in.
#[derive(Default)]
struct SingleBucket {
    bucket: Bucket,
    number: Option<i64>,
    any: bool,
}

impl SingleBucket {
    fn take<'de, A: MapAccess<'de>>(
        &mut self,
        key: &str,
        map: &mut A,
        walk: &mut Walk<'_>,
    ) -> Result<(), A::Error> {
        let slot = match key {
            "id" => &mut self.bucket.id,
            "type" => &mut self.bucket.bucket_type,
            "client" => &mut self.bucket.client,
            "hostname" => &mut self.bucket.hostname,
            "events" => {
                self.any = true;
                let number = *self.number.get_or_insert_with(|| walk.new_bucket());
                return map.next_value_seed(EventsSeed { walk, number });
            }
            _ => {
                map.next_value::<IgnoredAny>()?;
                return Ok(());
            }
        };
        if let Value::String(text) = map.next_value()? {
            *slot = text;
        }
        self.any |= key == "type";
        Ok(())
    }

    /// Gives the bucket to the loader; false if there was none.
    fn keep(mut self, key: Option<String>, walk: &mut Walk<'_>) -> bool {
        if let Some(key) = key {
            self.any = true;
            if self.bucket.id.is_empty() {
                self.bucket.id = key;
            }
        }
        if self.any {
            let number = self.number.unwrap_or_else(|| walk.new_bucket());
            walk.loader.buckets.insert(number, self.bucket);
        }
        self.any
    }
}

struct EventsSeed<'w, 'a> {
    walk: &'w mut Walk<'a>,
    number: i64,
}

impl<'de> DeserializeSeed<'de> for EventsSeed<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for EventsSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(event) = seq.next_element::<Value>()? {
            self.walk.event(self.number, &event)?;
        }
        Ok(())
    }
}
