//! The settings file that `activlake init` writes.

/// A commented `activlake.toml`: every section and key with its meaning. `#key = value` (without a
/// blank) is a default that holds anyway; `# key = …` is an example of a key without default.
pub const TEMPLATE: &str = r##"# Settings of activlake. A line "#key = value" shows the default; take the "#" away to change it.
# Each key can also be given as an environment variable ACTIVLAKE_SECTION__KEY, and by flags;
# `activlake config show` prints what holds and where it came from.
# Secrets are never written here but referred to: { env = "NAME" }, { file = "PATH" } (chmod 600),
# or { credential = "NAME" } for what systemd hands over with LoadCredential.

[account]
# The account's number in every view, 1 to 9007199254740991.
id = 1
# The company's name.
name = ""
# Columns and views by tier: essentials, essentials_plus, professional.
#plan = "professional"
# The reporting zone: an IANA name, a Windows name, or UTC±H[:MM].
timezone = "UTC"
# Whose zone decides a local day: account, or user (each user's own).
#timezone_mode = "account"
# The first day of activity_week and week_of_year.
#week_start = "sunday"
# Days whose day_type is Weekend.
#weekend_days = ["saturday", "sunday"]
# Days of events that are kept, or "unlimited".
#history_days = "unlimited"

[lake]
# Where the data lies: a path, or an s3://, gs:// or az:// URL.
url = "./lake"

# Options of the object store, such as region or endpoint.
[lake.options]
# region = "eu-central-1"

# Options of the object store whose values are secrets.
[lake.secrets]
# secret_access_key = { env = "LAKE_SECRET_ACCESS_KEY" }

[privacy]
# Whether window titles and full URLs are stored.
#screen_details = false
# Fields replaced by a keyed hash: user, user_name, titlebar, device_ip, public_ip, network_id.
#hash_fields = []
# The key of the hash; needed with hash_fields.
# hash_key = { env = "ACTIVLAKE_HASH_KEY" }

[metrics]
# A pause counts as a break when it is longer than this,
#break_min_seconds = 300
# and not longer than this (longer is absence);
#break_max_gap_seconds = 14400
# of one break at most this is added.
#break_cap_seconds = 7200
# The longest pause inside a productive or focused session.
#bridge_seconds = 60
# A session counts from this length.
#session_min_seconds = 60
# Categories that are collaboration.
#collaboration_categories = ["Chat & Messaging", "Meeting Software"]
# Attention shift: more than shift_apps tasks or shift_screens screens within this time.
#shift_window_seconds = 60
#shift_apps = 2
#shift_screens = 4
# How long attention is divided after a shift.
#residue_seconds = 180
# The last activity after a shift counts as multitasking for at most this.
#last_activity_cap_seconds = 60
# What makes an active day: threshold, schedule, hris.
#active_day_mode = "threshold"
# Productive and offline seconds from which a day is active (threshold).
#active_day_seconds = 7200
# Goals per day in hours, where the primary group has none.
#productive_hrs_day = 6.0
#focused_hrs_day = 3.0
# Percent around the goal that is still Healthy.
#utilization_tolerance_percent = 30
# A network is an office when so many users
#office_min_users = 2
# were on it for so long each
#office_min_seconds = 3600
# within so many days.
#office_days = 28
# Percent of a day in one place that names the day after it, 51 to 100.
#location_percent = 80
# Whether offline meetings count for the active day and for utilization.
#offline_counts_for_goals = true
# The longest calendar entry that counts as a meeting.
#meeting_max_seconds = 28800
# The fewest people that make a meeting.
#meeting_min_participants = 2
# Calendar states that count: busy, tentative, unknown, workingElsewhere, free, oof.
#meeting_show_as = ["busy", "tentative", "unknown", "workingElsewhere"]
# Pauses of activity shorter than this are no offline time.
#meeting_gap_seconds = 60
# Longer events are rejected; at most 86400.
#max_event_seconds = 86400
# ActivityWatch: a hole up to this goes to the row before it.
#flood_seconds = 5

[connectors]
# The key that seals Google's refresh tokens in the lake: 32 random bytes as 64 hex digits or base64,
# for instance from "openssl rand -hex 32". Keep a copy: without it Google is connected anew.
# seal_key = { file = "seal.key" }

[server]
# IP address to listen on; anything but this computer's own needs TLS.
#host = "127.0.0.1"
#port = 32010
# Certificate chain and private key, PEM files; both or none.
# tls_cert = "server.crt"
# tls_key = "server.key"
# Idle seconds after which a login ends.
#token_idle_seconds = 3600
#max_sessions = 1000
#max_prepared_per_session = 100
#query_timeout_seconds = 600
# Target size of a message with rows; a single row may exceed it.
#max_message_bytes = "2MiB"

# The work schedule of users who have none. An end at or before the start is on the next day.
[schedule]
#default_start = "09:00"
#default_end = "17:00"
#default_days = ["monday", "tuesday", "wednesday", "thursday", "friday"]
#default_break_minutes = 60

# Sizes are written 96MiB, 512MB or 1_000_000.
[limits]
# Memory of the query engine; beyond it, it spills to disk,
#memory = "1GiB"
# at most so much.
#spill = "64GiB"
# Worker threads; 0 is one per core.
#threads = 0
# Events and bytes collected before an ingest commit.
#ingest_batch_rows = 200000
#ingest_batch = "64MiB"
# Memory for the filter of known events.
#ingest_filter = "256MiB"
# Memory for what is remembered of the ends of Parquet files.
#file_metadata = "64MiB"
# Columns of small files that a server keeps between queries, out of "memory"; 0 keeps none.
#column_cache = "128MiB"
# The largest input row.
#max_row = "1MiB"
# Input rows that one recompute step takes at once.
#chunk_rows = 1000000
#batch_rows = 8192
# Rows of a Parquet row group.
#row_group_rows = 131072

