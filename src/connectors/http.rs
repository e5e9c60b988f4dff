//! One HTTP client for all makers: paced, retried with jitter, bounded, and deaf to redirects.
//!
//! Calls go in, answers come out. A call goes only to the origins the instance was set up with, so
//! that no link in an answer can lead a token elsewhere. Nothing here knows a maker's rules: each
//! call brings a judge that says what an answer means.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use url::{Host, Origin, Url};

use super::{Failure, FailureKind};
use crate::clock;
use crate::config::Secret;

/// The limits of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// A call that takes longer is given up and tried again.
    pub timeout: Duration,
    /// A larger body is a [`FailureKind::Limit`].
    pub max_body_bytes: usize,
    /// Calls are spread evenly so that no minute has more; 0 sets no pace.
    pub requests_per_minute: u32,
    pub retry: Retry,
}

/// How often and how patiently a call is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Tries of one call, the first included.
    pub tries: u32,
    /// The pause after the first try; it doubles. The pause taken is a random half to whole of it.
    pub first_pause: Duration,
    /// The longest pause of our own choosing.
    pub longest_pause: Duration,
    /// The longest `Retry-After` that is waited for; a longer one ends the call.
    pub longest_retry_after: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            timeout: Duration::from_secs(60),
            max_body_bytes: 32 << 20,
            requests_per_minute: 600,
            retry: Retry {
                tries: 6,
                first_pause: Duration::from_millis(500),
                longest_pause: Duration::from_secs(60),
                longest_retry_after: Duration::from_secs(300),
            },
        }
    }
}

/// What was asked of a client so far.
#[derive(Debug, Default)]
pub struct Meter {
    requests: AtomicU64,
    retries: AtomicU64,
    throttled: AtomicU64,
    waited_ms: AtomicU64,
}

