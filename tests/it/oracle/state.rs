//! From inputs to what the views are made of: stored events, activities and person-days.

use std::collections::{BTreeMap, HashMap};

use chrono::{NaiveDate, NaiveDateTime};

use super::clip::{Candidate, clip};
use super::names::{Address, Names};
use super::places::{Stay, locations};
use super::rules::RuleSet;
use super::schedules::{has_window, time_off, windows};
use super::sequence::{Sequence, Step, breaks, sequence};
use super::spans::{Span, meet, total, union};
use super::stored::{derive, groups, owner, zones_of};
use super::zones::Zones;
use super::{Derived, Group, Person, Record, Rule, Shipped, Views, World};
use super::{meetings, views};

/// A stored event in its latest version.
pub struct Event<'a> {
    pub record: &'a Record,
    pub uid: i64,
    pub computer: i64,
    pub agent: (String, String, String, String),
    pub state: &'static str,
    pub passive_type: Option<i64>,
    /// As reported, whole, 0 when locked.
    pub seconds: i64,
    pub executable: Option<String>,
    pub application: Option<String>,
    pub address: Option<Address>,
    pub task: Option<String>,
    pub consolidated: Option<String>,
    pub title: Option<String>,
    pub category: Option<String>,
    pub productivity: String,
    pub transfer: bool,
    pub zone: String,
    pub local: NaiveDateTime,
}

impl Event<'_> {
    pub fn date(&self) -> NaiveDate {
        self.local.date()
    }

    pub fn ignored(&self) -> bool {
        self.category
            .as_deref()
            .is_some_and(|name| name.eq_ignore_ascii_case("ignore"))
    }

    pub fn site(&self) -> Option<&str> {
        self.address.as_ref()?.site.as_deref()
    }

    pub fn host(&self) -> Option<&str> {
        self.address.as_ref()?.host.as_deref()
    }

    pub fn website(&self) -> Option<&str> {
        self.address.as_ref()?.website.as_deref()
    }

    pub fn productive(&self) -> bool {
        self.productivity == "Productive"
    }
}

/// What is left of an event: seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Activity {
    /// Position among the events.
    pub event: usize,
    pub start: i64,
    pub end: i64,
}

impl Activity {
    pub fn seconds(&self) -> i64 {
        self.end - self.start
    }
}

/// One row of `daily_user_summary`.
pub struct Day {
    pub uid: i64,
    pub date: NaiveDate,
    pub activities: Vec<Activity>,
    pub first: Option<(NaiveDateTime, i64)>,
    pub last: Option<(NaiveDateTime, i64)>,
    /// Productive seconds in schedule: active, passive.
    pub in_schedule: (i64, i64),
    pub sequence: Sequence,
    pub breaks: (i64, i64),
    pub offline: i64,
    pub off: Option<super::schedules::Off>,
    pub productive: i64,
    pub active_day: bool,
    /// Thousandths of an hour.
    pub productive_goal: i64,
    pub focused_goal: i64,
    pub utilization: Option<&'static str>,
    pub location: Option<String>,
}

/// Everything, computed.
pub struct State<'a> {
    pub world: &'a World,
    pub shipped: &'a Shipped,
    pub names: Names<'a>,
    pub events: Vec<Event<'a>>,
    pub zones: HashMap<i64, Zones>,
    /// Of the first event ever reported, by user: microseconds.
    pub first_starts: BTreeMap<i64, i64>,
    pub days: BTreeMap<(i64, NaiveDate), Day>,
    pub hours: Vec<(i64, meetings::Hour)>,
}

