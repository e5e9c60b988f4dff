//! `clip(start, duration_sec, state, agent_id, as_of, neighbours) over (partition by local_date,
//! user_id order by …)`: one person does one thing at a time (`semantics.md` §4).
//!
//! A window function: it sees all events of one user's local day in the order of the rules, and of
//! the days around what can cut them or be in their way, in one linear pass, and gives each event of
//! the day its clipped start and whole seconds, or NULL where nothing is left.
//! The query must order by start, Active before Passive, computer_id, event_id, agent_id, and must
//! already have left out category Ignore, events of zero seconds other than Locked, and what starts
//! after the as-of instant. The order of the starts is checked.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, StringArray, StructArray, TimestampMicrosecondArray,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Int64Type, TimestampMicrosecondType,
};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    Documentation, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};

use super::documentation::{MODELS, page};
use super::event_list::event_list_type;
use super::local_time::instant;
use super::shared::shared_type;
use crate::clock::Micros;
use crate::zone::SECOND;

/// How an event counts in the pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Active,
    Passive,
    /// Cuts its own agent's events and is then left out.
    Locked,
}

/// An event as the pass sees it.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// With its fraction: it decides the order.
    pub start: Micros,
    pub duration_sec: i64,
    pub state: State,
    pub agent_id: i64,
}

/// What is left of an event: `[start, start + seconds)` in whole seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start_sec: i64,
    pub seconds: i64,
}

/// Clips one user's events, given in the order of the rules.
///
/// `as_of_sec` is where everything ends at the latest.
pub fn clip_events(events: &[Event], as_of_sec: i64) -> Vec<Option<Span>> {
    let whole = |micros: Micros| micros.div_euclid(SECOND);
    let mut ends: Vec<i64> = Vec::with_capacity(events.len());
    for event in events {
        ends.push(
            whole(event.start)
                .saturating_add(event.duration_sec)
                .min(as_of_sec),
        );
    }
    // Rule 0, from the back: by agent, the nearest start and the nearest strictly later one.
    let mut ahead: foldhash::HashMap<i64, (Micros, Option<Micros>)> = foldhash::HashMap::default();
    for (event, end) in events.iter().zip(&mut ends).rev() {
        let entry = ahead.entry(event.agent_id).or_insert((event.start, None));
        if event.start < entry.0 {
            *entry = (event.start, Some(entry.0));
        }
        if let Some(next) = entry.1 {
            *end = (*end).min(whole(next));
        }
    }
    // Rules 1 and 2 look ahead too: first for what cuts ends.
    let mut next_active: Option<i64> = None;
    let mut next_any: Option<i64> = None;
    for (event, end) in events.iter().zip(&mut ends).rev() {
        let cut = match event.state {
            State::Locked => continue,
            State::Active => next_active,
            State::Passive => next_any,
        };
        if let Some(next) = cut {
            *end = (*end).min(next);
        }
        next_any = Some(whole(event.start));
        if event.state == State::Active {
            next_active = next_any;
        }
    }
    // Then, forwards, for what delays a passive start.
    let mut active_end = i64::MIN;
    events
        .iter()
        .zip(&ends)
        .map(|(event, end)| {
            let start = match event.state {
                State::Locked => return None,
                State::Active => {
                    active_end = *end;
                    whole(event.start)
                }
                State::Passive => whole(event.start).max(active_end),
            };
            (*end > start).then_some(Span {
                start_sec: start,
                seconds: end - start,
            })
        })
        .collect()
}

/// Clips a day's events among those of the days around, both in the order of the rules.
pub fn clip_among(own: &[Event], around: &[Event], as_of_sec: i64) -> Vec<Option<Span>> {
    // No two days share an instant, so starts decide between an event of the day and a neighbour,
    // and a stable sort keeps the order of the rules among events of one start.
    let mut all: Vec<(Event, bool)> = own.iter().map(|event| (*event, true)).collect();
    all.extend(around.iter().map(|event| (*event, false)));
    all.sort_by_key(|(event, _)| event.start);
    let events: Vec<Event> = all.iter().map(|(event, _)| *event).collect();
    clip_events(&events, as_of_sec)
        .into_iter()
        .zip(all)
        .filter(|(_, (_, is_own))| *is_own)
        .map(|(span, _)| span)
        .collect()
}

