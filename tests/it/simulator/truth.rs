//! What is true in the simulated company: its people, their calendars and every change to them.
//!
//! Each change has the next version number, so that a place to go on from is a version. Series are
//! already expanded: a calendar holds occurrences with ids of their own.

use std::collections::BTreeMap;

use activlake::sources::meeting::{AttendeeKind, EventKind, Response, ShowAs};
use chrono::{DateTime, NaiveDate, Utc};

/// When version 0 of the truth was, in seconds since 1970: 2026-01-01T00:00:00Z. Later versions are
/// a second apart, so that every run of a test sees the same stamps.
const FIRST_STAMP: i64 = 1_767_225_600;

/// A company.
#[derive(Clone, Debug)]
pub struct Truth {
    pub domain: String,
    people: Vec<Person>,
    version: u64,
}

/// Somebody with a directory entry and a calendar.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name tests use; never sent.
    pub key: String,
    /// The primary address and user principal name.
    pub principal: String,
    /// What Graph calls `mail`.
    pub mail: Option<String>,
    pub aliases: Vec<String>,
    pub display_name: String,
    pub suspended: bool,
    pub archived: bool,
    pub admin: bool,
    /// Without one, Graph has no calendar to show.
    pub mailbox: bool,
    /// The IANA zone of the calendar: where its all-day entries begin.
    pub zone: String,
    /// How much of the calendar Google shows: `owner`, `writer`, `reader`, `freeBusyReader`.
    pub access_role: &'static str,
    google_id: String,
    graph_id: String,
    pub(super) calendar: BTreeMap<String, Entry>,
    /// Places to go on from that are older than this are forgotten.
    pub(super) oldest_token: u64,
}

/// An event with its history.
#[derive(Clone, Debug)]
pub struct Entry {
    pub event: Event,
    /// Of the last change.
    pub version: u64,
    pub state: State,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Live,
    /// Called off by its organiser; its details are still known.
    Cancelled,
    /// Removed; only its id is still told.
    Deleted,
}

/// When an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Seconds since 1970, end exclusive.
    Instants(i64, i64),
    /// Days since 1970-01-01, end exclusive.
    Days(i32, i32),
}

/// An event of one person's calendar.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: String,
    /// The id of the series it is an occurrence of.
    pub series: Option<String>,
    /// The same for all copies of a meeting.
    pub uid: String,
    pub title: String,
    pub when: When,
    /// Where it was before it was moved.
    pub original: When,
    pub private: bool,
    pub tentative: bool,
    pub show_as: ShowAs,
    pub kind: EventKind,
    /// Nobody: the calendar's owner.
    pub organizer: Option<String>,
    /// Everybody invited but the organiser.
    pub attendees: Vec<Invited>,
    /// Seconds since 1970; the stamp of its first version when absent.
    pub created: Option<i64>,
    pub online: bool,
}

/// Somebody or something invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    pub email: String,
    pub response: Response,
    pub kind: AttendeeKind,
    pub optional: bool,
}

/// Seconds of an RFC 3339 text of a test.
pub fn seconds(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .timestamp()
}

/// Days since 1970 of a `YYYY-MM-DD` of a test.
pub fn days(text: &str) -> i32 {
    let date: NaiveDate = text
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    i32::try_from((date - NaiveDate::default()).num_days()).unwrap()
}

/// `YYYY-MM-DD` of days since 1970.
pub(super) fn date_text(days: i32) -> String {
    (NaiveDate::default() + chrono::TimeDelta::days(i64::from(days))).to_string()
}

