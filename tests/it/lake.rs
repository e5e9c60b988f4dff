//! What the stored tables promise: commits are whole and recognised, order and tags survive
//! compaction and checkpoints, plans need no sort.

use crate::place::{Place, block_on, repository};

const EVENT: &str = r#"{"event_id":"ID","utc_timestamp":"TIME","duration_sec":60,"active_state":"Active","user_name":"ann","computer_name":"pc","executable":"word.exe"}"#;

fn event(id: usize, time: &str) -> String {
    EVENT.replace("ID", &id.to_string()).replace("TIME", time)
}

fn day_of_events(date: &str, ids: std::ops::Range<usize>) -> String {
    ids.map(|id| {
        let minute = id % 60;
        let hour = 8 + (id / 60) % 10;
        event(id, &format!("{date}T{hour:02}:{minute:02}:00Z")) + "\n"
    })
    .collect()
}

#[test]
fn maintenance_changes_no_answer() {
    block_on(async {
        let place = Place::new(None, &[], "2026-03-20T00:00:00Z");
        for part in 0..5 {
            let text = day_of_events("2026-03-02", part * 20..part * 20 + 20)
                + &day_of_events("2026-03-03", 1000 + part * 20..1000 + part * 20 + 20);
            place.ingest_text(&format!("{part}.ndjson"), &text).await;
        }
        place.run().await;
        let before = place.all_views().await;
        let lake = &place.setup.lake;
        let raw = &activlake::lake::tables::EVENTS_RAW;
        assert_eq!(lake.snapshot(raw).await.unwrap().files.len(), 10);
        let session = place.setup.session();
        let options = activlake::lake::WriteOptions {
            row_group_rows: 1000,
            zstd_level: 1,
        };
        lake.compact(raw, &session, options).await.unwrap();
        let snapshot = lake.snapshot(raw).await.unwrap();
        assert_eq!(snapshot.files.len(), 2);
        assert_eq!(snapshot.rows(), 200);
        assert!(lake.vacuum(raw, 0).await.unwrap() >= 10);
        assert_eq!(lake.verify(raw).await.unwrap().faults, Vec::<String>::new());
        // The slices are looked at again, come out the same, and are known from then on.
        let report = place.run().await;
        assert!(report.wrote_nothing(), "{report:?}");
        assert!(report.models.iter().any(|model| model.computed > 0));
        let report = place.run().await;
        assert!(
            report.models.iter().all(|model| model.computed == 0),
            "{report:?}"
        );
        assert_eq!(before, place.all_views().await);
    });
}

#[test]
fn a_damaged_file_is_found() {
    block_on(async {
        let place = Place::new(None, &[], "2026-03-20T00:00:00Z");
        place
            .ingest_text("a.ndjson", &day_of_events("2026-03-02", 0..10))
            .await;
        let raw = &activlake::lake::tables::EVENTS_RAW;
        let snapshot = place.setup.lake.snapshot(raw).await.unwrap();
        let file = place
            .path()
            .join("lake/raw/events")
            .join(&snapshot.files[0].path);
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        let health = place.setup.lake.verify(raw).await.unwrap();
        assert_eq!(health.faults.len(), 1);
        std::fs::remove_file(&file).unwrap();
        let health = place.setup.lake.verify(raw).await.unwrap();
        assert_eq!(health.faults.len(), 1);
    });
}

#[test]
fn fingerprints_survive_a_checkpoint() {
    block_on(async {
        let place = Place::new(None, &[], "2026-03-20T00:00:00Z");
        place
            .ingest_text("a.ndjson", &day_of_events("2026-03-02", 0..10))
            .await;
        place.run().await;
        // Enough commits that the log is read from a checkpoint.
        for part in 0..25 {
            let text = event(10_000 + part, "2026-03-02T20:00:00Z");
            place.ingest_text("more.ndjson", &text).await;
            if part % 10 == 0 {
                place.run().await;
            }
        }
        place.run().await;
        let log = place.path().join("lake/raw/events/_delta_log");
        let checkpoints = std::fs::read_dir(log)
            .unwrap()
            .filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                name.to_string_lossy().contains("checkpoint.parquet")
            })
            .count();
        assert!(checkpoints > 0, "no checkpoint was written");
        let report = place.run().await;
        assert!(
            report.models.iter().all(|model| model.computed == 0),
            "{report:?}"
        );
        assert_eq!(
            place.csv("select count(*) as n from events").await,
            "n\n35\n"
        );
    });
}

