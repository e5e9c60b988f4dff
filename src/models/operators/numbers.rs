//! One or two columns of whole numbers as one number a row, so that rows are told apart at once.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type};
use datafusion::common::{DataFusionError, Result};
use datafusion::physical_expr::PhysicalExpr;

/// More columns do not fit into one number.
pub(super) const NUMBERS_MAX: usize = 2;

/// Whether a column of this type can be part of one.
pub(super) fn is_number(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int64 | DataType::Int32 | DataType::Date32
    )
}

/// Columns of a batch.
pub(super) fn evaluated(
    columns: &[Arc<dyn PhysicalExpr>],
    batch: &RecordBatch,
) -> Result<Vec<ArrayRef>> {
    let rows = batch.num_rows();
    let columns = columns.iter();
    columns
        .map(|column| column.evaluate(batch)?.into_array(rows))
        .collect()
}

/// A number for each row, and which rows have a NULL: their numbers say nothing.
pub(super) fn numbers(columns: &[ArrayRef]) -> Result<(Vec<u128>, Option<NullBuffer>)> {
    let rows = columns.first().map_or(0, |column| column.len());
    let mut out: Vec<u128> = Vec::new();
    let mut nulls: Option<NullBuffer> = None;
    for column in columns {
        match column.data_type() {
            DataType::Int64 => {
                let values = column.as_primitive::<Int64Type>().values().iter();
                add(&mut out, rows, values.map(|value| *value as u64));
            }
            DataType::Int32 => {
                let values = column.as_primitive::<Int32Type>().values().iter();
                add(&mut out, rows, values.map(|value| u64::from(*value as u32)));
            }
            DataType::Date32 => {
                let values = column.as_primitive::<Date32Type>().values().iter();
                add(&mut out, rows, values.map(|value| u64::from(*value as u32)));
            }
            other => {
                return Err(DataFusionError::Internal(format!("no number of {other}")));
            }
        }
        nulls = NullBuffer::union(nulls.as_ref(), column.logical_nulls().as_ref());
    }
    Ok((out, nulls))
}

/// Puts values behind those that are there, if any are.
fn add(numbers: &mut Vec<u128>, rows: usize, values: impl Iterator<Item = u64>) {
    if numbers.is_empty() {
        numbers.reserve(rows);
        numbers.extend(values.map(u128::from));
        return;
    }
    for (number, value) in numbers.iter_mut().zip(values) {
        *number = *number << 64 | u128::from(value);
    }
}
