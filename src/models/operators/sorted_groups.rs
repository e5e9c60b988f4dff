//! Aggregates whose input comes in the order of its groups.
//!
//! Then a group is a run of rows, and where one ends is seen by comparing neighbours, column by column.
//! The engine knows the order, too, and emits groups early by it, but still looks up every row of more
//! than one group column in a hash table. In flows a physical plan; out flows the same with such
//! aggregates replaced. What the aggregate functions do stays theirs.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array, new_null_array,
};
use datafusion::arrow::compute::kernels::cmp::not_distinct;
use datafusion::arrow::compute::{concat, partition, take_arrays};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::{OrderingRequirements, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, aggregate_expressions};
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan,
    InputDistributionRequirements, InputOrderMode, PlanProperties, ReplaceChildrenOptions,
    SendableRecordBatchStream,
};
use futures::TryStreamExt;

/// Puts [`SortedGroupsExec`] where it can be.
#[derive(Debug)]
pub(super) struct SortedGroups;

impl PhysicalOptimizerRule for SortedGroups {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let replaced = node
                .downcast_ref::<AggregateExec>()
                .filter(|aggregate| applies(aggregate))
                .map(|aggregate| {
                    Arc::new(SortedGroupsExec(aggregate.clone())) as Arc<dyn ExecutionPlan>
                });
            Ok(match replaced {
                Some(replaced) => Transformed::yes(replaced),
                None => Transformed::no(node),
            })
        })
        .map(|done| done.data)
    }

    fn name(&self) -> &str {
        "sorted_groups"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

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

/// An aggregate over input in the order of its groups. It is planned as the engine's own.
#[derive(Clone, Debug)]
struct SortedGroupsExec(AggregateExec);

impl DisplayAs for SortedGroupsExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "SortedGroupsExec: ")?;
        self.0.fmt_as(kind, f)
    }
}

