//! Every key of `[[integration]]` once: which type it belongs to, and how it is shown.

use chrono::{Days, NaiveDate};
use url::Url;

use super::{GoogleAuth, Integration, Maker, Sync};
use crate::config::SecretRef;
use crate::config::value::{Read, Value, quoted, show_bytes};

/// A key that all makers have, of [`Sync`].
pub(super) struct SyncKey {
    pub(super) name: &'static str,
    /// Reads and checks a value; `Err` says what is allowed.
    pub(super) set: fn(&mut Sync, &Value) -> Read<()>,
    show: fn(&Sync) -> String,
}

macro_rules! integer {
    ($field:ident, $min:expr, $max:expr) => {
        SyncKey {
            name: stringify!($field),
            set: |sync, value| {
                sync.$field = value.integer($min, $max)?;
                Ok(())
            },
            show: |sync| sync.$field.to_string(),
        }
    };
}

/// In the order of the template and of `config show`.
pub(super) static SYNC_KEYS: &[SyncKey] = &[
    integer!(every_minutes, 1, 10_080),
    integer!(backfill_days, 7, 3_650),
    // Answers and edits come late: less than a week would lose them.
    integer!(lookback_days, 7, 365),
    integer!(lookahead_days, 0, 365),
    SyncKey {
        name: "time_off",
        set: |sync, value| {
            sync.time_off = value.boolean()?;
            Ok(())
        },
        show: |sync| sync.time_off.to_string(),
    },
    integer!(people_at_once, 1, 64),
    integer!(batch_people, 1, 10_000),
    integer!(requests_per_minute, 0, 600_000),
    integer!(tries, 1, 20),
    integer!(first_pause_ms, 1, 60_000),
    integer!(longest_pause_seconds, 1, 3_600),
    integer!(longest_retry_after_seconds, 0, 86_400),
    integer!(timeout_seconds, 1, 3_600),
    SyncKey {
        name: "max_body_bytes",
        set: |sync, value| {
            sync.max_body_bytes = value.bytes(64 << 10, 1 << 30)?;
            Ok(())
        },
        show: |sync| {
            quoted(&show_bytes(
                u64::try_from(sync.max_body_bytes).unwrap_or(u64::MAX),
            ))
        },
    },
    integer!(max_events, 1, 10_000_000),
    integer!(max_pages, 1, 1_000_000),
    integer!(remove_guard_percent, 0, 100),
    integer!(remove_guard_min, 0, 1_000_000),
];

/// The types, as `type` says them.
pub(super) const TYPES: [&str; 4] = ["google", "outlook", "caldav", "ics"];

/// The keys that one type has beside `type`, `name` and those of [`SYNC_KEYS`].
pub(super) fn of_type(word: &str) -> &'static [&'static str] {
    match word {
        "google" => &[
            "domain",
            "auth",
            "client_id",
            "client_secret",
            "service_account_key",
            "admin",
            "authorize_url",
            "token_url",
            "revoke_url",
            "directory_url",
            "calendar_url",
        ],
        "outlook" => &[
            "tenant_id",
            "client_id",
            "client_secret",
            "secret_expires",
            "login_url",
            "token_url",
            "graph_url",
        ],
        "caldav" => &["calendars", "username", "password"],
        "ics" => &["calendars"],
        _ => &[],
    }
}

/// The keys whose values refer to secrets.
pub(super) const SECRETS: [&str; 3] = ["client_secret", "service_account_key", "password"];

/// Every effective value of an instance, as TOML would write it, `type` and `name` first; secrets
/// are shown as their references, and what is not set is left out.
pub fn rows(integration: &Integration) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("type", quoted(integration.maker.word())),
        ("name", quoted(&integration.name)),
    ];
    let url = |url: &Url| quoted(url.as_str());
    let secret = |reference: &SecretRef| reference.to_string();
    match &integration.maker {
        Maker::Google(google) => {
            if let Some(domain) = &google.domain {
                rows.push(("domain", quoted(domain)));
            }
            match &google.auth {
                GoogleAuth::OAuth {
                    client_id,
                    client_secret,
                } => rows.extend([
                    ("auth", quoted("oauth")),
                    ("client_id", quoted(client_id)),
                    ("client_secret", secret(client_secret)),
                ]),
                GoogleAuth::ServiceAccount { key, admin } => rows.extend([
                    ("auth", quoted("service_account")),
                    ("service_account_key", secret(key)),
                    ("admin", quoted(admin)),
                ]),
            }
            rows.extend([
                ("authorize_url", url(&google.authorize_url)),
                ("token_url", url(&google.token_url)),
                ("revoke_url", url(&google.revoke_url)),
                ("directory_url", url(&google.directory_url)),
                ("calendar_url", url(&google.calendar_url)),
            ]);
        }
        Maker::Outlook(outlook) => {
            rows.extend([
                ("tenant_id", quoted(&outlook.tenant_id)),
                ("client_id", quoted(&outlook.client_id)),
                ("client_secret", secret(&outlook.client_secret)),
            ]);
            if let Some(day) = outlook.secret_expires {
                rows.push(("secret_expires", show_day(day)));
            }
            rows.push(("login_url", url(&outlook.login_url)));
            if let Some(token) = &outlook.token_url {
                rows.push(("token_url", url(token)));
            }
            rows.push(("graph_url", url(&outlook.graph_url)));
        }
        Maker::Caldav(caldav) => rows.extend([
            ("calendars", quoted(&caldav.calendars.display().to_string())),
            ("username", quoted(&caldav.username)),
            ("password", secret(&caldav.password)),
        ]),
        Maker::Ics(ics) => rows.push(("calendars", quoted(&ics.calendars.display().to_string()))),
    }
    for key in SYNC_KEYS {
        rows.push((key.name, (key.show)(&integration.sync)));
    }
    rows
}

/// Days since 1970-01-01 as `YYYY-MM-DD`.
pub fn show_day(day: i32) -> String {
    let days = Days::new(u64::from(day.unsigned_abs()));
    let epoch = NaiveDate::default();
    let date = if day < 0 {
        epoch.checked_sub_days(days)
    } else {
        epoch.checked_add_days(days)
    };
    date.map_or_else(|| day.to_string(), |date| date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!(show_day(0), "1970-01-01");
        assert_eq!(show_day(-1), "1969-12-31");
        assert_eq!(show_day(20_850), "2027-02-01");
    }

    #[test]
    fn every_shown_default_reads_back_as_itself() {
        let defaults = Sync::default();
        for key in SYNC_KEYS {
            let shown = (key.show)(&defaults);
            let mut sync = Sync::default();
            let typed = Value::Words(shown.trim_matches('"').into());
            assert_eq!((key.set)(&mut sync, &typed), Ok(()), "{}", key.name);
            assert_eq!(sync, defaults, "{}", key.name);
        }
    }
}
