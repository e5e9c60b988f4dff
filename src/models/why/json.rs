//! A day and an explanation as one JSON document; the module's documentation lists its fields.

use serde_json::{Value as Json, json};

use super::activity::Activity;
use super::clock::{clock_text, date_text, instant_text};
use super::column::{Contribution, Explanation};
use super::day::Day;
use super::value::Value;
use crate::functions::day::{Cause, Session};
use crate::functions::interval::Interval;
use crate::zone::SECOND;

/// The document; `stale` names what is older than what it is made from.
pub fn document(
    day: &Day,
    columns: &[Explanation],
    explanation: Option<&Explanation>,
    stale: &[String],
) -> Json {
    let mut out = json!({
        "user": {"user_id": day.user_id, "user_name": day.user_name},
        "local_date": date_text(day.date),
        "as_of": instant_text(day.as_of),
        "timezones": day.zones().iter().map(|(from, zone)| json!({
            "from": instant_text(*from),
            "name": zone.name(),
        })).collect::<Vec<_>>(),
        "day": intervals(&day.instants),
        "stale": stale,
        "activities": day.activities.iter().enumerate()
            .map(|(index, activity)| activity_json(day, index, activity))
            .collect::<Vec<_>>(),
        "shifts": day.analysis.shifts.iter().map(|shift| json!({
            "activity": shift.at + 1,
            "at": day.activities.get(shift.at).map(|activity| instant_text(activity.start)),
            "cause": cause_name(shift.cause),
        })).collect::<Vec<_>>(),
        "residue_windows": day.analysis.windows.iter().map(|(start, end)| {
            interval(&Interval::new(start * SECOND, end * SECOND))
        }).collect::<Vec<_>>(),
        "productive_sessions": sessions(day, &day.analysis.productive_sessions),
        "focused_sessions": sessions(day, &day.analysis.focused_sessions),
        "coverage": intervals(&day.coverage),
        "gaps": day.gaps.iter().map(|gap| json!({
            "start": instant_text(gap.interval.start),
            "end": instant_text(gap.interval.end),
            "seconds": gap.interval.length_us() / SECOND,
            "kind": gap.kind.name(),
            "break_seconds": gap.break_sec,
        })).collect::<Vec<_>>(),
        "offline_meetings": day.offline.iter().map(|hour| json!({
            "intervals": intervals(&hour.intervals),
            "seconds": hour.seconds,
            "titles": hour.titles,
        })).collect::<Vec<_>>(),
        "schedule": {
            "name": day.schedule.name,
            "has_window": day.schedule.has_window,
            "windows": intervals(&day.schedule.windows),
        },
        "networks": day.networks.iter().map(|network| json!({
            "network_id": network.network_id,
            "public_ip": network.public_ip,
            "seconds": network.seconds,
            "label": network.label,
            "regular_users": network.regulars,
            "place": network.place,
        })).collect::<Vec<_>>(),
        "time_off": day.time_off.iter().map(|record| json!({
            "start_date": date_text(record.first_date),
            "end_date": date_text(record.last_date),
            "type": record.kind,
            "full_day": record.full_day,
            "hours_per_day": record.hours_per_day,
            "counted_sec": record.counted_sec,
        })).collect::<Vec<_>>(),
        "primary_group": day.group.as_ref().map(|group| json!({
            "group_id": group.group_id,
            "group_name": group.group_name,
            "productive_hrs_day": group.productive_hrs_day,
            "focused_hrs_day": group.focused_hrs_day,
            "has_core_set": group.has_core_set,
        })),
    });
    if let Json::Object(fields) = &mut out {
        match explanation {
            Some(explanation) => {
                fields.insert("explanation".into(), explained(day, explanation));
            }
            None => {
                let columns: Vec<Json> = columns.iter().map(compared).collect();
                fields.insert("columns".into(), columns.into());
            }
        }
    }
    out
}

