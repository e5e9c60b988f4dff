//! CalDAV collections (RFC 4791), one a person, read with one account.
//!
//! A window is one `calendar-query`: every resource with something in it, whole. Beside it the
//! collection's sync token is asked for, before, so that nothing is missed between the two. The
//! token only answers whether anything changed (RFC 6578): what a changed resource no longer holds
//! cannot be told from a change, so after any the window is read anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use url::Url;

use super::calendar_list::{CalendarList, Place};
use super::ics::{Layout, blocking, of_fault};
use super::{
    ANY, Answer, Body, Calendars, Call, DirectoryPerson, Failure, FailureKind, Http, Reading,
    Verdict, Window,
};
use crate::config::Secret;
use crate::config::integration::{Caldav, Sync as SyncSettings};
use crate::sources::Reject;
use crate::sources::dav::{self, Multistatus};
use crate::sources::icalendar::{self, Fault};
use crate::zone::{DAY, Zone};

const XML: &str = "application/xml; charset=utf-8";

/// The calendars of one instance.
pub struct CaldavCalendars {
    http: Arc<Http>,
    list: CalendarList,
    username: String,
    password: Secret,
    layout: Layout,
    /// Whether anything was read with these credentials: then they hold, and a calendar that refuses
    /// them refuses only itself.
    worked: AtomicBool,
}

/// What a check of the sync token says.
enum Check {
    Unchanged(Option<String>),
    Changed,
}

impl CaldavCalendars {
    /// The list of these settings. The client must be made for its [`CalendarList::bases`].
    ///
    /// # Errors
    /// [`FailureKind::Config`] with every problem of the list.
    pub fn list(settings: &Caldav) -> Result<CalendarList, Failure> {
        let list = CalendarList::read(&settings.calendars, false)?;
        let mut origins = list.bases().into_iter().map(Url::origin);
        let first = origins.next();
        if origins.any(|origin| Some(origin) != first) {
            // A mistyped host would be handed the password.
            return Err(Failure::new(
                FailureKind::Config,
                format!(
                    "{}: the calendars are on several hosts; make an instance for each",
                    settings.calendars.display()
                ),
            ));
        }
        Ok(list)
    }

    /// The calendars of a list; nothing is asked for yet. `zone` is the account's: floating times
    /// are in it.
    ///
    /// # Errors
    /// [`FailureKind::Config`] when the password cannot be read.
    pub fn new(
        list: CalendarList,
        settings: &Caldav,
        sync: &SyncSettings,
        zone: Zone,
        http: Arc<Http>,
    ) -> Result<CaldavCalendars, Failure> {
        let password = settings
            .password
            .read()
            .map_err(|error| Failure::new(FailureKind::Config, format!("password: {error}")))?;
        Ok(CaldavCalendars {
            http,
            list,
            username: settings.username.clone(),
            password,
            layout: Layout::new(sync, zone),
            worked: AtomicBool::new(false),
        })
    }

    fn url(&self, person: &DirectoryPerson) -> Result<Url, Failure> {
        match &self.list.of(person)?.place {
            Place::Url(url) => Ok(url.clone()),
            Place::File(_) => Err(Failure::new(
                FailureKind::Config,
                "a CalDAV calendar is a URL",
            )),
        }
    }

    fn call(&self, method: &'static str, url: Url, depth: &str, body: String) -> Call {
        Call {
            method,
            basic: Some((self.username.clone(), self.password.clone())),
            headers: vec![("depth", depth.to_owned())],
            body: Some(Body {
                content_type: XML,
                bytes: body.into_bytes(),
            }),
            ..Call::get(url)
        }
    }

    /// What a refusal means, after what worked so far.
    fn judged(&self, answer: &Answer) -> Verdict {
        match judge(answer) {
            Verdict::Fail(failure)
                if failure.kind == FailureKind::Auth && self.worked.load(Ordering::Relaxed) =>
            {
                Verdict::Fail(Failure {
                    kind: FailureKind::Person,
                    ..failure
                })
            }
            verdict => verdict,
        }
    }

    /// The collection's sync token; `None` from a server that has no such thing.
    async fn token(&self, url: &Url) -> Result<Option<String>, Failure> {
        let call = self.call("PROPFIND", url.clone(), "0", dav::ask_sync_token());
        self.http
            .send(&call, |answer| match answer.status {
                207 => Ok(dav::sync_token(text(&answer)?).map_err(not_xml)?),
                400 | 405 | 501 => Ok(None),
                _ => Err(self.judged(&answer)),
            })
            .await
    }
}

