//! Who is who and in which groups: lookups over the checked tables.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Day, Group, GroupMember, Login, Member, Org, Problem};

/// A user's groups on a date.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupsOf<'a> {
    /// By `order_rank` (groups without one last), then `group_id`.
    pub ordered: Vec<&'a Group>,
    /// One of them, if there are any.
    pub primary: Option<&'a Group>,
}

/// Memberships by whom they name, for many lookups.
#[derive(Debug)]
pub struct Memberships<'a> {
    groups: HashMap<i64, Vec<&'a Group>>,
    uids: HashMap<i64, Vec<&'a GroupMember>>,
    /// By lower-case user name.
    logins: HashMap<String, Vec<&'a GroupMember>>,
}

impl Org {
    /// Mapped logins, lower case, and whose they are. A login mapped without a domain stands for
    /// the name on every domain that is not mapped itself: look up the exact one first.
    pub fn login_map(&self) -> HashMap<(Option<String>, String), i64> {
        self.users
            .iter()
            .flat_map(|user| user.logins.iter().map(|login| (login.key(), user.uid)))
            .collect()
    }

    /// An index of the memberships.
    pub fn memberships(&self) -> Memberships<'_> {
        let mut index = Memberships {
            groups: HashMap::new(),
            uids: HashMap::new(),
            logins: HashMap::new(),
        };
        for group in &self.groups {
            index.groups.entry(group.group_id).or_default().push(group);
        }
        for member in &self.group_members {
            match &member.member {
                Member::Uid(uid) => index.uids.entry(*uid).or_default().push(member),
                Member::Login(login) => {
                    let (_, user) = login.key();
                    index.logins.entry(user).or_default().push(member);
                }
                Member::Computer(_) | Member::ComputerId(_) => {}
            }
        }
        index
    }

    /// The groups of a user on a date and the primary one (`semantics.md` §9); for many lookups
    /// take [`Org::memberships`] once.
    pub fn primary_and_ordered_groups(&self, uid: i64, logins: &[Login], day: Day) -> GroupsOf<'_> {
        self.memberships().of(uid, logins, day)
    }

    /// Warnings for members that neither the files nor the lake know. `known_logins` are (logon
    /// domain, user name) of stored events in lower case, an empty domain for none;
    /// `known_computers` lower-case computer names, and computer ids as text.
    pub fn unknown_members(
        &self,
        known_logins: &HashSet<(String, String)>,
        known_uids: &HashSet<i64>,
        known_computers: &HashSet<String>,
    ) -> Vec<Problem> {
        let mapped = self.login_map();
        let names: HashSet<&str> = known_logins
            .iter()
            .map(|(_, user)| user.as_str())
            .chain(mapped.keys().map(|(_, user)| user.as_str()))
            .collect();
        let uids: HashSet<i64> = self.users.iter().map(|user| user.uid).collect();
        let computers: HashSet<String> = self
            .computers
            .iter()
            .flat_map(|computer| {
                [
                    computer.computer_name.to_lowercase(),
                    computer.computer_id.to_string(),
                ]
            })
            .collect();
        let known = |member: &Member| match member {
            Member::Uid(uid) => known_uids.contains(uid) || uids.contains(uid),
            Member::Login(login) => {
                let (domain, user) = login.key();
                match domain {
                    None => names.contains(user.as_str()),
                    Some(domain) => {
                        known_logins.contains(&(domain.clone(), user.clone()))
                            || mapped.contains_key(&(Some(domain), user.clone()))
                            || mapped.contains_key(&(None, user))
                    }
                }
            }
            Member::Computer(name) => {
                let name = name.to_lowercase();
                known_computers.contains(&name) || computers.contains(&name)
            }
            Member::ComputerId(id) => {
                let id = id.to_string();
                known_computers.contains(&id) || computers.contains(&id)
            }
        };
        self.group_members
            .iter()
            .enumerate()
            .filter(|(_, member)| !known(&member.member))
            .map(|(at, member)| Problem {
                file: "group_members.csv".to_owned(),
                line: self.lines.group_members.get(at).copied().unwrap_or(0),
                column: "member".to_owned(),
                message: format!("{} is not known yet", member.member),
            })
            .collect()
    }
}

impl<'a> Memberships<'a> {
    /// The groups on `day` of the user with this uid and these logins. A membership typed without
    /// a domain takes the name on every domain. A group exists only on dates of its own rows.
    pub fn of(&self, uid: i64, logins: &[Login], day: Day) -> GroupsOf<'a> {
        let mut found: BTreeMap<i64, (&'a Group, bool)> = BTreeMap::new();
        let mut note = |member: &'a GroupMember| {
            if !member.validity.holds(day) {
                return;
            }
            let rows = self.groups.get(&member.group_id).into_iter().flatten();
            for group in rows.filter(|group| group.validity.holds(day)) {
                let entry = found.entry(group.group_id).or_insert((group, false));
                entry.1 |= member.is_primary;
            }
        };
        for member in self.uids.get(&uid).into_iter().flatten() {
            note(member);
        }
        for login in logins {
            let (domain, user) = login.key();
            for member in self.logins.get(&user).into_iter().flatten() {
                if let Member::Login(typed) = &member.member
                    && (typed.domain.is_none() || typed.key().0 == domain)
                {
                    note(member);
                }
            }
        }
        let primary = found
            .values()
            .min_by_key(|(group, named)| (!named, type_rank(group.group_type), group.group_id))
            .map(|(group, _)| *group);
        let mut ordered: Vec<&Group> = found.into_values().map(|(group, _)| group).collect();
        ordered.sort_by_key(|group| (group.order_rank.is_none(), group.order_rank, group.group_id));
        GroupsOf { ordered, primary }
    }
}