/// The cause of a shift by name.
pub fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Tasks => "tasks",
        Cause::Screens => "screens",
        Cause::Unproductive => "unproductive",
    }
}

fn interval(interval: &Interval) -> Json {
    json!({"start": instant_text(interval.start), "end": instant_text(interval.end)})
}

fn intervals(intervals: &[Interval]) -> Vec<Json> {
    intervals.iter().map(interval).collect()
}

fn activity_json(day: &Day, index: usize, activity: &Activity) -> Json {
    let shift = day.analysis.shifts.iter().find(|shift| shift.at == index);
    json!({
        "activity": index + 1,
        "start": instant_text(activity.start),
        "end": instant_text(activity.end()),
        "local_start": clock_text(day.local_micros(activity.start)),
        "local_end": clock_text(day.local_micros(activity.end())),
        "counted_sec": activity.counted_sec,
        "event_start": instant_text(activity.event_start),
        "agent_id": activity.agent_id,
        "computer_id": activity.computer_id,
        "event_id": activity.event_id,
        "state": activity.state,
        "passive_type_id": activity.passive_type_id,
        "task": activity.task,
        "category": activity.category,
        "productivity": activity.productivity_name(),
        "collaboration": activity.collaboration,
        "core": activity.core,
        "schedule_sec": activity.schedule_sec,
        "multitasking_sec": day.multitasking_sec(index),
        "productive_session": Day::session_number(&day.analysis.productive_sessions, index),
        "focused_session": Day::session_number(&day.analysis.focused_sessions, index),
        "shift": shift.map(|shift| cause_name(shift.cause)),
        "rule": activity.rule.as_ref().map(|rule| rule.json()),
        "rule_agrees": activity.rule_agrees,
    })
}

fn sessions(day: &Day, sessions: &[Session]) -> Vec<Json> {
    let mut number = 0;
    sessions
        .iter()
        .map(|session| {
            number += u64::from(session.counts);
            let first = day.activities.get(session.first);
            let last = day.activities.get(session.last);
            json!({
                "session": session.counts.then_some(number),
                "first_activity": session.first + 1,
                "last_activity": session.last + 1,
                "start": first.map(|activity| instant_text(activity.start)),
                "end": last.map(|activity| instant_text(activity.end())),
                "seconds": session.seconds,
                "counts": session.counts,
            })
        })
        .collect()
}

fn stored(explanation: &Explanation) -> Json {
    explanation.stored.as_ref().map_or(Json::Null, Value::json)
}

fn compared(explanation: &Explanation) -> Json {
    json!({
        "column": explanation.column,
        "unit": explanation.unit.name(),
        "explained": explanation.value.json(),
        "stored": stored(explanation),
        "agrees": explanation.agrees(),
    })
}

fn explained(day: &Day, explanation: &Explanation) -> Json {
    let inputs: serde_json::Map<String, Json> = explanation
        .inputs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.json()))
        .collect();
    json!({
        "column": explanation.column,
        "definition": explanation.definition,
        "unit": explanation.unit.name(),
        "is_sum": explanation.is_sum,
        "settings": explanation.settings.iter().map(|setting| setting.json()).collect::<Vec<_>>(),
        "inputs": inputs,
        "steps": explanation.steps,
        "rows": explanation.rows.iter().map(|row| contribution(day, row)).collect::<Vec<_>>(),
        "explained": explanation.value.json(),
        "stored": stored(explanation),
        "agrees": explanation.agrees(),
    })
}

fn contribution(day: &Day, row: &Contribution) -> Json {
    let rule = row
        .activity
        .and_then(|index| day.activities.get(index))
        .and_then(|activity| activity.rule.as_ref());
    json!({
        "what": row.what.name(),
        "activity": row.activity.map(|index| index + 1),
        "start": row.start.map(instant_text),
        "end": row.end.map(instant_text),
        "seconds": row.seconds,
        "counts": row.counts,
        "note": row.note,
        "rule": rule.map(|rule| rule.json()),
    })
}
