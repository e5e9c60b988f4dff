//! First aggregates of groups that are told apart by whole numbers.
//!
//! What views group by is mostly one or two numbers: a person, a day, what an event names. The engine
//! hashes and compares column after column; one number made of all columns is looked up at once. Only the
//! first step of two is replaced, whose rows may be incomplete: it hands on what it has when its groups
//! become many or memory does not hold them, and passes rows on as they are where hardly any are alike.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode, SendableRecordBatchStream};
use futures::TryStreamExt;

use super::groups::Groups;
use super::numbers::{NUMBERS_MAX, is_number, numbers};
use super::stand_in::Way;

/// The first step of an aggregate by numbers.
#[derive(Debug)]
pub(super) struct NumberedGroups(AggregateExec);

fn applies(aggregate: &AggregateExec) -> bool {
    let group_by = aggregate.group_expr();
    let schema = aggregate.input().schema();
    let number = |key: &Arc<dyn PhysicalExpr>| key.data_type(&schema).is_ok_and(|t| is_number(&t));
    let keys = group_by.input_exprs();
    aggregate.mode() == &AggregateMode::Partial
        && aggregate.input_order_mode() == &InputOrderMode::Linear
        && aggregate.limit_options().is_none()
        && group_by.is_single()
        && !group_by.is_true_no_grouping()
        && (1..=NUMBERS_MAX).contains(&keys.len())
        && keys.iter().all(number)
        && aggregate.aggr_expr().iter().all(|function| {
            function.groups_accumulator_supported() && function.order_bys().is_empty()
        })
}

impl Way for NumberedGroups {
    const NAME: &'static str = "NumberedGroupsExec";

