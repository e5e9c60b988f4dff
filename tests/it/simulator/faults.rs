//! What goes wrong on purpose, where and when.

use std::time::Duration;

use serde_json::{Value, json};

use super::reply::Reply;

/// What a request asks of the simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// Google's consent page.
    Authorize,
    /// Google's token endpoint.
    GoogleToken,
    Revoke,
    /// Google's list of users.
    Directory,
    /// Google's list of events.
    Events,
    /// Microsoft's token endpoint.
    GraphToken,
    /// Graph's list of users.
    Users,
    CalendarView,
    Delta,
}

impl Endpoint {
    pub fn is_google(self) -> bool {
        use Endpoint::*;
        matches!(self, Authorize | GoogleToken | Revoke | Directory | Events)
    }

    pub fn is_token(self) -> bool {
        matches!(self, Endpoint::GoogleToken | Endpoint::GraphToken)
    }

    pub fn is_directory(self) -> bool {
        matches!(self, Endpoint::Directory | Endpoint::Users)
    }

    pub fn is_calendar(self) -> bool {
        use Endpoint::*;
        matches!(self, Events | CalendarView | Delta)
    }
}

/// A fault: what happens to which requests.
#[derive(Clone, Debug)]
pub struct Fault {
    pub endpoint: Endpoint,
    /// A person's key; any person when absent.
    pub person: Option<String>,
    /// Which of the requests that match, counted from the moment the fault is set.
    pub calls: Calls,
    pub does: Does,
}

/// Which of the matching requests, the first being 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    All,
    Nth(u64),
    /// The first so many.
    First(u64),
    /// This one and all later ones.
    From(u64),
}

/// What happens instead of, or to, the right answer.
#[derive(Clone, Debug)]
pub enum Does {
    /// 429, with or without `Retry-After` in seconds.
    TooMany(Option<u64>),
    /// Google's 403 that means 429 (reason `rateLimitExceeded`).
    RateLimit,
    /// 403: this caller may not.
    Forbidden,
    /// 404: nobody of that name, or no mailbox.
    NotFound,
    /// 401: the token does not hold.
    Unauthorized,
    /// 410: the place to go on from is forgotten.
    Gone,
    /// 5xx, with `Retry-After` in seconds or not.
    Broken(u16, Option<u64>),
    /// A token endpoint's refusal: `error`, `error_description`.
    Refused(&'static str, &'static str),
    /// A page without entries, and where to go on.
    EmptyPage,
    /// Every entry of the page twice.
    DuplicateRows,
    /// Entries far outside what was asked for; in changes also something that was never known.
    OutOfWindowRows,
    /// An entry that says no more than that an id is gone.
    Tombstone(String),
    /// A whole answer (its length is right) whose JSON stops in the middle.
    CutJson,
    /// The connection ends in the middle of the answer.
    CloseEarly,
    /// The right answer, late.
    Slow(Duration),
    /// The next page is at another origin.
    ElsewhereNext(String),
    /// The next page is this page, for ever.
    SamePage,
    /// Any answer.
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Value,
    },
}

impl Fault {
    /// Every call of an endpoint.
    pub fn always(endpoint: Endpoint, does: Does) -> Fault {
        Fault {
            endpoint,
            person: None,
            calls: Calls::All,
            does,
        }
    }

    /// The next call of an endpoint.
    pub fn once(endpoint: Endpoint, does: Does) -> Fault {
        Fault::always(endpoint, does).on(Calls::Nth(1))
    }

    pub fn on(mut self, calls: Calls) -> Fault {
        self.calls = calls;
        self
    }

    /// Only for the calendar of this person.
    pub fn of(mut self, person: &str) -> Fault {
        self.person = Some(person.into());
        self
    }
}

/// A fault that is set, with how many requests matched so far.
#[derive(Debug)]
pub(super) struct Armed {
    fault: Fault,
    seen: u64,
}

impl Armed {
    pub fn new(fault: Fault) -> Armed {
        Armed { fault, seen: 0 }
    }
}

/// The faults that hold for this request. Each that matches counts it.
pub(super) fn due(armed: &mut [Armed], endpoint: Endpoint, person: Option<&str>) -> Vec<Does> {
    let mut due = Vec::new();
    for one in armed {
        let Fault {
            endpoint: at,
            person: of,
            calls,
            does,
        } = &one.fault;
        let matches = *at == endpoint && of.as_deref().is_none_or(|of| Some(of) == person);
        if !matches {
            continue;
        }
        one.seen += 1;
        let now = match *calls {
            Calls::All => true,
            Calls::Nth(n) => one.seen == n,
            Calls::First(n) => one.seen <= n,
            Calls::From(n) => one.seen >= n,
        };
        if now {
            due.push(does.clone());
        }
    }
    due
}

/// The answer that a fault gives instead of the right one; `None` when the right one is made first.
pub(super) fn instead(does: &Does, endpoint: Endpoint) -> Option<Reply> {
    let google = endpoint.is_google();
    Some(match does {
        // Over quota: 403 or 429 of the domain usageLimits,
        // https://developers.google.com/workspace/calendar/api/guides/errors ; Graph: 429 with
        // Retry-After, which can be missing, https://learn.microsoft.com/graph/throttling
        Does::TooMany(after) => {
            let reply = if google {
                Reply::google(
                    429,
                    "usageLimits",
                    "rateLimitExceeded",
                    "Rate Limit Exceeded",
                )
            } else {
                Reply::graph(
                    429,
                    "ApplicationThrottled",
                    "Application is over its MailboxConcurrency limit.",
                )
            };
            reply.retry_after(*after)
        }
        Does::RateLimit => Reply::google(
            403,
            "usageLimits",
            "rateLimitExceeded",
            "Rate Limit Exceeded",
        ),
        Does::Forbidden if google => Reply::google(403, "global", "forbidden", "Forbidden"),
        Does::Forbidden => Reply::graph(
            403,
            "ErrorAccessDenied",
            "Access is denied. Check credentials and try again.",
        ),
        Does::NotFound if google => Reply::google(404, "global", "notFound", "Not Found"),
        // A mailbox that Graph cannot reach,
        // https://learn.microsoft.com/exchange/troubleshoot/user-and-shared-mailboxes/rest-api-is-not-yet-supported-for-this-mailbox-error
        Does::NotFound => Reply::no_mailbox(),
        Does::Unauthorized if google => Reply::google_unauthorized(),
        Does::Unauthorized => Reply::graph_unauthorized(),
        Does::Gone if google => Reply::google_gone(),
        Does::Gone => Reply::graph_gone(None),
        Does::Broken(status, after) if google => {
            Reply::google(*status, "global", "backendError", "Backend Error").retry_after(*after)
        }
        Does::Broken(status, after) => {
            Reply::graph(*status, "serviceNotAvailable", "Service unavailable.").retry_after(*after)
        }
        Does::Refused(error, description) => Reply::json(
            400,
            json!({ "error": error, "error_description": description }),
        ),
        Does::Answer {
            status,
            headers,
            body,
        } => {
            let mut reply = Reply::json(*status, body.clone());
            for (name, value) in headers {
                reply = reply.header(name, value);
            }
            reply
        }
        Does::EmptyPage
        | Does::DuplicateRows
        | Does::OutOfWindowRows
        | Does::Tombstone(_)
        | Does::CutJson
        | Does::CloseEarly
        | Does::Slow(_)
        | Does::ElsewhereNext(_)
        | Does::SamePage => return None,
    })
}
