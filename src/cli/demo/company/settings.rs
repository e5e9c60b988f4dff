//! The company's settings as the CSV files of an `org/` folder (`inputs.md` §3).
//!
//! Every file of the format has a row here, and the kinds of row that change with time do. Cells
//! hold no comma, quote or line end, so none is quoted.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::Plan;
use super::day::weekday;
use super::leave::{self, Leave};
use super::line::push_date;
use super::person::{LOGON_DOMAIN, PRIMARY_DOMAIN, Person, Rhythm, SITES};
use super::teams::{
    ALL_STAFF, BERLIN_OFFICE, MARKETING, NIGHT_CREW, RULES, SALES, SHARED_DESKS, SUPPORT, TEAMS,
};

/// Finds a category's id by its name.
type CategoryId<'a> = &'a dyn Fn(&str) -> Option<i64>;

const WEEKDAYS: [&str; 5] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"];

/// The person of each thirty who moves from Sales to Marketing.
const MOVER: usize = 7;

/// All files, by name.
pub(super) fn files(
    plan: &Plan,
    people: &[Person],
    category_id: CategoryId<'_>,
) -> Vec<(&'static str, String)> {
    let listed: Vec<&Person> = people.iter().filter(|person| person.is_listed()).collect();
    vec![
        ("users.csv", users(&listed, people.len())),
        ("computers.csv", computers(&listed)),
        ("groups.csv", groups(plan)),
        ("group_members.csv", group_members(plan, &listed)),
        ("classification.csv", classification(category_id)),
        ("core_categories.csv", core_categories(category_id)),
        ("applications.csv", applications()),
        ("schedules.csv", schedules()),
        ("schedule_members.csv", schedule_members(plan, &listed)),
        ("time_off.csv", time_off(plan, &listed)),
        ("locations.csv", locations()),
        ("consumers.csv", consumers()),
        ("do_not_track.csv", do_not_track()),
        ("hosts.csv", hosts(&listed)),
    ]
}

/// A growing CSV text.
struct Table(String);

impl Table {
    fn new(header: &str) -> Table {
        Table(format!("{header}\n"))
    }

    fn row(&mut self, cells: std::fmt::Arguments<'_>) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "{cells}");
    }
}

fn date(day: i32) -> String {
    let mut text = String::new();
    push_date(&mut text, i64::from(day));
    text
}

fn users(listed: &[&Person], everybody: usize) -> String {
    let mut table = Table::new(
        "uid,display_name,emails,user_principal_names,employee_ids,tracked,logins,timezone",
    );
    for person in listed {
        let mut logins: Vec<String> = Vec::new();
        for computer in &person.computers {
            let login = format!(r"{}\{}", computer.logon_domain, person.login);
            if !logins.contains(&login) {
                logins.push(login);
            }
        }
        let mut emails = format!("{}@{PRIMARY_DOMAIN}", person.login);
        if person.index % 6 == 2 {
            let _ = write!(emails, ";{}@mail.{PRIMARY_DOMAIN}", person.login);
        }
        let principal = if person.index % 3 == 1 {
            String::new()
        } else {
            format!("{}@{PRIMARY_DOMAIN}", person.login)
        };
        let site = SITES
            .get(person.site)
            .filter(|_| person.has_zone_override());
        let zone = site.map_or("", |site| site.iana_zone);
        table.row(format_args!(
            "{},{},{emails},{principal},{},true,{},{zone}",
            person.uid(),
            person.name,
            employee_id(person),
            logins.join(";"),
        ));
    }
    // Somebody who left: known, no longer tracked.
    table.row(format_args!(
        r"{},Former {number:02},former.{number:02}@{PRIMARY_DOMAIN},,,false,{LOGON_DOMAIN}\former.{number:02},",
        1001 + everybody,
        number = everybody + 1,
    ));
    table.0
}

fn employee_id(person: &Person) -> String {
    format!("E{:05}", 20_000 + person.index)
}

fn computers(listed: &[&Person]) -> String {
    let mut table = Table::new("computer_id,computer_name,primary_domain,computer_alias");
    for (place, desk) in shared_desks(listed).iter().enumerate() {
        table.row(format_args!(
            "{},{desk},{PRIMARY_DOMAIN},Support desk {}",
            9_001 + place,
            place + 1
        ));
    }
    let desktop = listed
        .iter()
        .flat_map(|person| &person.computers)
        .find(|c| c.name.starts_with("WS-"));
    if let Some(desktop) = desktop {
        table.row(format_args!(
            "8001,{},{PRIMARY_DOMAIN},Build station",
            desktop.name
        ));
    }
    table.0
}

