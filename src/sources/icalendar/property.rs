//! One property line as typed values.
//!
//! A line in, calcard's reading of it out, each line on its own so that a bad one cannot spoil
//! another and its number is known. Values are checked here: calcard keeps what it cannot read as
//! text, and reads a time that does not exist.

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendarDuration, ICalendarEntry, ICalendarParameterName, ICalendarPeriod, ICalendarProperty,
    ICalendarValue,
};
use calcard::{Entry, Parser};
use chrono::{NaiveDate, NaiveTime};

use super::lines::Line;
use super::recurrence::WallSeconds;
use super::zones::zone_name;

/// A property.
#[derive(Debug)]
pub(super) struct Property {
    pub line: u64,
    entry: ICalendarEntry,
    raw: String,
}

/// A date or a time as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stamp {
    Date(NaiveDate),
    Time { wall: WallSeconds, zone: StampZone },
}

/// The zone a time is written in.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum StampZone {
    Floating,
    /// Seconds east of UTC; `Z` is 0.
    Fixed(i64),
    Named(String),
}

/// How long: whole days on the wall clock, then seconds that pass.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Length {
    pub days: i64,
    pub seconds: i64,
}

/// An entry of `RDATE`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Period {
    Until { start: Stamp, end: Stamp },
    For { start: Stamp, length: Length },
}

/// Why a property is no good; a stable word.
pub(super) type Reason = &'static str;

impl Property {
    /// Reads a line.
    ///
    /// # Errors
    /// `not_utf8`, `nul_byte`, `bad_line`.
    pub fn read(line: &Line<'_>) -> Result<Property, Reason> {
        let text = std::str::from_utf8(&line.bytes).map_err(|_| "not_utf8")?;
        if text.contains('\0') {
            return Err("nul_byte");
        }
        let component = format!("BEGIN:VEVENT\r\n{text}\r\nEND:VEVENT\r\n");
        let Entry::ICalendar(mut calendar) = Parser::new(&component).entry() else {
            return Err("bad_line");
        };
        let entry = calendar
            .components
            .first_mut()
            .and_then(|component| component.entries.pop())
            .ok_or("bad_line")?;
        Ok(Property {
            line: line.number,
            entry,
            raw: text
                .get(value_at(text)..)
                .unwrap_or_default()
                .trim()
                .to_owned(),
        })
    }

    pub fn name(&self) -> &ICalendarProperty {
        &self.entry.name
    }

    /// The value as written.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The first value as text, unescaped; empty when there is none.
    pub fn text(&self) -> &str {
        self.entry
            .values
            .first()
            .and_then(ICalendarValue::as_text)
            .unwrap_or_default()
    }

    /// A parameter's first value.
    pub fn parameter(&self, name: &ICalendarParameterName) -> Option<&str> {
        self.entry
            .parameters(name)
            .find_map(|value| value.as_text())
    }

    /// Whether `RANGE=THISANDFUTURE` stands here.
    pub fn is_this_and_future(&self) -> bool {
        self.entry
            .parameters(&ICalendarParameterName::Range)
            .next()
            .is_some()
    }

    /// The dates or times of a value, never none.
    pub fn stamps(&self) -> Result<Vec<Stamp>, Reason> {
        let mut stamps = Vec::with_capacity(self.entry.values.len());
        for value in &self.entry.values {
            let ICalendarValue::PartialDateTime(partial) = value else {
                return Err("bad_time");
            };
            stamps.push(self.stamp(partial)?);
        }
        if stamps.is_empty() {
            return Err("bad_time");
        }
        Ok(stamps)
    }

    /// The one date or time of a value.
    pub fn one_stamp(&self) -> Result<Stamp, Reason> {
        self.stamps()?.into_iter().next().ok_or("bad_time")
    }

    /// Dates, times and periods of an `RDATE`; a plain start has no length of its own.
    pub fn periods(&self) -> Result<(Vec<Stamp>, Vec<Period>), Reason> {
        let (mut stamps, mut periods) = (Vec::new(), Vec::new());
        for value in &self.entry.values {
            match value {
                ICalendarValue::PartialDateTime(partial) => stamps.push(self.stamp(partial)?),
                ICalendarValue::Period(ICalendarPeriod::Range { start, end }) => {
                    periods.push(Period::Until {
                        start: self.stamp(start)?,
                        end: self.stamp(end)?,
                    });
                }
                ICalendarValue::Period(ICalendarPeriod::Duration { start, duration }) => {
                    periods.push(Period::For {
                        start: self.stamp(start)?,
                        length: length(duration)?,
                    });
                }
                _ => return Err("bad_time"),
            }
        }
        Ok((stamps, periods))
    }

    /// The value of `DURATION`.
    pub fn length(&self) -> Result<Length, Reason> {
        match self.entry.values.first() {
            Some(ICalendarValue::Duration(duration)) => length(duration),
            _ => Err("bad_duration"),
        }
    }

