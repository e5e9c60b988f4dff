//! Generated series, laid out by us and by others: `recurring-ical-events`, and a Radicale server's
//! `expand` and free-busy reports. They need Python with these packages: `ACTIVLAKE_PYTHON` names
//! the interpreter. Without it the tests say so; in CI they fail.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Command;

use activlake::sources::meeting::Span;
use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime};

use super::{calendar, laid_out, options};
use crate::place::repository;

/// A zone with its definition: offset and first onset of summer and of winter time, and their days.
struct ZoneMade {
    name: &'static str,
    standard: (&'static str, &'static str, &'static str),
    daylight: Option<(&'static str, &'static str, &'static str)>,
}

const ZONES: [ZoneMade; 6] = [
    ZoneMade {
        name: "Europe/Berlin",
        standard: ("+0100", "19961027T030000", "10;BYDAY=-1SU"),
        daylight: Some(("+0200", "19810329T020000", "3;BYDAY=-1SU")),
    },
    ZoneMade {
        name: "America/New_York",
        standard: ("-0500", "20071104T020000", "11;BYDAY=1SU"),
        daylight: Some(("-0400", "20070311T020000", "3;BYDAY=2SU")),
    },
    ZoneMade {
        name: "Australia/Lord_Howe",
        standard: ("+1030", "20080406T020000", "4;BYDAY=1SU"),
        daylight: Some(("+1100", "20081005T020000", "10;BYDAY=1SU")),
    },
    ZoneMade {
        name: "America/St_Johns",
        standard: ("-0330", "20111106T020000", "11;BYDAY=1SU"),
        daylight: Some(("-0230", "20120311T020000", "3;BYDAY=2SU")),
    },
    ZoneMade {
        name: "Asia/Beirut",
        standard: ("+0200", "19991031T000000", "10;BYDAY=-1SU"),
        daylight: Some(("+0300", "19930328T000000", "3;BYDAY=-1SU")),
    },
    ZoneMade {
        name: "Asia/Kolkata",
        standard: ("+0530", "19700101T000000", ""),
        daylight: None,
    },
];

impl ZoneMade {
    /// As a calendar defines it, under a name.
    fn defined(&self, name: &str) -> String {
        let mut text = format!("BEGIN:VTIMEZONE\nTZID:{name}\n");
        let mut observance = |kind: &str, from: &str, (to, start, days): (&str, &str, &str)| {
            let _ = write!(
                text,
                "BEGIN:{kind}\nDTSTART:{start}\nTZOFFSETFROM:{from}\nTZOFFSETTO:{to}\n"
            );
            if !days.is_empty() {
                let _ = writeln!(text, "RRULE:FREQ=YEARLY;BYMONTH={days}");
            }
            let _ = writeln!(text, "END:{kind}");
        };
        let summer = self.daylight.map_or(self.standard.0, |summer| summer.0);
        observance("STANDARD", summer, self.standard);
        if let Some(daylight) = self.daylight {
            observance("DAYLIGHT", self.standard.0, daylight);
        }
        text + "END:VTIMEZONE\n"
    }
}

const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Numbers that are the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }
}

/// A series of what makers write, with its window of 60 days, often over a clock change. Left out is
/// what others understand otherwise, on purpose (see `sources/icalendar`): a start that the rule does
/// not give, yearly month days without months, exact durations over a change.
struct Made {
    zone: &'static str,
    text: String,
    /// The same under a name for the zone that only the calendar explains.
    elsewhere: String,
    from: String,
    to: String,
}

