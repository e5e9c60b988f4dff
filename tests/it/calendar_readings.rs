//! The connectors of both makers against the simulator: what they read is what is true, over short,
//! empty and repeated pages, and what they ask keeps to the makers' contracts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use activlake::config::SecretRef;
use activlake::config::integration::{Google, GoogleAuth, Outlook, Sync};
use activlake::connectors::google::{self, GoogleCalendars};
use activlake::connectors::outlook::OutlookCalendars;
use activlake::connectors::{
    Bounds, Calendars, DirectoryPerson, FailureKind, Http, Reading, Retry, Window,
};
use activlake::sources::meeting::{Meeting, Span, Status};
use activlake::zone::ZoneNames;

use crate::place::block_on;
use crate::simulator::{
    Calls, Does, Endpoint, Event, Fault, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, GRAPH_CLIENT_ID,
    GRAPH_CLIENT_SECRET, Maker, SERVICE_ACCOUNT_KEY_JSON, Simulator, TENANT_ID, seconds,
};
use crate::simulator_clients::{FROM, TO, company, contract_holds};

const TRIES: u32 = 3;

fn window() -> Window {
    Window {
        from: seconds(FROM) * 1_000_000,
        to: seconds(TO) * 1_000_000,
    }
}

fn bounds() -> Bounds {
    Bounds {
        timeout: Duration::from_secs(20),
        requests_per_minute: 0,
        retry: Retry {
            tries: TRIES,
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(5),
            longest_retry_after: Duration::from_secs(2),
        },
        ..Bounds::default()
    }
}

fn secret(folder: &Path, value: &str) -> SecretRef {
    let path = folder.join("secret");
    std::fs::write(&path, value).unwrap();
    SecretRef::File(path)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Consent,
    ServiceAccount,
    Outlook,
}

impl Mode {
    fn maker(self) -> Maker {
        match self {
            Mode::Outlook => Maker::Graph,
            _ => Maker::Google,
        }
    }

    fn endpoints(self) -> (Endpoint, Endpoint) {
        match self {
            Mode::Outlook => (Endpoint::Users, Endpoint::CalendarView),
            _ => (Endpoint::Directory, Endpoint::Events),
        }
    }
}

/// An instance's calendars; the folder holds its secret, which is read again for every token.
fn connected(sim: &Simulator, mode: Mode, folder: &Path) -> Arc<dyn Calendars> {
    let url = |text: String| url::Url::parse(&text).unwrap();
    let sync = Sync::default();
    if mode == Mode::Outlook {
        let urls = sim.graph_urls();
        let outlook = Outlook {
            tenant_id: TENANT_ID.into(),
            client_id: GRAPH_CLIENT_ID.into(),
            client_secret: secret(folder, GRAPH_CLIENT_SECRET),
            secret_expires: None,
            login_url: url(urls.login_url),
            token_url: None,
            graph_url: url(urls.graph_url),
        };
        let http = Arc::new(Http::new(bounds(), &OutlookCalendars::bases(&outlook)).unwrap());
        let zones = ZoneNames::default();
        return Arc::new(OutlookCalendars::new(&outlook, &sync, zones, http).unwrap());
    }
    let urls = sim.google_urls();
    let auth = match mode {
        Mode::Consent => GoogleAuth::OAuth {
            client_id: GOOGLE_CLIENT_ID.into(),
            client_secret: secret(folder, GOOGLE_CLIENT_SECRET),
        },
        _ => GoogleAuth::ServiceAccount {
            key: secret(folder, SERVICE_ACCOUNT_KEY_JSON),
            admin: "ann@example.com".into(),
        },
    };
    let google = Google {
        domain: None,
        auth,
        authorize_url: url(urls.authorize_url),
        token_url: url(urls.token_url),
        revoke_url: url(urls.revoke_url),
        directory_url: url(urls.directory_url),
        calendar_url: url(urls.calendar_url),
    };
    let http = Arc::new(Http::new(bounds(), &google::bases(&google)).unwrap());
    let refresh = activlake::config::Secret::new(sim.google_refresh_token());
    let tokens = google::tokens(&http, "test", &google, Some(refresh), Arc::new(|_| ())).unwrap();
    Arc::new(GoogleCalendars::new(http, tokens, &google, &sync))
}

