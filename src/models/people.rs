//! Who is who: agents seen in events and users named in the settings, joined into people
//! (`semantics.md` §1, §9).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Error;
use crate::clock::Micros;
use crate::config::org::Org;
use crate::functions::ids;

/// One OS login on one computer, as seen in events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub agent_id: i64,
    /// The id of its natural key; settings may give another, see [`People::computer_id`].
    pub computer_id: i64,
    pub login_id: i64,
    pub logon_domain: Option<String>,
    pub user_name: String,
    pub computer_name: String,
    pub primary_domain: Option<String>,
    pub first_start: Micros,
}

/// One person.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub uid: i64,
    pub display_name: Option<String>,
    /// Display name, else UPN, else e-mail, else employee id, else login.
    pub user_name: String,
    pub emails: Vec<String>,
    pub user_principal_names: Vec<String>,
    pub employee_ids: Vec<String>,
    /// `user@domain`, detected and from the settings.
    pub device_logins: Vec<String>,
    /// OS login names without domain: of the agents, else of the settings.
    pub login_names: Vec<String>,
    pub tracked: bool,
    pub timezone: Option<String>,
    pub first_start: Option<Micros>,
}

/// Everybody, by uid, and every agent's owner.
#[derive(Clone, Debug, Default)]
pub struct People {
    pub persons: BTreeMap<i64, Person>,
    /// Agents with the uid that owns each, by agent id.
    pub agents: BTreeMap<i64, (Agent, i64)>,
    computers: HashMap<i64, i64>,
}

/// `domain` and user in lower case, as logins are compared.
pub fn login_key(domain: Option<&str>, user: &str) -> (Option<String>, String) {
    let domain = domain
        .map(|domain| domain.trim().to_lowercase())
        .filter(|domain| !domain.is_empty());
    (domain, user.trim().to_lowercase())
}

impl People {
    /// Joins agents and settings.
    ///
    /// # Errors
    /// [`Error::Collision`] when one id would stand for two keys.
    pub fn new(agents: Vec<Agent>, org: &Org) -> Result<People, Error> {
        let mut owners: HashMap<(Option<String>, String), i64> = HashMap::new();
        for user in &org.users {
            for login in &user.logins {
                owners.insert(login_key(login.domain.as_deref(), &login.user), user.uid);
            }
        }
        let computers = org
            .computers
            .iter()
            .map(|computer| {
                let natural =
                    ids::computer_id(&computer.computer_name, computer.primary_domain.as_deref());
                (natural, computer.computer_id)
            })
            .collect();
        let listed: BTreeSet<i64> = org.users.iter().map(|user| user.uid).collect();

        let mut people = People {
            computers,
            ..People::default()
        };
        let mut seen_logins: HashMap<i64, (Option<String>, String)> = HashMap::new();
        let mut by_owner: BTreeMap<i64, Vec<Agent>> = BTreeMap::new();
        for agent in agents {
            let key = login_key(agent.logon_domain.as_deref(), &agent.user_name);
            // A login listed without a domain stands for that name on every domain.
            let owner = owners
                .get(&key)
                .or_else(|| owners.get(&(None, key.1.clone())));
            let uid = match owner {
                Some(uid) => *uid,
                None => {
                    if listed.contains(&agent.login_id) {
                        return Err(collision(
                            "user",
                            agent.login_id,
                            shown(&key),
                            "a user of users.csv that does not list this login".into(),
                        ));
                    }
                    if let Some(other) = seen_logins.insert(agent.login_id, key.clone())
                        && other != key
                    {
                        return Err(collision(
                            "user",
                            agent.login_id,
                            shown(&other),
                            shown(&key),
                        ));
                    }
                    agent.login_id
                }
            };
            by_owner.entry(uid).or_default().push(agent);
        }

        for user in &org.users {
            let own = by_owner.get(&user.uid).map_or(&[][..], Vec::as_slice);
            let logins: Vec<(Option<&str>, &str)> = user
                .logins
                .iter()
                .map(|login| (login.domain.as_deref(), login.user.as_str()))
                .collect();
            let person = Person {
                uid: user.uid,
                display_name: user.display_name.clone(),
                user_name: String::new(),
                emails: user.emails.clone(),
                user_principal_names: user.user_principal_names.clone(),
                employee_ids: user.employee_ids.clone(),
                device_logins: Vec::new(),
                login_names: Vec::new(),
                tracked: user.tracked,
                timezone: user.timezone.clone(),
                first_start: None,
            };
            people.add(person, own, &logins);
        }
        for (uid, own) in &by_owner {
            if listed.contains(uid) {
                continue;
            }
            let person = Person {
                uid: *uid,
                display_name: None,
                user_name: String::new(),
                emails: Vec::new(),
                user_principal_names: Vec::new(),
                employee_ids: Vec::new(),
                device_logins: Vec::new(),
                login_names: Vec::new(),
                tracked: true,
                timezone: None,
                first_start: None,
            };
            people.add(person, own, &[]);
        }
        for (uid, own) in by_owner {
            for agent in own {
                people.agents.insert(agent.agent_id, (agent, uid));
            }
        }
        Ok(people)
    }

    /// The computer's id: what the settings say, else its natural one.
    pub fn computer_id(&self, natural: i64) -> i64 {
        self.computers.get(&natural).copied().unwrap_or(natural)
    }

