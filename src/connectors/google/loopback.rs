//! One answer from a browser on this machine: where a consent page sends the administrator back to.
//!
//! A listener on the loopback address that lives for one consent. Whatever is no answer to this
//! consent (a favicon, a probe of another program) is turned away and does not end the wait. Nothing
//! that was sent is shown or logged.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

use crate::connectors::{Failure, FailureKind};

/// The largest request head that is read.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// How long one browser may take to send it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections taken before giving up.
const CONNECTIONS_MAX: usize = 200;
/// Connections read side by side: browsers open some that they never use.
const CONNECTIONS_AT_ONCE: usize = 16;

/// A listener on a port of its own.
#[derive(Debug)]
pub(super) struct Loopback {
    listener: TcpListener,
    /// Where the browser is to be sent: `http://127.0.0.1:PORT/`.
    pub url: Url,
}

impl Loopback {
    /// Listens on a free port.
    ///
    /// # Errors
    /// [`FailureKind::Config`] when this machine gives none.
    pub async fn open() -> Result<Loopback, Failure> {
        let none = |cause: String| {
            Failure::new(
                FailureKind::Config,
                format!("cannot listen on 127.0.0.1 ({cause}); use the paste mode instead"),
            )
        };
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(|error| none(error.to_string()))?;
        let port = listener
            .local_addr()
            .map_err(|error| none(error.to_string()))?
            .port();
        let url = Url::parse(&format!("http://127.0.0.1:{port}/"))
            .map_err(|error| none(error.to_string()))?;
        Ok(Loopback { listener, url })
    }

    /// Waits until `accept` takes what a browser was sent back with, and hands that over.
    ///
    /// # Errors
    /// [`FailureKind::Auth`] when nothing came within `timeout`.
    pub async fn wait<T: Send + 'static>(
        &self,
        timeout: Duration,
        accept: impl Fn(&Url) -> Option<T> + Clone + Send + 'static,
    ) -> Result<T, Failure> {
        tokio::time::timeout(timeout, self.first(accept))
            .await
            .unwrap_or_else(|_| {
                Err(Failure::new(
                    FailureKind::Auth,
                    format!(
                        "nobody consented within {} s; start again, or use the paste mode where \
                         the browser runs on another machine",
                        timeout.as_secs()
                    ),
                ))
            })
    }

    async fn first<T: Send + 'static>(
        &self,
        accept: impl Fn(&Url) -> Option<T> + Clone + Send + 'static,
    ) -> Result<T, Failure> {
        let mut readers = JoinSet::new();
        let mut taken = 0;
        loop {
            tokio::select! {
                Some(read) = readers.join_next(), if !readers.is_empty() => {
                    if let Ok(Some(found)) = read {
                        return Ok(found);
                    }
                }
                connection = self.listener.accept(),
                    if taken < CONNECTIONS_MAX && readers.len() < CONNECTIONS_AT_ONCE =>
                {
                    taken += 1;
                    if let Ok((stream, _)) = connection {
                        readers.spawn(serve(stream, self.url.clone(), accept.clone()));
                    }
                }
                else => {
                    return Err(Failure::new(
                        FailureKind::Auth,
                        "too many requests that were no consent; start again",
                    ));
                }
            }
        }
    }
}

/// Answers one connection.
async fn serve<T>(
    mut stream: TcpStream,
    base: Url,
    accept: impl Fn(&Url) -> Option<T>,
) -> Option<T> {
    let head = tokio::time::timeout(HEAD_TIMEOUT, head(&mut stream))
        .await
        .ok()
        .flatten();
    let found = head
        .as_deref()
        .and_then(|head| target(head, &base))
        .and_then(|url| accept(&url));
    let (status, text) = match (&head, &found) {
        (_, Some(_)) => (
            "200 OK",
            "activlake has received the answer. You can close this window and go back to the \
             terminal.",
        ),
        (Some(_), None) => ("404 Not Found", "Nothing is here."),
        (None, None) => ("400 Bad Request", "That was no request."),
    };
    let body = format!("<!doctype html><meta charset=utf-8><title>activlake</title><p>{text}</p>");
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         Content-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    // The answer counts, not whether the browser waited for the page; and a browser that takes
    // nothing must not hold it up.
    let _ = tokio::time::timeout(HEAD_TIMEOUT, async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    })
    .await;
    found
}

