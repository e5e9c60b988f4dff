//! Offline meetings and gaps of one person's local day (`semantics.md` §5, §6), found anew from
//! meetings and coverage.

use std::collections::BTreeMap;

use datafusion::prelude::SessionContext;

use super::super::{Error, World};
use super::rows::{query, required, rows};
use crate::clock::Micros;
use crate::config::Metrics;
use crate::functions::interval::{
    Interval, flood, gaps, intersection, normalised, seconds, subtraction,
};
use crate::functions::local_hours::user_hours;
use crate::zone::SECOND;

/// Meeting time without digital activity in one hour of the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfflineHour {
    pub intervals: Vec<Interval>,
    /// Of all intervals together, rounded down.
    pub seconds: i64,
    /// Of the meetings that overlap them, by start.
    pub titles: Vec<String>,
}

/// What a gap of coverage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapKind {
    /// Not longer than `break_min_seconds`.
    Short,
    Break,
    /// Longer than `break_max_gap_seconds`.
    Absence,
}

impl GapKind {
    /// Its name in the JSON document.
    pub fn name(self) -> &'static str {
        match self {
            GapKind::Short => "short",
            GapKind::Break => "break",
            GapKind::Absence => "absence",
        }
    }
}

/// Time between the day's first and last covered instant that neither an activity nor an offline
/// meeting covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub interval: Interval,
    pub kind: GapKind,
    /// What it adds to the day's break time. Fractions are carried on to the next gap, so that
    /// these add up to the rounded sum.
    pub break_sec: i64,
}

struct Meeting {
    title: Option<String>,
    start: Micros,
    counted: Interval,
}

/// Reads the day's meetings and takes off what `coverage` holds.
pub async fn offline_hours(
    world: &World,
    session: &SessionContext,
    user_id: i64,
    date: i32,
    day: &[Interval],
    coverage: &[Interval],
) -> Result<Vec<OfflineHour>, Error> {
    let batches = query(
        session,
        &format!(
            "select m.title, m.start, m.\"end\", t.first_start
            from int_meetings as m inner join org_tracked_users as t on m.user_id = t.user_id
            where m.user_id = {user_id}"
        ),
    )
    .await?;
    let mut meetings = Vec::new();
    for row in rows(&batches) {
        let start = required(row.instant("start")?, "start")?;
        let end = required(row.instant("end")?, "end")?;
        let first = required(row.instant("first_start")?, "first_start")?;
        let counted = Interval::new(
            start.max(first.div_euclid(SECOND) * SECOND),
            end.min(world.as_of.micros()),
        );
        let touches = day
            .iter()
            .any(|piece| counted.start < piece.end && piece.start < counted.end);
        if counted.start < counted.end && touches {
            meetings.push(Meeting {
                title: row.text("title")?,
                start,
                counted,
            });
        }
    }
    let gap_us = world.setup.settings.metrics.meeting_gap_seconds * SECOND;
    Ok(cells(
        world,
        user_id,
        date,
        &meetings,
        &flood(coverage, gap_us),
    ))
}

/// By hour of the clock and offset: what meetings cover and digital activity does not.
fn cells(
    world: &World,
    user_id: i64,
    date: i32,
    meetings: &[Meeting],
    covered: &[Interval],
) -> Vec<OfflineHour> {
    let zones = &world.org_tables.functions.zones;
    let mut hours: BTreeMap<(i64, i64), Vec<(usize, Interval)>> = BTreeMap::new();
    for (index, meeting) in meetings.iter().enumerate() {
        for piece in user_hours(zones, user_id, meeting.counted) {
            if piece.local_date == date {
                hours
                    .entry((piece.hour, piece.utc_offset_seconds))
                    .or_default()
                    .push((index, piece.interval));
            }
        }
    }
    let mut out: Vec<OfflineHour> = hours
        .into_values()
        .filter_map(|pieces| {
            let all = normalised(pieces.iter().map(|(_, piece)| *piece).collect());
            let intervals = subtraction(&all, covered);
            let total = seconds(&intervals);
            let mut titles: Vec<(Micros, String)> = Vec::new();
            for (index, piece) in pieces {
                if seconds(&intersection(&intervals, &[piece])) > 0
                    && let Some(meeting) = meetings.get(index)
                {
                    titles.push((meeting.start, title(meeting.title.as_deref())));
                }
            }
            titles.sort();
            let mut distinct: Vec<String> = Vec::new();
            for (_, title) in titles {
                if !distinct.contains(&title) {
                    distinct.push(title);
                }
            }
            (total > 0).then_some(OfflineHour {
                intervals,
                seconds: total,
                titles: distinct,
            })
        })
        .collect();
    out.sort_by_key(|hour| hour.intervals.first().copied());
    out
}

fn title(title: Option<&str>) -> String {
    match title {
        None => "Private meeting".into(),
        Some("") => "(no title)".into(),
        Some(title) => title.into(),
    }
}

/// The gaps of a day's coverage that no offline meeting fills.
pub fn gaps_of(
    metrics: &Metrics,
    day: &[Interval],
    coverage: &[Interval],
    offline: &[OfflineHour],
) -> Vec<Gap> {
    let in_meetings = normalised(
        offline
            .iter()
            .flat_map(|hour| hour.intervals.iter().copied())
            .collect(),
    );
    let us = |seconds: i64| seconds.saturating_mul(SECOND);
    let mut told_us = 0i64;
    subtraction(&intersection(&gaps(coverage), day), &in_meetings)
        .into_iter()
        .map(|interval| {
            let length = interval.length_us();
            let kind = if length <= us(metrics.break_min_seconds) {
                GapKind::Short
            } else if length <= us(metrics.break_max_gap_seconds) {
                GapKind::Break
            } else {
                GapKind::Absence
            };
            let before = told_us / SECOND;
            if kind == GapKind::Break {
                told_us = told_us.saturating_add(length.min(us(metrics.break_cap_seconds)));
            }
            Gap {
                interval,
                kind,
                break_sec: told_us / SECOND - before,
            }
        })
        .collect()
}
