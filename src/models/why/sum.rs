//! Columns that are sums over activities, gaps, sessions, meetings or time off.

use super::super::World;
use super::activity::Activity;
use super::column::{Contribution, Found, What};
use super::day::Day;
use super::offline::GapKind;
use super::setting::{
    BREAKS, COLLABORATION, DEFAULT_SCHEDULE, MEETINGS, MULTITASKING, SESSIONS, SHIFTS, ZONE,
};
use super::value::Value;
use crate::functions::day::{Cause, Productivity, Session, Shift};
use crate::functions::interval::{Interval, normalised};
use crate::zone::SECOND;

/// The rows of a column that is a sum; none for one that is not.
pub fn find(world: &World, day: &Day, column: &str) -> Option<Found> {
    let metrics = &world.setup.settings.metrics;
    Some(match column {
        "core_duration_seconds" => core(day, true),
        "non_core_duration_seconds" => core(day, false),
        "attention_shift_activity_count" => shifts(world, day),
        "multitasking_duration_seconds" => multitasking(world, day),
        "focused_duration_seconds" => focused(day),
        "productive_session_count" => counted(day, &day.analysis.productive_sessions, false),
        "productive_session_duration_seconds" => {
            session_seconds(day, &day.analysis.productive_sessions, false)
        }
        "focused_session_count" => counted(day, &day.analysis.focused_sessions, true),
        "focused_session_duration_seconds" => {
            session_seconds(day, &day.analysis.focused_sessions, true)
        }
        "break_count" => breaks(day, |_| 1, metrics.break_cap_seconds),
        "break_duration_seconds" => breaks(day, |seconds| seconds, metrics.break_cap_seconds),
        "offline_meeting_duration_seconds" => meetings(day),
        "time_off_duration_seconds" => time_off(day),
        _ => return of_activities(day, column),
    })
}

/// Columns that take each activity of a kind, with its seconds or as one.
fn of_activities(day: &Day, column: &str) -> Option<Found> {
    let class = |wanted: Productivity| move |activity: &Activity| activity.productivity == wanted;
    let each = |takes: &dyn Fn(&Activity) -> bool, counts: &dyn Fn(&Activity) -> i64| {
        each(day, |activity, _| {
            takes(activity).then(|| (counts(activity), None))
        })
    };
    let seconds: &dyn Fn(&Activity) -> i64 = &|activity| activity.counted_sec;
    let one: &dyn Fn(&Activity) -> i64 = &|_| 1;
    let active = |active: bool, wanted: Productivity| {
        move |activity: &Activity| activity.is_active() == active && activity.productivity == wanted
    };
    use Productivity::{Productive, Undefined, Unproductive};
    Some(match column {
        "total_duration_seconds" => each(&|_| true, seconds),
        "total_activity_count" => each(&|_| true, one),
        "active_duration_seconds" => each(&Activity::is_active, seconds),
        "productive_active_duration_seconds" => each(&active(true, Productive), seconds),
        "productive_passive_duration_seconds" => each(&active(false, Productive), seconds),
        "unproductive_active_duration_seconds" => each(&active(true, Unproductive), seconds),
        "unproductive_passive_duration_seconds" => each(&active(false, Unproductive), seconds),
        "undefined_active_duration_seconds" => each(&active(true, Undefined), seconds),
        "undefined_passive_duration_seconds" => each(&active(false, Undefined), seconds),
        "productive_activity_count" => each(&class(Productive), one),
        "unproductive_activity_count" => each(&class(Unproductive), one),
        "undefined_activity_count" => each(&class(Undefined), one),
        "non_business_activity_count" => each(&|activity| !activity.is_productive(), one),
        "non_business_activity_duration_seconds" => {
            each(&|activity| !activity.is_productive(), seconds)
        }
        "collaboration_activity_count" => {
            each(&|activity| activity.collaboration, one).by(COLLABORATION)
        }
        "collaboration_duration_seconds" => {
            each(&|activity| activity.collaboration, seconds).by(COLLABORATION)
        }
        "productive_active_duration_seconds_in_schedule" => in_schedule(day, true),
        "productive_passive_duration_seconds_in_schedule" => in_schedule(day, false),
        _ => return None,
    })
}

