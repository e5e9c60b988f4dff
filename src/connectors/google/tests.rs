//! The calls of a Google instance against a very small server.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::testing::{Asked as Seen, Reply, Server, oauth, reply};
use super::*;

/// Tokens `t0`, `t1` …: another one whenever one is spent.
#[derive(Default)]
struct Counted {
    spent: Mutex<usize>,
    asked_for: Mutex<Vec<String>>,
}

#[async_trait]
impl Tokens for Counted {
    async fn bearer(&self, whom: For<'_>) -> Result<Secret, Failure> {
        self.asked_for.lock().unwrap().push(match whom {
            For::Directory => "directory".into(),
            For::Calendar(person) => person.into(),
        });
        Ok(Secret::new(format!("t{}", self.spent.lock().unwrap())))
    }

    async fn spent(&self, _: &Secret) {
        *self.spent.lock().unwrap() += 1;
    }
}

struct Stage {
    server: Server,
    tokens: Arc<Counted>,
    google: GoogleCalendars,
}

async fn stage_with(
    domain: Option<&str>,
    sync: Sync,
    answer: impl Fn(usize, &Seen) -> Reply + Send + std::marker::Sync + 'static,
) -> Stage {
    let server = Server::start(answer).await;
    let tokens = Arc::new(Counted::default());
    let mut settings = server.google(oauth());
    settings.domain = domain.map(str::to_owned);
    let google = GoogleCalendars::new(server.http(), tokens.clone(), &settings, &sync);
    Stage {
        server,
        tokens,
        google,
    }
}

async fn stage(
    answer: impl Fn(usize, &Seen) -> Reply + Send + std::marker::Sync + 'static,
) -> Stage {
    stage_with(None, Sync::default(), answer).await
}

fn ann() -> DirectoryPerson {
    DirectoryPerson {
        id: "1".into(),
        calendar: "ann+x/y@example.com".into(),
        principal_names: Vec::new(),
        emails: Vec::new(),
        display_name: None,
        active: true,
    }
}

/// 2026-01-05 to 2026-01-07.
const WINDOW: Window = Window {
    from: 1_767_571_200_000_000,
    to: 1_767_744_000_000_000,
};

fn entry(id: &str) -> Value {
    json!({"id": id, "status": "confirmed", "summary": id,
        "start": {"dateTime": "2026-01-05T09:00:00Z"}, "end": {"dateTime": "2026-01-05T10:00:00Z"}})
}

fn page(ids: &[&str], more: Value) -> Reply {
    let mut page = json!({"kind": "calendar#events", "accessRole": "owner",
        "items": ids.iter().map(|id| entry(id)).collect::<Vec<_>>()});
    for (name, value) in more.as_object().unwrap() {
        page[name] = value.clone();
    }
    reply(200, page.to_string())
}

fn refusal(status: u16, reason: &str) -> Reply {
    reply(
        status,
        json!({"error": {"code": status, "message": "ann@example.com: secret",
            "errors": [{"domain": "d", "reason": reason}]}})
        .to_string(),
    )
}

async fn people(google: &GoogleCalendars) -> Result<Vec<DirectoryPerson>, Failure> {
    let mut found = Vec::new();
    google.directory(&mut |person| found.push(person)).await?;
    Ok(found)
}

fn ids(reading: &Reading) -> Vec<&str> {
    reading
        .meetings
        .iter()
        .map(|meeting| meeting.event_id.as_str())
        .collect()
}

#[tokio::test]
async fn the_directory_is_read_to_its_end() {
    let stage = stage(|_, asked| match asked.query("pageToken").as_deref() {
        None => reply(
            200,
            r#"{"kind": "admin#directory#users", "nextPageToken": "b/+", "users": [
            {"id": "1", "primaryEmail": "Ann@example.com", "aliases": ["a@example.com"],
             "emails": [{"address": "ann@home.example"}], "name": {"fullName": "Ann"}},
            {"id": "2", "primaryEmail": "bob@example.com", "suspended": true}]}"#,
        ),
        // An empty page is not the last one.
        Some("b/+") => reply(200, r#"{"nextPageToken": "c"}"#),
        _ => reply(
            200,
            r#"{"users": [{"id": "3", "primaryEmail": "c@example.com", "isMailboxSetup": false}]}"#,
        ),
    })
    .await;
    let people = people(&stage.google).await.unwrap();
    assert_eq!(
        people[0],
        DirectoryPerson {
            id: "1".into(),
            calendar: "Ann@example.com".into(),
            principal_names: vec!["Ann@example.com".into()],
            emails: vec!["ann@home.example".into(), "a@example.com".into()],
            display_name: Some("Ann".into()),
            active: true,
        }
    );
    assert_eq!(
        people
            .iter()
            .map(|person| person.active)
            .collect::<Vec<_>>(),
        [true, false, true]
    );
    let asked = stage.server.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0].url.path(), "/admin/directory/v1/users");
    assert_eq!(
        asked[0].parameters(),
        ["customer", "maxResults", "projection", "fields"]
    );
    assert_eq!(asked[0].query("customer").as_deref(), Some("my_customer"));
    assert_eq!(asked[0].query("maxResults").as_deref(), Some("500"));
    assert_eq!(asked[2].query("fields"), asked[0].query("fields"));
    assert_eq!(*stage.tokens.asked_for.lock().unwrap(), ["directory"; 3]);
}

