//! `day_analysis(start, counted_sec, state, productivity, collaboration, task, screen, core,
//! schedule_sec, rules)`: every number of a person's day that depends on the sequence of its
//! activities, in one pass (`semantics.md` §5; the pass itself is [`super::day`]).
//!
//! An aggregate over the activities of one user and one local day. Rows may come in any order and
//! from several partitions: a group keeps its rows, 72 bytes each, and sorts them if it must. Over
//! a table that is sorted by day and user, only the open group is kept.

use std::collections::VecDeque;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, Int64Builder, StructArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, DocSection, Documentation, EmitTo,
    GroupsAccumulator, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use super::day::{Activity, Analyser, Analysis, Rules};
use super::day_rows::{Columns, coerced, packed, packed_type};
use super::interval::{IntervalListBuilder, interval_list};
use super::local_time::instant;
use crate::zone::SECOND;

/// Names of the rules in the order of [`Rules`].
const RULES: [&str; 8] = [
    "bridge_seconds",
    "session_min_seconds",
    "shift_window_seconds",
    "shift_apps",
    "shift_screens",
    "residue_seconds",
    "last_activity_cap_seconds",
    "close_gaps_seconds",
];

/// A number of the result, and how it is read from the analysis of the day.
type Number = (&'static str, fn(&[Activity], &Analysis) -> i64);

const NUMBERS: [Number; 24] = [
    ("total_activity_count", |day, _| day.len() as i64),
    ("productive_activity_count", |_, a| a.counts[0]),
    ("unproductive_activity_count", |_, a| a.counts[1]),
    ("undefined_activity_count", |_, a| a.counts[2]),
    ("collaboration_activity_count", |_, a| a.collaboration_count),
    ("active_duration_seconds", |_, a| a.active_sec.iter().sum()),
    ("total_duration_seconds", |_, a| {
        a.active_sec.iter().chain(&a.passive_sec).sum()
    }),
    ("productive_active_duration_seconds", |_, a| a.active_sec[0]),
    ("productive_passive_duration_seconds", |_, a| {
        a.passive_sec[0]
    }),
    ("unproductive_active_duration_seconds", |_, a| {
        a.active_sec[1]
    }),
    ("unproductive_passive_duration_seconds", |_, a| {
        a.passive_sec[1]
    }),
    ("undefined_active_duration_seconds", |_, a| a.active_sec[2]),
    ("undefined_passive_duration_seconds", |_, a| {
        a.passive_sec[2]
    }),
    ("productive_active_duration_seconds_in_schedule", |_, a| {
        a.schedule_active_sec
    }),
    ("productive_passive_duration_seconds_in_schedule", |_, a| {
        a.schedule_passive_sec
    }),
    ("collaboration_duration_seconds", |_, a| a.collaboration_sec),
    ("core_duration_seconds", |_, a| a.core_sec),
    ("non_core_duration_seconds", |_, a| a.non_core_sec),
    ("attention_shift_activity_count", |_, a| {
        a.shifts.len() as i64
    }),
    ("multitasking_duration_seconds", |_, a| a.multitasking_sec),
    ("focused_duration_seconds", |_, a| a.focused_sec()),
    ("productive_session_count", |_, a| {
        a.productive_sessions.iter().filter(|s| s.counts).count() as i64
    }),
    ("productive_session_duration_seconds", |_, a| {
        counted(&a.productive_sessions)
    }),
    ("focused_session_count", |_, a| {
        a.focused_sessions.iter().filter(|s| s.counts).count() as i64
    }),
];

fn counted(sessions: &[super::day::Session]) -> i64 {
    sessions
        .iter()
        .filter(|s| s.counts)
        .map(|s| s.seconds)
        .sum()
}

/// The fields of the result.
fn fields() -> Fields {
    let mut out = vec![
        Field::new("first_start", instant(), true),
        Field::new("last_end", instant(), true),
    ];
    out.extend(NUMBERS.map(|(name, _)| Field::new(name, DataType::Int64, true)));
    out.push(Field::new(
        "focused_session_duration_seconds",
        DataType::Int64,
        true,
    ));
    out.push(Field::new("coverage", interval_list(), true));
    Fields::from(out)
}

/// The SQL aggregate.
pub fn day_analysis() -> AggregateUDF {
    AggregateUDF::new_from_impl(DayAnalysis {
        signature: Signature::user_defined(Volatility::Immutable),
        documentation: documentation(),
    })
}

fn documentation() -> Documentation {
    let rules: Vec<String> = RULES
        .iter()
        .zip([60, 60, 60, 2, 4, 180, 60, 59])
        .map(|(name, value)| format!("'{name}', {value}"))
        .collect();
    Documentation::builder(
        DocSection::default(),
        "Every number of one person's day that depends on the sequence of its activities, in one pass: sums and counts by productivity, productive and focused sessions, attention shifts, multitasking, focused time, and the intervals that the activities cover. Activities must not overlap; their order does not matter. NULL without activities.",
        "day_analysis(start, counted_sec, state, productivity, collaboration, task, screen, core, schedule_sec, rules)",
    )
    .with_argument("start", "start of the activity, whole seconds (UTC)")
    .with_argument("counted_sec", "its length in seconds, at least 1")
    .with_argument("state", "'Active' or 'Passive', or a boolean: whether it is active")
    .with_argument("productivity", "'Productive', 'Unproductive' or 'Undefined', or its number: 0, 1 or 2 (numbers are faster)")
    .with_argument("collaboration", "whether its category is a collaboration category")
    .with_argument("task", "a number that stands for the task; NULL is a task of its own")
    .with_argument("screen", "a number that stands for the window title; NULL when unknown")
    .with_argument("core", "whether its category is in the core set; NULL without such a set")
    .with_argument("schedule_sec", "seconds of it inside the schedule; NULL counts as 0")
    .with_argument("rules", "a struct of constants: bridge_seconds, session_min_seconds, shift_window_seconds, shift_apps, shift_screens, residue_seconds, last_activity_cap_seconds, close_gaps_seconds")
    .with_sql_example(format!(
        "select\n    day['attention_shift_activity_count'] as shifts,\n    day['multitasking_duration_seconds'] as multitasking,\n    day['focused_duration_seconds'] as focused,\n    day['productive_session_count'] as sessions\nfrom (\n    select\n        day_analysis(\n            start, seconds, 'Active', 'Productive', false, task, null, null, 0,\n            named_struct({})\n        ) as day\n    from (\n        values\n            (timestamp '2026-03-02T09:00:00Z', 20, 1),\n            (timestamp '2026-03-02T09:00:20Z', 20, 2),\n            (timestamp '2026-03-02T09:00:40Z', 260, 3)\n    ) as activity (start, seconds, task)\n) as analysed",
        rules.join(", ")
    ))
    .build()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DayAnalysis {
    signature: Signature,
    documentation: Documentation,
}

fn rules_type() -> DataType {
    DataType::Struct(
        RULES
            .iter()
            .map(|name| Field::new(*name, DataType::Int64, true))
            .collect(),
    )
}

impl AggregateUDFImpl for DayAnalysis {
    fn name(&self) -> &str {
        "day_analysis"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let Some((DataType::Struct(rules), rest)) = given.split_last() else {
            return plan_err!("day_analysis takes its rules as a struct, last");
        };
        for name in RULES {
            if !rules.iter().any(|field| field.name() == name) {
                return plan_err!("day_analysis: the rules lack '{name}'");
            }
        }
        let mut out = coerced(rest)?;
        out.push(DataType::Struct(
            rules
                .iter()
                .map(|field| Field::new(field.name(), DataType::Int64, true))
                .collect(),
        ));
        Ok(out)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![
            Arc::new(Field::new(
                format!("{}[rows]", args.name),
                packed_type(),
                true,
            )),
            Arc::new(Field::new(
                format!("{}[rules]", args.name),
                rules_type(),
                true,
            )),
        ])
    }

    // The rows are sorted when the group is complete.
    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneDay(Days::new(args)?)))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Days::new(args)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// The constants, from a row of the struct.
