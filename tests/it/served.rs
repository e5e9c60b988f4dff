//! What a server keeps between queries never shows, and a wrong model harms nobody but who asks for it.

use std::time::Duration;

use activlake::error::Class;
use activlake::models::World;

use crate::golden::built;
use crate::place::{Place, block_on, csv, repository};

const QUERIES: [&str; 4] = [
    "select user_id, count(*), sum(total_duration_seconds) from daily_user_summary group by user_id order by 1",
    "select local_date, max(productive_session_count) from daily_user_summary group by local_date order by 1",
    "select distinct local_date from daily_user_summary order by 1",
    "select count(*) from daily_application_summary where local_date = date '2026-03-02'",
];

async fn answers(reader: &activlake::models::Reader) -> Vec<String> {
    let mut out = Vec::new();
    for query in QUERIES {
        out.push(csv(reader, query).await);
    }
    out
}

#[test]
fn what_is_kept_does_not_show() {
    let case = repository().join("tests/slt/fixture");
    block_on(async {
        let expected = answers(&built(&case, &[]).await.reader().await).await;
        assert!(expected[0].lines().count() > 2, "{}", expected[0]);
        for (limit, keeps) in [("128MiB", true), ("20KiB", true), ("0", false)] {
            let place = built(&case, &[("limits.column_cache", limit)]).await;
            let server = place.server().await;
            for round in 0..3 {
                assert_eq!(answers(&server).await, expected, "{limit}, round {round}");
            }
            assert_eq!(place.setup.cache.bytes() > 0, keeps, "{limit}");
            let most = 20 * 1024;
            assert!(limit == "128MiB" || place.setup.cache.bytes() <= most);
        }
    });
}

/// Queries inside of queries, and the same without.
const NESTED: [(&str, &str); 6] = [
    (
        "select sum(of_day.apps) from daily_user_summary as days cross join lateral (
            select count(*) as apps from daily_application_summary as used
            where used.user_id = days.user_id and used.local_date = days.local_date
        ) as of_day",
        "select count(*) from daily_application_summary as used
        join daily_user_summary as days
            on used.user_id = days.user_id and used.local_date = days.local_date",
    ),
    (
        "select sum(apps) from (
            select (
                select count(*) from daily_application_summary as used
                where used.user_id = days.user_id and used.local_date = days.local_date
            ) as apps
            from daily_user_summary as days
        ) as counted",
        "select count(*) from daily_application_summary as used
        join daily_user_summary as days
            on used.user_id = days.user_id and used.local_date = days.local_date",
    ),
    (
        "select count(*) from daily_user_summary as days where exists (
            select 1 from daily_application_summary as used
            where used.user_id = days.user_id and used.local_date = days.local_date
        )",
        "select count(*) from (
            select distinct days.user_id, days.local_date from daily_application_summary as used
            join daily_user_summary as days
                on used.user_id = days.user_id and used.local_date = days.local_date
        ) as both",
    ),
    (
        "select count(*) from daily_user_summary where user_id in (
            select user_id from daily_application_summary where duration_seconds > 60
        )",
        "select count(*) from daily_user_summary as days
        join (
            select distinct user_id from daily_application_summary where duration_seconds > 60
        ) as long_users on days.user_id = long_users.user_id",
    ),
    (
        "select count(*) from daily_user_summary as days where total_duration_seconds >= (
            select avg(total_duration_seconds) from daily_user_summary as others
            where others.user_id = days.user_id
        )",
        "select count(*) from daily_user_summary as days
        join (
            select user_id, avg(total_duration_seconds) as mean
            from daily_user_summary group by user_id
        ) as means on days.user_id = means.user_id
        where days.total_duration_seconds >= means.mean",
    ),
    (
        "with ranked as (
            select user_id, row_number() over (
                partition by user_id order by total_duration_seconds desc, local_date
            ) as place from daily_user_summary
        )
        select count(*) from ranked where place = 1",
        "select count(distinct user_id) from daily_user_summary",
    ),
];

