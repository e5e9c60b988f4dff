//! From the settings of an instance to calendars that can be asked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::caldav::CaldavCalendars;
use super::engine::{self, Options};
use super::google::{self, GoogleCalendars};
use super::ics::IcsCalendars;
use super::outlook::OutlookCalendars;
use super::report::{SyncReport, SyncState};
use super::{Bounds, Calendars, Failure, FailureKind, Http, Retry, journal, state, vault};
use crate::clock::AsOf;
use crate::config::Secret;
use crate::config::integration::{Google, GoogleAuth, Integration, Maker, Sync};
use crate::error::Result;
use crate::ingest::meetings::{Incoming, Meetings, Rule};
use crate::models::Setup;
use crate::sources::meeting::{Meeting, Span, Status};
use crate::zone::Zone;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// An instance that can be asked.
pub struct Connected {
    pub calendars: Arc<dyn Calendars>,
    pub http: Arc<Http>,
    /// A refresh token that took the place of the stored one, to be sealed.
    rotated: Arc<Mutex<Option<Secret>>>,
}

/// The client's limits by the settings of an instance.
pub fn bounds(sync: &Sync) -> Bounds {
    Bounds {
        timeout: Duration::from_secs(sync.timeout_seconds),
        max_body_bytes: sync.max_body_bytes,
        requests_per_minute: sync.requests_per_minute,
        retry: Retry {
            tries: sync.tries,
            first_pause: Duration::from_millis(sync.first_pause_ms),
            longest_pause: Duration::from_secs(sync.longest_pause_seconds),
            longest_retry_after: Duration::from_secs(sync.longest_retry_after_seconds),
        },
    }
}

/// The client of a Google instance.
pub fn google_http(google: &Google, sync: &Sync) -> Result<Http, Failure> {
    Http::new(bounds(sync), &google::bases(google))
}

/// Makes an instance ready to be asked. Reads its secrets; asks for nothing.
///
/// # Errors
/// A [`Failure`] (folded into the crate's error) when a secret or the sealed token cannot be read.
pub async fn connect(setup: &Setup, integration: &Integration) -> Result<Connected> {
    let sync = &integration.sync;
    let rotated: Arc<Mutex<Option<Secret>>> = Arc::default();
    let (calendars, http): (Arc<dyn Calendars>, Arc<Http>) = match &integration.maker {
        Maker::Google(google) => {
            let http = Arc::new(google_http(google, sync)?);
            let stored = match &google.auth {
                GoogleAuth::OAuth { .. } => {
                    let sealer = vault::sealer(&setup.settings)?;
                    let name = &integration.name;
                    vault::get(&setup.lake, &sealer, name, vault::REFRESH_TOKEN)
                        .await?
                        .map(|(token, _)| token)
                }
                GoogleAuth::ServiceAccount { .. } => None,
            };
            let keep = Arc::clone(&rotated);
            let tokens = google::tokens(
                &http,
                &integration.name,
                google,
                stored,
                Arc::new(move |token| {
                    *keep.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
                }),
            )?;
            (
                Arc::new(GoogleCalendars::new(http.clone(), tokens, google, sync)),
                http,
            )
        }
        Maker::Outlook(outlook) => {
            let http = Arc::new(Http::new(bounds(sync), &OutlookCalendars::bases(outlook))?);
            let zones = setup.shipped.zone_names();
            (
                Arc::new(OutlookCalendars::new(outlook, sync, zones, http.clone())?),
                http,
            )
        }
        Maker::Caldav(caldav) => {
            let list = CaldavCalendars::list(caldav)?;
            let http = Arc::new(Http::new(bounds(sync), &list.bases())?);
            let zone = account_zone(setup);
            (
                Arc::new(CaldavCalendars::new(
                    list,
                    caldav,
                    sync,
                    zone,
                    http.clone(),
                )?),
                http,
            )
        }
        Maker::Ics(ics) => {
            let list = IcsCalendars::list(ics)?;
            let http = Arc::new(Http::new(bounds(sync), &list.bases())?);
            let zone = account_zone(setup);
            (
                Arc::new(IcsCalendars::new(list, sync, zone, http.clone())),
                http,
            )
        }
    };
    Ok(Connected {
        calendars,
        http,
        rotated,
    })
}