#[test]
fn a_committed_batch_is_recognised() {
    use activlake::lake::{Change, Committed, FileWriter, WriteOptions, tables};
    use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
    use std::sync::Arc;
    block_on(async {
        let place = Place::new(None, &[], "2026-03-20T00:00:00Z");
        let lake = &place.setup.lake;
        let spec = &tables::CREDENTIALS;
        let batch = RecordBatch::try_new(
            Arc::clone(&spec.schema),
            vec![
                Arc::new(StringArray::from(vec!["a"])) as ArrayRef,
                Arc::new(StringArray::from(vec!["b"])),
                Arc::new(TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC")),
            ],
        )
        .unwrap();
        let change = async || {
            let options = WriteOptions {
                row_group_rows: 10,
                zstd_level: 1,
            };
            let mut file = FileWriter::create(lake, spec, None, options).unwrap();
            file.write(&batch).await.unwrap();
            Change {
                adds: vec![file.finish(None).await.unwrap()],
                transaction: Some(("load".into(), 7)),
                rows_change: true,
                ..Change::default()
            }
        };
        let base = lake.snapshot(spec).await.unwrap();
        let Committed::Done(first) = lake.commit(&base, change().await).await.unwrap() else {
            panic!("the first try goes through");
        };
        assert_eq!(first.rows(), 1);
        // The caller was told of a failure and tries again from what it knew.
        let known = lake.snapshot(spec).await.unwrap();
        assert_eq!(known.version, first.version);
        let again = lake.commit(&base, change().await).await.unwrap();
        assert!(
            matches!(again, Committed::AlreadyThere(_) | Committed::Raced(..)),
            "{again:?}"
        );
        assert_eq!(lake.snapshot(spec).await.unwrap().rows(), 1);
        assert_eq!(
            lake.seen_transaction(&first, "load").await.unwrap(),
            Some(7)
        );
    });
}

#[test]
fn reading_days_in_order_needs_no_sort() {
    block_on(async {
        let place = Place::new(None, &[("limits.threads", "2")], "2026-03-20T00:00:00Z");
        for (part, date) in ["2026-03-02", "2026-03-03", "2026-03-04"]
            .iter()
            .enumerate()
        {
            let text = day_of_events(date, part * 100..part * 100 + 50);
            place.ingest_text("a.ndjson", &text).await;
        }
        place.run().await;
        let plan = place
            .csv(
                "explain select user_id, start from internal.int_events_by_day \
                 where local_date between date '2026-03-02' and date '2026-03-03' \
                 order by user_id, start",
            )
            .await;
        assert!(plan.contains("DataSourceExec"), "{plan}");
        assert!(!plan.contains("SortExec"), "{plan}");
        assert!(!plan.contains("local_date=2026-03-04"), "{plan}");
    });
}

#[test]
fn a_local_day_of_events_bounds_what_is_read() {
    block_on(async {
        let place = Place::new(None, &[("limits.threads", "2")], "2026-03-20T00:00:00Z");
        for (part, date) in ["2026-03-02", "2026-03-07", "2026-03-12"]
            .iter()
            .enumerate()
        {
            let text = day_of_events(date, part * 100..part * 100 + 50);
            place.ingest_text("a.ndjson", &text).await;
        }
        let filters = [
            ("local_date = date '2026-03-07'", 1),
            (
                "local_date between date '2026-03-03' and date '2026-03-11'",
                1,
            ),
            (
                "local_date > date '2026-03-02' and local_date <= date '2026-03-12'",
                2,
            ),
            ("local_date < date '2026-03-07'", 1),
            (
                "not local_date between date '2026-03-03' and date '2026-03-11'",
                2,
            ),
            ("local_date >= date '2026-03-13'", 0),
        ];
        let query = |filter: &str| format!("select count(*) as n from events where {filter}");
        // Before a run, of what was loaded.
        for (filter, days) in filters {
            let plan = place.csv(&format!("explain {}", query(filter))).await;
            // The as-of instant is a bound of its own, with "<=".
            let bounded = ["raw_events_once.start >= ", "raw_events_once.start < "]
                .iter()
                .any(|bound| plan.contains(bound));
            assert_eq!(bounded, !filter.starts_with("not"), "{filter}: {plan}");
            let counted = place.csv(&query(filter)).await;
            assert_eq!(counted, format!("n\n{}\n", days * 50), "{filter}");
        }
        // After it, of stored days: no file of another is opened.
        place.run().await;
        for (filter, days) in filters {
            let plan = place.csv(&format!("explain {}", query(filter))).await;
            assert_eq!(plan.matches("part-").count(), days, "{filter}: {plan}");
            let counted = place.csv(&query(filter)).await;
            assert_eq!(counted, format!("n\n{}\n", days * 50), "{filter}");
        }
    });
}

#[test]
fn the_sql_folder_holds_no_query_that_the_library_misses() {
    let library = activlake::models::Library::load(None).unwrap();
    for folder in ["staging", "intermediate", "views", "operations"] {
        for entry in std::fs::read_dir(repository().join("sql").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(library.get(&name).is_some(), "{}", path.display());
        }
    }
}
