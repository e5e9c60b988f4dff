//! Rows of `raw/meetings` on their way into one file.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Date32Array, Date32Builder, Int32Builder, Int64Builder, ListBuilder,
    RecordBatch, StringBuilder, StructBuilder, TimestampMicrosecondBuilder,
};
use xxhash_rust::xxh3::Xxh3Default;

use super::{Incoming, Known, MOVED};
use crate::ingest::Error;
use crate::lake::tables::{self, MEETINGS_RAW};
use crate::sources::meeting::{Attendee, Meeting, Response, Span};

/// Builders of all columns but the date, in the table's order. Rows are pushed in the table's
/// order, too.
pub struct Columns {
    rows: usize,
    uid: Int64Builder,
    start: TimestampMicrosecondBuilder,
    end: TimestampMicrosecondBuilder,
    start_date: Date32Builder,
    end_date: Date32Builder,
    instance: StringBuilder,
    event_id: StringBuilder,
    revision: Int32Builder,
    content_hash: Int64Builder,
    series_id: StringBuilder,
    title: StringBuilder,
    private: BooleanBuilder,
    status: StringBuilder,
    show_as: StringBuilder,
    kind: StringBuilder,
    organizer_email: StringBuilder,
    organizer_response: StringBuilder,
    own_response: StringBuilder,
    attendees: ListBuilder<StructBuilder>,
    created: TimestampMicrosecondBuilder,
    updated: TimestampMicrosecondBuilder,
}

impl Default for Columns {
    fn default() -> Self {
        let instants = || TimestampMicrosecondBuilder::new().with_timezone("UTC");
        Columns {
            rows: 0,
            uid: Int64Builder::new(),
            start: instants(),
            end: instants(),
            start_date: Date32Builder::new(),
            end_date: Date32Builder::new(),
            instance: StringBuilder::new(),
            event_id: StringBuilder::new(),
            revision: Int32Builder::new(),
            content_hash: Int64Builder::new(),
            series_id: StringBuilder::new(),
            title: StringBuilder::new(),
            private: BooleanBuilder::new(),
            status: StringBuilder::new(),
            show_as: StringBuilder::new(),
            kind: StringBuilder::new(),
            organizer_email: StringBuilder::new(),
            organizer_response: StringBuilder::new(),
            own_response: StringBuilder::new(),
            attendees: ListBuilder::new(StructBuilder::from_fields(tables::attendee(), 0)),
            created: instants(),
            updated: instants(),
        }
    }
}

impl Columns {
    /// Rows so far.
    #[cfg(test)]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// An entry in a new version. A deletion keeps the span it had.
    pub fn push(&mut self, entry: &Incoming, version: &Known, revision: i32) {
        let meeting = &entry.meeting;
        self.key(entry, version, revision, meeting.status.word());
        self.span(version.span);
        self.series_id.append_option(meeting.series_id.as_deref());
        // A private title is blanked where it is read; this makes sure.
        let title = meeting.title.as_deref().filter(|_| !meeting.private);
        self.title.append_option(title);
        self.private.append_value(meeting.private);
        self.show_as.append_value(meeting.show_as.word());
        self.kind.append_value(meeting.kind.word());
        let organizer = meeting.organizer.as_ref();
        self.organizer_email
            .append_option(organizer.map(|organizer| organizer.email.as_str()));
        self.organizer_response.append_option(
            organizer
                .and_then(|organizer| organizer.response)
                .map(Response::word),
        );
        self.own_response
            .append_option(meeting.own_response.map(Response::word));
        self.created.append_option(meeting.created);
        for attendee in &meeting.attendees {
            self.attendee(attendee);
        }
        self.attendees.append(true);
    }

    /// Says that an entry is no longer on this date.
    pub fn push_mark(&mut self, entry: &Incoming, version: &Known, revision: i32) {
        self.key(entry, version, revision, MOVED);
        self.span(None);
        self.series_id.append_null();
        self.title.append_null();
        self.private.append_value(entry.meeting.private);
        self.show_as.append_value(entry.meeting.show_as.word());
        self.kind.append_value(entry.meeting.kind.word());
        self.organizer_email.append_null();
        self.organizer_response.append_null();
        self.own_response.append_null();
        self.created.append_null();
        self.attendees.append(true);
    }

    fn key(&mut self, entry: &Incoming, version: &Known, revision: i32, status: &str) {
        self.rows += 1;
        self.uid.append_value(entry.uid);
        self.instance.append_value(&entry.instance);
        self.event_id.append_value(&entry.meeting.event_id);
        self.revision.append_value(revision);
        self.content_hash.append_value(version.content_hash);
        self.status.append_value(status);
        self.updated.append_option(version.updated);
    }