/// A request's head, or none when it is too large or ends early.
async fn head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut chunk = [0; 2048];
    loop {
        let size = stream.read(&mut chunk).await.ok()?;
        if size == 0 {
            return None;
        }
        head.extend_from_slice(chunk.get(..size)?);
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            return Some(head);
        }
        if head.len() > HEAD_BYTES_MAX {
            return None;
        }
    }
}

/// What a GET asks for, if it is the page that browsers are sent back to.
fn target(head: &[u8], base: &Url) -> Option<Url> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    if words.next()? != "GET" {
        return None;
    }
    let target = words.next().filter(|target| target.starts_with('/'))?;
    let url = base.join(target).ok()?;
    (url.origin() == base.origin() && url.path() == base.path()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends bytes as they are and gives back what was answered.
    async fn send(url: &Url, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", url.port().unwrap()))
            .await
            .unwrap();
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn get(url: &Url, target: &str) -> String {
        send(
            url,
            format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(),
        )
        .await
    }

    fn code(url: &Url) -> Option<String> {
        url.query_pairs()
            .find(|(name, _)| name == "code")
            .map(|(_, value)| value.into_owned())
    }

    #[tokio::test]
    async fn only_the_page_with_an_answer_ends_the_wait() {
        let loopback = Loopback::open().await.unwrap();
        let url = loopback.url.clone();
        let browser = tokio::spawn(async move {
            // One that says nothing does not keep the others waiting.
            let silent = TcpStream::connect(("127.0.0.1", url.port().unwrap())).await;
            let mut answers = Vec::new();
            for target in [
                "/favicon.ico?code=no",
                "/",
                "//example.com/?code=no",
                "/?code=yes%21",
            ] {
                answers.push(get(&url, target).await);
            }
            drop(silent);
            answers
        });
        let found = loopback.wait(Duration::from_secs(5), code).await.unwrap();
        assert_eq!(found, "yes!");
        let answers = browser.await.unwrap();
        for answer in &answers[..3] {
            assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        }
        assert!(answers[3].starts_with("HTTP/1.1 200"));
        assert!(answers[3].contains("Cache-Control: no-store"));
        assert!(!answers[3].contains("yes!"));
    }

    #[tokio::test]
    async fn odd_requests_are_turned_away() {
        let loopback = Loopback::open().await.unwrap();
        let url = loopback.url.clone();
        let browser = tokio::spawn(async move {
            let posted = send(&url, b"POST /?code=no HTTP/1.1\r\n\r\n").await;
            let flood = send(&url, &vec![b'x'; HEAD_BYTES_MAX * 2]).await;
            let noise = send(&url, b"\xff\xfe\r\n\r\n").await;
            get(&url, "/?code=yes").await;
            (posted, flood, noise)
        });
        let found = loopback.wait(Duration::from_secs(5), code).await.unwrap();
        assert_eq!(found, "yes");
        let (posted, flood, noise) = browser.await.unwrap();
        assert!(posted.starts_with("HTTP/1.1 404"), "{posted}");
        assert!(
            flood.is_empty() || flood.starts_with("HTTP/1.1 400"),
            "{flood}"
        );
        assert!(noise.starts_with("HTTP/1.1 404"), "{noise}");
    }

    #[tokio::test]
    async fn too_many_requests_end_it() {
        let loopback = Loopback::open().await.unwrap();
        let url = loopback.url.clone();
        tokio::spawn(async move {
            for _ in 0..CONNECTIONS_MAX {
                get(&url, "/nothing").await;
            }
        });
        let failure = loopback
            .wait(Duration::from_secs(20), code)
            .await
            .unwrap_err();
        assert!(failure.message.contains("too many"), "{failure}");
    }

    #[tokio::test]
    async fn nobody_is_waited_for_longer_than_told() {
        let loopback = Loopback::open().await.unwrap();
        let failure = loopback
            .wait(Duration::from_secs(1), code)
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Auth);
        assert!(failure.message.contains("within 1 s"), "{failure}");
    }
}
