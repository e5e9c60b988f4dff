//! A slice's rows in the order of its table.
//!
//! Computed rows mostly come in long runs that are in order already: stored files are sorted, and
//! models keep their order or regroup it. This sorts such runs by merging them, on whole numbers
//! first, and moves each row once; the engine's own sort takes several times as long. It holds all
//! rows of a chunk, which `limits.chunk_rows` and the memory pool bound: what the pool refuses is
//! left to the engine's sort, which spills.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DynComparator, RecordBatch, make_comparator,
};
use datafusion::arrow::compute::{SortOptions, concat, concat_batches, interleave_record_batch};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;

/// Rows of a day, by their places: (batch, row), with the first whole numbers of the order.
type Entry = (u128, u32, u32);

/// Collects batches of rows of several days.
pub struct Sorted {
    day: String,
    order: Vec<String>,
    batches: Vec<RecordBatch>,
    days: BTreeMap<i32, Vec<Entry>>,
    /// Rows that are not among the above yet.
    last: Vec<RecordBatch>,
    last_rows: usize,
    last_bytes: usize,
    reservation: MemoryReservation,
}

/// Rows that are put together. Batches as they come are larger than what they hold, mostly by half.
const TOGETHER_ROWS: usize = 1 << 16;

/// Fewer where they are long: a column of texts has 2 GiB at most.
const TOGETHER_BYTES: usize = 1 << 26;

impl Sorted {
    /// `order` holds inside a day, ascending, NULLs last; `day` names the day's column.
    pub fn new(day: &str, order: &[String], reservation: MemoryReservation) -> Sorted {
        Sorted {
            day: day.to_owned(),
            order: order.to_vec(),
            batches: Vec::new(),
            days: BTreeMap::new(),
            last: Vec::new(),
            last_rows: 0,
            last_bytes: 0,
            reservation,
        }
    }

    /// Adds rows.
    ///
    /// # Errors
    /// When the memory pool has no room for them.
    pub fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let entries = batch.num_rows() * size_of::<Entry>();
        let bytes = batch.get_array_memory_size();
        // Moving a day's rows holds them twice, but a day at a time.
        self.reservation.try_grow(bytes + entries)?;
        self.last_rows += batch.num_rows();
        self.last_bytes += bytes;
        self.last.push(batch);
        match self.last_rows >= TOGETHER_ROWS || self.last_bytes >= TOGETHER_BYTES {
            true => self.put_together(),
            false => Ok(()),
        }
    }

    fn put_together(&mut self) -> Result<()> {
        let Some(first) = self.last.first() else {
            return Ok(());
        };
        let batch = concat_batches(first.schema_ref(), &self.last)?;
        self.last.clear();
        let others = self.reservation.size().saturating_sub(self.last_bytes);
        (self.last_rows, self.last_bytes) = (0, 0);
        // Hardly ever more than before, and what is held already cannot be refused.
        self.reservation
            .resize(others + batch.get_array_memory_size());
        let place = u32::try_from(self.batches.len())
            .map_err(|_| DataFusionError::Internal("too many batches".into()))?;
        let Some(days) = batch.column_by_name(&self.day) else {
            return Err(DataFusionError::Internal("a slice lacks its day".into()));
        };
        let days = days.as_primitive::<Date32Type>();
        if days.null_count() > 0 {
            return Err(DataFusionError::Execution("a row without a day".into()));
        }
        let keys = keys(&batch, &self.order);
        let mut row = 0;
        // Neighbouring rows are mostly of one day.
        for run in days.values().chunk_by(|one, other| one == other) {
            let Some(day) = run.first() else { continue };
            let keys = keys.get(row..row + run.len()).unwrap_or_default();
            let entries = keys
                .iter()
                .zip(row as u32..)
                .map(|(key, row)| (*key, place, row));
            self.days.entry(*day).or_default().extend(entries);
            row += run.len();
        }
        self.batches.push(batch);
        Ok(())
    }

    /// The days, and their rows in order, in pieces of at most `rows` rows.
    pub fn days(
        mut self,
        rows: usize,
    ) -> Result<impl Iterator<Item = Result<(i32, RecordBatch)>> + Send> {
        self.put_together()?;
        let Sorted {
            order,
            batches,
            days,
            reservation,
            ..
        } = self;
        let ties = Ties::new(&batches, &order);
        let mut days = days.into_iter();
        let mut open: Option<(i32, Vec<Entry>, usize)> = None;
        Ok(std::iter::from_fn(move || {
            let _held = &reservation;
            loop {
                if let Some((day, entries, done)) = open.as_mut() {
                    let piece = entries.get(*done..).unwrap_or_default();
                    let piece = piece.get(..rows.min(piece.len())).unwrap_or_default();
                    if !piece.is_empty() {
                        *done += piece.len();
                        return Some(moved(&batches, piece).map(|batch| (*day, batch)));
                    }
                }
                let (day, mut entries) = days.next()?;
                // Stable, and fast on runs.
                entries.sort_by(|one, other| {
                    one.0
                        .cmp(&other.0)
                        .then_with(|| ties.compare((one.1, one.2), (other.1, other.2)))
                });
                open = Some((day, entries, 0));
            }
        }))
    }
}

