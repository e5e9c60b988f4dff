//! What a slice is made from, as one hash.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::ScalarValue;
use xxhash_rust::xxh3::Xxh3Default;

use super::world::RAW_APPLICATIONS;
use super::{Kind, Library, Model, World};
use crate::lake::{DataFile, Snapshot};

/// What a model depends on, found once a run.
pub struct Ingredients {
    /// Texts of the model and the views it reads, and prints of settings, tables and functions.
    fixed: String,
    /// Stored tables that it reads by day: (name, days before, days after).
    pub inputs: Vec<(String, i32, i32)>,
    /// Tables of the settings whose rows each concern a day: (name, days before, days after).
    by_day: Vec<(String, i32, i32)>,
    /// Whether it looks at the as-of instant.
    pub looks_at_clock: bool,
}

impl Ingredients {
    /// Of a table model.
    pub fn of(world: &World, model: &Model) -> Ingredients {
        let library = &world.setup.library;
        let mut found = Found::default();
        found.walk(library, world, model, (0, 0));
        let Found {
            views,
            stored,
            others,
        } = found;
        let mut hash = Xxh3Default::new();
        let mut feed = |text: &str| {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        feed(VERSION);
        feed(&model.text());
        let mut settings: BTreeSet<&str> = model.settings.iter().map(String::as_str).collect();
        let mut sql = vec![model.sql.as_str()];
        for view in views.iter().filter_map(|name| library.get(name)) {
            feed(&view.text());
            settings.extend(view.settings.iter().map(String::as_str));
            sql.push(&view.sql);
        }
        let prints = &world.org_tables.prints;
        for setting in settings.iter().filter(|name| !is_clock(name)) {
            feed(setting);
            feed(
                prints
                    .get(&format!("setting:{setting}"))
                    .map_or("", String::as_str),
            );
        }
        let mut by_day = Vec::new();
        for (table, (before, after)) in &others {
            feed(table);
            if world.org_tables.day_prints.contains_key(table) {
                by_day.push((table.clone(), *before, *after));
                continue;
            }
            feed(prints.get(table).map_or("", String::as_str));
        }
        // Functions that hold tables of the settings, by their names in the text.
        for (name, print) in prints {
            let call = format!("{name}(");
            if sql.iter().any(|sql| sql.contains(&call)) {
                feed(name);
                feed(print);
            }
        }
        Ingredients {
            by_day,
            looks_at_clock: settings.iter().any(|name| is_clock(name)),
            fixed: format!("{:032x}", hash.digest128()),
            inputs: stored
                .into_iter()
                .map(|(name, (before, after))| (name, before, after))
                .collect(),
        }
    }

    /// Days of the inputs, and those that they may give rows of: a model's day gives rows of the
    /// same day; a raw file's UTC date may give rows of the local dates around it.
    pub fn input_days(&self, world: &World) -> BTreeSet<i32> {
        let mut days = BTreeSet::new();
        for (name, before, after) in &self.inputs {
            let Some(snapshot) = world.snapshots.get(name) else {
                continue;
            };
            let is_model = world.setup.library.get(name).is_some();
            let (back, forth) = if is_model { (0, 0) } else { (*after, *before) };
            for day in snapshot.files.iter().filter_map(|file| file.day) {
                days.extend(day - back..=day + forth);
            }
        }
        days
    }

    /// Whether a day has one slice, with this fingerprint.
    pub fn is_stored(world: &World, model: &str, day: i32, fingerprint: &str) -> bool {
        world.snapshots.get(model).is_some_and(|snapshot| {
            let mut files = snapshot.day(day);
            let first = files.next();
            files.next().is_none()
                && first.is_some_and(|file| file.fingerprint.as_deref() == Some(fingerprint))
        })
    }

    /// The fingerprint of one day's slice.
    pub fn fingerprint(&self, world: &World, day: i32) -> String {
        let mut hash = Xxh3Default::new();
        hash.update(self.fixed.as_bytes());
        for (name, before, after) in &self.inputs {
            hash.update(name.as_bytes());
            let Some(snapshot) = world.snapshots.get(name) else {
                continue;
            };
            for file in files_between(snapshot, day - before, day + after) {
                hash.update(&file.day.unwrap_or_default().to_le_bytes());
                hash.update(&file.rows.to_le_bytes());
                hash.update(file.content.as_deref().unwrap_or(&file.path).as_bytes());
            }
        }
        for (name, before, after) in &self.by_day {
            let Some(prints) = world.org_tables.day_prints.get(name) else {
                continue;
            };
            for (day, print) in prints.range(day - before..=day + after) {
                hash.update(name.as_bytes());
                hash.update(&day.to_le_bytes());
                hash.update(print.as_bytes());
            }
        }
        if self.looks_at_clock && !self.is_complete(world, day) {
            hash.update(&world.as_of.micros().to_le_bytes());
        }
        format!("{:032x}", hash.digest128())
    }

    /// Whether everything that the day's slice reads had ended by the as-of instant, so that a
    /// later instant changes nothing.
    pub fn is_complete(&self, world: &World, day: i32) -> bool {
        if !self.looks_at_clock {
            return true;
        }
        let around = self
            .inputs
            .iter()
            .map(|(_, before, after)| (*before).max(*after))
            .max()
            .unwrap_or(0)
            + 1;
        let high =
            |file: &DataFile, name: &str| file.ranges.get(name).map(|(_, high)| high.clone());
        let ended = |table: &str, last: &dyn Fn(&DataFile) -> Option<i64>| {
            world.snapshots.get(table).is_none_or(|raw| {
                files_between(raw, day - around, day + around)
                    .all(|file| last(file).is_some_and(|last| last <= world.as_of.micros()))
            })
        };
        ended(
            "raw_events",
            &|file| match (high(file, "start"), high(file, "duration_sec")) {
                (
                    Some(ScalarValue::TimestampMicrosecond(Some(start), _)),
                    Some(ScalarValue::Int64(Some(seconds))),
                ) => Some(start.saturating_add(seconds.saturating_mul(1_000_000))),
                _ => None,
            },
        ) && ended("raw_meetings", &|file| match high(file, "end") {
            Some(ScalarValue::TimestampMicrosecond(last, _)) => Some(last.unwrap_or(i64::MIN)),
            // Whole days only: they make no offline time.
            None => Some(i64::MIN),
            _ => None,
        })
    }
}

/// Changes when the meaning of a fingerprint, or of a function by the same name, does.
const VERSION: &str = "3";

fn is_clock(name: &str) -> bool {
    name == "as_of" || name == "as_of_date"
}

fn files_between(snapshot: &Snapshot, from: i32, to: i32) -> impl Iterator<Item = &DataFile> {
    snapshot
        .files
        .iter()
        .filter(move |file| file.day.is_none_or(|day| from <= day && day <= to))
}

/// What a model reads: views, stored tables with the days before and after, and tables of the
/// settings.
#[derive(Default)]
struct Found {
    views: BTreeSet<String>,
    stored: BTreeMap<String, (i32, i32)>,
    others: BTreeMap<String, (i32, i32)>,
}

impl Found {
    /// Walks from a model whose own days are read `around` the day that is made.
    fn walk(&mut self, library: &Library, world: &World, model: &Model, around: (i32, i32)) {
        let setting = |name: &str| world.org_tables.number(name);
        for name in &model.inputs {
            let (before, after) = model
                .reads_days
                .get(name)
                .map_or((0, 0), |[before, after]| {
                    (before.count(setting), after.count(setting))
                });
            let span = (around.0 + before, around.1 + after);
            match library.get(name) {
                Some(input) if input.kind == Kind::View => {
                    self.views.insert(name.clone());
                    self.walk(library, world, input, span);
                }
                _ if name == RAW_APPLICATIONS => {}
                _ if world.snapshots.contains_key(name) => {
                    let widest = self.stored.entry(name.clone()).or_default();
                    *widest = (widest.0.max(span.0), widest.1.max(span.1));
                }
                _ => {
                    let widest = self.others.entry(name.clone()).or_default();
                    *widest = (widest.0.max(span.0), widest.1.max(span.1));
                }
            }
        }
    }
}