/// `YYYY-MM-DDTHH:MM:SSZ` of seconds since 1970.
pub(super) fn instant_text(seconds: i64) -> String {
    DateTime::<Utc>::from_timestamp(seconds, 0)
        .unwrap()
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// The instant of a local midnight, seconds since 1970.
pub(super) fn midnight(day: i32, zone: &str) -> i64 {
    use chrono::TimeZone;
    let zone: chrono_tz::Tz = zone.parse().expect("an IANA zone");
    let date = NaiveDate::default() + chrono::TimeDelta::days(i64::from(day));
    // A midnight that a change of clocks skips becomes the first hour that exists.
    (0..4)
        .find_map(|hour| {
            zone.from_local_datetime(&date.and_hms_opt(hour, 0, 0)?)
                .earliest()
        })
        .unwrap()
        .timestamp()
}

impl When {
    /// `[start, end)` in seconds since 1970; days begin at midnight of the zone.
    pub fn seconds(self, zone: &str) -> (i64, i64) {
        match self {
            When::Instants(start, end) => (start, end),
            When::Days(start, end) => (midnight(start, zone), midnight(end, zone)),
        }
    }

    /// Whether it ends after `from` and starts before `to`.
    pub fn overlaps(self, zone: &str, from: i64, to: i64) -> bool {
        let (start, end) = self.seconds(zone);
        end > from && start < to
    }
}

impl Event {
    /// An hour of 2026-03-02 that nobody else is invited to, until told otherwise.
    pub fn new(id: &str) -> Event {
        let when = When::Instants(
            seconds("2026-03-02T09:00:00Z"),
            seconds("2026-03-02T10:00:00Z"),
        );
        Event {
            id: id.into(),
            series: None,
            uid: format!("{id}@calendar.test"),
            title: format!("Title of {id}"),
            when,
            original: when,
            private: false,
            tentative: false,
            show_as: ShowAs::Busy,
            kind: EventKind::Default,
            organizer: None,
            attendees: Vec::new(),
            created: None,
            online: false,
        }
    }

    /// From and to, RFC 3339.
    pub fn at(mut self, start: &str, end: &str) -> Event {
        self.when = When::Instants(seconds(start), seconds(end));
        self.original = self.when;
        self
    }

    /// Whole days, `YYYY-MM-DD`, end exclusive.
    pub fn all_day(mut self, start: &str, end: &str) -> Event {
        self.when = When::Days(days(start), days(end));
        self.original = self.when;
        self
    }

    pub fn title(mut self, title: &str) -> Event {
        self.title = title.into();
        self
    }

    pub fn series(mut self, series: &str) -> Event {
        self.series = Some(series.into());
        self.uid = format!("{series}@calendar.test");
        self
    }

    pub fn private(mut self) -> Event {
        self.private = true;
        self
    }

    pub fn tentative(mut self) -> Event {
        self.tentative = true;
        self
    }

    pub fn shown_as(mut self, show_as: ShowAs) -> Event {
        self.show_as = show_as;
        self
    }

    pub fn of_kind(mut self, kind: EventKind) -> Event {
        self.kind = kind;
        self
    }

    pub fn organized_by(mut self, email: &str) -> Event {
        self.organizer = Some(email.into());
        self
    }

    /// One more person invited.
    pub fn with(self, email: &str, response: Response) -> Event {
        self.invited(email, response, AttendeeKind::Person, false)
    }

    /// A room, which accepted.
    pub fn room(self, email: &str) -> Event {
        self.invited(email, Response::Accepted, AttendeeKind::Resource, false)
    }

    pub fn invited(
        mut self,
        email: &str,
        response: Response,
        kind: AttendeeKind,
        optional: bool,
    ) -> Event {
        self.attendees.push(Invited {
            email: email.into(),
            response,
            kind,
            optional,
        });
        self
    }
}

impl Person {
    /// `key@domain`, active, with a mailbox; the calendar in UTC.
    pub fn new(key: &str, domain: &str) -> Person {
        let address = format!("{key}@{domain}");
        Person {
            key: key.into(),
            mail: Some(address.clone()),
            principal: address,
            aliases: Vec::new(),
            display_name: format!("{key} of {domain}"),
            suspended: false,
            archived: false,
            admin: false,
            mailbox: true,
            zone: "UTC".into(),
            access_role: "owner",
            google_id: format!("1{:020}", number(key)),
            graph_id: format!(
                "{:08x}-0000-4000-8000-{:012x}",
                number(key) >> 32,
                number(key) & 0xffff_ffff
            ),
            calendar: BTreeMap::new(),
            oldest_token: 0,
        }
    }

    /// Every address the person is known by.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.principal.as_str())
            .chain(self.mail.as_deref())
            .chain(self.aliases.iter().map(String::as_str))
    }

    pub fn is(&self, address: &str) -> bool {
        self.addresses()
            .any(|own| own.eq_ignore_ascii_case(address))
    }

    /// Google's immutable id.
    pub fn google_id(&self) -> &str {
        &self.google_id
    }

    /// Graph's object id.
    pub fn graph_id(&self) -> &str {
        &self.graph_id
    }
}

