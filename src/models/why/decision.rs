//! Columns that are no sums: what was looked at, and the comparison that decided.

use super::super::World;
use super::clock::{clock_text, date_text};
use super::column::{Contribution, Found, What};
use super::day::Day;
use super::place;
use super::setting::{LOCATION, ZONE};
use super::time_off;
use super::value::Value;
use crate::config::{ActiveDayMode, Weekday};
use crate::functions::calendar::{name_of_day, start_of_week, weekday};
use crate::zone::SECOND;

/// Minutes of a clock's day.
const DAY_MINUTES: i64 = 24 * 60;
/// Microseconds in a minute.
const MINUTE: i64 = 60 * SECOND;

/// What decides a column; none for one that is a sum.
pub fn find(world: &World, day: &Day, column: &str) -> Option<Found> {
    let account = &world.setup.settings.account;
    let weekday_name = name_of_day(day.date);
    Some(match column {
        "accountid" => Found::decided(Value::Integer(account.id)).by(&["account.id"]),
        "user_id" => Found::decided(Value::Integer(day.user_id)),
        "user_name" => user_name(world, day),
        "local_date" => Found::decided(Value::Date(day.date)).by(ZONE),
        "day_of_week" => Found::decided(Value::Text(weekday_name.to_owned())),
        "activity_week" => {
            let start = start_of_week(day.date, account.week_start as i32);
            Found::decided(Value::Date(start))
                .input("local_date", Value::Date(day.date))
                .step(format!(
                    "the latest {} on or before it is {}",
                    name_of_day(start),
                    date_text(start)
                ))
                .by(&["account.week_start"])
        }
        "day_type" => {
            let today = weekday(day.date);
            let weekend = account
                .weekend_days
                .iter()
                .any(|listed: &Weekday| *listed as i32 == today);
            let (value, verb) = if weekend {
                ("Weekend", "is")
            } else {
                ("Weekday", "is not")
            };
            Found::decided(Value::Text(value.into()))
                .step(format!("{weekday_name} {verb} among the weekend days"))
                .by(&["account.weekend_days"])
        }
        "first_activity_datetime" => first(day, false),
        "first_activity_minutes_in_day" => first(day, true),
        "last_activity_datetime" => last(day, false),
        "last_activity_minutes_in_day" => last(day, true),
        "active_day_count" => active_day(world, day).1,
        "user_productivity_goal" => goal(world, day, true),
        "user_focus_goal" => goal(world, day, false),
        "utilization_level" => utilization(world, day),
        "location" => location(world, day),
        "time_off_day" => has_time_off(day, Value::Truth),
        "time_off_day_count" => has_time_off(day, |any| Value::Integer(i64::from(any))),
        "time_off_type" => {
            let kinds = time_off::kinds(&day.time_off);
            has_time_off(day, |_| kinds.clone().map_or(Value::Null, Value::Text))
        }
        _ => return None,
    })
}

fn user_name(world: &World, day: &Day) -> Found {
    let found = Found::decided(Value::Text(day.user_name.clone()));
    let display_name = world
        .people
        .persons
        .get(&day.user_id)
        .and_then(|person| person.display_name.clone());
    found
        .input(
            "display_name",
            display_name.map_or(Value::Null, Value::Text),
        )
        .step("display name, else the first user principal name, e-mail, employee id or login")
}

fn first(day: &Day, minutes: bool) -> Found {
    let Some(activity) = day.activities.first() else {
        return Found::decided(Value::Null).step("no activity: NULL");
    };
    let clock = day.local_micros(activity.start);
    let mut found = clocked(clock, minutes)
        .step(format!(
            "the first activity starts at {} on the clock of {}",
            clock_text(clock),
            day.zone(activity.start).name()
        ))
        .by(ZONE);
    found.rows.push(Contribution::activity(day, 0, 0, None));
    found
}

fn clocked(clock: i64, minutes: bool) -> Found {
    if minutes {
        let of_day = clock.div_euclid(MINUTE).rem_euclid(DAY_MINUTES);
        Found::decided(Value::Integer(of_day)).step(format!(
            "{} h x 60 + {} min = {of_day}",
            of_day / 60,
            of_day % 60
        ))
    } else {
        Found::decided(Value::Clock(clock))
    }
}

