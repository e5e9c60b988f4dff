//! `why`: every explanation comes to what the views show, and a day drawn is a day drawn.
//!
//! `ACTIVLAKE_UPDATE_GOLDEN=1` writes the drawings anew.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use activlake::cli::why::{Style, column_text, day_text};
use activlake::config::{self, Overrides, Shown};
use activlake::jobs::stale_models;
use activlake::models::World;
use activlake::models::why::{self, Day, Explanation, Unit, Value};

use crate::golden::built;
use crate::place::{Place, block_on, repository};

/// Cases with days that the clock, the zone, schedules, goals, groups or time off make special.
const CASES: [&str; 10] = [
    "active_day_hris",
    "clipping_across_midnight",
    "core_alignment",
    "dst_autumn",
    "dst_at_midnight",
    "goals_and_utilization",
    "schedule_windows",
    "skipped_date",
    "time_off",
    "user_zone_mode",
];

/// 2026-03-02, in days since 1970-01-01.
const MONDAY: i32 = 20_514;

const PLAIN: Style = Style {
    width: 80,
    colour: false,
    unicode: false,
};

fn shown(toml: &Path) -> Shown {
    let overrides = Overrides {
        config: toml.exists().then(|| toml.to_path_buf()),
        values: Vec::new(),
    };
    let (_, shown) = config::load(&overrides, std::iter::empty(), &repository(), None).unwrap();
    shown
}

/// The settings of `tests/why/day`, as though typed: a file's name would differ from place to place.
fn typed() -> Shown {
    let overrides = Overrides {
        config: None,
        values: [
            ("account.timezone", "Europe/Berlin"),
            ("privacy.screen_details", "true"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec(),
    };
    let nowhere = tempfile::tempdir().unwrap();
    let (_, shown) = config::load(&overrides, std::iter::empty(), nowhere.path(), None).unwrap();
    shown
}

fn folder() -> PathBuf {
    repository().join("tests/why/day")
}

/// The day of `tests/why/day`, with two meetings of Ann's that overlap.
async fn the_day() -> Place {
    let models = tempfile::tempdir().unwrap();
    crate::place::copy_description("int_meetings", models.path());
    std::fs::write(
        models.path().join("int_meetings.sql"),
        "with\nmade (user_id, begins, ends, title) as (\n    values\n    \
         (1, '2026-03-02T10:00:00Z', '2026-03-02T10:45:00Z', 'Planning'),\n    \
         (1, '2026-03-02T10:30:00.7Z', '2026-03-02T11:10:00Z', null),\n    \
         (2, '2026-03-02T10:00:00Z', '2026-03-02T10:45:00Z', 'Planning')\n)\n\n\
         select\n    cast(user_id as bigint) as user_id,\n    \
         arrow_cast(begins, 'Timestamp(µs, \"UTC\")') as start,\n    \
         arrow_cast(ends, 'Timestamp(µs, \"UTC\")') as \"end\",\n    \
         cast(title as varchar) as title\nfrom made\n",
    )
    .unwrap();
    let as_of = std::fs::read_to_string(folder().join("as_of")).unwrap();
    let place = Place::with_models(
        Some(&folder().join("activlake.toml")),
        &[],
        as_of.trim(),
        Some(models.path()),
    );
    place.apply_org(&folder().join("org")).await;
    place.ingest(&[folder().join("events.ndjson")]).await;
    place.run().await;
    place
}

async fn days(place: &Place) -> Vec<(i64, i32)> {
    let text = place
        .csv(
            "select user_id, cast(local_date as int) as day from daily_user_summary \
             order by user_id, local_date",
        )
        .await;
    text.lines()
        .skip(1)
        .map(|line| {
            let (user, day) = line.split_once(',').unwrap();
            (user.parse().unwrap(), day.parse().unwrap())
        })
        .collect()
}

/// Everything that is wrong with the explanations of all days of a place, and how many sums had
/// something to add up.
async fn failures(name: &str, place: &Place, shown: &Shown) -> (Vec<String>, usize) {
    let world = World::open(&place.setup).await.unwrap();
    let session = world.session(&HashMap::new()).unwrap();
    let all = days(place).await;
    assert!(!all.is_empty(), "{name}: no days");
    let mut wrong = Vec::new();
    let mut sums = 0;
    for (user, date) in all {
        let stale = stale_models(&world, why::VIEW, date);
        if !stale.is_empty() {
            wrong.push(format!("{name} {user} {date}: stale {stale:?}"));
        }
        let day = Day::read_in(&world, &session, user, date).await.unwrap();
        for column in why::columns(&world) {
            let explanation = why::explain(&world, shown, &day, column).unwrap();
            let at = format!("{name}: user {user}, {}, {column}", why::date_text(date));
            if !explanation.agrees() {
                wrong.push(format!(
                    "{at}: explained {:?}, stored {:?}",
                    explanation.value, explanation.stored
                ));
            }
            if explanation.is_sum {
                sums += usize::from(explanation.total() != 0);
                if explanation.value != Value::Integer(explanation.total()) {
                    wrong.push(format!("{at}: the rows add up to {}", explanation.total()));
                }
            } else if matches!(explanation.unit, Unit::Seconds) && explanation.value != Value::Null
            {
                wrong.push(format!("{at}: seconds that are no sum"));
            }
            wrong.extend(unlike_its_document(&at, &day, &explanation));
        }
    }
    (wrong, sums)
}

/// The JSON document must say the same.
fn unlike_its_document(at: &str, day: &Day, explanation: &Explanation) -> Option<String> {
    let document = why::document(day, &[], Some(explanation), &[]);
    let told = &document["explanation"];
    let total: i64 = told["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["counts"].as_i64().unwrap())
        .sum();
    let right = told["explained"] == told["stored"]
        && told["agrees"] == true
        && (told["is_sum"] == false || told["explained"] == total);
    (!right).then(|| format!("{at}: the document says {told}"))
}

#[test]
fn explanations_come_to_what_the_views_show() {
    let all: Vec<(Vec<String>, usize)> = std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            scope.spawn(move || {
                CASES
                    .iter()
                    .skip(half)
                    .step_by(2)
                    .map(|name| {
                        let case = repository().join("tests/golden").join(name);
                        block_on(async {
                            let place = built(&case, &[]).await;
                            failures(name, &place, &shown(&case.join("activlake.toml"))).await
                        })
                    })
                    .collect::<Vec<_>>()
            })
        });
        halves
            .into_iter()
            .flat_map(|half| half.join().unwrap())
            .collect()
    });
    let wrong: Vec<String> = all.iter().flat_map(|(wrong, _)| wrong.clone()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let sums: usize = all.iter().map(|(_, sums)| sums).sum();
    assert!(sums > 300, "only {sums} sums had something to add up");
}

