//! Google's consent, token and revocation endpoints, and who holds which token.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::keys::{
    GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, SERVICE_ACCOUNT_EMAIL, SERVICE_ACCOUNT_PUBLIC_PEM,
};
use super::reply::Reply;
use super::server::{Request, State};

/// What a bearer token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access {
    /// The person in whose name it acts; nobody for an app of its own right.
    pub subject: Option<String>,
    /// A person's consent, not a service account's say-so.
    pub consented: bool,
    /// Google's scopes, or the roles of a Graph app.
    pub scopes: Vec<String>,
    /// Seconds since 1970.
    pub until: i64,
    pub google: bool,
}

#[derive(Clone, Debug)]
struct Code {
    redirect: String,
    challenge: Option<String>,
    scopes: Vec<String>,
    subject: String,
    offline: bool,
}

#[derive(Clone, Debug)]
struct Refresh {
    subject: String,
    scopes: Vec<String>,
}

/// All that was given out.
#[derive(Debug, Default)]
pub(super) struct Grants {
    access: BTreeMap<String, Access>,
    refresh: BTreeMap<String, Refresh>,
    codes: BTreeMap<String, Code>,
    consented_before: bool,
    issued: u64,
}

impl Grants {
    pub fn next(&mut self) -> u64 {
        self.issued += 1;
        self.issued
    }

    pub fn keep(&mut self, token: &str, access: Access) {
        self.access.insert(token.into(), access);
    }

    /// What a token is good for at this moment.
    pub fn holds(&self, token: &str, now: i64) -> Option<&Access> {
        self.access.get(token).filter(|access| access.until > now)
    }

    /// Every access token stops working; refresh tokens go on.
    pub fn end_access(&mut self) {
        self.access.clear();
    }

    /// Everything that people consented to stops working.
    pub fn revoke_all(&mut self) {
        self.access.retain(|_, access| !access.consented);
        self.refresh.clear();
    }

    /// A refresh token as consent gives it.
    pub fn refresh_token(&mut self, subject: &str, scopes: &[&str]) -> String {
        let token = format!("1//refresh-{}", self.next());
        self.refresh.insert(
            token.clone(),
            Refresh {
                subject: subject.into(),
                scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            },
        );
        token
    }
}

/// `GET /o/oauth2/v2/auth`: the person who is asked consents at once (or refuses, by the options).
/// https://developers.google.com/identity/protocols/oauth2/web-server
pub(super) fn authorize(state: &mut State, request: &Request) -> Reply {
    let refused = |why: &str| Reply::json(400, json!({ "error": "invalid_request", "why": why }));
    let known = [
        "client_id",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
        "access_type",
        "prompt",
        "code_challenge",
        "code_challenge_method",
        "include_granted_scopes",
        "login_hint",
        "hd",
        "enable_granular_consent",
    ];
    if let Some((name, _)) = request
        .query
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()))
    {
        return refused(name);
    }
    let (Some(redirect), Some(scope)) = (request.one("redirect_uri"), request.one("scope")) else {
        return refused("redirect_uri and scope are mandatory");
    };
    if request.one("client_id") != Some(GOOGLE_CLIENT_ID)
        || request.one("response_type") != Some("code")
    {
        return refused("client_id or response_type");
    }
    // RFC 7636 §4.3; S256 is what is wanted of a native app.
    let challenge = request.one("code_challenge");
    if challenge.is_some() && request.one("code_challenge_method") != Some("S256") {
        return refused("code_challenge_method");
    }
    let Ok(mut back) = url::Url::parse(redirect) else {
        return refused("redirect_uri");
    };
    if let Some(text) = request.one("state") {
        back.query_pairs_mut().append_pair("state", text);
    }
    let Some(admin) = state.truth.people().iter().find(|person| person.admin) else {
        return refused("nobody to ask");
    };
    if state.options.consent {
        // A refresh token comes with the first consent, later only when it is asked for anew.
        let offline = request.one("access_type") == Some("offline")
            && (!state.grants.consented_before
                || request.one("prompt").is_some_and(|p| p.contains("consent")));
        let code = Code {
            redirect: redirect.into(),
            challenge: challenge.map(str::to_owned),
            scopes: scope.split_whitespace().map(str::to_owned).collect(),
            subject: admin.key.clone(),
            offline,
        };
        let name = format!("4/code-{}", state.grants.next());
        back.query_pairs_mut()
            .append_pair("code", &name)
            .append_pair("scope", scope);
        state.grants.codes.insert(name, code);
        state.grants.consented_before = true;
    } else {
        back.query_pairs_mut().append_pair("error", "access_denied");
    }
    Reply::json(302, Value::Null).header("location", back.as_str())
}