fn last(day: &Day, minutes: bool) -> Found {
    let latest = day
        .activities
        .iter()
        .enumerate()
        .max_by_key(|(_, activity)| activity.end());
    let (Some((index, activity)), Some(day_end)) = (latest, day.instants.last()) else {
        return Found::decided(Value::Null).step("no activity: NULL");
    };
    let end = activity.end().min(day_end.end);
    // The zone that was in force just before.
    let zone = day.zone(end - SECOND);
    let clock = zone.local_micros(end);
    let to_day_end = activity.end() >= day_end.end;
    let mut found = if minutes && to_day_end {
        Found::decided(Value::Integer(DAY_MINUTES))
            .step("it reaches the day's end: 1440, whatever the clock shows")
    } else {
        clocked(clock, minutes)
    };
    if to_day_end {
        found = found.step("the last activity reaches the day's end, where it is cut");
    }
    found = found
        .step(format!(
            "the last activity ends at {} on the clock of {}",
            clock_text(clock),
            zone.name()
        ))
        .by(ZONE);
    found.rows.push(Contribution::activity(day, index, 0, None));
    found
}

/// Productive seconds and, where they count for goals, offline seconds.
fn goal_seconds(world: &World, day: &Day, found: Found) -> (i64, Found) {
    let counts = world.setup.settings.metrics.offline_counts_for_goals;
    let (productive, offline) = (day.productive_sec(), day.offline_sec());
    let seconds = productive + if counts { offline } else { 0 };
    let found = found
        .input("productive_seconds", Value::Integer(productive))
        .input("offline_meeting_seconds", Value::Integer(offline))
        .by(&["metrics.offline_counts_for_goals"])
        .step(if counts {
            format!("productive {productive} s + offline meetings {offline} s = {seconds} s")
        } else {
            format!("productive {productive} s; offline meetings ({offline} s) do not count")
        });
    (seconds, found)
}

/// Whether the day is an active one, and why.
fn active_day(world: &World, day: &Day) -> (bool, Found) {
    let metrics = &world.setup.settings.metrics;
    let (seconds, mut found) = goal_seconds(world, day, Found::default());
    found = found.by(&["metrics.active_day_mode"]);
    let full_day_off = day.time_off.iter().any(|record| record.full_day);
    let active = if seconds <= 0 {
        found = found.step("not above 0: not an active day");
        false
    } else if metrics.active_day_mode == ActiveDayMode::Threshold {
        let least = metrics.active_day_seconds;
        let active = seconds >= least;
        let (sign, verdict) = if active {
            (">=", "an active day")
        } else {
            ("<", "not an active day")
        };
        found = found
            .by(&["metrics.active_day_seconds"])
            .step(format!("{seconds} {sign} {least}: {verdict}"));
        active
    } else if !day.schedule.has_window {
        found = found.step(format!(
            "schedule '{}' has no window on a {}: not an active day",
            day.schedule.name,
            name_of_day(day.date)
        ));
        false
    } else if metrics.active_day_mode == ActiveDayMode::Hris && full_day_off {
        found = found.step("a full day off: not an active day");
        false
    } else {
        found = found.step(format!(
            "schedule '{}' has a window on a {}: an active day",
            day.schedule.name,
            name_of_day(day.date)
        ));
        true
    };
    found.value = Some(Value::Integer(i64::from(active)));
    (active, found)
}

fn goal_hours(world: &World, day: &Day, productive: bool) -> (f64, String, &'static str) {
    let metrics = &world.setup.settings.metrics;
    let (of_group, of_account, setting) = if productive {
        (
            day.group
                .as_ref()
                .and_then(|group| group.productive_hrs_day),
            metrics.productive_hrs_day,
            "metrics.productive_hrs_day",
        )
    } else {
        (
            day.group.as_ref().and_then(|group| group.focused_hrs_day),
            metrics.focused_hrs_day,
            "metrics.focused_hrs_day",
        )
    };
    let why = match (&day.group, of_group) {
        (Some(group), Some(_)) => {
            format!(
                "primary group {} '{}' has it",
                group.group_id, group.group_name
            )
        }
        (Some(group), None) => format!(
            "primary group {} '{}' has none: the account's",
            group.group_id, group.group_name
        ),
        (None, _) => "no primary group that day: the account's".to_owned(),
    };
    (of_group.unwrap_or(of_account), why, setting)
}

