//! The makers' own clients against the simulator: that it answers as they read it, and that what a
//! connector asks is what they would ask. `ACTIVLAKE_PYTHON` names an interpreter that has
//! google-api-python-client, google-auth, msgraph-sdk and jsonschema. Without them a test says so;
//! in CI it fails.

use std::io::Write;
use std::process::Command;

use activlake::sources::meeting::{EventKind, Response, ShowAs};
use serde_json::{Value, json};

use crate::place::repository;
use crate::simulator::{
    Caller, Calls, Does, Endpoint, Event, Fault, GRAPH_CLIENT_ID, GRAPH_CLIENT_SECRET, Maker,
    SERVICE_ACCOUNT_KEY_JSON, Simulator, TENANT_ID, Truth, seconds,
};

pub const FROM: &str = "2026-03-01T00:00:00Z";
pub const TO: &str = "2026-03-08T00:00:00Z";

/// An interpreter that has what a client imports.
fn python(imports: &str, test: &str) -> Option<String> {
    let python = std::env::var("ACTIVLAKE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python)
        .args(["-c", imports])
        .output()
        .is_ok_and(|output| output.status.success());
    if has {
        return Some(python);
    }
    let said = format!("SKIPPED {test}: '{imports}' does not work with {python}");
    assert!(std::env::var("CI").is_err(), "{said}");
    // Not captured, so that it is seen.
    let _ = writeln!(std::io::stderr(), "{said}");
    None
}

fn for_google(test: &str) -> Option<String> {
    python("import googleapiclient, google.auth, jsonschema", test)
}

fn for_graph(test: &str) -> Option<String> {
    python("import msgraph", test)
}

/// What a client says: whether it was content, what it read, what it complains of.
fn run(python: &str, client: &str, arguments: &[&str]) -> (bool, Value, String) {
    let output = Command::new(python)
        .arg(repository().join("tests/clients").join(client))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let read = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.success(), read, said)
}

fn content(python: &str, client: &str, arguments: &[&str]) -> Value {
    let (fine, read, said) = run(python, client, arguments);
    assert!(fine, "{client} {}: {said}", arguments[0]);
    read
}

/// Requests in a file, checked against the maker's contract.
fn requests_checked(sim: &Simulator, python: &str, client: &str) -> (bool, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("requests.json");
    sim.dump_requests(&dump);
    run(python, client, &["requests", dump.to_str().unwrap()])
}

/// Holds what a connector asked, and what it was answered, against the maker's contract.
pub fn contract_holds(sim: &Simulator, maker: Maker) {
    let (python, client) = match maker {
        Maker::Google => (for_google("contract_holds"), "google_client.py"),
        Maker::Graph => (for_graph("contract_holds"), "graph_client.py"),
    };
    if let Some(python) = python {
        let (fine, read, said) = requests_checked(sim, &python, client);
        assert!(fine, "{said}");
        assert!(read["checked"].as_u64() > Some(0), "{read}");
    }
}

/// A company with something of everything.
pub fn company() -> Truth {
    let mut truth = Truth::of("example.com", &["ann", "bob", "cat", "dan", "eve"]);
    truth.person("bob").aliases = vec!["robert@example.com".into()];
    truth.person("bob").zone = "America/Los_Angeles".into();
    truth.person("cat").access_role = "freeBusyReader";
    truth.person("dan").suspended = true;
    truth.person("eve").mailbox = false;
    let meeting = Event::new("m1")
        .with("bob@example.com", Response::Accepted)
        .with("Guest@Elsewhere.test", Response::Tentative)
        .with("cat@example.com", Response::Declined)
        .room("room4@resource.calendar.test");
    truth.meet("ann", meeting);
    for day in 2..7 {
        let start = format!("2026-03-0{day}T17:00:00Z");
        let end = format!("2026-03-0{day}T17:30:00Z");
        let event = Event::new(&format!("daily_{day}")).series("daily");
        truth.add("bob", event.at(&start, &end));
    }
    truth.move_to(
        "bob",
        "daily_3",
        "2026-03-03T20:00:00Z",
        "2026-03-03T20:30:00Z",
    );
    truth.add(
        "bob",
        Event::new("Trip").all_day("2026-03-04", "2026-03-06"),
    );
    truth.add("bob", Event::new("trip").private().shown_as(ShowAs::Free));
    for (id, kind) in [
        ("focus", EventKind::FocusTime),
        ("home", EventKind::WorkingLocation),
        ("off", EventKind::OutOfOffice),
        ("new", EventKind::Other),
    ] {
        truth.add("ann", Event::new(id).of_kind(kind));
    }
    let mut online = Event::new("online").tentative();
    online.online = true;
    truth.add("ann", online);
    truth.add(
        "ann",
        Event::new("before").at("2026-02-28T22:00:00Z", "2026-03-01T00:00:00Z"),
    );
    truth.add("ann", Event::new("called_off"));
    truth.cancel("ann", "called_off");
    truth
}

