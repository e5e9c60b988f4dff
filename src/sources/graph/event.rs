//! One event of Graph, brought to the normal form.
//!
//! A row of a page goes in; a meeting, nothing, or what is wrong with the row comes out.
//!
//! What is not obvious:
//! - Graph has no word for the sort of an event: all are ordinary. Time away is `showAs`.
//! - An event without `sensitivity` counts as private: it is asked for, so not getting it means
//!   that nobody knows.
//! - `isDraft` is not read. It marks a meeting whose owner has changes that are not sent yet, and
//!   the meeting stands in the owner's calendar all the same.
//! - The organiser's own answer is known only where the organiser is among the attendees too.

use serde_json::Value;

use crate::clock::Micros;
use crate::sources::instant;
use crate::sources::meeting::{
    Attendee, AttendeeKind, EventKind, Meeting, Organizer, Response, ShowAs, Span, Status, address,
};
use crate::zone::ZoneNames;

/// Microseconds of a day of an all-day event, which has no zone.
const DAY: i64 = 86_400_000_000;

/// What is wrong with an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) field: &'static str,
    pub(super) reason: &'static str,
    pub(super) value: String,
}

impl Wrong {
    fn new(field: &'static str, reason: &'static str) -> Wrong {
        Wrong {
            field,
            reason,
            value: String::new(),
        }
    }

    fn with(field: &'static str, reason: &'static str, value: &str) -> Wrong {
        Wrong {
            value: value.to_owned(),
            ..Wrong::new(field, reason)
        }
    }
}

/// A text, absent when null. The value of a field of another type is not repeated: it may be
/// anything.
fn text<'a>(from: &'a Value, name: &str, field: &'static str) -> Result<Option<&'a str>, Wrong> {
    match from.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Wrong::new(field, "bad_type")),
    }
}

fn flag(from: &Value, name: &'static str) -> Result<bool, Wrong> {
    match from.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Wrong::new(name, "bad_type")),
    }
}

/// One event; nothing when it is the rule of a series, which no calendar shows.
pub(super) fn event(row: &Value, zones: &ZoneNames) -> Result<Option<Meeting>, Wrong> {
    if !row.is_object() {
        return Err(Wrong::new("", "not_an_object"));
    }
    let id = text(row, "id", "id")?
        .filter(|id| !id.trim().is_empty())
        .ok_or(Wrong::new("id", "missing"))?;
    if row
        .get("@removed")
        .is_some_and(|removed| !removed.is_null())
    {
        return Ok(Some(Meeting::gone(id.to_owned(), Status::Deleted)));
    }
    let kind = match text(row, "type", "type")? {
        Some("seriesMaster") => return Ok(None),
        None | Some("singleInstance" | "occurrence" | "exception") => EventKind::Default,
        Some(_) => EventKind::Other,
    };
    let private = text(row, "sensitivity", "sensitivity")?
        .is_none_or(|sensitivity| !sensitivity.eq_ignore_ascii_case("normal"));
    let span = if flag(row, "isAllDay")? {
        Span::Dates {
            start: date(row, "start")?,
            end: date(row, "end")?,
        }
    } else {
        Span::Instants {
            start: moment(row, "start", zones)?,
            end: moment(row, "end", zones)?,
        }
    };
    let ordered = match span {
        Span::Instants { start, end } => start <= end,
        Span::Dates { start, end } => start <= end,
    };
    if !ordered {
        return Err(Wrong::new("end", "negative"));
    }
    let attendees = attendees(row)?;
    let stamp = |name| {
        row.get(name)
            .and_then(Value::as_str)
            .and_then(instant::parse)
    };
    Ok(Some(
        Meeting {
            event_id: id.to_owned(),
            series_id: text(row, "seriesMasterId", "seriesMasterId")?
                .filter(|series| !series.is_empty())
                .map(str::to_owned),
            title: text(row, "subject", "subject")?.map(str::to_owned),
            private,
            span: Some(span),
            status: if flag(row, "isCancelled")? {
                Status::Cancelled
            } else {
                Status::Confirmed
            },
            show_as: text(row, "showAs", "showAs")?
                .and_then(ShowAs::of)
                .unwrap_or(ShowAs::Unknown),
            kind,
            organizer: organizer(row, &attendees),
            own_response: row.get("responseStatus").and_then(response),
            attendees,
            created: stamp("createdDateTime"),
            updated: stamp("lastModifiedDateTime"),
        }
        .blank_when_private(),
    ))
}

