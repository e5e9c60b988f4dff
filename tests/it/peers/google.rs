//! A consent at `emulate`'s Google from the page to the end: PKCE, refresh, a calendar, revocation.
//!
//! What it does not do is not asked of it here: sync tokens, a directory, 401 for a bad token.

use std::sync::Arc;
use std::time::Duration;

use activlake::config::integration::{Google, GoogleAuth, Sync};
use activlake::config::{Secret, SecretRef};
use activlake::connectors::google::{
    self, CALENDAR_SCOPE, Consent, DIRECTORY_SCOPE, For, GoogleCalendars, Granted, PASTE_REDIRECT,
    Redirect, Tokens,
};
use activlake::connectors::{Calendars, DirectoryPerson, FailureKind, Http};
use activlake::sources::meeting::{EventKind, Response, ShowAs, Span, Status};
use serde_json::{Value, json};
use url::Url;

use super::server::{EMULATE, Node, Server, base, browser, free_port, node};
use super::{at, bounds, secret, tells_none_of, window};
use crate::place::block_on;

const CLIENT_ID: &str = "activlake-peers";
const CLIENT_SECRET: &str = "s3cret-of-the-peers";
const ADMIN: &str = "admin@example.com";
const BOB: &str = "bob@example.com";
/// On ten days; eight of them have more than `emulate` gives in one page.
const ENTRIES: usize = 330;

fn settings(base: &Url, client_secret: SecretRef) -> Google {
    Google {
        domain: None,
        auth: GoogleAuth::OAuth {
            client_id: CLIENT_ID.into(),
            client_secret,
        },
        authorize_url: at(base, "o/oauth2/v2/auth"),
        token_url: at(base, "oauth2/token"),
        revoke_url: at(base, "oauth2/revoke"),
        directory_url: base.clone(),
        calendar_url: at(base, "calendar/v3"),
    }
}

/// `emulate` with one client, that may be redirected to these, and Bob's calendar, which the
/// administrator sees.
fn emulate(node: &Node, port: u16, redirects: &[&str]) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let mut events = vec![json!({
        "id": "trip", "user_email": ADMIN, "calendar_id": BOB, "summary": "Trip",
        "start_date": "2026-03-04", "end_date": "2026-03-06",
    })];
    events.extend((0..ENTRIES).map(|number| {
        let (day, minute) = (1 + number % 10, number / 10);
        json!({
            "id": format!("call-{number}"), "user_email": ADMIN, "calendar_id": BOB,
            "summary": "Call",
            "start_date_time": format!("2026-03-{day:02}T12:{minute:02}:00+02:00"),
            "end_date_time": format!("2026-03-{day:02}T12:{:02}:00+02:00", minute + 1),
        })
    }));
    let seed = json!({"google": {
        "users": [{"email": ADMIN, "name": "An Admin"}],
        "oauth_clients": [{
            "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "name": "activlake",
            "redirect_uris": redirects,
        }],
        "calendars": [{"id": BOB, "user_email": ADMIN, "summary": "Bob"}],
        "calendar_events": events,
    }});
    std::fs::write(folder.path().join("seed.json"), seed.to_string()).unwrap();
    let mut command = node.script("dist/index.js");
    command
        .args(["start", "--service", "google", "--seed", "seed.json"])
        .args(["--port", &port.to_string()])
        .args(["--base-url", base(port).as_str().trim_end_matches('/')]);
    Server::start(port, folder, command)
}

fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs()
        .find(|(given, _)| given == name)
        .unwrap_or_else(|| panic!("no {name} in {url}"))
        .1
        .into_owned()
}

/// What the form of a page sends whose fields have this value among them: its action, its fields.
fn form(page: &str, value: &str) -> (String, Vec<(String, String)>) {
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        let text = rest.split('"').next()?;
        let plain = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#39;", "'"),
        ];
        let text = plain
            .iter()
            .fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        Some(text.replace("&amp;", "&"))
    };
    page.split("<form")
        .skip(1)
        .find_map(|form| {
            let form = form.split("</form>").next()?;
            let fields: Vec<_> = form
                .split("<input")
                .skip(1)
                .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)))
                .collect();
            let chosen = fields.iter().any(|(_, given)| given == value);
            chosen.then(|| (attribute(form, "action").unwrap(), fields))
        })
        .unwrap_or_else(|| panic!("no form with {value} in\n{page}"))
}