fn rules_of(array: &ArrayRef, row: usize) -> Result<Rules> {
    let rules = array.as_struct();
    let number = |name: &str| -> Result<i64> {
        let column = rules
            .column_by_name(name)
            .and_then(|column| column.as_primitive_opt::<Int64Type>());
        match column {
            Some(column) if row < column.len() && column.is_valid(row) => Ok(column.value(row)),
            _ => exec_err!("day_analysis: the rule '{name}' is missing or NULL"),
        }
    };
    Ok(Rules {
        bridge_seconds: number("bridge_seconds")?,
        session_min_seconds: number("session_min_seconds")?,
        shift_window_seconds: number("shift_window_seconds")?,
        shift_apps: number("shift_apps")?,
        shift_screens: number("shift_screens")?,
        residue_seconds: number("residue_seconds")?,
        last_activity_cap_seconds: number("last_activity_cap_seconds")?,
        close_gaps_seconds: number("close_gaps_seconds")?,
    })
}

fn rules_array(rules: Option<&Rules>, rows: usize) -> Result<ArrayRef> {
    let columns = RULES.iter().enumerate().map(|(index, name)| {
        let value = rules.map(|rules| {
            [
                rules.bridge_seconds,
                rules.session_min_seconds,
                rules.shift_window_seconds,
                rules.shift_apps,
                rules.shift_screens,
                rules.residue_seconds,
                rules.last_activity_cap_seconds,
                rules.close_gaps_seconds,
            ][index]
        });
        let column: ArrayRef = Arc::new(Int64Array::from(vec![value; rows]));
        (Arc::new(Field::new(*name, DataType::Int64, true)), column)
    });
    Ok(Arc::new(StructArray::from(columns.collect::<Vec<_>>())))
}