impl Meter {
    /// Requests sent, retries included.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Requests that were a further try.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Answers that told to slow down.
    pub fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Milliseconds spent in pauses between tries, over all calls.
    pub fn waited_ms(&self) -> u64 {
        self.waited_ms.load(Ordering::Relaxed)
    }
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GET`, `POST`, `PROPFIND`, `REPORT`.
    pub method: &'static str,
    pub url: Url,
    pub bearer: Option<Secret>,
    /// User name and password.
    pub basic: Option<(String, Secret)>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Body>,
}

/// What a call sends.
#[derive(Clone)]
pub struct Body {
    pub content_type: &'static str,
    pub bytes: Vec<u8>,
}

// A body may hold a secret (a token call): it is never printed.
impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({}, {} bytes)", self.content_type, self.bytes.len())
    }
}

impl Call {
    /// A plain GET.
    pub fn get(url: Url) -> Call {
        Call {
            method: "GET",
            url,
            bearer: None,
            basic: None,
            headers: Vec::new(),
            body: None,
        }
    }

    /// A form, as token endpoints take it.
    pub fn form(url: Url, fields: &[(&str, &str)]) -> Call {
        let bytes = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish()
            .into_bytes();
        Call {
            method: "POST",
            body: Some(Body {
                content_type: "application/x-www-form-urlencoded",
                bytes,
            }),
            ..Call::get(url)
        }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

/// What an answer means when it is not what was asked for.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Worth another try: after this long when the provider said so, else after a growing pause.
    /// After the last try the failure holds.
    Retry {
        after: Option<Duration>,
        failure: Failure,
    },
    /// Trying again does not help.
    Fail(Failure),
}

impl Answer {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The provider's id of the request.
    pub fn request_id(&self) -> Option<String> {
        ["request-id", "x-request-id", "x-goog-request-id"]
            .iter()
            .find_map(|name| self.header(name))
            .map(|id| id.chars().take(100).collect())
    }

    /// Whether the status is 2xx.
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// How long `Retry-After` asks to wait; a date is held against the answer's own `Date`, so that
    /// a wrong clock here does not matter.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.header("retry-after")?.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        let until = chrono::DateTime::parse_from_rfc2822(text).ok()?.timestamp();
        let now = self
            .date_seconds()
            .unwrap_or_else(|| clock::AsOf::now().micros().div_euclid(1_000_000));
        Some(Duration::from_secs(
            u64::try_from(until.saturating_sub(now)).unwrap_or(0),
        ))
    }

    /// The provider's clock, seconds since the epoch.
    pub fn date_seconds(&self) -> Option<i64> {
        let text = self.header("date")?;
        Some(chrono::DateTime::parse_from_rfc2822(text).ok()?.timestamp())
    }

    /// The body as JSON. A body that is cut short is worth another try.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Verdict> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // Only what kind of error it is and where: the text around it may be anybody's.
            let cause = format!(
                "{} at line {} column {} of {} bytes",
                match error.classify() {
                    serde_json::error::Category::Eof => "cut short",
                    serde_json::error::Category::Syntax => "not JSON",
                    serde_json::error::Category::Data => "not of the promised shape",
                    serde_json::error::Category::Io => "unreadable",
                },
                error.line(),
                error.column(),
                self.body.len()
            );
            Verdict::Retry {
                after: None,
                failure: Failure::new(
                    FailureKind::Contract,
                    format!("the answer cannot be read: {cause}"),
                )
                .of_request(self.request_id()),
            }
        })
    }

    /// The meaning of an answer that every maker shares: told to slow down (429), out of order for
    /// the moment (408, 5xx), anything else a breach of contract.
    pub fn judged(&self, what: &str) -> Verdict {
        let failure =
            |kind, message: String| Failure::new(kind, message).of_request(self.request_id());
        match self.status {
            429 => Verdict::Retry {
                after: self.retry_after(),
                failure: failure(
                    FailureKind::Throttled,
                    format!("{what}: told to slow down (429), and still after the last try"),
                ),
            },
            408 | 500..=599 => Verdict::Retry {
                after: self.retry_after(),
                failure: failure(
                    FailureKind::Transient,
                    format!("{what}: the provider failed (HTTP {})", self.status),
                ),
            },
            300..=399 => Verdict::Fail(failure(
                FailureKind::Contract,
                format!(
                    "{what}: was sent elsewhere (HTTP {}), which is not followed; correct the URL",
                    self.status
                ),
            )),
            status => Verdict::Fail(failure(
                FailureKind::Contract,
                format!("{what}: refused (HTTP {status})"),
            )),
        }
    }
}

/// The client of one instance.
#[derive(Debug)]
pub struct Http {
    client: reqwest::Client,
    bounds: Bounds,
    origins: Vec<Origin>,
    next: Mutex<Option<Instant>>,
    meter: Meter,
}

impl Http {
    /// A client that talks to the origins of these URLs only.
    ///
    /// # Errors
    /// [`FailureKind::Config`] for a URL that is neither https nor http on this machine.
    pub fn new(bounds: Bounds, bases: &[&Url]) -> Result<Http, Failure> {
        for base in bases {
            let local = match base.host() {
                Some(Host::Domain(name)) => name == "localhost",
                Some(Host::Ipv4(address)) => address.is_loopback(),
                Some(Host::Ipv6(address)) => address.is_loopback(),
                None => false,
            };
            if !(base.scheme() == "https" || (base.scheme() == "http" && local)) {
                return Err(Failure::new(
                    FailureKind::Config,
                    format!(
                        "{}: credentials and calendars go over https only",
                        base.origin().ascii_serialization()
                    ),
                ));
            }
        }
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(bounds.timeout)
            .connect_timeout(bounds.timeout.min(Duration::from_secs(15)))
            .referer(false)
            .user_agent(concat!("activlake/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                Failure::new(
                    FailureKind::Config,
                    format!("no HTTPS client can be made: {error}"),
                )
            })?;
        Ok(Http {
            client,
            bounds,
            origins: bases.iter().map(|base| base.origin()).collect(),
            next: Mutex::new(None),
            meter: Meter::default(),
        })
    }

    /// What was asked so far.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Makes a call until `judge` is content, its answer cannot get better, or the tries are spent.
    ///
    /// # Errors
    /// The judge's last failure, or what kept an answer from coming.
    pub async fn send<T>(
        &self,
        call: &Call,
        judge: impl Fn(Answer) -> Result<T, Verdict>,
    ) -> Result<T, Failure> {
        if !self.origins.contains(&call.url.origin()) {
            return Err(Failure::new(
                FailureKind::Contract,
                format!(
                    "a link to {} was refused: the instance is set up for {}",
                    call.url.origin().ascii_serialization(),
                    self.origins
                        .iter()
                        .map(Origin::ascii_serialization)
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            ));
        }
        let retry = &self.bounds.retry;
        let mut pause = retry.first_pause;
        let mut tries = 0;
        loop {
            tries += 1;
            self.pace().await;
            self.meter.requests.fetch_add(1, Ordering::Relaxed);
            if tries > 1 {
                self.meter.retries.fetch_add(1, Ordering::Relaxed);
            }
            let verdict = match self.once(call).await {
                Ok(answer) => match judge(answer) {
                    Ok(value) => return Ok(value),
                    Err(verdict) => verdict,
                },
                Err(verdict) => verdict,
            };
            let (after, failure) = match verdict {
                Verdict::Fail(failure) => return Err(failure),
                Verdict::Retry { after, failure } => (after, failure),
            };
            if failure.kind == FailureKind::Throttled {
                self.meter.throttled.fetch_add(1, Ordering::Relaxed);
            }
            if tries >= retry.tries || after.is_some_and(|after| after > retry.longest_retry_after)
            {
                return Err(failure);
            }
            let wait = match after {
                // What is asked for is waited for in full; the jitter comes on top.
                Some(after) => after + jittered(retry.first_pause) / 4,
                None => jittered(pause),
            };
            pause = (pause * 2).min(retry.longest_pause);
            let waited_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            self.meter.waited_ms.fetch_add(waited_ms, Ordering::Relaxed);
            tracing::debug!(tries, waited_ms, "{}; trying again", failure.message);
            tokio::time::sleep(wait).await;
        }
    }

    /// Waits for this call's turn.
    async fn pace(&self) {
        if self.bounds.requests_per_minute == 0 {
            return;
        }
        let gap = Duration::from_secs(60) / self.bounds.requests_per_minute;
        let turn = {
            let mut next = self.next.lock().await;
            let now = Instant::now();
            let turn = next.map_or(now, |next| next.max(now));
            *next = Some(turn + gap);
            turn
        };
        tokio::time::sleep_until(turn).await;
    }

    async fn once(&self, call: &Call) -> Result<Answer, Verdict> {
        let transient = |error: reqwest::Error| {
            // Without its URL, which may name a person.
            let cause = innermost(&error.without_url());
            Verdict::Retry {
                after: None,
                failure: Failure::new(
                    FailureKind::Transient,
                    format!(
                        "no answer from {}: {cause}",
                        call.url.origin().ascii_serialization()
                    ),
                ),
            }
        };
        let method =
            reqwest::Method::from_bytes(call.method.as_bytes()).unwrap_or(reqwest::Method::GET);
        let mut request = self.client.request(method, call.url.clone());
        if let Some(bearer) = &call.bearer {
            request = request.bearer_auth(bearer.expose());
        }
        if let Some((user, password)) = &call.basic {
            request = request.basic_auth(user, Some(password.expose()));
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &call.body {
            request = request
                .header(reqwest::header::CONTENT_TYPE, body.content_type)
                .body(body.bytes.clone());
        }
        let mut response = request.send().await.map_err(transient)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transient)? {
            if body.len() + chunk.len() > self.bounds.max_body_bytes {
                return Err(Verdict::Fail(Failure::new(
                    FailureKind::Limit,
                    format!(
                        "an answer is larger than max_body_bytes = {}; raise it in [[integration]]",
                        self.bounds.max_body_bytes
                    ),
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            headers,
            body,
        })
    }
}

/// The cause at the bottom: what the layers above say is only that something failed.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// A random duration from half to the whole.
fn jittered(pause: Duration) -> Duration {
    let parts = u32::try_from(clock::nonce() % 1_000).unwrap_or(0);
    pause / 2 + (pause / 2) * parts / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let mut map = reqwest::header::HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer {
            status,
            headers: map,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_by_the_provider_s_clock() {
        let seconds = answer(429, &[("retry-after", "7")], "");
        assert_eq!(seconds.retry_after(), Some(Duration::from_secs(7)));
        let date = answer(
            503,
            &[
                ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
                ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"),
            ],
            "",
        );
        assert_eq!(date.retry_after(), Some(Duration::from_secs(30)));
        assert_eq!(answer(429, &[], "").retry_after(), None);
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (url, fine) in [
            ("https://example.com/x", true),
            ("http://127.0.0.1:9/x", true),
            ("http://[::1]:9/x", true),
            ("http://localhost:9/x", true),
            ("http://example.com/x", false),
            ("ftp://example.com/x", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(Http::new(Bounds::default(), &[&url]).is_ok(), fine, "{url}");
        }
    }

    #[tokio::test]
    async fn a_link_to_another_host_is_refused_before_anything_is_sent() {
        let base = Url::parse("https://example.com").unwrap();
        let http = Http::new(Bounds::default(), &[&base]).unwrap();
        let mut call = Call::get(Url::parse("https://example.org/x").unwrap());
        call.bearer = Some(Secret::new("s3cret".into()));
        let failure = http
            .send(&call, |_| Ok::<_, Verdict>(()))
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Contract);
        assert_eq!(http.meter().requests(), 0);
        assert!(!format!("{call:?} {failure:?}").contains("s3cret"));
    }

    #[test]
    fn a_cut_body_says_where_and_not_what() {
        let cut = answer(200, &[], r#"{"items": [{"summary": "Raise for Ann"#);
        let Err(Verdict::Retry { failure, .. }) = cut.json::<serde_json::Value>() else {
            panic!("it was read");
        };
        assert!(failure.message.contains("cut short"), "{failure}");
        assert!(!failure.message.contains("Ann"), "{failure}");
    }

    #[test]
    fn the_pause_is_half_to_whole() {
        for _ in 0..1_000 {
            let pause = jittered(Duration::from_secs(2));
            assert!(pause >= Duration::from_secs(1) && pause <= Duration::from_secs(2));
        }
    }
}
