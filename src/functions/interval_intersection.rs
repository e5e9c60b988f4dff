//! `interval_intersection(a, b)`: what two sets have in common.

use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{INTERVALS, one_interval, over_seen, page};
use super::interval::{Takes, coerced, intersection, interval_list, map_pairs};
use super::{Arguments, scalar};

const NAME: &str = "interval_intersection";

/// The SQL function.
pub fn interval_intersection() -> ScalarUDF {
    scalar(
        NAME,
        page(
            INTERVALS,
            "interval_intersection(a, b)",
            "What lies in both sets. Overlaps inside one set count once. NULL if either set is \
             NULL.",
            &[("a, b", "interval sets")],
            &over_seen(
                &format!(
                    "unnest(interval_intersection(seen, {}))",
                    one_interval("09:00:00", "10:00:00")
                ),
                &["start", "end"],
                &[("08:50:00", "09:10:00"), ("09:50:00", "10:30:00")],
            ),
        ),
        Arguments::Checked(|given| coerced(NAME, &[Takes::Set, Takes::Set], given)),
        interval_list(),
        |args| match args {
            [a, b] => map_pairs(NAME, a, b, intersection),
            _ => exec_err!("{NAME} takes two sets"),
        },
    )
}