    fn add(&mut self, mut person: Person, agents: &[Agent], logins: &[(Option<&str>, &str)]) {
        let detected = agents
            .iter()
            .map(|agent| (agent.logon_domain.as_deref(), agent.user_name.as_str()));
        // One login may be spelled in several ways; the least spelling stands for it.
        let mut device_logins: BTreeMap<(Option<String>, String), String> = BTreeMap::new();
        for (domain, user) in detected.clone().chain(logins.iter().copied()) {
            let shown = match domain {
                Some(domain) => format!("{user}@{domain}"),
                None => user.to_owned(),
            };
            device_logins
                .entry(login_key(domain, user))
                .and_modify(|least| *least = least.clone().min(shown.clone()))
                .or_insert(shown);
        }
        person.device_logins = sorted(device_logins.into_values());
        let names = |logins: &mut dyn Iterator<Item = (Option<&str>, &str)>| {
            let mut names: BTreeMap<String, String> = BTreeMap::new();
            for (_, user) in logins {
                names
                    .entry(user.to_lowercase())
                    .and_modify(|least| *least = least.clone().min(user.to_owned()))
                    .or_insert_with(|| user.to_owned());
            }
            sorted(names.into_values())
        };
        person.login_names = names(&mut detected.clone());
        if person.login_names.is_empty() {
            person.login_names = names(&mut logins.iter().copied());
        }
        person.emails = sorted(person.emails.drain(..));
        person.user_principal_names = sorted(person.user_principal_names.drain(..));
        person.employee_ids = sorted(person.employee_ids.drain(..));
        person.first_start = agents.iter().map(|agent| agent.first_start).min();
        let fallbacks = [
            &person.user_principal_names,
            &person.emails,
            &person.employee_ids,
            &person.login_names,
        ];
        person.user_name = person
            .display_name
            .clone()
            .or_else(|| fallbacks.iter().find_map(|names| names.first().cloned()))
            .unwrap_or_else(|| person.uid.to_string());
        self.persons.insert(person.uid, person);
    }
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    texts.collect::<BTreeSet<_>>().into_iter().collect()
}

fn shown(key: &(Option<String>, String)) -> String {
    match &key.0 {
        Some(domain) => format!("{domain}\\{}", key.1),
        None => key.1.clone(),
    }
}

fn collision(kind: &'static str, id: i64, first: String, second: String) -> Error {
    Error::Collision {
        kind,
        id,
        first,
        second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::org::{Login, User};

    fn agent(domain: Option<&str>, user: &str, computer: &str) -> Agent {
        Agent {
            agent_id: ids::agent_id(domain, user, computer, None),
            computer_id: ids::computer_id(computer, None),
            login_id: ids::login_id(domain, user),
            logon_domain: domain.map(str::to_owned),
            user_name: user.to_owned(),
            computer_name: computer.to_owned(),
            primary_domain: None,
            first_start: 5,
        }
    }

    fn user(uid: i64, logins: &[(Option<&str>, &str)]) -> User {
        User {
            uid,
            display_name: None,
            emails: vec!["b@example.com".into(), "a@example.com".into()],
            user_principal_names: Vec::new(),
            employee_ids: Vec::new(),
            tracked: true,
            logins: logins
                .iter()
                .map(|(domain, user)| Login {
                    domain: domain.map(str::to_owned),
                    user: (*user).to_owned(),
                })
                .collect(),
            timezone: None,
        }
    }

    #[test]
    fn settings_merge_logins_and_others_stay_apart() {
        let agents = vec![
            agent(Some("CORP"), "ann", "pc-1"),
            agent(Some("corp"), "ANN", "pc-2"),
            agent(Some("lab"), "ann", "pc-3"),
            agent(Some("home"), "ann", "pc-4"),
        ];
        let org = Org {
            users: vec![user(1, &[(Some("corp"), "Ann"), (Some("home"), "ann")])],
            ..Org::default()
        };
        let people = People::new(agents, &org).unwrap();
        assert_eq!(people.persons.len(), 2);
        let owned = |uid: i64| {
            people
                .agents
                .values()
                .filter(|(_, owner)| *owner == uid)
                .count()
        };
        assert_eq!(owned(1), 3);
        let person = &people.persons[&1];
        assert_eq!(person.user_name, "a@example.com");
        assert_eq!(person.device_logins, ["ANN@corp", "ann@home"]);
        let other = people.persons.values().find(|p| p.uid != 1).unwrap();
        assert_eq!(other.user_name, "ann");
    }

    #[test]
    fn a_login_without_a_domain_stands_for_all() {
        let org = Org {
            users: vec![user(1, &[(None, "ann")]), user(2, &[(Some("lab"), "ann")])],
            ..Org::default()
        };
        // Two users may not share an address, but this test is about logins.
        let agents = vec![
            agent(Some("corp"), "ann", "a"),
            agent(Some("lab"), "Ann", "b"),
        ];
        let people = People::new(agents, &org).unwrap();
        let mut owners: Vec<i64> = people.agents.values().map(|(_, uid)| *uid).collect();
        owners.sort_unstable();
        assert_eq!(owners, [1, 2]);
    }

    #[test]
    fn a_listed_uid_is_not_a_stranger_s() {
        let stranger = agent(None, "ann", "pc");
        let org = Org {
            users: vec![user(stranger.login_id, &[])],
            ..Org::default()
        };
        assert!(matches!(
            People::new(vec![stranger], &org),
            Err(Error::Collision { .. })
        ));
    }
}
