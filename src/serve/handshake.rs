//! Who calls: reads the `authorization` header or the handshake's payload, and logs in.
//!
//! A name and a password are checked on a blocking thread, a few at a time, and become a bearer
//! token. Clients read the token from the response header or from the payload, so both carry it.
//! Names, passwords and tokens are never logged.

use std::time::Duration;

use arrow_flight::{BasicAuth, HandshakeRequest, HandshakeResponse};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use prost::Message;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Response, Status, Streaming};

use super::flight::Service;
use super::status::of_access;
use crate::access::{self, Principal, Session, admit, password};

/// How long a client may take to send a payload that the header should have carried.
const PAYLOAD_WAIT: Duration = Duration::from_secs(10);

/// What a caller shows.
pub(super) enum Shown {
    Password { name: String, password: String },
    Token(String),
}

impl Shown {
    /// Reads the `authorization` header; `None` without one.
    ///
    /// # Errors
    /// `Unauthenticated` when the header is of another scheme or cannot be read.
    pub fn read(headers: &MetadataMap) -> Result<Option<Self>, Status> {
        let Some(header) = headers.get("authorization") else {
            return Ok(None);
        };
        let unreadable =
            || Status::unauthenticated("the authorization header is neither Basic nor Bearer");
        let header = header.to_str().map_err(|_| unreadable())?;
        let (scheme, value) = header.trim().split_once(' ').ok_or_else(unreadable)?;
        let value = value.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Ok(Some(Shown::Token(value.to_string())));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(unreadable());
        }
        let text = base64(value).and_then(|bytes| String::from_utf8(bytes).ok());
        let (name, password) = text
            .as_deref()
            .and_then(|text| text.split_once(':'))
            .ok_or_else(unreadable)?;
        Ok(Some(Shown::Password {
            name: name.to_string(),
            password: password.to_string(),
        }))
    }
}

impl Service {
    /// The handshake: a password opens a session, a token is confirmed.
    pub(super) async fn handshake(
        &self,
        headers: &MetadataMap,
        payload: Streaming<HandshakeRequest>,
    ) -> Result<Response<BoxStream<'static, Result<HandshakeResponse, Status>>>, Status> {
        let shown = match Shown::read(headers)? {
            Some(shown) => shown,
            None => in_payload(payload).await?,
        };
        let token = match shown {
            Shown::Password { name, password } => {
                let principal = self.log_in(&name, password).await?;
                let (token, session) = self
                    .sessions
                    .open(principal, self.now())
                    .map_err(of_access)?;
                tracing::info!(session = %session.id, "session opened");
                token.expose().to_string()
            }
            Shown::Token(token) => {
                self.resolve(&token)?;
                token
            }
        };
        let header = MetadataValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Status::internal("the token does not fit a header"))?;
        let answer = HandshakeResponse {
            protocol_version: 0,
            payload: token.into(),
        };
        let mut response = Response::new(stream::iter([Ok(answer)]).boxed());
        response.metadata_mut().insert("authorization", header);
        Ok(response)
    }

    /// The session that a call belongs to. A call may carry a password in place of a token.
    pub(super) async fn authenticate(&self, headers: &MetadataMap) -> Result<Session, Status> {
        match Shown::read(headers)? {
            None => Err(of_access(access::Error::NoCredentials)),
            Some(Shown::Token(token)) => self.resolve(&token),
            Some(Shown::Password { name, password }) => {
                let principal = self.log_in(&name, password).await?;
                self.sessions
                    .open_shared(principal, self.now())
                    .map_err(of_access)
            }
        }
    }

    /// Looks at a caller's rights again, as they are committed now.
    ///
    /// # Errors
    /// `PermissionDenied` when the consumer was removed or is no longer admitted,
    /// `Unauthenticated` when the role changed; the session is then closed.
    pub(super) async fn readmit(&self, caller: &Session) -> Result<(), Status> {
        self.directory
            .refresh()
            .await
            .map_err(|error| super::status::of(&error))?;
        let email = &caller.principal.email;
        let outcome = match self.directory.find(email) {
            None => Err(access::Error::Removed {
                email: email.clone(),
            }),
            // Another role is another session, also where it would be admitted.
            Some(found) => admit(&found.principal).and_then(|()| {
                if found.principal == *caller.principal {
                    Ok(())
                } else {
                    Err(access::Error::UnknownToken)
                }
            }),
        };
        if outcome.is_err() {
            self.close(caller);
        }
        outcome.map_err(of_access)
    }

    /// Ends a session and what it holds.
    pub(super) fn close(&self, session: &Session) {
        self.sessions.revoke(session.id);
        self.prepared.close_all(session.id);
        tracing::info!(session = %session.id, "session closed");
    }

    fn resolve(&self, token: &str) -> Result<Session, Status> {
        self.sessions.resolve(token, self.now()).map_err(of_access)
    }

    async fn log_in(&self, name: &str, password: String) -> Result<Principal, Status> {
        self.directory
            .refresh()
            .await
            .map_err(|error| super::status::of(&error))?;
        let found = self.directory.find(&name.trim().to_lowercase());
        let phc = found.as_ref().and_then(|found| found.phc.clone());
        let stopping = |_| Status::unavailable("the server is stopping");
        // Each verification takes memory and a core for a moment: a flood of logins waits here.
        let _turn = self.verifying.acquire().await.map_err(|_| stopping(()))?;
        let matches =
            tokio::task::spawn_blocking(move || password::verify(&password, phc.as_deref()))
                .await
                .map_err(|_| stopping(()))?;
        match found {
            Some(found) if matches => {
                // Only after the password, so that a guess does not learn a role.
                admit(&found.principal).map_err(of_access)?;
                Ok(found.principal)
            }
            _ => {
                tracing::warn!("a login was refused");
                Err(of_access(access::Error::BadCredentials))
            }
        }
    }
}

