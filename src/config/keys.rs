//! Every key of the settings once: its name, how it is read and checked, how it is shown.
//!
//! File, environment and flags all go through this table, and so does `config show`; a key that
//! is not here does not exist.

use std::path::PathBuf;

use super::nearest::did_you_mean;
use super::settings::{ActiveDayMode, Plan, PrivateField, Settings, TimezoneMode};
use super::value::{Read, Value, WEEKDAYS, quoted, show_bytes, show_time};

/// A key with one value.
pub struct Key {
    /// `section.key`.
    pub name: &'static str,
    /// Whether the value refers to a secret: then what was typed is never repeated.
    pub secret: bool,
    /// Reads and checks a value; `Err` says what is allowed.
    pub set: fn(&mut Settings, &Value) -> Read<()>,
    /// The effective value, as TOML would write it.
    pub show: fn(&Settings) -> String,
}

/// Sections whose keys the user names: `lake.options.region`, `lake.secrets.secret_access_key`.
pub const OPEN: [&str; 2] = ["lake.options", "lake.secrets"];

/// `[[integration]]` tables, whose keys are in [`super::integration`].
pub const INTEGRATION: &str = "integration";

/// What a value that is not set shows as.
pub const UNSET: &str = "(none)";

/// The largest id: readers hold numbers as doubles.
pub const MAX_ID: i64 = (1 << 53) - 1;

const DAY_SECONDS: i64 = 86_400;
const COUNT: i64 = 1_000_000_000;

macro_rules! key {
    ($name:expr, $set:expr, $show:expr) => {
        Key {
            name: $name,
            secret: false,
            set: $set,
            show: $show,
        }
    };
}

/// An integer field of `min..=max`.
macro_rules! integer {
    ($section:ident.$field:ident, $min:expr, $max:expr) => {
        key!(
            concat_name!($section.$field),
            |settings, value| {
                settings.$section.$field = value.integer($min, $max)?;
                Ok(())
            },
            |settings| settings.$section.$field.to_string()
        )
    };
}

macro_rules! concat_name {
    ($section:ident.$field:ident) => {
        concat!(stringify!($section), ".", stringify!($field))
    };
}

/// A field in bytes under a key without the unit.
macro_rules! bytes {
    ($name:literal, $section:ident.$field:ident, $min:expr, $max:expr) => {
        key!(
            $name,
            |settings, value| {
                settings.$section.$field = value.bytes($min, $max)?;
                Ok(())
            },
            |settings| {
                let bytes = u64::try_from(settings.$section.$field).unwrap_or(u64::MAX);
                quoted(&show_bytes(bytes))
            }
        )
    };
}

/// A field that is one of some words.
macro_rules! choice {
    ($section:ident.$field:ident, $choices:expr) => {
        key!(
            concat_name!($section.$field),
            |settings, value| {
                settings.$section.$field = value.choice(&$choices)?;
                Ok(())
            },
            |settings| name_of(&$choices, &settings.$section.$field)
        )
    };
}

macro_rules! boolean {
    ($section:ident.$field:ident) => {
        key!(
            concat_name!($section.$field),
            |settings, value| {
                settings.$section.$field = value.boolean()?;
                Ok(())
            },
            |settings| settings.$section.$field.to_string()
        )
    };
}

/// A list of days.
macro_rules! weekdays {
    ($section:ident.$field:ident) => {
        key!(
            concat_name!($section.$field),
            |settings, value| {
                settings.$section.$field = value.weekdays()?;
                Ok(())
            },
            |settings| {
                list(
                    settings
                        .$section
                        .$field
                        .iter()
                        .map(|day| name_of(&WEEKDAYS, day)),
                )
            }
        )
    };
}

/// An optional path.
macro_rules! path {
    ($section:ident.$field:ident) => {
        key!(
            concat_name!($section.$field),
            |settings, value| {
                let text = value.text()?;
                if text.is_empty() {
                    return Err("the path of a file is allowed".to_owned());
                }
                settings.$section.$field = Some(PathBuf::from(text));
                Ok(())
            },
            |settings| match &settings.$section.$field {
                Some(path) => quoted(&path.display().to_string()),
                None => UNSET.to_owned(),
            }
        )
    };
}

/// An optional reference to a secret.
macro_rules! secret {
    ($section:ident.$field:ident) => {
        Key {
            name: concat_name!($section.$field),
            secret: true,
            set: |settings, value| {
                settings.$section.$field = Some(value.secret()?);
                Ok(())
            },
            show: |settings| match &settings.$section.$field {
                Some(reference) => reference.to_string(),
                None => UNSET.to_owned(),
            },
        }
    };
}

const PLANS: [(&str, Plan); 3] = [
    ("essentials", Plan::Essentials),
    ("essentials_plus", Plan::EssentialsPlus),
    ("professional", Plan::Professional),
];

