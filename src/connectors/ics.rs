//! iCalendar feeds and files, one a person.
//!
//! A feed is fetched whole and laid out in the window. A feed tells nothing about what was removed
//! but by leaving it out, so only a complete one counts: what is no calendar, or is cut short, is a
//! failure and not an empty calendar.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use super::calendar_list::{CalendarList, Place};
use super::{
    Answer, Calendars, Call, DirectoryPerson, Failure, FailureKind, Http, Reading, Verdict, Window,
};
use crate::config::integration::{Ics, Sync as SyncSettings};
use crate::sources::icalendar::{self, Expanded, Fault};
use crate::zone::Zone;

/// Components within one another; calendars have three.
const NESTING_MAX: usize = 16;

/// The calendars of one instance.
pub struct IcsCalendars {
    http: Arc<Http>,
    list: CalendarList,
    bounds: Layout,
}

/// How calendars of an instance are laid out.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    zone: Zone,
    pub max_bytes: usize,
    pub max_events: usize,
}

impl Layout {
    pub fn new(sync: &SyncSettings, zone: Zone) -> Layout {
        Layout {
            zone,
            max_bytes: sync.max_body_bytes,
            max_events: sync.max_events,
        }
    }

    /// What a reader of one person's calendar must know.
    pub fn options(&self, person: &DirectoryPerson, window: Window) -> icalendar::Options {
        icalendar::Options {
            from: window.from,
            to: window.to,
            owner: person
                .emails
                .iter()
                .chain(&person.principal_names)
                .cloned()
                .collect(),
            zone: self.zone.clone(),
            max_events: self.max_events,
            max_bytes: self.max_bytes,
            max_nesting: NESTING_MAX,
        }
    }
}

impl IcsCalendars {
    /// The list of these settings. The client must be made for its [`CalendarList::bases`].
    ///
    /// # Errors
    /// [`FailureKind::Config`] with every problem of the list.
    pub fn list(settings: &Ics) -> Result<CalendarList, Failure> {
        CalendarList::read(&settings.calendars, true)
    }

    /// The calendars of a list; nothing is asked for yet. `zone` is the account's: floating times
    /// are in it.
    pub fn new(list: CalendarList, sync: &SyncSettings, zone: Zone, http: Arc<Http>) -> Self {
        IcsCalendars {
            http,
            list,
            bounds: Layout::new(sync, zone),
        }
    }
}

#[async_trait]
impl Calendars for IcsCalendars {
    async fn directory(
        &self,
        person: &mut (dyn FnMut(DirectoryPerson) + Send),
    ) -> Result<(), Failure> {
        self.list.people().for_each(person);
        Ok(())
    }

    async fn window(&self, person: &DirectoryPerson, window: Window) -> Result<Reading, Failure> {
        let listed = self.list.of(person)?;
        let bytes = match &listed.place {
            Place::Url(url) => {
                let mut call = Call::get(url.clone());
                call.headers = vec![("accept", "text/calendar, */*;q=0.1".to_owned())];
                self.http.send(&call, judge).await?
            }
            Place::File(path) => {
                let (path, line, most) = (path.clone(), listed.line, self.bounds.max_bytes);
                blocking(move || read_file(&path, line, most)).await??
            }
        };
        let options = self.bounds.options(person, window);
        let expanded = blocking(move || icalendar::expand(&bytes, &options)).await?;
        let Expanded {
            meetings,
            rejects,
            unreadable,
        } = expanded.map_err(of_fault)?;
        Ok(Reading {
            meetings,
            rejects,
            unreadable,
            ..Reading::default()
        })
    }

    async fn changes(
        &self,
        _person: &DirectoryPerson,
        _window: Window,
        _cursor: &str,
    ) -> Result<Reading, Failure> {
        Err(Failure::new(
            FailureKind::CursorLost,
            "a feed has no place to go on from",
        ))
    }
}

