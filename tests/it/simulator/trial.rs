//! The simulator on trial: that it refuses what the makers refuse, and that its faults happen.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::caller::{Answer, Caller, GRAPH_SCOPE, admin, app, client, graph_form};
use super::*;

const FROM: &str = "2026-03-01T00:00:00Z";
const TO: &str = "2026-03-08T00:00:00Z";

fn company() -> Simulator {
    let mut truth = Truth::of("example.com", &["ann", "bob"]);
    for id in ["a", "b", "c"] {
        truth.add("ann", Event::new(id));
    }
    Simulator::start(truth)
}

fn reason(body: &Value) -> &str {
    body["error"]["errors"][0]["reason"].as_str().unwrap_or("")
}

fn ids(rows: &Value) -> Vec<&str> {
    let mut ids: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["id"].as_str())
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn google_refuses_what_google_refuses() {
    let sim = company();
    let admin = admin(&sim);
    let events = |who: &str, query: &str| {
        let urls = sim.google_urls();
        admin.get(&format!(
            "{}/calendars/{who}/events?{query}",
            urls.calendar_url
        ))
    };
    for (query, status, why) in [
        ("singleEvents=true", 200, ""),
        ("singleEvent=true", 400, "unexpectedParameter"),
        ("singleEvents=1", 400, "invalid"),
        ("maxResults=0", 400, "invalidParameter"),
        ("timeMin=2026-03-01T00:00:00", 400, "badRequest"),
        (
            "timeMin=2026-03-01T00:00:00Z&timeMax=2026-03-01T00:00:00Z",
            400,
            "timeRangeEmpty",
        ),
        ("orderBy=startTime", 400, "badRequest"),
        (
            "syncToken=x&timeMin=2026-03-01T00:00:00Z",
            400,
            "badRequest",
        ),
        ("syncToken=x&showDeleted=false", 400, "badRequest"),
        ("syncToken=x", 400, "invalid"),
        ("pageToken=page-9-0", 400, "invalid"),
        ("eventTypes=meeting", 400, "invalid"),
        ("eventTypes=default&eventTypes=fromGmail", 200, ""),
        ("timeZone=Pacific%20Standard%20Time", 400, "invalid"),
        ("fields=items(id", 400, "invalidParameter"),
        ("fields=items(sumary)", 400, "invalidParameter"),
    ] {
        let Answer(got, _, body) = events("ann@example.com", query);
        assert_eq!((got, reason(&body)), (status, why), "{query}: {body}");
    }
    assert_eq!(events("nobody@example.com", "").0, 404);
    let masked = events("ann@example.com", "fields=items(id,start/dateTime)").2;
    assert_eq!(masked["items"][0].as_object().unwrap().len(), 2, "{masked}");
    assert_eq!(masked.as_object().unwrap().len(), 1, "{masked}");

    let base = sim.base();
    let users = |query: &str| {
        admin
            .get(&format!("{base}/admin/directory/v1/users{query}"))
            .0
    };
    assert_eq!(users(""), 400);
    assert_eq!(users("?customer=my_customer&maxResults=500"), 200);
    assert_eq!(users("?customer=my_customer&maxResults=501"), 400);
    assert_eq!(users("?domain=example.com"), 200);
    assert_eq!(users("?domain=elsewhere.test"), 404);
    let nobody = Caller::new();
    assert_eq!(
        nobody
            .get(&format!(
                "{base}/admin/directory/v1/users?customer=my_customer"
            ))
            .0,
        401
    );
    sim.end_access_tokens();
    assert_eq!(users("?customer=my_customer"), 401);
}