const TIMEZONE_MODES: [(&str, TimezoneMode); 2] = [
    ("account", TimezoneMode::Account),
    ("user", TimezoneMode::User),
];

const ACTIVE_DAY_MODES: [(&str, ActiveDayMode); 3] = [
    ("threshold", ActiveDayMode::Threshold),
    ("schedule", ActiveDayMode::Schedule),
    ("hris", ActiveDayMode::Hris),
];

const PRIVATE_FIELDS: [(&str, PrivateField); 6] = [
    ("user", PrivateField::User),
    ("user_name", PrivateField::UserName),
    ("titlebar", PrivateField::Titlebar),
    ("device_ip", PrivateField::DeviceIp),
    ("public_ip", PrivateField::PublicIp),
    ("network_id", PrivateField::NetworkId),
];

/// `show_as` of a meeting (`inputs.md` §4), as calendars spell it.
const SHOW_AS: [(&str, &str); 6] = [
    ("free", "free"),
    ("busy", "busy"),
    ("tentative", "tentative"),
    ("oof", "oof"),
    ("workingElsewhere", "workingElsewhere"),
    ("unknown", "unknown"),
];

/// All keys, in the order of the template and of `config show`.
pub static KEYS: &[Key] = &[
    integer!(account.id, 1, MAX_ID),
    key!(
        "account.name",
        |settings, value| {
            settings.account.name = value.text()?;
            Ok(())
        },
        |settings| quoted(&settings.account.name)
    ),
    choice!(account.plan, PLANS),
    key!(
        "account.timezone",
        |settings, value| {
            settings.account.timezone = value.text()?;
            Ok(())
        },
        |settings| quoted(&settings.account.timezone)
    ),
    choice!(account.timezone_mode, TIMEZONE_MODES),
    choice!(account.week_start, WEEKDAYS),
    weekdays!(account.weekend_days),
    key!(
        "account.history_days",
        |settings, value| {
            settings.account.history_days = match value.text() {
                Ok(text) if text.eq_ignore_ascii_case("unlimited") => None,
                _ => Some(value.integer(1, 36_500).map_err(|allowed| {
                    allowed.replace("is allowed", "or \"unlimited\" is allowed")
                })?),
            };
            Ok(())
        },
        |settings| match settings.account.history_days {
            Some(days) => days.to_string(),
            None => quoted("unlimited"),
        }
    ),
    key!(
        "lake.url",
        |settings, value| {
            let url = value.text()?;
            let scheme = url.split_once("://").map(|(scheme, _)| scheme);
            if url.is_empty() || scheme.is_some_and(|name| !["s3", "gs", "az"].contains(&name)) {
                return Err("a path or an s3://, gs:// or az:// URL is allowed".to_owned());
            }
            settings.lake.url = url;
            Ok(())
        },
        |settings| quoted(&settings.lake.url)
    ),
    boolean!(privacy.screen_details),
    key!(
        "privacy.hash_fields",
        |settings, value| {
            settings.privacy.hash_fields = value.distinct(|item| item.choice(&PRIVATE_FIELDS))?;
            Ok(())
        },
        |settings| list(
            settings
                .privacy
                .hash_fields
                .iter()
                .map(|field| name_of(&PRIVATE_FIELDS, field))
        )
    ),
    secret!(privacy.hash_key),
    integer!(metrics.break_min_seconds, 0, DAY_SECONDS),
    integer!(metrics.break_max_gap_seconds, 0, DAY_SECONDS),
    integer!(metrics.break_cap_seconds, 0, DAY_SECONDS),
    integer!(metrics.bridge_seconds, 0, DAY_SECONDS),
    integer!(metrics.session_min_seconds, 0, DAY_SECONDS),
    key!(
        "metrics.collaboration_categories",
        |settings, value| {
            settings.metrics.collaboration_categories = value.names()?;
            Ok(())
        },
        |settings| list(
            settings
                .metrics
                .collaboration_categories
                .iter()
                .map(|name| quoted(name))
        )
    ),
    integer!(metrics.shift_window_seconds, 0, DAY_SECONDS),
    integer!(metrics.shift_apps, 0, 1_000),
    integer!(metrics.shift_screens, 0, 1_000),
    integer!(metrics.residue_seconds, 0, DAY_SECONDS),
    integer!(metrics.last_activity_cap_seconds, 0, DAY_SECONDS),
    choice!(metrics.active_day_mode, ACTIVE_DAY_MODES),
    integer!(metrics.active_day_seconds, 0, DAY_SECONDS),
    key!(
        "metrics.productive_hrs_day",
        |settings, value| {
            settings.metrics.productive_hrs_day = value.number(0.0, 24.0)?;
            Ok(())
        },
        |settings| format!("{:?}", settings.metrics.productive_hrs_day)
    ),
    key!(
        "metrics.focused_hrs_day",
        |settings, value| {
            settings.metrics.focused_hrs_day = value.number(0.0, 24.0)?;
            Ok(())
        },
        |settings| format!("{:?}", settings.metrics.focused_hrs_day)
    ),
    integer!(metrics.utilization_tolerance_percent, 0, 100),
    integer!(metrics.office_min_users, 1, 1_000_000),
    integer!(metrics.office_min_seconds, 0, 366 * DAY_SECONDS),
    integer!(metrics.office_days, 1, 366),
    integer!(metrics.location_percent, 51, 100),
    boolean!(metrics.offline_counts_for_goals),
    integer!(metrics.meeting_max_seconds, 0, DAY_SECONDS),
    integer!(metrics.meeting_min_participants, 0, 1_000),
    key!(
        "metrics.meeting_show_as",
        |settings, value| {
            settings.metrics.meeting_show_as = value
                .distinct(|item| item.choice(&SHOW_AS))?
                .into_iter()
                .map(str::to_owned)
                .collect();
            Ok(())
        },
        |settings| list(
            settings
                .metrics
                .meeting_show_as
                .iter()
                .map(|name| quoted(name))
        )
    ),
    integer!(metrics.meeting_gap_seconds, 0, DAY_SECONDS),
    integer!(metrics.max_event_seconds, 1, DAY_SECONDS),
    integer!(metrics.flood_seconds, 0, 3_600),
    secret!(connectors.seal_key),
    key!(
        "server.host",
        |settings, value| {
            let host = value.text()?;
            if host.parse::<std::net::IpAddr>().is_err() {
                return Err("an IP address such as 127.0.0.1, 0.0.0.0 or ::1 is allowed".to_owned());
            }
            settings.server.host = host;
            Ok(())
        },
        |settings| quoted(&settings.server.host)
    ),
    integer!(server.port, 0, 65_535),
    path!(server.tls_cert),
    path!(server.tls_key),
    integer!(server.token_idle_seconds, 1, 366 * DAY_SECONDS),
    integer!(server.max_sessions, 1, COUNT),
    integer!(server.max_prepared_per_session, 1, COUNT),
    integer!(server.query_timeout_seconds, 1, 366 * DAY_SECONDS),
    bytes!(
        "server.max_message_bytes",
        server.max_message_bytes,
        65_536,
        1 << 30
    ),
    key!(
        "schedule.default_start",
        |settings, value| {
            settings.schedule.default_start_minutes = value.time_of_day()?;
            Ok(())
        },
        |settings| quoted(&show_time(settings.schedule.default_start_minutes))
    ),
    key!(
        "schedule.default_end",
        |settings, value| {
            settings.schedule.default_end_minutes = value.time_of_day()?;
            Ok(())
        },
        |settings| quoted(&show_time(settings.schedule.default_end_minutes))
    ),
    weekdays!(schedule.default_days),
    integer!(schedule.default_break_minutes, 0, 1_440),
    bytes!("limits.memory", limits.memory_bytes, 1 << 20, 1 << 50),
    bytes!("limits.spill", limits.spill_bytes, 0, 1 << 60),
    integer!(limits.threads, 0, 4_096),
    integer!(limits.ingest_batch_rows, 1, COUNT),
    bytes!(
        "limits.ingest_batch",
        limits.ingest_batch_bytes,
        1 << 10,
        1 << 40
    ),
    bytes!(
        "limits.ingest_filter",
        limits.ingest_filter_bytes,
        1 << 10,
        1 << 40
    ),
    bytes!(
        "limits.file_metadata",
        limits.file_metadata_bytes,
        1 << 10,
        1 << 40
    ),
    bytes!("limits.column_cache", limits.column_cache_bytes, 0, 1 << 40),
    bytes!("limits.max_row", limits.max_row_bytes, 1 << 10, 1 << 30),
    integer!(limits.chunk_rows, 1, COUNT),
    integer!(limits.batch_rows, 1, 1_048_576),
    integer!(limits.row_group_rows, 1, COUNT),
];

