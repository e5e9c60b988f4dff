//! Operators of our own, put into the engine's physical plans where they give the same rows sooner.
//!
//! In flows a physical plan that the engine has finished; out flows the same plan with some operators
//! replaced. A replaced operator is planned, shown and costed as the engine's own, which it keeps inside;
//! each is tested against it. Logical rules live beside this room (`eager_aggregate`, `lookup`,
//! `day_ranges`).

mod groups;
mod lookup_join;
mod numbered_groups;
mod numbers;
mod sorted_groups;
mod sorted_windows;
mod stand_in;
mod top_bound;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNode;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

use lookup_join::LookupJoin;
use numbered_groups::NumberedGroups;
use sorted_groups::SortedGroups;
use sorted_windows::SortedWindows;
use stand_in::replaced;

/// Has a session use the operators.
pub(super) fn used(builder: SessionStateBuilder) -> SessionStateBuilder {
    builder
        .with_physical_optimizer_rule(Arc::new(StandIns))
        // Looks below lookups, so it comes after them.
        .with_physical_optimizer_rule(Arc::new(top_bound::TopBounds))
}

/// Puts operators of ours where they can stand in for the engine's.
#[derive(Debug)]
struct StandIns;

impl PhysicalOptimizerRule for StandIns {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // What one has replaced is no operator of the engine's to the next.
        let done = plan.transform_up(|node| {
            replaced::<LookupJoin>(node)
                .transform_data(|node| Ok(replaced::<SortedWindows>(node)))?
                .transform_data(|node| Ok(replaced::<SortedGroups>(node)))?
                .transform_data(|node| Ok(replaced::<NumberedGroups>(node)))
        })?;
        Ok(done.data)
    }

    fn name(&self) -> &str {
        "stand_ins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Date32Array, Int64Array, RecordBatch, StringArray};
    use datafusion::arrow::compute::concat_batches;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::datasource::MemTable;
    use datafusion::physical_plan::{collect, displayable};
    use datafusion::prelude::{SessionConfig, SessionContext, col};
    use proptest::prelude::*;

    use super::*;

    /// Day, person, n, name.
    pub(super) type Row = (i32, Option<i64>, Option<i64>, Option<String>);

    /// At most so many rows, of few values and NULLs.
    pub(super) fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
        let row = (
            0..3i32,
            proptest::option::of(0..3i64),
            proptest::option::of(0..9i64),
            proptest::option::of("[a-c]{0,2}"),
        );
        proptest::collection::vec(row, 0..most)
    }

    /// Rows of a table that says its order.
    pub(super) struct Rows {
        pub rows: Vec<Row>,
        order: Vec<&'static str>,
    }

    impl Rows {
        /// In the order of these columns, a prefix of day, person, n; NULLs last.
        pub(super) fn sorted(mut rows: Vec<Row>, order: &[&'static str]) -> Rows {
            let last = |number: Option<i64>| number.unwrap_or(i64::MAX);
            match order.len() {
                0 => {}
                1 => rows.sort_by_key(|row| row.0),
                2 => rows.sort_by_key(|row| (row.0, last(row.1))),
                _ => rows.sort_by_key(|row| (row.0, last(row.1), last(row.2))),
            }
            Rows {
                rows,
                order: order.to_vec(),
            }
        }

        /// In batches cut at these places.
        pub(super) fn table(&self, cuts: &[usize]) -> Arc<MemTable> {
            let rows = &self.rows;
            let schema = Arc::new(Schema::new(vec![
                Field::new("day", DataType::Date32, false),
                Field::new("person", DataType::Int64, true),
                Field::new("n", DataType::Int64, true),
                Field::new("name", DataType::Utf8, true),
            ]));
            let whole = RecordBatch::try_new(
                Arc::clone(&schema),
                vec![
                    Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.0))),
                    Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.1))),
                    Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.2))),
                    Arc::new(StringArray::from_iter(rows.iter().map(|row| row.3.clone()))),
                ],
            )
            .unwrap();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (rows.len() + 1)).collect();
            places.extend([0, rows.len()]);
            places.sort_unstable();
            let parts = places
                .windows(2)
                .map(|pair| whole.slice(pair[0], pair[1] - pair[0]))
                .collect();
            let table = MemTable::try_new(schema, vec![parts]).unwrap();
            let order: Vec<_> = self
                .order
                .iter()
                .map(|name| col(*name).sort(true, false))
                .collect();
            let orders = if order.is_empty() {
                vec![]
            } else {
                vec![order]
            };
            Arc::new(table.with_sort_order(orders))
        }
    }

    /// What a question comes to, as text, and its physical plan, with our operators or without.
    pub(super) fn answer(
        tables: &[(&str, Arc<MemTable>)],
        question: &str,
        ours: bool,
    ) -> (String, String) {
        answer_of(tables, question, ours, |_| {})
    }

    /// The same with other settings of the engine.
    pub(super) fn answer_of(
        tables: &[(&str, Arc<MemTable>)],
        question: &str,
        ours: bool,
        set: impl Fn(&mut SessionConfig),
    ) -> (String, String) {
        let (found, plan) = run(tables, question, ours, set);
        let found = match found.first() {
            Some(first) => vec![concat_batches(&first.schema(), &found).unwrap()],
            None => Vec::new(),
        };
        let shape = displayable(plan.as_ref()).indent(false).to_string();
        (pretty_format_batches(&found).unwrap().to_string(), shape)
    }

    /// What a question comes to, and the plan that was run.
    pub(super) fn run(
        tables: &[(&str, Arc<MemTable>)],
        question: &str,
        ours: bool,
        set: impl Fn(&mut SessionConfig),
    ) -> (Vec<RecordBatch>, Arc<dyn ExecutionPlan>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut config = SessionConfig::new().with_target_partitions(1);
            let options = &mut config.options_mut().optimizer;
            options.prefer_existing_sort = true;
            // Which side is built is what a test says, not what its few rows say.
            options.join_reordering = false;
            set(&mut config);
            let mut builder = SessionStateBuilder::new()
                .with_config(config)
                .with_default_features();
            if ours {
                builder = used(builder);
            }
            let session = SessionContext::new_with_state(builder.build());
            for (name, table) in tables {
                session
                    .register_table(*name, Arc::clone(table) as Arc<_>)
                    .unwrap();
            }
            let plan = session.sql(question).await.unwrap();
            let plan = plan.create_physical_plan().await.unwrap();
            let found = collect(Arc::clone(&plan), session.task_ctx()).await;
            (found.unwrap(), plan)
        })
    }
}
