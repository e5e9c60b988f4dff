//! `sessionise(set, max_gap_seconds)`: runs of activity that only short gaps interrupt.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, StructArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{INTERVALS, over_seen, page};
use super::interval::{IntervalLists, Takes, coerced, lists, sessions};
use super::local_time::instant;
use super::{Arguments, scalar};
use crate::zone::SECOND;

const NAME: &str = "sessionise";

/// The SQL function.
pub fn sessionise() -> ScalarUDF {
    scalar(
        NAME,
        page(
            INTERVALS,
            "sessionise(set, max_gap_seconds)",
            "The longest runs of intervals with gaps of at most so many seconds, in time order: each \
             as `start`, `end`, `parts` (its intervals after overlapping and touching ones became \
             one) and `covered_sec` (whole seconds without the gaps). The result is an interval set, \
             too. NULL seconds give NULL.",
            &[
                ("set", "an interval set"),
                (
                    "max_gap_seconds",
                    "the longest gap inside a session, in whole seconds; a longer one ends it",
                ),
            ],
            &over_seen(
                "unnest(sessionise(seen, 60))",
                &["start", "end", "parts", "covered_sec"],
                &[
                    ("09:00:00", "09:10:00"),
                    ("09:11:00", "09:20:00"),
                    ("09:21:01", "09:30:00"),
                ],
            ),
        ),
        Arguments::Checked(|given| coerced(NAME, &[Takes::Set, Takes::Seconds], given)),
        session_list(),
        evaluate,
    )
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("start", instant(), false),
        Field::new("end", instant(), false),
        Field::new("parts", DataType::Int64, false),
        Field::new("covered_sec", DataType::Int64, false),
    ])
}

fn session_list() -> DataType {
    let item = Field::new("item", DataType::Struct(fields()), true);
    DataType::List(Arc::new(item))
}

fn evaluate(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [sets, gaps] = args else {
        return exec_err!("{NAME} takes a set and seconds");
    };
    let sets = IntervalLists::new(NAME, sets)?;
    let gaps = gaps.as_primitive::<Int64Type>();
    let mut found = Vec::new();
    let mut lengths = Vec::with_capacity(sets.len());
    let mut valid = Vec::with_capacity(sets.len());
    for row in 0..sets.len() {
        let before = found.len();
        let set = sets.set(row).filter(|_| gaps.is_valid(row));
        valid.push(set.is_some());
        if let Some(set) = set {
            found.extend(sessions(&set, gaps.value(row).saturating_mul(SECOND)));
        }
        lengths.push(found.len() - before);
    }
    let instants = |values: Vec<i64>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
    };
    let numbers = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let elements = StructArray::try_new(
        fields(),
        vec![
            instants(found.iter().map(|session| session.start).collect()),
            instants(found.iter().map(|session| session.end).collect()),
            numbers(found.iter().map(|session| session.parts).collect()),
            numbers(
                found
                    .iter()
                    .map(|session| session.covered_us / SECOND)
                    .collect(),
            ),
        ],
        None,
    )?;
    lists(Arc::new(elements), lengths, valid)
}
