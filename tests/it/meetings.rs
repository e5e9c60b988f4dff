//! Calendar entries of the normal form through `ingest` and `run`: what a load counts, and which days
//! a change touches.

use std::path::PathBuf;

use activlake::ingest::Summary;
use activlake::jobs::RunReport;

use crate::place::{Place, block_on};

const USERS: &str = "uid,display_name,emails,user_principal_names,employee_ids,tracked,logins,timezone\n\
    1,Ann,ann@corp.test,,,,corp\\ann,\n\
    2,Bob,bob@corp.test,,,false,corp\\bob,\n";

async fn place(set: &[(&str, &str)]) -> Place {
    let place = Place::new(None, set, "2026-03-09T00:00:00Z");
    let org = place.path().join("org");
    std::fs::create_dir_all(&org).unwrap();
    std::fs::write(org.join("users.csv"), USERS).unwrap();
    place.apply_org(&org).await;
    place
}

/// A minute of work at 09:00 of each of these days of March 2026.
fn events(days: std::ops::RangeInclusive<u32>) -> String {
    days.map(|day| {
        format!(
            "{{\"event_id\":\"e{day}\",\"utc_timestamp\":\"2026-03-{day:02}T09:00:00Z\",\
             \"duration_sec\":60,\"user_name\":\"ann\",\"logon_domain\":\"corp\",\
             \"computer_name\":\"pc\",\"executable\":\"w.exe\"}}\n"
        )
    })
    .collect()
}

/// An hour with somebody else at 13:00.
fn meeting(uid: i64, id: &str, day: u32) -> String {
    format!(
        "{{\"instance\":\"main\",\"uid\":{uid},\"event_id\":\"{id}\",\"title\":\"{id}\",\
         \"start\":\"2026-03-{day:02}T13:00:00Z\",\"end\":\"2026-03-{day:02}T14:00:00Z\",\
         \"attendees\":[{{\"email\":\"ann@corp.test\"}},{{\"email\":\"cid@other.test\"}}]}}\n"
    )
}

fn counts(summary: &Summary) -> Vec<(&str, [u64; 5])> {
    let files = summary.files.iter();
    files
        .map(|file| {
            let counts = [
                file.read,
                file.stored,
                file.superseded,
                file.refused,
                file.rejected,
            ];
            (file.kind.as_str(), counts)
        })
        .collect()
}

fn written(report: &RunReport, model: &str) -> u64 {
    let mut models = report.models.iter();
    models
        .find(|one| one.model == model)
        .unwrap_or_else(|| panic!("{model} did not run"))
        .written
}

#[test]
fn one_load_takes_events_and_meetings_in_batches_of_any_size() {
    let bad = meeting(1, "bad", 3).replace("\"uid\":1", "\"uid\":0");
    let lines = [
        meeting(1, "a", 3),
        meeting(2, "b", 3),
        bad,
        meeting(1, "a", 3),
        meeting(99, "c", 4),
        "\n".into(),
    ]
    .concat();
    let list = format!(
        "[{},{}]",
        meeting(1, "a", 3).trim_end(),
        meeting(1, "d", 4).trim_end()
    );
    let mut stored = Vec::new();
    for rows in ["1", "2", "1000"] {
        block_on(async {
            let place = place(&[("limits.ingest_batch_rows", rows)]).await;
            let files: Vec<PathBuf> = [
                ("1.ndjson", events(2..=6)),
                ("2.ndjson", lines.clone()),
                ("3.json", list.clone()),
            ]
            .map(|(name, text)| {
                let path = place.path().join(name);
                std::fs::write(&path, text).unwrap();
                path
            })
            .into();
            let wanted = [
                ("ndjson", [5, 5, 0, 0, 0]),
                ("meetings", [5, 2, 1, 1, 1]),
                ("meetings", [2, 1, 1, 0, 0]),
            ];
            let summary = place.ingest(&files).await;
            assert_eq!(counts(&summary), wanted, "{rows} rows a batch");
            let reasons: Vec<_> = summary.files[1].reasons.iter().collect();
            assert_eq!(reasons, [(&"bad_uid".to_owned(), &1)]);
            // Again, everything is there already.
            let again = place.ingest(&files).await;
            let stored_now: u64 = again.files.iter().map(|file| file.stored).sum();
            assert_eq!(stored_now, 0);
            place.run().await;
            stored.push(
                place
                    .csv("select * from internal.stg_meetings order by user_id, event_id")
                    .await,
            );
        });
    }
    assert_eq!(stored[0].lines().count(), 4);
    assert!(stored.iter().all(|text| *text == stored[0]));
}

#[test]
fn a_meeting_that_moves_touches_two_days() {
    block_on(async {
        let place = place(&[]).await;
        place.ingest_text("events.ndjson", &events(2..=8)).await;
        let first = [meeting(1, "a", 3), meeting(1, "b", 6)].concat();
        place.ingest_text("first.ndjson", &first).await;
        place.run().await;
        let hours = "select start_time, calendar_meetings from hourly_offline_meeting_summary \
                     order by start_time";
        assert_eq!(
            place.csv(hours).await,
            "start_time,calendar_meetings\n2026-03-03T13:00:00,a\n2026-03-06T13:00:00,b\n"
        );
        place
            .ingest_text("second.ndjson", &meeting(1, "a", 5))
            .await;
        let report = place.run().await;
        assert_eq!(written(&report, "int_offline_hours"), 2);
        assert_eq!(written(&report, "int_user_days"), 2);
        assert_eq!(written(&report, "int_activities"), 0);
        assert_eq!(
            place.csv(hours).await,
            "start_time,calendar_meetings\n2026-03-05T13:00:00,a\n2026-03-06T13:00:00,b\n"
        );
        // A cancellation, by nothing but the id, touches the day it was on.
        let gone = "{\"instance\":\"main\",\"uid\":1,\"event_id\":\"a\",\"status\":\"cancelled\"}";
        let summary = place.ingest_text("third.json", gone).await;
        assert_eq!(counts(&summary), [("meetings", [1, 1, 0, 0, 0])]);
        let report = place.run().await;
        assert_eq!(written(&report, "int_offline_hours"), 1);
        assert_eq!(
            place.csv(hours).await,
            "start_time,calendar_meetings\n2026-03-06T13:00:00,b\n"
        );
        assert!(place.run().await.wrote_nothing());
    });
}