#[test]
fn queries_inside_of_queries_are_answered() {
    let case = repository().join("tests/slt/fixture");
    block_on(async {
        let place = built(&case, &[]).await;
        let server = place.server().await;
        let value = |text: String| text.lines().nth(1).unwrap().to_owned();
        for (nested, plain) in NESTED {
            let expected = value(csv(&server, plain).await);
            assert_ne!(expected, "0", "{plain}");
            assert_eq!(value(csv(&server, nested).await), expected, "{nested}");
        }
    });
}

#[test]
fn what_is_kept_is_not_kept_too_long() {
    let case = repository().join("tests/golden/late_event_and_rerun");
    block_on(async {
        let place = built(&case, &[]).await;
        let server = place.server().await;
        let before = Place::views_of(&server).await;
        assert!(place.setup.cache.bytes() > 0);
        place
            .ingest_text(
                "late.ndjson",
                r#"{"event_id": "z1", "utc_timestamp": "2026-03-02T15:00:00Z", "duration_sec": 60, "user_name": "ann", "logon_domain": "corp", "computer_name": "PC-A", "primary_domain": "corp.test", "executable": "late.exe"}"#,
            )
            .await;
        place.run().await;
        server.refresh().await.unwrap();
        let after = Place::views_of(&server).await;
        assert_eq!(after, public(&place, &after).await);
        assert_ne!(before, after);
    });
}

/// Reading a log takes one of the runtime's blocking threads and waits for reads that take another: many
/// who open the lake at once must leave some, or all stand still.
#[test]
fn many_at_once_do_not_stand_still() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(8)
        .enable_all()
        .build()
        .unwrap();
    let case = repository().join("tests/golden/late_event_and_rerun");
    runtime.block_on(async {
        let place = built(&case, &[]).await;
        let opening = (0..32).map(|_| {
            let setup = place.setup.clone();
            tokio::spawn(async move { World::open(&setup).await.map(drop) })
        });
        let all = futures::future::join_all(opening);
        let opened = tokio::time::timeout(Duration::from_secs(120), all).await;
        for world in opened.expect("nobody goes on") {
            world.unwrap().unwrap();
        }
    });
    // Threads that stand still would keep it.
    runtime.shutdown_background();
}

/// The same views as an operator sees them.
async fn public(place: &Place, of: &[(String, String)]) -> Vec<(String, String)> {
    let all = place.all_views().await;
    let shown = |name: &String| of.iter().any(|(other, _)| other == name);
    all.into_iter().filter(|(name, _)| shown(name)).collect()
}

#[test]
fn a_wrong_model_is_told_to_who_asks_for_it() {
    let models = tempfile::tempdir().unwrap();
    let folder = models.path().join("views");
    std::fs::create_dir(&folder).unwrap();
    for (name, sql) in [
        ("odd", "select no_such_column from users"),
        ("on_odd", "select * from odd"),
    ] {
        let about = "description = \"odd\"\nkind = \"view\"\naudience = \"public\"\n";
        std::fs::write(folder.join(format!("{name}.sql")), sql).unwrap();
        std::fs::write(folder.join(format!("{name}.toml")), about).unwrap();
    }
    block_on(async {
        let as_of = "2026-03-10T00:00:00Z";
        let place = Place::with_models(None, &[], as_of, Some(models.path()));
        for reader in [place.reader().await, place.server().await] {
            csv(&reader, "select * from users").await;
        }
        let reader = place.reader().await;
        for query in [
            "select * from internal.odd",
            "select * from internal.on_odd",
        ] {
            let Err(error) = reader.prepare(query).await else {
                panic!("{query} was planned");
            };
            assert_eq!(error.class(), Class::Model, "{error}");
            let text = error.to_string();
            assert!(text.contains("model 'odd'"), "{text}");
            assert!(text.contains("no_such_column"), "{text}");
        }
    });
}
