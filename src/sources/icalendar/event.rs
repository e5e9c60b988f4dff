//! One `VEVENT` as checked values.
//!
//! A component in, an [`Event`] out, or [`Broken`]: what is wrong with it and on which line. When a
//! changed occurrence is broken its place in the series is told, so that the unchanged one does not
//! stand in for it.

use calcard::icalendar::ICalendarProperty;
use chrono::NaiveDate;
use xxhash_rust::xxh3::xxh3_64;

use super::lines::{Component, Line};
use super::people::{attendee, email_of};
use super::property::{Length, Period, Property, Reason, Stamp, StampZone};
use super::recurrence::WallSeconds;
use super::rule::Rule;
use super::zones::{EventZone, Zones};
use crate::clock::Micros;
use crate::sources::meeting::{Attendee, EventKind, Meeting, Organizer, ShowAs, Span, Status};
use crate::sources::record::{Reject, shorten};

/// An event or a changed occurrence of one.
#[derive(Debug)]
pub(super) struct Event {
    pub uid: String,
    /// The occurrence this one replaces.
    pub replaces: Option<When>,
    /// Whether it replaces all later ones too.
    pub this_and_future: bool,
    /// Of two with the same name, the greater holds: `SEQUENCE`, then when it was last changed.
    pub version: (i64, Micros),
    pub start: When,
    pub extent: Extent,
    /// Where the event itself ends, when its `DTEND` says so.
    end: Option<Micros>,
    pub rules: Vec<(u64, Rule)>,
    pub excluded_rules: Vec<(u64, Rule)>,
    pub extra: Vec<(When, Option<Extent>)>,
    pub excluded: Vec<When>,
    /// Everything but id and span.
    pub facts: Meeting,
}

/// When something is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum When {
    /// Days since 1970-01-01.
    Date(i32),
    Time {
        wall: WallSeconds,
        zone: EventZone,
    },
}

/// How long an occurrence takes.
///
/// Of an event that says when it ends, every further occurrence lasts as long, in time that passes
/// (RFC 5545 §3.8.5.3): as long as its own two wall clocks are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Extent {
    Days(i32),
    Length(Length),
}

/// A component that cannot be used.
#[derive(Debug)]
pub(super) struct Broken {
    pub reject: Reject,
    pub uid: String,
    pub replaces: Option<When>,
}

/// What is wrong: line, field, reason, value.
type Wrong = (u64, String, Reason, String);

const DAY_SECONDS: i64 = 86_400;

impl When {
    /// The wall clock: of a date, its midnight.
    pub fn wall(&self) -> WallSeconds {
        match self {
            When::Date(day) => i64::from(*day) * DAY_SECONDS,
            When::Time { wall, .. } => *wall,
        }
    }

    /// Later by this many seconds on the wall clock.
    pub fn moved(&self, seconds: i64) -> When {
        match self {
            When::Date(day) => {
                let days = i32::try_from(seconds.div_euclid(DAY_SECONDS)).unwrap_or(0);
                When::Date(day.saturating_add(days))
            }
            When::Time { wall, zone } => When::Time {
                wall: wall.saturating_add(seconds),
                zone: zone.clone(),
            },
        }
    }

    /// From here to the end of an extent.
    pub fn span(&self, extent: Extent) -> Span {
        let (wall, zone) = match self {
            When::Date(day) => {
                let days = match extent {
                    Extent::Days(days) => days,
                    _ => 1,
                };
                return Span::Dates {
                    start: *day,
                    end: day.saturating_add(days.max(1)),
                };
            }
            When::Time { wall, zone } => (*wall, zone),
        };
        let start = zone.instant(wall);
        let end = match extent {
            Extent::Days(days) => zone.instant(wall.saturating_add(i64::from(days) * DAY_SECONDS)),
            Extent::Length(length) => {
                let whole = length.days.saturating_mul(DAY_SECONDS);
                // Without days nothing is asked of the wall clock.
                let begin = if whole == 0 {
                    start
                } else {
                    zone.instant(wall.saturating_add(whole))
                };
                begin.saturating_add(length.seconds.saturating_mul(1_000_000))
            }
        };
        Span::Instants {
            start,
            end: end.max(start),
        }
    }
}

impl Extent {
    /// At most this many seconds on the wall clock, for how far before a window to look.
    pub fn reach_seconds(self) -> i64 {
        match self {
            Extent::Days(days) => i64::from(days) * DAY_SECONDS,
            Extent::Length(length) => length
                .days
                .saturating_mul(DAY_SECONDS)
                .saturating_add(length.seconds),
        }
    }
}

