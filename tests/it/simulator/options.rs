//! How the simulated makers are set up.

use std::time::Duration;

use super::keys::{DIRECTORY_SCOPE, EVENTS_SCOPE};

/// The set-up; each test changes what it is about.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most rows of any page, whatever is asked for.
    pub page_size: Option<usize>,
    /// How far the makers' clock is ahead of this machine's.
    pub clock_skew_seconds: i64,
    /// How long an access token lasts.
    pub token_seconds: i64,
    /// What the administrator allowed to the service account.
    pub delegated_scopes: Vec<String>,
    /// Whether the administrator consents when asked.
    pub consent: bool,
    /// Graph's application permissions that were consented to.
    pub roles: Vec<String>,
    pub graph_secret_expired: bool,
    /// Whether Google's changes keep to the window of the first reading. It is not documented;
    /// Google's own sample suggests that they do not.
    pub changes_keep_window: bool,
    /// Counts mailbox moves: an id that is not asked for as immutable changes with each.
    pub mailbox_moves: u32,
    /// How long every answer takes.
    pub latency: Duration,
    /// Graph's requests at once for one mailbox before it answers 429.
    pub mailbox_concurrency: usize,
    /// Whether answers are kept with the record of requests.
    pub keep_answers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            page_size: None,
            clock_skew_seconds: 0,
            token_seconds: 3_599,
            delegated_scopes: vec![DIRECTORY_SCOPE.into(), EVENTS_SCOPE.into()],
            consent: true,
            roles: vec![
                "Calendars.ReadBasic.All".into(),
                "User.ReadBasic.All".into(),
            ],
            graph_secret_expired: false,
            changes_keep_window: false,
            mailbox_moves: 0,
            latency: Duration::ZERO,
            mailbox_concurrency: 4,
            keep_answers: false,
        }
    }
}
