//! One sync of one instance: directory → match → one window a person → reconcile → lake.
//!
//! The order is a promise: no calendar is asked for before the whole directory was read and
//! matched, and none but those of matched people. What one person's calendar does harms no other.
//! Entries become durable before the state that speaks of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;

use super::matching::{Matched, Matcher, Pair, Tracked};
use super::reconcile::{Guard, Lane, reconcile};
use super::report::{PersonReport, SyncReport};
use super::state::{self, PersonState};
use super::{ANY, Calendars, Connected, Failure, FailureKind, Reading, Window, journal};
use crate::clock::{AsOf, Micros};
use crate::config::integration::{Integration, Sync};
use crate::error::Result;
use crate::ingest::Privacy;
use crate::ingest::meetings::{Incoming, Known, Meetings, Rule, Stored};
use crate::models::{Setup, World};
use crate::sources::Reject;

/// Microseconds of a day.
const DAY: Micros = 86_400_000_000;

/// What a sync is asked to do beyond the usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Read whole windows, backfill included, and ask again those whose last failure says to wait.
    pub full: bool,
    /// Believe absences however many they are.
    pub accept_removals: bool,
    /// Leave alone for a day whose calendar could not be read; somebody who asks for a sync by hand
    /// may have mended it.
    pub patient: bool,
}

/// The tracked users that have an agent: the only people whose calendars matter. Whoever has no
/// login that may be tracked (`do_not_track.csv`) is none of them.
///
/// # Errors
/// When the rules of privacy cannot be read (the key of hashed fields).
pub fn tracked(world: &World) -> Result<Vec<Tracked>> {
    let privacy = Privacy::new(&world.setup.settings.privacy, &world.org)?;
    let people = &world.people;
    let mut agents: BTreeMap<i64, bool> = BTreeMap::new();
    for (agent, uid) in people.agents.values() {
        *agents.entry(*uid).or_default() |=
            !privacy.refuses(agent.logon_domain.as_deref(), &agent.user_name);
    }
    Ok(people
        .persons
        .values()
        .filter(|person| person.tracked && person.first_start.is_some())
        .filter(|person| agents.get(&person.uid) == Some(&true))
        .map(|person| Tracked {
            uid: person.uid,
            principal_names: person.user_principal_names.clone(),
            emails: person.emails.clone(),
        })
        .collect())
}

/// Reads a directory to its end and matches it. Asks for no calendar.
///
/// # Errors
/// When any part of the directory cannot be read: then nobody is matched.
pub async fn match_directory(
    calendars: &dyn Calendars,
    tracked: Vec<Tracked>,
    names: bool,
) -> Result<Matched, Failure> {
    let mut matcher = Matcher::new(tracked, names);
    calendars
        .directory(&mut |person| matcher.offer(person))
        .await?;
    Ok(matcher.finish())
}

/// Syncs an instance. A failure of the instance is part of the report, which is also stored; an
/// error is the lake's.
pub async fn sync(
    setup: &Setup,
    integration: &Integration,
    connected: &Connected,
    options: Options,
) -> Result<SyncReport> {
    let world = World::open(setup).await?;
    sync_people(
        setup,
        integration,
        connected,
        tracked(&world)?,
        world.as_of,
        options,
    )
    .await
}

/// The same for these users, at this instant.
pub async fn sync_people(
    setup: &Setup,
    integration: &Integration,
    connected: &Connected,
    tracked: Vec<Tracked>,
    now: AsOf,
    options: Options,
) -> Result<SyncReport> {
    let calendars = connected.calendars.as_ref();
    let mut report = SyncReport::begun(&integration.name, integration.maker.word(), now.micros());
    let mut people = state::read(&setup.lake, &integration.name).await?;
    match match_directory(calendars, tracked, false).await {
        Err(failure) => report.fail(&failure),
        Ok(matched) => {
            report.matched(&matched);
            let seen = people.clone();
            // Whoever is no longer matched is no longer asked for, and starts anew if ever again.
            let uids: BTreeSet<i64> = matched.pairs.iter().map(|pair| pair.uid).collect();
            people.retain(|uid, _| uids.contains(uid));
            if people.len() != seen.len() {
                state::write(&setup.lake, &integration.name, &people, &seen).await?;
            }
            let mut pass = Pass {
                setup,
                sync: &integration.sync,
                instance: integration.name.as_str().into(),
                calendars,
                options,
                now,
                stopped: AtomicBool::new(false),
                seen: people.clone(),
                meetings: Meetings::open(&setup.lake, &setup.settings).await?,
            };
            pass.read_everybody(matched.pairs, &mut people, &mut report)
                .await?;
        }
    }
    report.asked(&connected.http);
    report.finish(now_or(setup, now).micros(), integration.sync.every_minutes);
    journal::append(setup, &report).await?;
    Ok(report)
}

