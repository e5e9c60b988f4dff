//! How the activities of a day lie in Arrow columns: as the arguments of
//! [`day_analysis`](super::day_analysis), and packed into the state of one of its groups.
//!
//! Columns in, [`Activity`] out, and back. Nothing here knows the rules of the analysis.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Int64Type, TimestampMicrosecondType};
use datafusion::common::{Result, exec_err, plan_err};

use super::day::{Activity, Productivity};
use super::local_time::instant;
use crate::zone::SECOND;

/// The types of a row's columns for those of a call: states and productivities may be numbers.
pub(super) fn coerced(given: &[DataType]) -> Result<Vec<DataType>> {
    use DataType::{Boolean, Int64, Utf8};
    let [_, _, state, productivity, _, _, _, _, _] = given else {
        return plan_err!(
            "day_analysis takes 9 arguments and a struct of rules, not {}",
            given.len()
        );
    };
    let state = if *state == Boolean { Boolean } else { Utf8 };
    let productivity = if *productivity == Int64 { Int64 } else { Utf8 };
    Ok(vec![
        instant(),
        Int64,
        state,
        productivity,
        Boolean,
        Int64,
        Int64,
        Boolean,
        Int64,
    ])
}

/// The arguments, but for the rules.
pub(super) struct Columns<'a> {
    starts: &'a [i64],
    counted: &'a [i64],
    actives: BooleanBuffer,
    productivities: Vec<Productivity>,
    collaborations: Truths<'a>,
    tasks: Numbers<'a>,
    screens: Numbers<'a>,
    cores: Truths<'a>,
    scheduled: Numbers<'a>,
}

impl<'a> Columns<'a> {
    /// Of columns in the types of [`coerced`].
    ///
    /// # Errors
    /// For a NULL where none may be, and for a state or productivity that nobody knows.
    pub(super) fn new(columns: &'a [ArrayRef]) -> Result<Columns<'a>> {
        let [
            starts,
            counted,
            states,
            productivities,
            collaborations,
            tasks,
            screens,
            cores,
            scheduled,
        ] = columns
        else {
            return exec_err!("day_analysis takes ten arguments");
        };
        let needed = [starts, counted, states, productivities];
        if needed.iter().any(|column| column.null_count() > 0) {
            return exec_err!(
                "day_analysis takes no NULL as start, counted_sec, state or productivity"
            );
        }
        Ok(Columns {
            starts: starts.as_primitive::<TimestampMicrosecondType>().values(),
            counted: counted.as_primitive::<Int64Type>().values(),
            actives: match states.as_boolean_opt() {
                Some(actives) => actives.values().clone(),
                None => actives(states.as_string::<i32>())?,
            },
            productivities: match productivities.as_primitive_opt::<Int64Type>() {
                Some(ranks) => ranked(ranks.values())?,
                None => named(productivities.as_string::<i32>())?,
            },
            collaborations: Truths::new(collaborations),
            tasks: Numbers::new(tasks),
            screens: Numbers::new(screens),
            cores: Truths::new(cores),
            scheduled: Numbers::new(scheduled),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// These rows, as far as there are so many.
    pub(super) fn activities(&self, rows: Range<usize>) -> impl Iterator<Item = Activity> {
        let starts = self.starts.get(rows.clone()).unwrap_or_default();
        let counted = self.counted.get(rows.clone()).unwrap_or_default();
        let productivities = self.productivities.get(rows.clone()).unwrap_or_default();
        let plain = starts.iter().zip(counted).zip(productivities);
        plain
            .zip(rows.start..)
            .map(|(((start, counted), productivity), row)| Activity {
                start_sec: start.div_euclid(SECOND),
                counted_sec: *counted,
                schedule_sec: self.scheduled.at(row).unwrap_or(0),
                task: self.tasks.at(row),
                screen: self.screens.at(row),
                productivity: *productivity,
                active: self.actives.value(row),
                collaboration: self.collaborations.at(row).unwrap_or(false),
                core: self.cores.at(row),
            })
    }
}

/// Productivities of these numbers.
///
/// # Errors
/// For a number that nobody knows.
fn ranked(ranks: &[i64]) -> Result<Vec<Productivity>> {
    ranks
        .iter()
        .map(|rank| match Productivity::of_rank(*rank) {
            Some(known) => Ok(known),
            None => exec_err!("day_analysis knows no productivity {rank}"),
        })
        .collect()
}

/// Productivities of these names.
///
/// # Errors
/// For a name that nobody knows.
fn named(names: &StringArray) -> Result<Vec<Productivity>> {
    (0..names.len())
        .map(|row| match Productivity::parse(names.value(row)) {
            Some(known) => Ok(known),
            None => exec_err!("day_analysis knows no productivity '{}'", names.value(row)),
        })
        .collect()
}

/// Whether states of these names are active.
///
/// # Errors
/// For a name that nobody knows.
fn actives(names: &StringArray) -> Result<BooleanBuffer> {
    (0..names.len())
        .map(|row| match names.value(row) {
            "Active" => Ok(true),
            "Passive" => Ok(false),
            other => exec_err!("day_analysis knows no state '{other}'"),
        })
        .collect()
}

/// Whole numbers that may be NULL. An array tells one by calls that are not inlined, which many rows feel.
struct Numbers<'a> {
    values: &'a [i64],
    nulls: Option<&'a NullBuffer>,
}

impl<'a> Numbers<'a> {
    fn new(array: &'a ArrayRef) -> Numbers<'a> {
        let array = array.as_primitive::<Int64Type>();
        Numbers {
            values: array.values(),
            nulls: array.nulls(),
        }
    }

    fn at(&self, row: usize) -> Option<i64> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        self.values.get(row).copied()
    }
}

/// Truths that may be NULL.
struct Truths<'a> {
    values: &'a BooleanBuffer,
    nulls: Option<&'a NullBuffer>,
}

impl<'a> Truths<'a> {
    fn new(array: &'a ArrayRef) -> Truths<'a> {
        let array = array.as_boolean();
        Truths {
            values: array.values(),
            nulls: array.nulls(),
        }
    }

    fn at(&self, row: usize) -> Option<bool> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        Some(self.values.value(row))
    }
}

/// The type of a group's packed activities.
pub(super) fn packed_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(
        DataType::Struct(packed_fields()),
        true,
    )))
}

