//! Whose calendars are asked for: of matched, tracked people only, and never before the whole
//! directory was read. Proved over random directories.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use activlake::connectors::engine::sync_people;
use activlake::connectors::matching::Tracked;
use activlake::connectors::{
    Bounds, Calendars, Connected, DirectoryPerson, Failure, FailureKind, Http, Options, Reading,
    Window,
};
use async_trait::async_trait;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use url::Url;

use super::company::{AS_OF, Company, impatient};
use super::syncs::both;
use crate::place::Place;
use crate::simulator::{Maker, Person, Truth};

/// A directory and nothing in its calendars; remembers who was asked.
struct Directory {
    people: Vec<DirectoryPerson>,
    /// After how many people the directory fails, if it does.
    fails_after: Option<usize>,
    /// Directory ids in the order asked; an asking before the directory's end panics.
    asked: Mutex<Vec<String>>,
    done: Mutex<bool>,
}

#[async_trait]
impl Calendars for Directory {
    async fn directory(
        &self,
        person: &mut (dyn FnMut(DirectoryPerson) + Send),
    ) -> Result<(), Failure> {
        for (index, one) in self.people.iter().enumerate() {
            if self.fails_after == Some(index) {
                return Err(Failure::new(FailureKind::Transient, "on purpose"));
            }
            person(one.clone());
        }
        *self.done.lock().unwrap() = true;
        Ok(())
    }

    async fn window(&self, person: &DirectoryPerson, _: Window) -> Result<Reading, Failure> {
        assert!(
            *self.done.lock().unwrap(),
            "asked before the directory's end"
        );
        self.asked.lock().unwrap().push(person.id.clone());
        Ok(Reading::default())
    }

    async fn changes(
        &self,
        person: &DirectoryPerson,
        window: Window,
        _: &str,
    ) -> Result<Reading, Failure> {
        self.window(person, window).await
    }
}

/// Few addresses, so that they meet; in several spellings.
fn address() -> impl Strategy<Value = String> {
    (0..14_u8, 0..4_u8).prop_map(|(name, spelling)| {
        let name = format!("p{name}@example.com");
        match spelling {
            0 => name.to_uppercase(),
            1 => format!(" {name} "),
            2 => format!("x{name}"),
            _ => name,
        }
    })
}

fn addresses() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(address(), 0..3)
}

fn tracked() -> impl Strategy<Value = Vec<Tracked>> {
    prop::collection::vec((addresses(), addresses()), 0..8).prop_map(|users| {
        users
            .into_iter()
            .enumerate()
            .map(|(index, (principal_names, emails))| Tracked {
                uid: i64::try_from(index).unwrap() + 1,
                principal_names,
                emails,
            })
            .collect()
    })
}

fn directory() -> impl Strategy<Value = Vec<DirectoryPerson>> {
    prop::collection::vec(
        (addresses(), addresses(), prop::bool::weighted(0.85)),
        0..12,
    )
    .prop_map(|people| {
        people
            .into_iter()
            .enumerate()
            .map(
                |(index, (principal_names, emails, active))| DirectoryPerson {
                    id: format!("id{index}"),
                    calendar: format!("id{index}"),
                    principal_names,
                    emails,
                    display_name: None,
                    active,
                },
            )
            .collect()
    })
}

/// By plain loops: the people of the directory who are exactly one tracked user, the only active
/// one with the best kind of name.
fn matched(tracked: &[Tracked], people: &[DirectoryPerson]) -> BTreeSet<String> {
    let same = |one: &String, other: &String| {
        let (one, other) = (one.trim().to_lowercase(), other.trim().to_lowercase());
        !one.is_empty() && one == other
    };
    let meets = |ours: &[String], person: &DirectoryPerson| {
        ours.iter().any(|our| {
            person.principal_names.iter().any(|their| same(our, their))
                || person.emails.iter().any(|their| same(our, their))
        })
    };
    // (uid, kind, id), kind 0 for a principal name.
    let mut pairs: Vec<(i64, u8, String)> = Vec::new();
    for person in people.iter().filter(|person| person.active) {
        for kind in [0, 1] {
            let users: Vec<&Tracked> = tracked
                .iter()
                .filter(|user| {
                    let ours = if kind == 0 {
                        &user.principal_names
                    } else {
                        &user.emails
                    };
                    meets(ours, person)
                })
                .collect();
            if let [user] = users.as_slice() {
                pairs.push((user.uid, kind, person.id.clone()));
            }
            if !users.is_empty() {
                break;
            }
        }
    }
    let mut out = BTreeSet::new();
    for user in tracked {
        let best = pairs
            .iter()
            .filter(|(uid, ..)| *uid == user.uid)
            .map(|(_, kind, _)| *kind)
            .min();
        let of_best: Vec<_> = pairs
            .iter()
            .filter(|(uid, kind, _)| *uid == user.uid && Some(*kind) == best)
            .collect();
        if let [(_, _, id)] = of_best.as_slice() {
            out.insert(id.clone());
        }
    }
    out
}

