//! Google Calendar: the directory by the Admin SDK, calendars by Calendar API v3.
//!
//! A window and its changes are asked for with the same parameters but the bounds of time, which a
//! sync token must not be combined with. Deleted entries are not asked for: in a window what is
//! missing is gone, and changes always tell of them. Nothing that is not needed is transferred: no
//! description, attachment or link.
//!
//! Which token a call takes is [`Tokens`]' matter: one of an administrator for everybody
//! ([`RefreshToken`]), or one in each person's name ([`ServiceAccount`]).

mod consent;
mod loopback;
mod refresh;
mod service_account;
#[cfg(test)]
mod testing;
mod token;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use url::Url;

pub use consent::{Code, Consent, Granted, PASTE_REDIRECT, Redirect, revoke};
pub use refresh::{RefreshToken, Rotated};
pub use service_account::ServiceAccount;
pub use token::{CALENDAR_SCOPE, DIRECTORY_SCOPE, For, Tokens};

use super::{
    Answer, Calendars, Call, DirectoryPerson, Failure, FailureKind, Http, Reading, Verdict, Window,
};
use crate::clock::Micros;
use crate::config::Secret;
use crate::config::integration::{Google, GoogleAuth, Sync};
use crate::sources::google::{
    AccessRole, EventsBody, EventsPage, Person, Refusal, UsersBody, UsersPage,
};

/// Entries and people a page; the most Google gives.
const EVENTS_A_PAGE: &str = "2500";
const PEOPLE_A_PAGE: &str = "500";
const EVENT_FIELDS: &str = "kind,timeZone,accessRole,nextPageToken,nextSyncToken,items(id,status,\
    summary,start,end,recurringEventId,attendees(email,responseStatus,resource,optional,organizer,\
    self),attendeesOmitted,organizer(email),transparency,visibility,eventType,created,updated)";
const PERSON_FIELDS: &str = "kind,nextPageToken,users(id,primaryEmail,emails,aliases,\
    nonEditableAliases,suspended,archived,deletionTime,isMailboxSetup,name(fullName))";

/// Reasons of a 403 that mean: slower.
const LIMITS: &[&str] = &[
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "quotaExceeded",
    "dailyLimitExceeded",
    "concurrentLimitExceeded",
    "RATE_LIMIT_EXCEEDED",
];
const API_OFF: &[&str] = &["accessNotConfigured", "SERVICE_DISABLED"];
const SCOPE_LACKS: &[&str] = &["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"];
/// Reasons that a sync token is forgotten.
const CURSOR_LOST: &[&str] = &["fullSyncRequired", "updatedMinTooLongAgo"];

/// The calendars of one Google Workspace.
pub struct GoogleCalendars {
    http: Arc<Http>,
    tokens: Arc<dyn Tokens>,
    domain: Option<String>,
    directory_url: Url,
    calendar_url: Url,
    max_events: usize,
    max_pages: usize,
    /// Whether anything was read with these credentials: then they hold, and a calendar that refuses
    /// them refuses only itself.
    worked: AtomicBool,
}

/// The URLs that an instance's client must be allowed to call.
pub fn bases(google: &Google) -> [&Url; 4] {
    [
        &google.token_url,
        &google.revoke_url,
        &google.directory_url,
        &google.calendar_url,
    ]
}

/// The tokens of an instance, by what its settings say. `refresh_token` is the sealed one of a
/// consent, `rotated` is told when another takes its place; a service account needs neither.
///
/// # Errors
/// [`FailureKind::Config`] when a secret cannot be read; [`FailureKind::Auth`] when nobody has
/// consented yet.
pub fn tokens(
    http: &Arc<Http>,
    instance: &str,
    google: &Google,
    refresh_token: Option<Secret>,
    rotated: Rotated,
) -> Result<Arc<dyn Tokens>, Failure> {
    let read = |secret: &crate::config::SecretRef| {
        secret
            .read()
            .map_err(|error| Failure::new(FailureKind::Config, error.to_string()))
    };
    match &google.auth {
        GoogleAuth::OAuth {
            client_id,
            client_secret,
        } => {
            let Some(refresh_token) = refresh_token else {
                return Err(Failure::new(
                    FailureKind::Auth,
                    format!(
                        "nobody has consented yet: run `activlake connector rotate {instance}`"
                    ),
                ));
            };
            Ok(Arc::new(RefreshToken::new(
                http.clone(),
                instance,
                google.token_url.clone(),
                (client_id.clone(), read(client_secret)?),
                refresh_token,
                rotated,
            )))
        }
        GoogleAuth::ServiceAccount { key, admin } => Ok(Arc::new(ServiceAccount::new(
            http.clone(),
            instance,
            google.token_url.clone(),
            &read(key)?,
            admin,
        )?)),
    }
}

