//! Small tables that rows are named by: what is unique in them, kept once it is computed, and left out
//! where nothing of it is asked for.
//!
//! In flows the plan of a model whose description says `lookup = true`; out comes a table whose key the
//! rules of this room know. The engine is not told of it: what it makes of a primary key (a functional
//! dependence) outlives joins and groupings that break it, and then rows are lost. Computed rows hold for
//! one moment of the lake, as all of a session does, and only while the memory pool has room for them:
//! what does not fit is computed by each query that asks.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::{TableType, source_as_provider};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{
    Aggregate, Expr, LogicalPlan, Projection, TableProviderFilterPushDown,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::TryStreamExt;
use tokio::sync::OnceCell;

use super::eager_aggregate::lookup;

/// Whether a plan gives every combination of values of these columns at most once.
pub(super) fn unique_on(plan: &LogicalPlan, columns: &[&Column]) -> bool {
    let schema = plan.schema();
    let at: Vec<usize> = columns
        .iter()
        .filter_map(|column| schema.maybe_index_of_column(column))
        .collect();
    key_of(plan).is_some_and(|key| key.iter().all(|index| at.contains(index)))
}

/// Where the key of the one table below stands in what a plan gives, if nothing between can repeat rows.
fn key_of(plan: &LogicalPlan) -> Option<Vec<usize>> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let provider = source_as_provider(&scan.source).ok()?;
            let keyed = provider.downcast_ref::<Keyed>()?;
            let schema = scan.projected_schema.as_arrow();
            keyed
                .key
                .iter()
                .map(|name| schema.index_of(name).ok())
                .collect()
        }
        LogicalPlan::SubqueryAlias(alias) => key_of(&alias.input),
        LogicalPlan::Filter(filter) => key_of(&filter.input),
        LogicalPlan::Projection(projection) => {
            let below = projection.input.schema();
            let passed = |index: &usize| {
                projection.expr.iter().position(|expr| {
                    let column = match expr {
                        Expr::Alias(alias) => alias.expr.try_as_col(),
                        expr => expr.try_as_col(),
                    };
                    column.and_then(|column| below.maybe_index_of_column(column)) == Some(*index)
                })
            };
            key_of(&projection.input)?.iter().map(passed).collect()
        }
        _ => None,
    }
}

/// A table with columns whose values together no two rows share, none of them NULL. It gives no logical plan
/// (`get_logical_plan`): that would take its place, and the key be gone.
#[derive(Debug)]
pub(super) struct Keyed {
    table: Arc<dyn TableProvider>,
    key: Vec<String>,
}

impl Keyed {
    pub(super) fn new(table: Arc<dyn TableProvider>, key: &[String]) -> Keyed {
        Keyed {
            table,
            key: key.to_vec(),
        }
    }
}

#[async_trait]
impl TableProvider for Keyed {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        self.table.table_type()
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        self.table.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.table.scan(state, projection, filters, limit).await
    }
}

/// A plan that is computed once a moment.
#[derive(Debug)]
pub(super) struct ComputedOnce {
    plan: LogicalPlan,
    schema: SchemaRef,
    kept: OnceCell<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    rows: Vec<RecordBatch>,
    /// Given back with the rows.
    _held: MemoryReservation,
}

impl ComputedOnce {
    pub(super) fn new(plan: LogicalPlan) -> ComputedOnce {
        ComputedOnce {
            schema: Arc::new(plan.schema().as_arrow().clone()),
            plan,
            kept: OnceCell::new(),
        }
    }

    async fn kept(&self, state: &dyn Session) -> Result<Option<&Kept>> {
        let compute = async || -> Result<Option<Kept>> {
            let plan = state.create_physical_plan(&self.plan).await?;
            let pool = &state.runtime_env().memory_pool;
            let held = MemoryConsumer::new("look-up table").register(pool);
            let mut stream = execute_stream(plan, state.task_ctx())?;
            let mut rows = Vec::new();
            while let Some(batch) = stream.try_next().await? {
                match held.try_grow(batch.get_array_memory_size()) {
                    Ok(()) => rows.push(batch),
                    Err(error)
                        if matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)) =>
                    {
                        return Ok(None);
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(Some(Kept { rows, _held: held }))
        };
        Ok(self.kept.get_or_try_init(compute).await?.as_ref())
    }
}

#[async_trait]
impl TableProvider for ComputedOnce {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
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
    let found = lookup(join)?;
    let many = found.many.schema();
    let of_many = asked
        .iter()
        .flat_map(Expr::column_refs)
        .all(|column| many.maybe_index_of_column(column).is_some());
    of_many.then(|| Arc::clone(found.many))
}
