//! The calls into the connectors: everything of `activlake connector` that reads or writes the lake
//! or asks a calendar.
//!
//! Each function takes the set-up engine and one instance of its settings, and gives what
//! [`super::report`] holds for printing.

use std::time::Duration;

use super::report::{Disconnected, Person, Step, Summary, Trial, counted, rfc3339};
use crate::cli::format::{self, Format};
use crate::clock::{AsOf, Micros};
use crate::config::SecretRef;
use crate::config::integration::{Google, GoogleAuth, Integration, Maker};
use crate::connectors::engine::{match_directory, tracked};
use crate::connectors::expiry::expiry_warning;
use crate::connectors::google::{Consent, Redirect, revoke};
use crate::connectors::matching::Outcome;
use crate::connectors::{self, Options, Sealer, Window, last_run, state, vault};
use crate::error::{Class, Error, Result};
use crate::models::{Audience, Reader, Setup, World};

const DAY: Micros = 86_400_000_000;
/// How long a consent on this computer is waited for.
const CONSENT_TIMEOUT: Duration = Duration::from_secs(600);

/// How all instances are doing, in the order of the settings.
pub async fn summaries(setup: &Setup) -> Result<Vec<Summary>> {
    let reader = Reader::open(setup.clone(), Audience::Operator).await?;
    let statement = reader.prepare("select * from connectors").await?;
    let stream = statement.execute().await?;
    let mut out = Vec::new();
    format::write(Format::Jsonl, statement.schema(), stream, &mut out).await?;
    let mut rows = serde_json::Deserializer::from_slice(&out)
        .into_iter()
        .collect::<std::result::Result<Vec<Summary>, _>>()
        .map_err(|cause| {
            Error::new(
                Class::Internal,
                format!("the view connectors cannot be read: {cause}"),
            )
        })?;
    let mut found = Vec::new();
    for integration in &setup.settings.integrations {
        let at = rows.iter().position(|row| row.instance == integration.name);
        let mut summary = match at {
            Some(at) => rows.swap_remove(at),
            None => Summary {
                instance: integration.name.clone(),
                r#type: integration.maker.word().to_owned(),
                state: "never_synced".to_owned(),
                ..Summary::default()
            },
        };
        let people = state::read(&setup.lake, &integration.name).await?;
        let told = people
            .values()
            .map(|person| (person.failure, person.message.as_deref()));
        (summary.failures, summary.warnings) = counted(told);
        summary.expiry = expiry(setup, integration);
        found.push(summary);
    }
    Ok(found)
}

/// That the credentials of an instance end soon.
fn expiry(setup: &Setup, integration: &Integration) -> Option<String> {
    let Maker::Outlook(outlook) = &integration.maker else {
        return None;
    };
    let today = i32::try_from(now(setup).micros().div_euclid(DAY)).ok()?;
    expiry_warning(outlook.secret_expires?, today).map(|warning| warning.text)
}

/// The as-of instant, or now where the clock is followed.
pub fn now(setup: &Setup) -> AsOf {
    if setup.follows_clock {
        AsOf::now()
    } else {
        setup.as_of
    }
}

/// Everybody who is tracked, as the instance knows them, by uid.
pub async fn people(setup: &Setup, integration: &Integration) -> Result<Vec<Person>> {
    let world = World::open(setup).await?;
    let states = state::read(&setup.lake, &integration.name).await?;
    let mut found = Vec::new();
    for tracked in tracked(&world)? {
        let person = world.people.persons.get(&tracked.uid);
        let name = person
            .map(|person| person.display_name.as_ref().unwrap_or(&person.user_name))
            .cloned()
            .unwrap_or_default();
        let state = states.get(&tracked.uid);
        found.push(Person {
            uid: tracked.uid,
            name,
            matched_by: state.map(|state| state.matched_by.clone()),
            last_read_at: state.and_then(|state| state.succeeded_at).map(rfc3339),
            failure: state
                .and_then(|state| state.failure)
                .map(|kind| kind.word().to_owned()),
            message: state.and_then(|state| state.message.clone()),
            retry_at: state.and_then(|state| state.retry_at).map(rfc3339),
        });
    }
    Ok(found)
}

