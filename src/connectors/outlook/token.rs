//! Tokens of an app registration: the client credentials grant of the Microsoft identity platform.
//!
//! The settings of an instance go in, a bearer token for Graph comes out. One token is asked for at
//! a time, kept until a minute before its end, and dropped when Graph refuses it. Once credentials
//! were found not to work, no further token is asked for by this process. Never: the client secret
//! or a token stands in a message; anything the provider wrote is repeated but its error code; the
//! secret is kept in memory between calls.
//!
//! What an answer means is read from `error`; the AADSTS numbers, which Microsoft does not promise,
//! only choose the words for the operator.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::{Host, Url};

use super::aadsts::refusal;
use crate::config::integration::Outlook;
use crate::config::{Secret, SecretRef};
use crate::connectors::{Answer, Call, Failure, FailureKind, Http, Verdict};
use crate::sources::graph::word;

/// Graph of the usual cloud.
const GRAPH: &str = "https://graph.microsoft.com";
/// A token is not used in the last seconds of its life.
const MARGIN_SECONDS: u64 = 60;
/// The life of a token that does not say.
const LIFE_SECONDS_DEFAULT: u64 = 300;
/// No token is kept longer, whatever it says.
const LIFE_SECONDS_MAX: u64 = 86_400;
/// How long a failed call stands for the next ones, so that an outage of the sign-in service is not
/// paid for once a person.
const FAILURE_STANDS: Duration = Duration::from_secs(5);

/// A token as Graph takes it.
#[derive(Clone, Debug)]
pub struct Token {
    pub bearer: Secret,
    /// Tells this token from those before and after.
    number: u64,
}

/// The tokens of one instance.
pub struct Tokens {
    http: Arc<Http>,
    endpoint: Url,
    scope: String,
    client_id: String,
    secret: SecretRef,
    /// Held during a call: whoever comes meanwhile gets its outcome.
    state: Mutex<State>,
}

struct State {
    now: Now,
    /// Tokens had so far.
    number: u64,
}

enum Now {
    Nothing,
    Held {
        token: Token,
        until: Instant,
    },
    Failed {
        failure: Failure,
        until: Instant,
    },
    /// The credentials do not work: for good.
    Dead(Failure),
}

impl Tokens {
    /// The tokens of these settings; nothing is asked for yet.
    ///
    /// # Errors
    /// [`FailureKind::Config`] when no token endpoint can be made of the settings.
    pub fn new(settings: &Outlook, http: Arc<Http>) -> Result<Tokens, Failure> {
        let config = |message: &str| Failure::new(FailureKind::Config, message);
        let tenant = settings.tenant_id.trim();
        // None of the first three names one tenant, and an app has rights in one only. The others
        // would not stay one segment of a path.
        let shared = ["common", "organizations", "consumers", "", ".", ".."];
        if shared.iter().any(|name| tenant.eq_ignore_ascii_case(name)) {
            return Err(config(
                "tenant_id must be the tenant's own id (Microsoft Entra ID, Overview, Tenant ID)",
            ));
        }
        let endpoint = match &settings.token_url {
            Some(url) => url.clone(),
            None => {
                let mut url = settings.login_url.clone();
                url.path_segments_mut()
                    .map_err(|()| config("login_url is not the base of a web address"))?
                    .pop_if_empty()
                    .extend([tenant, "oauth2", "v2.0", "token"]);
                url
            }
        };
        Ok(Tokens {
            http,
            endpoint,
            scope: scope(&settings.graph_url),
            client_id: settings.client_id.trim().to_owned(),
            secret: settings.client_secret.clone(),
            state: Mutex::new(State {
                now: Now::Nothing,
                number: 0,
            }),
        })
    }

    /// A token that is good for at least a minute as far as is known.
    ///
    /// # Errors
    /// [`FailureKind::Auth`] from the first time the credentials are refused on, without further
    /// calls; [`FailureKind::Config`] when the secret cannot be read; what kept an answer from
    /// coming.
    pub async fn get(&self) -> Result<Token, Failure> {
        let mut state = self.state.lock().await;
        let asked = Instant::now();
        match &state.now {
            Now::Held { token, until } if asked < *until => return Ok(token.clone()),
            Now::Failed { failure, until } if asked < *until => return Err(failure.clone()),
            Now::Dead(failure) => return Err(failure.clone()),
            _ => {}
        }
        match self.ask().await {
            Ok((bearer, life)) => {
                state.number += 1;
                let token = Token {
                    bearer,
                    number: state.number,
                };
                state.now = Now::Held {
                    token: token.clone(),
                    until: asked + life,
                };
                Ok(token)
            }
            Err(failure) => {
                state.now = if failure.kind == FailureKind::Auth {
                    Now::Dead(failure.clone())
                } else {
                    Now::Failed {
                        failure: failure.clone(),
                        until: Instant::now() + FAILURE_STANDS,
                    }
                };
                Err(failure)
            }
        }
    }

