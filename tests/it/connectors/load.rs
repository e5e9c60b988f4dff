//! Many people: inside the makers' quotas, in bounded memory. `ACTIVLAKE_CONNECTOR_PEOPLE` says how
//! many (60 without it).

use std::time::{Duration, Instant};

use super::company::Company;
use super::program;
use crate::simulator::{Endpoint, Event, Maker, Truth};
use activlake::sources::meeting::Response;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_people_are_read_inside_the_quotas_and_in_bounded_memory() {
    let people: usize = std::env::var("ACTIVLAKE_CONNECTOR_PEOPLE")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(60);
    let keys: Vec<String> = (0..people).map(|index| format!("p{index}")).collect();
    let mut truth = Truth::of(
        "example.com",
        &std::iter::once("ann")
            .chain(keys.iter().map(String::as_str))
            .collect::<Vec<_>>(),
    );
    for key in &keys {
        truth.add_all(
            key,
            (0..20).map(|index| {
                let (day, hour) = (index % 5 + 1, 8 + index / 5);
                Event::new(&format!("{key}-{index}"))
                    .at(
                        &format!("2026-03-0{day}T{hour:02}:00:00Z"),
                        &format!("2026-03-0{day}T{hour:02}:45:00Z"),
                    )
                    .title("Round table")
                    .with("guest@example.org", Response::Accepted)
            }),
        );
    }
    for maker in [Maker::Google, Maker::Graph] {
        let company = Company::new(maker, truth.clone()).await;
        let scratch = tempfile::tempdir().unwrap();
        let pace = match maker {
            // A project's quota by delegation; a person's is 600, and each has one call.
            Maker::Google => 6_000,
            Maker::Graph => 0,
        };
        let settings = program::settings(&company, scratch.path(), "");
        let text = std::fs::read_to_string(&settings)
            .unwrap()
            .replace(
                "requests_per_minute = 0",
                &format!("requests_per_minute = {pace}"),
            )
            .replace("batch_people = 1\n", "batch_people = 200\n")
            .replace("people_at_once = 1\n", "people_at_once = 8\n");
        std::fs::write(&settings, text).unwrap();
        let lake = company.place.path().join("lake");
        let begun = Instant::now();
        let mut child = program::start(&settings, &lake, &["connector", "sync"]);
        let mut peak_kb = 0;
        let status = loop {
            let memory = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
            if let Some(kb) = memory.ok().as_deref().and_then(peak_of) {
                peak_kb = peak_kb.max(kb);
            }
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "{maker:?} {status}");
        let seconds = begun.elapsed().as_secs_f64();
        let calendar = match maker {
            Maker::Google => Endpoint::Events,
            Maker::Graph => Endpoint::CalendarView,
        };
        assert_eq!(company.sim.requests_of(calendar).len(), people + 1);
        let rates = company.sim.rates();
        if maker == Maker::Google {
            assert!(rates.per_minute_max <= 10_000, "{}", rates.per_minute_max);
            assert!(rates.per_subject.values().all(|most| *most <= 600));
        }
        assert!(rates.at_once.values().all(|most| *most <= 4));
        let stored = company
            .place
            .csv("select count(*) from internal.stg_meetings")
            .await;
        assert!(stored.ends_with(&format!("{}\n", people * 20)), "{stored}");
        // Linux only; elsewhere nothing was measured.
        if peak_kb > 0 {
            assert!(peak_kb < 400_000, "{peak_kb} kB");
        }
        println!(
            "{maker:?}: {people} people in {seconds:.1} s, peak {peak_kb} kB, {} requests in the busiest minute",
            rates.per_minute_max
        );
    }
}

fn peak_of(status: &str) -> Option<u64> {
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}
