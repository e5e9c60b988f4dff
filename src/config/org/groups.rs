//! groups.csv, group_members.csv and core_categories.csv.

use std::collections::{HashMap, HashSet};

use super::seen::{InForce, Seen};
use super::table::{Column, Need, Report, Row, Table, show_day};
use super::{Category, CoreCategory, Group, GroupMember, Login, Member, User, Validity};
use crate::config::keys::MAX_ID;

pub const GROUPS: &[Column] = &[
    ("group_id", Need::Filled),
    ("group_name", Need::Filled),
    ("type", Need::Optional),
    ("productive_hrs_day", Need::Optional),
    ("focused_hrs_day", Need::Optional),
    ("core_activity_percent", Need::Optional),
    ("order_rank", Need::Optional),
    ("valid_from", Need::Optional),
    ("valid_to", Need::Optional),
];

pub const GROUP_MEMBERS: &[Column] = &[
    ("group_id", Need::Filled),
    ("member_kind", Need::Filled),
    ("member", Need::Filled),
    ("is_primary", Need::Optional),
    ("valid_from", Need::Optional),
    ("valid_to", Need::Optional),
];

pub const CORE_CATEGORIES: &[Column] = &[("group_id", Need::Filled), ("category_id", Need::Filled)];

/// A group made by a file rather than by a directory: in-app.
const IN_APP: i64 = 1;

/// Reads groups; the rows of one group do not overlap in time.
pub fn groups(table: &Table, report: &mut Report) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut rows = InForce::new();
    for row in table.rows() {
        let id = row.id(report, "group_id");
        let group_type = row.integer(report, "type", 0, MAX_ID).unwrap_or(IN_APP);
        let productive_hrs_day = row.number(report, "productive_hrs_day", 0.0, 24.0);
        let focused_hrs_day = row.number(report, "focused_hrs_day", 0.0, 24.0);
        let core_activity_percent = row.number(report, "core_activity_percent", 0.0, 100.0);
        let order_rank = row.integer(report, "order_rank", -MAX_ID, MAX_ID);
        let validity = row.validity(report);
        let Some(group_id) = id else { continue };
        if let Some(line) = rows.before(group_id, validity, row.line) {
            row.wrong(
                report,
                "group_id",
                format!("{group_id} is also in force by line {line} on some of these dates"),
            );
        }
        groups.push(Group {
            group_id,
            group_name: row.owned("group_name").unwrap_or_default(),
            group_type,
            productive_hrs_day,
            focused_hrs_day,
            core_activity_percent,
            order_rank,
            validity,
        });
    }
    groups
}

/// Reports a group that groups.csv does not have.
pub fn known_group(
    row: &Row<'_>,
    column: &str,
    group_id: i64,
    groups: &HashSet<i64>,
    report: &mut Report,
) {
    if !groups.contains(&group_id) {
        row.wrong(
            report,
            column,
            format!("there is no group {group_id} in groups.csv"),
        );
    }
}