    /// Graph did not take this token: the next [`Tokens::get`] asks for another, unless another was
    /// had meanwhile.
    pub async fn refused(&self, token: &Token) {
        let mut state = self.state.lock().await;
        if matches!(&state.now, Now::Held { token: held, .. } if held.number == token.number) {
            state.now = Now::Nothing;
        }
    }

    /// The credentials do not work: every later [`Tokens::get`] fails with this.
    pub async fn give_up(&self, failure: Failure) {
        self.state.lock().await.now = Now::Dead(failure);
    }

    async fn ask(&self) -> Result<(Secret, Duration), Failure> {
        // Read at each call: a new secret in its place is seen without a restart.
        let secret = self
            .secret
            .read()
            .map_err(|error| Failure::new(FailureKind::Config, error.to_string()))?;
        let call = Call::form(
            self.endpoint.clone(),
            &[
                ("grant_type", "client_credentials"),
                ("client_id", &self.client_id),
                ("client_secret", secret.expose()),
                ("scope", &self.scope),
            ],
        );
        let hint = hint(secret.expose());
        self.http.send(&call, |answer| judge(&answer, hint)).await
    }
}

/// The rights asked for: all that were granted for Graph, which has another name in each cloud. What
/// stands on this machine (a proxy, a simulator) is no cloud and stands in for the usual one.
fn scope(graph: &Url) -> String {
    let local = match graph.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let cloud = if local {
        GRAPH.to_owned()
    } else {
        graph.origin().ascii_serialization()
    };
    format!("{cloud}/.default")
}

/// What is odd about a client secret before it was ever tried.
pub fn hint(secret: &str) -> Option<&'static str> {
    if is_guid(secret.trim()) {
        return Some(
            "what is set has the form of a Secret ID; what is needed is the Value that the portal \
             shows beside it, once, when the secret is made",
        );
    }
    if secret.trim() != secret {
        return Some("the client secret begins or ends with a blank or a line end");
    }
    None
}

/// `8-4-4-4-12` hex digits.
fn is_guid(text: &str) -> bool {
    let mut groups = text.split('-');
    [8, 4, 4, 4, 12].into_iter().all(|digits| {
        groups.next().is_some_and(|group| {
            group.len() == digits && group.bytes().all(|b| b.is_ascii_hexdigit())
        })
    }) && groups.next().is_none()
}

fn judge(answer: &Answer, hint: Option<&'static str>) -> Result<(Secret, Duration), Verdict> {
    if answer.is_good() {
        return granted(answer);
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let error = body.get("error").and_then(Value::as_str).map(word);
    match (answer.status, error.as_deref()) {
        (_, Some("temporarily_unavailable" | "server_error")) => Err(Verdict::Retry {
            after: answer.retry_after(),
            failure: Failure::new(
                FailureKind::Transient,
                "the sign-in service is out of order for the moment",
            )
            .of_request(request_id(answer, &body)),
        }),
        (400..=499, Some(error)) if !matches!(answer.status, 408 | 429) => Err(Verdict::Fail(
            Failure::new(FailureKind::Auth, refusal(error, &body, hint))
                .of_request(request_id(answer, &body)),
        )),
        (404, None) => Err(Verdict::Fail(Failure::new(
            FailureKind::Config,
            "there is no token endpoint where login_url, tenant_id and token_url lead; correct \
             them",
        ))),
        _ => Err(answer.judged("a token")),
    }
}

fn granted(answer: &Answer) -> Result<(Secret, Duration), Verdict> {
    let body: Value = answer.json()?;
    let contract = |message: &str| {
        Verdict::Fail(Failure::new(FailureKind::Contract, message).of_request(answer.request_id()))
    };
    let kind = body.get("token_type").and_then(Value::as_str);
    if !kind.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err(contract("the token is of a type that Graph does not take"));
    }
    let token = body
        .get("access_token")
        .and_then(Value::as_str)
        .filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(|| contract("the answer holds no access token"))?;
    let life_seconds = match body.get("expires_in") {
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(number) => number.as_u64(),
        None => None,
    };
    Ok((
        Secret::new(token.to_owned()),
        Duration::from_secs(usable_seconds(life_seconds)),
    ))
}