/// The older form of the handshake: name and password in the first message.
async fn in_payload(mut payload: Streaming<HandshakeRequest>) -> Result<Shown, Status> {
    let missing = || of_access(access::Error::NoCredentials);
    let first = tokio::time::timeout(PAYLOAD_WAIT, payload.message())
        .await
        .map_err(|_| missing())??
        .ok_or_else(missing)?;
    let basic = BasicAuth::decode(&*first.payload).map_err(|_| missing())?;
    if basic.username.is_empty() {
        return Err(missing());
    }
    Ok(Shown::Password {
        name: basic.username,
        password: basic.password,
    })
}

/// Decodes base64 (RFC 4648 §4), with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut held, mut held_bits) = (0_u32, 0_u32);
    for character in text.bytes() {
        let sextet = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(sextet)) & 0xffff;
        held_bits += 6;
        if held_bits >= 8 {
            held_bits -= 8;
            bytes.push((held >> held_bits & 0xff) as u8);
        }
    }
    // Six left-over bits are no byte.
    (held_bits < 6).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(header: &str) -> Result<Option<Shown>, Status> {
        let mut headers = MetadataMap::new();
        headers.insert("authorization", header.parse().unwrap());
        Shown::read(&headers)
    }

    #[test]
    fn base64_is_decoded() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zg", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYmFy", b"foobar"),
            ("+/+/", &[0xfb, 0xff, 0xbf]),
        ] {
            assert_eq!(base64(text).as_deref(), Some(bytes), "{text}");
        }
        for text in ["Z", "Zm9vY", "Zm 9v", "Zm-_"] {
            assert_eq!(base64(text), None, "{text}");
        }
    }

    #[test]
    fn both_schemes_are_read() {
        // "ada@example.com:a:b c"
        let basic = "basic  YWRhQGV4YW1wbGUuY29tOmE6YiBj";
        let Ok(Some(Shown::Password { name, password })) = shown(basic) else {
            panic!("not read");
        };
        assert_eq!(
            (name.as_str(), password.as_str()),
            ("ada@example.com", "a:b c")
        );
        let Ok(Some(Shown::Token(token))) = shown("Bearer abc") else {
            panic!("not read");
        };
        assert_eq!(token, "abc");
        assert!(Shown::read(&MetadataMap::new()).unwrap().is_none());
        for wrong in ["Digest x", "Basic", "Basic !!!", "Basic Zm9v", "abc"] {
            let status = shown(wrong).err().unwrap();
            assert_eq!(status.code(), tonic::Code::Unauthenticated, "{wrong}");
        }
    }
}
