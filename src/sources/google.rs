//! What Google answers: pages of calendar entries, pages of the directory, and refusals.
//!
//! Bytes of an answer go in (through `serde`), entries in the normal form, people and reasons come
//! out. An entry that cannot be understood is left out alone, as a [`Reject`]; a page or a person
//! that is not of the promised shape is a [`BadPage`], because half a directory must never pass for
//! a whole one. Nothing here asks anybody anything, and no title of a private entry, no description
//! and no address ever stands in a reject or an error.

mod event;

use serde::Deserialize;
use serde_json::Value;

use super::Reject;
use super::meeting::Meeting;

/// The body of `events.list`, not yet read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventsBody {
    kind: Option<String>,
    items: Option<Vec<Value>>,
    next_page_token: Option<String>,
    next_sync_token: Option<String>,
    access_role: Option<String>,
    time_zone: Option<String>,
}

/// A page of calendar entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventsPage {
    /// In the order given.
    pub meetings: Vec<Meeting>,
    /// `line` is the 1-based place in the page. Reasons: `missing`, `bad_type`, `bad_time`,
    /// `unknown_zone`, `ends_before_start`, `not_an_object`.
    pub rejects: Vec<Reject>,
    /// The ids of entries left out.
    pub unreadable: Vec<String>,
    /// There is another page, even when this one is short or empty.
    pub next_page_token: Option<String>,
    /// Only on the last page.
    pub next_sync_token: Option<String>,
    pub access_role: Option<AccessRole>,
    /// The calendar's zone, as given.
    pub time_zone: Option<String>,
    /// Entries of which Google gave only some of the people invited.
    pub attendees_omitted: usize,
}

/// What the one who asks may see of a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessRole {
    None,
    /// Times only: no titles, no people.
    FreeBusyReader,
    /// Everything but the details of private entries.
    Reader,
    Writer,
    Owner,
    /// A word that is not known (yet).
    Other,
}

impl AccessRole {
    fn of(word: &str) -> AccessRole {
        match word {
            "none" => AccessRole::None,
            "freeBusyReader" => AccessRole::FreeBusyReader,
            "reader" => AccessRole::Reader,
            "writer" => AccessRole::Writer,
            "owner" => AccessRole::Owner,
            _ => AccessRole::Other,
        }
    }

    /// Whether an entry without a title has none, rather than one that is kept back.
    fn shows_titles(self) -> bool {
        !matches!(self, AccessRole::None | AccessRole::FreeBusyReader)
    }
}

/// A page that is not of the promised shape. The message names places and fields only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPage(String);

impl EventsBody {
    /// Brings the entries to the normal form.
    ///
    /// # Errors
    /// [`BadPage`] when it is something else than a page of events.
    pub fn page(self) -> Result<EventsPage, BadPage> {
        let silent = self.items.is_none()
            && self.next_page_token.is_none()
            && self.next_sync_token.is_none();
        expect_kind(self.kind.as_deref(), silent, "calendar#events")?;
        let access_role = self.access_role.as_deref().map(AccessRole::of);
        let calendar = event::Calendar {
            zone: self.time_zone.as_deref(),
            shows_titles: access_role.is_none_or(AccessRole::shows_titles),
        };
        let mut page = EventsPage {
            access_role,
            next_page_token: filled(self.next_page_token),
            next_sync_token: filled(self.next_sync_token),
            ..EventsPage::default()
        };
        for (line, item) in (1..).zip(self.items.unwrap_or_default()) {
            match event::read(&item, &calendar) {
                Ok(entry) => {
                    page.attendees_omitted += usize::from(entry.attendees_omitted);
                    page.meetings.push(entry.meeting);
                }
                Err(fault) => {
                    let id = item.get("id").and_then(serde_json::Value::as_str);
                    // Of one without an id nothing is known to be absent.
                    page.unreadable.push(id.unwrap_or("*").to_owned());
                    page.rejects.push(Reject {
                        line,
                        field: fault.field.to_owned(),
                        reason: fault.reason,
                        value: fault.value,
                    });
                }
            }
        }
        page.time_zone = filled(self.time_zone);
        Ok(page)
    }
}

