//! What an answer of Graph means: a page, a token that is not taken, or a failure and whom it
//! concerns.
//!
//! Of what Graph wrote, only its codes and the id of the request are repeated.

use serde_json::Value;

use super::Listing;
use crate::connectors::{Answer, Failure, FailureKind, Verdict};
use crate::sources::graph::{self, GraphError, NoPage};

/// Codes that say that a mailbox cannot be read, whatever their status.
const NO_MAILBOX: [&str; 8] = [
    "MailboxNotEnabledForRESTAPI",
    "MailboxNotSupportedForRESTAPI",
    "ErrorItemNotFound",
    "ResourceNotFound",
    "Request_ResourceNotFound",
    "ErrorInvalidUser",
    "ErrorNonExistentMailbox",
    "ErrorMailboxNotFound",
];
/// Codes that say that the place to go on from is forgotten.
const CURSOR_LOST: [&str; 3] = ["SyncStateNotFound", "SyncStateInvalid", "resyncRequired"];
/// Codes that tell to slow down, whatever their status.
const THROTTLED: [&str; 4] = [
    "ApplicationThrottled",
    "TooManyRequests",
    "activityLimitReached",
    "MailboxConcurrency",
];

/// What Graph made of a call.
pub(super) enum Got<T> {
    Page(T),
    /// It did not take the token.
    TokenRefused(Failure),
}

/// Reads an answer to a call of this listing.
pub(super) fn judge<T>(
    answer: &Answer,
    listing: Listing,
    read: impl Fn(&Value) -> Result<T, NoPage>,
) -> Result<Got<T>, Verdict> {
    if answer.is_good() {
        let page: Value = answer.json()?;
        return read(&page).map(Got::Page).map_err(|no_page| {
            Verdict::Fail(
                Failure::new(
                    FailureKind::Contract,
                    format!("{}: the answer is no page: {no_page}", listing.words()),
                )
                .of_request(answer.request_id()),
            )
        });
    }
    let error = graph::error(&answer.body);
    if answer.status == 401 {
        return Ok(Got::TokenRefused(
            Failure::new(
                FailureKind::Auth,
                format!(
                    "Graph does not take the app's token{}: check that tenant_id, login_url and \
                     graph_url are of the same cloud, and that admin consent is granted for \
                     User.ReadBasic.All and Calendars.ReadBasic.All",
                    in_brackets(&error)
                ),
            )
            .of_request(answer.request_id()),
        ));
    }
    Err(refusal(answer, listing, &error))
}

/// What an answer means that is neither a page nor about the token.
fn refusal(answer: &Answer, listing: Listing, error: &Option<GraphError>) -> Verdict {
    let what = listing.words();
    let is_any = |codes: &[&str]| {
        error
            .as_ref()
            .is_some_and(|error| codes.iter().any(|code| error.is(code)))
    };
    let fail = |kind, message: String| {
        Verdict::Fail(Failure::new(kind, message).of_request(answer.request_id()))
    };
    let code = in_brackets(error);
    let over_concurrency = error
        .as_ref()
        .and_then(|error| error.message.as_deref())
        .is_some_and(|message| message.contains("MailboxConcurrency"));
    if is_any(&THROTTLED) || over_concurrency {
        return Verdict::Retry {
            after: answer.retry_after(),
            failure: Failure::new(
                FailureKind::Throttled,
                format!("{what}: told to slow down{code}, and still after the last try"),
            )
            .of_request(answer.request_id()),
        };
    }
    match (answer.status, listing) {
        (408 | 429 | 500..=599, _) => answer.judged(what),
        (410, _) => fail(
            FailureKind::CursorLost,
            format!("{what}: the place to go on from is forgotten{code}"),
        ),
        _ if is_any(&CURSOR_LOST) => fail(
            FailureKind::CursorLost,
            format!("{what}: the place to go on from is forgotten{code}"),
        ),
        (403, Listing::Directory) => fail(
            FailureKind::Auth,
            format!(
                "the app may not read the directory{code}: add the application permission \
                 User.ReadBasic.All to its registration and grant admin consent"
            ),
        ),
        (403, Listing::Calendar) => fail(
            FailureKind::Person,
            format!(
                "the app may not read this calendar{code}: a policy may keep it out of this \
                 mailbox; if it is so for everybody, grant the application permission \
                 Calendars.ReadBasic.All with admin consent"
            ),
        ),
        (400..=499, Listing::Calendar) if is_any(&NO_MAILBOX) => fail(
            FailureKind::Person,
            format!(
                "there is no calendar to read{code}: no licence, a mailbox on premises, or a \
                 person who is gone"
            ),
        ),
        (404, Listing::Calendar) if error.is_some() => fail(
            FailureKind::Person,
            format!("there is no calendar to read{code}"),
        ),
        (404, _) => fail(
            FailureKind::Contract,
            format!("{what}: nothing is there (HTTP 404){code}; correct graph_url"),
        ),
        (status @ 400..=499, _) if error.is_some() => fail(
            FailureKind::Contract,
            format!("{what}: refused (HTTP {status}){code}"),
        ),
        _ => answer.judged(what),
    }
}

