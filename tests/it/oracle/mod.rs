//! A second implementation of the definitions, written from them alone.
//!
//! Typed inputs in (settings, organisation, records, qualified meetings), rows of text cells out, by plain
//! loops over records. It must never use the program's own code or its query engine: where both agree,
//! two independent readings of the definitions agree. Speed and memory do not matter here.

mod clip;
mod meetings;
mod names;
mod places;
mod rules;
mod schedules;
mod sequence;
mod shipped;
mod spans;
mod state;
mod stored;
mod views;
pub mod zones;

use std::collections::{BTreeMap, HashMap};

use chrono::{NaiveDate, Weekday};

pub use shipped::{Shipped, table};
pub use state::compute;

/// Account settings that the numbers depend on. Seconds unless the name says otherwise.
#[derive(Clone, Debug)]
pub struct Settings {
    pub account_id: i64,
    pub timezone: String,
    /// `timezone_mode = user`.
    pub zone_per_user: bool,
    pub week_start: Weekday,
    pub weekend: Vec<Weekday>,
    pub screen_details: bool,
    /// Microseconds since 1970.
    pub as_of: i64,
    pub collaboration: Vec<String>,
    pub bridge: i64,
    pub session_min: i64,
    pub shift_window: i64,
    pub shift_apps: usize,
    pub shift_screens: usize,
    pub residue: i64,
    pub last_activity_cap: i64,
    pub break_min: i64,
    pub break_max_gap: i64,
    pub break_cap: i64,
    pub active_day_mode: &'static str,
    pub active_day_seconds: i64,
    /// Thousandths of an hour.
    pub productive_goal: i64,
    pub focused_goal: i64,
    pub tolerance_percent: i64,
    pub office_min_users: usize,
    pub office_min_seconds: i64,
    pub office_days: i64,
    pub location_percent: i64,
    pub offline_counts: bool,
    pub meeting_gap: i64,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub uid: i64,
    pub display_name: Option<String>,
    pub emails: Vec<String>,
    pub principal_names: Vec<String>,
    pub employee_ids: Vec<String>,
    pub tracked: bool,
    /// (domain, login), lower case.
    pub logins: Vec<(String, String)>,
    pub timezone: Option<String>,
}

/// One line of an agent, in order of arrival.
#[derive(Clone, Debug)]
pub struct Record {
    pub event_id: String,
    /// Microseconds since 1970.
    pub start: i64,
    /// Milliseconds, as reported.
    pub duration_ms: i64,
    pub state: Option<&'static str>,
    pub passive_type: Option<i64>,
    pub domain: String,
    pub login: String,
    pub computer: String,
    pub primary_domain: String,
    pub zone: Option<String>,
    pub network: Option<String>,
    pub public_ip: Option<String>,
    pub executable: Option<String>,
    pub title: Option<String>,
    pub url: Option<String>,
    /// Seconds since 1970.
    pub upload: Option<i64>,
}

/// A date range `[from, to)`, open where none is given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Valid {
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
}

impl Valid {
    pub fn on(&self, date: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date < to)
    }
}

#[derive(Clone, Debug)]
pub struct Group {
    pub id: i64,
    pub name: String,
    pub kind: i64,
    /// Thousandths of an hour.
    pub productive_goal: Option<i64>,
    pub focused_goal: Option<i64>,
    pub rank: Option<i64>,
    pub valid: Valid,
}

#[derive(Clone, Debug)]
pub struct Member {
    pub group: i64,
    pub uid: i64,
    pub primary: bool,
    pub valid: Valid,
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub order: i64,
    /// None: the account's.
    pub group: Option<i64>,
    pub kind: String,
    pub value: String,
    pub category: Option<String>,
    pub productivity: String,
}

#[derive(Clone, Debug)]
pub struct Naming {
    pub kind: String,
    pub value: String,
    pub application: Option<String>,
    pub consolidated: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Schedule {
    pub name: String,
    pub flexible: bool,
    /// (weekday, start, end) in minutes of the day; a flexible one has 0 and 0.
    pub windows: Vec<(Weekday, i64, i64)>,
    pub break_minutes: i64,
}

#[derive(Clone, Debug)]
pub struct ScheduleMember {
    pub name: String,
    pub uid: i64,
    pub valid: Valid,
}

#[derive(Clone, Debug)]
pub struct TimeOff {
    pub uid: i64,
    pub first: NaiveDate,
    /// Inclusive.
    pub last: NaiveDate,
    /// None: the day's window.
    pub seconds: Option<i64>,
    pub full: bool,
    pub kind: String,
    pub approved: bool,
}

#[derive(Clone, Debug)]
pub struct Place {
    /// A network id, an address or a CIDR.
    pub what: String,
    pub office: bool,
}

/// A meeting that qualifies, in the person's own calendar. Seconds since 1970.
#[derive(Clone, Debug)]
pub struct Meeting {
    pub uid: i64,
    pub start: i64,
    pub end: i64,
    pub title: Option<String>,
}

#[derive(Clone, Debug)]
pub struct World {
    pub settings: Settings,
    pub people: Vec<Person>,
    /// (id, name, primary domain), lower case.
    pub computers: Vec<(i64, String, String)>,
    pub groups: Vec<Group>,
    pub members: Vec<Member>,
    pub rules: Vec<Rule>,
    /// (group, category).
    pub core: Vec<(i64, String)>,
    pub namings: Vec<Naming>,
    pub schedules: Vec<Schedule>,
    pub default_schedule: Schedule,
    pub schedule_members: Vec<ScheduleMember>,
    pub time_off: Vec<TimeOff>,
    pub places: Vec<Place>,
    pub meetings: Vec<Meeting>,
    pub records: Vec<Record>,
    /// The settings were in force before the records came: untracked people's are refused.
    pub org_before_records: bool,
}

/// Ids that the program derives by hash: (domain, login) and (computer, primary domain), lower case.
#[derive(Clone, Debug, Default)]
pub struct Derived {
    pub users: HashMap<(String, String), i64>,
    pub computers: HashMap<(String, String), i64>,
}

/// None is NULL.
pub type Cell = Option<String>;
pub type Row = BTreeMap<&'static str, Cell>;

/// Rows by view, in no particular order.
#[derive(Debug, Default)]
pub struct Views {
    pub events: Vec<Row>,
    pub activities: Vec<Row>,
    pub user_days: Vec<Row>,
    pub application_days: Vec<Row>,
    pub benchmarks: Vec<Row>,
    pub meeting_hours: Vec<Row>,
}
