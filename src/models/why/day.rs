//! One person's day, read from the lake and analysed anew.
//!
//! In flow: activities, meetings, networks and the stored row, of one moment of the lake. Out flow:
//! a [`Day`], from which every column can be added up again. The stored row is only kept to be
//! compared with.

use std::collections::{BTreeMap, HashMap};

use datafusion::arrow::array::Array;
use datafusion::prelude::SessionContext;

use super::super::{Error, World, groups};
use super::activity::{self, Activity};
use super::clock::date_text;
use super::offline::{self, Gap, OfflineHour};
use super::place::{self, Network};
use super::rows::{query, rows};
use super::time_off::{self, TimeOffRecord};
use super::value::Value;
use crate::clock::Micros;
use crate::error::{Class, Result};
use crate::functions::day::{Analyser, Analysis, Rules, Session};
use crate::functions::interval::{Interval, intersection, normalised};
use crate::functions::local_day::day_of;
use crate::functions::local_time::ReportingZones;
use crate::lake::Scope;
use crate::zone::Zone;

/// The user's primary group that day.
#[derive(Clone, Debug, PartialEq)]
pub struct PrimaryGroup {
    pub group_id: i64,
    pub group_name: String,
    pub productive_hrs_day: Option<f64>,
    pub focused_hrs_day: Option<f64>,
    pub has_core_set: bool,
}

/// The work schedule in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleOfDay {
    pub name: String,
    /// Whether a window starts on the date.
    pub has_window: bool,
    /// The windows around the day as instants, in normal form.
    pub windows: Vec<Interval>,
}

/// A person's local day.
#[derive(Clone, Debug)]
pub struct Day {
    pub user_id: i64,
    pub user_name: String,
    pub date: i32,
    pub as_of: Micros,
    /// The instants of the local day, in normal form; none for a date that the zone skipped.
    pub instants: Vec<Interval>,
    /// By start; those of this local date, whole.
    pub activities: Vec<Activity>,
    /// Of `activities`.
    pub analysis: Analysis,
    /// What activities of any date cover of the local day.
    pub coverage: Vec<Interval>,
    pub gaps: Vec<Gap>,
    pub offline: Vec<OfflineHour>,
    pub schedule: ScheduleOfDay,
    pub networks: Vec<Network>,
    pub time_off: Vec<TimeOffRecord>,
    pub group: Option<PrimaryGroup>,
    /// The row of `daily_user_summary`, by column; empty where there is none.
    pub stored: BTreeMap<String, Value>,
    zones: ReportingZones,
}

impl Day {
    /// Reads and analyses.
    ///
    /// # Errors
    /// Class `Config` for an unknown uid; class `Input` where the day has neither a stored row nor
    /// anything to make one from.
    pub async fn read(world: &World, user_id: i64, date: i32) -> Result<Day> {
        let scopes = HashMap::from([
            // An activity belongs to a date around its instants, and may last a day.
            ("int_activities".to_owned(), Scope::days(date - 2, date + 2)),
            ("int_user_days".to_owned(), Scope::days(date, date)),
            (
                "int_signature_days".to_owned(),
                Scope::days(place::first_office_day(world, date), date),
            ),
        ]);
        let session = world.session(&scopes)?;
        Day::read_in(world, &session, user_id, date).await
    }

    /// The same in a session that reads at least the days around.
    pub async fn read_in(
        world: &World,
        session: &SessionContext,
        user_id: i64,
        date: i32,
    ) -> Result<Day> {
        let Some(person) = world.people.persons.get(&user_id) else {
            return Err(crate::error::Error::new(
                Class::Config,
                format!("there is no user with uid {user_id}"),
            ));
        };
        let functions = &world.org_tables.functions;
        let metrics = &world.setup.settings.metrics;

        let around = activity::read(world, session, user_id, date - 2..=date + 2).await?;
        let instants = day_of(&functions.zones, user_id, date);
        let covered = normalised(around.iter().map(Activity::interval).collect());
        let coverage = intersection(&covered, &instants);
        let activities: Vec<Activity> = around
            .into_iter()
            .filter(|activity| activity.local_date == date)
            .collect();
        let analysed: Vec<_> = activities.iter().map(Activity::analysed).collect();
        let analysis = Analyser::new(rules(world)).analyse(&analysed).clone();
        let time_off = time_off::records(world, user_id, date);
        let offline = if time_off.iter().any(|record| record.full_day) {
            Vec::new()
        } else {
            offline::offline_hours(world, session, user_id, date, &instants, &coverage).await?
        };
        let day = Day {
            user_id,
            user_name: person.user_name.clone(),
            date,
            as_of: world.as_of.micros(),
            gaps: offline::gaps_of(metrics, &instants, &coverage, &offline),
            networks: place::networks(world, session, &activities, date).await?,
            schedule: schedule(world, user_id, date),
            group: group(world, user_id, date),
            stored: stored(session, user_id, date).await?,
            zones: functions.zones.as_ref().clone(),
            instants,
            activities,
            analysis,
            coverage,
            offline,
            time_off,
        };
        if day.stored.is_empty()
            && day.activities.is_empty()
            && day.offline.is_empty()
            && day.time_off.is_empty()
        {
            return Err(crate::error::Error::new(
                Class::Input,
                format!(
                    "{} has no day {}: no activity, no offline meeting, no time off{}",
                    day.user_name,
                    date_text(date),
                    days_with_a_row(world, user_id, date).await?
                ),
            ));
        }
        Ok(day)
    }

