//! The settings file that `activlake init` writes.

/// A commented `activlake.toml`: every section and key with its meaning. `#key = value` (without a
/// blank) is a default that holds anyway; `# key = …` is an example of a key without default.
pub const TEMPLATE: &str = r##"# Settings of activlake. A line "#key = value" shows the default; take the "#" away to change it.
# Each key can also be given as an environment variable ACTIVLAKE_SECTION__KEY, and by flags;
# `activlake config show` prints what holds and where it came from.
# Secrets are never written here: { env = "NAME" } or { file = "PATH" } says where they are kept.

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
#ingest_filter = "64MiB"
# The largest input row.
#max_row = "1MiB"
# Input rows that one recompute step takes at once.
#chunk_rows = 200000
#batch_rows = 8192
# Rows of a Parquet row group.
#row_group_rows = 131072
"##;

#[cfg(test)]
mod tests {
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
}