/// The open groups.
#[derive(Debug)]
struct Days {
    rules: Option<Rules>,
    groups: VecDeque<Vec<Activity>>,
    /// Emptied lists, for groups to come.
    spare: Vec<Vec<Activity>>,
    /// Capacity of all lists, in activities.
    capacity: usize,
}

impl Days {
    fn new(args: AccumulatorArgs) -> Result<Days> {
        // The rules are the same for every row: known before the first batch if they are constant.
        let rules = match args.exprs.last().and_then(|e| e.downcast_ref::<Literal>()) {
            Some(literal) => Some(rules_of(&literal.value().to_array()?, 0)?),
            None => None,
        };
        Ok(Days {
            rules,
            groups: VecDeque::new(),
            spare: Vec::new(),
            capacity: 0,
        })
    }

    fn grow(&mut self, groups: usize) {
        while self.groups.len() < groups {
            self.groups.push_back(self.spare.pop().unwrap_or_default());
        }
    }

    /// Adds activities to a group.
    fn add(&mut self, group: usize, activities: impl Iterator<Item = Activity>) {
        if let Some(day) = self.groups.get_mut(group) {
            let before = day.capacity();
            day.extend(activities);
            self.capacity += day.capacity() - before;
        }
    }

    fn taken(&mut self, emit_to: EmitTo) -> Vec<Vec<Activity>> {
        let count = match emit_to {
            EmitTo::All => self.groups.len(),
            EmitTo::First(count) => count.min(self.groups.len()),
        };
        self.groups.drain(..count).collect()
    }

    fn update(
        &mut self,
        values: &[ArrayRef],
        group_of: impl Fn(usize) -> usize,
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let Some((rules, columns)) = values.split_last() else {
            return exec_err!("day_analysis takes its rules last");
        };
        if self.rules.is_none() && !rules.is_empty() {
            self.rules = Some(rules_of(rules, 0)?);
        }
        let columns = Columns::new(columns)?;
        let mut row = 0;
        while row < columns.len() {
            // Neighbouring rows mostly are of one group.
            let group = group_of(row);
            let mut end = row + 1;
            while end < columns.len() && group_of(end) == group {
                end += 1;
            }
            let activities = columns.activities(row..end);
            match filter {
                None => self.add(group, activities),
                Some(filter) => {
                    let passes = |row: usize| filter.is_valid(row) && filter.value(row);
                    let numbered = activities.zip(row..);
                    let passing = numbered.filter(|(_, row)| passes(*row));
                    self.add(group, passing.map(|(activity, _)| activity));
                }
            }
            row = end;
        }
        Ok(())
    }

    fn evaluated(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let mut days = self.taken(emit_to);
        let mut results = Results::with_capacity(days.len());
        // Groups without a row give NULL and need no rules.
        let mut analyser = self.rules.map(Analyser::new);
        for day in &mut days {
            if !day.is_sorted_by_key(|activity| activity.start_sec) {
                day.sort_by_key(|activity| activity.start_sec);
            }
            for pair in day.windows(2) {
                if let [one, next] = pair
                    && (next.start_sec < one.end_sec() || one.counted_sec <= 0)
                {
                    return exec_err!(
                        "day_analysis needs activities of one person that do not overlap: {} s from {}, next {}",
                        one.counted_sec,
                        one.start_sec,
                        next.start_sec
                    );
                }
            }
            match &mut analyser {
                Some(analyser) if !day.is_empty() => results.add(day, analyser.analyse(day)),
                _ => results.none(),
            }
        }
        for mut day in days {
            if self.spare.len() < SPARE_MAX {
                day.clear();
                self.spare.push(day);
            } else {
                self.capacity = self.capacity.saturating_sub(day.capacity());
            }
        }
        results.finish()
    }

