//! One row of the normal form: its fields by name, and the rule of each (`inputs.md` §4).
//!
//! JSON text goes in, a [`Meeting`] with its instance and person goes out, or what is wrong with
//! it. Rules of fields common to all inputs hold here, too: names match in any case, blank is
//! absent, a number is not a text.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::super::draft::Fault;
use super::super::meeting::{
    Attendee, AttendeeKind, EventKind, Meeting, Organizer, ShowAs, Span, Status, address,
};
use super::super::ndjson::json_fault;
use super::values::{
    Edge, Note, edge, fault, flag, is_blank, moment, of, others, response, shown, text,
};
use crate::clock::Micros;

/// Most characters of an instance's name.
const INSTANCE_CHARS_MAX: usize = 60;
/// The first number that is no uid: tables hold them as doubles, too.
const UID_END: i64 = 1 << 53;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Field {
    Instance,
    Uid,
    EventId,
    SeriesId,
    Title,
    Private,
    Start,
    End,
    Status,
    ShowAs,
    Kind,
    Organizer,
    OwnResponse,
    Attendees,
    Created,
    Updated,
}

const COUNT: usize = 16;

const FIELDS: [(Field, &str); COUNT] = [
    (Field::Instance, "instance"),
    (Field::Uid, "uid"),
    (Field::EventId, "event_id"),
    (Field::SeriesId, "series_id"),
    (Field::Title, "title"),
    (Field::Private, "private"),
    (Field::Start, "start"),
    (Field::End, "end"),
    (Field::Status, "status"),
    (Field::ShowAs, "show_as"),
    (Field::Kind, "kind"),
    (Field::Organizer, "organizer"),
    (Field::OwnResponse, "own_response"),
    (Field::Attendees, "attendees"),
    (Field::Created, "created"),
    (Field::Updated, "updated"),
];

impl Field {
    fn of(name: &str) -> Option<Field> {
        let name = name.trim();
        FIELDS
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map(|(field, _)| *field)
    }

    fn name(self) -> &'static str {
        FIELDS.get(self as usize).map_or("", |(_, known)| known)
    }
}

/// The values of one row.
#[derive(Debug, Default)]
pub(super) struct Row {
    values: [Value; COUNT],
    /// A field that stands twice with values that differ.
    twice: Option<Field>,
    /// Names that no field has, with a value.
    others: Vec<String>,
}

impl Row {
    /// Reads one JSON object.
    pub(super) fn parse(bytes: &[u8]) -> Result<Row, Fault> {
        let Ok(text) = std::str::from_utf8(bytes.trim_ascii()) else {
            return Err(Fault::row("not_utf8", ""));
        };
        match text.as_bytes().first() {
            Some(b'{') => {}
            Some(_) => return Err(Fault::row("not_an_object", "")),
            None => return Err(Fault::row("bad_json", "nothing between two commas")),
        }
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_map(RowVisitor)
            .and_then(|row| json.end().map(|()| row))
            .map_err(|error| json_fault(bytes, &error))
    }

    fn value(&self, field: Field) -> Option<&Value> {
        self.values.get(field as usize)
    }

    fn text(&self, field: Field) -> Result<Option<&str>, Fault> {
        text(field.name(), self.value(field))
    }

    fn required(&self, field: Field) -> Result<&str, Fault> {
        self.text(field)?
            .ok_or_else(|| fault(field.name(), "missing"))
    }

    /// The instance and the person that the entry belongs to.
    pub(super) fn owner(&self) -> Result<(&str, i64), Fault> {
        if let Some(field) = self.twice {
            return Err(fault(field.name(), "duplicate_field"));
        }
        let instance = self.required(Field::Instance)?;
        if instance.chars().count() > INSTANCE_CHARS_MAX {
            return Err(fault("instance", "too_long"));
        }
        Ok((instance, self.uid()?))
    }

    fn uid(&self) -> Result<i64, Fault> {
        let number = match self.value(Field::Uid) {
            Some(Value::Number(number)) => number,
            Some(value) if !is_blank(value) => return Err(fault("uid", "bad_type")),
            _ => return Err(fault("uid", "missing")),
        };
        // 7.0 is 7 in JSON, and some write whole numbers so.
        let whole = number.as_f64().filter(|number| number.fract() == 0.0);
        let uid = number.as_i64().or(whole.map(|number| number as i64));
        uid.filter(|uid| (1..UID_END).contains(uid))
            .ok_or_else(|| Fault {
                value: number.to_string(),
                ..fault("uid", "bad_uid")
            })
    }

