//! Writing one Parquet file: sorted by the table's order, zstd, with statistics and a content
//! hash. A written file is invisible until a [`super::Change`] that names it is committed.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::compute::{SortOptions, cast};
use datafusion::arrow::datatypes::{DataType, Date32Type, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::parquet::arrow::{ArrowSchemaConverter, AsyncArrowWriter};
use datafusion::parquet::basic::{Compression, Encoding, LogicalType, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{ParquetMetaData, SortingColumn};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::statistics::Statistics;
use datafusion::parquet::schema::types::ColumnPath;
use deltalake_core::kernel::Add;
use object_store::ObjectStoreExt;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use serde_json::json;
use xxhash_rust::xxh3::Xxh3Default;

use super::{Error, Lake, TableSpec};
use crate::clock;

pub(super) const TAG_FINGERPRINT: &str = "activlake.fingerprint";
pub(super) const TAG_CONTENT: &str = "activlake.content";

/// How files are written.
#[derive(Clone, Copy, Debug)]
pub struct WriteOptions {
    /// Rows of a row group; bounds the writer's memory.
    pub row_group_rows: usize,
    pub zstd_level: i32,
}

/// A file that is written but not yet part of the table.
#[derive(Debug)]
pub struct NewFile {
    pub rows: u64,
    pub bytes: u64,
    pub day: Option<i32>,
    /// Hash of the rows, whatever the batches they came in.
    pub content: String,
    pub(super) add: Add,
    path: Path,
    table: String,
}

impl NewFile {
    /// Deletes the file again, for a slice that turned out unchanged. A failure leaves an orphan
    /// that `maintain` removes.
    pub async fn abandon(self, lake: &Lake) -> Result<(), Error> {
        lake.store()
            .delete(&self.path)
            .await
            .map_err(|cause| Error::Store {
                table: self.table.clone(),
                action: "delete an unused file of it",
                cause: cause.to_string(),
            })
    }
}

/// Writes one file of one partition day.
pub struct FileWriter {
    spec: Arc<TableSpec>,
    day: Option<i32>,
    schema: SchemaRef,
    relative: String,
    path: Path,
    writer: AsyncArrowWriter<BufWriter>,
    content: ContentHash,
    rows: u64,
}

impl FileWriter {
    /// Starts a file. `day` must be given exactly when the table is partitioned.
    pub fn create(
        lake: &Lake,
        spec: &Arc<TableSpec>,
        day: Option<i32>,
        options: WriteOptions,
    ) -> Result<FileWriter, Error> {
        let schema = spec.file_schema();
        let file = format!("part-{:016x}.parquet", clock::nonce());
        let relative = match (&spec.partition, day) {
            (Some(column), Some(day)) => {
                let date = Date32Type::to_naive_date_opt(day).unwrap_or_default();
                format!("{column}={date}/{file}")
            }
            _ => file,
        };
        let path = lake.path(spec, &relative);
        let sorting = spec
            .order
            .iter()
            .filter_map(|name| schema.index_of(name).ok())
            .map(|index| SortingColumn {
                column_idx: index as i32,
                descending: false,
                nulls_first: false,
            })
            .collect::<Vec<_>>();
        let level = ZstdLevel::try_new(options.zstd_level).unwrap_or_default();
        let mut properties = WriterProperties::builder();
        for field in schema.fields() {
            let column = ColumnPath::from(field.name().as_str());
            // Ranges of other columns hardly ever leave out a row group.
            if spec.order.contains(field.name()) || spec.ranged.contains(field.name()) {
                properties = properties
                    .set_column_statistics_enabled(column.clone(), EnabledStatistics::Chunk);
            }
            if matches!(field.data_type(), DataType::Timestamp(..)) {
                // Instants hardly repeat but follow one another closely.
                properties = properties
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
            } else if spec.unlike.contains(field.name()) {
                properties = properties
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column, Encoding::PLAIN);
            }
        }
        for column in nested_instants(&schema).map_err(|cause| failed(spec, cause))? {
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
        let properties = properties
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(options.row_group_rows.max(1)))
            .set_statistics_enabled(EnabledStatistics::None)
            .set_sorting_columns((!sorting.is_empty()).then_some(sorting))
            .set_created_by("activlake".into())
            .build();
        let sink = BufWriter::new(Arc::clone(lake.store()), path.clone());
        let writer = AsyncArrowWriter::try_new(sink, Arc::clone(&schema), Some(properties))
            .map_err(|cause| failed(spec, cause))?;
        Ok(FileWriter {
            content: ContentHash::new(&schema),
            spec: Arc::clone(spec),
            day,
            schema,
            relative,
            path,
            writer,
            rows: 0,
        })
    }

    /// Appends rows. Columns are taken by name; the partition column is left out. The rows must
    /// continue the table's order.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let columns = self
            .schema
            .fields()
            .iter()
            .map(|field| {
                let column = batch.column_by_name(field.name()).ok_or_else(|| {
                    failed(&self.spec, format!("column {} is missing", field.name()))
                })?;
                // Nested columns may differ in which of their parts can be NULL.
                if column.data_type().is_nested() && column.data_type() != field.data_type() {
                    return cast(column, field.data_type())
                        .map_err(|cause| failed(&self.spec, cause));
                }
                Ok(Arc::clone(column))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|cause| failed(&self.spec, cause))?;
        self.content
            .update(&batch)
            .map_err(|cause| failed(&self.spec, cause))?;
        self.rows += batch.num_rows() as u64;
        self.writer
            .write(&batch)
            .await
            .map_err(|cause| failed(&self.spec, cause))
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Closes the file: its bytes are durable in the store, and still invisible.
    pub async fn finish(mut self, fingerprint: Option<&str>) -> Result<NewFile, Error> {
        let metadata = self
            .writer
            .finish()
            .await
            .map_err(|cause| failed(&self.spec, cause))?;
        let bytes = self.writer.bytes_written() as u64;
        let content = self.content.finish();
        let mut tags = HashMap::from([(TAG_CONTENT.to_owned(), Some(content.clone()))]);
        if let Some(fingerprint) = fingerprint {
            tags.insert(TAG_FINGERPRINT.to_owned(), Some(fingerprint.to_owned()));
        }
        let partition_values = match (&self.spec.partition, self.day) {
            (Some(column), Some(day)) => {
                let date = Date32Type::to_naive_date_opt(day).unwrap_or_default();
                HashMap::from([(column.clone(), Some(date.to_string()))])
            }
            _ => HashMap::new(),
        };
        let add = Add {
            path: self.relative,
            partition_values,
            size: bytes as i64,
            modification_time: clock::log_time_ms(),
            data_change: true,
            stats: Some(statistics(&self.schema, &self.spec, &metadata, self.rows)),
            tags: Some(tags),
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
            clustering_provider: None,
        };
        Ok(NewFile {
            rows: self.rows,
            bytes,
            day: self.day,
            content,
            add,
            path: self.path,
            table: self.spec.name.clone(),
        })
    }
}

/// Instants inside of lists and structs, such as the ends of intervals.
fn nested_instants(schema: &Schema) -> Result<Vec<ColumnPath>, ParquetError> {
    if !schema
        .fields()
        .iter()
        .any(|field| field.data_type().is_nested())
    {
        return Ok(Vec::new());
    }
    let columns = ArrowSchemaConverter::new().convert(schema)?;
    Ok(columns
        .columns()
        .iter()
        .filter(|column| column.path().parts().len() > 1)
        .filter(|column| matches!(column.logical_type_ref(), Some(LogicalType::Timestamp(_))))
        .map(|column| column.path().clone())
        .collect())
}

fn failed(spec: &TableSpec, cause: impl std::fmt::Display) -> Error {
    Error::Store {
        table: spec.name.clone(),
        action: "write a file of it",
        cause: cause.to_string(),
    }
}

/// The log's statistics: row count, and exact ranges and null counts of the integer and instant
/// columns that files are sorted by, and of `ranged`. A log of thousands of files is read whole and often, and other
/// columns do not tell files apart (their statistics are in the files); text the log would have to
/// cut.
fn statistics(
    schema: &SchemaRef,
    spec: &TableSpec,
    metadata: &ParquetMetaData,
    rows: u64,
) -> String {
    let mut least = serde_json::Map::new();
    let mut greatest = serde_json::Map::new();
    let mut nulls = serde_json::Map::new();
    for (index, field) in schema.fields().iter().enumerate() {
        if field.data_type().is_nested() {
            // Leaf columns shift behind a nested one; no table that is pruned has any.
            break;
        }
        if !spec.order.contains(field.name()) && !spec.ranged.contains(field.name()) {
            continue;
        }
        let mut range: Option<(i64, i64)> = None;
        let mut null_count = Some(0u64);
        let mut known = true;
        for group in metadata.row_groups() {
            let statistics = group.columns().get(index).and_then(|c| c.statistics());
            null_count = match (null_count, statistics.and_then(|s| s.null_count_opt())) {
                (Some(sum), Some(count)) => Some(sum + count),
                _ => None,
            };
            let bounds = match statistics {
                Some(Statistics::Int64(s)) => s.min_opt().copied().zip(s.max_opt().copied()),
                Some(Statistics::Int32(s)) => s
                    .min_opt()
                    .map(|v| i64::from(*v))
                    .zip(s.max_opt().map(|v| i64::from(*v))),
                _ => None,
            };
            match bounds {
                Some((low, high)) => {
                    range = Some(range.map_or((low, high), |(a, b)| (a.min(low), b.max(high))));
                }
                None => known = false,
            }
        }
        if let Some(count) = null_count {
            nulls.insert(field.name().clone(), json!(count));
        }
        let Some((low, high)) = range.filter(|_| known) else {
            continue;
        };
        let value = |number: i64| match field.data_type() {
            DataType::Int64 | DataType::Int32 => Some(json!(number)),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                chrono::DateTime::from_timestamp_micros(number)
                    .map(|t| json!(t.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()))
            }
            _ => None,
        };
        if let (Some(low), Some(high)) = (value(low), value(high)) {
            least.insert(field.name().clone(), low);
            greatest.insert(field.name().clone(), high);
        }
    }
    json!({
        "numRecords": rows,
        "minValues": least,
        "maxValues": greatest,
        "nullCount": nulls,
    })
    .to_string()
}

/// A hash of rows that does not depend on how they are cut into batches: each column is hashed as
/// one stream, values, lengths and validity apart, and the columns' hashes together.
struct ContentHash {
    columns: Vec<[Xxh3Default; 3]>,
}

impl ContentHash {
    fn new(schema: &SchemaRef) -> Self {
        ContentHash {
            columns: schema
                .fields()
                .iter()
                .map(|_| std::array::from_fn(|_| Xxh3Default::new()))
                .collect(),
        }
    }

    fn update(&mut self, batch: &RecordBatch) -> Result<(), datafusion::arrow::error::ArrowError> {
        for (hashers, array) in self.columns.iter_mut().zip(batch.columns()) {
            hash_column(hashers, array)?;
        }
        Ok(())
    }

    fn finish(self) -> String {
        let mut all = Xxh3Default::new();
        for hashers in &self.columns {
            for hasher in hashers {
                all.update(&hasher.digest128().to_le_bytes());
            }
        }
        format!("{:032x}", all.digest128())
    }
}

/// Hashes a batch's values, lengths and validity, each in one piece: hashing value by value costs more
/// than writing them.
fn hash_column(
    [values, lengths, validity]: &mut [Xxh3Default; 3],
    array: &ArrayRef,
) -> Result<(), datafusion::arrow::error::ArrowError> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    let valid: Vec<u8> = match nulls {
        None => vec![1; array.len()],
        Some(nulls) => nulls.iter().map(u8::from).collect(),
    };
    if let Some(width) = array.data_type().primitive_width() {
        validity.update(&valid);
        let data = array.to_data();
        let start = data.offset() * width;
        let bytes = data
            .buffers()
            .first()
            .and_then(|buffer| buffer.get(start..start + data.len() * width))
            .unwrap_or_default();
        let Some(nulls) = nulls else {
            values.update(bytes);
            return Ok(());
        };
        // A null's slot may hold anything: hash zeros.
        let mut bytes = bytes.to_vec();
        for (value, valid) in bytes.chunks_exact_mut(width).zip(nulls) {
            if !valid {
                value.fill(0);
            }
        }
        values.update(&bytes);
        return Ok(());
    }
    if let Some(strings) = array.as_string_opt::<i32>() {
        validity.update(&valid);
        let offsets = strings.value_offsets();
        let length = |pair: &[i32]| {
            pair.last()
                .zip(pair.first())
                .map_or(0, |(end, start)| end - start)
        };
        // A null's slot may hold a text, though it seldom does.
        let hidden = nulls.is_some_and(|nulls| {
            let mut slots = offsets.windows(2).zip(nulls);
            slots.any(|(pair, valid)| !valid && length(pair) > 0)
        });
        let mut sizes: Vec<i32> = Vec::with_capacity(array.len());
        if hidden {
            for text in strings {
                let text = text.unwrap_or_default();
                values.update(text.as_bytes());
                sizes.push(text.len() as i32);
            }
        } else {
            sizes.extend(offsets.windows(2).map(length));
            if let (Some(first), Some(last)) = (offsets.first(), offsets.last())
                && let Some(bytes) = strings.value_data().get(*first as usize..*last as usize)
            {
                values.update(bytes);
            }
        }
        lengths.update(&bytes_of(sizes));
        return Ok(());
    }
    if let Some(truths) = array.as_boolean_opt() {
        validity.update(&valid);
        let bytes: Vec<u8> = truths
            .iter()
            .map(|truth| u8::from(truth == Some(true)))
            .collect();
        values.update(&bytes);
        return Ok(());
    }
    // Nested types: the row format is unambiguous and tells NULLs.
    let converter = RowConverter::new(vec![SortField::new_with_options(
        array.data_type().clone(),
        SortOptions::default(),
    )])?;
    let rows = converter.convert_columns(std::slice::from_ref(array))?;
    let mut bytes: Vec<u8> = Vec::new();
    let mut sizes: Vec<i32> = Vec::with_capacity(array.len());
    for row in &rows {
        bytes.extend(row.as_ref());
        sizes.push(row.as_ref().len() as i32);
    }
    values.update(&bytes);
    lengths.update(&bytes_of(sizes));
    Ok(())
}

