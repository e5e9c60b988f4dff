//! A synthetic company to try the product on: people, their computers and their working days.
//!
//! In goes a [`Plan`]; out come the CSV files of an `org/` folder ([`organisation`]), agent records
//! line by line ([`events`]), calendar entries ([`meetings`]) and one real export of another tracker
//! ([`activitywatch_export`]).
//! Everything follows from the plan: the same plan gives the same bytes on every machine, a longer
//! plan of the same seed and end only adds. No clock, no system randomness, no files, and nobody in
//! it exists.

mod day;
mod dice;
mod leave;
mod line;
mod meetings;
mod person;
mod roles;
mod settings;
mod teams;
mod things;
mod words;

use std::io::{self, Read};

use flate2::read::GzDecoder;

use self::day::{Round, Stage};
use self::person::{Person, SITES};
use crate::zone::{self, Zone, ZoneNames};

/// What company to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Another seed, another company.
    pub seed: u64,
    /// How many people have records.
    pub users: usize,
    /// How many local dates, ending with `end_day`.
    pub days: usize,
    /// The last local date, in days since 1970-01-01. Work that starts on it may end early on the
    /// next; no record starts later than that.
    pub end_day: i32,
    /// Whether records carry `titlebar` and calendar entries a title. Addresses are there in any
    /// case, as hosts come from them.
    pub with_titles: bool,
}

impl Plan {
    /// The first local date.
    pub fn first_day(&self) -> i32 {
        let days = i32::try_from(self.days).unwrap_or(i32::MAX);
        self.end_day.saturating_sub(days).saturating_add(1)
    }

    fn people(&self) -> Vec<Person> {
        (0..self.users)
            .map(|index| Person::of(self.seed, index))
            .collect()
    }
}

/// The files of an `org/` folder (`inputs.md` §3), as name and text.
///
/// `category_id` finds a category of the company's categories by name. What it does not find is
/// left without a category.
pub fn organisation(
    plan: &Plan,
    category_id: &dyn Fn(&str) -> Option<i64>,
) -> Vec<(&'static str, String)> {
    settings::files(plan, &plan.people(), category_id)
}

