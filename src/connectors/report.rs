//! What a sync did: for the operator's eyes, and as a row of `connectors`.

use super::matching::Matched;
use super::state::PersonState;
use super::{Failure, FailureKind, Http};
use crate::clock::Micros;
use crate::ingest::meetings::Stored;

/// How often refused credentials are tried again.
const REAUTH_EVERY_MINUTES: u32 = 24 * 60;

/// How a sync ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// Everybody who matched was read.
    Ok,
    /// Some people's calendars could not be read.
    Partial,
    /// Nobody was read; the next sync tries again.
    Failed,
    /// The credentials were refused: somebody must act. Tried again once a day.
    NeedsReauth,
    /// No sync: the credentials were changed and work; due at once.
    Ready,
}

impl SyncState {
    /// As tables say it.
    pub fn word(self) -> &'static str {
        match self {
            SyncState::Ok => "ok",
            SyncState::Partial => "partial",
            SyncState::Failed => "failed",
            SyncState::NeedsReauth => "needs_reauth",
            SyncState::Ready => "ready",
        }
    }
}

/// One sync of one instance.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncReport {
    pub instance: String,
    /// `google`, `outlook`, `caldav`, `ics`.
    pub maker: &'static str,
    pub started_at: Micros,
    pub finished_at: Micros,
    pub next_run: Micros,
    pub state: SyncState,
    /// Why the instance failed.
    pub failure: Option<Failure>,
    /// What is odd about a sync that did not fail.
    pub warning: Option<String>,
    /// People of the directory, by what became of them; absent when it was not read to its end.
    pub directory: Option<u64>,
    pub matched: Option<u64>,
    pub unmatched: Option<u64>,
    pub ambiguous: Option<u64>,
    /// Tracked users whom the directory does not know.
    pub missing: Option<u64>,
    /// Suspended, archived or deleted.
    pub inactive: Option<u64>,
    /// People whose calendar was read.
    pub read: u64,
    pub failed: u64,
    /// People not asked for, since the credentials were refused before.
    pub not_asked: u64,
    pub stored: Stored,
    /// Entries that could not be understood.
    pub rejected: u64,
    pub requests: u64,
    /// Answers that told to slow down.
    pub throttled: u64,
    /// By uid: who failed, is waited for, or has a warning.
    pub people: Vec<PersonReport>,
}

/// What is worth telling of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonReport {
    pub uid: i64,
    pub read: bool,
    pub failure: Option<FailureKind>,
    /// In plain words.
    pub message: Option<String>,
    pub rejected: u64,
}

impl PersonReport {
    pub(super) fn read(uid: i64, warning: Option<String>, rejected: u64) -> PersonReport {
        PersonReport {
            uid,
            read: true,
            failure: None,
            message: warning,
            rejected,
        }
    }

    pub(super) fn failed(uid: i64, failure: &Failure) -> PersonReport {
        PersonReport {
            uid,
            read: false,
            failure: Some(failure.kind),
            message: Some(failure.to_string()),
            rejected: 0,
        }
    }

    /// Somebody whose last failure says to wait.
    pub(super) fn waiting(uid: i64, state: &PersonState) -> PersonReport {
        PersonReport {
            uid,
            read: false,
            failure: state.failure,
            message: state
                .message
                .as_ref()
                .map(|message| format!("{message}; asked again within a day")),
            rejected: 0,
        }
    }
}

impl SyncReport {
    pub(super) fn begun(instance: &str, maker: &'static str, at: Micros) -> SyncReport {
        SyncReport {
            instance: instance.to_owned(),
            maker,
            started_at: at,
            finished_at: at,
            next_run: at,
            state: SyncState::Ok,
            failure: None,
            warning: None,
            directory: None,
            matched: None,
            unmatched: None,
            ambiguous: None,
            missing: None,
            inactive: None,
            read: 0,
            failed: 0,
            not_asked: 0,
            stored: Stored::default(),
            rejected: 0,
            requests: 0,
            throttled: 0,
            people: Vec::new(),
        }
    }

    /// A sync that could not begin.
    pub fn never_begun(
        instance: &str,
        maker: &'static str,
        at: Micros,
        every_minutes: u32,
        failure: &Failure,
    ) -> SyncReport {
        let mut report = SyncReport::begun(instance, maker, at);
        report.fail(failure);
        report.finish(at, every_minutes);
        report
    }

    /// No sync, but a word that the next one may go on at once.
    pub(super) fn ready(instance: &str, maker: &'static str, at: Micros) -> SyncReport {
        SyncReport {
            state: SyncState::Ready,
            ..SyncReport::begun(instance, maker, at)
        }
    }

    pub(super) fn matched(&mut self, matched: &Matched) {
        self.directory = Some(matched.directory);
        self.matched = Some(matched.pairs.len() as u64);
        self.unmatched = Some(matched.unmatched);
        self.ambiguous = Some(matched.ambiguous);
        self.missing = Some(matched.missing);
        self.inactive = Some(matched.inactive);
        if matched.pairs.is_empty() {
            self.warning = Some(format!(
                "none of the {} people of the directory is a tracked user with an agent: \
                 users.csv must have their user_principal_names or emails",
                matched.directory
            ));
        }
    }

    pub(super) fn fail(&mut self, failure: &Failure) {
        if self.failure.is_none() {
            self.failure = Some(failure.clone());
        }
    }

    pub(super) fn stored(&mut self, stored: Stored) {
        self.stored += stored;
    }

    pub(super) fn person(&mut self, person: PersonReport) {
        if person.read {
            self.read += 1;
        } else {
            self.failed += 1;
        }
        if !person.read || person.message.is_some() || person.rejected > 0 {
            self.people.push(person);
        }
    }

    pub(super) fn finish(&mut self, at: Micros, every_minutes: u32) {
        self.finished_at = at;
        self.people.sort_by_key(|person| person.uid);
        self.state = match &self.failure {
            Some(failure) if failure.kind == FailureKind::Auth => SyncState::NeedsReauth,
            Some(_) => SyncState::Failed,
            None if self.failed + self.not_asked == 0 => SyncState::Ok,
            None if self.read == 0 => SyncState::Failed,
            None => SyncState::Partial,
        };
        let minutes = match self.state {
            // Refused is refused, but a provider may have been wrong for a while.
            SyncState::NeedsReauth => every_minutes.max(REAUTH_EVERY_MINUTES),
            _ => every_minutes,
        };
        self.next_run = self.started_at + i64::from(minutes) * 60_000_000;
    }

    /// Counts what was asked of the provider.
    pub fn asked(&mut self, http: &Http) {
        self.requests = http.meter().requests();
        self.throttled = http.meter().throttled();
    }

    /// In plain words: why it failed, or what is odd.
    pub fn message(&self) -> Option<String> {
        self.failure
            .as_ref()
            .map(ToString::to_string)
            .or_else(|| self.warning.clone())
    }

    /// Whether anything was read: then what is stored is as fresh as the sync.
    pub fn succeeded(&self) -> bool {
        matches!(self.state, SyncState::Ok | SyncState::Partial)
    }
}
