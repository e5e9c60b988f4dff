//! The organisation: the CSV files of `inputs.md` §3, checked as one whole.
//!
//! [`Org::parse`] takes file names and texts and gives either the typed tables with warnings, or
//! every problem found in any of them. Dates are days since 1970-01-01; `valid_from` is inclusive,
//! `valid_to` exclusive, `None` open.

mod classes;
mod groups;
mod membership;
mod parse;
mod people;
mod places;
mod schedules;
pub(super) mod seen;
pub(super) mod table;
mod time_off;
mod users;

pub(super) use classes::{
    APPLICATIONS, CATEGORIES, CLASSIFICATION, Names, application_names, applications, categories,
    classification,
};
pub use membership::{GroupsOf, Memberships};
pub use parse::read_folder;
pub use places::Cidr;

/// Days since 1970-01-01.
pub type Day = i32;

/// The half-open dates on which a row is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    pub from: Option<Day>,
    pub to: Option<Day>,
}

impl Validity {
    /// Whether the row is in force on `day`.
    pub fn holds(&self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day < to)
    }
}

/// All settings files, typed. Rows keep their file order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Org {
    pub users: Vec<User>,
    pub computers: Vec<Computer>,
    pub groups: Vec<Group>,
    pub group_members: Vec<GroupMember>,
    /// Empty when the organisation has no categories.csv: the shipped ones hold.
    pub categories: Vec<Category>,
    pub classification: Vec<Rule>,
    pub core_categories: Vec<CoreCategory>,
    pub applications: Vec<Application>,
    pub schedules: Vec<WorkSchedule>,
    pub schedule_members: Vec<ScheduleMember>,
    pub time_off: Vec<TimeOff>,
    pub locations: Vec<Location>,
    pub consumers: Vec<Consumer>,
    pub do_not_track: Vec<DoNotTrack>,
    pub hosts: Vec<HostLogin>,
    /// Where rows stand in their files, for later warnings.
    pub lines: Lines,
}

/// 1-based lines of rows, in the order of the table of the same name; empty when not known. Two
/// are always equal: where a row stands does not change what it says.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    pub group_members: Vec<u64>,
    pub locations: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub uid: i64,
    pub display_name: Option<String>,
    /// Lower case, sorted, distinct.
    pub emails: Vec<String>,
    /// Lower case, sorted, distinct.
    pub user_principal_names: Vec<String>,
    pub employee_ids: Vec<String>,
    /// Default true.
    pub tracked: bool,
    pub logins: Vec<Login>,
    /// Zone override, as typed; checked.
    pub timezone: Option<String>,
}

/// `domain\user`; a login typed without a backslash has no domain. As typed; compare lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub domain: Option<String>,
    pub user: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Computer {
    pub computer_id: i64,
    pub computer_name: String,
    pub primary_domain: Option<String>,
    pub computer_alias: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub group_id: i64,
    pub group_name: String,
    /// 0 Active Directory, 1 in-app, 2 Azure AD, 3 HRDC, others pass through.
    pub group_type: i64,
    pub productive_hrs_day: Option<f64>,
    pub focused_hrs_day: Option<f64>,
    pub core_activity_percent: Option<f64>,
    pub order_rank: Option<i64>,
    pub validity: Validity,
}

/// A member as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// A uid (all digits).
    Uid(i64),
    /// A login, `domain\user` or `user@domain` or `user`.
    Login(Login),
    /// A computer by name.
    Computer(String),
    /// A computer by id (all digits).
    ComputerId(i64),
}

#[derive(Clone, Debug, PartialEq)]
pub struct GroupMember {
    pub group_id: i64,
    pub member: Member,
    pub is_primary: bool,
    pub validity: Validity,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    pub category_id: i64,
    pub category: String,
}

/// Three-way classification; blank is Undefined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Productivity {
    Productive,
    Unproductive,
    Undefined,
}

impl Productivity {
    pub fn as_str(self) -> &'static str {
        match self {
            Productivity::Productive => "Productive",
            Productivity::Unproductive => "Unproductive",
            Productivity::Undefined => "Undefined",
        }
    }
}

