//! SQL functions, one a file: names, URLs, local time, classification, clipping.
//!
//! Pure: arrays in, arrays out; no I/O, no clock, no panic on input. What depends on settings (the
//! classifier, zones, schedules) is handed in as a finished table and known in SQL by a name.

pub mod alignment;
pub mod calendar;
pub mod classify;
pub mod clip;
pub mod glob;
pub mod hashes;
pub mod ids;
pub mod keyed_hash;
pub mod local_time;
pub mod names;
pub mod schedule;
pub mod setting;
pub mod urls;

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, WindowUDF,
};

/// What the functions need to know of the settings; see each field's function.
#[derive(Clone, Default)]
pub struct Tables {
    pub settings: setting::Values,
    pub classifier: Arc<classify::Classifier>,
    pub core_sets: Arc<alignment::CoreSets>,
    pub names: Arc<names::Names>,
    pub zones: Arc<local_time::ReportingZones>,
    pub schedules: Arc<schedule::Schedules>,
}

/// All scalar functions over the given tables.
pub fn scalars(tables: &Tables) -> Vec<ScalarUDF> {
    vec![
        alignment::alignment(Arc::clone(&tables.core_sets)),
        calendar::day_name(),
        calendar::week_start(),
        calendar::week_of_year(),
        classify::classify(Arc::clone(&tables.classifier)),
        hashes::row_id(),
        hashes::values_hash(),
        local_time::local_day_end(),
        local_time::to_local(),
        local_time::reporting_zone(Arc::clone(&tables.zones)),
        names::application_name(Arc::clone(&tables.names)),
        names::consolidated_name(Arc::clone(&tables.names)),
        schedule::has_schedule_window(Arc::clone(&tables.schedules)),
        schedule::schedule_seconds(Arc::clone(&tables.schedules), Arc::clone(&tables.zones)),
        setting::setting(tables.settings.clone()),
    ]
}

/// All window functions.
pub fn windows() -> Vec<WindowUDF> {
    vec![clip::clip()]
}

/// A function of columns of exactly these types, the same result for the same input.
fn scalar(
    name: &'static str,
    arguments: Vec<DataType>,
    result: DataType,
    evaluate: impl Fn(&[ArrayRef]) -> Result<ArrayRef> + Send + Sync + 'static,
) -> ScalarUDF {
    ScalarUDF::new_from_impl(Columns {
        name,
        signature: Signature::exact(arguments, Volatility::Immutable),
        result,
        evaluate: Arc::new(evaluate),
    })
}

type Evaluate = dyn Fn(&[ArrayRef]) -> Result<ArrayRef> + Send + Sync;

struct Columns {
    name: &'static str,
    signature: Signature,
    result: DataType,
    evaluate: Arc<Evaluate>,
}

impl std::fmt::Debug for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

// Within one session a name stands for one function.
impl PartialEq for Columns {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.evaluate, &other.evaluate)
    }
}

impl Eq for Columns {}

impl std::hash::Hash for Columns {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Columns {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalars_only = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalars_only { 1 } else { args.number_rows };
        let arrays = args
            .args
            .iter()
            .map(|arg| arg.to_array(rows))
            .collect::<Result<Vec<_>>>()?;
        let result = (self.evaluate)(&arrays)?;
        if scalars_only && !arrays.is_empty() {
            let value = datafusion::common::ScalarValue::try_from_array(&result, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(result))
    }
}
