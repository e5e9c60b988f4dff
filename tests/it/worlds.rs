//! Random worlds: the program's views against the second implementation's, every column of every row.
//!
//! `ACTIVLAKE_WORLDS` is how many worlds (islands of a few people) are made, many in one lake;
//! `ACTIVLAKE_WORLDS_SEED` makes the one lake of a reported seed again, `ACTIVLAKE_WORLDS_PERSON` keeps the
//! records of one `uid` of it, and `ACTIVLAKE_WORLDS_TRIES` is how often records are taken out to make a
//! failing lake smaller (`ACTIVLAKE_WORLDS_ABOUT`: only differences with this text count). `ACTIVLAKE_WORLDS_MEETINGS=1` adds qualified meetings.

mod inputs;
mod made;
mod people;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::oracle::{Cell, Derived, Row, Shipped, World, compute, table};
use crate::place::{Place, block_on, repository};

/// Qualified meetings are part of the worlds.
const MEETINGS: bool = true;
const ISLANDS_PER_LAKE: usize = 25;

type Named = BTreeMap<String, Cell>;

struct View {
    name: &'static str,
    rows: Vec<Row>,
    key: &'static [&'static str],
    /// Columns that another test holds, or that are ids made by hashing.
    left_out: &'static [&'static str],
}

fn named(text: &str) -> Vec<Named> {
    let mut rows = table(text).into_iter();
    let header: Vec<String> = rows.next().unwrap().into_iter().flatten().collect();
    rows.map(|row| header.iter().cloned().zip(row).collect())
        .collect()
}

/// Fractions of a second without trailing zeros.
fn plain(column: &str, cell: Cell) -> Cell {
    let timed = ["datetime", "time", "timestamp", "start"];
    if !timed.iter().any(|end| column.ends_with(end)) {
        return cell;
    }
    cell.map(|text| {
        let (bare, zone) = match text.strip_suffix('Z') {
            Some(bare) => (bare, "Z"),
            None => (text.as_str(), ""),
        };
        let bare = match bare.split_once('.') {
            Some((whole, fraction)) if fraction.trim_end_matches('0').is_empty() => {
                whole.to_owned()
            }
            Some((whole, fraction)) => format!("{whole}.{}", fraction.trim_end_matches('0')),
            None => bare.to_owned(),
        };
        bare + zone
    })
}