/// What each activity adds, with a note; activities with none are left out.
fn each(day: &Day, of: impl Fn(&Activity, usize) -> Option<(i64, Option<String>)>) -> Found {
    let rows = day
        .activities
        .iter()
        .enumerate()
        .filter_map(|(index, activity)| {
            let (counts, note) = of(activity, index)?;
            Some(Contribution::activity(day, index, counts, note))
        })
        .collect();
    Found {
        rows,
        ..Found::default()
    }
}

fn in_schedule(day: &Day, active: bool) -> Found {
    let found = each(day, |activity, _| {
        let takes = activity.is_productive() && activity.is_active() == active;
        let seconds = activity.schedule_sec;
        let note = (seconds < activity.counted_sec)
            .then(|| format!("{seconds} of {} s in schedule", activity.counted_sec));
        (takes && seconds > 0).then_some((seconds, note))
    });
    let found = found.step(format!("work schedule: {}", day.schedule.name));
    if day.schedule.name == "Default" {
        found.by(DEFAULT_SCHEDULE).by(ZONE)
    } else {
        found.by(ZONE)
    }
}

fn core(day: &Day, core: bool) -> Found {
    let Some(group) = day.group.as_ref().filter(|group| group.has_core_set) else {
        let why = match &day.group {
            None => "no primary group that day".to_owned(),
            Some(group) => format!("primary group '{}' has no core set", group.group_name),
        };
        return Found::decided(Value::Null).step(format!("{why}: NULL"));
    };
    let found = each(day, |activity, _| {
        let takes = activity.is_productive() && activity.core.unwrap_or(false) == core;
        takes.then_some((activity.counted_sec, None))
    });
    found.step(format!(
        "core set of primary group {} '{}'",
        group.group_id, group.group_name
    ))
}

/// Why attention shifted, in words.
pub fn cause_text(world: &World, cause: Cause) -> String {
    let metrics = &world.setup.settings.metrics;
    let window = metrics.shift_window_seconds;
    match cause {
        Cause::Tasks => format!("more than {} tasks within {window} s", metrics.shift_apps),
        Cause::Screens => format!(
            "more than {} screens within {window} s",
            metrics.shift_screens
        ),
        Cause::Unproductive => "from productive to unproductive".to_owned(),
    }
}

fn shifts(world: &World, day: &Day) -> Found {
    let rows = day
        .analysis
        .shifts
        .iter()
        .map(|Shift { at, cause }| {
            let note = Some(cause_text(world, *cause));
            Contribution {
                what: What::Shift,
                ..Contribution::activity(day, *at, 1, note)
            }
        })
        .collect();
    Found {
        rows,
        ..Found::default()
    }
    .by(SHIFTS)
}

fn multitasking(world: &World, day: &Day) -> Found {
    let cap = world.setup.settings.metrics.last_activity_cap_seconds;
    each(day, |activity, index| {
        let part = day.multitasking_sec(index);
        let inside = window_of(day, activity).is_some()
            && activity.is_active()
            && activity.is_productive()
            && !activity.collaboration;
        let note = (part < activity.counted_sec)
            .then(|| format!("the last in its residue window: at most {cap} s"));
        inside.then_some((part, note))
    })
    .by(SHIFTS)
    .by(MULTITASKING)
}

/// The residue window that an activity starts in, in seconds since the epoch.
fn window_of(day: &Day, activity: &Activity) -> Option<(i64, i64)> {
    let start = activity.start.div_euclid(SECOND);
    let windows = day.analysis.windows.iter();
    windows
        .copied()
        .find(|(from, to)| *from <= start && start < *to)
}

fn focused(day: &Day) -> Found {
    each(day, |activity, index| {
        let part = day.multitasking_sec(index);
        let takes = activity.is_productive() && !activity.collaboration;
        let note = (part > 0).then(|| format!("less {part} s of multitasking"));
        takes.then_some((activity.counted_sec - part, note))
    })
    .by(SHIFTS)
    .by(MULTITASKING)
}

fn span(day: &Day, session: &Session) -> Interval {
    let at = |index: usize| day.activities.get(index);
    Interval::new(
        at(session.first).map_or(0, |activity| activity.start),
        at(session.last).map_or(0, Activity::end),
    )
}

/// `activities 3 to 5`, as they are numbered for people.
fn members(session: &Session) -> String {
    if session.first == session.last {
        format!("activity {}", session.first + 1)
    } else {
        format!("activities {} to {}", session.first + 1, session.last + 1)
    }
}