#[async_trait]
impl Calendars for CaldavCalendars {
    async fn directory(
        &self,
        person: &mut (dyn FnMut(DirectoryPerson) + Send),
    ) -> Result<(), Failure> {
        self.list.people().for_each(person);
        Ok(())
    }

    async fn window(&self, person: &DirectoryPerson, window: Window) -> Result<Reading, Failure> {
        let url = self.url(person)?;
        let cursor = self.token(&url).await?;
        // A day more on both sides: the server has another idea of where dates and floating times
        // are. What is outside is left out when it is laid out.
        let body = dav::calendar_query(
            window.from.saturating_sub(DAY),
            window.to.saturating_add(DAY),
        )
        .ok_or_else(|| Failure::new(FailureKind::Config, "the window is out of range"))?;
        let call = self.call("REPORT", url, "1", body);
        let most = self.layout.max_events;
        let found = self
            .http
            .send(&call, |answer| match answer.status {
                207 => dav::multistatus(text(&answer)?, most).map_err(not_xml),
                _ => Err(self.judged(&answer)),
            })
            .await?;
        self.worked.store(true, Ordering::Relaxed);
        let options = self.layout.options(person, window);
        let mut reading = blocking(move || lay_out(found, options)).await??;
        reading.cursor = cursor;
        Ok(reading)
    }

    async fn changes(
        &self,
        person: &DirectoryPerson,
        _window: Window,
        cursor: &str,
    ) -> Result<Reading, Failure> {
        let url = self.url(person)?;
        let call = self.call("REPORT", url, "0", dav::sync_collection(cursor));
        let most = self.layout.max_events;
        let check = self
            .http
            .send(&call, |answer| match answer.status {
                207 => {
                    let found = dav::multistatus(text(&answer)?, most).map_err(not_xml)?;
                    Ok(if found.resources.is_empty() {
                        Check::Unchanged(found.sync_token)
                    } else {
                        Check::Changed
                    })
                }
                // A token that is not known any more, or a listing that is too long.
                403 | 409 | 507 if dav::token_is_forgotten(text(&answer)?) => Ok(Check::Changed),
                400 | 405 | 409 | 410 | 412 | 501 | 507 => Ok(Check::Changed),
                _ => Err(self.judged(&answer)),
            })
            .await?;
        self.worked.store(true, Ordering::Relaxed);
        match check {
            Check::Unchanged(token) => Ok(Reading {
                cursor: Some(token.unwrap_or_else(|| cursor.to_owned())),
                ..Reading::default()
            }),
            Check::Changed => Err(Failure::new(
                FailureKind::CursorLost,
                "the calendar changed, or its server forgot where it was",
            )),
        }
    }
}

/// Every resource laid out. A resource that holds no calendar is refused alone; one that the server
/// could not give makes the whole reading fail, because what it holds is not gone.
fn lay_out(found: Multistatus, mut options: icalendar::Options) -> Result<Reading, Failure> {
    if found.truncated {
        return Err(Failure::new(
            FailureKind::Limit,
            "the server gave only a part of the calendar; shorten the window",
        ));
    }
    let mut reading = Reading::default();
    let most = options.max_events;
    for resource in found.resources {
        let Some(text) = resource.calendar else {
            match resource.status {
                404 | 410 => continue,
                // The collection itself.
                200..=299 if resource.href.ends_with('/') => continue,
                status => {
                    return Err(Failure::new(
                        FailureKind::Transient,
                        format!("the server kept an event back (HTTP {status})"),
                    ));
                }
            }
        };
        options.max_events = most.saturating_sub(reading.meetings.len());
        match icalendar::expand(text.as_bytes(), &options) {
            Ok(expanded) => {
                reading.meetings.extend(expanded.meetings);
                reading.rejects.extend(expanded.rejects);
                reading.unreadable.extend(expanded.unreadable);
            }
            Err(Fault::TooManyEvents(_)) => return Err(of_fault(Fault::TooManyEvents(most))),
            Err(fault) => {
                reading.unreadable.push(ANY.to_owned());
                reading.rejects.push(Reject {
                    line: 1,
                    field: String::new(),
                    reason: match fault {
                        Fault::CutShort => "cut_short",
                        _ => "not_a_calendar",
                    },
                    value: String::new(),
                });
            }
        }
    }
    Ok(reading)
}