    /// The entry; what was not understood of it goes to `notes`.
    pub(super) fn meeting(&self, notes: &mut Vec<Note>) -> Result<Meeting, Fault> {
        let event_id = self.required(Field::EventId)?.to_owned();
        let status = match self.text(Field::Status)? {
            None => Status::Confirmed,
            Some(word) => Status::of(word).ok_or_else(|| shown("status", "bad_status", word))?,
        };
        let span = self.span()?;
        if span.is_none() && !matches!(status, Status::Cancelled | Status::Deleted) {
            return Err(fault("start", "missing"));
        }
        let show_as = match self.text(Field::ShowAs)? {
            None => ShowAs::Unknown,
            Some(word) => ShowAs::of(word).unwrap_or_else(|| {
                notes.push(("unknown_show_as", shown("", "", word).value));
                ShowAs::Unknown
            }),
        };
        let kind = match self.text(Field::Kind)? {
            None => EventKind::Default,
            Some(word) => EventKind::of(word).unwrap_or_else(|| {
                notes.push(("unknown_kind", shown("", "", word).value));
                EventKind::Other
            }),
        };
        let meeting = Meeting {
            event_id,
            series_id: self.text(Field::SeriesId)?.map(str::to_owned),
            title: self.title()?,
            private: flag("private", self.value(Field::Private))?,
            span,
            status,
            show_as,
            kind,
            organizer: self.organizer(notes)?,
            own_response: response("own_response", self.value(Field::OwnResponse))?,
            attendees: self.attendees(notes)?,
            created: self.moment(Field::Created)?,
            updated: self.moment(Field::Updated)?,
        };
        Ok(meeting.blank_when_private())
    }

    /// Counts the names that no field has.
    pub(super) fn unknown(self, notes: &mut Vec<Note>) {
        let names = self.others.into_iter();
        notes.extend(names.map(|name| ("unknown_field", name)));
    }

    /// Unlike other texts an empty title is one.
    fn title(&self) -> Result<Option<String>, Fault> {
        let given = matches!(self.value(Field::Title), Some(Value::String(_)));
        let title = self.text(Field::Title)?;
        Ok(given.then(|| title.unwrap_or_default().to_owned()))
    }

    fn moment(&self, field: Field) -> Result<Option<Micros>, Fault> {
        self.text(field)?
            .map(|text| moment(field.name(), text))
            .transpose()
    }

