//! Joins that look each row up in a small table.
//!
//! Where the built side of a hash join has each key once, a row of the other side has at most one partner:
//! its columns can be passed on as they are instead of being gathered row by row, and only the looked-up
//! ones are made. Whether keys are unique is seen when the table is built; if they are not, the engine's
//! own join runs over it.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array,
    new_null_array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::{concat_batches, filter, filter_record_batch, take};
use datafusion::common::{DataFusionError, JoinSide, JoinType, NullEquality, Result};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties, ReplaceChildrenOptions,
    SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use super::numbers::{NUMBERS_MAX, evaluated, is_number, numbers};
use super::stand_in::Way;

/// A hash join whose built side mostly has each key once.
#[derive(Debug)]
pub(super) struct LookupJoin {
    /// A [`HashJoinExec`] that [`applies`].
    join: Arc<dyn ExecutionPlan>,
    /// Made once for all partitions.
    built: Arc<OnceCell<Built>>,
}

fn applies(join: &HashJoinExec) -> bool {
    let kind = match join.join_type() {
        JoinType::Inner => true,
        JoinType::Right | JoinType::RightAnti | JoinType::RightSemi => join.filter().is_none(),
        _ => false,
    };
    let (left, right) = (join.left().schema(), join.right().schema());
    let whole = join.left().output_partitioning().partition_count() == 1
        && match join.partition_mode() {
            PartitionMode::CollectLeft => true,
            _ => join.right().output_partitioning().partition_count() == 1,
        };
    let numbers = join.on().iter().all(|(one, other)| {
        let (one, other) = (one.data_type(&left), other.data_type(&right));
        matches!((one, other), (Ok(one), Ok(other)) if one == other && is_number(&one))
    });
    kind && whole
        && numbers
        && (1..=NUMBERS_MAX).contains(&join.on().len())
        && join.null_equality == NullEquality::NullEqualsNothing
        && !join.null_aware
        && join.fetch().is_none()
}

/// What came of the built side.
#[derive(Debug)]
enum Built {
    Unique(Table),
    /// A key came twice: the engine's join over the rows.
    Repeated(
        Arc<dyn ExecutionPlan>,
        #[expect(dead_code, reason = "held")] MemoryReservation,
    ),
}

/// Rows by their key.
#[derive(Debug)]
struct Table {
    rows: RecordBatch,
    places: foldhash::HashMap<u128, u32>,
    #[expect(dead_code, reason = "held as long as the rows")]
    reservation: MemoryReservation,
}

impl LookupJoin {
    /// Where a column of the result stands in the rows that are looked up; none for what is found.
    pub(super) fn passed_on(&self, column: usize) -> Option<usize> {
        let join = self.join.downcast_ref::<HashJoinExec>()?;
        match Lookup::new(join).columns.get(column)? {
            (JoinSide::Left, _) => None,
            (_, column) => Some(*column),
        }
    }
}

impl Way for LookupJoin {
    const NAME: &'static str = "LookupJoinExec";

    fn of(engines: &Arc<dyn ExecutionPlan>) -> Option<LookupJoin> {
        let join = engines.downcast_ref::<HashJoinExec>()?;
        applies(join).then(|| LookupJoin {
            join: Arc::clone(engines),
            built: Arc::default(),
        })
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let (plan, cell) = (Arc::clone(&self.join), Arc::clone(&self.built));
        let lookup = {
            let Some(join) = plan.downcast_ref::<HashJoinExec>() else {
                return plan.execute(partition, context);
            };
            Lookup::new(join)
        };
        let stream = futures::stream::once(async move {
            let built = cell.get_or_try_init(|| build(&plan, &context)).await?;
            if let Built::Repeated(plan, _) = built {
                return plan.execute(partition, context);
            }
            let Some(join) = plan.downcast_ref::<HashJoinExec>() else {
                return plan.execute(partition, context);
            };
            let probe = join.right().execute(partition, context)?;
            let rows = probe.map(move |batch| match (cell.get(), batch) {
                (Some(Built::Unique(table)), Ok(batch)) => lookup.joined(table, &batch),
                (_, Ok(_)) => Err(DataFusionError::Internal("a lookup without rows".into())),
                (_, Err(error)) => Err(error),
            });
            let rows = rows.try_filter(|batch| futures::future::ready(batch.num_rows() > 0));
            let rows = RecordBatchStreamAdapter::new(plan.schema(), rows);
            Ok(Box::pin(rows) as SendableRecordBatchStream)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.join.schema(),
            stream.try_flatten(),
        )))
    }
}