/// Tries an instance: its secrets, its directory, one calendar. Stores nothing but a refresh token
/// that took the place of another. With `named`, tells who does not match.
///
/// # Errors
/// The lake's; what the calendars refuse is a step that failed.
pub async fn trial(setup: &Setup, integration: &Integration, named: bool) -> Result<Trial> {
    let mut trial = Trial {
        instance: integration.name.clone(),
        steps: Vec::new(),
        people: Vec::new(),
    };
    for reference in secrets(&integration.maker) {
        if let Err(error) = reference.read() {
            trial.steps.push(failed("secrets", &error.into()));
            return Ok(trial);
        }
    }
    let connected = match connectors::connect(setup, integration).await {
        Ok(connected) => connected,
        Err(error) if matches!(error.class(), Class::Lake | Class::Internal) => return Err(error),
        Err(error) => {
            trial.steps.push(failed("secrets", &error));
            return Ok(trial);
        }
    };
    trial
        .steps
        .push(fine("secrets", "all can be read".to_owned()));
    let calendars = connected.calendars.as_ref();
    let world = World::open(setup).await?;
    match match_directory(calendars, tracked(&world)?, named).await {
        Err(failure) => trial.steps.push(failed("directory", &failure.into())),
        Ok(matched) => {
            trial.steps.push(fine(
                "directory",
                format!(
                    "{} people: {} are tracked users, {} are not, {} ambiguous, {} not active; \
                     {} tracked users are missing",
                    matched.directory,
                    matched.pairs.len(),
                    matched.unmatched,
                    matched.ambiguous,
                    matched.inactive,
                    matched.missing
                ),
            ));
            trial.people = matched
                .named
                .into_iter()
                .map(|(outcome, who)| (word(outcome), who))
                .collect();
            let today = now(setup).micros().div_euclid(DAY);
            let window = Window {
                from: (today - 1) * DAY,
                to: (today + 1) * DAY,
            };
            trial.steps.push(match matched.pairs.first() {
                None => Step {
                    ok: false,
                    class: Some(Class::Config),
                    ..fine(
                        "calendar",
                        "nobody in the directory is a tracked user: give user_principal_names or \
                         emails in users.csv"
                            .to_owned(),
                    )
                },
                Some(pair) => match calendars.window(&pair.person, window).await {
                    Err(failure) => failed("calendar", &failure.into()),
                    Ok(reading) => fine(
                        "calendar",
                        format!(
                            "of user {}: {} entries of yesterday and today{}",
                            pair.uid,
                            reading.meetings.len(),
                            reading
                                .warning
                                .map_or_else(String::new, |warning| format!("; {warning}"))
                        ),
                    ),
                },
            });
        }
    }
    connected.keep_rotated(setup, &integration.name).await?;
    Ok(trial)
}

/// Who of the directory does not match, by name, from a fresh reading; nothing of it is stored.
///
/// # Errors
/// When the directory cannot be read.
pub async fn unmatched(
    setup: &Setup,
    integration: &Integration,
) -> Result<Vec<(&'static str, String)>> {
    let connected = connectors::connect(setup, integration).await?;
    let world = World::open(setup).await?;
    let matched = match_directory(connected.calendars.as_ref(), tracked(&world)?, true).await;
    connected.keep_rotated(setup, &integration.name).await?;
    Ok(matched?
        .named
        .into_iter()
        .map(|(outcome, who)| (word(outcome), who))
        .collect())
}

/// Where the secrets of an instance are kept.
fn secrets(maker: &Maker) -> Vec<&SecretRef> {
    match maker {
        Maker::Google(google) => match &google.auth {
            GoogleAuth::OAuth { client_secret, .. } => vec![client_secret],
            GoogleAuth::ServiceAccount { key, .. } => vec![key],
        },
        Maker::Outlook(outlook) => vec![&outlook.client_secret],
        Maker::Caldav(caldav) => vec![&caldav.password],
        Maker::Ics(_) => Vec::new(),
    }
}

fn fine(name: &'static str, found: String) -> Step {
    Step {
        name,
        ok: true,
        found,
        class: None,
    }
}

fn failed(name: &'static str, error: &Error) -> Step {
    Step {
        name,
        ok: false,
        found: error.to_string(),
        class: Some(error.class()),
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unmatched => "unmatched",
        Outcome::Ambiguous => "ambiguous",
        Outcome::Inactive => "inactive",
        Outcome::Missing => "missing",
    }
}

/// When an instance is to be read; one that was never read is due at once.
pub async fn due(setup: &Setup, instance: &str) -> Result<Micros> {
    let last = last_run(&setup.lake, instance).await?;
    Ok(last.map_or(Micros::MIN, |last| last.next_run))
}

/// What a sync came to.
pub struct Synced {
    pub summary: Summary,
    /// The class of the instance's failure.
    pub class: Option<Class>,
}

/// Syncs an instance.
///
/// # Errors
/// The lake's; a failure of the instance is part of what is told.
pub async fn sync(setup: &Setup, integration: &Integration, options: Options) -> Result<Synced> {
    let report = connectors::sync(setup, integration, options).await?;
    let told = report
        .people
        .iter()
        .map(|person| (person.failure, person.message.as_deref()));
    let (failures, warnings) = counted(told);
    let succeeded = report.succeeded();
    let partial = report.failed + report.not_asked > 0;
    let class = match &report.failure {
        Some(failure) => Some(crate::error::Classified::class(failure)),
        // Nobody could be read.
        None if partial && !succeeded => Some(Class::Unavailable),
        None => None,
    };
    Ok(Synced {
        class,
        summary: Summary {
            instance: report.instance.clone(),
            r#type: report.maker.to_owned(),
            state: report.state.word().to_owned(),
            message: report.message(),
            directory: report.directory,
            matched: report.matched,
            unmatched: report.unmatched,
            ambiguous: report.ambiguous,
            read: Some(report.read),
            failed: Some(report.failed + report.not_asked),
            added: Some(report.stored.added),
            changed: Some(report.stored.changed),
            removed: Some(report.stored.removed),
            rejected: Some(report.rejected),
            started_at: Some(rfc3339(report.started_at)),
            finished_at: Some(rfc3339(report.finished_at)),
            succeeded_at: succeeded.then(|| rfc3339(report.started_at)),
            next_run: Some(rfc3339(report.next_run)),
            failures,
            warnings,
            expiry: expiry(setup, integration),
        },
    })
}