fn expected_ids(sim: &Simulator, maker: Maker, key: &str) -> Vec<String> {
    sim.truth(|truth| {
        truth
            .expected(maker, key, seconds(FROM), seconds(TO))
            .into_iter()
            .map(|meeting| meeting.event_id)
            .collect()
    })
}

fn sorted_ids(events: &Value) -> Vec<String> {
    let mut ids: Vec<String> = events
        .as_array()
        .unwrap_or_else(|| panic!("no list: {events}"))
        .iter()
        .map(|event| event["id"].as_str().unwrap_or_default().to_owned())
        .collect();
    ids.sort();
    ids
}

#[test]
fn google_s_client_reads_the_simulator() {
    let Some(python) = for_google("google_s_client_reads_the_simulator") else {
        return;
    };
    let sim = Simulator::start(company());
    sim.options(|options| options.page_size = Some(2));
    sim.fault(Fault::always(Endpoint::Events, Does::EmptyPage).on(Calls::Nth(2)));
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.json");
    std::fs::write(&key, SERVICE_ACCOUNT_KEY_JSON).unwrap();
    let key = key.to_str().unwrap();
    let base = sim.base();
    let read = content(
        &python,
        "google_client.py",
        &["read", &base, key, "ann@example.com", FROM, TO],
    );
    assert_eq!(read["directory_pages"], 3);
    for person in ["ann", "bob", "cat"] {
        let address = format!("{person}@example.com");
        assert_eq!(
            sorted_ids(&read["people"][&address]["events"]),
            expected_ids(&sim, Maker::Google, person),
            "{person}"
        );
    }
    let of_cat = &read["people"]["cat@example.com"]["events"][0];
    assert!(of_cat.get("summary").is_none(), "{of_cat}");

    // On from the last page: what changed, deleted ones with what is guaranteed of them.
    sim.truth(|truth| {
        truth.delete("ann", "focus");
        truth.rename("ann", "online", "Another title");
        truth.delete("bob", "daily_4");
        truth.move_to(
            "bob",
            "trip",
            "2027-01-01T09:00:00Z",
            "2027-01-01T10:00:00Z",
        );
        truth.forget_tokens("cat");
    });
    let tokens: serde_json::Map<String, Value> = ["ann", "bob", "cat"]
        .iter()
        .map(|person| {
            let address = format!("{person}@example.com");
            let token = read["people"][&address]["syncToken"].clone();
            (address, token)
        })
        .collect();
    let tokens = Value::Object(tokens).to_string();
    // The first reading had a window, which no later one repeats; nothing else may differ.
    let changed = content(
        &python,
        "google_client.py",
        &["changes", &base, key, &tokens],
    );
    assert_eq!(
        sorted_ids(&changed["ann@example.com"]),
        ["focus", "online"],
        "{changed}"
    );
    assert_eq!(sorted_ids(&changed["bob@example.com"]), ["daily_4", "trip"]);
    let gone = &changed["bob@example.com"][0];
    assert_eq!(
        (&gone["status"], &gone["recurringEventId"]),
        (&"cancelled".into(), &"daily".into())
    );
    assert!(gone.get("start").is_none(), "{gone}");
    assert_eq!(changed["cat@example.com"]["status"], 410, "{changed}");
    assert_eq!(
        changed["cat@example.com"]["reasons"][0]["reason"],
        "fullSyncRequired"
    );
    // What Google's own client asks breaks the contract once a person: where it was told to.
    let (fine, read, said) = requests_checked(&sim, &python, "google_client.py");
    assert!(!fine && said.lines().count() == 3, "{said}");
    assert!(
        said.lines()
            .all(|line| line.ends_with("syncToken with timeMin"))
    );
    assert!(read["checked"].as_u64() > Some(10), "{read}");
}

/// Whether what a client complains of has a line with this on each request, by its number.
fn complained(said: &str, complaints: &[&str]) {
    for (number, complaint) in complaints.iter().enumerate() {
        let of_it = format!("request {number} (");
        let found = said
            .lines()
            .any(|line| line.starts_with(&of_it) && line.contains(complaint));
        assert!(found, "{number}: no '{complaint}' in\n{said}");
    }
}

