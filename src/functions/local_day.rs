//! `local_day(user_id, date)`: the instants whose local date is this one (`semantics.md` §1).

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type};
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{ORGANISATION, page};
use super::interval::{Interval, IntervalListBuilder, interval_list, normalised};
use super::local_time::ReportingZones;
use super::{Arguments, scalar};
use crate::clock::Micros;

/// The instants of a user's local date, in normal form. One interval, unless the user's zone
/// changed: every instant is read in the zone in force at it. Empty for a date that was skipped.
pub fn day_of(zones: &ReportingZones, user_id: i64, day: i32) -> Vec<Interval> {
    let piece = |(start, end)| Interval { start, end };
    let spans = zones.spans(user_id);
    if spans.is_empty() {
        return zones
            .account()
            .day_pieces(day)
            .into_iter()
            .map(piece)
            .collect();
    }
    let mut out = Vec::new();
    for (index, (from, zone)) in spans.iter().enumerate() {
        // The first zone holds before it, too.
        let from = if index == 0 { Micros::MIN } else { *from };
        let to = spans.get(index + 1).map_or(Micros::MAX, |(next, _)| *next);
        out.extend(
            zone.day_pieces(day)
                .into_iter()
                .map(|(start, end)| Interval {
                    start: start.max(from),
                    end: end.min(to),
                }),
        );
    }
    normalised(out)
}

/// The SQL function over the reporting zones.
pub fn local_day(zones: Arc<ReportingZones>) -> ScalarUDF {
    scalar(
        "local_day",
        page(
            ORGANISATION,
            "local_day(user_id, date)",
            "The instants whose local date is this one in the person's reporting zone, as an \
             interval set. Mostly one interval of 23, 24 or 25 hours; more where the zone changed; \
             none for a date that the zone skipped. NULL if either is.",
            &[
                (
                    "user_id",
                    "uid of the person; an unknown one has the account's zone",
                ),
                ("date", "a local date"),
            ],
            "select interval_seconds(local_day(1, date '2026-03-29')) as day_sec",
        ),
        Arguments::Exactly(vec![DataType::Int64, DataType::Date32]),
        interval_list(),
        move |args| {
            let [users, days] = args else {
                return exec_err!("local_day takes a user_id and a date");
            };
            let users = users.as_primitive::<Int64Type>();
            let days = days.as_primitive::<Date32Type>();
            let mut out = IntervalListBuilder::with_capacity(users.len());
            // People in one zone have the same days.
            let mut shared: foldhash::HashMap<(&str, i32), Vec<Interval>> =
                foldhash::HashMap::default();
            for row in 0..users.len() {
                if users.is_null(row) || days.is_null(row) {
                    out.append(None);
                    continue;
                }
                let (user, day) = (users.value(row), days.value(row));
                match zones.only(user) {
                    Some(zone) => {
                        let day = shared
                            .entry((zone.name(), day))
                            .or_insert_with(|| day_of(&zones, user, day));
                        out.append(Some(day));
                    }
                    None => out.append(Some(&day_of(&zones, user, day))),
                }
            }
            let out: ArrayRef = out.finish()?;
            Ok(out)
        },
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::zone::{DAY, SECOND, ZoneNames};

    #[test]
    fn a_change_of_zone_westwards_repeats_part_of_a_date() {
        let names = ZoneNames::default();
        let zone = |name: &str| names.parse(name).unwrap();
        let day = 20_000;
        let noon = i64::from(day) * DAY + DAY / 2;
        let hour = 3_600 * SECOND;
        let spans = vec![(0, zone("Asia/Tokyo")), (noon, zone("America/New_York"))];
        let zones = ReportingZones::new(zone("UTC"), HashMap::from([(7, spans)]));
        // In Tokyo the date began at 15:00 UTC of the day before; at noon UTC New York is at 08:00
        // of it (summer or winter decides the hour), so it goes on for the rest of that date.
        let pieces = day_of(&zones, 7, day);
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].start, noon - 21 * hour);
        // The date before has no instant in New York's time: it ended in Tokyo.
        let before = day_of(&zones, 7, day - 1);
        assert_eq!(before.last().map(|piece| piece.end), Some(pieces[0].start));
        // Every instant belongs to one date.
        let next = day_of(&zones, 7, day + 1);
        assert_eq!(next.first().map(|piece| piece.start), Some(pieces[0].end));
        // Others are in the account's zone.
        assert_eq!(
            day_of(&zones, 8, day),
            [Interval {
                start: i64::from(day) * DAY,
                end: i64::from(day + 1) * DAY
            }]
        );
    }
}
