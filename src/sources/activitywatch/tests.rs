//! What comes out of whole exports and databases.

use super::super::testing::{Collected, options, read_bytes};
use super::super::{Host, Kind, Options, State};

/// Seconds after 2026-03-02T09:00:00Z, as ActivityWatch writes an instant.
fn at(second: f64) -> String {
    let micros = 1_772_442_000_000_000 + (second * 1e6) as i64;
    chrono::DateTime::from_timestamp_micros(micros)
        .unwrap()
        .to_rfc3339()
}

fn event(start: f64, seconds: f64, data: &str) -> String {
    format!(
        "{{\"id\":1,\"timestamp\":\"{}\",\"duration\":{seconds},\"data\":{data}}}",
        at(start)
    )
}

fn window(start: f64, seconds: f64, app: &str, title: &str) -> String {
    event(
        start,
        seconds,
        &format!("{{\"app\":\"{app}\",\"title\":\"{title}\"}}"),
    )
}

fn idle(start: f64, seconds: f64, status: &str) -> String {
    event(start, seconds, &format!("{{\"status\":\"{status}\"}}"))
}

fn tab(start: f64, seconds: f64, url: &str, incognito: bool) -> String {
    let data = format!("{{\"url\":\"{url}\",\"title\":\"t\",\"incognito\":{incognito}}}");
    event(start, seconds, &data)
}

fn bucket(id: &str, bucket_type: &str, host: &str, events: &[String]) -> String {
    format!(
        "\"{id}\":{{\"id\":\"{id}\",\"created\":\"x\",\"name\":null,\"type\":\"{bucket_type}\",\
         \"client\":\"aw-client\",\"hostname\":\"{host}\",\"data\":{{}},\"events\":[{}]}}",
        events.join(",")
    )
}

fn export(buckets: &[String]) -> String {
    format!("{{\"buckets\":{{{}}}}}", buckets.join(","))
}

fn windows(events: &[String]) -> String {
    bucket("aw-watcher-window_pc", "currentwindow", "pc", events)
}

fn idles(events: &[String]) -> String {
    bucket("aw-watcher-afk_pc", "afkstatus", "pc", events)
}

fn read(buckets: &[String]) -> Collected {
    read_with(buckets, &options())
}

fn read_with(buckets: &[String], options: &Options) -> Collected {
    let text = export(buckets);
    let got = read_bytes(Kind::ActivityWatchJson, "t.json", text.as_bytes(), options);
    assert_eq!(got.error, None);
    got
}

/// (start second, seconds, state, title or URL) of each record.
fn pieces(got: &Collected) -> Vec<(i64, i64, State, String)> {
    let of = |record: &super::super::Record<'_>| {
        let shown = record.full_url.as_deref().or(record.titlebar.as_deref());
        (
            record.start.div_euclid(1_000_000) - 1_772_442_000,
            record.duration_sec,
            record.state,
            shown.unwrap_or("-").to_owned(),
        )
    };
    got.records.iter().map(of).collect()
}

fn piece(start: i64, seconds: i64, state: State, shown: &str) -> (i64, i64, State, String) {
    (start, seconds, state, shown.to_owned())
}

use State::{Active, Passive, PassiveLocked};

#[test]
fn without_an_idle_bucket_all_is_active() {
    let got = read(&[windows(&[window(0.0, 60.0, "w.exe", "a")])]);
    assert_eq!(pieces(&got), [piece(0, 60, Active, "a")]);
    let record = &got.records[0];
    assert_eq!(record.user_name, "aw-pc");
    assert_eq!(record.computer_name, "pc");
    assert_eq!(record.executable.as_deref(), Some("w.exe"));
    assert_eq!(record.event_id, "aw:pc:1772442000000000");
    assert!(record.event_id_given);
    assert!(got.retracted.is_empty());
}

#[test]
fn holes_are_flooded_and_equal_neighbours_merge_before_rounding() {
    let got = read(&[windows(&[
        window(0.0, 10.4, "w", "a"),
        window(12.0, 3.0, "w", "a"),
        window(19.9, 5.0, "w", "b"),
        window(40.0, 5.0, "w", "b"),
    ])]);
    assert_eq!(
        pieces(&got),
        [
            piece(0, 19, Active, "a"),
            piece(19, 5, Active, "b"),
            piece(40, 5, Active, "b")
        ]
    );
    assert_eq!(got.records[1].start % 1_000_000, 900_000);
}