fn made(dice: &mut Dice, dates: bool) -> Made {
    let zone_made = dice.one_of(&ZONES);
    let zone = zone_made.name;
    let start = NaiveDate::from_ymd_opt(2023, 1, 1).unwrap()
        + Duration::days(i64::try_from(dice.below(1_100)).unwrap());
    // Half of the time in the small hours, where clocks change.
    let hour = if dice.below(2) == 0 {
        dice.below(4)
    } else {
        dice.below(24)
    };
    let minute = *dice.one_of(&[0, 15, 30, 45]);
    let time = NaiveTime::from_hms_opt(u32::try_from(hour).unwrap(), minute, 0).unwrap();
    let at = start.and_time(if dates { NaiveTime::MIN } else { time });
    let length = Duration::minutes(*dice.one_of(&[15, 30, 45, 60, 90]));
    let stamp = |at: NaiveDateTime| {
        if dates {
            format!(";VALUE=DATE:{}", at.format("%Y%m%d"))
        } else {
            format!(";TZID={zone}:{}", at.format("%Y%m%dT%H%M%S"))
        }
    };
    let end = at + if dates { Duration::days(1) } else { length };
    let mut text = format!(
        "BEGIN:VEVENT\nUID:1\nDTSTAMP:20230101T000000Z\nDTSTART{}\nDTEND{}\n",
        stamp(at),
        stamp(end)
    );
    let (rule, every_days) = rule(dice, start);
    let bound = match dice.below(4) {
        0 => format!(";COUNT={}", 1 + dice.below(400)),
        1 if dates => {
            let until = at + Duration::days(i64::try_from(dice.below(900)).unwrap());
            format!(";UNTIL={}", until.format("%Y%m%d"))
        }
        1 => {
            let until = at + Duration::days(i64::try_from(dice.below(900)).unwrap());
            format!(";UNTIL={}", until.format("%Y%m%dT%H%M%SZ"))
        }
        _ => String::new(),
    };
    let _ = writeln!(text, "RRULE:{rule}{bound}");
    let from = start + Duration::days(i64::try_from(dice.below(700)).unwrap());
    // Exceptions and changes at places that a daily or weekly rule gives.
    let mut changes = String::new();
    if let Some(every) = every_days {
        let first = (from - start).num_days() / every;
        for step in 1..=dice.below(4) {
            let place = at + Duration::days((first + i64::try_from(step).unwrap()) * every);
            match dice.below(3) {
                0 => {
                    let _ = writeln!(text, "EXDATE{}", stamp(place));
                }
                1 if bound.is_empty() => {
                    let hours = i64::try_from(dice.below(90)).unwrap() - 45;
                    let shift = if dates {
                        Duration::days(hours / 10)
                    } else {
                        Duration::hours(hours)
                    };
                    let moved = place + shift;
                    let length = end - at;
                    let _ = write!(
                        changes,
                        "BEGIN:VEVENT\nUID:1\nDTSTAMP:20230101T000000Z\nRECURRENCE-ID{}\n\
                         DTSTART{}\nDTEND{}\nEND:VEVENT\n",
                        stamp(place),
                        stamp(moved),
                        stamp(moved + length)
                    );
                }
                _ => {
                    let extra = place + Duration::hours(if dates { 0 } else { 5 });
                    if !dates {
                        let _ = writeln!(text, "RDATE{}", stamp(extra));
                    }
                }
            }
        }
    }
    let _ = write!(text, "END:VEVENT\n{changes}");
    Made {
        zone,
        text: calendar(&(zone_made.defined(zone) + &text)),
        elsewhere: calendar(
            &(zone_made.defined("Our Own") + &text.replace(&format!("={zone}:"), "=Our Own:")),
        ),
        from: from.format("%Y%m%dT000000").to_string(),
        to: (from + Duration::days(60))
            .format("%Y%m%dT000000")
            .to_string(),
    }
}

