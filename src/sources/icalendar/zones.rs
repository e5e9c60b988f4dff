//! The zones that times of a calendar are in: by name, or by the calendar's own definition.
//!
//! Names and `VTIMEZONE`s in, offsets and instants out. A name is, in this order: an IANA name; a
//! Windows name (`… Standard Time`); what the calendar defines under it; another maker's name that
//! calcard knows. Nothing else is guessed, and a name that is none of these is no zone: never UTC.
//!
//! A definition only counts where its name says nothing, because definitions in the wild hold one
//! year's rules for all years, or none at all.

use std::collections::HashMap;
use std::sync::Arc;

use calcard::common::timezone::Tz;
use calcard::icalendar::{ICalendarParameterName, ICalendarProperty};

use super::lines::Component;
use super::property::{Property, Stamp, StampZone};
use super::recurrence::{Budget, Recurrence, WallSeconds};
use super::rule::{Rule, Until};
use crate::clock::Micros;
use crate::zone::{DAY, SECOND, Zone, ZoneNames};

/// More changes than any clock has had.
const CHANGES_MAX: usize = 20_000;

/// The offset of a place or of a definition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum EventZone {
    Named(Zone),
    /// Seconds east of UTC.
    Fixed(i64),
    Defined(Arc<Definition>),
}

/// A `VTIMEZONE` as the changes it describes.
#[derive(Debug, PartialEq)]
pub(super) struct Definition {
    /// Before the first change, seconds east of UTC.
    first_offset: i64,
    /// Instants (seconds) at which an offset begins, ascending.
    changes: Vec<(i64, i64)>,
}

impl EventZone {
    /// Seconds east of UTC at an instant.
    pub fn offset_seconds(&self, instant: Micros) -> i64 {
        match self {
            EventZone::Named(zone) => zone.offset_seconds(instant),
            EventZone::Fixed(offset) => *offset,
            EventZone::Defined(definition) => {
                let second = instant.div_euclid(SECOND);
                let past = definition.changes.partition_point(|(at, _)| *at <= second);
                past.checked_sub(1)
                    .and_then(|last| definition.changes.get(last))
                    .map_or(definition.first_offset, |(_, offset)| *offset)
            }
        }
    }

    /// The wall clock at an instant.
    pub fn wall(&self, instant: Micros) -> WallSeconds {
        instant
            .saturating_add(self.offset_seconds(instant).saturating_mul(SECOND))
            .div_euclid(SECOND)
    }

    /// The instant at which the wall clock shows a time (RFC 5545 §3.3.5): the first of two; a time
    /// that is skipped is taken with the offset before the gap.
    pub fn instant(&self, wall: WallSeconds) -> Micros {
        if let EventZone::Fixed(offset) = self {
            return wall.saturating_sub(*offset).saturating_mul(SECOND);
        }
        let wall = wall.saturating_mul(SECOND);
        let shown = |offset: i64| {
            let instant = wall.saturating_sub(offset.saturating_mul(SECOND));
            (self.offset_seconds(instant) == offset).then_some(instant)
        };
        let (before, after) = (
            self.offset_seconds(wall.saturating_sub(DAY)),
            self.offset_seconds(wall.saturating_add(DAY)),
        );
        if before == after
            && let Some(instant) = shown(before)
        {
            return instant;
        }
        // Near a change: every offset of these two days is tried.
        const STEP: i64 = 3 * 3600 * SECOND;
        let mut first: Option<Micros> = None;
        let mut offset_before = before;
        for step in -10..=10 {
            let probe = wall.saturating_add(step * STEP);
            let offset = self.offset_seconds(probe);
            if probe.saturating_add(offset.saturating_mul(SECOND)) <= wall {
                offset_before = offset;
            }
            if let Some(instant) = shown(offset) {
                first = Some(first.map_or(instant, |known| known.min(instant)));
            }
        }
        first.unwrap_or_else(|| wall.saturating_sub(offset_before.saturating_mul(SECOND)))
    }
}

/// The zones of one calendar.
#[derive(Debug)]
pub(super) struct Zones {
    /// Floating times and dates are in this one.
    own: EventZone,
    names: ZoneNames,
    defined: HashMap<String, EventZone>,
}

