//! `split_by_local_hour(start, end, zone)`: an interval cut at every hour of a wall clock.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int64Array, StructArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Fields, TimestampMicrosecondType};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{LOCAL_TIME, page};
use super::interval::{Interval, Takes, coerced, lists};
use super::local_time::instant;
use super::{Arguments, scalar};
use crate::zone::{DAY, SECOND, Zone, ZoneNames};

const NAME: &str = "split_by_local_hour";
/// The arguments of both splits.
pub(super) const SPLIT: [Takes; 3] = [Takes::Instant("start"), Takes::Instant("end"), Takes::Text];
const HOUR: i64 = 3600 * SECOND;
/// The longest interval that is split, in days: what is longer is an error of the data.
pub(super) const DAYS_MAX: i64 = 10_000;
/// Pieces of one batch of rows; more would be gigabytes.
pub(super) const PIECES_MAX: usize = 10_000_000;

/// What lies in one hour of one local date, under one offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourPiece {
    /// Days since 1970-01-01.
    pub local_date: i32,
    /// 0 to 23.
    pub hour: i64,
    /// East of UTC.
    pub utc_offset_seconds: i64,
    pub interval: Interval,
}

/// The pieces of an interval in time order; together they are the interval. It is cut where the
/// clock in `zone` shows a full hour, and where the clock is put forward or back.
pub fn hour_pieces(interval: Interval, zone: &Zone) -> Vec<HourPiece> {
    let mut out = Vec::new();
    let mut at = interval.start;
    while at < interval.end {
        let offset_seconds = zone.offset_seconds(at);
        let local = at.saturating_add(offset_seconds * SECOND);
        let left_of_hour = HOUR - local.rem_euclid(HOUR);
        let full = at.saturating_add(left_of_hour).min(interval.end);
        let end = change_of_offset(zone, at, full, offset_seconds);
        out.push(HourPiece {
            local_date: i32::try_from(local.div_euclid(DAY)).unwrap_or(i32::MAX),
            hour: local.rem_euclid(DAY) / HOUR,
            utc_offset_seconds: offset_seconds,
            interval: Interval::new(at, end),
        });
        at = end;
    }
    out
}

/// The first instant after `from` with another offset, or `to` where there is none before it. No
/// zone changes its offset twice within an hour, so a look at the end is enough.
fn change_of_offset(zone: &Zone, from: i64, to: i64, offset_seconds: i64) -> i64 {
    if zone.offset_seconds(to - 1) == offset_seconds {
        return to;
    }
    let (mut same, mut other) = (from, to - 1);
    while same + 1 < other {
        let middle = same + (other - same) / 2;
        if zone.offset_seconds(middle) == offset_seconds {
            same = middle;
        } else {
            other = middle;
        }
    }
    other
}

/// Rows of (start, end, zone) cut by `split`; NULL where any is NULL. Gives the pieces of all rows,
/// how many each row has, and which rows are not NULL.
///
/// # Errors
/// An unknown zone, an interval longer than [`DAYS_MAX`], too many pieces for one batch.
pub(super) fn split_rows<P>(
    name: &str,
    args: &[ArrayRef],
    mut split: impl FnMut(Interval, &Zone) -> Result<Vec<P>>,
) -> Result<(Vec<P>, Vec<usize>, Vec<bool>)> {
    let [starts, ends, zones] = args else {
        return exec_err!("{name} takes a start, an end and a zone");
    };
    let starts = starts.as_primitive::<TimestampMicrosecondType>();
    let ends = ends.as_primitive::<TimestampMicrosecondType>();
    let zones = zones.as_string::<i32>();
    let names = ZoneNames::default();
    let mut known: HashMap<&str, Zone> = HashMap::new();
    let mut pieces = Vec::new();
    let mut lengths = Vec::with_capacity(starts.len());
    let mut valid = Vec::with_capacity(starts.len());
    for row in 0..starts.len() {
        if starts.is_null(row) || ends.is_null(row) || zones.is_null(row) {
            lengths.push(0);
            valid.push(false);
            continue;
        }
        let text = zones.value(row);
        let zone = match known.get(text) {
            Some(zone) => zone,
            None => match names.parse(text) {
                Some(zone) => known.entry(text).or_insert(zone),
                None => return exec_err!("'{text}' is no time zone"),
            },
        };
        let interval = Interval::new(starts.value(row), ends.value(row));
        if interval.length_us() > DAYS_MAX * DAY {
            return exec_err!("{name} splits at most {DAYS_MAX} days");
        }
        let before = pieces.len();
        pieces.extend(split(interval, zone)?);
        if pieces.len() > PIECES_MAX {
            return exec_err!(
                "{name} would give more than {PIECES_MAX} pieces: split less at once"
            );
        }
        lengths.push(pieces.len() - before);
        valid.push(true);
    }
    Ok((pieces, lengths, valid))
}