/// The clock, where it is followed.
fn now_or(setup: &Setup, fixed: AsOf) -> AsOf {
    if setup.follows_clock {
        AsOf::now()
    } else {
        fixed
    }
}

/// The window to read for somebody.
pub fn window_of(sync: &Sync, now: Micros, state: Option<&PersonState>, full: bool) -> Window {
    let today = now.div_euclid(DAY);
    let lookback = i64::from(sync.lookback_days);
    let back = match state {
        Some(state) if state.backfilled && !full => {
            // After days without a reading the window reaches back as far as it then would have.
            let missed = state
                .succeeded_at
                .map_or(0, |at| (today - at.div_euclid(DAY) - 1).max(0));
            lookback + missed
        }
        _ => i64::from(sync.backfill_days).max(lookback),
    };
    Window {
        from: (today - back) * DAY,
        to: (today + i64::from(sync.lookahead_days) + 1) * DAY,
    }
}

/// Days before a window in which an entry may have begun that still reaches into it.
const REACH_DAYS: i32 = 31;

/// Days for which a person's calendar that cannot be read is left alone.
const PERSON_RETRY_DAYS: Micros = 1;

/// One pass over all matched people.
struct Pass<'a> {
    setup: &'a Setup,
    sync: &'a Sync,
    instance: Arc<str>,
    calendars: &'a dyn Calendars,
    options: Options,
    now: AsOf,
    /// Set once the credentials were refused: nobody else is tried.
    stopped: AtomicBool,
    /// The state as it was stored last, by this pass or before it.
    seen: state::People,
    meetings: Meetings,
}

/// What became of asking for one calendar.
struct Read {
    pair: Pair,
    window: Window,
    outcome: Result<(Reading, Lane), Failure>,
}

