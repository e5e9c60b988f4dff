//! Who is meant: a person by any of the names that people use.
//!
//! In flow: what was typed, and everybody. Out flow: one person, or a message with near names.
//! Nothing here guesses: several matches are an error.

use std::collections::BTreeSet;

use super::super::people::{People, Person};
use super::super::place::suggestion;
use crate::error::{Class, Error, Result};

/// Names that a message lists at most.
const NAMES_MAX: usize = 8;

/// The person with this uid, else the one with this display name, name in the views, e-mail, user
/// principal name, employee id or login (`user@domain`, or without the domain), in any case.
///
/// # Errors
/// Class `Config` when nobody or more than one person is called so.
pub fn find<'a>(people: &'a People, typed: &str) -> Result<&'a Person> {
    let typed = typed.trim();
    if let Some(person) = typed
        .parse()
        .ok()
        .and_then(|uid: i64| people.persons.get(&uid))
    {
        return Ok(person);
    }
    let wanted = typed.to_lowercase();
    let found: Vec<&Person> = people
        .persons
        .values()
        .filter(|person| names(person).any(|name| name.to_lowercase() == wanted))
        .collect();
    match found.as_slice() {
        [person] => Ok(person),
        [] => Err(Error::new(
            Class::Config,
            format!("there is no user '{typed}'{}", near(people, &wanted)),
        )),
        several => Err(Error::new(
            Class::Config,
            format!(
                "'{typed}' is one of several users: {}; give the uid",
                listed(several)
            ),
        )),
    }
}

fn names(person: &Person) -> impl Iterator<Item = &str> {
    person
        .display_name
        .iter()
        .chain([&person.user_name])
        .chain(&person.emails)
        .chain(&person.user_principal_names)
        .chain(&person.employee_ids)
        .chain(&person.device_logins)
        .chain(&person.login_names)
        .map(String::as_str)
}

fn listed(persons: &[&Person]) -> String {
    let mut out: Vec<String> = persons
        .iter()
        .take(NAMES_MAX)
        .map(|person| format!("{} (uid {})", person.user_name, person.uid))
        .collect();
    if persons.len() > NAMES_MAX {
        out.push(format!("and {} more", persons.len() - NAMES_MAX));
    }
    out.join(", ")
}

/// Whose names hold what was typed, else the nearest name.
fn near(people: &People, wanted: &str) -> String {
    let holding: Vec<&Person> = people
        .persons
        .values()
        .filter(|person| {
            !wanted.is_empty() && names(person).any(|name| name.to_lowercase().contains(wanted))
        })
        .collect();
    if !holding.is_empty() {
        return format!("; near are {}", listed(&holding));
    }
    let all: BTreeSet<&str> = people.persons.values().flat_map(names).collect();
    suggestion(wanted, all.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::org::{Login, Org, User};

    fn user(uid: i64, name: &str, email: &str, login: &str) -> User {
        User {
            uid,
            display_name: Some(name.into()),
            emails: vec![email.into()],
            user_principal_names: Vec::new(),
            employee_ids: vec!["E-7".into()],
            tracked: true,
            logins: vec![Login {
                domain: Some("corp".into()),
                user: login.into(),
            }],
            timezone: None,
        }
    }

    fn people() -> People {
        let org = Org {
            users: vec![
                user(12, "Ann Miller", "ann@example.com", "amiller"),
                user(13, "Bob Stone", "bob@example.com", "bstone"),
            ],
            ..Org::default()
        };
        People::new(Vec::new(), &org).unwrap()
    }

    #[test]
    fn any_name_in_any_case_finds() {
        let people = people();
        for typed in [
            "12",
            "ann miller",
            "ANN@example.com",
            "AMiller@CORP",
            " amiller ",
        ] {
            assert_eq!(find(&people, typed).unwrap().uid, 12, "{typed}");
        }
    }

    #[test]
    fn several_and_none_are_told() {
        let people = people();
        let message = |typed| find(&people, typed).unwrap_err().to_string();
        assert_eq!(
            message("e-7"),
            "'e-7' is one of several users: Ann Miller (uid 12), Bob Stone (uid 13); give the uid"
        );
        assert_eq!(
            message("miller"),
            "there is no user 'miller'; near are Ann Miller (uid 12)"
        );
        assert_eq!(
            message("bob sone"),
            "there is no user 'bob sone'; did you mean 'Bob Stone'?"
        );
    }
}
