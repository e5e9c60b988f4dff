//! A column of `daily_user_summary` on one day, explained: what adds up to it, or what decided.
//!
//! In flow: a [`Day`] and the settings. Out flow: an [`Explanation`] with a total of its own, beside
//! the stored value. Nothing here takes a number from the stored row.

use super::super::World;
use super::super::place::suggestion;
use super::day::Day;
use super::setting::{Setting, settings_of};
use super::value::{Unit, Value};
use super::{decision, sum};
use crate::clock::Micros;
use crate::config::Shown;
use crate::error::{Class, Error, Result};
use crate::functions::interval::Interval;
use crate::zone::SECOND;

/// The view whose columns are explained.
pub const VIEW: &str = "daily_user_summary";

/// What a contributing row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Activity,
    Shift,
    Session,
    Gap,
    OfflineMeeting,
    TimeOff,
    Network,
}

impl What {
    /// Its name in the JSON document.
    pub fn name(self) -> &'static str {
        match self {
            What::Activity => "activity",
            What::Shift => "shift",
            What::Session => "session",
            What::Gap => "gap",
            What::OfflineMeeting => "offline_meeting",
            What::TimeOff => "time_off",
            What::Network => "network",
        }
    }
}

/// One row that takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    pub what: What,
    /// The activity, by its place in the day from 0.
    pub activity: Option<usize>,
    pub start: Option<Micros>,
    pub end: Option<Micros>,
    /// How long it is; not what it contributes.
    pub seconds: Option<i64>,
    /// What it adds to the total, in the column's unit.
    pub counts: i64,
    /// Why it counts as much.
    pub note: Option<String>,
}

impl Contribution {
    /// Of an activity.
    pub fn activity(day: &Day, index: usize, counts: i64, note: Option<String>) -> Contribution {
        let activity = day.activities.get(index);
        Contribution {
            what: What::Activity,
            activity: Some(index),
            start: activity.map(|activity| activity.start),
            end: activity.map(|activity| activity.end()),
            seconds: activity.map(|activity| activity.counted_sec),
            counts,
            note,
        }
    }

    /// Of an interval.
    pub fn interval(
        what: What,
        interval: Interval,
        counts: i64,
        note: Option<String>,
    ) -> Contribution {
        Contribution {
            what,
            activity: None,
            start: Some(interval.start),
            end: Some(interval.end),
            seconds: Some(interval.length_us() / SECOND),
            counts,
            note,
        }
    }
}

/// A column's value on a day, explained.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    pub column: String,
    /// What the view says that it means.
    pub definition: String,
    pub unit: Unit,
    /// Those that took part.
    pub settings: Vec<Setting>,
    /// What adds up to the total, where the column is a sum; else what was looked at.
    pub rows: Vec<Contribution>,
    /// Inputs of a decision, by name.
    pub inputs: Vec<(&'static str, Value)>,
    /// The decision, step by step.
    pub steps: Vec<String>,
    /// Whether the value is the sum of the rows' contributions.
    pub is_sum: bool,
    /// What the explanation comes to.
    pub value: Value,
    /// What the view shows; `None` without a row.
    pub stored: Option<Value>,
}

impl Explanation {
    /// Whether the explanation comes to what is stored.
    pub fn agrees(&self) -> bool {
        self.stored.as_ref() == Some(&self.value)
    }

    /// What the rows add up to.
    pub fn total(&self) -> i64 {
        self.rows.iter().map(|row| row.counts).sum()
    }
}

/// What a column comes to, before it is put beside its definition.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub rows: Vec<Contribution>,
    pub inputs: Vec<(&'static str, Value)>,
    pub steps: Vec<String>,
    pub settings: Vec<&'static str>,
    /// Of a decision; a sum has its rows' total.
    pub value: Option<Value>,
}

impl Found {
    /// The value of a decision.
    pub fn decided(value: Value) -> Found {
        Found {
            value: Some(value),
            ..Found::default()
        }
    }

    pub fn input(mut self, name: &'static str, value: Value) -> Found {
        self.inputs.push((name, value));
        self
    }

    pub fn step(mut self, text: impl Into<String>) -> Found {
        self.steps.push(text.into());
        self
    }

    pub fn by(mut self, settings: &[&'static str]) -> Found {
        self.settings.extend(settings);
        self
    }
}

/// The columns that can be explained, in the view's order.
pub fn columns(world: &World) -> Vec<&str> {
    world
        .setup
        .library
        .get(VIEW)
        .map_or_else(Vec::new, |model| {
            model
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .collect()
        })
}

/// The columns whose names hold what was typed, else the nearest one.
fn near(world: &World, wanted: &str) -> String {
    let all = columns(world);
    let holding: Vec<&str> = all
        .iter()
        .copied()
        .filter(|name| wanted.len() > 1 && name.contains(wanted))
        .collect();
    if holding.is_empty() {
        suggestion(wanted, all.into_iter())
    } else {
        format!("; near are {}", holding.join(", "))
    }
}

/// Explains a column of the day's row; `shown` tells where settings come from.
///
/// # Errors
/// Class `Config` for an unknown column, with near names.
pub fn explain(world: &World, shown: &Shown, day: &Day, column: &str) -> Result<Explanation> {
    let wanted = column.trim().to_lowercase();
    let model = world.setup.library.get(VIEW);
    let described = model.and_then(|model| model.columns.iter().find(|c| c.name == wanted));
    let Some(described) = described else {
        return Err(Error::new(
            Class::Config,
            format!("{VIEW} has no column '{column}'{}", near(world, &wanted)),
        ));
    };
    let found = sum::find(world, day, &wanted).or_else(|| decision::find(world, day, &wanted));
    let Some(found) = found else {
        // A folder of one's own models may add columns.
        return Err(Error::new(
            Class::Config,
            format!("column '{wanted}' is not one of activlake's own; nothing explains it"),
        ));
    };
    let total = found.rows.iter().map(|row| row.counts).sum();
    Ok(Explanation {
        unit: Unit::of(&wanted),
        definition: described.description.clone(),
        settings: settings_of(shown, &found.settings),
        is_sum: found.value.is_none(),
        value: found.value.unwrap_or(Value::Integer(total)),
        stored: day.stored.get(&wanted).cloned(),
        rows: found.rows,
        inputs: found.inputs,
        steps: found.steps,
        column: wanted,
    })
}