fn text(answer: &Answer) -> Result<&str, Verdict> {
    std::str::from_utf8(&answer.body).map_err(|_| {
        Verdict::Fail(Failure::new(
            FailureKind::Contract,
            "the answer is not UTF-8",
        ))
    })
}

fn not_xml(error: dav::Error) -> Verdict {
    match error {
        // An answer that lost its end looks so.
        dav::Error::NotXml { .. } => Verdict::Retry {
            after: None,
            failure: Failure::new(FailureKind::Transient, error.to_string()),
        },
        dav::Error::NotMultistatus => {
            Verdict::Fail(Failure::new(FailureKind::Contract, error.to_string()))
        }
        dav::Error::TooMany(_) => Verdict::Fail(Failure::new(
            FailureKind::Limit,
            format!("{error} (max_events)"),
        )),
    }
}

/// What a refusal means.
fn judge(answer: &Answer) -> Verdict {
    let told = |kind, message: &str| Verdict::Fail(Failure::new(kind, message));
    match answer.status {
        401 => told(
            FailureKind::Auth,
            "the server refused the user name and password (HTTP 401)",
        ),
        403 => told(
            FailureKind::Person,
            "the account may not read this calendar (HTTP 403); share it with the account",
        ),
        404 | 410 => told(
            FailureKind::Person,
            "there is no such calendar; correct its url in the list of calendars",
        ),
        200..=299 => told(
            FailureKind::Contract,
            "the server does not speak CalDAV here; give the URL of a calendar collection",
        ),
        405 | 501 => told(
            FailureKind::Contract,
            "the server knows no calendar-query here; give the URL of a calendar collection",
        ),
        _ => answer.judged("the calendar"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ics::testing::serve;
    use super::*;
    use crate::config::SecretRef;
    use crate::connectors::Bounds;

    const WINDOW: Window = Window {
        from: 1_767_225_600_000_000,
        to: 1_769_904_000_000_000,
    };

    fn ics(uid: &str) -> String {
        format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:{uid}\nDTSTART:20260105T100000Z\n\
             DURATION:PT1H\nRRULE:FREQ=WEEKLY\nEND:VEVENT\nEND:VCALENDAR\n"
        )
    }

    fn answered(resources: &str, token: &str) -> String {
        format!(
            "<d:multistatus xmlns:d='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'>\
             {resources}{token}</d:multistatus>"
        )
    }

    fn resource(href: &str, calendar: &str) -> String {
        format!(
            "<d:response><d:href>{href}</d:href><d:propstat><d:prop>\
             <d:getetag>\"1\"</d:getetag><c:calendar-data>{calendar}</c:calendar-data></d:prop>\
             <d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
        )
    }

    fn token() -> (u16, String) {
        let response = "<d:response><d:href>/c/</d:href><d:propstat><d:prop>\
                        <d:sync-token>urn:1</d:sync-token></d:prop>\
                        <d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>";
        (207, answered(response, ""))
    }

    struct Asked {
        calendars: CaldavCalendars,
        person: DirectoryPerson,
        requests: Arc<std::sync::Mutex<Vec<String>>>,
        _folder: tempfile::TempDir,
    }

    async fn asked(answers: Vec<(u16, String)>, sync: &SyncSettings) -> Asked {
        let (base, requests) = serve(answers).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calendars.csv");
        std::fs::write(&path, format!("email,url\nann@example.org,{base}/c/")).unwrap();
        let secret = folder.path().join("password");
        std::fs::write(&secret, "s3cret").unwrap();
        let settings = Caldav {
            calendars: path,
            username: "reader".into(),
            password: SecretRef::File(secret),
        };
        let list = CaldavCalendars::list(&settings).unwrap();
        let mut bounds = Bounds::default();
        bounds.retry.tries = 1;
        let http = Arc::new(Http::new(bounds, &list.bases()).unwrap());
        let calendars = CaldavCalendars::new(list, &settings, sync, Zone::utc(), http).unwrap();
        let mut people = Vec::new();
        calendars
            .directory(&mut |person| people.push(person))
            .await
            .unwrap();
        Asked {
            calendars,
            person: people.remove(0),
            requests,
            _folder: folder,
        }
    }

    #[tokio::test]
    async fn a_window_is_one_query_and_a_token_from_before_it() {
        let body = answered(
            &[
                resource("/c/a.ics", &ics("a")),
                resource("/c/b.ics", "no calendar"),
                "<d:response><d:href>/c/gone.ics</d:href><d:status>HTTP/1.1 404 Not Found\
                 </d:status></d:response>"
                    .to_owned(),
                resource("/c/d.ics", &ics("d")),
            ]
            .concat(),
            "",
        );
        let sync = SyncSettings::default();
        let asked = asked(vec![token(), (207, body)], &sync).await;
        let reading = asked.calendars.window(&asked.person, WINDOW).await.unwrap();
        assert_eq!(reading.cursor.as_deref(), Some("urn:1"));
        assert_eq!(reading.meetings.len(), 8);
        let reasons: Vec<_> = reading.rejects.iter().map(|one| one.reason).collect();
        assert_eq!(reasons, ["not_a_calendar"]);
        let requests = asked.requests.lock().unwrap();
        assert!(requests[0].starts_with("PROPFIND /c/ "));
        assert!(requests[1].starts_with("REPORT /c/ "));
        assert!(requests[1].to_lowercase().contains("depth: 1"));
        assert!(requests[1].contains("start=\"20251231T000000Z\""));
        // reader:s3cret
        assert!(requests[1].contains("Basic cmVhZGVyOnMzY3JldA=="));
    }

    #[tokio::test]
    async fn what_the_server_keeps_back_fails_the_reading() {
        let kept = "<d:response><d:href>/c/a.ics</d:href><d:propstat><d:prop><d:getetag>1\
                    </d:getetag></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>\
                    </d:response>";
        let stopped = "<d:response><d:href>/c/</d:href><d:status>HTTP/1.1 507 X</d:status>\
                       </d:response>";
        let both = resource("/c/a.ics", &ics("a")) + &resource("/c/b.ics", &ics("b"));
        for (status, body, max_events, kind) in [
            (207, answered(kept, ""), 10, FailureKind::Transient),
            (207, answered(stopped, ""), 10, FailureKind::Limit),
            (207, answered(&both, ""), 5, FailureKind::Limit),
            (
                207,
                "<d:multistatus xmlns:d='DAV:'>".into(),
                10,
                FailureKind::Transient,
            ),
            (200, "<html/>".into(), 10, FailureKind::Contract),
            (401, String::new(), 10, FailureKind::Auth),
            (403, String::new(), 10, FailureKind::Person),
            (404, String::new(), 10, FailureKind::Person),
            (503, String::new(), 10, FailureKind::Transient),
        ] {
            let sync = SyncSettings {
                max_events,
                ..SyncSettings::default()
            };
            let asked = asked(vec![token(), (status, body)], &sync).await;
            let failure = asked
                .calendars
                .window(&asked.person, WINDOW)
                .await
                .unwrap_err();
            assert_eq!(failure.kind, kind, "{status} {failure}");
            assert!(!failure.to_string().contains("s3cret"));
        }
    }

    #[tokio::test]
    async fn a_token_tells_only_whether_anything_changed() {
        let next = "<d:sync-token>urn:2</d:sync-token>";
        let changed = "<d:response><d:href>/c/a.ics</d:href><d:status>HTTP/1.1 404 X</d:status>\
                       </d:response>";
        let forgotten = "<d:error xmlns:d='DAV:'><d:valid-sync-token/></d:error>";
        for (status, body, wanted) in [
            (207, answered("", next), Ok(Some("urn:2"))),
            (207, answered("", ""), Ok(Some("urn:1"))),
            (207, answered(changed, next), Err(FailureKind::CursorLost)),
            (403, forgotten.to_owned(), Err(FailureKind::CursorLost)),
            (403, "no".to_owned(), Err(FailureKind::Person)),
            (401, String::new(), Err(FailureKind::Auth)),
            (503, String::new(), Err(FailureKind::Transient)),
        ] {
            let asked = asked(vec![(status, body)], &SyncSettings::default()).await;
            let got = asked
                .calendars
                .changes(&asked.person, WINDOW, "urn:1")
                .await;
            let got = got
                .as_ref()
                .map(|reading| reading.cursor.as_deref())
                .map_err(|failure| failure.kind);
            assert_eq!(got, wanted, "{status}");
        }
    }

    #[tokio::test]
    async fn a_server_without_tokens_gives_no_cursor() {
        let body = answered(&resource("/c/a.ics", &ics("a")), "");
        for first in [(405, String::new()), (207, answered("", ""))] {
            let sync = SyncSettings::default();
            let asked = asked(vec![first, (207, body.clone())], &sync).await;
            let reading = asked.calendars.window(&asked.person, WINDOW).await.unwrap();
            assert_eq!(reading.cursor, None);
            assert_eq!(reading.meetings.len(), 4);
        }
    }
}