#[test]
fn the_check_of_google_s_requests_can_fail() {
    let Some(python) = for_google("the_check_of_google_s_requests_can_fail") else {
        return;
    };
    let sim = Simulator::start(company());
    let caller = Caller::new();
    let queries = [
        ("singleEvent=true", "unknown parameter singleEvent"),
        ("maxResults=0", "too small"),
        ("eventTypes=meeting", "not one of"),
        ("timeMin=2026-03-01T00:00:00", "no offset"),
        ("fields=items(id,sumary)", "there is no sumary in Event"),
        ("fields=items(id", "a bracket is not closed"),
        ("singleEvents=yes", "not a boolean"),
        ("q=a&syncToken=b", "syncToken with q"),
    ];
    for (query, _) in queries {
        let calendars = sim.google_urls().calendar_url;
        caller.get(&format!("{calendars}/calendars/a@b.test/events?{query}"));
    }
    caller.get(&format!("{}/admin/directory/v1/users", sim.base()));
    let (fine, _, said) = requests_checked(&sim, &python, "google_client.py");
    assert!(!fine);
    let mut complaints = queries.map(|(_, complaint)| complaint).to_vec();
    complaints.push("neither customer nor domain");
    complained(&said, &complaints);
}

#[test]
fn microsoft_s_client_reads_the_simulator() {
    let Some(python) = for_graph("microsoft_s_client_reads_the_simulator") else {
        return;
    };
    let sim = Simulator::start(company());
    sim.options(|options| {
        options.page_size = Some(2);
        options.keep_answers = true;
    });
    let base = sim.base();
    let read = content(
        &python,
        "graph_client.py",
        &[
            "read",
            &base,
            TENANT_ID,
            GRAPH_CLIENT_ID,
            GRAPH_CLIENT_SECRET,
            FROM,
            TO,
        ],
    );
    for person in ["ann", "bob", "cat"] {
        let found = &read["people"][format!("{person}@example.com")];
        let mut expected = expected_ids(&sim, Maker::Graph, person);
        if person == "ann" {
            // Called off, but still in the calendar.
            expected.push("called_off".into());
            expected.sort();
        }
        for list in ["events", "delta"] {
            let ids: Vec<&str> = found[list]
                .as_array()
                .unwrap_or_else(|| panic!("{read}"))
                .iter()
                .filter_map(Value::as_str)
                .collect();
            assert_eq!(ids, expected, "{list} of {person}");
        }
    }
    assert_eq!(
        read["people"]["bob@example.com"]["starts"]["Trip"],
        "2026-03-04T00:00:00.0000000"
    );
    assert_eq!(
        read["people"]["eve@example.com"]["error"],
        "MailboxNotEnabledForRESTAPI"
    );
    let (fine, read, said) = requests_checked(&sim, &python, "graph_client.py");
    assert!(read["checked"].as_u64() > Some(10), "{read} {said}");
    assert!(fine, "{said}");
}

#[test]
fn the_check_of_graph_s_answers_and_requests_can_fail() {
    let Some(python) = for_graph("the_check_of_graph_s_answers_and_requests_can_fail") else {
        return;
    };
    let sim = Simulator::start(company());
    sim.options(|options| options.keep_answers = true);
    let window = format!("startDateTime={FROM}&endDateTime={TO}");
    let cases = [
        ("startDateTime=x", json!({}), "endDateTime is missing"),
        (
            &format!("{window}&top=3"),
            json!({}),
            "unknown parameter top",
        ),
        (&format!("{window}&$select=titel"), json!({}), "no titel"),
        (&window, json!({ "showAs": "occupied" }), "/showAs: lost"),
        (&window, json!({ "subjct": "x" }), "/subjct: unknown"),
        (
            &window,
            json!({ "attendees": [{ "emailAddress": { "adress": "a@b.test" } }] }),
            "/adress: unknown",
        ),
    ];
    let caller = Caller::new();
    for (query, row, _) in &cases {
        sim.fault(Fault::once(
            Endpoint::CalendarView,
            Does::Answer {
                status: 200,
                headers: Vec::new(),
                body: json!({ "value": [row] }),
            },
        ));
        let users = format!("{}/users", sim.graph_urls().graph_url);
        caller.get_immutable(&format!("{users}/a@b.test/calendarView?{query}"));
        sim.no_more_faults();
    }
    let (fine, _, said) = requests_checked(&sim, &python, "graph_client.py");
    assert!(!fine);
    complained(&said, &cases.map(|(_, _, complaint)| complaint));
}
