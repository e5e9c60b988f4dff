//! Interval sets in Arrow columns: how a list is read, written and mapped, and which types the
//! interval functions take.
//!
//! In flow: columns of `List<Struct<start, end>>` in any of the forms that queries give them. Out
//! flow: sets in normal form, row by row, and columns of [`interval_list`].

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, ListArray, StructArray, TimestampMicrosecondArray,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Fields, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, exec_err, plan_err};

use super::interval::{Interval, normalised};
use super::local_time::instant;
use crate::clock::Micros;

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("start", instant(), false),
        Field::new("end", instant(), false),
    ])
}

/// How a set lies in a column: `List<Struct<start, end>>` of UTC instants in microseconds.
pub fn interval_list() -> DataType {
    DataType::List(Arc::new(Field::new(
        "item",
        DataType::Struct(fields()),
        true,
    )))
}

/// Whether [`IntervalLists`] reads this type: a list of structs that have `start` and `end`, both
/// instants (a time stamp with a zone, of any unit). Other fields, names of the list's item and
/// nullability do not matter.
///
/// Errors say what is wrong with it, with the function's name in front.
pub fn check_type(function: &str, data_type: &DataType) -> Result<()> {
    let item = match data_type {
        DataType::Null => return Ok(()),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => item,
        other => {
            return plan_err!(
                "{function} takes a list of structs with the fields start and end, such as \
                 array_agg(named_struct('start', start at time zone 'UTC', 'end', \"end\" at time zone 'UTC')); this is {other}"
            );
        }
    };
    let DataType::Struct(fields) = item.data_type() else {
        if item.data_type() == &DataType::Null {
            return Ok(());
        }
        return plan_err!(
            "{function} takes a list of structs with the fields start and end; this is a list of {}",
            item.data_type()
        );
    };
    for name in ["start", "end"] {
        let Some(field) = fields.iter().find(|field| field.name() == name) else {
            return plan_err!(
                "{function} takes structs with the fields start and end: {name} is missing"
            );
        };
        check_instant(function, name, field.data_type())?;
    }
    Ok(())
}

/// Whether a type is that of instants.
fn check_instant(function: &str, name: &str, data_type: &DataType) -> Result<()> {
    match data_type {
        DataType::Timestamp(_, Some(_)) | DataType::Null => Ok(()),
        // A wall clock's hours are no measure of time on the days when it is put forward or back.
        DataType::Timestamp(_, None) => plan_err!(
            "{function}: {name} is a time stamp without time zone, so it is no instant; if it is in \
             UTC (as every literal is), write {name} at time zone 'UTC'"
        ),
        other => plan_err!("{function}: {name} must be a time stamp with time zone, not {other}"),
    }
}

/// Reads a column of interval sets, row by row.
pub struct IntervalLists {
    lists: ListArray,
    /// Start and end of every element; `None` where the elements have no type at all.
    bounds: Option<(TimestampMicrosecondArray, TimestampMicrosecondArray)>,
    /// Of the elements.
    nulls: Option<NullBuffer>,
}

impl IntervalLists {
    /// Of a column whose type passes [`check_type`]; other types are errors.
    pub fn new(function: &str, column: &ArrayRef) -> Result<IntervalLists> {
        check_type(function, column.data_type())?;
        let untyped = |lists| IntervalLists {
            lists,
            bounds: None,
            nulls: None,
        };
        let lists = match column.data_type() {
            DataType::List(_) => column.as_list::<i32>().clone(),
            DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                cast(column, &DataType::List(Arc::clone(item)))?
                    .as_list::<i32>()
                    .clone()
            }
            _ => {
                let nulls = Some(NullBuffer::new_null(column.len()));
                let item = Arc::new(Field::new("item", DataType::Null, true));
                let empty = datafusion::arrow::array::new_empty_array(&DataType::Null);
                let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(0, column.len()));
                return Ok(untyped(ListArray::try_new(item, offsets, empty, nulls)?));
            }
        };
        let Some(elements) = lists.values().as_struct_opt() else {
            return Ok(untyped(lists));
        };
        let bound = |name: &str| -> Result<TimestampMicrosecondArray> {
            match elements.column_by_name(name) {
                // Finer units are cut off towards the past, as the loads do.
                Some(column) => Ok(whole_micros(column)?
                    .as_primitive::<TimestampMicrosecondType>()
                    .clone()),
                None => exec_err!("{function}: {name} is missing"),
            }
        };
        let (bounds, nulls) = ((bound("start")?, bound("end")?), elements.nulls().cloned());
        Ok(IntervalLists {
            bounds: Some(bounds),
            nulls,
            lists,
        })
    }

    /// Rows of the column.
    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The set of a row in normal form; `None` for a NULL list or beyond the last row. NULL elements
    /// and elements with a NULL bound are skipped.
    pub fn set(&self, row: usize) -> Option<Vec<Interval>> {
        Some(normalised(self.intervals(row)?))
    }

    /// The intervals of a row as they come, without NULLs but also without any order.
    pub fn intervals(&self, row: usize) -> Option<Vec<Interval>> {
        if row >= self.lists.len() || self.lists.is_null(row) {
            return None;
        }
        let Some((starts, ends)) = &self.bounds else {
            return Some(Vec::new());
        };
        let offsets = self.lists.value_offsets();
        let at = |index: usize| {
            offsets
                .get(index)
                .and_then(|offset| usize::try_from(*offset).ok())
                .unwrap_or(0)
        };
        let elements = at(row)..at(row + 1);
        let mut out = Vec::with_capacity(elements.len());
        for element in elements {
            let valid = self.nulls.as_ref().is_none_or(|n| n.is_valid(element))
                && starts.is_valid(element)
                && ends.is_valid(element);
            if valid {
                out.push(Interval::new(starts.value(element), ends.value(element)));
            }
        }
        Some(out)
    }
}

