//! Time zones by the names people and computers use, and the local time in them.
//!
//! At the bottom of the house beside `error` and `clock`: settings, sources and functions all name
//! zones. Pure: no clock, no I/O, no panic on input.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::clock::Micros;

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a day of 24 hours.
pub const DAY: i64 = 86_400 * SECOND;

/// A reporting zone: an IANA zone under the name it was given by, or a fixed offset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Zone {
    rule: Rule,
    name: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Rule {
    Iana(Tz),
    /// Seconds east of UTC.
    Fixed(i32),
}

impl Zone {
    /// UTC.
    pub fn utc() -> Zone {
        Zone {
            rule: Rule::Fixed(0),
            name: "UTC".into(),
        }
    }

    /// `timezonestring`: the IANA name as given, or `UTC`, `UTC-5`, `UTC+5:30`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seconds east of UTC in force at an instant.
    pub fn offset_seconds(&self, instant: Micros) -> i64 {
        match self.rule {
            Rule::Fixed(seconds) => i64::from(seconds),
            Rule::Iana(tz) => match DateTime::from_timestamp_micros(instant) {
                Some(utc) => i64::from(
                    tz.offset_from_utc_datetime(&utc.naive_utc())
                        .fix()
                        .local_minus_utc(),
                ),
                None => 0,
            },
        }
    }

    /// The wall clock at an instant, as microseconds since 1970-01-01T00:00:00 on that clock.
    pub fn local_micros(&self, instant: Micros) -> i64 {
        instant.saturating_add(self.offset_seconds(instant) * SECOND)
    }

    /// The local date at an instant, in days since 1970-01-01.
    pub fn local_day(&self, instant: Micros) -> i32 {
        i32::try_from(self.local_micros(instant).div_euclid(DAY)).unwrap_or(i32::MAX)
    }

    /// The instants from the first to the last one whose local date is `day`, as `[start, end)`;
    /// empty (start = end, where the date is jumped over) for a skipped date. Found on the zone's
    /// own rules, so 23, 24, 25 and other lengths come out right.
    ///
    /// A clock put back shortly *after* midnight shows the evening before once more: that date then
    /// has two pieces with a piece of the next date between them, and the spans of the two dates
    /// overlap. A span is the right range to read; [`Zone::day_pieces`] says which instants belong.
    /// (A clock put back *at* midnight never shows the new date before the jump: one long date.)
    pub fn day_span(&self, day: i32) -> (Micros, Micros) {
        let pieces = self.day_pieces(day);
        match (pieces.first(), pieces.last()) {
            (Some(first), Some(last)) => (first.0, last.1),
            _ => {
                let next = midnight(day).saturating_add(DAY);
                let jump = self
                    .stretches(next.saturating_sub(REACH), next.saturating_add(REACH))
                    .into_iter()
                    .find(|stretch| stretch.start.saturating_add(stretch.offset) >= next)
                    .map_or(next, |stretch| stretch.start);
                (jump, jump)
            }
        }
    }

