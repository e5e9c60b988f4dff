//! One entry of `events.list` in the normal form.
//!
//! Google promises nothing but the id: a cancelled entry may have no other field. So every field is
//! optional here, and what makes an entry unusable is said by field.

use serde_json::{Map, Value};

use crate::clock::Micros;
use crate::sources::instant;
use crate::sources::meeting::{
    Attendee, AttendeeKind, EventKind, Meeting, Organizer, Response, ShowAs, Span, Status, address,
};
use crate::zone::ZoneNames;

/// What an entry is read against.
pub(super) struct Calendar<'a> {
    /// The calendar's zone, for times that say no offset and no zone.
    pub zone: Option<&'a str>,
    /// Whether a missing title means that there is none.
    pub shows_titles: bool,
}

/// An entry, and what could not be kept of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub meeting: Meeting,
    pub attendees_omitted: bool,
}

/// Why an entry was left out.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub field: &'static str,
    pub reason: &'static str,
    /// Safe to repeat, else empty.
    pub value: String,
}

impl Fault {
    fn new(field: &'static str, reason: &'static str) -> Fault {
        Fault {
            field,
            reason,
            value: String::new(),
        }
    }

    /// With the value, if it has only the letters that times and zones have.
    fn shown(field: &'static str, reason: &'static str, value: &str) -> Fault {
        let plain = value.len() <= 64
            && value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-+:./_".contains(&byte));
        Fault {
            value: if plain {
                value.to_owned()
            } else {
                String::new()
            },
            ..Fault::new(field, reason)
        }
    }
}

/// Reads one entry.
pub(super) fn read(item: &Value, calendar: &Calendar<'_>) -> Result<Entry, Fault> {
    let fields = item.as_object().ok_or(Fault::new("", "not_an_object"))?;
    let id = text(fields, "id")?
        .filter(|id| !id.is_empty())
        .ok_or(Fault::new("id", "missing"))?;
    let status = match text(fields, "status")? {
        Some("cancelled") => Status::Cancelled,
        Some("tentative") => Status::Tentative,
        // Also a word that is not known: the entry is in the calendar.
        _ => Status::Confirmed,
    };
    match whole(fields, id, status, calendar) {
        // However damaged the rest is, it says that this id takes place no more.
        Err(_) if status == Status::Cancelled => {
            let mut meeting = Meeting::gone(id.to_owned(), Status::Deleted);
            meeting.series_id = text(fields, "recurringEventId")
                .ok()
                .flatten()
                .map(str::to_owned);
            Ok(Entry {
                meeting,
                attendees_omitted: false,
            })
        }
        read => read,
    }
}

/// An entry with a beginning and an end.
fn whole(
    fields: &Map<String, Value>,
    id: &str,
    status: Status,
    calendar: &Calendar<'_>,
) -> Result<Entry, Fault> {
    let kind = match text(fields, "eventType")? {
        None => EventKind::Default,
        Some(word) => EventKind::of(word).unwrap_or(EventKind::Other),
    };
    let show_as = match (kind, text(fields, "transparency")?) {
        (EventKind::OutOfOffice, _) => ShowAs::OutOfOffice,
        (_, Some("transparent")) => ShowAs::Free,
        (_, None | Some("opaque")) => ShowAs::Busy,
        _ => ShowAs::Unknown,
    };
    let private = matches!(
        text(fields, "visibility")?,
        Some("private" | "confidential")
    );
    let title = text(fields, "summary")?
        .or(calendar.shows_titles.then_some(""))
        .map(str::to_owned);
    let span = span(fields, calendar)?;
    let (attendees, own_response, organizer_response) = attendees(fields)?;
    let organizer = match fields.get("organizer") {
        None | Some(Value::Null) => None,
        Some(Value::Object(organizer)) => text(organizer, "email")
            .map_err(|_| Fault::new("organizer", "bad_type"))?
            .and_then(address)
            .filter(|email| !is_calendar(email)),
        Some(_) => return Err(Fault::new("organizer", "bad_type")),
    };
    let meeting = Meeting {
        event_id: id.to_owned(),
        series_id: text(fields, "recurringEventId")?.map(str::to_owned),
        title,
        private,
        span: Some(span),
        status,
        show_as,
        kind,
        organizer: organizer.map(|email| Organizer {
            response: attendees
                .iter()
                .find(|attendee| attendee.email == email)
                .map_or(organizer_response, |attendee| attendee.response),
            email,
        }),
        own_response,
        attendees,
        created: moment(fields, "created"),
        updated: moment(fields, "updated"),
    };
    Ok(Entry {
        meeting: meeting.blank_when_private(),
        attendees_omitted: flag(fields, "attendeesOmitted")?,
    })
}

