//! What went wrong with a calendar, by what it means for the sync.
//!
//! A message is made for the operator: plain words, what to do, never a secret, a token, an
//! address or a title.

use crate::error::{Class, Classified};

/// A failure of a call, a person or an instance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", request_id.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default())]
pub struct Failure {
    pub kind: FailureKind,
    /// For people.
    pub message: String,
    /// The provider's id of the request, to ask its support about.
    pub request_id: Option<String>,
}

/// What a failure means for the sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// Told to slow down, and still after the last try. Others may go on; this is tried next time.
    Throttled,
    /// Nothing answered, or not as it should for the moment. Tried next time.
    Transient,
    /// The place to go on from is forgotten by the provider: read the whole window instead.
    CursorLost,
    /// This person's calendar cannot be read (no mailbox, no right, gone); tried again in a day.
    Person,
    /// The instance's credentials do not work: nobody is read until somebody acts.
    Auth,
    /// An answer that breaks the provider's own contract, or asks for something that is refused
    /// (a link to another host, a circle of pages).
    Contract,
    /// A bound of the settings was reached; the message names the setting.
    Limit,
    /// What was typed cannot work; the message says what to correct.
    Config,
    /// More of a person's meetings would be removed than `remove_guard_percent` allows.
    Guard,
}

impl FailureKind {
    /// As tables say it.
    pub fn word(self) -> &'static str {
        match self {
            FailureKind::Throttled => "throttled",
            FailureKind::Transient => "transient",
            FailureKind::CursorLost => "cursor_lost",
            FailureKind::Person => "person",
            FailureKind::Auth => "auth",
            FailureKind::Contract => "contract",
            FailureKind::Limit => "limit",
            FailureKind::Config => "config",
            FailureKind::Guard => "guard",
        }
    }

    /// The kind of a word that a table holds.
    pub fn of(word: &str) -> Option<FailureKind> {
        use FailureKind::*;
        [
            Throttled, Transient, CursorLost, Person, Auth, Contract, Limit, Config, Guard,
        ]
        .into_iter()
        .find(|kind| kind.word() == word)
    }

    /// Whether it concerns the whole instance, so that nobody else is tried either.
    pub fn stops_instance(self) -> bool {
        matches!(self, FailureKind::Auth | FailureKind::Config)
    }
}

impl Failure {
    /// A failure without a request id.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Failure {
        Failure {
            kind,
            message: message.into(),
            request_id: None,
        }
    }

    /// The same with the provider's id of the request.
    pub fn of_request(mut self, request_id: Option<String>) -> Failure {
        self.request_id = request_id;
        self
    }
}

impl Classified for Failure {
    fn class(&self) -> Class {
        match self.kind {
            FailureKind::Throttled | FailureKind::Transient | FailureKind::CursorLost => {
                Class::Unavailable
            }
            FailureKind::Person | FailureKind::Auth => Class::Denied,
            FailureKind::Contract => Class::Input,
            FailureKind::Limit | FailureKind::Guard => Class::Limit,
            FailureKind::Config => Class::Config,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for kind in [
            FailureKind::Throttled,
            FailureKind::Guard,
            FailureKind::Auth,
        ] {
            assert_eq!(FailureKind::of(kind.word()), Some(kind));
        }
        assert_eq!(FailureKind::of("fine"), None);
    }
}