impl Zones {
    /// Reads a calendar's definitions; changes are laid out up to `to`.
    pub fn read(
        own: &Zone,
        definitions: &[Component<'_>],
        to: Micros,
        budget: &mut Budget,
    ) -> Zones {
        let mut zones = Zones {
            own: EventZone::Named(own.clone()),
            names: ZoneNames::default(),
            defined: HashMap::new(),
        };
        for component in definitions {
            let Some(name) = text_of(component, &ICalendarProperty::Tzid) else {
                continue;
            };
            let by_observances = definition(component, to, budget).map(EventZone::Defined);
            let found = by_observances.or_else(|| {
                let place = ICalendarProperty::Other("X-LIC-LOCATION".into());
                zones.by_name(&text_of(component, &place)?)
            });
            if let Some(zone) = found {
                zones.defined.insert(name, zone);
            }
        }
        zones
    }

    /// The zone of a time; `None` when its name means nothing.
    pub fn of(&self, zone: &StampZone) -> Option<EventZone> {
        match zone {
            StampZone::Floating => Some(self.own.clone()),
            StampZone::Fixed(offset) => Some(EventZone::Fixed(*offset)),
            StampZone::Named(name) => self.resolve(name),
        }
    }

    fn resolve(&self, name: &str) -> Option<EventZone> {
        let name = name.trim();
        // Windows' own names are exact; other makers' names are not always.
        if name.ends_with("Standard Time")
            && let Some(zone) = self.by_maker(name)
        {
            return Some(zone);
        }
        self.by_iana(name)
            .or_else(|| self.defined.get(name).cloned())
            .or_else(|| self.by_maker(name))
    }

    fn by_name(&self, name: &str) -> Option<EventZone> {
        self.by_iana(name).or_else(|| self.by_maker(name))
    }

    /// An IANA name, `UTC±H`, or a path that ends in an IANA name (`/citadel.org/…/Europe/Berlin`).
    fn by_iana(&self, name: &str) -> Option<EventZone> {
        if let Some(zone) = self.names.parse(name) {
            return Some(EventZone::Named(zone));
        }
        let path = name.strip_prefix('/')?;
        let mut rest = path;
        while let Some((_, tail)) = rest.split_once('/') {
            rest = tail;
            if rest.contains('/')
                && let Some(zone) = self.names.parse(rest)
            {
                return Some(EventZone::Named(zone));
            }
        }
        None
    }

    fn by_maker(&self, name: &str) -> Option<EventZone> {
        let Ok(Tz::Tz(tz)) = name.parse::<Tz>() else {
            return None;
        };
        // `(UTC-05:00) Nowhere`: calcard falls back on the bracket's offset, which knows no summer.
        if name.starts_with('(') && tz.name().starts_with("Etc/GMT") {
            return None;
        }
        self.names.parse(tz.name()).map(EventZone::Named)
    }
}

fn properties<'a>(component: &'a Component<'_>) -> impl Iterator<Item = Property> + 'a {
    component
        .lines
        .iter()
        .filter_map(|line| Property::read(line).ok())
}

fn text_of(component: &Component<'_>, name: &ICalendarProperty) -> Option<String> {
    properties(component)
        .find(|property| property.name() == name)
        .map(|property| property.text().trim().to_owned())
}

/// A `VTIMEZONE`'s changes; `None` when it holds none that can be read.
fn definition(
    component: &Component<'_>,
    to: Micros,
    budget: &mut Budget,
) -> Option<Arc<Definition>> {
    let horizon = to.div_euclid(SECOND).saturating_add(2 * 366 * 86_400);
    // (instant, offset before, offset after)
    let mut changes: Vec<(i64, i64, i64)> = Vec::new();
    for observance in &component.parts {
        let mut start: Option<WallSeconds> = None;
        let (mut from, mut after) = (None, None);
        let mut rules = Vec::new();
        let mut walls = Vec::new();
        for property in properties(observance) {
            match property.name() {
                ICalendarProperty::Dtstart => start = property.stamps().ok()?.first().map(wall_of),
                ICalendarProperty::Tzoffsetfrom => from = offset(property.raw()),
                ICalendarProperty::Tzoffsetto => after = offset(property.raw()),
                ICalendarProperty::Rrule => rules.push(Rule::parse(property.raw())?),
                ICalendarProperty::Rdate => {
                    walls.extend(property.stamps().ok()?.iter().map(wall_of))
                }
                _ => {}
            }
        }
        let (start, from, after) = (start?, from?, after?);
        walls.push(start);
        for rule in &rules {
            let until = match rule.until {
                None => None,
                Some(Until::Date(date)) => Some(seconds(date.and_hms_opt(23, 59, 59)?)),
                Some(Until::Local(at)) => Some(seconds(at)),
                // The end is an instant; the starts are on the clock before each change.
                Some(Until::Utc(at)) => Some(seconds(at).saturating_add(from)),
            };
            let recurrence = Recurrence {
                rule,
                start,
                is_date: false,
                until,
            };
            walls.extend(recurrence.starts(start, horizon, budget).ok()?);
        }
        changes.extend(
            walls
                .into_iter()
                .map(|wall| (wall.saturating_sub(from), from, after)),
        );
        if changes.len() > CHANGES_MAX {
            return None;
        }
    }
    changes.sort_unstable();
    changes.dedup();
    let first_offset = changes.first()?.1;
    Some(Arc::new(Definition {
        first_offset,
        changes: changes
            .into_iter()
            .map(|(at, _, after)| (at, after))
            .collect(),
    }))
}

fn wall_of(stamp: &Stamp) -> WallSeconds {
    match stamp {
        Stamp::Date(date) => seconds(date.and_time(chrono::NaiveTime::MIN)),
        Stamp::Time { wall, .. } => *wall,
    }
}

fn seconds(at: chrono::NaiveDateTime) -> i64 {
    at.and_utc().timestamp()
}

/// `+0100`, `-053000`: seconds east of UTC.
fn offset(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => (1, text),
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let field = |from: usize| {
        digits
            .get(from..from + 2)
            .map_or(Some(0), |two| two.parse::<i64>().ok())
    };
    let (hours, minutes, seconds) = (field(0)?, field(2)?, field(4)?);
    (hours < 24 && minutes < 60 && seconds < 60)
        .then_some(sign * (hours * 3_600 + minutes * 60 + seconds))
}

/// The name a time says its zone by.
pub(super) fn zone_name(property: &Property) -> Option<String> {
    property
        .parameter(&ICalendarParameterName::Tzid)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones() -> Zones {
        Zones {
            own: EventZone::Fixed(0),
            names: ZoneNames::default(),
            defined: HashMap::new(),
        }
    }

    fn wall(text: &str) -> i64 {
        seconds(chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap())
    }

    fn shown(name: &str, local: &str) -> String {
        let instant = zones().resolve(name).unwrap().instant(wall(local));
        chrono::DateTime::from_timestamp_micros(instant)
            .unwrap()
            .format("%Y-%m-%d %H:%M")
            .to_string()
    }

    #[test]
    fn skipped_and_repeated_times_follow_the_standard() {
        for (zone, local, utc) in [
            ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:30"),
            ("Europe/Berlin", "2026-03-29 03:00", "2026-03-29 01:00"),
            ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30"),
            ("America/New_York", "2026-03-08 02:15", "2026-03-08 07:15"),
            ("America/New_York", "2026-11-01 01:15", "2026-11-01 05:15"),
            (
                "Australia/Lord_Howe",
                "2026-10-04 02:15",
                "2026-10-03 15:45",
            ),
            (
                "Australia/Lord_Howe",
                "2026-04-05 01:45",
                "2026-04-04 14:45",
            ),
            ("America/St_Johns", "2006-10-29 00:00", "2006-10-29 02:30"),
            // A whole date that Samoa left out.
            ("Pacific/Apia", "2011-12-30 23:00", "2011-12-31 09:00"),
            ("Pacific/Apia", "2011-12-30 00:00", "2011-12-30 10:00"),
            ("Asia/Kolkata", "2026-01-01 00:00", "2025-12-31 18:30"),
        ] {
            assert_eq!(shown(zone, local), utc, "{zone} {local}");
        }
    }

    #[test]
    fn names_of_all_makers_are_known_and_unknown_ones_are_none() {
        for (name, utc) in [
            ("europe/berlin", "2026-07-01 10:00"),
            ("W. Europe Standard Time", "2026-07-01 10:00"),
            ("Central European Standard Time", "2026-07-01 10:00"),
            (
                "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
                "2026-07-01 10:00",
            ),
            ("(UTC-05:00) Eastern Time (US & Canada)", "2026-07-01 16:00"),
            ("/citadel.org/20211207_1/Europe/Berlin", "2026-07-01 10:00"),
            (
                "/softwarestudio.org/Olson_20011030_5/America/New_York",
                "2026-07-01 16:00",
            ),
            ("/America/Argentina/Buenos_Aires", "2026-07-01 15:00"),
            ("UTC", "2026-07-01 12:00"),
            ("Etc/GMT+5", "2026-07-01 17:00"),
        ] {
            let found = zones()
                .resolve(name)
                .map(|zone| zone.instant(wall("2026-07-01 12:00")));
            assert_eq!(found, Some(wall(utc) * SECOND), "{name}");
        }
        for name in [
            "",
            "Customized Time Zone",
            "tzone://Microsoft/Custom",
            "(UTC-05:00) Nowhere at All",
            "Mars/Olympus",
            "/Mars/Olympus",
        ] {
            assert_eq!(zones().resolve(name), None, "{name}");
        }
    }

    #[test]
    fn offsets_are_read_strictly() {
        assert_eq!(offset("+0100"), Some(3_600));
        assert_eq!(offset("-05:30"), Some(-19_800));
        assert_eq!(offset("-001234"), Some(-754));
        for wrong in ["", "+", "+01", "+2500", "+0160", "+01000", "abcd", "ü"] {
            assert_eq!(offset(wrong), None, "{wrong}");
        }
    }
}