impl ExecutionPlan for SortedGroupsExec {
    fn name(&self) -> &str {
        "SortedGroupsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.0.children()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.0.input_distribution_requirements()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.0.required_input_ordering()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.0.apply_expressions(f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = Arc::new(self.0.clone()).replace_children(children, options)?;
        // Another child may have another order.
        Ok(match plan.downcast_ref::<AggregateExec>() {
            Some(aggregate) if applies(aggregate) => Arc::new(SortedGroupsExec(aggregate.clone())),
            _ => plan,
        })
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, anew)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.0.input().execute(partition, Arc::clone(&context))?;
        let groups = Groups::new(&self.0, &context)?;
        let stream = futures::stream::try_unfold(Some((input, groups)), |open| async {
            let Some((mut input, mut groups)) = open else {
                return Ok(None);
            };
            while let Some(batch) = input.try_next().await? {
                if batch.num_rows() == 0 {
                    continue;
                }
                groups.update(&batch)?;
                // The last one may go on.
                let complete = groups.count.saturating_sub(1);
                if complete > 0 {
                    let done = groups.emit(EmitTo::First(complete))?;
                    return Ok(Some((done, Some((input, groups)))));
                }
            }
            if groups.count == 0 {
                return Ok(None);
            }
            let done = groups.emit(EmitTo::All)?;
            Ok(Some((done, None)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            stream,
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.0.metrics()
    }
}

/// The groups that are not emitted yet.
struct Groups {
    plan: AggregateExec,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    arguments: Vec<Vec<Arc<dyn PhysicalExpr>>>,
    /// By function and argument: a constant, repeated.
    constants: HashMap<(usize, usize), ArrayRef>,
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
    /// The groups' keys, a list of pieces a column.
    pending: Vec<Vec<ArrayRef>>,
    count: usize,
    reservation: MemoryReservation,
}

impl Groups {
    fn new(plan: &AggregateExec, context: &TaskContext) -> Result<Groups> {
        let keys = plan.group_expr().input_exprs();
        let accumulators = plan
            .aggr_expr()
            .iter()
            .map(|function| function.create_groups_accumulator())
            .collect::<Result<_>>()?;
        Ok(Groups {
            arguments: aggregate_expressions(plan.aggr_expr(), plan.mode(), keys.len())?,
            constants: HashMap::new(),
            accumulators,
            pending: vec![Vec::new(); keys.len()],
            keys,
            count: 0,
            reservation: MemoryConsumer::new("groups in order").register(context.memory_pool()),
            plan: plan.clone(),
        })
    }

    /// Takes in rows, at least one.
    fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        let keys = self
            .keys
            .iter()
            .map(|key| key.evaluate(batch)?.into_array(rows))
            .collect::<Result<Vec<_>>>()?;
        let runs = partition(&keys)?.ranges();
        let goes_on = self.goes_on(&keys)?;
        let mut group_of: Vec<usize> = Vec::with_capacity(rows);
        let mut firsts: Vec<u32> = Vec::with_capacity(runs.len());
        for (at, run) in runs.into_iter().enumerate() {
            if at > 0 || !goes_on {
                firsts.push(run.start as u32);
                self.count += 1;
            }
            group_of.resize(run.end, self.count - 1);
        }
        let firsts = UInt32Array::from(firsts);
        if !firsts.is_empty() {
            let firsts = take_arrays(&keys, &firsts, None)?;
            for (pending, firsts) in self.pending.iter_mut().zip(firsts) {
                pending.push(firsts);
            }
        }
        let arguments = self.evaluated(batch)?;
        let filters = self.plan.filter_expr().iter();
        for ((accumulator, arguments), filter) in
            self.accumulators.iter_mut().zip(&arguments).zip(filters)
        {
            let filter = match filter {
                Some(filter) => Some(filter.evaluate(batch)?.into_array(rows)?),
                None => None,
            };
            let filter: Option<&BooleanArray> = filter.as_ref().map(|filter| filter.as_boolean());
            accumulator.update_batch(arguments, &group_of, filter, self.count)?;
        }
        self.account()
    }

    /// The functions' arguments for each row. Constants are repeated once for all batches.
    fn evaluated(&mut self, batch: &RecordBatch) -> Result<Vec<Vec<ArrayRef>>> {
        let rows = batch.num_rows();
        let mut out = Vec::with_capacity(self.arguments.len());
        for (function, arguments) in self.arguments.iter().enumerate() {
            let mut columns = Vec::with_capacity(arguments.len());
            for (at, argument) in arguments.iter().enumerate() {
                let Some(literal) = argument.downcast_ref::<Literal>() else {
                    columns.push(argument.evaluate(batch)?.into_array(rows)?);
                    continue;
                };
                let known = self.constants.entry((function, at));
                let known = known.or_insert_with(|| new_null_array(&DataType::Null, 0));
                if known.len() < rows {
                    *known = literal.value().to_array_of_size(rows)?;
                }
                columns.push(known.slice(0, rows));
            }
            out.push(columns);
        }
        Ok(out)
    }

    /// Whether the first row belongs to the last group so far.
    fn goes_on(&self, keys: &[ArrayRef]) -> Result<bool> {
        if self.count == 0 {
            return Ok(false);
        }
        for (pending, key) in self.pending.iter().zip(keys) {
            let Some(last) = pending.last() else {
                return Ok(false);
            };
            let last = last.slice(last.len().saturating_sub(1), 1);
            if !not_distinct(&last, &key.slice(0, 1))?.value(0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn emit(&mut self, which: EmitTo) -> Result<RecordBatch> {
        let emitted = match which {
            EmitTo::All => self.count,
            EmitTo::First(count) => count,
        };
        let mut columns = Vec::with_capacity(self.keys.len() + self.accumulators.len());
        for pending in &mut self.pending {
            let pieces: Vec<&dyn Array> = pending.iter().map(AsRef::as_ref).collect();
            let whole = concat(&pieces)?;
            let rest = whole.slice(emitted, self.count - emitted);
            columns.push(whole.slice(0, emitted));
            pending.clear();
            if !rest.is_empty() {
                pending.push(rest);
            }
        }
        for accumulator in &mut self.accumulators {
            columns.push(accumulator.evaluate(which)?);
        }
        self.count -= emitted;
        self.account()?;
        RecordBatch::try_new(self.plan.schema(), columns).map_err(DataFusionError::from)
    }

    fn account(&mut self) -> Result<()> {
        let keys = self.pending.iter().flatten();
        let held: usize = keys.map(|piece| piece.get_array_memory_size()).sum();
        let constants = self.constants.values();
        let repeated: usize = constants.map(|one| one.get_array_memory_size()).sum();
        let computed: usize = self.accumulators.iter().map(|one| one.size()).sum();
        self.reservation.try_resize(held + repeated + computed)
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
