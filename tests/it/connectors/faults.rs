//! The fault matrix: whatever the makers answer, the lake holds the truth afterwards, and nothing
//! that was there is lost meanwhile.

use std::time::Duration;

use activlake::connectors::report::SyncState;
use activlake::connectors::{FailureKind, Options};

use super::company::Company;
use super::syncs::{both, truth};
use crate::simulator::{Calls, Does, Endpoint, Event, Fault, Maker};

fn calendar(maker: Maker) -> Endpoint {
    match maker {
        Maker::Google => Endpoint::Events,
        Maker::Graph => Endpoint::CalendarView,
    }
}

fn directory(maker: Maker) -> Endpoint {
    match maker {
        Maker::Google => Endpoint::Directory,
        Maker::Graph => Endpoint::Users,
    }
}

/// Faults that a sync gets over by itself: the answer is right at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_is_overcome_in_the_same_sync() {
    let cases: Vec<(&str, Does)> = vec![
        ("429 with Retry-After", Does::TooMany(Some(1))),
        ("429 without", Does::TooMany(None)),
        ("503 with Retry-After", Does::Broken(503, Some(1))),
        ("500", Does::Broken(500, None)),
        ("401 once", Does::Unauthorized),
        ("a body cut short", Does::CutJson),
        ("a connection closed early", Does::CloseEarly),
        ("a slow answer", Does::Slow(Duration::from_millis(300))),
        ("an empty page with a next one", Does::EmptyPage),
        ("rows twice", Does::DuplicateRows),
        ("rows outside the window", Does::OutOfWindowRows),
        (
            "the removal of what never was",
            Does::Tombstone("never".into()),
        ),
    ];
    for company in both().await {
        let maker = company.maker;
        company.sim.options(|options| options.page_size = Some(3));
        company.sync().await;
        for (index, (what, does)) in cases.iter().enumerate() {
            let id = format!("new-{index}");
            company.sim.truth(|truth| {
                truth.add(
                    "ann",
                    Event::new(&id).at("2026-03-04T11:00:00Z", "2026-03-04T11:30:00Z"),
                );
            });
            company
                .sim
                .fault(Fault::once(calendar(maker), does.clone()).of("ann"));
            let report = company
                .sync_with(Options {
                    full: index % 2 == 0,
                    ..Options::default()
                })
                .await;
            assert_eq!(report.state, SyncState::Ok, "{maker:?} {what}: {report:?}");
            assert_eq!(report.stored.added, 1, "{maker:?} {what}: {report:?}");
            company.assert_right(&format!("{maker:?} {what}")).await;
            company.sim.no_more_faults();
        }
        // Google says with 403 what others say with 429.
        if maker == Maker::Google {
            company.sim.fault(
                Fault::always(Endpoint::Events, Does::RateLimit)
                    .of("bob")
                    .on(Calls::First(2)),
            );
            let report = company.sync().await;
            assert_eq!(report.state, SyncState::Ok, "{report:?}");
            assert_eq!(report.throttled, 2);
            company.assert_right("403 rate limit").await;
        }
    }
}

/// Retry-After is obeyed: nothing is asked of that calendar before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_is_waited_for() {
    for company in both().await {
        company
            .sim
            .fault(Fault::once(calendar(company.maker), Does::TooMany(Some(1))).of("ann"));
        company.sync().await;
        let asked: Vec<_> = company
            .sim
            .requests_of(calendar(company.maker))
            .into_iter()
            .filter(|request| request.person.as_deref() == Some("ann"))
            .collect();
        assert!(asked.len() >= 2);
        let pause = asked[1].at_ms - asked[0].at_ms;
        assert!(pause >= 1_000, "{pause} ms");
    }
}

