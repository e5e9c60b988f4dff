//! Who is in which group when, and which one is primary (`semantics.md` §9).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::people::{People, login_key};
use crate::config::org::{Group, GroupMember, Member, Org};

/// The first and last date of an open range.
pub const EVER: (i32, i32) = (-719_162, 2_932_896);

/// A user's groups over half-open dates `[from, to)`, in rule order: `order_rank`, then group id.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub from: i32,
    pub to: i32,
    /// Rows of `groups.csv` in force, by index into [`Org::groups`].
    pub groups: Vec<usize>,
    /// The primary one, by index into [`Org::groups`].
    pub primary: usize,
}

/// Spans by uid; a user without any group is absent.
pub fn memberships(org: &Org, people: &People) -> BTreeMap<i64, Vec<Span>> {
    let mut rows: BTreeMap<i64, Vec<&GroupMember>> = BTreeMap::new();
    // Logins by user name: where on, and whose.
    let mut logins: HashMap<String, BTreeSet<(Option<String>, i64)>> = HashMap::new();
    let mut known = |(domain, user): (Option<String>, String), uid: i64| {
        logins.entry(user).or_default().insert((domain, uid));
    };
    for (agent, uid) in people.agents.values() {
        known(
            login_key(agent.logon_domain.as_deref(), &agent.user_name),
            *uid,
        );
    }
    for user in &org.users {
        for login in &user.logins {
            known(login_key(login.domain.as_deref(), &login.user), user.uid);
        }
    }
    for member in &org.group_members {
        let uids: BTreeSet<i64> = match &member.member {
            Member::Uid(uid) => BTreeSet::from([*uid]),
            Member::Login(login) => {
                let (domain, user) = login_key(login.domain.as_deref(), &login.user);
                logins
                    .get(&user)
                    .into_iter()
                    .flatten()
                    .filter(|(at, _)| domain.is_none() || *at == domain)
                    .map(|(_, uid)| *uid)
                    .collect()
            }
            Member::Computer(_) | Member::ComputerId(_) => continue,
        };
        for uid in uids {
            rows.entry(uid).or_default().push(member);
        }
    }
    rows.into_iter()
        .filter(|(uid, _)| people.persons.contains_key(uid))
        .map(|(uid, members)| (uid, spans(org, &members)))
        .filter(|(_, spans)| !spans.is_empty())
        .collect()
}

fn spans(org: &Org, members: &[&GroupMember]) -> Vec<Span> {
    let mut edges = BTreeSet::from([EVER.0, EVER.1]);
    for member in members {
        edges.extend(member.validity.from.into_iter().chain(member.validity.to));
        for group in org.groups.iter().filter(|g| g.group_id == member.group_id) {
            edges.extend(group.validity.from.into_iter().chain(group.validity.to));
        }
    }
    let edges: Vec<i32> = edges.into_iter().collect();
    let mut spans: Vec<Span> = Vec::new();
    for pair in edges.windows(2) {
        let [from, to] = *pair else { continue };
        let mut groups: BTreeMap<i64, (usize, bool)> = BTreeMap::new();
        for member in members.iter().filter(|m| m.validity.holds(from)) {
            let row = org
                .groups
                .iter()
                .position(|group| group.group_id == member.group_id && group.validity.holds(from));
            if let Some(row) = row {
                let entry = groups.entry(member.group_id).or_insert((row, false));
                entry.1 |= member.is_primary;
            }
        }
        let Some(primary) = primary(org, &groups) else {
            continue;
        };
        let mut ordered: Vec<usize> = groups.values().map(|(row, _)| *row).collect();
        ordered.sort_by_key(|row| {
            org.groups
                .get(*row)
                .map(|group| (group.order_rank.unwrap_or(i64::MAX), group.group_id))
        });
        match spans.last_mut() {
            Some(last) if last.to == from && last.groups == ordered && last.primary == primary => {
                last.to = to;
            }
            _ => spans.push(Span {
                from,
                to,
                groups: ordered,
                primary,
            }),
        }
    }
    spans
}

/// The one named; else in-app, HRDC, Azure AD, Active Directory, any other type; then the lowest id.
fn primary(org: &Org, groups: &BTreeMap<i64, (usize, bool)>) -> Option<usize> {
    let rank = |group: &Group| match group.group_type {
        1 => 0,
        3 => 1,
        2 => 2,
        0 => 3,
        _ => 4,
    };
    groups
        .values()
        .filter_map(|(row, named)| org.groups.get(*row).map(|group| (*row, *named, group)))
        .min_by_key(|(_, named, group)| (!named, rank(group), group.group_id))
        .map(|(row, _, _)| row)
}

