//! What can stop a load as a whole.

use crate::error::{Class, Classified};

/// Errors of the ingest room. Bad rows are none: they go to `rejects`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("agent id {id} stands for two different agents: {first} and {second}")]
    Collision {
        id: i64,
        first: String,
        second: String,
    },
    #[error("privacy.hash_fields: the key cannot be used: {cause}")]
    HashKey { cause: String },
    #[error("building a batch: {cause}")]
    Batch { cause: String },
    #[error("the reader stopped without an answer")]
    ReaderGone,
    #[error("other writers kept changing the lake; {tries} tries; run it again")]
    Contention { tries: u32 },
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Error::Collision { .. } => Class::Lake,
            Error::HashKey { .. } => Class::Config,
            Error::Batch { .. } | Error::ReaderGone => Class::Internal,
            Error::Contention { .. } => Class::Unavailable,
        }
    }
}
