//! The HTTP side: a thread with a runtime of its own, so that blocking tests may start the real
//! binary against it; routes a request, lets faults act, writes down what was asked.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use super::faults::{Armed, Does, Endpoint, due, instead};
use super::oauth::Grants;
use super::options::Options;
use super::paging::Pages;
use super::record::Recorded;
use super::reply::Reply;
use super::truth::Truth;
use super::{calendar_view, directory, entra, google, graph, oauth};

/// Everything the simulator knows.
pub(super) struct State {
    /// `http://127.0.0.1:port`, without a slash at the end.
    pub base: String,
    pub began: Instant,
    pub truth: Truth,
    pub options: Options,
    pub grants: Grants,
    pub pages: Pages,
    pub faults: Vec<Armed>,
    pub requests: Vec<Recorded>,
    in_flight: BTreeMap<String, usize>,
    pub at_once: BTreeMap<String, usize>,
}

impl State {
    pub fn new(truth: Truth, address: SocketAddr) -> State {
        State {
            base: format!("http://{address}"),
            began: Instant::now(),
            truth,
            options: Options::default(),
            grants: Grants::default(),
            pages: Pages::default(),
            faults: Vec::new(),
            requests: Vec::new(),
            in_flight: BTreeMap::new(),
            at_once: BTreeMap::new(),
        }
    }

    /// This server's clock, in seconds since 1970.
    pub fn now(&self) -> i64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        i64::try_from(since.as_secs()).unwrap_or(0) + self.options.clock_skew_seconds
    }

    /// Rows of a page: what was asked for, or fewer by the options.
    pub fn page_size(&self, asked: usize) -> usize {
        self.options
            .page_size
            .map_or(asked, |most| most.min(asked))
            .max(1)
    }

    /// Where a page token leads, when it is of this owner's list and the question is still the same.
    pub fn page_of(&self, token: &str, owner: &str, question: &str) -> Option<(u64, usize)> {
        let (list, offset, listing) = self.pages.of(token)?;
        (listing.owner == owner && listing.question == question).then_some((list, offset))
    }
}

/// A request, decoded.
pub(super) struct Request {
    pub method: String,
    pub path: String,
    pub segments: Vec<String>,
    pub query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    form: Vec<(String, String)>,
}

impl Request {
    /// A query parameter.
    pub fn one(&self, name: &str) -> Option<&str> {
        value_of(&self.query, name)
    }

    /// All values of a query parameter.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.query
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// A field of a form.
    pub fn field(&self, name: &str) -> Option<&str> {
        value_of(&self.form, name)
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    pub fn is_form(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    }
}

fn value_of<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text)
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

/// What a path asks for, and of whom.
fn route(request: &Request) -> Option<(Endpoint, Option<&str>)> {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    let endpoint = match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["o", "oauth2", "v2", "auth"]) => (Endpoint::Authorize, None),
        ("POST", ["token"]) => (Endpoint::GoogleToken, None),
        ("POST", ["revoke"]) => (Endpoint::Revoke, None),
        ("GET", ["admin", "directory", "v1", "users"]) => (Endpoint::Directory, None),
        ("GET", ["calendar", "v3", "calendars", who, "events"]) => (Endpoint::Events, Some(*who)),
        ("POST", [tenant, "oauth2", "v2.0", "token"]) => (Endpoint::GraphToken, Some(*tenant)),
        ("GET", ["v1.0", "users"]) => (Endpoint::Users, None),
        (
            "GET",
            ["v1.0", "users", who, "calendarView"]
            | ["v1.0", "users", who, "calendar", "calendarView"],
        ) => (Endpoint::CalendarView, Some(*who)),
        (
            "GET",
            [
                "v1.0",
                "users",
                who,
                "calendarView",
                "delta" | "delta()" | "microsoft.graph.delta()",
            ],
        ) => (Endpoint::Delta, Some(*who)),
        _ => return None,
    };
    Some(endpoint)
}

