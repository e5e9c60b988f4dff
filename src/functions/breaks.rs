//! `breaks(pieces, longer_than_sec, up_to_sec, cap_sec)`: which interruptions are breaks, and how
//! long they count (`semantics.md` §5, *Breaks*).

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, StructArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{INTERVALS, over_seen, page};
use super::interval::{Interval, IntervalLists, Takes, coerced};
use super::{Arguments, scalar};
use crate::zone::SECOND;

const NAME: &str = "breaks";

/// How many pieces of a set are breaks, and the whole seconds they count: a piece longer than
/// `longer_than_sec` and not longer than `up_to_sec` counts one and at most `cap_sec`.
pub fn breaks_of(
    pieces: &[Interval],
    longer_than_sec: i64,
    up_to_sec: i64,
    cap_sec: i64,
) -> (i64, i64) {
    let us = |seconds: i64| seconds.saturating_mul(SECOND);
    let (longer_than, up_to, cap) = (us(longer_than_sec), us(up_to_sec), us(cap_sec).max(0));
    let (mut count, mut total) = (0, 0i64);
    for piece in pieces {
        let length = piece.length_us();
        if longer_than < length && length <= up_to {
            count += 1;
            total = total.saturating_add(length.min(cap));
        }
    }
    (count, total / SECOND)
}

/// The SQL function.
pub fn breaks() -> ScalarUDF {
    scalar(
        NAME,
        page(
            INTERVALS,
            "breaks(pieces, longer_than_sec, up_to_sec, cap_sec)",
            "Which pieces are breaks, as a struct of `count` and `seconds`: a piece longer than \
             `longer_than_sec` and not longer than `up_to_sec` counts one and adds its length, but \
             at most `cap_sec`. Shorter is no break, longer is absence. The seconds are rounded down \
             after summing. NULL if any argument is.",
            &[
                (
                    "pieces",
                    "an interval set, such as the gaps of a day's coverage",
                ),
                ("longer_than_sec", "whole seconds; a break is longer"),
                ("up_to_sec", "whole seconds; a break is not longer"),
                ("cap_sec", "whole seconds that one break adds at most"),
            ],
            &over_seen(
                "breaks(interval_gaps(seen), 300, 14400, 3000)",
                &["count", "seconds"],
                &[
                    ("09:00:00", "10:00:00"),
                    ("10:05:00", "12:00:00"),
                    ("13:00:00", "15:00:00"),
                    ("15:10:00", "17:00:00"),
                ],
            ),
        ),
        Arguments::Checked(|given| {
            let seconds = Takes::Seconds;
            coerced(NAME, &[Takes::Set, seconds, seconds, seconds], given)
        }),
        DataType::Struct(fields()),
        evaluate,
    )
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("count", DataType::Int64, true),
        Field::new("seconds", DataType::Int64, true),
    ])
}

fn evaluate(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [pieces, longer_than, up_to, cap] = args else {
        return exec_err!("{NAME} takes pieces and three numbers of seconds");
    };
    let pieces = IntervalLists::new(NAME, pieces)?;
    let [longer_than, up_to, cap] =
        [longer_than, up_to, cap].map(|column| column.as_primitive::<Int64Type>());
    let rows: Vec<Option<(i64, i64)>> = (0..pieces.len())
        .map(|row| {
            let complete = longer_than.is_valid(row) && up_to.is_valid(row) && cap.is_valid(row);
            let set = pieces.set(row).filter(|_| complete)?;
            Some(breaks_of(
                &set,
                longer_than.value(row),
                up_to.value(row),
                cap.value(row),
            ))
        })
        .collect();
    let counts: Int64Array = rows.iter().map(|row| row.map(|(count, _)| count)).collect();
    let seconds: Int64Array = rows.iter().map(|row| row.map(|(_, sec)| sec)).collect();
    let valid: NullBuffer = rows.iter().map(Option::is_some).collect();
    Ok(Arc::new(StructArray::try_new(
        fields(),
        vec![Arc::new(counts), Arc::new(seconds)],
        Some(valid),
    )?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_where_they_say() {
        let pieces = |lengths: &[i64]| -> Vec<Interval> {
            lengths
                .iter()
                .enumerate()
                .map(|(index, length)| {
                    let start = index as i64 * 100_000 * SECOND;
                    Interval::new(start, start + length)
                })
                .collect()
        };
        let of = |lengths: &[i64]| breaks_of(&pieces(lengths), 300, 14_400, 7_200);
        assert_eq!(of(&[300 * SECOND]), (0, 0));
        assert_eq!(of(&[300 * SECOND + 1]), (1, 300));
        assert_eq!(of(&[7_201 * SECOND]), (1, 7_200));
        assert_eq!(of(&[14_400 * SECOND]), (1, 7_200));
        assert_eq!(of(&[14_400 * SECOND + 1]), (0, 0));
        // Fractions add up before they are cut.
        assert_eq!(of(&[300_500_000, 300_500_000]), (2, 601));
        assert_eq!(of(&[]), (0, 0));
        assert_eq!(breaks_of(&pieces(&[SECOND]), 0, 10, -5), (1, 0));
    }
}