    /// The zone whose clock the user reads at an instant.
    pub fn zone(&self, instant: Micros) -> &Zone {
        self.zones.zone(self.user_id, instant)
    }

    /// What the user's clock shows at an instant: microseconds since 1970-01-01T00:00:00 on it.
    pub fn local_micros(&self, instant: Micros) -> i64 {
        self.zone(instant).local_micros(instant)
    }

    /// The zones in force during the day, each from an instant on.
    pub fn zones(&self) -> Vec<(Micros, &Zone)> {
        let mut out: Vec<(Micros, &Zone)> = Vec::new();
        for piece in &self.instants {
            let spans = self.zones.spans(self.user_id);
            let changes = spans
                .iter()
                .map(|(from, _)| *from)
                .filter(|from| piece.start < *from && *from < piece.end);
            for instant in std::iter::once(piece.start).chain(changes) {
                let zone = self.zone(instant);
                if out.last().is_none_or(|(_, last)| *last != zone) {
                    out.push((instant, zone));
                }
            }
        }
        out
    }

    /// The counting session that an activity is part of, numbered from 1.
    pub fn session_number(sessions: &[Session], activity: usize) -> Option<usize> {
        sessions
            .iter()
            .filter(|session| session.counts)
            .position(|session| session.first <= activity && activity <= session.last)
            .map(|index| index + 1)
    }

    /// The part of an activity that is multitasking, in seconds.
    pub fn multitasking_sec(&self, activity: usize) -> i64 {
        let parts = &self.analysis.multitasking_parts;
        parts.get(activity).copied().unwrap_or(0)
    }

    /// Productive and offline seconds, as goals and active days count them; the offline ones only
    /// where the settings say so.
    pub fn productive_sec(&self) -> i64 {
        let productive = self
            .activities
            .iter()
            .filter(|activity| activity.is_productive());
        productive.map(|activity| activity.counted_sec).sum()
    }

    /// Seconds in offline meetings.
    pub fn offline_sec(&self) -> i64 {
        self.offline.iter().map(|hour| hour.seconds).sum()
    }
}

/// The constants of the analysis by the settings in force.
fn rules(world: &World) -> Rules {
    let metrics = &world.setup.settings.metrics;
    Rules {
        bridge_seconds: metrics.bridge_seconds,
        session_min_seconds: metrics.session_min_seconds,
        shift_window_seconds: metrics.shift_window_seconds,
        shift_apps: metrics.shift_apps,
        shift_screens: metrics.shift_screens,
        residue_seconds: metrics.residue_seconds,
        last_activity_cap_seconds: metrics.last_activity_cap_seconds,
        // Coverage is found here with every gap.
        close_gaps_seconds: 0,
    }
}

fn schedule(world: &World, user_id: i64, date: i32) -> ScheduleOfDay {
    let functions = &world.org_tables.functions;
    let windows = (date - 2..=date + 2)
        .flat_map(|day| functions.schedules.windows(&functions.zones, user_id, day))
        .map(|(start, end)| Interval::new(start, end))
        .collect();
    let name = world
        .org
        .schedule_members
        .iter()
        .find(|member| member.uid == user_id && member.validity.holds(date))
        .map_or("Default", |member| member.schedule_name.as_str());
    ScheduleOfDay {
        name: name.to_owned(),
        has_window: functions.schedules.has_window(user_id, date),
        windows: normalised(windows),
    }
}

fn group(world: &World, user_id: i64, date: i32) -> Option<PrimaryGroup> {
    let memberships = groups::memberships(&world.org, &world.people);
    let spans = memberships.get(&user_id)?;
    let span = spans
        .iter()
        .find(|span| span.from <= date && date < span.to)?;
    let group = world.org.groups.get(span.primary)?;
    Some(PrimaryGroup {
        group_id: group.group_id,
        group_name: group.group_name.clone(),
        productive_hrs_day: group.productive_hrs_day,
        focused_hrs_day: group.focused_hrs_day,
        has_core_set: world
            .org
            .core_categories
            .iter()
            .any(|core| core.group_id == group.group_id),
    })
}

async fn stored(
    session: &SessionContext,
    user_id: i64,
    date: i32,
) -> Result<BTreeMap<String, Value>, Error> {
    let batches = query(
        session,
        &format!(
            "select * from daily_user_summary
            where user_id = {user_id} and local_date = date '{}'",
            date_text(date)
        ),
    )
    .await?;
    let mut out = BTreeMap::new();
    for batch in &batches {
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            if !column.is_empty() {
                out.insert(field.name().clone(), Value::of(column, 0)?);
            }
        }
    }
    Ok(out)
}

/// Which days do have a row, for a message.
async fn days_with_a_row(world: &World, user_id: i64, date: i32) -> Result<String> {
    let session = world.session(&HashMap::new())?;
    let date = date_text(date);
    let batches = query(
        &session,
        &format!(
            "select
                max(local_date) filter (where local_date < date '{date}') as before,
                min(local_date) filter (where local_date > date '{date}') as after
            from int_user_days where user_id = {user_id}"
        ),
    )
    .await?;
    let Some(row) = rows(&batches).next() else {
        return Ok(String::new());
    };
    let near: Vec<String> = [row.date("before")?, row.date("after")?]
        .into_iter()
        .flatten()
        .map(date_text)
        .collect();
    Ok(if near.is_empty() {
        "; no day of theirs has a row (is the last run older than the events? activlake run)".into()
    } else {
        format!("; the nearest days with a row: {}", near.join(", "))
    })
}
