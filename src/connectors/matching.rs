//! Whose calendar may be asked for: people of the directory held against tracked users.
//!
//! Addresses are compared whole, trimmed, in lower case: no name, no part of an address, no guess.
//! A user principal name goes before an e-mail address. What is not one person on both sides is
//! nobody: ambiguous people are skipped and reported. Nothing here asks for anything.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::DirectoryPerson;

/// A tracked user that has an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracked {
    pub uid: i64,
    pub principal_names: Vec<String>,
    pub emails: Vec<String>,
}

/// Which kind of a user's names matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchedBy {
    PrincipalName,
    Email,
}

impl MatchedBy {
    /// As tables say it.
    pub fn word(self) -> &'static str {
        match self {
            MatchedBy::PrincipalName => "user_principal_name",
            MatchedBy::Email => "email",
        }
    }
}

/// A person of the directory who is one tracked user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub uid: i64,
    pub by: MatchedBy,
    pub person: DirectoryPerson,
}

/// What matching a whole directory gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// By uid; exactly these calendars may be asked for.
    pub pairs: Vec<Pair>,
    /// People in the directory.
    pub directory: u64,
    /// People of the directory who are no tracked user.
    pub unmatched: u64,
    /// People of the directory who could be several users, or share one with others.
    pub ambiguous: u64,
    /// People who are a tracked user and suspended, archived or deleted.
    pub inactive: u64,
    /// Tracked users whom the directory does not know.
    pub missing: u64,
    /// By name, when asked for: (what became of them, who), in the directory's order.
    pub named: Vec<(Outcome, String)>,
}

/// What became of a person of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Unmatched,
    Ambiguous,
    Inactive,
    /// A tracked user who is not in the directory.
    Missing,
}

/// Takes a directory person by person; memory grows with the tracked users, not the directory.
#[derive(Debug)]
pub struct Matcher {
    by_principal_name: HashMap<String, BTreeSet<i64>>,
    by_email: HashMap<String, BTreeSet<i64>>,
    found: BTreeMap<i64, Vec<(MatchedBy, DirectoryPerson)>>,
    matched: Matched,
    names: bool,
    tracked: Vec<Tracked>,
}

impl Matcher {
    /// A matcher for these users. With `names`, people who do not match are kept by name, for the
    /// administrator's report.
    pub fn new(tracked: Vec<Tracked>, names: bool) -> Matcher {
        let mut matcher = Matcher {
            by_principal_name: HashMap::new(),
            by_email: HashMap::new(),
            found: BTreeMap::new(),
            matched: Matched::default(),
            names,
            tracked: Vec::new(),
        };
        for user in &tracked {
            for name in user.principal_names.iter().filter_map(|name| key(name)) {
                matcher
                    .by_principal_name
                    .entry(name)
                    .or_default()
                    .insert(user.uid);
            }
            for email in user.emails.iter().filter_map(|email| key(email)) {
                matcher.by_email.entry(email).or_default().insert(user.uid);
            }
        }
        matcher.tracked = tracked;
        matcher
    }

    /// One person of the directory.
    pub fn offer(&mut self, person: DirectoryPerson) {
        self.matched.directory += 1;
        let addresses: BTreeSet<String> = person
            .principal_names
            .iter()
            .chain(&person.emails)
            .filter_map(|address| key(address))
            .collect();
        let users = |by: &HashMap<String, BTreeSet<i64>>| -> BTreeSet<i64> {
            addresses
                .iter()
                .filter_map(|address| by.get(address))
                .flatten()
                .copied()
                .collect()
        };
        let mut by = MatchedBy::PrincipalName;
        let mut candidates = users(&self.by_principal_name);
        if candidates.is_empty() {
            by = MatchedBy::Email;
            candidates = users(&self.by_email);
        }
        let mut candidates = candidates.into_iter();
        match (candidates.next(), candidates.next()) {
            (None, _) => {
                self.matched.unmatched += 1;
                self.name(Outcome::Unmatched, &person);
            }
            (Some(_), Some(_)) => {
                self.matched.ambiguous += 1;
                self.name(Outcome::Ambiguous, &person);
            }
            (Some(_), None) if !person.active => {
                self.matched.inactive += 1;
                self.name(Outcome::Inactive, &person);
            }
            (Some(uid), None) => {
                let same = self.found.entry(uid).or_default();
                // A page that is given twice is no second person.
                if !same.iter().any(|(_, other)| other.id == person.id) {
                    same.push((by, person));
                }
            }
        }
    }