/// What a test may see of a form.
const SHOWN_FIELDS: &[&str] = &["grant_type", "scope", "client_id", "redirect_uri"];
const SHOWN_HEADERS: &[&str] = &[
    "accept",
    "prefer",
    "user-agent",
    "content-type",
    "client-request-id",
];

/// The answer to a request, which takes its place in the record.
fn answer(state: &mut State, request: &Request) -> Reply {
    let at = route(request);
    let subject = request
        .bearer()
        .and_then(|token| state.grants.holds(token, state.now()))
        .and_then(|access| access.subject.clone());
    let person = match at {
        Some((endpoint, Some(who))) if endpoint.is_calendar() => Some(match who {
            "primary" => subject.clone().unwrap_or_else(|| who.to_owned()),
            who => graph::person(&state.truth, who)
                .map_or_else(|| who.to_owned(), |person| person.key.clone()),
        }),
        // Whom a service account asks in the name of.
        Some((Endpoint::GoogleToken, _)) => oauth::acts_for(state, request),
        _ => None,
    };
    let mut faults = Vec::new();
    let reply = match at {
        None => Reply::google(404, "global", "notFound", "Not Found"),
        Some((endpoint, who)) => {
            faults = due(&mut state.faults, endpoint, person.as_deref());
            match faults.iter().find_map(|does| instead(does, endpoint)) {
                Some(reply) => reply,
                None => right_answer(state, request, endpoint, who, person.as_deref(), &faults),
            }
        }
    };
    let reply = spoilt(state, reply, &faults);
    let kept = state
        .options
        .keep_answers
        .then(|| serde_json::from_slice(&reply.body).ok())
        .flatten();
    state.requests.push(Recorded {
        at_ms: u64::try_from(state.began.elapsed().as_millis()).unwrap_or(u64::MAX),
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        endpoint: at.map(|(endpoint, _)| endpoint),
        person,
        subject,
        headers: request
            .headers
            .iter()
            .filter(|(name, _)| SHOWN_HEADERS.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        form: request
            .form
            .iter()
            .filter(|(name, _)| SHOWN_FIELDS.contains(&name.as_str()))
            .cloned()
            .collect(),
        status: reply.status,
        last_page: reply.last_page && reply.status == 200 && !reply.broken_off,
        answer: kept,
    });
    reply
}

fn right_answer(
    state: &mut State,
    request: &Request,
    endpoint: Endpoint,
    who: Option<&str>,
    person: Option<&str>,
    faults: &[Does],
) -> Reply {
    // Outlook: 4 at once for each app and mailbox (docs-contrib concepts/throttling-limits.md).
    let crowded = person
        .and_then(|key| state.in_flight.get(key))
        .is_some_and(|count| *count > state.options.mailbox_concurrency);
    let who = who.unwrap_or_default();
    match endpoint {
        Endpoint::CalendarView | Endpoint::Delta if crowded => Reply::graph(
            429,
            "ApplicationThrottled",
            "Application is over its MailboxConcurrency limit.",
        )
        .retry_after(Some(1)),
        Endpoint::Authorize => oauth::authorize(state, request),
        Endpoint::GoogleToken => oauth::token(state, request),
        Endpoint::Revoke => oauth::revoke(state, request),
        Endpoint::Directory => directory::users(state, request, faults),
        Endpoint::Events => google::events(state, request, who, faults),
        Endpoint::GraphToken => entra::token(state, request, who),
        Endpoint::Users => graph::users(state, request, faults),
        Endpoint::CalendarView => calendar_view::view(state, request, who, faults),
        Endpoint::Delta => calendar_view::delta(state, request, who, faults),
    }
}

/// What faults do to an answer that was right.
fn spoilt(state: &State, mut reply: Reply, faults: &[Does]) -> Reply {
    reply.delay = state.options.latency;
    for fault in faults {
        match fault {
            Does::CutJson => {
                reply.body.truncate(reply.body.len() * 2 / 3);
                reply.last_page = false;
            }
            Does::CloseEarly => reply.broken_off = true,
            Does::Slow(delay) => reply.delay += *delay,
            Does::ElsewhereNext(origin) => {
                let text = String::from_utf8_lossy(&reply.body);
                reply.body = text.replace(&state.base, origin).into_bytes();
            }
            _ => {}
        }
    }
    reply
}

type Body = BoxBody<Bytes, std::io::Error>;
type Shared = Arc<Mutex<State>>;

pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn decoded(request: hyper::Request<Incoming>) -> Request {
    let (head, body) = request.into_parts();
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .into_owned()
    };
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|all| *all = format!("{all}, {value}"))
            .or_insert(value);
    }
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let mut request = Request {
        method: head.method.as_str().to_owned(),
        path: decode(head.uri.path()),
        segments: head
            .uri
            .path()
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(decode)
            .collect(),
        query: pairs(head.uri.query().unwrap_or_default().as_bytes()),
        headers,
        form: Vec::new(),
    };
    if request.is_form() {
        request.form = pairs(&body);
    }
    request
}