/// Time stamps of any unit as UTC microseconds.
fn whole_micros(column: &ArrayRef) -> Result<ArrayRef> {
    if let DataType::Timestamp(TimeUnit::Nanosecond, Some(_)) = column.data_type() {
        // A cast would round towards 1970, and so move instants before it.
        let floored: TimestampMicrosecondArray = column
            .as_primitive::<datafusion::arrow::datatypes::TimestampNanosecondType>()
            .unary(|nanos| nanos.div_euclid(1_000));
        return Ok(Arc::new(floored.with_timezone("UTC")));
    }
    Ok(cast(column, &instant())?)
}

/// Writes a column of interval sets.
#[derive(Default)]
pub struct IntervalListBuilder {
    starts: Vec<Micros>,
    ends: Vec<Micros>,
    lengths: Vec<usize>,
    valid: Vec<bool>,
}

impl IntervalListBuilder {
    /// For about so many rows.
    pub fn with_capacity(rows: usize) -> Self {
        IntervalListBuilder {
            lengths: Vec::with_capacity(rows),
            valid: Vec::with_capacity(rows),
            ..Self::default()
        }
    }

    /// The next row: a set, or NULL.
    pub fn append(&mut self, set: Option<&[Interval]>) {
        let set_or_none = set.unwrap_or_default();
        self.starts.extend(set_or_none.iter().map(|i| i.start));
        self.ends.extend(set_or_none.iter().map(|i| i.end));
        self.lengths.push(set_or_none.len());
        self.valid.push(set.is_some());
    }

    /// The column, of type [`interval_list`].
    pub fn finish(self) -> Result<ArrayRef> {
        let instants = |values: Vec<Micros>| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
        };
        let elements = StructArray::try_new(
            fields(),
            vec![instants(self.starts), instants(self.ends)],
            None,
        )?;
        lists(Arc::new(elements), self.lengths, self.valid)
    }
}

/// Elements cut into rows of the given lengths. More than `i32::MAX` elements are an error.
pub(super) fn lists(elements: ArrayRef, lengths: Vec<usize>, valid: Vec<bool>) -> Result<ArrayRef> {
    if i32::try_from(elements.len()).is_err() {
        return exec_err!("too many intervals for one batch");
    }
    Ok(Arc::new(ListArray::try_new(
        Arc::new(Field::new("item", elements.data_type().clone(), true)),
        OffsetBuffer::from_lengths(lengths),
        elements,
        Some(NullBuffer::from(valid)),
    )?))
}

/// What an interval function takes in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// A set.
    Set,
    /// A whole number of seconds.
    Seconds,
    /// An instant, by this name.
    Instant(&'static str),
    /// A text, such as a zone's name.
    Text,
}

/// The types an interval function wants for those it is given: sets stay as they are, because the
/// reader takes all their forms; numbers become `Int64`, instants microseconds, texts `Utf8`.
///
/// # Errors
/// A plan error that says which argument is wrong and how.
pub(super) fn coerced(
    function: &str,
    takes: &[Takes],
    given: &[DataType],
) -> Result<Vec<DataType>> {
    if takes.len() != given.len() {
        return plan_err!(
            "{function} takes {} arguments, not {}",
            takes.len(),
            given.len()
        );
    }
    takes
        .iter()
        .zip(given)
        .map(|(takes, given)| match takes {
            Takes::Set => {
                check_type(function, given)?;
                Ok(match given {
                    DataType::Null => interval_list(),
                    other => other.clone(),
                })
            }
            Takes::Seconds if given.is_integer() || given == &DataType::Null => Ok(DataType::Int64),
            Takes::Seconds => plan_err!("{function} takes whole seconds, not {given}"),
            Takes::Instant(name) => {
                check_instant(function, name, given)?;
                Ok(instant())
            }
            Takes::Text if given.is_string() || given == &DataType::Null => Ok(DataType::Utf8),
            Takes::Text => match given {
                DataType::Dictionary(_, value) if value.is_string() => Ok(DataType::Utf8),
                _ => plan_err!("{function} takes a text, not {given}"),
            },
        })
        .collect()
}