#[test]
fn a_window_is_read_in_pages_and_gone_on_from() {
    let sim = company();
    sim.truth(|truth| {
        truth.add("ann", Event::new("edge").at("2026-02-28T23:00:00Z", FROM));
        truth.add(
            "ann",
            Event::new("far").at("2026-04-01T09:00:00Z", "2026-04-01T10:00:00Z"),
        );
    });
    sim.options(|options| options.page_size = Some(2));
    let admin = admin(&sim);
    let base = format!(
        "{}/calendars/ann@example.com/events",
        sim.google_urls().calendar_url
    );
    let window = format!("singleEvents=true&timeMin={FROM}&timeMax={TO}");
    let first = admin.get(&format!("{base}?{window}")).2;
    assert!(first.get("nextSyncToken").is_none(), "{first}");
    let next = first["nextPageToken"].as_str().unwrap();
    let other = format!("{base}?singleEvents=true&pageToken={next}");
    assert_eq!(admin.get(&other).0, 400, "another question with its token");
    let last = admin.get(&format!("{base}?{window}&pageToken={next}")).2;
    let mut all: Vec<&str> = ids(&first["items"]);
    all.extend(ids(&last["items"]));
    all.sort_unstable();
    assert_eq!(all, ["a", "b", "c"]);

    let token = last["nextSyncToken"].as_str().unwrap();
    sim.truth(|truth| {
        truth.delete("ann", "a");
        truth.cancel("ann", "b");
        truth.rename("ann", "far", "Outside");
    });
    let since = admin
        .get(&format!("{base}?singleEvents=true&syncToken={token}"))
        .2;
    let next = since["nextPageToken"].as_str().unwrap();
    let since_2 = admin
        .get(&format!(
            "{base}?singleEvents=true&syncToken={token}&pageToken={next}"
        ))
        .2;
    assert_eq!(
        ids(&since["items"]),
        ["a", "b"],
        "in the order of the changes"
    );
    assert_eq!(since["items"][0]["status"], "cancelled");
    assert!(since["items"][1].get("summary").is_none(), "{since}");
    assert_eq!(since_2["items"][0]["summary"], "Outside");
    assert_eq!(
        admin
            .get(&format!(
                "{base}?singleEvents=true&showDeleted=true&syncToken={token}"
            ))
            .0,
        400,
        "not as in the first request"
    );
    // Deleted ones are in no complete list, cancelled ones only when asked for.
    let again = admin.get(&format!("{base}?{window}")).2;
    assert_eq!(ids(&again["items"]), ["c"]);
    sim.options(|options| options.page_size = None);
    let with_deleted = admin.get(&format!("{base}?{window}&showDeleted=true")).2;
    assert_eq!(ids(&with_deleted["items"]), ["a", "b", "c"]);
    sim.truth(|truth| truth.forget_tokens("ann"));
    let gone = admin.get(&format!("{base}?singleEvents=true&syncToken={token}"));
    assert_eq!((gone.0, reason(&gone.2)), (410, "fullSyncRequired"));
}

#[test]
fn consent_goes_by_code_and_verifier_and_can_be_taken_back() {
    let sim = company();
    let urls = sim.google_urls();
    let caller = Caller::new();
    // The example of RFC 7636, appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = {
        use sha2::Digest;
        oauth::base64(
            &sha2::Sha256::digest(verifier.as_bytes()),
            b'-',
            b'_',
            false,
        )
    };
    let redirect = "http://127.0.0.1:9/back";
    let consent = || {
        let mut url = url::Url::parse(&urls.authorize_url).unwrap();
        url.query_pairs_mut()
            .append_pair("client_id", GOOGLE_CLIENT_ID)
            .append_pair("redirect_uri", redirect)
            .append_pair("response_type", "code")
            .append_pair("scope", &format!("{DIRECTORY_SCOPE} {EVENTS_SCOPE}"))
            .append_pair("access_type", "offline")
            .append_pair("prompt", "consent")
            .append_pair("state", "xyz")
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let Answer(status, headers, _) = caller.get(url.as_str());
        assert_eq!(status, 302);
        url::Url::parse(headers["location"].to_str().unwrap()).unwrap()
    };
    let of = |url: &url::Url, name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let exchange = |code: &str, verifier: &str| {
        caller.post(
            &urls.token_url,
            &[
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", redirect),
                ("client_id", GOOGLE_CLIENT_ID),
                ("client_secret", GOOGLE_CLIENT_SECRET),
                ("code_verifier", verifier),
            ],
        )
    };
    let back = consent();
    assert_eq!(of(&back, "state").as_deref(), Some("xyz"));
    let code = of(&back, "code").unwrap();
    let wrong = exchange(&code, &verifier.replace('d', "e"));
    assert_eq!((wrong.0, &wrong.2["error"]), (400, &json!("invalid_grant")));
    assert_eq!(exchange(&code, verifier).0, 400, "a code is good once");
    let Answer(status, _, tokens) = exchange(&of(&consent(), "code").unwrap(), verifier);
    assert_eq!(status, 200, "{tokens}");
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(caller.post(&urls.token_url, &client(refresh)).0, 200);
    assert_eq!(caller.post(&urls.revoke_url, &[("token", refresh)]).0, 200);
    let dead = caller.post(&urls.token_url, &client(refresh));
    assert_eq!((dead.0, &dead.2["error"]), (400, &json!("invalid_grant")));
    sim.options(|options| options.consent = false);
    assert_eq!(of(&consent(), "error").as_deref(), Some("access_denied"));
    assert_eq!(
        challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "RFC 7636, appendix B"
    );
}

