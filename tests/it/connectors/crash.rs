//! kill -9 at every commit and at every request: the next sync comes to the same entries.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use activlake::lake::Lake;

use super::company::{Company, stored};
use super::program;
use super::syncs::truth;
use crate::place::Place;
use crate::simulator::{Maker, Simulator};

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum At {
    /// As soon as the log of any table has so many entries more than before.
    Commit(usize),
    /// As soon as so many requests were answered.
    Request(usize),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_is_killed_anywhere_is_made_good_by_the_next() {
    for maker in [Maker::Google, Maker::Graph] {
        let mut company = Company::new(maker, truth()).await;
        company.sync().await;
        company.sim.truth(|truth| {
            for key in ["ann", "bob", "cid"] {
                truth.delete(key, &format!("{key}-2"));
                truth.move_to(
                    key,
                    &format!("{key}-3"),
                    "2026-03-01T15:00:00Z",
                    "2026-03-01T16:00:00Z",
                );
            }
        });
        let scratch = tempfile::tempdir().unwrap();
        let settings = program::settings(&company, scratch.path(), "");
        let start = company.place.path().join("lake");

        // Without a crash.
        let whole = scratch.path().join("whole");
        copy(&start, &whole);
        let before = commits(&whole);
        company.sim.reset_requests();
        let output = program::run(&settings, &whole, &["connector", "sync"]);
        assert!(output.status.success(), "{output:?}");
        let all_commits = commits(&whole) - before;
        let all_requests = company.sim.requests().len();
        let wanted = held(&mut company, &whole).await;
        assert!(all_commits >= 7, "{all_commits}");

        let points = (1..=all_commits)
            .map(At::Commit)
            .chain((1..=all_requests).map(At::Request));
        let mut killed = 0;
        for point in points {
            let lake = scratch.path().join("killed");
            copy(&start, &lake);
            killed += usize::from(crash(&company.sim, &settings, &lake, point));
            let output = program::run(&settings, &lake, &["connector", "sync"]);
            assert!(output.status.success(), "{maker:?} {point:?} {output:?}");
            let found = held(&mut company, &lake).await;
            assert_eq!(found, wanted, "{maker:?} {point:?}");
            std::fs::remove_dir_all(&lake).unwrap();
        }
        // The last points are too near the end to be sure of.
        assert!(
            killed + 3 >= all_commits + all_requests,
            "{killed} of {}",
            all_commits + all_requests
        );
    }
}

/// Starts a sync and kills it; whether it was still at work.
fn crash(sim: &Simulator, settings: &Path, lake: &Path, at: At) -> bool {
    sim.reset_requests();
    let before = commits(lake);
    let mut child = program::start(settings, lake, &["connector", "sync"]);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let reached = match at {
            At::Commit(wanted) => commits(lake) >= before + wanted,
            At::Request(wanted) => sim.requests().len() >= wanted,
        };
        if reached {
            let running = child.try_wait().unwrap().is_none();
            child.kill().unwrap();
            child.wait().unwrap();
            return running;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(Instant::now() < deadline, "{at:?} never came");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Log entries of the tables that a sync writes.
fn commits(lake: &Path) -> usize {
    [
        "raw/meetings",
        "settings/calendar_state",
        "raw/calendar_syncs",
    ]
    .iter()
    .filter_map(|table| std::fs::read_dir(lake.join(table).join("_delta_log")).ok())
    .flat_map(|entries| entries.flatten())
    .filter(|entry| entry.path().extension().is_some_and(|end| end == "json"))
    .count()
}

/// What a lake holds, everything but when it was written.
async fn held(company: &mut Company, lake: &Path) -> String {
    let mut settings = (*company.place.setup.settings).clone();
    settings.lake.url = lake.display().to_string();
    let other = Place::over(&company.place, Lake::open(&settings.lake, lake).unwrap());
    let rows = stored(&other).await;
    format!("{rows:#?}")
}

fn copy(from: &Path, to: &Path) {
    let mut folders: Vec<(PathBuf, PathBuf)> = vec![(from.into(), to.into())];
    while let Some((from, to)) = folders.pop() {
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(&from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push((entry.path(), target));
            } else {
                std::fs::copy(entry.path(), target).unwrap();
            }
        }
    }
}
