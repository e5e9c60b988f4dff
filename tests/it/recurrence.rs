//! Calendars laid out: our own cases, other people's vectors where they stand beside the project,
//! and a second implementation over generated series.

mod cases;
mod peer;
mod vectors;

use std::path::PathBuf;

use activlake::sources::icalendar::{Expanded, Options, expand};
use activlake::sources::meeting::{Meeting, Span};
use activlake::zone::ZoneNames;
use chrono::{DateTime, NaiveDateTime};

/// An instant written as `20260101T090000`, UTC.
pub fn micros(text: &str) -> i64 {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S")
        .unwrap_or_else(|_| panic!("{text}"))
        .and_utc()
        .timestamp_micros()
}

/// Options for a window and a zone of floating times.
pub fn options(from: &str, to: &str, zone: &str) -> Options {
    Options {
        from: micros(from),
        to: micros(to),
        owner: vec!["Owner@Example.com".into()],
        zone: ZoneNames::default().parse(zone).unwrap(),
        max_events: 100_000,
        max_bytes: 1 << 20,
        max_nesting: 16,
    }
}

/// Lines as an iCalendar text.
pub fn calendar(lines: &str) -> String {
    let mut text = String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tests//EN\r\n");
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("END:VCALENDAR\r\n");
    text
}

pub fn laid_out(text: &str, options: &Options) -> Expanded {
    expand(text.as_bytes(), options).unwrap_or_else(|fault| panic!("{fault}\n{text}"))
}

/// `20260101T090000` of an instant, `20260101` of a date.
pub fn start_of(meeting: &Meeting) -> String {
    match meeting.span {
        Some(Span::Instants { start, .. }) => shown(start),
        Some(Span::Dates { start, .. }) => date(start),
        None => "-".into(),
    }
}

/// Start and end, `20260101T090000/20260101T093000`.
pub fn span_of(meeting: &Meeting) -> String {
    match meeting.span {
        Some(Span::Instants { start, end }) => format!("{}/{}", shown(start), shown(end)),
        Some(Span::Dates { start, end }) => format!("{}/{}", date(start), date(end)),
        None => "-".into(),
    }
}

fn shown(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .unwrap()
        .format("%Y%m%dT%H%M%S")
        .to_string()
}

fn date(day: i32) -> String {
    DateTime::from_timestamp(i64::from(day) * 86_400, 0)
        .unwrap()
        .format("%Y%m%d")
        .to_string()
}

/// Where other people's data stands, when it does; `None` is said aloud.
pub fn shared_data(test: &str, file: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ACTIVLAKE_SHARED_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")),
        PathBuf::from,
    );
    let path = folder.join(file);
    if path.is_file() {
        return Some(path);
    }
    use std::io::Write;
    // Not captured, so that it is seen.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED {test}: {file} does not stand beside the project (ACTIVLAKE_SHARED_DATA)"
    );
    None
}