/// Computers in groups: (group row, computer id, name, alias, from, to).
pub fn computer_memberships(
    org: &Org,
    people: &People,
) -> Vec<(usize, i64, String, Option<String>, i32, i32)> {
    // Names as seen in events, and as listed; a listed alias holds for its id.
    let mut names: BTreeMap<i64, String> = BTreeMap::new();
    for (agent, _) in people.agents.values() {
        let id = people.computer_id(agent.computer_id);
        names
            .entry(id)
            .and_modify(|least| *least = least.clone().min(agent.computer_name.clone()))
            .or_insert_with(|| agent.computer_name.clone());
    }
    let mut aliases: BTreeMap<i64, Option<String>> = BTreeMap::new();
    for computer in &org.computers {
        names.insert(computer.computer_id, computer.computer_name.clone());
        aliases.insert(computer.computer_id, computer.computer_alias.clone());
    }
    let mut ids_of: HashMap<String, Vec<i64>> = HashMap::new();
    for (id, name) in &names {
        ids_of
            .entry(name.to_ascii_lowercase())
            .or_default()
            .push(*id);
    }
    let mut out = BTreeSet::new();
    for member in &org.group_members {
        let ids: &[i64] = match &member.member {
            Member::Computer(name) => ids_of
                .get(&name.trim().to_ascii_lowercase())
                .map_or(&[], Vec::as_slice),
            Member::ComputerId(id) => std::slice::from_ref(id),
            Member::Uid(_) | Member::Login(_) => continue,
        };
        for (row, group) in org.groups.iter().enumerate() {
            if group.group_id != member.group_id {
                continue;
            }
            let from = group
                .validity
                .from
                .unwrap_or(EVER.0)
                .max(member.validity.from.unwrap_or(EVER.0));
            let to = group
                .validity
                .to
                .unwrap_or(EVER.1)
                .min(member.validity.to.unwrap_or(EVER.1));
            if from < to {
                for id in ids {
                    if let Some(name) = names.get(id) {
                        let alias = aliases.get(id).cloned().flatten();
                        out.insert((row, *id, name.clone(), alias, from, to));
                    }
                }
            }
        }
    }
    out.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::org::{User, Validity};

    fn group(group_id: i64, group_type: i64, order_rank: Option<i64>) -> Group {
        Group {
            group_id,
            group_name: format!("g{group_id}"),
            group_type,
            productive_hrs_day: None,
            focused_hrs_day: None,
            core_activity_percent: None,
            order_rank,
            validity: Validity::default(),
        }
    }

    fn member(group_id: i64, is_primary: bool, from: Option<i32>, to: Option<i32>) -> GroupMember {
        GroupMember {
            group_id,
            member: Member::Uid(1),
            is_primary,
            validity: Validity { from, to },
        }
    }

    fn spans_of(
        groups: Vec<Group>,
        group_members: Vec<GroupMember>,
    ) -> Vec<(i32, i32, Vec<i64>, i64)> {
        let org = Org {
            users: vec![User {
                uid: 1,
                display_name: None,
                emails: Vec::new(),
                user_principal_names: Vec::new(),
                employee_ids: Vec::new(),
                tracked: true,
                logins: Vec::new(),
                timezone: None,
            }],
            groups,
            group_members,
            ..Org::default()
        };
        let people = People::new(Vec::new(), &org).unwrap();
        let id = |row: usize| org.groups[row].group_id;
        memberships(&org, &people)
            .remove(&1)
            .unwrap_or_default()
            .into_iter()
            .map(|span| {
                (
                    span.from,
                    span.to,
                    span.groups.into_iter().map(id).collect(),
                    id(span.primary),
                )
            })
            .collect()
    }

    #[test]
    fn type_decides_unless_named() {
        let groups = || {
            vec![
                group(5, 0, None),
                group(6, 1, Some(2)),
                group(7, 1, Some(1)),
            ]
        };
        let all = vec![
            member(5, false, None, None),
            member(6, false, None, None),
            member(7, false, None, None),
        ];
        assert_eq!(
            spans_of(groups(), all.clone()),
            [(EVER.0, EVER.1, vec![7, 6, 5], 6)]
        );
        let mut named = all;
        named[0].is_primary = true;
        assert_eq!(spans_of(groups(), named)[0].3, 5);
    }

    #[test]
    fn dates_cut_spans() {
        let mut late = group(6, 1, None);
        late.validity.from = Some(20);
        let spans = spans_of(
            vec![group(5, 1, None), late],
            vec![
                member(5, false, Some(10), Some(30)),
                member(6, true, Some(0), None),
            ],
        );
        assert_eq!(
            spans,
            [
                (10, 20, vec![5], 5),
                (20, 30, vec![5, 6], 6),
                (30, EVER.1, vec![6], 6)
            ]
        );
    }
}