/// Columns that the program leaves NULL for now.
fn pending(view: &str) -> Vec<String> {
    let path = repository().join("sql/views").join(format!("{view}.toml"));
    let described: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let names = described.get("pending").and_then(toml::Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

/// Differences of one view, as text; none when all rows agree.
fn differences(view: &View, theirs: Vec<Named>) -> Vec<String> {
    let pending = pending(view.name);
    let mut out = Vec::new();
    let mut columns: BTreeSet<String> = BTreeSet::new();
    for row in &view.rows {
        columns.extend(row.keys().map(|name| (*name).to_owned()));
    }
    if let Some(row) = theirs.first() {
        let shown: BTreeSet<String> = row
            .keys()
            .filter(|name| !view.left_out.contains(&name.as_str()))
            .cloned()
            .collect();
        if !view.rows.is_empty() && shown != columns {
            let odd: Vec<_> = shown.symmetric_difference(&columns).collect();
            out.push(format!("{}: columns on one side only: {odd:?}", view.name));
        }
        if view.rows.is_empty() {
            columns = shown;
        }
    }
    columns.retain(|name| !pending.contains(name));
    let cells = |get: &dyn Fn(&str) -> Cell| -> Vec<Cell> {
        columns.iter().map(|name| plain(name, get(name))).collect()
    };
    let mut balance: HashMap<Vec<Cell>, i64> = HashMap::new();
    for row in &view.rows {
        let row = cells(&|name| row.get(name).cloned().flatten());
        *balance.entry(row).or_default() += 1;
    }
    for row in &theirs {
        let row = cells(&|name| row.get(name).cloned().flatten());
        *balance.entry(row).or_default() -= 1;
    }
    // What is left, side by side under its key: expected, got.
    let mut left: BTreeMap<Vec<Cell>, [Vec<Vec<Cell>>; 2]> = BTreeMap::new();
    for (row, count) in balance.into_iter().filter(|(_, count)| *count != 0) {
        let key = columns
            .iter()
            .zip(&row)
            .filter(|(name, _)| view.key.contains(&name.as_str()))
            .map(|(_, cell)| cell.clone())
            .collect();
        let side = usize::from(count < 0);
        left.entry(key).or_default()[side].push(row);
    }
    for [expected, got] in left.into_values() {
        let title = |row: &Vec<Cell>| {
            let mut text = view.name.to_owned();
            for (name, cell) in columns.iter().zip(row) {
                if view.key.contains(&name.as_str()) {
                    text += &format!(" {name}={}", cell.as_deref().unwrap_or("NULL"));
                }
            }
            text
        };
        for index in 0..expected.len().max(got.len()) {
            match (expected.get(index), got.get(index)) {
                (Some(row), Some(other)) => {
                    let mut text = title(row);
                    for ((name, cell), other) in columns.iter().zip(row).zip(other) {
                        if cell != other {
                            text += &format!("\n    {name}: expected {cell:?}, got {other:?}");
                        }
                    }
                    out.push(text);
                }
                (Some(row), None) => out.push(format!("{}\n    expected, not there", title(row))),
                (None, Some(row)) => out.push(format!("{}\n    there, not expected", title(row))),
                (None, None) => {}
            }
        }
    }
    out
}

/// Runs the program over a world and gives the differences.
async fn hold(world: &World, shipped: &Shipped) -> Vec<String> {
    let settings = inputs::settings(world);
    let set: Vec<(&str, &str)> = settings
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    let as_of = inputs::rfc3339(world.settings.as_of);
    let models = tempfile::tempdir().unwrap();
    let place = if world.meetings.is_empty() {
        Place::new(None, &set, &as_of)
    } else {
        inputs::write_meetings(world, models.path());
        Place::with_models(None, &set, &as_of, Some(models.path()))
    };
    let org = place.path().join("org");
    std::fs::create_dir(&org).unwrap();
    inputs::write_org(world, &org);
    if world.org_before_records {
        place.apply_org(&org).await;
    }
    place
        .ingest_text("records.ndjson", &inputs::lines(world))
        .await;
    if !world.org_before_records {
        place.apply_org(&org).await;
    }
    place.run().await;
    let reader = place.reader().await;
    let mut texts = HashMap::new();
    for view in [
        "events",
        "activities",
        "daily_user_summary",
        "daily_application_summary",
        "daily_group_benchmarks",
        "hourly_offline_meeting_summary",
    ] {
        let text = crate::place::csv(&reader, &format!("select * from {view}")).await;
        texts.insert(view, named(&text));
    }
    // Ids made by hashing are the program's to choose; who has which is read from `events`.
    let mut derived = Derived::default();
    for row in &texts["events"] {
        let lower = |name: &str| row[name].clone().unwrap_or_default().to_lowercase();
        let id = |name: &str| row[name].as_deref().unwrap().parse().unwrap();
        derived
            .users
            .insert((lower("logon_domain"), lower("username")), id("user_id"));
        derived.computers.insert(
            (lower("computer_name"), lower("primary_domain")),
            id("computer_id"),
        );
    }
    // Those who only have records that are not shown yet.
    for (index, record) in world.records.iter().enumerate() {
        let hidden = -1 - index as i64;
        derived
            .users
            .entry((record.domain.clone(), record.login.clone()))
            .or_insert(hidden);
        derived
            .computers
            .entry((record.computer.clone(), record.primary_domain.clone()))
            .or_insert(hidden);
    }
    let mine = compute(world, shipped, &derived);
    let about = std::env::var("ACTIVLAKE_WORLDS_ABOUT");
    let views = [
        View {
            name: "events",
            rows: mine.events,
            key: &["user_id", "computer_id", "utc_timestamp", "duration_sec"],
            left_out: &[
                "alarm_action",
                "alarm_email_action",
                "alarm_name",
                "alarm_popup_action",
                "alarm_screenshot_action",
                "alarm_terminate_action",
                "alarm_webhook_action",
                "alarms_triggered",
                "computer_name",
                "dataset_version",
                "device_ip",
                "logon_domain",
                "primary_domain",
                "user",
            ],
        },
        View {
            name: "activities",
            rows: mine.activities,
            key: &["user_id", "event_id", "local_date"],
            left_out: &["agent_id"],
        },
        View {
            name: "daily_user_summary",
            rows: mine.user_days,
            key: &["user_id", "local_date"],
            left_out: &[],
        },
        View {
            name: "daily_application_summary",
            rows: mine.application_days,
            key: &[
                "user_id",
                "local_date",
                "computer_id",
                "activity_type",
                "application_or_site",
                "passive_type_id",
                "category",
            ],
            left_out: &[],
        },
        View {
            name: "daily_group_benchmarks",
            rows: mine.benchmarks,
            key: &["activity_date", "group_id"],
            left_out: &[],
        },
        View {
            name: "hourly_offline_meeting_summary",
            rows: mine.meeting_hours,
            key: &["user_id", "start_time"],
            left_out: &["row_id"],
        },
    ];
    views
        .iter()
        .flat_map(|view| differences(view, texts.remove(view.name).unwrap()))
        .filter(|text| about.as_ref().is_err() || text.contains(about.as_deref().unwrap_or("")))
        .collect()
}

/// Takes records out as long as views still differ, within a number of tries.
fn smaller(world: &World, shipped: &Shipped, tries: usize) -> (World, Vec<String>) {
    let mut world = world.clone();
    let mut found = block_on(hold(&world, shipped));
    let mut left = tries;
    let mut size = world.records.len().div_ceil(2);
    while size > 0 && left > 0 {
        let mut at = 0;
        while at < world.records.len() && left > 0 {
            let mut fewer = world.clone();
            fewer
                .records
                .drain(at..(at + size).min(world.records.len()));
            left -= 1;
            let differences = block_on(hold(&fewer, shipped));
            if differences.is_empty() {
                at += size;
            } else {
                world = fewer;
                found = differences;
            }
        }
        size /= 2;
    }
    (world, found)
}

fn told(world: &World, seed: u64, found: &[String]) -> String {
    let mut text = format!("{} differences, seed {seed}:\n", found.len());
    for line in found.iter().take(12) {
        text += &format!("  {line}\n");
    }
    if world.records.len() <= 100 {
        text += &format!("{:?}\n{}", world.settings, inputs::lines(world));
        for meeting in &world.meetings {
            let login = format!("u{}", meeting.uid);
            if world
                .records
                .iter()
                .any(|record| record.login.starts_with(&login))
            {
                text += &format!("{meeting:?}\n");
            }
        }
    }
    text
}

fn islands(seed: u64, count: usize) -> Vec<u64> {
    (0..count as u64)
        .map(|index| {
            seed.wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(index * 0x9e37_79b9)
        })
        .collect()
}

#[test]
fn the_second_implementation_agrees() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let shipped = Shipped::read(&repository().join("data"));
    let per_lake = number("ACTIVLAKE_WORLDS_PER_LAKE").map_or(ISLANDS_PER_LAKE, |n| n as usize);
    let with_meetings = MEETINGS || number("ACTIVLAKE_WORLDS_MEETINGS") == Some(1);
    let check = |seed: u64| -> Result<(), String> {
        let mut world = made::lake(seed, &islands(seed, per_lake), with_meetings);
        if let Some(uid) = number("ACTIVLAKE_WORLDS_PERSON") {
            let login = format!("u{uid}");
            world
                .records
                .retain(|record| record.login.starts_with(&login) || record.login == "keeper");
        }
        let found = block_on(hold(&world, &shipped));
        if found.is_empty() {
            return Ok(());
        }
        let tries = number("ACTIVLAKE_WORLDS_TRIES").unwrap_or(0) as usize;
        if tries == 0 {
            return Err(told(&world, seed, &found));
        }
        let (world, found) = smaller(&world, &shipped, tries);
        Err(told(&world, seed, &found))
    };
    if let Some(seed) = number("ACTIVLAKE_WORLDS_SEED") {
        check(seed).unwrap_or_else(|told| panic!("{told}"));
        return;
    }
    let lakes = number("ACTIVLAKE_WORLDS")
        .unwrap_or(500)
        .div_ceil(per_lake as u64);
    let mut runner = TestRunner::new(Config {
        cases: lakes as u32,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&any::<u64>().no_shrink(), |seed| {
            check(seed).map_err(TestCaseError::fail)
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
