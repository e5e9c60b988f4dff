//! time_off.csv (`inputs.md` §6).

use std::collections::HashMap;

use super::table::{Column, Need, Report, Table};
use super::{TimeOff, User};

pub const TIME_OFF: &[Column] = &[
    ("employee", Need::Filled),
    ("start_date", Need::Filled),
    ("end_date", Need::Optional),
    ("hours_per_day", Need::Optional),
    ("full_day", Need::Optional),
    ("type", Need::Optional),
    ("status", Need::Filled),
];

/// Reads time off. An employee is looked for as uid, then as e-mail or UPN, then as employee id;
/// one that is not found is a warning, two in one step are an error.
pub fn time_off(table: &Table, users: &[User], report: &mut Report) -> Vec<TimeOff> {
    let people = People::of(users);
    let mut records = Vec::new();
    for row in table.rows() {
        let start = row.date(report, "start_date");
        let end = row.date(report, "end_date");
        let hours_per_day = row.number(report, "hours_per_day", 0.0, 24.0);
        let full_day = row.boolean(report, "full_day").unwrap_or(false);
        if row.text("hours_per_day").is_none() && !full_day {
            row.wrong(
                report,
                "hours_per_day",
                "hours are needed unless full_day is true",
            );
        }
        if let (Some(start), Some(end)) = (start, end)
            && end < start
        {
            row.wrong(report, "end_date", "it lies before start_date");
        }
        let Some(employee) = row.text("employee") else {
            continue;
        };
        let uid = match people.find(employee).as_slice() {
            [] => {
                row.warn(
                    report,
                    "employee",
                    format!("'{employee}' is no uid, e-mail, UPN or employee id of users.csv"),
                );
                None
            }
            [uid] => Some(*uid),
            several => {
                let several: Vec<String> = several.iter().map(ToString::to_string).collect();
                row.wrong(
                    report,
                    "employee",
                    format!(
                        "'{employee}' is one of several users: {}",
                        several.join(", ")
                    ),
                );
                None
            }
        };
        let Some(start_date) = start else { continue };
        records.push(TimeOff {
            uid,
            employee: employee.to_owned(),
            start_date,
            end_date: end.unwrap_or(start_date),
            hours_per_day,
            full_day,
            kind: row.owned("type"),
            approved: row
                .text("status")
                .is_some_and(|status| status.eq_ignore_ascii_case("approved")),
        });
    }
    records
}

/// Users by what an employee may be called, one map a step.
struct People {
    steps: [HashMap<String, Vec<i64>>; 3],
}

impl People {
    fn of(users: &[User]) -> People {
        let mut steps: [HashMap<String, Vec<i64>>; 3] = Default::default();
        let [uids, addresses, employees] = &mut steps;
        let note = |map: &mut HashMap<String, Vec<i64>>, name: String, uid: i64| {
            let owners = map.entry(name).or_default();
            if !owners.contains(&uid) {
                owners.push(uid);
            }
        };
        for user in users {
            note(uids, user.uid.to_string(), user.uid);
            for address in user.emails.iter().chain(&user.user_principal_names) {
                note(addresses, address.clone(), user.uid);
            }
            for id in &user.employee_ids {
                note(employees, id.to_lowercase(), user.uid);
            }
        }
        People { steps }
    }

    /// The users of the first step that has any.
    fn find(&self, employee: &str) -> Vec<i64> {
        let name = employee.to_lowercase();
        self.steps
            .iter()
            .find_map(|step| step.get(&name))
            .cloned()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{org, problems};

    const USERS: (&str, &str) = (
        "users.csv",
        "uid,emails,user_principal_names,employee_ids\n\
         7,ada@x.org,ada@corp,E1;42\n42,bob@x.org,,E2;7\n9,,,e2\n",
    );

    #[test]
    fn an_employee_is_found_step_by_step() {
        let (org, warnings) = org(&[
            USERS,
            (
                "time_off.csv",
                "employee,start_date,end_date,hours_per_day,full_day,type,status\n\
                 42,2026-01-01,2026-01-03,7.5,,Vacation,APPROVED\n\
                 ADA@corp,2026-01-01,,,true,,approved\n\
                 e1,2026-01-01,,0,,,Pending\n\
                 eve,2026-01-01,,4,,,approved\n",
            ),
        ]);
        let uids: Vec<_> = org.time_off.iter().map(|record| record.uid).collect();
        assert_eq!(uids, [Some(42), Some(7), Some(7), None]);
        assert_eq!(org.time_off[0].end_date - org.time_off[0].start_date, 2);
        assert_eq!(org.time_off[1].end_date, org.time_off[1].start_date);
        assert!(org.time_off[0].approved && !org.time_off[2].approved);
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0]
                .to_string()
                .starts_with("time_off.csv:5: employee: 'eve'")
        );
    }

    #[test]
    fn time_off_problems() {
        let found = problems(&[
            USERS,
            (
                "time_off.csv",
                "employee,start_date,end_date,hours_per_day,full_day,status\n\
                 E2,2026-01-01,,4,,approved\n\
                 7,2026-01-02,2026-01-01,25,,approved\n\
                 7,2026-01-02,,,false,denied\n\
                 7,01/02/2026,,,maybe,\n",
            ),
        ]);
        assert_eq!(
            found,
            [
                "time_off.csv:2: employee: 'E2' is one of several users: 42, 9",
                "time_off.csv:3: hours_per_day: '25': a number from 0 to 24 is allowed",
                "time_off.csv:3: end_date: it lies before start_date",
                "time_off.csv:4: hours_per_day: hours are needed unless full_day is true",
                "time_off.csv:5: status: the cell is blank",
                "time_off.csv:5: start_date: '01/02/2026': a date such as 2026-03-31 is allowed",
                "time_off.csv:5: full_day: 'maybe': true or false is allowed",
                "time_off.csv:5: hours_per_day: hours are needed unless full_day is true",
            ]
        );
    }
}
