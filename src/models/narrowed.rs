//! Leaves out first what a query does not ask for: views are wide, and every rule of the optimizer looks
//! at each of their columns.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// The engine's own rule, which it applies last, before all others.
#[derive(Debug, Default)]
pub(super) struct Narrowed(OptimizeProjections);

impl OptimizerRule for Narrowed {
    fn name(&self) -> &str {
        "narrowed"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        None
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        match is_nested(&plan)? {
            true => Ok(Transformed::no(plan)),
            false => self.0.rewrite(plan, config),
        }
    }
}

/// Whether a plan holds queries inside of it. The rule expects that others have made joins of them: it does
/// not see what a lateral one takes from outside.
fn is_nested(plan: &LogicalPlan) -> Result<bool> {
    let mut nested = false;
    plan.apply(|node| {
        nested |= matches!(node, LogicalPlan::Subquery(_));
        node.apply_expressions(|expr| {
            nested |= expr.exists(|part| {
                Ok(matches!(
                    part,
                    Expr::Exists(_)
                        | Expr::InSubquery(_)
                        | Expr::ScalarSubquery(_)
                        | Expr::SetComparison(_)
                        | Expr::OuterReferenceColumn(..)
                ))
            })?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(match nested {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(nested)
}