/// States, as texts or by their rank.
enum States<'a> {
    Named(&'a StringArray),
    Ranked(&'a Int64Array),
}

impl<'a> States<'a> {
    fn new(array: &'a ArrayRef) -> States<'a> {
        match array.as_primitive_opt::<Int64Type>() {
            Some(ranks) => States::Ranked(ranks),
            None => States::Named(array.as_string::<i32>()),
        }
    }

    fn value(&self, row: usize) -> Result<State> {
        match self {
            States::Ranked(ranks) => match ranks.value(row) {
                0 => Ok(State::Active),
                1 => Ok(State::Passive),
                2 => Ok(State::Locked),
                other => exec_err!("clip knows no state {other}"),
            },
            States::Named(names) => match names.value(row) {
                "Active" => Ok(State::Active),
                "Passive" => Ok(State::Passive),
                "Passive Locked" => Ok(State::Locked),
                other => exec_err!("clip knows no state '{other}'"),
            },
        }
    }
}

fn events_of(columns: [&ArrayRef; 4]) -> Result<Vec<Event>> {
    let [starts, durations, states, agents] = columns;
    if columns.iter().any(|column| column.null_count() > 0) {
        return exec_err!("clip takes no NULLs");
    }
    let starts = starts.as_primitive::<TimestampMicrosecondType>();
    let durations = durations.as_primitive::<Int64Type>();
    let states = States::new(states);
    let agents = agents.as_primitive::<Int64Type>();
    let mut events = Vec::with_capacity(starts.len());
    for row in 0..starts.len() {
        events.push(Event {
            start: starts.value(row),
            duration_sec: durations.value(row),
            state: states.value(row)?,
            agent_id: agents.value(row),
        });
    }
    Ok(events)
}

/// The SQL window function.
pub fn clip() -> WindowUDF {
    WindowUDF::new_from_impl(Clip {
        documentation: page(
            MODELS,
            "clip(start, duration_sec, state, agent_id, as_of, neighbours) over (partition by local_date, user_id order by …)",
            "What is left of each event when one person does one thing at a time, as a \
             struct of `start` and `counted_sec`; both are NULL where nothing is. Order \
             by start, Active before Passive, computer_id, event_id, agent_id; leave out \
             category Ignore, events of zero seconds other than Locked, and what starts \
             after the as-of instant.",
            &[
                (
                    "start",
                    "the instant at which the event starts, with its fraction",
                ),
                ("duration_sec", "whole seconds of the event"),
                (
                    "state",
                    "`Active`, `Passive` or `Passive Locked`, or its rank: 0, 1 or 2 (faster)",
                ),
                ("agent_id", "whose record it is"),
                (
                    "as_of",
                    "the instant at which everything ends at the latest",
                ),
                (
                    "neighbours",
                    "events of other days that overlap the day's, in the same order, as a shared list of structs of the first four (`shared(event_list(…))`); NULL without any",
                ),
            ],
            "select agent_id, clipped['start'] as start, clipped['counted_sec'] as counted_sec\n\
             from (select agent_id, start, clip(start, duration_sec, 'Active', agent_id, timestamp '2026-03-03T00:00:00' at time zone 'UTC', NULL)\n    \
             over (partition by user_id order by start) as clipped\n  \
             from (values\n    \
             (1, 1, timestamp '2026-03-02T09:00:00' at time zone 'UTC', 3600),\n    \
             (1, 2, timestamp '2026-03-02T09:30:00' at time zone 'UTC', 600)\n  \
             ) as events(user_id, agent_id, start, duration_sec))\n\
             order by agent_id",
        ),
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Clip {
    documentation: Documentation,
    signature: Signature,
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("start", instant(), true),
        Field::new("counted_sec", DataType::Int64, true),
    ])
}

impl WindowUDFImpl for Clip {
    fn name(&self) -> &str {
        "clip"
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [_, _, state, _, _, _] = given else {
            return plan_err!(
                "clip takes start, duration_sec, state, agent_id, the as-of instant and neighbours"
            );
        };
        let state = match state {
            DataType::Int64 => DataType::Int64,
            _ => DataType::Utf8,
        };
        Ok(vec![
            instant(),
            DataType::Int64,
            state,
            DataType::Int64,
            instant(),
            shared_type(event_list_type()),
        ])
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(
            args.name(),
            DataType::Struct(fields()),
            true,
        )))
    }

    fn partition_evaluator(
        &self,
        _: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Pass))
    }
}

#[derive(Debug)]
struct Pass;

