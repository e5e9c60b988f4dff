//! Days and weeks as numbers: what recurrence rules are counted in.
//!
//! Pure arithmetic on the common calendar; what lies beyond its ends is its end, never a panic.

use chrono::{Datelike, NaiveDate, Weekday};

use super::recurrence::WallSeconds;

/// Seconds of a day on a wall clock.
pub(super) const DAY_SECONDS: i64 = 86_400;
/// Days from 0001-01-01 (day 1 of the common era) to 1970-01-01.
const EPOCH_CE_DAYS: i32 = 719_163;

pub(super) fn at(day: i32, second_of_day: i64) -> WallSeconds {
    i64::from(day) * DAY_SECONDS + second_of_day
}

pub(super) fn day_of(seconds: WallSeconds) -> i32 {
    i32::try_from(seconds.div_euclid(DAY_SECONDS)).unwrap_or(i32::MAX)
}

/// The date of a day; the first or last date there is for what lies beyond.
pub(super) fn date_of(day: i32) -> NaiveDate {
    day.checked_add(EPOCH_CE_DAYS)
        .and_then(NaiveDate::from_num_days_from_ce_opt)
        .unwrap_or(if day < 0 {
            NaiveDate::MIN
        } else {
            NaiveDate::MAX
        })
}

pub(super) fn weekday_of(day: i32) -> Weekday {
    date_of(day).weekday()
}

pub(super) fn days_of(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_CE_DAYS
}

pub(super) fn first_of_year(year: i32) -> i32 {
    NaiveDate::from_ymd_opt(year, 1, 1).map_or(i32::MAX, days_of)
}

/// A month as days, `[first, end)`.
pub(super) fn month_span(year: i32, month: i32) -> (i32, i32) {
    let first = |year: i32, month: i32| {
        u32::try_from(month)
            .ok()
            .and_then(|month| NaiveDate::from_ymd_opt(year, month, 1))
            .map_or(i32::MAX, days_of)
    };
    let end = if month == 12 {
        first(year + 1, 1)
    } else {
        first(year, month + 1)
    };
    (first(year, month), end)
}

/// The first day of the week a day is in.
pub(super) fn week_begin(day: i32, week_start: Weekday) -> i32 {
    let past = (7 + weekday_of(day).num_days_from_monday() - week_start.num_days_from_monday()) % 7;
    day.saturating_sub(i32::try_from(past).unwrap_or(0))
}

/// The first day of week 1: the first week with four days in the year.
pub(super) fn week_one(year: i32, week_start: Weekday) -> i32 {
    week_begin(first_of_year(year).saturating_add(3), week_start)
}

/// The year whose weeks a day is counted in.
pub(super) fn week_year(day: i32, week_start: Weekday) -> i32 {
    let year = date_of(day).year();
    if day < week_one(year, week_start) {
        year - 1
    } else if day >= week_one(year + 1, week_start) {
        year + 1
    } else {
        year
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u32, day: u32) -> i32 {
        days_of(NaiveDate::from_ymd_opt(year, month, day).unwrap())
    }

    #[test]
    fn weeks_are_counted_from_the_first_with_four_days() {
        assert_eq!(week_one(2026, Weekday::Mon), day(2025, 12, 29));
        assert_eq!(week_one(2027, Weekday::Mon), day(2027, 1, 4));
        assert_eq!(week_one(2027, Weekday::Sun), day(2027, 1, 3));
        assert_eq!(week_year(day(2025, 12, 29), Weekday::Mon), 2026);
        assert_eq!(week_year(day(2027, 1, 3), Weekday::Mon), 2026);
        assert_eq!(week_year(day(2027, 1, 4), Weekday::Mon), 2027);
    }

    #[test]
    fn months_and_years_are_as_long_as_they_are() {
        assert_eq!(day(1970, 1, 1), 0);
        let length = |year, month| {
            let (first, end) = month_span(year, month);
            end - first
        };
        assert_eq!(
            (length(2024, 2), length(2100, 2), length(2026, 12)),
            (29, 28, 31)
        );
        assert_eq!(first_of_year(2025) - first_of_year(2024), 366);
        for extreme in [i32::MIN, i32::MAX] {
            date_of(extreme);
            weekday_of(extreme);
        }
    }
}
