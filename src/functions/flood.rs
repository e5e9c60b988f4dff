//! `flood(set, seconds)`: closes short gaps.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{INTERVALS, over_seen, page};
use super::interval::{
    IntervalListBuilder, IntervalLists, Takes, coerced, flood as flooded, interval_list,
};
use super::{Arguments, scalar};
use crate::zone::SECOND;

const NAME: &str = "flood";

/// The SQL function.
pub fn flood() -> ScalarUDF {
    scalar(
        NAME,
        page(
            INTERVALS,
            "flood(set, seconds)",
            "The set with every gap closed that is shorter than so many seconds; a gap of exactly so \
             many stays open. Only gaps of the set itself count: one that was closed makes no other \
             one shorter. NULL seconds give NULL.",
            &[
                ("set", "an interval set"),
                ("seconds", "the shortest gap that stays, in whole seconds"),
            ],
            &over_seen(
                "unnest(flood(seen, 60))",
                &["start", "end"],
                &[
                    ("09:00:00", "09:10:00"),
                    ("09:10:59", "09:20:00"),
                    ("09:21:00", "09:30:00"),
                ],
            ),
        ),
        Arguments::Checked(|given| coerced(NAME, &[Takes::Set, Takes::Seconds], given)),
        interval_list(),
        |args| {
            let [sets, seconds] = args else {
                return exec_err!("{NAME} takes a set and seconds");
            };
            let sets = IntervalLists::new(NAME, sets)?;
            let seconds = seconds.as_primitive::<Int64Type>();
            let mut out = IntervalListBuilder::with_capacity(sets.len());
            for row in 0..sets.len() {
                let set = sets.set(row).filter(|_| seconds.is_valid(row));
                let shorter_than_us = || seconds.value(row).saturating_mul(SECOND);
                out.append(set.map(|set| flooded(&set, shorter_than_us())).as_deref());
            }
            out.finish()
        },
    )
}
