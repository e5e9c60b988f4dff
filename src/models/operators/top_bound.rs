//! Leaves out early what a query for the first n rows cannot want.
//!
//! Once n rows are known, a row whose first sort key is worse than the worst of them is not among the
//! first n, whatever its other keys are. The engine knows its bound at the sort, and names are looked up
//! for every row below it. Here the bound of the first key is put below the look-ups, if it is a column
//! that they pass on.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, BooleanArray, RecordBatch};
use datafusion::arrow::compute::kernels::cmp::{gt_eq, lt_eq};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, DynamicFilterPhysicalExpr, Literal,
};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions};

use super::lookup_join::LookupJoin;
use super::stand_in::StandIn;

/// The rule.
#[derive(Debug)]
pub(super) struct TopBounds;

impl PhysicalOptimizerRule for TopBounds {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        options: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // A recursion runs a part of its plan again and again, each time with another bound.
        if plan.exists(|node| Ok(node.is::<RecursiveQueryExec>()))? {
            return Ok(plan);
        }
        plan.transform_up(|node| {
            Ok(match bounded(&node, options.execution.batch_size.get())? {
                Some(bounded) => Transformed::yes(bounded),
                None => Transformed::no(node),
            })
        })
        .map(|done| done.data)
    }

    fn name(&self) -> &str {
        "top_bounds"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A sort for the first rows with its bound below look-ups; none where there is none or nothing to gain.
fn bounded(
    plan: &Arc<dyn ExecutionPlan>,
    batch_rows: usize,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(sort) = plan.downcast_ref::<SortExec>() else {
        return Ok(None);
    };
    let first = sort.expr().first();
    let (Some(_), Some(column)) = (sort.fetch(), first.expr.downcast_ref::<Column>()) else {
        return Ok(None);
    };
    let produced = sort.dynamic_expressions_produced();
    let Some(filter) = produced
        .first()
        .filter(|one| one.is::<DynamicFilterPhysicalExpr>())
    else {
        return Ok(None);
    };
    let bound = Bound {
        key: Arc::new(column.clone()),
        sorted: column.clone(),
        descending: first.options.descending,
        filter: Arc::clone(filter),
    };
    match below(sort.input(), column.index(), &bound, batch_rows)? {
        Some(input) => over(plan, vec![input]).map(Some),
        None => Ok(None),
    }
}

/// A plan with the bound of one of its columns under its lowest look-up, which hands rows on in batches of
/// so many; none without a look-up.
fn below(
    plan: &Arc<dyn ExecutionPlan>,
    column: usize,
    bound: &Bound,
    batch_rows: usize,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let made = projection.expr().get(column);
        let Some(from) = made.and_then(|made| made.expr.downcast_ref::<Column>()) else {
            return Ok(None);
        };
        let Some(input) = below(projection.input(), from.index(), bound, batch_rows)? else {
            return Ok(None);
        };
        return over(plan, vec![input]).map(Some);
    }
    let Some(lookup) = plan.downcast_ref::<StandIn<LookupJoin>>() else {
        return Ok(None);
    };
    let Some(column) = lookup.way.passed_on(column) else {
        return Ok(None);
    };
    let children = lookup.children();
    let [small, many] = children.as_slice() else {
        return Ok(None);
    };
    let many = match below(many, column, bound, batch_rows)? {
        Some(lower) => lower,
        None => {
            let schema = many.schema();
            let key = Column::new(schema.field(column).name(), column);
            let bound = Bound {
                key: Arc::new(key),
                ..bound.clone()
            };
            // Handed on as soon as the sort can learn from it.
            let filter = FilterExec::try_new(Arc::new(bound), Arc::clone(many))?;
            Arc::new(filter.with_batch_size(batch_rows)?)
        }
    };
    over(plan, vec![Arc::clone(small), many]).map(Some)
}

/// A plan over other children.
fn over(
    plan: &Arc<dyn ExecutionPlan>,
    children: Vec<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Arc::clone(plan).replace_children(children, anew)
}

/// Whether a row may be among the first, as far as its first sort key and what is known so far tell.
#[derive(Clone, Debug)]
struct Bound {
    /// The key where it is asked.
    key: Arc<dyn PhysicalExpr>,
    /// The key at the sort.
    sorted: Column,
    descending: bool,
    /// What the sort asks of a row, which changes as it goes on.
    filter: Arc<dyn PhysicalExpr>,
}