impl PartitionEvaluator for Pass {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let [starts, durations, states, agents, as_of, neighbours] = values else {
            return exec_err!(
                "clip takes start, duration_sec, state, agent_id, the as-of instant and neighbours"
            );
        };
        let own = events_of([starts, durations, states, agents])?;
        let around = if rows > 0 && neighbours.is_valid(0) {
            let Some(shared) = neighbours.as_any_dictionary_opt() else {
                return exec_err!("clip needs shared neighbours");
            };
            // All rows of a day have the same.
            let place = shared.keys().slice(0, 1);
            let place = cast(&place, &DataType::Int64)?;
            let place = place.as_primitive::<Int64Type>().value(0);
            let lists = shared.values().as_list::<i32>();
            let Some(place) = usize::try_from(place).ok().filter(|at| *at < lists.len()) else {
                return exec_err!("clip needs shared neighbours");
            };
            let list = lists.value(place);
            let columns = list.as_struct().columns();
            let [starts, durations, states, agents] = columns else {
                return exec_err!("clip needs neighbours of four fields");
            };
            events_of([starts, durations, states, agents])?
        } else {
            Vec::new()
        };
        let as_of = as_of.as_primitive::<TimestampMicrosecondType>();
        if own.windows(2).any(|pair| pair[1].start < pair[0].start) {
            return exec_err!("clip needs its events in the order of their starts");
        }
        let as_of_sec = if rows == 0 {
            i64::MAX
        } else {
            as_of.value(0).div_euclid(SECOND)
        };
        let spans = if around.is_empty() {
            clip_events(&own, as_of_sec)
        } else {
            clip_among(&own, &around, as_of_sec)
        };
        let valid: NullBuffer = spans.iter().map(Option::is_some).collect();
        let starts: TimestampMicrosecondArray = spans
            .iter()
            .map(|span| span.map(|span| span.start_sec * SECOND))
            .collect();
        let seconds: Int64Array = spans
            .iter()
            .map(|span| span.map(|span| span.seconds))
            .collect();
        Ok(Arc::new(StructArray::try_new(
            fields(),
            vec![Arc::new(starts.with_timezone("UTC")), Arc::new(seconds)],
            Some(valid),
        )?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(start_sec: f64, duration_sec: i64, state: State, agent_id: i64) -> Event {
        Event {
            start: (start_sec * 1e6) as i64,
            duration_sec,
            state,
            agent_id,
        }
    }

    fn clipped(events: &[Event]) -> Vec<Option<(i64, i64)>> {
        clip_events(events, i64::MAX)
            .into_iter()
            .map(|span| span.map(|span| (span.start_sec, span.seconds)))
            .collect()
    }

    use State::{Active, Locked, Passive};

    #[test]
    fn two_computers() {
        // Active 0–3600 on one, active 1800–2400 on the other: what was cut never comes back.
        assert_eq!(
            clipped(&[event(0.0, 3600, Active, 1), event(1800.0, 600, Active, 2)]),
            [Some((0, 1800)), Some((1800, 600))]
        );
    }

    #[test]
    fn own_agent_cuts_passive_and_locked_cuts_all() {
        assert_eq!(
            clipped(&[
                event(0.0, 100, Active, 1),
                event(50.0, 100, Passive, 1),
                event(80.0, 0, Locked, 1)
            ]),
            [Some((0, 50)), Some((50, 30)), None]
        );
        // Another agent's lock cuts nothing.
        assert_eq!(
            clipped(&[event(0.0, 100, Active, 1), event(80.0, 0, Locked, 2)]),
            [Some((0, 100)), None]
        );
    }

    #[test]
    fn passive_waits_for_active_and_gives_way() {
        assert_eq!(
            clipped(&[
                event(0.0, 100, Active, 1),
                event(40.0, 200, Passive, 2),
                event(150.0, 10, Active, 1)
            ]),
            [Some((0, 100)), Some((100, 50)), Some((150, 10))]
        );
        // A passive event is cut by any next start, also one that leaves nothing.
        assert_eq!(
            clipped(&[
                event(0.0, 100, Passive, 1),
                event(10.0, 5, Passive, 2),
                event(12.0, 50, Active, 3)
            ]),
            [Some((0, 10)), Some((10, 2)), Some((12, 50))]
        );
    }

    #[test]
    fn equal_starts() {
        // The later in the order survives, active before passive.
        assert_eq!(
            clipped(&[
                event(0.0, 10, Active, 1),
                event(0.0, 20, Active, 2),
                event(0.0, 50, Passive, 3)
            ]),
            [None, Some((0, 20)), Some((20, 30))]
        );
        // Within one agent equal starts are left to rules 1 and 2.
        assert_eq!(
            clipped(&[
                event(0.0, 10, Active, 1),
                event(0.0, 50, Passive, 1),
                event(30.0, 5, Active, 1)
            ]),
            [Some((0, 10)), Some((10, 20)), Some((30, 5))]
        );
    }

    #[test]
    fn fractions_decide_the_order_and_are_floored() {
        assert_eq!(
            clipped(&[event(0.2, 10, Active, 1), event(5.9, 10, Active, 1)]),
            [Some((0, 5)), Some((5, 10))]
        );
        // Cut to nothing, and still a start for what comes before.
        assert_eq!(
            clipped(&[
                event(0.0, 100, Passive, 2),
                event(5.1, 10, Active, 1),
                event(5.2, 10, Active, 1)
            ]),
            [Some((0, 5)), None, Some((5, 10))]
        );
    }

    #[test]
    fn neighbours_cut_and_delay_and_are_not_told() {
        let own = [event(100.0, 50, Passive, 1), event(200.0, 100, Active, 1)];
        let around = [event(0.0, 120, Active, 2), event(250.0, 10, Active, 3)];
        let spans = |around: &[Event]| -> Vec<Option<(i64, i64)>> {
            clip_among(&own, around, i64::MAX)
                .into_iter()
                .map(|span| span.map(|span| (span.start_sec, span.seconds)))
                .collect()
        };
        assert_eq!(spans(&around), [Some((120, 30)), Some((200, 50))]);
        assert_eq!(spans(&[]), [Some((100, 50)), Some((200, 100))]);
    }

    #[test]
    fn as_of_ends_everything() {
        let events = [event(0.0, 100, Active, 1), event(200.0, 100, Active, 1)];
        let spans = clip_events(&events, 50);
        assert_eq!(spans[0].map(|span| span.seconds), Some(50));
        assert_eq!(spans[1], None);
    }
}
