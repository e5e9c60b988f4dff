//! What a maker of calendars must be able to do. Everything else (whom to ask, what is new, what
//! is gone, what to keep) is the engine's.

use async_trait::async_trait;

use super::Failure;
use crate::clock::Micros;
use crate::sources::Reject;
use crate::sources::meeting::Meeting;

/// One maker's calendars, for one instance. A thin thing: it speaks the protocol and brings
/// entries to the normal form.
#[async_trait]
pub trait Calendars: Send + Sync {
    /// Everybody in the directory, each handed to `person` as pages arrive.
    ///
    /// # Errors
    /// When any page fails: then no calendar is asked for at all.
    async fn directory(
        &self,
        person: &mut (dyn FnMut(DirectoryPerson) + Send),
    ) -> Result<(), Failure>;

    /// Every entry of a person's calendar that overlaps the window, whole or not at all.
    ///
    /// # Errors
    /// Any failure leaves what is stored as it was.
    async fn window(&self, person: &DirectoryPerson, window: Window) -> Result<Reading, Failure>;

    /// What changed since `cursor`, which came with an earlier reading of the same window.
    ///
    /// # Errors
    /// [`super::FailureKind::CursorLost`] when the provider has forgotten the cursor; the engine
    /// then reads the window.
    async fn changes(
        &self,
        person: &DirectoryPerson,
        window: Window,
        cursor: &str,
    ) -> Result<Reading, Failure>;
}

/// Somebody in a company's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryPerson {
    /// The provider's id, or the place of the calendar where there is no directory. Never the
    /// reason why somebody matches.
    pub id: String,
    /// As the calendar is asked for: an address, an id, a URL.
    pub calendar: String,
    /// User principal names (Google: the primary address), as given.
    pub principal_names: Vec<String>,
    /// Other addresses and aliases, as given.
    pub emails: Vec<String>,
    /// For the administrator's report only; never stored.
    pub display_name: Option<String>,
    /// False for suspended, archived or deleted people, whose calendars are not asked for.
    pub active: bool,
}

/// A span of time, whole UTC days: `from` inclusive, `to` exclusive, microseconds UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    pub from: Micros,
    pub to: Micros,
}

/// What a calendar answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Entries in the order given; one id may come twice, then the later holds. Entries outside the
    /// window and entries without a span (gone) may be among them.
    pub meetings: Vec<Meeting>,
    /// From where [`Calendars::changes`] goes on; none when the provider has no such thing.
    pub cursor: Option<String>,
    /// Entries that could not be understood, each left out alone.
    pub rejects: Vec<Reject>,
    /// The ids of such entries; also the id of a whole series, and [`ANY`] where no id is known. What
    /// is stored of them stays.
    pub unreadable: Vec<String>,
    /// In plain words, for the status of this person: for instance that the calendar shows only
    /// free or busy.
    pub warning: Option<String>,
}

/// Stands in [`Reading::unreadable`] for an entry of which not even the id could be read: then
/// nothing is known to be absent.
pub const ANY: &str = "*";