/// The body of `users.list`, not yet read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsersBody {
    kind: Option<String>,
    users: Option<Vec<Value>>,
    next_page_token: Option<String>,
}

/// A page of the directory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsersPage {
    pub people: Vec<Person>,
    pub next_page_token: Option<String>,
}

/// Somebody in a directory, addresses as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: String,
    pub primary_email: String,
    pub emails: Vec<String>,
    /// Those of the domain and those Google adds itself.
    pub aliases: Vec<String>,
    pub suspended: bool,
    pub archived: bool,
    pub deleted: bool,
    /// Whether there is a mailbox; a calendar does not need one.
    pub mailbox: bool,
    pub full_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPerson {
    id: Option<String>,
    primary_email: Option<String>,
    emails: Option<Vec<RawEmail>>,
    aliases: Option<Vec<String>>,
    non_editable_aliases: Option<Vec<String>>,
    suspended: Option<bool>,
    archived: Option<bool>,
    is_mailbox_setup: Option<bool>,
    deletion_time: Option<String>,
    name: Option<RawName>,
}

#[derive(Deserialize)]
struct RawEmail {
    address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawName {
    full_name: Option<String>,
}

impl UsersBody {
    /// Reads everybody, or nobody.
    ///
    /// # Errors
    /// [`BadPage`] when it is something else than a page of users, or one of them is not of the
    /// promised shape.
    pub fn page(self) -> Result<UsersPage, BadPage> {
        let silent = self.users.is_none() && self.next_page_token.is_none();
        expect_kind(self.kind.as_deref(), silent, "admin#directory#users")?;
        let people = (1..)
            .zip(self.users.unwrap_or_default())
            .map(|(place, user)| {
                person(user).map_err(|what| BadPage(format!("user {place} of the page {what}")))
            })
            .collect::<Result<_, _>>()?;
        Ok(UsersPage {
            people,
            next_page_token: filled(self.next_page_token),
        })
    }
}

fn person(user: Value) -> Result<Person, &'static str> {
    let raw: RawPerson =
        serde_json::from_value(user).map_err(|_| "is not of the promised shape")?;
    let id = filled(raw.id).ok_or("has no id")?;
    let primary_email = filled(raw.primary_email)
        .filter(|address| address.contains('@'))
        .ok_or("has no primaryEmail")?;
    let mut aliases = raw.aliases.unwrap_or_default();
    aliases.extend(raw.non_editable_aliases.unwrap_or_default());
    Ok(Person {
        id,
        primary_email,
        emails: raw
            .emails
            .unwrap_or_default()
            .into_iter()
            .filter_map(|email| filled(email.address))
            .collect(),
        aliases,
        suspended: raw.suspended.unwrap_or(false),
        archived: raw.archived.unwrap_or(false),
        deleted: filled(raw.deletion_time).is_some(),
        mailbox: raw.is_mailbox_setup.unwrap_or(true),
        full_name: raw.name.and_then(|name| filled(name.full_name)),
    })
}

/// Why Google refused, as far as a program may rely on it. Empty when the body says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The reasons given, the most important one first: `rateLimitExceeded`, `forbidden`,
    /// `SERVICE_DISABLED` …
    pub reasons: Vec<String>,
    /// The canonical status, such as `PERMISSION_DENIED`.
    pub status: Option<String>,
    /// The sync token was what was wrong with the call.
    pub names_sync_token: bool,
}

/// Most letters of a word that a refusal may hold; a longer one is no word of a contract.
const WORD_CHARS_MAX: usize = 60;

