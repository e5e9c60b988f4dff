//! What can stop a recompute.

use crate::error::{Class, Classified};

/// Errors of the jobs room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no table model '{name}'; there are {known}")]
    UnknownModel { name: String, known: String },
    #[error("model '{model}', days {from} to {to}: {cause}")]
    Days {
        model: String,
        from: String,
        to: String,
        cause: String,
    },
    #[error("model '{model}' was recomputed by somebody else meanwhile; run it again")]
    Raced { model: String },
    #[error(
        "check '{check}' found {rows} rows where there must be none in days {days}, the \
         first: {first}; '{model}' keeps what it had"
    )]
    Check {
        check: String,
        model: String,
        days: String,
        rows: usize,
        first: String,
    },
    #[error("check '{check}' cannot be made: {cause}")]
    CheckFails { check: String, cause: String },
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Error::UnknownModel { .. } => Class::Config,
            Error::Days { .. } | Error::Check { .. } | Error::CheckFails { .. } => Class::Model,
            Error::Raced { .. } => Class::Unavailable,
        }
    }
}