fn refused(status: u16, error: &str, description: &str) -> Reply {
    Reply::json(
        status,
        json!({ "error": error, "error_description": description }),
    )
}

/// Whether the caller shows the client's id and secret, in the body or as HTTP Basic (RFC 6749
/// §2.3.1).
fn is_client(request: &Request) -> bool {
    let basic = format!(
        "Basic {}",
        base64(
            format!("{GOOGLE_CLIENT_ID}:{GOOGLE_CLIENT_SECRET}").as_bytes(),
            b'+',
            b'/',
            true
        )
    );
    request.header("authorization") == Some(basic.as_str())
        || (request.field("client_id") == Some(GOOGLE_CLIENT_ID)
            && request.field("client_secret") == Some(GOOGLE_CLIENT_SECRET))
}

/// `POST /token`.
pub(super) fn token(state: &mut State, request: &Request) -> Reply {
    if !request.is_form() {
        return refused(400, "invalid_request", "Body must be a form.");
    }
    match request.field("grant_type") {
        Some("authorization_code") if is_client(request) => code_grant(state, request),
        Some("refresh_token") if is_client(request) => refresh_grant(state, request),
        Some("authorization_code" | "refresh_token") => {
            refused(401, "invalid_client", "Unauthorized")
        }
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => jwt_grant(state, request),
        Some(other) => refused(
            400,
            "unsupported_grant_type",
            &format!("Invalid grant_type: {other}"),
        ),
        None => refused(
            400,
            "invalid_request",
            "Missing required parameter: grant_type",
        ),
    }
}

fn issue(state: &mut State, access: Access, refresh: Option<String>) -> Reply {
    let token = format!("ya29.access-{}", state.grants.next());
    let mut body = json!({
        "access_token": token,
        "expires_in": state.options.token_seconds,
        "scope": access.scopes.join(" "),
        "token_type": "Bearer",
    });
    if let Some(refresh) = refresh {
        body["refresh_token"] = refresh.into();
    }
    state.grants.keep(&token, access);
    Reply::json(200, body)
}

fn code_grant(state: &mut State, request: &Request) -> Reply {
    // A code is good for one try (RFC 6749 §4.1.2).
    let Some(code) = request
        .field("code")
        .and_then(|code| state.grants.codes.remove(code))
    else {
        return refused(400, "invalid_grant", "Malformed auth code.");
    };
    if request.field("redirect_uri") != Some(code.redirect.as_str()) {
        return refused(400, "redirect_uri_mismatch", "Bad Request");
    }
    // RFC 7636 §4.6.
    if let Some(challenge) = &code.challenge {
        let Some(verifier) = request.field("code_verifier") else {
            return refused(400, "invalid_grant", "Missing code verifier.");
        };
        let digest = Sha256::digest(verifier.as_bytes());
        if !(43..=128).contains(&verifier.len()) || base64(&digest, b'-', b'_', false) != *challenge
        {
            return refused(400, "invalid_grant", "Invalid code verifier.");
        }
    }
    let scopes: Vec<&str> = code.scopes.iter().map(String::as_str).collect();
    let refresh = code
        .offline
        .then(|| state.grants.refresh_token(&code.subject, &scopes));
    let access = Access {
        subject: Some(code.subject),
        consented: true,
        scopes: code.scopes,
        until: state.now() + state.options.token_seconds,
        google: true,
    };
    issue(state, access, refresh)
}

fn refresh_grant(state: &mut State, request: &Request) -> Reply {
    let held = request
        .field("refresh_token")
        .and_then(|token| state.grants.refresh.get(token))
        .cloned();
    // One text for many causes: https://developers.google.com/identity/protocols/oauth2
    let Some(Refresh { subject, scopes }) = held else {
        return refused(400, "invalid_grant", "Token has been expired or revoked.");
    };
    let access = Access {
        subject: Some(subject),
        consented: true,
        scopes,
        until: state.now() + state.options.token_seconds,
        google: true,
    };
    issue(state, access, None)
}

