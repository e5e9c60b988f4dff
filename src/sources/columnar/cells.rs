//! The cells of one Arrow column, as the raw values that drafts take.
//!
//! Whatever a column's type, a row of it is a [`Raw`] or NULL; types that no field takes are `Raw::Other`.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, GenericListArray, Int64Array,
    LargeStringArray, OffsetSizeTrait, StringArray, StringViewArray, StructArray, UInt64Array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, UInt64Type};

use super::super::draft::{Raw, RawAlarm};

/// One column of a batch, ready to be asked for a row.
pub(super) enum Cells {
    Text(StringArray),
    LargeText(LargeStringArray),
    TextView(StringViewArray),
    Bytes(ArrayRef),
    Int(Int64Array),
    UInt(UInt64Array),
    Float(Float64Array),
    Bool(BooleanArray),
    Instant(Int64Array, TimeUnit),
    Alarms(ArrayRef),
    /// A type no field takes.
    Other(ArrayRef),
}

impl Cells {
    /// Looks at a column once, so that its rows need not be.
    pub(super) fn of(array: &ArrayRef) -> Cells {
        let other = || Cells::Other(Arc::clone(array));
        let as_type = |to: &DataType| cast(array, to);
        match array.data_type() {
            DataType::Utf8 => Cells::Text(array.as_string::<i32>().clone()),
            DataType::LargeUtf8 => Cells::LargeText(array.as_string::<i64>().clone()),
            DataType::Utf8View => Cells::TextView(array.as_string_view().clone()),
            DataType::Binary => Cells::Bytes(Arc::clone(array)),
            DataType::LargeBinary | DataType::BinaryView => match as_type(&DataType::Binary) {
                Ok(bytes) => Cells::Bytes(bytes),
                Err(_) => other(),
            },
            DataType::Dictionary(_, value) => match as_type(value) {
                Ok(values) if !matches!(values.data_type(), DataType::Dictionary(_, _)) => {
                    Cells::of(&values)
                }
                _ => other(),
            },
            DataType::UInt64 => Cells::UInt(array.as_primitive::<UInt64Type>().clone()),
            kind if kind.is_integer() => match as_type(&DataType::Int64) {
                Ok(values) => Cells::Int(values.as_primitive().clone()),
                Err(_) => other(),
            },
            kind if kind.is_numeric() => match as_type(&DataType::Float64) {
                Ok(values) => Cells::Float(values.as_primitive().clone()),
                Err(_) => other(),
            },
            DataType::Boolean => Cells::Bool(array.as_boolean().clone()),
            DataType::Timestamp(unit, _) => match as_type(&DataType::Int64) {
                Ok(values) => Cells::Instant(values.as_primitive().clone(), *unit),
                Err(_) => other(),
            },
            DataType::List(_) | DataType::LargeList(_) => Cells::Alarms(Arc::clone(array)),
            _ => other(),
        }
    }

    /// The value of a row; absent where it is NULL.
    pub(super) fn raw(&self, row: usize) -> Raw<'_> {
        let array: &dyn Array = match self {
            Cells::Text(array) => array,
            Cells::LargeText(array) => array,
            Cells::TextView(array) => array,
            Cells::Int(array) | Cells::Instant(array, _) => array,
            Cells::UInt(array) => array,
            Cells::Float(array) => array,
            Cells::Bool(array) => array,
            Cells::Bytes(array) | Cells::Alarms(array) | Cells::Other(array) => array,
        };
        if row >= array.len() || array.is_null(row) || *array.data_type() == DataType::Null {
            return Raw::Absent;
        }
        match self {
            Cells::Text(array) => Raw::text(array.value(row)),
            Cells::LargeText(array) => Raw::text(array.value(row)),
            Cells::TextView(array) => Raw::text(array.value(row)),
            Cells::Bytes(array) => {
                let bytes = array.as_binary_opt::<i32>().map(|array| array.value(row));
                match bytes.map(std::str::from_utf8) {
                    Some(Ok(text)) => Raw::text(text),
                    Some(Err(_)) => Raw::NotUtf8,
                    None => Raw::Other,
                }
            }
            Cells::Int(array) => Raw::Int(array.value(row)),
            Cells::UInt(array) => {
                let value = array.value(row);
                i64::try_from(value).map_or(Raw::Float(value as f64), Raw::Int)
            }
            Cells::Float(array) => Raw::Float(array.value(row)),
            Cells::Bool(array) => Raw::Bool(array.value(row)),
            Cells::Instant(array, unit) => {
                let value = i128::from(array.value(row));
                Raw::Instant(match unit {
                    TimeUnit::Second => value * 1_000_000,
                    TimeUnit::Millisecond => value * 1_000,
                    TimeUnit::Microsecond => value,
                    TimeUnit::Nanosecond => value.div_euclid(1_000),
                })
            }
            Cells::Alarms(array) => {
                let list = match array.data_type() {
                    DataType::List(_) => array.as_list_opt::<i32>().map(|a| alarms_of(a, row)),
                    _ => array.as_list_opt::<i64>().map(|a| alarms_of(a, row)),
                };
                list.flatten().map_or(Raw::Other, Raw::Alarms)
            }
            Cells::Other(_) => Raw::Other,
        }
    }
}

/// The alarms of a row, or nothing when the elements are no structs with a name.
fn alarms_of<O: OffsetSizeTrait>(
    array: &GenericListArray<O>,
    row: usize,
) -> Option<Vec<RawAlarm<'static>>> {
    let values = array.value(row);
    let structs: &StructArray = values.as_struct_opt()?;
    let column = |wanted: &str| {
        let mut fields = structs.fields().iter();
        let at = fields.position(|field| field.name().eq_ignore_ascii_case(wanted))?;
        structs.columns().get(at).map(Cells::of)
    };
    let names = column("name")?;
    let actions = column("action");
    let text = |cells: &Cells, at| match cells.raw(at) {
        Raw::Absent => Ok(None),
        Raw::Text(text) => Ok(Some(Cow::Owned(text.into_owned()))),
        _ => Err(()),
    };
    let alarms = (0..structs.len()).map(|at| {
        let name = text(&names, at);
        let action = actions.as_ref().map_or(Ok(None), |cells| text(cells, at));
        RawAlarm {
            malformed: structs.is_null(at) || name.is_err() || action.is_err(),
            name: name.unwrap_or_default(),
            action: action.unwrap_or_default(),
        }
    });
    Some(alarms.collect())
}