/// What a classification rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    Site,
    Website,
    Application,
    Executable,
    /// A glob over the whole string: `*` any run, `?` one character.
    Pattern,
}

/// A classification rule; `group_id` `None` is the account's set.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub order: i64,
    pub group_id: Option<i64>,
    pub matches: Match,
    pub value: String,
    /// The spelling of categories.csv.
    pub category: Option<String>,
    pub productivity: Productivity,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CoreCategory {
    pub group_id: i64,
    pub category_id: i64,
}

/// What a name rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameMatch {
    Executable,
    Site,
    Website,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    pub matches: NameMatch,
    /// Lower case.
    pub value: String,
    pub application: Option<String>,
    pub consolidated_name: Option<String>,
}

/// One schedule with its windows, Monday first.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkSchedule {
    pub schedule_name: String,
    pub flexible: bool,
    pub break_time_minutes: i64,
    pub windows: Vec<Window>,
}

/// Local minutes since midnight; `end <= start` runs into the next day. A flexible schedule has
/// days without times: `start` and `end` are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Days after Monday.
    pub weekday: u8,
    pub start_minutes: u16,
    pub end_minutes: u16,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleMember {
    pub schedule_name: String,
    pub uid: i64,
    pub validity: Validity,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TimeOff {
    /// Resolved by uid, then e-mail or UPN, then employee id.
    pub uid: Option<i64>,
    pub employee: String,
    pub start_date: Day,
    /// Inclusive.
    pub end_date: Day,
    pub hours_per_day: Option<f64>,
    pub full_day: bool,
    pub kind: Option<String>,
    /// Whether status is `approved` in any case; others are kept and count for nothing.
    pub approved: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    pub signature_or_cidr: String,
    /// `Office` or `Remote`.
    pub label: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Consumer {
    pub activtrak_id: i64,
    /// Lower case.
    pub email: String,
    pub role: Role,
    pub viewable_groups: Viewable,
}

/// Roles a consumer may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Admin,
    Configurator,
    PowerUser,
    Viewer,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "Admin",
            Role::Configurator => "Configurator",
            Role::PowerUser => "Power User",
            Role::Viewer => "Viewer",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Viewable {
    All,
    Groups(Vec<i64>),
}

/// `user@domain`, or `user@*` (`domain` `None`). As typed; compare lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoNotTrack {
    pub user: String,
    pub domain: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HostLogin {
    pub hostname: String,
    pub user_name: String,
    pub logon_domain: Option<String>,
    pub validity: Validity,
}

/// A problem of a settings file, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub file: String,
    /// 1-based; 0 when the file as a whole is meant.
    pub line: u64,
    /// Column name, or empty.
    pub column: String,
    pub message: String,
}

#[cfg(test)]
mod testing {
    //! Organisations from texts, for the tests of this room.

    use super::{Category, Org, Problem};
    use crate::config::shipped::Shipped;
    use crate::zone::ZoneNames;

    pub fn zones() -> ZoneNames {
        ZoneNames::new([("W. Europe Standard Time", "Europe/Berlin")])
    }

    pub fn shipped() -> Shipped {
        let categories = [(1, "Email"), (2, "Chat & Messaging")];
        Shipped {
            categories: categories
                .map(|(category_id, name)| Category {
                    category_id,
                    category: name.to_owned(),
                })
                .to_vec(),
            ..Shipped::default()
        }
    }

    fn parse(files: &[(&str, &str)]) -> Result<(Org, Vec<Problem>), Vec<Problem>> {
        let files: Vec<(String, String)> = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        Org::parse(&files, &shipped(), &zones())
    }

    /// Files that are right.
    pub fn org(files: &[(&str, &str)]) -> (Org, Vec<Problem>) {
        parse(files).unwrap()
    }

    /// The problems of files that are wrong, as they are shown.
    pub fn problems(files: &[(&str, &str)]) -> Vec<String> {
        let problems = parse(files).unwrap_err();
        problems.iter().map(ToString::to_string).collect()
    }
}