/// Rows in runs of at least so many on average are copied run by run.
const RUN_ROWS_MIN: usize = 16;

/// The rows of these places, in their order. Neighbouring rows mostly were neighbours before.
fn moved(batches: &[RecordBatch], piece: &[Entry]) -> Result<RecordBatch> {
    let mut runs: Vec<RecordBatch> = Vec::new();
    let mut rest = piece;
    while let Some((_, batch, first)) = rest.first().copied() {
        if runs.len().saturating_mul(RUN_ROWS_MIN) > piece.len() {
            return scattered(batches, piece);
        }
        let length = (first..)
            .zip(rest)
            .take_while(|(row, (_, at_batch, at_row))| *at_batch == batch && at_row == row)
            .count();
        let Some(from) = batches.get(batch as usize) else {
            return scattered(batches, piece);
        };
        runs.push(from.slice(first as usize, length));
        rest = rest.get(length..).unwrap_or_default();
    }
    match runs.as_slice() {
        [] => scattered(batches, piece),
        [run] => Ok(run.clone()),
        [run, ..] => Ok(concat_batches(run.schema_ref(), &runs)?),
    }
}

/// The same row by row.
fn scattered(batches: &[RecordBatch], piece: &[Entry]) -> Result<RecordBatch> {
    let places: Vec<(usize, usize)> = piece
        .iter()
        .map(|(_, batch, row)| (*batch as usize, *row as usize))
        .collect();
    let all: Vec<&RecordBatch> = batches.iter().collect();
    Ok(interleave_record_batch(&all, &places)?)
}

/// The first two columns of the order as one number. What it leaves equal is looked at again, so
/// that a column which is no whole number may be left out.
fn keys(batch: &RecordBatch, order: &[String]) -> Vec<u128> {
    let column = |at: usize| {
        let column = order.get(at).and_then(|name| batch.column_by_name(name))?;
        numbers(column)
    };
    let Some(first) = column(0) else {
        return vec![0; batch.num_rows()];
    };
    let wide = |number: u64| u128::from(number) << 64;
    match column(1) {
        Some(second) => first
            .into_iter()
            .zip(second)
            .map(|(first, second)| wide(first) | u128::from(second))
            .collect(),
        None => first.into_iter().map(wide).collect(),
    }
}

/// Numbers that sort as the values of a column do; NULL as the greatest.
fn numbers(column: &ArrayRef) -> Option<Vec<u64>> {
    let values: &[i64] = match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().values(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            column.as_primitive::<TimestampMicrosecondType>().values()
        }
        _ => return None,
    };
    // Flipping the sign's bit makes the order of signed numbers that of unsigned ones.
    let unsigned = |number: &i64| *number as u64 ^ (1 << 63);
    Some(match column.nulls() {
        None => values.iter().map(unsigned).collect(),
        Some(nulls) => values
            .iter()
            .zip(nulls)
            .map(|(number, valid)| if valid { unsigned(number) } else { u64::MAX })
            .collect(),
    })
}

/// Compares rows by all columns of the order, and then by all others: rows that it finds equal are
/// equal, so the order in which they came does not show.
struct Ties {
    batches: Vec<RecordBatch>,
    /// Rows before each batch.
    before: Vec<usize>,
    order: Vec<String>,
    others: Vec<String>,
    /// Made when first needed: most tables' first two columns decide.
    by_order: OnceLock<Vec<DynComparator>>,
    by_others: OnceLock<Vec<DynComparator>>,
}

impl Ties {
    fn new(batches: &[RecordBatch], order: &[String]) -> Ties {
        let mut before = Vec::with_capacity(batches.len());
        let mut rows = 0;
        for batch in batches {
            before.push(rows);
            rows += batch.num_rows();
        }
        let schema = batches.first().map(RecordBatch::schema);
        let fields = schema.iter().flat_map(|schema| schema.fields().iter());
        let others = fields
            .map(|field| field.name().clone())
            .filter(|name| !order.contains(name))
            .collect();
        Ties {
            batches: batches.to_vec(),
            before,
            order: order.to_vec(),
            others,
            by_order: OnceLock::new(),
            by_others: OnceLock::new(),
        }
    }

    /// One comparator a column; a type that has no order decides nothing.
    fn comparators(&self, names: &[String]) -> Vec<DynComparator> {
        let options = SortOptions {
            descending: false,
            nulls_first: false,
        };
        names
            .iter()
            .filter_map(|name| {
                let parts: Vec<&dyn Array> = self
                    .batches
                    .iter()
                    .filter_map(|batch| batch.column_by_name(name))
                    .map(AsRef::as_ref)
                    .collect();
                let whole = concat(&parts).ok()?;
                make_comparator(&whole, &whole, options).ok()
            })
            .collect()
    }

