//! The checked settings: every key of `activlake.toml`, typed, with its default.
//!
//! Names are exactly those of `semantics.md` and `inputs.md`; units stand last in a name.

use super::SecretRef;

/// Everything `activlake.toml`, the environment and the flags decide.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// `[[integration]]`, in the order written.
    pub integrations: Vec<super::integration::Integration>,
    pub account: Account,
    pub lake: Lake,
    pub privacy: Privacy,
    pub metrics: Metrics,
    pub connectors: Connectors,
    pub server: Server,
    pub schedule: Schedule,
    pub limits: Limits,
}

/// `[account]`: the company.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// `accountid` of every view; 1 to 2^53 − 1.
    pub id: i64,
    pub name: String,
    pub plan: Plan,
    /// IANA (or Windows) name, as typed; checked.
    pub timezone: String,
    pub timezone_mode: TimezoneMode,
    pub week_start: Weekday,
    pub weekend_days: Vec<Weekday>,
    /// Days of events that are kept; `None` keeps all.
    pub history_days: Option<u32>,
}

/// Tiers in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plan {
    Essentials,
    EssentialsPlus,
    Professional,
}

/// Whose zone decides a local day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimezoneMode {
    Account,
    User,
}

/// A day of the week; the number is days after Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// `[lake]`: where the data lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Lake {
    /// A path or `s3://`, `gs://`, `az://` URL, as typed.
    pub url: String,
    /// Object store options such as `region` or `endpoint`, as typed. Secrets go by reference.
    pub options: std::collections::BTreeMap<String, String>,
    /// Object store options whose values are secrets.
    pub secrets: std::collections::BTreeMap<String, SecretRef>,
}

/// `[privacy]` (`semantics.md` §11).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Privacy {
    pub screen_details: bool,
    pub hash_fields: Vec<PrivateField>,
    /// The key of the hash; needed when `hash_fields` is not empty.
    pub hash_key: Option<SecretRef>,
}

/// A field that `hash_fields` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrivateField {
    User,
    UserName,
    Titlebar,
    DeviceIp,
    PublicIp,
    NetworkId,
}

/// `[metrics]`: all constants of `semantics.md`.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    pub break_min_seconds: i64,
    pub break_max_gap_seconds: i64,
    pub break_cap_seconds: i64,
    pub bridge_seconds: i64,
    pub session_min_seconds: i64,
    pub collaboration_categories: Vec<String>,
    pub shift_window_seconds: i64,
    pub shift_apps: i64,
    pub shift_screens: i64,
    pub residue_seconds: i64,
    pub last_activity_cap_seconds: i64,
    pub active_day_mode: ActiveDayMode,
    pub active_day_seconds: i64,
    pub productive_hrs_day: f64,
    pub focused_hrs_day: f64,
    pub utilization_tolerance_percent: i64,
    pub office_min_users: i64,
    pub office_min_seconds: i64,
    pub office_days: i64,
    pub location_percent: i64,
    pub offline_counts_for_goals: bool,
    pub meeting_max_seconds: i64,
    pub meeting_min_participants: i64,
    pub meeting_show_as: Vec<String>,
    pub meeting_gap_seconds: i64,
    /// At most 86400: the analysis reads one day before and after (`semantics.md` §4).
    pub max_event_seconds: i64,
    pub flood_seconds: i64,
}

/// What makes a day an active one (`semantics.md` §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActiveDayMode {
    Threshold,
    Schedule,
    Hris,
}

/// `[connectors]`: what all `[[integration]]` share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connectors {
    /// The key that seals refresh tokens in the lake: 32 bytes as 64 hex digits or base64.
    pub seal_key: Option<SecretRef>,
}

/// `[server]`: Flight SQL.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// IP address to listen on; anything but loopback needs TLS.
    pub host: String,
    pub port: u16,
    pub tls_cert: Option<std::path::PathBuf>,
    pub tls_key: Option<std::path::PathBuf>,
    /// Idle seconds after which a bearer token ends.
    pub token_idle_seconds: u64,
    pub max_sessions: usize,
    pub max_prepared_per_session: usize,
    pub query_timeout_seconds: u64,
    pub max_message_bytes: usize,
}

