//! Access tokens: who gives them ([`Tokens`]), and the one call all of them make.
//!
//! Credentials go to the token endpoint in the body of a form, never in a header (not every
//! endpoint takes the latter) and never in a URL.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::config::Secret;
use crate::connectors::{Answer, Call, Failure, FailureKind, Http, Verdict};

/// Reading the directory: the least scope that does.
pub const DIRECTORY_SCOPE: &str = "https://www.googleapis.com/auth/admin.directory.user.readonly";
/// Reading calendar entries: the least scope that does.
pub const CALENDAR_SCOPE: &str = "https://www.googleapis.com/auth/calendar.events.readonly";

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For<'a> {
    Directory,
    /// The calendar of the person with this address.
    Calendar(&'a str),
}

/// Where access tokens come from.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// A token that should still hold for a minute.
    ///
    /// # Errors
    /// [`FailureKind::Auth`] when the credentials do not work, from then on without asking again;
    /// [`FailureKind::Person`] when only this person cannot be impersonated.
    async fn bearer(&self, whom: For<'_>) -> Result<Secret, Failure>;

    /// Tells that a token was refused, so that it is not handed out again.
    async fn spent(&self, token: &Secret);
}

/// A token and how long to use it.
pub(super) struct Cached {
    token: Secret,
    until: Instant,
}

/// Before its end a token is no longer handed out: a call takes time.
const MARGIN: Duration = Duration::from_secs(60);

impl Cached {
    pub(super) fn new(granted: &Granted) -> Cached {
        Cached {
            token: granted.access.clone(),
            until: Instant::now() + granted.lifetime.saturating_sub(MARGIN),
        }
    }

    /// The token while it holds.
    pub(super) fn fresh(&self) -> Option<Secret> {
        (Instant::now() < self.until).then(|| self.token.clone())
    }

    pub(super) fn is(&self, token: &Secret) -> bool {
        self.token.expose() == token.expose()
    }

    pub(super) fn until(&self) -> Instant {
        self.until
    }
}

/// What the token endpoint gave.
#[derive(Debug)]
pub(super) struct Granted {
    pub access: Secret,
    pub lifetime: Duration,
    pub refresh: Option<Secret>,
    /// Blank-separated; what was asked for when absent (RFC 6749 §5.1).
    pub scope: Option<String>,
}

/// Why the token endpoint gave nothing.
#[derive(Debug)]
pub(super) struct Refused {
    /// `invalid_grant`, `invalid_client` …
    pub error: String,
    pub subtype: Option<String>,
    /// Words of the description in lower case: for hints only, never shown.
    words: Vec<String>,
    /// The endpoint's clock, seconds since the epoch.
    pub date_seconds: Option<i64>,
    pub request_id: Option<String>,
}

impl Refused {
    /// Whether the description has one of these words.
    pub(super) fn mentions(&self, words: &[&str]) -> bool {
        self.words.iter().any(|word| words.contains(&word.as_str()))
    }

    /// As a failure of the instance.
    pub(super) fn auth(&self, message: impl Into<String>) -> Failure {
        Failure::new(FailureKind::Auth, message).of_request(self.request_id.clone())
    }
}

#[derive(Deserialize)]
struct Given {
    access_token: Option<String>,
    /// A number, or a number as text.
    expires_in: Option<Value>,
    refresh_token: Option<String>,
    scope: Option<String>,
}

#[derive(Deserialize)]
struct Denied {
    error: String,
    error_subtype: Option<String>,
    error_description: Option<String>,
}

/// How long a token is used that does not say how long it holds.
const UNSAID_LIFETIME: Duration = Duration::from_secs(300);

/// Posts a grant to the token endpoint.
///
/// # Errors
/// When nothing that could be understood was answered; a refusal is not an error yet.
pub(super) async fn ask(http: &Http, call: &Call) -> Result<Result<Granted, Refused>, Failure> {
    http.send(call, judge).await
}

