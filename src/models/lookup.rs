//! Small tables that rows are named by: what is unique in them, kept once it is computed, and left out
//! where nothing of it is asked for.
//!
//! In flows the plan of a model whose description says `lookup = true`; out comes a table whose key the
//! optimizer knows. It holds for one moment of the lake, as all of a session does. It never holds more
//! than the memory pool allows: what does not fit is computed by each query that asks.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Constraint, Constraints, Dependency, Result};
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::physical_plan::{ExecutionPlan, collect};
use tokio::sync::OnceCell;

use super::eager_aggregate::lookup;

/// Whether a plan gives every value of these columns at most once.
pub(super) fn unique_on(plan: &LogicalPlan, columns: &[&Column]) -> bool {
    let schema = plan.schema();
    let at: Vec<usize> = columns
        .iter()
        .filter_map(|column| schema.maybe_index_of_column(column))
        .collect();
    schema.functional_dependencies().iter().any(|known| {
        known.mode == Dependency::Single
            && !known.source_indices.is_empty()
            && known.source_indices.iter().all(|index| at.contains(index))
    })
}

/// A table that is computed once a moment.
#[derive(Debug)]
pub(super) struct LookupTable {
    plan: LogicalPlan,
    schema: SchemaRef,
    constraints: Constraints,
    kept: OnceCell<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    rows: Vec<RecordBatch>,
    /// Given back with the rows.
    _held: MemoryReservation,
}

impl LookupTable {
    /// `key` are the columns that are unique together; none may be NULL.
    pub(super) fn new(plan: LogicalPlan, key: &[String]) -> LookupTable {
        let schema = Arc::new(plan.schema().as_arrow().clone());
        let key: Option<Vec<usize>> = key.iter().map(|name| schema.index_of(name).ok()).collect();
        let constraints = key
            .filter(|key| !key.is_empty())
            .map(Constraint::PrimaryKey);
        LookupTable {
            plan,
            schema,
            constraints: Constraints::new_unverified(constraints.into_iter().collect()),
            kept: OnceCell::new(),
        }
    }

    async fn kept(&self, state: &dyn Session) -> Result<Option<&Kept>> {
        let compute = async || -> Result<Option<Kept>> {
            let plan = state.create_physical_plan(&self.plan).await?;
            let rows = collect(plan, state.task_ctx()).await?;
            let bytes = rows.iter().map(RecordBatch::get_array_memory_size).sum();
            let held =
                MemoryConsumer::new("look-up table").register(&state.runtime_env().memory_pool);
            Ok(held
                .try_grow(bytes)
                .is_ok()
                .then_some(Kept { rows, _held: held }))
        };
        Ok(self.kept.get_or_try_init(compute).await?.as_ref())
    }
}

#[async_trait]
impl TableProvider for LookupTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn constraints(&self) -> Option<&Constraints> {
        Some(&self.constraints)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(kept) = self.kept(state).await? {
            let rows = std::slice::from_ref(&kept.rows);
            let source =
                MemorySourceConfig::try_new_exec(rows, self.schema(), projection.cloned())?;
            return Ok(source);
        }
        let plan = match projection {
            None => self.plan.clone(),
            Some(columns) => {
                let schema = self.plan.schema();
                let columns = columns
                    .iter()
                    .map(|index| Expr::Column(schema.qualified_field(*index).into()));
                let input = Arc::new(self.plan.clone());
                LogicalPlan::Projection(Projection::try_new(columns.collect(), input)?)
            }
        };
        state.create_physical_plan(&plan).await
    }
}

/// Leaves out joins with a small table of which nothing is asked: each row has one partner or none, and
/// is kept either way.
#[derive(Debug)]
pub(super) struct UnusedLookup;

impl OptimizerRule for UnusedLookup {
    fn name(&self) -> &str {
        "unused_lookup"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        Ok(match &plan {
            LogicalPlan::Projection(above) => match without(&above.input, &above.expr) {
                Some(input) => Transformed::yes(LogicalPlan::Projection(Projection::try_new(
                    above.expr.clone(),
                    input,
                )?)),
                None => Transformed::no(plan),
            },
            LogicalPlan::Aggregate(above) => {
                let mut asked = above.group_expr.clone();
                asked.extend(above.aggr_expr.iter().cloned());
                match without(&above.input, &asked) {
                    Some(input) => Transformed::yes(LogicalPlan::Aggregate(Aggregate::try_new(
                        input,
                        above.group_expr.clone(),
                        above.aggr_expr.clone(),
                    )?)),
                    None => Transformed::no(plan),
                }
            }
            _ => Transformed::no(plan),
        })
    }
}

/// The many of an outer join of which alone something is asked.
fn without(input: &LogicalPlan, asked: &[Expr]) -> Option<Arc<LogicalPlan>> {
    let LogicalPlan::Join(join) = input else {
        return None;
    };
    if !join.join_type.is_outer() {
        return None;
    }
    let found = lookup(join)?;
    let many = found.many.schema();
    let of_many = asked
        .iter()
        .flat_map(Expr::column_refs)
        .all(|column| many.maybe_index_of_column(column).is_some());
    of_many.then(|| Arc::clone(found.many))
}