fn directory(calendars: &dyn Calendars) -> Vec<DirectoryPerson> {
    let mut people = Vec::new();
    block_on(calendars.directory(&mut |person| people.push(person))).unwrap();
    people
}

fn named(people: &[DirectoryPerson], key: &str) -> DirectoryPerson {
    let address = format!("{key}@example.com");
    let mut people = people.iter();
    people
        .find(|person| person.principal_names.contains(&address))
        .unwrap_or_else(|| panic!("no {key}"))
        .clone()
}

/// As an engine takes a reading: the later of two holds, what lies outside the window is not looked
/// at, what is gone is gone.
fn taken(stored: &mut BTreeMap<String, Meeting>, reading: Reading) {
    assert!(reading.rejects.is_empty(), "{:?}", reading.rejects);
    for meeting in reading.meetings {
        let gone = matches!(meeting.status, Status::Cancelled | Status::Deleted);
        let outside = match meeting.span {
            Some(Span::Instants { start, end }) => end <= window().from || start >= window().to,
            _ => false,
        };
        if gone || outside {
            stored.remove(&meeting.event_id);
        } else {
            stored.insert(meeting.event_id.clone(), meeting);
        }
    }
}

fn assert_true(sim: &Simulator, mode: Mode, key: &str, stored: &BTreeMap<String, Meeting>) {
    let stored: Vec<Meeting> = stored.values().cloned().collect();
    sim.truth(|truth| {
        let (from, to) = (seconds(FROM), seconds(TO));
        let expected = truth.expected(mode.maker(), key, from, to);
        let found = truth.comparable(key, stored);
        for (expected, found) in expected.iter().zip(&found) {
            assert_eq!(expected, found, "{key}");
        }
        assert_eq!(expected.len(), found.len(), "{key}");
    });
}

#[test]
fn readings_are_what_is_true() {
    for mode in [Mode::Consent, Mode::ServiceAccount, Mode::Outlook] {
        let sim = Simulator::start(company());
        sim.options(|options| {
            options.page_size = Some(2);
            options.keep_answers = true;
        });
        let (people_at, events_at) = mode.endpoints();
        for (at, calls, does) in [
            (people_at, Calls::Nth(1), Does::TooMany(Some(0))),
            (people_at, Calls::Nth(2), Does::EmptyPage),
            (people_at, Calls::Nth(3), Does::CloseEarly),
            (events_at, Calls::Nth(1), Does::TooMany(None)),
            (events_at, Calls::Nth(2), Does::EmptyPage),
            (events_at, Calls::Nth(3), Does::Broken(503, Some(0))),
            (events_at, Calls::Nth(4), Does::DuplicateRows),
            (events_at, Calls::Nth(5), Does::CutJson),
            (events_at, Calls::Nth(6), Does::OutOfWindowRows),
            (events_at, Calls::Nth(8), Does::Unauthorized),
        ] {
            sim.fault(Fault::always(at, does).on(calls));
        }
        let folder = tempfile::tempdir().unwrap();
        let calendars = connected(&sim, mode, folder.path());
        let people = directory(&*calendars);
        assert_eq!(people.len(), 5);
        for key in ["ann", "bob", "cat"] {
            let person = named(&people, key);
            let reading = block_on(calendars.window(&person, window())).unwrap();
            assert_eq!(
                reading.warning.is_some(),
                mode.maker() == Maker::Google && key == "cat"
            );
            let mut stored = BTreeMap::new();
            let cursor = reading.cursor.clone();
            taken(&mut stored, reading);
            assert_true(&sim, mode, key, &stored);
            let Some(cursor) = cursor else {
                assert!(mode == Mode::Outlook, "no cursor");
                continue;
            };
            sim.truth(|truth| {
                let address = format!("{key}@example.com");
                truth.add(key, Event::new("new one"));
                truth.add(
                    key,
                    Event::new("far").at("2027-03-02T09:00:00Z", "2027-03-02T10:00:00Z"),
                );
                truth.make_private(key, "m1");
                if key != "ann" {
                    let declined = activlake::sources::meeting::Response::Declined;
                    truth.answer(key, "m1", &address, declined);
                }
                truth.delete_series("bob", "daily");
                truth.cancel("ann", "focus");
                truth.delete("ann", "home");
            });
            let changes = block_on(calendars.changes(&person, window(), &cursor)).unwrap();
            taken(&mut stored, changes);
            assert_true(&sim, mode, key, &stored);
            sim.truth(|truth| truth.forget_tokens(key));
            let lost = block_on(calendars.changes(&person, window(), &cursor)).unwrap_err();
            assert_eq!(lost.kind, FailureKind::CursorLost, "{lost}");
        }
        assert!(sim.directory_done_before_first_calendar());
        contract_holds(&sim, mode.maker());
    }
}

