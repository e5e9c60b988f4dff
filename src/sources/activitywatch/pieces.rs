//! From a host's windows, idle times and tabs to agent records.
//!
//! Window rows are flooded, then split where the idle state or the tab changes, and each piece is
//! one record. Everything is walked through once, by time, in microseconds; only at the very end
//! are durations counted in whole seconds, as the difference of the *floored* boundaries, so that
//! pieces that touch still touch, none overlap, and no time is lost between them.
//!
//! **Keys.** A piece's `event_id` is made from host and start, so the same export gives the same
//! keys and a longer one adds new ones; a last piece that has grown comes again under its key.
//! One start can move: where a stream's last row ended, the next export may have it end later, and
//! what was taken for the piece after it does not exist. Such a piece, at most one per stream, has
//! the key of the stream's *tail* instead. The next export uses the tail for another piece or
//! retracts it. `upload_time` is how far the export reached when it could still change the piece,
//! so that loading an older export later changes nothing.

use std::borrow::Cow;

use rusqlite::Statement;

use super::super::draft::base_name;
use super::super::error::Error;
use super::super::instant::utc_day;
use super::super::{Options, Record, Sink, State};
use super::app::{Family, is_lock_screen};
use super::span::{Apart, Cursor, Span};
use super::store::{Event, Store, Stream, event_of};
use crate::clock::Micros;

const SECOND: Micros = 1_000_000;
/// After this long without news, watchers begin a new row instead of lengthening the last. The
/// idle watcher waits longest: 180 s until idle, and a poll.
const SETTLED_MICROS: Micros = 300 * SECOND;

/// In front.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    number: u64,
    app: String,
    title: Option<String>,
}

/// What two windows must share to be one; where they came from does not count.
impl Window {
    fn of(event: Event) -> Shown {
        Shown(Window {
            number: event.number,
            app: event.app.unwrap_or_default(),
            title: event.title,
        })
    }
}

/// A window that compares by what it shows.
#[derive(Clone, Debug)]
struct Shown(Window);

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.0.app == other.0.app && self.0.title == other.0.title
    }
}

/// In a browser's current tab.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tab {
    url: Option<String>,
    incognito: bool,
}

/// A stretch of time in which nothing changed.
#[derive(Clone, Debug)]
struct Piece {
    number: u64,
    start: Micros,
    end: Micros,
    state: State,
    app: String,
    title: Option<String>,
    url: Option<String>,
}

impl Piece {
    fn same(&self, other: &Piece) -> bool {
        self.state == other.state
            && self.app == other.app
            && self.title == other.title
            && self.url == other.url
    }
}

/// A stream whose last row may still grow.
struct Tail {
    stream: &'static str,
    /// Where that row ends, if it can grow.
    at: Option<Micros>,
    used: bool,
}

fn scratch(input: &str, source: rusqlite::Error) -> Error {
    Error::Scratch {
        name: input.to_owned(),
        source,
    }
}