    fn of(engines: &Arc<dyn ExecutionPlan>) -> Option<NumberedGroups> {
        let aggregate = engines.downcast_ref::<AggregateExec>()?;
        applies(aggregate).then(|| NumberedGroups(aggregate.clone()))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.0.input().execute(partition, Arc::clone(&context))?;
        let open = Open::new(&self.0, &context)?;
        let stream = futures::stream::try_unfold(Some((input, open)), |state| async {
            let Some((mut input, mut open)) = state else {
                return Ok(None);
            };
            while let Some(batch) = input.try_next().await? {
                if batch.num_rows() == 0 {
                    continue;
                }
                if let Some(done) = open.update(&batch)? {
                    return Ok(Some((done, Some((input, open)))));
                }
            }
            match open.groups.count {
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

/// More groups are handed on before their rows are all there: a table of them would not stay near.
const GROUPS_MAX: usize = 1 << 16;

/// The groups that are not handed on yet.
struct Open {
    groups: Groups,
    known: foldhash::HashMap<u128, u32>,
    /// Those with a NULL: which columns are NULL, and the numbers of the others.
    with_nulls: foldhash::HashMap<(u8, u128), u32>,
    /// Rows so far, and groups begun.
    rows: usize,
    begun: usize,
    /// Whether grouping is worth it shows at first: rows to look at, and the share of groups among them
    /// from which on it is not.
    probe: (usize, f64),
    /// It is not.
    apart: bool,
    reservation: MemoryReservation,
}

impl Open {
    fn new(plan: &AggregateExec, context: &TaskContext) -> Result<Open> {
        let options = &context.session_config().options().execution;
        let groups = Groups::new(plan)?;
        Ok(Open {
            known: foldhash::HashMap::default(),
            with_nulls: foldhash::HashMap::default(),
            rows: 0,
            begun: 0,
            probe: (
                options.skip_partial_aggregation_probe_rows_threshold,
                options.skip_partial_aggregation_probe_ratio_threshold,
            ),
            apart: false,
            reservation: MemoryConsumer::new("groups by numbers").register(context.memory_pool()),
            groups,
        })
    }

    /// Takes in rows, and gives what is to be handed on.
    fn update(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let keys = self.groups.keys(batch)?;
        if self.apart {
            return self.groups.each(batch, keys).map(Some);
        }
        let mut firsts: Vec<u32> = Vec::new();
        let group_of = self.group_of(&keys, &mut firsts)?;
        self.begun += firsts.len();
        self.groups.add(batch, &keys, &group_of, firsts)?;
        let before = self.rows;
        self.rows += batch.num_rows();
        let (rows, share) = self.probe;
        if before < rows && rows <= self.rows {
            self.apart = self.begun as f64 >= share * self.rows as f64;
        }
        let full = self.apart || self.groups.count >= GROUPS_MAX || !self.fits();
        full.then(|| self.taken()).transpose()
    }

    /// The group of each row; `firsts` are the rows of new ones.
    fn group_of(&mut self, keys: &[ArrayRef], firsts: &mut Vec<u32>) -> Result<Vec<usize>> {
        let (numbers, nulls) = numbers(keys)?;
        let mut next = self.groups.count as u32;
        let mut new = |row: usize| {
            firsts.push(row as u32);
            next += 1;
            next - 1
        };
        let mut group_of: Vec<usize> = Vec::with_capacity(numbers.len());
        let Some(nulls) = nulls else {
            for (row, number) in numbers.into_iter().enumerate() {
                let group = *self.known.entry(number).or_insert_with(|| new(row));
                group_of.push(group as usize);
            }
            return Ok(group_of);
        };
        for (row, number) in numbers.into_iter().enumerate() {
            let group = match nulls.is_null(row) {
                false => *self.known.entry(number).or_insert_with(|| new(row)),
                true => {
                    let key = with_nulls(keys, row, number);
                    *self.with_nulls.entry(key).or_insert_with(|| new(row))
                }
            };
            group_of.push(group as usize);
        }
        Ok(group_of)
    }

    /// Whether the memory pool has room for what is held.
    fn fits(&mut self) -> bool {
        let entries = self.known.capacity() + self.with_nulls.capacity();
        let table = entries * size_of::<(u128, u32)>() * 2;
        let bytes = self.groups.bytes() + table;
        self.reservation.try_resize(bytes).is_ok()
    }

    /// What is held, which is forgotten.
    fn taken(&mut self) -> Result<RecordBatch> {
        let rows = self.groups.taken(EmitTo::All)?;
        self.known = foldhash::HashMap::default();
        self.with_nulls = foldhash::HashMap::default();
        // Less than before: if even that is too much, the query needs more than there is.
        match self.fits() {
            true => Ok(rows),
            false => Err(DataFusionError::ResourcesExhausted(
                "there is no memory left to group rows by numbers".into(),
            )),
        }
    }
}

/// A row's key: its NULLs, and its number without what stands in their places.
fn with_nulls(keys: &[ArrayRef], row: usize, number: u128) -> (u8, u128) {
    let mut known = number;
    let mut nulls = 0;
    // The last column's number stands lowest.
    for (place, key) in keys.iter().rev().enumerate() {
        if key.is_null(row) {
            nulls |= 1 << place;
            known &= !(u128::from(u64::MAX) << (64 * place));
        }
    }
    (nulls, known)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{Rows, answer_of, rows};

    /// By one and two numbers, and by a number that is a NULL now and then.
    const QUESTIONS: [&str; 4] = [
        "select person, n, count(*) as rows, sum(n) as total, min(name) as first_name,
            count(name) filter (where day > 0) as many, max(day) as latest
        from rows group by person, n",
        "select n, count(*) as rows, sum(person) as persons, max(name) as last_name
        from rows group by n",
        "select day, count(*) as rows, avg(n) as mean from rows group by day",
        "select day, person from rows group by day, person",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn as_the_engine_s_own(
            rows in rows(60),
            cuts in proptest::collection::vec(0..100usize, 0..8),
            question in 0..QUESTIONS.len(),
            // From "hardly any rows are alike" at once, to never.
            share in prop_oneof![Just(0.0), Just(0.4), Just(1.1)],
        ) {
            let rows = Rows::sorted(rows, &[]);
            let tables = [("rows", rows.table(&cuts))];
            let set = |config: &mut datafusion::prelude::SessionConfig| {
                let options = &mut config.options_mut().execution;
                options.target_partitions = 3;
                options.skip_partial_aggregation_probe_rows_threshold = 10;
                options.skip_partial_aggregation_probe_ratio_threshold = share;
            };
            // Two steps are for more than one partition.
            let twice = "from (select * from rows union all select * from rows) as rows";
            let question = QUESTIONS[question].replace("from rows", twice);
            let (own, own_shape) = answer_of(&tables, &question, false, set);
            let (ours, shape) = answer_of(&tables, &question, true, set);
            prop_assert!(shape.contains("NumberedGroupsExec"), "{shape}");
            prop_assert!(!own_shape.contains("NumberedGroupsExec"), "{own_shape}");
            // Groups come in any order.
            let sorted = |text: &str| {
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                lines.sort();
                lines
            };
            prop_assert_eq!(sorted(&own), sorted(&ours));
        }
    }
}
