//! The lake's record of syncs: a row a sync, and the entries that could not be understood.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use futures::TryStreamExt;

use super::report::SyncReport;
use crate::clock::{self, AsOf, Micros};
use crate::error::{Class, Error, Result};
use crate::lake::{self, Change, FileWriter, Lake, Scope, TableSpec, WriteOptions, tables};
use crate::models::Setup;
use crate::sources::Reject;

/// Appends the row of a sync. When this returns, it is durable.
pub async fn append(setup: &Setup, report: &SyncReport) -> Result<()> {
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value.to_owned()])) };
    let maybe = |value: Option<String>| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let count =
        |value: u64| -> ArrayRef { Arc::new(Int64Array::from(vec![i64::try_from(value).ok()])) };
    let maybe_count = |value: Option<u64>| -> ArrayRef {
        Arc::new(Int64Array::from(vec![
            value.and_then(|value| i64::try_from(value).ok()),
        ]))
    };
    let instant = |value: Option<Micros>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(vec![value]).with_timezone("UTC"))
    };
    let before = setup.lake.snapshot(&tables::CALENDAR_SYNCS).await?.rows();
    let columns = vec![
        text(&report.instance),
        text(report.maker),
        count(before),
        instant(Some(report.started_at)),
        instant(Some(report.finished_at)),
        text(report.state.word()),
        maybe(report.message()),
        maybe_count(report.directory),
        maybe_count(report.matched),
        maybe_count(report.unmatched),
        maybe_count(report.ambiguous),
        count(report.read),
        count(report.failed + report.not_asked),
        count(report.stored.added),
        count(report.stored.changed),
        count(report.stored.removed),
        count(report.rejected),
        count(report.requests),
        count(report.throttled),
        instant(report.succeeded().then_some(report.started_at)),
        instant(Some(report.next_run)),
    ];
    store(setup, &tables::CALENDAR_SYNCS, columns).await
}

/// Appends entries that could not be understood to `rejects`, each with the person it is of.
pub(super) async fn append_rejects(
    setup: &Setup,
    instance: &str,
    at: AsOf,
    rejects: &[(i64, Reject)],
) -> Result<()> {
    let load_id = format!("{:016x}", clock::nonce());
    let text = |of: &dyn Fn(&(i64, Reject)) -> String| -> ArrayRef {
        Arc::new(
            rejects
                .iter()
                .map(|reject| Some(of(reject)))
                .collect::<StringArray>(),
        )
    };
    let columns = vec![
        text(&|_| load_id.clone()),
        Arc::new(
            TimestampMicrosecondArray::from(vec![at.micros(); rejects.len()]).with_timezone("UTC"),
        ) as ArrayRef,
        text(&|(uid, _)| format!("connector {instance}, user {uid}")),
        Arc::new(
            rejects
                .iter()
                .map(|(_, reject)| i64::try_from(reject.line).ok())
                .collect::<Int64Array>(),
        ),
        text(&|(_, reject)| reject.field.clone()),
        text(&|(_, reject)| reject.reason.to_owned()),
        text(&|(_, reject)| reject.value.clone()),
    ];
    store(setup, &tables::REJECTS, columns).await
}

/// An instance's latest row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastRun {
    pub started_at: Micros,
    sequence: i64,
    pub next_run: Micros,
    /// See [`super::report::SyncState::word`].
    pub state: String,
}

/// How an instance was synced last; nothing before its first sync.
pub async fn last_run(lake: &Lake, instance: &str) -> Result<Option<LastRun>> {
    let snapshot = lake.snapshot(&tables::CALENDAR_SYNCS).await?;
    if snapshot.files.is_empty() {
        return Ok(None);
    }
    let columns = ["instance", "started_at", "sequence", "next_run", "state"];
    let mut stream = lake::read(lake, &snapshot, Scope::default(), &columns).await?;
    let mut last: Option<LastRun> = None;
    while let Some(batch) = stream.try_next().await.map_err(damaged)? {
        let [instances, starts, sequences, nexts, states] = batch.columns() else {
            return Err(damaged("a column is missing"));
        };
        let instances = instances.as_string::<i32>();
        let starts = starts.as_primitive::<TimestampMicrosecondType>();
        let sequences = sequences.as_primitive::<Int64Type>();
        let nexts = nexts.as_primitive::<TimestampMicrosecondType>();
        let states = states.as_string::<i32>();
        for row in 0..batch.num_rows() {
            if instances.value(row) == instance {
                last = last.max(Some(LastRun {
                    started_at: starts.value(row),
                    sequence: sequences.value(row),
                    next_run: nexts.value(row),
                    state: states.value(row).to_owned(),
                }));
            }
        }
    }
    Ok(last)
}

async fn store(setup: &Setup, spec: &Arc<TableSpec>, columns: Vec<ArrayRef>) -> Result<()> {
    let batch = RecordBatch::try_new(Arc::clone(&spec.schema), columns).map_err(damaged)?;
    let options = WriteOptions {
        row_group_rows: setup.settings.limits.row_group_rows,
        zstd_level: 3,
    };
    let mut file = FileWriter::create(&setup.lake, spec, None, options)?;
    file.write(&batch).await?;
    let change = Change {
        adds: vec![file.finish(None).await?],
        rows_change: true,
        ..Change::default()
    };
    setup.lake.append(spec, change).await?;
    Ok(())
}

fn damaged(cause: impl std::fmt::Display) -> Error {
    Error::new(
        Class::Lake,
        format!("the record of syncs cannot be read or written: {cause}"),
    )
}