#[test]
fn rounding_loses_no_time() {
    // Ninety pieces of 0.7 s that touch: 63 s in all, however they fall.
    let rows: Vec<String> = (0..90)
        .map(|n| window(f64::from(n) * 0.7, 0.7, "w", &n.to_string()))
        .collect();
    let got = read(&[windows(&rows)]);
    let total: i64 = got.records.iter().map(|record| record.duration_sec).sum();
    assert_eq!(total, 63);
    for pair in got.records.windows(2) {
        let end = pair[0].start.div_euclid(1_000_000) + pair[0].duration_sec;
        assert!(end <= pair[1].start.div_euclid(1_000_000));
    }
}

#[test]
fn idle_rows_that_overlap_are_a_union() {
    let got = read(&[
        windows(&[window(0.0, 1000.0, "w", "a")]),
        idles(&[
            idle(0.0, 100.0, "not-afk"),
            idle(50.0, 100.0, "not-afk"),
            idle(60.0, 10.0, "not-afk"),
            idle(120.0, 300.0, "afk"),
            idle(500.0, 100.0, "not-afk"),
        ]),
    ]);
    assert_eq!(
        pieces(&got),
        [
            piece(0, 150, Active, "a"),
            piece(150, 350, Passive, "a"),
            piece(500, 100, Active, "a"),
            piece(600, 400, Passive, "a"),
        ]
    );
    assert_eq!(got.records[1].passive_type_id, Some(1));
}

#[test]
fn an_empty_idle_bucket_means_nobody_was_there() {
    let got = read(&[windows(&[window(0.0, 60.0, "w", "a")]), idles(&[])]);
    assert_eq!(pieces(&got), [piece(0, 60, Passive, "a")]);
}

#[test]
fn tabs_give_the_url_while_their_browser_is_in_front() {
    let got = read(&[
        windows(&[
            window(0.0, 100.0, "chrome.exe", "page"),
            window(100.0, 50.0, "w", "doc"),
            window(150.0, 50.0, "firefox.exe", "fox"),
        ]),
        bucket(
            "aw-watcher-web-chrome",
            "web.tab.current",
            "unknown",
            &[
                tab(10.0, 30.0, "https://a.example/", false),
                tab(60.0, 20.0, "https://secret.example/", true),
                tab(90.0, 100.0, "https://b.example/", false),
            ],
        ),
    ]);
    assert_eq!(
        pieces(&got),
        [
            piece(0, 10, Active, "page"),
            piece(10, 30, Active, "https://a.example/"),
            piece(40, 20, Active, "page"),
            piece(60, 20, Active, "-"),
            piece(80, 10, Active, "page"),
            piece(90, 10, Active, "https://b.example/"),
            piece(100, 50, Active, "doc"),
            piece(150, 50, Active, "fox"),
        ]
    );
}

#[test]
fn lock_screens_lock() {
    let got = read(&[
        windows(&[window(0.0, 100.0, "LockApp.exe", "Lock")]),
        idles(&[idle(0.0, 50.0, "not-afk")]),
    ]);
    assert_eq!(pieces(&got), [piece(0, 100, PassiveLocked, "Lock")]);
    assert_eq!(got.records[0].passive_type_id, Some(2));
}

#[test]
fn long_rows_are_split() {
    let got = read(&[windows(&[window(0.0, 200_000.5, "w", "a")])]);
    let seconds: Vec<i64> = got
        .records
        .iter()
        .map(|record| record.duration_sec)
        .collect();
    assert_eq!(seconds, [86_400, 86_400, 27_200]);
}

#[test]
fn hosts_have_logins_from_day_to_day() {
    let mut options = options();
    let host = |user: &str, valid_from, valid_to| Host {
        hostname: "PC".into(),
        user_name: user.into(),
        logon_domain: Some("corp".into()),
        valid_from,
        valid_to,
    };
    let day = 20_514; // 2026-03-02
    options.hosts = vec![
        host("old", None, Some(day)),
        host("ann", Some(day), Some(day + 1)),
        host("new", Some(day + 1), None),
    ];
    let got = read_with(
        &[windows(&[
            window(0.0, 60.0, "w", "a"),
            window(86_400.0, 60.0, "w", "a"),
        ])],
        &options,
    );
    let users: Vec<_> = got
        .records
        .iter()
        .map(|record| &*record.user_name)
        .collect();
    assert_eq!(users, ["ann", "new"]);
    assert_eq!(got.records[0].logon_domain.as_deref(), Some("corp"));
}

/// The records that a lake would hold after loading these exports in turn.
fn lake(exports: &[&Collected]) -> Vec<(i64, i64, State)> {
    let mut stored = std::collections::BTreeMap::new();
    for got in exports {
        for record in &got.records {
            let new = (
                record.upload_time,
                (record.start, record.duration_sec, record.state),
            );
            let slot = stored.entry(record.event_id.to_string()).or_insert(new);
            if new.0 >= slot.0 {
                *slot = new;
            }
        }
        for id in &got.retracted {
            stored.remove(id);
        }
    }
    let mut rows: Vec<_> = stored.into_values().map(|(_, row)| row).collect();
    rows.sort();
    rows
}