/// The SQL function.
pub fn split_by_local_hour() -> ScalarUDF {
    scalar(
        NAME,
        page(
            LOCAL_TIME,
            "split_by_local_hour(start, end, zone)",
            "Cuts an interval at every full hour of a zone's wall clock, and where the clock changes: \
             a list of structs with `local_date`, `hour` (0 to 23), `utc_offset_seconds`, `start` and \
             `end`, in time order. An hour that the clock shows twice gives two pieces with different \
             offsets, a skipped hour none, and zones at half an hour are cut at their own hours. \
             Empty when `end` is not after `start`; NULL if any argument is; more than 10000 days are \
             an error.",
            &[
                ("start", "an instant: a time stamp with time zone"),
                ("end", "an instant, not included"),
                ("zone", "name of a zone"),
            ],
            "select piece['local_date'] as local_date, piece['hour'] as hour,\n  \
             piece['utc_offset_seconds'] as utc_offset_seconds, piece['start'] as start, piece['end'] as \"end\"\n\
             from (select unnest(split_by_local_hour(\n  \
             timestamp '2026-10-24T23:30:00' at time zone 'UTC',\n  \
             timestamp '2026-10-25T02:15:00' at time zone 'UTC', 'Europe/Berlin')) as piece)",
        ),
        Arguments::Checked(|given| coerced(NAME, &SPLIT, given)),
        hour_list(),
        |args| {
            let (pieces, lengths, valid) =
                split_rows(NAME, args, |interval, zone| Ok(hour_pieces(interval, zone)))?;
            hour_lists(&pieces, lengths, valid)
        },
    )
}

/// The type of a list of pieces.
pub(super) fn hour_list() -> DataType {
    DataType::List(Arc::new(Field::new(
        "item",
        DataType::Struct(fields()),
        true,
    )))
}

/// The pieces of rows as a column, by how many each row has and which rows are not NULL.
pub(super) fn hour_lists(
    pieces: &[HourPiece],
    lengths: Vec<usize>,
    valid: Vec<bool>,
) -> Result<ArrayRef> {
    let dates: Date32Array = pieces.iter().map(|p| Some(p.local_date)).collect();
    let hours: Int64Array = pieces.iter().map(|p| Some(p.hour)).collect();
    let offsets: Int64Array = pieces.iter().map(|p| Some(p.utc_offset_seconds)).collect();
    let elements = StructArray::try_new(
        fields(),
        vec![
            Arc::new(dates),
            Arc::new(hours),
            Arc::new(offsets),
            instants(pieces.iter().map(|p| p.interval.start).collect()),
            instants(pieces.iter().map(|p| p.interval.end).collect()),
        ],
        None,
    )?;
    lists(Arc::new(elements), lengths, valid)
}

