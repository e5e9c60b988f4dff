//! The people who may log in, as the lake knows them.

use std::fmt;

use async_trait::async_trait;

use super::Principal;

/// A consumer and the hash of their password.
#[derive(Clone)]
pub struct Credential {
    /// Whose it is.
    pub principal: Principal,
    /// Argon2 hash in PHC form; `None` while no password is set, which nobody can log in with.
    pub phc: Option<String>,
}

impl fmt::Debug for Credential {
    // A hash is worth guessing at: it stays out of every log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("principal", &self.principal)
            .field("has_password", &self.phc.is_some())
            .finish()
    }
}

/// Finds consumers by e-mail address. Implemented where the lake is read.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// Picks up what was committed since the last call; cheap when nothing was. Called before each
    /// login and before each statement is planned, so that a removed consumer is refused.
    ///
    /// # Errors
    /// What reading the lake may give; the caller then refuses the request.
    async fn refresh(&self) -> crate::error::Result<()> {
        Ok(())
    }

    /// The consumer with this address, given in lower case. Does no I/O.
    fn find(&self, email: &str) -> Option<Credential>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::org::Role;

    #[test]
    fn a_hash_is_not_printed() {
        let credential = Credential {
            principal: Principal {
                email: "a@b.c".into(),
                activtrak_id: 1,
                role: Role::Admin,
            },
            phc: Some("$argon2id$secret".into()),
        };
        assert!(!format!("{credential:?}").contains("argon2"));
    }
}
