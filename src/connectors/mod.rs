//! Calendars of companies, read into the lake: directory → match → one window a person →
//! reconcile → lake.
//!
//! What flows in: the instances of `[[integration]]`, the people who are tracked, and what the
//! calendars answer. What flows out: rows of `raw_meetings`, the state of every instance and
//! person, and a row of status a sync.
//!
//! Never: a calendar of a person who is not tracked is asked for; a calendar is asked for before
//! the directory was read to its end; a title of a private entry or a description leaves a source;
//! a secret stands in a message, a log line or a table; an error of one person stops another; a
//! meeting is removed because something failed.

pub mod caldav;
pub mod calendar_list;
pub mod engine;
pub mod expiry;
mod failure;
pub mod google;
mod http;
pub mod ics;
mod instance;
mod journal;
pub mod matching;
pub mod outlook;
pub mod reconcile;
pub mod report;
mod seal;
mod source;
pub mod state;
pub mod vault;

pub use engine::Options;
pub use failure::{Failure, FailureKind};
pub use http::{Answer, Body, Bounds, Call, Http, Meter, Retry, Verdict};
pub use instance::{Connected, bounds, connect, drop_future, google_http, mark_ready, sync};
pub use journal::{LastRun, last_run};
pub use seal::{Sealed, Sealer};
pub use source::{ANY, Calendars, DirectoryPerson, Reading, Window};
