//! Random worlds for the second implementation: people, settings and records whose times sit on edges.
//!
//! Everything follows from numbers: a lake from its seed, each island (a few people) from its own, so that
//! a failing lake can be made again, and an island taken out of it changes nothing in the others.

use chrono::{Duration, NaiveDate, NaiveDateTime, Weekday};

use crate::oracle::zones::Zone;
use crate::oracle::*;

/// Numbers that look random: SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }

    pub fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A zone, the first date, and zones that people of the same days may have.
type Scene = (&'static str, (i32, u32, u32), [&'static str; 5]);

const SCENES: [Scene; 10] = [
    (
        "America/New_York",
        (2026, 3, 6),
        [
            "America/New_York",
            "America/Havana",
            "Asia/Kolkata",
            "Pacific/Auckland",
            "UTC-5",
        ],
    ),
    (
        "America/New_York",
        (2025, 10, 31),
        [
            "America/New_York",
            "America/Havana",
            "US/Central",
            "Europe/Berlin",
            "UTC+5:30",
        ],
    ),
    (
        "Europe/Berlin",
        (2025, 10, 24),
        [
            "Europe/Berlin",
            "Europe/London",
            "Atlantic/Azores",
            "America/New_York",
            "UTC",
        ],
    ),
    (
        "Europe/Berlin",
        (2026, 3, 27),
        [
            "Europe/Berlin",
            "Europe/Lisbon",
            "Asia/Beirut",
            "America/Nuuk",
            "Asia/Tokyo",
        ],
    ),
    (
        "Australia/Lord_Howe",
        (2026, 4, 3),
        [
            "Australia/Lord_Howe",
            "Australia/Sydney",
            "Pacific/Auckland",
            "Pacific/Chatham",
            "UTC",
        ],
    ),
    (
        "America/Sao_Paulo",
        (2018, 11, 2),
        [
            "America/Sao_Paulo",
            "America/Havana",
            "US/Central",
            "Asia/Kathmandu",
            "America/Chicago",
        ],
    ),
    (
        "Pacific/Apia",
        (2011, 12, 28),
        [
            "Pacific/Apia",
            "Pacific/Pago_Pago",
            "Pacific/Fakaofo",
            "Asia/Beirut",
            "UTC+13",
        ],
    ),
    (
        "America/Havana",
        (2025, 10, 31),
        [
            "America/Havana",
            "America/New_York",
            "Africa/Cairo",
            "Asia/Gaza",
            "UTC",
        ],
    ),
    (
        "UTC+5:30",
        (2025, 12, 30),
        [
            "Asia/Kolkata",
            "Asia/Kathmandu",
            "Pacific/Kiritimati",
            "America/St_Johns",
            "UTC-3:30",
        ],
    ),
    (
        "Africa/Cairo",
        (2026, 4, 23),
        [
            "Africa/Cairo",
            "Asia/Gaza",
            "Europe/Berlin",
            "Pacific/Kiritimati",
            "Pacific/Pago_Pago",
        ],
    ),
];

/// (executable, URL): productive, collaboration, unproductive, undefined, ignored, unknown, by rules of
/// the account, of groups and shipped.
const PROGRAMS: [(&str, &str); 22] = [
    ("EXCEL.EXE", ""),
    ("winword.exe", ""),
    ("C:\\Tools\\Code.exe", ""),
    ("own-good.exe", ""),
    ("own-plain", ""),
    ("chrome.exe", "https://github.com/a/b"),
    ("chrome.exe", "https://docs.google.com/document/d/1"),
    ("firefox.exe", "http://user:pw@wiki.corp.example./p?q=1"),
    ("slack.exe", ""),
    ("zoom.exe", ""),
    ("own-chat.exe", ""),
    ("own-bad.exe", ""),
    ("chrome.exe", "https://www.reddit.com/r/x"),
    ("chrome.exe", "www.youtube.com/watch?v=1"),
    ("unheard-of.exe", ""),
    ("chrome.exe", ""),
    ("chrome.exe", "about:blank"),
    ("", "https://x.y.example.co.uk:8443/a"),
    ("chrome.exe", "https://www.google.com/search?q=a+b%20%20c"),
    ("own-ignored.exe", ""),
    ("chrome.exe", "https://ignored.example.com/x"),
    ("", "ftp://files.example.com/x"),
];

