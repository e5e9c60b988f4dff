//! `interval_gaps(set)`: what a set leaves open between its parts.

use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{INTERVALS, over_seen, page};
use super::interval::{Takes, coerced, gaps, interval_list, map_sets};
use super::{Arguments, scalar};

const NAME: &str = "interval_gaps";

/// The SQL function.
pub fn interval_gaps() -> ScalarUDF {
    scalar(
        NAME,
        page(
            INTERVALS,
            "interval_gaps(set)",
            "What lies between the first start and the last end of the set and in none of its \
             intervals. Before the first and after the last there is no gap; a set of one interval \
             or none has none.",
            &[("set", "an interval set")],
            &over_seen(
                "unnest(interval_gaps(seen))",
                &["start", "end"],
                &[
                    ("09:00:00", "12:00:00"),
                    ("09:10:00", "09:20:00"),
                    ("12:30:00", "17:00:00"),
                ],
            ),
        ),
        Arguments::Checked(|given| coerced(NAME, &[Takes::Set], given)),
        interval_list(),
        |args| match args {
            [set] => map_sets(NAME, set, gaps),
            _ => exec_err!("{NAME} takes one set"),
        },
    )
}
