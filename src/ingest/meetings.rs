//! Calendar entries into the lake: each entry once, in its version in force.
//!
//! What flows in: entries in the normal form, with the instance and the person they belong to.
//! What flows out: rows of `raw/meetings`; nothing when the entry is stored as it is already. An
//! entry that moves to another date leaves a row of status `moved` behind, so that a day's rows say
//! all about that day. Never: a stored row is changed, or an entry forgotten because another failed.

mod columns;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{Date32Type, Int32Type, Int64Type, TimestampMicrosecondType};
use futures::TryStreamExt;

use self::columns::Columns;
use super::Error;
use super::dedup::KeyFilter;
use crate::clock::Micros;
use crate::config::Settings;
use crate::lake::{
    self, Change, Committed, FileWriter, Lake, Scope, Snapshot, WriteOptions, tables,
};
use crate::sources::meeting::{Meeting, Span, Status};

/// What stands where an entry was before it moved to another date.
pub const MOVED: &str = "moved";

/// Microseconds of a day.
const DAY: Micros = 86_400_000_000;

/// An entry on its way to the lake.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    pub instance: Arc<str>,
    pub uid: i64,
    pub meeting: Meeting,
}

/// Which version of an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The latest `updated` (none is the oldest), then the later arrival (`semantics.md` §6): files.
    LatestUpdate,
    /// What the calendar says now, whatever it said before: connectors. The stored `updated` never
    /// falls, so that both rules agree.
    Arrival,
}

/// What storing did, in entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    pub added: u64,
    pub changed: u64,
    /// Were in force, and now are cancelled or deleted.
    pub removed: u64,
    /// There already as they are, older than what is there, or the deletion of nothing.
    pub unchanged: u64,
}

impl Stored {
    /// Entries handed in.
    pub fn total(&self) -> u64 {
        self.added + self.changed + self.removed + self.unchanged
    }
}

impl std::ops::AddAssign for Stored {
    fn add_assign(&mut self, other: Stored) {
        self.added += other.added;
        self.changed += other.changed;
        self.removed += other.removed;
        self.unchanged += other.unchanged;
    }
}

/// What storing did with each entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Each {
    pub stored: Stored,
    /// Places in the list handed in of the entries that were written; all others are
    /// `unchanged`.
    pub written: Vec<usize>,
}

/// What names an entry: person, instance, the provider's id.
pub type Key = (i64, Arc<str>, String);

/// The stored version in force of an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub revision: i32,
    pub content_hash: i64,
    pub updated: Option<Micros>,
    pub span: Option<Span>,
    /// Whether it takes place: neither cancelled nor deleted.
    pub lives: bool,
    pub utc_date: i32,
}

/// The calendar entries of a lake, open for one load or sync.
pub struct Meetings {
    lake: Lake,
    snapshot: Snapshot,
    options: WriteOptions,
    filter: KeyFilter,
    filled: bool,
}

/// Tries at a commit that others keep getting ahead of.
const COMMIT_TRIES: u32 = 20;

/// What is read to know what is stored.
const COLUMNS: [&str; 12] = [
    "uid",
    "start",
    "end",
    "start_date",
    "end_date",
    "instance",
    "event_id",
    "revision",
    "content_hash",
    "status",
    "updated",
    "utc_date",
];

impl Meetings {
    /// Opens the stored entries as they are now.
    pub async fn open(lake: &Lake, settings: &Settings) -> crate::error::Result<Meetings> {
        let snapshot = lake.snapshot(&tables::MEETINGS_RAW).await?;
        let limits = &settings.limits;
        Ok(Meetings {
            lake: lake.clone(),
            filter: KeyFilter::new(limits.ingest_filter_bytes, snapshot.rows() + 1_000_000),
            filled: snapshot.files.is_empty(),
            snapshot,
            options: WriteOptions {
                row_group_rows: limits.row_group_rows,
                zstd_level: 3,
            },
        })
    }