impl<'a> State<'a> {
    pub fn person(&self, uid: i64) -> Option<&'a Person> {
        self.world.people.iter().find(|person| person.uid == uid)
    }

    pub fn tracked(&self, uid: i64) -> bool {
        self.person(uid).is_none_or(|person| person.tracked)
    }

    pub fn shown(&self, event: &Event) -> bool {
        event.record.start <= self.world.settings.as_of
    }

    /// The as-of second.
    pub fn until(&self) -> i64 {
        self.world.settings.as_of.div_euclid(1_000_000)
    }

    pub fn primary(&self, uid: i64, date: NaiveDate) -> Option<&'a Group> {
        groups(self.world, uid, date).1
    }

    /// Lower-case names of the group's core set; None without one.
    pub fn core(&self, group: Option<&Group>) -> Option<Vec<String>> {
        let group = group?;
        let names: Vec<String> = self
            .world
            .core
            .iter()
            .filter(|(id, _)| *id == group.id)
            .map(|(_, name)| name.to_lowercase())
            .collect();
        (!names.is_empty()).then_some(names)
    }

    pub fn is_collaboration(&self, event: &Event) -> bool {
        event.productive()
            && event.category.as_deref().is_some_and(|name| {
                let list = &self.world.settings.collaboration;
                list.iter().any(|other| other.eq_ignore_ascii_case(name))
            })
    }
}

/// All views of a world.
pub fn compute(world: &World, shipped: &Shipped, derived: &Derived) -> Views {
    let accepted: Vec<&Record> = world
        .records
        .iter()
        .filter(|record| {
            let uid = owner(world, &Derived::default(), record);
            let person = world.people.iter().find(|person| Some(person.uid) == uid);
            !world.org_before_records || person.is_none_or(|person| person.tracked)
        })
        .collect();
    // The latest version of each event; the later arrival of equal ones.
    let mut latest: Vec<&Record> = Vec::new();
    let agent = |record: &Record| {
        (
            record.domain.to_lowercase(),
            record.login.to_lowercase(),
            record.computer.to_lowercase(),
            record.primary_domain.to_lowercase(),
        )
    };
    let mut place: HashMap<_, usize> = HashMap::new();
    let mut first_starts: BTreeMap<i64, i64> = BTreeMap::new();
    for record in accepted {
        let uid = owner(world, derived, record).expect("every login has an id");
        let first = first_starts.entry(uid).or_insert(i64::MAX);
        *first = (*first).min(record.start);
        let key = (agent(record), record.event_id.clone());
        match place.get(&key) {
            Some(at) if latest[*at].upload <= record.upload => latest[*at] = record,
            Some(_) => {}
            None => {
                place.insert(key, latest.len());
                latest.push(record);
            }
        }
    }
    let mut of_user: BTreeMap<i64, Vec<&Record>> = BTreeMap::new();
    for record in &latest {
        let uid = owner(world, derived, record).unwrap();
        of_user.entry(uid).or_default().push(record);
    }
    for person in &world.people {
        of_user.entry(person.uid).or_default();
    }
    let zones: HashMap<i64, Zones> = of_user
        .iter()
        .map(|(uid, records)| (*uid, zones_of(world, shipped, *uid, records)))
        .collect();
    let mut state = State {
        world,
        shipped,
        names: Names {
            own: world
                .namings
                .iter()
                .map(|row| ((row.kind.clone(), row.value.to_lowercase()), row.clone()))
                .collect(),
            shipped,
        },
        events: Vec::new(),
        zones,
        first_starts,
        days: BTreeMap::new(),
        hours: Vec::new(),
    };
    let mut sets: HashMap<Option<i64>, RuleSet> = HashMap::new();
    for rule in &world.rules {
        let scope: Vec<&Rule> = world
            .rules
            .iter()
            .filter(|other| other.group == rule.group)
            .collect();
        sets.entry(rule.group)
            .or_insert_with(|| RuleSet::new(scope.into_iter()));
    }
    for record in &latest {
        let event = derive(&state, &sets, derived, record, agent(record));
        state.events.push(event);
    }
    let mut activities: BTreeMap<i64, Vec<Activity>> = BTreeMap::new();
    for uid in of_user.keys() {
        activities.insert(*uid, clipped(&state, *uid));
    }
    summarise(&mut state, &activities);
    views::views(&state, &activities)
}