impl Refusal {
    /// Reads the body of an answer that is not 2xx. Anything unreadable is an empty refusal.
    pub fn read(body: &[u8]) -> Refusal {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return Refusal::default();
        };
        let Some(error) = body.get("error").and_then(Value::as_object) else {
            return Refusal::default();
        };
        let entries = |key: &str| {
            error
                .get(key)
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default()
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).and_then(word);
        let names_sync_token = entries("errors")
            .iter()
            .any(|entry| entry.get("location").and_then(Value::as_str) == Some("syncToken"))
            || error
                .get("message")
                .and_then(Value::as_str)
                .is_some_and(|message| message.to_ascii_lowercase().contains("sync token"));
        Refusal {
            reasons: entries("errors")
                .iter()
                .chain(entries("details"))
                .filter_map(|entry| text(entry.get("reason")))
                .collect(),
            status: text(error.get("status")),
            names_sync_token,
        }
    }

    /// Whether one of these reasons is given.
    pub fn is(&self, reasons: &[&str]) -> bool {
        self.reasons
            .iter()
            .any(|given| reasons.iter().any(|reason| given == reason))
    }

    /// The first reason, else the status: for messages.
    pub fn word(&self) -> Option<&str> {
        self.reasons
            .first()
            .or(self.status.as_ref())
            .map(String::as_str)
    }
}

