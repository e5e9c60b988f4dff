//! `among(text, names)`: whether a text is one of the names, in any case.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{ORGANISATION, page};
use super::scalar;

/// The SQL function; false for NULL. The names are the same in every row, and lower case.
pub fn among() -> ScalarUDF {
    scalar(
        "among",
        page(
            ORGANISATION,
            "among(text, names)",
            "Whether a text is one of the names of a list setting, in any case; false for NULL.",
            &[
                ("text", "a text, such as a category"),
                (
                    "names",
                    "a constant list of lower-case names, such as a setting",
                ),
            ],
            "select among('Meeting Software', setting('metrics.collaboration_categories')) as is_collaboration",
        ),
        vec![
            DataType::Utf8,
            DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        ],
        DataType::Boolean,
        |args| {
            let [texts, names] = args else {
                return exec_err!("among takes a text and a list of names");
            };
            let texts = texts.as_string::<i32>();
            let lists = names.as_list::<i32>();
            if lists.is_empty() || lists.is_null(0) {
                return Ok(Arc::new(BooleanArray::from(vec![false; texts.len()])) as ArrayRef);
            }
            let names = lists.value(0);
            let names = names.as_string::<i32>();
            // Few distinct texts stand in a batch.
            let mut known: foldhash::HashMap<&str, bool> = foldhash::HashMap::default();
            let out: BooleanArray = (0..texts.len())
                .map(|row| {
                    if texts.is_null(row) {
                        return Some(false);
                    }
                    let text = texts.value(row);
                    Some(*known.entry(text).or_insert_with(|| {
                        let lower = text.to_lowercase();
                        names.iter().flatten().any(|name| name == lower)
                    }))
                })
                .collect();
            Ok(Arc::new(out))
        },
    )
}
