//! The views' rows, as text cells.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime, Timelike, Weekday};

use super::state::{Activity, Day, Event, State};
use super::{Cell, Row, Views};

fn text(value: &str) -> Cell {
    Some(value.to_owned())
}

fn int(value: i64) -> Cell {
    Some(value.to_string())
}

fn flag(value: bool) -> Cell {
    Some(value.to_string())
}

/// Without trailing zeros of the fraction.
fn time(value: NaiveDateTime) -> String {
    let micros = value.nanosecond() / 1000;
    let whole = value.format("%Y-%m-%dT%H:%M:%S").to_string();
    if micros == 0 {
        return whole;
    }
    let fraction = format!("{micros:06}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// Thousandths of an hour as a decimal of nine places.
fn hours(thousandths: i64) -> Cell {
    Some(format!(
        "{}.{:03}000000",
        thousandths / 1000,
        thousandths % 1000
    ))
}

fn weekday(date: NaiveDate) -> &'static str {
    match date.weekday() {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}

fn day_columns(state: &State, date: NaiveDate) -> [(&'static str, Cell); 5] {
    let settings = &state.world.settings;
    let mut week = date;
    while week.weekday() != settings.week_start {
        week -= Duration::days(1);
    }
    let kind = if settings.weekend.contains(&date.weekday()) {
        "Weekend"
    } else {
        "Weekday"
    };
    [
        ("accountid", int(settings.account_id)),
        ("activity_week", text(&week.to_string())),
        ("day_of_week", text(weekday(date))),
        ("day_type", text(kind)),
        ("local_date", text(&date.to_string())),
    ]
}

/// The name shown for a person.
fn user_name(state: &State, uid: i64) -> Cell {
    let least = |list: &[String]| list.iter().min().cloned();
    let person = state.person(uid);
    let listed = person.and_then(|person| {
        person
            .display_name
            .clone()
            .or_else(|| least(&person.principal_names))
            .or_else(|| least(&person.emails))
            .or_else(|| least(&person.employee_ids))
    });
    listed.or_else(|| {
        // Those seen, else those of the settings.
        let mut logins: Vec<String> = state
            .events
            .iter()
            .filter(|event| event.uid == uid)
            .map(|event| event.record.login.clone())
            .collect();
        if let Some(person) = person.filter(|_| logins.is_empty()) {
            logins.extend(person.logins.iter().map(|(_, login)| login.clone()));
        }
        least(&logins)
    })
}

pub fn views(state: &State, activities: &BTreeMap<i64, Vec<Activity>>) -> Views {
    let names: BTreeMap<i64, Cell> = activities
        .keys()
        .map(|uid| (*uid, user_name(state, *uid)))
        .collect();
    Views {
        events: state
            .events
            .iter()
            .filter(|event| state.shown(event))
            .map(|event| event_row(state, event))
            .collect(),
        activities: activities
            .values()
            .flatten()
            .map(|activity| activity_row(state, activity))
            .collect(),
        user_days: state
            .days
            .values()
            .map(|day| user_day_row(state, day, &names[&day.uid]))
            .collect(),
        application_days: application_days(state, activities, &names),
        benchmarks: benchmarks(state),
        meeting_hours: state
            .hours
            .iter()
            .map(|(uid, hour)| {
                let group = state.primary(*uid, hour.date);
                Row::from([
                    ("start_time", Some(time(hour.start))),
                    ("duration_seconds_in_hour", int(hour.seconds)),
                    ("user_id", int(*uid)),
                    ("user_name", names[uid].clone()),
                    ("group_id", group.and_then(|group| int(group.id))),
                    ("group_name", group.and_then(|group| text(&group.name))),
                    ("calendar_meetings", text(&hour.titles)),
                ])
            })
            .collect(),
    }
}

fn event_row(state: &State, event: &Event) -> Row {
    let settings = &state.world.settings;
    let record = event.record;
    let date = event.date();
    let details = settings.screen_details;
    let mut row = Row::from(day_columns(state, date));
    let account = super::zones::Zone::of(&settings.timezone);
    let second = record.start.div_euclid(1_000_000);
    let fraction = Duration::microseconds(record.start.rem_euclid(1_000_000));
    let period = ["Night", "Morning", "Afternoon", "Evening"][event.local.hour() as usize / 6];
    let first_of_year = NaiveDate::from_ymd_opt(date.year(), 1, 1).unwrap();
    let weeks = first_of_year
        .iter_days()
        .take_while(|day| *day <= date)
        .filter(|day| day.weekday() == settings.week_start)
        .count();
    let approved = event.category.is_some() && event.productivity != "Undefined";
    let local = time(event.local);
    let address = event.address.as_ref();
    let kind = activity_type(event);
    let browser_site = event
        .site()
        .zip(event.application.as_deref())
        .map(|(site, name)| format!("{name}({site})"));
    let instant = chrono::DateTime::from_timestamp(second, 0)
        .unwrap()
        .naive_utc();
    let state_text = (event.state != "Passive Locked")
        .then(|| format!("{} {}", event.productivity, event.state));
    let login = Some(record.login.clone());
    row.extend([
        (
            "account_datetime",
            Some(time(account.local(second) + fraction)),
        ),
        ("active_state", text(event.state)),
        ("activity_type", text(kind)),
        (
            "app_site_approval_status",
            text(if approved { "Approved" } else { "Unapproved" }),
        ),
        ("application", event.application.clone()),
        ("application_or_site", event.task.clone()),
        ("browser_site", browser_site),
        ("category", event.category.clone()),
        ("clean_url", address.and_then(|a| a.clean.clone())),
        ("computer_id", int(event.computer)),
        ("duration_sec", int(event.seconds)),
        ("executable", event.executable.clone()),
        (
            "full_url",
            address.map(|a| a.full.clone()).filter(|_| details),
        ),
        ("local_datetime", Some(local.clone())),
        ("local_time", text(&local[11..])),
        ("period_of_day", text(period)),
        ("potential_file_transfer", flag(event.transfer)),
        ("productivity", text(&event.productivity)),
        ("productivity_state", state_text),
        ("public_ip", record.public_ip.clone()),
        ("search_term", address.and_then(|a| a.search_term.clone())),
        ("site", event.site().map(str::to_owned)),
        (
            "timezoneid",
            state.shipped.zone_number(settings).and_then(int),
        ),
        ("timezonestring", text(&event.zone)),
        ("titlebar", event.title.clone()),
        (
            "user_alias",
            state.person(event.uid).and_then(|p| p.display_name.clone()),
        ),
        ("user_id", int(event.uid)),
        ("user_name", login.clone()),
        ("username", login),
        (
            "utc_timestamp",
            Some(format!("{}Z", time(instant + fraction))),
        ),
        ("week_of_year", int(weeks as i64)),
    ]);
    row
}

fn activity_type(event: &Event) -> &'static str {
    let searched = event
        .address
        .as_ref()
        .is_some_and(|address| address.search_term.is_some());
    if searched {
        "Search"
    } else if event.host().is_some() {
        "Site"
    } else {
        "Application"
    }
}

fn activity_row(state: &State, activity: &Activity) -> Row {
    let event = &state.events[activity.event];
    let start = chrono::DateTime::from_timestamp(activity.start, 0)
        .unwrap()
        .naive_utc();
    Row::from([
        ("user_id", int(event.uid)),
        ("event_id", text(&event.record.event_id)),
        ("local_date", text(&event.date().to_string())),
        ("start", Some(format!("{}Z", time(start)))),
        ("counted_sec", int(activity.seconds())),
        ("state", text(event.state)),
        ("task", event.task.clone()),
        ("category", event.category.clone()),
        ("productivity", text(&event.productivity)),
    ])
}

fn user_day_row(state: &State, day: &Day, name: &Cell) -> Row {
    let mut row = Row::from(day_columns(state, day.date));
    let sum = |wanted: &dyn Fn(&Event) -> bool| -> i64 {
        day.activities
            .iter()
            .filter(|activity| wanted(&state.events[activity.event]))
            .map(Activity::seconds)
            .sum()
    };
    let count = |wanted: &dyn Fn(&Event) -> bool| -> Cell {
        let kept = day
            .activities
            .iter()
            .filter(|activity| wanted(&state.events[activity.event]));
        int(kept.count() as i64)
    };
    let of = |productivity: &'static str, active: &'static str| {
        int(sum(&move |event: &Event| {
            event.productivity == productivity && event.state == active
        }))
    };
    let core = state.core(state.primary(day.uid, day.date));
    let core_seconds = |wanted: bool| {
        core.as_ref().and_then(|core| {
            int(sum(&|event: &Event| {
                event.productive() && in_core(core, event) == wanted
            }))
        })
    };
    let off = day.off.clone().unwrap_or_default();
    let has_off = day.off.is_some();
    let sequence = day.sequence;
    row.extend([
        ("active_day_count", int(i64::from(day.active_day))),
        (
            "active_duration_seconds",
            int(sum(&|event| event.state == "Active")),
        ),
        ("attention_shift_activity_count", int(sequence.shifts)),
        ("break_count", int(day.breaks.0)),
        ("break_duration_seconds", int(day.breaks.1)),
        (
            "collaboration_activity_count",
            count(&|event| state.is_collaboration(event)),
        ),
        (
            "collaboration_duration_seconds",
            int(sum(&|event| state.is_collaboration(event))),
        ),
        ("core_duration_seconds", core_seconds(true)),
        (
            "first_activity_datetime",
            day.first.map(|(local, _)| time(local)),
        ),
        (
            "first_activity_minutes_in_day",
            day.first.and_then(|(_, minutes)| int(minutes)),
        ),
        ("focused_duration_seconds", int(sequence.focused)),
        ("focused_session_count", int(sequence.focused_sessions)),
        (
            "focused_session_duration_seconds",
            int(sequence.focused_session_seconds),
        ),
        (
            "last_activity_datetime",
            day.last.map(|(local, _)| time(local)),
        ),
        (
            "last_activity_minutes_in_day",
            day.last.and_then(|(_, minutes)| int(minutes)),
        ),
        ("location", day.location.clone()),
        ("multitasking_duration_seconds", int(sequence.multitasking)),
        (
            "non_business_activity_count",
            count(&|event| !event.productive()),
        ),
        (
            "non_business_activity_duration_seconds",
            int(sum(&|event| !event.productive())),
        ),
        ("non_core_duration_seconds", core_seconds(false)),
        ("offline_meeting_duration_seconds", int(day.offline)),
        (
            "productive_active_duration_seconds",
            of("Productive", "Active"),
        ),
        (
            "productive_active_duration_seconds_in_schedule",
            int(day.in_schedule.0),
        ),
        (
            "productive_activity_count",
            count(&|event| event.productive()),
        ),
        (
            "productive_passive_duration_seconds",
            of("Productive", "Passive"),
        ),
        (
            "productive_passive_duration_seconds_in_schedule",
            int(day.in_schedule.1),
        ),
        ("productive_session_count", int(sequence.sessions)),
        (
            "productive_session_duration_seconds",
            int(sequence.session_seconds),
        ),
        ("time_off_duration_seconds", int(off.seconds)),
        ("time_off_type", has_off.then(|| off.kinds.join(", "))),
        ("time_off_day", flag(has_off)),
        ("time_off_day_count", int(i64::from(has_off))),
        ("total_activity_count", count(&|_| true)),
        ("total_duration_seconds", int(sum(&|_| true))),
        (
            "undefined_active_duration_seconds",
            of("Undefined", "Active"),
        ),
        (
            "undefined_activity_count",
            count(&|event| event.productivity == "Undefined"),
        ),
        (
            "undefined_passive_duration_seconds",
            of("Undefined", "Passive"),
        ),
        (
            "unproductive_active_duration_seconds",
            of("Unproductive", "Active"),
        ),
        (
            "unproductive_activity_count",
            count(&|event| event.productivity == "Unproductive"),
        ),
        (
            "unproductive_passive_duration_seconds",
            of("Unproductive", "Passive"),
        ),
        ("user_focus_goal", hours(day.focused_goal)),
        ("user_id", int(day.uid)),
        ("user_name", name.clone()),
        ("user_productivity_goal", hours(day.productive_goal)),
        ("utilization_level", day.utilization.and_then(text)),
    ]);
    row
}

fn in_core(core: &[String], event: &Event) -> bool {
    event
        .category
        .as_deref()
        .is_some_and(|name| core.contains(&name.to_lowercase()))
}

fn application_days(
    state: &State,
    activities: &BTreeMap<i64, Vec<Activity>>,
    names: &BTreeMap<i64, Cell>,
) -> Vec<Row> {
    // (event, seconds) by key: activities, and locked events with 0.
    let locked = state.events.iter().enumerate().filter(|(_, event)| {
        event.state == "Passive Locked" && state.shown(event) && !event.ignored()
    });
    let counted = activities
        .values()
        .flatten()
        .map(|activity| (activity.event, activity.seconds()))
        .chain(locked.map(|(index, _)| (index, 0)));
    type Key = (i64, NaiveDate, i64, &'static str, [Cell; 5], Option<i64>);
    let mut rows: BTreeMap<Key, Vec<(usize, i64)>> = BTreeMap::new();
    let lower = |text: &Option<String>| text.as_deref().map(str::to_lowercase);
    for (index, seconds) in counted {
        let event = &state.events[index];
        let kind = if event.state == "Active" {
            activity_type(event)
        } else {
            "Passive"
        };
        let key = (
            event.uid,
            event.date(),
            event.computer,
            kind,
            [
                lower(&event.executable),
                lower(&event.application),
                event.host().map(str::to_owned),
                event.category.clone(),
                text(&event.productivity),
            ],
            event.passive_type,
        );
        rows.entry(key).or_default().push((index, seconds));
    }
    let mut out = Vec::new();
    for ((uid, date, computer, kind, _, passive_type), list) in rows {
        let latest = list
            .iter()
            .map(|(index, _)| &state.events[*index])
            .max_by_key(|event| (event.record.start, event.record.event_id.clone()))
            .unwrap();
        let core = state.core(state.primary(uid, date));
        let alignment = core.filter(|_| latest.productive()).map(|core| {
            let aligned = in_core(&core, latest);
            (if aligned { "Core" } else { "Non-Core" }).to_owned()
        });
        let site = latest.site().zip(latest.application.as_deref());
        let mut row = shared(state, uid, date, names);
        row.extend([
            ("activity_alignment_type", alignment),
            ("activity_type", text(kind)),
            ("application", latest.application.clone()),
            ("application_or_site", latest.task.clone()),
            (
                "browser_site",
                site.map(|(site, name)| format!("{name}({site})")),
            ),
            ("category", latest.category.clone()),
            ("computer_id", int(computer)),
            (
                "duration_seconds",
                int(list.iter().map(|(_, seconds)| seconds).sum()),
            ),
            ("executable", latest.executable.clone()),
            ("host", latest.host().map(str::to_owned)),
            ("passive_type_id", passive_type.and_then(int)),
            ("productivity", text(&latest.productivity)),
            ("website", latest.website().map(str::to_owned)),
            ("app_or_site_consolidated_name", latest.consolidated.clone()),
            ("activity_count", int(list.len() as i64)),
        ]);
        out.push(row);
    }
    for day in state.days.values().filter(|day| day.offline > 0) {
        let meeting = text("Offline Meeting");
        let mut row = shared(state, day.uid, day.date, names);
        row.extend([
            ("activity_alignment_type", None),
            ("activity_type", meeting.clone()),
            ("application", meeting.clone()),
            ("application_or_site", meeting.clone()),
            ("browser_site", None),
            ("category", None),
            ("computer_id", None),
            ("duration_seconds", int(day.offline)),
            ("executable", None),
            ("host", None),
            ("passive_type_id", None),
            ("productivity", None),
            ("website", None),
            ("app_or_site_consolidated_name", meeting),
            ("activity_count", int(0)),
        ]);
        out.push(row);
    }
    out
}

/// Columns that repeat the user's day.
fn shared(state: &State, uid: i64, date: NaiveDate, names: &BTreeMap<i64, Cell>) -> Row {
    let day = state.days.get(&(uid, date));
    let mut row = Row::from(day_columns(state, date));
    row.extend([
        (
            "active_day_count",
            int(i64::from(day.is_some_and(|day| day.active_day))),
        ),
        (
            "first_activity_datetime",
            day.and_then(|day| day.first).map(|(local, _)| time(local)),
        ),
        (
            "time_off_day",
            flag(day.is_some_and(|day| day.off.is_some())),
        ),
        ("user_id", int(uid)),
        ("user_name", names[&uid].clone()),
    ]);
    row
}

fn benchmarks(state: &State) -> Vec<Row> {
    let first_dates: BTreeMap<i64, NaiveDate> = state
        .first_starts
        .iter()
        .map(|(uid, start)| (*uid, state.zones[uid].date(start.div_euclid(1_000_000))))
        .collect();
    let Some(first) = first_dates.values().min() else {
        return Vec::new();
    };
    let account = super::zones::Zone::of(&state.world.settings.timezone);
    let last = account.local(state.until()).date();
    let mut out = Vec::new();
    for date in first.iter_days().take_while(|date| *date <= last) {
        let counted: Vec<i64> = first_dates
            .iter()
            .filter(|(uid, first)| {
                **first <= date && (state.tracked(**uid) || state.days.contains_key(&(**uid, date)))
            })
            .map(|(uid, _)| *uid)
            .collect();
        let group_of = |uid: i64| state.primary(uid, date).map(|group| group.id);
        let groups: BTreeSet<i64> = counted.iter().filter_map(|uid| group_of(*uid)).collect();
        let scopes = std::iter::once(None).chain(groups.into_iter().map(Some));
        for scope in scopes {
            let member = |uid: i64| scope.is_none() || group_of(uid) == scope;
            let days: Vec<&Day> = state
                .days
                .values()
                .filter(|day| day.date == date && member(day.uid))
                .collect();
            let active: Vec<&Day> = days.iter().copied().filter(|day| day.active_day).collect();
            let quarter = active.len().div_ceil(4);
            let top = |seconds: fn(&Day) -> i64| -> (i64, i64) {
                let mut list: Vec<(i64, i64)> =
                    active.iter().map(|day| (-seconds(day), day.uid)).collect();
                list.sort_unstable();
                let best = list.iter().take(quarter).map(|(seconds, _)| -seconds);
                (
                    best.sum(),
                    -list.iter().map(|(seconds, _)| seconds).sum::<i64>(),
                )
            };
            let productive = top(|day| day.productive);
            let focused = top(|day| day.sequence.focused);
            let off = days.iter().filter(|day| day.off.is_some()).count();
            let users = counted.iter().filter(|uid| member(**uid)).count();
            out.push(Row::from([
                ("active_day_count", int(active.len() as i64)),
                ("activity_date", text(&date.to_string())),
                ("focused_user_count_top25", int(quarter as i64)),
                ("focused_seconds_all", int(focused.1)),
                ("focused_seconds_top25", int(focused.0)),
                ("productive_seconds_all", int(productive.1)),
                ("productive_seconds_top25", int(productive.0)),
                ("productive_user_count_top25", int(quarter as i64)),
                ("time_off_day_count", int(off as i64)),
                ("total_user_count", int(users as i64)),
                ("group_id", scope.and_then(int)),
            ]));
        }
    }
    out
}
