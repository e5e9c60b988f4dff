//! SQL functions, one a file: names, URLs, local time, classification, clipping, intervals.
//!
//! Pure: arrays in, arrays out; no I/O, no clock, no panic on input. What depends on settings (the
//! classifier, zones, schedules) is handed in as a finished table and known in SQL by a name.

pub mod addresses;
pub mod alignment;
pub mod among;
pub mod breaks;
pub mod calendar;
pub mod classify;
pub mod clip;
pub mod crosses_day;
pub mod day;
pub mod day_analysis;
mod day_rows;
pub mod documentation;
pub mod event_list;
pub mod flood;
pub mod glob;
pub mod hashes;
pub mod ids;
pub mod interval;
pub mod interval_gaps;
pub mod interval_intersection;
pub mod interval_rows;
pub mod interval_seconds;
pub mod interval_subtraction;
pub mod interval_union;
pub mod keyed_hash;
pub mod local_date;
pub mod local_day;
pub mod local_hours;
pub mod local_time;
pub mod location;
pub mod meeting_participants;
pub mod meeting_response;
pub mod names;
mod person_days;
pub mod rule_set;
pub mod schedule;
pub mod sessionise;
pub mod setting;
pub mod shared;
pub mod split_by_local_day;
pub mod split_by_local_hour;
pub mod state_name;
pub mod urls;

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility, WindowUDF,
};
use datafusion::prelude::SessionContext;

/// What the functions need to know of the settings; see each field's function.
#[derive(Clone, Default)]
pub struct Tables {
    pub settings: setting::Values,
    pub classifier: Arc<classify::Classifier>,
    pub core_sets: Arc<alignment::CoreSets>,
    pub names: Arc<names::Names>,
    pub zones: Arc<local_time::ReportingZones>,
    pub schedules: Arc<schedule::Schedules>,
    pub labels: Arc<location::Labels>,
    pub addresses: Arc<addresses::Addresses>,
}

/// Makes all functions known to a session, over the given tables.
pub fn register(session: &SessionContext, tables: &Tables) {
    for function in scalars(tables) {
        session.register_udf(function);
    }
    for function in aggregates() {
        session.register_udaf(function);
    }
    for function in windows() {
        session.register_udwf(function);
    }
}

/// All scalar functions over the given tables.
pub fn scalars(tables: &Tables) -> Vec<ScalarUDF> {
    let mut functions = pure();
    functions.extend(over(tables));
    functions
}

/// Scalar functions of their arguments alone.
fn pure() -> Vec<ScalarUDF> {
    vec![
        among::among(),
        breaks::breaks(),
        calendar::day_name(),
        calendar::week_start(),
        calendar::week_of_year(),
        flood::flood(),
        hashes::row_id(),
        hashes::values_hash(),
        interval_gaps::interval_gaps(),
        interval_intersection::interval_intersection(),
        interval_seconds::interval_seconds(),
        interval_subtraction::interval_subtraction(),
        interval_union::interval_union(),
        local_time::local_day_end(),
        local_time::to_local(),
        sessionise::sessionise(),
        shared::shared(),
        split_by_local_day::split_by_local_day(),
        split_by_local_hour::split_by_local_hour(),
        state_name::state_name(),
    ]
}

/// Scalar functions that look something up: what is computed with one rests on its table, too, and has to
/// be computed anew when that changes (`models::org_tables` gives each a print).
pub fn over(tables: &Tables) -> Vec<ScalarUDF> {
    vec![
        alignment::alignment(Arc::clone(&tables.core_sets)),
        alignment::is_core(Arc::clone(&tables.core_sets)),
        classify::classify(Arc::clone(&tables.classifier)),
        crosses_day::crosses_day(Arc::clone(&tables.zones)),
        local_date::local_date(Arc::clone(&tables.zones)),
        local_day::local_day(Arc::clone(&tables.zones)),
        local_hours::local_hours(Arc::clone(&tables.zones)),
        local_time::local_datetime(Arc::clone(&tables.zones)),
        local_time::reporting_zone(Arc::clone(&tables.zones)),
        location::location_label(Arc::clone(&tables.labels)),
        meeting_participants::meeting_participants(Arc::clone(&tables.addresses)),
        meeting_response::meeting_response(Arc::clone(&tables.addresses)),
        names::application_name(Arc::clone(&tables.names)),
        names::consolidated_name(Arc::clone(&tables.names)),
        rule_set::rule_set(Arc::clone(&tables.classifier)),
        schedule::has_schedule_window(Arc::clone(&tables.schedules)),
        schedule::schedule_seconds(Arc::clone(&tables.schedules), Arc::clone(&tables.zones)),
        setting::setting(tables.settings.clone()),
    ]
}

