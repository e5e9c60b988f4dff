//! Where every calendar stands, in the lake: what was read last, from where to go on, what failed.
//!
//! Written after the entries it speaks of are durable, so that it is never ahead of them: a crash
//! between the two is made good by reading again.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use futures::TryStreamExt;

use super::{FailureKind, Window};
use crate::clock::Micros;
use crate::error::{Class, Error, Result};
use crate::lake::{self, Lake, Scope, Snapshot, tables};

/// Where one person's calendar of an instance stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonState {
    /// The provider's id of the person.
    pub directory_id: String,
    /// Which kind of name matched; see [`super::matching::MatchedBy::word`].
    pub matched_by: String,
    /// The window of the last success.
    pub window: Option<Window>,
    /// From where to go on in exactly that window.
    pub cursor: Option<String>,
    /// Whether the first, longer reading has been made.
    pub backfilled: bool,
    pub attempted_at: Micros,
    pub succeeded_at: Option<Micros>,
    /// What the last attempt failed by.
    pub failure: Option<FailureKind>,
    /// In plain words: the failure, or a warning of the last success.
    pub message: Option<String>,
    /// Not asked again before.
    pub retry_at: Option<Micros>,
    /// Failures in a row.
    pub failures: i64,
}

/// The people of one instance, by uid.
pub type People = BTreeMap<i64, PersonState>;

const COLUMNS: [&str; 14] = [
    "instance",
    "uid",
    "directory_id",
    "matched_by",
    "window_from",
    "window_to",
    "cursor",
    "backfilled",
    "attempted_at",
    "succeeded_at",
    "failure",
    "message",
    "retry_at",
    "failures",
];

/// Tries at a commit that others keep getting ahead of.
const COMMIT_TRIES: u32 = 20;

/// The people of an instance, as the last sync left them.
pub async fn read(lake: &Lake, instance: &str) -> Result<People> {
    let snapshot = lake.snapshot(&tables::CALENDAR_STATE).await?;
    Ok(read_all(lake, &snapshot)
        .await?
        .remove(instance)
        .unwrap_or_default())
}

/// Puts the people of an instance in the place of those stored; none forgets the instance. When
/// this returns, it is durable.
///
/// `seen` is what was stored when `people` was made from it. Where another sync has written since,
/// what either read last is not known: the person's cursor is dropped, so that the next reading is a
/// whole one.
pub async fn write(lake: &Lake, instance: &str, people: &People, seen: &People) -> Result<()> {
    for _ in 0..COMMIT_TRIES {
        let snapshot = lake.snapshot(&tables::CALENDAR_STATE).await?;
        let mut all = read_all(lake, &snapshot).await?;
        if all
            .get(instance)
            .map_or(people.is_empty(), |old| old == people)
        {
            return Ok(());
        }
        let stored = all.remove(instance).unwrap_or_default();
        let mut people = people.clone();
        for (uid, state) in &mut people {
            if stored.get(uid) != seen.get(uid) && stored.get(uid) != Some(state) {
                state.cursor = None;
            }
        }
        if !people.is_empty() {
            all.insert(instance.to_owned(), people);
        }
        let rows = if all.is_empty() {
            None
        } else {
            Some(batch(&all)?)
        };
        if lake.replace(&snapshot, rows.as_ref()).await? {
            return Ok(());
        }
    }
    Err(Error::new(
        Class::Unavailable,
        format!("others kept writing settings/calendar_state, {COMMIT_TRIES} times; try again"),
    ))
}

