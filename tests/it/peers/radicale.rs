//! CalDAV and a feed against a Radicale: what it lays out itself, its sync tokens, its refusals.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use activlake::config::integration::{Caldav, Ics, Sync};
use activlake::connectors::caldav::CaldavCalendars;
use activlake::connectors::ics::IcsCalendars;
use activlake::connectors::{Calendars, DirectoryPerson, FailureKind, Http, Reading, Window};
use activlake::sources::meeting::{Meeting, Response, Span};
use activlake::zone::Zone;
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use reqwest::{Method, RequestBuilder};
use url::Url;

use super::server::{Server, base, browser, free_port, python};
use super::{at, bounds, secret, tells_none_of, window, written};
use crate::place::block_on;

const USER: &str = "reader";
const PASSWORD: &str = "s3cret-of-the-peers";

/// What may be read by whom: the feed by everybody.
const RIGHTS: &str = "\
[root]
user: .+
collection:
permissions: R
[own]
user: .+
collection: {user}(/.*)?
permissions: RrWw
[feed]
user: .*
collection: reader/ann
permissions: ri
";

const ZONES: &str = "\
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19961027T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19810329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE
";

/// Series of the plain kinds, by the name of their resource; March 2026 has a clock change.
const SERIES: [(&str, &str); 6] = [
    (
        "weekly",
        "BEGIN:VEVENT
UID:weekly
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260105T093000
DTEND;TZID=Europe/Berlin:20260105T101500
RRULE:FREQ=WEEKLY;BYDAY=MO,WE
EXDATE;TZID=Europe/Berlin:20260311T093000
SUMMARY:Weekly
ORGANIZER:mailto:bob@example.com
ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@example.com
ATTENDEE;PARTSTAT=TENTATIVE:mailto:Ann@Example.com
END:VEVENT
BEGIN:VEVENT
UID:weekly
DTSTAMP:20260101T000000Z
RECURRENCE-ID;TZID=Europe/Berlin:20260318T093000
DTSTART;TZID=Europe/Berlin:20260319T140000
DTEND;TZID=Europe/Berlin:20260319T150000
SUMMARY:Weekly, moved
END:VEVENT
",
    ),
    (
        "counted",
        "BEGIN:VEVENT
UID:counted
DTSTAMP:20260101T000000Z
DTSTART:20260227T230000Z
DTEND:20260228T003000Z
RRULE:FREQ=DAILY;COUNT=9
SUMMARY:Counted
END:VEVENT
",
    ),
    (
        "monthly",
        "BEGIN:VEVENT
UID:monthly
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20251028T170000
DTEND;TZID=Europe/Berlin:20251028T180000
RRULE:FREQ=MONTHLY;BYDAY=-1TU
SUMMARY:Monthly
END:VEVENT
",
    ),
    (
        "days",
        "BEGIN:VEVENT
UID:days
DTSTAMP:20260101T000000Z
DTSTART;VALUE=DATE:20260210
DTEND;VALUE=DATE:20260212
RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20260324
SUMMARY:Days
TRANSP:TRANSPARENT
END:VEVENT
",
    ),
    (
        "once",
        "BEGIN:VEVENT
UID:once
DTSTAMP:20260101T000000Z
DTSTART:20260329T003000Z
DTEND:20260329T013000Z
SUMMARY:Once, over the change
END:VEVENT
",
    ),
    (
        "long_ago",
        "BEGIN:VEVENT
UID:long_ago
DTSTAMP:20260101T000000Z
DTSTART:20250101T090000Z
DTEND:20250101T100000Z
RRULE:FREQ=DAILY;UNTIL=20250601T000000Z
SUMMARY:Long ago
END:VEVENT
",
    ),
];

/// A Radicale with Ann's calendar, and who puts things there.
struct Radicale {
    base: Url,
    server: Server,
}