/// Opens the page, chooses the administrator, and gives back where the browser is sent.
async fn consented(page: &Url) -> Url {
    let browser = browser();
    let answer = browser.get(page.clone()).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{text}");
    let (action, fields) = form(&text, ADMIN);
    let sent = browser
        .post(page.join(&action).unwrap())
        .form(&fields)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 302);
    let back = sent.headers()["location"].to_str().unwrap();
    Url::parse(back).unwrap()
}

fn person() -> DirectoryPerson {
    DirectoryPerson {
        id: "bob".into(),
        calendar: BOB.into(),
        principal_names: vec![BOB.into()],
        emails: vec![],
        display_name: None,
        active: true,
    }
}

fn tokens(http: &Arc<Http>, google: &Google, granted: &Granted) -> Arc<dyn Tokens> {
    let refresh = granted.refresh_token.clone();
    // `emulate` keeps to one refresh token.
    let rotated = Arc::new(|_: Secret| panic!("another refresh token"));
    google::tokens(http, "peers", google, Some(refresh), rotated).unwrap()
}

/// Bob's calendar as the connector reads it, and what stands in it besides what was seeded.
async fn reads_a_calendar(base: &Url, google: &Google, http: &Arc<Http>, tokens: Arc<dyn Tokens>) {
    let bearer = tokens.bearer(For::Directory).await.unwrap();
    let who: Value = {
        let url = at(base, "oauth2/v2/userinfo");
        let asked = browser().get(url).bearer_auth(bearer.expose());
        let text = asked.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    };
    assert_eq!(who["email"], ADMIN, "{who}");
    let plan = json!({
        "summary": "Plan",
        "start": {"dateTime": "2026-03-03T09:00:00+01:00"},
        "end": {"dateTime": "2026-03-03T10:30:00+01:00"},
        "attendees": [
            {"email": BOB, "responseStatus": "accepted", "self": true},
            {"email": "Eve@Elsewhere.test", "responseStatus": "declined"},
            {"email": ADMIN, "responseStatus": "needsAction", "organizer": true},
        ],
    });
    let made = browser()
        .post(at(base, "calendar/v3/calendars/bob@example.com/events"))
        .bearer_auth(bearer.expose())
        .header("content-type", "application/json")
        .body(plan.to_string());
    assert_eq!(made.send().await.unwrap().status(), 200);

    let sync = Sync::default();
    let calendars = GoogleCalendars::new(http.clone(), tokens, google, &sync);
    let march = window("2026-03-02", "2026-03-10");
    let before = http.meter().requests();
    let reading = calendars.window(&person(), march).await.unwrap();
    // Two pages, and no further token.
    assert_eq!(http.meter().requests(), before + 2);
    assert_eq!(reading.rejects, []);
    assert_eq!((reading.cursor, reading.warning), (None, None));
    // The tenth and the first are outside.
    let calls = reading
        .meetings
        .iter()
        .filter(|meeting| meeting.event_id.starts_with("call-"));
    assert_eq!(calls.count(), ENTRIES / 10 * 8);
    let named = |title: &str| {
        let mut found = reading
            .meetings
            .iter()
            .filter(|meeting| meeting.title.as_deref() == Some(title));
        let meeting = found.next().unwrap_or_else(|| panic!("no {title}"));
        assert!(found.next().is_none(), "{title} twice");
        meeting
    };
    let trip = named("Trip");
    let (start, end) = (20_516, 20_518);
    assert_eq!(trip.span, Some(Span::Dates { start, end }));
    assert_eq!((trip.attendees.len(), trip.own_response), (0, None));
    let plan = named("Plan");
    let start = window("2026-03-03", "2026-03-03").from + 8 * 3_600_000_000;
    let end = start + 5_400_000_000;
    assert_eq!(plan.span, Some(Span::Instants { start, end }));
    assert_eq!(
        (plan.status, plan.kind, plan.show_as, plan.private),
        (Status::Confirmed, EventKind::Default, ShowAs::Busy, false)
    );
    let answers: Vec<_> = plan
        .attendees
        .iter()
        .map(|attendee| (attendee.email.as_str(), attendee.response))
        .collect();
    assert_eq!(
        answers,
        [
            (BOB, Some(Response::Accepted)),
            ("eve@elsewhere.test", Some(Response::Declined)),
            (ADMIN, Some(Response::NeedsAction)),
        ]
    );
    assert_eq!(plan.own_response, Some(Response::Accepted));
    assert!(plan.created.is_some() && plan.updated.is_some());
}

