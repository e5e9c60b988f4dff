//! `setting('metrics.break_min_seconds')`: a setting's value, a constant of the plan.
//!
//! Models name the settings they depend on; the planner reads those names, so that changing one
//! recomputes what depends on it and nothing else. `setting('as_of')` is the as-of instant.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};

use super::documentation::{ORGANISATION, page};

/// Setting name → typed value.
pub type Values = Arc<BTreeMap<String, ScalarValue>>;

/// The SQL function over the values.
pub fn setting(values: Values) -> ScalarUDF {
    ScalarUDF::new_from_impl(Setting {
        values,
        documentation: page(
            ORGANISATION,
            "setting(name)",
            "A setting's value, as a constant of its own type. The name must be a \
             literal; an unknown one is an error. `as_of` is the as-of instant. A model \
             is computed anew when a setting that it names changes.",
            &[(
                "name",
                "a setting with its section, such as `metrics.break_min_seconds`; `activlake config show` lists them",
            )],
            "select setting('metrics.break_min_seconds') as break_min_seconds",
        ),
        signature: Signature::exact(vec![DataType::Utf8], Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Setting {
    values: Values,
    documentation: Documentation,
    signature: Signature,
}

impl std::hash::Hash for Setting {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        "setting".hash(state);
    }
}

impl Setting {
    fn value(&self, name: Option<&ScalarValue>) -> Result<&ScalarValue> {
        let Some(Some(name)) = name.and_then(|name| name.try_as_str()) else {
            return plan_err!("setting() takes one literal name");
        };
        match self.values.get(name) {
            Some(value) => Ok(value),
            None => plan_err!("there is no setting '{name}'"),
        }
    }
}

impl ScalarUDFImpl for Setting {
    fn name(&self) -> &str {
        "setting"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        plan_err!("setting() takes one literal name")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let value = self.value(args.scalar_arguments.first().copied().flatten())?;
        Ok(Arc::new(Field::new("setting", value.data_type(), true)))
    }

    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if let [Expr::Literal(name, _)] = args.as_slice() {
            let value = self.value(Some(name))?.clone();
            return Ok(ExprSimplifyResult::Simplified(Expr::Literal(value, None)));
        }
        Ok(ExprSimplifyResult::Original(args))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Scalar(name)) => {
                Ok(ColumnarValue::Scalar(self.value(Some(name))?.clone()))
            }
            _ => plan_err!("setting() takes one literal name"),
        }
    }
}