impl Radicale {
    async fn start(python: &str) -> Radicale {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), "users", &format!("{USER}:{PASSWORD}\n"));
        written(folder.path(), "rights", RIGHTS);
        let port = free_port();
        let mut command = Command::new(python);
        // Without its own settings files.
        command
            .args(["-m", "radicale", "--config", ""])
            .arg(format!("--server-hosts=127.0.0.1:{port}"))
            .args(["--storage-filesystem-folder=store", "--auth-type=htpasswd"])
            .args(["--auth-htpasswd-filename=users"])
            .args(["--auth-htpasswd-encryption=plain", "--auth-delay=0"])
            .args(["--rights-type=from_file", "--rights-file=rights"])
            .args(["--logging-level=warning"]);
        let radicale = Radicale {
            base: base(port),
            server: Server::start(port, folder, command),
        };
        let empty = "<C:mkcalendar xmlns:C=\"urn:ietf:params:xml:ns:caldav\"/>";
        let made = radicale.ask("MKCALENDAR", "reader/ann/").body(empty);
        assert_eq!(made.send().await.unwrap().status(), 201);
        for (name, series) in SERIES {
            radicale.put(name, series).await;
        }
        radicale
    }

    fn ask(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        browser()
            .request(method, at(&self.base, path))
            .basic_auth(USER, Some(PASSWORD))
    }

    async fn put(&self, name: &str, events: &str) {
        let text = format!(
            "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//tests//EN\n{ZONES}{events}END:VCALENDAR\n"
        );
        let put = self
            .ask("PUT", &format!("reader/ann/{name}.ics"))
            .header("content-type", "text/calendar; charset=utf-8")
            .body(text.replace('\n', "\r\n"));
        assert_eq!(put.send().await.unwrap().status(), 201, "{name}");
    }

    /// What the server itself lays out in a window: (uid, span), sorted.
    async fn expanded(&self, window: Window) -> Vec<(String, Span)> {
        let stamp = |micros: i64| {
            let at = DateTime::from_timestamp_micros(micros).unwrap();
            at.format("%Y%m%dT%H%M%SZ").to_string()
        };
        let span = format!(
            "start=\"{}\" end=\"{}\"",
            stamp(window.from),
            stamp(window.to)
        );
        let query = format!(
            "<C:calendar-query xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\"><D:prop>\
             <C:calendar-data><C:expand {span}/></C:calendar-data></D:prop><C:filter>\
             <C:comp-filter name=\"VCALENDAR\"><C:comp-filter name=\"VEVENT\"><C:time-range {span}/>\
             </C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
        );
        let report = self
            .ask("REPORT", "reader/ann/")
            .header("depth", "1")
            .header("content-type", "application/xml; charset=utf-8")
            .body(query);
        let answer = report.send().await.unwrap();
        assert_eq!(answer.status(), 207);
        let text = answer.text().await.unwrap();
        let xml = roxmltree::Document::parse(&text).unwrap();
        let mut found: Vec<_> = xml
            .descendants()
            .filter(|node| node.has_tag_name(("urn:ietf:params:xml:ns:caldav", "calendar-data")))
            .flat_map(|node| events(node.text().unwrap()))
            .collect();
        found.sort_by_key(order);
        found
    }
}

/// The events of a text that has no series in it any more.
fn events(text: &str) -> Vec<(String, Span)> {
    let value = |event: &str, name: &str| {
        let line = event
            .lines()
            .find(|line| line.starts_with(name) && line[name.len()..].starts_with([':', ';']));
        let line = line.unwrap_or_else(|| panic!("no {name} in\n{event}"));
        line.rsplit_once(':').unwrap().1.trim().to_owned()
    };
    text.split("BEGIN:VEVENT")
        .skip(1)
        .map(|event| {
            assert!(!event.contains("RRULE"), "{event}");
            let [start, end] = ["DTSTART", "DTEND"].map(|name| value(event, name));
            let instant = |text: &str| {
                let at = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ");
                at.unwrap_or_else(|_| panic!("{text}"))
                    .and_utc()
                    .timestamp_micros()
            };
            let span = match (date(&start), date(&end)) {
                (Some(start), Some(end)) => Span::Dates { start, end },
                _ => Span::Instants {
                    start: instant(&start),
                    end: instant(&end),
                },
            };
            (value(event, "UID"), span)
        })
        .collect()
}