#[test]
fn a_consent_at_emulate_holds_until_it_is_revoked() {
    let test = "a_consent_at_emulate_holds_until_it_is_revoked";
    let Some(node) = node(EMULATE, test) else {
        return;
    };
    block_on(async {
        let secrets = tempfile::tempdir().unwrap();
        let port = free_port();
        let base = base(port);
        let google = settings(&base, secret(secrets.path(), "client", CLIENT_SECRET));
        let consent = Consent::start(&google, Redirect::Loopback).await.unwrap();
        let redirect = parameter(consent.url(), "redirect_uri");
        let _server = emulate(&node, port, &[&redirect]);
        let http = Arc::new(Http::new(bounds(), &google::bases(&google)).unwrap());

        let seen = async {
            let back = consented(consent.url()).await;
            assert!(back.as_str().starts_with(&redirect), "{back}");
            browser().get(back).send().await.unwrap().status()
        };
        let (status, code) = tokio::join!(seen, consent.wait_on_loopback(Duration::from_secs(20)));
        assert_eq!(status, 200);
        let granted = consent.finish(&http, code.unwrap()).await.unwrap();
        assert_eq!(http.meter().requests(), 1);
        let scope = granted.scope.clone().unwrap();
        assert_eq!(scope, format!("{DIRECTORY_SCOPE} {CALENDAR_SCOPE}"));
        let refresh = granted.refresh_token.expose().to_owned();

        let first = tokens(&http, &google, &granted);
        reads_a_calendar(&base, &google, &http, first).await;

        google::revoke(&http, &google, &granted.refresh_token)
            .await
            .unwrap();
        // Of a process that knows no access token yet.
        let before = http.meter().requests();
        let next = GoogleCalendars::new(
            http.clone(),
            tokens(&http, &google, &granted),
            &google,
            &Sync::default(),
        );
        let march = window("2026-03-01", "2026-03-08");
        for _ in 0..3 {
            let failure = next.window(&person(), march).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Auth, "{failure}");
            assert!(failure.message.contains("re-authorisation"), "{failure}");
            tells_none_of(&failure, &[&refresh, CLIENT_SECRET, BOB]);
            let failure = next.directory(&mut |_| panic!()).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Auth, "{failure}");
        }
        assert_eq!(http.meter().requests(), before + 1);
        // What is revoked already is no error.
        google::revoke(&http, &google, &granted.refresh_token)
            .await
            .unwrap();
    });
}

#[test]
fn emulate_refuses_another_verifier_and_another_secret() {
    let test = "emulate_refuses_another_verifier_and_another_secret";
    let Some(node) = node(EMULATE, test) else {
        return;
    };
    block_on(async {
        let secrets = tempfile::tempdir().unwrap();
        let port = free_port();
        let google = settings(&base(port), secret(secrets.path(), "client", CLIENT_SECRET));
        let _server = emulate(&node, port, &[PASTE_REDIRECT]);
        let http = Arc::new(Http::new(bounds(), &google::bases(&google)).unwrap());
        let start = || Consent::start(&google, Redirect::Paste);
        let (one, other) = (start().await.unwrap(), start().await.unwrap());
        let back = consented(one.url()).await;
        assert!(back.as_str().starts_with(PASTE_REDIRECT), "{back}");
        let foreign = other.pasted(back.as_str()).unwrap_err();
        assert_eq!(foreign.kind, FailureKind::Config, "{foreign}");
        // The bare code belongs to the first one's verifier, which `emulate` sees.
        let code = other.pasted(&parameter(&back, "code")).unwrap();
        let failure = other.finish(&http, code).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Auth, "{failure}");
        let code = one.pasted(back.as_str()).unwrap();
        let granted = one.finish(&http, code).await.unwrap();

        let wrong = settings(&base(port), secret(secrets.path(), "wrong", "not-it"));
        let before = http.meter().requests();
        let tokens = tokens(&http, &wrong, &granted);
        for _ in 0..2 {
            let failure = tokens.bearer(For::Directory).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Auth, "{failure}");
            assert!(failure.message.contains("client_secret"), "{failure}");
            tells_none_of(&failure, &["not-it", granted.refresh_token.expose()]);
        }
        assert_eq!(http.meter().requests(), before + 1);
    });
}
