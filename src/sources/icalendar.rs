//! iCalendar (RFC 5545): a feed, a file or one resource of a CalDAV collection, as the occurrences
//! that overlap a window.
//!
//! Bytes in; [`Meeting`]s and rejects out. Properties and makers' zone names are read by `calcard`;
//! the layout of series is our own (see `recurrence`). Never: a zone is guessed, a bad event takes
//! others with it, a text cut short is taken for one that holds less, a description is looked at,
//! more is laid out than the bounds allow.
//!
//! ```text
//! lines → property → event (people) ┐
//!              zones ───────────────┴→ series (rule, recurrence, days) → meetings in the window
//! ```

mod days;
mod event;
mod lines;
mod people;
mod property;
mod recurrence;
mod rule;
mod series;
mod zones;

use event::Event;
use property::Property;
use recurrence::Budget;
use series::AllSeries;
use zones::Zones;

use super::Reject;
use super::meeting::{Meeting, address};
use crate::clock::Micros;
use crate::zone::Zone;

/// Steps that all rules of a text may take together.
const STEPS_MAX: u64 = 50_000_000;

/// What a reader needs to know besides the bytes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The window, microseconds UTC: `from` inclusive, `to` exclusive.
    pub from: Micros,
    pub to: Micros,
    /// The calendar owner's addresses, as given.
    pub owner: Vec<String>,
    /// The zone of floating times, and of dates where they meet the window.
    pub zone: Zone,
    /// Most occurrences in the window.
    pub max_events: usize,
    pub max_bytes: usize,
    /// Most components within one another.
    pub max_nesting: usize,
}

/// What a text holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expanded {
    /// Occurrences that overlap the window. An id comes once.
    pub meetings: Vec<Meeting>,
    /// Components left out, each alone, with the line of what is wrong. Reasons: `unclosed`,
    /// `too_deep`, `not_utf8`, `nul_byte`, `bad_line`, `duplicate_field`, `missing`, `bad_time`,
    /// `bad_duration`, `negative` (ends before it begins), `contradiction` (a date against a time),
    /// `unknown_zone`, `bad_rule`, `rule_too_long`.
    pub rejects: Vec<Reject>,
    /// The `UID`s of such components; `*` for one that has none: of these nothing is known to be
    /// absent.
    pub unreadable: Vec<String>,
}

/// Why a text as a whole says nothing about a calendar: nothing may be concluded from what is
/// missing in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("not a calendar: there is no BEGIN:VCALENDAR")]
    NotACalendar,
    #[error("the calendar is cut short: there is no END:VCALENDAR")]
    CutShort,
    #[error("the calendar has more than {0} bytes (max_body_bytes)")]
    TooManyBytes(usize),
    #[error("the calendar has more than {0} occurrences in the window (max_events)")]
    TooManyEvents(usize),
}

/// Reads a text and lays its events out in the window.
///
/// An occurrence's id is its `UID`; of a series, with `/` and the original start in UTC
/// (`20260105T080000Z`, of dates `20260105`): the same at every reading, wherever it is moved.
///
/// # Errors
/// [`Fault`].
pub fn expand(bytes: &[u8], options: &Options) -> Result<Expanded, Fault> {
    if bytes.len() > options.max_bytes {
        return Err(Fault::TooManyBytes(options.max_bytes));
    }
    let owner: Vec<String> = options
        .owner
        .iter()
        .filter_map(|text| address(text))
        .collect();
    let mut budget = Budget::new(STEPS_MAX);
    let mut expanded = Expanded::default();
    let mut all = AllSeries::default();
    for calendar in lines::read(bytes, options.max_nesting)? {
        let zones = Zones::read(&options.zone, &calendar.zones, options.to, &mut budget);
        let says = |name: &str, part: &str| {
            calendar
                .lines
                .iter()
                .filter_map(|line| Property::read(line).ok())
                .any(|property| {
                    property.name().as_str().eq_ignore_ascii_case(name)
                        && property.raw().to_ascii_uppercase().contains(part)
                })
        };
        let cancelled = says("METHOD", "CANCEL");
        let microsoft = says("PRODID", "MICROSOFT");
        for component in &calendar.events {
            match Event::read(component, &zones, &owner, cancelled) {
                Ok(event) => {
                    let series = all.of(&event.uid);
                    series.microsoft |= microsoft;
                    series.add(event);
                }
                Err(broken) => {
                    expanded.unreadable.push(match broken.uid.as_str() {
                        "" => "*".to_owned(),
                        uid => uid.to_owned(),
                    });
                    if let Some(replaced) = broken.replaces {
                        all.of(&broken.uid).unreadable.push(replaced);
                    }
                    expanded.rejects.push(broken.reject);
                }
            }
        }
    }
    for (uid, series) in all.into_all() {
        let rejects = expanded.rejects.len();
        series.lay_out(
            options,
            &mut budget,
            &mut expanded.meetings,
            &mut expanded.rejects,
        )?;
        if expanded.rejects.len() > rejects {
            expanded.unreadable.push(uid);
        }
    }
    Ok(expanded)
}