#[test]
fn a_day_with_everything_is_explained_and_drawn() {
    block_on(async {
        let place = the_day().await;
        let shown = typed();
        let (wrong, _) = failures("day", &place, &shown).await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));

        let world = World::open(&place.setup).await.unwrap();
        let day = Day::read(&world, 1, MONDAY).await.unwrap();
        let explained = |column| why::explain(&world, &shown, &day, column).unwrap();
        // 11:00 to 12:00, where activity resumes.
        let meetings = explained("offline_meeting_duration_seconds");
        assert_eq!(meetings.value, Value::Integer(3600));
        assert_eq!(
            meetings.rows[0].note.as_deref(),
            Some("Planning; Private meeting")
        );
        // Before the chat and before the meeting; the afternoon and evening are absence.
        assert_eq!(explained("break_count").value, Value::Integer(2));
        assert_eq!(explained("break_duration_seconds").total(), 1800);
        assert_eq!(explained("attention_shift_activity_count").total(), 2);
        assert_eq!(explained("time_off_duration_seconds").total(), 5400);
        let goal = explained("user_productivity_goal");
        assert_eq!(goal.value, Value::hours(2.0));
        assert_eq!(goal.settings[0].name, "metrics.productive_hrs_day");
        assert_eq!(goal.settings[0].origin, "default");
        let rule = day.activities[1].rule.as_ref().unwrap();
        assert_eq!(rule.text(), "group 7 'Sales': executable work.exe, order 1");
        let rule = day.activities[6].rule.as_ref().unwrap();
        assert_eq!(rule.text(), "account: pattern play*, order 4");

        let explanations: Vec<Explanation> =
            why::columns(&world).into_iter().map(explained).collect();
        let rich = Style {
            unicode: true,
            ..PLAIN
        };
        let multitasking = explained("multitasking_duration_seconds");
        hold("day.txt", &day_text(&world, &day, &explanations, PLAIN));
        hold("day.utf8.txt", &day_text(&world, &day, &explanations, rich));
        hold("column.txt", &column_text(&day, &multitasking, PLAIN));
    });
}