async fn read_all(lake: &Lake, snapshot: &Snapshot) -> Result<BTreeMap<String, People>> {
    let mut all: BTreeMap<String, People> = BTreeMap::new();
    if snapshot.files.is_empty() {
        return Ok(all);
    }
    let mut stream = lake::read(lake, snapshot, Scope::default(), &COLUMNS).await?;
    while let Some(batch) = stream.try_next().await.map_err(damaged)? {
        let column = |name: &str| -> Result<ArrayRef> {
            batch
                .column_by_name(name)
                .cloned()
                .ok_or_else(|| damaged(format!("column {name} is missing")))
        };
        let text =
            |name: &str| -> Result<StringArray> { Ok(column(name)?.as_string::<i32>().clone()) };
        let instant = |name: &str| -> Result<TimestampMicrosecondArray> {
            Ok(column(name)?
                .as_primitive::<TimestampMicrosecondType>()
                .clone())
        };
        let instances = text("instance")?;
        let uids = column("uid")?.as_primitive::<Int64Type>().clone();
        let directory_ids = text("directory_id")?;
        let matched_by = text("matched_by")?;
        let froms = instant("window_from")?;
        let tos = instant("window_to")?;
        let cursors = text("cursor")?;
        let backfilled = column("backfilled")?.as_boolean().clone();
        let attempted = instant("attempted_at")?;
        let succeeded = instant("succeeded_at")?;
        let failures = text("failure")?;
        let messages = text("message")?;
        let retries = instant("retry_at")?;
        let counts = column("failures")?.as_primitive::<Int64Type>().clone();
        let given = |texts: &StringArray, row: usize| {
            texts.is_valid(row).then(|| texts.value(row).to_owned())
        };
        let at = |instants: &TimestampMicrosecondArray, row: usize| {
            instants.is_valid(row).then(|| instants.value(row))
        };
        for row in 0..batch.num_rows() {
            let window = at(&froms, row)
                .zip(at(&tos, row))
                .map(|(from, to)| Window { from, to });
            let state = PersonState {
                directory_id: directory_ids.value(row).to_owned(),
                matched_by: matched_by.value(row).to_owned(),
                window,
                cursor: given(&cursors, row),
                backfilled: backfilled.value(row),
                attempted_at: attempted.value(row),
                succeeded_at: at(&succeeded, row),
                failure: given(&failures, row).and_then(|word| FailureKind::of(&word)),
                message: given(&messages, row),
                retry_at: at(&retries, row),
                failures: counts.value(row),
            };
            all.entry(instances.value(row).to_owned())
                .or_default()
                .insert(uids.value(row), state);
        }
    }
    Ok(all)
}

fn batch(all: &BTreeMap<String, People>) -> Result<RecordBatch> {
    let rows: Vec<(&String, &i64, &PersonState)> = all
        .iter()
        .flat_map(|(instance, people)| {
            people
                .iter()
                .map(move |(uid, state)| (instance, uid, state))
        })
        .collect();
    type Row<'a> = (&'a String, &'a i64, &'a PersonState);
    let text = |of: &dyn Fn(&Row<'_>) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<StringArray>())
    };
    let instant = |of: &dyn Fn(&Row<'_>) -> Option<Micros>| -> ArrayRef {
        Arc::new(
            rows.iter()
                .map(of)
                .collect::<TimestampMicrosecondArray>()
                .with_timezone("UTC"),
        )
    };
    let columns: Vec<ArrayRef> = vec![
        text(&|row| Some(row.0.clone())),
        Arc::new(rows.iter().map(|row| Some(*row.1)).collect::<Int64Array>()),
        text(&|row| Some(row.2.directory_id.clone())),
        text(&|row| Some(row.2.matched_by.clone())),
        instant(&|row| row.2.window.map(|window| window.from)),
        instant(&|row| row.2.window.map(|window| window.to)),
        text(&|row| row.2.cursor.clone()),
        Arc::new(
            rows.iter()
                .map(|row| Some(row.2.backfilled))
                .collect::<BooleanArray>(),
        ),
        instant(&|row| Some(row.2.attempted_at)),
        instant(&|row| row.2.succeeded_at),
        text(&|row| row.2.failure.map(|kind| kind.word().to_owned())),
        text(&|row| row.2.message.clone()),
        instant(&|row| row.2.retry_at),
        Arc::new(
            rows.iter()
                .map(|row| Some(row.2.failures))
                .collect::<Int64Array>(),
        ),
    ];
    RecordBatch::try_new(Arc::clone(&tables::CALENDAR_STATE.schema), columns).map_err(damaged)
}

fn damaged(cause: impl std::fmt::Display) -> Error {
    Error::new(
        Class::Lake,
        format!("the state of the calendars cannot be read: {cause}"),
    )
}
