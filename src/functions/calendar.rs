//! Dates: names of days and weeks that start where the account says (`semantics.md` §2).

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveBuilder, StringArray};
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Date32Type, Int64Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::documentation::{LOCAL_TIME, page};
use super::{Arguments, scalar};

/// Monday first.
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Days after Monday of a date (days since 1970-01-01, a Thursday).
pub fn weekday(day: i32) -> i32 {
    (day.rem_euclid(7) + 3) % 7
}

/// English name of a date's weekday.
pub fn name_of_day(day: i32) -> &'static str {
    DAYS.get(weekday(day) as usize).copied().unwrap_or("Monday")
}

/// Days after Monday of an English name, any case.
fn number_of_name(name: &str) -> Option<i32> {
    DAYS.iter()
        .position(|day| day.eq_ignore_ascii_case(name.trim()))
        .map(|index| index as i32)
}

/// Latest day on or before `day` that is `first` days after Monday.
pub fn start_of_week(day: i32, first: i32) -> i32 {
    day - (weekday(day) - first).rem_euclid(7)
}

/// How many week starts the year has had up to and including `day` (0..53).
pub fn number_of_week(day: i32, first: i32) -> i64 {
    use chrono::Datelike;
    let ordinal = Date32Type::to_naive_date_opt(day).map_or(0, |date| date.ordinal0() as i32);
    let new_year = day - ordinal;
    let start = start_of_week(day, first);
    if start < new_year {
        0
    } else {
        i64::from((start - new_year) / 7 + 1)
    }
}

/// A function of a date and of the day that weeks start with (days after Monday).
fn weeks<T: ArrowPrimitiveType>(
    name: &'static str,
    documentation: Documentation,
    of: fn(i32, i32) -> T::Native,
) -> ScalarUDF {
    scalar(
        name,
        documentation,
        Arguments::WithConstants(|given| match given {
            [_, _] => Ok(vec![DataType::Date32, DataType::Utf8]),
            _ => plan_err!("it takes a date and a day's name"),
        }),
        T::DATA_TYPE,
        move |args| {
            let [dates, first] = args else {
                return exec_err!("{name} takes a date and a day's name");
            };
            let dates = dates.as_primitive::<Date32Type>();
            let firsts = first
                .as_string::<i32>()
                .iter()
                .map(|name| match name.map(number_of_name) {
                    None => Ok(None),
                    Some(Some(number)) => Ok(Some(number)),
                    Some(None) => {
                        let name = name.unwrap_or_default();
                        exec_err!("'{name}' is no day of the week")
                    }
                })
                .collect::<Result<Vec<_>>>()?;
            // A constant stands in one row for all.
            let rows = match firsts.len() {
                1 => dates.len(),
                many => many,
            };
            let place = |length: usize, row: usize| if length == 1 { 0 } else { row };
            let mut out = PrimitiveBuilder::<T>::with_capacity(rows);
            for row in 0..rows {
                let at = place(dates.len(), row);
                let day = dates.is_valid(at).then(|| dates.value(at));
                let first = firsts.get(place(firsts.len(), row)).copied().flatten();
                out.append_option(day.zip(first).map(|(day, first)| of(day, first)));
            }
            Ok(Arc::new(out.finish()) as ArrayRef)
        },
    )
}

/// `day_name(date)`: `Monday` … `Sunday`.
pub fn day_name() -> ScalarUDF {
    scalar(
        "day_name",
        page(
            LOCAL_TIME,
            "day_name(date)",
            "English name of a date's weekday, `Monday` to `Sunday`.",
            &[("date", "a date")],
            "select day_name(date '2026-03-02') as day_name",
        ),
        Arguments::Exactly(vec![DataType::Date32]),
        DataType::Utf8,
        |args| {
            let [dates] = args else {
                return exec_err!("day_name takes a date");
            };
            let dates = dates.as_primitive::<Date32Type>();
            Ok(Arc::new(
                dates
                    .iter()
                    .map(|day| day.map(name_of_day))
                    .collect::<StringArray>(),
            ))
        },
    )
}

/// `week_start(date, first_day)`: latest such weekday on or before the date.
pub fn week_start() -> ScalarUDF {
    weeks::<Date32Type>(
        "week_start",
        page(
            LOCAL_TIME,
            "week_start(date, first_day)",
            "The date on which the date's week starts: the latest such weekday on or before it.",
            &[
                ("date", "a date"),
                (
                    "first_day",
                    "English name of the day a week starts with, in any case; another name is an error",
                ),
            ],
            "select week_start(date '2026-03-04', 'sunday') as sunday,\n  \
             week_start(date '2026-03-04', 'Monday') as monday",
        ),
        start_of_week,
    )
}

/// `week_of_year(date, first_day)`: see [`number_of_week`].
pub fn week_of_year() -> ScalarUDF {
    weeks::<Int64Type>(
        "week_of_year",
        page(
            LOCAL_TIME,
            "week_of_year(date, first_day)",
            "How many weeks have started in the year up to and including this date, 0 to \
             53. The days before the first such weekday are in week 0; this is not the \
             ISO week.",
            &[
                ("date", "a date"),
                (
                    "first_day",
                    "English name of the day a week starts with, in any case; another name is an error",
                ),
            ],
            "select day, week_of_year(day, 'sunday') as week_of_year\n\
             from (values (date '2026-01-03'), (date '2026-01-04'), (date '2026-12-31')) as days(day)",
        ),
        number_of_week,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    fn day(text: &str) -> i32 {
        Date32Type::from_naive_date(text.parse::<NaiveDate>().unwrap())
    }

    #[test]
    fn weeks_start_where_told() {
        // 2026-01-01 is a Thursday.
        assert_eq!(name_of_day(day("2026-01-01")), "Thursday");
        assert_eq!(start_of_week(day("2026-01-01"), 6), day("2025-12-28"));
        assert_eq!(number_of_week(day("2026-01-01"), 6), 0);
        assert_eq!(number_of_week(day("2026-01-03"), 6), 0);
        assert_eq!(number_of_week(day("2026-01-04"), 6), 1);
        assert_eq!(number_of_week(day("2026-12-31"), 6), 52);
        // A leap year that starts on the first weekday has 53.
        assert_eq!(number_of_week(day("2028-12-31"), 5), 53);
        assert_eq!(number_of_week(day("2028-01-01"), 5), 1);
        assert_eq!(name_of_day(-1), "Wednesday");
    }
}