    fn packed(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let days = self.taken(emit_to);
        let list = packed(&days)?;
        for day in &days {
            self.capacity = self.capacity.saturating_sub(day.capacity());
        }
        Ok(vec![list, rules_array(self.rules.as_ref(), days.len())?])
    }

    fn merge(&mut self, values: &[ArrayRef], group_of: impl Fn(usize) -> usize) -> Result<()> {
        let [lists, rules] = values else {
            return exec_err!("day_analysis merges rows and rules");
        };
        let lists = lists.as_list::<i32>();
        for group in 0..lists.len() {
            if self.rules.is_none() && rules.is_valid(group) {
                self.rules = rules_of(rules, group).ok();
            }
            if lists.is_null(group) {
                continue;
            }
            let rows = lists.value(group);
            let rows = Columns::new(rows.as_struct().columns())?;
            self.add(group_of(group), rows.activities(0..rows.len()));
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        let lists = self.groups.capacity() + self.spare.capacity();
        self.capacity * size_of::<Activity>() + lists * size_of::<Vec<Activity>>()
    }
}

/// Emptied lists that are kept at most: as many as a batch of short days may need.
const SPARE_MAX: usize = 1024;

/// The result columns as they fill.
struct Results {
    first: Vec<Option<i64>>,
    last: Vec<Option<i64>>,
    numbers: Vec<Int64Builder>,
    focused_session_sec: Int64Builder,
    coverage: IntervalListBuilder,
}

impl Results {
    fn with_capacity(days: usize) -> Self {
        Results {
            first: Vec::with_capacity(days),
            last: Vec::with_capacity(days),
            numbers: NUMBERS
                .iter()
                .map(|_| Int64Builder::with_capacity(days))
                .collect(),
            focused_session_sec: Int64Builder::with_capacity(days),
            coverage: IntervalListBuilder::with_capacity(days),
        }
    }

    fn none(&mut self) {
        self.first.push(None);
        self.last.push(None);
        for column in &mut self.numbers {
            column.append_null();
        }
        self.focused_session_sec.append_null();
        self.coverage.append(None);
    }

    fn add(&mut self, day: &[Activity], analysis: &Analysis) {
        self.first
            .push(day.first().map(|first| first.start_sec * SECOND));
        self.last
            .push(day.last().map(|last| last.end_sec() * SECOND));
        for (column, (_, value)) in self.numbers.iter_mut().zip(NUMBERS) {
            column.append_value(value(day, analysis));
        }
        self.focused_session_sec
            .append_value(counted(&analysis.focused_sessions));
        self.coverage.append(Some(&analysis.coverage));
    }

    fn finish(mut self) -> Result<ArrayRef> {
        let times = |values: Vec<Option<i64>>| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
        };
        let valid = self.first.iter().map(Option::is_some).collect();
        let mut columns = vec![times(self.first), times(self.last)];
        for column in &mut self.numbers {
            columns.push(Arc::new(column.finish()));
        }
        columns.push(Arc::new(self.focused_session_sec.finish()));
        columns.push(self.coverage.finish()?);
        Ok(Arc::new(StructArray::try_new(
            fields(),
            columns,
            Some(valid),
        )?))
    }
}

impl GroupsAccumulator for Days {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let group_of = |row: usize| group_indices.get(row).copied().unwrap_or(usize::MAX);
        self.update(values, group_of, opt_filter)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.evaluated(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.packed(emit_to)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let group_of = |row: usize| group_indices.get(row).copied().unwrap_or(usize::MAX);
        self.merge(values, group_of)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |column| column.len());
        let mut days = Days {
            rules: self.rules,
            groups: VecDeque::new(),
            spare: Vec::new(),
            capacity: 0,
        };
        days.grow(rows);
        days.update(values, |row| row, opt_filter)?;
        days.packed(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.bytes()
    }
}

/// The aggregate without groups.
#[derive(Debug)]
struct OneDay(Days);

impl Accumulator for OneDay {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.grow(1);
        self.0.update(values, |_| 0, None)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.grow(1);
        ScalarValue::try_from_array(&self.0.evaluated(EmitTo::All)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.bytes()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.grow(1);
        self.0
            .packed(EmitTo::All)?
            .iter()
            .map(|column| ScalarValue::try_from_array(column, 0))
            .collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.grow(1);
        self.0.merge(states, |_| 0)
    }
}
