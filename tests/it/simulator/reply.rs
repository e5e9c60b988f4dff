//! An answer before it is sent, and the error bodies of both makers.

use std::time::Duration;

use serde_json::{Value, json};

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// How long it takes.
    pub delay: Duration,
    /// Whether the connection ends in the middle of the body.
    pub broken_off: bool,
    /// Whether this is the last page of a list.
    pub last_page: bool,
}

impl Reply {
    pub fn json(status: u16, body: Value) -> Reply {
        Reply {
            status,
            headers: vec![("content-type", "application/json; charset=UTF-8".into())],
            body: body.to_string().into_bytes(),
            delay: Duration::ZERO,
            broken_off: false,
            last_page: false,
        }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    pub fn retry_after(self, seconds: Option<u64>) -> Reply {
        match seconds {
            Some(seconds) => self.header("retry-after", &seconds.to_string()),
            None => self,
        }
    }

    /// An error as Google's APIs tell it; the reason is what callers go by:
    /// https://developers.google.com/workspace/calendar/api/guides/errors
    pub fn google(status: u16, domain: &str, reason: &str, message: &str) -> Reply {
        Reply::json(
            status,
            json!({
                "error": {
                    "errors": [{ "domain": domain, "reason": reason, "message": message }],
                    "code": status,
                    "message": message,
                }
            }),
        )
    }

    /// A parameter that is wrong.
    pub fn google_bad(parameter: &str, reason: &str, message: &str) -> Reply {
        Reply::json(
            400,
            json!({
                "error": {
                    "errors": [{
                        "domain": "global",
                        "reason": reason,
                        "message": message,
                        "locationType": "parameter",
                        "location": parameter,
                    }],
                    "code": 400,
                    "message": message,
                }
            }),
        )
    }

    /// 401 authError, same page as above.
    pub fn google_unauthorized() -> Reply {
        Reply::json(
            401,
            json!({
                "error": {
                    "errors": [{
                        "domain": "global",
                        "reason": "authError",
                        "message": "Invalid Credentials",
                        "locationType": "header",
                        "location": "Authorization",
                    }],
                    "code": 401,
                    "message": "Invalid Credentials",
                }
            }),
        )
    }

    /// 410 for a sync token that is forgotten: wipe and read all again,
    /// https://developers.google.com/calendar/api/guides/sync ; the reason as seen in
    /// https://github.com/twentyhq/twenty/issues/24095
    pub fn google_gone() -> Reply {
        let message = "Sync token is no longer valid, a full sync is required.";
        Reply::json(
            410,
            json!({
                "error": {
                    "errors": [{
                        "domain": "calendar",
                        "reason": "fullSyncRequired",
                        "message": message,
                        "locationType": "parameter",
                        "location": "syncToken",
                    }],
                    "code": 410,
                    "message": message,
                }
            }),
        )
    }

    /// An error as Graph tells it: https://learn.microsoft.com/graph/errors
    pub fn graph(status: u16, code: &str, message: &str) -> Reply {
        Reply::json(
            status,
            json!({
                "error": {
                    "code": code,
                    "message": message,
                    "innerError": {
                        "date": "2026-03-02T09:00:00",
                        "request-id": "00000000-0000-4000-8000-000000000001",
                        "client-request-id": "00000000-0000-4000-8000-000000000001",
                    }
                }
            }),
        )
    }

    pub fn graph_unauthorized() -> Reply {
        Reply::graph(
            401,
            "InvalidAuthenticationToken",
            "Lifetime validation failed, the token is expired.",
        )
        .header("www-authenticate", "Bearer realm=\"\"")
    }

    /// The place to go on from is forgotten: 410, perhaps with where to start again
    /// (`concepts/delta-query-overview.md`; `SyncStateNotFound` as in
    /// https://github.com/microsoftgraph/microsoft-graph-docs/issues/2350).
    pub fn graph_gone(location: Option<&str>) -> Reply {
        let reply = Reply::graph(
            410,
            "SyncStateNotFound",
            "The sync state generation is not found; continue with a full sync.",
        );
        match location {
            Some(location) => reply.header("location", location),
            None => reply,
        }
    }

    pub fn no_mailbox() -> Reply {
        Reply::graph(
            404,
            "MailboxNotEnabledForRESTAPI",
            "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
        )
    }
}