#[test]
fn failures_are_of_the_right_kind() {
    use FailureKind::{Auth, Contract, Person, Throttled, Transient};
    for mode in [Mode::Consent, Mode::ServiceAccount, Mode::Outlook] {
        let sim = Simulator::start(company());
        let folder = tempfile::tempdir().unwrap();
        let calendars = connected(&sim, mode, folder.path());
        let person = named(&directory(&*calendars), "bob");
        let (_, events_at) = mode.endpoints();
        let google = mode.maker() == Maker::Google;
        for (does, kind, tries) in [
            (Does::TooMany(None), Throttled, TRIES),
            (Does::TooMany(Some(600)), Throttled, 1),
            (Does::Broken(500, None), Transient, TRIES),
            (Does::CloseEarly, Transient, TRIES),
            (Does::CutJson, Contract, TRIES),
            (Does::NotFound, Person, 1),
            (Does::Forbidden, Person, 1),
            (
                Does::RateLimit,
                if google { Throttled } else { Person },
                TRIES,
            ),
        ] {
            if !google && matches!(does, Does::RateLimit) {
                continue;
            }
            sim.reset_requests();
            sim.fault(Fault::always(events_at, does.clone()));
            let failure = block_on(calendars.window(&person, window())).unwrap_err();
            assert_eq!(failure.kind, kind, "{does:?}: {failure}");
            let asked = sim.requests_of(events_at).len();
            assert_eq!(asked, usize::try_from(tries).unwrap(), "{does:?}");
            sim.no_more_faults();
        }
        sim.fault(Fault::always(events_at, Does::SamePage));
        let circle = block_on(calendars.window(&person, window())).unwrap_err();
        assert_eq!(circle.kind, Contract, "{circle}");
        sim.no_more_faults();
        sim.fault(Fault::always(events_at, Does::Unauthorized));
        // The directory was read with these credentials: the refusal is the calendar's own.
        let refused = block_on(calendars.window(&person, window())).unwrap_err();
        assert_eq!(refused.kind, Person, "{refused}");
        // With credentials that never worked, it is theirs.
        let fresh = connected(&sim, mode, folder.path());
        let refused = block_on(fresh.window(&person, window())).unwrap_err();
        assert_eq!(refused.kind, Auth, "{refused}");
    }
}

#[test]
fn no_link_leads_elsewhere() {
    let sim = Simulator::start(company());
    let other = Simulator::start(company());
    sim.options(|options| options.page_size = Some(2));
    let folder = tempfile::tempdir().unwrap();
    let calendars = connected(&sim, Mode::Outlook, folder.path());
    let person = named(&directory(&*calendars), "bob");
    sim.fault(Fault::once(
        Endpoint::CalendarView,
        Does::ElsewhereNext(other.base()),
    ));
    let failure = block_on(calendars.window(&person, window())).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Contract, "{failure}");
    assert!(other.requests().is_empty());
}