#[test]
fn an_assertion_is_held_against_key_clock_scopes_and_people() {
    let sim = company();
    let caller = Caller::new();
    let key: Value = serde_json::from_str(SERVICE_ACCOUNT_KEY_JSON).unwrap();
    let pem = key["private_key"].as_str().unwrap().to_owned();
    let now = || lock(&sim.state).now();
    let ask = |iss: &str, sub: &str, scope: &str, iat: i64, lasts: i64| {
        let claims = json!({
            "iss": iss, "sub": sub, "scope": scope, "iat": iat, "exp": iat + lasts,
            "aud": "https://oauth2.googleapis.com/token",
        });
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        let jwt = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).unwrap();
        let kind = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        let fields = [("grant_type", kind), ("assertion", &jwt)];
        caller.post(&sim.google_urls().token_url, &fields)
    };
    let me = SERVICE_ACCOUNT_EMAIL;
    let good = ask(me, "bob@example.com", EVENTS_SCOPE, now(), 3_600);
    assert_eq!(good.0, 200, "{}", good.2);
    for (answer, error) in [
        (
            ask("x@y.test", "bob@example.com", EVENTS_SCOPE, now(), 60),
            "invalid_grant",
        ),
        (
            ask(me, "zed@example.com", EVENTS_SCOPE, now(), 60),
            "invalid_grant",
        ),
        (
            ask(me, "bob@example.com", EVENTS_SCOPE, now() + 3_600, 60),
            "invalid_grant",
        ),
        (
            ask(me, "bob@example.com", EVENTS_SCOPE, now(), 3_601),
            "invalid_grant",
        ),
        (
            ask(me, "bob@example.com", "openid", now(), 60),
            "unauthorized_client",
        ),
    ] {
        assert_eq!(answer.2["error"], error, "{}", answer.2);
    }
    // Who is asked for in somebody's name reads no directory and nobody else's calendar.
    let token = good.2["access_token"].as_str().unwrap().to_owned();
    let bob = Caller {
        bearer: Some(token),
        ..Caller::new()
    };
    let calendars = sim.google_urls().calendar_url;
    assert_eq!(
        bob.get(&format!("{calendars}/calendars/primary/events")).0,
        200
    );
    let other = bob.get(&format!("{calendars}/calendars/ann@example.com/events"));
    assert_eq!((other.0, reason(&other.2)), (403, "forbidden"));
    let users = format!(
        "{}/admin/directory/v1/users?customer=my_customer",
        sim.base()
    );
    assert_eq!(reason(&bob.get(&users).2), "insufficientPermissions");
    // The maker's clock an hour ahead, then an hour behind.
    sim.options(|options| options.clock_skew_seconds = -3_600);
    let early = ask(me, "bob@example.com", EVENTS_SCOPE, now() + 3_600, 60);
    assert_eq!(early.2["error"], "invalid_grant");
    let date = early.1["date"].to_str().unwrap();
    let date = chrono::DateTime::parse_from_rfc2822(date)
        .unwrap()
        .timestamp();
    assert!((date - now()).abs() < 5);
    // Signed by somebody else: the payload of one, the signature of another.
    let forged = caller.post(
        &sim.google_urls().token_url,
        &[
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            (
                "assertion",
                "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4IiwiZXhwIjoxfQ.AAAA",
            ),
        ],
    );
    assert_eq!(forged.2["error_description"], "Invalid JWT Signature.");
}

#[test]
fn entra_says_what_is_wrong() {
    let sim = company();
    let caller = Caller::new();
    let ask = |tenant: &str, client: &str, secret: &str, scope: &str| {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", sim.base());
        let answer = caller.post(&url, &graph_form(client, secret, scope));
        let code = answer.2["error_codes"][0].as_u64().unwrap_or(0);
        (answer.2["error"].as_str().unwrap_or("").to_owned(), code)
    };
    let (id, secret, scope) = (GRAPH_CLIENT_ID, GRAPH_CLIENT_SECRET, GRAPH_SCOPE);
    assert_eq!(ask(TENANT_ID, id, secret, scope), (String::new(), 0));
    assert_eq!(ask("common", id, secret, scope).1, 90_002);
    assert_eq!(ask(TENANT_ID, "x", secret, scope).1, 700_016);
    assert_eq!(
        ask(TENANT_ID, id, "x", scope),
        ("invalid_client".into(), 7_000_215)
    );
    assert_eq!(ask(TENANT_ID, id, secret, "User.Read").1, 1_002_012);
    sim.options(|options| options.graph_secret_expired = true);
    assert_eq!(
        ask(TENANT_ID, id, secret, scope),
        ("invalid_client".into(), 7_000_222)
    );
}