const RULES: [(&str, &str, &str, &str); 12] = [
    ("executable", "own-good.exe", "Business Tools", "Productive"),
    ("application", "own-plain", "", "Productive"),
    (
        "executable",
        "own-chat.exe",
        "Chat & Messaging",
        "Productive",
    ),
    ("executable", "own-bad.exe", "Games", "Unproductive"),
    ("executable", "own-ignored.exe", "Ignore", ""),
    ("site", "ignored.example.com", "Ignore", "Undefined"),
    ("site", "github.com", "Software Development", "Productive"),
    ("website", "reddit.com", "Social Media", "Unproductive"),
    ("pattern", "*.corp.*", "Notes & Knowledge", "Productive"),
    ("pattern", "own-*", "News", "Unproductive"),
    ("website", "example.co.uk", "Email", ""),
    ("application", "Zoom", "Meeting Software", "Productive"),
];

const CATEGORIES: [(i64, &str); 7] = [
    (1, "Email"),
    (3, "Chat & Messaging"),
    (4, "Meeting Software"),
    (6, "Spreadsheets"),
    (8, "Notes & Knowledge"),
    (9, "Business Tools"),
    (17, "Software Development"),
];

/// The number of a category in the shipped table.
pub fn category_number(name: &str) -> i64 {
    let found = CATEGORIES.iter().find(|(_, other)| *other == name);
    found.map(|(number, _)| *number).unwrap()
}

const WEEK: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

