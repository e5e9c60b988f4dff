//! Once each: which collected rows are new, which supersede, which are there already.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Date32Type, Int32Type, Int64Type, TimestampMicrosecondType};
use futures::TryStreamExt;
use xxhash_rust::xxh3::Xxh3Default;

use super::Error;
use super::batch::{Collected, Placed, SUPERSEDED, Version};
use crate::lake::{self, Lake, Scope, Snapshot};

/// What the lake holds of an event: its latest version.
#[derive(Clone, Copy, Debug)]
struct Stored {
    revision: i32,
    version: Version,
    utc_date: i32,
}

/// Where the rows of a batch go.
#[derive(Debug, Default)]
pub struct Placement {
    /// By date, rows to write.
    pub by_date: BTreeMap<i32, Vec<Placed>>,
    /// By file of the load: rows that were there already or older than what was.
    pub superseded: BTreeMap<usize, u64>,
    /// By file of the load: rows to store.
    pub stored: BTreeMap<usize, u64>,
}

/// Tells keys that the lake surely does not hold from those it may hold: a Bloom filter of all
/// stored keys, of a size that the settings bound.
pub struct KeyFilter {
    bits: Vec<u64>,
    filled: bool,
    /// Keys put in, and how many it was made for.
    keys: u64,
    expected: u64,
    bytes_max: usize,
}

const PROBES: u64 = 8;

impl KeyFilter {
    /// Of at most `bytes`.
    pub fn new(bytes: usize, expected_keys: u64) -> KeyFilter {
        let wanted = usize::try_from(expected_keys.saturating_mul(8)).unwrap_or(usize::MAX);
        let words = wanted.clamp(1 << 16, bytes.max(1 << 16)) / 8;
        KeyFilter {
            bits: vec![0; words.max(1)],
            filled: false,
            keys: 0,
            expected: expected_keys,
            bytes_max: bytes,
        }
    }

    /// The same without keys, to be filled anew.
    pub fn emptied(&self) -> KeyFilter {
        KeyFilter::new(self.bytes_max, self.keys.max(self.expected))
    }

    /// Starts anew, larger, where it holds more keys than it was made for: it would soon take new
    /// keys for known ones, and looking each of those up reads the whole lake.
    fn grow(&mut self) {
        let larger = KeyFilter::new(self.bytes_max, self.keys.saturating_mul(2));
        if self.keys > self.expected && larger.bytes() > self.bytes() {
            *self = larger;
        }
    }

    /// Its size.
    pub fn bytes(&self) -> usize {
        self.bits.len() * 8
    }

    fn places(&self, agent_id: i64, event_id: &str) -> impl Iterator<Item = (usize, u64)> + use<> {
        let mut hash = Xxh3Default::new();
        hash.update(&agent_id.to_le_bytes());
        hash.update(event_id.as_bytes());
        let digest = hash.digest128();
        let (low, high) = (digest as u64, (digest >> 64) as u64 | 1);
        let bits = self.bits.len() as u64 * 64;
        (0..PROBES).map(move |probe| {
            let bit = low.wrapping_add(high.wrapping_mul(probe)) % bits;
            ((bit / 64) as usize, 1u64 << (bit % 64))
        })
    }

    pub(super) fn insert(&mut self, agent_id: i64, event_id: &str) {
        self.keys += 1;
        for (word, bit) in self.places(agent_id, event_id) {
            if let Some(word) = self.bits.get_mut(word) {
                *word |= bit;
            }
        }
    }

    pub(super) fn may_hold(&self, agent_id: i64, event_id: &str) -> bool {
        self.places(agent_id, event_id)
            .all(|(word, bit)| self.bits.get(word).is_some_and(|word| word & bit != 0))
    }
}

/// The columns that dedup reads.
const COLUMNS: [&str; 7] = [
    "agent_id",
    "event_id",
    "revision",
    "content_hash",
    "upload_time",
    "state",
    "utc_date",
];

