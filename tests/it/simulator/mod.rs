//! Google's and Microsoft's calendar APIs on this machine, for tests: one company whose truth is
//! known, served the way the makers document it, with faults on purpose and a record of every
//! request.
//!
//! In: a [`Truth`], changes to it, [`Fault`]s. Out: HTTP on 127.0.0.1, [`Recorded`] requests,
//! what a lake must hold ([`Truth::expected`]). Never: code of the connectors. Whether the
//! simulator itself is honest is checked with the makers' own clients (`tests/clients`).
//!
//! ```text
//! let sim = Simulator::start(Truth::of("example.com", &["ann", "bob"]));
//! sim.truth(|truth| truth.add("ann", Event::new("ev1")));
//! sim.fault(Fault::once(Endpoint::Events, Does::TooMany(Some(1))).of("ann"));
//! // … run the program against sim.google_urls() …
//! assert_eq!(sim.calendars_requested(), ["ann"]);
//! ```

// Some of it is for tests that come and go.
#![allow(dead_code, unused_imports)]

mod calendar_view;
mod caller;
mod directory;
mod entra;
mod faults;
mod google;
mod google_event;
mod google_request;
mod graph;
mod graph_event;
mod keys;
mod mask;
mod oauth;
mod options;
mod oracle;
mod paging;
mod record;
mod reply;
mod server;
mod trial;
mod truth;

use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tokio::sync::oneshot;

pub use caller::Caller;
pub use faults::{Calls, Does, Endpoint, Fault};
pub use keys::{
    DIRECTORY_SCOPE, EVENTS_SCOPE, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, GRAPH_CLIENT_ID,
    GRAPH_CLIENT_SECRET, SERVICE_ACCOUNT_EMAIL, SERVICE_ACCOUNT_KEY_JSON, TENANT_ID,
};
pub use options::Options;
pub use oracle::{Maker, canonical};
pub use record::{Rates, Recorded};
pub use truth::{Event, Invited, Person, Truth, When, days, seconds};

use server::{State, lock};

/// A running simulator; stopped on drop.
pub struct Simulator {
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Where Google is, as the settings name its places.
#[derive(Clone, Debug)]
pub struct GoogleUrls {
    pub authorize_url: String,
    pub token_url: String,
    pub revoke_url: String,
    /// The base before `/admin/directory/v1`.
    pub directory_url: String,
    /// The base before `/calendars`.
    pub calendar_url: String,
}

/// Where Microsoft is.
#[derive(Clone, Debug)]
pub struct GraphUrls {
    /// The base before `/{tenant}/oauth2/v2.0/token`.
    pub login_url: String,
    /// The base before `/users`.
    pub graph_url: String,
}

impl Simulator {
    /// Begins to serve on a free port of 127.0.0.1.
    pub fn start(truth: Truth) -> Simulator {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::new(truth, address)));
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || server::run(listener, shared, stopped));
        Simulator {
            state,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// `http://127.0.0.1:port`, without a slash at the end.
    pub fn base(&self) -> String {
        lock(&self.state).base.clone()
    }

    pub fn google_urls(&self) -> GoogleUrls {
        let base = self.base();
        GoogleUrls {
            authorize_url: format!("{base}/o/oauth2/v2/auth"),
            token_url: format!("{base}/token"),
            revoke_url: format!("{base}/revoke"),
            calendar_url: format!("{base}/calendar/v3"),
            directory_url: base,
        }
    }

    pub fn graph_urls(&self) -> GraphUrls {
        let base = self.base();
        GraphUrls {
            graph_url: format!("{base}/v1.0"),
            login_url: base,
        }
    }

    /// Looks at or changes the truth.
    pub fn truth<T>(&self, act: impl FnOnce(&mut Truth) -> T) -> T {
        act(&mut lock(&self.state).truth)
    }

    /// Changes the set-up.
    pub fn options(&self, act: impl FnOnce(&mut Options)) {
        act(&mut lock(&self.state).options);
    }

    /// Sets one more fault. Faults act together; of those that answer themselves, the first set.
    pub fn fault(&self, fault: Fault) {
        lock(&self.state).faults.push(faults::Armed::new(fault));
    }

    pub fn no_more_faults(&self) {
        lock(&self.state).faults.clear();
    }

    /// A refresh token of the administrator with both scopes, as if they had consented.
    pub fn google_refresh_token(&self) -> String {
        let mut state = lock(&self.state);
        let admin = state.truth.people().iter().find(|person| person.admin);
        let admin = admin.expect("an administrator").key.clone();
        state
            .grants
            .refresh_token(&admin, &[DIRECTORY_SCOPE, EVENTS_SCOPE])
    }

    /// Every access token that was given out stops working; refresh tokens go on.
    pub fn end_access_tokens(&self) {
        lock(&self.state).grants.end_access();
    }

    /// The administrator takes consent back: `invalid_grant` from now on.
    pub fn revoke_consent(&self) {
        lock(&self.state).grants.revoke_all();
    }

    /// Every request so far, in the order they were answered.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.state).requests.clone()
    }

    /// Forgets the record (not the truth, the tokens or the faults).
    pub fn reset_requests(&self) {
        let mut state = lock(&self.state);
        state.requests.clear();
        state.at_once.clear();
    }

    /// The requests of one sort.
    pub fn requests_of(&self, endpoint: Endpoint) -> Vec<Recorded> {
        let mut requests = self.requests();
        requests.retain(|request| request.endpoint == Some(endpoint));
        requests
    }

    /// Whose calendars were asked for: people's keys, one a request, in order.
    pub fn calendars_requested(&self) -> Vec<String> {
        self.requests()
            .into_iter()
            .filter(|request| request.endpoint.is_some_and(Endpoint::is_calendar))
            .filter_map(|request| request.person)
            .collect()
    }

    /// Whether each request for a calendar came after a directory that was read to its end.
    pub fn directory_done_before_first_calendar(&self) -> bool {
        record::directory_before_calendars(&lock(&self.state).requests)
    }

    /// How fast it was asked.
    pub fn rates(&self) -> Rates {
        let state = lock(&self.state);
        record::rates(&state.requests, &state.at_once)
    }

    /// Writes the record to a file, for the clients of `tests/clients`.
    pub fn dump_requests(&self, path: &Path) {
        let all: Vec<Value> = self.requests().iter().map(Recorded::dumped).collect();
        std::fs::write(path, json!(all).to_string()).expect("a file");
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