fn judge(answer: Answer) -> Result<Result<Granted, Refused>, Verdict> {
    const WHAT: &str = "the token endpoint";
    if answer.is_good() {
        let given: Given = answer.json()?;
        let Some(access) = given.access_token.filter(|token| !token.is_empty()) else {
            return Err(Verdict::Fail(
                Failure::new(
                    FailureKind::Contract,
                    format!("{WHAT} gave no token; check token_url"),
                )
                .of_request(answer.request_id()),
            ));
        };
        let lifetime = match &given.expires_in {
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_u64(),
            None => None,
        };
        return Ok(Ok(Granted {
            access: Secret::new(access),
            // A longer one than a day is not believed.
            lifetime: lifetime.map_or(UNSAID_LIFETIME, |seconds: u64| {
                Duration::from_secs(seconds.min(86_400))
            }),
            refresh: given
                .refresh_token
                .filter(|token| !token.is_empty())
                .map(Secret::new),
            scope: given.scope,
        }));
    }
    match serde_json::from_slice::<Denied>(&answer.body) {
        Ok(denied)
            if (400..500).contains(&answer.status) && !matches!(answer.status, 408 | 429) =>
        {
            Ok(Err(Refused {
                error: plain(denied.error),
                subtype: denied.error_subtype.map(plain),
                words: denied
                    .error_description
                    .unwrap_or_default()
                    .to_lowercase()
                    .split(|letter: char| !letter.is_alphanumeric())
                    .map(str::to_owned)
                    .collect(),
                date_seconds: answer.date_seconds(),
                request_id: answer.request_id(),
            }))
        }
        _ => Err(answer.judged(WHAT)),
    }
}

/// A word of a contract, else nothing that could be somebody's.
fn plain(text: String) -> String {
    let fine = text.len() <= 60
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if fine { text } else { "unknown".into() }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Server, reply};
    use super::*;

    async fn asked(status: u16, body: &str) -> Result<Result<Granted, Refused>, Failure> {
        let body = body.to_owned();
        let server = Server::start(move |_, _| reply(status, body.clone())).await;
        let call = Call::form(server.base.clone(), &[("grant_type", "x")]);
        ask(&server.http(), &call).await
    }

    #[tokio::test]
    async fn a_grant_is_read_and_never_printed() {
        let granted = asked(
            200,
            r#"{"access_token": "at-1", "expires_in": "120", "refresh_token": "rt-1",
                "token_type": "Bearer"}"#,
        )
        .await
        .unwrap()
        .unwrap();
        assert_eq!(granted.access.expose(), "at-1");
        assert_eq!(granted.lifetime, Duration::from_secs(120));
        assert_eq!(granted.refresh.as_ref().unwrap().expose(), "rt-1");
        let printed = format!("{granted:?}");
        assert!(!printed.contains("at-1") && !printed.contains("rt-1"));
    }

    #[tokio::test]
    async fn a_refusal_keeps_words_only() {
        let refused = asked(
            400,
            r#"{"error": "invalid_grant", "error_subtype": "invalid_rapt",
                "error_description": "Initiated: check your iat and exp values, ann@example.com"}"#,
        )
        .await
        .unwrap()
        .unwrap_err();
        assert_eq!(refused.error, "invalid_grant");
        assert_eq!(refused.subtype.as_deref(), Some("invalid_rapt"));
        assert!(refused.mentions(&["iat"]) && !refused.mentions(&["init"]));
        assert!(!refused.auth("no").to_string().contains("ann@"));
    }

    #[tokio::test]
    async fn what_is_no_answer_of_a_token_endpoint_is_a_failure() {
        for (status, body, kind) in [
            (200, r#"{"id_token": "x"}"#, FailureKind::Contract),
            (200, "<html>", FailureKind::Contract),
            (404, "not found", FailureKind::Contract),
            (503, r#"{"error": "backend"}"#, FailureKind::Transient),
            (429, r#"{"error": "slow"}"#, FailureKind::Throttled),
        ] {
            assert_eq!(asked(status, body).await.unwrap_err().kind, kind, "{body}");
        }
    }

    #[test]
    fn a_token_is_used_until_a_minute_before_its_end() {
        let cached = |seconds| {
            Cached::new(&Granted {
                access: Secret::new("at".into()),
                lifetime: Duration::from_secs(seconds),
                refresh: None,
                scope: None,
            })
        };
        let left = cached(100).until().duration_since(Instant::now());
        assert!(left > Duration::from_secs(35) && left <= Duration::from_secs(40));
        assert!(cached(100).fresh().is_some());
        assert!(cached(60).fresh().is_none());
        assert!(cached(5).fresh().is_none());
        assert!(cached(5).is(&Secret::new("at".into())));
    }
}
