//! A server that keeps what it was asked, where a peer is a library and not a server.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Method and target.
    pub line: String,
    pub authorization: Option<String>,
    pub body: String,
}

impl Asked {
    /// A field of a form.
    pub fn field(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// Answers everything with one JSON text. Ends with the runtime.
pub struct Listener {
    pub base: Url,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Listener {
    pub async fn start(answer: &'static str) -> Listener {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = super::server::base(listener.local_addr().unwrap().port());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = served(stream, &kept, answer).await;
            }
        });
        Listener { base, asked }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn served(mut stream: TcpStream, kept: &Mutex<Vec<Asked>>, answer: &str) -> Option<()> {
    let mut bytes = Vec::new();
    let asked = loop {
        if let Some(asked) = parsed(&bytes) {
            break asked;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    // Before it is answered: who has the answer finds it here.
    kept.lock().unwrap().push(asked);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{answer}",
        answer.len()
    );
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

/// A request, once all of it is there.
fn parsed(bytes: &[u8]) -> Option<Asked> {
    let (head, body) = std::str::from_utf8(bytes).ok()?.split_once("\r\n\r\n")?;
    let (line, headers) = head.split_once("\r\n")?;
    let header = |name: &str| {
        headers
            .split("\r\n")
            .filter_map(|header| header.split_once(": "))
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    (body.len() >= length).then(|| Asked {
        line: line.to_owned(),
        authorization: header("authorization"),
        body: body.to_owned(),
    })
}