/// The address in `{"emailAddress": {"address": …}}`.
fn mailbox(of: &Value) -> Option<String> {
    address(of.get("emailAddress")?.get("address")?.as_str()?)
}

fn organizer(row: &Value, attendees: &[Attendee]) -> Option<Organizer> {
    let email = mailbox(row.get("organizer")?)?;
    let response = attendees
        .iter()
        .find(|attendee| attendee.email == email)
        .and_then(|attendee| attendee.response);
    Some(Organizer { email, response })
}

/// Who was invited. Entries without an address are left out: nobody can be told by them.
fn attendees(row: &Value) -> Result<Vec<Attendee>, Wrong> {
    let list = match row.get("attendees") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(Wrong::new("attendees", "bad_type")),
    };
    Ok(list
        .iter()
        .filter_map(|entry| {
            let kind = entry.get("type").and_then(Value::as_str).unwrap_or("");
            Some(Attendee {
                email: mailbox(entry)?,
                response: entry.get("status").and_then(response),
                kind: if kind.eq_ignore_ascii_case("resource") {
                    AttendeeKind::Resource
                } else {
                    AttendeeKind::Person
                },
                optional: kind.eq_ignore_ascii_case("optional"),
            })
        })
        .collect())
}

/// The answer in `{"response": …}`; `none` and words that are not known are no answer.
fn response(of: &Value) -> Option<Response> {
    match of.get("response")?.as_str()? {
        // Who invites takes part.
        "organizer" | "accepted" => Some(Response::Accepted),
        "tentativelyAccepted" => Some(Response::Tentative),
        "declined" => Some(Response::Declined),
        "notResponded" => Some(Response::NeedsAction),
        _ => None,
    }
}

/// The `dateTime` and, when given, the `timeZone` of a time.
fn time<'a>(row: &'a Value, name: &'static str) -> Result<(&'a str, Option<&'a str>), Wrong> {
    let time = match row.get(name) {
        None | Some(Value::Null) => return Err(Wrong::new(name, "missing")),
        Some(time) => time,
    };
    let when = text(time, "dateTime", name)?.ok_or(Wrong::new(name, "missing"))?;
    let zone = text(time, "timeZone", name)?.map(str::trim);
    Ok((when.trim(), zone.filter(|zone| !zone.is_empty())))
}

/// An instant: by the offset in the text if there is one, else by the zone beside it.
fn moment(row: &Value, name: &'static str, zones: &ZoneNames) -> Result<Micros, Wrong> {
    let (when, zone) = time(row, name)?;
    let shown = instant::parse(when).ok_or_else(|| Wrong::with(name, "bad_time", when))?;
    let has_offset = when
        .get(19..)
        .is_some_and(|rest| rest.contains(['Z', 'z', '+', '-', 'U', 'u']));
    if has_offset {
        return Ok(shown);
    }
    let zone = zone.ok_or(Wrong::new(name, "unknown_zone"))?;
    let zone = zones
        .parse(zone)
        .ok_or_else(|| Wrong::with(name, "unknown_zone", zone))?;
    Ok(zone.instant_of_local(shown, false))
}

