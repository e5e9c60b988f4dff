//! Access tokens by domain-wide delegation: a service account speaks in the name of each person.
//!
//! The key file signs a short-lived assertion (RFC 7523), which the token endpoint turns into a
//! token for one person and one scope. Nothing is stored; the key's content never stands in a
//! message.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::Url;

use super::token::{CALENDAR_SCOPE, Cached, DIRECTORY_SCOPE, For, Granted, Refused, Tokens, ask};
use crate::clock::AsOf;
use crate::config::Secret;
use crate::connectors::{Call, Failure, FailureKind, Http};

/// Who an assertion is made for when the key file does not say; also where Google's own libraries
/// address it to when they post it elsewhere.
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// The longest life of an assertion that Google takes.
const LIFETIME_SECONDS: i64 = 3_600;
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Tokens kept; beyond, the one that ends first goes.
const CACHED_MAX: usize = 1_024;

/// Tokens in everybody's name.
pub struct ServiceAccount {
    http: Arc<Http>,
    /// For messages.
    instance: String,
    token_url: Url,
    /// In whose name the directory is read.
    admin: String,
    key: Key,
    state: Mutex<State>,
    /// Seconds to add to this machine's clock, once the endpoint has objected to it.
    skew_seconds: AtomicI64,
}

#[derive(Default)]
struct State {
    /// By person and scope.
    cached: HashMap<(String, &'static str), Cached>,
    /// Why no token will be had in this process.
    ended: Option<Failure>,
}

/// What is used of a key file.
struct Key {
    email: String,
    id: Option<String>,
    /// The number to enter in the admin console.
    client_id: Option<String>,
    audience: String,
    signer: EncodingKey,
}

#[derive(Deserialize)]
struct KeyFile {
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    client_id: Option<String>,
    token_uri: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
struct Claims {
    iss: String,
    sub: String,
    scope: String,
    aud: String,
    iat: i64,
    exp: i64,
}

impl Key {
    fn read(file: &Secret) -> Result<Key, Failure> {
        let wrong = |what: &str| {
            Failure::new(
                FailureKind::Config,
                format!(
                    "service_account_key {what}; it must be the JSON key file that the Google \
                     Cloud console gives for the service account"
                ),
            )
        };
        // The cause may quote the file, so it is left out.
        let file: KeyFile =
            serde_json::from_str(file.expose()).map_err(|_| wrong("is no JSON of a key"))?;
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let email = filled(file.client_email).ok_or_else(|| wrong("has no client_email"))?;
        let pem = filled(file.private_key).ok_or_else(|| wrong("has no private_key"))?;
        let signer = EncodingKey::from_rsa_pem(pem.as_bytes())
            .map_err(|_| wrong("has a private_key that is no RSA key in PEM form"))?;
        Ok(Key {
            email,
            id: filled(file.private_key_id),
            client_id: filled(file.client_id),
            audience: filled(file.token_uri).unwrap_or_else(|| AUDIENCE.to_owned()),
            signer,
        })
    }

    /// A signed assertion, valid from `iat` (seconds since the epoch).
    fn assertion(&self, subject: &str, scope: &str, iat: i64) -> Result<Secret, Failure> {
        let header = Header {
            kid: self.id.clone(),
            ..Header::new(Algorithm::RS256)
        };
        let claims = Claims {
            iss: self.email.clone(),
            sub: subject.to_owned(),
            scope: scope.to_owned(),
            aud: self.audience.clone(),
            iat,
            exp: iat.saturating_add(LIFETIME_SECONDS),
        };
        jsonwebtoken::encode(&header, &claims, &self.signer)
            .map(Secret::new)
            .map_err(|_| {
                Failure::new(
                    FailureKind::Config,
                    "the private_key of service_account_key cannot sign; make a new key in the \
                     Google Cloud console",
                )
            })
    }
}

impl ServiceAccount {
    /// Tokens by this key file, for the instance of this name; `admin` reads the directory.
    ///
    /// # Errors
    /// [`FailureKind::Config`] naming what the key file lacks.
    pub fn new(
        http: Arc<Http>,
        instance: &str,
        token_url: Url,
        key_file: &Secret,
        admin: &str,
    ) -> Result<ServiceAccount, Failure> {
        Ok(ServiceAccount {
            http,
            instance: instance.to_owned(),
            token_url,
            admin: admin.to_owned(),
            key: Key::read(key_file)?,
            state: Mutex::default(),
            skew_seconds: AtomicI64::new(0),
        })
    }

