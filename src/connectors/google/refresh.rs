//! Access tokens from a super admin's consent: the refresh grant.
//!
//! Once the consent is gone nothing is asked any more in this process: Google cannot be talked into
//! a token, and asking again and again is what gets clients blocked.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use url::Url;

use super::token::{Cached, For, Refused, Tokens, ask};
use crate::config::Secret;
use crate::connectors::{Call, Failure, Http};

/// Told of every new refresh token, which must be kept from then on: the old one may end.
pub type Rotated = Arc<dyn Fn(Secret) + Send + Sync>;

/// One token for everybody: an administrator may read every calendar.
pub struct RefreshToken {
    http: Arc<Http>,
    /// For messages.
    instance: String,
    token_url: Url,
    client_id: String,
    client_secret: Secret,
    rotated: Rotated,
    state: Mutex<State>,
}

struct State {
    refresh: Secret,
    cached: Option<Cached>,
    /// Why no token will be had in this process.
    ended: Option<Failure>,
}

impl RefreshToken {
    /// Tokens by this refresh token, for the instance of this name.
    pub fn new(
        http: Arc<Http>,
        instance: &str,
        token_url: Url,
        (client_id, client_secret): (String, Secret),
        refresh: Secret,
        rotated: Rotated,
    ) -> RefreshToken {
        RefreshToken {
            http,
            instance: instance.to_owned(),
            token_url,
            client_id,
            client_secret,
            rotated,
            state: Mutex::new(State {
                refresh,
                cached: None,
                ended: None,
            }),
        }
    }

    fn failure(&self, refused: &Refused) -> Failure {
        let instance = &self.instance;
        match refused.error.as_str() {
            "invalid_grant" => {
                let why = match refused.subtype.as_deref() {
                    Some("invalid_rapt") => "the company's session policy ended it",
                    _ => {
                        "revoked, unused for six months, or given to an app that is still in \
                         testing, where it ends after seven days"
                    }
                };
                refused.auth(format!(
                    "the consent no longer holds ({why}); it needs re-authorisation: run \
                     `activlake connector rotate {instance}`"
                ))
            }
            "invalid_client" | "unauthorized_client" => refused.auth(format!(
                "the OAuth client is not accepted ({}): correct client_id and client_secret of \
                 the integration {instance}",
                refused.error
            )),
            other => refused.auth(format!(
                "no token was given ({other}); run `activlake connector rotate {instance}`"
            )),
        }
    }
}

#[async_trait]
impl Tokens for RefreshToken {
    async fn bearer(&self, _: For<'_>) -> Result<Secret, Failure> {
        // Held while asking, so that many people waiting for a token make one call.
        let mut state = self.state.lock().await;
        if let Some(ended) = &state.ended {
            return Err(ended.clone());
        }
        if let Some(token) = state.cached.as_ref().and_then(Cached::fresh) {
            return Ok(token);
        }
        let call = Call::form(
            self.token_url.clone(),
            &[
                ("grant_type", "refresh_token"),
                ("refresh_token", state.refresh.expose()),
                ("client_id", &self.client_id),
                ("client_secret", self.client_secret.expose()),
            ],
        );
        match ask(&self.http, &call).await? {
            Ok(granted) => {
                state.cached = Some(Cached::new(&granted));
                if let Some(refresh) = granted.refresh
                    && refresh.expose() != state.refresh.expose()
                {
                    state.refresh = refresh.clone();
                    (self.rotated)(refresh);
                }
                Ok(granted.access)
            }
            Err(refused) => {
                let failure = self.failure(&refused);
                state.ended = Some(failure.clone());
                Err(failure)
            }
        }
    }

