//! Events of one name laid out in a window: a series, its exceptions and its changed occurrences.
//!
//! Events in, meetings out. Of two components with the same name and place the later version
//! holds. A changed occurrence stands at its own time, also when its old or its new time is outside
//! the window, and also when the rule no longer gives its place; an exception takes away what the
//! rule gives, never a changed occurrence.
//!
//! `RANGE=THISANDFUTURE` (decided here): from its place on, every occurrence takes all of the
//! change, and its start moves by the distance on the wall clock that the changed one moved; until
//! the next such change. An occurrence changed alone keeps its own change.
//!
//! The start of a series is always its first occurrence and counts, also where the rule does not
//! give it (RFC 5545 §3.8.5.3).

use std::collections::{BTreeMap, HashMap, HashSet};

use super::event::{Event, Extent, When};
use super::recurrence::{Budget, Exhausted, Recurrence, WallSeconds};
use super::rule::{Rule, Until};
use super::{Fault, Options};
use crate::clock::Micros;
use crate::sources::meeting::{Meeting, Span};
use crate::sources::record::Reject;
use crate::zone::{SECOND, Zone};

/// Days around the window that are laid out too: no zone is farther from another.
const MARGIN_SECONDS: i64 = 2 * 86_400;

/// All components of one name.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// The event itself, as last changed.
    pub main: Option<Event>,
    /// Changed occurrences.
    pub changed: Vec<Event>,
    /// Places of changed occurrences that could not be read.
    pub unreadable: Vec<When>,
    /// Whether a Microsoft product wrote it.
    pub microsoft: bool,
}

/// Where an occurrence stands in its series: an instant, or a day of a series of dates.
type Place = i64;

impl Series {
    /// Adds a component.
    pub fn add(&mut self, event: Event) {
        if event.replaces.is_none() {
            let newer = self
                .main
                .as_ref()
                .is_none_or(|known| event.version >= known.version);
            if newer {
                self.main = Some(event);
            }
        } else {
            self.changed.push(event);
        }
    }

    /// Lays the series out into `found`.
    ///
    /// # Errors
    /// [`Fault::TooManyEvents`].
    pub fn lay_out(
        mut self,
        options: &Options,
        budget: &mut Budget,
        found: &mut Vec<Meeting>,
        rejects: &mut Vec<Reject>,
    ) -> Result<(), Fault> {
        let changed = self.take_changed();
        let main = self.main.take();
        let main_start = main.as_ref().map(|main| main.start.clone());
        if let Some(main) = &main {
            let mut gone: HashSet<Place> = changed.keys().copied().collect();
            gone.extend(self.unreadable.iter().map(|when| place(when, &main.start)));
            if main.rules.is_empty() && main.extra.is_empty() {
                if !gone.contains(&place(&main.start, &main.start)) {
                    push(
                        options,
                        found,
                        &main.facts,
                        main.uid.clone(),
                        None,
                        main.own_span(),
                    )?;
                }
            } else {
                self.recurring(main, &changed, &gone, options, budget, found, rejects)?;
            }
        }
        for event in changed.values() {
            let Some(replaced) = &event.replaces else {
                continue;
            };
            let id = occurrence_id(&event.uid, replaced, main_start.as_ref());
            let span = event.own_span();
            push(options, found, &event.facts, id, Some(&event.uid), span)?;
        }
        Ok(())
    }

    /// Changed occurrences by place, the latest version of each.
    fn take_changed(&mut self) -> BTreeMap<Place, Event> {
        let mut by_place: BTreeMap<Place, Event> = BTreeMap::new();
        for event in self.changed.drain(..) {
            let Some(replaced) = &event.replaces else {
                continue;
            };
            let start = self.main.as_ref().map_or(replaced, |main| &main.start);
            let at = place(replaced, start);
            let newer = by_place
                .get(&at)
                .is_none_or(|known| event.version >= known.version);
            if newer {
                by_place.insert(at, event);
            }
        }
        by_place
    }

