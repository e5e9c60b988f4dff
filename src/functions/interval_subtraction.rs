//! `interval_subtraction(a, b)`: what one set has and another has not.

use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{INTERVALS, one_interval, over_seen, page};
use super::interval::{Takes, coerced, interval_list, map_pairs, subtraction};
use super::{Arguments, scalar};

const NAME: &str = "interval_subtraction";

/// The SQL function.
pub fn interval_subtraction() -> ScalarUDF {
    scalar(
        NAME,
        page(
            INTERVALS,
            "interval_subtraction(a, b)",
            "What lies in the first set and not in the second, such as meetings less digital \
             activity. NULL if either set is NULL: say `coalesce(b, make_array())` where nothing to \
             take away comes as NULL.",
            &[("a", "the set to take from"), ("b", "the set to take away")],
            &over_seen(
                &format!(
                    "unnest(interval_subtraction({}, seen))",
                    one_interval("13:00:00", "14:00:00")
                ),
                &["start", "end"],
                &[("13:10:00", "13:20:00"), ("13:45:00", "15:00:00")],
            ),
        ),
        Arguments::Checked(|given| coerced(NAME, &[Takes::Set, Takes::Set], given)),
        interval_list(),
        |args| match args {
            [a, b] => map_pairs(NAME, a, b, subtraction),
            _ => exec_err!("{NAME} takes two sets"),
        },
    )
}