/// The date of an all-day event: midnight as it is written, whatever zone is named beside it.
fn date(row: &Value, name: &'static str) -> Result<i32, Wrong> {
    let (when, _) = time(row, name)?;
    when.get(..19)
        .and_then(instant::parse)
        .filter(|midnight| midnight.rem_euclid(DAY) == 0)
        .map(instant::utc_day)
        .ok_or_else(|| Wrong::with(name, "bad_time", when))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn zones() -> ZoneNames {
        ZoneNames::new([("Pacific Standard Time", "America/Los_Angeles")])
    }

    fn at(text: &str) -> Micros {
        instant::parse(text).unwrap()
    }

    /// An ordinary event as Graph writes it, with changes.
    fn row(changes: Value) -> Value {
        let mut row = json!({
            "@odata.etag": "W/\"x\"",
            "id": "AAMkAGI=",
            "subject": "Planning",
            "sensitivity": "normal",
            "isAllDay": false,
            "isCancelled": false,
            "isOrganizer": false,
            "showAs": "busy",
            "type": "singleInstance",
            "seriesMasterId": null,
            "body": {"contentType": "html", "content": "secret plan"},
            "start": {"dateTime": "2026-03-02T09:00:00.0000000", "timeZone": "UTC"},
            "end": {"dateTime": "2026-03-02T10:30:00.0000000", "timeZone": "UTC"},
            "responseStatus": {"response": "tentativelyAccepted", "time": "0001-01-01T00:00:00Z"},
            "organizer": {"emailAddress": {"name": "Boss", "address": "Boss@Example.com"}},
            "attendees": [
                {"type": "required", "status": {"response": "accepted", "time": "2026-03-01T08:00:00Z"},
                 "emailAddress": {"address": "Ann@example.com", "name": "Ann"}},
                {"type": "optional", "status": {"response": "none"},
                 "emailAddress": {"address": "bob@example.com"}},
                {"type": "resource", "status": {"response": "declined"},
                 "emailAddress": {"address": "room4@example.com"}},
            ],
        });
        for (name, value) in changes.as_object().unwrap() {
            row[name] = value.clone();
        }
        row
    }

    fn read(row: Value) -> Result<Meeting, Wrong> {
        event(&row, &zones()).map(|meeting| meeting.expect("a series"))
    }

    fn refused(changes: Value, field: &str, reason: &str) {
        let reject = read(row(changes.clone())).expect_err("it was read");
        assert_eq!((reject.field, reject.reason), (field, reason), "{changes}");
    }

    #[test]
    fn an_event_comes_over_whole() {
        let meeting = read(row(json!({"seriesMasterId": "M1", "type": "occurrence"}))).unwrap();
        let attendee = |email: &str, response, kind, optional| Attendee {
            email: email.into(),
            response,
            kind,
            optional,
        };
        assert_eq!(
            meeting,
            Meeting {
                event_id: "AAMkAGI=".into(),
                series_id: Some("M1".into()),
                title: Some("Planning".into()),
                private: false,
                span: Some(Span::Instants {
                    start: at("2026-03-02T09:00:00Z"),
                    end: at("2026-03-02T10:30:00Z"),
                }),
                status: Status::Confirmed,
                show_as: ShowAs::Busy,
                kind: EventKind::Default,
                organizer: Some(Organizer {
                    email: "boss@example.com".into(),
                    response: None,
                }),
                own_response: Some(Response::Tentative),
                attendees: vec![
                    attendee(
                        "ann@example.com",
                        Some(Response::Accepted),
                        AttendeeKind::Person,
                        false
                    ),
                    attendee("bob@example.com", None, AttendeeKind::Person, true),
                    attendee(
                        "room4@example.com",
                        Some(Response::Declined),
                        AttendeeKind::Resource,
                        false
                    ),
                ],
                created: None,
                updated: None,
            }
        );
    }

    #[test]
    fn words_of_graph_become_ours() {
        for (word, wanted) in [
            ("free", ShowAs::Free),
            ("tentative", ShowAs::Tentative),
            ("busy", ShowAs::Busy),
            ("oof", ShowAs::OutOfOffice),
            ("workingElsewhere", ShowAs::WorkingElsewhere),
            ("unknown", ShowAs::Unknown),
            ("doNotDisturb", ShowAs::Unknown),
        ] {
            let meeting = read(row(json!({"showAs": word}))).unwrap();
            assert_eq!(meeting.show_as, wanted, "{word}");
            assert_eq!(meeting.kind, EventKind::Default, "{word}");
        }
        for (word, wanted) in [
            ("none", None),
            ("organizer", Some(Response::Accepted)),
            ("tentativelyAccepted", Some(Response::Tentative)),
            ("accepted", Some(Response::Accepted)),
            ("declined", Some(Response::Declined)),
            ("notResponded", Some(Response::NeedsAction)),
            ("proposed", None),
        ] {
            let meeting = read(row(json!({"responseStatus": {"response": word}}))).unwrap();
            assert_eq!(meeting.own_response, wanted, "{word}");
        }
        let cancelled = read(row(json!({"isCancelled": true}))).unwrap();
        assert_eq!(cancelled.status, Status::Cancelled);
        // Unsent changes do not take a meeting out of its owner's calendar.
        assert!(read(row(json!({"isDraft": true}))).is_ok());
    }

    #[test]
    fn the_organizer_s_answer_is_that_among_the_attendees() {
        let meeting = read(row(json!({"attendees": [{
            "emailAddress": {"address": "BOSS@example.com"},
            "status": {"response": "declined"},
        }]})))
        .unwrap();
        assert_eq!(
            meeting.organizer.unwrap().response,
            Some(Response::Declined)
        );
    }

    #[test]
    fn only_what_is_surely_not_private_keeps_its_title() {
        for (sensitivity, private) in [
            (json!("normal"), false),
            (json!("Normal"), false),
            (json!("personal"), true),
            (json!("private"), true),
            (json!("confidential"), true),
            (json!("secret"), true),
            (Value::Null, true),
        ] {
            let meeting = read(row(json!({"sensitivity": sensitivity}))).unwrap();
            assert_eq!(meeting.private, private, "{sensitivity}");
            assert_eq!(meeting.title.is_none(), private, "{sensitivity}");
        }
        let empty = read(row(json!({"subject": ""}))).unwrap();
        assert_eq!(empty.title.as_deref(), Some(""));
        assert_eq!(read(row(json!({"subject": null}))).unwrap().title, None);
    }

    #[test]
    fn all_day_events_stay_on_their_dates() {
        for zone in ["UTC", "Pacific Standard Time", "Mars/Base"] {
            let meeting = read(row(json!({
                "isAllDay": true,
                "start": {"dateTime": "2026-03-02T00:00:00.0000000", "timeZone": zone},
                "end": {"dateTime": "2026-03-04T00:00:00.0000000", "timeZone": zone},
            })))
            .unwrap();
            let day = i32::try_from(at("2026-03-02T00:00:00Z") / DAY).unwrap();
            assert_eq!(
                meeting.span,
                Some(Span::Dates {
                    start: day,
                    end: day + 2
                }),
                "{zone}"
            );
        }
        let shifted = read(row(json!({
            "isAllDay": true,
            "start": {"dateTime": "2026-03-02T00:00:00+05:00", "timeZone": "UTC"},
            "end": {"dateTime": "2026-03-03T00:00:00Z", "timeZone": "UTC"},
        })))
        .unwrap();
        let day = i32::try_from(at("2026-03-02T00:00:00Z") / DAY).unwrap();
        assert_eq!(
            shifted.span,
            Some(Span::Dates {
                start: day,
                end: day + 1
            })
        );
        refused(json!({"isAllDay": true}), "start", "bad_time");
    }

    #[test]
    fn a_time_is_taken_in_its_zone_or_not_at_all() {
        let start = |time: Value| {
            read(row(json!({
                "start": time,
                "end": {"dateTime": "2027-01-01T00:00:00", "timeZone": "UTC"},
            })))
            .map(|meeting| match meeting.span {
                Some(Span::Instants { start, .. }) => start,
                other => panic!("{other:?}"),
            })
        };
        for (time, wanted) in [
            (
                json!({"dateTime": "2026-03-02T09:00:00.1234567", "timeZone": "UTC"}),
                "2026-03-02T09:00:00.123456Z",
            ),
            (
                json!({"dateTime": "2026-03-02T09:00:00", "timeZone": "Pacific Standard Time"}),
                "2026-03-02T17:00:00Z",
            ),
            (
                json!({"dateTime": "2026-07-02T09:00:00", "timeZone": "Europe/Berlin"}),
                "2026-07-02T07:00:00Z",
            ),
            (
                json!({"dateTime": "2026-03-02T09:00:00Z", "timeZone": "Mars/Base"}),
                "2026-03-02T09:00:00Z",
            ),
            (
                json!({"dateTime": "2026-03-02T09:00:00.5+02:00"}),
                "2026-03-02T07:00:00.5Z",
            ),
        ] {
            assert_eq!(start(time.clone()), Ok(at(wanted)), "{time}");
        }
        let unknown = start(
            json!({"dateTime": "2026-03-02T09:00:00", "timeZone": "tzone://Microsoft/Custom"}),
        )
        .unwrap_err();
        assert_eq!(unknown.reason, "unknown_zone");
        assert_eq!(unknown.value, "tzone://Microsoft/Custom");
        refused(
            json!({"start": {"dateTime": "2026-03-02T09:00:00"}}),
            "start",
            "unknown_zone",
        );
        refused(
            json!({"start": {"dateTime": "0001-01-01T00:00:00", "timeZone": "UTC"}}),
            "start",
            "bad_time",
        );
    }

    #[test]
    fn stamps_are_read_where_they_mean_something() {
        let meeting = read(row(json!({
            "createdDateTime": "0001-01-01T00:00:00Z",
            "lastModifiedDateTime": "2026-03-01T08:00:00.1234567Z",
        })))
        .unwrap();
        assert_eq!(meeting.created, None);
        assert_eq!(meeting.updated, Some(at("2026-03-01T08:00:00.123456Z")));
    }

    #[test]
    fn what_does_not_fit_is_named_and_not_repeated() {
        refused(json!({"id": null}), "id", "missing");
        refused(json!({"id": 5}), "id", "bad_type");
        refused(json!({"subject": ["Raise"]}), "subject", "bad_type");
        refused(json!({"isAllDay": "yes"}), "isAllDay", "bad_type");
        refused(json!({"isCancelled": 1}), "isCancelled", "bad_type");
        refused(json!({"attendees": {}}), "attendees", "bad_type");
        refused(json!({"end": {"timeZone": "UTC"}}), "end", "missing");
        refused(
            json!({"end": {"dateTime": "2026-03-02T08:59:59", "timeZone": "UTC"}}),
            "end",
            "negative",
        );
        refused(
            json!({"start": {"dateTime": "soon", "timeZone": "UTC"}}),
            "start",
            "bad_time",
        );
        // A sort of row that is not known yet is kept, and never a meeting.
        let strange = read(row(json!({"type": "template"}))).unwrap();
        assert_eq!(strange.kind, EventKind::Other);
    }

    #[test]
    fn an_event_needs_no_more_than_an_id_and_its_times() {
        let meeting = read(json!({
            "id": "1",
            "start": {"dateTime": "2026-03-02T09:00:00", "timeZone": "UTC"},
            "end": {"dateTime": "2026-03-02T09:00:00", "timeZone": "UTC"},
            "somethingNew": {"a": [1]},
        }))
        .unwrap();
        assert_eq!(meeting.show_as, ShowAs::Unknown);
        assert_eq!(meeting.organizer, None);
        assert_eq!(meeting.own_response, None);
        let meeting = read(row(json!({
            "organizer": {"emailAddress": null},
            "attendees": [null, 3, {"emailAddress": {"address": "/o=x/cn=y"}}],
            "responseStatus": null,
        })))
        .unwrap();
        assert_eq!((meeting.organizer, meeting.attendees), (None, vec![]));
    }
}
