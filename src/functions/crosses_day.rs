//! `crosses_day(user_id, date, start, seconds)`: whether an event reaches beyond its own local day,
//! so that neighbouring days have to know of it (`semantics.md` §4).

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type, TimestampMicrosecondType};
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{MODELS, page};
use super::local_day::day_of;
use super::local_time::{ReportingZones, instant};
use super::person_days::runs;
use super::{Arguments, scalar};
use crate::clock::Micros;
use crate::zone::{DAY, SECOND};

const NAME: &str = "crosses_day";

/// Where the plain part of a user's day ends. None where the user's zone changes nearby: its dates
/// may then interleave, and every event has to be known to the days around.
fn plain_end(zones: &ReportingZones, user_id: i64, day: i32) -> Option<Micros> {
    let near = i64::from(day - 3) * DAY..i64::from(day + 4) * DAY;
    let spans = zones.spans(user_id);
    if spans.iter().skip(1).any(|(from, _)| near.contains(from)) {
        return None;
    }
    day_of(zones, user_id, day).last().map(|piece| piece.end)
}

/// The SQL function over the reporting zones.
pub fn crosses_day(zones: Arc<ReportingZones>) -> ScalarUDF {
    scalar(
        NAME,
        page(
            MODELS,
            "crosses_day(user_id, date, start, seconds)",
            "Whether an event of a local day ends after that day. True for every event of a day \
             near which the person's reporting zone changes, since its dates may interleave.",
            &[
                ("user_id", "uid of the person"),
                ("date", "local date of the event's start"),
                ("start", "the instant at which the event starts"),
                ("seconds", "how long it is"),
            ],
            "select crosses_day(1, date '2026-03-02',\n  \
             arrow_cast('2026-03-02T23:30:00Z', 'Timestamp(µs, \"UTC\")'), 1801) as crosses",
        ),
        Arguments::Exactly(vec![
            DataType::Int64,
            DataType::Date32,
            instant(),
            DataType::Int64,
        ]),
        DataType::Boolean,
        move |args| {
            let [users, days, starts, seconds] = args else {
                return exec_err!("{NAME} takes a user_id, a date, a start and seconds");
            };
            let users = users.as_primitive::<Int64Type>();
            let days = days.as_primitive::<Date32Type>();
            let starts = starts.as_primitive::<TimestampMicrosecondType>();
            let seconds = seconds.as_primitive::<Int64Type>();
            let nulls = NullBuffer::union_many([
                users.nulls(),
                days.nulls(),
                starts.nulls(),
                seconds.nulls(),
            ]);
            let mut crosses: Vec<bool> = Vec::with_capacity(users.len());
            for (run, whose) in runs(users, days) {
                let end = whose.and_then(|(user, day)| plain_end(&zones, user, day));
                let starts = starts.values().get(run.clone()).unwrap_or_default();
                let seconds = seconds.values().get(run).unwrap_or_default();
                crosses.extend(starts.iter().zip(seconds).map(|(start, seconds)| {
                    let last = start.saturating_add(seconds.saturating_mul(SECOND));
                    end.is_none_or(|end| last > end)
                }));
            }
            let out = BooleanArray::new(BooleanBuffer::from(crosses), nulls);
            Ok(Arc::new(out) as ArrayRef)
        },
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::zone::ZoneNames;

    #[test]
    fn ends_with_the_day_or_near_a_change_of_zone_nowhere() {
        let names = ZoneNames::default();
        let zone = |name: &str| names.parse(name).unwrap();
        let change = 20_000 * DAY;
        let spans = vec![(0, zone("UTC")), (change, zone("UTC-8"))];
        let zones = ReportingZones::new(zone("UTC+1"), HashMap::from([(7, spans)]));
        assert_eq!(plain_end(&zones, 8, 100), Some(101 * DAY - 3_600 * SECOND));
        assert_eq!(plain_end(&zones, 7, 19_990), Some(19_991 * DAY));
        assert_eq!(plain_end(&zones, 7, 19_999), None);
        assert_eq!(plain_end(&zones, 7, 20_002), None);
        assert_eq!(
            plain_end(&zones, 7, 20_010),
            Some(20_011 * DAY + 8 * 3_600 * SECOND)
        );
    }
}