/// Places a batch's rows: inside the batch the winner of each key stays; against the lake it is
/// new, supersedes, or is there already.
///
/// `filter` is filled on the first call that needs it, and must see every later batch through
/// [`remember`].
pub async fn place(
    lake: &Lake,
    snapshot: &Snapshot,
    collected: &Collected,
    filter: &mut KeyFilter,
) -> crate::error::Result<Placement> {
    let mut placement = Placement::default();
    let mut winners: HashMap<(i64, &str), u32> = HashMap::with_capacity(collected.keys.len());
    for (row, (key, event_id)) in collected
        .keys
        .iter()
        .zip(collected.event_id.iter())
        .enumerate()
    {
        let row = u32::try_from(row).map_err(|_| Error::Batch {
            cause: "too many rows".into(),
        })?;
        let event_id = event_id.unwrap_or_default();
        match winners.entry((key.agent_id, event_id)) {
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(row);
            }
            std::collections::hash_map::Entry::Occupied(mut place) => {
                let old = collected.keys.get(*place.get() as usize);
                let beats = old.is_none_or(|old| key.version.beats(&old.version));
                let loser = if beats { old } else { Some(key) };
                if let Some(loser) = loser.filter(|loser| !loser.retracts) {
                    *placement.superseded.entry(loser.file).or_default() += 1;
                }
                if beats {
                    place.insert(row);
                }
            }
        }
    }

    let mut stored: HashMap<u32, Stored> = HashMap::new();
    if !snapshot.files.is_empty() {
        // An event without an id of its own has its start in its id, so its date is known. One with
        // an id may come back with another start.
        let dates: BTreeSet<i32> = collected.keys.iter().map(|key| key.utc_date).collect();
        let any_given = collected.keys.iter().any(|key| key.id_given);
        filter.grow();
        if any_given && !filter.filled {
            look_up(lake, snapshot, None, &winners, &mut stored, Some(filter)).await?;
            filter.filled = true;
        } else {
            let maybe: HashMap<(i64, &str), u32> = if filter.filled {
                winners
                    .iter()
                    .filter(|((agent, event), _)| filter.may_hold(*agent, event))
                    .map(|(key, row)| (*key, *row))
                    .collect()
            } else {
                winners.clone()
            };
            if !maybe.is_empty() {
                look_up(lake, snapshot, Some(&dates), &maybe, &mut stored, None).await?;
                let open: HashMap<(i64, &str), u32> = maybe
                    .into_iter()
                    .filter(|(_, row)| {
                        let given = collected
                            .keys
                            .get(*row as usize)
                            .is_some_and(|k| k.id_given);
                        given && stored.get(row).is_none_or(|found| found.revision > 0)
                    })
                    .collect();
                if !open.is_empty() {
                    look_up(lake, snapshot, None, &open, &mut stored, None).await?;
                }
            }
        }
    } else {
        filter.filled = true;
    }

    for row in winners.into_values() {
        let Some(key) = collected.keys.get(row as usize) else {
            continue;
        };
        let mut place = |utc_date: i32, revision: i32, marker: bool| {
            placement.by_date.entry(utc_date).or_default().push(Placed {
                row,
                revision,
                utc_date,
                marker,
            });
        };
        match stored.get(&row) {
            None if key.retracts => continue,
            None => place(key.utc_date, 0, false),
            Some(found) if key.version.beats(&found.version) => {
                let revision = found.revision + 1;
                place(key.utc_date, revision, false);
                if found.utc_date != key.utc_date {
                    place(found.utc_date, revision, true);
                }
            }
            Some(_) if key.retracts => continue,
            Some(_) => {
                *placement.superseded.entry(key.file).or_default() += 1;
                continue;
            }
        }
        // A retraction is no row of the input.
        if key.retracts {
            continue;
        }
        *placement.stored.entry(key.file).or_default() += 1;
    }
    Ok(placement)
}

/// Lets the filter know a batch that is now stored.
pub fn remember(filter: &mut KeyFilter, collected: &Collected) {
    for (key, event_id) in collected.keys.iter().zip(collected.event_id.iter()) {
        filter.insert(key.agent_id, event_id.unwrap_or_default());
    }
}