    /// The entries in force of these people of an instance that are stored under the UTC dates
    /// `from..=to` (days since the epoch).
    pub async fn in_force(
        &mut self,
        instance: &Arc<str>,
        people: &BTreeSet<i64>,
        from: i32,
        to: i32,
    ) -> crate::error::Result<HashMap<Key, Known>> {
        let mut found = HashMap::new();
        let part = self
            .snapshot
            .only(|file| file.day.is_some_and(|day| from <= day && day <= to));
        self.look_through(&part, &mut found, false, |key| {
            key.1 == *instance && people.contains(&key.0)
        })
        .await?;
        found.retain(|_, known| known.is_here());
        Ok(found)
    }

    /// Stores entries; of several versions of one, the rule decides. When this returns, they are
    /// durable. A call that is repeated after a crash finds what is stored and adds nothing.
    ///
    /// # Errors
    /// When the lake cannot be written; then nothing of this call is visible.
    pub async fn store(
        &mut self,
        incoming: Vec<Incoming>,
        rule: Rule,
    ) -> crate::error::Result<Stored> {
        Ok(self.store_each(&incoming, rule).await?.stored)
    }

    /// As [`Meetings::store`], with what [`Meetings::in_force`] found: of these entries nothing is
    /// looked for again. What stands in force under one date stands nowhere else.
    ///
    /// # Errors
    /// As [`Meetings::store`].
    pub async fn store_after(
        &mut self,
        incoming: Vec<Incoming>,
        rule: Rule,
        found: HashMap<Key, Known>,
    ) -> crate::error::Result<Stored> {
        Ok(self.store_placed(&incoming, rule, found).await?.stored)
    }

    /// As [`Meetings::store`], and tells which of the entries are in force now that were not.
    ///
    /// # Errors
    /// As [`Meetings::store`].
    pub async fn store_each(
        &mut self,
        incoming: &[Incoming],
        rule: Rule,
    ) -> crate::error::Result<Each> {
        self.store_placed(incoming, rule, HashMap::new()).await
    }

    async fn store_placed(
        &mut self,
        incoming: &[Incoming],
        rule: Rule,
        mut found: HashMap<Key, Known>,
    ) -> crate::error::Result<Each> {
        for _ in 0..COMMIT_TRIES {
            let known = self.known(incoming, std::mem::take(&mut found)).await?;
            let Placed {
                rows,
                stored,
                written,
            } = place(incoming, &known, rule);
            let each = Each { stored, written };
            if rows.is_empty() {
                return Ok(each);
            }
            let mut adds = Vec::new();
            for (date, mut columns) in rows {
                let batch = columns.finish(date)?;
                let mut file = FileWriter::create(
                    &self.lake,
                    &tables::MEETINGS_RAW,
                    Some(date),
                    self.options,
                )?;
                file.write(&batch).await?;
                adds.push(file.finish(None).await?);
            }
            let change = Change {
                adds,
                rows_change: true,
                ..Change::default()
            };
            match self.lake.commit(&self.snapshot, change).await? {
                Committed::Done(now) | Committed::AlreadyThere(now) => {
                    // Somebody else may have committed right after: these keys the filter lacks.
                    if now.version > self.snapshot.version.max(0) + 1 {
                        self.filled = false;
                    }
                    self.snapshot = now;
                    for entry in incoming {
                        self.filter.insert(entry.uid, &entry.meeting.event_id);
                    }
                    return Ok(each);
                }
                Committed::Raced(change, now) => {
                    // Somebody else may have stored some of these: place them anew.
                    for file in change.adds {
                        file.abandon(&self.lake).await?;
                    }
                    self.filled = false;
                    self.snapshot = now;
                }
            }
        }
        Err(Error::Contention {
            tries: COMMIT_TRIES,
        }
        .into())
    }

