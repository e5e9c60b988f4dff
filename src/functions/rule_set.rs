//! `rule_set(user_id, local_date)`: which groups' classification rules are asked for a person.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::classify::Classifier;
use super::documentation::{ORGANISATION, page};
use super::person_days::runs;
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
    let mut sets: Vec<i64> = Vec::with_capacity(users.len());
    for (run, whose) in runs(users, days) {
        let set = whose.map_or(0, |(user, day)| classifier.rule_set(user, day));
        sets.resize(run.end, set);
    }
    Ok(Arc::new(Int64Array::from(sets)))
}
