//! `split_by_local_day(start, end, zone)`: an interval cut where a zone's date changes.

use std::sync::Arc;

use datafusion::arrow::array::{Date32Array, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{LOCAL_TIME, page};
use super::interval::{Interval, coerced, lists};
use super::local_time::instant;
use super::split_by_local_hour::{SPLIT, instants, split_rows};
use super::{Arguments, scalar};
use crate::zone::Zone;

const NAME: &str = "split_by_local_day";

/// What lies in one unbroken stretch of a local date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayPiece {
    /// Days since 1970-01-01.
    pub local_date: i32,
    pub interval: Interval,
}

/// The pieces of an interval in time order; together they are the interval.
///
/// # Errors
/// Instants so far away that no date has them.
pub fn day_pieces(interval: Interval, zone: &Zone) -> Result<Vec<DayPiece>> {
    Days::default().pieces(interval, zone)
}

/// Remembers the stretch it found last: neighbouring rows mostly lie in it again.
#[derive(Default)]
struct Days {
    latest: Option<(Zone, DayPiece)>,
}

impl Days {
    fn pieces(&mut self, interval: Interval, zone: &Zone) -> Result<Vec<DayPiece>> {
        let mut out = Vec::with_capacity(1);
        let mut at = interval.start;
        while at < interval.end {
            let stretch = self.stretch(at, zone)?;
            let end = stretch.interval.end.min(interval.end);
            out.push(DayPiece {
                local_date: stretch.local_date,
                interval: Interval::new(at, end),
            });
            at = end;
        }
        Ok(out)
    }

    /// The whole stretch of its date that an instant lies in.
    fn stretch(&mut self, at: i64, zone: &Zone) -> Result<DayPiece> {
        let holds = |interval: Interval| interval.start <= at && at < interval.end;
        if let Some((known, stretch)) = &self.latest
            && known == zone
            && holds(stretch.interval)
        {
            return Ok(*stretch);
        }
        let local_date = zone.local_day(at);
        let found = zone
            .day_pieces(local_date)
            .into_iter()
            .map(|(start, end)| Interval::new(start, end))
            .find(|interval| holds(*interval));
        let Some(interval) = found else {
            return exec_err!("{NAME}: an instant is too far away for a date");
        };
        let stretch = DayPiece {
            local_date,
            interval,
        };
        self.latest = Some((zone.clone(), stretch));
        Ok(stretch)
    }
}

/// The SQL function.
pub fn split_by_local_day() -> ScalarUDF {
    let item = Field::new("item", DataType::Struct(fields()), true);
    scalar(
        NAME,
        page(
            LOCAL_TIME,
            "split_by_local_day(start, end, zone)",
            "Cuts an interval where a zone's date changes: a list of structs with `local_date`, \
             `start` and `end`, in time order. Days of 23, 25 and other hours are as long as their \
             clock, a skipped date is absent. Where a clock is put back across midnight after it had \
             shown the new date, both dates come in two pieces: sum by `local_date`. Empty when \
             `end` is not after `start`; NULL if any argument is; more than 10000 days are an error.",
            &[
                ("start", "an instant: a time stamp with time zone"),
                ("end", "an instant, not included"),
                ("zone", "name of a zone"),
            ],
            "select piece['local_date'] as local_date, piece['start'] as start, piece['end'] as \"end\"\n\
             from (select unnest(split_by_local_day(\n  \
             timestamp '2026-03-28T12:00:00' at time zone 'UTC',\n  \
             timestamp '2026-03-30T12:00:00' at time zone 'UTC', 'Europe/Berlin')) as piece)",
        ),
        Arguments::Checked(|given| coerced(NAME, &SPLIT, given)),
        DataType::List(Arc::new(item)),
        |args| {
            let mut days = Days::default();
            let (pieces, lengths, valid) =
                split_rows(NAME, args, |interval, zone| days.pieces(interval, zone))?;
            let dates: Date32Array = pieces.iter().map(|p| Some(p.local_date)).collect();
            let elements = StructArray::try_new(
                fields(),
                vec![
                    Arc::new(dates),
                    instants(pieces.iter().map(|p| p.interval.start).collect()),
                    instants(pieces.iter().map(|p| p.interval.end).collect()),
                ],
                None,
            )?;
            lists(Arc::new(elements), lengths, valid)
        },
    )
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("local_date", DataType::Date32, false),
        Field::new("start", instant(), false),
        Field::new("end", instant(), false),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::split_by_local_hour::tests::spans;
    use crate::zone::{DAY, SECOND};

    #[test]
    fn agrees_with_the_clock_at_every_second() {
        for (name, zone, span) in spans() {
            let pieces = day_pieces(span, &zone).unwrap();
            let mut second = span.start;
            for piece in &pieces {
                assert_eq!(piece.interval.start, second, "{name}");
                while second < piece.interval.end {
                    assert_eq!(piece.local_date, zone.local_day(second), "{name} {second}");
                    second += SECOND;
                }
                assert_eq!(second, piece.interval.end, "{name}");
            }
            assert_eq!(second, span.end, "{name}");
            let touching_alike = pieces
                .windows(2)
                .any(|pair| pair[0].local_date == pair[1].local_date);
            assert!(!touching_alike, "{name}: a date was cut for nothing");
        }
    }

    #[test]
    fn rows_of_several_zones_do_not_mix() {
        let mut days = Days::default();
        let (utc, berlin) = (
            Zone::utc(),
            crate::zone::ZoneNames::default()
                .parse("Europe/Berlin")
                .unwrap(),
        );
        let late = Interval::new(DAY - 2 * SECOND, DAY - SECOND);
        for _ in 0..2 {
            assert_eq!(days.pieces(late, &utc).unwrap()[0].local_date, 0);
            assert_eq!(days.pieces(late, &berlin).unwrap()[0].local_date, 1);
        }
        assert!(days.pieces(Interval::new(9, 9), &utc).unwrap().is_empty());
        // At the ends of time: an answer or an error, and an end.
        let _ = days.pieces(Interval::new(i64::MAX - 9, i64::MAX), &berlin);
        let _ = days.pieces(Interval::new(i64::MIN, i64::MIN + 9), &berlin);
    }
}