    fn compare(&self, one: (u32, u32), other: (u32, u32)) -> Ordering {
        let at = |(batch, row): (u32, u32)| {
            self.before.get(batch as usize).copied().unwrap_or(0) + row as usize
        };
        let (one, other) = (at(one), at(other));
        let decided = |comparators: &[DynComparator]| {
            let mut orders = comparators.iter().map(|compare| compare(one, other));
            orders.find(|order| order.is_ne())
        };
        decided(self.by_order.get_or_init(|| self.comparators(&self.order)))
            .or_else(|| {
                decided(
                    self.by_others
                        .get_or_init(|| self.comparators(&self.others)),
                )
            })
            .unwrap_or(Ordering::Equal)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Date32Array, Int64Array, StringArray};
    use datafusion::arrow::datatypes::{Field, Schema};
    use datafusion::execution::memory_pool::{
        GreedyMemoryPool, MemoryConsumer, MemoryPool, UnboundedMemoryPool,
    };

    use super::*;

    type Row = (i32, Option<i64>, Option<i64>, &'static str);

    fn batch(rows: &[Row]) -> RecordBatch {
        RecordBatch::try_new(
            Arc::new(Schema::new(vec![
                Field::new("n", DataType::Int64, true),
                Field::new("m", DataType::Int64, true),
                Field::new("s", DataType::Utf8, true),
                Field::new("day", DataType::Date32, false),
            ])),
            vec![
                Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.1))),
                Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.2))),
                Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.3))),
                Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.0))),
            ],
        )
        .unwrap()
    }

    fn sorted(batches: &[RecordBatch], order: &[&str], rows: usize) -> Vec<(i32, String)> {
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let order: Vec<String> = order.iter().map(|name| (*name).to_owned()).collect();
        let reservation = MemoryConsumer::new("sorted").register(&pool);
        let mut sorted = Sorted::new("day", &order, reservation);
        for batch in batches {
            sorted.push(batch.clone()).unwrap();
        }
        let mut out = Vec::new();
        for piece in sorted.days(rows).unwrap() {
            let (day, piece) = piece.unwrap();
            assert!(piece.num_rows() <= rows);
            let texts = piece.column_by_name("s").unwrap().as_string::<i32>();
            out.extend(texts.iter().flatten().map(|text| (day, text.to_owned())));
        }
        out
    }

    #[test]
    fn days_then_numbers_with_nulls_last_then_texts() {
        let one = batch(&[
            (2, Some(5), Some(1), "e"),
            (1, None, Some(0), "d"),
            (1, Some(i64::MAX), Some(0), "c"),
            (1, Some(-7), Some(2), "b2"),
        ]);
        let other = batch(&[
            (1, Some(-7), Some(2), "b1"),
            (1, Some(-7), Some(-2), "a"),
            (2, Some(i64::MIN), None, "x"),
        ]);
        let expected = [
            (1, "a"),
            (1, "b1"),
            (1, "b2"),
            (1, "c"),
            (1, "d"),
            (2, "x"),
            (2, "e"),
        ]
        .map(|(day, text)| (day, text.to_owned()));
        for rows in [1, 3, 100] {
            let batches = [one.clone(), other.clone()];
            assert_eq!(sorted(&batches, &["n", "m", "s"], rows), expected);
        }
        // A text first: no numbers to go by.
        let texts: Vec<String> = sorted(&[one, other], &["s", "n"], 2)
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(texts, ["a", "b1", "b2", "c", "d", "e", "x"]);
    }

    #[test]
    fn runs_and_scattered_rows_come_out_alike() {
        // Two batches, each of long runs by person; in the second half, rows of both alternate.
        let rows = |from: usize| -> Vec<Row> {
            let person = |at: i64| {
                if at < 100 {
                    at / 50 * 2 + from as i64
                } else {
                    9
                }
            };
            (0..200)
                .map(|at| {
                    (
                        1,
                        Some(person(at)),
                        Some(2 * at + from as i64),
                        ["p", "q"][from],
                    )
                })
                .collect()
        };
        let batches = [batch(&rows(0)), batch(&rows(1))];
        let mut expected: Vec<Row> = [rows(0), rows(1)].concat();
        expected.sort();
        let expected: Vec<(i32, String)> = expected
            .into_iter()
            .map(|(day, _, _, text)| (day, text.to_owned()))
            .collect();
        for pieces in [1, 7, 50, 64, 1000] {
            assert_eq!(
                sorted(&batches, &["n", "m", "s"], pieces),
                expected,
                "{pieces}"
            );
        }
    }

    #[test]
    fn what_the_pool_refuses_is_an_error() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(10));
        let reservation = MemoryConsumer::new("sorted").register(&pool);
        let mut sorted = Sorted::new("day", &["n".to_owned()], reservation);
        let refused = sorted.push(batch(&[(1, Some(1), None, "a")])).unwrap_err();
        let root = refused.find_root();
        assert!(
            matches!(root, DataFusionError::ResourcesExhausted(_)),
            "{root}"
        );
    }
}