impl GoogleCalendars {
    /// The calendars of an instance; `http` must have been made for its [`bases`].
    pub fn new(
        http: Arc<Http>,
        tokens: Arc<dyn Tokens>,
        google: &Google,
        sync: &Sync,
    ) -> GoogleCalendars {
        GoogleCalendars {
            http,
            tokens,
            domain: google.domain.clone(),
            directory_url: google.directory_url.clone(),
            calendar_url: google.calendar_url.clone(),
            max_events: sync.max_events,
            max_pages: sync.max_pages,
            worked: AtomicBool::new(false),
        }
    }

    /// Asks with a token; with another one, once, when the token is refused.
    async fn get<T: Send>(
        &self,
        whom: For<'_>,
        url: Url,
        judge: impl Fn(Answer) -> Result<T, Verdict> + Send + std::marker::Sync,
    ) -> Result<T, Failure> {
        let mut call = Call::get(url);
        let mut request_id = None;
        for _ in 0..2 {
            let token = self.tokens.bearer(whom).await?;
            call.bearer = Some(token.clone());
            let answer = self
                .http
                .send(&call, |answer| match answer.status {
                    401 => Ok(Err(answer.request_id())),
                    _ => judge(answer).map(Ok),
                })
                .await?;
            match answer {
                Ok(page) => {
                    self.worked.store(true, Ordering::Relaxed);
                    return Ok(page);
                }
                Err(id) => request_id = id,
            }
            self.tokens.spent(&token).await;
        }
        if matches!(whom, For::Calendar(_)) && self.worked.load(Ordering::Relaxed) {
            return Err(Failure::new(
                FailureKind::Person,
                "Google refuses even a new token for this calendar (401)",
            )
            .of_request(request_id));
        }
        Err(Failure::new(
            FailureKind::Auth,
            "Google refuses even a new token (401): the access was taken away; connect again \
             with `activlake connector rotate`",
        )
        .of_request(request_id))
    }

    /// All pages of a calendar, for a window or since a sync token.
    async fn events(&self, person: &DirectoryPerson, asked: Asked<'_>) -> Result<Reading, Failure> {
        let mut base = below(
            &self.calendar_url,
            &["calendars", &person.calendar, "events"],
        )?;
        asked.write(&mut base);
        let since = matches!(asked, Asked::Since(_));
        let mut reading = Reading::default();
        let mut pages = Pages::new(self.max_pages);
        let mut access = None;
        let mut attendees_omitted = 0;
        loop {
            let url = pages.url(&base);
            let page = self
                .get(For::Calendar(&person.calendar), url, |answer| {
                    events_page(answer, since)
                })
                .await?;
            access = page.access_role.or(access);
            attendees_omitted += page.attendees_omitted;
            reading.meetings.extend(page.meetings);
            reading.rejects.extend(page.rejects);
            reading.unreadable.extend(page.unreadable);
            if reading.meetings.len() + reading.rejects.len() > self.max_events {
                return Err(self.too_many(since));
            }
            if !pages.go_on(page.next_page_token)? {
                reading.cursor = page.next_sync_token;
                break;
            }
        }
        reading.warning = warning(access, attendees_omitted);
        Ok(reading)
    }

    fn too_many(&self, since: bool) -> Failure {
        let max = self.max_events;
        if since {
            // Series without an end are told far ahead; the window has only what is needed.
            Failure::new(
                FailureKind::CursorLost,
                format!("more than max_events = {max} changes; the window is read instead"),
            )
        } else {
            Failure::new(
                FailureKind::Limit,
                format!(
                    "a calendar has more than max_events = {max} entries in the window; raise it \
                     in [[integration]]"
                ),
            )
        }
    }
}

#[async_trait]
impl Calendars for GoogleCalendars {
    async fn directory(
        &self,
        person: &mut (dyn FnMut(DirectoryPerson) + Send),
    ) -> Result<(), Failure> {
        let mut base = below(&self.directory_url, &["admin", "directory", "v1", "users"])?;
        {
            let mut query = base.query_pairs_mut();
            match &self.domain {
                Some(domain) => query.append_pair("domain", domain),
                None => query.append_pair("customer", "my_customer"),
            };
            query
                .append_pair("maxResults", PEOPLE_A_PAGE)
                .append_pair("projection", "basic")
                .append_pair("fields", PERSON_FIELDS);
        }
        let mut pages = Pages::new(self.max_pages);
        loop {
            let page = self
                .get(For::Directory, pages.url(&base), users_page)
                .await?;
            page.people
                .into_iter()
                .map(directory_person)
                .for_each(&mut *person);
            if !pages.go_on(page.next_page_token)? {
                return Ok(());
            }
        }
    }

