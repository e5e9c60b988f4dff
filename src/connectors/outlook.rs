//! Outlook calendars through Microsoft Graph: the directory, and one window of one person at a
//! time.
//!
//! People are asked for with four fields, events with what the normal form holds; bodies and their
//! previews are never asked for. A link to a next page is followed as given, but only within the
//! origin of `graph_url`, never twice, and not more often than `max_pages`.
//!
//! Left out on purpose:
//! - Changes since a cursor (`calendarView/delta`): its window is fixed for good, it takes no
//!   `$select` and so always brings bodies, and its cursors have no promised life. The window is
//!   read anew instead; [`Calendars::window`] never gives a cursor.
//! - `$batch`: Graph serves four calls at once per mailbox, and each person has one at a time.
//! - `createdDateTime` and `lastModifiedDateTime`, which cannot be selected in a `calendarView`:
//!   asking for them would mean asking for bodies too.

mod aadsts;
mod answer;
mod pages;
mod token;

#[cfg(test)]
mod testing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat};
use serde_json::Value;
use url::Url;

use self::answer::{Got, judge};
use self::pages::Pages;
use self::token::Tokens;
pub use self::token::hint;
use super::{Calendars, Call, DirectoryPerson, Failure, FailureKind, Http, Reading, Window};
use crate::clock::Micros;
use crate::config::integration::{Outlook, Sync as SyncSettings};
use crate::sources::graph::{self, NoPage};
use crate::zone::ZoneNames;

/// The whole of the directory that is looked at, in the largest pages that are served.
const USERS_QUERY: &str = "$select=id,userPrincipalName,mail,displayName&$top=999";
/// What the normal form holds of an event.
const EVENT_FIELDS: &str = "id,seriesMasterId,type,subject,sensitivity,isAllDay,isCancelled,\
                            start,end,showAs,responseStatus,organizer,attendees";
/// Events a page: a window seldom has more, and with 500 of them a page stays below the default
/// `max_body_bytes` at some 300 attendees each.
const EVENTS_PER_PAGE: u32 = 500;
/// Times in UTC, and ids that stay when an entry is moved to another folder.
const PREFER: &str = r#"outlook.timezone="UTC", IdType="ImmutableId""#;

/// The calendars of one tenant.
pub struct OutlookCalendars {
    http: Arc<Http>,
    tokens: Tokens,
    graph: Url,
    zones: ZoneNames,
    max_events: usize,
    max_pages: usize,
    /// Whether anything was read with these credentials: then they hold, and a calendar that refuses
    /// them refuses only itself.
    worked: AtomicBool,
}

/// Which of the two listings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listing {
    Directory,
    Calendar,
}

impl Listing {
    fn words(self) -> &'static str {
        match self {
            Listing::Directory => "the directory",
            Listing::Calendar => "the calendar",
        }
    }
}

impl OutlookCalendars {
    /// The addresses that the client of these settings must be made for.
    pub fn bases(settings: &Outlook) -> Vec<&Url> {
        let login = settings.token_url.as_ref().unwrap_or(&settings.login_url);
        vec![login, &settings.graph_url]
    }

    /// The calendars of these settings; nothing is asked for yet. `http` was made for
    /// [`OutlookCalendars::bases`]; `zones` knows Windows names.
    ///
    /// # Errors
    /// [`FailureKind::Config`] when the settings name no tenant or no address can be made of them.
    pub fn new(
        settings: &Outlook,
        sync: &SyncSettings,
        zones: ZoneNames,
        http: Arc<Http>,
    ) -> Result<OutlookCalendars, Failure> {
        Ok(OutlookCalendars {
            tokens: Tokens::new(settings, http.clone())?,
            http,
            graph: settings.graph_url.clone(),
            zones,
            max_events: sync.max_events,
            max_pages: sync.max_pages,
            worked: AtomicBool::new(false),
        })
    }

    /// An address below `graph_url`.
    fn below(&self, path: &[&str], query: &str) -> Result<Url, Failure> {
        let mut url = self.graph.clone();
        url.path_segments_mut()
            .map_err(|()| {
                Failure::new(
                    FailureKind::Config,
                    "graph_url is not the base of a web address",
                )
            })?
            .pop_if_empty()
            .extend(path);
        url.set_query(Some(query));
        Ok(url)
    }