#[test]
fn the_calendars_asked_for_are_those_of_matched_tracked_people() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // A lake is left behind now and then: its logs would grow with every case.
    let places: std::cell::RefCell<(Place, usize)> =
        std::cell::RefCell::new((Place::new(None, &[], AS_OF), 0));
    let base = Url::parse("http://127.0.0.1:1").unwrap();
    let config = Config {
        cases: 1_000,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let asked_in_all = std::cell::Cell::new(0);
    runner
        .run(
            &(
                tracked(),
                directory(),
                prop::option::weighted(0.2, 0..12_usize),
            ),
            |(tracked, people, fails_after)| {
                let fails = fails_after.is_some_and(|at| at < people.len());
                let wanted = if fails {
                    BTreeSet::new()
                } else {
                    matched(&tracked, &people)
                };
                let calendars = Arc::new(Directory {
                    people,
                    fails_after,
                    asked: Mutex::default(),
                    done: Mutex::default(),
                });
                let http = Arc::new(Http::new(Bounds::default(), &[&base]).unwrap());
                let integration = activlake::config::integration::Integration {
                    name: "random".into(),
                    maker: activlake::config::integration::Maker::Ics(
                        activlake::config::integration::Ics {
                            calendars: "none.csv".into(),
                        },
                    ),
                    sync: impatient(),
                };
                let connected = Connected::over(calendars.clone(), http);
                let mut places = places.borrow_mut();
                if places.1.is_multiple_of(25) {
                    places.0 = Place::new(None, &[], AS_OF);
                }
                places.1 += 1;
                let setup = &places.0.setup;
                runtime
                    .block_on(sync_people(
                        setup,
                        &integration,
                        &connected,
                        tracked,
                        setup.as_of,
                        Options::default(),
                    ))
                    .unwrap();
                let asked = calendars.asked.lock().unwrap().clone();
                let once: BTreeSet<String> = asked.iter().cloned().collect();
                prop_assert_eq!(once.len(), asked.len(), "somebody was asked twice");
                asked_in_all.set(asked_in_all.get() + asked.len());
                prop_assert_eq!(once, wanted);
                Ok(())
            },
        )
        .unwrap();
    // A test that never asks would prove nothing.
    assert!(asked_in_all.get() > 500, "{}", asked_in_all.get());
}

/// Over HTTP, with people who are not tracked, have no agent, or changed sides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn untracked_people_are_never_asked_for() {
    for company in both().await {
        company.sim.truth(|truth: &mut Truth| {
            truth.hire(Person::new("stranger", "example.com"));
            truth.hire(Person::new("guest", "example.com"));
        });
        // Nobody stops being tracked while their calendar lies there.
        let org = company.place.path().join("org");
        let users = std::fs::read_to_string(org.join("users.csv")).unwrap();
        let users = users.replace("corp\\bob,true", "corp\\bob,false")
            + "9,guest,guest@example.com,corp\\guest,true\n";
        company.sync().await;
        assert_eq!(asked(&company), ["ann", "bob", "cid"]);
        std::fs::write(org.join("users.csv"), users).unwrap();
        company.place.apply_org(&org).await;
        company.sim.reset_requests();
        let report = company.sync().await;
        // The guest is tracked, but has no agent.
        assert_eq!(asked(&company), ["ann", "cid"], "{:?}", company.maker);
        assert_eq!((report.matched, report.unmatched), (Some(2), Some(3)));
        assert!(company.sim.directory_done_before_first_calendar());
    }
}

fn asked(company: &Company) -> Vec<String> {
    let asked: BTreeSet<String> = company.sim.calendars_requested().into_iter().collect();
    asked.into_iter().collect()
}

/// No description is asked for, by either maker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_asked_for_that_is_not_kept() {
    for company in both().await {
        company.sync().await;
        for request in company.sim.requests() {
            let text = format!("{request:?}").to_lowercase();
            assert!(!text.contains("description"), "{text}");
            assert!(!text.contains("bodypreview"), "{text}");
            if company.maker == Maker::Graph
                && request.endpoint.is_some_and(|one| one.is_calendar())
            {
                assert!(request.parameter("$select").is_some());
            }
        }
    }
}
