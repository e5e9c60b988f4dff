//! A random world as the program takes it: settings, `org/` files, NDJSON.

use std::fmt::Write;
use std::path::Path;

use chrono::{DateTime, NaiveDate, SecondsFormat, Weekday};

use super::made::category_number;
use crate::oracle::*;

fn weekday(day: Weekday) -> &'static str {
    [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ][day.num_days_from_monday() as usize]
}

/// A decimal of thousandths.
fn decimal(thousandths: i64) -> String {
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

fn clock(minutes: i64) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// An instant of microseconds in RFC 3339.
pub fn rfc3339(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .unwrap()
        .to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Settings by key.
pub fn settings(world: &World) -> Vec<(&'static str, String)> {
    let s = &world.settings;
    let list = |texts: Vec<String>| format!("[{}]", texts.join(", "));
    let days = |days: &[Weekday]| {
        list(
            days.iter()
                .map(|day| format!("\"{}\"", weekday(*day).to_lowercase()))
                .collect(),
        )
    };
    let collaboration = s.collaboration.iter().map(|name| format!("\"{name}\""));
    let default = &world.default_schedule;
    let (_, start, end) = default.windows[0];
    let default_days: Vec<Weekday> = default.windows.iter().map(|(day, _, _)| *day).collect();
    let mode = if s.zone_per_user { "user" } else { "account" };
    vec![
        ("account.id", s.account_id.to_string()),
        ("account.timezone", s.timezone.clone()),
        ("account.timezone_mode", mode.to_owned()),
        ("account.week_start", weekday(s.week_start).to_lowercase()),
        ("account.weekend_days", days(&s.weekend)),
        ("privacy.screen_details", s.screen_details.to_string()),
        (
            "metrics.collaboration_categories",
            list(collaboration.collect()),
        ),
        ("metrics.bridge_seconds", s.bridge.to_string()),
        ("metrics.session_min_seconds", s.session_min.to_string()),
        ("metrics.shift_window_seconds", s.shift_window.to_string()),
        ("metrics.shift_apps", s.shift_apps.to_string()),
        ("metrics.shift_screens", s.shift_screens.to_string()),
        ("metrics.residue_seconds", s.residue.to_string()),
        (
            "metrics.last_activity_cap_seconds",
            s.last_activity_cap.to_string(),
        ),
        ("metrics.break_min_seconds", s.break_min.to_string()),
        ("metrics.break_max_gap_seconds", s.break_max_gap.to_string()),
        ("metrics.break_cap_seconds", s.break_cap.to_string()),
        ("metrics.active_day_mode", s.active_day_mode.to_owned()),
        (
            "metrics.active_day_seconds",
            s.active_day_seconds.to_string(),
        ),
        ("metrics.productive_hrs_day", decimal(s.productive_goal)),
        ("metrics.focused_hrs_day", decimal(s.focused_goal)),
        (
            "metrics.utilization_tolerance_percent",
            s.tolerance_percent.to_string(),
        ),
        ("metrics.office_min_users", s.office_min_users.to_string()),
        (
            "metrics.office_min_seconds",
            s.office_min_seconds.to_string(),
        ),
        ("metrics.office_days", s.office_days.to_string()),
        ("metrics.location_percent", s.location_percent.to_string()),
        (
            "metrics.offline_counts_for_goals",
            s.offline_counts.to_string(),
        ),
        ("metrics.meeting_gap_seconds", s.meeting_gap.to_string()),
        ("schedule.default_start", clock(start)),
        ("schedule.default_end", clock(end)),
        ("schedule.default_days", days(&default_days)),
        (
            "schedule.default_break_minutes",
            default.break_minutes.to_string(),
        ),
    ]
}

fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

fn file(folder: &Path, name: &str, header: &str, rows: impl Iterator<Item = Vec<String>>) {
    let mut text = format!("{header}\n");
    for row in rows {
        let cells: Vec<String> = row.iter().map(|value| cell(value)).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    std::fs::write(folder.join(name), text).unwrap();
}

fn shown<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn dates(valid: Valid) -> [String; 2] {
    [shown(valid.from), shown(valid.to)]
}

/// Writes the organisation's files into a folder.
pub fn write_org(world: &World, folder: &Path) {
    let people = world.people.iter().map(|person| {
        let logins = person.logins.iter().map(|(domain, login)| {
            if domain.is_empty() {
                login.clone()
            } else {
                format!("{domain}\\{login}")
            }
        });
        vec![
            person.uid.to_string(),
            person.display_name.clone().unwrap_or_default(),
            person.emails.join(";"),
            person.principal_names.join(";"),
            person.employee_ids.join(";"),
            person.tracked.to_string(),
            logins.collect::<Vec<_>>().join(";"),
            person.timezone.clone().unwrap_or_default(),
        ]
    });
    file(
        folder,
        "users.csv",
        "uid,display_name,emails,user_principal_names,employee_ids,tracked,logins,timezone",
        people,
    );
    let computers = world.computers.iter().map(|(id, name, domain)| {
        vec![id.to_string(), name.clone(), domain.clone(), String::new()]
    });
    file(
        folder,
        "computers.csv",
        "computer_id,computer_name,primary_domain,computer_alias",
        computers,
    );
    let groups = world.groups.iter().map(|group| {
        let [from, to] = dates(group.valid);
        vec![
            group.id.to_string(),
            group.name.clone(),
            group.kind.to_string(),
            shown(group.productive_goal.map(decimal)),
            shown(group.focused_goal.map(decimal)),
            String::new(),
            shown(group.rank),
            from,
            to,
        ]
    });
    file(
        folder,
        "groups.csv",
        "group_id,group_name,type,productive_hrs_day,focused_hrs_day,core_activity_percent,order_rank,valid_from,valid_to",
        groups,
    );
    let members = world.members.iter().map(|member| {
        let [from, to] = dates(member.valid);
        let primary = if member.primary { "true" } else { "" };
        vec![
            member.group.to_string(),
            "user".to_owned(),
            member.uid.to_string(),
            primary.to_owned(),
            from,
            to,
        ]
    });
    file(
        folder,
        "group_members.csv",
        "group_id,member_kind,member,is_primary,valid_from,valid_to",
        members,
    );
    let rules = world.rules.iter().map(|rule| {
        vec![
            rule.order.to_string(),
            rule.group.map_or("account".to_owned(), |id| id.to_string()),
            rule.kind.clone(),
            rule.value.clone(),
            rule.category.clone().unwrap_or_default(),
            rule.productivity.clone(),
        ]
    });
    file(
        folder,
        "classification.csv",
        "order,scope,match,value,category,productivity",
        rules,
    );
    let core = world
        .core
        .iter()
        .map(|(group, name)| vec![group.to_string(), category_number(name).to_string()]);
    file(folder, "core_categories.csv", "group_id,category_id", core);
    let namings = world.namings.iter().map(|row| {
        vec![
            row.kind.clone(),
            row.value.clone(),
            row.application.clone().unwrap_or_default(),
            row.consolidated.clone().unwrap_or_default(),
        ]
    });
    file(
        folder,
        "applications.csv",
        "match,value,application,consolidated_name",
        namings,
    );
    let schedules = world.schedules.iter().flat_map(|schedule| {
        schedule.windows.iter().map(move |(day, start, end)| {
            let times = if schedule.flexible {
                [String::new(), String::new()]
            } else {
                [clock(*start), clock(*end)]
            };
            let [start, end] = times;
            let kind = if schedule.flexible {
                "flexible"
            } else {
                "fixed"
            };
            vec![
                schedule.name.clone(),
                kind.to_owned(),
                weekday(*day).to_owned(),
                start,
                end,
                schedule.break_minutes.to_string(),
            ]
        })
    });
    file(
        folder,
        "schedules.csv",
        "schedule_name,schedule_type,day_of_week,start_time,end_time,break_time_minutes",
        schedules,
    );
    let members = world.schedule_members.iter().map(|member| {
        let [from, to] = dates(member.valid);
        vec![member.name.clone(), member.uid.to_string(), from, to]
    });
    file(
        folder,
        "schedule_members.csv",
        "schedule_name,uid,valid_from,valid_to",
        members,
    );
    let off = world.time_off.iter().map(|record| {
        let one: Option<NaiveDate> = (record.last != record.first).then_some(record.last);
        let status = if record.approved {
            "Approved"
        } else {
            "pending"
        };
        vec![
            record.uid.to_string(),
            record.first.to_string(),
            shown(one),
            shown(record.seconds.map(|seconds| decimal(seconds * 1000 / 3600))),
            record.full.to_string(),
            record.kind.clone(),
            status.to_owned(),
        ]
    });
    file(
        folder,
        "time_off.csv",
        "employee,start_date,end_date,hours_per_day,full_day,type,status",
        off,
    );
    let places = world.places.iter().map(|place| {
        let label = if place.office { "Office" } else { "Remote" };
        vec![place.what.clone(), label.to_owned()]
    });
    file(folder, "locations.csv", "signature_or_cidr,label", places);
}

/// The records as lines of JSON.
pub fn lines(world: &World) -> String {
    let mut out = String::new();
    for record in &world.records {
        let mut line = serde_json::Map::new();
        let mut put = |name: &str, value: serde_json::Value| {
            line.insert(name.to_owned(), value);
        };
        put("event_id", record.event_id.clone().into());
        put("utc_timestamp", rfc3339(record.start).into());
        put("duration_sec", (record.duration_ms as f64 / 1000.0).into());
        put("user_name", record.login.clone().into());
        put("computer_name", record.computer.clone().into());
        let texts = [
            ("active_state", record.state.map(str::to_owned)),
            ("logon_domain", Some(record.domain.clone())),
            ("primary_domain", Some(record.primary_domain.clone())),
            ("computer_timezone", record.zone.clone()),
            ("network_id", record.network.clone()),
            ("public_ip", record.public_ip.clone()),
            ("executable", record.executable.clone()),
            ("titlebar", record.title.clone()),
            ("full_url", record.url.clone()),
            (
                "upload_time",
                record.upload.map(|second| rfc3339(second * 1_000_000)),
            ),
        ];
        for (name, text) in texts {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                put(name, text.into());
            }
        }
        if let Some(number) = record.passive_type {
            put("passive_type_id", number.into());
        }
        let line = serde_json::Value::Object(line);
        writeln!(out, "{line}").unwrap();
    }
    out
}

/// Qualified meetings, as a model over the built-in one.
pub fn write_meetings(world: &World, folder: &Path) {
    crate::place::copy_description("int_meetings", folder);
    let rows: Vec<String> = world
        .meetings
        .iter()
        .map(|meeting| {
            let title = match &meeting.title {
                Some(title) => format!("'{title}'"),
                None => "null".to_owned(),
            };
            format!(
                "({}, '{}', '{}', {title})",
                meeting.uid,
                rfc3339(meeting.start * 1_000_000),
                rfc3339(meeting.end * 1_000_000),
            )
        })
        .collect();
    let text = format!(
        "with\nmade (user_id, begins, ends, title) as (\n    values\n    {}\n)\n\n\
         select\n    cast(user_id as bigint) as user_id,\n    \
         arrow_cast(begins, 'Timestamp(µs, \"UTC\")') as start,\n    \
         arrow_cast(ends, 'Timestamp(µs, \"UTC\")') as \"end\",\n    \
         cast(title as varchar) as title\nfrom made\n",
        rows.join(",\n    ")
    );
    std::fs::write(folder.join("int_meetings.sql"), text).unwrap();
}