    async fn ask(&self, subject: &str, scope: &str) -> Result<Result<Granted, Refused>, Failure> {
        let asked_at = AsOf::now().micros().div_euclid(1_000_000);
        let mut skew = self.skew_seconds.load(Ordering::Relaxed);
        let mut again = true;
        loop {
            let iat = asked_at.saturating_add(skew);
            let assertion = self.key.assertion(subject, scope, iat)?;
            let call = Call::form(
                self.token_url.clone(),
                &[
                    ("grant_type", GRANT_TYPE),
                    ("assertion", assertion.expose()),
                ],
            );
            match ask(&self.http, &call).await? {
                Err(refused) if again && is_about_time(&refused) => {
                    again = false;
                    let Some(theirs) = refused.date_seconds else {
                        return Ok(Err(refused));
                    };
                    skew = theirs.saturating_sub(asked_at);
                }
                answer => {
                    if answer.is_ok() {
                        self.skew_seconds.store(skew, Ordering::Relaxed);
                    }
                    return Ok(answer);
                }
            }
        }
    }

    fn failure(&self, refused: &Refused, whom: For<'_>) -> Failure {
        let instance = &self.instance;
        let error = &refused.error;
        // What is said about the assertion holds for everybody; an account that is not found is
        // the service account's where the administrator asks, else perhaps this person's.
        let about_key = refused.mentions(&["jwt", "signature"])
            || (whom == For::Directory && refused.mentions(&["account"]));
        match (error.as_str(), whom) {
            ("unauthorized_client" | "access_denied" | "invalid_scope", _) => {
                let client = match &self.key.client_id {
                    Some(id) => format!("the client id {id}"),
                    None => "the service account's client id".to_owned(),
                };
                refused.auth(format!(
                    "the service account may not speak for the company's people ({error}): in the \
                     Google admin console, Security, API controls, Domain-wide delegation, \
                     authorise {client} for exactly these scopes: {DIRECTORY_SCOPE}, \
                     {CALENDAR_SCOPE}"
                ))
            }
            ("invalid_grant", _) if is_about_time(refused) => refused.auth(
                "the clock of this machine is wrong, so Google takes none of its assertions; \
                 correct the clock",
            ),
            // The administrator's token was given, so the key is fine: it is this person.
            ("invalid_grant", For::Calendar(_)) if !about_key => Failure::new(
                FailureKind::Person,
                "Google gives no token in this person's name (suspended, gone, or no member of \
                 the domain)",
            )
            .of_request(refused.request_id.clone()),
            ("invalid_grant", For::Directory) if !about_key => refused.auth(format!(
                "Google gives no token in the administrator's name: correct `admin` of the \
                 integration {instance}"
            )),
            ("invalid_grant", _) => refused.auth(format!(
                "the service account's key is not accepted (deleted or disabled): correct \
                 service_account_key of the integration {instance}"
            )),
            _ => refused.auth(format!(
                "the token endpoint refused the service account of the integration {instance} \
                 ({error})"
            )),
        }
    }
}

/// Whether the assertion was refused for its times.
fn is_about_time(refused: &Refused) -> bool {
    refused.mentions(&["iat", "timeframe", "clock"])
}

#[async_trait]
impl Tokens for ServiceAccount {
    async fn bearer(&self, whom: For<'_>) -> Result<Secret, Failure> {
        // Each with the least it needs: nobody's token for a calendar reads the directory.
        let (subject, scope) = match whom {
            For::Directory => (self.admin.as_str(), DIRECTORY_SCOPE),
            For::Calendar(person) => (person, CALENDAR_SCOPE),
        };
        let place = (subject.to_owned(), scope);
        {
            let state = self.state.lock().await;
            if let Some(ended) = &state.ended {
                return Err(ended.clone());
            }
            if let Some(token) = state.cached.get(&place).and_then(Cached::fresh) {
                return Ok(token);
            }
        }
        // Not held while asking: others wait for tokens of their own.
        let answer = self.ask(subject, scope).await?;
        let mut state = self.state.lock().await;
        match answer {
            Ok(granted) => {
                if state.cached.len() >= CACHED_MAX {
                    let first = state
                        .cached
                        .iter()
                        .min_by_key(|(_, cached)| cached.until())
                        .map(|(place, _)| place.clone());
                    if let Some(first) = first {
                        state.cached.remove(&first);
                    }
                }
                state.cached.insert(place, Cached::new(&granted));
                Ok(granted.access)
            }
            Err(refused) => {
                let failure = self.failure(&refused, whom);
                if failure.kind == FailureKind::Auth {
                    state.ended = Some(failure.clone());
                }
                Err(failure)
            }
        }
    }

