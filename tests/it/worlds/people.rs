//! The people of random worlds and what their computers report.

use chrono::{Duration, NaiveDate};

use super::made::{Dice, PROGRAM_COUNT, instant, program};
use crate::oracle::*;

/// Windows names that stand for zones in reports.
const WINDOWS: [(&str, &str); 3] = [
    ("America/New_York", "Eastern Standard Time"),
    ("Europe/Berlin", "W. Europe Standard Time"),
    ("Africa/Cairo", "Egypt Standard Time"),
];

/// Local minutes near which things happen: midnights, clock changes, ends of windows.
const ANCHORS: [i64; 16] = [
    -2, 0, 58, 60, 119, 179, 300, 358, 420, 539, 540, 719, 780, 1019, 1050, 1320,
];

struct Agent {
    domain: String,
    login: String,
    computer: String,
    primary_domain: String,
}

/// A minute's work of somebody who is not listed.
pub fn keeper(at: i64) -> Record {
    let (executable, url) = program(0);
    Record {
        event_id: format!("k{at}"),
        start: at * 1_000_000,
        duration_ms: 60_000,
        state: Some("Active"),
        passive_type: None,
        domain: "corp".to_owned(),
        login: "keeper".to_owned(),
        computer: "keeper-pc".to_owned(),
        primary_domain: String::new(),
        zone: None,
        network: None,
        public_ip: None,
        executable,
        title: None,
        url,
        upload: None,
    }
}

/// Adds one person with settings and records.
pub fn person(
    dice: &mut Dice,
    world: &mut World,
    zones: &[&str],
    first: NaiveDate,
    uid: i64,
    with_meetings: bool,
) {
    let listed = dice.chance(85);
    let domain = dice.of(&["corp", "lab", ""]);
    let login = format!("u{uid}");
    let mut logins = vec![(domain.to_owned(), login.clone())];
    if listed && dice.chance(40) {
        logins.push((dice.of(&["corp", "lab"]).to_owned(), format!("{login}b")));
    }
    let mut computers = Vec::new();
    for number in 0..=dice.below(2) {
        let name = format!("pc{uid}-{number}");
        let primary = dice.of(&["x.test", ""]).to_owned();
        if dice.chance(60) {
            // In or against the order of the names, below and above derived ids.
            let id = if dice.chance(50) { number } else { 9 - number } as i64;
            world
                .computers
                .push((uid * 10 + id, name.clone(), primary.clone()));
        }
        computers.push((name, primary));
    }
    let home = [dice.of(zones), dice.of(zones)];
    if listed {
        listing(dice, world, zones, first, uid, &logins);
    }
    let agents: Vec<Agent> = logins
        .iter()
        .flat_map(|(domain, login)| {
            computers.iter().map(move |(computer, primary)| Agent {
                domain: domain.clone(),
                login: login.clone(),
                computer: computer.clone(),
                primary_domain: primary.clone(),
            })
        })
        .collect();
    let from = world.records.len();
    records(dice, world, first, uid, &agents, home);
    if with_meetings && listed && uid % 5 < 3 {
        meetings(&mut Dice(uid as u64), world, uid, from);
    }
}