#[test]
fn a_longer_export_adds_only_what_is_new() {
    let all = |windows_to: f64, here_to: f64, more: bool| {
        let mut rows = vec![
            window(0.0, 100.0, "w", "a"),
            window(100.0, windows_to - 100.0, "w", "b"),
        ];
        if more {
            rows.push(window(windows_to, 500.0, "w", "c"));
        }
        read(&[windows(&rows), idles(&[idle(0.0, here_to, "not-afk")])])
    };
    let full = all(400.0, 600.0, true);
    assert_eq!(pieces(&full).len(), 4);
    // Cut off anywhere, with the idle watcher behind, level or in the middle of a window.
    for (windows_to, here_to) in [
        (150.0, 150.0),
        (200.0, 120.0),
        (300.0, 90.0),
        (160.0, 159.0),
    ] {
        let early = all(windows_to, here_to, false);
        assert_eq!(
            lake(&[&early, &full]),
            lake(&[&full]),
            "{windows_to} {here_to}"
        );
        assert_eq!(lake(&[&full, &full]), lake(&[&full]));
    }
    // The same state goes on: the tail of the first export has no successor and is retracted.
    let early = all(200.0, 120.0, false);
    let later = all(300.0, 300.0, false);
    assert!(!later.retracted.is_empty());
    assert_eq!(lake(&[&early, &later]), lake(&[&later]));
}

#[test]
fn an_older_export_loaded_later_changes_nothing_known() {
    let export = |seconds: f64| {
        read(&[windows(&[
            window(0.0, 100.0, "w", "a"),
            window(100.0, seconds, "w", "b"),
        ])])
    };
    let (early, full) = (export(50.0), export(900.0));
    assert_eq!(lake(&[&full, &early]), lake(&[&full]));
}

#[test]
fn bad_events_are_rejected_and_others_stay() {
    let got = read(&[
        windows(&[
            window(0.0, 60.0, "w", "a"),
            event(60.0, 1.0, "{\"title\":\"no app\"}"),
            event(61.0, -1.0, "{\"app\":\"w\"}"),
            event(62.0, 1e12, "{\"app\":\"w\"}"),
            event(63.0, 1.0, "null"),
            event(64.0, 1.0, "{\"app\":\"a\\u0000b\"}"),
            "{\"timestamp\":\"yesterday\",\"duration\":1,\"data\":{}}".to_owned(),
            "{\"duration\":1,\"data\":{}}".to_owned(),
            "{\"timestamp\":5,\"duration\":\"1\",\"data\":{}}".to_owned(),
            "17".to_owned(),
            event(40_000_000.0, 1.0, "{\"app\":\"w\"}"),
        ]),
        idles(&[idle(0.0, 60.0, "gone")]),
        bucket("x", "app.editor.activity", "pc", &[]),
    ]);
    let mut reasons: Vec<_> = got
        .rejects
        .iter()
        .map(|reject| (reject.line, reject.field.as_str(), reject.reason))
        .collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [
            (2, "app", "missing"),
            (3, "duration", "negative"),
            (4, "duration", "too_long"),
            (5, "data", "missing"),
            (6, "app", "nul_byte"),
            (7, "timestamp", "bad_time"),
            (8, "timestamp", "missing"),
            (9, "timestamp", "bad_type"),
            (10, "", "not_an_object"),
            (11, "timestamp", "future"),
            (12, "status", "bad_state"),
        ]
    );
    assert_eq!(
        got.notes,
        [("unknown_field", "app.editor.activity".to_owned())]
    );
}

#[test]
fn other_shapes_of_the_document() {
    let raw = |text: &str| {
        read_bytes(
            Kind::ActivityWatchJson,
            "t.json",
            text.as_bytes(),
            &options(),
        )
    };
    let events = window(0.0, 60.0, "w", "a");
    let single = format!(
        "\u{feff}{{\"events\":[{events}],\"hostname\":\"pc\",\"client\":\"c\",\"type\":\"currentwindow\",\"id\":\"b\"}}"
    );
    assert_eq!(pieces(&raw(&single)), [piece(0, 60, Active, "a")]);
    let list = format!("[{}]", single.trim_start_matches('\u{feff}'));
    assert_eq!(pieces(&raw(&list)).len(), 1);
    assert_eq!(raw("{\"buckets\":{}}").error, None);
    assert!(raw("{\"a\":1}").error.unwrap().contains("no buckets"));
    assert!(raw("17").error.unwrap().contains("no ActivityWatch export"));
    let no_host = single.replace("\"pc\"", "\"\"");
    assert_eq!(raw(&no_host).rejects[0].reason, "no_hostname");
    // Cut short: all or nothing, for the idle bucket may be what is missing.
    let whole = export(&[windows(&[events.clone(), window(60.0, 60.0, "w", "b")])]);
    let cut = &whole[..whole.len() - 40];
    let got = raw(cut);
    assert_eq!(
        got.error.as_deref().map(|e| e.contains("after row 1")),
        Some(true)
    );
    assert_eq!(got.records, []);
}