fn date(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, "%Y%m%d").ok()?;
    Some((date - NaiveDate::default()).num_days() as i32)
}

fn order((uid, span): &(String, Span)) -> (String, i64) {
    let start = match span {
        Span::Instants { start, .. } => *start,
        Span::Dates { start, .. } => i64::from(*start),
    };
    (uid.clone(), start)
}

fn spans(meetings: &[Meeting]) -> Vec<(String, Span)> {
    let mut found: Vec<_> = meetings
        .iter()
        .map(|meeting| {
            let uid = meeting.series_id.as_ref().unwrap_or(&meeting.event_id);
            (uid.clone(), meeting.span.unwrap())
        })
        .collect();
    found.sort_by_key(order);
    found
}

/// The connector, and the people of its list.
async fn connected(list: &Path, password: &str) -> (CaldavCalendars, Vec<DirectoryPerson>) {
    let folder = list.parent().unwrap();
    let settings = Caldav {
        calendars: list.to_owned(),
        username: USER.into(),
        password: secret(folder, "password", password),
    };
    let list = CaldavCalendars::list(&settings).unwrap();
    let http = Arc::new(Http::new(bounds(), &list.bases()).unwrap());
    let calendars =
        CaldavCalendars::new(list, &settings, &Sync::default(), Zone::utc(), http).unwrap();
    let mut people = Vec::new();
    let mut keep = |person| people.push(person);
    calendars.directory(&mut keep).await.unwrap();
    (calendars, people)
}

fn list(radicale: &Radicale, lines: &[(&str, &str)]) -> std::path::PathBuf {
    let mut text = String::from("email,url\n");
    for (email, path) in lines {
        text += &format!("{email},{}\n", at(&radicale.base, path));
    }
    written(radicale.server.folder(), "list.csv", &text)
}

fn has(python_for: &str) -> Option<String> {
    python("radicale", python_for)
}

#[test]
fn a_window_is_what_radicale_lays_out_itself() {
    let Some(python) = has("a_window_is_what_radicale_lays_out_itself") else {
        return;
    };
    block_on(async {
        let radicale = Radicale::start(&python).await;
        let list = list(&radicale, &[("ann@example.com", "reader/ann/")]);
        let (calendars, people) = connected(&list, PASSWORD).await;
        for (from, to, at_least) in [
            ("2026-03-01", "2026-04-01", 20),
            // From within an occurrence, over the change, and where nothing is.
            ("2026-02-28", "2026-03-02", 3),
            ("2026-03-29", "2026-03-30", 1),
            ("2024-01-01", "2024-02-01", 0),
        ] {
            let window = window(from, to);
            let reading = calendars.window(&people[0], window).await.unwrap();
            let theirs = radicale.expanded(window).await;
            assert_eq!(spans(&reading.meetings), theirs, "{from}");
            assert!(theirs.len() >= at_least, "{from}: {theirs:?}");
            assert_eq!((reading.rejects.len(), reading.unreadable.len()), (0, 0));
            assert!(reading.cursor.is_some());
        }

        let march = window("2026-03-01", "2026-04-01");
        let reading = calendars.window(&people[0], march).await.unwrap();
        let weekly = reading
            .meetings
            .iter()
            .find(|meeting| meeting.title.as_deref() == Some("Weekly"))
            .unwrap();
        assert_eq!(weekly.own_response, Some(Response::Tentative));
        assert_eq!(weekly.attendees.len(), 2);

        // The same as a feed, which everybody may have.
        let feeds = Ics { calendars: list };
        let list = IcsCalendars::list(&feeds).unwrap();
        let http = Arc::new(Http::new(bounds(), &list.bases()).unwrap());
        let feed = IcsCalendars::new(list, &Sync::default(), Zone::utc(), http);
        let sorted = |reading: Reading| {
            let mut meetings = reading.meetings;
            meetings.sort_by(|one, other| one.event_id.cmp(&other.event_id));
            meetings
        };
        let of_feed = feed.window(&people[0], march).await.unwrap();
        assert_eq!(of_feed.rejects, []);
        assert_eq!(sorted(of_feed), sorted(reading));
    });
}