/// Reads members, and the line of each. A user has at most one primary group on a date.
pub fn members(
    table: &Table,
    groups: &[Group],
    users: &[User],
    report: &mut Report,
) -> (Vec<GroupMember>, Vec<u64>) {
    let ids: HashSet<i64> = groups.iter().map(|group| group.group_id).collect();
    let mut members: Vec<(GroupMember, Row<'_>)> = Vec::new();
    let mut rows = InForce::new();
    for row in table.rows() {
        let group_id = row.id(report, "group_id");
        if let Some(group_id) = group_id {
            known_group(&row, "group_id", group_id, &ids, report);
        }
        let computer = row.choice(
            report,
            "member_kind",
            &[("user", false), ("computer", true)],
        );
        let is_primary = row.boolean(report, "is_primary").unwrap_or(false);
        let validity = row.validity(report);
        let (Some(group_id), Some(computer), Some(typed)) =
            (group_id, computer, row.text("member"))
        else {
            continue;
        };
        let number = typed.bytes().all(|byte| byte.is_ascii_digit());
        let member = match (number, computer) {
            (true, true) => row.id(report, "member").map(Member::ComputerId),
            (true, false) => row.id(report, "member").map(Member::Uid),
            (false, true) => Some(Member::Computer(typed.to_owned())),
            (false, false) => {
                let login = Login::of_member(typed);
                if login.is_none() {
                    row.wrong(
                        report,
                        "member",
                        format!("'{typed}': a uid, domain\\user, user@domain or user is allowed"),
                    );
                }
                login.map(Member::Login)
            }
        };
        let Some(member) = member else { continue };
        if let Some(line) = rows.before((group_id, key_of(&member)), validity, row.line) {
            row.wrong(
                report,
                "member",
                format!("'{typed}' is in the group by line {line} on some of these dates"),
            );
        }
        let member = GroupMember {
            group_id,
            member,
            is_primary,
            validity,
        };
        members.push((member, row));
    }
    primaries(&members, groups, users, report);
    members
        .into_iter()
        .map(|(member, row)| (member, row.line))
        .unzip()
}

/// A member to compare by: kind and lower-case text.
fn key_of(member: &Member) -> (u8, Option<String>, String) {
    match member {
        Member::Uid(uid) => (0, None, uid.to_string()),
        Member::Login(login) => {
            let (domain, user) = login.key();
            (1, domain, user)
        }
        Member::Computer(name) => (2, None, name.to_lowercase()),
        Member::ComputerId(id) => (3, None, id.to_string()),
    }
}

/// Who a primary membership is of: a mapped user, or a login nobody has.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Person {
    Uid(i64),
    /// Lower-case user name; its domain is compared apart, as none stands for every one.
    Login(String),
}