impl Event {
    /// When the event itself is.
    pub fn own_span(&self) -> Span {
        match (self.start.span(self.extent), self.end) {
            (Span::Instants { start, .. }, Some(end)) => Span::Instants {
                start,
                end: end.max(start),
            },
            (span, _) => span,
        }
    }

    /// Reads a component. `owner` are the calendar owner's addresses, in comparable form.
    pub fn read(
        component: &Component<'_>,
        zones: &Zones,
        owner: &[String],
        cancelled: bool,
    ) -> Result<Event, Box<Broken>> {
        let mut draft = Draft::default();
        let mut wrong: Option<Wrong> = component
            .fault
            .map(|fault| (component.line, String::new(), fault, String::new()));
        for line in &component.lines {
            if let Err((field, reason, value)) = draft.take(line) {
                wrong.get_or_insert((line.number, field, reason, value));
            }
        }
        let uid = draft.uid.clone().unwrap_or_else(|| draft.made_uid());
        let replaces = draft
            .replaces
            .as_ref()
            .and_then(|property| when(property, zones).ok());
        let made = match wrong {
            Some(wrong) => Err(wrong),
            None => draft.event(component.line, uid.clone(), zones, owner, cancelled),
        };
        made.map_err(|(line, field, reason, value)| {
            Box::new(Broken {
                reject: Reject {
                    line,
                    field,
                    reason,
                    value: shorten(&value),
                },
                uid,
                replaces,
            })
        })
    }
}

/// What was read of a component so far.
#[derive(Default)]
struct Draft {
    uid: Option<String>,
    /// Of the lines that tell one event from another, for an event without a `UID`.
    identity: Vec<u8>,
    replaces: Option<Property>,
    start: Option<Property>,
    end: Option<Property>,
    duration: Option<Property>,
    rules: Vec<(u64, Rule)>,
    excluded_rules: Vec<(u64, Rule)>,
    extra: Vec<Property>,
    excluded: Vec<Property>,
    title: Option<String>,
    status: Option<String>,
    class: Option<String>,
    transparency: Option<String>,
    busy_status: Option<String>,
    organizer: Option<Property>,
    attendees: Vec<Property>,
    created: Option<Micros>,
    stamped: Option<Micros>,
    modified: Option<Micros>,
    sequence: i64,
}

impl Draft {
    fn take(&mut self, line: &Line<'_>) -> Result<(), (String, Reason, String)> {
        let property = Property::read(line).map_err(|reason| {
            let name: String = String::from_utf8_lossy(&line.bytes)
                .chars()
                .take_while(|c| !matches!(c, ':' | ';'))
                .collect();
            (name.to_ascii_uppercase(), reason, String::new())
        })?;
        let name = property.name().as_str().to_ascii_uppercase();
        let twice = || (name.clone(), "duplicate_field", String::new());
        let once = |slot: &mut Option<Property>, property| match slot.replace(property) {
            None => Ok(()),
            Some(_) => Err(twice()),
        };
        if matches!(
            property.name(),
            ICalendarProperty::Dtstart
                | ICalendarProperty::Dtend
                | ICalendarProperty::Duration
                | ICalendarProperty::Rrule
                | ICalendarProperty::Summary
        ) {
            self.identity.extend_from_slice(&line.bytes);
            self.identity.push(b'\n');
        }
        match property.name() {
            ICalendarProperty::Uid => {
                let uid = property.text().trim();
                self.uid = (!uid.is_empty()).then(|| uid.to_owned());
            }
            ICalendarProperty::RecurrenceId => once(&mut self.replaces, property)?,
            ICalendarProperty::Dtstart => once(&mut self.start, property)?,
            ICalendarProperty::Dtend => once(&mut self.end, property)?,
            ICalendarProperty::Duration => once(&mut self.duration, property)?,
            ICalendarProperty::Rrule | ICalendarProperty::Exrule => {
                let rule = Rule::parse(property.raw())
                    .ok_or_else(|| (name.clone(), "bad_rule", property.raw().to_owned()))?;
                if *property.name() == ICalendarProperty::Rrule {
                    self.rules.push((property.line, rule));
                } else {
                    self.excluded_rules.push((property.line, rule));
                }
            }
            ICalendarProperty::Rdate => self.extra.push(property),
            // Some makers write an empty one.
            ICalendarProperty::Exdate if property.raw().is_empty() => {}
            ICalendarProperty::Exdate => self.excluded.push(property),
            ICalendarProperty::Summary => self.title = Some(property.text().to_owned()),
            ICalendarProperty::Status => self.status = Some(word(&property)),
            ICalendarProperty::Class => self.class = Some(word(&property)),
            ICalendarProperty::Transp => self.transparency = Some(word(&property)),
            ICalendarProperty::Organizer => self.organizer = Some(property),
            ICalendarProperty::Attendee => self.attendees.push(property),
            ICalendarProperty::Created => self.created = utc(&property),
            ICalendarProperty::Dtstamp => self.stamped = utc(&property),
            ICalendarProperty::LastModified => self.modified = utc(&property),
            ICalendarProperty::Sequence => self.sequence = property.raw().parse().unwrap_or(0),
            _ if name == "X-MICROSOFT-CDO-BUSYSTATUS" => self.busy_status = Some(word(&property)),
            _ => {}
        }
        Ok(())
    }

