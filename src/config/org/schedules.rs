//! schedules.csv and schedule_members.csv, and the account's own schedule.

use std::collections::HashSet;

use super::seen::InForce;
use super::table::{Column, Need, Report, Row, Table};
use super::{Day, Org, ScheduleMember, User, Window, WorkSchedule};
use crate::config::nearest::did_you_mean;
use crate::config::settings::{Schedule, Weekday};
use crate::config::value::{WEEKDAYS, show_time};

pub const SCHEDULES: &[Column] = &[
    ("schedule_name", Need::Filled),
    ("schedule_type", Need::Filled),
    ("day_of_week", Need::Filled),
    ("start_time", Need::Optional),
    ("end_time", Need::Optional),
    ("break_time_minutes", Need::Optional),
];

pub const SCHEDULE_MEMBERS: &[Column] = &[
    ("schedule_name", Need::Filled),
    ("uid", Need::Filled),
    ("valid_from", Need::Optional),
    ("valid_to", Need::Optional),
];

/// The name under which views show the account's own schedule.
pub const DEFAULT_NAME: &str = "Default";

/// What a schedule's rows said so far.
struct Draft<'t> {
    schedule: WorkSchedule,
    first: Row<'t>,
    break_time: Option<(i64, u64)>,
}

/// Reads schedules: one type and one break each, windows that differ.
pub fn schedules(table: &Table, report: &mut Report) -> Vec<WorkSchedule> {
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    for row in table.rows() {
        let flexible = row.choice(
            report,
            "schedule_type",
            &[("flexible", true), ("fixed", false)],
        );
        let day = row.choice(report, "day_of_week", &WEEKDAYS);
        let start = row.time(report, "start_time");
        let end = row.time(report, "end_time");
        let break_time = row.integer(report, "break_time_minutes", 0, 1_440);
        let Some(name) = row.text("schedule_name") else {
            continue;
        };
        if name.eq_ignore_ascii_case(DEFAULT_NAME) {
            row.wrong(
                report,
                "schedule_name",
                "'Default' is the account's own schedule: it stands in [schedule] of activlake.toml",
            );
            continue;
        }
        let Some(flexible) = flexible else { continue };
        let lower = name.to_lowercase();
        let at = drafts
            .iter()
            .position(|draft| draft.schedule.schedule_name.to_lowercase() == lower);
        let at = at.unwrap_or_else(|| {
            drafts.push(Draft {
                schedule: WorkSchedule {
                    schedule_name: name.to_owned(),
                    flexible,
                    break_time_minutes: 0,
                    windows: Vec::new(),
                },
                first: row,
                break_time: None,
            });
            drafts.len() - 1
        });
        let Some(draft) = drafts.get_mut(at) else {
            continue;
        };
        if draft.schedule.flexible != flexible {
            row.wrong(
                report,
                "schedule_type",
                format!(
                    "line {} gives the schedule the other type",
                    draft.first.line
                ),
            );
            continue;
        }
        match (break_time, draft.break_time) {
            (Some(minutes), Some((known, line))) if minutes != known => row.wrong(
                report,
                "break_time_minutes",
                format!("a schedule has one break: line {line} says {known}"),
            ),
            (Some(minutes), None) => draft.break_time = Some((minutes, row.line)),
            _ => {}
        }
        let window = window(&row, flexible, day, (start, end), report);
        let Some(window) = window else { continue };
        if draft.schedule.windows.contains(&window) {
            row.wrong(
                report,
                "day_of_week",
                "the schedule has the same day and times already",
            );
        }
        draft.schedule.windows.push(window);
    }
    drafts
        .into_iter()
        .map(|draft| {
            let mut schedule = draft.schedule;
            schedule.break_time_minutes = draft.break_time.map_or(0, |(minutes, _)| minutes);
            schedule
                .windows
                .sort_by_key(|window| (window.weekday, window.start_minutes, window.end_minutes));
            schedule
        })
        .collect()
}