    /// What is stored of the entries that came in, beyond what was found already.
    async fn known(
        &mut self,
        incoming: &[Incoming],
        already: HashMap<Key, Known>,
    ) -> crate::error::Result<HashMap<Key, Known>> {
        let mut found = HashMap::new();
        let all = self.snapshot.clone();
        let is_found = |entry: &Incoming| {
            let event_id = entry.meeting.event_id.clone();
            already.contains_key(&(entry.uid, Arc::clone(&entry.instance), event_id))
        };
        let wanted: BTreeSet<(i64, &str, &str)> = incoming
            .iter()
            .filter(|entry| {
                !self.filled || self.filter.may_hold(entry.uid, &entry.meeting.event_id)
            })
            .filter(|entry| !is_found(entry))
            .map(|entry| (entry.uid, &*entry.instance, &*entry.meeting.event_id))
            .collect();
        if !wanted.is_empty() {
            let fills = !self.filled;
            self.look_through(&all, &mut found, fills, |key| {
                wanted.contains(&(key.0, &*key.1, &*key.2))
            })
            .await?;
            self.filled = true;
        }
        found.extend(already);
        found.retain(|_, known| known.is_here());
        Ok(found)
    }

    async fn look_through(
        &mut self,
        part: &Snapshot,
        found: &mut HashMap<Key, Known>,
        fills: bool,
        wanted: impl Fn(&Key) -> bool,
    ) -> crate::error::Result<()> {
        if part.files.is_empty() {
            return Ok(());
        }
        let mut stream = lake::read(&self.lake, part, Scope::default(), &COLUMNS).await?;
        let mut names: HashMap<String, Arc<str>> = HashMap::new();
        while let Some(batch) = stream.try_next().await.map_err(failed)? {
            let [
                uids,
                starts,
                ends,
                start_dates,
                end_dates,
                instances,
                events,
                revisions,
                hashes,
                states,
                updates,
                dates,
            ] = batch.columns()
            else {
                return Err(failed("the table lacks a column").into());
            };
            let uids = uids.as_primitive::<Int64Type>();
            let starts = starts.as_primitive::<TimestampMicrosecondType>();
            let ends = ends.as_primitive::<TimestampMicrosecondType>();
            let start_dates = start_dates.as_primitive::<Date32Type>();
            let end_dates = end_dates.as_primitive::<Date32Type>();
            let instances = instances.as_string::<i32>();
            let events = events.as_string::<i32>();
            let revisions = revisions.as_primitive::<Int32Type>();
            let hashes = hashes.as_primitive::<Int64Type>();
            let states = states.as_string::<i32>();
            let updates = updates.as_primitive::<TimestampMicrosecondType>();
            let dates = dates.as_primitive::<Date32Type>();
            for row in 0..batch.num_rows() {
                let uid = uids.value(row);
                if fills {
                    self.filter.insert(uid, events.value(row));
                }
                let instance = instances.value(row);
                let instance = match names.get(instance) {
                    Some(known) => Arc::clone(known),
                    None => {
                        let fresh: Arc<str> = instance.into();
                        names.insert(instance.to_owned(), Arc::clone(&fresh));
                        fresh
                    }
                };
                let key = (uid, instance, events.value(row).to_owned());
                if !wanted(&key) {
                    continue;
                }
                let span = if starts.is_valid(row) && ends.is_valid(row) {
                    Some(Span::Instants {
                        start: starts.value(row),
                        end: ends.value(row),
                    })
                } else if start_dates.is_valid(row) && end_dates.is_valid(row) {
                    Some(Span::Dates {
                        start: start_dates.value(row),
                        end: end_dates.value(row),
                    })
                } else {
                    None
                };
                let state = states.value(row);
                let revision = revisions.value(row);
                let seen = Known {
                    // A mark of having moved is of no use but to outrank what was here.
                    content_hash: hashes.value(row),
                    revision,
                    updated: updates.is_valid(row).then(|| updates.value(row)),
                    span,
                    lives: lives(state),
                    utc_date: if state == MOVED {
                        ELSEWHERE
                    } else {
                        dates.value(row)
                    },
                };
                let latest = found.entry(key).or_insert_with(|| seen.clone());
                // The entry itself and the mark it left elsewhere share a revision.
                if revision > latest.revision || (revision == latest.revision && seen.is_here()) {
                    *latest = seen;
                }
            }
        }
        Ok(())
    }
}