    /// Exactly the instants whose local date is `day`, as ascending `[start, end)` that do not
    /// touch: none for a skipped date, one for nearly every date, two where a clock was put back
    /// across midnight after it had shown the new date. Every instant lies in the pieces of exactly
    /// one day, the one that [`Zone::local_day`] gives.
    pub fn day_pieces(&self, day: i32) -> Vec<(Micros, Micros)> {
        let start = midnight(day);
        let end = start.saturating_add(DAY);
        let mut pieces: Vec<(Micros, Micros)> = Vec::with_capacity(1);
        for stretch in self.stretches(start.saturating_sub(REACH), end.saturating_add(REACH)) {
            let from = stretch.start.max(start.saturating_sub(stretch.offset));
            let to = stretch.end.min(end.saturating_sub(stretch.offset));
            if from >= to {
                continue;
            }
            match pieces.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => pieces.push((from, to)),
            }
        }
        pieces
    }

    /// The instant at which a wall clock shows `local` (microseconds on that clock). A time that
    /// does not exist moves to the next valid instant; of two, `later` picks.
    pub fn instant_of_local(&self, local: i64, later: bool) -> Micros {
        let stretches = self.stretches(local.saturating_sub(REACH), local.saturating_add(REACH));
        let mut shown = stretches.iter().filter_map(|stretch| {
            let instant = local.saturating_sub(stretch.offset);
            (stretch.start <= instant && instant < stretch.end).then_some(instant)
        });
        let found = if later {
            shown.next_back()
        } else {
            shown.next()
        };
        found.unwrap_or_else(|| {
            stretches
                .iter()
                .find(|stretch| stretch.start.saturating_add(stretch.offset) > local)
                .map_or(local, |stretch| stretch.start)
        })
    }

    /// `[from, to)` cut where the offset changes.
    fn stretches(&self, from: Micros, to: Micros) -> Vec<Stretch> {
        let mut found = Vec::with_capacity(2);
        let mut start = from;
        let mut offset = self.offset_seconds(from);
        if matches!(self.rule, Rule::Iana(_)) {
            let mut known = from;
            while known < to {
                let next = known.saturating_add(STEP).min(to);
                let offset_then = self.offset_seconds(next);
                if offset_then != offset {
                    // One change lies in (known, next]: find its first microsecond.
                    let (mut low, mut high) = (known, next);
                    while low + 1 < high {
                        let middle = low + (high - low) / 2;
                        if self.offset_seconds(middle) == offset {
                            low = middle;
                        } else {
                            high = middle;
                        }
                    }
                    found.push(Stretch::new(start, high, offset));
                    (start, offset) = (high, offset_then);
                }
                known = next;
            }
        }
        if start < to {
            found.push(Stretch::new(start, to, offset));
        }
        found
    }
}

/// Farther from UTC than any zone ever was (local mean times reached 16 h).
const REACH: i64 = 18 * 3600 * SECOND;
/// No zone changes its offset twice within so short a time (held by a test).
const STEP: i64 = 6 * 3600 * SECOND;

/// Instants `[start, end)` during which one offset holds.
struct Stretch {
    start: Micros,
    end: Micros,
    /// Microseconds east of UTC.
    offset: i64,
}

impl Stretch {
    fn new(start: Micros, end: Micros, offset_seconds: i64) -> Stretch {
        Stretch {
            start,
            end,
            offset: offset_seconds * SECOND,
        }
    }
}

/// 00:00 of a local day on its wall clock.
fn midnight(day: i32) -> i64 {
    i64::from(day).saturating_mul(DAY)
}

/// Lower-case IANA name → zone: names are typed in any case.
static IANA: LazyLock<HashMap<String, Tz>> = LazyLock::new(|| {
    chrono_tz::TZ_VARIANTS
        .iter()
        .map(|zone| (zone.name().to_ascii_lowercase(), *zone))
        .collect()
});

/// Reads zone names: IANA, Windows (by a table), `UTC±H[:MM]`.
#[derive(Clone, Debug, Default)]
pub struct ZoneNames {
    /// Lower-case Windows name → IANA name.
    windows: HashMap<String, String>,
}

impl ZoneNames {
    /// With the given Windows names.
    pub fn new<'a>(windows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        ZoneNames {
            windows: windows
                .into_iter()
                .map(|(name, iana)| (name.trim().to_lowercase(), iana.trim().to_owned()))
                .collect(),
        }
    }

    /// The zone of a name, or `None` for an unknown one.
    pub fn parse(&self, text: &str) -> Option<Zone> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        if let Some(zone) = fixed(text) {
            return Some(zone);
        }
        if let Ok(tz) = text.parse::<Tz>() {
            return Some(Zone {
                rule: Rule::Iana(tz),
                name: text.into(),
            });
        }
        let lower = text.to_lowercase();
        if let Some(tz) = IANA.get(&lower) {
            return Some(Zone {
                rule: Rule::Iana(*tz),
                name: tz.name().into(),
            });
        }
        let iana = self.windows.get(&lower)?;
        let tz = iana.parse::<Tz>().ok()?;
        Some(Zone {
            rule: Rule::Iana(tz),
            name: iana.as_str().into(),
        })
    }
}