/// Faults of one person: the others are read, what is stored of the one stays, and the next sync
/// makes it good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_s_fault_is_one_person_s() {
    let cases: Vec<(&str, Does, FailureKind)> = vec![
        ("403 forbidden", Does::Forbidden, FailureKind::Person),
        ("404", Does::NotFound, FailureKind::Person),
        (
            "500 for ever",
            Does::Broken(500, None),
            FailureKind::Transient,
        ),
        ("429 for ever", Does::TooMany(None), FailureKind::Throttled),
        (
            "429 for an hour",
            Does::TooMany(Some(3_600)),
            FailureKind::Throttled,
        ),
        ("a body always cut", Does::CutJson, FailureKind::Contract),
        (
            "the same page for ever",
            Does::SamePage,
            FailureKind::Contract,
        ),
        (
            "a next page elsewhere",
            Does::ElsewhereNext("http://127.0.0.1:9".into()),
            FailureKind::Contract,
        ),
    ];
    for company in both().await {
        let maker = company.maker;
        company.sim.options(|options| options.page_size = Some(2));
        company.sync().await;
        for (index, (what, does, kind)) in cases.iter().enumerate() {
            // Google's next page is a token, not a link.
            if maker == Maker::Google && matches!(does, Does::ElsewhereNext(_)) {
                continue;
            }
            company.sim.truth(|truth| {
                if index < 3 {
                    truth.delete("ann", &format!("ann-{}", index + 1));
                }
                for half in ["00", "30"] {
                    truth.add(
                        "ann",
                        Event::new(&format!("late-{index}-{half}"))
                            .at("2026-03-04T18:00:00Z", "2026-03-04T19:00:00Z"),
                    );
                }
                truth.add(
                    "bob",
                    Event::new(&format!("extra-{index}"))
                        .at("2026-03-02T16:00:00Z", "2026-03-02T17:00:00Z"),
                );
            });
            company
                .sim
                .fault(Fault::always(calendar(maker), does.clone()).of("ann"));
            let before = company.stored().await;
            let full = Options {
                full: true,
                ..Options::default()
            };
            let report = company.sync_with(full).await;
            assert_eq!(report.state, SyncState::Partial, "{maker:?} {what}");
            assert_eq!((report.read, report.failed), (2, 1), "{maker:?} {what}");
            assert_eq!(report.people[0].uid, company.uid("ann"));
            assert_eq!(
                report.people[0].failure,
                Some(*kind),
                "{maker:?} {what}: {report:?}"
            );
            let after = company.stored().await;
            assert_eq!(after["ann"], before["ann"], "{maker:?} {what}");
            assert_eq!(after["bob"].len(), before["bob"].len() + 1);
            company.sim.no_more_faults();
            company.sync_with(full).await;
            company
                .assert_right(&format!("{maker:?} after {what}"))
                .await;
        }
    }
}

/// A person who cannot be read is left alone for a day.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_mailbox_is_asked_again_the_next_day() {
    for mut company in both().await {
        let endpoint = calendar(company.maker);
        company
            .sim
            .fault(Fault::once(endpoint, Does::NotFound).of("cid"));
        let report = company.sync().await;
        assert_eq!((report.read, report.failed), (2, 1));
        company.sim.reset_requests();
        let patient = Options {
            patient: true,
            ..Options::default()
        };
        let report = company.sync_with(patient).await;
        assert_eq!(report.state, SyncState::Partial);
        assert!(!company.sim.calendars_requested().contains(&"cid".into()));
        company.at("2026-03-06T12:00:01Z");
        let report = company.sync_with(patient).await;
        assert_eq!(report.state, SyncState::Ok);
        assert!(company.sim.calendars_requested().contains(&"cid".into()));
    }
}

/// A directory that fails at any page: no calendar is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_fails_on_its_second_page_asks_for_no_calendar() {
    for company in both().await {
        company.sim.options(|options| options.page_size = Some(1));
        for does in [
            Does::Broken(500, None),
            Does::CutJson,
            Does::Forbidden,
            Does::SamePage,
            Does::TooMany(Some(3_600)),
        ] {
            company
                .sim
                .fault(Fault::always(directory(company.maker), does.clone()).on(Calls::From(2)));
            let report = company.sync().await;
            assert!(!report.succeeded(), "{:?} {does:?}", company.maker);
            assert_eq!(report.matched, None);
            assert_eq!(report.read, 0);
            assert!(report.failure.is_some());
            company.sim.no_more_faults();
        }
        assert!(company.sim.calendars_requested().is_empty());
        assert!(company.stored().await.values().all(Vec::is_empty));
        company.sync().await;
        company.assert_right("once it answers").await;
    }
}