/// What a feed's answer means.
fn judge(answer: Answer) -> Result<Vec<u8>, Verdict> {
    match answer.status {
        200 => {
            // An answer that lost its end is worth another try.
            let cut = answer.body.windows(15).any(is_begin) && !ends(&answer.body);
            if cut {
                return Err(Verdict::Retry {
                    after: None,
                    failure: of_fault(Fault::CutShort),
                });
            }
            Ok(answer.body)
        }
        401 | 403 | 404 | 410 => Err(Verdict::Fail(Failure::new(
            FailureKind::Person,
            format!(
                "the feed is not to be had (HTTP {}); correct its url in the list of calendars",
                answer.status
            ),
        ))),
        _ => Err(answer.judged("the feed")),
    }
}

fn is_begin(bytes: &[u8]) -> bool {
    bytes.eq_ignore_ascii_case(b"BEGIN:VCALENDAR")
}

fn ends(body: &[u8]) -> bool {
    let body = body.trim_ascii_end();
    body.len()
        .checked_sub(13)
        .and_then(|at| body.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(b"END:VCALENDAR"))
}

/// A file of at most so many bytes. The path may name somebody: the line of the list stands for it.
fn read_file(path: &Path, line: u64, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let told = |error: &std::io::Error| {
        Failure::new(
            FailureKind::Person,
            format!("the file of line {line} of the list of calendars cannot be read: {error}"),
        )
    };
    let file = open(path).map_err(|error| told(&error))?;
    let mut bytes = Vec::new();
    let most = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| told(&error))?;
    Ok(bytes)
}

fn open(path: &Path) -> std::io::Result<std::fs::File> {
    let path: PathBuf = path.to_owned();
    if !std::fs::metadata(&path)?.is_file() {
        return Err(std::io::Error::other("not a file"));
    }
    std::fs::File::open(path)
}

/// What a text that says nothing means for the sync.
pub(super) fn of_fault(fault: Fault) -> Failure {
    let kind = match fault {
        Fault::NotACalendar => FailureKind::Contract,
        Fault::CutShort => FailureKind::Transient,
        Fault::TooManyBytes(_) | Fault::TooManyEvents(_) => FailureKind::Limit,
    };
    Failure::new(kind, fault.to_string())
}

/// Work that takes its time, beside the calls of others.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Failure::new(FailureKind::Transient, "the reading was broken off"))
}

