//! Approved time off of one person on one date (`inputs.md` §6), record by record.

use std::collections::BTreeSet;

use super::super::World;
use super::super::org_tables;

/// Seconds of a date at most.
const DAY_SEC: i64 = 86_400;

/// A record that applies to the date.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeOffRecord {
    pub first_date: i32,
    pub last_date: i32,
    pub kind: Option<String>,
    pub full_day: bool,
    /// As given; none takes the schedule's.
    pub hours_per_day: Option<f64>,
    /// What it adds; fewer than its hours where the date is full.
    pub counted_sec: i64,
}

/// The records that apply, in file order.
pub fn records(world: &World, user_id: i64, date: i32) -> Vec<TimeOffRecord> {
    let people = &world.people.persons;
    let tracked = people.get(&user_id).is_some_and(|person| person.tracked);
    let functions = &world.org_tables.functions;
    let as_of = world.as_of.micros();
    let today = functions.zones.zone(user_id, as_of).local_day(as_of);
    if !tracked || date > today {
        return Vec::new();
    }
    let default = org_tables::default_schedule(&world.setup.settings);
    let default_sec = org_tables::day_seconds(&default, None);
    let mut total = 0;
    world
        .org
        .time_off
        .iter()
        .filter(|record| record.approved && record.uid == Some(user_id))
        .filter(|record| {
            org_tables::applies_to(record, &functions.schedules, user_id).contains(&date)
        })
        .map(|record| {
            let own = match record.hours_per_day {
                Some(hours) => (hours * 3600.0).round() as i64,
                None => {
                    org_tables::scheduled_seconds(&world.org, user_id, date).unwrap_or(default_sec)
                }
            };
            let counted_sec = own.min(DAY_SEC - total);
            total += counted_sec;
            TimeOffRecord {
                first_date: record.start_date,
                last_date: record.end_date,
                kind: record.kind.clone(),
                full_day: record.full_day,
                hours_per_day: record.hours_per_day,
                counted_sec,
            }
        })
        .collect()
}

/// Kinds, distinct, sorted, joined by `, `; none without any.
pub fn kinds(records: &[TimeOffRecord]) -> Option<String> {
    let kinds: BTreeSet<&str> = records.iter().filter_map(|r| r.kind.as_deref()).collect();
    (!kinds.is_empty()).then(|| kinds.into_iter().collect::<Vec<_>>().join(", "))
}
