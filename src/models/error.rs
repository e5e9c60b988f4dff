//! What can be wrong with a model or a query.

use crate::error::{Class, Classified};

/// Errors of the models room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("model file {file}: {cause}")]
    File { file: String, cause: String },
    #[error("model '{model}': {cause}")]
    Model { model: String, cause: String },
    #[error("model '{model}' and '{other}' need each other")]
    Cycle { model: String, other: String },
    #[error("{0}")]
    Query(String),
    #[error("{0}")]
    NotAllowed(String),
    #[error("the query ran out of memory: {0}; raise limits.memory or ask for less")]
    Memory(String),
    #[error("{kind} id {id} stands for two different keys: {first} and {second}")]
    Collision {
        kind: &'static str,
        id: i64,
        first: String,
        second: String,
    },
    #[error("organisation settings, version {version}: {cause}")]
    Settings { version: i64, cause: String },
    #[error("privacy.hash_key, with which labels of networks are hashed: {cause}")]
    HashKey { cause: String },
    #[error("{0}")]
    Engine(String),
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Error::File { .. } | Error::Model { .. } | Error::Cycle { .. } | Error::Query(_) => {
                Class::Model
            }
            Error::NotAllowed(_) => Class::Denied,
            Error::Memory(_) => Class::Limit,
            Error::Collision { .. } => Class::Lake,
            Error::Settings { .. } | Error::HashKey { .. } => Class::Config,
            Error::Engine(_) => Class::Internal,
        }
    }
}

impl Error {
    /// A failure of a running plan: out of memory is the reader's to solve, the rest is not.
    pub fn running(error: datafusion::error::DataFusionError) -> Error {
        use datafusion::error::DataFusionError as E;
        match error.find_root() {
            E::ResourcesExhausted(cause) => Error::Memory(cause.clone()),
            E::Execution(cause) => Error::Query(cause.clone()),
            E::ArrowError(cause, _) => Error::Query(cause.to_string()),
            E::Plan(cause) => Error::Query(cause.clone()),
            _ => Error::Engine(error.strip_backtrace()),
        }
    }
}
