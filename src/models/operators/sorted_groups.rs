//! Aggregates whose input comes in the order of its groups.
//!
//! Then a group is a run of rows, and where one ends is seen by comparing neighbours, column by column.
//! The engine knows the order, too, and emits groups early by it, but still looks up every row of more
//! than one group column in a hash table. In flows a physical plan; out flows the same with such
//! aggregates replaced. What the aggregate functions do stays theirs.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::{concat_batches, partition};
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode, SendableRecordBatchStream};
use futures::TryStreamExt;

use super::groups::Groups;
use super::stand_in::Way;

/// An aggregate over input in the order of its groups.
#[derive(Debug)]
pub(super) struct SortedGroups(AggregateExec);

fn applies(aggregate: &AggregateExec) -> bool {
    let group_by = aggregate.group_expr();
    let schema = aggregate.input().schema();
    let plain = |expr: &Arc<dyn PhysicalExpr>| plainly_compared(expr, &schema);
    matches!(
        aggregate.mode(),
        AggregateMode::Single | AggregateMode::SinglePartitioned
    ) && aggregate.input_order_mode() == &InputOrderMode::Sorted
        && aggregate.limit_options().is_none()
        && group_by.is_single()
        && !group_by.is_true_no_grouping()
        && group_by.input_exprs().iter().all(plain)
        && aggregate.aggr_expr().iter().all(|function| {
            function.groups_accumulator_supported() && function.order_bys().is_empty()
        })
}

/// Whether values of an expression are the same exactly if they compare equal.
pub(super) fn plainly_compared(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    expr.data_type(schema).is_ok_and(|data_type| {
        data_type.is_integer()
            || data_type.is_temporal()
            || matches!(data_type, DataType::Boolean | DataType::Utf8)
    })
}

impl Way for SortedGroups {
    const NAME: &'static str = "SortedGroupsExec";

    fn of(engines: &Arc<dyn ExecutionPlan>) -> Option<SortedGroups> {
        let aggregate = engines.downcast_ref::<AggregateExec>()?;
        applies(aggregate).then(|| SortedGroups(aggregate.clone()))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.0.input().execute(partition, Arc::clone(&context))?;
        let open = Open::new(&self.0, &context)?;
        let rows = context.session_config().batch_size().min(HANDED_ON_ROWS);
        let stream = futures::stream::try_unfold(Some((input, open)), move |state| async move {
            let Some((mut input, mut open)) = state else {
                return Ok(None);
            };
            while let Some(batch) = input.try_next().await? {
                if batch.num_rows() == 0 {
                    continue;
                }
                open.update(&batch)?;
                if open.rows >= rows || open.bytes >= HANDED_ON_BYTES {
                    let done = open.taken()?;
                    return Ok(Some((done, Some((input, open)))));
                }
            }
            if open.groups.count > 0 {
                open.complete(EmitTo::All)?;
            }
            match open.rows {
                0 => Ok(None),
                _ => Ok(Some((open.taken()?, None))),
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.0.schema(),
            stream,
        )))
    }
}

/// Rows that are handed on at once, if there are so many: a batch of the input holds few long groups, and
/// wide rows by the dozen cost more than they hold.
const HANDED_ON_ROWS: usize = 1024;

/// Fewer where they are large.
const HANDED_ON_BYTES: usize = 1 << 20;

/// The groups that are not handed on yet.
struct Open {
    groups: Groups,
    /// Rows of complete groups: computed while what they are made from is at hand.
    complete: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
    schema: SchemaRef,
    reservation: MemoryReservation,
}

impl Open {
    fn new(plan: &AggregateExec, context: &TaskContext) -> Result<Open> {
        Ok(Open {
            groups: Groups::new(plan)?,
            complete: Vec::new(),
            rows: 0,
            bytes: 0,
            schema: plan.schema(),
            reservation: MemoryConsumer::new("groups in order").register(context.memory_pool()),
        })
    }

    /// Takes in rows, at least one.
    fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        let keys = self.groups.keys(batch)?;
        let runs = partition(&keys)?.ranges();
        let goes_on = self.groups.last_is(&keys)?;
        let mut group_of: Vec<usize> = Vec::with_capacity(batch.num_rows());
        let mut firsts: Vec<u32> = Vec::with_capacity(runs.len());
        let mut groups = self.groups.count;
        for (at, run) in runs.into_iter().enumerate() {
            if at > 0 || !goes_on {
                firsts.push(run.start as u32);
                groups += 1;
            }
            group_of.resize(run.end, groups - 1);
        }
        self.groups.add(batch, &keys, &group_of, firsts)?;
        // The last one may go on.
        match groups.saturating_sub(1) {
            0 => self.account(),
            complete => self.complete(EmitTo::First(complete)),
        }
    }

    /// Computes the rows of groups.
    fn complete(&mut self, which: EmitTo) -> Result<()> {
        let rows = self.groups.taken(which)?;
        self.rows += rows.num_rows();
        self.bytes += rows.get_array_memory_size();
        self.complete.push(rows);
        self.account()
    }

    /// The rows computed so far.
    fn taken(&mut self) -> Result<RecordBatch> {
        let rows = concat_batches(&self.schema, &self.complete)?;
        self.complete.clear();
        (self.rows, self.bytes) = (0, 0);
        self.account()?;
        Ok(rows)
    }

    fn account(&mut self) -> Result<()> {
        self.reservation
            .try_resize(self.groups.bytes() + self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{Rows, answer, rows};

    const QUESTION: &str = "
        select
            day, person, sum(n) as total, count(*) as rows,
            count(*) filter (where n > 3) as many, min(name) as first_name, max(n) as most,
            sum(2) as twos
        from rows
        group by person, day
    ";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn as_the_engine_s_own(
            rows in rows(60),
            cuts in proptest::collection::vec(0..100usize, 0..8),
        ) {
            let rows = Rows::sorted(rows, &["day", "person"]);
            let tables = [("rows", rows.table(&cuts))];
            let (own, own_shape) = answer(&tables, QUESTION, false);
            let (ours, shape) = answer(&tables, QUESTION, true);
            prop_assert!(shape.contains("SortedGroupsExec"), "{shape}");
            prop_assert!(!own_shape.contains("SortedGroupsExec"), "{own_shape}");
            prop_assert_eq!(own, ours);
        }
    }

    #[test]
    fn other_orders_stay_the_engine_s() {
        let unsorted = Rows::sorted(Vec::new(), &[]);
        let (_, shape) = answer(&[("rows", unsorted.table(&[]))], QUESTION, true);
        assert!(!shape.contains("SortedGroupsExec"), "{shape}");
    }
}
