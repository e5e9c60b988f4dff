//! Microsoft Graph: pages of events and of users as Graph writes them, brought to the normal form.
//!
//! JSON of one page goes in; meetings, what could not be understood, and the link to go on with
//! come out. A page without its list is no page: an empty answer is never made up, because whoever
//! reads it would take every meeting for gone. An event that cannot be understood is left out alone
//! and said. Never: a body is read; a title leaves a private event; a time of an unknown zone is
//! taken for UTC; an all-day event is moved to another date.

mod event;

use serde_json::Value;

use super::meeting::Meeting;
use super::record::{Reject, shorten};
use crate::zone::ZoneNames;

/// Characters of a provider's word or id that are repeated in messages.
const WORD_CHARS_MAX: usize = 80;

/// A page of events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventPage {
    /// In the order given.
    pub meetings: Vec<Meeting>,
    /// Events left out; `line` counts all events of the listing from 1.
    pub rejects: Vec<Reject>,
    /// The ids of events left out.
    pub unreadable: Vec<String>,
    /// Rows of the page, series masters and rejects included.
    pub rows: usize,
    /// `@odata.nextLink`, verbatim: there is more.
    pub next_link: Option<String>,
    /// `@odata.deltaLink`, verbatim: from where changes can be asked for.
    pub delta_link: Option<String>,
}

/// Somebody in the directory, as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The object id; never empty.
    pub id: String,
    pub user_principal_name: Option<String>,
    /// The primary address; guests and people without a mailbox may have none.
    pub mail: Option<String>,
    pub display_name: Option<String>,
}

/// A page of users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonPage {
    pub people: Vec<Person>,
    /// Rows without an id, which cannot be anybody.
    pub nameless: usize,
    /// `@odata.nextLink`, verbatim.
    pub next_link: Option<String>,
}

/// Why an answer is no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPage {
    #[error("it has no list named value")]
    NoList,
    #[error("its link to the next page is not a text")]
    BadLink,
}

/// The body of an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphError {
    /// `error.code`; only letters, digits and `_ . -`, so that it may be shown.
    pub code: String,
    /// `error.message`: to compare with, never to show; it may name people.
    pub message: Option<String>,
    /// The `code` of the innermost `innerError`, cleaned like `code`.
    pub inner_code: Option<String>,
}

impl GraphError {
    /// Whether either code is this word, in any case.
    pub fn is(&self, word: &str) -> bool {
        self.code.eq_ignore_ascii_case(word)
            || self
                .inner_code
                .as_ref()
                .is_some_and(|code| code.eq_ignore_ascii_case(word))
    }
}

/// Reads a page of `calendarView` (or of its changes).
///
/// `rows_before` is how many rows earlier pages of the same listing had.
///
/// # Errors
/// [`NoPage`] when the answer is not a page at all.
pub fn event_page(
    page: &Value,
    rows_before: usize,
    zones: &ZoneNames,
) -> Result<EventPage, NoPage> {
    let rows = list(page)?;
    let mut read = EventPage {
        rows: rows.len(),
        next_link: link(page, "@odata.nextLink")?,
        delta_link: link(page, "@odata.deltaLink")?,
        ..EventPage::default()
    };
    for (index, row) in rows.iter().enumerate() {
        match event::event(row, zones) {
            Ok(Some(meeting)) => read.meetings.push(meeting),
            Ok(None) => {}
            Err(wrong) => {
                let id = row.get("id").and_then(Value::as_str);
                // Of one without an id nothing is known to be absent.
                read.unreadable.push(id.unwrap_or("*").to_owned());
                read.rejects.push(Reject {
                    line: u64::try_from(rows_before + index + 1).unwrap_or(u64::MAX),
                    field: wrong.field.to_owned(),
                    reason: wrong.reason,
                    value: shorten(&wrong.value),
                });
            }
        }
    }
    Ok(read)
}

/// Reads a page of `/users`.
///
/// # Errors
/// [`NoPage`] when the answer is not a page at all.
pub fn person_page(page: &Value) -> Result<PersonPage, NoPage> {
    let mut read = PersonPage {
        next_link: link(page, "@odata.nextLink")?,
        ..PersonPage::default()
    };
    for row in list(page)? {
        let given = |name: &str| {
            row.get(name)
                .and_then(Value::as_str)
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        match given("id") {
            Some(id) => read.people.push(Person {
                id,
                user_principal_name: given("userPrincipalName"),
                mail: given("mail"),
                display_name: given("displayName"),
            }),
            None => read.nameless += 1,
        }
    }
    Ok(read)
}

/// The error in a body, if the body is one of Graph's.
pub fn error(body: &[u8]) -> Option<GraphError> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error")?;
    let mut inner_code = None;
    let mut inner = error.get("innerError").or_else(|| error.get("innererror"));
    while let Some(deeper) = inner {
        if let Some(code) = deeper.get("code").and_then(Value::as_str) {
            inner_code = Some(word(code));
        }
        inner = deeper
            .get("innerError")
            .or_else(|| deeper.get("innererror"));
    }
    Some(GraphError {
        code: word(error.get("code")?.as_str()?),
        message: error
            .get("message")
            .and_then(Value::as_str)
            .map(str::to_owned),
        inner_code,
    })
}

/// A provider's word or id as it may be shown: nothing but letters, digits and `_ . -`, cut short.
pub fn word(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
        .take(WORD_CHARS_MAX)
        .collect()
}