# Calendars of companies: one [[integration]] table an instance, and as many as there are. They are
# read for tracked people only. "activlake connector add" asks for what is needed and writes a table
# here; "activlake connector test NAME" tries it.
#
# Google Workspace, entered once by a super admin ("activlake connector rotate NAME" does it again):
# [[integration]]
# type = "google"
# name = "acme-google"
# domain = "example.com"
# client_id = "1234567890-abc.apps.googleusercontent.com"
# client_secret = { env = "GOOGLE_CLIENT_SECRET" }
#
# Google Workspace by a service account with domain-wide delegation; nothing is stored:
# [[integration]]
# type = "google"
# name = "acme-google-unattended"
# auth = "service_account"
# service_account_key = { file = "google-key.json" }
# admin = "admin@example.com"
#
# Outlook, by an app registration with Calendars.ReadBasic.All and User.ReadBasic.All; before
# secret_expires, warnings are given:
# [[integration]]
# type = "outlook"
# name = "acme-outlook"
# tenant_id = "11111111-2222-3333-4444-555555555555"
# client_id = "11111111-2222-3333-4444-555555555555"
# client_secret = { env = "OUTLOOK_CLIENT_SECRET" }
# secret_expires = 2027-01-31
#
# CalDAV; the CSV file has the columns email,url, a calendar a line:
# [[integration]]
# type = "caldav"
# name = "acme-caldav"
# calendars = "calendars.csv"
# username = "reader"
# password = { env = "CALDAV_PASSWORD" }
#
# Feeds (https) and files of iCalendar, in the same kind of CSV file; with all keys that every type
# has, at their defaults:
# [[integration]]
# type = "ics"
# name = "acme-feeds"
# calendars = "feeds.csv"
# How often "connector sync --due" reads it.
# every_minutes = 60
# Days before today: at the first reading of a person, at later ones (7 to 365); days after today.
# backfill_days = 30
# lookback_days = 7
# lookahead_days = 1
# Whether all-day out-of-office entries become time off.
# time_off = false
# People read side by side, and stored in one commit.
# people_at_once = 8
# batch_people = 200
# The pace; 0 sets none. 6000 with a service account, 0 with Outlook.
# requests_per_minute = 600
# One call: how often it is tried, with pauses that double, and how long a "retry after" is obeyed.
# tries = 6
# first_pause_ms = 500
# longest_pause_seconds = 60
# longest_retry_after_seconds = 300
# timeout_seconds = 60
# Bounds of an answer, of a calendar in one window, and of a listing.
# max_body_bytes = "32MiB"
# max_events = 20000
# max_pages = 1000
# A reading that would remove more than this share of a person's meetings of the window, and at
# least so many, is not believed: "connector sync NAME --accept-removals" says that it is right.
# remove_guard_percent = 50
# remove_guard_min = 20
# Other places than the usual ones: authorize_url, token_url, revoke_url, directory_url and
# calendar_url (google), login_url, token_url and graph_url (outlook).
"##;

#[cfg(test)]
mod tests {
    use super::super::integration::{Sync, rows};
    use super::super::keys::{KEYS, UNSET};
    use super::super::load::tests::load_text;
    use super::super::{Origin, Settings};
    use super::*;

    #[test]
    fn the_template_is_the_defaults_and_names_every_key() {
        let (settings, _) = load_text(TEMPLATE, &[], &[]).unwrap();
        assert_eq!(settings, Settings::default());
        // With every commented default taken as it stands, too.
        let live: String = TEMPLATE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let (settings, shown) = load_text(&live, &[], &[]).unwrap();
        assert_eq!(settings, Settings::default());
        for key in KEYS {
            let set = matches!(shown.origin(key.name), Some(Origin::File { .. }));
            let (_, name) = key.name.split_once('.').unwrap();
            // Keys without a default stand as an example in a comment.
            let example = TEMPLATE.contains(&format!("# {name} = "));
            assert!(
                set || ((key.show)(&settings) == UNSET && example),
                "{}",
                key.name
            );
        }
        assert!(TEMPLATE.contains("[lake.options]") && TEMPLATE.contains("[lake.secrets]"));
    }

    #[test]
    fn the_examples_of_integrations_are_right_and_the_defaults_true() {
        let examples: String = TEMPLATE
            .lines()
            .skip_while(|line| *line != "# [[integration]]")
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.starts_with("[[") || line.contains(" = "))
            .map(|line| format!("{line}\n"))
            .collect();
        let (settings, _) = load_text(&examples, &[], &[]).unwrap();
        let words: Vec<&str> = settings
            .integrations
            .iter()
            .map(|integration| integration.maker.word())
            .collect();
        assert_eq!(words, ["google", "google", "outlook", "caldav", "ics"]);
        let last = settings.integrations.last().unwrap();
        assert_eq!(last.sync, Sync::default());
        // The path is shown as it was resolved.
        for (key, value) in rows(last)
            .into_iter()
            .filter(|(key, _)| *key != "calendars")
        {
            assert!(examples.contains(&format!("{key} = {value}\n")), "{key}");
        }
    }
}
