//! `local_hours(user_id, start, end)`: an interval cut at every hour of the user's own clock, the
//! reporting zone in force at each instant (`semantics.md` §2).

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{ORGANISATION, page};
use super::interval::Interval;
use super::local_time::{ReportingZones, instant};
use super::split_by_local_hour::{
    DAYS_MAX, HourPiece, PIECES_MAX, hour_list, hour_lists, hour_pieces,
};
use super::{Arguments, scalar};
use crate::clock::Micros;
use crate::zone::DAY;

const NAME: &str = "local_hours";

/// The pieces of an interval in time order, each read in the user's zone at that time.
pub fn user_hours(zones: &ReportingZones, user_id: i64, interval: Interval) -> Vec<HourPiece> {
    let spans = zones.spans(user_id);
    if spans.is_empty() {
        return hour_pieces(interval, zones.account());
    }
    let mut out = Vec::new();
    for (index, (from, zone)) in spans.iter().enumerate() {
        // The first zone holds before it, too.
        let from = if index == 0 { Micros::MIN } else { *from };
        let to = spans.get(index + 1).map_or(Micros::MAX, |(next, _)| *next);
        out.extend(hour_pieces(
            Interval::new(interval.start.max(from), interval.end.min(to)),
            zone,
        ));
    }
    out
}

/// The SQL function over the reporting zones.
pub fn local_hours(zones: Arc<ReportingZones>) -> ScalarUDF {
    scalar(
        NAME,
        page(
            ORGANISATION,
            "local_hours(user_id, start, end)",
            "Cuts an interval at every full hour of the clock that the user reports in, and where \
             that clock or the user's zone changes: a list of structs with `local_date`, `hour` (0 \
             to 23), `utc_offset_seconds`, `start` and `end`, in time order. See \
             `split_by_local_hour`.",
            &[
                ("user_id", "the user's uid"),
                ("start", "an instant: a time stamp with time zone"),
                ("end", "an instant, not included"),
            ],
            "select cardinality(local_hours(1,\n  \
             arrow_cast('2026-10-24T23:30:00Z', 'Timestamp(µs, \"UTC\")'),\n  \
             arrow_cast('2026-10-25T02:15:00Z', 'Timestamp(µs, \"UTC\")'))) as pieces",
        ),
        Arguments::Exactly(vec![DataType::Int64, instant(), instant()]),
        hour_list(),
        move |args| {
            let [users, starts, ends] = args else {
                return exec_err!("{NAME} takes a user_id, a start and an end");
            };
            let users = users.as_primitive::<Int64Type>();
            let starts = starts.as_primitive::<TimestampMicrosecondType>();
            let ends = ends.as_primitive::<TimestampMicrosecondType>();
            let mut pieces = Vec::new();
            let mut lengths = Vec::with_capacity(users.len());
            let mut valid = Vec::with_capacity(users.len());
            for row in 0..users.len() {
                if users.is_null(row) || starts.is_null(row) || ends.is_null(row) {
                    lengths.push(0);
                    valid.push(false);
                    continue;
                }
                let interval = Interval::new(starts.value(row), ends.value(row));
                if interval.length_us() > DAYS_MAX * DAY {
                    return exec_err!("{NAME} splits at most {DAYS_MAX} days");
                }
                let own = user_hours(&zones, users.value(row), interval);
                lengths.push(own.len());
                valid.push(true);
                pieces.extend(own);
                if pieces.len() > PIECES_MAX {
                    return exec_err!(
                        "{NAME} would give more than {PIECES_MAX} pieces: split less at once"
                    );
                }
            }
            hour_lists(&pieces, lengths, valid)
        },
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::zone::{SECOND, ZoneNames};

    #[test]
    fn the_zone_in_force_cuts_each_part() {
        let names = ZoneNames::default();
        let zone = |name: &str| names.parse(name).unwrap();
        let hour = 3_600 * SECOND;
        let change = 1_000 * hour + hour / 4;
        let spans = vec![(0, zone("UTC")), (change, zone("UTC+5:30"))];
        let zones = ReportingZones::new(zone("UTC"), HashMap::from([(7, spans)]));
        let interval = Interval::new(1_000 * hour, 1_001 * hour);
        let pieces = user_hours(&zones, 7, interval);
        let cuts: Vec<_> = pieces
            .iter()
            .map(|piece| {
                (
                    piece.utc_offset_seconds,
                    piece.interval.start,
                    piece.interval.end,
                )
            })
            .collect();
        // 1,000 h after the epoch is 16:00; a quarter past it the clock shows 21:45.
        assert_eq!(
            cuts,
            [
                (0, 1_000 * hour, change),
                (19_800, change, 1_000 * hour + hour / 2),
                (19_800, 1_000 * hour + hour / 2, 1_001 * hour),
            ]
        );
        assert_eq!(user_hours(&zones, 8, interval).len(), 1);
    }
}
