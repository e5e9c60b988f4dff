//! An operator that stands in for one of the engine's and makes the same rows another way.
//!
//! It keeps the engine's operator inside, which says what the rows are, how they are ordered and what it
//! asks of its children; only the rows are made by us. Over other children it is decided anew whether
//! one can stand in: they may come in another order.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan,
    InputDistributionRequirements, PlanProperties, ReplaceChildrenOptions,
    SendableRecordBatchStream,
};

/// A way to make the rows of an operator.
pub(super) trait Way: fmt::Debug + Send + Sync + Sized + 'static {
    /// The operator's name in plans.
    const NAME: &'static str;

    /// The way to make the rows of an operator of the engine; none where this one does not apply.
    fn of(engines: &Arc<dyn ExecutionPlan>) -> Option<Self>;

    /// As [`ExecutionPlan::execute`].
    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream>;
}

/// An operator of the engine, whose rows are made in a way of ours.
#[derive(Debug)]
pub(super) struct StandIn<W> {
    engines: Arc<dyn ExecutionPlan>,
    pub(super) way: W,
}

/// A plan, or what stands in for it.
pub(super) fn replaced<W: Way>(
    plan: Arc<dyn ExecutionPlan>,
) -> Transformed<Arc<dyn ExecutionPlan>> {
    match W::of(&plan) {
        Some(way) => Transformed::yes(Arc::new(StandIn { engines: plan, way })),
        None => Transformed::no(plan),
    }
}

impl<W: Way> DisplayAs for StandIn<W> {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: ", W::NAME)?;
        self.engines.fmt_as(kind, f)
    }
}

impl<W: Way> ExecutionPlan for StandIn<W> {
    fn name(&self) -> &str {
        W::NAME
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.engines.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.engines.children()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.engines.maintains_input_order()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.engines.input_distribution_requirements()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.engines.required_input_ordering()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.engines.apply_expressions(f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let engines = Arc::clone(&self.engines).replace_children(children, options)?;
        Ok(replaced::<W>(engines).data)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, anew)
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let engines = Arc::clone(&self.engines).reset_state()?;
        Ok(replaced::<W>(engines).data)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.way.execute(partition, context)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.engines.metrics()
    }
}