/// Whether an instance needs a super admin's consent.
pub fn needs_consent(integration: &Integration) -> Option<&Google> {
    match &integration.maker {
        Maker::Google(google) if matches!(google.auth, GoogleAuth::OAuth { .. }) => Some(google),
        _ => None,
    }
}

/// Lets a super admin consent, and seals the refresh token in the lake, in the place of an older
/// one. With `paste`, `read_line` gives what was pasted; else the browser comes back to this
/// computer.
///
/// # Errors
/// When there is no seal key or no consent.
pub async fn consent(
    setup: &Setup,
    integration: &Integration,
    paste: bool,
    tell: impl Fn(&str),
    read_line: impl FnOnce() -> Result<String>,
) -> Result<()> {
    let Some(google) = needs_consent(integration) else {
        return Ok(());
    };
    // A consent that cannot be kept is not asked for.
    let sealer = vault::sealer(&setup.settings)?;
    let name = integration.name.as_str();
    let field = vault::REFRESH_TOKEN;
    match vault::get(&setup.lake, &sealer, name, field).await {
        Err(error) if matches!(error.class(), Class::Config | Class::Denied) => {
            tell(&format!("{error}\nA new consent takes its place."));
        }
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let redirect = if paste {
        Redirect::Paste
    } else {
        Redirect::Loopback
    };
    let http = connectors::google_http(google, &integration.sync)?;
    let consent = Consent::start(google, redirect).await?;
    tell(&format!(
        "Open this page as a super admin and allow the access:\n\n  {}\n",
        consent.url()
    ));
    let code = if paste {
        tell(
            "The browser ends at an address that it cannot open; paste that address here, then \
             Enter:",
        );
        consent.pasted(&read_line()?)?
    } else {
        tell("Waiting for the browser (on another computer: Ctrl-C, and again with --paste) …");
        consent.wait_on_loopback(CONSENT_TIMEOUT).await?
    };
    let granted = consent.finish(&http, code).await?;
    let (lake, token, at) = (&setup.lake, &granted.refresh_token, AsOf::now());
    match vault::put(lake, &sealer, name, field, token, at).await {
        // Sealed with a lost key: the old value is of no use. Those of other instances may be, and
        // then the second try says so.
        Err(error) if error.class() == Class::Config => {
            vault::forget(lake, name).await?;
            vault::put(lake, &sealer, name, field, token, at).await
        }
        other => other,
    }
}

/// Withdraws a consent at Google and forgets what is stored about the instance but its meetings.
///
/// # Errors
/// The lake's. A consent that cannot be withdrawn is told, and forgotten all the same.
pub async fn disconnect(setup: &Setup, integration: &Integration) -> Result<Disconnected> {
    let name = integration.name.as_str();
    let mut done = Disconnected::default();
    if let Some(google) = needs_consent(integration) {
        done.revoked = withdrawn(setup, integration, google).await;
    }
    vault::forget(&setup.lake, name).await?;
    done.dropped = connectors::drop_future(setup, name).await?;
    let none = state::People::new();
    state::write(&setup.lake, name, &none, &none).await?;
    Ok(done)
}

async fn withdrawn(
    setup: &Setup,
    integration: &Integration,
    google: &Google,
) -> Option<std::result::Result<(), String>> {
    let token = async {
        let sealer = vault::sealer(&setup.settings)?;
        let name = integration.name.as_str();
        vault::get(&setup.lake, &sealer, name, vault::REFRESH_TOKEN).await
    };
    let told = match token.await {
        Ok(None) => return None,
        Ok(Some((token, _))) => match connectors::google_http(google, &integration.sync) {
            Ok(http) => revoke(&http, google, &token).await,
            Err(failure) => Err(failure),
        },
        // Without a key nothing was ever stored.
        Err(_) if setup.settings.connectors.seal_key.is_none() => return None,
        Err(error) => return Some(Err(error.to_string())),
    };
    Some(told.map_err(|failure| failure.to_string()))
}

/// Puts everything that is sealed under another key; how many values. All or none.
///
/// # Errors
/// When either key is none, or the old one is not that of what is stored.
pub async fn rekey(setup: &Setup, new: &SecretRef) -> Result<usize> {
    let old = vault::sealer(&setup.settings)?;
    let new = Sealer::of(new)?;
    vault::rekey(&setup.lake, &old, &new, AsOf::now()).await
}
