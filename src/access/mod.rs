//! Who asks: credentials, sessions, roles.
//!
//! In flow: a name and a password, or a bearer token. Out flows a [`Session`] with its
//! [`Principal`], or a refusal. Nothing here reads the lake, a socket or a clock: credentials come
//! from a [`Directory`] that the caller hands in, and instants are arguments.
//!
//! This room must never keep or print a password or a token (only the SHA-256 of a token is kept),
//! and never tell an unknown name from a wrong password. Until rows are limited to what a consumer
//! may view, [`admit`] lets in only roles that may view every group.

mod directory;
mod error;
pub mod password;
mod principal;
mod random;
mod session;

pub use crate::config::org::Role;
pub use directory::{Credential, Directory};
pub use error::Error;
pub use principal::{Principal, admit};
pub use random::random_bytes;
pub use session::{Hold, Session, SessionId, Sessions, Token};
