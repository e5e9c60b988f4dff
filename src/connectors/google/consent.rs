//! A super admin's consent, once: the authorization code grant with PKCE (RFC 7636, RFC 8252).
//!
//! [`Consent::start`] makes the page to open; the browser comes back to this machine
//! ([`Consent::wait_on_loopback`]), or, where it runs elsewhere, the administrator pastes the
//! address it was sent to. [`Consent::finish`] turns either into a refresh token, which the caller
//! seals. The code, the verifier and the tokens never stand in a message.

use std::time::Duration;

use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
};
use url::Url;

use super::loopback::Loopback;
use super::token::{CALENDAR_SCOPE, DIRECTORY_SCOPE, ask};
use crate::config::Secret;
use crate::config::integration::{Google, GoogleAuth};
use crate::connectors::{Answer, Call, Failure, FailureKind, Http};

/// Where the browser is sent after the consent.
#[derive(Clone, Debug)]
pub enum Redirect {
    /// To a port of this machine that listens for it.
    Loopback,
    /// To [`PASTE_REDIRECT`] on whatever machine the browser runs; its address is pasted.
    Paste,
    /// To a URL that is registered for the client (needed for clients of the kind "web
    /// application"); its address is pasted.
    Registered(Url),
}

/// Nothing listens on this port, and browsers refuse to connect to it but keep the address: so the
/// code reaches nobody but who pastes it.
pub const PASTE_REDIRECT: &str = "http://127.0.0.1:1/";

/// A consent under way.
pub struct Consent {
    url: Url,
    redirect: Url,
    loopback: Option<Loopback>,
    client_id: String,
    client_secret: Secret,
    token_url: Url,
    state: String,
    verifier: PkceCodeVerifier,
}

/// What the administrator gave.
#[derive(Debug)]
pub struct Granted {
    /// To be sealed.
    pub refresh_token: Secret,
    /// As the endpoint said it, blank-separated; at least what is needed.
    pub scope: Option<String>,
}

/// An answer of the consent page.
#[derive(Debug)]
pub struct Code(Result<Secret, String>);

