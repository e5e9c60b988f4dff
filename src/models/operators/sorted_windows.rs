//! Window functions over partitions that come one after the other.
//!
//! The engine's operator takes in all rows, copies them into one batch and only then evaluates partition
//! by partition. Here a partition is evaluated as soon as its last row has come, and only rows of a
//! partition that spans batches are copied: memory holds a person's day instead of a chunk of days.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::compute::kernels::cmp::not_distinct;
use datafusion::arrow::compute::{concat, concat_batches, partition};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::WindowAggExec;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::TryStreamExt;

use super::sorted_groups::plainly_compared;
use super::stand_in::Way;

/// Window functions over sorted partitions.
#[derive(Debug)]
pub(super) struct SortedWindows {
    window: WindowAggExec,
    /// What tells partitions apart.
    keys: Vec<Arc<dyn PhysicalExpr>>,
}

/// What tells partitions apart; none where the operator does not apply.
fn keys(window: &WindowAggExec) -> Option<Vec<Arc<dyn PhysicalExpr>>> {
    let keys: Vec<_> = window
        .partition_by_sort_keys()
        .ok()?
        .into_iter()
        .map(|key| key.expr)
        .collect();
    let (first, others) = window.window_expr().split_first()?;
    let alike = |one: &[Arc<dyn PhysicalExpr>], other: &[Arc<dyn PhysicalExpr>]| {
        one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.eq(other))
    };
    let same = others
        .iter()
        .all(|other| alike(other.partition_by(), first.partition_by()));
    let schema = window.input().schema();
    let plain = keys.iter().all(|key| plainly_compared(key, &schema));
    (!keys.is_empty() && keys.len() == first.partition_by().len() && same && plain).then_some(keys)
}

impl Way for SortedWindows {
    const NAME: &'static str = "SortedWindowsExec";

    fn of(engines: &Arc<dyn ExecutionPlan>) -> Option<SortedWindows> {
        let window = engines.downcast_ref::<WindowAggExec>()?;
        let (window, keys) = (window.clone(), keys(window)?);
        Some(SortedWindows { window, keys })
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self
            .window
            .input()
            .execute(partition, Arc::clone(&context))?;
        let reservation = MemoryConsumer::new("windows in order").register(context.memory_pool());
        let windows = Windows {
            plan: self.window.clone(),
            keys: self.keys.clone(),
            open: Vec::new(),
            open_keys: Vec::new(),
            reservation,
        };
        let stream = futures::stream::try_unfold(Some((input, windows)), |state| async {
            let Some((mut input, mut windows)) = state else {
                return Ok(None);
            };
            while let Some(batch) = input.try_next().await? {
                if batch.num_rows() == 0 {
                    continue;
                }
                let done = windows.push(&batch)?;
                if !done.is_empty() {
                    return Ok(Some((done, Some((input, windows)))));
                }
            }
            let done: Vec<RecordBatch> = windows.closed()?.into_iter().collect();
            Ok::<_, DataFusionError>(Some((done, None)))
        });
        let stream = stream
            .map_ok(|done| futures::stream::iter(done.into_iter().map(Ok)))
            .try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.window.schema(),
            stream,
        )))
    }
}

/// The partition that may go on.
struct Windows {
    plan: WindowAggExec,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    /// Its rows so far, and its key, a row a column.
    open: Vec<RecordBatch>,
    open_keys: Vec<ArrayRef>,
    reservation: MemoryReservation,
}

impl Windows {
    /// Takes in rows, at least one, and gives what is complete.
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
        let rows = batch.num_rows();
        let keys = self
            .keys
            .iter()
            .map(|key| key.evaluate(batch)?.into_array(rows))
            .collect::<Result<Vec<_>>>()?;
        let mut runs = partition(&keys)?.ranges();
        let mut done = Vec::new();
        if !self.open.is_empty() {
            if self.goes_on(&keys)? {
                let first = runs.first().cloned().unwrap_or(0..rows);
                self.hold(batch.slice(first.start, first.len()))?;
                runs.remove(0);
                if runs.is_empty() {
                    return Ok(done);
                }
            }
            done.extend(self.closed()?);
        }
        let Some(last) = runs.pop() else {
            return Ok(done);
        };
        if let Some(first) = runs.first() {
            let complete = batch.slice(first.start, last.start - first.start);
            let offset = first.start;
            let runs = runs
                .iter()
                .map(|run| run.start - offset..run.end - offset)
                .collect::<Vec<_>>();
            done.push(self.evaluated(&complete, &runs)?);
        }
        self.open_keys = keys.iter().map(|key| key.slice(last.start, 1)).collect();
        self.hold(batch.slice(last.start, last.len()))?;
        Ok(done)
    }

    fn hold(&mut self, rows: RecordBatch) -> Result<()> {
        // The buffers are those of whole batches.
        self.reservation.try_grow(rows.get_array_memory_size())?;
        self.open.push(rows);
        Ok(())
    }

    fn goes_on(&self, keys: &[ArrayRef]) -> Result<bool> {
        for (open, key) in self.open_keys.iter().zip(keys) {
            if !not_distinct(open, &key.slice(0, 1))?.value(0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The open partition, evaluated.
    fn closed(&mut self) -> Result<Option<RecordBatch>> {
        let open = std::mem::take(&mut self.open);
        let Some(first) = open.first() else {
            return Ok(None);
        };
        let whole = match open.as_slice() {
            [one] => one.clone(),
            many => concat_batches(first.schema_ref(), many)?,
        };
        let rows = whole.num_rows();
        let done = self.evaluated(&whole, std::slice::from_ref(&(0..rows)))?;
        self.reservation.free();
        Ok(Some(done))
    }

    /// Whole partitions with what the functions make of them.
    fn evaluated(&self, batch: &RecordBatch, runs: &[Range<usize>]) -> Result<RecordBatch> {
        let mut columns = batch.columns().to_vec();
        for function in self.plan.window_expr() {
            let parts = runs
                .iter()
                .map(|run| function.evaluate(&batch.slice(run.start, run.len())))
                .collect::<Result<Vec<_>>>()?;
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            columns.push(concat(&parts)?);
        }
        RecordBatch::try_new(self.plan.schema(), columns).map_err(DataFusionError::from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{Rows, answer};

    /// Functions that the engine's whole-input operator evaluates: those that look to a partition's end.
    const QUESTION: &str = "
        select
            *,
            last_value(n) over whole as last_n,
            count(*) over whole as rows_there,
            cume_dist() over (partition by day, person order by n) as share
        from rows
        window whole as (
            partition by day, person order by n
            rows between unbounded preceding and unbounded following
        )
    ";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn as_the_engine_s_own(
            rows in super::super::tests::rows(60),
            cuts in proptest::collection::vec(0..100usize, 0..8),
        ) {
            let rows = Rows::sorted(rows, &["day", "person", "n"]);
            let tables = [("rows", rows.table(&cuts))];
            let (own, own_shape) = answer(&tables, QUESTION, false);
            let (ours, shape) = answer(&tables, QUESTION, true);
            prop_assert!(shape.contains("SortedWindowsExec"), "{shape}");
            prop_assert!(!own_shape.contains("SortedWindowsExec"), "{own_shape}");
            prop_assert_eq!(own, ours);
        }
    }
}
