//! Query results as text or files (`inputs.md` §8).

use std::io::Write;
use std::sync::Arc;

use clap::ValueEnum;
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::json::writer::{JsonArray, LineDelimited, WriterBuilder};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::TryStreamExt;

use crate::error::{Class, Error, Result};
use crate::models;

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For reading on a screen
    Table,
    /// One array of objects
    Json,
    /// One object a line
    Jsonl,
    /// Comma separated; NULL is empty, empty text is ""
    Csv,
    Markdown,
    /// To a file or pipe
    Parquet,
}

/// Rows that a table on a screen holds; more are cut, and told.
const TABLE_ROWS_MAX: usize = 1_000;

/// Writes a result, batch by batch where the format allows. Gives the number of rows.
pub async fn write(
    format: Format,
    schema: SchemaRef,
    mut stream: SendableRecordBatchStream,
    out: &mut (dyn Write + Send),
) -> Result<u64> {
    let mut rows = 0u64;
    match format {
        Format::Table | Format::Markdown => {
            let mut batches = Vec::new();
            let mut kept = 0;
            let limit = if format == Format::Table {
                TABLE_ROWS_MAX
            } else {
                usize::MAX
            };
            while let Some(batch) = next(&mut stream).await? {
                rows += batch.num_rows() as u64;
                let take = batch.num_rows().min(limit - kept);
                kept += take;
                batches.push(batch.slice(0, take));
            }
            let cells = cells(&batches)?;
            let text = if format == Format::Table {
                table(&schema, &cells)
            } else {
                markdown(&schema, &cells)
            };
            put(out, &text)?;
            if rows > kept as u64 {
                put(out, &format!("… and {} more rows\n", rows - kept as u64))?;
            }
        }
        Format::Json => {
            let mut writer = WriterBuilder::new()
                .with_explicit_nulls(true)
                .build::<_, JsonArray>(&mut *out);
            while let Some(batch) = next(&mut stream).await? {
                rows += batch.num_rows() as u64;
                writer.write(&batch).map_err(failed)?;
            }
            writer.finish().map_err(failed)?;
            drop(writer);
            put(out, if rows == 0 { "[]\n" } else { "\n" })?;
        }
        Format::Jsonl => {
            let mut writer = WriterBuilder::new()
                .with_explicit_nulls(true)
                .build::<_, LineDelimited>(&mut *out);
            while let Some(batch) = next(&mut stream).await? {
                rows += batch.num_rows() as u64;
                writer.write(&batch).map_err(failed)?;
            }
            writer.finish().map_err(failed)?;
        }
        Format::Csv => {
            let header: Vec<String> = schema.fields().iter().map(|f| quoted(f.name())).collect();
            put(out, &format!("{}\n", header.join(",")))?;
            while let Some(batch) = next(&mut stream).await? {
                rows += batch.num_rows() as u64;
                put(out, &csv(&batch)?)?;
            }
        }
        Format::Parquet => {
            let properties = WriterProperties::builder()
                .set_compression(datafusion::parquet::basic::Compression::ZSTD(
                    Default::default(),
                ))
                .build();
            let mut writer = ArrowWriter::try_new(&mut *out, Arc::clone(&schema), Some(properties))
                .map_err(failed)?;
            while let Some(batch) = next(&mut stream).await? {
                rows += batch.num_rows() as u64;
                writer.write(&batch).map_err(failed)?;
            }
            writer.close().map_err(failed)?;
        }
    }
    out.flush().map_err(failed)?;
    Ok(rows)
}

async fn next(stream: &mut SendableRecordBatchStream) -> Result<Option<RecordBatch>> {
    Ok(stream.try_next().await.map_err(models::Error::running)?)
}

fn failed(cause: impl std::fmt::Display) -> Error {
    Error::new(Class::Unavailable, format!("writing the result: {cause}"))
}

fn put(out: &mut (dyn Write + Send), text: &str) -> Result<()> {
    out.write_all(text.as_bytes()).map_err(failed)
}

fn options() -> FormatOptions<'static> {
    FormatOptions::default()
        .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.f"))
        .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
        .with_time_format(Some("%H:%M:%S%.f"))
}

/// Text of every value; `None` is NULL.
fn column_texts(array: &ArrayRef) -> Result<Vec<Option<String>>> {
    if array.data_type().is_nested() {
        return nested_texts(array);
    }
    let options = options();
    let formatter = ArrayFormatter::try_new(array, &options).map_err(failed)?;
    Ok((0..array.len())
        .map(|row| {
            array
                .is_valid(row)
                .then(|| formatter.value(row).to_string())
        })
        .collect())
}

