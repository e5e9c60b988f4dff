//! Tokens in somebody's name (domain-wide delegation): how google-auth asks for one, and what
//! `oauth2-mock-server` gives for it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use activlake::config::Secret;
use activlake::connectors::Http;
use activlake::connectors::google::{CALENDAR_SCOPE, DIRECTORY_SCOPE, For, ServiceAccount, Tokens};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;
use url::Url;

use super::listener::{Asked, Listener};
use super::server::{OAUTH2_MOCK_SERVER, Server, base, browser, free_port, node, python};
use super::{at, bounds, written};
use crate::place::{block_on, repository};
use crate::simulator::SERVICE_ACCOUNT_KEY_JSON;

const ADMIN: &str = "admin@example.com";
const BOB: &str = "bob@example.com";

fn account(token_url: Url) -> (ServiceAccount, Arc<Http>) {
    let http = Arc::new(Http::new(bounds(), &[&token_url]).unwrap());
    let key = Secret::new(SERVICE_ACCOUNT_KEY_JSON.into());
    let account = ServiceAccount::new(http.clone(), "peers", token_url, &key, ADMIN).unwrap();
    (account, http)
}

/// What google-auth says of an assertion: whether it verifies, and its own beside it.
fn verified(
    python: &str,
    key: &Path,
    subject: &str,
    scope: &str,
    assertion: &str,
) -> Result<Value, String> {
    let mut child = Command::new(python)
        .arg(repository().join("tests/clients/assertion_peer.py"))
        .arg(key)
        .args([subject, scope])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(assertion.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Without the two times, which are taken out: (claims, issued, seconds it holds).
fn untimed(claims: &Value) -> (Value, i64, i64) {
    let mut rest = claims.clone();
    let rest_fields = rest.as_object_mut().unwrap();
    let mut time = |name: &str| rest_fields.remove(name).unwrap().as_i64().unwrap();
    let (issued, ends) = (time("iat"), time("exp"));
    (rest, issued, ends - issued)
}

#[test]
fn google_auth_asks_alike_and_verifies_our_assertions() {
    let test = "google_auth_asks_alike_and_verifies_our_assertions";
    let Some(python) = python("google.oauth2.service_account, cryptography", test) else {
        return;
    };
    let asked: Vec<Asked> = block_on(async {
        let listener = Listener::start(r#"{"access_token": "t", "expires_in": 3600}"#).await;
        let (account, _) = account(at(&listener.base, "token"));
        account.bearer(For::Directory).await.unwrap();
        account.bearer(For::Calendar(BOB)).await.unwrap();
        listener.asked()
    });
    assert_eq!(asked.len(), 2);
    let folder = tempfile::tempdir().unwrap();
    let key = written(folder.path(), "key.json", SERVICE_ACCOUNT_KEY_JSON);
    for (asked, subject, scope) in [
        (&asked[0], ADMIN, DIRECTORY_SCOPE),
        (&asked[1], BOB, CALENDAR_SCOPE),
    ] {
        let assertion = asked.field("assertion").unwrap();
        let told = verified(&python, &key, subject, scope, &assertion).unwrap();
        let (theirs, their_time, their_seconds) = untimed(&told["claims"]);
        let (ours, our_time, our_seconds) = untimed(&told["ours"]["claims"]);
        assert_eq!(ours, theirs);
        assert_eq!(ours["sub"], subject);
        assert_eq!(our_seconds, their_seconds);
        assert!((our_time - their_time).abs() < 60, "{told}");
        assert_eq!(told["ours"]["header"], told["header"]);
        assert_eq!(
            asked.field("grant_type").as_deref(),
            told["grant_type"][0].as_str()
        );
        let mut fields: Vec<_> = url::form_urlencoded::parse(asked.body.as_bytes())
            .map(|(name, _)| name.into_owned())
            .collect();
        fields.sort();
        assert_eq!(serde_json::json!(fields), told["fields"]);
        assert_eq!(asked.authorization, None);

        // The check can fail: for another one's name the signature does not hold.
        let parts: Vec<&str> = assertion.split('.').collect();
        let signature = parts[2];
        let other = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{}.{}.{other}{}", parts[0], parts[1], &signature[1..]);
        let refused = verified(&python, &key, subject, scope, &forged).unwrap_err();
        assert!(refused.contains("does not take it"), "{refused}");
    }
}

#[test]
fn oauth2_mock_server_gives_a_token_in_the_person_s_name() {
    let test = "oauth2_mock_server_gives_a_token_in_the_person_s_name";
    let Some(node) = node(OAUTH2_MOCK_SERVER, test) else {
        return;
    };
    block_on(async {
        let port = free_port();
        let mut command = node.script("dist/oauth2-mock-server.mjs");
        command.args(["-a", "127.0.0.1", "-p", &port.to_string()]);
        let _server = Server::start(port, tempfile::tempdir().unwrap(), command);
        let keys = browser().get(at(&base(port), "jwks")).send().await.unwrap();
        let keys: JwkSet = serde_json::from_str(&keys.text().await.unwrap()).unwrap();
        let (account, http) = account(at(&base(port), "token"));
        for (whom, subject) in [
            (For::Calendar(BOB), BOB),
            (For::Directory, ADMIN),
            (For::Calendar(BOB), BOB),
        ] {
            let token = account.bearer(whom).await.unwrap();
            let kid = decode_header(token.expose()).unwrap().kid.unwrap();
            let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
            let mut rules = Validation::new(Algorithm::RS256);
            rules.validate_aud = false;
            let claims = decode::<Value>(token.expose(), &key, &rules)
                .unwrap()
                .claims;
            assert_eq!(claims["sub"], subject, "{claims}");
        }
        assert_eq!(http.meter().requests(), 2);
    });
}
