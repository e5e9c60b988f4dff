//! Open sessions, found by an opaque bearer token.
//!
//! A token is 32 random bytes in hex. Only its SHA-256 is kept, so that neither a memory dump of
//! the map nor a log of it gives a usable token. A session ends when it was idle for too long or
//! is revoked; every lookup touches it, and it is not idle while a [`Hold`] on it lives.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::random::random_bytes;
use super::{Error, Principal};

const TOKEN_BYTES: usize = 32;

type Key = [u8; 32];

/// A bearer token, shown to its owner once.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The text the client sends back. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn random() -> Result<Self, Error> {
        let bytes: [u8; TOKEN_BYTES] = random_bytes()?;
        Ok(Token(
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        ))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Names a session within this process; safe to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An open session, as a request sees it.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    /// Whose session it is.
    pub principal: Arc<Principal>,
}

/// Keeps a session from being idle while something of it still runs.
pub struct Hold {
    sessions: Arc<Sessions>,
    id: SessionId,
    clock: fn() -> Instant,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let now = (self.clock)();
        self.sessions.find(self.id, |entry| {
            entry.holds = entry.holds.saturating_sub(1);
            entry.last_used = now;
        });
    }
}

struct Entry {
    session: Session,
    last_used: Instant,
    holds: usize,
}

#[derive(Default)]
struct State {
    entries: HashMap<Key, Entry>,
    /// Sessions without a token, one for each address that sends its password with every call.
    shared: HashMap<String, Key>,
    opened: u64,
}

/// All open sessions.
pub struct Sessions {
    idle: Duration,
    max: usize,
    state: Mutex<State>,
}

impl Sessions {
    /// Sessions that end after `idle` without a request; at most `max` at once.
    pub fn new(idle: Duration, max: usize) -> Self {
        Sessions {
            idle,
            max,
            state: Mutex::default(),
        }
    }

    /// Opens a session for a principal who was admitted.
    ///
    /// # Errors
    /// [`Error::TooManySessions`] when all are in use and none has expired; [`Error::Random`].
    pub fn open(&self, principal: Principal, now: Instant) -> Result<(Token, Session), Error> {
        let token = Token::random()?;
        let session = self.insert(&mut self.lock(), key(token.expose()), principal, now)?;
        Ok((token, session))
    }

    /// The session of a principal who proves who they are with every call and holds no token.
    /// There is one for each address, so that such clients do not use up the sessions.
    ///
    /// # Errors
    /// As [`Sessions::open`].
    pub fn open_shared(&self, principal: Principal, now: Instant) -> Result<Session, Error> {
        let mut state = self.lock();
        let found = state.shared.get(&principal.email).copied();
        if let Some(entry) = found.and_then(|key| state.entries.get_mut(&key))
            && *entry.session.principal == principal
            && !expired(entry, self.idle, now)
        {
            entry.last_used = now;
            return Ok(entry.session.clone());
        }
        if let Some(stale) = found {
            state.entries.remove(&stale);
        }
        // A random key: it is the hash of no text that a client could send as a token.
        let key: Key = random_bytes()?;
        let email = principal.email.clone();
        let session = self.insert(&mut state, key, principal, now)?;
        state.shared.insert(email, key);
        Ok(session)
    }

    /// The session of a token; touches it.
    ///
    /// # Errors
    /// [`Error::UnknownToken`].
    pub fn resolve(&self, token: &str, now: Instant) -> Result<Session, Error> {
        let key = key(token);
        let mut state = self.lock();
        let Some(entry) = state.entries.get_mut(&key) else {
            return Err(Error::UnknownToken);
        };
        if expired(entry, self.idle, now) {
            state.entries.remove(&key);
            return Err(Error::UnknownToken);
        }
        entry.last_used = now;
        Ok(entry.session.clone())
    }

    /// Keeps a session open until the hold is dropped, which touches it. A revoked session stays
    /// revoked.
    pub fn hold(self: &Arc<Self>, id: SessionId, clock: fn() -> Instant) -> Hold {
        self.find(id, |entry| entry.holds += 1);
        Hold {
            sessions: Arc::clone(self),
            id,
            clock,
        }
    }

    /// Ends a session; whether it was open.
    pub fn revoke(&self, id: SessionId) -> bool {
        let mut state = self.lock();
        let before = state.entries.len();
        state.entries.retain(|_, entry| entry.session.id != id);
        let state = &mut *state;
        state
            .shared
            .retain(|_, key| state.entries.contains_key(key));
        state.entries.len() < before
    }

    /// How many sessions are kept, expired ones that nobody asked for included.
    pub fn count(&self) -> usize {
        self.lock().entries.len()
    }

    fn insert(
        &self,
        state: &mut State,
        key: Key,
        principal: Principal,
        now: Instant,
    ) -> Result<Session, Error> {
        if state.entries.len() >= self.max {
            state
                .entries
                .retain(|_, entry| !expired(entry, self.idle, now));
            let entries = &state.entries;
            state.shared.retain(|_, key| entries.contains_key(key));
        }
        if state.entries.len() >= self.max {
            return Err(Error::TooManySessions { max: self.max });
        }
        state.opened += 1;
        let session = Session {
            id: SessionId(state.opened),
            principal: Arc::new(principal),
        };
        let entry = Entry {
            session: session.clone(),
            last_used: now,
            holds: 0,
        };
        state.entries.insert(key, entry);
        Ok(session)
    }

