//! Time off derived from calendars: whole days that an instance with `time_off = true` shows as out
//! of office. Off unless asked for, since a calendar cannot say that anybody approved it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Date32Type, Int64Type};

use super::{Error, World};
use crate::config::org::TimeOff;

/// How such time off is marked: its type in every view.
pub const KIND: &str = "Calendar: out of office";

/// The instances whose calendars may say so.
pub fn instances(world: &World) -> BTreeSet<String> {
    world
        .setup
        .settings
        .integrations
        .iter()
        .filter(|integration| integration.sync.time_off)
        .map(|integration| integration.name.clone())
        .collect()
}

/// The records to add to those of `time_off.csv`, by user and date. Overlapping entries are one; an
/// entry that overlaps an approved record of the file adds nothing.
pub async fn records(
    world: &World,
    instances: &BTreeSet<String>,
) -> crate::error::Result<Vec<TimeOff>> {
    let session = world.stored_session(&HashMap::new())?;
    let frame = session
        .table("int_calendar_time_off")
        .await
        .map_err(Error::running)?;
    let mut spans: BTreeMap<i64, Vec<(i32, i32)>> = BTreeMap::new();
    for batch in frame.collect().await.map_err(Error::running)? {
        let [users, from_instances, starts, ends] = batch.columns() else {
            return Err(Error::Engine("int_calendar_time_off lacks a column".into()).into());
        };
        let users = users.as_primitive::<Int64Type>();
        let from_instances = from_instances.as_string::<i32>();
        let starts = starts.as_primitive::<Date32Type>();
        let ends = ends.as_primitive::<Date32Type>();
        for row in 0..batch.num_rows() {
            if instances.contains(from_instances.value(row)) {
                let span = (starts.value(row), ends.value(row).saturating_sub(1));
                spans.entry(users.value(row)).or_default().push(span);
            }
        }
    }
    let approved = |user: i64, (first, last): (i32, i32)| {
        world.org.time_off.iter().any(|record| {
            record.approved
                && record.uid == Some(user)
                && record.start_date <= last
                && first <= record.end_date
        })
    };
    Ok(spans
        .into_iter()
        .flat_map(|(user, spans)| merged(spans).into_iter().map(move |span| (user, span)))
        .filter(|(user, span)| !approved(*user, *span))
        .map(|(user, (start_date, end_date))| TimeOff {
            uid: Some(user),
            employee: user.to_string(),
            start_date,
            end_date,
            hours_per_day: None,
            full_day: true,
            kind: Some(KIND.to_owned()),
            approved: true,
        })
        .collect())
}

/// Spans of days (both ends included) that neither overlap nor touch.
fn merged(mut spans: Vec<(i32, i32)>) -> Vec<(i32, i32)> {
    spans.sort_unstable();
    let mut out: Vec<(i32, i32)> = Vec::new();
    for (first, last) in spans {
        match out.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => out.push((first, last)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_and_touching_spans_are_one() {
        assert_eq!(
            merged(vec![(5, 6), (1, 2), (3, 3), (8, 9), (5, 5)]),
            [(1, 3), (5, 6), (8, 9)]
        );
    }
}
