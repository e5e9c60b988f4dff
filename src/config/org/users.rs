//! users.csv and computers.csv.

use super::seen::Seen;
use super::table::{Column, Need, Report, Row, Table};
use super::{Computer, Login, User};
use crate::zone::ZoneNames;

pub const USERS: &[Column] = &[
    ("uid", Need::Filled),
    ("display_name", Need::Optional),
    ("emails", Need::Optional),
    ("user_principal_names", Need::Optional),
    ("employee_ids", Need::Optional),
    ("tracked", Need::Optional),
    ("logins", Need::Optional),
    ("timezone", Need::Optional),
];

pub const COMPUTERS: &[Column] = &[
    ("computer_id", Need::Filled),
    ("computer_name", Need::Filled),
    ("primary_domain", Need::Optional),
    ("computer_alias", Need::Optional),
];

/// Reads users; a uid, a login, an e-mail or UPN belongs to one user.
pub fn users(table: &Table, zones: &ZoneNames, report: &mut Report) -> Vec<User> {
    let mut users = Vec::new();
    let mut uids = Seen::new();
    let mut owners: Seen<(Option<String>, String)> = Seen::new();
    let mut addresses: Seen<String> = Seen::new();
    for row in table.rows() {
        let uid = row.id(report, "uid");
        if let Some(uid) = uid
            && let Some(line) = uids.before(uid, row.line)
        {
            row.wrong(
                report,
                "uid",
                format!("{uid} stands already on line {line}"),
            );
        }
        let emails = addresses_of(&row, "emails", report);
        let user_principal_names = addresses_of(&row, "user_principal_names", report);
        let mut own: Vec<(&str, &String)> = Vec::new();
        for (column, list) in [
            ("emails", &emails),
            ("user_principal_names", &user_principal_names),
        ] {
            // An e-mail that is the same user's UPN too is common.
            for address in list {
                if !own.iter().any(|(_, known)| *known == address) {
                    own.push((column, address));
                }
            }
        }
        for (column, address) in own {
            if let Some(line) = addresses.before(address.clone(), row.line) {
                row.wrong(
                    report,
                    column,
                    format!("'{address}' belongs to the user on line {line} already"),
                );
            }
        }
        let mut logins: Vec<Login> = Vec::new();
        for typed in row.list("logins") {
            let Some(login) = Login::with_backslash(typed) else {
                row.wrong(
                    report,
                    "logins",
                    format!("'{typed}': domain\\user or user is allowed"),
                );
                continue;
            };
            if logins.iter().any(|known| known.key() == login.key()) {
                continue;
            }
            if let Some(line) = owners.before(login.key(), row.line) {
                row.wrong(
                    report,
                    "logins",
                    format!("'{typed}' belongs to the user on line {line} already"),
                );
            }
            logins.push(login);
        }
        let timezone = row.owned("timezone");
        if let Some(name) = &timezone
            && zones.parse(name).is_none()
        {
            row.wrong(
                report,
                "timezone",
                format!(
                    "'{name}': an IANA zone such as Europe/Berlin, a Windows zone name, \
                     or UTC±H[:MM] is allowed"
                ),
            );
        }
        let tracked = row.boolean(report, "tracked").unwrap_or(true);
        let mut employee_ids: Vec<String> = Vec::new();
        for id in row.list("employee_ids") {
            if !employee_ids.iter().any(|known| known == id) {
                employee_ids.push(id.to_owned());
            }
        }
        if let Some(uid) = uid {
            users.push(User {
                uid,
                display_name: row.owned("display_name"),
                emails,
                user_principal_names,
                employee_ids,
                tracked,
                logins,
                timezone,
            });
        }
    }
    users
}