/// Reads the built side.
async fn build(plan: &Arc<dyn ExecutionPlan>, context: &Arc<TaskContext>) -> Result<Built> {
    let Some(join) = plan.downcast_ref::<HashJoinExec>() else {
        return Err(DataFusionError::Internal("a lookup that is no join".into()));
    };
    let reservation = MemoryConsumer::new("lookup").register(context.memory_pool());
    let mut stream = join.left().execute(0, Arc::clone(context))?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.try_next().await? {
        reservation.try_grow(batch.get_array_memory_size())?;
        batches.push(batch);
    }
    let schema = join.left().schema();
    let rows = concat_batches(&schema, &batches)?;
    let entry = size_of::<(u128, u32)>() * 2;
    reservation.try_resize(rows.get_array_memory_size() + rows.num_rows() * entry)?;
    drop(batches);
    let keys: Vec<_> = join.on().iter().map(|(key, _)| Arc::clone(key)).collect();
    let (keys, nulls) = numbers(&evaluated(&keys, &rows)?)?;
    let mut places = foldhash::HashMap::with_capacity_and_hasher(keys.len(), Default::default());
    for (row, key) in keys.into_iter().enumerate() {
        // NULL equals nothing.
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            continue;
        }
        if places.insert(key, row as u32).is_some() {
            let source = MemorySourceConfig::try_new_exec(&[vec![rows]], schema, None)?;
            let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            let children = vec![source as Arc<dyn ExecutionPlan>, Arc::clone(join.right())];
            let plan = Arc::clone(plan).replace_children(children, anew)?;
            return Ok(Built::Repeated(plan, reservation));
        }
    }
    Ok(Built::Unique(Table {
        rows,
        places,
        reservation,
    }))
}

/// How a row of the other side is joined.
struct Lookup {
    keys: Vec<Arc<dyn PhysicalExpr>>,
    kind: JoinType,
    filter: Option<datafusion::physical_plan::joins::utils::JoinFilter>,
    /// The columns of the result: whose, and which.
    columns: Vec<(JoinSide, usize)>,
    schema: datafusion::arrow::datatypes::SchemaRef,
}

impl Lookup {
    fn new(join: &HashJoinExec) -> Lookup {
        let (left, right) = (join.left().schema(), join.right().schema());
        let left = (0..left.fields().len()).map(|column| (JoinSide::Left, column));
        let right = (0..right.fields().len()).map(|column| (JoinSide::Right, column));
        let all: Vec<_> = match join.join_type() {
            JoinType::RightAnti | JoinType::RightSemi => right.collect(),
            _ => left.chain(right).collect(),
        };
        let columns = match &join.projection {
            Some(chosen) => chosen
                .iter()
                .filter_map(|column| all.get(*column).copied())
                .collect(),
            None => all,
        };
        Lookup {
            keys: join.on().iter().map(|(_, key)| Arc::clone(key)).collect(),
            kind: *join.join_type(),
            filter: join.filter().cloned(),
            columns,
            schema: join.schema(),
        }
    }

    /// The rows that come of a batch.
    fn joined(&self, table: &Table, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let (keys, nulls) = numbers(&evaluated(&self.keys, batch)?)?;
        let mut places: Vec<u32> = Vec::with_capacity(rows);
        let mut found: Vec<bool> = Vec::with_capacity(rows);
        // Neighbouring rows are often looked up alike.
        let mut last: Option<(u128, Option<u32>)> = None;
        for (row, key) in keys.into_iter().enumerate() {
            let place = match last {
                _ if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) => None,
                Some((known, place)) if known == key => place,
                _ => {
                    let place = table.places.get(&key).copied();
                    last = Some((key, place));
                    place
                }
            };
            places.push(place.unwrap_or(0));
            found.push(place.is_some());
        }
        let found = BooleanArray::from(found);
        match self.kind {
            JoinType::RightSemi => self.kept(batch, &found),
            JoinType::RightAnti => self.kept(batch, &datafusion::arrow::compute::not(&found)?),
            JoinType::Right => {
                let valid = NullBuffer::new(found.values().clone());
                let places = UInt32Array::new(places.into(), Some(valid));
                self.made(table, batch, &places)
            }
            _ => {
                let places = UInt32Array::from(places);
                let (batch, places) = narrowed(batch, &places, &found)?;
                let Some(condition) = &self.filter else {
                    return self.made(table, &batch, &places);
                };
                let columns = condition
                    .column_indices()
                    .iter()
                    .map(|column| column_of(column.side, column.index, table, &batch, &places))
                    .collect::<Result<Vec<_>>>()?;
                let seen = with_rows(condition.schema(), columns, batch.num_rows())?;
                let passes = condition
                    .expression()
                    .evaluate(&seen)?
                    .into_array(batch.num_rows())?;
                let (batch, places) = narrowed(&batch, &places, passes.as_boolean())?;
                self.made(table, &batch, &places)
            }
        }
    }

    /// Rows of the other side alone.
    fn kept(&self, batch: &RecordBatch, which: &BooleanArray) -> Result<RecordBatch> {
        let columns = self
            .columns
            .iter()
            .filter_map(|(_, column)| batch.columns().get(*column).cloned())
            .collect();
        let rows = with_rows(&self.schema, columns, batch.num_rows())?;
        if which.true_count() == which.len() {
            return Ok(rows);
        }
        Ok(filter_record_batch(&rows, which)?)
    }

    /// All rows with what was looked up.
    fn made(
        &self,
        table: &Table,
        batch: &RecordBatch,
        places: &UInt32Array,
    ) -> Result<RecordBatch> {
        let columns = self
            .columns
            .iter()
            .map(|(side, column)| column_of(*side, *column, table, batch, places))
            .collect::<Result<Vec<_>>>()?;
        with_rows(&self.schema, columns, batch.num_rows())
    }
}