    async fn window(&self, person: &DirectoryPerson, window: Window) -> Result<Reading, Failure> {
        self.events(person, Asked::Window(window)).await
    }

    async fn changes(
        &self,
        person: &DirectoryPerson,
        _: Window,
        cursor: &str,
    ) -> Result<Reading, Failure> {
        self.events(person, Asked::Since(cursor)).await
    }
}

/// What of a calendar is asked for.
enum Asked<'a> {
    Window(Window),
    /// What changed since this sync token was given.
    Since(&'a str),
}

impl Asked<'_> {
    /// Writes the parameters. All but the last ones are those of every call, as Google demands of a
    /// call with a sync token.
    fn write(&self, url: &mut Url) {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("singleEvents", "true")
            .append_pair("maxResults", EVENTS_A_PAGE)
            .append_pair("fields", EVENT_FIELDS);
        match self {
            Asked::Window(window) => query
                .append_pair("timeMin", &rfc3339(window.from))
                .append_pair("timeMax", &rfc3339(window.to)),
            Asked::Since(cursor) => query.append_pair("syncToken", cursor),
        };
    }
}

fn rfc3339(instant: Micros) -> String {
    chrono::DateTime::from_timestamp_micros(instant)
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// The URL of these segments below a base.
fn below(base: &Url, segments: &[&str]) -> Result<Url, Failure> {
    let mut url = base.clone();
    // A segment of dots would lead elsewhere than below the base.
    let fine = !segments
        .iter()
        .any(|segment| matches!(*segment, "" | "." | ".."));
    match url.path_segments_mut() {
        Ok(mut path) if fine => {
            path.pop_if_empty().extend(segments);
        }
        _ => {
            return Err(Failure::new(
                FailureKind::Contract,
                "no URL can be made for a calendar",
            ));
        }
    }
    Ok(url)
}

/// Where a listing stands.
struct Pages {
    max: usize,
    token: Option<String>,
    seen: HashSet<String>,
}

impl Pages {
    fn new(max: usize) -> Pages {
        Pages {
            max,
            token: None,
            seen: HashSet::new(),
        }
    }

    /// The URL of the page to ask for: the same parameters, and the place.
    fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        if let Some(token) = &self.token {
            url.query_pairs_mut().append_pair("pageToken", token);
        }
        url
    }

    /// Turns the page; false after the last one.
    fn go_on(&mut self, next: Option<String>) -> Result<bool, Failure> {
        let Some(next) = next else {
            return Ok(false);
        };
        if !self.seen.insert(next.clone()) {
            return Err(Failure::new(
                FailureKind::Contract,
                "a listing goes in a circle: the same page is told to be the next one twice",
            ));
        }
        if self.seen.len() >= self.max {
            return Err(Failure::new(
                FailureKind::Contract,
                format!(
                    "a listing has more than max_pages = {} pages; if that is right, raise it in \
                     [[integration]]",
                    self.max
                ),
            ));
        }
        self.token = Some(next);
        Ok(true)
    }
}

/// What an answer to `users.list` means.
fn users_page(answer: Answer) -> Result<UsersPage, Verdict> {
    const WHAT: &str = "the directory";
    if answer.is_good() {
        let body: UsersBody = answer.json()?;
        return body
            .page()
            .map_err(|bad| contract(&answer, WHAT, &bad.to_string()));
    }
    let refusal = Refusal::read(&answer.body);
    let auth = |message: String| {
        Verdict::Fail(Failure::new(FailureKind::Auth, message).of_request(answer.request_id()))
    };
    match answer.status {
        403 | 429 if is_limit(&answer, &refusal) => Err(throttled(&answer, WHAT)),
        403 if refusal.is(API_OFF) => Err(auth(
            "the directory may not be read: the Admin SDK API is not enabled in the Google Cloud \
             project; enable it there and wait a few minutes"
                .to_owned(),
        )),
        403 if refusal.is(SCOPE_LACKS) => Err(auth(format!(
            "the directory may not be read: the token lacks the scope {DIRECTORY_SCOPE}; connect \
             again and tick every box, or authorise the service account for it"
        ))),
        403 => Err(auth(format!(
            "the directory may not be read ({}): who consented, or `admin`, must be an \
             administrator who may read users, and the company must trust the app (admin console, \
             Security, API controls)",
            refusal.word().unwrap_or("403")
        ))),
        404 => Err(Verdict::Fail(
            Failure::new(
                FailureKind::Config,
                "there is no such directory: correct `domain` (or directory_url)",
            )
            .of_request(answer.request_id()),
        )),
        _ => Err(answer.judged(WHAT)),
    }
}