/// Which type is preferred for the primary group: in-app, HRDC, Azure AD, Active Directory, others.
fn type_rank(group_type: i64) -> u8 {
    match group_type {
        1 => 0,
        3 => 1,
        2 => 2,
        0 => 3,
        _ => 4,
    }
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Member::Uid(uid) => write!(f, "user {uid}"),
            Member::Login(Login {
                domain: Some(domain),
                user,
            }) => write!(f, "login '{domain}\\{user}'"),
            Member::Login(Login { domain: None, user }) => write!(f, "login '{user}'"),
            Member::Computer(name) => write!(f, "computer '{name}'"),
            Member::ComputerId(id) => write!(f, "computer {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::org;
    use super::*;

    fn login(domain: &str, user: &str) -> Login {
        Login {
            domain: (!domain.is_empty()).then(|| domain.to_owned()),
            user: user.to_owned(),
        }
    }

    /// Group ids in order, and the primary one.
    fn groups(org: &Org, uid: i64, logins: &[Login], day: Day) -> (Vec<i64>, Option<i64>) {
        let found = org.primary_and_ordered_groups(uid, logins, day);
        (
            found.ordered.iter().map(|group| group.group_id).collect(),
            found.primary.map(|group| group.group_id),
        )
    }

    #[test]
    fn groups_are_ordered_and_one_is_primary() {
        let (org, _) = org(&[
            (
                "groups.csv",
                "group_id,group_name,type,order_rank,valid_from,valid_to\n\
                 1,Other,9,1,,\n2,Directory,0,,,\n3,Azure,2,5,,\n4,Hr,3,5,,\n5,App,1,,,\n6,App,1,0,,\n\
                 7,Short,1,0,,1970-02-01\n7,Short again,1,9,1970-03-01,\n",
            ),
            (
                "group_members.csv",
                "group_id,member_kind,member,is_primary,valid_from,valid_to\n\
                 1,user,10,,,\n2,user,10,,,\n3,user,10,,,\n4,user,10,,,\n5,user,10,,,\n\
                 1,user,11,,,\n2,user,11,,,\n3,user,11,,,\n4,user,11,,,\n\
                 1,user,12,,,\n2,user,12,,,\n3,user,12,,,\n\
                 1,user,13,,,\n2,user,13,,,\n\
                 5,user,14,,,\n6,user,14,,,\n2,user,14,yes,,1970-01-11\n\
                 7,user,15,1,,\n3,user,15,,,\n",
            ),
        ]);
        assert_eq!(groups(&org, 10, &[], 0), (vec![1, 3, 4, 2, 5], Some(5)));
        assert_eq!(groups(&org, 11, &[], 0).1, Some(4));
        assert_eq!(groups(&org, 12, &[], 0).1, Some(3));
        assert_eq!(groups(&org, 13, &[], 0).1, Some(2));
        // Named while it is, then the lowest id of the best type.
        assert_eq!(groups(&org, 14, &[], 9), (vec![6, 2, 5], Some(2)));
        assert_eq!(groups(&org, 14, &[], 10), (vec![6, 5], Some(5)));
        // Group 7 does not exist in February.
        assert_eq!(groups(&org, 15, &[], 30), (vec![7, 3], Some(7)));
        assert_eq!(groups(&org, 15, &[], 40), (vec![3], Some(3)));
        assert_eq!(groups(&org, 15, &[], 59), (vec![3, 7], Some(7)));
        assert_eq!(groups(&org, 16, &[], 0), (vec![], None));
    }

    #[test]
    fn logins_and_uids_name_the_same_user() {
        let (org, _) = org(&[
            ("users.csv", "uid,logins\n7,CORP\\Ada;bob\n"),
            ("groups.csv", "group_id,group_name\n1,A\n2,B\n3,C\n4,D\n"),
            (
                "group_members.csv",
                "group_id,member_kind,member\n1,user,7\n2,user,ada@Corp\n3,user,ada@other\n4,user,ADA\n1,user,ada\n",
            ),
        ]);
        let map = org.login_map();
        assert_eq!(map[&(Some("corp".into()), "ada".into())], 7);
        assert_eq!(map[&(None, "bob".into())], 7);
        assert_eq!(groups(&org, 7, &[login("corp", "ada")], 0).0, [1, 2, 4]);
        assert_eq!(groups(&org, 8, &[login("OTHER", "Ada")], 0).0, [1, 3, 4]);
        assert_eq!(groups(&org, 8, &[login("", "ada")], 0).0, [1, 4]);
    }

    #[test]
    fn unknown_members_are_warned_of_with_their_lines() {
        let (org, _) = org(&[
            ("users.csv", "uid,logins\n7,corp\\ada;bob\n"),
            ("computers.csv", "computer_id,computer_name\n5,PC5\n"),
            ("groups.csv", "group_id,group_name\n1,A\n"),
            (
                "group_members.csv",
                "group_id,member_kind,member\n1,user,7\n1,user,8\n1,user,9\n1,user,ada\n1,user,bob@any\n\
                 1,user,eve@corp\n1,user,eve@other\n1,user,mallory\n1,computer,pc5\n1,computer,5\n\
                 1,computer,PC6\n1,computer,6\n1,computer,PC7\n",
            ),
        ]);
        let found = org.unknown_members(
            &HashSet::from([("corp".into(), "eve".into())]),
            &HashSet::from([8]),
            &HashSet::from(["pc6".into(), "6".into()]),
        );
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "group_members.csv:4: member: user 9 is not known yet",
                "group_members.csv:8: member: login 'other\\eve' is not known yet",
                "group_members.csv:9: member: login 'mallory' is not known yet",
                "group_members.csv:14: member: computer 'PC7' is not known yet",
            ]
        );
    }
}
