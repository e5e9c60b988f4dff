//! consumers.csv and do_not_track.csv: who may look, and who is never recorded.

use std::collections::HashSet;

use super::groups::known_group;
use super::seen::Seen;
use super::table::{Column, Need, Report, Table};
use super::users::is_address;
use super::{Consumer, DoNotTrack, Group, Role, Viewable};
use crate::config::keys::MAX_ID;

pub const CONSUMERS: &[Column] = &[
    ("activtrak_id", Need::Filled),
    ("email", Need::Filled),
    ("role", Need::Filled),
    ("viewable_groups", Need::Optional),
];

pub const DO_NOT_TRACK: &[Column] = &[("login", Need::Filled)];

/// Reads consumers; an id and an e-mail stand once, viewable groups exist.
pub fn consumers(table: &Table, groups: &[Group], report: &mut Report) -> Vec<Consumer> {
    let groups: HashSet<i64> = groups.iter().map(|group| group.group_id).collect();
    let mut consumers = Vec::new();
    let mut ids = Seen::new();
    let mut emails = Seen::new();
    for row in table.rows() {
        let id = row.id(report, "activtrak_id");
        if let Some(id) = id
            && let Some(line) = ids.before(id, row.line)
        {
            row.wrong(
                report,
                "activtrak_id",
                format!("{id} stands already on line {line}"),
            );
        }
        let email = row.text("email").unwrap_or_default().to_lowercase();
        if !email.is_empty() {
            if !is_address(&email) {
                row.wrong(
                    report,
                    "email",
                    format!("'{email}': an address such as name@example.com is allowed"),
                );
            } else if let Some(line) = emails.before(email.clone(), row.line) {
                row.wrong(
                    report,
                    "email",
                    format!("'{email}' stands already on line {line}"),
                );
            }
        }
        let role = row.choice(
            report,
            "role",
            &[
                ("Admin", Role::Admin),
                ("Configurator", Role::Configurator),
                ("Power User", Role::PowerUser),
                ("Viewer", Role::Viewer),
            ],
        );
        let items: Vec<&str> = row.list("viewable_groups").collect();
        let viewable_groups = if items == ["*"] {
            Viewable::All
        } else {
            let mut found = Vec::new();
            for item in items {
                match item.parse::<i64>() {
                    Ok(id) if (1..=MAX_ID).contains(&id) => {
                        known_group(&row, "viewable_groups", id, &groups, report);
                        found.push(id);
                    }
                    _ => row.wrong(
                        report,
                        "viewable_groups",
                        format!("'{item}': group ids joined by ; or * alone are allowed"),
                    ),
                }
            }
            found.sort_unstable();
            found.dedup();
            Viewable::Groups(found)
        };
        if let (Some(activtrak_id), Some(role)) = (id, role) {
            consumers.push(Consumer {
                activtrak_id,
                email,
                role,
                viewable_groups,
            });
        }
    }
    consumers
}

/// Reads the logins that are never recorded. One that stands twice is only doubtful.
pub fn do_not_track(table: &Table, report: &mut Report) -> Vec<DoNotTrack> {
    let mut rules = Vec::new();
    let mut logins = Seen::new();
    for row in table.rows() {
        let Some(login) = row.text("login") else {
            continue;
        };
        // A user name may itself be an address: the domain stands behind the last @.
        let parts = login
            .rsplit_once('@')
            .map(|(user, domain)| (user.trim(), domain.trim()))
            .filter(|(user, domain)| !user.is_empty() && !domain.is_empty())
            .filter(|(user, domain)| {
                !user.contains('*') && (*domain == "*" || !domain.contains('*'))
            });
        let Some((user, domain)) = parts else {
            row.wrong(
                report,
                "login",
                format!("'{login}': user@domain or user@* is allowed"),
            );
            continue;
        };
        if let Some(line) = logins.before(login.to_lowercase(), row.line) {
            row.warn(
                report,
                "login",
                format!("'{login}' stands already on line {line}"),
            );
        }
        rules.push(DoNotTrack {
            user: user.to_owned(),
            domain: (domain != "*").then(|| domain.to_owned()),
        });
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::super::testing::{org, problems};
    use super::*;

    #[test]
    fn consumers_are_read() {
        let (org, _) = org(&[
            ("groups.csv", "group_id,group_name\n1,A\n2,B\n"),
            (
                "consumers.csv",
                "activtrak_id,email,role,viewable_groups\n\
                 1,Ada@X.org,ADMIN,*\n2,bob@x.org,power user,2; 1;2\n3,eve@x.org,Viewer,\n",
            ),
        ]);
        assert_eq!(org.consumers[0].email, "ada@x.org");
        assert_eq!(org.consumers[0].viewable_groups, Viewable::All);
        assert_eq!(org.consumers[1].role, Role::PowerUser);
        assert_eq!(
            org.consumers[1].viewable_groups,
            Viewable::Groups(vec![1, 2])
        );
        assert_eq!(org.consumers[2].viewable_groups, Viewable::Groups(vec![]));
    }

    #[test]
    fn consumer_problems() {
        let found = problems(&[(
            "consumers.csv",
            "activtrak_id,email,role,viewable_groups\n\
             1,a@x.org,Admin,\n1,A@x.org,Owner,\n2,nobody,Viewer,9;*;x\n",
        )]);
        assert_eq!(
            found,
            [
                "consumers.csv:3: activtrak_id: 1 stands already on line 2",
                "consumers.csv:3: email: 'a@x.org' stands already on line 2",
                "consumers.csv:3: role: 'Owner': one of Admin, Configurator, Power User, Viewer is allowed",
                "consumers.csv:4: email: 'nobody': an address such as name@example.com is allowed",
                "consumers.csv:4: viewable_groups: there is no group 9 in groups.csv",
                "consumers.csv:4: viewable_groups: '*': group ids joined by ; or * alone are allowed",
                "consumers.csv:4: viewable_groups: 'x': group ids joined by ; or * alone are allowed",
            ]
        );
    }

    #[test]
    fn do_not_track_is_read() {
        let (org, warnings) = org(&[(
            "do_not_track.csv",
            "login\nceo@*\nada@corp\nADA@corp\nx@y.org@AzureAD\n",
        )]);
        assert_eq!(org.do_not_track[0].domain, None);
        assert_eq!(org.do_not_track[1].domain.as_deref(), Some("corp"));
        assert_eq!(org.do_not_track[3].user, "x@y.org");
        assert_eq!(warnings.len(), 1);
        let found = problems(&[("do_not_track.csv", "login\nada\n*@corp\nada@\nada@c*\n")]);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].starts_with("do_not_track.csv:2: login: 'ada': user@domain"));
    }
}
