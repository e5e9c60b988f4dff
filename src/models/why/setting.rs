//! The settings that took part in a number, with their values and where each comes from.

use crate::config::Shown;

/// A setting in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// With its section: `metrics.break_min_seconds`.
    pub name: String,
    /// As a settings file would say it.
    pub value: String,
    /// `default`, a file and line, a variable of the environment, or `flag`.
    pub origin: String,
}

impl Setting {
    /// Whole numbers and truths as such, all else as text.
    pub fn json(&self) -> serde_json::Value {
        let value = self.value.as_str();
        let value: serde_json::Value = match (value.parse::<i64>(), value.parse::<bool>()) {
            (Ok(number), _) => number.into(),
            (_, Ok(truth)) => truth.into(),
            _ => value.trim_matches('"').into(),
        };
        serde_json::json!({"name": self.name, "value": value, "origin": self.origin})
    }
}

/// The named settings in the order of the settings file; each once.
pub fn settings_of(shown: &Shown, names: &[&str]) -> Vec<Setting> {
    shown
        .rows()
        .into_iter()
        .filter(|(name, _, _)| names.contains(&name.as_str()))
        .map(|(name, value, origin)| Setting {
            name,
            value,
            origin,
        })
        .collect()
}

/// From productive to too many things at once.
pub const SHIFTS: &[&str] = &[
    "metrics.shift_window_seconds",
    "metrics.shift_apps",
    "metrics.shift_screens",
    "privacy.screen_details",
];

/// Beside [`SHIFTS`].
pub const MULTITASKING: &[&str] = &[
    "metrics.residue_seconds",
    "metrics.last_activity_cap_seconds",
    "metrics.collaboration_categories",
];

pub const COLLABORATION: &[&str] = &["metrics.collaboration_categories"];

pub const SESSIONS: &[&str] = &["metrics.bridge_seconds", "metrics.session_min_seconds"];

pub const BREAKS: &[&str] = &[
    "metrics.break_min_seconds",
    "metrics.break_max_gap_seconds",
    "metrics.break_cap_seconds",
];

pub const MEETINGS: &[&str] = &[
    "metrics.meeting_max_seconds",
    "metrics.meeting_min_participants",
    "metrics.meeting_show_as",
    "metrics.meeting_gap_seconds",
];

pub const DEFAULT_SCHEDULE: &[&str] = &[
    "schedule.default_start",
    "schedule.default_end",
    "schedule.default_days",
    "schedule.default_break_minutes",
];

pub const ZONE: &[&str] = &["account.timezone", "account.timezone_mode"];

pub const LOCATION: &[&str] = &[
    "metrics.office_min_users",
    "metrics.office_min_seconds",
    "metrics.office_days",
    "metrics.location_percent",
];