/// A word of a contract: letters, digits, `_` and `-`.
fn word(text: &str) -> Option<String> {
    let plain = !text.is_empty()
        && text.len() <= WORD_CHARS_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    plain.then(|| text.to_owned())
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Holds what an answer says it is against what was asked for. An answer may leave its kind out,
/// unless it is `silent`: then nothing tells it from an answer of somebody else.
fn expect_kind(given: Option<&str>, silent: bool, wanted: &str) -> Result<(), BadPage> {
    if given == Some(wanted) || (given.is_none() && !silent) {
        return Ok(());
    }
    Err(BadPage(format!("the answer is no {wanted}; check the URL")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> EventsPage {
        serde_json::from_str::<EventsBody>(text)
            .unwrap()
            .page()
            .unwrap()
    }

    fn users(text: &str) -> Result<UsersPage, BadPage> {
        serde_json::from_str::<UsersBody>(text).unwrap().page()
    }

    #[test]
    fn one_bad_entry_leaves_the_rest_of_the_page() {
        let page = events(
            r#"{"kind": "calendar#events", "accessRole": "owner", "timeZone": "Europe/Berlin",
                "nextSyncToken": "s1", "items": [
                {"id": "a", "status": "confirmed", "summary": "One",
                 "start": {"dateTime": "2026-01-05T09:00:00+01:00"},
                 "end": {"dateTime": "2026-01-05T10:00:00+01:00"}},
                {"status": "confirmed", "summary": "Secret plan"},
                {"id": "c", "attendeesOmitted": true,
                 "start": {"date": "2026-01-05"}, "end": {"date": "2026-01-06"}},
                7]}"#,
        );
        assert_eq!(
            page.meetings
                .iter()
                .map(|meeting| meeting.event_id.as_str())
                .collect::<Vec<_>>(),
            ["a", "c"]
        );
        assert_eq!(
            page.rejects
                .iter()
                .map(|reject| (reject.line, reject.field.as_str(), reject.reason))
                .collect::<Vec<_>>(),
            [(2, "id", "missing"), (4, "", "not_an_object")]
        );
        assert!(!format!("{:?}", page.rejects).contains("Secret"));
        assert_eq!(page.access_role, Some(AccessRole::Owner));
        assert_eq!(page.next_sync_token.as_deref(), Some("s1"));
        assert_eq!(page.next_page_token, None);
        assert_eq!(page.time_zone.as_deref(), Some("Europe/Berlin"));
        assert_eq!(page.attendees_omitted, 1);
    }

    #[test]
    fn a_page_may_be_empty_and_go_on() {
        let page = events(r#"{"nextPageToken": "p2"}"#);
        assert!(page.meetings.is_empty());
        assert_eq!(page.next_page_token.as_deref(), Some("p2"));
        assert_eq!(events(r#"{"nextPageToken": ""}"#).next_page_token, None);
    }

    #[test]
    fn another_answer_is_no_page() {
        let body: EventsBody =
            serde_json::from_str(r#"{"kind": "calendar#calendarList", "items": []}"#).unwrap();
        assert!(body.page().is_err());
        assert!(serde_json::from_str::<EventsBody>(r#"{"items": {}}"#).is_err());
        assert!(serde_json::from_str::<EventsBody>("[]").is_err());
        // What says nothing must not pass for a complete and empty calendar.
        let silent: EventsBody = serde_json::from_str(r#"{"message": "hello"}"#).unwrap();
        assert!(silent.page().is_err());
    }

    #[test]
    fn people_come_with_all_their_addresses() {
        let page = users(
            r#"{"kind": "admin#directory#users", "nextPageToken": "n", "users": [
                {"id": "1", "primaryEmail": "Ann@Example.com", "suspended": false,
                 "emails": [{"address": "ann@example.com", "primary": true},
                            {"address": "ann@home.example", "type": "home"}, {"type": "odd"}],
                 "aliases": ["a@example.com"], "nonEditableAliases": ["ann@x.test-google-a.com"],
                 "isMailboxSetup": false, "name": {"fullName": "Ann Example"}},
                {"id": "2", "primaryEmail": "bob@example.com", "archived": true},
                {"id": "3", "primaryEmail": "c@example.com", "deletionTime": "2026-01-01T00:00:00Z"}
            ]}"#,
        )
        .unwrap();
        assert_eq!(page.next_page_token.as_deref(), Some("n"));
        let ann = &page.people[0];
        assert_eq!(ann.primary_email, "Ann@Example.com");
        assert_eq!(ann.emails, ["ann@example.com", "ann@home.example"]);
        assert_eq!(ann.aliases, ["a@example.com", "ann@x.test-google-a.com"]);
        assert_eq!(ann.full_name.as_deref(), Some("Ann Example"));
        assert!(!ann.mailbox && !ann.suspended && !ann.archived && !ann.deleted);
        assert!(page.people[1].archived && page.people[1].mailbox);
        assert!(page.people[2].deleted);
    }

    #[test]
    fn one_bad_person_fails_the_page_without_being_named() {
        for user in [
            r#"{"id": "2"}"#,
            r#"{"primaryEmail": "bob@example.com"}"#,
            r#"{"id": "2", "primaryEmail": "bob"}"#,
            r#"{"id": "2", "primaryEmail": "bob@example.com", "suspended": "yes"}"#,
            r#"{"id": "2", "primaryEmail": "bob@example.com", "emails": "x@example.com"}"#,
            r#"{"id": 2, "primaryEmail": "bob@example.com"}"#,
            "null",
        ] {
            let error = users(&format!(
                r#"{{"users": [{{"id": "1", "primaryEmail": "ann@example.com"}}, {user}]}}"#
            ))
            .unwrap_err();
            assert!(error.to_string().starts_with("user 2 "), "{error}");
            assert!(!error.to_string().contains("bob"), "{error}");
        }
        assert!(users(r#"{"kind": "admin#directory#groups"}"#).is_err());
        assert!(users("{}").is_err());
        assert_eq!(users(r#"{"users": []}"#), Ok(UsersPage::default()));
    }

    #[test]
    fn refusals_give_their_reasons() {
        let refusal = Refusal::read(
            br#"{"error": {"code": 403, "message": "Rate Limit Exceeded", "errors": [
                {"domain": "usageLimits", "reason": "userRateLimitExceeded", "message": "x"}],
                "status": "PERMISSION_DENIED",
                "details": [{"@type": "t", "reason": "SERVICE_DISABLED"}]}}"#,
        );
        assert_eq!(
            refusal.reasons,
            ["userRateLimitExceeded", "SERVICE_DISABLED"]
        );
        assert_eq!(refusal.word(), Some("userRateLimitExceeded"));
        assert!(refusal.is(&["rateLimitExceeded", "SERVICE_DISABLED"]));
        assert!(!refusal.is(&["forbidden"]));
        assert!(!refusal.names_sync_token);
        assert!(
            Refusal::read(
                br#"{"error": {"code": 400, "errors": [{"reason": "invalid", "location": "syncToken"}]}}"#
            )
            .names_sync_token
        );
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"error": "x"}"#,
            r#"{"error": {"errors": 1}}"#,
        ] {
            assert_eq!(Refusal::read(body.as_bytes()), Refusal::default(), "{body}");
        }
        // What is not a word is not repeated.
        let odd = Refusal::read(br#"{"error": {"status": "ann@example.com has no calendar"}}"#);
        assert_eq!(odd.word(), None);
    }
}
