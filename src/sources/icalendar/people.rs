//! Who an event is with.
//!
//! A property in, an address or an attendee in the normal form out. Whoever has no address cannot
//! be told from others and is left out.

use calcard::icalendar::ICalendarParameterName;

use super::property::Property;
use crate::sources::meeting::{Attendee, AttendeeKind, Response, address};

/// The address a property is about: its value, or the `EMAIL` beside one that is none.
pub(super) fn email_of(property: &Property) -> Option<String> {
    address(property.raw()).or_else(|| address(property.parameter(&ICalendarParameterName::Email)?))
}

/// An `ATTENDEE`.
pub(super) fn attendee(property: &Property) -> Option<Attendee> {
    let role = property.parameter(&ICalendarParameterName::Role);
    let kind = match property.parameter(&ICalendarParameterName::Cutype) {
        Some("ROOM" | "RESOURCE") => AttendeeKind::Resource,
        Some("GROUP") => AttendeeKind::Group,
        // Told about it only: as little a participant as a room.
        _ if role == Some("NON-PARTICIPANT") => AttendeeKind::Resource,
        _ => AttendeeKind::Person,
    };
    let response = match property.parameter(&ICalendarParameterName::Partstat) {
        Some("ACCEPTED" | "COMPLETED" | "IN-PROCESS") => Response::Accepted,
        // Who sends somebody else does not come.
        Some("DECLINED" | "DELEGATED") => Response::Declined,
        Some("TENTATIVE") => Response::Tentative,
        _ => Response::NeedsAction,
    };
    Some(Attendee {
        email: email_of(property)?,
        response: Some(response),
        kind,
        optional: role == Some("OPT-PARTICIPANT"),
    })
}
