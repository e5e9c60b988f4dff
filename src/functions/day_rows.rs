//! How the activities of a day lie in Arrow columns: as the arguments of
//! [`day_analysis`](super::day_analysis), and packed into the state of one of its groups.
//!
//! Columns in, [`Activity`] out, and back. Nothing here knows the rules of the analysis.

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
    starts: &'a TimestampMicrosecondArray,
    counted: &'a Int64Array,
    states: States<'a>,
    productivities: Productivities<'a>,
    collaborations: Truths<'a>,
    tasks: Numbers<'a>,
    screens: Numbers<'a>,
    cores: Truths<'a>,
    scheduled: Numbers<'a>,
}

impl<'a> Columns<'a> {
    /// Of columns in the types of [`coerced`].
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
            starts: starts.as_primitive::<TimestampMicrosecondType>(),
            counted: counted.as_primitive::<Int64Type>(),
            states: match states.as_boolean_opt() {
                Some(active) => States::Active(active),
                None => States::Named(states.as_string::<i32>()),
            },
            productivities: match productivities.as_primitive_opt::<Int64Type>() {
                Some(ranks) => Productivities::Ranked(ranks),
                None => Productivities::Named(productivities.as_string::<i32>()),
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

    /// A row.
    ///
    /// # Errors
    /// For a state or productivity that nobody knows.
    pub(super) fn activity(&self, row: usize) -> Result<Activity> {
        Ok(Activity {
            start_sec: self.starts.value(row).div_euclid(SECOND),
            counted_sec: self.counted.value(row),
            schedule_sec: self.scheduled.at(row).unwrap_or(0),
            task: self.tasks.at(row),
            screen: self.screens.at(row),
            productivity: self.productivities.value(row)?,
            active: self.states.active(row)?,
            collaboration: self.collaborations.at(row).unwrap_or(false),
            core: self.cores.at(row),
        })
    }
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

/// States, as texts or as truths.
enum States<'a> {
    Named(&'a StringArray),
    Active(&'a BooleanArray),
}

impl States<'_> {
    fn active(&self, row: usize) -> Result<bool> {
        match self {
            States::Active(active) => Ok(active.values().value(row)),
            States::Named(names) => match names.value(row) {
                "Active" => Ok(true),
                "Passive" => Ok(false),
                other => exec_err!("day_analysis knows no state '{other}'"),
            },
        }
    }
}

/// Productivities, as texts or as numbers.
enum Productivities<'a> {
    Named(&'a StringArray),
    Ranked(&'a Int64Array),
}

impl Productivities<'_> {
    fn value(&self, row: usize) -> Result<Productivity> {
        match self {
            Productivities::Ranked(ranks) => match Productivity::of_rank(ranks.value(row)) {
                Some(known) => Ok(known),
                None => exec_err!("day_analysis knows no productivity {}", ranks.value(row)),
            },
            Productivities::Named(names) => match Productivity::parse(names.value(row)) {
                Some(known) => Ok(known),
                None => exec_err!("day_analysis knows no productivity '{}'", names.value(row)),
            },
        }
    }
}

/// The type of a group's packed activities.
pub(super) fn packed_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(
        DataType::Struct(packed_fields()),
        true,
    )))
}

fn packed_fields() -> Fields {
    let numbers = [
        "start_sec",
        "counted_sec",
        "schedule_sec",
        "task",
        "screen",
        "productivity_rank",
    ];
    let truths = ["active", "collaboration", "core"];
    let mut out = Vec::with_capacity(numbers.len() + truths.len());
    out.extend(numbers.map(|name| Field::new(name, DataType::Int64, true)));
    out.extend(truths.map(|name| Field::new(name, DataType::Boolean, true)));
    Fields::from(out)
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
    let columns: Vec<ArrayRef> = vec![
        numbers(|activity| Some(activity.start_sec)),
        numbers(|activity| Some(activity.counted_sec)),
        numbers(|activity| Some(activity.schedule_sec)),
        numbers(|activity| activity.task),
        numbers(|activity| activity.screen),
        numbers(|activity| Some(activity.productivity.rank())),
        truths(|activity| Some(activity.active)),
        truths(|activity| Some(activity.collaboration)),
        truths(|activity| activity.core),
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

/// The activities of one packed day.
pub(super) struct Packed<'a> {
    starts: &'a Int64Array,
    counted: &'a Int64Array,
    scheduled: &'a Int64Array,
    tasks: Numbers<'a>,
    screens: Numbers<'a>,
    ranks: &'a Int64Array,
    actives: &'a BooleanArray,
    collaborations: &'a BooleanArray,
    cores: Truths<'a>,
}

impl<'a> Packed<'a> {
    /// Of a list's values.
    pub(super) fn new(rows: &'a StructArray) -> Result<Packed<'a>> {
        let [
            starts,
            counted,
            scheduled,
            tasks,
            screens,
            ranks,
            actives,
            collaborations,
            cores,
        ] = rows.columns()
        else {
            return exec_err!("day_analysis: a state of another make");
        };
        Ok(Packed {
            starts: starts.as_primitive::<Int64Type>(),
            counted: counted.as_primitive::<Int64Type>(),
            scheduled: scheduled.as_primitive::<Int64Type>(),
            tasks: Numbers::new(tasks),
            screens: Numbers::new(screens),
            ranks: ranks.as_primitive::<Int64Type>(),
            actives: actives.as_boolean(),
            collaborations: collaborations.as_boolean(),
            cores: Truths::new(cores),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// A row.
    ///
    /// # Errors
    /// For a rank that nobody knows.
    pub(super) fn activity(&self, row: usize) -> Result<Activity> {
        let rank = self.ranks.value(row);
        let Some(productivity) = Productivity::of_rank(rank) else {
            return exec_err!("day_analysis knows no productivity {rank}");
        };
        Ok(Activity {
            start_sec: self.starts.value(row),
            counted_sec: self.counted.value(row),
            schedule_sec: self.scheduled.value(row),
            task: self.tasks.at(row),
            screen: self.screens.at(row),
            productivity,
            active: self.actives.value(row),
            collaboration: self.collaborations.value(row),
            core: self.cores.at(row),
        })
    }
}