/// The date of an entry of which only the mark was seen.
const ELSEWHERE: i32 = i32::MIN;

impl Known {
    fn is_here(&self) -> bool {
        self.utc_date != ELSEWHERE
    }
}

fn lives(state: &str) -> bool {
    !matches!(
        Status::of(state),
        None | Some(Status::Cancelled | Status::Deleted)
    )
}

/// The UTC date (days since the epoch) that an entry is stored under.
pub fn utc_date(span: Span) -> i32 {
    match span {
        Span::Instants { start, .. } => date_of(start),
        Span::Dates { start, .. } => start,
    }
}

fn date_of(instant: Micros) -> i32 {
    i32::try_from(instant.div_euclid(DAY)).unwrap_or(if instant < 0 { i32::MIN } else { i32::MAX })
}

/// What is to be written.
struct Placed {
    /// By date.
    rows: BTreeMap<i32, Columns>,
    stored: Stored,
    written: Vec<usize>,
}

/// Decides for each entry that came in, in the order of arrival.
fn place(incoming: &[Incoming], known: &HashMap<Key, Known>, rule: Rule) -> Placed {
    let mut stored = Stored::default();
    let mut written = Vec::new();
    // What holds after all that came in so far, and what of it must be written.
    let mut now: HashMap<Key, (Known, Option<usize>)> = HashMap::new();
    for (index, entry) in incoming.iter().enumerate() {
        let key: Key = (
            entry.uid,
            Arc::clone(&entry.instance),
            entry.meeting.event_id.clone(),
        );
        let before = now
            .get(&key)
            .map(|(version, _)| version)
            .or_else(|| known.get(&key));
        let Some(version) = next_version(&entry.meeting, before, rule) else {
            stored.unchanged += 1;
            continue;
        };
        // An entry that was in this call already counts by what it was before the call.
        if now.contains_key(&key) {
            stored.unchanged += 1;
        }
        now.insert(key, (version, Some(index)));
    }
    let mut rows: BTreeMap<i32, Columns> = BTreeMap::new();
    let mut order: Vec<_> = now.iter().collect();
    order.sort_by(|(one, (this, _)), (other, (that, _))| {
        (one.0, this.start(), &one.1, &one.2).cmp(&(other.0, that.start(), &other.1, &other.2))
    });
    for (key, (version, index)) in order {
        let Some((index, entry)) = index.and_then(|index| Some((index, incoming.get(index)?)))
        else {
            continue;
        };
        let before = known.get(key);
        let revision = before.map_or(0, |before| before.revision + 1);
        match before {
            // A change that was taken back within the call.
            Some(before)
                if before.content_hash == version.content_hash
                    && before.updated == version.updated =>
            {
                stored.unchanged += 1;
                continue;
            }
            None => stored.added += 1,
            Some(before) if before.lives && !version.lives => stored.removed += 1,
            Some(_) => stored.changed += 1,
        }
        written.push(index);
        rows.entry(version.utc_date)
            .or_default()
            .push(entry, version, revision);
        if let Some(before) = before.filter(|before| before.utc_date != version.utc_date) {
            rows.entry(before.utc_date)
                .or_default()
                .push_mark(entry, version, revision);
        }
    }
    Placed {
        rows,
        stored,
        written,
    }
}

impl Known {
    fn start(&self) -> Micros {
        match self.span {
            Some(Span::Instants { start, .. }) => start,
            // Without an instant a row stands last of its person.
            _ => Micros::MAX,
        }
    }
}

