//! An event as Microsoft Graph writes it: microsoftgraph/msgraph-metadata, type event;
//! https://learn.microsoft.com/graph/api/resources/event

use activlake::sources::meeting::{AttendeeKind, Response};
use chrono::DateTime;
use serde_json::{Value, json};

use super::truth::{Entry, Person, State, Truth, When, date_text, instant_text};

/// An id that is not immutable: another text, another one after every move of the mailbox.
pub(super) fn mutable_id(id: &str, moves: u32) -> String {
    let hex: String = id.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("AAMkAD{moves}-{hex}")
}

/// Seven digits of a second and no offset; whole days are midnight to midnight of the zone asked
/// for (https://github.com/microsoftgraph/microsoft-graph-docs/issues/1802).
fn when(when: When, is_start: bool, zone: &str) -> Value {
    let text = match when {
        When::Days(start, end) => {
            format!(
                "{}T00:00:00.0000000",
                date_text(if is_start { start } else { end })
            )
        }
        When::Instants(start, end) => {
            let tz: chrono_tz::Tz = zone.parse().expect("checked before");
            DateTime::from_timestamp(if is_start { start } else { end }, 0)
                .unwrap()
                .with_timezone(&tz)
                .format("%Y-%m-%dT%H:%M:%S.0000000")
                .to_string()
        }
    };
    json!({ "dateTime": text, "timeZone": zone })
}

fn mailbox(email: &str) -> Value {
    let name = email.split('@').next().unwrap_or(email);
    json!({ "name": name, "address": email })
}

/// Enum responseType.
fn response(response: Response) -> &'static str {
    match response {
        Response::Accepted => "accepted",
        Response::Declined => "declined",
        Response::Tentative => "tentativelyAccepted",
        Response::NeedsAction => "notResponded",
    }
}

/// The time of an answer; of one that was never given, the first of all days (issue #6003 of
/// microsoft-graph-docs).
const NEVER: &str = "0001-01-01T00:00:00Z";

/// An entry; its body only where the permission shows it.
pub(super) fn event(person: &Person, entry: &Entry, zone: &str, body_too: bool) -> Value {
    let event = &entry.event;
    let organizer = event.organizer.as_deref().unwrap_or(&person.principal);
    let own = person.is(organizer);
    let cancelled = entry.state == State::Cancelled;
    let moved = event.when != event.original;
    let kind = match (&event.series, moved) {
        (None, _) => "singleInstance",
        (Some(_), false) => "occurrence",
        (Some(_), true) => "exception",
    };
    // The organiser is not among the attendees.
    let attendees: Vec<Value> = event
        .attendees
        .iter()
        .map(|invited| {
            let kind = match (invited.kind, invited.optional) {
                (AttendeeKind::Resource, _) => "resource",
                (_, true) => "optional",
                (_, false) => "required",
            };
            json!({
                "type": kind,
                "status": { "response": response(invited.response), "time": NEVER },
                "emailAddress": mailbox(&invited.email),
            })
        })
        .collect();
    // The own answer: `organizer` for own meetings, `none` for appointments.
    let answer = match (own, event.attendees.is_empty()) {
        (true, true) => "none",
        (true, false) => "organizer",
        (false, _) => event
            .attendees
            .iter()
            .find(|invited| person.is(&invited.email))
            .map_or("notResponded", |invited| response(invited.response)),
    };
    let title = if cancelled {
        format!("Canceled: {}", event.title)
    } else {
        event.title.clone()
    };
    let mut row = json!({
        "@odata.etag": format!("W/\"{}\"", entry.version),
        "id": event.id,
        "createdDateTime": graph_stamp(event.created.unwrap_or(0)),
        "lastModifiedDateTime": graph_stamp(Truth::stamp(entry.version)),
        "changeKey": format!("ck{}", entry.version),
        "categories": [],
        "transactionId": null,
        "originalStartTimeZone": "tzone://Microsoft/Custom",
        "originalEndTimeZone": "tzone://Microsoft/Custom",
        // It differs for each occurrence of a series.
        "iCalUId": match &event.series {
            Some(_) => format!("{}-{}", event.uid, event.id),
            None => event.uid.clone(),
        },
        "reminderMinutesBeforeStart": 15,
        "isReminderOn": true,
        "hasAttachments": false,
        "hideAttendees": false,
        "subject": title,
        "importance": "normal",
        "sensitivity": if event.private { "private" } else { "normal" },
        "isAllDay": matches!(event.when, When::Days(..)),
        "isCancelled": cancelled,
        "isDraft": false,
        "isOrganizer": own,
        "responseRequested": true,
        "seriesMasterId": event.series,
        "showAs": event.show_as.word(),
        "type": kind,
        "webLink": "https://outlook.test/owa/",
        "onlineMeetingUrl": null,
        "isOnlineMeeting": event.online,
        "onlineMeetingProvider": if event.online { "teamsForBusiness" } else { "unknown" },
        "allowNewTimeProposals": true,
        "responseStatus": { "response": answer, "time": NEVER },
        "start": when(event.when, true, zone),
        "end": when(event.when, false, zone),
        "location": { "displayName": "", "locationType": "default", "uniqueIdType": "unknown" },
        "locations": [],
        "recurrence": null,
        "attendees": attendees,
        "organizer": { "emailAddress": mailbox(organizer) },
        "onlineMeeting": if event.online {
            json!({ "joinUrl": "https://teams.test/l/meetup" })
        } else {
            Value::Null
        },
    });
    if event.series.is_some() {
        row["originalStart"] = instant_text(event.original.seconds("UTC").0).into();
    }
    if body_too {
        row["bodyPreview"] = "Not for us".into();
        row["body"] = json!({ "contentType": "html", "content": "Not for us" });
    }
    row
}

fn graph_stamp(seconds: i64) -> String {
    instant_text(seconds).replace('Z', ".0000000Z")
}