#[tokio::test]
async fn a_domain_is_asked_for_by_name() {
    let stage = stage_with(Some("example.com"), Sync::default(), |_, _| {
        reply(200, r#"{"users": []}"#)
    })
    .await;
    assert!(people(&stage.google).await.unwrap().is_empty());
    let asked = stage.server.asked().remove(0);
    assert_eq!(asked.query("domain").as_deref(), Some("example.com"));
    assert_eq!(asked.query("customer"), None);
}

#[tokio::test]
async fn a_directory_that_goes_wrong_fails_as_a_whole() {
    let circle = |before: usize, _: &Seen| match ["x", "y", "x"].get(before) {
        Some(token) => reply(200, format!(r#"{{"nextPageToken": "{token}"}}"#)),
        None => reply(200, r#"{"users": []}"#),
    };
    let first = stage(circle).await;
    assert_eq!(
        people(&first.google).await.unwrap_err().kind,
        FailureKind::Contract
    );
    assert_eq!(first.server.asked().len(), 3);

    let sync = Sync {
        max_pages: 5,
        ..Sync::default()
    };
    let endless = stage_with(None, sync, |before, _| {
        reply(200, format!(r#"{{"nextPageToken": "{before}"}}"#))
    })
    .await;
    let failure = people(&endless.google).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Contract);
    assert!(failure.message.contains("max_pages = 5"), "{failure}");
    assert_eq!(endless.server.asked().len(), 5);

    for body in [
        r#"{"users": [{"id": "2"}]}"#,
        r#"{"users": {}}"#,
        r#"{"kind": "other"}"#,
        "<html>",
    ] {
        let stage = stage(move |_, _| reply(200, body)).await;
        let failure = people(&stage.google).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Contract, "{body}");
    }
}

#[tokio::test]
async fn a_refused_directory_says_what_to_do() {
    for (status, reason, kind, word) in [
        (403, "accessNotConfigured", FailureKind::Auth, "not enabled"),
        (
            403,
            "insufficientPermissions",
            FailureKind::Auth,
            DIRECTORY_SCOPE,
        ),
        (403, "forbidden", FailureKind::Auth, "administrator"),
        (403, "quotaExceeded", FailureKind::Throttled, "slow down"),
        (
            403,
            "userRateLimitExceeded",
            FailureKind::Throttled,
            "slow down",
        ),
        (404, "notFound", FailureKind::Config, "`domain`"),
        (400, "badRequest", FailureKind::Contract, "400"),
        (503, "backendError", FailureKind::Transient, "503"),
        (401, "authError", FailureKind::Auth, "401"),
    ] {
        let stage = stage(move |_, _| refusal(status, reason)).await;
        let failure = people(&stage.google).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{reason}");
        assert!(failure.message.contains(word), "{failure}");
        assert!(!failure.message.contains("secret"), "{failure}");
    }
}

#[tokio::test]
async fn a_window_is_read_to_its_last_page() {
    let stage = stage(|_, asked| match asked.query("pageToken").as_deref() {
        None => page(
            &["a", "b"],
            json!({"nextPageToken": "2", "nextSyncToken": null}),
        ),
        Some("2") => page(&[], json!({"nextPageToken": "3"})),
        _ => page(&["c"], json!({"nextSyncToken": "sync-1"})),
    })
    .await;
    let reading = stage.google.window(&ann(), WINDOW).await.unwrap();
    assert_eq!(ids(&reading), ["a", "b", "c"]);
    assert_eq!(reading.cursor.as_deref(), Some("sync-1"));
    assert_eq!(reading.warning, None);
    let asked = stage.server.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(
        asked[0].url.path(),
        "/calendar/v3/calendars/ann+x%2Fy@example.com/events"
    );
    assert_eq!(asked[0].bearer, "t0");
    assert_eq!(
        asked[0].parameters(),
        ["singleEvents", "maxResults", "fields", "timeMin", "timeMax"]
    );
    assert_eq!(
        asked[0].query("timeMin").as_deref(),
        Some("2026-01-05T00:00:00Z")
    );
    assert_eq!(
        asked[0].query("timeMax").as_deref(),
        Some("2026-01-07T00:00:00Z")
    );
    assert!(!asked[0].query("fields").unwrap().contains("description"));
    // The further pages keep every parameter.
    assert_eq!(
        asked[2].parameters(),
        [
            "singleEvents",
            "maxResults",
            "fields",
            "timeMin",
            "timeMax",
            "pageToken"
        ]
    );
    assert_eq!(
        stage.tokens.asked_for.lock().unwrap()[0],
        "ann+x/y@example.com"
    );
}

#[tokio::test]
async fn changes_are_asked_with_the_parameters_of_the_window_but_its_bounds() {
    let stage = stage(|_, asked| match asked.query("pageToken").as_deref() {
        None => page(&["a"], json!({"nextPageToken": "2"})),
        _ => reply(
            200,
            r#"{"nextSyncToken": "sync-2", "items": [{"id": "b", "status": "cancelled"}]}"#,
        ),
    })
    .await;
    stage.google.window(&ann(), WINDOW).await.unwrap();
    let reading = stage
        .google
        .changes(&ann(), WINDOW, "sync 1")
        .await
        .unwrap();
    assert_eq!(ids(&reading), ["a", "b"]);
    assert_eq!(reading.meetings[1].span, None);
    assert_eq!(reading.cursor.as_deref(), Some("sync-2"));
    let asked = stage.server.asked();
    let (window, first, second) = (&asked[0], &asked[2], &asked[3]);
    assert_eq!(
        first.parameters(),
        ["singleEvents", "maxResults", "fields", "syncToken"]
    );
    assert_eq!(second.parameters().last().unwrap(), "pageToken");
    for same in ["singleEvents", "maxResults", "fields"] {
        assert_eq!(window.query(same), first.query(same));
        assert_eq!(window.query(same), second.query(same));
    }
    assert_eq!(second.query("syncToken").as_deref(), Some("sync 1"));
}

#[tokio::test]
async fn refused_calendars_are_told_apart() {
    use FailureKind::*;
    for (status, reason, window, changes) in [
        (410, "fullSyncRequired", Transient, CursorLost),
        (410, "updatedMinTooLongAgo", Transient, CursorLost),
        (410, "", Transient, CursorLost),
        (400, "fullSyncRequired", Contract, CursorLost),
        (400, "badRequest", Contract, Contract),
        (403, "rateLimitExceeded", Throttled, Throttled),
        (403, "dailyLimitExceeded", Throttled, Throttled),
        (429, "rateLimitExceeded", Throttled, Throttled),
        (403, "forbidden", Person, Person),
        (403, "insufficientPermissions", Auth, Auth),
        (403, "accessNotConfigured", Auth, Auth),
        (403, "notACalendarUser", Person, Person),
        (404, "notFound", Person, Person),
        (401, "authError", Auth, Auth),
        (500, "backendError", Transient, Transient),
        (302, "", Contract, Contract),
    ] {
        let stage = stage(move |_, _| refusal(status, reason)).await;
        let failure = stage.google.window(&ann(), WINDOW).await.unwrap_err();
        assert_eq!(failure.kind, window, "{status} {reason}");
        assert!(!failure.message.contains("secret"), "{failure}");
        let failure = stage.google.changes(&ann(), WINDOW, "s").await.unwrap_err();
        assert_eq!(failure.kind, changes, "{status} {reason}");
    }
    let named = stage(|_, _| {
        reply(
            400,
            r#"{"error": {"message": "Invalid sync token value.", "errors": [{"reason": "invalid"}]}}"#,
        )
    })
    .await;
    let failure = named.google.changes(&ann(), WINDOW, "s").await.unwrap_err();
    assert_eq!(failure.kind, CursorLost);
}

#[tokio::test]
async fn a_page_that_fails_fails_the_reading() {
    let stage = stage(|_, asked| match asked.query("pageToken") {
        None => page(&["a"], json!({"nextPageToken": "2"})),
        Some(_) => refusal(404, "notFound"),
    })
    .await;
    stage.google.window(&ann(), WINDOW).await.unwrap_err();
}

#[tokio::test]
async fn a_throttled_call_is_tried_again() {
    let stage = stage(|before, _| match before {
        0 => refusal(403, "userRateLimitExceeded"),
        _ => page(&["a"], json!({})),
    })
    .await;
    let reading = stage.google.window(&ann(), WINDOW).await.unwrap();
    assert_eq!(ids(&reading), ["a"]);
    assert_eq!(reading.cursor, None);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let once = stage(|_, asked| match asked.bearer.as_str() {
        "t0" => refusal(401, "authError"),
        _ => page(&["a"], json!({})),
    })
    .await;
    let reading = once.google.window(&ann(), WINDOW).await.unwrap();
    assert_eq!(ids(&reading), ["a"]);
    assert_eq!(once.server.asked().len(), 2);

    let always = stage(|_, _| refusal(401, "authError")).await;
    let failure = always.google.window(&ann(), WINDOW).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Auth);
    assert_eq!(always.server.asked().len(), 2);
}

#[tokio::test]
async fn too_many_entries_name_the_setting_or_end_the_cursor() {
    let sync = Sync {
        max_events: 3,
        ..Sync::default()
    };
    let stage = stage_with(None, sync, |_, asked| {
        match asked.query("pageToken").as_deref() {
            None => page(&["a", "b", "c"], json!({"nextPageToken": "2"})),
            _ => page(&["d"], json!({"nextSyncToken": "s"})),
        }
    })
    .await;
    let failure = stage.google.window(&ann(), WINDOW).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Limit);
    assert!(failure.message.contains("max_events = 3"), "{failure}");
    let failure = stage.google.changes(&ann(), WINDOW, "s").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::CursorLost);
}

#[tokio::test]
async fn what_may_not_be_seen_is_a_warning() {
    for (role, word) in [
        ("freeBusyReader", Some("free or busy")),
        ("none", Some("free or busy")),
        ("reader", Some("private entries")),
        ("writer", None),
        ("owner", None),
    ] {
        let stage = stage(move |_, _| page(&[], json!({"accessRole": role}))).await;
        let warning = stage.google.window(&ann(), WINDOW).await.unwrap().warning;
        match (warning, word) {
            (Some(warning), Some(word)) => assert!(warning.contains(word), "{warning}"),
            (warning, word) => assert_eq!(warning.as_deref(), word),
        }
    }
    let stage = stage(|_, _| {
        let mut large = entry("a");
        large["attendeesOmitted"] = true.into();
        reply(
            200,
            json!({"items": [large, {"id": 5}], "accessRole": "reader"}).to_string(),
        )
    })
    .await;
    let reading = stage.google.window(&ann(), WINDOW).await.unwrap();
    assert!(reading.warning.unwrap().contains("1 entries"));
    assert_eq!(reading.rejects.len(), 1);
}

#[tokio::test]
async fn a_calendar_s_name_cannot_lead_elsewhere() {
    let stage = stage(|_, _| page(&[], json!({}))).await;
    for calendar in ["..", ".", ""] {
        let mut person = ann();
        person.calendar = calendar.into();
        assert!(stage.google.window(&person, WINDOW).await.is_err());
    }
    assert!(stage.server.asked().is_empty());
}

#[tokio::test]
async fn settings_decide_where_tokens_come_from() {
    let server =
        Server::start(|_, _| reply(200, r#"{"access_token": "at", "expires_in": 60}"#)).await;
    let (http, google) = (server.http(), server.google(oauth()));
    let silent: Rotated = Arc::new(|_| ());
    let Err(failure) = tokens(&http, "acme", &google, None, silent.clone()) else {
        panic!("tokens of nobody");
    };
    assert_eq!(failure.kind, FailureKind::Auth);
    assert!(
        failure.message.contains("connector rotate acme"),
        "{failure}"
    );
    let given = tokens(
        &http,
        "acme",
        &google,
        Some(Secret::new("rt".into())),
        silent,
    )
    .unwrap();
    assert_eq!(given.bearer(For::Directory).await.unwrap().expose(), "at");
    assert_eq!(bases(&google).len(), 4);
}