/// Hands over all records of one host.
pub(super) fn hand_over(
    store: &Store,
    host: &str,
    input: &str,
    options: &Options,
    sink: &mut dyn Sink,
) -> crate::error::Result<()> {
    let failed = |source| scratch(input, source);
    let mut out = Output::new(store, host, options, sink).map_err(failed)?;

    let mut windows = store.by_time().map_err(failed)?;
    let mut windows = Apart::new(
        spans(&mut windows, host, Stream::Window, None, Window::of).map_err(failed)?,
        options.flood_seconds.saturating_mul(SECOND).max(0),
    );
    let mut active = store.by_time().map_err(failed)?;
    let mut active = Cursor::new(Apart::new(
        spans(&mut active, host, Stream::Idle, Some("not-afk"), |_| ()).map_err(failed)?,
        0,
    ));
    let watches_idle = store.has(host, Stream::Idle).map_err(failed)?;

    let families = web_families(store, host).map_err(failed)?;
    let mut statements = Vec::new();
    for family in &families {
        statements.push((*family, store.by_time().map_err(failed)?));
    }
    let mut tabs = Vec::new();
    for (family, statement) in &mut statements {
        let rows = spans(statement, host, Stream::Web(*family), None, |event| Tab {
            url: event.url,
            incognito: event.incognito,
        });
        let apart = Apart::new(rows.map_err(failed)?, 0);
        tabs.push((*family, Cursor::new(apart)));
    }

    while let Some(span) = windows.next().map_err(failed)? {
        let Shown(window) = span.what;
        let locked = is_lock_screen(&window.app);
        let browser = Family::of_app(&window.app).and_then(|family| watcher(family, &families));
        let mut at = span.start;
        while at < span.end {
            let mut end = span.end;
            let mut state = State::PassiveLocked;
            if !locked {
                state = State::Active;
                if watches_idle {
                    let (here, until) = active.at(at).map_err(failed)?;
                    end = end.min(until);
                    if here.is_none() {
                        state = State::Passive;
                    }
                }
            }
            let mut title = window.title.clone();
            let mut url = None;
            let tab = browser.and_then(|wanted| {
                let mut tabs = tabs.iter_mut();
                tabs.find(|(family, _)| *family == wanted)
            });
            if let Some((_, tabs)) = tab {
                let (tab, until) = tabs.at(at).map_err(failed)?;
                end = end.min(until);
                match tab {
                    Some(tab) if tab.incognito => title = None,
                    Some(tab) => url = tab.url.clone(),
                    None => {}
                }
            }
            out.push(Piece {
                number: window.number,
                start: at,
                end,
                state,
                app: window.app.clone(),
                title,
                url,
            })?;
            at = end;
        }
    }
    out.finish()
}

/// The rows of a stream, one at a time.
fn spans<'s, T>(
    statement: &'s mut Statement<'_>,
    host: &str,
    stream: Stream,
    status: Option<&str>,
    what: impl Fn(Event) -> T + 's,
) -> rusqlite::Result<impl FnMut() -> rusqlite::Result<Option<Span<T>>> + 's> {
    let mut rows = Store::rows(statement, host, stream, status)?;
    Ok(move || {
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let event = event_of(row)?;
        Ok(Some(Span {
            start: event.start,
            end: event.end,
            what: what(event),
        }))
    })
}

const FAMILIES: [Option<Family>; 9] = [
    None,
    Some(Family::Chrome),
    Some(Family::Edge),
    Some(Family::Brave),
    Some(Family::Opera),
    Some(Family::Vivaldi),
    Some(Family::Arc),
    Some(Family::Firefox),
    Some(Family::Safari),
];

/// The families whose tabs a host has.
fn web_families(store: &Store, host: &str) -> rusqlite::Result<Vec<Option<Family>>> {
    let mut found = Vec::new();
    for family in FAMILIES {
        if store.has(host, Stream::Web(family))? {
            found.push(family);
        }
    }
    Ok(found)
}

/// Whose tabs belong to a browser: its own; else Chrome's, whose name the extension bears in most
/// of its relatives; else those of a browser that could not be told.
fn watcher(browser: Family, watched: &[Option<Family>]) -> Option<Option<Family>> {
    let own = watched.contains(&Some(browser)).then_some(Some(browser));
    let relative = browser.is_chromium() && watched.contains(&Some(Family::Chrome));
    own.or_else(|| relative.then_some(Some(Family::Chrome)))
        .or_else(|| watched.contains(&None).then_some(None))
}

/// Merges, counts, keys and hands over pieces.
struct Output<'a> {
    host: &'a str,
    options: &'a Options,
    sink: &'a mut dyn Sink,
    /// The latest instant that the host's windows and idle times know.
    reach: Micros,
    tails: Vec<Tail>,
    held: Option<Piece>,
    any: bool,
}

impl<'a> Output<'a> {
    fn new(
        store: &Store,
        host: &'a str,
        options: &'a Options,
        sink: &'a mut dyn Sink,
    ) -> rusqlite::Result<Self> {
        let windows = store.reach(host, Stream::Window, None)?;
        let idle = store.reach(host, Stream::Idle, None)?;
        let reach = windows.max(idle).unwrap_or(0);
        let can_grow = |end: Option<Micros>| end.filter(|end| end + SETTLED_MICROS >= reach);
        let mut tails = Vec::new();
        if store.has(host, Stream::Idle)? {
            let here = store.reach(host, Stream::Idle, Some("not-afk"))?;
            // A row of absence after it says that it has ended.
            let away = store.reach(host, Stream::Idle, Some("afk"))?;
            tails.push(Tail {
                stream: "idle",
                at: can_grow(here.filter(|_| away <= here)),
                used: false,
            });
        }
        for family in web_families(store, host)? {
            tails.push(Tail {
                stream: family.map_or("web", Family::as_str),
                at: can_grow(store.reach(host, Stream::Web(family), None)?),
                used: false,
            });
        }
        Ok(Output {
            host,
            options,
            sink,
            reach,
            tails,
            held: None,
            any: false,
        })
    }