/// The people invited, the calendar owner's own answer, and that of the one marked as organiser.
type Invited = (Vec<Attendee>, Option<Response>, Option<Response>);

fn attendees(fields: &Map<String, Value>) -> Result<Invited, Fault> {
    const FIELD: &str = "attendees";
    let bad = |_| Fault::new(FIELD, "bad_type");
    let list = match fields.get(FIELD) {
        None | Some(Value::Null) => return Ok((Vec::new(), None, None)),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(Fault::new(FIELD, "bad_type")),
    };
    let (mut found, mut own, mut organizer) = (Vec::with_capacity(list.len()), None, None);
    for entry in list {
        let entry = entry.as_object().ok_or(Fault::new(FIELD, "bad_type"))?;
        let response = text(entry, "responseStatus")
            .map_err(bad)?
            .and_then(Response::of);
        if flag(entry, "self").map_err(bad)? {
            own = own.or(response);
        }
        if flag(entry, "organizer").map_err(bad)? {
            organizer = organizer.or(response);
        }
        // Somebody without an address cannot be told apart from others, so cannot be counted.
        let Some(email) = text(entry, "email").map_err(bad)?.and_then(address) else {
            continue;
        };
        let resource = flag(entry, "resource").map_err(bad)? || is_calendar(&email);
        found.push(Attendee {
            email,
            response,
            kind: if resource {
                AttendeeKind::Resource
            } else {
                AttendeeKind::Person
            },
            optional: flag(entry, "optional").map_err(bad)?,
        });
    }
    Ok((found, own, organizer))
}

/// Whether an address is that of a room, of a shared calendar, or Google's stand-in for an
/// organiser it does not know: never a person.
fn is_calendar(email: &str) -> bool {
    email.ends_with("@calendar.google.com") || email.ends_with(".calendar.google.com")
}

fn span(fields: &Map<String, Value>, calendar: &Calendar<'_>) -> Result<Span, Fault> {
    let start = edge(fields, "start", calendar, None)?;
    let floor = match start {
        Edge::At(start) => Some(start),
        Edge::Day(_) => None,
    };
    let end = edge(fields, "end", calendar, floor)?;
    let ordered = |fine| match fine {
        true => Ok(()),
        false => Err(Fault::new("end", "ends_before_start")),
    };
    match (start, end) {
        (Edge::At(start), Edge::At(end)) => {
            ordered(start <= end)?;
            Ok(Span::Instants { start, end })
        }
        (Edge::Day(start), Edge::Day(end)) => {
            ordered(start <= end)?;
            Ok(Span::Dates { start, end })
        }
        // A day at one end and a time at the other.
        _ => Err(Fault::new("end", "bad_time")),
    }
}

enum Edge {
    At(Micros),
    /// Days since 1970-01-01.
    Day(i32),
}

/// A beginning or an end. A time that a clock shows twice is the first of the two, or the second
/// when the first lies before `floor`.
fn edge(
    fields: &Map<String, Value>,
    field: &'static str,
    calendar: &Calendar<'_>,
    floor: Option<Micros>,
) -> Result<Edge, Fault> {
    let edge = match fields.get(field) {
        None | Some(Value::Null) => return Err(Fault::new(field, "missing")),
        Some(Value::Object(edge)) => edge,
        Some(_) => return Err(Fault::new(field, "bad_type")),
    };
    let part = |name| text(edge, name).map_err(|_| Fault::new(field, "bad_type"));
    let Some(time) = part("dateTime")? else {
        let date = part("date")?.ok_or(Fault::new(field, "missing"))?;
        return instant::parse(&format!("{date}T00:00:00Z"))
            .map(|midnight| Edge::Day(instant::utc_day(midnight)))
            .ok_or_else(|| Fault::shown(field, "bad_time", date));
    };
    let bad_time = || Fault::shown(field, "bad_time", time);
    // Only a time without an offset can take one.
    let Some(local) = instant::parse(&format!("{time}Z")) else {
        return instant::parse(time).map(Edge::At).ok_or_else(bad_time);
    };
    let name = part("timeZone")?.or(calendar.zone).unwrap_or("");
    let zone = ZoneNames::default()
        .parse(name)
        .ok_or_else(|| Fault::shown(field, "unknown_zone", name))?;
    let earlier = zone.instant_of_local(local, false);
    let at = match floor {
        Some(floor) if earlier < floor => zone.instant_of_local(local, true),
        _ => earlier,
    };
    (at >= 0).then_some(Edge::At(at)).ok_or_else(bad_time)
}