/// Counts a request among those of its mailbox for as long as it lives, also when the caller hangs
/// up before the answer.
struct InFlight {
    state: Shared,
    who: Option<String>,
}

impl InFlight {
    fn of(shared: &Shared, request: &Request) -> InFlight {
        let mut state = lock(shared);
        let who = match route(request) {
            Some((endpoint, Some(who))) if endpoint.is_calendar() => {
                graph::person(&state.truth, who).map(|person| person.key.clone())
            }
            _ => None,
        };
        if let Some(who) = &who {
            let count = state.in_flight.entry(who.clone()).or_default();
            *count += 1;
            let now = *count;
            let most = state.at_once.entry(who.clone()).or_default();
            *most = now.max(*most);
        }
        InFlight {
            state: Arc::clone(shared),
            who,
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(who) = &self.who
            && let Some(count) = lock(&self.state).in_flight.get_mut(who)
        {
            *count -= 1;
        }
    }
}

async fn serve(
    state: Shared,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Body>, Infallible> {
    let request = decoded(request).await;
    let _counted = InFlight::of(&state, &request);
    let (reply, date) = {
        let mut state = lock(&state);
        let reply = answer(&mut state, &request);
        let date = chrono::DateTime::from_timestamp(state.now(), 0)
            .unwrap_or_default()
            .format("%a, %d %b %Y %H:%M:%S GMT")
            .to_string();
        (reply, date)
    };
    tokio::time::sleep(reply.delay).await;
    let mut response = hyper::Response::builder()
        .status(reply.status)
        .header("date", date)
        .header("request-id", "00000000-0000-4000-8000-000000000003");
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    let body: Body = if reply.broken_off {
        response = response.header("content-length", reply.body.len());
        let half = Bytes::from(reply.body[..reply.body.len() / 2].to_vec());
        let parts = [
            Ok(Frame::data(half)),
            Err(std::io::Error::other("broken off on purpose")),
        ];
        BodyExt::boxed(StreamBody::new(futures::stream::iter(parts)))
    } else {
        Full::new(Bytes::from(reply.body))
            .map_err(|never| match never {})
            .boxed()
    };
    Ok(response.body(body).expect("a response"))
}

/// Serves until told to stop.
pub(super) fn run(listener: std::net::TcpListener, state: Shared, stop: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        tokio::pin!(stop);
        loop {
            let stream = tokio::select! {
                _ = &mut stop => return,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(_) => continue,
                },
            };
            let state = Arc::clone(&state);
            let service =
                hyper::service::service_fn(move |request| serve(Arc::clone(&state), request));
            tokio::spawn(async move {
                // A connection that ends badly is what some tests want.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
}
