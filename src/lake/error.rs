//! What can go wrong between the program and its stored tables.

use crate::error::{Class, Classified};

/// Errors of the lake room. The cause's text is kept; its type is not, so that no Delta or object
/// store type leaves the room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("lake url '{url}': {cause}")]
    Url { url: String, cause: String },
    #[error("lake option '{name}': {cause}")]
    Option { name: String, cause: String },
    #[error("table '{table}': cannot {action}: {cause}")]
    Store {
        table: String,
        action: &'static str,
        cause: String,
    },
    #[error("table '{table}' was changed by somebody else since version {version}; run it again")]
    Conflict { table: String, version: i64 },
    #[error(
        "table '{table}' has other columns than this version of activlake writes: {difference}"
    )]
    Schema { table: String, difference: String },
    #[error("table '{table}', file {file}: {cause}")]
    Damaged {
        table: String,
        file: String,
        cause: String,
    },
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Error::Url { .. } | Error::Option { .. } => Class::Config,
            Error::Conflict { .. } => Class::Unavailable,
            Error::Store { .. } | Error::Schema { .. } | Error::Damaged { .. } => Class::Lake,
        }
    }
}