/// A server on this machine that gives prepared answers in their order.
#[cfg(test)]
pub(super) mod testing {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers `(status, body)` in order, the last one for ever. Gives the base URL and what was
    /// asked: each request whole.
    pub async fn serve(answers: Vec<(u16, String)>) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = asked.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                loop {
                    let read = stream.read(&mut chunk).await.unwrap_or(0);
                    request.extend_from_slice(&chunk[..read]);
                    let text = String::from_utf8_lossy(&request).to_lowercase();
                    let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                        let length = head.split("content-length: ").nth(1).map_or(0, |rest| {
                            rest.lines().next().unwrap().trim().parse().unwrap()
                        });
                        body.len() >= length
                    });
                    if read == 0 || whole {
                        break;
                    }
                }
                let index = kept.lock().unwrap().len().min(answers.len() - 1);
                kept.lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&request).into_owned());
                let (status, body) = &answers[index];
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(body.as_bytes()).await;
            }
        });
        (base, asked)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::serve;
    use super::*;
    use crate::connectors::Bounds;

    fn calendars(folder: &Path, lines: &str, sync: &SyncSettings) -> IcsCalendars {
        let path = folder.join("calendars.csv");
        std::fs::write(&path, format!("email,url\n{lines}")).unwrap();
        let list = IcsCalendars::list(&Ics { calendars: path }).unwrap();
        let mut bounds = Bounds::default();
        bounds.retry.tries = 1;
        let http = Http::new(bounds, &list.bases()).unwrap();
        IcsCalendars::new(list, sync, Zone::utc(), Arc::new(http))
    }

    async fn read(calendars: &IcsCalendars) -> Result<Reading, Failure> {
        let mut people = Vec::new();
        calendars
            .directory(&mut |person| people.push(person))
            .await
            .unwrap();
        let window = Window {
            from: 1_767_225_600_000_000,
            to: 1_769_904_000_000_000,
        };
        calendars.window(&people[0], window).await
    }

    const EVENT: &str = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20260105T100000Z\n\
                         RRULE:FREQ=DAILY;COUNT=3\nATTENDEE;PARTSTAT=DECLINED:mailto:ann@example.org\n\
                         END:VEVENT\nBEGIN:VEVENT\nUID:2\nEND:VEVENT\nEND:VCALENDAR\n";

    #[tokio::test]
    async fn a_file_beside_the_list_is_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ann.ics"), EVENT).unwrap();
        let sync = SyncSettings::default();
        let calendars = calendars(folder.path(), "ann@example.org,ann.ics", &sync);
        let reading = read(&calendars).await.unwrap();
        assert_eq!(reading.meetings.len(), 3);
        assert_eq!(reading.rejects.len(), 1);
        assert_eq!(
            reading.meetings[0].own_response,
            Some(crate::sources::meeting::Response::Declined)
        );
        assert_eq!(reading.cursor, None);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_a_failure_and_not_an_empty_calendar() {
        for (text, limit, kind) in [
            (Some(""), 20, FailureKind::Contract),
            (Some("<html>Sign in</html>"), 20, FailureKind::Contract),
            (Some("BEGIN:VCALENDAR\n"), 20, FailureKind::Transient),
            (Some(EVENT), 2, FailureKind::Limit),
            (None, 20, FailureKind::Person),
        ] {
            let folder = tempfile::tempdir().unwrap();
            if let Some(text) = text {
                std::fs::write(folder.path().join("ann.ics"), text).unwrap();
            }
            let sync = SyncSettings {
                max_events: limit,
                ..SyncSettings::default()
            };
            let calendars = calendars(folder.path(), "ann@example.org,ann.ics", &sync);
            let failure = read(&calendars).await.unwrap_err();
            assert_eq!(failure.kind, kind, "{failure}");
            assert!(!failure.message.contains("ann."), "{failure}");
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ann.ics"), EVENT).unwrap();
        let sync = SyncSettings {
            max_body_bytes: 30,
            ..SyncSettings::default()
        };
        let calendars = calendars(folder.path(), "ann@example.org,ann.ics", &sync);
        assert_eq!(read(&calendars).await.unwrap_err().kind, FailureKind::Limit);
    }

    #[tokio::test]
    async fn a_feed_is_fetched_and_its_refusals_are_the_person_s() {
        let sync = SyncSettings::default();
        for (status, body, kind) in [
            (200, EVENT, None),
            (200, &EVENT[..60], Some(FailureKind::Transient)),
            (200, "<html>Sign in</html>", Some(FailureKind::Contract)),
            (401, "", Some(FailureKind::Person)),
            (404, "", Some(FailureKind::Person)),
            (302, "", Some(FailureKind::Contract)),
            (503, "", Some(FailureKind::Transient)),
            (429, "", Some(FailureKind::Throttled)),
        ] {
            let (base, asked) = serve(vec![(status, body.to_owned())]).await;
            let folder = tempfile::tempdir().unwrap();
            let line = format!("ann@example.org,{base}/ann/basic.ics?key=k3y");
            let calendars = calendars(folder.path(), &line, &sync);
            let got = read(&calendars).await;
            assert_eq!(got.as_ref().err().map(|failure| failure.kind), kind);
            if let Err(failure) = got {
                let told = failure.to_string();
                assert!(!told.contains("k3y") && !told.contains("/ann"), "{told}");
            }
            assert!(asked.lock().unwrap()[0].starts_with("GET /ann/basic.ics?key=k3y "));
        }
    }
}