fn list(page: &Value) -> Result<&Vec<Value>, NoPage> {
    page.get("value")
        .and_then(Value::as_array)
        .ok_or(NoPage::NoList)
}

fn link(page: &Value, name: &str) -> Result<Option<String>, NoPage> {
    match page.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(link)) => Ok(Some(link.clone())),
        // Taken for the last page, it would cut the listing short unseen.
        Some(_) => Err(NoPage::BadLink),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sources::meeting::Status;

    fn zones() -> ZoneNames {
        ZoneNames::default()
    }

    /// A short event, with changes.
    fn row(changes: Value) -> Value {
        let mut row = json!({
            "sensitivity": "normal",
            "start": {"dateTime": "2026-03-02T09:00:00.0000000", "timeZone": "UTC"},
            "end": {"dateTime": "2026-03-02T10:30:00.0000000", "timeZone": "UTC"},
        });
        for (name, value) in changes.as_object().unwrap() {
            row[name] = value.clone();
        }
        row
    }

    #[test]
    fn one_bad_event_costs_itself_only() {
        let page = json!({
            "@odata.context": "x",
            "value": [
                row(json!({"id": "1"})),
                row(json!({"id": "2", "start": null, "subject": "Raise for Ann"})),
                17,
                row(json!({"id": "3", "type": "seriesMaster"})),
                row(json!({"id": "4"})),
                {"id": "5", "@removed": {"reason": "deleted"}},
            ],
            "@odata.nextLink": "https://example.com/next?$skip=6",
        });
        let read = event_page(&page, 100, &zones()).unwrap();
        assert_eq!(read.rows, 6);
        let ids: Vec<_> = read
            .meetings
            .iter()
            .map(|meeting| (meeting.event_id.as_str(), meeting.status))
            .collect();
        assert_eq!(
            ids,
            [
                ("1", Status::Confirmed),
                ("4", Status::Confirmed),
                ("5", Status::Deleted)
            ]
        );
        let rejects: Vec<_> = read
            .rejects
            .iter()
            .map(|reject| (reject.line, reject.field.as_str(), reject.reason))
            .collect();
        assert_eq!(
            rejects,
            [(102, "start", "missing"), (103, "", "not_an_object")]
        );
        assert!(!format!("{:?}", read.rejects).contains("Ann"));
        assert_eq!(
            read.next_link.as_deref(),
            Some("https://example.com/next?$skip=6")
        );
        assert_eq!(read.delta_link, None);
    }

    #[test]
    fn an_answer_without_its_list_is_never_an_empty_page() {
        for answer in [
            json!({}),
            json!([]),
            json!(null),
            json!({"value": null}),
            json!({"value": {}}),
            json!({"error": {"code": "x"}}),
        ] {
            assert_eq!(event_page(&answer, 0, &zones()), Err(NoPage::NoList));
            assert_eq!(person_page(&answer), Err(NoPage::NoList));
        }
        let answer = json!({"value": [], "@odata.nextLink": 5});
        assert_eq!(event_page(&answer, 0, &zones()), Err(NoPage::BadLink));
        assert_eq!(person_page(&answer), Err(NoPage::BadLink));
        let empty = json!({"value": [], "@odata.nextLink": "n", "@odata.deltaLink": "d"});
        let empty = event_page(&empty, 0, &zones()).unwrap();
        assert_eq!(
            (empty.next_link.as_deref(), empty.delta_link.as_deref()),
            (Some("n"), Some("d"))
        );
    }

    #[test]
    fn people_are_read_as_given() {
        let page = person_page(&json!({
            "value": [
                {"id": "a", "userPrincipalName": "Ann@Example.com", "mail": null, "displayName": "Ann"},
                {"id": "b", "userPrincipalName": " ", "mail": "b@example.com"},
                {"userPrincipalName": "nobody@example.com"},
            ],
            "@odata.nextLink": "next",
        }))
        .unwrap();
        let person = |id: &str, upn: Option<&str>, mail: Option<&str>, name: Option<&str>| Person {
            id: id.into(),
            user_principal_name: upn.map(Into::into),
            mail: mail.map(Into::into),
            display_name: name.map(Into::into),
        };
        assert_eq!(
            page.people,
            [
                person("a", Some("Ann@Example.com"), None, Some("Ann")),
                person("b", None, Some("b@example.com"), None),
            ]
        );
        assert_eq!(page.nameless, 1);
        assert_eq!(page.next_link.as_deref(), Some("next"));
    }

    #[test]
    fn errors_say_their_codes_and_nothing_else_that_is_shown() {
        let body = br#"{"error": {"code": "ErrorAccessDenied <b>", "message": "Ann may not",
            "innerError": {"code": "outer", "innererror": {"code": "MailboxConcurrency"}}}}"#;
        let error = error(body).unwrap();
        assert_eq!(error.code, "ErrorAccessDeniedb");
        assert_eq!(error.message.as_deref(), Some("Ann may not"));
        assert!(error.is("mailboxconcurrency"));
        assert!(!error.is("outer"));
        for body in [
            &b""[..],
            b"<html>",
            b"{}",
            br#"{"error": "invalid"}"#,
            br#"{"error": {"code": 5}}"#,
        ] {
            assert_eq!(super::error(body), None);
        }
    }
}