impl Pass<'_> {
    async fn read_everybody(
        &mut self,
        pairs: Vec<Pair>,
        people: &mut state::People,
        report: &mut SyncReport,
    ) -> Result<()> {
        let now = self.now.micros();
        // Another calendar than before is read from the start.
        for pair in &pairs {
            if people
                .get(&pair.uid)
                .is_some_and(|state| state.directory_id != pair.person.id)
            {
                people.remove(&pair.uid);
            }
        }
        let (waiting, due): (Vec<Pair>, Vec<Pair>) = pairs.into_iter().partition(|pair| {
            let until = people.get(&pair.uid).and_then(|state| state.retry_at);
            self.options.patient && !self.options.full && until.is_some_and(|until| now < until)
        });
        for pair in waiting {
            if let Some(state) = people.get(&pair.uid) {
                report.person(PersonReport::waiting(pair.uid, state));
            }
        }
        let mut due = due.into_iter().peekable();
        while due.peek().is_some() {
            let batch: Vec<Pair> = due.by_ref().take(self.sync.batch_people.max(1)).collect();
            let mut reads: Vec<Read> = futures::stream::iter(batch)
                .map(|pair| {
                    let state = people.get(&pair.uid).cloned();
                    self.read(pair, state)
                })
                .buffer_unordered(self.sync.people_at_once.max(1))
                .collect()
                .await;
            // The order of answers must not show.
            reads.sort_by_key(|read| read.pair.uid);
            self.store(reads, people, report).await?;
            if self.stopped.load(Ordering::Relaxed) {
                break;
            }
        }
        // Whom the stop kept from being asked.
        report.not_asked = due.count() as u64;
        Ok(())
    }

    async fn read(&self, pair: Pair, state: Option<PersonState>) -> Read {
        let window = window_of(
            self.sync,
            self.now.micros(),
            state.as_ref(),
            self.options.full,
        );
        let outcome = if self.stopped.load(Ordering::Relaxed) {
            Err(Failure::new(
                FailureKind::Auth,
                "not asked: the instance's credentials were refused",
            ))
        } else {
            self.reading(&pair, window, state.as_ref()).await
        };
        if let Err(failure) = &outcome
            && failure.kind.stops_instance()
        {
            self.stopped.store(true, Ordering::Relaxed);
        }
        Read {
            pair,
            window,
            outcome,
        }
    }

    /// What changed where that is possible, else the whole window.
    async fn reading(
        &self,
        pair: &Pair,
        window: Window,
        state: Option<&PersonState>,
    ) -> Result<(Reading, Lane), Failure> {
        let cursor = state
            .filter(|state| {
                !self.options.full
                    && state.window == Some(window)
                    && state.directory_id == pair.person.id
            })
            .and_then(|state| state.cursor.as_deref());
        if let Some(cursor) = cursor {
            match self.calendars.changes(&pair.person, window, cursor).await {
                Ok(reading) => return Ok((reading, Lane::Changes)),
                Err(failure) if failure.kind == FailureKind::CursorLost => {}
                Err(failure) => return Err(failure),
            }
        }
        let reading = self.calendars.window(&pair.person, window).await?;
        Ok((reading, Lane::Window))
    }

    async fn store(
        &mut self,
        reads: Vec<Read>,
        people: &mut state::People,
        report: &mut SyncReport,
    ) -> Result<()> {
        let uids: BTreeSet<i64> = reads.iter().map(|read| read.pair.uid).collect();
        let day = |instant: Micros| i32::try_from(instant.div_euclid(DAY)).unwrap_or(i32::MAX);
        let from = reads.iter().map(|read| day(read.window.from)).min();
        let to = reads.iter().map(|read| day(read.window.to)).max();
        let (Some(from), Some(to)) = (from, to) else {
            return Ok(());
        };
        let known = self
            .meetings
            .in_force(&self.instance, &uids, from - REACH_DAYS, to)
            .await?;
        let mut by_person: HashMap<i64, BTreeMap<String, Known>> = HashMap::new();
        for ((uid, _, event_id), known) in &known {
            by_person
                .entry(*uid)
                .or_default()
                .insert(event_id.clone(), known.clone());
        }
        let guard = (!self.options.accept_removals).then_some(Guard {
            percent: self.sync.remove_guard_percent,
            min: self.sync.remove_guard_min,
        });
        let mut incoming = Vec::new();
        let mut rejects: Vec<(i64, Reject)> = Vec::new();
        let mut outcomes = Vec::new();
        for read in reads {
            let uid = read.pair.uid;
            let none = BTreeMap::new();
            let known = by_person.get(&uid).unwrap_or(&none);
            let result = read.outcome.and_then(|(mut reading, lane)| {
                let cursor = reading.cursor.take();
                let mut warning = reading.warning.take();
                if lane == Lane::Window && reading.unreadable.iter().any(|id| id == ANY) {
                    let removals = "entries that have gone are not noticed while there are others \
                                    without an id that can be read";
                    warning = Some(match warning {
                        Some(warning) => format!("{warning}; {removals}"),
                        None => removals.to_owned(),
                    });
                }
                let bad = std::mem::take(&mut reading.rejects);
                let meetings = reconcile(reading, lane, read.window, known, guard)?;
                Ok((meetings, bad, cursor, warning, lane))
            });
            match result {
                Err(failure) => outcomes.push((read.pair, read.window, Err(failure))),
                Ok((meetings, bad, cursor, warning, lane)) => {
                    incoming.extend(meetings.into_iter().map(|meeting| Incoming {
                        instance: Arc::clone(&self.instance),
                        uid,
                        meeting,
                    }));
                    let bad_count = bad.len() as u64;
                    // A feed of changes repeats only what changed; a window repeats all of it, and
                    // what was told about it is told once a window.
                    let told = people.get(&uid).and_then(|state| state.window) == Some(read.window);
                    if lane == Lane::Changes || !told {
                        rejects.extend(bad.into_iter().map(|reject| (uid, reject)));
                    }
                    outcomes.push((read.pair, read.window, Ok((cursor, warning, bad_count))));
                }
            }
        }
        let stored: Stored = self
            .meetings
            .store_after(incoming, Rule::Arrival, known)
            .await?;
        report.stored(stored);
        if !rejects.is_empty() {
            journal::append_rejects(self.setup, &self.instance, self.now, &rejects).await?;
        }
        for (pair, window, outcome) in outcomes {
            let old = people.remove(&pair.uid);
            let (state, told) = self.next_state(&pair, window, old, outcome, report);
            people.insert(pair.uid, state);
            report.person(told);
        }
        state::write(&self.setup.lake, &self.instance, people, &self.seen).await?;
        self.seen.clone_from(people);
        Ok(())
    }

    fn next_state(
        &self,
        pair: &Pair,
        window: Window,
        old: Option<PersonState>,
        outcome: Result<(Option<String>, Option<String>, u64), Failure>,
        report: &mut SyncReport,
    ) -> (PersonState, PersonReport) {
        let now = self.now.micros();
        match outcome {
            Ok((cursor, warning, rejected)) => {
                report.rejected += rejected;
                let state = PersonState {
                    directory_id: pair.person.id.clone(),
                    matched_by: pair.by.word().to_owned(),
                    window: Some(window),
                    cursor,
                    backfilled: true,
                    attempted_at: now,
                    succeeded_at: Some(now),
                    failure: None,
                    message: warning.clone(),
                    retry_at: None,
                    failures: 0,
                };
                (state, PersonReport::read(pair.uid, warning, rejected))
            }
            Err(failure) => {
                if failure.kind.stops_instance() {
                    report.fail(&failure);
                }
                let same_person = old
                    .as_ref()
                    .filter(|old| old.directory_id == pair.person.id);
                let state = PersonState {
                    directory_id: pair.person.id.clone(),
                    matched_by: pair.by.word().to_owned(),
                    window: same_person.and_then(|old| old.window),
                    cursor: same_person.and_then(|old| old.cursor.clone()),
                    backfilled: same_person.is_some_and(|old| old.backfilled),
                    attempted_at: now,
                    succeeded_at: same_person.and_then(|old| old.succeeded_at),
                    failure: Some(failure.kind),
                    message: Some(failure.to_string()),
                    retry_at: (failure.kind == FailureKind::Person)
                        .then_some(now + PERSON_RETRY_DAYS * DAY),
                    failures: old.as_ref().map_or(0, |old| old.failures) + 1,
                };
                (state, PersonReport::failed(pair.uid, &failure))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(backfilled: bool, succeeded_at: Option<Micros>) -> PersonState {
        PersonState {
            directory_id: "1".into(),
            matched_by: "email".into(),
            window: None,
            cursor: None,
            backfilled,
            attempted_at: 0,
            succeeded_at,
            failure: None,
            message: None,
            retry_at: None,
            failures: 0,
        }
    }

    #[test]
    fn windows_are_whole_days_and_leave_no_hole_after_a_silence() {
        let sync = Sync::default();
        let now = 1_000 * DAY + 5;
        let days = |window: Window| (window.from / DAY, window.to / DAY);
        assert_eq!(days(window_of(&sync, now, None, false)), (970, 1_002));
        let yesterday = state(true, Some(999 * DAY + 7));
        assert_eq!(
            days(window_of(&sync, now, Some(&yesterday), false)),
            (993, 1_002)
        );
        assert_eq!(
            days(window_of(&sync, now, Some(&yesterday), true)),
            (970, 1_002)
        );
        let long_ago = state(true, Some(900 * DAY));
        assert_eq!(
            days(window_of(&sync, now, Some(&long_ago), false)),
            (894, 1_002)
        );
        // A first reading that failed is made again in full.
        assert_eq!(
            days(window_of(&sync, now, Some(&state(false, None)), false)),
            (970, 1_002)
        );
    }
}
