//! `[[integration]]`: the calendars of a company, one table an instance.
//!
//! What was typed becomes checked values here, every problem at once, as with all other settings.
//! Secrets stay references.

pub(super) mod checks;
mod keys;
pub(super) mod parse;

pub use checks::{address, day, domain, guid, instance_name, is_variable, tenant};
pub use keys::{rows, show_day};

use std::path::{Path, PathBuf};

use url::Url;

use super::SecretRef;

/// One instance of a connector.
#[derive(Clone, Debug, PartialEq)]
pub struct Integration {
    /// The instance's name: unique, 1 to 60 of `a-z 0-9 - _ .`; part of every stored row.
    pub name: String,
    /// The maker, with what it alone needs.
    pub maker: Maker,
    pub sync: Sync,
}

impl Integration {
    /// Takes relative paths from `folder`, that of the settings file.
    pub(super) fn resolve(&mut self, folder: &Path) {
        let secret = |reference: &mut SecretRef| {
            if let SecretRef::File(path) = reference {
                *path = folder.join(&*path);
            }
        };
        match &mut self.maker {
            Maker::Google(google) => match &mut google.auth {
                GoogleAuth::OAuth { client_secret, .. } => secret(client_secret),
                GoogleAuth::ServiceAccount { key, .. } => secret(key),
            },
            Maker::Outlook(outlook) => secret(&mut outlook.client_secret),
            Maker::Caldav(caldav) => {
                secret(&mut caldav.password);
                caldav.calendars = folder.join(&caldav.calendars);
            }
            Maker::Ics(ics) => ics.calendars = folder.join(&ics.calendars),
        }
    }
}

/// Who makes the calendars.
#[derive(Clone, Debug, PartialEq)]
pub enum Maker {
    Google(Google),
    Outlook(Outlook),
    Caldav(Caldav),
    Ics(Ics),
}

impl Maker {
    /// As `type` says it.
    pub fn word(&self) -> &'static str {
        match self {
            Maker::Google(_) => "google",
            Maker::Outlook(_) => "outlook",
            Maker::Caldav(_) => "caldav",
            Maker::Ics(_) => "ics",
        }
    }
}

/// `type = "google"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Google {
    /// `domain`: the calendar domain whose directory is read; every domain of the customer when
    /// absent.
    pub domain: Option<String>,
    pub auth: GoogleAuth,
    /// `authorize_url`; where a super admin consents.
    pub authorize_url: Url,
    /// `token_url`.
    pub token_url: Url,
    /// `revoke_url`.
    pub revoke_url: Url,
    /// `directory_url`: the base before `/admin/directory/v1`.
    pub directory_url: Url,
    /// `calendar_url`: the base before `/calendars` (it ends in `/calendar/v3`).
    pub calendar_url: Url,
}

/// How Google is entered.
#[derive(Clone, Debug, PartialEq)]
pub enum GoogleAuth {
    /// `auth = "oauth"` (when absent, too): a super admin consents once, the refresh token is sealed in the lake.
    OAuth {
        client_id: String,
        client_secret: SecretRef,
    },
    /// `auth = "service_account"`: domain-wide delegation; no token is stored.
    ServiceAccount {
        /// `service_account_key`: the JSON key file as the console gives it.
        key: SecretRef,
        /// `admin`: the administrator in whose name the directory is read.
        admin: String,
    },
}

/// `type = "outlook"`: an app registration with `Calendars.ReadBasic.All` and
/// `User.ReadBasic.All`.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    pub tenant_id: String,
    pub client_id: String,
    pub client_secret: SecretRef,
    /// `secret_expires`: the date the portal shows beside the secret, as days since 1970-01-01.
    pub secret_expires: Option<i32>,
    /// `login_url`: the base before `/{tenant}/oauth2/v2.0/token`.
    pub login_url: Url,
    /// `token_url`: the whole token endpoint, where it is not the usual one.
    pub token_url: Option<Url>,
    /// `graph_url`: the base before `/users` (it ends in `/v1.0`).
    pub graph_url: Url,
}

/// `type = "caldav"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Caldav {
    /// `calendars`: a CSV file `email,url`, one calendar collection a line.
    pub calendars: PathBuf,
    pub username: String,
    pub password: SecretRef,
}

/// `type = "ics"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ics {
    /// `calendars`: a CSV file `email,url`, one feed (https) or file path a line; a path is taken
    /// from the folder of the CSV file.
    pub calendars: PathBuf,
}

/// How an instance is read; the same keys for all makers.
#[derive(Clone, Debug, PartialEq)]
pub struct Sync {
    /// `every_minutes`: how often `connector sync --due` reads it.
    pub every_minutes: u32,
    /// `backfill_days`: days before today that the first reading of a person covers; at least
    /// `lookback_days`.
    pub backfill_days: u32,
    /// `lookback_days`: days before today that every later reading covers; at least 7, so that late
    /// answers and edits are seen.
    pub lookback_days: u32,
    /// `lookahead_days`: days after today.
    pub lookahead_days: u32,
    /// `people_at_once`: calendars read side by side; one call at a time each.
    pub people_at_once: usize,
    /// `batch_people`: people whose readings are stored in one commit.
    pub batch_people: usize,
    /// `requests_per_minute`; 0 sets no pace. 600 when absent, but 6000 with a Google service
    /// account (quotas count each person) and 0 with Outlook (it answers with a pause).
    pub requests_per_minute: u32,
    /// `tries` of one call.
    pub tries: u32,
    /// `first_pause_ms` between tries; it doubles.
    pub first_pause_ms: u64,
    /// `longest_pause_seconds` of our own choosing.
    pub longest_pause_seconds: u64,
    /// `longest_retry_after_seconds` that is waited for.
    pub longest_retry_after_seconds: u64,
    /// `timeout_seconds` of one call.
    pub timeout_seconds: u64,
    /// `max_body_bytes` of one answer.
    pub max_body_bytes: usize,
    /// `max_events` of one calendar in one window (or expanded from one file).
    pub max_events: usize,
    /// `max_pages` of one listing.
    pub max_pages: usize,
    /// `remove_guard_percent`: a reading that would remove a larger share of a person's stored
    /// meetings of the window is not believed …
    pub remove_guard_percent: u32,
    /// … when it would remove at least `remove_guard_min` of them.
    pub remove_guard_min: u32,
    /// `time_off`: whether all-day out-of-office entries become time off, marked as such.
    pub time_off: bool,
}

impl Default for Sync {
    fn default() -> Self {
        Sync {
            every_minutes: 60,
            backfill_days: 30,
            lookback_days: 7,
            lookahead_days: 1,
            people_at_once: 8,
            batch_people: 200,
            requests_per_minute: 600,
            tries: 6,
            first_pause_ms: 500,
            longest_pause_seconds: 60,
            longest_retry_after_seconds: 300,
            timeout_seconds: 60,
            max_body_bytes: 32 << 20,
            max_events: 20_000,
            max_pages: 1_000,
            remove_guard_percent: 50,
            remove_guard_min: 20,
            time_off: false,
        }
    }
}
