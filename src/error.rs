//! Error classes: what the reader of an error can do about it.
//!
//! Every room has its own `thiserror` enum whose variants carry the place (file and line, view,
//! day) and the cause. A room implements [`Classified`] for it, and the error folds into the one
//! [`Error`] of the crate, with one mapping to exit codes and one to gRPC status codes. This file
//! knows no room: it must never import one.

use std::fmt;

/// What the reader can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A setting, flag or settings file is wrong: correct it.
    Config,
    /// The data handed in cannot be read: correct or re-export it.
    Input,
    /// The lake is missing, damaged, or changed underneath in a way that cannot be merged.
    Lake,
    /// A SQL model or a query is wrong: correct the SQL.
    Model,
    /// The caller may not do this.
    Denied,
    /// A limit was reached: raise the named setting or ask for less.
    Limit,
    /// Something outside did not answer: trying again helps.
    Unavailable,
    /// A bug of activlake: report it.
    Internal,
}

impl Class {
    /// The stable code printed before a message; scripts may match on it.
    pub fn code(self) -> &'static str {
        match self {
            Class::Config => "config",
            Class::Input => "input",
            Class::Lake => "lake",
            Class::Model => "model",
            Class::Denied => "denied",
            Class::Limit => "limit",
            Class::Unavailable => "unavailable",
            Class::Internal => "internal",
        }
    }

    /// The process exit code. 1 is any failure that a person corrects, 2 a wrong command line or
    /// setting, 3 is kept for `ingest --strict`, 75 (EX_TEMPFAIL) says that trying again helps.
    pub fn exit_code(self) -> u8 {
        match self {
            Class::Config => 2,
            Class::Unavailable => 75,
            Class::Internal => 70,
            _ => 1,
        }
    }
}

/// Implemented by every room's error enum.
pub trait Classified: std::error::Error + Send + Sync + 'static {
    /// What the reader can do about it.
    fn class(&self) -> Class;
}

/// An error of any room, folded into its class.
pub struct Error {
    class: Class,
    source: Box<dyn std::error::Error + Send + Sync + 'static>,
}

impl Error {
    /// An error of `class` with a message only.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Error {
            class,
            source: message.into().into(),
        }
    }

    /// What the reader can do about it.
    pub fn class(&self) -> Class {
        self.class
    }
}

impl<E: Classified> From<E> for Error {
    fn from(error: E) -> Self {
        Error {
            class: error.class(),
            source: Box::new(error),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class.code(), self.source)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.source()
    }
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