async fn look_up(
    lake: &Lake,
    snapshot: &Snapshot,
    dates: Option<&BTreeSet<i32>>,
    wanted: &HashMap<(i64, &str), u32>,
    stored: &mut HashMap<u32, Stored>,
    mut filter: Option<&mut KeyFilter>,
) -> crate::error::Result<()> {
    let part = match dates {
        None => snapshot.clone(),
        Some(dates) => snapshot.only(|file| file.day.is_some_and(|day| dates.contains(&day))),
    };
    let mut stream = lake::read(lake, &part, Scope::default(), &COLUMNS).await?;
    while let Some(batch) = stream.try_next().await.map_err(failed)? {
        look_through(&batch, wanted, stored, filter.as_deref_mut())?;
    }
    Ok(())
}

fn look_through(
    batch: &RecordBatch,
    wanted: &HashMap<(i64, &str), u32>,
    stored: &mut HashMap<u32, Stored>,
    mut filter: Option<&mut KeyFilter>,
) -> Result<(), Error> {
    let [agents, events, revisions, contents, uploads, states, dates] = batch.columns() else {
        return Err(failed("the events table lacks a column"));
    };
    let agents = agents.as_primitive::<Int64Type>();
    let events = events.as_string::<i32>();
    let revisions = revisions.as_primitive::<Int32Type>();
    let contents = contents.as_primitive::<Int64Type>();
    let uploads = uploads.as_primitive::<TimestampMicrosecondType>();
    let states = states.as_string::<i32>();
    let dates = dates.as_primitive::<Date32Type>();
    for row in 0..batch.num_rows() {
        let (agent_id, event_id) = (agents.value(row), events.value(row));
        if let Some(filter) = filter.as_deref_mut() {
            filter.insert(agent_id, event_id);
        }
        let Some(collected) = wanted.get(&(agent_id, event_id)) else {
            continue;
        };
        if states.value(row) == SUPERSEDED {
            continue;
        }
        let found = Stored {
            revision: revisions.value(row),
            version: Version {
                upload_time: uploads.is_valid(row).then(|| uploads.value(row)),
                content_hash: contents.is_valid(row).then(|| contents.value(row)),
            },
            utc_date: dates.value(row),
        };
        let latest = stored.entry(*collected).or_insert(found);
        if found.revision > latest.revision {
            *latest = found;
        }
    }
    Ok(())
}

fn failed(cause: impl std::fmt::Display) -> Error {
    Error::Batch {
        cause: format!("looking for events that are stored already: {cause}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_forgets_nothing_and_mostly_says_no() {
        let mut filter = KeyFilter::new(1 << 20, 10_000);
        for number in 0..10_000 {
            filter.insert(number, "x");
        }
        assert!((0..10_000).all(|number| filter.may_hold(number, "x")));
        let wrong = (10_000..20_000)
            .filter(|number| filter.may_hold(*number, "x"))
            .count();
        assert!(wrong < 10, "{wrong}");
    }

    #[test]
    fn a_filter_that_holds_more_than_it_was_made_for_is_filled_anew() {
        let mut filter = KeyFilter::new(1 << 20, 10_000);
        filter.filled = true;
        for number in 0..10_000 {
            filter.insert(number, "x");
        }
        let before = filter.bytes();
        filter.grow();
        assert!(filter.filled && filter.bytes() == before);
        filter.insert(10_000, "x");
        filter.grow();
        assert!(!filter.filled && filter.bytes() > before);
        assert!(!filter.may_hold(1, "x"), "it is empty until it is filled");
        // No larger than the settings allow.
        let mut largest = KeyFilter::new(1 << 16, 10_000);
        largest.filled = true;
        for number in 0..20_000 {
            largest.insert(number, "x");
        }
        largest.grow();
        assert!(largest.filled && largest.bytes() == 1 << 16);
    }
}