/// The key of a name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The open section that a key lies in, and the user's own name in it.
pub fn open(name: &str) -> Option<(&'static str, &str)> {
    OPEN.iter().find_map(|section| {
        let rest = name.strip_prefix(section)?.strip_prefix('.')?;
        (!rest.is_empty()).then_some((*section, rest))
    })
}

/// The sections, in order.
pub fn sections() -> Vec<&'static str> {
    let mut found: Vec<&str> = Vec::new();
    for (section, _) in KEYS.iter().filter_map(|key| key.name.split_once('.')) {
        if !found.contains(&section) {
            found.push(section);
        }
    }
    found
}

/// Sets an entry of an open section; `Err` says what is allowed.
pub fn set_open(settings: &mut Settings, section: &str, name: &str, value: &Value) -> Read<()> {
    if section == "lake.secrets" {
        settings
            .lake
            .secrets
            .insert(name.to_owned(), value.secret()?);
        return Ok(());
    }
    if is_secret_option(name) {
        return Err(format!(
            "a secret is not written here: give lake.secrets.{name} a reference \
             {{ env = \"NAME\" }} or {{ file = \"PATH\" }}"
        ));
    }
    let text = match value {
        Value::Integer(number) => number.to_string(),
        Value::Boolean(yes) => yes.to_string(),
        other => other
            .text()
            .map_err(|_| "text, an integer, true or false is allowed".to_owned())?,
    };
    settings.lake.options.insert(name.to_owned(), text);
    Ok(())
}