fn shared_desks<'a>(listed: &[&'a Person]) -> BTreeSet<&'a str> {
    let computers = listed.iter().flat_map(|person| &person.computers);
    let names = computers.map(|computer| computer.name.as_str());
    names.filter(|name| name.starts_with("SD-")).collect()
}

/// The date of the changes of the plan: a goal, a team, a schedule.
fn change_day(plan: &Plan) -> i32 {
    plan.end_day
        .saturating_sub(i32::try_from(plan.days / 3).unwrap_or(0))
}

fn groups(plan: &Plan) -> String {
    let mut table = Table::new(
        "group_id,group_name,type,productive_hrs_day,focused_hrs_day,core_activity_percent,order_rank,valid_from,valid_to",
    );
    let change = date(change_day(plan));
    for (rank, team) in TEAMS.iter().enumerate() {
        let mut row = |productive: &str, from: &str, to: &str| {
            table.row(format_args!(
                "{},{},1,{productive},{},{},{},{from},{to}",
                team.group_id,
                team.name,
                team.focused_hrs_day,
                team.core_activity_percent,
                rank + 1,
            ));
        };
        if team.group_id == SUPPORT {
            row("6", "", &change);
            row(team.productive_hrs_day, &change, "");
        } else {
            row(team.productive_hrs_day, "", "");
        }
    }
    for (group_id, name, kind) in [
        (BERLIN_OFFICE, "Berlin Office", 0),
        (ALL_STAFF, "All Staff", 2),
        (NIGHT_CREW, "Night Crew", 3),
        (SHARED_DESKS, "Shared Desks", 1),
    ] {
        table.row(format_args!("{group_id},{name},{kind},,,,,,"));
    }
    table.0
}

fn group_members(plan: &Plan, listed: &[&Person]) -> String {
    let mut table = Table::new("group_id,member_kind,member,is_primary,valid_from,valid_to");
    let change = date(change_day(plan));
    for person in listed {
        let team = TEAMS.iter().find(|team| team.role == person.role.login);
        let by_login = person.index % 5 == 3;
        let member = match person.computers.first() {
            Some(computer) if by_login => format!(r"{}\{}", computer.logon_domain, person.login),
            _ => person.uid().to_string(),
        };
        if let Some(team) = team {
            if team.group_id == SALES && person.index % 30 == MOVER {
                table.row(format_args!("{SALES},user,{member},true,,{change}"));
                table.row(format_args!("{MARKETING},user,{member},true,{change},"));
            } else {
                table.row(format_args!("{},user,{member},true,,", team.group_id));
            }
        }
        table.row(format_args!("{ALL_STAFF},user,{member},false,,"));
        if person.site == 1 {
            table.row(format_args!("{BERLIN_OFFICE},user,{member},false,,"));
        }
        if person.rhythm == Rhythm::Night {
            table.row(format_args!("{NIGHT_CREW},user,{member},false,,"));
        }
    }
    for desk in shared_desks(listed) {
        table.row(format_args!("{SHARED_DESKS},computer,{desk},false,,"));
    }
    table.0
}

fn classification(category_id: CategoryId<'_>) -> String {
    let mut table = Table::new("order,scope,match,value,category,productivity");
    for (order, [scope, matches, value, category, productivity]) in RULES.iter().enumerate() {
        let known = category_id(category).map_or("", |_| *category);
        table.row(format_args!(
            "{},{scope},{matches},{value},{known},{productivity}",
            (order + 1) * 10,
        ));
    }
    table.0
}

fn core_categories(category_id: CategoryId<'_>) -> String {
    let mut table = Table::new("group_id,category_id");
    for team in &TEAMS {
        let known: BTreeSet<i64> = team
            .core
            .iter()
            .filter_map(|name| category_id(name))
            .collect();
        for category in known {
            table.row(format_args!("{},{category}", team.group_id));
        }
    }
    table.0
}

fn applications() -> String {
    let mut table = Table::new("match,value,application,consolidated_name");
    table.row(format_args!(
        "executable,exampleerp.exe,Example ERP,Example ERP"
    ));
    table.row(format_args!(
        "executable,exampleerp,Example ERP,Example ERP"
    ));
    table.row(format_args!("site,wiki.example.com,,Company Wiki"));
    table.row(format_args!("site,grafana.example.com,,Grafana"));
    table.0
}