fn window(
    row: &Row<'_>,
    flexible: bool,
    day: Option<Weekday>,
    (start, end): (Option<u16>, Option<u16>),
    report: &mut Report,
) -> Option<Window> {
    for column in ["start_time", "end_time"] {
        let given = row.text(column).is_some();
        if flexible && given {
            row.wrong(report, column, "a flexible schedule has no times");
        } else if !flexible && !given {
            row.wrong(report, column, "a fixed schedule needs a start and an end");
        }
    }
    let weekday = day? as u8;
    let (start_minutes, end_minutes) = if flexible { (0, 0) } else { (start?, end?) };
    Some(Window {
        weekday,
        start_minutes,
        end_minutes,
    })
}

/// Reads who has which schedule: one on each date. A uid that is not in users.csv may be a
/// detected one.
pub fn schedule_members(
    table: &Table,
    schedules: &[WorkSchedule],
    users: &[User],
    report: &mut Report,
) -> Vec<ScheduleMember> {
    let uids: HashSet<i64> = users.iter().map(|user| user.uid).collect();
    let names: Vec<&str> = schedules
        .iter()
        .map(|schedule| schedule.schedule_name.as_str())
        .chain([DEFAULT_NAME])
        .collect();
    let mut members = Vec::new();
    let mut rows = InForce::new();
    for row in table.rows() {
        let uid = row.id(report, "uid");
        let validity = row.validity(report);
        let typed = row.text("schedule_name").unwrap_or_default();
        let lower = typed.to_lowercase();
        let name = names.iter().find(|name| name.to_lowercase() == lower);
        if name.is_none() && !typed.is_empty() {
            let guess = did_you_mean(typed, names.iter().copied());
            row.wrong(
                report,
                "schedule_name",
                format!("there is no schedule '{typed}' in schedules.csv{guess}"),
            );
        }
        let Some(uid) = uid else { continue };
        if !uids.contains(&uid) {
            row.warn(
                report,
                "uid",
                format!("{uid} is not in users.csv; it counts if it is a detected user's"),
            );
        }
        if let Some(line) = rows.before(uid, validity, row.line) {
            row.wrong(
                report,
                "uid",
                format!("user {uid} has a schedule by line {line} on some of these dates"),
            );
        }
        if let Some(name) = name {
            members.push(ScheduleMember {
                schedule_name: (*name).to_owned(),
                uid,
                validity,
            });
        }
    }
    members
}

impl Schedule {
    /// The account's own schedule, for everybody without another: `Default`, fixed.
    pub fn work_schedule(&self) -> WorkSchedule {
        let mut days: Vec<Weekday> = self.default_days.clone();
        days.sort();
        WorkSchedule {
            schedule_name: DEFAULT_NAME.to_owned(),
            flexible: false,
            break_time_minutes: self.default_break_minutes,
            windows: days
                .into_iter()
                .map(|day| Window {
                    weekday: day as u8,
                    start_minutes: self.default_start_minutes,
                    end_minutes: self.default_end_minutes,
                })
                .collect(),
        }
    }
}

impl Org {
    /// The schedule of the files that a user has on a date; `None`: the account's own.
    pub fn schedule_of(&self, uid: i64, day: Day) -> Option<&WorkSchedule> {
        let member = self
            .schedule_members
            .iter()
            .find(|member| member.uid == uid && member.validity.holds(day))?;
        self.schedules
            .iter()
            .find(|schedule| schedule.schedule_name == member.schedule_name)
    }
}

impl Window {
    /// `HH:MM` of the start.
    pub fn start_text(&self) -> String {
        show_time(self.start_minutes)
    }