#[test]
fn an_event_too_large_ends_the_file_and_not_the_memory() {
    let mut options = options();
    options.max_row_bytes = 10_000;
    let huge = windows(&[
        window(0.0, 60.0, "w", "a"),
        window(60.0, 1.0, "w", &"x".repeat(500_000)),
    ]);
    let got = read_bytes(
        Kind::ActivityWatchJson,
        "t.json",
        export(&[huge]).as_bytes(),
        &options,
    );
    assert!(got.error.unwrap().contains("larger than a row may be"));
}

mod databases {
    use super::*;
    use rusqlite::{Connection, params};

    fn read_db(build: impl Fn(&Connection)) -> Collected {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.db");
        let db = Connection::open(&path).unwrap();
        build(&db);
        db.close().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        read_bytes(Kind::ActivityWatchSqlite, "s.db", &bytes, &options())
    }

    #[test]
    fn of_the_python_server() {
        let got = read_db(|db| {
            db.execute_batch(
                "create table bucketmodel (key integer primary key, id text, created text,
                     name text, type text, client text, hostname text, datastr text);
                 create table eventmodel (id integer primary key, bucket_id integer,
                     timestamp text, duration decimal(10,5), datastr text);
                 insert into bucketmodel values
                     (1, 'aw-watcher-window_pc', '', null, 'currentwindow', 'c', 'pc', '{}'),
                     (2, 'aw-watcher-afk_pc', '', null, 'afkstatus', 'c', 'pc', null);
                 insert into eventmodel (bucket_id, timestamp, duration, datastr) values
                     (1, '2026-03-02 09:01:00+00:00', 60, '{\"app\":\"w\",\"title\":\"b\"}'),
                     (1, '2026-03-02 09:00:00.500000+00:00', 59.5, '{\"app\":\"w\",\"title\":\"a\"}'),
                     (2, '2026-03-02 09:00:00+00:00', '120', '{\"status\":\"not-afk\"}'),
                     (1, '2026-03-02 09:05:00+00:00', 1, 'no json'),
                     (1, null, 1, '{}');",
            )
            .unwrap();
        });
        assert_eq!(got.error, None);
        assert_eq!(
            pieces(&got),
            [piece(0, 60, Active, "a"), piece(60, 60, Active, "b")]
        );
        let reasons: Vec<_> = got.rejects.iter().map(|r| (r.line, r.reason)).collect();
        assert_eq!(reasons, [(4, "bad_json"), (5, "missing")]);
    }

    #[test]
    fn of_the_servers_with_ticks() {
        for (per_second, key, data) in [
            (
                1_000_000_000i64,
                "id integer primary key, name text",
                "data",
            ),
            (1_000_000, "rowid integer primary key, id text", "datastr"),
        ] {
            let got = read_db(|db| {
                db.execute_batch(&format!(
                    "create table buckets ({key}, type text, client text, hostname text);
                     insert into buckets values (1, 'w', 'currentwindow', 'c', 'pc');
                     create table events (id integer primary key, bucketrow integer,
                         starttime integer, endtime integer, {data} text);"
                ))
                .unwrap();
                let start = 1_772_442_000 * per_second;
                db.execute(
                    "insert into events values (1, 1, ?1, ?2, '{\"app\":\"w\",\"title\":\"a\"}')",
                    params![start, start + 60 * per_second],
                )
                .unwrap();
            });
            assert_eq!(got.error, None);
            assert_eq!(pieces(&got), [piece(0, 60, Active, "a")], "{data}");
        }
    }

    #[test]
    fn of_somebody_else() {
        let got = read_db(|db| db.execute_batch("create table t (a)").unwrap());
        assert!(
            got.error
                .unwrap()
                .contains("not that of an ActivityWatch server")
        );
        let broken = [b"SQLite format 3\0".as_slice(), &[7; 200]].concat();
        let got = read_bytes(Kind::ActivityWatchSqlite, "s.db", &broken, &options());
        assert!(got.error.unwrap().contains("damaged"));
    }
}