    /// The outcome, once the whole directory was offered.
    pub fn finish(mut self) -> Matched {
        for (uid, found) in std::mem::take(&mut self.found) {
            let best = found.iter().map(|(by, _)| *by).min();
            let (mut first, rest): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|(by, _)| Some(*by) == best);
            let one = if first.len() == 1 { first.pop() } else { None };
            for (_, person) in first.into_iter().chain(rest) {
                self.matched.ambiguous += 1;
                self.name(Outcome::Ambiguous, &person);
            }
            if let Some((by, person)) = one {
                self.matched.pairs.push(Pair { uid, by, person });
            }
        }
        let known: BTreeSet<i64> = self.matched.pairs.iter().map(|pair| pair.uid).collect();
        for user in std::mem::take(&mut self.tracked) {
            if known.contains(&user.uid) {
                continue;
            }
            self.matched.missing += 1;
            if self.names {
                let shown = user.principal_names.first().or(user.emails.first());
                self.matched.named.push((
                    Outcome::Missing,
                    match shown {
                        Some(name) => name.clone(),
                        None => format!("user {} (no address in users.csv)", user.uid),
                    },
                ));
            }
        }
        self.matched
    }

    fn name(&mut self, outcome: Outcome, person: &DirectoryPerson) {
        if !self.names {
            return;
        }
        let address = person.principal_names.first().or(person.emails.first());
        let shown = match (&person.display_name, address) {
            (Some(name), Some(address)) => format!("{name} <{address}>"),
            (Some(name), None) => name.clone(),
            (None, Some(address)) => address.clone(),
            (None, None) => person.id.clone(),
        };
        self.matched.named.push((outcome, shown));
    }
}

/// An address as it is compared; nothing for a blank one.
fn key(address: &str) -> Option<String> {
    let address = address.trim().to_lowercase();
    (!address.is_empty()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(uid: i64, names: &[&str], emails: &[&str]) -> Tracked {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Tracked {
            uid,
            principal_names: own(names),
            emails: own(emails),
        }
    }

    fn person(id: &str, names: &[&str], emails: &[&str]) -> DirectoryPerson {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        DirectoryPerson {
            id: id.into(),
            calendar: id.into(),
            principal_names: own(names),
            emails: own(emails),
            display_name: None,
            active: true,
        }
    }

    fn matched(users: Vec<Tracked>, people: Vec<DirectoryPerson>) -> Matched {
        let mut matcher = Matcher::new(users, true);
        for person in people {
            matcher.offer(person);
        }
        matcher.finish()
    }

    fn ids(matched: &Matched) -> Vec<(i64, &str)> {
        matched
            .pairs
            .iter()
            .map(|pair| (pair.uid, pair.person.id.as_str()))
            .collect()
    }

    #[test]
    fn case_does_not_matter_and_everything_else_does() {
        let users = vec![user(1, &[], &["Ann@Example.com"]), user(2, &["b@x"], &[])];
        let people = vec![
            person("a", &[" ann@EXAMPLE.com"], &[]),
            person("a2", &["ann+x@example.com"], &[]),
            person("a3", &["ann@example.org"], &[]),
            person("b", &["other"], &["B@X"]),
        ];
        let matched = matched(users, people);
        assert_eq!(ids(&matched), [(1, "a"), (2, "b")]);
        assert_eq!((matched.unmatched, matched.directory), (2, 4));
    }

    #[test]
    fn two_candidates_are_none() {
        // One person, two users; and one user, two people.
        let users = vec![
            user(1, &[], &["a@x"]),
            user(2, &[], &["b@x"]),
            user(3, &[], &["c@x"]),
        ];
        let people = vec![
            person("ab", &["a@x"], &["b@x"]),
            person("c1", &["c@x"], &[]),
            person("c2", &["c2@x"], &["c@x"]),
        ];
        let matched = matched(users, people);
        assert!(matched.pairs.is_empty());
        assert_eq!((matched.ambiguous, matched.missing), (3, 3));
        assert_eq!(matched.named.len(), 6);
    }

    #[test]
    fn a_principal_name_goes_before_an_address() {
        let users = vec![user(1, &["a@x"], &["shared@x"])];
        let people = vec![person("1", &["a@x"], &[]), person("2", &["shared@x"], &[])];
        let matched = matched(users, people);
        assert_eq!(ids(&matched), [(1, "1")]);
        assert_eq!(matched.ambiguous, 1);
    }

    #[test]
    fn the_suspended_are_not_asked_for_and_do_not_disturb() {
        let mut old = person("old", &["a@x"], &[]);
        old.active = false;
        let again = person("a", &["a@x"], &[]);
        let matched = matched(
            vec![user(1, &[], &["a@x"])],
            vec![old, again.clone(), again],
        );
        assert_eq!(ids(&matched), [(1, "a")]);
        assert_eq!((matched.inactive, matched.ambiguous), (1, 0));
    }

    #[test]
    fn blank_addresses_match_nobody() {
        let matched = matched(
            vec![user(1, &[""], &[" "])],
            vec![person("x", &[""], &[" "])],
        );
        assert!(matched.pairs.is_empty());
    }
}
