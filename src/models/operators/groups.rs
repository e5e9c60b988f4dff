//! The groups of an aggregate while its rows come in: their keys, and what the functions hold of them.
//!
//! Which row belongs to which group is told from outside; what the aggregate functions do stays theirs.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array, new_null_array,
};
use datafusion::arrow::compute::kernels::cmp::not_distinct;
use datafusion::arrow::compute::{concat, take_arrays};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, aggregate_expressions};

use super::numbers::evaluated;

/// Groups, numbered from 0 in the order in which they came.
pub(super) struct Groups {
    plan: AggregateExec,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    arguments: Vec<Vec<Arc<dyn PhysicalExpr>>>,
    /// By function and argument: a constant, repeated.
    constants: HashMap<(usize, usize), ArrayRef>,
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
    /// The groups' keys, a list of pieces a column.
    firsts: Vec<Vec<ArrayRef>>,
    pub(super) count: usize,
}

impl Groups {
    pub(super) fn new(plan: &AggregateExec) -> Result<Groups> {
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
            firsts: vec![Vec::new(); keys.len()],
            keys,
            count: 0,
            plan: plan.clone(),
        })
    }

    /// What rows are grouped by.
    pub(super) fn keys(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        evaluated(&self.keys, batch)
    }

    /// Takes in rows with their keys and groups; each of `firsts` is the first row of a new group.
    pub(super) fn add(
        &mut self,
        batch: &RecordBatch,
        keys: &[ArrayRef],
        group_of: &[usize],
        firsts: Vec<u32>,
    ) -> Result<()> {
        self.count += firsts.len();
        if !firsts.is_empty() {
            let taken = take_arrays(keys, &UInt32Array::from(firsts), None)?;
            for (pieces, taken) in self.firsts.iter_mut().zip(taken) {
                pieces.push(taken);
            }
        }
        let arguments = self.arguments(batch)?;
        let filters = self.filters(batch)?;
        let accumulators = self.accumulators.iter_mut();
        for ((accumulator, arguments), filter) in accumulators.zip(&arguments).zip(&filters) {
            accumulator.update_batch(arguments, group_of, filter.as_ref(), self.count)?;
        }
        Ok(())
    }

    /// A row for each row of a batch, as if each were a group of its own: the first step of two alone.
    pub(super) fn each(&self, batch: &RecordBatch, keys: Vec<ArrayRef>) -> Result<RecordBatch> {
        let filters = self.filters(batch)?;
        let mut columns = keys;
        for ((accumulator, arguments), filter) in
            self.accumulators.iter().zip(&self.arguments).zip(&filters)
        {
            let arguments = evaluated(arguments, batch)?;
            columns.extend(accumulator.convert_to_state(&arguments, filter.as_ref())?);
        }
        RecordBatch::try_new(self.plan.schema(), columns).map_err(DataFusionError::from)
    }

    /// The functions' arguments for each row. Constants are repeated once for all batches.
    fn arguments(&mut self, batch: &RecordBatch) -> Result<Vec<Vec<ArrayRef>>> {
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

    /// Which rows each function counts; none where it counts all.
    fn filters(&self, batch: &RecordBatch) -> Result<Vec<Option<BooleanArray>>> {
        let filters = self.plan.filter_expr().iter();
        filters
            .map(|filter| {
                let Some(filter) = filter else {
                    return Ok(None);
                };
                let which = filter.evaluate(batch)?.into_array(batch.num_rows())?;
                Ok(Some(which.as_boolean().clone()))
            })
            .collect()
    }

    /// Whether rows of these keys may belong to the last group.
    pub(super) fn last_is(&self, keys: &[ArrayRef]) -> Result<bool> {
        if self.count == 0 {
            return Ok(false);
        }
        for (pieces, key) in self.firsts.iter().zip(keys) {
            let Some(last) = pieces.last() else {
                return Ok(false);
            };
            let last = last.slice(last.len().saturating_sub(1), 1);
            if !not_distinct(&last, &key.slice(0, 1))?.value(0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The rows of groups, which are forgotten.
    pub(super) fn taken(&mut self, which: EmitTo) -> Result<RecordBatch> {
        let taken = match which {
            EmitTo::All => self.count,
            EmitTo::First(count) => count,
        };
        let mut columns = Vec::with_capacity(self.keys.len() + self.accumulators.len());
        for pieces in &mut self.firsts {
            let parts: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
            let whole = concat(&parts)?;
            let rest = whole.slice(taken, self.count - taken);
            columns.push(whole.slice(0, taken));
            pieces.clear();
            if !rest.is_empty() {
                pieces.push(rest);
            }
        }
        let partial = matches!(self.plan.mode(), AggregateMode::Partial);
        for accumulator in &mut self.accumulators {
            match partial {
                true => columns.extend(accumulator.state(which)?),
                false => columns.push(accumulator.evaluate(which)?),
            }
        }
        self.count -= taken;
        RecordBatch::try_new(self.plan.schema(), columns).map_err(DataFusionError::from)
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        let keys = self.firsts.iter().flatten();
        let held: usize = keys.map(|piece| piece.get_array_memory_size()).sum();
        let constants = self.constants.values();
        let repeated: usize = constants.map(|one| one.get_array_memory_size()).sum();
        let computed: usize = self.accumulators.iter().map(|one| one.size()).sum();
        held + repeated + computed
    }
}
