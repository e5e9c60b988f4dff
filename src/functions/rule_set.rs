//! `rule_set(user_id, local_date)`: which groups' classification rules are asked for a person.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::classify::Classifier;
use super::documentation::{ORGANISATION, page};
use super::{Arguments, scalar};

/// The SQL function over a classifier.
pub fn rule_set(classifier: Arc<Classifier>) -> ScalarUDF {
    scalar(
        "rule_set",
        page(
            ORGANISATION,
            "rule_set(user_id, local_date)",
            "A number for the groups whose classification rules come before the account's for a \
             person on a day: people with the same number have everything classified alike. 0 \
             where there are none, or who or when is NULL.",
            &[
                ("user_id", "uid of the person"),
                ("local_date", "the day in the reporting zone"),
            ],
            "select rule_set(7, date '2026-03-02') as rule_set",
        ),
        Arguments::Exactly(vec![DataType::Int64, DataType::Date32]),
        DataType::Int64,
        move |args| evaluate(&classifier, args),
    )
}

fn evaluate(classifier: &Classifier, args: &[ArrayRef]) -> Result<ArrayRef> {
    let [users, days] = args else {
        return datafusion::common::exec_err!("rule_set takes two arguments");
    };
    let users = users.as_primitive::<Int64Type>();
    let days = days.as_primitive::<Date32Type>();
    // Neighbouring rows are mostly of one person's day.
    let mut last: Option<(i64, i32, i64)> = None;
    let sets: Int64Array = (0..users.len())
        .map(|row| {
            if users.is_null(row) || days.is_null(row) {
                return 0;
            }
            let (user, day) = (users.value(row), days.value(row));
            match last {
                Some((known, when, set)) if known == user && when == day => set,
                _ => {
                    let set = classifier.rule_set(user, day);
                    last = Some((user, day, set));
                    set
                }
            }
        })
        .map(Some)
        .collect();
    Ok(Arc::new(sets))
}