    /// A name for an event that has none: the same as long as it says the same.
    fn made_uid(&self) -> String {
        format!("no-uid-{:016x}", xxh3_64(&self.identity))
    }

    fn event(
        self,
        line: u64,
        uid: String,
        zones: &Zones,
        owner: &[String],
        cancelled: bool,
    ) -> Result<Event, Wrong> {
        let this_and_future = self
            .replaces
            .as_ref()
            .is_some_and(Property::is_this_and_future);
        let start = match (&self.start, &self.replaces) {
            (Some(property), _) | (None, Some(property)) => when(property, zones)?,
            (None, None) => return Err((line, "DTSTART".into(), "missing", String::new())),
        };
        let replaces = match &self.replaces {
            None => None,
            Some(property) => {
                let stamp = property
                    .one_stamp()
                    .map_err(|reason| wrong(property, reason))?;
                Some(like(&stamp, &start, zones, property)?)
            }
        };
        let (extent, end) = self.extent(&start, zones)?;
        let mut extra = Vec::new();
        for property in &self.extra {
            extra.extend(extras(property, &start, zones)?);
        }
        let mut excluded = Vec::new();
        for property in &self.excluded {
            let stamps = property
                .stamps()
                .map_err(|reason| wrong(property, reason))?;
            for stamp in &stamps {
                excluded.push(like(stamp, &start, zones, property)?);
            }
        }
        let changed = self.modified.or(self.stamped);
        Ok(Event {
            uid,
            replaces,
            this_and_future,
            version: (self.sequence, changed.unwrap_or(Micros::MIN)),
            start,
            extent,
            end,
            facts: self.facts(owner, changed, cancelled),
            rules: self.rules,
            excluded_rules: self.excluded_rules,
            extra,
            excluded,
        })
    }

    /// How long occurrences take, and where the event itself ends.
    fn extent(&self, start: &When, zones: &Zones) -> Result<(Extent, Option<Micros>), Wrong> {
        if let Some(property) = &self.end {
            let end = when(property, zones)?;
            let told = |reason| Err(wrong(property, reason));
            return match (start, &end) {
                (When::Date(first), When::Date(after)) if after >= first => {
                    // Some makers write the day itself as its end.
                    Ok((Extent::Days((after - first).max(1)), None))
                }
                (When::Date(_), When::Date(_)) => told("negative"),
                (When::Time { .. }, When::Time { .. }) => match between(start, &end) {
                    Some((length, end)) => Ok((Extent::Length(length), Some(end))),
                    None => told("negative"),
                },
                _ => told("contradiction"),
            };
        }
        if let Some(property) = &self.duration {
            let length = property
                .length()
                .map_err(|reason| wrong(property, reason))?;
            let extent = match start {
                When::Date(_) => {
                    let days = length.days + (length.seconds + DAY_SECONDS - 1) / DAY_SECONDS;
                    Extent::Days(i32::try_from(days.max(1)).unwrap_or(i32::MAX))
                }
                When::Time { .. } => Extent::Length(length),
            };
            return Ok((extent, None));
        }
        let extent = match start {
            When::Date(_) => Extent::Days(1),
            When::Time { .. } => Extent::Length(Length::default()),
        };
        Ok((extent, None))
    }

    fn facts(&self, owner: &[String], updated: Option<Micros>, cancelled: bool) -> Meeting {
        let mut attendees: Vec<Attendee> = Vec::new();
        for property in &self.attendees {
            if let Some(attendee) = attendee(property) {
                attendees.push(attendee);
            }
        }
        let answer = |email: &str| {
            attendees
                .iter()
                .find(|attendee| attendee.email == email)
                .and_then(|attendee| attendee.response)
        };
        let organizer = self
            .organizer
            .as_ref()
            .and_then(email_of)
            .map(|email| Organizer {
                response: answer(&email),
                email,
            });
        let own_response = owner.iter().find_map(|email| answer(email));
        let status = match self.status.as_deref() {
            _ if cancelled => Status::Cancelled,
            Some("CANCELLED") => Status::Cancelled,
            Some("TENTATIVE") => Status::Tentative,
            _ => Status::Confirmed,
        };
        let show_as = match self.busy_status.as_deref() {
            Some("OOF") => ShowAs::OutOfOffice,
            Some(text) if ShowAs::of(text).is_some() => ShowAs::of(text).unwrap_or(ShowAs::Busy),
            _ if self.transparency.as_deref() == Some("TRANSPARENT") => ShowAs::Free,
            _ => ShowAs::Busy,
        };
        Meeting {
            title: self.title.clone(),
            // A class that is not known is private (RFC 5545 §3.8.1.3).
            private: !matches!(self.class.as_deref(), None | Some("" | "PUBLIC")),
            status,
            show_as,
            kind: EventKind::Default,
            organizer,
            own_response,
            attendees,
            created: self.created,
            updated,
            ..Meeting::gone(String::new(), status)
        }
        .blank_when_private()
    }
}