/// Hands agent records to `sink`, one NDJSON line without its line end at a time, in the order in
/// which they reach a server: by UTC date of upload, then by person. Gives the number of lines.
///
/// Memory does not grow with the days, and a line costs no allocation.
///
/// # Errors
/// The first error of `sink`, at which it stops.
pub fn events(plan: &Plan, sink: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<u64> {
    let people = plan.people();
    let mut spilled = vec![false; people.len()];
    let mut buffer = String::with_capacity(1024);
    let mut written = 0;
    if plan.days == 0 {
        return Ok(written);
    }
    // A UTC date brings the rest of the local date before it, then its own.
    let mut yesterday: Option<Offsets> = None;
    for date in plan.first_day()..=plan.end_day.saturating_add(1) {
        let today = (date <= plan.end_day).then(|| Offsets::on(date));
        for (person, spilled) in people.iter().zip(&mut spilled) {
            let mut stage = Stage {
                seed: plan.seed,
                date: date.saturating_sub(1),
                offset_seconds: 0,
                round: Round::NextDate,
                with_titles: plan.with_titles,
            };
            if let Some(offsets) = yesterday.as_ref().filter(|_| *spilled) {
                stage.offset_seconds = offsets.at(person.site);
                written += day::play(person, &stage, &mut buffer, sink)?.written;
            }
            if let Some(offsets) = today.as_ref() {
                stage.date = date;
                stage.round = Round::SameDate;
                stage.offset_seconds = offsets.at(person.site);
                let outcome = day::play(person, &stage, &mut buffer, sink)?;
                written += outcome.written;
                *spilled = outcome.spills;
            }
        }
        yesterday = today;
    }
    Ok(written)
}

/// Hands calendar entries in the normal form (`inputs.md` §4) to `sink`, one NDJSON line without its
/// line end for each calendar that holds a copy: days of leave first, the rest by local date. Gives
/// the number of lines. Entries of people whom the settings do not list are left out.
///
/// # Errors
/// The first error of `sink`, at which it stops.
pub fn meetings(plan: &Plan, sink: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<u64> {
    meetings::write(plan, &plan.people(), sink)
}

/// An export of ActivityWatch (`/api/0/export`) of one synthetic host, as JSON bytes: some
/// workdays of January 2026 that a real server took in and gave out. `hosts.csv` of
/// [`organisation`] says whose host it is.
///
/// # Errors
/// When the packed copy cannot be unpacked, which would be a fault of this program.
pub fn activitywatch_export() -> io::Result<Vec<u8>> {
    let packed: &[u8] = include_bytes!("../../../data/demo/activitywatch-export.json.gz");
    let mut json = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut json)?;
    Ok(json)
}

/// Seconds east of UTC at noon of one date, by site.
struct Offsets([i64; SITES.len()]);

impl Offsets {
    fn on(date: i32) -> Offsets {
        let names = ZoneNames::default();
        let noon = i64::from(date) * zone::DAY + zone::DAY / 2;
        Offsets(SITES.each_ref().map(|site| {
            let zone = names.parse(site.iana_zone).unwrap_or_else(Zone::utc);
            zone.offset_seconds(zone.instant_of_local(noon, false))
        }))
    }

    fn at(&self, site: usize) -> i64 {
        self.0.get(site).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::line::DAY_MS;
    use super::*;

    /// 2026-03-13, a Friday; the range has a change of clocks in New York.
    const FRIDAY: i32 = 20_525;

    fn plan(users: usize, days: usize) -> Plan {
        Plan {
            seed: 42,
            users,
            days,
            end_day: FRIDAY,
            with_titles: true,
        }
    }

    fn lines(plan: &Plan) -> Vec<String> {
        let mut lines = Vec::new();
        let written = events(plan, &mut |line| {
            lines.push(line.to_owned());
            Ok(())
        })
        .unwrap();
        assert_eq!(written, lines.len() as u64);
        lines
    }

    #[test]
    fn a_plan_repeats_itself_and_a_seed_changes_it() {
        let one = lines(&plan(30, 9));
        assert_eq!(one, lines(&plan(30, 9)));
        let other = Plan {
            seed: 43,
            ..plan(30, 9)
        };
        assert_ne!(one, lines(&other));
        let none = |_: &str| None;
        assert_eq!(organisation(&other, &none), organisation(&other, &none));
    }

    #[test]
    fn a_larger_plan_only_adds() {
        let small: BTreeSet<String> = lines(&plan(10, 5)).into_iter().collect();
        let large: BTreeSet<String> = lines(&plan(30, 12)).into_iter().collect();
        assert!(small.is_subset(&large));
        assert!(small.len() < large.len());
    }

    #[test]
    fn records_are_sound_and_keep_upload_order() {
        let plan = plan(60, 30);
        let mut ids = BTreeSet::new();
        let mut last_upload_date = String::new();
        let mut states: BTreeMap<String, usize> = BTreeMap::new();
        let mut by_agent: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
        for line in lines(&plan) {
            let row: serde_json::Value = serde_json::from_str(&line).unwrap();
            let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
            let agent = format!("{} {}", text("user_name"), text("computer_name"));
            assert!(
                ids.insert(format!("{agent} {}", text("event_id"))),
                "{line}"
            );
            let instant = |field: &str| {
                chrono::DateTime::parse_from_rfc3339(&text(field))
                    .unwrap()
                    .timestamp_millis()
            };
            let (start, upload) = (instant("utc_timestamp"), instant("upload_time"));
            let length = row["duration_sec"].as_i64().unwrap();
            assert!((1..=5_400).contains(&length), "{line}");
            let end = start + length * 1_000;
            assert!(end <= upload && upload < end + 2 * DAY_MS, "{line}");
            let day = start.div_euclid(DAY_MS);
            assert!((i64::from(plan.first_day())..=i64::from(FRIDAY) + 1).contains(&day));
            // Within a date people take turns; across dates the order of upload holds.
            let upload_date = text("upload_time")[..10].to_owned();
            assert!(upload_date >= last_upload_date, "{line}");
            last_upload_date = upload_date;
            assert!(!text("executable").is_empty() && !text("titlebar").is_empty());
            by_agent.entry(agent).or_default().push((start, end));
            *states.entry(text("active_state")).or_default() += 1;
        }
        for spans in by_agent.values_mut() {
            spans.sort_unstable();
            assert!(
                spans.windows(2).all(|pair| pair[0].1 <= pair[1].0),
                "an agent overlaps"
            );
        }
        let active = states["Active"] as f64 / states.values().sum::<usize>() as f64;
        assert!((0.70..0.95).contains(&active), "{states:?}");
        assert!(states["Passive Locked"] > 100);
    }

    #[test]
    fn a_workday_has_some_two_hundred_records() {
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for line in lines(&plan(30, 28)) {
            let row: serde_json::Value = serde_json::from_str(&line).unwrap();
            let user = row["user_name"].as_str().unwrap().to_owned();
            let day = row["utc_timestamp"].as_str().unwrap()[..10].to_owned();
            *counts.entry((user, day)).or_default() += 1;
        }
        // Whole workdays of people whose day lies within one UTC date.
        let whole: Vec<usize> = counts.into_values().filter(|count| *count > 80).collect();
        let mean = whole.iter().sum::<usize>() / whole.len();
        assert!((190..=260).contains(&mean), "{mean}");
        assert!(whole.len() > 30 * 13, "{}", whole.len());
    }

    #[test]
    fn titles_can_be_left_out() {
        let bare = Plan {
            with_titles: false,
            ..plan(6, 4)
        };
        let (bare, full) = (lines(&bare), lines(&plan(6, 4)));
        assert_eq!(bare.len(), full.len());
        assert!(bare.iter().all(|line| !line.contains("titlebar")));
        assert!(bare.iter().any(|line| line.contains("full_url")));
        assert!(full.iter().any(|line| line.contains("titlebar")));
    }

    #[test]
    fn a_sink_that_fails_stops_the_work() {
        let mut calls = 0;
        let stopped = events(&plan(3, 3), &mut |_| {
            calls += 1;
            Err(io::Error::other("full"))
        });
        assert!(stopped.is_err());
        assert_eq!(calls, 1);
    }

    #[test]
    fn the_export_is_what_its_source_gives_out() {
        let json = activitywatch_export().unwrap();
        let export: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let buckets = export["buckets"].as_object().unwrap();
        let kinds: BTreeSet<&str> = buckets
            .values()
            .map(|bucket| bucket["type"].as_str().unwrap())
            .collect();
        assert_eq!(
            kinds,
            BTreeSet::from(["afkstatus", "currentwindow", "web.tab.current"])
        );
        for bucket in buckets.values() {
            assert_eq!(bucket["hostname"], "demo-laptop");
            assert!(bucket["events"].as_array().unwrap().len() > 20);
        }
        let private = |event: &serde_json::Value| event["data"]["incognito"] == true;
        assert!(
            buckets
                .values()
                .any(|b| b["events"].as_array().unwrap().iter().any(private))
        );
    }
}