    fn stamp(&self, partial: &PartialDateTime) -> Result<Stamp, Reason> {
        let of = || {
            let date = NaiveDate::from_ymd_opt(
                i32::from(partial.year?),
                u32::from(partial.month?),
                u32::from(partial.day?),
            )?;
            let Some(hour) = partial.hour else {
                return Some(Stamp::Date(date));
            };
            let time = NaiveTime::from_hms_opt(
                u32::from(hour),
                u32::from(partial.minute?),
                // A leap second is the second before it.
                u32::from(
                    partial
                        .second?
                        .min(if partial.second == Some(60) { 59 } else { 99 }),
                ),
            )?;
            let zone = match (partial.tz_hour, zone_name(self)) {
                (Some(hours), _) => {
                    let seconds =
                        i64::from(hours) * 3_600 + i64::from(partial.tz_minute.unwrap_or(0)) * 60;
                    StampZone::Fixed(if partial.tz_minus { -seconds } else { seconds })
                }
                (None, Some(name)) => StampZone::Named(name),
                (None, None) => StampZone::Floating,
            };
            Some(Stamp::Time {
                wall: date.and_time(time).and_utc().timestamp(),
                zone,
            })
        };
        of().ok_or("bad_time")
    }
}

/// Where the value of a line begins: after the first colon outside quotes.
fn value_at(text: &str) -> usize {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b':' if !quoted => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn length(duration: &ICalendarDuration) -> Result<Length, Reason> {
    if duration.neg {
        return Err("negative");
    }
    Ok(Length {
        days: i64::from(duration.weeks) * 7 + i64::from(duration.days),
        seconds: i64::from(duration.hours) * 3_600
            + i64::from(duration.minutes) * 60
            + i64::from(duration.seconds),
    })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn property(text: &str) -> Property {
        Property::read(&Line {
            number: 1,
            bytes: Cow::Borrowed(text.as_bytes()),
        })
        .unwrap()
    }

    #[test]
    fn times_keep_how_they_were_written() {
        let wall = 1_767_258_000;
        for (text, want) in [
            ("DTSTART:20260101T090000", StampZone::Floating),
            ("DTSTART:20260101T090000Z", StampZone::Fixed(0)),
            (
                "dtstart;tzid=\"(UTC-05:00) Eastern Time (US & Canada)\":20260101T090000",
                StampZone::Named("(UTC-05:00) Eastern Time (US & Canada)".into()),
            ),
            (
                "DTSTART;TZID=Europe/Berlin;VALUE=DATE-TIME:20260101T090000",
                StampZone::Named("Europe/Berlin".into()),
            ),
            // A time in UTC has no other zone, whatever stands beside it.
            (
                "DTSTART;TZID=Europe/Berlin:20260101T090000Z",
                StampZone::Fixed(0),
            ),
        ] {
            let want = Stamp::Time { wall, zone: want };
            assert_eq!(property(text).one_stamp(), Ok(want), "{text}");
        }
        let date = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        for text in ["DTSTART;VALUE=DATE:20260101", "DTSTART:20260101"] {
            assert_eq!(property(text).one_stamp(), Ok(Stamp::Date(date)), "{text}");
        }
    }

    #[test]
    fn times_that_are_none_are_told() {
        for text in [
            "DTSTART:",
            "DTSTART:tomorrow",
            "DTSTART:20260230T090000",
            "DTSTART:20260101T250000",
            "DTSTART:20260101T096100Z",
            "DTSTART;VALUE=DATE:2026",
        ] {
            assert_eq!(property(text).one_stamp(), Err("bad_time"), "{text}");
        }
    }

    #[test]
    fn periods_and_durations_are_read() {
        let (stamps, periods) = property(
            "RDATE;VALUE=PERIOD:20260101T090000Z/20260101T100000Z,20260102T090000Z/PT1H30M",
        )
        .periods()
        .unwrap();
        assert!(stamps.is_empty());
        assert!(matches!(periods[0], Period::Until { .. }));
        let Period::For { length, .. } = &periods[1] else {
            panic!("{periods:?}")
        };
        assert_eq!((length.days, length.seconds), (0, 5_400));
        let week = property("DURATION:P1WT2M").length().unwrap();
        assert_eq!((week.days, week.seconds), (7, 120));
        assert_eq!(property("DURATION:-PT1H").length(), Err("negative"));
        assert_eq!(property("DURATION:soon").length(), Err("bad_duration"));
    }

    #[test]
    fn texts_are_unescaped_and_addresses_are_whole() {
        assert_eq!(
            property(r"SUMMARY:a\, b\; c\n\\d:e").text(),
            "a, b; c\n\\d:e"
        );
        let attendee = property(
            "ATTENDEE;CN=\"Doe, J: x\";ROLE=opt-participant;PARTSTAT=Accepted:mailto:j@example.com",
        );
        assert_eq!(attendee.raw(), "mailto:j@example.com");
        let role = ICalendarParameterName::Role;
        assert_eq!(attendee.parameter(&role), Some("OPT-PARTICIPANT"));
        let answer = ICalendarParameterName::Partstat;
        assert_eq!(attendee.parameter(&answer), Some("ACCEPTED"));
    }
}
