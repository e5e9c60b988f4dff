//! `interval_union(set)` and `interval_union(a, b)`: what is covered at all.

use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{INTERVALS, over_seen, page};
use super::interval::{Takes, coerced, interval_list, map_pairs, map_sets, union};
use super::{Arguments, scalar};

const NAME: &str = "interval_union";

/// The SQL function.
pub fn interval_union() -> ScalarUDF {
    scalar(
        NAME,
        page(
            INTERVALS,
            "interval_union(set), interval_union(a, b)",
            "What lies in any interval of the set, or of either set: overlapping and touching \
             intervals become one. This is also the way to bring a set into order. With two sets, \
             NULL if either is NULL.",
            &[("set, a, b", "interval sets")],
            &over_seen(
                "unnest(interval_union(seen))",
                &["start", "end"],
                &[
                    ("09:00:00", "09:30:00"),
                    ("09:20:00", "10:00:00"),
                    ("11:00:00", "11:15:00"),
                ],
            ),
        ),
        Arguments::Checked(|given| match given {
            [_] => coerced(NAME, &[Takes::Set], given),
            [_, _] => coerced(NAME, &[Takes::Set, Takes::Set], given),
            _ => plan_err!("{NAME} takes one set or two"),
        }),
        interval_list(),
        |args| match args {
            [set] => map_sets(NAME, set, <[_]>::to_vec),
            [a, b] => map_pairs(NAME, a, b, union),
            _ => exec_err!("{NAME} takes one set or two"),
        },
    )
}