/// Name in the settings; none for those who keep the account's default.
fn schedule_name(rhythm: Rhythm) -> Option<&'static str> {
    match rhythm {
        Rhythm::Office => Some("Office hours"),
        Rhythm::Early => Some("Early shift"),
        Rhythm::India => Some("Bengaluru office"),
        Rhythm::Night => Some("Night shift"),
        Rhythm::Flexible => Some("Flexible"),
        Rhythm::Default => None,
    }
}

fn schedules() -> String {
    let mut table = Table::new(
        "schedule_name,schedule_type,day_of_week,start_time,end_time,break_time_minutes",
    );
    for (rhythm, break_minutes) in [
        (Rhythm::Office, 45),
        (Rhythm::Early, 30),
        (Rhythm::India, 60),
        (Rhythm::Night, 45),
        (Rhythm::Flexible, 60),
    ] {
        let name = schedule_name(rhythm).unwrap_or_default();
        let (start, end) = rhythm.minutes();
        for weekday in WEEKDAYS {
            if rhythm == Rhythm::Flexible {
                table.row(format_args!("{name},flexible,{weekday},,,{break_minutes}"));
            } else {
                table.row(format_args!(
                    "{name},fixed,{weekday},{:02}:{:02},{:02}:{:02},{break_minutes}",
                    start / 60,
                    start % 60,
                    end / 60 % 24,
                    end % 60,
                ));
            }
        }
    }
    table.0
}

fn schedule_members(plan: &Plan, listed: &[&Person]) -> String {
    let mut table = Table::new("schedule_name,uid,valid_from,valid_to");
    let change = date(change_day(plan));
    for person in listed {
        let Some(name) = schedule_name(person.rhythm) else {
            continue;
        };
        // One person of thirty came late to the early shift on paper.
        if person.rhythm == Rhythm::Early && person.index % 30 == 12 {
            table.row(format_args!("Office hours,{},,{change}", person.uid()));
            table.row(format_args!("{name},{},{change},", person.uid()));
        } else {
            table.row(format_args!("{name},{},,", person.uid()));
        }
    }
    table.0
}

fn time_off(plan: &Plan, listed: &[&Person]) -> String {
    let mut table = Table::new("employee,start_date,end_date,hours_per_day,full_day,type,status");
    for person in listed {
        let employee = match person.index % 3 {
            0 => person.uid().to_string(),
            1 => format!("{}@{PRIMARY_DOMAIN}", person.login),
            _ => employee_id(person),
        };
        for leave in leave::between(plan.seed, person.index, plan.first_day(), plan.end_day) {
            let Leave {
                start,
                end,
                hours_per_day,
                full_day,
                kind,
                status,
            } = leave;
            // One-day records leave the end blank; nobody asks for a weekend alone.
            if start == end && weekday(start) > 4 {
                continue;
            }
            let last = if start == end {
                String::new()
            } else {
                date(end)
            };
            let hours = hours_per_day.map_or(String::new(), |hours| hours.to_string());
            table.row(format_args!(
                "{employee},{},{last},{hours},{full_day},{kind},{status}",
                date(start)
            ));
        }
    }
    table.0
}

/// New York by its network, Berlin by its addresses; Bengaluru is recognised by its people.
fn locations() -> String {
    let mut table = Table::new("signature_or_cidr,label");
    let [new_york, _, _] = &SITES;
    table.row(format_args!("{},Office", new_york.network_id));
    table.row(format_args!("198.51.100.0/24,Office"));
    table.row(format_args!("198.19.0.0/16,Remote"));
    table.0
}

fn consumers() -> String {
    let mut table = Table::new("activtrak_id,email,role,viewable_groups");
    table.row(format_args!("1,admin@{PRIMARY_DOMAIN},Admin,*"));
    table.row(format_args!(
        "2,configurator@{PRIMARY_DOMAIN},Configurator,*"
    ));
    table.row(format_args!(
        "3,sales.lead@{PRIMARY_DOMAIN},Power User,{SALES};{MARKETING}"
    ));
    table.row(format_args!("4,viewer@{PRIMARY_DOMAIN},Viewer,{SUPPORT}"));
    table.0
}