fn goal(world: &World, day: &Day, productive: bool) -> Found {
    let (hours, why, setting) = goal_hours(world, day, productive);
    Found::decided(Value::hours(hours)).step(why).by(&[setting])
}

fn utilization(world: &World, day: &Day) -> Found {
    let tolerance = world.setup.settings.metrics.utilization_tolerance_percent;
    let (active, found) = active_day(world, day);
    let (hours, why, setting) = goal_hours(world, day, true);
    let (seconds, _) = goal_seconds(world, day, Found::default());
    let goal = hours * 3600.0;
    let mut found = found
        .input("goal_seconds", Value::Integer(goal.round() as i64))
        .by(&[setting, "metrics.utilization_tolerance_percent"]);
    if !active || goal <= 0.0 {
        found.value = Some(Value::Null);
        let why = if active {
            "the goal is not above 0"
        } else {
            "the day is not active"
        };
        return found.step(format!("{why}: NULL"));
    }
    let reached = 100.0 * seconds as f64;
    let (over, under) = (
        (100 + tolerance) as f64 * goal,
        (100 - tolerance) as f64 * goal,
    );
    let (level, comparison) = if reached > over {
        ("Overutilized", format!("{reached} > {over}"))
    } else if reached < under {
        ("Underutilized", format!("{reached} < {under}"))
    } else {
        ("Healthy", format!("{under} <= {reached} <= {over}"))
    };
    found.value = Some(Value::Text(level.into()));
    found
        .step(format!("the goal is {hours} h = {goal} s: {why}"))
        .step(format!(
            "100 x {seconds} against (100 -/+ {tolerance}) x {goal}: {comparison}: {level}"
        ))
}

fn location(world: &World, day: &Day) -> Found {
    let metrics = &world.setup.settings.metrics;
    let percent = metrics.location_percent;
    let (office, remote, location) = place::location(&day.networks, percent);
    let mut found = Found::decided(location.map_or(Value::Null, |text| Value::Text(text.into())))
        .input("office_seconds", Value::Integer(office))
        .input("remote_seconds", Value::Integer(remote))
        .by(LOCATION);
    found.rows = day
        .networks
        .iter()
        .map(|network| Contribution {
            what: What::Network,
            activity: None,
            start: None,
            end: None,
            seconds: Some(network.seconds),
            counts: 0,
            note: Some(match (&network.label, network.regulars) {
                (Some(label), _) => format!("{}: labelled {label}", network.signature()),
                (None, regulars) => format!(
                    "{}: {}, since {} users were on it for {} s or more in {} days ({} make an office)",
                    network.signature(),
                    network.place,
                    regulars.unwrap_or(0),
                    metrics.office_min_seconds,
                    metrics.office_days,
                    metrics.office_min_users,
                ),
            }),
        })
        .collect();
    let total = office + remote;
    match location {
        None => found.step("no activity with a network: NULL"),
        Some("Office") => found.step(format!(
            "100 x {office} >= {percent} x {total} (Office): Office"
        )),
        Some("Remote") => found.step(format!(
            "100 x {office} < {percent} x {total} (Office), 100 x {remote} >= {percent} x {total} (Remote): Remote"
        )),
        Some(both) => found.step(format!(
            "neither Office (100 x {office}) nor Remote (100 x {remote}) reaches {percent} x {total}: {both}"
        )),
    }
}

fn has_time_off(day: &Day, value: impl Fn(bool) -> Value) -> Found {
    let count = day.time_off.len();
    let records: Vec<String> = day
        .time_off
        .iter()
        .map(|record| record.kind.clone().unwrap_or_else(|| "no type".into()))
        .collect();
    let found = Found::decided(value(count > 0)).input("records", Value::Integer(count as i64));
    if records.is_empty() {
        found.step("no approved record applies to the date")
    } else {
        found.step(format!("approved records: {}", records.join(", ")))
    }
}
