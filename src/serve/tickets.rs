//! What was planned and not yet fetched, and what is being fetched.
//!
//! A ticket is an opaque random name for planned work. It is bound to the principal it was given
//! to, lives for a while, and may be redeemed more than once in that time, so that a client may
//! retry. Each principal holds a bounded number: the oldest makes room for the newest.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tonic::Status;

use super::handle::Handle;
use super::stream::Work;
use crate::access::Principal;

/// How long a ticket can be redeemed.
pub(super) const TTL: Duration = Duration::from_secs(300);

/// Tickets of one principal that are kept at once.
const PER_PRINCIPAL_MAX: usize = 256;

struct Ticket<W> {
    owner: String,
    work: W,
    issued: Instant,
    /// Breaks ties of `issued`.
    number: u64,
    cancel: watch::Sender<bool>,
}

impl<W> Ticket<W> {
    fn expired(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.issued) >= TTL
    }

    /// Whether a stream of it may still be cancelled.
    fn running(&self) -> bool {
        self.cancel.receiver_count() > 0
    }
}

struct State<W> {
    tickets: HashMap<Handle, Ticket<W>>,
    issued: u64,
}

/// All tickets. `W` is what a ticket stands for.
pub(super) struct Tickets<W = Work> {
    state: Mutex<State<W>>,
}

impl<W: Clone> Tickets<W> {
    pub fn new() -> Self {
        Tickets {
            state: Mutex::new(State {
                tickets: HashMap::new(),
                issued: 0,
            }),
        }
    }

    /// Keeps `work` for `owner` and names it.
    ///
    /// # Errors
    /// `Internal` when the operating system gives no random bytes.
    pub fn issue(&self, owner: &Principal, work: W, now: Instant) -> Result<Handle, Status> {
        let handle = Handle::random()?;
        let mut state = self.lock();
        state
            .tickets
            .retain(|_, ticket| !ticket.expired(now) || ticket.running());
        let own = |ticket: &Ticket<W>| ticket.owner == owner.email;
        if state.tickets.values().filter(|ticket| own(ticket)).count() >= PER_PRINCIPAL_MAX {
            let oldest = state
                .tickets
                .iter()
                .filter(|(_, ticket)| own(ticket))
                .min_by_key(|(_, ticket)| (ticket.running(), ticket.issued, ticket.number))
                .map(|(handle, _)| handle.clone());
            if let Some(oldest) = oldest {
                state.tickets.remove(&oldest);
            }
        }
        state.issued += 1;
        let ticket = Ticket {
            owner: owner.email.clone(),
            work,
            issued: now,
            number: state.issued,
            cancel: watch::Sender::new(false),
        };
        state.tickets.insert(handle.clone(), ticket);
        Ok(handle)
    }

    /// The work of a ticket, and where a cancellation shows.
    ///
    /// # Errors
    /// `NotFound` when the ticket is unknown, has expired, or is another principal's; the answer
    /// is the same for all three.
    pub fn redeem(
        &self,
        owner: &Principal,
        handle: &[u8],
        now: Instant,
    ) -> Result<(W, watch::Receiver<bool>), Status> {
        let state = self.lock();
        let ticket = Handle::read(handle)
            .and_then(|handle| state.tickets.get(&handle))
            .filter(|ticket| ticket.owner == owner.email && !ticket.expired(now))
            .ok_or_else(unknown)?;
        if *ticket.cancel.borrow() {
            return Err(Status::cancelled("the query was cancelled"));
        }
        Ok((ticket.work.clone(), ticket.cancel.subscribe()))
    }

    /// Stops every stream of a ticket and lets nobody redeem it again.
    ///
    /// # Errors
    /// As [`Tickets::redeem`], except that an expired ticket's running stream is stopped.
    pub fn cancel(&self, owner: &Principal, handle: &[u8]) -> Result<(), Status> {
        let state = self.lock();
        let ticket = Handle::read(handle)
            .and_then(|handle| state.tickets.get(&handle))
            .filter(|ticket| ticket.owner == owner.email)
            .ok_or_else(unknown)?;
        ticket.cancel.send_replace(true);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        // No step leaves the map half changed, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown() -> Status {
    Status::not_found(format!(
        "the ticket is unknown or has expired: a ticket lives {} seconds and belongs to whom it \
         was given; ask for the flight info again",
        TTL.as_secs()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    fn principal(email: &str) -> Principal {
        super::super::tests::principal(email)
    }

    #[test]
    fn a_ticket_is_bound_to_its_principal() {
        let now = Instant::now();
        let tickets = Tickets::new();
        let (ada, bob) = (principal("ada@example.com"), principal("bob@example.com"));
        let handle = tickets.issue(&ada, 42, now).unwrap();
        let stolen = tickets.redeem(&bob, handle.bytes(), now).unwrap_err();
        assert_eq!(stolen.code(), Code::NotFound);
        assert!(tickets.cancel(&bob, handle.bytes()).is_err());
        assert_eq!(tickets.redeem(&ada, handle.bytes(), now).unwrap().0, 42);
        assert_eq!(tickets.redeem(&ada, handle.bytes(), now).unwrap().0, 42);
        for guess in [&b""[..], b"1", &[0xff; 32], &handle.bytes()[1..]] {
            let status = tickets.redeem(&ada, guess, now).unwrap_err();
            assert_eq!(status.code(), Code::NotFound);
            assert!(status.message().contains("expired"));
        }
    }

    #[test]
    fn a_ticket_expires_but_its_stream_can_still_be_cancelled() {
        let now = Instant::now();
        let tickets = Tickets::new();
        let ada = principal("ada@example.com");
        let handle = tickets.issue(&ada, (), now).unwrap();
        let (_, cancelled) = tickets.redeem(&ada, handle.bytes(), now).unwrap();
        let late = now + TTL;
        assert!(tickets.redeem(&ada, handle.bytes(), late).is_err());
        tickets.issue(&ada, (), late).unwrap();
        tickets.cancel(&ada, handle.bytes()).unwrap();
        assert!(*cancelled.borrow());
        drop(cancelled);
        tickets.issue(&ada, (), late).unwrap();
        assert!(tickets.cancel(&ada, handle.bytes()).is_err());
    }

    #[test]
    fn a_cancelled_ticket_is_not_redeemed() {
        let now = Instant::now();
        let tickets = Tickets::new();
        let ada = principal("ada@example.com");
        let handle = tickets.issue(&ada, (), now).unwrap();
        tickets.cancel(&ada, handle.bytes()).unwrap();
        let status = tickets.redeem(&ada, handle.bytes(), now).unwrap_err();
        assert_eq!(status.code(), Code::Cancelled);
    }

    #[test]
    fn the_oldest_makes_room_and_others_are_left_alone() {
        let now = Instant::now();
        let tickets = Tickets::new();
        let (ada, bob) = (principal("ada@example.com"), principal("bob@example.com"));
        let bobs = tickets.issue(&bob, 0, now).unwrap();
        let handles: Vec<_> = (0..PER_PRINCIPAL_MAX + 1)
            .map(|number| tickets.issue(&ada, number, now).unwrap())
            .collect();
        assert!(tickets.redeem(&ada, handles[0].bytes(), now).is_err());
        assert_eq!(tickets.redeem(&ada, handles[1].bytes(), now).unwrap().0, 1);
        assert!(tickets.redeem(&bob, bobs.bytes(), now).is_ok());
    }
}