/// Those of [`coerced`], with states and productivities as numbers: what is packed is read like arguments.
fn packed_fields() -> Fields {
    use DataType::{Boolean, Int64};
    Fields::from(vec![
        Field::new("start", instant(), true),
        Field::new("counted_sec", Int64, true),
        Field::new("active", Boolean, true),
        Field::new("productivity_rank", Int64, true),
        Field::new("collaboration", Boolean, true),
        Field::new("task", Int64, true),
        Field::new("screen", Int64, true),
        Field::new("core", Boolean, true),
        Field::new("schedule_sec", Int64, true),
    ])
}

/// Each day as a list.
pub(super) fn packed(days: &[Vec<Activity>]) -> Result<ArrayRef> {
    let rows = || days.iter().flatten();
    let numbers = |value: fn(&Activity) -> Option<i64>| -> ArrayRef {
        Arc::new(rows().map(value).collect::<Int64Array>())
    };
    let truths = |value: fn(&Activity) -> Option<bool>| -> ArrayRef {
        Arc::new(rows().map(value).collect::<BooleanArray>())
    };
    let starts = rows().map(|activity| activity.start_sec.saturating_mul(SECOND));
    let starts = TimestampMicrosecondArray::from_iter_values(starts).with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(starts),
        numbers(|activity| Some(activity.counted_sec)),
        truths(|activity| Some(activity.active)),
        numbers(|activity| Some(activity.productivity.rank())),
        truths(|activity| Some(activity.collaboration)),
        numbers(|activity| activity.task),
        numbers(|activity| activity.screen),
        truths(|activity| activity.core),
        numbers(|activity| Some(activity.schedule_sec)),
    ];
    Ok(Arc::new(ListArray::try_new(
        Arc::new(Field::new_list_field(
            DataType::Struct(packed_fields()),
            true,
        )),
        OffsetBuffer::from_lengths(days.iter().map(Vec::len)),
        Arc::new(StructArray::try_new(packed_fields(), columns, None)?),
        None,
    )?))
}