    #[allow(clippy::too_many_arguments)]
    fn recurring(
        &self,
        main: &Event,
        changed: &BTreeMap<Place, Event>,
        gone: &HashSet<Place>,
        options: &Options,
        budget: &mut Budget,
        found: &mut Vec<Meeting>,
        rejects: &mut Vec<Reject>,
    ) -> Result<(), Fault> {
        let lasting: Vec<(Place, &Event)> = changed
            .iter()
            .filter(|(_, event)| event.this_and_future)
            .map(|(at, event)| (*at, event))
            .collect();
        let mut reach = main.extent.reach_seconds();
        let mut shift = 0;
        for (at, event) in &lasting {
            reach = reach.max(event.extent.reach_seconds());
            let moved = event.start.wall().saturating_sub(wall_at(*at, &main.start));
            shift = shift.max(moved.saturating_abs());
        }
        let around = MARGIN_SECONDS.saturating_add(shift);
        let day_or_wall = |instant: Micros| instant.div_euclid(SECOND);
        let from = day_or_wall(options.from)
            .saturating_sub(around)
            .saturating_sub(reach);
        let to = day_or_wall(options.to).saturating_add(around);
        let occurrences = match self.occurrences(main, (from, to), &options.zone, budget) {
            Ok(occurrences) => occurrences,
            Err(line) => {
                rejects.push(Reject {
                    line,
                    field: "RRULE".into(),
                    reason: "rule_too_long",
                    value: String::new(),
                });
                return Ok(());
            }
        };
        for (at, (start, own_extent)) in occurrences {
            if gone.contains(&at) {
                continue;
            }
            let id = occurrence_id(&main.uid, &start, Some(&main.start));
            let governing = lasting.iter().rev().find(|(from, _)| *from <= at);
            let (facts, span) = match governing {
                None => {
                    let span = match own_extent {
                        Some(extent) => start.span(extent),
                        None if at == place(&main.start, &main.start) => main.own_span(),
                        None => start.span(main.extent),
                    };
                    (&main.facts, span)
                }
                Some((from, event)) => {
                    let distance = start.wall().saturating_sub(wall_at(*from, &main.start));
                    (&event.facts, event.start.moved(distance).span(event.extent))
                }
            };
            push(options, found, facts, id, Some(&main.uid), span)?;
        }
        Ok(())
    }

    /// Occurrences that begin in `[from, to)` on the wall clock, exceptions left out. Fails with
    /// the line of a rule that is too long.
    fn occurrences(
        &self,
        main: &Event,
        (from, to): (WallSeconds, WallSeconds),
        zone: &Zone,
        budget: &mut Budget,
    ) -> Result<BTreeMap<Place, (When, Option<Extent>)>, u64> {
        let start = &main.start;
        let wall = start.wall();
        let mut walls: Vec<WallSeconds> = Vec::new();
        let mut starts_itself = main.rules.is_empty();
        for (line, rule) in &main.rules {
            let ended = until(rule, start, None).is_some_and(|until| until < wall);
            let until = match until(rule, start, Some(zone)) {
                // Microsoft writes so for a series without end; elsewhere such a series is empty.
                Some(_) if ended && self.microsoft => None,
                Some(until) if until < wall => continue,
                other => other,
            };
            starts_itself = true;
            let counted = self
                .counted(rule, start, budget)
                .map_err(|Exhausted| *line)?;
            let Some(counted) = counted else {
                continue;
            };
            walls.extend(
                recurrence(&counted, start, until)
                    .starts(from, to, budget)
                    .map_err(|Exhausted| *line)?,
            );
        }
        if starts_itself && wall >= from && wall < to {
            walls.push(wall);
        }
        let mut excluded = Excluded::new(&main.excluded, start);
        for (line, rule) in &main.excluded_rules {
            let walls = recurrence(rule, start, until(rule, start, Some(zone)))
                .starts(from, to, budget)
                .map_err(|Exhausted| *line)?;
            for wall in walls {
                let when = start.moved(wall.saturating_sub(start.wall()));
                excluded.places.insert(place(&when, start));
            }
        }
        let mut occurrences = BTreeMap::new();
        for wall in walls {
            let when = start.moved(wall.saturating_sub(start.wall()));
            occurrences.insert(place(&when, start), (when, None));
        }
        for (when, extent) in &main.extra {
            if when.wall() >= from && when.wall() < to {
                occurrences.insert(place(when, start), (when.clone(), *extent));
            }
        }
        occurrences.retain(|at, (when, _)| !excluded.holds(*at, when, start));
        Ok(occurrences)
    }

    /// The rule with the start itself counted, where the rule does not give it. `None` when nothing
    /// is left to count.
    fn counted(
        &self,
        rule: &Rule,
        start: &When,
        budget: &mut Budget,
    ) -> Result<Option<Rule>, Exhausted> {
        let mut rule = rule.clone();
        if let Some(count) = rule.count {
            let wall = start.wall();
            let given = recurrence(&rule, start, None)
                .starts(wall, wall.saturating_add(1), budget)?
                .contains(&wall);
            if !given {
                if count <= 1 {
                    return Ok(None);
                }
                rule.count = Some(count - 1);
            }
        }
        Ok(Some(rule))
    }
}

/// What an event's exceptions take away.
struct Excluded {
    places: HashSet<Place>,
    /// Dates, for a series of times: all occurrences that begin on one.
    days: HashSet<i64>,
}

impl Excluded {
    fn new(exceptions: &[When], start: &When) -> Excluded {
        let mut excluded = Excluded {
            places: HashSet::new(),
            days: HashSet::new(),
        };
        for when in exceptions {
            match (when, start) {
                (When::Date(day), When::Time { .. }) => {
                    excluded.days.insert(i64::from(*day));
                }
                _ => {
                    excluded.places.insert(place(when, start));
                }
            }
        }
        excluded
    }

    fn holds(&self, at: Place, when: &When, start: &When) -> bool {
        let day = || match start {
            When::Time { zone, .. } if !self.days.is_empty() => match when {
                When::Time { .. } => zone.wall(at).div_euclid(86_400),
                When::Date(day) => i64::from(*day),
            },
            _ => i64::MIN,
        };
        self.places.contains(&at) || self.days.contains(&day())
    }
}