    async fn spent(&self, token: &Secret) {
        let mut state = self.state.lock().await;
        state.cached.retain(|_, cached| !cached.is(token));
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
    use serde_json::json;

    use super::super::testing::{Asked, Reply, Server, reply};
    use super::*;

    // Made for these tests and used nowhere else.
    const TEST_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDTGynlwA/CIUD8
9CITBALjYNT89a1GoKmHzmJpRSUGWIBWW74FzhmIEtM5vCCx15sQwPp5U/R6SoQj
/HGPDlJvc4WK4CYvO7WZkb0Qj+kx3Zj5MaPXSnpAyjpIVK91VG53eQIf1ITnyXe+
pl15IqPI/gT9y9MClAcZLgaekXF7POEHOR7MfO+OZsmBb0/PpwzVk7uq1BrrgcpN
jPdclknEL+OvosB4J7UhPmmuhjbuDKOeq9lHB71I9jbuOEG5TEq9IuutOP/wJSRk
E/j0wO5NUwlC58Hg6PiU5Wn8g79563yY+fRQqwPnXCkt9MGIB5zNirQ56blobB5y
pOvAd3gRAgMBAAECggEAAhoQojl1zrR/DaWumyrcjn/9zuDxTzU1SuVapHqsQjJq
YLG8JBmntmudj8MYPj0LzbBmLgQQeJE6XJNcXBTD7FklmLrflnPNPJCvZbVRGI6A
weZlH7Udn3yD9Qlmz8+949GgHEoE4rvmRc8pOhYGtG8XBKHdYXaw1WbYaQbArv3p
Cb4vE3gZmiTgrM+NN4dXZdhV2KF6dUAKOB0ausud81wGKZvk0QHTcbcT3SMgfIy9
4RHJnu/He9iR8mnR0ZfaXgUKOrzWrk9k4/iY6qYq87uP6XV7SudfOqySR9SLGI3c
mj1Mw3BPlRDek3+NLhUAR8iKaMRFjyCi3XDbl8aAIwKBgQD5JLSddPCcVIeXRSB8
OaUcl1wc3RunK0zVMS5IT1pk/ieC6I9bs631yzlE4XqCBjswTsORHHgFt0Tya+XJ
SVuBKV0SVbQCQm5Emrk1Zr8y0sHXIwuxy1YTw9r7Wo5IosOA3knFwSfvzAE0b8hh
89+gTL+LsdunexjQiSgaOaecBwKBgQDY6nky0IPcpPzjf4E7IagfQBZkjgjYsB8x
3OFkvjz5YWh99F5b+o/u/SWtQAEQpKOTKl+shD/oXa/HjmFJyIqZXqXGmNEi5Gp8
YchFIB6HiH1TdwAPJfzFzci7w/cQAoar2VQtfHRbj4GLpf6YnIU4a0kF4p0lMO1M
tG9FBIT1JwKBgQCWbJwEaYOQz9Sh96G6f096aMS7xKAamaElIzGPhSHN0knm1yUf
N+gzfEUSmpTOBpcb/qJDbg3lXZbqS00M8BaocGH6XPZ3Wsaa81QZsvSD6g4RJ966
tUs+WcVQd4dqwaMKnquqE4paVTDxCQDSa108urn3zSYTA9aiqf0lgGP7ZwKBgQC5
AKnjy/FawyCoizvWCeuQ06EFnBoxbWz9owxdVt88NnbfTgcYXYha5W835ynBXxnf
zzkQMy8qaJUeFvIk8rQ7AH1U90sPfk7PzLn5Mt6265MwF4NmaBjBP7SfaBCUiAMC
GHZx4P6AhNGRID8XPA9nQiFispcifCs3y4BHFgar6wKBgAq0R1VA64mbf0NfMMQ9
TMhgNRYztdf49OYUNJ+jNdar2MLat5iyQYWM1aXeJhXKU8aQOqFJtGa8lhWETj2B
8ES0NERXX9+xeVPwtafLCURnci+K3YBKN1ixzWVikybmHIdqO1+8fMOkcna8QehL
UpMMoPnIbzEVfrg7pmdZyMEj
-----END PRIVATE KEY-----
";
    const TEST_PUBLIC_KEY: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0xsp5cAPwiFA/PQiEwQC
42DU/PWtRqCph85iaUUlBliAVlu+Bc4ZiBLTObwgsdebEMD6eVP0ekqEI/xxjw5S
b3OFiuAmLzu1mZG9EI/pMd2Y+TGj10p6QMo6SFSvdVRud3kCH9SE58l3vqZdeSKj
yP4E/cvTApQHGS4GnpFxezzhBzkezHzvjmbJgW9Pz6cM1ZO7qtQa64HKTYz3XJZJ
xC/jr6LAeCe1IT5proY27gyjnqvZRwe9SPY27jhBuUxKvSLrrTj/8CUkZBP49MDu
TVMJQufB4Oj4lOVp/IO/eet8mPn0UKsD51wpLfTBiAeczYq0Oem5aGwecqTrwHd4
EQIDAQAB
-----END PUBLIC KEY-----
";

    fn key_file(changes: serde_json::Value) -> Secret {
        let mut file = json!({
            "type": "service_account", "client_email": "robot@project.example",
            "private_key": TEST_KEY, "private_key_id": "key-7", "client_id": "1122",
            "token_uri": "https://oauth2.googleapis.com/token",
        });
        for (name, value) in changes.as_object().unwrap() {
            file[name] = value.clone();
        }
        Secret::new(file.to_string())
    }

    async fn account(
        answer: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
    ) -> (Server, ServiceAccount) {
        let server = Server::start(answer).await;
        let account = ServiceAccount::new(
            server.http(),
            "acme",
            server.base.join("/token").unwrap(),
            &key_file(json!({})),
            "admin@example.com",
        )
        .unwrap();
        (server, account)
    }

    /// The claims of a request's assertion, its signature checked.
    fn claims(asked: &Asked) -> Claims {
        let assertion = asked.field("assertion").unwrap();
        let header = decode_header(&assertion).unwrap();
        assert_eq!(header.kid.as_deref(), Some("key-7"));
        assert_eq!(header.alg, Algorithm::RS256);
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_audience(&["https://oauth2.googleapis.com/token"]);
        rules.set_issuer(&["robot@project.example"]);
        rules.validate_exp = false;
        let key = DecodingKey::from_rsa_pem(TEST_PUBLIC_KEY.as_bytes()).unwrap();
        decode(&assertion, &key, &rules).unwrap().claims
    }

    fn given(before: usize, _: &Asked) -> Reply {
        reply(
            200,
            format!(r#"{{"access_token": "at-{before}", "expires_in": 3600}}"#),
        )
    }

    fn refused(error: &'static str, description: &'static str) -> Reply {
        reply(
            400,
            json!({"error": error, "error_description": description}).to_string(),
        )
    }

    async fn failure(answer: Reply, whom: For<'_>) -> Failure {
        let (_, account) = account(move |_, _| answer.clone()).await;
        account.bearer(whom).await.unwrap_err()
    }

    #[tokio::test]
    async fn assertions_are_signed_for_one_person_and_one_scope() {
        let (server, account) = account(given).await;
        let ann = For::Calendar("ann@example.com");
        for (whom, token) in [(For::Directory, "at-0"), (ann, "at-1"), (ann, "at-1")] {
            assert_eq!(account.bearer(whom).await.unwrap().expose(), token);
        }
        let asked = server.asked();
        assert_eq!(asked.len(), 2);
        assert!(!asked[0].authorized);
        assert_eq!(asked[0].field("grant_type").as_deref(), Some(GRANT_TYPE));
        let (admin, ann) = (claims(&asked[0]), claims(&asked[1]));
        assert_eq!(
            (admin.sub.as_str(), admin.scope.as_str()),
            ("admin@example.com", DIRECTORY_SCOPE)
        );
        assert_eq!(
            (ann.sub.as_str(), ann.scope.as_str()),
            ("ann@example.com", CALENDAR_SCOPE)
        );
        assert_eq!(ann.exp - ann.iat, 3_600);
        let now = AsOf::now().micros() / 1_000_000;
        assert!((now - ann.iat).abs() < 60);
    }

    #[tokio::test]
    async fn a_refused_token_is_replaced() {
        let (_, account) = account(given).await;
        let first = account.bearer(For::Directory).await.unwrap();
        account.spent(&first).await;
        assert_eq!(
            account.bearer(For::Directory).await.unwrap().expose(),
            "at-1"
        );
    }

    #[tokio::test]
    async fn tokens_kept_are_bounded() {
        let (_, account) = account(given).await;
        let granted = Granted {
            access: Secret::new("x".into()),
            lifetime: std::time::Duration::from_secs(600),
            refresh: None,
            scope: None,
        };
        for number in 0..CACHED_MAX {
            let place = (format!("{number}"), CALENDAR_SCOPE);
            account
                .state
                .lock()
                .await
                .cached
                .insert(place, Cached::new(&granted));
        }
        account.bearer(For::Directory).await.unwrap();
        assert_eq!(account.state.lock().await.cached.len(), CACHED_MAX);
    }

    #[tokio::test]
    async fn a_wrong_clock_here_is_made_up_for() {
        const DATE: &str = "Date: Thu, 01 Jan 2060 00:00:00 GMT\r\n";
        let (server, account) = account(|before, asked| match before {
            0 => {
                let (status, _, body) = refused(
                    "invalid_grant",
                    "Invalid JWT: Token must be a short-lived token. Check your iat and exp values",
                );
                (status, DATE.into(), body)
            }
            _ => given(before, asked),
        })
        .await;
        assert_eq!(
            account.bearer(For::Directory).await.unwrap().expose(),
            "at-1"
        );
        account
            .bearer(For::Calendar("a@example.com"))
            .await
            .unwrap();
        let asked = server.asked();
        assert_eq!(asked.len(), 3);
        let right = 2_840_140_800;
        assert!((claims(&asked[1]).iat - right).abs() < 60);
        assert!((claims(&asked[2]).iat - right).abs() < 60);
    }

    #[tokio::test]
    async fn a_clock_that_cannot_be_made_up_for_is_said() {
        let (server, account) = account(|before, asked| {
            if before > 2 {
                return given(before, asked);
            }
            let (status, _, body) = refused("invalid_grant", "Invalid JWT: check your iat");
            (
                status,
                "Date: Thu, 01 Jan 2060 00:00:00 GMT\r\n".into(),
                body,
            )
        })
        .await;
        let failure = account.bearer(For::Directory).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Auth);
        assert!(failure.message.contains("clock"), "{failure}");
        assert_eq!(server.asked().len(), 2);
        // And that was that.
        account
            .bearer(For::Calendar("a@example.com"))
            .await
            .unwrap_err();
        assert_eq!(server.asked().len(), 2);
    }

    #[tokio::test]
    async fn refusals_are_told_apart() {
        let ann = For::Calendar("ann@example.com");
        let unauthorized = || {
            refused(
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method",
            )
        };
        let hint = failure(unauthorized(), ann).await;
        assert_eq!(hint.kind, FailureKind::Auth);
        for part in [
            "1122",
            DIRECTORY_SCOPE,
            CALENDAR_SCOPE,
            "Domain-wide delegation",
        ] {
            assert!(hint.message.contains(part), "{hint}");
        }
        let unknown = || refused("invalid_grant", "Invalid email or User ID");
        assert_eq!(failure(unknown(), ann).await.kind, FailureKind::Person);
        let admin = failure(unknown(), For::Directory).await;
        assert_eq!(admin.kind, FailureKind::Auth);
        assert!(admin.message.contains("`admin`"), "{admin}");
        let missing = || refused("invalid_grant", "Invalid grant: account not found");
        assert_eq!(failure(missing(), ann).await.kind, FailureKind::Person);
        let signature = refused("invalid_grant", "Invalid JWT Signature.");
        for key in [
            failure(missing(), For::Directory).await,
            failure(signature, ann).await,
        ] {
            assert_eq!(key.kind, FailureKind::Auth);
            assert!(key.message.contains("service_account_key"), "{key}");
        }
    }

    #[tokio::test]
    async fn one_person_s_refusal_does_not_end_the_others() {
        let (_, account) = account(|before, asked| match before {
            0 => refused("invalid_grant", "Invalid email or User ID"),
            _ => given(before, asked),
        })
        .await;
        account
            .bearer(For::Calendar("a@example.com"))
            .await
            .unwrap_err();
        account
            .bearer(For::Calendar("b@example.com"))
            .await
            .unwrap();
    }

    #[test]
    fn a_bad_key_file_is_named_by_what_it_lacks() {
        for (file, word) in [
            (Secret::new("s3cret".into()), "no JSON"),
            (
                Secret::new(r#"{"type": "authorized_user"}"#.into()),
                "client_email",
            ),
            (key_file(json!({"private_key": null})), "private_key"),
            (key_file(json!({"private_key": "s3cret"})), "no RSA key"),
        ] {
            let Err(failure) = Key::read(&file) else {
                panic!("{word}");
            };
            assert_eq!(failure.kind, FailureKind::Config);
            assert!(failure.message.contains(word), "{failure}");
            assert!(!failure.message.contains("s3cret"));
        }
        let plain = Key::read(&key_file(json!({"token_uri": null}))).unwrap();
        assert_eq!(plain.audience, AUDIENCE);
    }
}