impl Consent {
    /// Prepares a consent.
    ///
    /// # Errors
    /// [`FailureKind::Config`] when the instance is not entered by OAuth, its secret cannot be
    /// read, or no port can be listened on.
    pub async fn start(google: &Google, redirect: Redirect) -> Result<Consent, Failure> {
        let GoogleAuth::OAuth {
            client_id,
            client_secret,
        } = &google.auth
        else {
            return Err(config(
                "with auth = \"service_account\" nobody has to consent; authorise the service \
                 account in the Google admin console instead",
            ));
        };
        let client_secret = client_secret
            .read()
            .map_err(|error| config(error.to_string()))?;
        let loopback = match redirect {
            Redirect::Loopback => Some(Loopback::open().await?),
            _ => None,
        };
        let redirect = match (&loopback, redirect) {
            (Some(loopback), _) => loopback.url.clone(),
            (None, Redirect::Registered(url)) => url,
            (None, _) => Url::parse(PASTE_REDIRECT).map_err(|error| config(error.to_string()))?,
        };
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state) = BasicClient::new(ClientId::new(client_id.clone()))
            .set_auth_uri(AuthUrl::from_url(google.authorize_url.clone()))
            .set_redirect_uri(RedirectUrl::from_url(redirect.clone()))
            .authorize_url(CsrfToken::new_random)
            .add_scope(Scope::new(DIRECTORY_SCOPE.to_owned()))
            .add_scope(Scope::new(CALENDAR_SCOPE.to_owned()))
            .set_pkce_challenge(challenge)
            // Without both, Google gives a refresh token only at the very first consent.
            .add_extra_param("access_type", "offline")
            .add_extra_param("prompt", "consent")
            .url();
        Ok(Consent {
            url,
            redirect,
            loopback,
            client_id: client_id.clone(),
            client_secret,
            token_url: google.token_url.clone(),
            state: state.into_secret(),
            verifier,
        })
    }

    /// The page for the administrator to open.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Waits for the browser to come back to this machine.
    ///
    /// # Errors
    /// [`FailureKind::Auth`] when it does not within `timeout`; [`FailureKind::Config`] when the
    /// consent was started for pasting.
    pub async fn wait_on_loopback(&self, timeout: Duration) -> Result<Code, Failure> {
        let Some(loopback) = &self.loopback else {
            return Err(config("this consent was started for pasting"));
        };
        let state = self.state.clone();
        loopback
            .wait(timeout, move |url| {
                let answer = Returned::of(url.query().unwrap_or_default());
                // With another state it is somebody else's: the wait goes on.
                let ours = answer
                    .state
                    .as_deref()
                    .is_some_and(|given| same(given, &state));
                if ours { answer.code() } else { None }
            })
            .await
    }

    /// Reads what the administrator pasted: the code, or the whole address (or its query).
    ///
    /// # Errors
    /// [`FailureKind::Config`] when it is neither, or belongs to another attempt.
    pub fn pasted(&self, text: &str) -> Result<Code, Failure> {
        let text = text.trim();
        let is_url = text.contains("://");
        let query = match text.split_once('?') {
            Some((_, query)) => query.split('#').next().unwrap_or_default(),
            None => text,
        };
        let answer = Returned::of(query);
        if !is_url && answer.code.is_none() && answer.error.is_none() {
            let plain = !text.is_empty() && !text.contains(char::is_whitespace);
            if !plain {
                return Err(config("that is neither a code nor the address with one"));
            }
            // Copied out of an address, it is still encoded.
            let code = percent_encoding::percent_decode_str(text)
                .decode_utf8_lossy()
                .into_owned();
            return Ok(Code(Ok(Secret::new(code))));
        }
        match answer.state.as_deref() {
            Some(given) if same(given, &self.state) => {}
            // Only a bare query may leave it out: an address from this consent has it.
            None if !is_url => {}
            _ => {
                return Err(config(
                    "the pasted address belongs to another attempt; open the page shown last",
                ));
            }
        }
        answer
            .code()
            .ok_or_else(|| config("there is no code in the pasted address; copy all of it"))
    }

    /// Turns the code into a refresh token. `http` must have been made for [`super::bases`].
    ///
    /// # Errors
    /// [`FailureKind::Auth`] when the administrator refused, granted less than is needed, or the
    /// code no longer holds.
    pub async fn finish(self, http: &Http, code: Code) -> Result<Granted, Failure> {
        let code = code.0.map_err(|error| {
            Failure::new(
                FailureKind::Auth,
                match error.as_str() {
                    "access_denied" => "the consent was refused".to_owned(),
                    "admin_policy_enforced" => {
                        "the company does not trust this app: in the Google \
                         admin console, Security, API controls, App access control, trust its \
                         client id"
                            .to_owned()
                    }
                    other => format!("no consent was given ({other})"),
                },
            )
        })?;
        let call = Call::form(
            self.token_url,
            &[
                ("grant_type", "authorization_code"),
                ("code", code.expose()),
                ("redirect_uri", self.redirect.as_str()),
                ("client_id", &self.client_id),
                ("client_secret", self.client_secret.expose()),
                ("code_verifier", self.verifier.secret()),
            ],
        );
        let granted = match ask(http, &call).await? {
            Ok(granted) => granted,
            Err(refused) => {
                let message = match refused.error.as_str() {
                    "invalid_grant" => {
                        "the code no longer holds: it is used once and within minutes; start again"
                            .to_owned()
                    }
                    "invalid_client" | "unauthorized_client" => format!(
                        "the OAuth client is not accepted ({}): correct client_id and \
                         client_secret",
                        refused.error
                    ),
                    "redirect_uri_mismatch" => "the client does not allow the redirect: make a \
                         client of the kind \"Desktop app\""
                        .to_owned(),
                    other => format!("no token was given ({other}); start again"),
                };
                return Err(refused.auth(message));
            }
        };
        let given = granted
            .scope
            .as_deref()
            .map(|scope| scope.split(' ').collect::<Vec<_>>());
        let missing: Vec<&str> = [DIRECTORY_SCOPE, CALENDAR_SCOPE]
            .into_iter()
            .filter(|scope| given.as_ref().is_some_and(|given| !given.contains(scope)))
            .collect();
        if !missing.is_empty() {
            return Err(Failure::new(
                FailureKind::Auth,
                format!(
                    "not everything that is needed was granted: start again and tick every box \
                     (missing: {})",
                    missing.join(", ")
                ),
            ));
        }
        let Some(refresh_token) = granted.refresh else {
            return Err(Failure::new(
                FailureKind::Auth,
                "Google gave no refresh token: take the app's access away under \
                 https://myaccount.google.com/connections and start again",
            ));
        };
        Ok(Granted {
            refresh_token,
            scope: granted.scope,
        })
    }
}

/// Takes a refresh token back; one that no longer holds is taken back already.
///
/// # Errors
/// When the endpoint cannot be reached or answers something else.
pub async fn revoke(http: &Http, google: &Google, token: &Secret) -> Result<(), Failure> {
    let call = Call::form(google.revoke_url.clone(), &[("token", token.expose())]);
    http.send(&call, |answer: Answer| match answer.status {
        // 400 is `invalid_token`: unknown or revoked before.
        400 => Ok(()),
        _ if answer.is_good() => Ok(()),
        _ => Err(answer.judged("the revocation")),
    })
    .await
}