/// ` (code)`, or nothing.
fn in_brackets(error: &Option<GraphError>) -> String {
    error
        .as_ref()
        .filter(|error| !error.code.is_empty())
        .map(|error| format!(" ({})", error.code))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Reply, WINDOW, ann, event, lines, set};
    use super::*;
    use crate::config::integration::Sync as SyncSettings;
    use crate::connectors::Calendars;

    async fn failed(status: u16, body: &'static str) -> (Failure, usize) {
        let set = set(SyncSettings::default(), move |_| {
            Reply::json(status, body).header("request-id", "r-1")
        })
        .await;
        let failure = set.calendars.window(&ann(), WINDOW).await.unwrap_err();
        let shown = format!("{failure} {failure:?}");
        for hushed in ["A/1", "A%2F1", "ann@", "t0ken", "v4lue"] {
            assert!(!shown.contains(hushed), "{shown}");
        }
        (failure, set.peer.seen().len() - 1)
    }

    #[tokio::test]
    async fn what_concerns_one_mailbox_stops_one_person() {
        for (status, code) in [
            (404, "MailboxNotEnabledForRESTAPI"),
            (404, "MailboxNotSupportedForRESTAPI"),
            (404, "ErrorItemNotFound"),
            (404, "ResourceNotFound"),
            (404, "Request_ResourceNotFound"),
            (404, "SomethingNew"),
            (400, "MailboxNotEnabledForRESTAPI"),
            (403, "ErrorAccessDenied"),
        ] {
            let body = format!(r#"{{"error":{{"code":"{code}","message":"ann@example.com"}}}}"#);
            let (failure, calls) = failed(status, Box::leak(body.into_boxed_str())).await;
            assert_eq!(failure.kind, FailureKind::Person, "{status} {code}");
            assert!(failure.message.contains(code), "{failure}");
            assert_eq!(failure.request_id.as_deref(), Some("r-1"));
            assert_eq!(calls, 1, "{status} {code}");
        }
    }

    #[tokio::test]
    async fn other_refusals_are_what_they_are() {
        for (status, body, kind, calls) in [
            (410, "", FailureKind::CursorLost, 1),
            (
                400,
                r#"{"error":{"code":"SyncStateNotFound"}}"#,
                FailureKind::CursorLost,
                1,
            ),
            (404, "<html>", FailureKind::Contract, 1),
            (
                400,
                r#"{"error":{"code":"BadRequest"}}"#,
                FailureKind::Contract,
                1,
            ),
            (302, "", FailureKind::Contract, 1),
            (200, r#"{"error":{"code":"x"}}"#, FailureKind::Contract, 1),
            // Cut short on the way.
            (200, r#"{"value": [{"id": "1""#, FailureKind::Contract, 4),
            (500, "", FailureKind::Transient, 4),
            (503, "", FailureKind::Transient, 4),
            (504, "", FailureKind::Transient, 4),
            (429, "", FailureKind::Throttled, 4),
            (
                400,
                r#"{"error":{"code":"ErrorX","message":"Application is over its MailboxConcurrency limit"}}"#,
                FailureKind::Throttled,
                4,
            ),
        ] {
            let (failure, sent) = failed(status, body).await;
            assert_eq!((failure.kind, sent), (kind, calls), "{status} {body}");
        }
    }

    #[tokio::test]
    async fn a_throttled_call_is_waited_for() {
        let calls = std::sync::atomic::AtomicU64::new(0);
        let set = set(SyncSettings::default(), move |_| {
            match calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => Reply::json(429, "{}").header("retry-after", "0"),
                1 => Reply::json(429, "{}"),
                2 => Reply::json(503, "").header("retry-after", "0"),
                _ => Reply::json(200, &json!({"value": [event(1)]}).to_string()),
            }
        })
        .await;
        let reading = set.calendars.window(&ann(), WINDOW).await.unwrap();
        assert_eq!(reading.meetings.len(), 1);
        assert_eq!(lines(&set).len(), 5);
    }
}