/// A column of UTC instants.
pub(super) fn instants(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("local_date", DataType::Date32, false),
        Field::new("hour", DataType::Int64, false),
        Field::new("utc_offset_seconds", DataType::Int64, false),
        Field::new("start", instant(), false),
        Field::new("end", instant(), false),
    ])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock::AsOf;

    /// Zones with a change of clock that is odd in some way, each with the hours around one.
    pub(in crate::functions) const CHANGES: [(&str, &str, i64); 11] = [
        ("UTC", "2026-03-28T20:00:00Z", 30),
        ("UTC+5:30", "2026-03-28T20:10:00Z", 30),
        ("Europe/Berlin", "2026-03-28T20:20:00Z", 30),
        ("Europe/Berlin", "2026-10-24T20:20:00Z", 30),
        ("America/New_York", "2026-11-01T01:00:07Z", 30),
        // Half an hour, at 2:00.
        ("Australia/Lord_Howe", "2026-04-04T10:00:00Z", 30),
        ("Australia/Lord_Howe", "2026-10-03T10:00:00Z", 30),
        // Back across midnight: the evening before comes again.
        ("America/St_Johns", "2006-10-28T20:00:00Z", 30),
        // A quarter of an hour, and a date that never was.
        ("Asia/Kathmandu", "1985-12-31T10:00:00Z", 30),
        ("Pacific/Apia", "2011-12-29T20:00:00Z", 60),
        ("Asia/Pyongyang", "2018-05-04T10:00:00Z", 12),
    ];

    pub(in crate::functions) fn spans() -> Vec<(&'static str, Zone, Interval)> {
        CHANGES
            .into_iter()
            .map(|(name, from, hours)| {
                let start = AsOf::parse(from).unwrap().micros();
                let zone = ZoneNames::default().parse(name).unwrap();
                (name, zone, Interval::new(start, start + hours * HOUR))
            })
            .collect()
    }

    #[test]
    fn agrees_with_the_clock_at_every_second() {
        for (name, zone, span) in spans() {
            let pieces = hour_pieces(span, &zone);
            let mut second = span.start;
            let mut keys = Vec::new();
            for piece in &pieces {
                assert_eq!(piece.interval.start, second, "{name}");
                assert!(piece.interval.start < piece.interval.end, "{name}");
                while second < piece.interval.end {
                    let local = zone.local_micros(second);
                    let key = (
                        local.div_euclid(DAY) as i32,
                        local.rem_euclid(DAY) / HOUR,
                        zone.offset_seconds(second),
                    );
                    let told = (piece.local_date, piece.hour, piece.utc_offset_seconds);
                    assert_eq!(told, key, "{name} {second}");
                    second += SECOND;
                }
                assert_eq!(second, piece.interval.end, "{name}");
                keys.push((piece.local_date, piece.hour, piece.utc_offset_seconds));
            }
            assert_eq!(second, span.end, "{name}");
            let pieces = keys.len();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), pieces, "{name}: an hour came in two pieces");
        }
    }

    #[test]
    fn a_repeated_hour_comes_twice_and_a_skipped_one_never() {
        let hours = |day: &str| -> Vec<i64> {
            let start = AsOf::parse(&format!("{day}T23:00:00Z")).unwrap().micros();
            let zone = ZoneNames::default().parse("Europe/Berlin").unwrap();
            hour_pieces(Interval::new(start, start + 5 * HOUR), &zone)
                .iter()
                .map(|piece| piece.hour)
                .collect()
        };
        assert_eq!(hours("2026-10-24"), [1, 2, 2, 3, 4]);
        assert_eq!(hours("2026-03-28"), [0, 1, 3, 4, 5]);
    }

    #[test]
    fn odd_ends_are_no_trouble() {
        let utc = Zone::utc();
        assert!(hour_pieces(Interval::new(5, 5), &utc).is_empty());
        assert!(hour_pieces(Interval::new(5, -5), &utc).is_empty());
        assert_eq!(hour_pieces(Interval::new(-1, 1), &utc).len(), 2);
        let last = Interval::new(i64::MAX - 2, i64::MAX);
        let berlin = ZoneNames::default().parse("Europe/Berlin").unwrap();
        assert_eq!(hour_pieces(last, &berlin).len(), 1);
    }
}
