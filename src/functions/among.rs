//! `among(text, names)`: whether a text is one of the names, in any case.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{ORGANISATION, page};
use super::ids::texts_hash;
use super::{Arguments, scalar};

/// The SQL function; false for NULL. The names are the same in every row, and lower case.
pub fn among() -> ScalarUDF {
    scalar(
        "among",
        page(
            ORGANISATION,
            "among(text, names)",
            "Whether a text is one of the names of a list setting, in any case; false for NULL. \
             Instead of the text there may be its number, `values_hash(lower(text))`, which \
             compares faster.",
            &[
                ("text", "a text, such as a category, or its number"),
                (
                    "names",
                    "a constant list of lower-case names, such as a setting",
                ),
            ],
            "select among('Meeting Software', setting('metrics.collaboration_categories')) as is_collaboration",
        ),
        Arguments::WithConstants(coerced),
        DataType::Boolean,
        evaluate,
    )
}

fn coerced(given: &[DataType]) -> Result<Vec<DataType>> {
    let [text, _] = given else {
        return plan_err!("among takes a text and a list of names");
    };
    let text = match text {
        DataType::Int64 => DataType::Int64,
        _ => DataType::Utf8,
    };
    let names = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    Ok(vec![text, names])
}

fn evaluate(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [texts, names] = args else {
        return exec_err!("among takes a text and a list of names");
    };
    let lists = names.as_list::<i32>();
    if lists.is_empty() || lists.is_null(0) {
        return Ok(Arc::new(BooleanArray::from(vec![false; texts.len()])));
    }
    let names = lists.value(0);
    let names = names.as_string::<i32>();
    let out: BooleanArray = if let Some(numbers) = texts.as_primitive_opt::<Int64Type>() {
        let wanted: Vec<i64> = names
            .iter()
            .flatten()
            .map(|name| texts_hash([Some(name)]))
            .collect();
        let values = numbers.values();
        let same = BooleanBuffer::collect_bool(values.len(), |row| {
            values.get(row).is_some_and(|value| wanted.contains(value))
        });
        match numbers.nulls() {
            Some(valid) => BooleanArray::new(&same & valid.inner(), None),
            None => BooleanArray::new(same, None),
        }
    } else {
        let texts = texts.as_string::<i32>();
        // Few distinct texts stand in a batch.
        let mut known: foldhash::HashMap<&str, bool> = foldhash::HashMap::default();
        (0..texts.len())
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
            .collect()
    };
    Ok(Arc::new(out))
}