    fn span(&mut self, span: Option<Span>) {
        let (start, end, start_date, end_date) = match span {
            Some(Span::Instants { start, end }) => (Some(start), Some(end), None, None),
            Some(Span::Dates { start, end }) => (None, None, Some(start), Some(end)),
            None => (None, None, None, None),
        };
        self.start.append_option(start);
        self.end.append_option(end);
        self.start_date.append_option(start_date);
        self.end_date.append_option(end_date);
    }

    fn attendee(&mut self, attendee: &Attendee) {
        let row = self.attendees.values();
        if let Some(email) = row.field_builder::<StringBuilder>(0) {
            email.append_value(&attendee.email);
        }
        if let Some(response) = row.field_builder::<StringBuilder>(1) {
            response.append_option(attendee.response.map(Response::word));
        }
        if let Some(kind) = row.field_builder::<StringBuilder>(2) {
            kind.append_value(attendee.kind.word());
        }
        if let Some(optional) = row.field_builder::<BooleanBuilder>(3) {
            optional.append_value(attendee.optional);
        }
        row.append(true);
    }

    /// The rows, all of one date.
    pub fn finish(&mut self, date: i32) -> Result<RecordBatch, Error> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.uid.finish()),
            Arc::new(self.start.finish()),
            Arc::new(self.end.finish()),
            Arc::new(self.start_date.finish()),
            Arc::new(self.end_date.finish()),
            Arc::new(self.instance.finish()),
            Arc::new(self.event_id.finish()),
            Arc::new(self.revision.finish()),
            Arc::new(self.content_hash.finish()),
            Arc::new(self.series_id.finish()),
            Arc::new(self.title.finish()),
            Arc::new(self.private.finish()),
            Arc::new(self.status.finish()),
            Arc::new(self.show_as.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.organizer_email.finish()),
            Arc::new(self.organizer_response.finish()),
            Arc::new(self.own_response.finish()),
            Arc::new(self.attendees.finish()),
            Arc::new(self.created.finish()),
            Arc::new(self.updated.finish()),
            Arc::new(Date32Array::from(vec![date; self.rows])),
        ];
        RecordBatch::try_new(Arc::clone(&MEETINGS_RAW.schema), columns).map_err(|cause| {
            Error::Batch {
                cause: cause.to_string(),
            }
        })
    }
}

/// A hash of all that is stored of an entry but its stamps: two versions that differ only there say
/// the same. An order of attendees that changes is no change.
pub fn content_hash(meeting: &Meeting) -> i64 {
    let mut hash = Xxh3Default::new();
    let mut text = |text: Option<&str>| match text {
        Some(text) => {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        None => hash.update(&u64::MAX.to_le_bytes()),
    };
    text(meeting.series_id.as_deref());
    text(meeting.title.as_deref().filter(|_| !meeting.private));
    text(Some(if meeting.private { "private" } else { "" }));
    let span = match meeting.span {
        Some(Span::Instants { start, end }) => format!("instants {start} {end}"),
        Some(Span::Dates { start, end }) => format!("dates {start} {end}"),
        None => String::new(),
    };
    text(Some(&span));
    text(Some(meeting.status.word()));
    text(Some(meeting.show_as.word()));
    text(Some(meeting.kind.word()));
    let organizer = meeting.organizer.as_ref();
    text(organizer.map(|organizer| organizer.email.as_str()));
    text(
        organizer
            .and_then(|organizer| organizer.response)
            .map(Response::word),
    );
    text(meeting.own_response.map(Response::word));
    let mut attendees: Vec<&Attendee> = meeting.attendees.iter().collect();
    attendees.sort_by(|one, other| {
        (&one.email, one.kind, one.response, one.optional).cmp(&(
            &other.email,
            other.kind,
            other.response,
            other.optional,
        ))
    });
    for attendee in attendees {
        text(Some(&attendee.email));
        text(attendee.response.map(Response::word));
        text(Some(attendee.kind.word()));
        text(Some(if attendee.optional { "optional" } else { "" }));
    }
    hash.digest().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::meeting::{AttendeeKind, Status};

    #[test]
    fn the_hash_sees_answers_and_not_their_order() {
        let invited = |email: &str, response| Attendee {
            email: email.into(),
            response,
            kind: AttendeeKind::Person,
            optional: false,
        };
        let mut one = Meeting::gone("a".into(), Status::Confirmed);
        one.attendees = vec![invited("a@x", None), invited("b@x", None)];
        let mut other = one.clone();
        other.attendees.reverse();
        other.updated = Some(5);
        assert_eq!(content_hash(&one), content_hash(&other));
        other.attendees[0].response = Some(Response::Declined);
        assert_ne!(content_hash(&one), content_hash(&other));
    }
}