fn text(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

fn settings(dice: &mut Dice, zone: &str, first: NaiveDate) -> Settings {
    let usual = dice.chance(35);
    let mut pick = |default: i64, others: &[i64]| -> i64 {
        if usual || dice.chance(40) {
            default
        } else {
            dice.of(others)
        }
    };
    let collaboration = ["Chat & Messaging".to_owned(), "Meeting Software".to_owned()];
    let mut out = Settings {
        account_id: 7,
        timezone: zone.to_owned(),
        zone_per_user: false,
        week_start: Weekday::Sun,
        weekend: vec![Weekday::Sat, Weekday::Sun],
        screen_details: true,
        as_of: 0,
        collaboration: collaboration.to_vec(),
        bridge: pick(60, &[0, 10, 30, 61, 300]),
        session_min: pick(60, &[1, 30, 61, 120, 600]),
        shift_window: pick(60, &[10, 30, 61, 120, 300]),
        shift_apps: pick(2, &[1, 3, 4]) as usize,
        shift_screens: pick(4, &[1, 2, 3, 6]) as usize,
        residue: pick(180, &[10, 60, 61, 300]),
        last_activity_cap: pick(60, &[1, 10, 30, 120]),
        break_min: pick(300, &[1, 59, 60, 299, 600]),
        break_max_gap: pick(14_400, &[900, 3600, 7200]),
        break_cap: pick(7200, &[600, 900, 3600]),
        active_day_mode: "threshold",
        active_day_seconds: pick(7200, &[1, 60, 360, 600, 1800]),
        productive_goal: pick(6000, &[100, 250, 500, 1000]),
        focused_goal: pick(3000, &[100, 250, 1500]),
        tolerance_percent: pick(30, &[0, 10, 50]),
        office_min_users: pick(2, &[1, 3]) as usize,
        office_min_seconds: pick(3600, &[60, 300, 600]),
        office_days: pick(28, &[1, 2]),
        location_percent: pick(80, &[51, 60, 100]),
        offline_counts: pick(1, &[0]) == 1,
        meeting_gap: pick(60, &[1, 30, 300]),
    };
    out.zone_per_user = dice.chance(50);
    out.screen_details = dice.chance(60);
    out.week_start = dice.of(&[Weekday::Sun, Weekday::Mon, Weekday::Wed]);
    out.weekend = dice.of(&[
        vec![Weekday::Sat, Weekday::Sun],
        vec![Weekday::Fri, Weekday::Sat],
    ]);
    out.active_day_mode = dice.of(&["threshold", "schedule", "hris"]);
    if dice.chance(20) {
        out.collaboration = vec!["Email".to_owned(), "meeting software".to_owned()];
    }
    let seconds = [0, 3600, 40_000, 86_399, dice.below(86_400) as i64];
    let as_of = first.and_hms_opt(0, 0, 0).unwrap()
        + Duration::days(2 + dice.below(4) as i64)
        + Duration::seconds(dice.of(&seconds));
    out.as_of = as_of.and_utc().timestamp_micros() + dice.of(&[0, 0, 500_000]);
    out
}

fn schedules() -> Vec<Schedule> {
    let made = |name: &str, days: &[Weekday], windows: &[(i64, i64)], pause: i64| Schedule {
        name: name.to_owned(),
        flexible: windows.is_empty(),
        windows: days
            .iter()
            .flat_map(|day| {
                let list = if windows.is_empty() {
                    &[(0, 0)][..]
                } else {
                    windows
                };
                list.iter().map(move |(start, end)| (*day, *start, *end))
            })
            .collect(),
        break_minutes: pause,
    };
    vec![
        made("Office", &WEEK[..5], &[(540, 1050)], 45),
        made("Night", &WEEK, &[(1320, 360), (300, 420)], 30),
        made("Odd", &WEEK, &[(150, 180), (90, 150)], 0),
        made("All", &WEEK, &[(0, 1440)], 0),
        made("Halves", &WEEK[1..6], &[(480, 720), (780, 1020)], 500),
        made("Midnight", &WEEK, &[(1439, 1), (30, 60)], 0),
        made("Flex", &WEEK[..5], &[], 0),
        made("Flex days", &WEEK[3..], &[], 20),
    ]
}

fn groups(dice: &mut Dice, world: &mut World, first: NaiveDate) {
    for id in 1..=6 {
        let split = dice.chance(40).then(|| first + Duration::days(2));
        let mut parts = vec![Valid {
            from: None,
            to: split,
        }];
        if dice.chance(70) {
            parts.push(Valid {
                from: split,
                to: None,
            });
        }
        parts.truncate(if split.is_some() { 2 } else { 1 });
        for valid in parts {
            let goals = [None, Some(0), Some(100), Some(500), Some(2000)];
            world.groups.push(Group {
                id,
                name: format!("Group {id}"),
                kind: [1, 1, 3, 2, 0, 9][(id - 1) as usize],
                productive_goal: dice.of(&goals),
                focused_goal: dice.of(&goals),
                rank: Some(10 - id),
                valid,
            });
        }
        if dice.chance(60) {
            for _ in 0..=dice.below(3) {
                let core = (id, dice.of(&CATEGORIES).1.to_owned());
                if !world.core.contains(&core) {
                    world.core.push(core);
                }
            }
        }
    }
    for (index, (kind, value, category, productivity)) in RULES.iter().enumerate() {
        if index < 6 || dice.chance(70) {
            world.rules.push(Rule {
                order: 10 * (1 + dice.below(5) as i64),
                group: None,
                kind: (*kind).to_owned(),
                value: (*value).to_owned(),
                category: text(category),
                productivity: (*productivity).to_owned(),
            });
        }
    }
    for group in 1..=4 {
        let (kind, value, _, _) = dice.of(&RULES);
        world.rules.push(Rule {
            order: 10,
            group: Some(group),
            kind: kind.to_owned(),
            value: value.to_owned(),
            category: text(dice.of(&["Email", "Ignore", "Chat & Messaging", ""])),
            productivity: dice.of(&["Productive", "Unproductive", ""]).to_owned(),
        });
    }
    for (kind, value, application, consolidated) in [
        ("executable", "own-good.exe", "Own Good", "Own"),
        ("site", "github.com", "", "GH"),
        ("website", "reddit.com", "", "Rd"),
    ] {
        world.namings.push(Naming {
            kind: kind.to_owned(),
            value: value.to_owned(),
            application: text(application),
            consolidated: text(consolidated),
        });
    }
    for (what, percent) in [
        ("office-1", 50),
        ("203.0.113.0/24", 60),
        ("203.0.113.128/25", 60),
        ("203.0.113.7", 50),
        ("198.51.100.0/22", 30),
    ] {
        if dice.chance(percent) {
            world.places.push(Place {
                what: what.to_owned(),
                office: dice.chance(50),
            });
        }
    }
}

/// One lake: settings by its seed, people by the islands' seeds.
pub fn lake(seed: u64, islands: &[u64], with_meetings: bool) -> World {
    let mut dice = Dice(seed);
    let scene = SCENES[(seed % SCENES.len() as u64) as usize];
    let (year, month, day) = scene.1;
    let first = NaiveDate::from_ymd_opt(year, month, day).unwrap();
    let mut settings = settings(&mut dice, scene.0, first);
    if settings.zone_per_user && dice.chance(50) {
        settings.timezone = dice.of(&scene.2).to_owned();
    }
    let mut default_schedule = Schedule {
        name: "Default".to_owned(),
        flexible: false,
        windows: WEEK[..5].iter().map(|day| (*day, 540, 1020)).collect(),
        break_minutes: 60,
    };
    if dice.chance(30) {
        default_schedule.windows = WEEK[2..].iter().map(|day| (*day, 450, 990)).collect();
        default_schedule.break_minutes = 30;
    }
    let mut world = World {
        settings,
        people: Vec::new(),
        computers: Vec::new(),
        groups: Vec::new(),
        members: Vec::new(),
        rules: Vec::new(),
        core: Vec::new(),
        namings: Vec::new(),
        schedules: schedules(),
        default_schedule,
        schedule_members: Vec::new(),
        time_off: Vec::new(),
        places: Vec::new(),
        meetings: Vec::new(),
        records: Vec::new(),
        org_before_records: dice.chance(50),
    };
    groups(&mut dice, &mut world, first);
    // Somebody is there every day, so that no date of the lake is without events.
    let noon = first.and_hms_opt(12, 0, 0).unwrap().and_utc().timestamp();
    for day in -1..12 {
        world
            .records
            .push(super::people::keeper(noon + day * 86_400));
    }
    let latest = world.settings.as_of + 86_000_000_000;
    world.records.retain(|record| record.start <= latest);
    for (index, island) in islands.iter().enumerate() {
        let mut dice = Dice(*island);
        let base = 1000 + 10 * (island % 1_000_000) as i64;
        if islands[..index]
            .iter()
            .any(|other| other % 1_000_000 == island % 1_000_000)
        {
            continue;
        }
        for person in 0..=dice.below(4) as i64 {
            super::people::person(
                &mut dice,
                &mut world,
                &scene.2,
                first,
                base + person,
                with_meetings,
            );
        }
    }
    world
}

pub const PROGRAM_COUNT: usize = PROGRAMS.len();

/// (executable, URL) of a program.
pub fn program(index: usize) -> (Option<String>, Option<String>) {
    let (executable, url) = PROGRAMS[index];
    (text(executable), text(url))
}

/// The instant of a local time in a zone named for people.
pub fn instant(zone: &str, local: NaiveDateTime) -> i64 {
    Zone::of(zone).instant(local, false)
}