/// How long a token of this life is used.
fn usable_seconds(life_seconds: Option<u64>) -> u64 {
    let life = life_seconds
        .unwrap_or(LIFE_SECONDS_DEFAULT)
        .min(LIFE_SECONDS_MAX);
    // A life shorter than two margins is halved: it must be good for something.
    life - MARGIN_SECONDS.min(life.div_ceil(2))
}

/// The id under which the provider's support finds the refusal.
fn request_id(answer: &Answer, body: &Value) -> Option<String> {
    body.get("trace_id")
        .and_then(Value::as_str)
        .or_else(|| answer.header("x-ms-request-id"))
        .map(word)
        .filter(|id| !id.is_empty())
        .or_else(|| answer.request_id())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::super::testing::{Peer, Reply, file_secret, http, outlook};
    use super::*;

    fn tokens(peer: &Peer) -> (Tokens, tempfile::TempDir) {
        let (secret, folder) = file_secret("v4lue~of.it");
        let settings = outlook(peer, secret);
        (Tokens::new(&settings, http(&settings)).unwrap(), folder)
    }

    fn give(expires_in: &str) -> String {
        format!(r#"{{"token_type":"Bearer","expires_in":{expires_in},"access_token":"tok"}}"#)
    }

    #[tokio::test]
    async fn one_call_serves_many_who_ask_at_once() {
        let peer = Peer::start(|_| Reply::json(200, &give("3599"))).await;
        let (tokens, _folder) = tokens(&peer);
        let all = futures::future::join_all((0..20).map(|_| tokens.get())).await;
        assert!(all.iter().all(|token| token.is_ok()));
        let seen = peer.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].line, "POST /ten%20ant/oauth2/v2.0/token");
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(seen[0].body.as_bytes())
            .into_owned()
            .collect();
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            fields,
            [
                field("grant_type", "client_credentials"),
                field("client_id", "the-client"),
                field("client_secret", "v4lue~of.it"),
                field("scope", "https://graph.microsoft.com/.default"),
            ]
        );
        assert!(!seen[0].head.to_lowercase().contains("authorization:"));
    }

    #[tokio::test]
    async fn a_token_is_had_anew_when_it_ends_or_is_refused() {
        let peer = Peer::start(|_| Reply::json(200, &give("0"))).await;
        let (short, _folder) = tokens(&peer);
        short.get().await.unwrap();
        short.get().await.unwrap();
        assert_eq!(peer.seen().len(), 2);

        let peer = Peer::start(|_| Reply::json(200, &give("\"3600\""))).await;
        let (long, _folder) = tokens(&peer);
        let first = long.get().await.unwrap();
        long.refused(&first).await;
        let second = long.get().await.unwrap();
        assert_ne!(first.number, second.number);
        // A late refusal of the first does not cost the second.
        long.refused(&first).await;
        assert_eq!(long.get().await.unwrap().number, second.number);
        assert_eq!(peer.seen().len(), 2);
    }

    #[test]
    fn each_cloud_has_its_own_graph() {
        for (graph_url, wanted) in [
            (
                "https://graph.microsoft.com/v1.0",
                "https://graph.microsoft.com/.default",
            ),
            (
                "https://graph.microsoft.us/v1.0/",
                "https://graph.microsoft.us/.default",
            ),
            (
                "http://localhost:8080/v1.0",
                "https://graph.microsoft.com/.default",
            ),
            (
                "http://[::1]:8080/v1.0",
                "https://graph.microsoft.com/.default",
            ),
        ] {
            assert_eq!(scope(&graph_url.parse().unwrap()), wanted, "{graph_url}");
        }
    }

    #[test]
    fn the_last_minute_of_a_token_is_not_used() {
        for (life, usable) in [
            (Some(3_599), 3_539),
            (Some(120), 60),
            (Some(119), 59),
            (Some(10), 5),
            (Some(1), 0),
            (Some(0), 0),
            (None, 240),
            (Some(u64::MAX), 86_340),
        ] {
            assert_eq!(usable_seconds(life), usable, "{life:?}");
        }
    }

    #[tokio::test]
    async fn refused_credentials_are_not_tried_again() {
        let peer = Peer::start(|_| {
            Reply::json(
                401,
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided for v4lue~of.it","error_codes":[7000215],"trace_id":"abc-1"}"#,
            )
        })
        .await;
        let (tokens, _folder) = tokens(&peer);
        let first = tokens.get().await.unwrap_err();
        let second = tokens.get().await.unwrap_err();
        assert_eq!(peer.seen().len(), 1);
        assert_eq!(first, second);
        assert_eq!(first.kind, FailureKind::Auth);
        let shown = format!("{first} {first:?}");
        assert!(shown.contains("AADSTS7000215"), "{shown}");
        assert!(shown.contains("Secret ID instead"), "{shown}");
        assert!(shown.contains("(request abc-1)"), "{shown}");
        assert!(!shown.contains("v4lue"), "{shown}");
        // The secret has not the form of an id.
        assert!(!shown.contains("In fact"), "{shown}");
    }

    #[tokio::test]
    async fn an_outage_is_tried_again_and_then_stands_for_a_while() {
        let calls = Arc::new(AtomicU64::new(0));
        let counted = calls.clone();
        let peer = Peer::start(move |_| match counted.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::json(503, ""),
            1 => Reply::json(400, r#"{"error":"temporarily_unavailable"}"#),
            2 => Reply::json(429, r#"{"error":"invalid_request"}"#).header("retry-after", "0"),
            _ => Reply::json(200, &give("3600")),
        })
        .await;
        let (patient, _folder) = tokens(&peer);
        patient.get().await.unwrap();
        assert_eq!(peer.seen().len(), 4);

        let peer = Peer::start(|_| Reply::json(503, "")).await;
        let (tokens, _folder) = tokens(&peer);
        for _ in 0..3 {
            let failure = tokens.get().await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Transient);
        }
        assert_eq!(peer.seen().len(), 4);
    }

    #[tokio::test]
    async fn what_is_no_token_is_not_used() {
        for (status, body, kind) in [
            (200, r#"{"access_token":""}"#, FailureKind::Contract),
            (200, r#"{"access_token":"a b"}"#, FailureKind::Contract),
            (
                200,
                r#"{"access_token":"a","token_type":"mac"}"#,
                FailureKind::Contract,
            ),
            (200, r#"{"access_token":5}"#, FailureKind::Contract),
            (200, "<html>", FailureKind::Contract),
            (302, "", FailureKind::Contract),
            (404, "<html>", FailureKind::Config),
            (403, "<html>", FailureKind::Contract),
            (400, r#"{"error":"invalid_scope"}"#, FailureKind::Auth),
        ] {
            let peer = Peer::start(move |_| Reply::json(status, body)).await;
            let (tokens, _folder) = tokens(&peer);
            let failure = tokens.get().await.unwrap_err();
            assert_eq!(failure.kind, kind, "{status} {body}");
        }
    }

    #[tokio::test]
    async fn a_secret_that_is_not_there_is_said_by_its_reference() {
        let peer = Peer::start(|_| Reply::json(200, &give("3600"))).await;
        let settings = outlook(&peer, SecretRef::Env("ACTIVLAKE_NO_SUCH_VARIABLE".into()));
        let tokens = Tokens::new(&settings, http(&settings)).unwrap();
        let failure = tokens.get().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Config);
        assert!(failure.message.contains("ACTIVLAKE_NO_SUCH_VARIABLE"));
        assert_eq!(peer.seen().len(), 0);
    }

    #[tokio::test]
    async fn an_app_has_one_tenant() {
        let peer = Peer::start(|_| Reply::json(200, "")).await;
        for tenant in ["common", " Organizations ", "", "..", "."] {
            let mut settings = outlook(&peer, SecretRef::Env("X".into()));
            settings.tenant_id = tenant.into();
            let refused = Tokens::new(&settings, http(&settings)).err().unwrap();
            assert_eq!(refused.kind, FailureKind::Config, "{tenant}");
        }
        let mut settings = outlook(&peer, SecretRef::Env("X".into()));
        settings.token_url = Some("http://127.0.0.1:1/odd/place".parse().unwrap());
        let tokens = Tokens::new(&settings, http(&settings)).unwrap();
        assert_eq!(tokens.endpoint.path(), "/odd/place");
    }

    const GUID: &str = "01234567-89ab-CDEF-0123-456789abcdef";

    #[test]
    fn a_secret_that_looks_like_an_id_is_odd() {
        assert!(hint(GUID).unwrap().contains("Secret ID"));
        assert!(hint(&format!(" {GUID}\n")).unwrap().contains("Secret ID"));
        assert!(hint("v4lue ").unwrap().contains("blank"));
        for fine in [
            "v4lue~of.it",
            "01234567-89ab-CDEF-0123-456789abcde",
            "01234567-89ab-CDEF-0123-456789abcdeg",
            "01234567-89ab-CDEF-0123-456789abcdef-",
            "0123456789abCDEF0123456789abcdef",
        ] {
            assert_eq!(hint(fine), None, "{fine}");
        }
    }
}