fn clipped(state: &State, uid: i64) -> Vec<Activity> {
    let mut agents: Vec<&(String, String, String, String)> = Vec::new();
    let mut candidates = Vec::new();
    for (index, event) in state.events.iter().enumerate() {
        if event.uid != uid || event.ignored() {
            continue;
        }
        let agent = agents
            .iter()
            .position(|agent| **agent == event.agent)
            .unwrap_or_else(|| {
                agents.push(&event.agent);
                agents.len() - 1
            });
        candidates.push(Candidate {
            index,
            agent,
            start: event.record.start,
            seconds: event.seconds,
            state: event.state,
            computer: event.computer,
            event_id: event.record.event_id.clone(),
        });
    }
    clip(&candidates, state.until())
        .into_iter()
        .map(|piece| Activity {
            event: piece.index,
            start: piece.start,
            end: piece.end,
        })
        .collect()
}

fn summarise(state: &mut State, activities: &BTreeMap<i64, Vec<Activity>>) {
    let world = state.world;
    let settings = &world.settings;
    let mut stays = Vec::new();
    for list in activities.values() {
        for activity in list {
            let event = &state.events[activity.event];
            stays.push(Stay {
                uid: event.uid,
                date: event.date(),
                network: event.record.network.clone(),
                public_ip: event.record.public_ip.clone(),
                seconds: activity.seconds(),
            });
        }
    }
    let locations = locations(settings, &world.places, &stays);
    let until = state.until();
    for (uid, list) in activities {
        let zones = state.zones[uid].clone();
        let today = zones.date(until);
        let off = if state.person(*uid).is_some() {
            time_off(world, *uid, today)
        } else {
            BTreeMap::new()
        };
        let coverage = union(&list.iter().map(|a| (a.start, a.end)).collect::<Vec<Span>>());
        let own: Vec<&super::Meeting> = world
            .meetings
            .iter()
            .filter(|meeting| meeting.uid == *uid)
            .collect();
        // From where to where any day of this person may reach.
        let mut from = until;
        let mut to = until;
        for span in coverage
            .iter()
            .chain(&own.iter().map(|m| (m.start, m.end)).collect::<Vec<_>>())
        {
            from = from.min(span.0);
            to = to.max(span.1);
        }
        for event in state.events.iter().filter(|event| event.uid == *uid) {
            from = from.min(event.record.start.div_euclid(1_000_000));
        }
        let (from, to) = (from - 3 * 86_400, to + 3 * 86_400);
        let days = zones.days(from, to);
        // Offline seconds: none without a first event, when not tracked, on a full day off.
        let mut offline = match state.first_starts.get(uid) {
            Some(first) if state.tracked(*uid) => meetings::offline(
                &own,
                &coverage,
                &days,
                settings.meeting_gap,
                // The second in which the first event starts.
                first.div_euclid(1_000_000),
                until,
            ),
            _ => Vec::new(),
        };
        let allowed: Vec<Span> = days
            .iter()
            .filter(|(_, _, date)| !off.get(date).is_some_and(|off| off.full))
            .map(|(begin, end, _)| (*begin, *end))
            .collect();
        offline = meet(&offline, &allowed);
        let mut dates: Vec<NaiveDate> = list
            .iter()
            .map(|activity| state.events[activity.event].date())
            .collect();
        for hour in meetings::hours(&zones, &offline, &own) {
            dates.push(hour.date);
            state.hours.push((*uid, hour));
        }
        if state.tracked(*uid) {
            dates.extend(off.keys());
        }
        dates.sort();
        dates.dedup();
        for date in dates {
            let own_days: Vec<Span> = days
                .iter()
                .filter(|(_, _, day)| *day == date)
                .map(|(begin, end, _)| (*begin, *end))
                .collect();
            let of_day: Vec<Activity> = list
                .iter()
                .copied()
                .filter(|activity| state.events[activity.event].date() == date)
                .collect();
            let offline_here = meet(&offline, &own_days);
            let location = locations.get(&(*uid, date)).cloned();
            let day = day(
                state,
                (*uid, date),
                of_day,
                &own_days,
                &coverage,
                &offline_here,
                off.get(&date).cloned(),
                location,
            );
            state.days.insert((*uid, date), day);
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn day(
    state: &State,
    (uid, date): (i64, NaiveDate),
    activities: Vec<Activity>,
    own_days: &[Span],
    coverage: &[Span],
    offline: &[Span],
    off: Option<super::schedules::Off>,
    location: Option<String>,
) -> Day {
    let world = state.world;
    let settings = &world.settings;
    let zones = &state.zones[&uid];
    let minutes = |local: NaiveDateTime| {
        use chrono::Timelike;
        i64::from(local.hour()) * 60 + i64::from(local.minute())
    };
    let first = activities.first().map(|activity| {
        let local = zones.local(activity.start);
        (local, minutes(local))
    });
    let last = activities.iter().map(|a| a.end).max().map(|end| {
        let day_end = own_days.iter().map(|span| span.1).max().unwrap();
        // The clock of the last covered second, where the zone changes at the end.
        let end_shown = end.min(day_end);
        let local = zones.at(end_shown - 1).1.local(end_shown);
        let shown = if end >= day_end { 1440 } else { minutes(local) };
        (local, shown)
    });
    let mut in_schedule = (0, 0);
    let mut productive = 0;
    let mut steps = Vec::new();
    let reach = (
        activities.iter().map(|a| a.start).min().unwrap_or(0),
        activities.iter().map(|a| a.end).max().unwrap_or(0),
    );
    let open = windows(world, uid, zones, reach.0, reach.1);
    for activity in &activities {
        let event = &state.events[activity.event];
        if event.productive() {
            let seconds = total(&meet(&[(activity.start, activity.end)], &open));
            if event.state == "Active" {
                in_schedule.0 += seconds;
            } else {
                in_schedule.1 += seconds;
            }
            productive += activity.seconds();
        }
        steps.push(Step {
            start: activity.start,
            end: activity.end,
            active: event.state == "Active",
            productivity: event.productivity.clone(),
            collaboration: state.is_collaboration(event),
            task: event.task.as_deref().map(str::to_lowercase),
            title: event.title.clone(),
        });
    }
    let offline_seconds = total(offline);
    let counted = productive
        + if settings.offline_counts {
            offline_seconds
        } else {
            0
        };
    let active_day = counted > 0
        && match settings.active_day_mode {
            "threshold" => counted >= settings.active_day_seconds,
            "schedule" => has_window(world, uid, date),
            _ => has_window(world, uid, date) && !off.as_ref().is_some_and(|off| off.full),
        };
    let group = state.primary(uid, date);
    let productive_goal = group
        .and_then(|group| group.productive_goal)
        .unwrap_or(settings.productive_goal);
    let focused_goal = group
        .and_then(|group| group.focused_goal)
        .unwrap_or(settings.focused_goal);
    let utilization = (active_day && productive_goal > 0).then(|| {
        // Both sides in thousandths of a second, times 100.
        let worked = 100 * counted * 1000;
        let goal = productive_goal * 3600;
        if worked > (100 + settings.tolerance_percent) * goal {
            "Overutilized"
        } else if worked < (100 - settings.tolerance_percent) * goal {
            "Underutilized"
        } else {
            "Healthy"
        }
    });
    let covered = meet(coverage, own_days);
    Day {
        uid,
        date,
        first,
        last,
        in_schedule,
        sequence: sequence(settings, &steps),
        breaks: breaks(settings, &covered, own_days, offline),
        offline: offline_seconds,
        off,
        productive,
        active_day,
        productive_goal,
        focused_goal,
        utilization,
        location,
        activities,
    }
}
