//! What a local day says about instants: a filter on `local_date(user_id, start)` also bounds
//! `start`, which stored files are cut and sorted by, so that files of other days are not read.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    Between, BinaryExpr, Expr, Filter, Join, JoinType, LogicalPlan, Operator, lit,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::zone::DAY;

/// Clocks have been up to 15:56 away from UTC.
const OFFSET_MAX: i64 = 16 * DAY / 24;

/// The rule.
#[derive(Debug)]
pub struct DayRanges;

impl OptimizerRule for DayRanges {
    fn name(&self) -> &str {
        "day_ranges"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Filter(filter) => {
                let more = bounds(&filter.predicate, &filter.input)?;
                let Some(more) = conjunction(more) else {
                    return Ok(Transformed::no(LogicalPlan::Filter(filter)));
                };
                let predicate = filter.predicate.and(more);
                let filter = Filter::try_new(predicate, filter.input)?;
                Ok(Transformed::yes(LogicalPlan::Filter(filter)))
            }
            // Outer joins keep rows that their filter refuses.
            LogicalPlan::Join(join) if join.join_type == JoinType::Inner => {
                let known = join.filter.as_ref();
                let mut more = match known {
                    Some(filter) => bounds(filter, &join.left)?,
                    None => Vec::new(),
                };
                if let Some(filter) = known
                    && !more.is_empty()
                {
                    // What either side is filtered by already is not said again.
                    let right = bounds(filter, &join.right)?;
                    more.retain(|bound| right.contains(bound));
                }
                let Some(more) = conjunction(more) else {
                    return Ok(Transformed::no(LogicalPlan::Join(join)));
                };
                let filter = join.filter.clone().map(|filter| filter.and(more));
                Ok(Transformed::yes(LogicalPlan::Join(Join { filter, ..join })))
            }
            plan => Ok(Transformed::no(plan)),
        }
    }
}

/// Bounds of instants that a filter's bounds of local days mean, but for those that it or the plan
/// below says already.
fn bounds(predicate: &Expr, below: &LogicalPlan) -> Result<Vec<Expr>> {
    let said = split_conjunction(predicate);
    let mut out = Vec::new();
    for expr in &said {
        let (call, from, to) = match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let (Expr::ScalarFunction(call), Some(day)) = (left.as_ref(), day_of(right)) else {
                    continue;
                };
                match op {
                    Operator::Eq => (call, Some(day), Some(day)),
                    Operator::GtEq => (call, Some(day), None),
                    Operator::Gt => (call, Some(day.saturating_add(1)), None),
                    Operator::LtEq => (call, None, Some(day)),
                    Operator::Lt => (call, None, Some(day.saturating_sub(1))),
                    _ => continue,
                }
            }
            Expr::Between(Between {
                expr,
                negated: false,
                low,
                high,
            }) => match expr.as_ref() {
                Expr::ScalarFunction(call) => (call, day_of(low), day_of(high)),
                _ => continue,
            },
            _ => continue,
        };
        let Some(start) = instant_of(call) else {
            continue;
        };
        let instant = |micros: i64| {
            lit(ScalarValue::TimestampMicrosecond(
                Some(micros),
                Some("UTC".into()),
            ))
        };
        let first = from.map(|day| i64::from(day) * DAY - OFFSET_MAX);
        let end = to.map(|day| (i64::from(day) + 1) * DAY + OFFSET_MAX);
        out.extend(first.map(|first| start.clone().gt_eq(instant(first))));
        out.extend(end.map(|end| start.clone().lt(instant(end))));
    }
    out.retain(|bound| !said.contains(&bound));
    if out.is_empty() {
        return Ok(out);
    }
    let mut known = Vec::new();
    below.apply(|node| {
        match node {
            LogicalPlan::Filter(filter) => {
                known.extend(
                    split_conjunction(&filter.predicate)
                        .into_iter()
                        .filter_map(literal),
                );
            }
            LogicalPlan::TableScan(scan) => {
                known.extend(
                    scan.filters
                        .iter()
                        .flat_map(split_conjunction)
                        .filter_map(literal),
                );
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    out.retain(|bound| literal(bound).is_none_or(|value| !known.contains(&value)));
    Ok(out)
}

/// The instant of a call of `local_date(user_id, instant)`, where that is a column.
fn instant_of(call: &ScalarFunction) -> Option<&Expr> {
    match (call.func.name(), call.args.as_slice()) {
        ("local_date", [_, instant @ Expr::Column(_)]) => Some(instant),
        _ => None,
    }
}

fn day_of(expr: &Expr) -> Option<i32> {
    match expr {
        Expr::Literal(ScalarValue::Date32(day), _) => *day,
        _ => None,
    }
}

/// The instant that a comparison compares with.
fn literal(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { right, .. }) => match right.as_ref() {
            Expr::Literal(value @ ScalarValue::TimestampMicrosecond(..), _) => Some(value.clone()),
            _ => None,
        },
        _ => None,
    }
}