impl Bound {
    /// The first key of the worst row of the first n so far.
    fn worst(&self) -> Result<Option<ScalarValue>> {
        let Some(filter) = self.filter.downcast_ref::<DynamicFilterPhysicalExpr>() else {
            return Ok(None);
        };
        let better = match self.descending {
            true => Operator::Gt,
            false => Operator::Lt,
        };
        let mut worst = None;
        filter.current()?.apply(|part| {
            let Some(comparison) = part.downcast_ref::<BinaryExpr>() else {
                return Ok(TreeNodeRecursion::Continue);
            };
            let of_key = comparison
                .left()
                .downcast_ref::<Column>()
                .is_some_and(|column| *column == self.sorted);
            let value = comparison.right().downcast_ref::<Literal>();
            if let (true, true, Some(value)) = (of_key, *comparison.op() == better, value) {
                worst = Some(value.value().clone());
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        // Where a NULL is the worst, no comparison says anything.
        Ok(worst.filter(|value| !value.is_null()))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let better = if self.descending { ">=" } else { "<=" };
        write!(f, "{} {better} the bound of the sort", self.key)
    }
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.key.eq(&other.key)
            && self.sorted == other.sorted
            && self.descending == other.descending
            && self.filter.eq(&other.filter)
    }
}

impl Eq for Bound {}

impl Hash for Bound {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
        self.descending.hash(state);
    }
}

impl PhysicalExpr for Bound {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(false)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let Some(worst) = self.worst()? else {
            return Ok(ColumnarValue::Scalar(ScalarValue::from(true)));
        };
        let values = self.key.evaluate(batch)?.into_array(batch.num_rows())?;
        let worst = worst.to_scalar()?;
        let may = match self.descending {
            true => gt_eq(&values, &worst)?,
            false => lt_eq(&values, &worst)?,
        };
        // A NULL may come first or last: the sort knows.
        let may = match may.nulls() {
            None => may,
            Some(valid) => BooleanArray::new(may.values() | &!valid.inner(), None),
        };
        Ok(ColumnarValue::Array(Arc::new(may)))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.key]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let [key] = children.as_slice() else {
            return Err(DataFusionError::Internal("a bound has one key".into()));
        };
        Ok(Arc::new(Bound {
            key: Arc::clone(key),
            ..Bound::clone(&self)
        }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{Rows, answer_of, rows, run};
    use super::*;

    const ORDERS: [&str; 6] = [
        "n desc, day, other, person, name",
        "n, day, other, person, name",
        "n desc nulls last, other, day, person, name",
        "n nulls first, other desc, day, person, name",
        "day desc, other, n, person, name",
        "name desc, n, other, day, person",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn as_the_engine_s_own(
            many in rows(80),
            cuts in proptest::collection::vec(0..100usize, 0..12),
            order in 0..ORDERS.len(),
            limit in 1..6usize,
            partitions in 1..3usize,
        ) {
            let people = (0..2).map(|person| (0, Some(person), None, Some(format!("p{person}"))));
            let names = Rows::sorted(people.collect(), &[]);
            let many = Rows::sorted(many, &[]);
            let tables = [("names", names.table(&[])), ("rows", many.table(&cuts))];
            let question = format!(
                "select * from (
                    select rows.*, names.name as other
                    from names right join rows on names.person = rows.person
                ) as seen order by {} limit {limit}",
                ORDERS[order],
            );
            let set = |config: &mut datafusion::prelude::SessionConfig| {
                // A filter collects a batch of rows before the sort sees the first.
                *config = config
                    .clone()
                    .with_target_partitions(partitions)
                    .with_batch_size(3);
            };
            let (own, own_shape) = answer_of(&tables, &question, false, set);
            let (ours, shape) = answer_of(&tables, &question, true, set);
            prop_assert!(shape.contains("the bound of the sort"), "{shape}");
            prop_assert!(!own_shape.contains("the bound of the sort"), "{own_shape}");
            prop_assert_eq!(own, ours);
        }
    }

    /// The bound is read from what the engine's sort says of itself: were that said otherwise one day,
    /// answers would stay right and every row would be looked up again.
    #[test]
    fn hardly_any_row_is_looked_up() {
        let names = Rows::sorted(vec![(0, Some(1), None, Some("p".to_owned()))], &[]);
        let many = (0..1_000).map(|n| (0, Some(1), Some(1_000 - n), None));
        let many = Rows::sorted(many.collect(), &[]);
        let cuts: Vec<usize> = (1..100).map(|cut| cut * 10).collect();
        let tables = [("names", names.table(&[])), ("rows", many.table(&cuts))];
        let question = "select rows.n, names.name
            from names right join rows on names.person = rows.person order by rows.n desc limit 3";
        let few_at_a_time = |config: &mut datafusion::prelude::SessionConfig| {
            *config = config.clone().with_batch_size(10);
        };
        let (_, plan) = run(&tables, question, true, few_at_a_time);
        let mut passed = None;
        plan.apply(|node| {
            if node.is::<FilterExec>() {
                passed = node.metrics().and_then(|metrics| metrics.output_rows());
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .unwrap();
        let passed = passed.unwrap();
        assert!((3..100).contains(&passed), "{passed} of 1000 rows");
    }
}
