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
    /// Any error of ours that came back through the engine.
    #[error("{cause}")]
    Below { class: Class, cause: String },
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
            Error::Below { class, .. } => *class,
        }
    }
}

impl Error {
    /// The error of ours that the engine carries, if it does.
    pub(super) fn below(error: &datafusion::error::DataFusionError) -> Option<Error> {
        let datafusion::error::DataFusionError::External(cause) = error.find_root() else {
            return None;
        };
        let ours = cause.downcast_ref::<crate::error::Error>()?;
        Some(Error::Below {
            class: ours.class(),
            cause: ours.to_string(),
        })
    }

    /// A failure of a running plan: out of memory is the reader's to solve, the rest is not.
    pub fn running(error: datafusion::error::DataFusionError) -> Error {
        use datafusion::error::DataFusionError as E;
        if let Some(ours) = Error::below(&error) {
            return ours;
        }
        match error.find_root() {
            E::ResourcesExhausted(cause) => Error::Memory(cause.clone()),
            E::Execution(cause) => Error::Query(cause.clone()),
            E::ArrowError(cause, _) => Error::Query(cause.to_string()),
            E::Plan(cause) => Error::Query(cause.clone()),
            _ => Error::Engine(error.strip_backtrace()),
        }
    }
}