/// A rule that gives its own start, and every how many days where that can be said.
fn rule(dice: &mut Dice, start: NaiveDate) -> (String, Option<i64>) {
    use chrono::Datelike;
    let interval = 1 + dice.below(4);
    let weekday = WEEKDAYS[start.weekday().num_days_from_monday() as usize];
    let nth = (start.day() - 1) / 7 + 1;
    match dice.below(9) {
        0 => (
            format!("FREQ=DAILY;INTERVAL={interval}"),
            Some(i64::try_from(interval).unwrap()),
        ),
        1 => (
            format!("FREQ=WEEKLY;INTERVAL={interval}"),
            Some(7 * i64::try_from(interval).unwrap()),
        ),
        2 => {
            let other = *dice.one_of(&WEEKDAYS);
            let week_start = *dice.one_of(&["MO", "SU"]);
            let days = if other == weekday {
                weekday.to_owned()
            } else {
                format!("{weekday},{other}")
            };
            (
                format!("FREQ=WEEKLY;INTERVAL={interval};BYDAY={days};WKST={week_start}"),
                None,
            )
        }
        3 => (format!("FREQ=MONTHLY;INTERVAL={interval}"), None),
        4 => (
            format!("FREQ=MONTHLY;BYDAY={nth}{weekday},-1{weekday}"),
            None,
        ),
        5 => (format!("FREQ=MONTHLY;BYMONTHDAY={},-1", start.day()), None),
        6 => (
            format!("FREQ=MONTHLY;BYDAY={weekday};BYSETPOS={nth},-1"),
            None,
        ),
        7 => (
            format!("FREQ=YEARLY;BYMONTH={},3,10;BYDAY={weekday}", start.month()),
            None,
        ),
        _ => (
            format!("FREQ=DAILY;BYDAY={weekday},{}", dice.one_of(&WEEKDAYS)),
            None,
        ),
    }
}

fn iso(text: &str) -> String {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S")
        .unwrap()
        .format("%Y-%m-%dT%H:%M:%S+00:00")
        .to_string()
}

/// Series and our layout of them, one JSON object a line; and how many occurrences they have.
fn cases(count: usize, with_dates: bool) -> (String, usize) {
    let mut dice = Dice(20_261_123);
    let (mut lines, mut occurrences) = (String::new(), 0);
    for number in 0..count {
        let made = made(&mut dice, with_dates && number % 5 == 0);
        let expanded = laid_out(&made.text, &options(&made.from, &made.to, "UTC"));
        assert_eq!(expanded.rejects, [], "{}", made.text);
        let elsewhere = laid_out(&made.elsewhere, &options(&made.from, &made.to, "UTC"));
        assert_eq!(elsewhere, expanded, "{}", made.elsewhere);
        let instant = |micros: i64| {
            DateTime::from_timestamp_micros(micros)
                .unwrap()
                .to_rfc3339()
        };
        let date = |day: i32| {
            let date = NaiveDate::default() + Duration::days(i64::from(day));
            date.format("%Y-%m-%d").to_string()
        };
        let spans: Vec<[String; 2]> = expanded
            .meetings
            .iter()
            .filter_map(|meeting| match meeting.span? {
                Span::Instants { start, end } => Some([instant(start), instant(end)]),
                Span::Dates { start, end } => Some([date(start), date(end)]),
            })
            .collect();
        occurrences += spans.len();
        let case = serde_json::json!({
            "name": format!("series {number}"),
            "zone": made.zone,
            "ics": made.text,
            "from": iso(&made.from),
            "to": iso(&made.to),
            "occurrences": spans,
        });
        let _ = writeln!(lines, "{case}");
    }
    (lines, occurrences)
}

fn compare(test: &str, which: &str, modules: &str, count: usize, with_dates: bool) {
    let python = std::env::var("ACTIVLAKE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python)
        .args(["-c", &format!("import {modules}")])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has {
        let said = format!("SKIPPED {test}: no Python with {modules}");
        assert!(std::env::var("CI").is_err(), "{said}");
        // Not captured, so that it is seen.
        let _ = writeln!(std::io::stderr(), "{said}");
        return;
    }
    let (lines, occurrences) = cases(count, with_dates);
    assert!(occurrences > count * 3, "only {occurrences} occurrences");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.ndjson");
    std::fs::write(&path, lines).unwrap();
    let output = Command::new(python)
        .arg(repository().join("tests/clients/recurrence_peer.py"))
        .arg(which)
        .arg(&path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains(&format!("{count} series")), "{text}");
}

#[test]
fn recurring_ical_events_lays_five_hundred_series_out_alike() {
    compare(
        "recurring_ical_events_lays_five_hundred_series_out_alike",
        "recurring",
        "icalendar, recurring_ical_events",
        500,
        true,
    );
}

#[test]
fn radicale_expands_series_and_is_busy_alike() {
    compare(
        "radicale_expands_series_and_is_busy_alike",
        "radicale",
        "icalendar, radicale",
        500,
        false,
    );
}