#[test]
fn radicale_s_sync_token_tells_whether_anything_changed() {
    let Some(python) = has("radicale_s_sync_token_tells_whether_anything_changed") else {
        return;
    };
    block_on(async {
        let radicale = Radicale::start(&python).await;
        let list = list(&radicale, &[("ann@example.com", "reader/ann/")]);
        let (calendars, people) = connected(&list, PASSWORD).await;
        let (ann, march) = (&people[0], window("2026-03-01", "2026-04-01"));
        let read = || async { calendars.window(ann, march).await.unwrap() };
        let mut cursor = read().await.cursor.unwrap();
        for _ in 0..2 {
            let nothing = calendars.changes(ann, march, &cursor).await.unwrap();
            let next = nothing.cursor.clone().unwrap();
            let expected = Reading {
                cursor: Some(next.clone()),
                ..Reading::default()
            };
            assert_eq!(nothing, expected);
            cursor = next;
        }
        let lost = |cursor: String| {
            let calendars = &calendars;
            async move { calendars.changes(ann, march, &cursor).await.unwrap_err() }
        };

        let more = SERIES[4].1.replace("once", "more");
        radicale.put("more", &more).await;
        let failure = lost(cursor).await;
        assert_eq!(failure.kind, FailureKind::CursorLost, "{failure}");
        let reading = read().await;
        let more = |reading: &Reading| {
            let is_more = |meeting: &&Meeting| meeting.event_id.starts_with("more");
            reading.meetings.iter().filter(is_more).count()
        };
        assert_eq!(more(&reading), 1);

        let cursor = reading.cursor.unwrap();
        let deleted = radicale.ask("DELETE", "reader/ann/more.ics");
        assert_eq!(deleted.send().await.unwrap().status(), 200);
        let failure = lost(cursor).await;
        assert_eq!(failure.kind, FailureKind::CursorLost, "{failure}");
        let reading = read().await;
        assert_eq!(more(&reading), 0);

        // Of the form that the server gives, but none it knows; and of none.
        let known = reading.cursor.unwrap();
        let (kept, token) = known.rsplit_once('/').unwrap();
        let unknown = format!("{kept}/{}", "0".repeat(token.len()));
        for forgotten in [unknown, "made-up".to_owned()] {
            let failure = lost(forgotten).await;
            assert_eq!(failure.kind, FailureKind::CursorLost, "{failure}");
        }
        calendars.changes(ann, march, &known).await.unwrap();
    });
}

#[test]
fn radicale_s_refusals_are_told_apart() {
    let Some(python) = has("radicale_s_refusals_are_told_apart") else {
        return;
    };
    block_on(async {
        let radicale = Radicale::start(&python).await;
        let lines = [
            ("ann@example.com", "reader/ann/"),
            ("gone@example.com", "reader/gone/"),
            ("else@example.com", "somebody/else/"),
        ];
        let list = list(&radicale, &lines);
        let march = window("2026-03-01", "2026-04-01");
        let (calendars, people) = connected(&list, PASSWORD).await;
        assert!(calendars.window(&people[0], march).await.is_ok());
        for (person, word) in [
            (&people[1], "no such calendar"),
            (&people[2], "may not read"),
        ] {
            let failure = calendars.window(person, march).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Person, "{failure}");
            assert!(failure.message.contains(word), "{failure}");
            tells_none_of(&failure, &[PASSWORD, "gone", "else"]);
        }
        let (calendars, people) = connected(&list, "not-it").await;
        let failure = calendars.window(&people[0], march).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Auth, "{failure}");
        tells_none_of(&failure, &["not-it", USER]);
        let failure = calendars.changes(&people[0], march, "any").await;
        assert_eq!(failure.unwrap_err().kind, FailureKind::Auth);
    });
}