    fn find(&self, id: SessionId, act: impl FnOnce(&mut Entry)) {
        let mut state = self.lock();
        if let Some(entry) = state
            .entries
            .values_mut()
            .find(|entry| entry.session.id == id)
        {
            act(entry);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No step leaves the maps half changed, so a panic elsewhere does not spoil them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn expired(entry: &Entry, idle: Duration, now: Instant) -> bool {
    entry.holds == 0 && now.saturating_duration_since(entry.last_used) >= idle
}

fn key(token: &str) -> Key {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::org::Role;

    const IDLE: Duration = Duration::from_secs(60);

    fn ada() -> Principal {
        named("ada@example.com")
    }

    fn named(email: &str) -> Principal {
        Principal {
            email: email.into(),
            activtrak_id: 1,
            role: Role::Admin,
        }
    }

    #[test]
    fn a_token_finds_its_session_until_revoked() {
        let now = Instant::now();
        let sessions = Sessions::new(IDLE, 10);
        let (token, opened) = sessions.open(ada(), now).unwrap();
        assert_eq!(token.expose().len(), 2 * TOKEN_BYTES);
        let found = sessions.resolve(token.expose(), now).unwrap();
        assert_eq!(found.id, opened.id);
        assert_eq!(*found.principal, ada());
        assert!(sessions.resolve("", now).is_err());
        assert!(sessions.resolve(&token.expose()[1..], now).is_err());
        assert!(sessions.revoke(opened.id));
        assert!(!sessions.revoke(opened.id));
        assert!(sessions.resolve(token.expose(), now).is_err());
    }

    #[test]
    fn idle_sessions_end_and_used_ones_do_not() {
        let start = Instant::now();
        let sessions = Sessions::new(IDLE, 10);
        let (token, _) = sessions.open(ada(), start).unwrap();
        let almost = start + IDLE - Duration::from_secs(1);
        assert!(sessions.resolve(token.expose(), almost).is_ok());
        // Touched at `almost`, so the idle time starts anew.
        assert!(sessions.resolve(token.expose(), start + IDLE).is_ok());
        let late = start + IDLE + IDLE;
        assert!(sessions.resolve(token.expose(), late).is_err());
        assert_eq!(sessions.count(), 0);
    }

    #[test]
    fn a_held_session_is_not_idle() {
        let start = Instant::now();
        let sessions = Arc::new(Sessions::new(IDLE, 10));
        let (token, session) = sessions.open(ada(), start).unwrap();
        let hold = sessions.hold(session.id, Instant::now);
        let late = start + IDLE + IDLE;
        assert!(sessions.resolve(token.expose(), late).is_ok());
        drop(hold);
        assert!(
            sessions
                .resolve(token.expose(), late + IDLE + IDLE)
                .is_err()
        );
        // A hold does not bring a revoked session back.
        let (token, session) = sessions.open(ada(), start).unwrap();
        let hold = sessions.hold(session.id, Instant::now);
        assert!(sessions.revoke(session.id));
        assert!(sessions.resolve(token.expose(), start).is_err());
        drop(hold);
        assert_eq!(sessions.count(), 0);
    }

    #[test]
    fn a_full_house_evicts_the_expired_and_then_refuses() {
        let start = Instant::now();
        let sessions = Sessions::new(IDLE, 2);
        sessions.open(ada(), start).unwrap();
        let later = start + Duration::from_secs(30);
        sessions.open(ada(), later).unwrap();
        assert!(matches!(
            sessions.open(ada(), later),
            Err(Error::TooManySessions { max: 2 })
        ));
        // The first has expired by now, the second has not.
        let then = start + IDLE;
        sessions.open(ada(), then).unwrap();
        assert!(sessions.open(ada(), then).is_err());
    }

    #[test]
    fn calls_with_a_password_share_one_session_each() {
        let now = Instant::now();
        let sessions = Sessions::new(IDLE, 3);
        let first = sessions.open_shared(ada(), now).unwrap();
        let again = sessions.open_shared(ada(), now).unwrap();
        assert_eq!(first.id, again.id);
        let other = sessions.open_shared(named("bob@example.com"), now).unwrap();
        assert_ne!(first.id, other.id);
        assert_eq!(sessions.count(), 2);
        // After expiry, or with another role, it is a new one.
        let late = sessions.open_shared(ada(), now + IDLE).unwrap();
        assert_ne!(first.id, late.id);
        let mut demoted = ada();
        demoted.role = Role::Configurator;
        let changed = sessions.open_shared(demoted, now + IDLE).unwrap();
        assert_ne!(changed.id, late.id);
        assert!(sessions.revoke(changed.id));
    }

    #[test]
    fn tokens_are_not_printed() {
        let sessions = Sessions::new(IDLE, 1);
        let (token, _) = sessions.open(ada(), Instant::now()).unwrap();
        assert!(!format!("{token:?}").contains(token.expose()));
    }
}