    fn push(&mut self, piece: Piece) -> crate::error::Result<()> {
        if let Some(held) = &mut self.held
            && held.end == piece.start
            && held.same(&piece)
        {
            held.end = piece.end;
            return Ok(());
        }
        match self.held.replace(piece) {
            Some(before) => self.give(&before),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> crate::error::Result<()> {
        if let Some(last) = self.held.take() {
            self.give(&last)?;
        }
        if !self.any {
            return Ok(());
        }
        for tail in std::mem::take(&mut self.tails) {
            if !tail.used {
                let nothing = Piece {
                    number: 0,
                    start: self.reach,
                    end: self.reach,
                    state: State::Passive,
                    app: String::new(),
                    title: None,
                    url: None,
                };
                let record = self.record(&nothing, 0, self.tail_id(tail.stream), self.reach);
                self.sink.retract(record)?;
            }
        }
        Ok(())
    }

    /// Cuts a piece to the longest an event may be, and hands over what has whole seconds.
    fn give(&mut self, piece: &Piece) -> crate::error::Result<()> {
        let longest = self.options.max_event_seconds.max(1).saturating_mul(SECOND);
        let mut part = piece.clone();
        while part.start < piece.end {
            part.end = piece.end.min(part.start.saturating_add(longest));
            let seconds = part.end.div_euclid(SECOND) - part.start.div_euclid(SECOND);
            if seconds > 0 {
                self.any = true;
                let tail = self
                    .tails
                    .iter_mut()
                    .find(|tail| !tail.used && tail.at == Some(part.start));
                let (event_id, known_at) = match tail {
                    Some(tail) => {
                        tail.used = true;
                        let stream = tail.stream;
                        (self.tail_id(stream), self.reach)
                    }
                    None => (
                        format!("aw:{}:{}", self.host, part.start),
                        self.reach.min(part.end + SETTLED_MICROS),
                    ),
                };
                let record = self.record(&part, seconds, event_id, known_at);
                self.sink.record(part.number, record)?;
            }
            part.start = part.end;
        }
        Ok(())
    }

    fn tail_id(&self, stream: &str) -> String {
        format!("aw:{}:tail-{stream}", self.host)
    }

    fn record<'p>(
        &self,
        piece: &'p Piece,
        seconds: i64,
        event_id: String,
        known_at: Micros,
    ) -> Record<'p> {
        let day = utc_day(piece.start);
        let login = self.options.hosts.iter().find(|host| {
            host.hostname.trim().eq_ignore_ascii_case(self.host)
                && host.valid_from.is_none_or(|from| from <= day)
                && host.valid_to.is_none_or(|to| day < to)
        });
        let app = Cow::Borrowed(piece.app.as_str());
        Record {
            event_id: Cow::Owned(event_id),
            event_id_given: true,
            start: piece.start,
            duration_sec: seconds,
            state: piece.state,
            passive_type_id: match piece.state {
                State::Active => None,
                State::Passive => Some(1),
                State::PassiveLocked => Some(2),
            },
            user_name: Cow::Owned(match login {
                Some(login) => login.user_name.clone(),
                None => format!("aw-{}", self.host),
            }),
            user: None,
            logon_domain: login.and_then(|login| login.logon_domain.clone().map(Cow::Owned)),
            primary_domain: None,
            computer_name: Cow::Owned(self.host.to_owned()),
            computer_timezone: None,
            session: None,
            network_id: None,
            device_ip: None,
            public_ip: None,
            executable: Some(base_name(app.clone()).unwrap_or(app)),
            description: None,
            titlebar: piece.title.as_deref().map(Cow::Borrowed),
            full_url: piece.url.as_deref().map(Cow::Borrowed),
            alarms: Vec::new(),
            usb: None,
            upload_time: Some(known_at),
        }
    }
}