fn settings_of_sessions(found: Found, focused: bool) -> Found {
    let found = found.by(SESSIONS);
    if focused {
        found.by(SHIFTS).by(MULTITASKING)
    } else {
        found
    }
}

fn counted(day: &Day, sessions: &[Session], focused: bool) -> Found {
    let rows = sessions
        .iter()
        .map(|session| {
            let short = if session.counts { "" } else { ": too short" };
            let note = format!("{}, {} s{short}", members(session), session.seconds);
            Contribution::interval(
                What::Session,
                span(day, session),
                i64::from(session.counts),
                Some(note),
            )
        })
        .collect();
    settings_of_sessions(
        Found {
            rows,
            ..Found::default()
        },
        focused,
    )
}

fn session_seconds(day: &Day, sessions: &[Session], focused: bool) -> Found {
    let mut number = 0;
    let mut rows = Vec::new();
    for session in sessions {
        number += usize::from(session.counts);
        for index in session.first..=session.last {
            let Some(activity) = day.activities.get(index) else {
                continue;
            };
            let part = if focused {
                day.multitasking_sec(index)
            } else {
                0
            };
            let mut note = if session.counts {
                format!("session {number}")
            } else {
                format!("in a run of {} s: too short for a session", session.seconds)
            };
            if part > 0 {
                note.push_str(&format!("; less {part} s of multitasking"));
            }
            let counts = if session.counts {
                activity.counted_sec - part
            } else {
                0
            };
            rows.push(Contribution::activity(day, index, counts, Some(note)));
        }
    }
    settings_of_sessions(
        Found {
            rows,
            ..Found::default()
        },
        focused,
    )
}

fn breaks(day: &Day, counts: impl Fn(i64) -> i64, cap: i64) -> Found {
    let rows = day
        .gaps
        .iter()
        .map(|gap| {
            let (adds, note) = match gap.kind {
                GapKind::Short => (0, "too short for a break".to_owned()),
                GapKind::Absence => (0, "too long for a break: absence".to_owned()),
                GapKind::Break if gap.interval.length_us() > cap.saturating_mul(SECOND) => (
                    counts(gap.break_sec),
                    format!("break; adds at most {cap} s"),
                ),
                GapKind::Break => (counts(gap.break_sec), "break".to_owned()),
            };
            Contribution::interval(What::Gap, gap.interval, adds, Some(note))
        })
        .collect();
    let found = Found {
        rows,
        ..Found::default()
    };
    let found = match day.offline_sec() {
        0 => found,
        seconds => found.step(format!(
            "{seconds} s of offline meetings lie in gaps and are taken off"
        )),
    };
    found.by(BREAKS).by(&["metrics.meeting_gap_seconds"])
}

fn meetings(day: &Day) -> Found {
    let rows = day
        .offline
        .iter()
        .map(|hour| {
            let all = normalised(hour.intervals.clone());
            let span = Interval::new(
                all.first().map_or(0, |first| first.start),
                all.last().map_or(0, |last| last.end),
            );
            let note = match all.len() {
                1 => hour.titles.join("; "),
                pieces => format!("{} ({pieces} pieces)", hour.titles.join("; ")),
            };
            Contribution::interval(What::OfflineMeeting, span, hour.seconds, Some(note))
        })
        .collect();
    let found = Found {
        rows,
        ..Found::default()
    };
    let found = if day.time_off.iter().any(|record| record.full_day) {
        found.step("a full day off: no offline meetings")
    } else {
        found
    };
    found.by(MEETINGS)
}

fn time_off(day: &Day) -> Found {
    let rows = day
        .time_off
        .iter()
        .map(|record| {
            let kind = record.kind.as_deref().unwrap_or("no type");
            let hours = match record.hours_per_day {
                Some(hours) => format!("{hours} h a day"),
                None => "the schedule's hours".to_owned(),
            };
            let full = if record.full_day { ", full day" } else { "" };
            Contribution {
                what: What::TimeOff,
                activity: None,
                start: None,
                end: None,
                seconds: None,
                counts: record.counted_sec,
                note: Some(format!(
                    "{kind}, {} to {}: {hours}{full}",
                    super::clock::date_text(record.first_date),
                    super::clock::date_text(record.last_date),
                )),
            }
        })
        .collect();
    Found {
        rows,
        ..Found::default()
    }
    .by(DEFAULT_SCHEDULE)
}
