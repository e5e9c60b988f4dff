//! Stored events: whose they are, the clock they are read by, their names and their category.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;

use super::names::{Address, address, base_name};
use super::rules::RuleSet;
use super::state::{Event, State};
use super::zones::{Zone, Zones, shown};
use super::{Derived, Group, Record, Shipped, World};

/// A person's groups on a date in order, and the primary one.
pub fn groups(world: &World, uid: i64, date: NaiveDate) -> (Vec<&Group>, Option<&Group>) {
    let mut found: Vec<(&Group, bool)> = Vec::new();
    for member in &world.members {
        if member.uid != uid || !member.valid.on(date) {
            continue;
        }
        let group = world
            .groups
            .iter()
            .find(|group| group.id == member.group && group.valid.on(date));
        if let Some(group) = group {
            found.push((group, member.primary));
        }
    }
    let order = |group: &Group| match group.kind {
        1 => 0,
        3 => 1,
        2 => 2,
        0 => 3,
        _ => 4,
    };
    let named = found.iter().find(|(_, primary)| *primary);
    let primary = named
        .or_else(|| {
            found
                .iter()
                .min_by_key(|(group, _)| (order(group), group.id))
        })
        .map(|(group, _)| *group);
    let mut list: Vec<&Group> = found.into_iter().map(|(group, _)| group).collect();
    list.sort_by_key(|group| (group.rank.unwrap_or(i64::MAX), group.id));
    list.dedup_by_key(|group| group.id);
    (list, primary)
}

/// Whose record it is.
pub fn owner(world: &World, derived: &Derived, record: &Record) -> Option<i64> {
    let login = (record.domain.to_lowercase(), record.login.to_lowercase());
    let listed = world
        .people
        .iter()
        .find(|person| person.logins.contains(&login))
        .or_else(|| {
            // Typed without a domain: that name on every domain.
            let bare = (String::new(), login.1.clone());
            world
                .people
                .iter()
                .find(|person| person.logins.contains(&bare))
        });
    listed
        .map(|person| person.uid)
        .or_else(|| derived.users.get(&login).copied())
}

fn state_of(record: &Record) -> (&'static str, Option<i64>) {
    match (record.state, record.passive_type) {
        (Some("Active") | None, None) => ("Active", None),
        (Some("Passive"), None | Some(1)) | (None, Some(1)) => ("Passive", Some(1)),
        (_, Some(2)) | (Some("Passive Locked"), None) => ("Passive Locked", Some(2)),
        (_, Some(3)) => ("Passive Locked", Some(3)),
        other => panic!("no such state: {other:?}"),
    }
}

/// The reporting zones of a person.
pub fn zones_of(world: &World, shipped: &Shipped, uid: i64, records: &[&Record]) -> Zones {
    const ALWAYS: i64 = i64::MIN / 4;
    let settings = &world.settings;
    let one = |name: &str| Zones(vec![(ALWAYS, name.to_owned(), Zone::of(name))]);
    if !settings.zone_per_user {
        return one(&settings.timezone);
    }
    let person = world.people.iter().find(|person| person.uid == uid);
    if let Some(name) = person.and_then(|person| person.timezone.as_deref()) {
        return one(&shown(shipped, name).unwrap());
    }
    // By UTC day: first start, and seconds by zone name.
    let mut days: BTreeMap<i64, (i64, BTreeMap<String, i64>)> = BTreeMap::new();
    for record in records {
        let day = days
            .entry(record.start.div_euclid(86_400_000_000))
            .or_insert((i64::MAX, BTreeMap::new()));
        day.0 = day.0.min(record.start);
        let zone = record.zone.as_deref().and_then(|name| shown(shipped, name));
        if let Some(zone) = zone {
            let locked = state_of(record).0 == "Passive Locked";
            let seconds = if locked { 0 } else { record.duration_ms / 1000 };
            *day.1.entry(zone).or_default() += seconds;
        }
    }
    let mut out: Vec<(i64, String, Zone)> = Vec::new();
    for (first, reported) in days.values() {
        let most = reported.values().max();
        let Some((name, _)) = reported.iter().find(|(_, seconds)| Some(*seconds) == most) else {
            continue;
        };
        match out.last() {
            None => out = one(name).0,
            Some((_, last, _)) if last == name => {}
            _ => out.push((first.div_euclid(1_000_000), name.clone(), Zone::of(name))),
        }
    }
    if out.is_empty() {
        return one(&settings.timezone);
    }
    Zones(out)
}

/// An event with all its names, by the settings in force.
pub fn derive<'a>(
    state: &State<'a>,
    sets: &HashMap<Option<i64>, RuleSet>,
    derived: &Derived,
    record: &'a Record,
    agent: (String, String, String, String),
) -> Event<'a> {
    let world = state.world;
    let details = world.settings.screen_details;
    let uid = owner(world, derived, record).unwrap();
    let computer = world
        .computers
        .iter()
        .find(|(_, name, domain)| *name == agent.2 && *domain == agent.3)
        .map(|(id, _, _)| *id)
        .or_else(|| {
            let key = (agent.2.clone(), agent.3.clone());
            derived.computers.get(&key).copied()
        })
        .expect("every computer has an id");
    let (active_state, passive_type) = state_of(record);
    let executable = record
        .executable
        .as_deref()
        .map(|path| base_name(path).to_owned());
    let application = executable
        .as_deref()
        .map(|name| state.names.application(name));
    let mut place = record.url.as_deref().map(|url| address(state.shipped, url));
    let transfer = state.names.transfers(place.as_ref(), executable.as_deref());
    if !details && let Some(place) = &mut place {
        place.clean = place.site.clone();
        place.search_term = None;
    }
    let zones = &state.zones[&uid];
    let second = record.start.div_euclid(1_000_000);
    let fraction = record.start.rem_euclid(1_000_000);
    let local = zones.local(second) + chrono::Duration::microseconds(fraction);
    let site = place.as_ref().and_then(|place| place.site.clone());
    let website = place.as_ref().and_then(|place| place.website.clone());
    let (list, _) = groups(world, uid, local.date());
    let mut scopes: Vec<Option<i64>> = list.iter().map(|group| Some(group.id)).collect();
    scopes.push(None);
    let find = |set: &RuleSet| {
        set.find(
            site.as_deref(),
            website.as_deref(),
            application.as_deref(),
            executable.as_deref(),
        )
        .cloned()
    };
    let rule = scopes
        .iter()
        .filter_map(|scope| sets.get(scope))
        .find_map(find)
        .or_else(|| find(&state.shipped.rules));
    let category = rule.as_ref().and_then(|rule| rule.category.clone());
    let category = category.map(|name| {
        let known = state.shipped.categories.get(&name.to_lowercase());
        known.cloned().unwrap_or(name)
    });
    let productivity = rule
        .map(|rule| rule.productivity)
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "Undefined".to_owned());
    let task = site.or_else(|| application.clone());
    let none = Address::default();
    let consolidated = state
        .names
        .consolidated(place.as_ref().unwrap_or(&none), executable.as_deref())
        .or_else(|| task.clone());
    let locked = active_state == "Passive Locked";
    Event {
        record,
        uid,
        computer,
        agent,
        state: active_state,
        passive_type,
        seconds: if locked { 0 } else { record.duration_ms / 1000 },
        executable,
        application,
        address: place,
        task,
        consolidated,
        title: record.title.clone().filter(|_| details),
        category,
        productivity,
        transfer,
        zone: zones.at(second).0.to_owned(),
        local,
    }
}