#[test]
fn graph_refuses_what_graph_refuses_and_follows_changes() {
    let sim = company();
    sim.truth(|truth| {
        truth.add(
            "ann",
            Event::new("Days")
                .all_day("2026-03-02", "2026-03-03")
                .series("s"),
        );
        truth.add(
            "ann",
            Event::new("far").at("2026-04-01T09:00:00Z", "2026-04-01T10:00:00Z"),
        );
    });
    let app = app(&sim);
    let base = sim.graph_urls().graph_url;
    let view = format!("{base}/users/ann@example.com/calendarView");
    let window = format!("startDateTime={FROM}&endDateTime={TO}");
    for (url, status) in [
        (format!("{view}?startDateTime={FROM}"), 400),
        (format!("{view}?{window}&top=5"), 400),
        (format!("{view}?{window}&$select=titel"), 400),
        (format!("{view}/delta?{window}&$select=id"), 400),
        (format!("{view}/delta?{window}&$top=2"), 400),
        (format!("{base}/users?$top=1000"), 400),
        (format!("{base}/users?$select=id,accountEnabled"), 403),
        (
            format!("{base}/users/zed@example.com/calendarView?{window}"),
            404,
        ),
        (format!("{base}/users?$select=id,mail&$top=999"), 200),
    ] {
        assert_eq!(app.get(&url).0, status, "{url}");
    }
    let all = app.get_immutable(&format!("{view}?{window}&$top=100")).2;
    assert_eq!(ids(&all["value"]), ["Days", "a", "b", "c"]);
    assert!(all["value"][0].get("createdDateTime").is_some());
    assert!(
        all["value"][0].get("body").is_none(),
        "no body under ReadBasic"
    );
    let other = app.get(&format!("{view}?{window}&$top=100")).2;
    assert!(
        ids(&other["value"]).iter().all(|id| id.starts_with("AAMk")),
        "{other}"
    );
    let some = format!("{view}?{window}&$select=subject,start,createdDateTime&$top=2");
    let some = app.get_immutable(&some).2;
    let mut names: Vec<&String> = some["value"][0].as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["@odata.etag", "id", "start", "subject"]);
    let next = some["@odata.nextLink"].as_str().unwrap();
    assert!(next.starts_with(&base), "{next}");
    assert_eq!(ids(&app.get_immutable(next).2["value"]).len(), 2);

    let mut rows = Vec::new();
    let mut page = app.get_immutable(&format!("{view}/delta()?{window}")).2;
    while let Some(next) = page["@odata.nextLink"].as_str() {
        rows.extend(page["value"].as_array().unwrap().clone());
        page = app.get_immutable(next).2;
    }
    rows.extend(page["value"].as_array().unwrap().clone());
    assert_eq!(ids(&json!(rows)), ["Days", "a", "b", "c"]);
    let link = page["@odata.deltaLink"].as_str().unwrap();
    sim.truth(|truth| {
        truth.delete("ann", "a");
        truth.cancel("ann", "b");
        truth.rename("ann", "far", "Outside");
    });
    let changes = app.get_immutable(link).2;
    let of = |id: &str| {
        let mut rows = changes["value"].as_array().unwrap().iter();
        rows.find(|row| row["id"] == id).unwrap().clone()
    };
    assert_eq!(ids(&changes["value"]), ["a", "b", "far"]);
    assert_eq!(
        of("a"),
        json!({ "id": "a", "@removed": { "reason": "deleted" } })
    );
    assert_eq!(of("b")["isCancelled"], true);
    assert_eq!(of("far")["@removed"]["reason"], "changed");
    sim.truth(|truth| truth.forget_tokens("ann"));
    let gone = app.get_immutable(link);
    assert_eq!(
        (gone.0, &gone.2["error"]["code"]),
        (410, &json!("SyncStateNotFound"))
    );
    sim.options(|options| options.roles = vec!["User.ReadBasic.All".into()]);
    let denied = self::app(&sim).get(&format!("{view}?{window}"));
    assert_eq!(
        (denied.0, &denied.2["error"]["code"]),
        (403, &json!("ErrorAccessDenied"))
    );
}

