//! The analysis of a day as pure SQL, without any function of ours (`benches/peers/datafusion_analysis.sql`,
//! the same text that the benchmark runs), next to `day_analysis`: the same numbers over random days.

use std::sync::Arc;

use datafusion::arrow::array::{
    BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::place::{block_on, repository};

/// Days of a case, and the most activities that one has.
const DAYS: usize = 60;
const ACTIVITIES_MAX: u64 = 60;

/// Numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % end
    }

    fn of<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len() as u64) as usize]
    }
}

/// Rows in no order, around every edge of the rules: 60 s bridges and windows, 180 s of residue, 300 s of a
/// break, 14400 s of absence.
fn activities(seed: u64) -> RecordBatch {
    let mut dice = Dice(seed);
    // (user, start, seconds, active, productivity, collaboration, task, screen)
    type Row = (i64, i64, i64, bool, &'static str, bool, i64, Option<i64>);
    let mut rows: Vec<Row> = Vec::new();
    for user in 0..DAYS as i64 {
        let mut at = 1_772_000_000 + dice.below(10_000) as i64;
        // Few tasks and many, titles and none, restless people and calm ones.
        let (tasks, screens) = (dice.of(&[1, 2, 3, 6]), dice.of(&[0, 1, 3, 7]));
        let lengths: &[i64] = dice.of(&[
            &[1, 2, 5, 9, 10, 11][..],
            &[1, 19, 20, 21, 30, 59, 60, 61][..],
            &[5, 60, 61, 179, 180, 181, 400][..],
        ]);
        // What breaks a sequence, on some days only: long ones are needed to meet some edges.
        let broken = dice.below(2) == 0;
        for _ in 0..=dice.below(ACTIVITIES_MAX) {
            let breaks = broken && dice.below(3) == 0;
            at += dice.of(if !breaks {
                &[0]
            } else {
                &[1, 5, 58, 59, 60, 61, 180, 300, 301, 7201, 14_400, 14_401][..]
            });
            let seconds = dice.of(lengths);
            let productivity = match dice.below(if broken { 6 } else { 40 }) {
                0 => "Unproductive",
                1 => "Undefined",
                _ => "Productive",
            };
            rows.push((
                user,
                at,
                seconds,
                dice.below(if broken { 8 } else { 40 }) > 0,
                productivity,
                productivity == "Productive" && dice.below(5) == 0,
                dice.below(tasks) as i64,
                (screens > 0 && dice.below(20) > 0).then(|| dice.below(screens) as i64),
            ));
            at += seconds;
        }
    }
    for at in (1..rows.len()).rev() {
        let other = dice.below(at as u64 + 1) as usize;
        rows.swap(at, other);
    }
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let schema = Schema::new(vec![
        Field::new("local_date", DataType::Date32, false),
        Field::new("user_id", DataType::Int64, false),
        Field::new("start", instant, false),
        Field::new("counted_sec", DataType::Int64, false),
        Field::new("state", DataType::Utf8, false),
        Field::new("productivity", DataType::Utf8, false),
        Field::new("collaboration", DataType::Boolean, false),
        Field::new("task", DataType::Int64, false),
        Field::new("screen", DataType::Int64, true),
    ]);
    let starts = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.1 * 1_000_000));
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            // Two days of one person, so that nothing of one may reach into the other.
            Arc::new(Date32Array::from_iter_values(
                rows.iter().map(|r| 20_500 + (r.0 % 2) as i32),
            )),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.0 / 2))),
            Arc::new(starts.with_timezone("UTC")),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.2))),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|r| if r.3 { "Active" } else { "Passive" }),
            )),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.4))),
            Arc::new(rows.iter().map(|r| Some(r.5)).collect::<BooleanArray>()),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.6))),
            Arc::new(rows.iter().map(|r| r.7).collect::<Int64Array>()),
        ],
    )
    .unwrap()
}

async fn text(session: &SessionContext, sql: &str) -> String {
    let frame = session
        .sql(sql)
        .await
        .unwrap_or_else(|e| panic!("{e}\n{sql}"));
    let rows = frame
        .collect()
        .await
        .unwrap_or_else(|e| panic!("{e}\n{sql}"));
    pretty_format_batches(&rows).unwrap().to_string()
}

/// Both answers over one set of activities, as text.
async fn answers(seed: u64) -> (String, String) {
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    activlake::functions::register(&session, &activlake::functions::Tables::default());
    session.register_batch("given", activities(seed)).unwrap();
    let file = |path: &str| std::fs::read_to_string(repository().join(path)).unwrap();
    let ours = text(&session, &file("tests/it/pure_sql/function.sql")).await;
    text(&session, &file("tests/it/pure_sql/activity.sql")).await;
    let pure = file("benches/peers/datafusion_analysis.sql");
    let pure: Vec<&str> = pure
        .lines()
        .filter(|line| !line.starts_with("--"))
        .collect();
    let pure = pure.join("\n");
    let (steps, answer) = pure.rsplit_once(';').unwrap();
    for step in steps.split(';') {
        text(&session, step).await;
    }
    let theirs = format!("select * from ({answer}) as answer order by local_date, user_id");
    (ours, text(&session, &theirs).await)
}

#[test]
fn the_pass_gives_what_pure_sql_gives() {
    let mut runner = TestRunner::new(Config {
        cases: 8,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    });
    let check = |seed: u64| {
        let (ours, theirs) = block_on(answers(seed));
        let differing = ours
            .lines()
            .zip(theirs.lines())
            .find(|(one, other)| one != other);
        // A header, days, and three rules of the table.
        let days = ours.lines().count().saturating_sub(4);
        if ours == theirs && days == DAYS {
            Ok(())
        } else {
            Err(TestCaseError::fail(format!(
                "seed {seed}, {days} days: {differing:#?}"
            )))
        }
    };
    runner
        .run(&any::<u64>().no_shrink(), check)
        .unwrap_or_else(|error| panic!("{error}"));
}