fn recurrence<'a>(rule: &'a Rule, start: &When, until: Option<WallSeconds>) -> Recurrence<'a> {
    Recurrence {
        rule,
        start: start.wall(),
        is_date: matches!(start, When::Date(_)),
        until,
    }
}

/// The end of a rule on the wall clock of its start, inclusive. An end in UTC of a series of dates
/// is meant as a midnight when it is one in this zone (Exchange), else as the date it shows.
fn until(rule: &Rule, start: &When, zone: Option<&Zone>) -> Option<WallSeconds> {
    const LAST_SECOND: i64 = 86_399;
    let seconds = |at: chrono::NaiveDateTime| at.and_utc().timestamp();
    let midnight = |at: WallSeconds| at.div_euclid(86_400) * 86_400;
    Some(match (rule.until?, start) {
        (Until::Date(date), _) => seconds(date.and_time(chrono::NaiveTime::MIN)) + LAST_SECOND,
        (Until::Local(at), When::Date(_)) => midnight(seconds(at)) + LAST_SECOND,
        (Until::Local(at), When::Time { .. }) => seconds(at),
        (Until::Utc(at), When::Date(_)) => {
            let shown = zone.map(|zone| {
                zone.local_micros(seconds(at).saturating_mul(SECOND))
                    .div_euclid(SECOND)
            });
            let shown = shown.filter(|shown| shown.rem_euclid(86_400) == 0);
            midnight(shown.unwrap_or(seconds(at))) + LAST_SECOND
        }
        (Until::Utc(at), When::Time { zone, .. }) => zone.wall(seconds(at).saturating_mul(SECOND)),
    })
}

/// Where a time stands in a series with this start. A date stands at the series' own time of that
/// day; a time in a series of dates stands on its date.
fn place(when: &When, start: &When) -> Place {
    match (when, start) {
        (When::Date(day), When::Date(_)) => i64::from(*day),
        (When::Time { wall, .. }, When::Date(_)) => wall.div_euclid(86_400),
        (When::Time { wall, zone }, When::Time { .. }) => zone.instant(*wall),
        (When::Date(day), When::Time { wall, zone }) => {
            zone.instant(i64::from(*day) * 86_400 + wall.rem_euclid(86_400))
        }
    }
}

/// The wall clock of the series at a place.
fn wall_at(at: Place, start: &When) -> WallSeconds {
    match start {
        When::Date(_) => at.saturating_mul(86_400),
        When::Time { zone, .. } => zone.wall(at),
    }
}

/// The id of an occurrence: the same at every reading, wherever the occurrence is moved.
fn occurrence_id(uid: &str, original: &When, start: Option<&When>) -> String {
    let start = start.unwrap_or(original);
    let at = place(original, start);
    let text = match start {
        When::Date(_) => chrono::DateTime::from_timestamp(at.saturating_mul(86_400), 0)
            .map(|at| at.format("%Y%m%d").to_string()),
        When::Time { .. } => chrono::DateTime::from_timestamp_micros(at)
            .map(|at| at.format("%Y%m%dT%H%M%SZ").to_string()),
    };
    format!("{uid}/{}", text.unwrap_or_default())
}

/// Adds a meeting when it overlaps the window.
fn push(
    options: &Options,
    found: &mut Vec<Meeting>,
    facts: &Meeting,
    event_id: String,
    series_id: Option<&str>,
    span: Span,
) -> Result<(), Fault> {
    let (start, end) = match span {
        Span::Instants { start, end } => (start, end),
        Span::Dates { start, end } => (
            options.zone.day_span(start).0,
            options.zone.day_span(end.saturating_sub(1)).1,
        ),
    };
    // What takes no time is in the window when it begins there.
    let overlaps =
        start < options.to && (end > options.from || (start == end && start >= options.from));
    if !overlaps {
        return Ok(());
    }
    if found.len() >= options.max_events {
        return Err(Fault::TooManyEvents(options.max_events));
    }
    found.push(Meeting {
        event_id,
        series_id: series_id.map(str::to_owned),
        span: Some(span),
        ..facts.clone()
    });
    Ok(())
}

/// Series in the order they first appear.
#[derive(Debug, Default)]
pub(super) struct AllSeries {
    series: HashMap<String, (usize, Series)>,
}

impl AllSeries {
    /// The series of a name, made when there is none.
    pub fn of(&mut self, uid: &str) -> &mut Series {
        let next = self.series.len();
        let (_, series) = self
            .series
            .entry(uid.to_owned())
            .or_insert_with(|| (next, Series::default()));
        series
    }

    /// All of them, each with its `UID`.
    pub fn into_all(self) -> Vec<(String, Series)> {
        let mut all: Vec<_> = self.series.into_iter().collect();
        all.sort_by_key(|(_, (order, _))| *order);
        all.into_iter()
            .map(|(uid, (_, series))| (uid, series))
            .collect()
    }
}