/// What an answer to `events.list` means; `since` when it was asked with a sync token.
fn events_page(answer: Answer, since: bool) -> Result<EventsPage, Verdict> {
    const WHAT: &str = "a calendar";
    if answer.is_good() {
        let body: EventsBody = answer.json()?;
        return body
            .page()
            .map_err(|bad| contract(&answer, WHAT, &bad.to_string()));
    }
    let refusal = Refusal::read(&answer.body);
    let failed = |kind, message: String| {
        Err(Verdict::Fail(
            Failure::new(kind, message).of_request(answer.request_id()),
        ))
    };
    let forgotten = answer.status == 410
        || refusal.is(CURSOR_LOST)
        || (answer.status == 400 && refusal.names_sync_token);
    match answer.status {
        400..=499 if forgotten && since => failed(
            FailureKind::CursorLost,
            "Google has forgotten the sync token; the window is read instead".to_owned(),
        ),
        // The place in a listing ended while it was read: the next sync begins anew.
        410 => failed(
            FailureKind::Transient,
            "a calendar: the listing ended before its last page (HTTP 410)".to_owned(),
        ),
        403 | 429 if is_limit(&answer, &refusal) => Err(throttled(&answer, WHAT)),
        // These concern everybody: nobody else is asked, and nobody waits a day once it is mended.
        403 if refusal.is(API_OFF) => failed(
            FailureKind::Auth,
            "the calendar cannot be read: the Google Calendar API is not enabled in the Google \
             Cloud project"
                .to_owned(),
        ),
        403 if refusal.is(SCOPE_LACKS) => failed(
            FailureKind::Auth,
            format!("the calendar cannot be read: the token lacks the scope {CALENDAR_SCOPE}"),
        ),
        403 => failed(
            FailureKind::Person,
            format!(
                "the calendar may not be read ({})",
                refusal.word().unwrap_or("403")
            ),
        ),
        404 => failed(
            FailureKind::Person,
            "there is no such calendar, or it may not be seen (404)".to_owned(),
        ),
        _ => Err(answer.judged(WHAT)),
    }
}

/// Whether Google says to slow down; it does so by 403 as well as 429.
fn is_limit(answer: &Answer, refusal: &Refusal) -> bool {
    answer.status == 429
        || refusal.is(LIMITS)
        || refusal.status.as_deref() == Some("RESOURCE_EXHAUSTED")
        || answer.header("retry-after").is_some()
}

fn throttled(answer: &Answer, what: &str) -> Verdict {
    Verdict::Retry {
        after: answer.retry_after(),
        failure: Failure::new(
            FailureKind::Throttled,
            format!(
                "{what}: told to slow down ({}), and still after the last try",
                answer.status
            ),
        )
        .of_request(answer.request_id()),
    }
}

fn contract(answer: &Answer, what: &str, bad: &str) -> Verdict {
    Verdict::Fail(
        Failure::new(FailureKind::Contract, format!("{what}: {bad}"))
            .of_request(answer.request_id()),
    )
}

/// What somebody should know who wonders why meetings are missing.
fn warning(access: Option<AccessRole>, attendees_omitted: usize) -> Option<String> {
    let access = match access {
        Some(AccessRole::None | AccessRole::FreeBusyReader) => Some(
            "the calendar shows only free or busy to the connected account, so without the \
             people invited none of its entries counts as a meeting"
                .to_owned(),
        ),
        Some(AccessRole::Reader) => Some(
            "private entries of the calendar come without details to the connected account"
                .to_owned(),
        ),
        _ => None,
    };
    let omitted = (attendees_omitted > 0).then(|| {
        format!("Google left out some of the people invited to {attendees_omitted} entries")
    });
    match (access, omitted) {
        (Some(access), Some(omitted)) => Some(format!("{access}; {omitted}")),
        (access, omitted) => access.or(omitted),
    }
}

fn directory_person(person: Person) -> DirectoryPerson {
    let mut emails = person.emails;
    emails.extend(person.aliases);
    DirectoryPerson {
        id: person.id,
        calendar: person.primary_email.clone(),
        principal_names: vec![person.primary_email],
        emails,
        display_name: person.full_name,
        active: !(person.suspended || person.archived || person.deleted),
    }
}

#[cfg(test)]
mod tests;
