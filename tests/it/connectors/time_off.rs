//! Time off from calendars: off by default, marked, and never beside a record of the file.

use std::sync::Arc;

use super::company::Company;
use super::syncs::truth;
use crate::simulator::{Event, Maker};
use activlake::sources::meeting::{EventKind, ShowAs};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_of_office_becomes_time_off_where_it_is_asked_for() {
    for maker in [Maker::Google, Maker::Graph] {
        let mut company = Company::new(maker, truth()).await;
        company.sim.truth(|truth| {
            let away = |id: &str, from: &str, to: &str| {
                let event = Event::new(id).all_day(from, to).title("Beach");
                match maker {
                    Maker::Google => event.of_kind(EventKind::OutOfOffice),
                    Maker::Graph => event.shown_as(ShowAs::OutOfOffice),
                }
            };
            // A Monday to Wednesday twice over, and two days of which one is in the file.
            truth.add("bob", away("away", "2026-03-02", "2026-03-05"));
            truth.add("bob", away("again", "2026-03-03", "2026-03-04"));
            truth.add("cid", away("filed", "2026-03-02", "2026-03-04"));
        });
        let org = company.place.path().join("org");
        std::fs::write(
            org.join("time_off.csv"),
            "employee,start_date,end_date,hours_per_day,full_day,type,status\n\
             3,2026-03-03,,2,,Doctor,approved\n",
        )
        .unwrap();
        company.place.apply_org(&org).await;
        let sql = "select user_id, local_date, time_off_type, time_off_duration_seconds \
                   from daily_user_summary where time_off_day order by 1, 2";
        let filed = "3,2026-03-03,Doctor,7200\n";

        company.sync().await;
        company.place.run().await;
        let days = company.place.csv(sql).await;
        assert_eq!(rows(&days), filed, "{maker:?}: off by default");

        company.integration.sync.time_off = true;
        let mut settings = (*company.place.setup.settings).clone();
        settings.integrations = vec![company.integration.clone()];
        company.place.setup.settings = Arc::new(settings);
        company.place.run().await;
        let days = company.place.csv(sql).await;
        let wanted: String = ["02", "03", "04"]
            .iter()
            .map(|day| format!("2,2026-03-{day},Calendar: out of office,25200\n"))
            .collect();
        assert_eq!(rows(&days), wanted + filed, "{maker:?}");
    }
}

fn rows(csv: &str) -> String {
    csv.split_once('\n').map_or("", |(_, rows)| rows).to_owned()
}
