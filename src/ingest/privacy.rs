//! The privacy gate: who is refused, what is dropped, what is hashed (`semantics.md` §11).

use std::collections::{BTreeSet, HashSet};

use super::Error;
use crate::config::org::Org;
use crate::config::{self, PrivateField};
use crate::functions::keyed_hash::KeyedHash;

/// The rules of one load.
#[derive(Debug)]
pub struct Privacy {
    /// Whether titles and addresses are kept.
    pub screen_details: bool,
    hashed: BTreeSet<PrivateField>,
    key: Option<KeyedHash>,
    refused_logins: HashSet<(Option<String>, String)>,
    refused_anywhere: HashSet<String>,
}

type LoginKey = (Option<String>, String);

fn login_key(domain: Option<&str>, user: &str) -> LoginKey {
    let domain = domain
        .map(|domain| domain.trim().to_lowercase())
        .filter(|domain| !domain.is_empty());
    (domain, user.trim().to_lowercase())
}

impl Privacy {
    /// Of the settings and the organisation in force now.
    ///
    /// # Errors
    /// [`Error::HashKey`] when `hash_fields` names a field and its key cannot be read.
    pub fn new(settings: &config::Privacy, org: &Org) -> Result<Privacy, Error> {
        let key = match (&settings.hash_key, settings.hash_fields.is_empty()) {
            (Some(reference), false) => {
                let secret = reference.read().map_err(|cause| Error::HashKey {
                    cause: cause.to_string(),
                })?;
                let key = KeyedHash::new(secret.expose().as_bytes());
                Some(key.ok_or_else(|| Error::HashKey {
                    cause: "it has no usable length".into(),
                })?)
            }
            _ => None,
        };
        let mut refused_logins: HashSet<LoginKey> = HashSet::new();
        let mut refused_anywhere = HashSet::new();
        let untracked = org.users.iter().filter(|user| !user.tracked);
        for login in untracked.flat_map(|user| &user.logins) {
            // A login typed without a domain stands for that name on every domain.
            match &login.domain {
                Some(domain) => {
                    refused_logins.insert(login_key(Some(domain), &login.user));
                }
                None => {
                    refused_anywhere.insert(login.user.trim().to_lowercase());
                }
            }
        }
        for rule in &org.do_not_track {
            match &rule.domain {
                Some(domain) => {
                    refused_logins.insert(login_key(Some(domain), &rule.user));
                }
                None => {
                    refused_anywhere.insert(rule.user.trim().to_lowercase());
                }
            }
        }
        Ok(Privacy {
            screen_details: settings.screen_details,
            hashed: settings.hash_fields.iter().copied().collect(),
            key,
            refused_logins,
            refused_anywhere,
        })
    }

    /// Whether a login may not be stored. Settings without a uid for a login leave it tracked.
    pub fn refuses(&self, domain: Option<&str>, user: &str) -> bool {
        let key = login_key(domain, user);
        self.refused_anywhere.contains(&key.1) || self.refused_logins.contains(&key)
    }

    /// The text as it may be stored.
    pub fn stored<'a>(&self, field: PrivateField, text: &'a str) -> std::borrow::Cow<'a, str> {
        match &self.key {
            Some(key) if self.hashed.contains(&field) => key.hash(text).into(),
            _ => text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::org::{DoNotTrack, Login, User};

    #[test]
    fn refuses_untracked_and_listed_logins() {
        let org = Org {
            users: vec![User {
                uid: 1,
                display_name: None,
                emails: Vec::new(),
                user_principal_names: Vec::new(),
                employee_ids: Vec::new(),
                tracked: false,
                logins: vec![Login {
                    domain: Some("CORP".into()),
                    user: "Ann".into(),
                }],
                timezone: None,
            }],
            do_not_track: vec![
                DoNotTrack {
                    user: "bob".into(),
                    domain: Some("corp".into()),
                },
                DoNotTrack {
                    user: "guest".into(),
                    domain: None,
                },
            ],
            ..Org::default()
        };
        let privacy = Privacy::new(&config::Privacy::default(), &org).unwrap();
        assert!(privacy.refuses(Some("corp"), "ANN"));
        assert!(!privacy.refuses(Some("lab"), "ann"));
        assert!(privacy.refuses(Some("Corp"), "bob"));
        assert!(!privacy.refuses(None, "bob"));
        assert!(privacy.refuses(None, "Guest") && privacy.refuses(Some("x"), "guest"));
    }
}
