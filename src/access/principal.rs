//! A consumer who asks, and whether they are let in at all.

use super::Error;
use crate::config::org::Role;

/// A consumer of the account (`semantics.md` §9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Lower case.
    pub email: String,
    /// The consumer's id in the account's settings.
    pub activtrak_id: i64,
    /// One role each.
    pub role: Role,
}

/// Decides whether a consumer may open or keep a session.
///
/// Rows are not yet limited to the groups a consumer may view, so whoever is let in sees all of
/// them: only the roles that may view every group anyway are admitted.
///
/// # Errors
/// [`Error::NotAdmitted`] with the reason.
pub fn admit(principal: &Principal) -> Result<(), Error> {
    match principal.role {
        Role::Admin | Role::Configurator => Ok(()),
        Role::PowerUser | Role::Viewer => Err(Error::NotAdmitted {
            email: principal.email.clone(),
            role: principal.role.as_str(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_role(role: Role) -> Principal {
        Principal {
            email: "ada@example.com".into(),
            activtrak_id: 7,
            role,
        }
    }

    #[test]
    fn only_roles_that_view_every_group_are_admitted() {
        assert!(admit(&with_role(Role::Admin)).is_ok());
        assert!(admit(&with_role(Role::Configurator)).is_ok());
        for role in [Role::PowerUser, Role::Viewer] {
            let refusal = admit(&with_role(role)).unwrap_err().to_string();
            assert!(refusal.contains(role.as_str()), "{refusal}");
            assert!(refusal.contains("Configurator"), "{refusal}");
        }
    }
}
