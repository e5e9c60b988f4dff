//! A very small web server for the tests of this folder: every request is written down and answered
//! by a function.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use crate::config::SecretRef;
use crate::config::integration::{Google, GoogleAuth};
use crate::connectors::{Bounds, Http, Retry};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// On the server itself.
    pub url: Url,
    /// Without `Bearer `.
    pub bearer: String,
    /// Whether there was any `Authorization` header.
    pub authorized: bool,
    pub body: String,
}

impl Asked {
    /// A parameter of the query.
    pub fn query(&self, name: &str) -> Option<String> {
        self.url
            .query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The names of the parameters, in order.
    pub fn parameters(&self) -> Vec<String> {
        self.url
            .query_pairs()
            .map(|(key, _)| key.into_owned())
            .collect()
    }

    /// A field of the form.
    pub fn field(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// Status, further header lines (each with its line end), body.
pub type Reply = (u16, String, String);

/// A plain reply.
pub fn reply(status: u16, body: impl Into<String>) -> Reply {
    (status, String::new(), body.into())
}

pub struct Server {
    pub base: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts one that answers with `answer`, given how many requests came before.
    pub async fn start(answer: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base: Url = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (written, root) = (asked.clone(), base.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = Vec::new();
                let request = loop {
                    let mut chunk = [0; 4096];
                    let size = stream.read(&mut chunk).await.unwrap_or(0);
                    bytes.extend_from_slice(&chunk[..size]);
                    if let Some(request) = parse(&bytes, &root) {
                        break Some(request);
                    }
                    if size == 0 {
                        break None;
                    }
                };
                let Some(request) = request else { continue };
                let before = {
                    let mut written = written.lock().unwrap();
                    written.push(request.clone());
                    written.len() - 1
                };
                let (status, headers, body) = answer(before, &request);
                let reply = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{headers}\
                     Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(reply.as_bytes()).await;
            }
        });
        Server { base, asked }
    }

    /// Everything that came so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// A client for this server that tries twice and hardly waits.
    pub fn http(&self) -> Arc<Http> {
        let bounds = Bounds {
            requests_per_minute: 0,
            retry: Retry {
                tries: 2,
                first_pause: Duration::from_millis(1),
                ..Bounds::default().retry
            },
            ..Bounds::default()
        };
        Arc::new(Http::new(bounds, &[&self.base]).unwrap())
    }

    /// Settings that point here, entered with `auth`.
    pub fn google(&self, auth: GoogleAuth) -> Google {
        let at = |path: &str| self.base.join(path).unwrap();
        Google {
            domain: None,
            auth,
            authorize_url: at("/authorize"),
            token_url: at("/token"),
            revoke_url: at("/revoke"),
            directory_url: at("/"),
            calendar_url: at("/calendar/v3"),
        }
    }
}

/// An OAuth client whose secret is some text that every machine has.
pub fn oauth() -> GoogleAuth {
    GoogleAuth::OAuth {
        client_id: "client-1".into(),
        client_secret: SecretRef::Env("PATH".into()),
    }
}

fn parse(bytes: &[u8], root: &Url) -> Option<Asked> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?, first.next()?);
    let (mut length, mut authorization) = (0, None);
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    (body.len() >= length).then(|| Asked {
        method: method.into(),
        url: root.join(target).unwrap(),
        bearer: authorization
            .as_deref()
            .and_then(|value| value.strip_prefix("Bearer "))
            .unwrap_or_default()
            .into(),
        authorized: authorization.is_some(),
        body: body.into(),
    })
}
