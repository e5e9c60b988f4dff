//! The view `events`: seen as soon as it is loaded, stored when a run was, and read without work that
//! nobody asked for.

use crate::place::{Place, block_on};

fn event(id: &str, start: &str, program: &str) -> String {
    format!(
        r#"{{"event_id":"{id}","utc_timestamp":"{start}","duration_sec":60,"user_name":"ann","computer_name":"PC-1","executable":"{program}"}}"#
    ) + "\n"
}

const SEEN: &str = "select event_id, duration_sec from internal.int_shown_events order by 1";

async fn events(place: &Place) -> String {
    let shown = place
        .csv("select executable, local_date, duration_sec from events order by utc_timestamp, executable")
        .await;
    shown.replace('\n', " ")
}

#[test]
fn what_is_loaded_is_seen_before_a_run_and_once() {
    block_on(async {
        let place = Place::new(None, &[], "2026-03-20T00:00:00Z");
        let header = "executable,local_date,duration_sec ";
        place
            .ingest_text("a.ndjson", &event("e1", "2026-03-02T09:00:00Z", "work.exe"))
            .await;
        let one = format!("{header}work.exe,2026-03-02,60 ");
        assert_eq!(events(&place).await, one);
        place.run().await;
        assert_eq!(events(&place).await, one);
        let stored = place.csv(&format!("explain {SEEN}")).await;
        assert!(!stored.contains("raw/events"), "{stored}");

        // One on the day that is stored, one on another, and the stored one anew: longer, and of another
        // program.
        let mut more = event("e2", "2026-03-02T10:00:00Z", "mail.exe");
        more += &event("e3", "2026-03-03T09:00:00Z", "mail.exe");
        more += &event("e1", "2026-03-02T09:00:00Z", "play.exe")
            .replace(":60,", r#":90,"upload_time":"2026-03-03T00:00:00Z","#);
        place.ingest_text("b.ndjson", &more).await;
        let three = format!(
            "{header}play.exe,2026-03-02,90 mail.exe,2026-03-02,60 mail.exe,2026-03-03,60 "
        );
        assert_eq!(events(&place).await, three);
        // Only the days that are not stored as they should be are computed.
        place
            .ingest_text("c.ndjson", &event("e4", "2026-03-12T09:00:00Z", "work.exe"))
            .await;
        place.run().await;
        place
            .ingest_text("d.ndjson", &event("e5", "2026-03-12T10:00:00Z", "work.exe"))
            .await;
        let plan = place.csv(&format!("explain {SEEN}")).await;
        assert!(plan.contains("utc_date=2026-03-12"), "{plan}");
        assert!(!plan.contains("utc_date=2026-03-02"), "{plan}");
        let five = format!("{three}work.exe,2026-03-12,60 work.exe,2026-03-12,60 ");
        assert_eq!(events(&place).await, five);
        place.run().await;
        assert_eq!(events(&place).await, five);
    });
}

#[test]
fn queries_do_not_join_what_nobody_asked_for() {
    block_on(async {
        let place = Place::new(None, &[], "2026-03-20T00:00:00Z");
        place
            .ingest_text("a.ndjson", &event("e1", "2026-03-02T09:00:00Z", "work.exe"))
            .await;
        place.run().await;
        let plan = |sql: &'static str| {
            let place = &place;
            async move { place.csv(&format!("explain {sql}")).await }
        };
        // Names are looked up for groups, not for events.
        let named =
            plan("select application_or_site, sum(duration_sec) from events group by 1").await;
        assert!(
            named.contains("__part") && named.matches("HashJoinExec").count() == 1,
            "{named}"
        );
        for sql in [
            "select user_id, local_date, count(*), max(local_datetime) from events group by 1, 2",
            "select user_id, duration_sec, computer_name from events where local_date = date '2026-03-02'",
            "select local_date, sum(total_duration_seconds) from daily_user_summary group by 1",
            "select application, sum(duration_seconds) from daily_application_summary group by 1",
        ] {
            let place = &place;
            let plan = place.csv(&format!("explain {sql}")).await;
            assert!(!plan.contains("Join"), "{sql}\n{plan}");
        }
    });
}
