//! `shared(list)`: the same lists, each stored once however many rows come to carry it.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, DictionaryArray, Int32Array};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::documentation::{MODELS, page};

/// The SQL function.
pub fn shared() -> ScalarUDF {
    ScalarUDF::new_from_impl(Shared {
        signature: Signature::any(1, Volatility::Immutable),
        documentation: page(
            MODELS,
            "shared(list)",
            "The same values behind numbers: a join that gives one list to many rows then copies a \
             number a row and not the list. For what `clip` takes as neighbours.",
            &[("list", "lists, or any values")],
            "select cast(shared('once') as varchar) as value",
        ),
    })
}

/// The type of shared values.
pub(super) fn shared_type(values: DataType) -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(values))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Shared {
    signature: Signature,
    documentation: Documentation,
}

impl ScalarUDFImpl for Shared {
    fn name(&self) -> &str {
        "shared"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let [values] = arguments else {
            return plan_err!("shared takes one argument");
        };
        Ok(shared_type(values.clone()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [values] = args.args.as_slice() else {
            return exec_err!("shared takes one argument");
        };
        let values: ArrayRef = values.to_array(args.number_rows)?;
        let keys: Int32Array = (0..values.len())
            .map(|row| values.is_valid(row).then_some(row as i32))
            .collect();
        let shared = DictionaryArray::<Int32Type>::try_new(keys, values)?;
        Ok(ColumnarValue::Array(Arc::new(shared)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