/// `UTC`, `UTC-5`, `UTC+5:30`, `UTC+05:30`; normalised to the shortest form.
fn fixed(text: &str) -> Option<Zone> {
    let rest = text
        .get(..3)
        .filter(|head| head.eq_ignore_ascii_case("utc"))
        .map(|_| &text[3..])?;
    if rest.is_empty() {
        return Some(Zone::utc());
    }
    let (sign, digits) = match rest.as_bytes().first()? {
        b'+' => (1, &rest[1..]),
        b'-' => (-1, &rest[1..]),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    if hours.is_empty() || hours.len() > 2 || minutes.is_empty() || minutes.len() > 2 {
        return None;
    }
    if !hours
        .bytes()
        .chain(minutes.bytes())
        .all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if minutes > 59 || hours * 60 + minutes > 14 * 60 {
        return None;
    }
    if hours == 0 && minutes == 0 {
        return Some(Zone::utc());
    }
    let mark = if sign > 0 { '+' } else { '-' };
    let name = if minutes == 0 {
        format!("UTC{mark}{hours}")
    } else {
        format!("UTC{mark}{hours}:{minutes:02}")
    };
    Some(Zone {
        rule: Rule::Fixed(sign * (hours * 3600 + minutes * 60)),
        name: name.into(),
    })
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, NaiveDateTime};

    use super::*;

    const HOUR: i64 = 3600 * SECOND;

    fn zone(name: &str) -> Zone {
        ZoneNames::default().parse(name).unwrap()
    }

    fn day(text: &str) -> i32 {
        let date: NaiveDate = text.parse().unwrap();
        date.signed_duration_since(NaiveDate::default()).num_days() as i32
    }

    fn at(text: &str) -> Micros {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M")
            .unwrap()
            .and_utc()
            .timestamp_micros()
    }

    fn hours(zone: &str, date: &str) -> f64 {
        let (start, end) = self::zone(zone).day_span(day(date));
        (end - start) as f64 / HOUR as f64
    }

    /// Every piece begins and ends where `local_day` says, and consecutive days leave no instant
    /// out and take none twice.
    fn partitions(name: &str, from: &str, days: i32) {
        let zone = zone(name);
        let mut all = Vec::new();
        for day in day(from)..day(from) + days {
            let pieces = zone.day_pieces(day);
            for &(start, end) in &pieces {
                assert!(start < end, "{name} {day}");
                assert_eq!(zone.local_day(start), day, "{name} {day}");
                assert_eq!(zone.local_day(end - 1), day, "{name} {day}");
                assert_ne!(zone.local_day(end), day, "{name} {day}");
                assert_ne!(zone.local_day(start - 1), day, "{name} {day}");
            }
            let span = zone.day_span(day);
            match pieces.as_slice() {
                [] => {
                    assert_eq!(span.0, span.1);
                    assert!(zone.local_day(span.0) > day && zone.local_day(span.0 - 1) < day);
                }
                pieces => assert_eq!(span, (pieces[0].0, pieces[pieces.len() - 1].1)),
            }
            all.extend(pieces);
        }
        all.sort();
        for pair in all.windows(2) {
            assert_eq!(pair[0].1, pair[1].0, "{name}");
        }
    }

    #[test]
    fn days_partition_the_time_line() {
        for (name, from, days) in [
            ("UTC", "1969-12-20", 40),
            ("UTC-5", "2026-01-01", 10),
            ("Europe/Berlin", "2025-01-01", 730),
            ("America/New_York", "2025-01-01", 730),
            ("America/Sao_Paulo", "2017-01-01", 900),
            ("Asia/Beirut", "2019-01-01", 1500),
            ("Africa/Cairo", "2023-01-01", 900),
            ("America/Havana", "2024-01-01", 730),
            ("America/Santiago", "2024-01-01", 730),
            ("Australia/Lord_Howe", "2025-01-01", 730),
            ("America/St_Johns", "2005-01-01", 2400),
            ("Antarctica/Casey", "2009-01-01", 5800),
            ("Antarctica/Troll", "2025-01-01", 400),
            ("Pacific/Apia", "2011-01-01", 730),
            ("Pacific/Kwajalein", "1993-01-01", 365),
            ("Pacific/Chatham", "2025-01-01", 400),
            ("Africa/Casablanca", "2024-01-01", 730),
            ("Asia/Pyongyang", "2015-01-01", 1400),
            ("America/Caracas", "2007-01-01", 3700),
            ("Asia/Kathmandu", "1985-12-01", 60),
        ] {
            partitions(name, from, days);
        }
    }

    #[test]
    fn days_of_every_zone_partition_recent_years() {
        for zone in chrono_tz::TZ_VARIANTS {
            partitions(zone.name(), "2025-12-20", 400);
        }
    }

    #[test]
    fn no_offset_changes_twice_within_a_step() {
        for tz in chrono_tz::TZ_VARIANTS {
            let zone = zone(tz.name());
            for day in day("1990-01-01")..day("2040-01-01") {
                let start = midnight(day);
                if zone.offset_seconds(start) == zone.offset_seconds(start + DAY) {
                    continue;
                }
                let changes: Vec<Micros> = (-48..96)
                    .map(|half| start + half * HOUR / 2)
                    .filter(|&t| zone.offset_seconds(t) != zone.offset_seconds(t + HOUR / 2))
                    .collect();
                for pair in changes.windows(2) {
                    assert!(pair[1] - pair[0] > STEP + HOUR, "{tz} {day}");
                }
            }
        }
    }

    #[test]
    fn days_are_as_long_as_their_clock() {
        assert_eq!(hours("Europe/Berlin", "2026-03-29"), 23.0);
        assert_eq!(hours("Europe/Berlin", "2026-10-25"), 25.0);
        assert_eq!(hours("Europe/Berlin", "2026-10-26"), 24.0);
        assert_eq!(hours("Australia/Lord_Howe", "2026-04-05"), 24.5);
        // Forward at midnight: the day begins at 01:00.
        assert_eq!(hours("America/Sao_Paulo", "2018-11-04"), 23.0);
        assert_eq!(
            zone("America/Sao_Paulo").day_span(day("2018-11-04")).0,
            at("2018-11-04 03:00")
        );
    }

    #[test]
    fn a_clock_put_back_at_midnight_makes_one_long_day() {
        for (name, date) in [
            ("America/Sao_Paulo", "2018-02-17"),
            ("Asia/Beirut", "2024-10-26"),
            ("Africa/Cairo", "2024-10-31"),
        ] {
            let zone = zone(name);
            assert_eq!(zone.day_pieces(day(date)).len(), 1, "{name}");
            assert_eq!(hours(name, date), 25.0, "{name}");
            assert_eq!(zone.day_span(day(date)).1, zone.day_span(day(date) + 1).0);
        }
    }

    #[test]
    fn a_clock_put_back_after_midnight_makes_two_pieces() {
        // St. John's went from 00:01 back to 23:01: one minute of the 7th, then the 6th again.
        let zone = zone("America/St_Johns");
        let (sixth, seventh) = (day("2010-11-06"), day("2010-11-07"));
        assert_eq!(
            zone.day_pieces(sixth),
            [
                (at("2010-11-06 02:30"), at("2010-11-07 02:30")),
                (at("2010-11-07 02:31"), at("2010-11-07 03:30")),
            ]
        );
        assert_eq!(
            zone.day_pieces(seventh),
            [
                (at("2010-11-07 02:30"), at("2010-11-07 02:31")),
                (at("2010-11-07 03:30"), at("2010-11-08 03:30")),
            ]
        );
        assert_eq!(
            zone.day_span(sixth),
            (at("2010-11-06 02:30"), at("2010-11-07 03:30"))
        );
        assert_eq!(zone.local_day(at("2010-11-07 02:30")), seventh);
        assert_eq!(zone.local_day(at("2010-11-07 02:31")), sixth);
    }

    #[test]
    fn skipped_dates_are_empty() {
        let apia = zone("Pacific/Apia");
        let jump = at("2011-12-30 10:00");
        assert_eq!(apia.day_span(day("2011-12-30")), (jump, jump));
        assert!(apia.day_pieces(day("2011-12-30")).is_empty());
        assert_eq!(apia.day_span(day("2011-12-29")).1, jump);
        assert_eq!(apia.day_span(day("2011-12-31")).0, jump);
        let kwajalein = zone("Pacific/Kwajalein");
        let (start, end) = kwajalein.day_span(day("1993-08-21"));
        assert_eq!(start, end);
        assert_eq!(start, at("1993-08-21 12:00"));
    }

    #[test]
    fn a_missing_local_time_moves_to_the_next_instant() {
        let berlin = zone("Europe/Berlin");
        for later in [false, true] {
            assert_eq!(
                berlin.instant_of_local(at("2026-03-29 02:30"), later),
                at("2026-03-29 01:00")
            );
            assert_eq!(
                zone("Pacific/Apia").instant_of_local(at("2011-12-30 09:00"), later),
                at("2011-12-30 10:00")
            );
            assert_eq!(
                zone("America/Sao_Paulo").instant_of_local(at("2018-11-04 00:00"), later),
                at("2018-11-04 03:00")
            );
        }
    }

    #[test]
    fn an_ambiguous_local_time_is_picked() {
        let berlin = zone("Europe/Berlin");
        let local = at("2026-10-25 02:30");
        assert_eq!(
            berlin.instant_of_local(local, false),
            at("2026-10-25 00:30")
        );
        assert_eq!(berlin.instant_of_local(local, true), at("2026-10-25 01:30"));
        let local = at("2026-10-25 03:00");
        assert_eq!(
            berlin.instant_of_local(local, false),
            at("2026-10-25 02:00")
        );
        assert_eq!(berlin.instant_of_local(local, true), at("2026-10-25 02:00"));
    }

    #[test]
    fn local_times_agree_with_the_zone_library() {
        for name in [
            "Europe/London",
            "America/St_Johns",
            "Pacific/Apia",
            "Asia/Gaza",
        ] {
            let zone = zone(name);
            let tz: Tz = name.parse().unwrap();
            let mut local = at("2010-01-01 00:00");
            while local < at("2012-06-01 00:00") {
                let naive = DateTime::from_timestamp_micros(local).unwrap().naive_utc();
                let found = tz.from_local_datetime(&naive);
                let earlier = found.earliest().map(|t| t.timestamp_micros());
                let later = found.latest().map(|t| t.timestamp_micros());
                if let (Some(earlier), Some(later)) = (earlier, later) {
                    assert_eq!(
                        zone.instant_of_local(local, false),
                        earlier,
                        "{name} {naive}"
                    );
                    assert_eq!(zone.instant_of_local(local, true), later, "{name} {naive}");
                } else {
                    let instant = zone.instant_of_local(local, false);
                    assert!(zone.local_micros(instant) > local, "{name} {naive}");
                    assert!(zone.local_micros(instant - 1) < local, "{name} {naive}");
                }
                local += HOUR / 4;
            }
        }
    }

    #[test]
    fn extreme_values_do_not_panic() {
        for name in ["UTC", "UTC+14", "Asia/Tokyo"] {
            let zone = zone(name);
            for instant in [i64::MIN, i64::MAX, 0] {
                zone.local_day(instant);
                zone.instant_of_local(instant, true);
            }
            for day in [i32::MIN, i32::MAX] {
                zone.day_span(day);
                zone.day_pieces(day);
            }
        }
    }

    #[test]
    fn reads_offsets_in_their_shortest_form() {
        let names = ZoneNames::default();
        for (typed, name, seconds) in [
            ("UTC", "UTC", 0),
            ("utc", "UTC", 0),
            ("UTC+0", "UTC", 0),
            ("UTC-00:00", "UTC", 0),
            ("UTC-5", "UTC-5", -18_000),
            ("UTC+05:30", "UTC+5:30", 19_800),
            (" utc-9:30 ", "UTC-9:30", -34_200),
            ("UTC+14", "UTC+14", 50_400),
        ] {
            let zone = names.parse(typed).unwrap();
            assert_eq!(zone.name(), name, "{typed}");
            assert_eq!(zone.offset_seconds(0), seconds, "{typed}");
        }
        for wrong in [
            "",
            "UTC+",
            "UTC5",
            "UTC+15",
            "UTC+14:01",
            "UTC+5:60",
            "UTC+5:",
            "UTC+-5",
            "UTC+123",
            "UTC+5:300",
            "UTC 5",
            "Üüü",
            "Mars/Base",
        ] {
            assert_eq!(names.parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_stay_as_given_and_windows_names_are_translated() {
        let names = ZoneNames::new([("W. Europe Standard Time", "Europe/Berlin")]);
        assert_eq!(names.parse("US/Central").unwrap().name(), "US/Central");
        assert_eq!(names.parse("us/central").unwrap().name(), "US/Central");
        assert_eq!(
            names.parse("europe/BERLIN").unwrap().name(),
            "Europe/Berlin"
        );
        let zone = names.parse("w. europe standard time").unwrap();
        assert_eq!(zone.name(), "Europe/Berlin");
        assert_eq!(zone.offset_seconds(at("2026-07-01 00:00")), 7200);
    }
}
