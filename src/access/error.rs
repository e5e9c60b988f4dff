//! Why somebody was not let in.

use crate::error::{Class, Classified};

/// A refusal of this room. No variant carries a password or a token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Unknown name, no password set, or a wrong password: the answer is the same for all three.
    #[error("user name or password is wrong")]
    BadCredentials,
    /// The call carries neither a token nor a name and password.
    #[error("no credentials: log in with user name and password, or send a bearer token")]
    NoCredentials,
    /// The token was never given out, was revoked, or was idle for too long.
    #[error("the token is unknown or has expired: log in again")]
    UnknownToken,
    /// The consumer no longer exists in the settings.
    #[error("{email} is no longer a consumer of this account")]
    Removed { email: String },
    /// The role may not view every group.
    #[error(
        "{email} has the role {role}: this version does not yet limit rows to a consumer's \
         viewable groups, so only Admin and Configurator, who may view every group, may log in"
    )]
    NotAdmitted { email: String, role: &'static str },
    /// Every session is in use.
    #[error(
        "all {max} sessions are in use: close one, wait until one has been idle for long enough, \
         or raise server.max_sessions"
    )]
    TooManySessions { max: usize },
    /// A password to be stored is empty.
    #[error("the password is empty")]
    EmptyPassword,
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system: {0}")]
    Random(String),
    /// The password could not be hashed.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Error::BadCredentials
            | Error::NoCredentials
            | Error::UnknownToken
            | Error::Removed { .. }
            | Error::NotAdmitted { .. } => Class::Denied,
            Error::TooManySessions { .. } => Class::Limit,
            Error::EmptyPassword => Class::Input,
            Error::Random(_) | Error::Hash(_) => Class::Internal,
        }
    }
}