/// A column of sets made row by row from one; NULL stays NULL.
pub(super) fn map_sets(
    function: &str,
    column: &ArrayRef,
    of: impl Fn(&[Interval]) -> Vec<Interval>,
) -> Result<ArrayRef> {
    let sets = IntervalLists::new(function, column)?;
    let mut out = IntervalListBuilder::with_capacity(sets.len());
    for row in 0..sets.len() {
        out.append(sets.set(row).map(|set| of(&set)).as_deref());
    }
    out.finish()
}

/// A column of sets made row by row from two; NULL where either is.
pub(super) fn map_pairs(
    function: &str,
    one: &ArrayRef,
    other: &ArrayRef,
    of: impl Fn(&[Interval], &[Interval]) -> Vec<Interval>,
) -> Result<ArrayRef> {
    let one = IntervalLists::new(function, one)?;
    let other = IntervalLists::new(function, other)?;
    let mut out = IntervalListBuilder::with_capacity(one.len());
    for row in 0..one.len() {
        let both = one.set(row).zip(other.set(row));
        out.append(both.map(|(one, other)| of(&one, &other)).as_deref());
    }
    out.finish()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, TimestampNanosecondArray};

    use super::*;
    use crate::zone::SECOND;

    fn seconds_from(start: i64, end: i64) -> Interval {
        Interval::new(start * SECOND, end * SECOND)
    }

    #[test]
    fn rows_come_back_as_they_were_written() {
        let mut builder = IntervalListBuilder::default();
        let set = [seconds_from(1, 2), seconds_from(4, 9)];
        builder.append(Some(&set));
        builder.append(None);
        builder.append(Some(&[]));
        builder.append(Some(&set[1..]));
        let column = builder.finish().unwrap();
        assert_eq!(column.data_type(), &interval_list());
        let lists = IntervalLists::new("test", &column).unwrap();
        assert_eq!(lists.set(0), Some(set.to_vec()));
        assert_eq!(lists.set(1), None);
        assert_eq!(lists.set(2), Some(vec![]));
        assert_eq!(lists.set(3), Some(set[1..].to_vec()));
        assert_eq!(lists.set(4), None);
        // A slice of a column has its rows, not those of the whole.
        let lists = IntervalLists::new("test", &column.slice(2, 2)).unwrap();
        assert_eq!(lists.set(1), Some(set[1..].to_vec()));
        let empty = IntervalListBuilder::default().finish().unwrap();
        assert!(IntervalLists::new("test", &empty).unwrap().is_empty());
    }

    /// Lists of other names, units, zones and nullability, with another field between.
    #[test]
    fn reads_what_queries_make() {
        let nanos = |values: Vec<Option<i64>>| -> ArrayRef {
            Arc::new(TimestampNanosecondArray::from(values).with_timezone("Europe/Berlin"))
        };
        let instants = DataType::Timestamp(TimeUnit::Nanosecond, Some("Europe/Berlin".into()));
        let elements = StructArray::try_new(
            Fields::from(vec![
                Field::new("end", instants.clone(), true),
                Field::new("parts", DataType::Int64, true),
                Field::new("start", instants, true),
            ]),
            vec![
                nanos(vec![Some(5_999), Some(9_000), Some(9_000), None]),
                Arc::new(Int64Array::from(vec![1, 2, 3, 4])),
                nanos(vec![Some(-1), Some(5_000), Some(8_000), Some(0)]),
            ],
            Some(NullBuffer::from(vec![true, true, false, true])),
        )
        .unwrap();
        let elements: ArrayRef = Arc::new(elements);
        let column = lists(elements, vec![4], vec![true]).unwrap();
        let read = IntervalLists::new("test", &column).unwrap();
        // NULL elements and bounds are skipped, nanoseconds fall towards the past.
        assert_eq!(read.set(0), Some(vec![Interval::new(-1, 9)]));
        let DataType::List(item) = column.data_type() else {
            unreachable!()
        };
        let large = cast(&column, &DataType::LargeList(Arc::clone(item))).unwrap();
        let read = IntervalLists::new("test", &large).unwrap();
        assert_eq!(read.set(0), Some(vec![Interval::new(-1, 9)]));
        let nothing = datafusion::arrow::array::new_null_array(&DataType::Null, 2);
        assert_eq!(IntervalLists::new("test", &nothing).unwrap().set(1), None);
    }
}