/// Whether an object store option of this name holds a secret.
pub fn is_secret_option(name: &str) -> bool {
    const ENDS: [&str; 12] = [
        "secret",
        "secret_access_key",
        "secret_key",
        "password",
        "token",
        "account_key",
        "access_key",
        "master_key",
        "sas_key",
        "service_account_key",
        "credential",
        "credentials",
    ];
    let name = name.to_ascii_lowercase();
    ENDS.iter().any(|end| name.ends_with(end))
}

/// What to say about a key that does not exist.
pub fn unknown(name: &str) -> String {
    let sections = sections();
    let (section, key) = name.split_once('.').unwrap_or((name, name));
    // The same key in another section is the likeliest slip.
    let elsewhere = KEYS
        .iter()
        .map(|known| known.name)
        .find(|known| known.split_once('.').is_some_and(|(_, last)| last == key));
    if section == INTEGRATION {
        return "[[integration]] tables stand in the settings file only".to_owned();
    }
    if !sections.contains(&section) {
        let mut guess = did_you_mean(section, sections.iter().copied().chain([INTEGRATION]));
        if let (true, Some(known)) = (guess.is_empty(), elsewhere) {
            guess = format!(", did you mean '{known}'?");
        }
        return format!("no such section{guess} (sections: {})", sections.join(", "));
    }
    let keys: Vec<&str> = KEYS
        .iter()
        .map(|known| known.name)
        .chain(OPEN)
        .filter_map(|known| known.strip_prefix(section)?.strip_prefix('.'))
        .collect();
    let guess = match elsewhere {
        Some(known) => format!(", did you mean '{known}'?"),
        None => did_you_mean(key, keys.iter().copied()),
    };
    format!(
        "no such key{guess} (keys of [{section}]: {})",
        keys.join(", ")
    )
}

fn name_of<T: PartialEq>(choices: &[(&str, T)], value: &T) -> String {
    choices
        .iter()
        .find(|(_, choice)| choice == value)
        .map_or_else(String::new, |(name, _)| quoted(name))
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shown_default_reads_back_as_itself() {
        let defaults = Settings::default();
        for key in KEYS {
            let shown = (key.show)(&defaults);
            if shown == UNSET {
                continue;
            }
            // A fresh value, so that a key that writes another's field is seen.
            let mut settings = Settings::default();
            let read = (key.set)(&mut settings, &Value::Words(shown.trim_matches('"').into()));
            assert_eq!(read, Ok(()), "{} = {shown}", key.name);
            assert_eq!(settings, defaults, "{} = {shown}", key.name);
        }
    }

    #[test]
    fn keys_are_distinct_and_grouped_by_section() {
        let mut seen = std::collections::HashSet::new();
        assert!(KEYS.iter().all(|key| seen.insert(key.name)));
        let order: Vec<&str> = KEYS
            .iter()
            .filter_map(|k| Some(k.name.split_once('.')?.0))
            .collect();
        let mut runs = order.clone();
        runs.dedup();
        assert_eq!(runs, sections());
    }

    #[test]
    fn options_that_hold_secrets_are_known() {
        for name in [
            "aws_secret_access_key",
            "session_token",
            "azure_storage_account_key",
            "PASSWORD",
        ] {
            assert!(is_secret_option(name), "{name}");
        }
        for name in ["region", "endpoint", "aws_access_key_id", "allow_http"] {
            assert!(!is_secret_option(name), "{name}");
        }
    }

    #[test]
    fn an_unknown_key_names_what_was_meant() {
        assert!(unknown("metrics.bridge_second").contains("'bridge_seconds'"));
        assert!(unknown("metrics.port").contains("'server.port'"));
        assert!(unknown("metrcs.foo").contains("'metrics'"));
        assert!(unknown("port").contains("'server.port'"));
        assert!(unknown("lake.option").contains("'options'"));
    }
}