#[test]
fn faults_happen_where_and_when_they_are_set() {
    let sim = company();
    let admin = admin(&sim);
    let urls = sim.google_urls();
    let of = |who: &str| format!("{}/calendars/{who}@example.com/events", urls.calendar_url);
    let ann = of("ann");
    let once = |does: Does| sim.fault(Fault::once(Endpoint::Events, does).of("ann"));
    once(Does::TooMany(Some(7)));
    assert_eq!(admin.get(&of("bob")).0, 200, "somebody else's");
    let slow = admin.get(&ann);
    assert_eq!(
        (slow.0, slow.1["retry-after"].to_str().unwrap()),
        (429, "7")
    );
    assert_eq!(admin.get(&ann).0, 200, "only once");
    for (does, status, why) in [
        (Does::RateLimit, 403, "rateLimitExceeded"),
        (Does::Forbidden, 403, "forbidden"),
        (Does::NotFound, 404, "notFound"),
        (Does::Unauthorized, 401, "authError"),
        (Does::Gone, 410, "fullSyncRequired"),
        (Does::Broken(503, None), 503, "backendError"),
    ] {
        once(does);
        let Answer(got, _, body) = admin.get(&ann);
        assert_eq!((got, reason(&body)), (status, why));
    }
    once(Does::CutJson);
    let cut = admin.get(&ann);
    assert_eq!((cut.0, cut.2), (200, Value::Null));
    once(Does::CloseEarly);
    assert!(admin.send(admin.http.get(&ann)).is_err());
    once(Does::DuplicateRows);
    assert_eq!(ids(&admin.get(&ann).2["items"]).len(), 7);
    once(Does::OutOfWindowRows);
    once(Does::Tombstone("b".into()));
    let odd = admin.get(&ann).2;
    assert_eq!(ids(&odd["items"]), ["a", "b", "b", "c", "far-away"]);
    once(Does::EmptyPage);
    let empty = admin.get(&ann).2;
    assert!(ids(&empty["items"]).is_empty());
    let next = format!(
        "{ann}?pageToken={}",
        empty["nextPageToken"].as_str().unwrap()
    );
    assert_eq!(ids(&admin.get(&next).2["items"]), ["a", "b", "c"]);
    sim.fault(Fault::always(Endpoint::Events, Does::SamePage));
    let same = admin.get(&next).2;
    assert_eq!(same["nextPageToken"], empty["nextPageToken"]);
    sim.no_more_faults();
    sim.fault(Fault::always(Endpoint::Directory, Does::Broken(500, None)).on(Calls::From(2)));
    let users = format!(
        "{}/admin/directory/v1/users?customer=my_customer",
        sim.base()
    );
    let all: Vec<u16> = (0..3).map(|_| admin.get(&users).0).collect();
    assert_eq!(all, [200, 500, 500]);

    let app = app(&sim);
    let users = format!("{}/users?$top=1", sim.graph_urls().graph_url);
    sim.fault(Fault::once(
        Endpoint::Users,
        Does::ElsewhereNext("http://127.0.0.1:9".into()),
    ));
    let next = app.get(&users).2["@odata.nextLink"].to_string();
    assert!(
        next.starts_with("\"http://127.0.0.1:9/v1.0/users"),
        "{next}"
    );
}

#[test]
fn the_record_knows_order_rate_and_crowds() {
    let sim = company();
    sim.options(|options| options.page_size = Some(1));
    let app = app(&sim);
    let base = sim.graph_urls().graph_url;
    let first = app.get(&format!("{base}/users")).2;
    let window = format!("startDateTime={FROM}&endDateTime={TO}");
    let id = sim.truth(|truth| truth.person("bob").graph_id().to_owned());
    let calendar = format!("{base}/users/{id}/calendarView?{window}");
    app.get(&calendar);
    assert!(
        !sim.directory_done_before_first_calendar(),
        "one page of two"
    );
    sim.reset_requests();
    let next = first["@odata.nextLink"].as_str().unwrap();
    assert!(app.get(next).2.get("@odata.nextLink").is_none());
    sim.options(|options| options.latency = Duration::from_secs(1));
    let statuses = app.runtime.block_on(async {
        let calls = (0..6).map(|_| {
            let bearer = app.bearer.clone().unwrap();
            let request = app.http.get(&calendar).bearer_auth(bearer);
            async move { request.send().await.unwrap().status().as_u16() }
        });
        futures::future::join_all(calls).await
    });
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 2);
    assert!(sim.directory_done_before_first_calendar());
    assert_eq!(sim.calendars_requested(), vec!["bob"; 6]);
    let rates = sim.rates();
    assert_eq!((rates.per_minute_max, rates.at_once["bob"]), (7, 6));
    let dumped = format!("{:?}", sim.requests());
    assert!(!dumped.contains(app.bearer.as_deref().unwrap()));
    assert!(!dumped.contains(GRAPH_CLIENT_SECRET));
}
