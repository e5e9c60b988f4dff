//! `row_id(view, key…)` and `values_hash(value…)`: numbers of rows by what is in them.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::documentation::{MODELS, page};
use super::ids::texts_hash;

/// Positive 63-bit hash of (view, business key): the same on every recompute.
pub fn row_id() -> ScalarUDF {
    ScalarUDF::new_from_impl(Hash {
        name: "row_id",
        documentation: page(
            MODELS,
            "row_id(view, key…)",
            "A positive number for a row by its view and business key, the same on every \
             recompute. It is a 63-bit hash of the values as text; NULL differs from \
             empty text.",
            &[
                ("view", "name of the view"),
                ("key…", "the values of the key, of any type"),
            ],
            "select row_id('activities', 7, date '2026-03-02') as row_id",
        ),
        signature: Signature::variadic_any(Volatility::Immutable),
    })
}

/// Positive 63-bit hash of all values of a row, to see whether any changed.
pub fn values_hash() -> ScalarUDF {
    ScalarUDF::new_from_impl(Hash {
        name: "values_hash",
        documentation: page(
            MODELS,
            "values_hash(value…)",
            "A positive number for the values of a row, to see whether any changed. It is \
             a 63-bit hash of the values as text; NULL differs from empty text.",
            &[("value…", "any values")],
            "select values_hash('a', NULL) = values_hash('a', '') as same,\n  \
             values_hash('a', 1) = values_hash('a', '1') as same_text",
        ),
        signature: Signature::variadic_any(Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Hash {
    name: &'static str,
    documentation: Documentation,
    signature: Signature,
}

impl ScalarUDFImpl for Hash {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts = args
            .args
            .iter()
            .map(|arg| Ok(cast(&arg.to_array(args.number_rows)?, &DataType::Utf8)?))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let texts: Vec<_> = texts.iter().map(|array| array.as_string::<i32>()).collect();
        let hashes: Int64Array = (0..args.number_rows)
            .map(|row| {
                Some(texts_hash(
                    texts
                        .iter()
                        .map(|array| array.is_valid(row).then(|| array.value(row))),
                ))
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(hashes)))
    }
}
