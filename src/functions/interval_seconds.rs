//! `interval_seconds(set)`: how long a set is.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{INTERVALS, over_seen, page};
use super::interval::{IntervalLists, Takes, coerced, seconds};
use super::{Arguments, scalar};

const NAME: &str = "interval_seconds";

/// The SQL function.
pub fn interval_seconds() -> ScalarUDF {
    scalar(
        NAME,
        page(
            INTERVALS,
            "interval_seconds(set)",
            "Seconds that the set covers: what lies in several intervals counts once. The \
             microseconds are summed and the sum is rounded down. 0 for an empty set.",
            &[("set", "an interval set")],
            &over_seen(
                "interval_seconds(seen)",
                &[],
                &[("09:00:00", "09:10:00"), ("09:05:00", "09:15:00.5")],
            ),
        ),
        Arguments::Checked(|given| coerced(NAME, &[Takes::Set], given)),
        DataType::Int64,
        |args| match args {
            [set] => {
                let sets = IntervalLists::new(NAME, set)?;
                let out: Int64Array = (0..sets.len())
                    .map(|row| sets.set(row).map(|set| seconds(&set)))
                    .collect();
                Ok(Arc::new(out) as ArrayRef)
            }
            _ => exec_err!("{NAME} takes one set"),
        },
    )
}
