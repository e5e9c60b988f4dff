//! What people do with their time: kinds of work, talk, meetings and distractions.
//!
//! Constant material: each mix says how often each thing comes up.

use super::things::{self, Thing};

/// Things and how often each comes up.
pub(super) type Mix = &'static [(u32, &'static Thing)];

/// What distracts: mostly nothing to do with the work.
pub(super) static DRIFT: Mix = &[
    (22, &things::NEWS),
    (18, &things::VIDEO),
    (14, &things::SHOPPING),
    (14, &things::SOCIAL),
    (8, &things::TRAVEL),
    (8, &things::LINKEDIN),
    (6, &things::SPOTIFY),
    (5, &things::SEARCH),
];

/// Where people who use both kinds of chat and mail talk.
pub(super) static TALK_MICROSOFT: Mix = &[(55, &things::TEAMS), (45, &things::OUTLOOK)];
/// The same for the other half of the company.
pub(super) static TALK_GOOGLE: Mix = &[
    (60, &things::SLACK),
    (34, &things::GMAIL),
    (6, &things::GOOGLE_CALENDAR),
];
/// Meetings, one program a person.
pub(super) static MEETINGS: [&Thing; 4] = [
    &things::TEAMS_MEETING,
    &things::ZOOM,
    &things::GOOGLE_MEET,
    &things::TEAMS_MEETING,
];

/// A kind of work: what is focused on, and what the rest of the day is made of.
pub(super) struct Role {
    /// First half of the login, such as `analyst` in `analyst.03`.
    pub login: &'static str,
    /// The same for people to read.
    pub name: &'static str,
    pub focus: Mix,
    pub work: Mix,
}

pub(super) static ENGINEER: Role = Role {
    login: "engineer",
    name: "Engineer",
    focus: &[
        (70, &things::CODE),
        (14, &things::TERMINAL),
        (10, &things::GITHUB),
        (6, &things::GOOGLE_DOCS),
    ],
    work: &[
        (22, &things::CODE),
        (14, &things::TERMINAL),
        (18, &things::GITHUB),
        (10, &things::JIRA),
        (6, &things::CONFLUENCE),
        (7, &things::STACKOVERFLOW),
        (8, &things::SEARCH),
        (5, &things::ASSISTANT),
        (4, &things::POSTMAN),
        (4, &things::GRAFANA),
        (2, &things::EXPLORER),
    ],
};
pub(super) static ANALYST: Role = Role {
    login: "analyst",
    name: "Analyst",
    focus: &[
        (45, &things::EXCEL),
        (30, &things::POWER_BI),
        (15, &things::TABLEAU),
        (10, &things::GOOGLE_DOCS),
    ],
    work: &[
        (26, &things::EXCEL),
        (14, &things::POWER_BI),
        (10, &things::TABLEAU),
        (10, &things::GOOGLE_DOCS),
        (9, &things::POWERPOINT),
        (9, &things::SEARCH),
        (6, &things::CONFLUENCE),
        (6, &things::EXPLORER),
        (5, &things::ASSISTANT),
        (5, &things::SHAREPOINT),
    ],
};
pub(super) static SALES: Role = Role {
    login: "sales",
    name: "Sales",
    focus: &[
        (50, &things::SALESFORCE),
        (30, &things::POWERPOINT),
        (20, &things::WORD),
    ],
    work: &[
        (30, &things::SALESFORCE),
        (14, &things::LINKEDIN),
        (10, &things::POWERPOINT),
        (8, &things::EXCEL),
        (8, &things::HUBSPOT),
        (8, &things::SEARCH),
        (7, &things::SHAREPOINT),
        (6, &things::ACROBAT),
        (5, &things::DRIVE),
        (4, &things::TRAVEL),
    ],
};
pub(super) static SUPPORT: Role = Role {
    login: "support",
    name: "Support",
    focus: &[(85, &things::ZENDESK), (15, &things::CONFLUENCE)],
    work: &[
        (44, &things::ZENDESK),
        (14, &things::CONFLUENCE),
        (10, &things::JIRA),
        (8, &things::SALESFORCE),
        (8, &things::SEARCH),
        (6, &things::GRAFANA),
        (5, &things::NOTEPAD),
        (5, &things::ACROBAT),
    ],
};
pub(super) static FINANCE: Role = Role {
    login: "finance",
    name: "Finance",
    focus: &[(55, &things::EXCEL), (45, &things::LEDGER)],
    work: &[
        (30, &things::EXCEL),
        (32, &things::LEDGER),
        (14, &things::ACROBAT),
        (8, &things::WORD),
        (6, &things::SHAREPOINT),
        (5, &things::SEARCH),
        (5, &things::EXPLORER),
    ],
};
pub(super) static MARKETER: Role = Role {
    login: "marketer",
    name: "Marketer",
    focus: &[
        (40, &things::FIGMA),
        (30, &things::GOOGLE_DOCS),
        (30, &things::PHOTOSHOP),
    ],
    work: &[
        (18, &things::FIGMA),
        (18, &things::GOOGLE_DOCS),
        (14, &things::HUBSPOT),
        (12, &things::LINKEDIN),
        (10, &things::SEARCH),
        (8, &things::PHOTOSHOP),
        (8, &things::DRIVE),
        (6, &things::SOCIAL),
        (6, &things::ASSISTANT),
    ],
};
pub(super) static PEOPLE: Role = Role {
    login: "people",
    name: "People Partner",
    focus: &[(60, &things::WORD), (40, &things::GOOGLE_DOCS)],
    work: &[
        (24, &things::WORKDAY),
        (20, &things::WORD),
        (16, &things::EXCEL),
        (14, &things::GOOGLE_DOCS),
        (10, &things::LINKEDIN),
        (10, &things::CONFLUENCE),
        (6, &things::SEARCH),
    ],
};
pub(super) static CONTRACTOR: Role = Role {
    login: "contractor",
    name: "Contractor",
    focus: ENGINEER.focus,
    work: ENGINEER.work,
};