/// Nested values as JSON.
fn nested_texts(array: &ArrayRef) -> Result<Vec<Option<String>>> {
    let schema = Arc::new(datafusion::arrow::datatypes::Schema::new(vec![
        datafusion::arrow::datatypes::Field::new("v", array.data_type().clone(), true),
    ]));
    let batch = RecordBatch::try_new(schema, vec![Arc::clone(array)]).map_err(failed)?;
    let mut lines = Vec::new();
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, LineDelimited>(&mut lines);
    writer.write(&batch).map_err(failed)?;
    writer.finish().map_err(failed)?;
    drop(writer);
    let text = String::from_utf8_lossy(&lines).into_owned();
    Ok(text
        .lines()
        .enumerate()
        .map(|(row, line)| {
            let inner = line
                .strip_prefix("{\"v\":")
                .and_then(|rest| rest.strip_suffix('}'));
            array
                .is_valid(row)
                .then(|| inner.unwrap_or(line).to_owned())
        })
        .collect())
}

fn csv(batch: &RecordBatch) -> Result<String> {
    let columns = batch
        .columns()
        .iter()
        .map(column_texts)
        .collect::<Result<Vec<_>>>()?;
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            if let Some(Some(value)) = column.get(row) {
                text.push_str(&quoted(value));
            }
        }
        text.push('\n');
    }
    Ok(text)
}

/// Quoted where needed; empty text always is, to tell it from NULL.
fn quoted(value: &str) -> String {
    let needs = value.is_empty()
        || value.contains([',', '"', '\n', '\r'])
        || value.starts_with(' ')
        || value.ends_with(' ');
    if needs {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}

/// Rows of cells.
fn cells(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>> {
    let mut out = Vec::new();
    for batch in batches {
        let columns = batch
            .columns()
            .iter()
            .map(column_texts)
            .collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            out.push(
                columns
                    .iter()
                    .map(|column| match column.get(row) {
                        Some(Some(value)) => value.replace(['\n', '\r', '\t'], " "),
                        _ => "NULL".to_owned(),
                    })
                    .collect(),
            );
        }
    }
    Ok(out)
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

fn widths(schema: &SchemaRef, cells: &[Vec<String>]) -> Vec<usize> {
    schema
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| {
            cells
                .iter()
                .filter_map(|row| row.get(index))
                .map(|cell| cell.chars().count())
                .chain([field.name().chars().count()])
                .max()
                .unwrap_or(0)
                .min(CELL_WIDTH_MAX)
        })
        .collect()
}

/// Characters of a table's cell; longer text is cut with an ellipsis.
const CELL_WIDTH_MAX: usize = 60;

fn table(schema: &SchemaRef, cells: &[Vec<String>]) -> String {
    let widths = widths(schema, cells);
    let line = |row: &[String], out: &mut String| {
        for (index, width) in widths.iter().enumerate() {
            let cell = row.get(index).map_or("", String::as_str);
            let mut shown: String = cell.chars().take(*width).collect();
            if cell.chars().count() > *width {
                shown.pop();
                shown.push('…');
            }
            let pad = " ".repeat(width - shown.chars().count());
            if index > 0 {
                out.push_str("  ");
            }
            if is_number(schema.field(index).data_type()) {
                out.push_str(&pad);
                out.push_str(&shown);
            } else {
                out.push_str(&shown);
                out.push_str(&pad);
            }
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    };
    let mut out = String::new();
    let header: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
    line(&header, &mut out);
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    out.push_str(&rule.join("  "));
    out.push('\n');
    for row in cells {
        line(row, &mut out);
    }
    out.push_str(&format!(
        "({} row{})\n",
        cells.len(),
        if cells.len() == 1 { "" } else { "s" }
    ));
    out
}

fn markdown(schema: &SchemaRef, cells: &[Vec<String>]) -> String {
    let escaped = |cell: &str| cell.replace('|', "\\|");
    let mut out = String::new();
    let names: Vec<String> = schema.fields().iter().map(|f| escaped(f.name())).collect();
    out.push_str(&format!("| {} |\n", names.join(" | ")));
    let rule: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| {
            if is_number(field.data_type()) {
                "---:"
            } else {
                "---"
            }
        })
        .collect();
    out.push_str(&format!("| {} |\n", rule.join(" | ")));
    for row in cells {
        let row: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
        out.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_tells_null_from_empty() {
        assert_eq!(quoted(""), "\"\"");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"x\""), "\"say \"\"x\"\"\"");
        assert_eq!(quoted("plain"), "plain");
    }
}