/// `[schedule]`: the account's default work schedule and the recompute plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Minutes since midnight, local; `end <= start` runs into the next day.
    pub default_start_minutes: u16,
    pub default_end_minutes: u16,
    pub default_days: Vec<Weekday>,
    pub default_break_minutes: i64,
}

/// `[limits]`: every bound, in bytes or rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The query engine's memory pool; operators spill beyond it.
    pub memory_bytes: usize,
    /// Bytes of spill files allowed on disk.
    pub spill_bytes: u64,
    /// Worker threads and plan partitions; 0 is one per core.
    pub threads: usize,
    /// Events collected before an ingest commit.
    pub ingest_batch_rows: usize,
    /// Bytes of events collected before an ingest commit.
    pub ingest_batch_bytes: usize,
    /// Bytes of the in-memory filter of known event keys.
    pub ingest_filter_bytes: usize,
    /// Bytes of what is remembered of the ends of Parquet files, so that queries need not read them again.
    pub file_metadata_bytes: usize,
    /// Bytes of the columns of small files that a server keeps between queries, out of the memory.
    pub column_cache_bytes: usize,
    pub max_row_bytes: usize,
    /// Input rows of the days that one recompute step takes at once.
    pub chunk_rows: usize,
    pub batch_rows: usize,
    /// Rows of a Parquet row group.
    pub row_group_rows: usize,
}

impl Default for Account {
    fn default() -> Self {
        Account {
            id: 1,
            name: String::new(),
            plan: Plan::Professional,
            timezone: "UTC".into(),
            timezone_mode: TimezoneMode::Account,
            week_start: Weekday::Sunday,
            weekend_days: vec![Weekday::Saturday, Weekday::Sunday],
            history_days: None,
        }
    }
}

impl Default for Lake {
    fn default() -> Self {
        Lake {
            url: "./lake".into(),
            options: Default::default(),
            secrets: Default::default(),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            break_min_seconds: 300,
            break_max_gap_seconds: 14_400,
            break_cap_seconds: 7_200,
            bridge_seconds: 60,
            session_min_seconds: 60,
            collaboration_categories: vec!["Chat & Messaging".into(), "Meeting Software".into()],
            shift_window_seconds: 60,
            shift_apps: 2,
            shift_screens: 4,
            residue_seconds: 180,
            last_activity_cap_seconds: 60,
            active_day_mode: ActiveDayMode::Threshold,
            active_day_seconds: 7_200,
            productive_hrs_day: 6.0,
            focused_hrs_day: 3.0,
            utilization_tolerance_percent: 30,
            office_min_users: 2,
            office_min_seconds: 3_600,
            office_days: 28,
            location_percent: 80,
            offline_counts_for_goals: true,
            meeting_max_seconds: 28_800,
            meeting_min_participants: 2,
            meeting_show_as: ["busy", "tentative", "unknown", "workingElsewhere"]
                .map(String::from)
                .to_vec(),
            meeting_gap_seconds: 60,
            max_event_seconds: 86_400,
            flood_seconds: 5,
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Server {
            host: "127.0.0.1".into(),
            port: 32010,
            tls_cert: None,
            tls_key: None,
            token_idle_seconds: 3_600,
            max_sessions: 1_000,
            max_prepared_per_session: 100,
            query_timeout_seconds: 600,
            max_message_bytes: 2 * 1024 * 1024,
        }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        use Weekday::*;
        Schedule {
            default_start_minutes: 9 * 60,
            default_end_minutes: 17 * 60,
            default_days: vec![Monday, Tuesday, Wednesday, Thursday, Friday],
            default_break_minutes: 60,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes: 1 << 30,
            spill_bytes: 64 << 30,
            threads: 0,
            ingest_batch_rows: 200_000,
            ingest_batch_bytes: 64 << 20,
            ingest_filter_bytes: 256 << 20,
            file_metadata_bytes: 64 << 20,
            column_cache_bytes: 128 << 20,
            max_row_bytes: 1 << 20,
            chunk_rows: 1_000_000,
            batch_rows: 8_192,
            row_group_rows: 131_072,
        }
    }
}