/// 410 in the middle: the token is forgotten, also between its pages, and what was deleted
/// meanwhile has no tombstone any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_token_reads_the_window_and_finds_what_was_deleted() {
    for nth in [1, 2] {
        let mut company = Company::new(Maker::Google, truth()).await;
        company.at("2026-03-05T13:00:00Z");
        company.sync().await;
        company.at("2026-03-06T13:00:00Z");
        company.sync().await;
        company.sim.options(|options| options.page_size = Some(1));
        company.sim.truth(|truth| {
            truth.vanish("ann", "ann-4");
            truth.add(
                "ann",
                Event::new("fresh").at("2026-03-04T20:00:00Z", "2026-03-04T21:00:00Z"),
            );
            truth.rename("ann", "ann-5", "Renamed");
        });
        company.sim.fault(
            Fault::once(Endpoint::Events, Does::Gone)
                .of("ann")
                .on(Calls::Nth(nth)),
        );
        let report = company.sync().await;
        assert_eq!(report.state, SyncState::Ok, "{report:?}");
        assert_eq!(report.stored.removed, 1, "{report:?}");
        company.assert_right(&format!("410 on request {nth}")).await;
    }
}

/// Tokens that the provider forgot (a restart, an eviction) cost a reading and no row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgotten_tokens_and_tombstones_with_an_id_only() {
    let mut company = Company::new(Maker::Google, truth()).await;
    company.sync().await;
    company.at("2026-03-06T01:00:00Z");
    company.sync().await;
    company.sim.truth(|truth| {
        for key in ["ann", "bob", "cid"] {
            truth.delete(key, &format!("{key}-3"));
        }
    });
    // By tombstone …
    let report = company.sync().await;
    assert_eq!(report.stored.removed, 3);
    company.assert_right("tombstones").await;
    // … and without.
    company.sim.truth(|truth| {
        for key in ["ann", "bob", "cid"] {
            truth.vanish(key, &format!("{key}-2"));
            truth.forget_tokens(key);
        }
    });
    let report = company.sync().await;
    assert_eq!(report.stored.removed, 3, "{report:?}");
    company.assert_right("forgotten tokens").await;
}

/// A maker's clock that is an hour off changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_off_does_not_matter() {
    for skew in [-3_600, 3_600] {
        for company in both().await {
            company
                .sim
                .options(|options| options.clock_skew_seconds = skew);
            let report = company.sync().await;
            assert_eq!(report.state, SyncState::Ok, "{skew} {report:?}");
            company.assert_right("clock skew").await;
        }
    }
}

/// Credentials that are refused stop the instance at once: no further token call, nobody asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_consent_needs_somebody_and_does_not_loop() {
    let company = Company::by_consent(truth()).await;
    company.sync().await;
    company.assert_right("by consent").await;
    company.sim.revoke_consent();
    company.sim.reset_requests();
    let report = company.sync().await;
    assert_eq!(report.state, SyncState::NeedsReauth);
    assert_eq!(company.sim.requests_of(Endpoint::GoogleToken).len(), 1);
    assert!(company.sim.calendars_requested().is_empty());
    company.assert_right("what was stored stays").await;
}

/// An answer that would empty a calendar is not believed before somebody says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_too_empty_is_not_believed() {
    for mut company in both().await {
        company.integration.sync.remove_guard_min = 3;
        company.sync().await;
        company.sim.truth(|truth| {
            for day in 1..=5 {
                truth.vanish("ann", &format!("ann-{day}"));
            }
        });
        let full = Options {
            full: true,
            ..Options::default()
        };
        let report = company.sync_with(full).await;
        assert_eq!(report.people[0].failure, Some(FailureKind::Guard));
        assert_eq!(report.stored.removed, 0);
        let accepted = Options {
            full: true,
            accept_removals: true,
            ..Options::default()
        };
        let report = company.sync_with(accepted).await;
        assert_eq!((report.state, report.stored.removed), (SyncState::Ok, 5));
        company.assert_right("accepted").await;
    }
}