/// The version that holds when `meeting` arrives after `before`; `None` when nothing changes.
fn next_version(meeting: &Meeting, before: Option<&Known>, rule: Rule) -> Option<Known> {
    let content_hash = columns::content_hash(meeting);
    let lives = !matches!(meeting.status, Status::Cancelled | Status::Deleted);
    let mut updated = meeting.updated;
    let Some(before) = before else {
        // What says only that something is gone says nothing when it never was; but a file may say
        // it before an older version of the entry comes, which must not hold then.
        let utc_date = match (meeting.span, rule) {
            (_, Rule::Arrival) if !lives => return None,
            (Some(span), _) => utc_date(span),
            (None, Rule::LatestUpdate) => date_of(updated?),
            (None, Rule::Arrival) => return None,
        };
        return Some(Known {
            revision: 0,
            content_hash,
            updated,
            span: meeting.span,
            lives,
            utc_date,
        });
    };
    // A deletion stays where the entry was.
    let span = meeting.span.or(before.span);
    let gone_already = meeting.span.is_none() && !lives && !before.lives;
    let same = content_hash == before.content_hash || gone_already;
    match rule {
        Rule::Arrival => {
            updated = updated.max(before.updated);
            if same {
                return None;
            }
        }
        Rule::LatestUpdate => match updated.cmp(&before.updated) {
            std::cmp::Ordering::Less => return None,
            std::cmp::Ordering::Equal if same => return None,
            _ => {}
        },
    }
    Some(Known {
        revision: before.revision,
        content_hash,
        updated,
        span,
        lives,
        utc_date: span.map_or(before.utc_date, utc_date),
    })
}

