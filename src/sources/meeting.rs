//! A calendar entry in the normal form (`inputs.md` §4): what every calendar, whatever its maker,
//! is brought to before it reaches the lake.
//!
//! Readers of calendars make these; nothing here reads. A description is never part of it, and a
//! private entry has no title: [`Meeting::blank_when_private`] is called by whoever makes one.

use crate::clock::Micros;

/// One entry of one person's calendar. Which calendar and whose is known by who reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// The provider's id of this occurrence; case-sensitive.
    pub event_id: String,
    /// The series an occurrence belongs to.
    pub series_id: Option<String>,
    /// `None` when private or not given; empty when the entry has an empty title.
    pub title: Option<String>,
    pub private: bool,
    /// Absent only in an entry that says no more than that something is gone.
    pub span: Option<Span>,
    pub status: Status,
    pub show_as: ShowAs,
    pub kind: EventKind,
    pub organizer: Option<Organizer>,
    /// What the calendar's owner answered, when the entry itself says so.
    pub own_response: Option<Response>,
    pub attendees: Vec<Attendee>,
    pub created: Option<Micros>,
    pub updated: Option<Micros>,
}

/// When an entry is. The end is exclusive and never before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Instants, in microseconds UTC.
    Instants { start: Micros, end: Micros },
    /// Whole days of no particular zone, as days since 1970-01-01.
    Dates { start: i32, end: i32 },
}

/// Who invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organizer {
    /// Trimmed, lower case.
    pub email: String,
    pub response: Option<Response>,
}

/// Who was invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendee {
    /// Trimmed, lower case.
    pub email: String,
    pub response: Option<Response>,
    pub kind: AttendeeKind,
    pub optional: bool,
}

/// A text that stands for one of some words, as the normal form writes them.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$why:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$why])* $variant),+ }

        impl $name {
            /// Every word, in the order of the specification.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word of the normal form.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            /// The value of a word, in any case.
            pub fn of(word: &str) -> Option<Self> {
                let word = word.trim();
                $(if word.eq_ignore_ascii_case($word) { return Some($name::$variant); })+
                None
            }
        }
    };
}

words! {
    /// Whether it takes place.
    Status {
        Confirmed = "confirmed",
        Tentative = "tentative",
        Cancelled = "cancelled",
        /// No longer in the calendar.
        Deleted = "deleted",
    }
}

words! {
    /// How the time shows to others.
    ShowAs {
        Free = "free",
        Busy = "busy",
        Tentative = "tentative",
        OutOfOffice = "oof",
        WorkingElsewhere = "workingElsewhere",
        /// Not given, or a word that is not known.
        Unknown = "unknown",
    }
}

words! {
    /// What sort of entry it is; only ordinary ones can be meetings.
    EventKind {
        Default = "default",
        FromGmail = "fromGmail",
        FocusTime = "focusTime",
        OutOfOffice = "outOfOffice",
        WorkingLocation = "workingLocation",
        Birthday = "birthday",
        /// A sort that is not known (yet); never a meeting.
        Other = "other",
    }
}

words! {
    /// An answer to an invitation.
    Response {
        Accepted = "accepted",
        Declined = "declined",
        Tentative = "tentative",
        NeedsAction = "needsAction",
    }
}

words! {
    /// What an invited address stands for.
    AttendeeKind {
        Person = "person",
        /// A room or a device; never a participant.
        Resource = "resource",
        /// A mailing list; counts as one.
        Group = "group",
    }
}

impl Meeting {
    /// An entry that only says that this id is gone.
    pub fn gone(event_id: String, status: Status) -> Meeting {
        Meeting {
            event_id,
            series_id: None,
            title: None,
            private: false,
            span: None,
            status,
            show_as: ShowAs::Unknown,
            kind: EventKind::Default,
            organizer: None,
            own_response: None,
            attendees: Vec::new(),
            created: None,
            updated: None,
        }
    }

    /// Takes the title away from a private entry. Called where the entry is made, so that no
    /// private title ever leaves a reader.
    pub fn blank_when_private(mut self) -> Meeting {
        if self.private {
            self.title = None;
        }
        self
    }
}

/// An address as addresses are compared: trimmed, without `mailto:`, lower case. `None` when
/// nothing is left or there is no `@`.
pub fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let text = match text.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => text.get(7..).unwrap_or(""),
        _ => text,
    };
    let text = text.trim().to_lowercase();
    (text.contains('@')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_case_and_written_as_specified() {
        assert_eq!(
            ShowAs::of(" WORKINGELSEWHERE "),
            Some(ShowAs::WorkingElsewhere)
        );
        for word in EventKind::WORDS {
            assert_eq!(EventKind::of(word).map(EventKind::word), Some(*word));
        }
        assert_eq!(Response::of("maybe"), None);
    }

    #[test]
    fn addresses_are_compared_whole_in_lower_case() {
        assert_eq!(
            address(" MAILTO:Ann@Example.com "),
            Some("ann@example.com".into())
        );
        assert_eq!(address("room 4"), None);
        assert_eq!(address(""), None);
    }

    #[test]
    fn a_private_entry_has_no_title() {
        let mut meeting = Meeting::gone("1".into(), Status::Confirmed);
        meeting.title = Some("Surgery".into());
        assert!(meeting.clone().blank_when_private().title.is_some());
        meeting.private = true;
        assert_eq!(meeting.blank_when_private().title, None);
    }
}