/// Lower case, sorted, distinct addresses of a list cell.
fn addresses_of(row: &Row<'_>, column: &str, report: &mut Report) -> Vec<String> {
    let mut found = Vec::new();
    for typed in row.list(column) {
        if is_address(typed) {
            found.push(typed.to_lowercase());
        } else {
            row.wrong(
                report,
                column,
                format!("'{typed}': an address such as name@example.com is allowed"),
            );
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Whether a text has the form of an e-mail address or UPN.
pub fn is_address(text: &str) -> bool {
    let mut parts = text.split('@');
    let sides = (parts.next(), parts.next(), parts.next());
    matches!(sides, (Some(name), Some(domain), None) if !name.is_empty() && !domain.is_empty())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',')
}

impl Login {
    /// `domain\user`, or `user` without a domain.
    pub fn with_backslash(typed: &str) -> Option<Login> {
        let (domain, user) = match typed.split_once('\\') {
            Some((domain, user)) => (Some(domain.trim()), user.trim()),
            None => (None, typed.trim()),
        };
        let whole = !user.is_empty() && !user.contains('\\') && domain != Some("");
        whole.then(|| Login {
            domain: domain.map(str::to_owned),
            user: user.to_owned(),
        })
    }

    /// `domain\user`, `user@domain` or `user`.
    pub fn of_member(typed: &str) -> Option<Login> {
        if typed.contains('\\') {
            return Login::with_backslash(typed);
        }
        match typed.rsplit_once('@') {
            Some((user, domain)) if !user.trim().is_empty() && !domain.trim().is_empty() => {
                Some(Login {
                    domain: Some(domain.trim().to_owned()),
                    user: user.trim().to_owned(),
                })
            }
            Some(_) => None,
            None => Login::with_backslash(typed),
        }
    }

    /// Lower-case domain and user, to compare by.
    pub fn key(&self) -> (Option<String>, String) {
        (
            self.domain.as_ref().map(|domain| domain.to_lowercase()),
            self.user.to_lowercase(),
        )
    }
}

/// Reads computers; an id, and a name in a domain, stand once.
pub fn computers(table: &Table, report: &mut Report) -> Vec<Computer> {
    let mut computers = Vec::new();
    let mut ids = Seen::new();
    let mut names = Seen::new();
    for row in table.rows() {
        let id = row.id(report, "computer_id");
        if let Some(id) = id
            && let Some(line) = ids.before(id, row.line)
        {
            row.wrong(
                report,
                "computer_id",
                format!("{id} stands already on line {line}"),
            );
        }
        let name = row.text("computer_name").unwrap_or_default();
        let domain = row.text("primary_domain").map(str::to_lowercase);
        if let Some(line) = names.before((name.to_lowercase(), domain), row.line) {
            row.wrong(
                report,
                "computer_name",
                format!("'{name}' stands already on line {line} with this domain"),
            );
        }
        if let Some(computer_id) = id {
            computers.push(Computer {
                computer_id,
                computer_name: name.to_owned(),
                primary_domain: row.owned("primary_domain"),
                computer_alias: row.owned("computer_alias"),
            });
        }
    }
    computers
}

#[cfg(test)]
mod tests {
    use super::super::testing::{org, problems};
    use super::*;

    #[test]
    fn a_user_is_read() {
        let (org, warnings) = org(&[(
            "users.csv",
            "uid,display_name,emails,user_principal_names,employee_ids,tracked,logins,timezone\n\
             7,Ada,B@x.org;a@X.org;b@x.org,b@x.org,E7;e8,no,CORP\\ada;ada;corp\\ADA,US/Central\n\
             8,,,,,,,\n",
        )]);
        assert!(warnings.is_empty());
        let user = &org.users[0];
        assert_eq!(user.emails, ["a@x.org", "b@x.org"]);
        assert_eq!(user.employee_ids, ["E7", "e8"]);
        assert!(!user.tracked);
        assert_eq!(user.timezone.as_deref(), Some("US/Central"));
        assert_eq!(
            user.logins.iter().map(Login::key).collect::<Vec<_>>(),
            [(Some("corp".into()), "ada".into()), (None, "ada".into())]
        );
        assert!(org.users[1].tracked && org.users[1].display_name.is_none());
    }

    #[test]
    fn user_problems_come_all_at_once() {
        let found = problems(&[(
            "users.csv",
            "uid,emails,user_principal_names,logins,timezone,tracked\n\
             1,a@x.org,,corp\\ada,,\n\
             1,nobody,,,Mars/Base,perhaps\n\
             0,,A@x.org,Corp\\Ada,,\n\
             x,,a b@x,\\ada,,\n",
        )]);
        for expected in [
            "users.csv:3: uid: 1 stands already on line 2",
            "users.csv:3: emails: 'nobody'",
            "users.csv:3: timezone: 'Mars/Base'",
            "users.csv:3: tracked: 'perhaps'",
            "users.csv:4: uid: '0': an integer from 1 to 9007199254740991",
            "users.csv:4: user_principal_names: 'a@x.org' belongs to the user on line 2",
            "users.csv:4: logins: 'Corp\\Ada' belongs to the user on line 2",
            "users.csv:5: uid: 'x'",
            "users.csv:5: user_principal_names: 'a b@x'",
            "users.csv:5: logins: '\\ada'",
        ] {
            assert!(
                found.iter().any(|text| text.starts_with(expected)),
                "{expected}\n{found:#?}"
            );
        }
        assert_eq!(found.len(), 10);
    }

    #[test]
    fn computers_stand_once() {
        let found = problems(&[(
            "computers.csv",
            "computer_id,computer_name,primary_domain,computer_alias\n\
             1,PC1,corp,Desk\n1,PC2,corp,\n2,pc1,CORP,\n3,PC1,other,\n4,,,\n",
        )]);
        assert_eq!(
            found,
            [
                "computers.csv:3: computer_id: 1 stands already on line 2",
                "computers.csv:4: computer_name: 'pc1' stands already on line 2 with this domain",
                "computers.csv:6: computer_name: the cell is blank",
            ]
        );
    }

    #[test]
    fn logins_are_split() {
        let key = |login: Option<Login>| login.map(|login| login.key());
        let corp = Some((Some("corp".into()), "ada".into()));
        assert_eq!(key(Login::of_member("CORP\\Ada")), corp);
        assert_eq!(key(Login::of_member("ada@corp")), corp);
        assert_eq!(key(Login::of_member("ada")), Some((None, "ada".into())));
        assert_eq!(key(Login::of_member("@corp")), None);
        assert_eq!(key(Login::of_member("ada@")), None);
        assert_eq!(
            key(Login::with_backslash("AzureAD\\a@b.c")),
            Some((Some("azuread".into()), "a@b.c".into()))
        );
        assert_eq!(key(Login::with_backslash("a\\b\\c")), None);
    }
}