fn listing(
    dice: &mut Dice,
    world: &mut World,
    zones: &[&str],
    first: NaiveDate,
    uid: i64,
    logins: &[(String, String)],
) {
    let mut some = |list: &[&str]| -> Vec<String> {
        let list: Vec<String> = list
            .iter()
            .map(|name| format!("{name}{uid}@x.test"))
            .collect();
        if dice.chance(50) { list } else { Vec::new() }
    };
    let emails = some(&["z", "a"]);
    let principal_names = some(&["p"]);
    let named = dice.chance(50);
    world.people.push(Person {
        uid,
        display_name: named.then(|| format!("Person {uid}")),
        emails,
        principal_names,
        employee_ids: if dice.chance(30) {
            vec![format!("E{uid}")]
        } else {
            Vec::new()
        },
        tracked: dice.chance(90),
        logins: logins
            .iter()
            .map(|(domain, login)| {
                // A login typed without its domain stands for every domain.
                let domain = if dice.chance(15) { "" } else { domain };
                (domain.to_owned(), login.clone())
            })
            .collect(),
        timezone: dice.chance(25).then(|| dice.of(zones).to_owned()),
    });
    let day = |number: i64| first + Duration::days(number);
    if dice.chance(60) {
        let names: Vec<String> = world.schedules.iter().map(|s| s.name.clone()).collect();
        let cut = dice.chance(40).then(|| day(1 + dice.below(3) as i64));
        world.schedule_members.push(ScheduleMember {
            name: dice.of(&names),
            uid,
            valid: Valid {
                from: cut,
                to: dice.chance(20).then(|| day(5)),
            },
        });
        if cut.is_some() && dice.chance(60) {
            world.schedule_members.push(ScheduleMember {
                name: dice.of(&names),
                uid,
                valid: Valid {
                    from: None,
                    to: cut,
                },
            });
        }
    }
    let named = dice.below(5);
    for (index, group) in [1, 2, 3, 4, 5, 6].into_iter().enumerate() {
        if dice.chance(25) {
            world.members.push(Member {
                group,
                uid,
                primary: index == named,
                valid: Valid {
                    from: dice.chance(30).then(|| day(1)),
                    to: dice.chance(30).then(|| day(3)),
                },
            });
        }
    }
    let tracked = world.people.last().is_some_and(|person| person.tracked);
    for _ in 0..dice.below(5).saturating_sub(2) {
        if !tracked {
            continue;
        }
        let begin = dice.below(5) as i64;
        let full = dice.chance(50);
        world.time_off.push(TimeOff {
            uid,
            first: day(begin),
            last: day(begin + dice.of(&[0, 0, 1, 3])),
            seconds: if full && dice.chance(60) {
                None
            } else {
                Some(dice.of(&[14_400, 5400, 28_800, 900, 72_000]))
            },
            full,
            kind: dice.of(&["Vacation", "Sick, short", "Away"]).to_owned(),
            approved: dice.chance(80),
        });
    }
}