fn wrong(property: &Property, reason: Reason) -> Wrong {
    (
        property.line,
        property.name().as_str().to_ascii_uppercase(),
        reason,
        property.raw().to_owned(),
    )
}

fn word(property: &Property) -> String {
    property.raw().to_ascii_uppercase()
}

/// Times of bookkeeping are in UTC; anything else is no harm.
fn utc(property: &Property) -> Option<Micros> {
    match property.one_stamp().ok()? {
        Stamp::Time { wall, zone } => {
            let offset = match zone {
                StampZone::Fixed(offset) => offset,
                _ => 0,
            };
            Some((wall - offset) * 1_000_000)
        }
        Stamp::Date(_) => None,
    }
}

fn day(date: NaiveDate) -> i32 {
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).unwrap_or(0)
}

fn placed(stamp: &Stamp, zones: &Zones, property: &Property) -> Result<When, Wrong> {
    match stamp {
        Stamp::Date(date) => Ok(When::Date(day(*date))),
        Stamp::Time { wall, zone } => match zones.of(zone) {
            Some(zone) => Ok(When::Time { wall: *wall, zone }),
            None => {
                let (line, field, _, _) = wrong(property, "");
                let name = match zone {
                    StampZone::Named(name) => name.clone(),
                    _ => String::new(),
                };
                Err((line, field, "unknown_zone", name))
            }
        },
    }
}

fn when(property: &Property, zones: &Zones) -> Result<When, Wrong> {
    let stamp = property
        .one_stamp()
        .map_err(|reason| wrong(property, reason))?;
    placed(&stamp, zones, property)
}

/// A time beside a start: without a zone of its own it is in the start's.
fn like(stamp: &Stamp, start: &When, zones: &Zones, property: &Property) -> Result<When, Wrong> {
    match (stamp, start) {
        (
            Stamp::Time {
                wall,
                zone: StampZone::Floating,
            },
            When::Time { zone, .. },
        ) => Ok(When::Time {
            wall: *wall,
            zone: zone.clone(),
        }),
        _ => placed(stamp, zones, property),
    }
}

/// How long it is from one time to another, and the instant of the other; `None` when that is
/// before. In one zone the wall clocks tell, so that an event made on the night of a change lasts
/// on other nights as long as it says.
fn between(start: &When, end: &When) -> Option<(Length, Micros)> {
    let (
        When::Time { wall, zone },
        When::Time {
            wall: end_wall,
            zone: end_zone,
        },
    ) = (start, end)
    else {
        return None;
    };
    let end = end_zone.instant(*end_wall);
    let micros = end.saturating_sub(zone.instant(*wall));
    let seconds = if zone == end_zone && end_wall >= wall {
        end_wall.saturating_sub(*wall)
    } else {
        micros / 1_000_000
    };
    (micros >= 0 || seconds > 0).then_some((Length { days: 0, seconds }, end))
}

/// The starts and lengths of an `RDATE`.
fn extras(
    property: &Property,
    start: &When,
    zones: &Zones,
) -> Result<Vec<(When, Option<Extent>)>, Wrong> {
    let (stamps, periods) = property
        .periods()
        .map_err(|reason| wrong(property, reason))?;
    let mut found = Vec::new();
    for stamp in &stamps {
        found.push((like(stamp, start, zones, property)?, None));
    }
    for period in &periods {
        match period {
            Period::Until { start: from, end } => {
                let from = like(from, start, zones, property)?;
                let end = like(end, start, zones, property)?;
                let Some((length, _)) = between(&from, &end) else {
                    return Err(wrong(property, "negative"));
                };
                found.push((from, Some(Extent::Length(length))));
            }
            Period::For {
                start: from,
                length,
            } => found.push((
                like(from, start, zones, property)?,
                Some(Extent::Length(*length)),
            )),
        }
    }
    Ok(found)
}
