//! What a lake must hold of a calendar, worked out from the truth alone: nothing of a connector,
//! and nothing of the answers that are sent, is used.
//!
//! Some things may be written in more than one right way (the organiser among the attendees or
//! not, the organiser's own acceptance, stamps): [`canonical`] brings both sides to one.

use activlake::sources::meeting::{
    Attendee, AttendeeKind, EventKind, Meeting, Organizer, Response, ShowAs, Span, Status,
};

use super::truth::{Entry, Event, Person, State, Truth, When};

/// Whose calendars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    Google,
    Graph,
}

impl Truth {
    /// The living entries of a person that overlap `[from, to)` (seconds since 1970), by id, in the
    /// canonical form. Whole days lie in the calendar's zone for Google, in UTC for Graph.
    pub fn expected(&self, maker: Maker, key: &str, from: i64, to: i64) -> Vec<Meeting> {
        let person = self.people().iter().find(|person| person.key == key);
        let Some(person) = person else {
            return Vec::new();
        };
        person
            .calendar
            .values()
            .filter(|entry| entry.state == State::Live)
            .filter(|entry| {
                let zone = match maker {
                    Maker::Google => person.zone.as_str(),
                    Maker::Graph => "UTC",
                };
                entry.event.when.overlaps(zone, from, to)
            })
            .map(|entry| meeting(maker, person, entry))
            .map(|meeting| canonical(meeting, person))
            .collect()
    }

    /// Brings what a lake holds of a person to the canonical form, by id, the living ones only.
    pub fn comparable(&self, key: &str, meetings: Vec<Meeting>) -> Vec<Meeting> {
        let mut meetings: Vec<Meeting> = meetings
            .into_iter()
            .filter(|meeting| !matches!(meeting.status, Status::Cancelled | Status::Deleted))
            .collect();
        if let Some(person) = self.people().iter().find(|person| person.key == key) {
            meetings = meetings
                .into_iter()
                .map(|meeting| canonical(meeting, person))
                .collect();
        }
        meetings.sort_by(|a, b| a.event_id.cmp(&b.event_id));
        meetings
    }
}

/// Attendees by address and without the organiser; no word on the organiser's acceptance, nor on
/// the owner's where the owner is the organiser; no stamps.
pub fn canonical(mut meeting: Meeting, owner: &Person) -> Meeting {
    let accepted = |response: Option<Response>| response.filter(|one| *one != Response::Accepted);
    if let Some(organizer) = &mut meeting.organizer {
        organizer.response = accepted(organizer.response);
        meeting
            .attendees
            .retain(|attendee| attendee.email != organizer.email);
        if owner.is(&organizer.email) {
            meeting.own_response = accepted(meeting.own_response);
        }
    }
    meeting.attendees.sort_by(|a, b| a.email.cmp(&b.email));
    meeting.created = None;
    meeting.updated = None;
    meeting
}

fn hidden(maker: Maker, person: &Person, event: &Event) -> bool {
    maker == Maker::Google
        && match person.access_role {
            "freeBusyReader" => true,
            "reader" => event.private,
            _ => false,
        }
}

fn meeting(maker: Maker, person: &Person, entry: &Entry) -> Meeting {
    let event = &entry.event;
    let hidden = hidden(maker, person, event);
    let private = event.private || hidden;
    let organizer = event
        .organizer
        .clone()
        .unwrap_or_else(|| person.principal.clone())
        .to_lowercase();
    let is_own = person.is(&organizer);
    let answered = event
        .attendees
        .iter()
        .find(|invited| person.is(&invited.email))
        .map(|invited| invited.response);
    let own_response = if is_own || hidden {
        None
    } else {
        answered.or(Some(Response::NeedsAction))
    };
    let mut attendees: Vec<Attendee> = event
        .attendees
        .iter()
        .map(|invited| Attendee {
            email: invited.email.to_lowercase(),
            response: Some(invited.response),
            kind: match invited.kind {
                // Neither maker tells a mailing list from a person.
                AttendeeKind::Group => AttendeeKind::Person,
                kind => kind,
            },
            // Graph has one word for either.
            optional: invited.optional
                && !(maker == Maker::Graph && invited.kind == AttendeeKind::Resource),
        })
        .collect();
    // Google shows whoever looks among the attendees of somebody else's event.
    if maker == Maker::Google && !is_own && answered.is_none() {
        attendees.push(Attendee {
            email: person.principal.to_lowercase(),
            response: Some(Response::NeedsAction),
            kind: AttendeeKind::Person,
            optional: false,
        });
    }
    if hidden {
        attendees.clear();
    }
    let micros = |seconds: i64| seconds * 1_000_000;
    Meeting {
        event_id: event.id.clone(),
        series_id: event.series.clone(),
        title: (!private).then(|| event.title.clone()),
        private,
        span: Some(match event.when {
            When::Instants(start, end) => Span::Instants {
                start: micros(start),
                end: micros(end),
            },
            When::Days(start, end) => Span::Dates { start, end },
        }),
        status: match (maker, event.tentative) {
            // Graph has no such status, only how the time shows.
            (Maker::Google, true) => Status::Tentative,
            _ => Status::Confirmed,
        },
        show_as: match (maker, event.show_as) {
            (Maker::Graph, show_as) => show_as,
            // Google says it by the sort of the entry.
            (Maker::Google, _) if event.kind == EventKind::OutOfOffice => ShowAs::OutOfOffice,
            (Maker::Google, ShowAs::Free) => ShowAs::Free,
            (Maker::Google, _) => ShowAs::Busy,
        },
        kind: match maker {
            Maker::Google => event.kind,
            Maker::Graph => EventKind::Default,
        },
        organizer: (!hidden).then_some(Organizer {
            email: organizer,
            response: None,
        }),
        own_response,
        attendees,
        created: None,
        updated: None,
    }
}