#[test]
fn a_repeated_hour_is_drawn_twice() {
    block_on(async {
        let case = repository().join("tests/golden/dst_autumn");
        let place = built(&case, &[]).await;
        let world = World::open(&place.setup).await.unwrap();
        let shown = shown(&case.join("activlake.toml"));
        // 2026-11-01, bob: 01:10 comes twice.
        let day = Day::read(&world, 2, MONDAY + 244).await.unwrap();
        let total = why::explain(&world, &shown, &day, "total_duration_seconds").unwrap();
        hold(
            "repeated_hour.txt",
            &day_text(&world, &day, &[total], PLAIN),
        );
    });
}

/// Compares text with a file of `tests/why`; no line may be wider than the terminal.
fn hold(name: &str, text: &str) {
    let wide = text.lines().find(|line| line.chars().count() > PLAIN.width);
    assert_eq!(wide, None, "{name}: wider than {}", PLAIN.width);
    let path = repository().join("tests/why").join(name);
    if std::env::var("ACTIVLAKE_UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(text, expected, "{name}");
}

#[test]
fn what_cannot_be_explained_is_told() {
    block_on(async {
        let place = the_day().await;
        let world = World::open(&place.setup).await.unwrap();
        let shown = typed();
        for typed in [
            "1",
            "ANN",
            "ann@Example.com",
            "ann@corp.test",
            "ann@corp",
            "e-1",
        ] {
            assert_eq!(why::find(&world.people, typed).unwrap().uid, 1, "{typed}");
        }
        let error = why::find(&world.people, "anne").unwrap_err();
        assert_eq!(error.class().code(), "config");
        assert!(error.to_string().contains("did you mean 'Ann'"), "{error}");

        let error = Day::read(&world, 1, MONDAY - 1).await.unwrap_err();
        assert_eq!(error.class().code(), "input");
        assert!(error.to_string().contains("2026-03-02"), "{error}");

        let day = Day::read(&world, 1, MONDAY).await.unwrap();
        let error = why::explain(&world, &shown, &day, "break_counts").unwrap_err();
        assert_eq!(error.class().code(), "config");
        assert!(error.to_string().contains("'break_count'"), "{error}");
        let error = why::explain(&world, &shown, &day, "focused").unwrap_err();
        assert!(
            error.to_string().contains("focused_session_count"),
            "{error}"
        );
    });
}

#[test]
fn stale_days_and_differences_are_found() {
    block_on(async {
        let place = the_day().await;
        let shown = typed();
        // A shorter break counts now, and nothing has run since.
        let mut setup = place.setup.clone();
        let mut settings = setup.settings.as_ref().clone();
        settings.metrics.break_min_seconds = 900;
        setup.settings = Arc::new(settings);
        let world = World::open(&setup).await.unwrap();
        let stale = stale_models(&world, why::VIEW, MONDAY);
        assert!(stale.contains(&"int_user_days".to_owned()), "{stale:?}");
        assert!(!stale.contains(&"int_activities".to_owned()), "{stale:?}");
        let day = Day::read(&world, 1, MONDAY).await.unwrap();
        let breaks = why::explain(&world, &shown, &day, "break_count").unwrap();
        assert_eq!(breaks.value, Value::Integer(0));
        assert_eq!(breaks.stored, Some(Value::Integer(2)));
        assert!(!breaks.agrees());
        let text = column_text(&day, &breaks, PLAIN);
        assert!(text.contains("DIFFERS: stored is 2"), "{text}");
        let total = why::explain(&world, &shown, &day, "total_duration_seconds").unwrap();
        assert!(total.agrees());
    });
}