/// Little-endian, so that a lake is the same everywhere.
fn bytes_of(mut sizes: Vec<i32>) -> Buffer {
    for size in &mut sizes {
        *size = size.to_le();
    }
    Buffer::from_vec(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{BooleanArray, Int64Array, ListArray, StringArray};
    use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
    use datafusion::arrow::datatypes::{Field, Int64Type};

    fn batch(rows: std::ops::Range<i64>) -> RecordBatch {
        let schema = Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("s", DataType::Utf8, true),
            Field::new("b", DataType::Boolean, true),
            Field::new("full", DataType::Utf8, false),
            // NULL in some batches only.
            Field::new("seldom", DataType::Boolean, true),
            Field::new("list", DataType::new_list(DataType::Int64, true), true),
        ]));
        RecordBatch::try_new(
            schema,
            vec![
                Arc::new(Int64Array::from_iter(
                    rows.clone().map(|n| (n % 3 != 0).then_some(n)),
                )),
                Arc::new(StringArray::from_iter(
                    rows.clone()
                        .map(|n| (n % 5 != 0).then(|| "x".repeat((n % 4) as usize))),
                )),
                Arc::new(BooleanArray::from_iter(
                    rows.clone().map(|n| Some(n % 2 == 0)),
                )),
                Arc::new(StringArray::from_iter_values(
                    rows.clone().map(|n| "y".repeat((n % 4) as usize)),
                )),
                Arc::new(BooleanArray::from_iter(
                    rows.clone().map(|n| (n != 40).then_some(n % 2 == 0)),
                )),
                Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(
                    rows.map(|n| (n != 41).then(|| vec![Some(n); (n % 3) as usize])),
                )),
            ],
        )
        .unwrap()
    }

    fn hash(batches: &[RecordBatch]) -> String {
        let mut content = ContentHash::new(&batches[0].schema());
        for batch in batches {
            content.update(batch).unwrap();
        }
        content.finish()
    }

    #[test]
    fn content_does_not_depend_on_batches() {
        let whole = hash(&[batch(0..100)]);
        assert_eq!(whole, hash(&[batch(0..1), batch(1..37), batch(37..100)]));
        assert_eq!(
            whole,
            hash(&[batch(0..100).slice(0, 50), batch(0..100).slice(50, 50)])
        );
        assert_ne!(whole, hash(&[batch(0..99)]));
        assert_ne!(whole, hash(&[batch(1..101)]));
    }

    #[test]
    fn content_tells_null_from_zero() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let one = |value| {
            hash(&[RecordBatch::try_new(
                schema.clone(),
                vec![Arc::new(Int64Array::from(vec![value, Some(7)]))],
            )
            .unwrap()])
        };
        assert_ne!(one(None), one(Some(0)));
    }

    #[test]
    fn content_ignores_what_a_null_s_slot_holds() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("s", DataType::Utf8, true),
        ]));
        let nulls = NullBuffer::from(vec![true, false, true]);
        let rows = |number: i64, text: &str| {
            let texts = ["a", text, "b"];
            let offsets = OffsetBuffer::from_lengths(texts.map(str::len));
            let bytes = Buffer::from(texts.concat().into_bytes());
            let numbers = Int64Array::new(vec![1, number, 2].into(), Some(nulls.clone()));
            let texts = StringArray::new(offsets, bytes, Some(nulls.clone()));
            let columns: Vec<ArrayRef> = vec![Arc::new(numbers), Arc::new(texts)];
            hash(&[RecordBatch::try_new(schema.clone(), columns).unwrap()])
        };
        assert_eq!(rows(0, ""), rows(7, "hidden"));
    }
}