/// All aggregate functions.
pub fn aggregates() -> Vec<AggregateUDF> {
    vec![day_analysis::day_analysis(), event_list::event_list()]
}

/// All window functions.
pub fn windows() -> Vec<WindowUDF> {
    vec![clip::clip()]
}

/// A function and what it says about itself.
#[derive(Clone, Debug)]
pub struct Page {
    pub name: String,
    /// `scalar`, `aggregate` or `window`.
    pub kind: &'static str,
    /// `None` for a function that says nothing: a test refuses it.
    pub documentation: Option<Documentation>,
}

/// The pages of all functions, in the order of the sections and by name.
pub fn pages() -> Vec<Page> {
    let page = |name: &str, kind, documentation: Option<&Documentation>| Page {
        name: name.to_owned(),
        kind,
        documentation: documentation.cloned(),
    };
    let mut pages: Vec<Page> = Vec::new();
    for function in scalars(&Tables::default()) {
        pages.push(page(function.name(), "scalar", function.documentation()));
    }
    for function in aggregates() {
        pages.push(page(function.name(), "aggregate", function.documentation()));
    }
    for function in windows() {
        pages.push(page(function.name(), "window", function.documentation()));
    }
    pages.sort_by_cached_key(|page| {
        let place = documentation::place(page.documentation.as_ref());
        (place, page.name.clone())
    });
    pages
}

/// What a scalar function takes.
enum Arguments {
    /// Columns of exactly these types.
    Exactly(Vec<DataType>),
    /// What this says: it gives the types that the function wants for those of a call, or what is wrong
    /// with them.
    Checked(Coerced),
    /// The same, with constants beside columns: they come as arrays of one row, not repeated for every
    /// row.
    WithConstants(Coerced),
}

/// A scalar function: the same result for the same input.
fn scalar(
    name: &'static str,
    documentation: Documentation,
    arguments: Arguments,
    result: DataType,
    evaluate: impl Fn(&[ArrayRef]) -> Result<ArrayRef> + Send + Sync + 'static,
) -> ScalarUDF {
    let constants = matches!(arguments, Arguments::WithConstants(_));
    let (signature, coerced) = match arguments {
        Arguments::Exactly(types) => (Signature::exact(types, Volatility::Immutable), None),
        Arguments::Checked(coerced) | Arguments::WithConstants(coerced) => (
            Signature::user_defined(Volatility::Immutable),
            Some(coerced),
        ),
    };
    ScalarUDF::new_from_impl(Columns {
        name,
        documentation,
        signature,
        coerced,
        constants,
        result,
        evaluate: Arc::new(evaluate),
    })
}

type Evaluate = dyn Fn(&[ArrayRef]) -> Result<ArrayRef> + Send + Sync;
type Coerced = fn(&[DataType]) -> Result<Vec<DataType>>;

struct Columns {
    name: &'static str,
    documentation: Documentation,
    signature: Signature,
    coerced: Option<Coerced>,
    /// Constant arguments come as arrays of one row.
    constants: bool,
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

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match self.coerced {
            Some(coerced) => coerced(given),
            None => Ok(given.to_vec()),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
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
            .map(|arg| match arg {
                ColumnarValue::Scalar(_) if self.constants => arg.to_array(1),
                arg => arg.to_array(rows),
            })
            .collect::<Result<Vec<_>>>()?;
        let result = (self.evaluate)(&arrays)?;
        if scalars_only && !arrays.is_empty() {
            let value = datafusion::common::ScalarValue::try_from_array(&result, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(result))
    }
}