/// The zone in which a calendar's floating times are.
fn account_zone(setup: &Setup) -> Zone {
    setup
        .shipped
        .zone_names()
        .parse(&setup.settings.account.timezone)
        .unwrap_or_else(Zone::utc)
}

/// Syncs an instance and keeps what it must. A failure of the instance is part of the report.
///
/// # Errors
/// The lake's.
pub async fn sync(
    setup: &Setup,
    integration: &Integration,
    options: Options,
) -> Result<SyncReport> {
    let connected = match connect(setup, integration).await {
        Ok(connected) => connected,
        Err(error) => {
            let kind = match error.class() {
                crate::error::Class::Denied => FailureKind::Auth,
                crate::error::Class::Lake | crate::error::Class::Internal => return Err(error),
                _ => FailureKind::Config,
            };
            let report = SyncReport::never_begun(
                &integration.name,
                integration.maker.word(),
                setup.as_of.micros(),
                integration.sync.every_minutes,
                &Failure::new(kind, error.to_string()),
            );
            journal::append(setup, &report).await?;
            return Ok(report);
        }
    };
    let report = engine::sync(setup, integration, &connected, options).await;
    connected.keep_rotated(setup, &integration.name).await?;
    report
}

/// Says that an instance's credentials were changed and work: nobody is waited for any more, and one
/// that failed is due at once.
///
/// # Errors
/// The lake's.
pub async fn mark_ready(setup: &Setup, integration: &Integration) -> Result<()> {
    let (lake, name) = (&setup.lake, &integration.name);
    let seen = state::read(lake, name).await?;
    let mut people = seen.clone();
    for person in people.values_mut() {
        person.retry_at = None;
    }
    state::write(lake, name, &people, &seen).await?;
    let Some(last) = journal::last_run(lake, name).await? else {
        return Ok(());
    };
    if last.state == SyncState::Ok.word() {
        return Ok(());
    }
    let now = if setup.follows_clock {
        AsOf::now()
    } else {
        setup.as_of
    };
    let report = SyncReport::ready(name, integration.maker.word(), now.micros());
    journal::append(setup, &report).await
}

/// Takes out the entries of an instance that have not begun yet; how many. What has been stays, but
/// nobody would ever hear that one of these was called off.
///
/// # Errors
/// The lake's.
pub async fn drop_future(setup: &Setup, instance: &str) -> Result<u64> {
    let now = if setup.follows_clock {
        AsOf::now()
    } else {
        setup.as_of
    };
    let people = state::read(&setup.lake, instance).await?;
    let mut meetings = Meetings::open(&setup.lake, &setup.settings).await?;
    let instance: Arc<str> = instance.into();
    let today = i32::try_from(now.micros().div_euclid(DAY)).unwrap_or(i32::MAX);
    let known = meetings
        .in_force(
            &instance,
            &people.keys().copied().collect(),
            today - 1,
            i32::MAX,
        )
        .await?;
    let gone = known
        .iter()
        .filter(|(_, known)| {
            known.lives
                && match known.span {
                    Some(Span::Instants { start, .. }) => start > now.micros(),
                    Some(Span::Dates { start, .. }) => start > today,
                    None => false,
                }
        })
        .map(|((uid, instance, event_id), _)| Incoming {
            instance: Arc::clone(instance),
            uid: *uid,
            meeting: Meeting::gone(event_id.clone(), Status::Deleted),
        })
        .collect();
    let stored = meetings.store_after(gone, Rule::Arrival, known).await?;
    Ok(stored.removed)
}

impl Connected {
    /// Calendars that are asked through this client and need nothing kept.
    pub fn over(calendars: Arc<dyn Calendars>, http: Arc<Http>) -> Connected {
        Connected {
            calendars,
            http,
            rotated: Arc::default(),
        }
    }

    /// Seals a refresh token that took the place of the stored one.
    pub async fn keep_rotated(&self, setup: &Setup, instance: &str) -> Result<()> {
        let token = self
            .rotated
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(token) = token {
            let sealer = vault::sealer(&setup.settings)?;
            let field = vault::REFRESH_TOKEN;
            vault::put(&setup.lake, &sealer, instance, field, &token, AsOf::now()).await?;
        }
        Ok(())
    }
}