    /// One page. A token that is refused is replaced once.
    async fn page<T: Send>(
        &self,
        url: Url,
        listing: Listing,
        read: impl Fn(&Value) -> Result<T, NoPage> + Sync,
    ) -> Result<T, Failure> {
        let mut call = Call::get(url);
        if listing == Listing::Calendar {
            call.headers = vec![("prefer", PREFER.to_owned())];
        }
        let mut refused = false;
        loop {
            let token = self.tokens.get().await?;
            call.bearer = Some(token.bearer.clone());
            let got = self
                .http
                .send(&call, |answer| judge(&answer, listing, &read))
                .await;
            match got {
                Ok(Got::Page(page)) => {
                    self.worked.store(true, Ordering::Relaxed);
                    return Ok(page);
                }
                Ok(Got::TokenRefused(_)) if !refused => {
                    refused = true;
                    self.tokens.refused(&token).await;
                }
                Ok(Got::TokenRefused(failure))
                    if listing == Listing::Calendar && self.worked.load(Ordering::Relaxed) =>
                {
                    return Err(Failure {
                        kind: FailureKind::Person,
                        message: "Graph refuses even a new token for this calendar (401)"
                            .to_owned(),
                        ..failure
                    });
                }
                Ok(Got::TokenRefused(failure)) => {
                    self.tokens.give_up(failure.clone()).await;
                    return Err(failure);
                }
                Err(failure) => {
                    if failure.kind == FailureKind::Auth {
                        self.tokens.give_up(failure.clone()).await;
                    }
                    return Err(failure);
                }
            }
        }
    }
}

#[async_trait]
impl Calendars for OutlookCalendars {
    async fn directory(
        &self,
        person: &mut (dyn FnMut(DirectoryPerson) + Send),
    ) -> Result<(), Failure> {
        let first = self.below(&["users"], USERS_QUERY)?;
        let mut pages = Pages::new(first, self.max_pages, Listing::Directory);
        let mut nameless = 0;
        while let Some(url) = pages.next.take() {
            let page = self
                .page(url, Listing::Directory, graph::person_page)
                .await?;
            nameless += page.nameless;
            for found in page.people {
                person(DirectoryPerson {
                    // The id outlives a change of name and address.
                    calendar: found.id.clone(),
                    id: found.id,
                    principal_names: found.user_principal_name.into_iter().collect(),
                    emails: found.mail.into_iter().collect(),
                    display_name: found.display_name,
                    // Whether an account is enabled is not shown to User.ReadBasic.All.
                    active: true,
                });
            }
            pages.go_on(page.next_link)?;
        }
        if nameless > 0 {
            tracing::warn!(
                nameless,
                "people without an id in the directory were left out"
            );
        }
        Ok(())
    }

    async fn window(&self, person: &DirectoryPerson, window: Window) -> Result<Reading, Failure> {
        // Such a segment would ask for something else than this person's calendar.
        if matches!(person.calendar.trim(), "" | "." | "..") {
            return Err(Failure::new(
                FailureKind::Contract,
                "a person of the directory has an id that is none",
            ));
        }
        let query = format!(
            "startDateTime={}&endDateTime={}&$select={EVENT_FIELDS}&$top={EVENTS_PER_PAGE}",
            stamp(window.from)?,
            stamp(window.to)?
        );
        let first = self.below(&["users", &person.calendar, "calendarView"], &query)?;
        let mut pages = Pages::new(first, self.max_pages, Listing::Calendar);
        let mut reading = Reading::default();
        let mut rows = 0;
        while let Some(url) = pages.next.take() {
            let page = self
                .page(url, Listing::Calendar, |page| {
                    graph::event_page(page, rows, &self.zones)
                })
                .await?;
            rows += page.rows;
            if rows > self.max_events {
                return Err(Failure::new(
                    FailureKind::Limit,
                    format!(
                        "the calendar has more than max_events = {} entries in the window; raise \
                         it in [[integration]]",
                        self.max_events
                    ),
                ));
            }
            reading.meetings.extend(page.meetings);
            reading.rejects.extend(page.rejects);
            reading.unreadable.extend(page.unreadable);
            pages.go_on(page.next_link)?;
        }
        Ok(reading)
    }

    /// Always [`FailureKind::CursorLost`]: no reading gives a cursor.
    async fn changes(
        &self,
        _person: &DirectoryPerson,
        _window: Window,
        _cursor: &str,
    ) -> Result<Reading, Failure> {
        Err(Failure::new(
            FailureKind::CursorLost,
            "Outlook calendars are read by window only",
        ))
    }
}