    async fn spent(&self, token: &Secret) {
        let mut state = self.state.lock().await;
        if state.cached.as_ref().is_some_and(|cached| cached.is(token)) {
            state.cached = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as Plain;

    use super::super::testing::{Reply, Server, reply};
    use super::*;
    use crate::connectors::FailureKind;

    type Kept = Arc<Plain<Vec<String>>>;

    async fn tokens(
        answer: impl Fn(usize) -> Reply + Send + Sync + 'static,
    ) -> (Server, RefreshToken, Kept) {
        let server = Server::start(move |before, _| answer(before)).await;
        let kept = Kept::default();
        let keep = kept.clone();
        let tokens = RefreshToken::new(
            server.http(),
            "acme",
            server.base.join("/token").unwrap(),
            ("client-1".into(), Secret::new("client s3cret".into())),
            Secret::new("rt-0".into()),
            Arc::new(move |token| keep.lock().unwrap().push(token.expose().into())),
        );
        (server, tokens, kept)
    }

    fn given(number: usize) -> Reply {
        reply(
            200,
            format!(r#"{{"access_token": "at-{number}", "expires_in": 3600}}"#),
        )
    }

    async fn bearer(tokens: &RefreshToken) -> Result<String, Failure> {
        tokens
            .bearer(For::Directory)
            .await
            .map(|token| token.expose().to_owned())
    }

    #[tokio::test]
    async fn credentials_go_in_the_body_and_one_token_serves_many() {
        let (server, tokens, kept) = tokens(given).await;
        for answer in futures::future::join_all((0..5).map(|_| bearer(&tokens))).await {
            assert_eq!(answer.unwrap(), "at-0");
        }
        let asked = server.asked();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].method, "POST");
        assert!(!asked[0].authorized);
        for (name, value) in [
            ("grant_type", "refresh_token"),
            ("refresh_token", "rt-0"),
            ("client_id", "client-1"),
            ("client_secret", "client s3cret"),
        ] {
            assert_eq!(asked[0].field(name).as_deref(), Some(value));
        }
        assert!(kept.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_refused_token_is_replaced_once() {
        let (server, tokens, _) = tokens(given).await;
        let old = tokens.bearer(For::Directory).await.unwrap();
        tokens.spent(&old).await;
        assert_eq!(bearer(&tokens).await.unwrap(), "at-1");
        // Somebody else was refused with the same old one.
        tokens.spent(&old).await;
        assert_eq!(bearer(&tokens).await.unwrap(), "at-1");
        assert_eq!(server.asked().len(), 2);
    }

    #[tokio::test]
    async fn a_new_refresh_token_is_told_and_used() {
        let (server, tokens, kept) = tokens(|before| {
            reply(
                200,
                format!(
                    r#"{{"access_token": "at", "expires_in": 1, "refresh_token": "rt-{}"}}"#,
                    before.min(1)
                ),
            )
        })
        .await;
        for _ in 0..3 {
            bearer(&tokens).await.unwrap();
        }
        assert_eq!(*kept.lock().unwrap(), ["rt-1"]);
        assert_eq!(
            server.asked()[2].field("refresh_token").as_deref(),
            Some("rt-1")
        );
    }

    #[tokio::test]
    async fn after_a_lost_consent_nothing_is_asked_any_more() {
        let (server, tokens, _) = tokens(|_| {
            reply(
                400,
                r#"{"error": "invalid_grant", "error_description": "Token revoked"}"#,
            )
        })
        .await;
        for _ in 0..3 {
            let failure = tokens.bearer(For::Calendar("a@b")).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Auth);
            assert!(failure.message.contains("activlake connector rotate acme"));
        }
        assert_eq!(server.asked().len(), 1);
    }

    #[tokio::test]
    async fn a_wrong_client_is_told_apart_and_an_outage_is_not_the_end() {
        let (_, wrong, _) = tokens(|_| reply(401, r#"{"error": "invalid_client"}"#)).await;
        let failure = wrong.bearer(For::Directory).await.unwrap_err();
        assert!(failure.message.contains("client_secret"), "{failure}");
        // Two tries a call: the first call fails, the second is answered.
        let (_, outage, _) = tokens(|before| match before {
            0 | 1 => reply(503, "{}"),
            _ => given(before),
        })
        .await;
        assert_eq!(
            bearer(&outage).await.unwrap_err().kind,
            FailureKind::Transient
        );
        assert_eq!(bearer(&outage).await.unwrap(), "at-2");
    }
}
