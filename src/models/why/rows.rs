//! Query results read row by row: for the few rows of one person's days.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};
use datafusion::prelude::SessionContext;

use super::super::{Error, types};
use crate::clock::Micros;

/// One row of a result.
pub struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

/// Runs a query; columns come in their wire types.
pub async fn query(session: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>, Error> {
    let frame = session.sql(sql).await.map_err(Error::running)?;
    let batches = frame.collect().await.map_err(Error::running)?;
    batches
        .into_iter()
        .map(|batch| {
            let columns: Vec<(String, ArrayRef)> = batch
                .schema()
                .fields()
                .iter()
                .zip(batch.columns())
                .map(|(field, column)| {
                    let wire = types::wire(field.data_type());
                    let column = if wire == *column.data_type() {
                        Arc::clone(column)
                    } else {
                        cast(column, &wire).map_err(failed)?
                    };
                    Ok((field.name().clone(), column))
                })
                .collect::<Result<_, Error>>()?;
            let nullable = columns
                .into_iter()
                .map(|(name, column)| (name, column, true));
            RecordBatch::try_from_iter_with_nullable(nullable).map_err(failed)
        })
        .collect()
}

fn failed(cause: impl std::fmt::Display) -> Error {
    Error::Engine(cause.to_string())
}

/// The rows of all batches.
pub fn rows(batches: &[RecordBatch]) -> impl Iterator<Item = Row<'_>> {
    batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(move |row| Row { batch, row }))
}

impl Row<'_> {
    /// The column, where it is no NULL.
    fn cell(&self, name: &str) -> Result<Option<&ArrayRef>, Error> {
        let column = self
            .batch
            .column_by_name(name)
            .ok_or_else(|| Error::Engine(format!("the result lacks column {name}")))?;
        Ok(column.is_valid(self.row).then_some(column))
    }

    pub fn integer(&self, name: &str) -> Result<Option<i64>, Error> {
        let number = |column: &ArrayRef| {
            let column = column.as_primitive_opt::<Int64Type>();
            column.map(|column| column.value(self.row))
        };
        self.typed(name, number)
    }

    pub fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let text = |column: &ArrayRef| {
            let column = column.as_string_opt::<i32>();
            column.map(|column| column.value(self.row).to_owned())
        };
        self.typed(name, text)
    }

    pub fn date(&self, name: &str) -> Result<Option<i32>, Error> {
        let date = |column: &ArrayRef| {
            let column = column.as_primitive_opt::<Date32Type>();
            column.map(|column| column.value(self.row))
        };
        self.typed(name, date)
    }

    pub fn instant(&self, name: &str) -> Result<Option<Micros>, Error> {
        let instant = |column: &ArrayRef| {
            let column = column.as_primitive_opt::<TimestampMicrosecondType>();
            column.map(|column| column.value(self.row))
        };
        self.typed(name, instant)
    }

    fn typed<T>(
        &self,
        name: &str,
        read: impl Fn(&ArrayRef) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(column) = self.cell(name)? else {
            return Ok(None);
        };
        read(column).map(Some).ok_or_else(|| {
            Error::Engine(format!(
                "column {name} is {} unexpectedly",
                column.data_type()
            ))
        })
    }
}

/// What a table that always fills this column must have.
pub fn required<T>(value: Option<T>, name: &str) -> Result<T, Error> {
    value.ok_or_else(|| Error::Engine(format!("column {name} is NULL unexpectedly")))
}
