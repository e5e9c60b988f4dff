//! Work schedules and time off.

use std::collections::BTreeMap;

use chrono::{Datelike, Duration, NaiveDate};

use super::spans::{Span, meet, union};
use super::zones::{Zone, Zones};
use super::{Schedule, World};

/// Approved time off of one person on one date.
#[derive(Clone, Debug, Default)]
pub struct Off {
    pub seconds: i64,
    pub kinds: Vec<String>,
    pub full: bool,
}

/// The schedule in force for a person on a date.
pub fn in_force(world: &World, uid: i64, date: NaiveDate) -> &Schedule {
    world
        .schedule_members
        .iter()
        .find(|member| member.uid == uid && member.valid.on(date))
        .and_then(|member| {
            world
                .schedules
                .iter()
                .find(|schedule| schedule.name == member.name)
        })
        .unwrap_or(&world.default_schedule)
}

fn of_day(schedule: &Schedule, date: NaiveDate) -> impl Iterator<Item = (i64, i64)> {
    schedule
        .windows
        .iter()
        .filter(move |(weekday, _, _)| *weekday == date.weekday())
        .map(|(_, start, end)| (*start, *end))
}

pub fn has_window(world: &World, uid: i64, date: NaiveDate) -> bool {
    of_day(in_force(world, uid, date), date).next().is_some()
}

fn wall(zone: Zone, date: NaiveDate, minutes: i64, later: bool) -> i64 {
    let time = date.and_hms_opt(0, 0, 0).unwrap() + Duration::minutes(minutes);
    zone.instant(time, later)
}

/// The union of all of a person's windows inside `[from, to)`.
pub fn windows(world: &World, uid: i64, zones: &Zones, from: i64, to: i64) -> Vec<Span> {
    let mut out = Vec::new();
    for (begin, end, zone) in zones.stretches(from, to) {
        let mut found = Vec::new();
        let mut date = zone.local(begin).date() - Duration::days(3);
        let last = zone.local(end).date() + Duration::days(2);
        while date <= last {
            let schedule = in_force(world, uid, date);
            if !schedule.flexible {
                for (start, stop) in of_day(schedule, date) {
                    let stop = if stop <= start { stop + 1440 } else { stop };
                    found.push((wall(zone, date, start, false), wall(zone, date, stop, true)));
                }
            }
            date += Duration::days(1);
        }
        // A flexible day is exactly the instants of its date.
        for (a, b, day) in zones.days(begin, end) {
            if in_force(world, uid, day).flexible && has_window(world, uid, day) {
                found.push((a, b));
            }
        }
        out.extend(meet(&union(&found), &[(begin, end)]));
    }
    union(&out)
}

/// Approved time off of a person up to a date.
pub fn time_off(world: &World, uid: i64, until: NaiveDate) -> BTreeMap<NaiveDate, Off> {
    let mut out: BTreeMap<NaiveDate, Off> = BTreeMap::new();
    for record in &world.time_off {
        if record.uid != uid || !record.approved {
            continue;
        }
        let all: Vec<NaiveDate> = record
            .first
            .iter_days()
            .take_while(|date| *date <= record.last)
            .collect();
        let with_window: Vec<NaiveDate> = all
            .iter()
            .copied()
            .filter(|date| has_window(world, uid, *date))
            .collect();
        let dates = if with_window.is_empty() {
            all
        } else {
            with_window
        };
        for date in dates.into_iter().filter(|date| *date <= until) {
            let schedule = in_force(world, uid, date);
            let day: Vec<Span> = of_day(schedule, date)
                .map(|(start, stop)| (start, if stop <= start { stop + 1440 } else { stop }))
                .collect();
            let seconds = record.seconds.unwrap_or_else(|| {
                let (minutes, pause) = if schedule.flexible || day.is_empty() {
                    let first = world.default_schedule.windows.first();
                    let length = first.map_or(0, |(_, start, stop)| stop - start);
                    (length, world.default_schedule.break_minutes)
                } else {
                    let length = union(&day).iter().map(|(a, b)| b - a).sum();
                    (length, schedule.break_minutes)
                };
                ((minutes - pause) * 60).max(0)
            });
            let off = out.entry(date).or_default();
            off.seconds = (off.seconds + seconds).min(86_400);
            off.full |= record.full;
            if !off.kinds.contains(&record.kind) {
                off.kinds.push(record.kind.clone());
            }
            off.kinds.sort();
        }
    }
    out
}