/// RFC 7523; https://developers.google.com/identity/protocols/oauth2/service-account
fn jwt_grant(state: &mut State, request: &Request) -> Reply {
    let Some(assertion) = request.field("assertion") else {
        return refused(
            400,
            "invalid_request",
            "Missing required parameter: assertion",
        );
    };
    let key = DecodingKey::from_rsa_pem(SERVICE_ACCOUNT_PUBLIC_PEM.as_bytes()).unwrap();
    let mut checks = Validation::new(Algorithm::RS256);
    // The times are held against this server's clock, which tests can put wrong.
    checks.validate_exp = false;
    checks.validate_aud = false;
    let claims = match jsonwebtoken::decode::<Value>(assertion, &key, &checks) {
        Ok(token) => token.claims,
        Err(_) => return refused(400, "invalid_grant", "Invalid JWT Signature."),
    };
    let now = state.now();
    let own_token_url = format!("{}/token", state.base);
    let audiences = ["https://oauth2.googleapis.com/token", &own_token_url];
    if claims["iss"] != SERVICE_ACCOUNT_EMAIL {
        return refused(
            400,
            "invalid_grant",
            "Invalid grant: account not found [issuer]",
        );
    }
    if !claims["aud"]
        .as_str()
        .is_some_and(|aud| audiences.contains(&aud))
    {
        return refused(
            400,
            "invalid_grant",
            "Failed audience check. The right audience is https://oauth2.googleapis.com/token",
        );
    }
    let (Some(iat), Some(exp)) = (claims["iat"].as_i64(), claims["exp"].as_i64()) else {
        return refused(400, "invalid_grant", "Invalid JWT: iat and exp are needed.");
    };
    // `exp` at most an hour after `iat`, same page.
    if iat > now + 60 || exp <= now || exp - iat > 3_600 {
        return refused(
            400,
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable \
             timeframe. Check your iat and exp values in the JWT claim.",
        );
    }
    let scopes: Vec<String> = claims["scope"]
        .as_str()
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    // The administrator allows scopes to a client one by one; anything else refuses all.
    if scopes.is_empty()
        || !scopes
            .iter()
            .all(|scope| state.options.delegated_scopes.contains(scope))
    {
        return refused(
            401,
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not \
             authorized for any of the scopes requested.",
        );
    }
    let subject = match claims["sub"].as_str() {
        None | Some(SERVICE_ACCOUNT_EMAIL) => None,
        Some(sub) => match state.truth.of_address(sub) {
            Some(person) if !person.suspended => Some(person.key.clone()),
            _ => return refused(400, "invalid_grant", "Invalid email or User ID"),
        },
    };
    let access = Access {
        subject,
        consented: false,
        scopes,
        until: now + state.options.token_seconds.min(exp - now),
        google: true,
    };
    issue(state, access, None)
}

/// The key of the person in whose name an assertion asks, unchecked.
pub(super) fn acts_for(state: &State, request: &Request) -> Option<String> {
    let assertion = request.field("assertion")?;
    let claims: Value = jsonwebtoken::dangerous::insecure_decode_claims(assertion).ok()?;
    let person = state.truth.of_address(claims["sub"].as_str()?)?;
    Some(person.key.clone())
}

/// `POST /revoke`: a refresh or an access token ends, and with it what came from the same consent.
/// https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
pub(super) fn revoke(state: &mut State, request: &Request) -> Reply {
    let token = request.field("token").or_else(|| request.one("token"));
    let known = token.is_some_and(|token| {
        state.grants.refresh.contains_key(token)
            || state
                .grants
                .access
                .get(token)
                .is_some_and(|access| access.consented)
    });
    if !known {
        return refused(400, "invalid_token", "Token expired or revoked");
    }
    state.grants.revoke_all();
    Reply::json(200, json!({}))
}

/// RFC 4648, with the two last letters of the alphabet.
pub(super) fn base64(bytes: &[u8], plus: u8, slash: u8, padded: bool) -> String {
    let mut alphabet: Vec<u8> = (b'A'..=b'Z')
        .chain(b'a'..=b'z')
        .chain(b'0'..=b'9')
        .collect();
    alphabet.extend([plus, slash]);
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = group
            .iter()
            .chain([0, 0].iter())
            .take(3)
            .fold(0usize, |word, byte| (word << 8) | usize::from(*byte));
        for place in 0..4 {
            if place <= group.len() {
                let letter = (word >> (18 - 6 * place)) & 63;
                text.push(char::from(alphabet[letter]));
            } else if padded {
                text.push('=');
            }
        }
    }
    text
}