fn records(
    dice: &mut Dice,
    world: &mut World,
    first: NaiveDate,
    uid: i64,
    agents: &[Agent],
    home: [&str; 2],
) {
    // Few programs, so that they come back; few titles, so that screens do.
    let mut palette: Vec<usize> = (0..3 + dice.below(3)).map(|_| dice.below(9)).collect();
    palette.extend((0..1 + dice.below(3)).map(|_| dice.below(PROGRAM_COUNT)));
    let networks = [
        None,
        Some("office-1".to_owned()),
        Some("office-2".to_owned()),
        Some(format!("home-{uid}")),
    ];
    let addresses = [
        None,
        Some("203.0.113.7".to_owned()),
        Some("203.0.113.130".to_owned()),
        Some("198.51.100.9".to_owned()),
        Some(format!("192.0.2.{}", uid % 250)),
    ];
    let latest = world.settings.as_of + 86_000_000_000;
    let mut number = 0;
    for day in 0..=dice.below(4) as i64 {
        let zone = if dice.chance(75) { home[0] } else { home[1] };
        let mut network = dice.of(&networks);
        let mut address = dice.of(&addresses);
        for _ in 0..1 + dice.below(2) {
            let local = first.and_hms_opt(0, 0, 0).unwrap()
                + Duration::days(day)
                + Duration::minutes(dice.of(&ANCHORS));
            let mut at = instant(zone, local) + dice.of(&[0, 0, 30, 59, -1, 1]);
            let style = dice.below(3);
            let titled = dice.below(4);
            let mut agent = dice.below(agents.len());
            for _ in 0..3 + dice.below(16) {
                let (seconds, gap) = match style {
                    0 => (
                        dice.of(&[1, 5, 10, 10, 15, 20, 20, 30, 40, 59, 60, 61]),
                        dice.of(&[0, 0, 0, 0, 0, 0, 1, 10, 59, 60, 61]),
                    ),
                    1 => (
                        dice.of(&[60, 120, 180, 300, 600, 1200, 3600]),
                        dice.of(&[
                            0, 0, 0, 30, 59, 60, 61, 299, 300, 301, 302, 900, 901, 3600, 7200,
                            7201, 14_400, 14_401,
                        ]),
                    ),
                    _ => (
                        dice.of(&[0, 1, 10, 30, 60, 61, 120, 180, 600, 5000]),
                        dice.of(&[0, 0, 10, -10, -1, 1, -30, -60, -600, 60, 300]),
                    ),
                };
                if style == 2 {
                    agent = dice.below(agents.len());
                }
                if dice.chance(4) {
                    network = dice.of(&networks);
                    address = dice.of(&addresses);
                }
                let (state, passive_type) = match dice.below(if style == 2 { 12 } else { 24 }) {
                    0 | 1 => (Some("Passive"), None),
                    2 => (None, Some(1)),
                    3 => (Some("Passive Locked"), dice.of(&[None, Some(2), Some(3)])),
                    4 if style == 2 => (Some("Passive"), Some(2)),
                    5 => (None, None),
                    _ => (Some("Active"), None),
                };
                let (executable, url) = program(palette[dice.below(palette.len())]);
                let fraction = if style == 2 {
                    dice.of(&[0, 0, 0, 1, 500, 999])
                } else {
                    0
                };
                let reported = match dice.below(10) {
                    0 => None,
                    1 => WINDOWS
                        .iter()
                        .find(|(name, _)| *name == zone)
                        .map(|(_, windows)| (*windows).to_owned()),
                    2 => Some(home[1].to_owned()),
                    _ => Some(zone.to_owned()),
                };
                number += 1;
                let record = Record {
                    event_id: format!("e{}", (number * 7919) % 1000 + 1000 * (number / 1000)),
                    start: at * 1_000_000 + fraction * 1000,
                    duration_ms: seconds * 1000 + dice.of(&[0, 0, 0, 999]),
                    state,
                    passive_type,
                    domain: agents[agent].domain.clone(),
                    login: agents[agent].login.clone(),
                    computer: agents[agent].computer.clone(),
                    primary_domain: agents[agent].primary_domain.clone(),
                    zone: reported,
                    network: network.clone(),
                    public_ip: address.clone(),
                    executable,
                    title: (titled == 0 || (titled == 1 && dice.chance(80)))
                        .then(|| format!("Title {}", dice.below(6))),
                    url,
                    upload: dice.chance(50).then_some(at + 3600),
                };
                at += seconds + gap;
                if record.start > latest {
                    continue;
                }
                if dice.chance(3) {
                    let mut other = record.clone();
                    other.upload = Some(at + dice.of(&[0, 3600, 7200, 9000]));
                    other.duration_ms = 1000 * dice.of(&[0, 30, 90]);
                    if dice.chance(50) {
                        other.start -= 1_000_000 * dice.of(&[1, 60, 86_400]);
                    }
                    world.records.push(other);
                }
                world.records.push(record);
            }
        }
    }
}

/// Meetings that begin and end near what the person's computers report.
fn meetings(dice: &mut Dice, world: &mut World, uid: i64, from: usize) {
    let starts: Vec<i64> = world.records[from..]
        .iter()
        .map(|record| record.start.div_euclid(1_000_000))
        .collect();
    if starts.is_empty() {
        return;
    }
    for number in 0..1 + dice.below(5) {
        let start = dice.of(&starts) + dice.of(&[-3600, -600, -60, -1, 0, 1, 30, 300, 1800, 9000]);
        let length = dice.of(&[60, 600, 1800, 3600, 5400, 28_800]);
        let titles = [
            None,
            Some(String::new()),
            Some(format!("Meeting {number}")),
            Some("Weekly".to_owned()),
        ];
        world.meetings.push(Meeting {
            uid,
            start,
            end: start + length,
            title: dice.of(&titles),
        });
    }
}