/// Reports two primary groups of one user on one date. A group counts on the dates on which
/// groups.csv has it.
fn primaries(
    members: &[(GroupMember, Row<'_>)],
    groups: &[Group],
    users: &[User],
    report: &mut Report,
) {
    let mut owners: HashMap<String, Vec<(Option<String>, i64)>> = HashMap::new();
    for user in users {
        for (domain, name) in user.logins.iter().map(Login::key) {
            owners.entry(name).or_default().push((domain, user.uid));
        }
    }
    let mut lives: HashMap<i64, Vec<Validity>> = HashMap::new();
    for group in groups {
        lives
            .entry(group.group_id)
            .or_default()
            .push(group.validity);
    }
    type Claim<'a> = (Option<String>, i64, Validity, &'a Row<'a>);
    let mut claims: HashMap<Person, Vec<Claim<'_>>> = HashMap::new();
    for (member, row) in members.iter().filter(|(member, _)| member.is_primary) {
        let (domain, people) = match &member.member {
            Member::Uid(uid) => (None, vec![Person::Uid(*uid)]),
            Member::Login(login) => {
                let (domain, name) = login.key();
                let owned = owners
                    .get(&name)
                    .map_or_else(Vec::new, |owners| owners_of(owners, domain.as_deref()));
                if owned.is_empty() {
                    (domain, vec![Person::Login(name)])
                } else {
                    (None, owned.into_iter().map(Person::Uid).collect())
                }
            }
            Member::Computer(_) | Member::ComputerId(_) => continue,
        };
        let alive: Vec<Validity> = lives
            .get(&member.group_id)
            .into_iter()
            .flatten()
            .filter_map(|life| life.overlap(member.validity))
            .collect();
        for person in people {
            let known = claims.entry(person).or_default();
            let clash = known
                .iter()
                .find_map(|(other_domain, other_group, dates, other)| {
                    let same_person = match (&domain, other_domain) {
                        (Some(a), Some(b)) => a == b,
                        _ => true,
                    };
                    if !same_person || *other_group == member.group_id {
                        return None;
                    }
                    alive
                        .iter()
                        .find_map(|life| life.overlap(*dates))
                        .map(|dates| (dates, other.line, *other_group))
                });
            if let Some((dates, line, other_group)) = clash {
                row.wrong(
                    report,
                    "is_primary",
                    format!(
                        "the user has primary group {other_group} by line {line} {}",
                        match dates.from {
                            Some(day) => format!("on {} too", show_day(day)),
                            None => "on some of these dates too".to_owned(),
                        }
                    ),
                );
                break;
            }
            for life in &alive {
                known.push((domain.clone(), member.group_id, *life, row));
            }
        }
    }
}

/// The users a login belongs to: with a domain the one mapped with it, else the one mapped
/// without; without a domain all of that name.
fn owners_of(owners: &[(Option<String>, i64)], domain: Option<&str>) -> Vec<i64> {
    let Some(domain) = domain else {
        let mut all: Vec<i64> = owners.iter().map(|(_, uid)| *uid).collect();
        all.sort_unstable();
        all.dedup();
        return all;
    };
    let exact = owners
        .iter()
        .find(|(known, _)| known.as_deref() == Some(domain));
    let bare = || owners.iter().find(|(known, _)| known.is_none());
    exact
        .or_else(bare)
        .map(|(_, uid)| *uid)
        .into_iter()
        .collect()
}

/// Reads the core sets.
pub fn core_categories(
    table: &Table,
    groups: &[Group],
    categories: &[Category],
    report: &mut Report,
) -> Vec<CoreCategory> {
    let groups: HashSet<i64> = groups.iter().map(|group| group.group_id).collect();
    let known: HashSet<i64> = categories.iter().map(|known| known.category_id).collect();
    let mut found = Vec::new();
    let mut pairs = Seen::new();
    for row in table.rows() {
        let group_id = row.id(report, "group_id");
        let category_id = row.id(report, "category_id");
        if let Some(group_id) = group_id {
            known_group(&row, "group_id", group_id, &groups, report);
        }
        if let Some(id) = category_id
            && !known.contains(&id)
        {
            row.wrong(report, "category_id", format!("there is no category {id}"));
        }
        let (Some(group_id), Some(category_id)) = (group_id, category_id) else {
            continue;
        };
        if let Some(line) = pairs.before((group_id, category_id), row.line) {
            row.wrong(
                report,
                "category_id",
                format!("the pair stands already on line {line}"),
            );
        }
        found.push(CoreCategory {
            group_id,
            category_id,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::testing::{org, problems};
    use super::*;

    const G: (&str, &str) = (
        "groups.csv",
        "group_id,group_name,type,productive_hrs_day,order_rank,valid_from,valid_to\n\
         1,Sales,,5.5,2,,\n2,Ops,0,,,,2026-01-01\n2,Operations,0,,,2026-03-01,\n3,New,3,,,2026-06-01,\n",
    );

    #[test]
    fn groups_and_members_are_read() {
        let (org, _) = org(&[
            G,
            (
                "group_members.csv",
                "group_id,member_kind,member,is_primary,valid_from,valid_to\n\
                 1,user,7,true,,\n1,User,CORP\\ada,,2026-01-01,\n1,user,ada@corp,,,2026-01-01\n\
                 2,computer,PC1,,,\n2,computer,12,,,\n2,user,bob,,,\n",
            ),
            ("core_categories.csv", "group_id,category_id\n1,1\n1,2\n"),
        ]);
        assert_eq!(org.groups[0].group_type, IN_APP);
        assert_eq!(org.groups[0].productive_hrs_day, Some(5.5));
        assert_eq!(org.groups[1].order_rank, None);
        assert_eq!(org.group_members[0].member, Member::Uid(7));
        assert!(org.group_members[0].is_primary);
        assert_eq!(org.group_members[3].member, Member::Computer("PC1".into()));
        assert_eq!(org.group_members[4].member, Member::ComputerId(12));
        assert_eq!(org.lines.group_members, [2, 3, 4, 5, 6, 7]);
        assert_eq!(org.core_categories.len(), 2);
    }

    #[test]
    fn group_problems() {
        let found = problems(&[
            (
                "groups.csv",
                "group_id,group_name,type,productive_hrs_day,core_activity_percent,valid_from,valid_to\n\
                 1,A,,25,,,\n1,B,x,,101,2026-01-01,2026-02-01\n2,,,,,2026-02-01,2026-01-01\n",
            ),
            (
                "group_members.csv",
                "group_id,member_kind,member,valid_from\n9,user,7,\n1,group,7,\n1,user,ada@,\n\
                 1,computer,0,\n1,user,ada,\n1,user,ADA,2026-01-01\n",
            ),
            (
                "core_categories.csv",
                "group_id,category_id\n9,1\n1,99\n1,1\n1,1\n",
            ),
        ]);
        for expected in [
            "groups.csv:2: productive_hrs_day: '25': a number from 0 to 24",
            "groups.csv:3: type: 'x'",
            "groups.csv:3: core_activity_percent: '101'",
            "groups.csv:3: group_id: 1 is also in force by line 2",
            "groups.csv:4: group_name: the cell is blank",
            "groups.csv:4: valid_to: it must lie after valid_from",
            "group_members.csv:2: group_id: there is no group 9",
            "group_members.csv:3: member_kind: 'group': one of user, computer",
            "group_members.csv:4: member: 'ada@'",
            "group_members.csv:5: member: '0'",
            "group_members.csv:7: member: 'ADA' is in the group by line 6",
            "core_categories.csv:2: group_id: there is no group 9",
            "core_categories.csv:3: category_id: there is no category 99",
            "core_categories.csv:5: category_id: the pair stands already on line 4",
        ] {
            assert!(
                found.iter().any(|text| text.starts_with(expected)),
                "{expected}\n{found:#?}"
            );
        }
        assert_eq!(found.len(), 14, "{found:#?}");
    }

    #[test]
    fn two_primary_groups_of_a_user_on_a_date_are_an_error() {
        let users = ("users.csv", "uid,logins\n7,corp\\ada\n8,bob\n");
        let found = |rows: &str| {
            let text =
                format!("group_id,member_kind,member,is_primary,valid_from,valid_to\n{rows}");
            problems(&[users, G, ("group_members.csv", &text)])
        };
        // By uid and login alike, and by logins that nobody has.
        for rows in [
            "1,user,7,1,,\n2,user,7,1,,\n",
            "1,user,7,1,,\n2,user,ada@CORP,1,2026-04-01,\n",
            "1,user,ada,1,,\n2,user,corp\\ada,1,,\n",
            "1,user,eve,1,,\n2,user,corp\\eve,1,,\n",
            "1,user,bob@a,1,,\n2,user,bob@b,1,,\n",
        ] {
            let found = found(rows);
            assert_eq!(found.len(), 1, "{rows}{found:?}");
            assert!(
                found[0].starts_with(
                    "group_members.csv:3: is_primary: the user has primary group 1 by line 2"
                ),
                "{found:?}"
            );
        }
        assert!(found("1,user,7,1,,\n2,user,7,1,2026-04-01,\n")[0].contains("on 2026-04-01 too"));
        // Not: other users, other dates, a group that does not exist then, not primary.
        for rows in [
            "1,user,7,1,,\n2,user,8,1,,\n",
            "1,user,7,1,,2026-04-01\n2,user,7,1,2026-04-01,\n",
            "1,user,7,1,2026-01-01,2026-03-01\n2,user,7,1,,\n",
            "1,user,7,1,,\n2,user,7,0,,\n",
            "1,user,eve@a,1,,\n2,user,eve@b,1,,\n",
        ] {
            let text =
                format!("group_id,member_kind,member,is_primary,valid_from,valid_to\n{rows}");
            org(&[users, G, ("group_members.csv", &text)]);
        }
    }
}