    fn span(&self) -> Result<Option<Span>, Fault> {
        let start = edge("start", self.value(Field::Start))?;
        let end = edge("end", self.value(Field::End))?;
        let span = match (start, end) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err(fault("start", "missing")),
            (Some(_), None) => return Err(fault("end", "missing")),
            (Some(Edge::At(start)), Some(Edge::At(end))) => Span::Instants { start, end },
            (Some(Edge::Day(start)), Some(Edge::Day(end))) => Span::Dates { start, end },
            // A day at one end and a time at the other.
            _ => return Err(fault("end", "contradiction")),
        };
        match span {
            Span::Instants { start, end } if end < start => Err(fault("end", "ends_before_start")),
            Span::Dates { start, end } if end < start => Err(fault("end", "ends_before_start")),
            _ => Ok(Some(span)),
        }
    }

    fn organizer(&self, notes: &mut Vec<Note>) -> Result<Option<Organizer>, Fault> {
        let organizer = match self.value(Field::Organizer) {
            Some(Value::Object(organizer)) => organizer,
            Some(value) if !is_blank(value) => return Err(fault("organizer", "bad_type")),
            _ => return Ok(None),
        };
        others(organizer, "organizer", &["email", "response"], notes);
        let response = response("organizer.response", of(organizer, "response"))?;
        match text("organizer.email", of(organizer, "email"))?.and_then(address) {
            Some(email) => Ok(Some(Organizer { email, response })),
            None => {
                notes.push(("no_address", "organizer".to_owned()));
                Ok(None)
            }
        }
    }

    /// Who was invited. Somebody without an address cannot be told apart from others, so cannot be
    /// counted as a person, and is left out.
    fn attendees(&self, notes: &mut Vec<Note>) -> Result<Vec<Attendee>, Fault> {
        let list = match self.value(Field::Attendees) {
            Some(Value::Array(list)) => list,
            Some(value) if !is_blank(value) => return Err(fault("attendees", "bad_type")),
            _ => return Ok(Vec::new()),
        };
        let mut found = Vec::with_capacity(list.len());
        for entry in list {
            let Value::Object(entry) = entry else {
                return Err(fault("attendees", "bad_type"));
            };
            others(
                entry,
                "attendees",
                &["email", "response", "kind", "optional"],
                notes,
            );
            let response = response("attendees.response", of(entry, "response"))?;
            let kind = match text("attendees.kind", of(entry, "kind"))? {
                None => AttendeeKind::Person,
                Some(word) => AttendeeKind::of(word)
                    .ok_or_else(|| shown("attendees.kind", "bad_kind", word))?,
            };
            let optional = flag("attendees.optional", of(entry, "optional"))?;
            match text("attendees.email", of(entry, "email"))?.and_then(address) {
                Some(email) => found.push(Attendee {
                    email,
                    response,
                    kind,
                    optional,
                }),
                None => notes.push(("no_address", "attendees".to_owned())),
            }
        }
        Ok(found)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let mut row = Row::default();
        while let Some(name) = map.next_key::<String>()? {
            // Also what is not known is parsed: how deep a row may be must not depend on it.
            let value = map.next_value::<Value>()?;
            let Some(field) = Field::of(&name) else {
                if !is_blank(&value) {
                    row.others.push(name);
                }
                continue;
            };
            let Some(slot) = row.values.get_mut(field as usize) else {
                continue;
            };
            if slot.is_null() {
                *slot = value;
            } else if !value.is_null() && *slot != value {
                row.twice = row.twice.or(Some(field));
            }
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::draft::TEXT_BYTES_MAX;
    use super::super::super::meeting::Response;
    use super::*;
    use serde_json::json;

    const DAY: i64 = 86_400_000_000;

    /// A good row with some values in place of its own; null takes one away.
    fn row(changes: Value) -> Row {
        let mut all = json!({
            "instance": "main", "uid": 7, "event_id": "Ab1",
            "start": "2026-03-02T09:00:00+01:00", "end": "2026-03-02T09:30:00.5Z",
        });
        for (name, value) in changes.as_object().unwrap() {
            all[name] = value.clone();
        }
        Row::parse(all.to_string().as_bytes()).unwrap()
    }

    fn meeting(changes: Value) -> Meeting {
        row(changes).meeting(&mut Vec::new()).unwrap()
    }

    /// Field, reason and value of the fault.
    fn wrong(changes: Value) -> (&'static str, &'static str, String) {
        let row = row(changes);
        let fault = match row.owner() {
            Err(fault) => fault,
            Ok(_) => row.meeting(&mut Vec::new()).unwrap_err(),
        };
        (fault.field, fault.reason, fault.value)
    }

    #[test]
    fn every_field_name_stands_at_its_place() {
        for (index, (field, name)) in FIELDS.iter().enumerate() {
            assert_eq!(*field as usize, index);
            assert_eq!(
                Field::of(&format!(" {} ", name.to_uppercase())),
                Some(*field)
            );
        }
    }

    #[test]
    fn little_is_enough() {
        let start = 1_772_438_400_000_000;
        let wanted = Meeting {
            span: Some(Span::Instants {
                start,
                end: start + 5_400_500_000,
            }),
            ..Meeting::gone("Ab1".into(), Status::Confirmed)
        };
        assert_eq!(meeting(json!({})), wanted);
        assert_eq!(row(json!({})).owner().unwrap(), ("main", 7));
        assert_eq!(row(json!({"uid": 8.0})).owner().unwrap().1, 8);
        let blanks = json!({"title": null, "status": " ", "organizer": null, "attendees": "",
            "updated": "", "private": null, "own_response": ""});
        assert_eq!(meeting(blanks), wanted);
    }

    #[test]
    fn all_there_is() {
        let full = meeting(json!({
            "series_id": "s", "title": " Plan ", "status": "TENTATIVE", "show_as": "oof",
            "kind": "focusTime", "organizer": {"EMAIL": "MAILTO:Ann@Example.com", "response": "accepted"},
            "own_response": "declined", "created": "1999-01-01T00:00:00Z",
            "updated": "2026-03-01T00:00:00Z",
            "attendees": [
                {"email": "Bob@example.com", "response": "needsAction", "optional": true},
                {"email": "room@example.com", "kind": "resource"},
                {"email": "nobody", "response": "accepted"},
            ],
        }));
        assert_eq!(full.title.as_deref(), Some("Plan"));
        assert_eq!(full.series_id.as_deref(), Some("s"));
        assert_eq!(full.status, Status::Tentative);
        assert_eq!(full.show_as, ShowAs::OutOfOffice);
        assert_eq!(full.kind, EventKind::FocusTime);
        assert_eq!(full.own_response, Some(Response::Declined));
        assert_eq!(full.created, Some(915_148_800_000_000));
        assert_eq!(full.updated, Some(1_772_323_200_000_000));
        assert_eq!(
            full.organizer,
            Some(Organizer {
                email: "ann@example.com".into(),
                response: Some(Response::Accepted),
            })
        );
        let seen: Vec<_> = full
            .attendees
            .iter()
            .map(|one| (one.email.as_str(), one.response, one.kind, one.optional))
            .collect();
        assert_eq!(
            seen,
            [
                (
                    "bob@example.com",
                    Some(Response::NeedsAction),
                    AttendeeKind::Person,
                    true
                ),
                ("room@example.com", None, AttendeeKind::Resource, false),
            ]
        );
    }

    #[test]
    fn titles_are_absent_empty_or_private() {
        assert_eq!(meeting(json!({"title": " "})).title.as_deref(), Some(""));
        let hidden = meeting(json!({"title": "Surgery", "private": true}));
        assert_eq!((hidden.title, hidden.private), (None, true));
        let long = "a".repeat(TEXT_BYTES_MAX + 1);
        assert_eq!(
            wrong(json!({"title": long})),
            ("title", "too_long", String::new())
        );
        assert_eq!(
            wrong(json!({"title": "a\0"})),
            ("title", "nul_byte", String::new())
        );
    }

    #[test]
    fn whole_days() {
        let days = meeting(json!({"start": "2026-03-02", "end": "2026-03-04"})).span;
        let first = i32::try_from(1_772_409_600_000_000 / DAY).unwrap();
        let wanted = Span::Dates {
            start: first,
            end: first + 2,
        };
        assert_eq!(days, Some(wanted));
        for (changes, field, reason) in [
            (json!({"start": "2026-03-02"}), "end", "contradiction"),
            (
                json!({"start": "2026-02-29", "end": "2026-03-04"}),
                "start",
                "bad_time",
            ),
            (
                json!({"start": "2026-03-02", "end": "2026-03-01"}),
                "end",
                "ends_before_start",
            ),
            (
                json!({"end": "2026-03-02T07:59:59Z"}),
                "end",
                "ends_before_start",
            ),
            (json!({"start": "2026-03-02T09:00:00"}), "start", "bad_time"),
            (
                json!({"start": "2026-03-02T09:00:00.25"}),
                "start",
                "bad_time",
            ),
            (json!({"start": "tomorrow"}), "start", "bad_time"),
            (json!({"updated": "2026-03-02"}), "updated", "bad_time"),
            (json!({"start": 1_772_442_000}), "start", "bad_type"),
            (json!({"start": null}), "start", "missing"),
            (json!({"end": null}), "end", "missing"),
            (json!({"start": null, "end": null}), "start", "missing"),
        ] {
            let got = wrong(changes.clone());
            assert_eq!((got.0, got.1), (field, reason), "{changes}");
        }
        assert_eq!(
            meeting(json!({"end": "2026-03-02T08:00:00Z"})).status,
            Status::Confirmed
        );
    }

    #[test]
    fn what_is_gone_needs_no_time() {
        for status in ["cancelled", "deleted"] {
            let gone = meeting(json!({"start": null, "end": null, "status": status}));
            assert_eq!(
                gone,
                Meeting::gone("Ab1".into(), Status::of(status).unwrap())
            );
        }
        let half = json!({"start": null, "status": "deleted"});
        assert_eq!(wrong(half).0, "start");
    }

    #[test]
    fn faults_of_fields() {
        for (changes, field, reason, value) in [
            (json!({"instance": " "}), "instance", "missing", ""),
            (
                json!({"instance": "ä".repeat(61)}),
                "instance",
                "too_long",
                "",
            ),
            (json!({"uid": null}), "uid", "missing", ""),
            (json!({"uid": "7"}), "uid", "bad_type", ""),
            (json!({"uid": 7.5}), "uid", "bad_uid", "7.5"),
            (json!({"uid": 0}), "uid", "bad_uid", "0"),
            (
                json!({"uid": 9_007_199_254_740_992_i64}),
                "uid",
                "bad_uid",
                "9007199254740992",
            ),
            (json!({"event_id": 5}), "event_id", "bad_type", ""),
            (json!({"event_id": ""}), "event_id", "missing", ""),
            (
                json!({"status": "postponed"}),
                "status",
                "bad_status",
                "postponed",
            ),
            // A word could be somebody's name or what a meeting is about.
            (
                json!({"status": "Talk with Ann"}),
                "status",
                "bad_status",
                "",
            ),
            (
                json!({"status": "ann@example.com"}),
                "status",
                "bad_status",
                "",
            ),
            (json!({"private": "yes"}), "private", "not_a_boolean", ""),
            (
                json!({"own_response": "maybe"}),
                "own_response",
                "bad_response",
                "maybe",
            ),
            (
                json!({"organizer": "ann@example.com"}),
                "organizer",
                "bad_type",
                "",
            ),
            (
                json!({"organizer": {"email": "a@b", "response": 1}}),
                "organizer.response",
                "bad_type",
                "",
            ),
            (json!({"attendees": {}}), "attendees", "bad_type", ""),
            (json!({"attendees": ["a@b"]}), "attendees", "bad_type", ""),
            (
                json!({"attendees": [{"email": "a@b", "response": "no"}]}),
                "attendees.response",
                "bad_response",
                "no",
            ),
            (
                json!({"attendees": [{"email": "a@b", "kind": "robot"}]}),
                "attendees.kind",
                "bad_kind",
                "robot",
            ),
            (
                json!({"attendees": [{"email": "a@b", "optional": 1}]}),
                "attendees.optional",
                "not_a_boolean",
                "",
            ),
            (
                json!({"attendees": [{"email": 1}]}),
                "attendees.email",
                "bad_type",
                "",
            ),
        ] {
            assert_eq!(
                wrong(changes.clone()),
                (field, reason, value.to_owned()),
                "{changes}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_told() {
        let row = row(json!({
            "show_as": "away", "kind": "travel", "description": "x", "note": " ",
            "organizer": {"email": "-", "self": true},
            "attendees": [{"email": null, "id": 1}, {"email": "a@b", "comment": ""}],
        }));
        let mut notes = Vec::new();
        let meeting = row.meeting(&mut notes).unwrap();
        row.unknown(&mut notes);
        assert_eq!(
            (meeting.show_as, meeting.kind),
            (ShowAs::Unknown, EventKind::Other)
        );
        assert_eq!((meeting.organizer, meeting.attendees.len()), (None, 1));
        notes.sort();
        let notes: Vec<_> = notes
            .iter()
            .map(|(what, name)| (*what, name.as_str()))
            .collect();
        assert_eq!(
            notes,
            [
                ("no_address", "attendees"),
                ("no_address", "organizer"),
                ("unknown_field", "attendees.id"),
                ("unknown_field", "description"),
                ("unknown_field", "organizer.self"),
                ("unknown_kind", "travel"),
                ("unknown_show_as", "away"),
            ]
        );
    }

    #[test]
    fn keys_given_twice_must_agree() {
        let same =
            br#"{"instance":"a","UID":7,"uid":7,"event_id":"x","status":"deleted","uid":null}"#;
        assert_eq!(Row::parse(same).unwrap().owner().unwrap(), ("a", 7));
        let other = br#"{"instance":"a","UID":8,"uid":7,"event_id":"x"}"#;
        let fault = Row::parse(other).unwrap().owner().unwrap_err();
        assert_eq!((fault.field, fault.reason), ("uid", "duplicate_field"));
    }

    #[test]
    fn rows_that_are_none() {
        let deep = format!("{{\"x\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        for (text, reason) in [
            (deep.as_bytes(), "too_deep"),
            (b"{\"a\":\"\xe9\"}", "not_utf8"),
            (b"{\"a\":\"\0\"}", "nul_byte"),
            (b"{\"a\":1e999}", "bad_json"),
            (b" ", "bad_json"),
        ] {
            assert_eq!(Row::parse(text).unwrap_err().reason, reason);
        }
    }
}