/// The parameters that a consent page adds.
#[derive(Default)]
struct Returned {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

impl Returned {
    fn of(query: &str) -> Returned {
        let mut found = Returned::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let place = match name.as_ref() {
                "code" => &mut found.code,
                "state" => &mut found.state,
                "error" => &mut found.error,
                _ => continue,
            };
            if !value.is_empty() {
                *place = Some(value.into_owned());
            }
        }
        found
    }

    fn code(self) -> Option<Code> {
        match (self.error, self.code) {
            (Some(error), _) => {
                let plain = error.len() <= 60
                    && error
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                Some(Code(Err(if plain { error } else { "unknown".into() })))
            }
            (None, Some(code)) => Some(Code(Ok(Secret::new(code)))),
            (None, None) => None,
        }
    }
}

/// Equality whose time does not depend on where two texts of one length differ.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one
            .bytes()
            .zip(other.bytes())
            .fold(0, |difference, (one, other)| difference | (one ^ other))
            == 0
}

fn config(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Config, message)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::PathBuf;

    use super::super::testing::{Reply, Server, oauth, reply};
    use super::*;
    use crate::config::SecretRef;

    const BOTH: &str = "https://www.googleapis.com/auth/calendar.events.readonly \
                        https://www.googleapis.com/auth/admin.directory.user.readonly openid";

    async fn server(status: u16, body: String) -> Server {
        Server::start(move |_, _| -> Reply { reply(status, body.clone()) }).await
    }

    fn good(scope: &str) -> String {
        format!(
            r#"{{"access_token": "at-1", "refresh_token": "rt-1", "expires_in": 3599, "scope": "{scope}"}}"#
        )
    }

    fn parameters(url: &Url) -> HashMap<String, String> {
        url.query_pairs().into_owned().collect()
    }

    async fn consent(server: &Server, redirect: Redirect) -> Consent {
        Consent::start(&server.google(oauth()), redirect)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn the_page_asks_for_the_least_offline_and_with_pkce() {
        let server = server(200, good(BOTH)).await;
        let one = consent(&server, Redirect::Loopback).await;
        let other = consent(&server, Redirect::Paste).await;
        let asked = parameters(one.url());
        assert!(
            one.url()
                .as_str()
                .starts_with(&format!("{}authorize?", server.base))
        );
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", "client-1"),
            ("code_challenge_method", "S256"),
            ("access_type", "offline"),
            ("prompt", "consent"),
        ] {
            assert_eq!(asked.get(name).map(String::as_str), Some(value));
        }
        assert_eq!(
            asked["scope"],
            format!("{DIRECTORY_SCOPE} {CALENDAR_SCOPE}")
        );
        assert!(asked["redirect_uri"].starts_with("http://127.0.0.1:"));
        assert!(asked["state"].len() >= 16 && asked["code_challenge"].len() >= 43);
        let second = parameters(other.url());
        assert_eq!(second["redirect_uri"], PASTE_REDIRECT);
        assert_ne!(asked["state"], second["state"]);
        assert_ne!(asked["code_challenge"], second["code_challenge"]);
    }

    #[tokio::test]
    async fn the_browser_comes_back_and_the_code_is_exchanged() {
        let server = server(200, good(BOTH)).await;
        let consent = consent(&server, Redirect::Loopback).await;
        let asked = parameters(consent.url());
        let redirect = asked["redirect_uri"].clone();
        let back = |query: String| {
            let address = redirect.clone();
            async move {
                let http = reqwest::Client::new();
                http.get(format!("{address}?{query}"))
                    .send()
                    .await
                    .unwrap()
                    .status()
                    .as_u16()
            }
        };
        let state = asked["state"].clone();
        let browser = tokio::spawn({
            let forged = back("code=evil&state=other".into());
            let right = back(format!("state={state}&code=4%2Fcode"));
            async move { (forged.await, right.await) }
        });
        let code = consent
            .wait_on_loopback(Duration::from_secs(5))
            .await
            .unwrap();
        let seen = tokio::time::timeout(Duration::from_secs(5), browser).await;
        assert_eq!(seen.unwrap().unwrap(), (404, 200));
        assert!(!format!("{code:?}").contains("4/code"));
        let granted = consent.finish(&server.http(), code).await.unwrap();
        assert_eq!(granted.refresh_token.expose(), "rt-1");
        let exchange = &server.asked()[0];
        assert_eq!(exchange.url.path(), "/token");
        assert!(!exchange.authorized);
        assert_eq!(exchange.field("code").as_deref(), Some("4/code"));
        assert_eq!(exchange.field("redirect_uri"), Some(redirect));
        assert_eq!(exchange.field("client_id").as_deref(), Some("client-1"));
        assert!(exchange.field("client_secret").is_some());
        // The verifier is the one whose hash was shown.
        let verifier = PkceCodeVerifier::new(exchange.field("code_verifier").unwrap());
        assert_eq!(
            PkceCodeChallenge::from_code_verifier_sha256(&verifier).as_str(),
            asked["code_challenge"]
        );
    }

    #[tokio::test]
    async fn pasting_takes_the_code_or_the_address_of_this_attempt() {
        let server = server(200, good(BOTH)).await;
        let consent = consent(&server, Redirect::Paste).await;
        let state = parameters(consent.url())["state"].clone();
        let code = |text: &str| match consent.pasted(text) {
            Ok(Code(Ok(code))) => code.expose().to_owned(),
            Ok(Code(Err(error))) => format!("error {error}"),
            Err(failure) => format!("{:?}", failure.kind),
        };
        for (text, wanted) in [
            (" 4/abc-d \n", "4/abc-d"),
            ("4%2Fabc", "4/abc"),
            (
                &format!("http://127.0.0.1:1/?state={state}&code=4%2Fabc&scope=x#y"),
                "4/abc",
            ),
            (&format!("state={state}&code=4%2Fabc"), "4/abc"),
            ("code=4%2Fabc", "4/abc"),
            (
                &format!("http://127.0.0.1:1/?state={state}&error=access_denied"),
                "error access_denied",
            ),
            ("http://127.0.0.1:1/?state=other&code=4%2Fabc", "Config"),
            ("http://127.0.0.1:1/?code=4%2Fabc", "Config"),
            ("state=other&code=4%2Fabc", "Config"),
            (&format!("http://127.0.0.1:1/?state={state}"), "Config"),
            ("http://127.0.0.1:1/", "Config"),
            ("", "Config"),
            ("two words", "Config"),
        ] {
            assert_eq!(code(text), wanted, "{text}");
        }
        assert!(consent.wait_on_loopback(Duration::ZERO).await.is_err());
    }

    #[tokio::test]
    async fn a_consent_that_is_too_small_is_refused() {
        for (status, body, word) in [
            (200, good(CALENDAR_SCOPE), "admin.directory.user.readonly"),
            (
                200,
                r#"{"access_token": "at", "expires_in": 1}"#.to_owned(),
                "no refresh token",
            ),
            (
                400,
                r#"{"error": "invalid_grant"}"#.to_owned(),
                "start again",
            ),
            (
                401,
                r#"{"error": "invalid_client"}"#.to_owned(),
                "client_secret",
            ),
        ] {
            let server = server(status, body).await;
            let consent = consent(&server, Redirect::Paste).await;
            let code = consent.pasted("4/s3cret").unwrap();
            let failure = consent.finish(&server.http(), code).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Auth, "{failure}");
            assert!(failure.message.contains(word), "{failure}");
            assert!(!failure.message.contains("s3cret"));
        }
        let server = server(200, good(BOTH)).await;
        let consent = consent(&server, Redirect::Paste).await;
        let denied = Code(Err("access_denied".into()));
        let failure = consent.finish(&server.http(), denied).await.unwrap_err();
        assert!(failure.message.contains("refused"), "{failure}");
        assert!(server.asked().is_empty());
    }

    #[tokio::test]
    async fn a_service_account_needs_no_consent() {
        let server = server(200, String::new()).await;
        let google = server.google(GoogleAuth::ServiceAccount {
            key: SecretRef::File(PathBuf::from("key.json")),
            admin: "admin@example.com".into(),
        });
        let Err(failure) = Consent::start(&google, Redirect::Paste).await else {
            panic!("it was started");
        };
        assert_eq!(failure.kind, FailureKind::Config);
    }

    #[tokio::test]
    async fn a_token_is_taken_back_once_or_more() {
        let token = Secret::new("rt-1".into());
        for (status, fine) in [(200, true), (400, true), (404, false)] {
            let server = server(status, "{}".into()).await;
            let revoked = revoke(&server.http(), &server.google(oauth()), &token).await;
            assert_eq!(revoked.is_ok(), fine, "{status}");
            assert_eq!(server.asked()[0].url.path(), "/revoke");
            assert_eq!(server.asked()[0].field("token").as_deref(), Some("rt-1"));
        }
    }

    #[test]
    fn states_are_compared_whole() {
        assert!(same("abc", "abc"));
        assert!(!same("abc", "abd") && !same("abc", "ab") && !same("", "a"));
    }
}