fn do_not_track() -> String {
    let mut table = Table::new("login");
    table.row(format_args!("kiosk@*"));
    table.row(format_args!("lobby.display@{LOGON_DOMAIN}"));
    table.0
}

/// Whose host the shipped export comes from.
fn hosts(listed: &[&Person]) -> String {
    let mut table = Table::new("hostname,user_name,logon_domain,valid_from,valid_to");
    if let Some(person) = listed.first()
        && let Some(computer) = person.computers.first()
    {
        table.row(format_args!(
            "demo-laptop,{},{},,",
            person.login, computer.logon_domain
        ));
    }
    table.0
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn company() -> (Plan, BTreeMap<&'static str, Vec<Vec<String>>>) {
        let plan = Plan {
            seed: 42,
            users: 90,
            days: 60,
            end_day: 20_525,
            with_titles: true,
        };
        let known = |name: &str| (name != "Spreadsheets").then_some(name.len() as i64);
        let mut tables = BTreeMap::new();
        for (name, text) in super::super::organisation(&plan, &known) {
            let rows = text
                .lines()
                .map(|row| row.split(',').map(str::to_owned).collect());
            let rows: Vec<Vec<String>> = rows.collect();
            assert!(rows.len() > 1, "{name} is empty");
            for row in &rows {
                assert_eq!(row.len(), rows[0].len(), "{name}: {row:?}");
            }
            tables.insert(name, rows[1..].to_vec());
        }
        (plan, tables)
    }

    /// No two rows of one key hold on one date; text dates compare as dates do.
    fn assert_one_at_a_time<'a>(rows: impl Iterator<Item = (&'a String, &'a String, &'a String)>) {
        let mut spans: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for (key, from, to) in rows {
            let to = if to.is_empty() { "9999" } else { to };
            spans.entry(key).or_default().push((from, to));
        }
        for (key, spans) in &mut spans {
            spans.sort_unstable();
            let apart = spans.windows(2).all(|pair| pair[0].1 <= pair[1].0);
            assert!(apart, "{key}: {spans:?}");
        }
        assert!(
            spans.values().any(|spans| spans.len() > 1),
            "nothing changes with time"
        );
    }

    #[test]
    fn nobody_has_two_teams_or_schedules_at_once() {
        let (_, tables) = company();
        let members = tables["group_members.csv"].iter();
        let primary = members.filter(|row| row[3] == "true");
        assert_one_at_a_time(primary.map(|row| (&row[2], &row[4], &row[5])));
        let schedules = tables["schedule_members.csv"].iter();
        assert_one_at_a_time(schedules.map(|row| (&row[1], &row[2], &row[3])));
        assert_one_at_a_time(
            tables["groups.csv"]
                .iter()
                .map(|row| (&row[0], &row[7], &row[8])),
        );
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let (_, tables) = company();
        let column = |file: &str, place: usize| -> BTreeSet<String> {
            let cells = tables[file].iter().flat_map(|row| row[place].split(';'));
            cells
                .filter(|cell| !cell.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let mut people = column("users.csv", 0);
        people.extend(column("users.csv", 2));
        people.extend(column("users.csv", 4));
        people.extend(column("users.csv", 6));
        people.extend(column("computers.csv", 1));
        let groups = column("groups.csv", 0);
        assert!(column("group_members.csv", 2).is_subset(&people));
        assert!(column("group_members.csv", 0).is_subset(&groups));
        assert!(column("core_categories.csv", 0).is_subset(&groups));
        assert!(column("time_off.csv", 0).is_subset(&people));
        assert!(column("schedule_members.csv", 1).is_subset(&people));
        assert!(column("schedule_members.csv", 0).is_subset(&column("schedules.csv", 0)));
        let scopes = column("classification.csv", 1);
        assert!(
            scopes
                .iter()
                .all(|scope| scope == "account" || groups.contains(scope))
        );
        assert!(
            !column("core_categories.csv", 1).contains("12"),
            "an unknown category"
        );
        let host = &tables["hosts.csv"][0];
        assert!(people.contains(&format!(r"{}\{}", host[2], host[1])));
    }

    #[test]
    fn unknown_categories_leave_a_blank() {
        let text = classification(&|_| None);
        assert!(text.contains(",Example ERP,,Productive"), "{text}");
        assert_eq!(core_categories(&|_| None).lines().count(), 1);
    }
}
