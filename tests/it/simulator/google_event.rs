//! An event as Google's Calendar API writes it.
//! https://developers.google.com/workspace/calendar/api/v3/reference/events#resource

use activlake::sources::meeting::{AttendeeKind, EventKind, Response, ShowAs};
use chrono::DateTime;
use serde_json::{Value, json};

use super::truth::{Entry, Person, State, Truth, When, date_text, instant_text};

/// `date` for whole days, which have no zone; else `dateTime` with an offset and the zone's name.
fn when(when: When, is_start: bool, zone: &str) -> Value {
    match when {
        When::Days(start, end) => json!({ "date": date_text(if is_start { start } else { end }) }),
        When::Instants(start, end) => {
            let tz: chrono_tz::Tz = zone.parse().expect("checked before");
            let instant = DateTime::from_timestamp(if is_start { start } else { end }, 0)
                .unwrap()
                .with_timezone(&tz);
            json!({
                "dateTime": instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                "timeZone": zone,
            })
        }
    }
}

/// A stamp with milliseconds, as `updated` has it.
fn stamp(seconds: i64) -> String {
    instant_text(seconds).replace('Z', ".000Z")
}

fn participant(person: &Person, email: &str) -> Value {
    let mut one = json!({ "email": email });
    if person.is(email) {
        one["self"] = true.into();
    }
    one
}

/// An entry with its details, or (`hidden`) only when it is.
pub(super) fn event(
    person: &Person,
    entry: &Entry,
    zone: &str,
    hidden: bool,
    in_living_series: bool,
) -> Value {
    let event = &entry.event;
    let status = match (entry.state, event.tentative) {
        (State::Live, false) => "confirmed",
        (State::Live, true) => "tentative",
        _ => "cancelled",
    };
    let mut body = json!({
        "kind": "calendar#event",
        "etag": format!("\"{}\"", entry.version),
        "id": event.id,
        "status": status,
        "htmlLink": format!("https://calendar.test/event?eid={}", event.id),
        "created": stamp(event.created.unwrap_or(0)),
        "updated": stamp(Truth::stamp(entry.version)),
        "start": when(event.when, true, zone),
        "end": when(event.when, false, zone),
        "iCalUID": event.uid,
        "sequence": entry.version,
        "eventType": match event.kind {
            EventKind::Other => "notYetInvented",
            kind => kind.word(),
        },
    });
    if let (Some(series), true) = (&event.series, in_living_series) {
        body["recurringEventId"] = series.clone().into();
        body["originalStartTime"] = when(event.original, true, zone);
    }
    // "opaque" is the default and mostly absent.
    if event.show_as == ShowAs::Free {
        body["transparency"] = "transparent".into();
    }
    if hidden {
        body["visibility"] = "private".into();
        return body;
    }
    if event.private {
        body["visibility"] = "private".into();
    }
    body["summary"] = event.title.clone().into();
    body["reminders"] = json!({ "useDefault": true });
    let organizer = event.organizer.as_deref().unwrap_or(&person.principal);
    body["organizer"] = participant(person, organizer);
    body["creator"] = participant(person, organizer);
    if event.online {
        let link = "https://meet.test/abc-defg-hij";
        body["hangoutLink"] = link.into();
        body["conferenceData"] = json!({
            "entryPoints": [{ "entryPointType": "video", "uri": link }],
            "conferenceSolution": { "key": { "type": "hangoutsMeet" } },
            "conferenceId": "abc-defg-hij",
        });
    }
    if event.kind == EventKind::WorkingLocation {
        body["workingLocationProperties"] = json!({ "type": "homeOffice", "homeOffice": {} });
    }
    // A solo event has no attendees; else the organiser is one of them, and so is whoever looks.
    if !event.attendees.is_empty() || !person.is(organizer) {
        let mut attendees = Vec::new();
        let mut first = participant(person, organizer);
        first["organizer"] = true.into();
        first["responseStatus"] = Response::Accepted.word().into();
        attendees.push(first);
        for invited in &event.attendees {
            let mut one = participant(person, &invited.email);
            one["responseStatus"] = invited.response.word().into();
            if invited.optional {
                one["optional"] = true.into();
            }
            if invited.kind == AttendeeKind::Resource {
                one["resource"] = true.into();
            }
            attendees.push(one);
        }
        if !attendees.iter().any(|one| one["self"] == true) {
            let mut own = participant(person, &person.principal);
            own["responseStatus"] = Response::NeedsAction.word().into();
            attendees.push(own);
        }
        body["attendees"] = attendees.into();
    }
    body
}

/// The series itself, which is what is listed where single events are not asked for.
pub(super) fn master(person: &Person, entry: &Entry, zone: &str) -> Value {
    let mut body = event(person, entry, zone, false, false);
    body["id"] = entry.event.series.clone().into();
    body["recurrence"] = json!(["RRULE:FREQ=WEEKLY"]);
    body
}

/// What is left of a cancelled entry. A cancelled exception of a living series is guaranteed to
/// have id, recurringEventId and originalStartTime; any other only its id (same page, status).
pub(super) fn tombstone(entry: &Entry, zone: &str, in_living_series: bool) -> Value {
    let event = &entry.event;
    let mut body = json!({
        "kind": "calendar#event",
        "etag": format!("\"{}\"", entry.version),
        "id": event.id,
        "status": "cancelled",
    });
    if let (Some(series), true) = (&event.series, in_living_series) {
        body["recurringEventId"] = series.clone().into();
        body["originalStartTime"] = when(event.original, true, zone);
    }
    body
}