/// A text; absent when missing or null.
fn text<'a>(fields: &'a Map<String, Value>, field: &'static str) -> Result<Option<&'a str>, Fault> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Fault::new(field, "bad_type")),
    }
}

/// A flag; false when missing or null.
fn flag(fields: &Map<String, Value>, field: &'static str) -> Result<bool, Fault> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Fault::new(field, "bad_type")),
    }
}

/// When an entry was made or changed; Google writes impossible ones (year 0), which are none.
fn moment(fields: &Map<String, Value>, field: &'static str) -> Option<Micros> {
    fields
        .get(field)
        .and_then(Value::as_str)
        .and_then(instant::parse)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BERLIN: Calendar<'static> = Calendar {
        zone: Some("Europe/Berlin"),
        shows_titles: true,
    };

    fn at(text: &str) -> Micros {
        chrono::DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp_micros()
    }

    /// An ordinary entry with these fields instead of its own.
    fn item(changes: Value) -> Value {
        let mut item = json!({
            "id": "x1", "status": "confirmed", "summary": "Plan",
            "start": {"dateTime": "2026-01-05T09:00:00+01:00", "timeZone": "Europe/Berlin"},
            "end": {"dateTime": "2026-01-05T09:30:00+01:00"},
        });
        for (field, value) in changes.as_object().unwrap() {
            item[field] = value.clone();
        }
        item
    }

    fn meeting(changes: Value) -> Meeting {
        read(&item(changes), &BERLIN).unwrap().meeting
    }

    fn fault(changes: Value) -> (&'static str, &'static str, String) {
        let fault = read(&item(changes), &BERLIN).unwrap_err();
        (fault.field, fault.reason, fault.value)
    }

    #[test]
    fn an_ordinary_meeting() {
        let entry = read(
            &item(json!({
                "recurringEventId": "x", "created": "2026-01-01T10:00:00.000Z",
                "updated": "2026-01-02T10:00:00.123Z",
                "organizer": {"email": "Boss@Example.com"},
                "description": "not to be kept",
                "attendees": [
                    {"email": "Boss@example.com", "organizer": true, "responseStatus": "accepted"},
                    {"email": "ann@example.com", "self": true, "responseStatus": "declined"},
                    {"email": "c_1@resource.calendar.google.com", "resource": true,
                     "responseStatus": "accepted"},
                    {"email": "bob@example.com", "optional": true, "responseStatus": "needsAction"},
                    {"email": "team@group.calendar.google.com"},
                    {"displayName": "Nobody"}
                ]
            })),
            &BERLIN,
        )
        .unwrap();
        assert!(!entry.attendees_omitted);
        let meeting = entry.meeting;
        assert_eq!(meeting.title.as_deref(), Some("Plan"));
        assert_eq!(meeting.series_id.as_deref(), Some("x"));
        assert_eq!(
            meeting.span,
            Some(Span::Instants {
                start: at("2026-01-05T08:00:00Z"),
                end: at("2026-01-05T08:30:00Z")
            })
        );
        assert_eq!(meeting.status, Status::Confirmed);
        assert_eq!(meeting.show_as, ShowAs::Busy);
        assert_eq!(meeting.kind, EventKind::Default);
        assert_eq!(meeting.own_response, Some(Response::Declined));
        assert_eq!(
            meeting.organizer,
            Some(Organizer {
                email: "boss@example.com".into(),
                response: Some(Response::Accepted)
            })
        );
        assert_eq!(
            meeting
                .attendees
                .iter()
                .map(|one| (one.email.as_str(), one.response, one.kind, one.optional))
                .collect::<Vec<_>>(),
            [
                (
                    "boss@example.com",
                    Some(Response::Accepted),
                    AttendeeKind::Person,
                    false
                ),
                (
                    "ann@example.com",
                    Some(Response::Declined),
                    AttendeeKind::Person,
                    false
                ),
                (
                    "c_1@resource.calendar.google.com",
                    Some(Response::Accepted),
                    AttendeeKind::Resource,
                    false
                ),
                (
                    "bob@example.com",
                    Some(Response::NeedsAction),
                    AttendeeKind::Person,
                    true
                ),
                (
                    "team@group.calendar.google.com",
                    None,
                    AttendeeKind::Resource,
                    false
                ),
            ]
        );
        assert_eq!(meeting.created, Some(at("2026-01-01T10:00:00Z")));
        assert_eq!(meeting.updated, Some(at("2026-01-02T10:00:00.123Z")));
        assert!(!format!("{meeting:?}").contains("not to be kept"));
    }

    #[test]
    fn private_entries_lose_their_title_and_untitled_ones_have_an_empty_one() {
        for visibility in ["private", "confidential"] {
            let meeting = meeting(json!({"visibility": visibility}));
            assert!(meeting.private);
            assert_eq!(meeting.title, None);
        }
        let public = meeting(json!({"visibility": "public"}));
        assert_eq!(
            (public.private, public.title.as_deref()),
            (false, Some("Plan"))
        );
        let untitled = meeting(json!({"summary": null}));
        assert_eq!(untitled.title.as_deref(), Some(""));
        let hidden = Calendar {
            shows_titles: false,
            ..BERLIN
        };
        let busy = read(&item(json!({"summary": null})), &hidden).unwrap();
        assert_eq!(busy.meeting.title, None);
    }

    #[test]
    fn sorts_of_entries_and_how_they_show() {
        let shown = |kind: Value, transparency: Value| {
            let meeting = meeting(json!({"eventType": kind, "transparency": transparency}));
            (meeting.kind, meeting.show_as)
        };
        use EventKind as Kind;
        for (kind, transparency, wanted) in [
            (json!(null), json!(null), (Kind::Default, ShowAs::Busy)),
            (
                json!("default"),
                json!("opaque"),
                (Kind::Default, ShowAs::Busy),
            ),
            (
                json!("fromGmail"),
                json!("transparent"),
                (Kind::FromGmail, ShowAs::Free),
            ),
            (
                json!("outOfOffice"),
                json!("transparent"),
                (Kind::OutOfOffice, ShowAs::OutOfOffice),
            ),
            (
                json!("workingLocation"),
                json!("transparent"),
                (Kind::WorkingLocation, ShowAs::Free),
            ),
            (
                json!("focusTime"),
                json!(null),
                (Kind::FocusTime, ShowAs::Busy),
            ),
            (
                json!("birthday"),
                json!("transparent"),
                (Kind::Birthday, ShowAs::Free),
            ),
            (
                json!("siesta"),
                json!("hazy"),
                (Kind::Other, ShowAs::Unknown),
            ),
        ] {
            assert_eq!(shown(kind.clone(), transparency), wanted, "{kind}");
        }
    }

    #[test]
    fn a_cancelled_entry_is_kept_as_far_as_it_goes() {
        assert_eq!(
            meeting(json!({"status": "cancelled"})).status,
            Status::Cancelled
        );
        let bare = read(&json!({"id": "x", "status": "cancelled"}), &BERLIN).unwrap();
        assert_eq!(bare.meeting, Meeting::gone("x".into(), Status::Deleted));
        let exception = read(
            &json!({"id": "s_2026", "status": "cancelled", "recurringEventId": "s",
                    "originalStartTime": {"dateTime": "2026-01-05T09:00:00Z"}}),
            &BERLIN,
        )
        .unwrap();
        assert_eq!(exception.meeting.series_id.as_deref(), Some("s"));
        assert_eq!(exception.meeting.span, None);
        assert_eq!(exception.meeting.status, Status::Deleted);
        // Damage does not bring it back.
        let damaged = read(
            &json!({"id": "x", "status": "cancelled", "start": {"dateTime": "?"}, "attendees": 1}),
            &BERLIN,
        )
        .unwrap();
        assert_eq!(damaged.meeting.status, Status::Deleted);
    }

    #[test]
    fn days_stay_days() {
        assert_eq!(
            meeting(json!({"start": {"date": "2026-01-05"}, "end": {"date": "2026-01-07"}})).span,
            Some(Span::Dates {
                start: 20_458,
                end: 20_460
            })
        );
    }

    #[test]
    fn times_without_an_offset_take_the_entry_s_zone_or_the_calendar_s() {
        let span = |start: Value, end: Value| meeting(json!({"start": start, "end": end})).span;
        assert_eq!(
            span(
                json!({"dateTime": "2026-07-01T09:00:00", "timeZone": "America/New_York"}),
                json!({"dateTime": "2026-07-01T16:00:00"}),
            ),
            Some(Span::Instants {
                start: at("2026-07-01T13:00:00Z"),
                end: at("2026-07-01T14:00:00Z")
            })
        );
        // 02:30 comes twice on this night; what begins in the first may end in the second.
        assert_eq!(
            span(
                json!({"dateTime": "2026-10-25T00:45:00Z"}),
                json!({"dateTime": "2026-10-25T02:30:00"}),
            ),
            Some(Span::Instants {
                start: at("2026-10-25T00:45:00Z"),
                end: at("2026-10-25T01:30:00Z")
            })
        );
        let nowhere = Calendar {
            zone: None,
            ..BERLIN
        };
        let fault = read(
            &item(json!({"start": {"dateTime": "2026-07-01T09:00:00"}})),
            &nowhere,
        )
        .unwrap_err();
        assert_eq!((fault.field, fault.reason), ("start", "unknown_zone"));
    }

    #[test]
    fn what_cannot_be_understood_is_said_by_field() {
        let end = |end: Value| json!({ "end": end });
        for (changes, field, reason, value) in [
            (json!({"id": ""}), "id", "missing", ""),
            (json!({"id": 7}), "id", "bad_type", ""),
            (json!({"start": null}), "start", "missing", ""),
            (json!({"start": {}}), "start", "missing", ""),
            (json!({"start": "now"}), "start", "bad_type", ""),
            (end(json!(null)), "end", "missing", ""),
            (end(json!({"dateTime": 5})), "end", "bad_type", ""),
            (
                end(json!({"dateTime": "2026-02-30T09:00:00Z"})),
                "end",
                "bad_time",
                "2026-02-30T09:00:00Z",
            ),
            (
                end(json!({"dateTime": "Lunch with Ann"})),
                "end",
                "bad_time",
                "",
            ),
            (end(json!({"date": "2026-01-06"})), "end", "bad_time", ""),
            (
                end(json!({"dateTime": "2026-01-05T07:00:00Z"})),
                "end",
                "ends_before_start",
                "",
            ),
            (
                end(json!({"dateTime": "2026-01-05T11:00:00", "timeZone": "Mars/Base"})),
                "end",
                "unknown_zone",
                "Mars/Base",
            ),
            (json!({"attendees": {}}), "attendees", "bad_type", ""),
            (
                json!({"attendees": [{"email": 1}]}),
                "attendees",
                "bad_type",
                "",
            ),
            (json!({"summary": ["a"]}), "summary", "bad_type", ""),
            (
                json!({"organizer": "ann@example.com"}),
                "organizer",
                "bad_type",
                "",
            ),
        ] {
            assert_eq!(
                fault(changes.clone()),
                (field, reason, value.to_owned()),
                "{changes}"
            );
        }
        let day = fault(json!({"start": {"date": "2026-13-01"}, "end": {"date": "2026-01-01"}}));
        assert_eq!(day, ("start", "bad_time", "2026-13-01".into()));
    }

    #[test]
    fn an_organiser_that_is_no_person_is_none() {
        for email in [
            "unknownorganizer@calendar.google.com",
            "c1@group.calendar.google.com",
        ] {
            assert_eq!(
                meeting(json!({"organizer": {"email": email}})).organizer,
                None
            );
        }
        let silent = meeting(json!({"organizer": {"email": "ann@example.com", "self": true}}));
        assert_eq!(silent.organizer.unwrap().response, None);
        assert_eq!(silent.own_response, None);
    }

    #[test]
    fn impossible_moments_are_none() {
        let odd = meeting(json!({"created": "0000-12-31T00:00:00.000Z", "updated": 5}));
        assert_eq!((odd.created, odd.updated), (None, None));
    }
}
