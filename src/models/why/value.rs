//! A value of `daily_user_summary`, explained or stored, so that the two can be compared.
//!
//! In flow: Arrow cells. Out flow: text for people, JSON for programs. Equality is exact: nothing
//! here rounds.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};

use super::super::Error;
use super::clock::{clock_text, date_text};

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Null,
    Integer(i64),
    /// In billionths.
    Decimal(i128),
    Truth(bool),
    Text(String),
    /// Days since 1970-01-01.
    Date(i32),
    /// What a wall clock shows: microseconds since 1970-01-01T00:00:00 on it.
    Clock(i64),
}

/// Billionths in one.
const BILLION: i128 = 1_000_000_000;

impl Value {
    /// A number of hours as the views keep it.
    pub fn hours(hours: f64) -> Value {
        Value::Decimal((hours * BILLION as f64).round() as i128)
    }

    /// An integer, or nothing.
    pub fn integer_or_null(number: Option<i64>) -> Value {
        number.map_or(Value::Null, Value::Integer)
    }

    /// A cell.
    ///
    /// # Errors
    /// [`Error::Engine`] for a type that `daily_user_summary` has no column of.
    pub fn of(array: &ArrayRef, row: usize) -> Result<Value, Error> {
        if array.is_null(row) {
            return Ok(Value::Null);
        }
        Ok(match array.data_type() {
            DataType::Int64 => Value::Integer(array.as_primitive::<Int64Type>().value(row)),
            DataType::Decimal128(_, 9) => {
                Value::Decimal(array.as_primitive::<Decimal128Type>().value(row))
            }
            DataType::Boolean => Value::Truth(array.as_boolean().value(row)),
            DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_owned()),
            DataType::Date32 => Value::Date(array.as_primitive::<Date32Type>().value(row)),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Value::Clock(array.as_primitive::<TimestampMicrosecondType>().value(row))
            }
            other => return Err(Error::Engine(format!("no value is a {other}"))),
        })
    }

    /// For programs: numbers as numbers, dates and clocks as ISO 8601 text.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Integer(number) => (*number).into(),
            Value::Decimal(billionths) => (*billionths as f64 / BILLION as f64).into(),
            Value::Truth(truth) => (*truth).into(),
            Value::Text(text) => text.clone().into(),
            Value::Date(_) | Value::Clock(_) => self.to_string().into(),
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Integer(number) => number.fmt(f),
            Value::Decimal(billionths) => {
                let (whole, part) = (billionths / BILLION, (billionths % BILLION).abs());
                let part = format!("{part:09}");
                match part.trim_end_matches('0') {
                    "" => whole.fmt(f),
                    part => write!(f, "{whole}.{part}"),
                }
            }
            Value::Truth(truth) => truth.fmt(f),
            Value::Text(text) => f.write_str(text),
            Value::Date(day) => f.write_str(&date_text(*day)),
            Value::Clock(micros) => f.write_str(&clock_text(*micros)),
        }
    }
}

/// What a column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    /// Activities, breaks, sessions, shifts, days.
    Count,
    /// Minutes of the local clock since midnight.
    Minutes,
    Hours,
    /// No number.
    None,
}

impl Unit {
    /// Of a column of `daily_user_summary`, by its name.
    pub fn of(column: &str) -> Unit {
        match column {
            "user_productivity_goal" | "user_focus_goal" => Unit::Hours,
            name if name.ends_with("_minutes_in_day") => Unit::Minutes,
            name if name.contains("_duration_seconds") => Unit::Seconds,
            name if name.ends_with("_count") => Unit::Count,
            _ => Unit::None,
        }
    }

    /// Its name in the JSON document; none without a unit.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Unit::Seconds => Some("seconds"),
            Unit::Count => Some("count"),
            Unit::Minutes => Some("minutes"),
            Unit::Hours => Some("hours"),
            Unit::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_shown_without_idle_zeros() {
        assert_eq!(Value::hours(6.0).to_string(), "6");
        assert_eq!(Value::hours(7.25).to_string(), "7.25");
        assert_eq!(Value::Decimal(1).to_string(), "0.000000001");
        assert_eq!(Value::hours(6.5).json(), serde_json::json!(6.5));
        assert_ne!(Value::Integer(0), Value::Null);
    }

    #[test]
    fn units_follow_names() {
        assert_eq!(Unit::of("break_duration_seconds"), Unit::Seconds);
        assert_eq!(
            Unit::of("productive_active_duration_seconds_in_schedule"),
            Unit::Seconds
        );
        assert_eq!(Unit::of("break_count"), Unit::Count);
        assert_eq!(Unit::of("utilization_level"), Unit::None);
    }
}