fn failed(cause: impl std::fmt::Display) -> Error {
    Error::Batch {
        cause: format!("looking for calendar entries that are stored already: {cause}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::meeting::{EventKind, ShowAs};

    fn meeting(id: &str, start_hour: i64, updated: Option<i64>) -> Meeting {
        Meeting {
            event_id: id.into(),
            series_id: None,
            title: Some("Plan".into()),
            private: false,
            span: Some(Span::Instants {
                start: start_hour * 3_600_000_000,
                end: (start_hour + 1) * 3_600_000_000,
            }),
            status: Status::Confirmed,
            show_as: ShowAs::Busy,
            kind: EventKind::Default,
            organizer: None,
            own_response: None,
            attendees: Vec::new(),
            created: None,
            updated,
        }
    }

    fn entry(meeting: Meeting) -> Incoming {
        Incoming {
            instance: "one".into(),
            uid: 7,
            meeting,
        }
    }

    /// Places in one call what came before and what comes now in another.
    fn after(before: Vec<Meeting>, now: Vec<Meeting>, rule: Rule) -> (Vec<i32>, Stored) {
        let mut known: HashMap<Key, Known> = HashMap::new();
        for meeting in before {
            let key: Key = (7, "one".into(), meeting.event_id.clone());
            let revision = known.get(&key).map_or(0, |known| known.revision + 1);
            if let Some(mut version) = next_version(&meeting, known.get(&key), rule) {
                version.revision = revision;
                known.insert(key, version);
            }
        }
        let incoming: Vec<Incoming> = now.into_iter().map(entry).collect();
        let placed = place(&incoming, &known, rule);
        let days = placed
            .rows
            .iter()
            .flat_map(|(day, columns)| std::iter::repeat_n(*day, columns.rows()))
            .collect();
        let stored = placed.stored;
        assert_eq!(
            placed.written.len() as u64,
            stored.total() - stored.unchanged
        );
        (days, stored)
    }

    #[test]
    fn the_same_again_is_nothing() {
        let one = meeting("a", 30, Some(5));
        for rule in [Rule::Arrival, Rule::LatestUpdate] {
            let (days, stored) = after(vec![one.clone()], vec![one.clone(), one.clone()], rule);
            assert!(days.is_empty());
            assert_eq!(stored.unchanged, 2);
        }
        // A later stamp on the same content matters to files only.
        let later = meeting("a", 30, Some(6));
        assert_eq!(
            after(vec![one.clone()], vec![later.clone()], Rule::Arrival).1,
            Stored {
                unchanged: 1,
                ..Stored::default()
            }
        );
        assert_eq!(
            after(vec![one], vec![later], Rule::LatestUpdate).1.changed,
            1
        );
    }

    #[test]
    fn an_older_update_loses_by_file_and_wins_by_arrival() {
        let new = meeting("a", 30, Some(9));
        let old = meeting("a", 31, Some(5));
        let (days, _) = after(vec![new.clone()], vec![old.clone()], Rule::LatestUpdate);
        assert!(days.is_empty());
        let (days, stored) = after(vec![new], vec![old], Rule::Arrival);
        assert_eq!((days, stored.changed), (vec![1], 1));
    }

    #[test]
    fn a_move_to_another_date_leaves_a_mark() {
        let (days, stored) = after(
            vec![meeting("a", 10, None)],
            vec![meeting("a", 60, None)],
            Rule::Arrival,
        );
        assert_eq!(days, [0, 2]);
        assert_eq!(stored.changed, 1);
    }

    #[test]
    fn gone_is_said_once_and_only_of_what_was() {
        let gone = Meeting::gone("a".into(), Status::Deleted);
        let (days, stored) = after(Vec::new(), vec![gone.clone()], Rule::Arrival);
        assert!(days.is_empty());
        assert_eq!(stored.unchanged, 1);
        let (days, stored) = after(
            vec![meeting("a", 10, Some(3))],
            vec![gone.clone()],
            Rule::Arrival,
        );
        assert_eq!((days, stored.removed), (vec![0], 1));
        let (days, _) = after(
            vec![meeting("a", 10, Some(3)), gone.clone()],
            vec![gone],
            Rule::Arrival,
        );
        assert!(days.is_empty());
    }

    #[test]
    fn a_deletion_that_comes_before_the_older_entry_holds() {
        let mut gone = Meeting::gone("a".into(), Status::Deleted);
        gone.updated = Some(9 * DAY);
        let old = meeting("a", 10, Some(DAY));
        for (before, now) in [
            (vec![gone.clone()], vec![old.clone()]),
            (vec![], vec![gone.clone(), old.clone()]),
        ] {
            let (_, stored) = after(before, now, Rule::LatestUpdate);
            assert_eq!((stored.changed, stored.unchanged), (0, 1));
        }
        // A version later than the deletion holds, and is no longer where the deletion was.
        let new = meeting("a", 10, Some(10 * DAY));
        let (days, stored) = after(vec![gone.clone()], vec![new], Rule::LatestUpdate);
        assert_eq!((days, stored.changed), (vec![0, 9], 1));
        // Without a time of change it is older than all.
        gone.updated = None;
        let (days, stored) = after(vec![], vec![gone, old], Rule::LatestUpdate);
        assert_eq!((days, stored.added, stored.unchanged), (vec![0], 1, 1));
    }

    #[test]
    fn of_copies_in_one_call_only_the_one_in_force_is_written() {
        let incoming: Vec<Incoming> = [
            meeting("a", 10, Some(5)),
            meeting("a", 11, Some(7)),
            meeting("a", 12, Some(6)),
            meeting("b", 10, None),
        ]
        .map(entry)
        .into();
        let mut placed = place(&incoming, &HashMap::new(), Rule::LatestUpdate);
        placed.written.sort_unstable();
        assert_eq!(placed.written, [1, 3]);
        assert_eq!((placed.stored.added, placed.stored.unchanged), (2, 2));
    }

    #[test]
    fn what_comes_back_lives_again() {
        let one = meeting("a", 10, Some(3));
        let gone = Meeting::gone("a".into(), Status::Deleted);
        let (days, stored) = after(vec![one.clone(), gone], vec![one], Rule::Arrival);
        assert_eq!((days, stored.changed), (vec![0], 1));
    }

    #[test]
    fn a_change_taken_back_within_a_call_is_none() {
        let one = meeting("a", 10, None);
        let other = meeting("a", 60, None);
        let (days, stored) = after(vec![one.clone()], vec![other, one], Rule::Arrival);
        assert!(days.is_empty());
        assert_eq!(stored.total(), 2);
    }
}