/// A number of a text, the same in every run (FNV-1a).
pub(super) fn number(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Truth {
    /// A company without people.
    pub fn new(domain: &str) -> Truth {
        Truth {
            domain: domain.into(),
            people: Vec::new(),
            version: 0,
        }
    }

    /// A company with these people; the first is its administrator.
    pub fn of(domain: &str, keys: &[&str]) -> Truth {
        let mut truth = Truth::new(domain);
        for key in keys {
            truth.hire(Person::new(key, domain));
        }
        if let Some(first) = truth.people.first_mut() {
            first.admin = true;
        }
        truth
    }

    pub fn hire(&mut self, person: Person) {
        assert!(self.find(&person.key).is_none(), "{} twice", person.key);
        self.people.push(person);
    }

    /// Takes somebody out of the directory, calendar and all.
    pub fn dismiss(&mut self, key: &str) {
        self.people.retain(|person| person.key != key);
    }

    pub fn people(&self) -> &[Person] {
        &self.people
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn find(&self, key: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.key == key)
    }

    pub(super) fn of_address(&self, address: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.is(address))
    }

    /// # Panics
    /// When there is no such person: the test is wrong.
    pub fn person(&mut self, key: &str) -> &mut Person {
        self.people
            .iter_mut()
            .find(|person| person.key == key)
            .unwrap_or_else(|| panic!("no person {key}"))
    }

    /// Seconds since 1970 of a version.
    pub(super) fn stamp(version: u64) -> i64 {
        FIRST_STAMP + i64::try_from(version).unwrap()
    }

    /// Puts an event into a calendar, or in the place of one with its id.
    pub fn add(&mut self, key: &str, event: Event) {
        self.add_all(key, [event]);
    }

    /// Puts many into one calendar.
    pub fn add_all(&mut self, key: &str, events: impl IntoIterator<Item = Event>) {
        let mut version = self.version;
        let person = self.person(key);
        for mut event in events {
            version += 1;
            event.created.get_or_insert(Truth::stamp(version));
            let entry = Entry {
                version,
                state: State::Live,
                event,
            };
            person.calendar.insert(entry.event.id.clone(), entry);
        }
        self.version = version;
    }

    /// The same meeting in the calendars of its organiser and of everybody invited who works here.
    pub fn meet(&mut self, organizer: &str, event: Event) {
        let event = event.organized_by(&self.person(organizer).principal.clone());
        let invited: Vec<String> = self
            .people
            .iter()
            .filter(|person| {
                person.key == organizer
                    || event.attendees.iter().any(|other| person.is(&other.email))
            })
            .map(|person| person.key.clone())
            .collect();
        for key in invited {
            self.add(&key, event.clone());
        }
    }

    /// Any change of an event that leaves it in the calendar.
    pub fn change(&mut self, key: &str, id: &str, change: impl FnOnce(&mut Event)) {
        change(&mut self.touch(key, id).event);
    }

    /// RFC 3339 instants.
    pub fn move_to(&mut self, key: &str, id: &str, start: &str, end: &str) {
        let when = When::Instants(seconds(start), seconds(end));
        self.change(key, id, |event| event.when = when);
    }

    pub fn rename(&mut self, key: &str, id: &str, title: &str) {
        self.change(key, id, |event| event.title = title.into());
    }

    pub fn make_private(&mut self, key: &str, id: &str) {
        self.change(key, id, |event| event.private = true);
    }

    /// The answer of somebody invited, as this calendar's copy shows it.
    pub fn answer(&mut self, key: &str, id: &str, who: &str, response: Response) {
        let aliases: Vec<String> = match self.of_address(who) {
            Some(person) => person.addresses().map(str::to_lowercase).collect(),
            None => vec![who.to_lowercase()],
        };
        self.change(key, id, |event| {
            let invited = event
                .attendees
                .iter_mut()
                .find(|one| aliases.contains(&one.email.to_lowercase()));
            invited
                .unwrap_or_else(|| panic!("{who} is not invited to {id}"))
                .response = response;
        });
    }

    /// Called off; still listed by Graph, and by Google where deleted ones are asked for.
    pub fn cancel(&mut self, key: &str, id: &str) {
        self.touch(key, id).state = State::Cancelled;
    }

    /// Removed; only readings of changes tell its id.
    pub fn delete(&mut self, key: &str, id: &str) {
        self.touch(key, id).state = State::Deleted;
    }

    /// Removes all occurrences of a series.
    pub fn delete_series(&mut self, key: &str, series: &str) {
        let ids: Vec<String> = self
            .person(key)
            .calendar
            .values()
            .filter(|entry| entry.event.series.as_deref() == Some(series))
            .map(|entry| entry.event.id.clone())
            .collect();
        for id in ids {
            self.delete(key, &id);
        }
    }

    /// Removed without a trace: a reading of changes does not tell either.
    pub fn vanish(&mut self, key: &str, id: &str) {
        self.version += 1;
        self.person(key).calendar.remove(id);
    }

    /// Every place to go on from that was given out for this calendar is forgotten.
    pub fn forget_tokens(&mut self, key: &str) {
        self.version += 1;
        let version = self.version;
        self.person(key).oldest_token = version;
    }

    fn touch(&mut self, key: &str, id: &str) -> &mut Entry {
        self.version += 1;
        let version = self.version;
        let entry = self
            .person(key)
            .calendar
            .get_mut(id)
            .unwrap_or_else(|| panic!("no event {id} of {key}"));
        entry.version = version;
        entry.state = State::Live;
        entry
    }
}
