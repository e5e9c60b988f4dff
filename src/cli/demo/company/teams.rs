//! The company's teams, and how the company and two of them see certain programs and sites.
//!
//! Constant material for the settings files.

/// A team: everybody of a role. Goals are texts as they stand in the file; blank leaves the account's.
pub(super) struct Team {
    pub group_id: u32,
    pub name: &'static str,
    pub productive_hrs_day: &'static str,
    pub focused_hrs_day: &'static str,
    pub core_activity_percent: &'static str,
    pub role: &'static str,
    /// Categories that are the team's trade, as far as they exist.
    pub core: &'static [&'static str],
}

pub(super) static TEAMS: [Team; 7] = [
    Team {
        group_id: 101,
        name: "Engineering",
        productive_hrs_day: "6.5",
        focused_hrs_day: "3.5",
        core_activity_percent: "60",
        role: "engineer",
        core: &["Software Development"],
    },
    Team {
        group_id: 102,
        name: "Analytics",
        productive_hrs_day: "6",
        focused_hrs_day: "3.5",
        core_activity_percent: "55",
        role: "analyst",
        core: &["Data & Analytics", "Spreadsheets"],
    },
    Team {
        group_id: 103,
        name: "Sales",
        productive_hrs_day: "5.5",
        focused_hrs_day: "2",
        core_activity_percent: "45",
        role: "sales",
        core: &["CRM & Sales", "Presentations"],
    },
    Team {
        group_id: 104,
        name: "Customer Support",
        productive_hrs_day: "6.5",
        focused_hrs_day: "2.5",
        core_activity_percent: "70",
        role: "support",
        core: &["Customer Support"],
    },
    Team {
        group_id: 105,
        name: "Finance",
        productive_hrs_day: "6",
        focused_hrs_day: "3",
        core_activity_percent: "60",
        role: "finance",
        core: &["Accounting & Finance", "Spreadsheets"],
    },
    Team {
        group_id: 106,
        name: "Marketing",
        productive_hrs_day: "",
        focused_hrs_day: "2.5",
        core_activity_percent: "",
        role: "marketer",
        core: &[],
    },
    Team {
        group_id: 107,
        name: "People",
        productive_hrs_day: "5.5",
        focused_hrs_day: "",
        core_activity_percent: "40",
        role: "people",
        core: &["HR & Recruiting"],
    },
];
pub(super) const SALES: u32 = 103;
pub(super) const SUPPORT: u32 = 104;
pub(super) const MARKETING: u32 = 106;
pub(super) const BERLIN_OFFICE: u32 = 201;
pub(super) const ALL_STAFF: u32 = 202;
pub(super) const NIGHT_CREW: u32 = 203;
pub(super) const SHARED_DESKS: u32 = 301;

/// The account's and two teams' own views of things, before the shipped rules are asked: scope,
/// match, value, category, productivity.
pub(super) static RULES: [[&str; 5]; 9] = [
    [
        "account",
        "application",
        "Example ERP",
        "Accounting & Finance",
        "Productive",
    ],
    [
        "account",
        "application",
        "Parallels Desktop",
        "Data & Analytics",
        "Productive",
    ],
    [
        "account",
        "site",
        "wiki.example.com",
        "Notes & Knowledge",
        "Productive",
    ],
    [
        "account",
        "site",
        "grafana.example.com",
        "Data & Analytics",
        "Productive",
    ],
    [
        "account",
        "website",
        "ycombinator.com",
        "News",
        "Unproductive",
    ],
    [
        "account",
        "pattern",
        "*.example.com",
        "Business Tools",
        "Productive",
    ],
    [
        "103",
        "website",
        "linkedin.com",
        "CRM & Sales",
        "Productive",
    ],
    ["106", "website", "linkedin.com", "Marketing", "Productive"],
    ["106", "website", "instagram.com", "Marketing", "Productive"],
];
