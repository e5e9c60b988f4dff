//! Instants, dates and wall clocks as text.

use chrono::{DateTime, NaiveDate, SecondsFormat};

use crate::clock::Micros;

/// An instant in RFC 3339, in UTC: `2026-03-02T08:00:00Z`.
pub fn instant_text(instant: Micros) -> String {
    DateTime::from_timestamp_micros(instant).map_or_else(
        || instant.to_string(),
        |utc| utc.to_rfc3339_opts(SecondsFormat::AutoSi, true),
    )
}

/// A date: `2026-03-02`.
pub fn date_text(day: i32) -> String {
    NaiveDate::default()
        .checked_add_signed(chrono::TimeDelta::days(i64::from(day)))
        .map_or_else(|| day.to_string(), |date| date.to_string())
}

/// A wall clock's date and time: `2026-03-02T09:00:00`.
pub fn clock_text(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros).map_or_else(
        || micros.to_string(),
        |clock| clock.format("%Y-%m-%dT%H:%M:%S%.f").to_string(),
    )
}

/// Days since 1970-01-01 of a date as people type it.
pub fn parse_date(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        assert_eq!(parse_date("1970-01-02"), Some(1));
        assert_eq!(date_text(1), "1970-01-02");
        assert_eq!(parse_date("2026-02-29"), None);
        assert_eq!(parse_date("today"), None);
        assert_eq!(instant_text(1_500_000), "1970-01-01T00:00:01.500Z");
        assert_eq!(clock_text(90_000_000), "1970-01-01T00:01:30");
    }
}
