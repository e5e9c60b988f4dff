//! Instants as inputs write them: RFC 3339, a date-time without offset (UTC), or an epoch number
//! whose magnitude says its unit.
//!
//! Pure and total: any text gives an instant or nothing. `inputs.md` §1 is the source of the rules.

use crate::clock::Micros;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// 9999-01-01T00:00:00Z: the first instant that is refused, so that arithmetic on dates later on
/// (a week, a zone's offset) cannot leave the four-digit years.
const END: Micros = 253_370_764_800 * SECOND;

/// The instant, if it lies in the years 1970..=9998.
pub(super) fn in_range(instant: i128) -> Option<Micros> {
    if (0..i128::from(END)).contains(&instant) {
        i64::try_from(instant).ok()
    } else {
        None
    }
}

/// An epoch number: below 1e11 seconds, below 1e14 milliseconds, else microseconds.
pub(super) fn epoch_int(number: i64) -> Option<Micros> {
    let unit = match number.unsigned_abs() {
        0..100_000_000_000 => 1_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000,
        _ => 1,
    };
    in_range(i128::from(number) * unit)
}

/// As [`epoch_int`], to the nearest microsecond.
pub(super) fn epoch_float(number: f64) -> Option<Micros> {
    if !number.is_finite() {
        return None;
    }
    let unit = match number.abs() {
        size if size < 1e11 => 1e6,
        size if size < 1e14 => 1e3,
        _ => 1.0,
    };
    let micros = (number * unit).round();
    // Saturating is right: what does not fit is out of range anyway.
    in_range(micros as i128)
}

/// RFC 3339, or the same with a blank for `T`, without an offset (UTC), with an offset without
/// colon, or with ` UTC` for it. A fraction is cut at microseconds; second 60 is the next minute.
pub(super) fn parse(text: &str) -> Option<Micros> {
    let bytes = text.as_bytes();
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, sep, rest @ ..] = bytes else {
        return None;
    };
    let [h0, h1, b':', n0, n1, b':', s0, s1, rest @ ..] = rest else {
        return None;
    };
    if !matches!(sep, b'T' | b't' | b' ') {
        return None;
    }
    let year = two(*y0, *y1)? * 100 + two(*y2, *y3)?;
    let (month, day) = (two(*m0, *m1)?, two(*d0, *d1)?);
    let (hour, minute, second) = (two(*h0, *h1)?, two(*n0, *n1)?, two(*s0, *s1)?);
    if !(1..=12).contains(&month) || day < 1 || day > month_days(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, rest) = fraction(rest)?;
    let offset_sec = offset(rest)?;
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    in_range(i128::from((seconds - offset_sec) * SECOND + fraction))
}

/// Days since the epoch of an instant's UTC date.
pub(super) fn utc_day(instant: Micros) -> i32 {
    i32::try_from(instant.div_euclid(DAY)).unwrap_or(i32::MAX)
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    if tens.is_ascii_digit() && ones.is_ascii_digit() {
        Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    } else {
        None
    }
}

/// Microseconds of `.fff…`, and what follows.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".") else {
        return Some((0, rest));
    };
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = digits.split_at_checked(count)?;
    if digits.is_empty() {
        return None;
    }
    let mut micros = 0;
    for place in 0..6 {
        let digit = digits.get(place).map_or(0, |b| i64::from(b - b'0'));
        micros = micros * 10 + digit;
    }
    Some((micros, rest))
}

/// Seconds east of UTC.
fn offset(rest: &[u8]) -> Option<i64> {
    let (sign, h0, h1, m0, m1) = match rest {
        [] | [b'Z' | b'z'] | b" UTC" | b" utc" | b" Z" => return Some(0),
        [sign, h0, h1, b':', m0, m1] | [b' ', sign, h0, h1, b':', m0, m1] => (sign, h0, h1, m0, m1),
        [sign, h0, h1, m0, m1] => (sign, h0, h1, m0, m1),
        // PostgreSQL and DuckDB print whole hours so.
        [sign, h0, h1] => (sign, h0, h1, &b'0', &b'0'),
        _ => return None,
    };
    let (hours, minutes) = (two(*h0, *h1)?, two(*m0, *m1)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    match sign {
        b'+' => Some(hours * 3600 + minutes * 60),
        b'-' => Some(-(hours * 3600 + minutes * 60)),
        _ => None,
    }
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, by counting years that
/// begin in March, so that the leap day is a year's last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year, shifted) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * shifted + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chrono_says(text: &str) -> i64 {
        chrono::DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp_micros()
    }

    #[test]
    fn agrees_with_chrono() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2000-02-29T23:59:59.999999Z",
            "2026-01-02T03:04:05.5+01:00",
            "2026-12-31T23:30:00-11:30",
            "2100-03-01T00:00:00Z",
            "9998-12-31T23:59:59Z",
        ] {
            assert_eq!(parse(text), Some(chrono_says(text)), "{text}");
        }
        for day in 0..40_000 {
            let date = chrono::DateTime::from_timestamp(day * 86_400, 0).unwrap();
            let text = date.format("%Y-%m-%dT%H:%M:%SZ").to_string();
            assert_eq!(parse(&text), Some(day * DAY), "{text}");
        }
    }

    #[test]
    fn other_spellings_of_one_instant() {
        let wanted = Some(chrono_says("2026-01-02T03:04:05.120Z"));
        for text in [
            "2026-01-02 03:04:05.12",
            "2026-01-02T03:04:05.1200009",
            "2026-01-02 03:04:05.12 UTC",
            "2026-01-02 03:04:05.12+00",
            "2026-01-02t05:04:05.12+0200",
            "2026-01-02 05:04:05.12 +02:00",
        ] {
            assert_eq!(parse(text), wanted, "{text}");
        }
        assert_eq!(parse("2016-12-31T23:59:60Z"), parse("2017-01-01T00:00:00Z"));
    }

    #[test]
    fn refuses_what_is_no_instant() {
        for text in [
            "",
            "2026-01-02",
            "2026-1-2T03:04:05Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:04Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05+25:00",
            "2026-01-02T03:04:05 CET",
            "02/01/2026 03:04:05",
            "1969-12-31T23:59:59Z",
            "9999-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "２026-01-02T03:04:05Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn magnitude_is_the_unit() {
        let wanted = Some(1_767_323_045 * SECOND);
        assert_eq!(epoch_int(1_767_323_045), wanted);
        assert_eq!(epoch_int(1_767_323_045_000), wanted);
        assert_eq!(epoch_int(1_767_323_045_000_000), wanted);
        assert_eq!(epoch_float(1_767_323_045.0), wanted);
        assert_eq!(
            epoch_float(1_767_323_045.25),
            Some(1_767_323_045 * SECOND + 250_000)
        );
        assert_eq!(epoch_int(99_999_999_999), Some(99_999_999_999 * SECOND));
        assert_eq!(epoch_int(100_000_000_000), Some(100_000_000_000_000));
        assert_eq!(epoch_int(-1), None);
        assert_eq!(epoch_int(i64::MIN), None);
        assert_eq!(epoch_int(i64::MAX), None);
        assert_eq!(epoch_float(f64::NAN), None);
        assert_eq!(epoch_float(f64::INFINITY), None);
        assert_eq!(epoch_float(1e300), None);
    }
}
