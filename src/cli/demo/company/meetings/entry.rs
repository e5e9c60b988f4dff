//! One calendar entry as lines of the normal form (`inputs.md` §4): a copy in everybody's calendar.
//!
//! All words are free of characters that JSON escapes, so nothing is escaped here.

use std::fmt::Write;
use std::io;

use super::super::day::Sink;
use super::super::line::{DAY_MS, push_date, push_instant};
use super::super::person::Person;

/// When an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Instants in milliseconds since 1970-01-01T00:00:00Z.
    Timed { start_ms: i64, end_ms: i64 },
    /// Whole days since 1970-01-01; the end is exclusive.
    Days { start: i32, end: i32 },
}

impl When {
    /// The start; of whole days, their midnight in UTC.
    pub fn start_ms(self) -> i64 {
        match self {
            When::Timed { start_ms, .. } => start_ms,
            When::Days { start, .. } => i64::from(start) * DAY_MS,
        }
    }
}

/// Somebody or something invited.
#[derive(Clone)]
pub(super) struct Guest<'a> {
    pub address: String,
    /// Whose calendar holds a copy; none for outsiders, rooms and lists.
    pub person: Option<&'a Person>,
    pub response: &'static str,
    /// `person`, `resource` or `group`.
    pub kind: &'static str,
    pub optional: bool,
}

/// An entry as all of its copies say it, in words of the normal form.
pub(super) struct Entry<'a> {
    pub event_id: String,
    pub series_id: Option<String>,
    /// None for private ones and in companies without titles.
    pub title: Option<String>,
    pub private: bool,
    pub when: When,
    pub status: &'static str,
    pub show_as: &'static str,
    pub kind: &'static str,
    pub organizer: Guest<'a>,
    /// Without the organiser.
    pub guests: Vec<Guest<'a>>,
    /// More calendars with a copy than those of organiser and guests: members of a list that was
    /// invited, and what they answered.
    pub readers: Vec<(&'a Person, &'static str)>,
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl<'a> Entry<'a> {
    /// Hands every copy to `sink`, using `buffer` for the lines. Gives how many there were.
    pub fn write(&self, buffer: &mut String, sink: Sink<'_>) -> io::Result<u64> {
        let invited = std::iter::once(&self.organizer).chain(&self.guests);
        let copies: Vec<(&'a Person, &'static str)> = invited
            .filter_map(|guest| Some((guest.person?, guest.response)))
            .chain(self.readers.iter().copied())
            .collect();
        for (owner, response) in &copies {
            buffer.clear();
            self.write_copy(owner, response, buffer);
            sink(buffer)?;
        }
        Ok(copies.len() as u64)
    }

    fn write_copy(&self, owner: &Person, response: &str, out: &mut String) {
        // Writing to a text cannot fail.
        let _ = write!(
            out,
            r#"{{"instance":"{}","uid":{},"event_id":"{}""#,
            super::calendar_of(owner),
            owner.uid(),
            self.event_id
        );
        if let Some(series) = &self.series_id {
            let _ = write!(out, r#","series_id":"{series}""#);
        }
        if let Some(title) = self.title.as_ref().filter(|_| !self.private) {
            let _ = write!(out, r#","title":"{title}""#);
        }
        let _ = write!(out, r#","private":{},"start":""#, self.private);
        match self.when {
            When::Timed { start_ms, end_ms } => {
                push_instant(out, start_ms);
                out.push_str(r#"","end":""#);
                push_instant(out, end_ms);
            }
            When::Days { start, end } => {
                push_date(out, i64::from(start));
                out.push_str(r#"","end":""#);
                push_date(out, i64::from(end));
            }
        }
        let organizer = &self.organizer;
        let _ = write!(
            out,
            r#"","status":"{}","show_as":"{}","kind":"{}","organizer":{{"email":"{}","response":"{}"}},"own_response":"{response}","attendees":["#,
            self.status, self.show_as, self.kind, organizer.address, organizer.response
        );
        // An entry without guests has no list of them, not even its owner.
        let first = (!self.guests.is_empty()).then_some(organizer);
        for (place, guest) in first.into_iter().chain(&self.guests).enumerate() {
            if place > 0 {
                out.push(',');
            }
            let _ = write!(
                out,
                r#"{{"email":"{}","response":"{}","kind":"{}","optional":{}}}"#,
                guest.address, guest.response, guest.kind, guest.optional
            );
        }
        out.push_str(r#"],"created":""#);
        push_instant(out, self.created_ms);
        out.push_str(r#"","updated":""#);
        push_instant(out, self.updated_ms);
        out.push_str(r#""}"#);
    }
}
