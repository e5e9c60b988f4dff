//! Any order, repetition and batching of the same events gives byte-equal views.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::place::{Place, block_on};

#[derive(Clone, Debug)]
struct Event {
    user: usize,
    computer: usize,
    /// Milliseconds after the first instant.
    start_ms: i64,
    seconds: i64,
    state: usize,
    program: usize,
    title: Option<usize>,
    given: bool,
}

const PROGRAMS: [&str; 6] = [
    r#""executable":"EXCEL.EXE""#,
    r#""executable":"slack.exe""#,
    r#""executable":"chrome.exe","full_url":"https://www.youtube.com/watch?v=1""#,
    r#""executable":"chrome.exe","full_url":"https://github.com/a/b""#,
    r#""executable":"aw-qt.exe""#,
    r#""executable":"unheard-of""#,
];

fn event() -> impl Strategy<Value = Event> {
    (
        0..3usize,
        0..2usize,
        // Few distinct starts, so that equal ones happen; three days around a clock change.
        (0..200i64, prop_oneof![Just(0i64), Just(1), Just(999)]),
        prop_oneof![Just(0i64), 1..120i64, 1000..9000i64],
        0..4usize,
        0..PROGRAMS.len(),
        proptest::option::of(0..3usize),
        any::<bool>(),
    )
        .prop_map(
            |(user, computer, (slot, fraction), seconds, state, program, title, given)| Event {
                user,
                computer,
                start_ms: slot * 1_200_000 + fraction,
                seconds,
                state,
                program,
                title,
                given,
            },
        )
}

/// NDJSON lines of distinct events.
fn lines(events: &[Event]) -> Vec<String> {
    // 2026-03-07T12:00:00Z
    let first = 1_772_884_800_000i64;
    let mut lines: Vec<String> = events
        .iter()
        .enumerate()
        .map(|(index, event)| {
            let state = [
                r#""active_state":"Active""#,
                r#""active_state":"Active""#,
                r#""active_state":"Passive""#,
                r#""active_state":"Passive Locked","passive_type_id":2"#,
            ][event.state];
            let title = event
                .title
                .map(|title| format!(r#","titlebar":"Title {title}""#))
                .unwrap_or_default();
            let id = if event.given {
                format!(r#","event_id":"e{index}""#)
            } else {
                String::new()
            };
            format!(
                r#"{{"utc_timestamp":{},"duration_sec":{},{state},"user_name":"user{}","logon_domain":"corp","computer_name":"pc{}",{}{title}{id}}}"#,
                first + event.start_ms,
                event.seconds,
                event.user,
                event.user * 10 + event.computer,
                PROGRAMS[event.program],
            )
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

const AS_OF: &str = "2026-03-20T00:00:00Z";
const SETTINGS: [(&str, &str); 2] = [
    ("account.timezone", "America/New_York"),
    ("privacy.screen_details", "true"),
];

async fn views(set: &[(&str, &str)], files: &[String], run_between: bool) -> Vec<(String, String)> {
    let mut all = SETTINGS.to_vec();
    all.extend(set);
    let place = Place::new(None, &all, AS_OF);
    for (index, text) in files.iter().enumerate() {
        place.ingest_text(&format!("{index}.ndjson"), text).await;
        if run_between {
            place.run().await;
        }
    }
    place.run().await;
    place.all_views().await
}

#[test]
fn order_repetition_and_batching_do_not_show() {
    let mut runner = TestRunner::new(Config {
        cases: 12,
        failure_persistence: None,
        ..Config::default()
    });
    let strategy = (
        proptest::collection::vec(event(), 1..60),
        any::<prop::sample::Index>(),
        Just(()).prop_perturb(|(), mut random| random.next_u64()),
        1..5usize,
        any::<bool>(),
    );
    runner
        .run(&strategy, |(events, _, seed, parts, run_between)| {
            let lines = lines(&events);
            let plain = block_on(views(&[], &[lines.join("\n")], false));
            // Shuffle, repeat some, cut into files.
            let mut shuffled = lines.clone();
            let mut state = seed | 1;
            let mut next = |below: usize| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state % below as u64) as usize
            };
            for _ in 0..lines.len() / 2 {
                let copy = lines[next(lines.len())].clone();
                shuffled.push(copy);
            }
            for index in (1..shuffled.len()).rev() {
                shuffled.swap(index, next(index + 1));
            }
            let size = shuffled.len().div_ceil(parts);
            let files: Vec<String> = shuffled.chunks(size).map(|part| part.join("\n")).collect();
            let small = [
                ("limits.ingest_batch_rows", "7"),
                ("limits.batch_rows", "3"),
            ];
            let other = block_on(views(&small, &files, run_between));
            for ((name, one), (_, two)) in plain.iter().zip(&other) {
                prop_assert_eq!(one, two, "{} differs", name);
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// A later version of the organisation takes the place of the one before.
#[test]
fn the_organisation_can_be_applied_again() {
    crate::place::block_on(async {
        let place = crate::place::Place::new(None, &[], "2026-03-09T00:00:00Z");
        let org = place.path().join("org");
        std::fs::create_dir_all(&org).unwrap();
        for name in ["Ann", "Anna", "Annika"] {
            let csv = format!("uid,display_name,tracked\n1,{name},true\n");
            std::fs::write(org.join("users.csv"), csv).unwrap();
            place.apply_org(&org).await;
            let shown = place.csv("select user_name from internal.org_users").await;
            assert!(shown.ends_with(&format!("{name}\n")), "{shown}");
        }
        let version = activlake::models::stored_org::version(&place.setup)
            .await
            .unwrap();
        assert_eq!(version, 3);
    });
}

/// A day off that becomes known later touches that day and no other.
#[test]
fn a_day_off_makes_one_day_stale() {
    crate::place::block_on(async {
        let place = crate::place::Place::new(None, &[], "2026-03-29T00:00:00Z");
        let org = place.path().join("org");
        std::fs::create_dir_all(&org).unwrap();
        let users = "uid,display_name,tracked,logins\n1,Ann,true,corp\\ann\n";
        std::fs::write(org.join("users.csv"), users).unwrap();
        place.apply_org(&org).await;
        let events: String = (2..=13)
            .map(|day| {
                format!(
                    "{{\"utc_timestamp\":\"2026-03-{day:02}T09:00:00Z\",\"duration_sec\":600,\
                     \"user_name\":\"ann\",\"logon_domain\":\"corp\",\"computer_name\":\"pc\",\
                     \"executable\":\"w.exe\"}}\n"
                )
            })
            .collect();
        place.ingest_text("events.ndjson", &events).await;
        place.run().await;
        for day in ["04", "11"] {
            let file = org.join("time_off.csv");
            let mut text = std::fs::read_to_string(&file)
                .unwrap_or_else(|_| "employee,start_date,full_day,type,status\n".to_owned());
            text.push_str(&format!("1,2026-03-{day},true,Leave,approved\n"));
            std::fs::write(&file, text).unwrap();
            place.apply_org(&org).await;
            let report = place.run().await;
            let of = |name: &str| {
                let model = report
                    .models
                    .iter()
                    .find(|model| model.model == name)
                    .unwrap();
                (model.computed, model.written)
            };
            assert_eq!(of("int_user_days"), (1, 1), "{report:?}");
            assert!(of("int_offline_hours").0 <= 1, "{report:?}");
        }
        let days = place
            .csv("select local_date from daily_user_summary where time_off_day order by 1")
            .await;
        assert!(days.ends_with("2026-03-04\n2026-03-11\n"), "{days}");
    });
}