    /// `HH:MM` of the end.
    pub fn end_text(&self) -> String {
        show_time(self.end_minutes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{org, problems};
    use super::*;

    const SHIFTS: &str = "schedule_name,schedule_type,day_of_week,start_time,end_time,break_time_minutes\n\
         Late,fixed,Tuesday,16:00,24:00,30\nlate,fixed,monday,16:00,24:00,\n\
         Late,fixed,Monday,08:00,12:00,30\nOpen,flexible,Sunday,,,\n";

    #[test]
    fn schedules_are_gathered_monday_first() {
        let (org, warnings) = org(&[
            ("users.csv", "uid\n7\n"),
            ("schedules.csv", SHIFTS),
            (
                "schedule_members.csv",
                "schedule_name,uid,valid_from,valid_to\nLATE,7,,1970-01-11\nOpen,7,1970-01-11,\nopen,9,,\n\
                 default,8,,\n",
            ),
        ]);
        let late = &org.schedules[0];
        assert_eq!(
            (late.schedule_name.as_str(), late.break_time_minutes),
            ("Late", 30)
        );
        let windows: Vec<_> = late
            .windows
            .iter()
            .map(|w| (w.weekday, w.start_minutes, w.end_minutes))
            .collect();
        assert_eq!(windows, [(0, 480, 720), (0, 960, 0), (1, 960, 0)]);
        assert_eq!(late.windows[1].end_text(), "00:00");
        assert!(org.schedules[1].flexible);
        assert_eq!(org.schedule_of(7, 9).unwrap().schedule_name, "Late");
        assert_eq!(org.schedule_of(7, 10).unwrap().schedule_name, "Open");
        assert_eq!(org.schedule_of(1, 10), None);
        assert_eq!(org.schedule_of(8, 10), None);
        assert_eq!(warnings.len(), 2);
        assert!(
            warnings[0]
                .to_string()
                .starts_with("schedule_members.csv:4: uid: 9")
        );
    }

    #[test]
    fn schedule_problems() {
        let found = problems(&[
            (
                "schedules.csv",
                "schedule_name,schedule_type,day_of_week,start_time,end_time,break_time_minutes\n\
                 A,fixed,Monday,09:00,,30\nA,flexible,Monday,,,\nA,fixed,Tuesday,09:00,17:00,45\n\
                 A,fixed,Tuesday,09:00,17:00,\nB,flexible,Mon,08:00,,\nC,fixed,Friday,9h,17:00,1441\n\
                 default,fixed,Friday,09:00,17:00,\nD,loose,Friday,,,\nE,flexible,Friday,,,\n\
                 E,flexible,Friday,,,\n",
            ),
            (
                "schedule_members.csv",
                "schedule_name,uid,valid_from\nF,7,\nA,7,2026-01-01\nA,x,\n",
            ),
        ]);
        for expected in [
            "schedules.csv:2: end_time: a fixed schedule needs",
            "schedules.csv:3: schedule_type: line 2 gives the schedule the other type",
            "schedules.csv:4: break_time_minutes: a schedule has one break: line 2 says 30",
            "schedules.csv:5: day_of_week: the schedule has the same day",
            "schedules.csv:6: day_of_week: 'Mon'",
            "schedules.csv:6: start_time: a flexible schedule has no times",
            "schedules.csv:7: start_time: '9h'",
            "schedules.csv:7: break_time_minutes: '1441'",
            "schedules.csv:8: schedule_name: 'Default' is the account's own",
            "schedules.csv:9: schedule_type: 'loose'",
            "schedules.csv:11: day_of_week: the schedule has the same day",
            "schedule_members.csv:2: schedule_name: there is no schedule 'F'",
            "schedule_members.csv:3: uid: user 7 has a schedule by line 2",
            "schedule_members.csv:4: uid: 'x'",
        ] {
            assert!(
                found.iter().any(|text| text.starts_with(expected)),
                "{expected}\n{found:#?}"
            );
        }
        assert_eq!(found.len(), 14, "{found:#?}");
    }

    #[test]
    fn the_default_schedule() {
        let schedule = Schedule::default().work_schedule();
        assert_eq!(schedule.schedule_name, "Default");
        assert_eq!(schedule.windows.len(), 5);
        assert_eq!(
            schedule.windows[4],
            Window {
                weekday: 4,
                start_minutes: 540,
                end_minutes: 1020
            }
        );
    }
}
