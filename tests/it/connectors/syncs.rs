//! What a sync brings home, and what later syncs change.

use activlake::connectors::report::SyncState;
use activlake::sources::meeting::Response;

use super::company::Company;
use crate::simulator::{Endpoint, Event, Maker, Truth};

pub fn truth() -> Truth {
    let mut truth = Truth::of("example.com", &["ann", "bob", "cid"]);
    for key in ["ann", "bob", "cid"] {
        for day in 1..=5 {
            let at = |hour: u32| format!("2026-03-0{day}T{hour:02}:00:00Z");
            truth.add(
                key,
                Event::new(&format!("{key}-{day}"))
                    .at(&at(9), &at(10))
                    .title(&format!("Plan {day}"))
                    .with("guest@example.org", Response::Accepted),
            );
        }
        truth.add(
            key,
            Event::new(&format!("{key}-private"))
                .at("2026-03-03T13:00:00Z", "2026-03-03T14:00:00Z")
                .title("Doctor")
                .private(),
        );
        truth.add(
            key,
            Event::new(&format!("{key}-days")).all_day("2026-02-20", "2026-02-22"),
        );
        // Outside every window of these tests.
        truth.add(
            key,
            Event::new(&format!("{key}-later")).at("2026-05-01T09:00:00Z", "2026-05-01T10:00:00Z"),
        );
    }
    truth
}

pub async fn both() -> [Company; 2] {
    [
        Company::new(Maker::Google, truth()).await,
        Company::new(Maker::Graph, truth()).await,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_follows_the_calendars() {
    for company in both().await {
        let maker = company.maker;
        company.sim.options(|options| options.page_size = Some(2));
        let first = company.sync().await;
        assert_eq!(first.state, SyncState::Ok, "{first:?}");
        assert_eq!((first.read, first.stored.added), (3, 21), "{maker:?}");
        company.assert_right("the first sync").await;

        // The same again is nothing.
        let again = company.sync().await;
        assert_eq!(again.stored.added + again.stored.changed, 0);
        assert_eq!(again.stored.removed, 0);

        company.sim.truth(|truth| {
            truth.move_to(
                "ann",
                "ann-1",
                "2026-03-04T15:00:00Z",
                "2026-03-04T16:00:00Z",
            );
            truth.delete("ann", "ann-2");
            truth.cancel("bob", "bob-3");
            truth.answer("bob", "bob-4", "guest@example.org", Response::Declined);
            truth.make_private("cid", "cid-5");
            truth.add(
                "cid",
                Event::new("cid-new").at("2026-03-05T09:30:00Z", "2026-03-05T09:45:00Z"),
            );
            // Out of the window, and into it.
            truth.move_to(
                "cid",
                "cid-1",
                "2026-06-01T09:00:00Z",
                "2026-06-01T10:00:00Z",
            );
            truth.move_to(
                "bob",
                "bob-later",
                "2026-03-02T07:00:00Z",
                "2026-03-02T08:00:00Z",
            );
        });
        let changed = company.sync().await;
        assert_eq!(changed.state, SyncState::Ok, "{changed:?}");
        assert_eq!(changed.stored.removed, 3, "{maker:?} {changed:?}");
        company.assert_right("after changes").await;
        assert!(company.sim.directory_done_before_first_calendar());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn google_changes_are_asked_for_by_token_and_the_window_once_a_day() {
    let mut company = Company::by_consent(truth()).await;
    company.sync().await;
    company.at("2026-03-06T01:00:00Z");
    company.sync().await;
    company.sim.reset_requests();
    company.sim.truth(|truth| truth.delete("ann", "ann-3"));
    let report = company.sync().await;
    assert_eq!((report.stored.removed, report.stored.changed), (1, 0));
    let asked = company.sim.requests_of(Endpoint::Events);
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| {
        request.parameter("syncToken").is_some() && request.parameter("timeMin").is_none()
    }));
    // The next day everything in the window is read again.
    company.at("2026-03-07T01:00:00Z");
    company.sim.reset_requests();
    company.sync().await;
    let asked = company.sim.requests_of(Endpoint::Events);
    assert!(
        asked
            .iter()
            .all(|request| request.parameter("timeMin").is_some())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_comes_from_before_the_window_leaves_its_old_place() {
    for mut company in both().await {
        company.sim.truth(|truth| {
            truth.add(
                "ann",
                Event::new("wanderer").at("2026-02-10T09:00:00Z", "2026-02-10T10:00:00Z"),
            );
        });
        company.sync().await;
        company.at("2026-03-06T12:00:00Z");
        company.sim.truth(|truth| {
            truth.move_to(
                "ann",
                "wanderer",
                "2026-03-06T09:00:00Z",
                "2026-03-06T10:00:00Z",
            );
        });
        company.sync().await;
        company.assert_right("after the move").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_of_weeks_leaves_no_hole() {
    for mut company in both().await {
        company.sync().await;
        // Nobody syncs for three weeks; something happens in the middle of them.
        company.sim.truth(|truth| {
            truth.add(
                "bob",
                Event::new("missed").at("2026-03-09T09:00:00Z", "2026-03-09T10:00:00Z"),
            );
            truth.delete("bob", "bob-4");
        });
        company.at("2026-03-26T12:00:00Z");
        company.sync().await;
        let stored = company.stored().await;
        let ids: Vec<&str> = stored["bob"]
            .iter()
            .map(|meeting| meeting.event_id.as_str())
            .collect();
        assert!(ids.iter().any(|id| id.contains("missed")), "{ids:?}");
        assert!(!ids.iter().any(|id| id.contains("bob-4")), "{ids:?}");
    }
}