/// An instant as a query names it.
fn stamp(instant: Micros) -> Result<String, Failure> {
    DateTime::from_timestamp_micros(instant)
        .map(|instant| instant.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        .ok_or_else(|| {
            Failure::new(
                FailureKind::Config,
                "the window lies outside of all calendars",
            )
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::testing::{FROM, Reply, WINDOW, ann, event, lines, origin, set};
    use super::*;
    use crate::sources::meeting::Span;

    #[tokio::test]
    async fn a_window_is_read_to_its_end() {
        let set = set(SyncSettings::default(), |asked| {
            let next = format!("{}/v1.0/next?$skiptoken=a%2Fb,c", origin(asked));
            let page = match asked.line.contains("skiptoken") {
                false => json!({"value": [event(1), 5], "@odata.nextLink": next}),
                true => json!({"value": [event(2), {"id": "3"}]}),
            };
            Reply::json(200, &page.to_string())
        })
        .await;
        let reading = set.calendars.window(&ann(), WINDOW).await.unwrap();
        let ids: Vec<_> = reading
            .meetings
            .iter()
            .map(|m| m.event_id.as_str())
            .collect();
        assert_eq!(ids, ["1", "2"]);
        assert_eq!(
            reading.meetings[0].span,
            Some(Span::Instants {
                start: FROM + 9 * 3_600_000_000,
                end: FROM + 10 * 3_600_000_000,
            })
        );
        let rejects: Vec<_> = reading.rejects.iter().map(|reject| reject.line).collect();
        assert_eq!(rejects, [2, 4]);
        assert_eq!((reading.cursor, reading.warning), (None, None));

        let seen = set.peer.seen();
        assert_eq!(seen.len(), 3);
        assert_eq!(
            seen[1].line,
            "GET /v1.0/users/A%2F1/calendarView?startDateTime=2026-03-02T00:00:00Z\
             &endDateTime=2026-03-04T00:00:00Z&$select=id,seriesMasterId,type,subject,sensitivity,\
             isAllDay,isCancelled,start,end,showAs,responseStatus,organizer,attendees&$top=500"
        );
        assert_eq!(seen[2].line, "GET /v1.0/next?$skiptoken=a%2Fb,c");
        for asked in &seen[1..] {
            assert_eq!(asked.header("prefer"), [PREFER]);
            assert_eq!(asked.header("authorization"), ["Bearer t0ken"]);
        }
    }

    #[tokio::test]
    async fn the_directory_is_read_to_its_end() {
        let set = set(SyncSettings::default(), |asked| {
            let next = format!("{}/v1.0/users?$skiptoken=2", origin(asked));
            let page = match asked.line.contains("skiptoken") {
                false => json!({"value": [], "@odata.nextLink": next}),
                true => json!({"value": [
                    {"id": "a", "userPrincipalName": "Ann@Example.com", "mail": "a@example.com",
                     "displayName": "Ann"},
                    {"id": "b", "userPrincipalName": "b@example.com", "mail": null},
                    {"mail": "c@example.com"},
                ]}),
            };
            Reply::json(200, &page.to_string())
        })
        .await;
        let mut people = Vec::new();
        let mut take = |person| people.push(person);
        set.calendars.directory(&mut take).await.unwrap();
        let person = |id: &str, upn: &str, mail: &[&str], name: Option<&str>| DirectoryPerson {
            id: id.into(),
            calendar: id.into(),
            principal_names: vec![upn.into()],
            emails: mail.iter().map(|&mail| mail.into()).collect(),
            display_name: name.map(Into::into),
            active: true,
        };
        assert_eq!(
            people,
            [
                person("a", "Ann@Example.com", &["a@example.com"], Some("Ann")),
                person("b", "b@example.com", &[], None),
            ]
        );
        assert_eq!(
            lines(&set)[1..],
            [
                "GET /v1.0/users?$select=id,userPrincipalName,mail,displayName&$top=999",
                "GET /v1.0/users?$skiptoken=2",
            ]
        );
    }

    #[tokio::test]
    async fn a_token_is_replaced_once() {
        let calls = std::sync::atomic::AtomicU64::new(0);
        let once = set(SyncSettings::default(), move |_| {
            match calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => Reply::json(401, r#"{"error":{"code":"InvalidAuthenticationToken"}}"#),
                _ => Reply::json(200, r#"{"value": []}"#),
            }
        })
        .await;
        once.calendars.window(&ann(), WINDOW).await.unwrap();
        assert_eq!(lines(&once).len(), 4);

        let always = set(SyncSettings::default(), |_| Reply::json(401, "")).await;
        for _ in 0..3 {
            let failure = always.calendars.window(&ann(), WINDOW).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Auth);
        }
        // Token, call, token, call, and nothing more.
        assert_eq!(lines(&always).len(), 4);
    }

    #[tokio::test]
    async fn a_missing_consent_is_said_and_ends_it() {
        let set = set(SyncSettings::default(), |_| {
            Reply::json(403, r#"{"error":{"code":"Authorization_RequestDenied"}}"#)
        })
        .await;
        for _ in 0..2 {
            let failure = set.calendars.directory(&mut |_| {}).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Auth);
            assert!(failure.message.contains("User.ReadBasic.All"), "{failure}");
            assert!(failure.message.contains("admin consent"), "{failure}");
        }
        assert_eq!(lines(&set).len(), 2);
    }

    #[tokio::test]
    async fn nothing_but_a_person_s_calendar_is_asked_for() {
        let set = set(SyncSettings::default(), |_| {
            Reply::json(200, r#"{"value": []}"#)
        })
        .await;
        for id in ["", " ", ".", ".."] {
            let person = DirectoryPerson {
                calendar: id.into(),
                ..ann()
            };
            let failure = set.calendars.window(&person, WINDOW).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Contract, "{id}");
        }
        let far = Window {
            from: i64::MIN,
            to: i64::MAX,
        };
        let failure = set.calendars.window(&ann(), far).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Config);
        let failure = set
            .calendars
            .changes(&ann(), WINDOW, "x")
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::CursorLost);
        assert_eq!(lines(&set).len(), 0);
    }
}