fn with_rows(
    schema: &datafusion::arrow::datatypes::SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(DataFusionError::from)
}

/// The rows for which `which` is true.
fn narrowed(
    batch: &RecordBatch,
    places: &UInt32Array,
    which: &BooleanArray,
) -> Result<(RecordBatch, UInt32Array)> {
    if which.true_count() == which.len() {
        return Ok((batch.clone(), places.clone()));
    }
    let places = filter(places, which)?;
    let places = places
        .as_primitive::<datafusion::arrow::datatypes::UInt32Type>()
        .clone();
    Ok((filter_record_batch(batch, which)?, places))
}

fn column_of(
    side: JoinSide,
    column: usize,
    table: &Table,
    batch: &RecordBatch,
    places: &UInt32Array,
) -> Result<ArrayRef> {
    let from = match side {
        JoinSide::Left => table.rows.columns(),
        _ => batch.columns(),
    };
    let Some(values) = from.get(column) else {
        return Err(DataFusionError::Internal("a lookup of no column".into()));
    };
    Ok(match side {
        JoinSide::Left if places.null_count() == places.len() => {
            new_null_array(values.data_type(), places.len())
        }
        JoinSide::Left => take(values, places, None)?,
        _ => Arc::clone(values),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{Rows, answer, rows};

    /// One a kind of join, by one and two keys, of plain columns and made ones.
    const QUESTIONS: [&str; 7] = [
        "select rows.*, names.name as other from names right join rows on names.person = rows.person",
        "select rows.*, names.name as other from names right join rows
         on names.person = rows.person and names.day = rows.day",
        "select rows.* from names right anti join rows on names.person = rows.person",
        "select rows.n from names right semi join rows on names.person = rows.person + 1",
        "select rows.n, names.name, names.n as other
         from names inner join rows on names.person = rows.person",
        "select rows.n, names.name
         from names inner join rows on names.person = rows.person and rows.n < names.n",
        "select count(*) as many from names inner join rows on names.n = rows.person",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn as_the_engine_s_own(
            many in rows(60),
            few in rows(6),
            once in any::<bool>(),
            cuts in proptest::collection::vec(0..100usize, 0..4),
        ) {
            // The engine keeps the order of rows only where they have one.
            let many = Rows::sorted(many, &["day", "person", "n"]);
            let mut few = Rows::sorted(few, &[]);
            if once {
                few.rows.sort_by_key(|row| row.1);
                few.rows.dedup_by_key(|row| row.1);
            }
            let tables = [("rows", many.table(&cuts)), ("names", few.table(&[]))];
            for question in QUESTIONS {
                let (own, own_shape) = answer(&tables, question, false);
                let (ours, shape) = answer(&tables, question, true);
                prop_assert!(shape.contains("LookupJoinExec"), "{question}\n{shape}");
                prop_assert!(!own_shape.contains("LookupJoinExec"), "{own_shape}");
                // Which of several partners comes first is nobody's promise.
                if once {
                    prop_assert_eq!(own, ours, "{}", question);
                } else {
                    prop_assert_eq!(sorted(&own), sorted(&ours), "{}", question);
                }
            }
        }
    }

    fn sorted(text: &str) -> Vec<&str> {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines
    }
}
