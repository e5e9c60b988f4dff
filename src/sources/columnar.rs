//! Parquet, and Arrow IPC files and streams.
//!
//! Columns are found by name, read in batches of bounded length, and each row goes through the
//! same rules as a line of text would. A required column of a type that cannot hold its field is
//! an error, because no row could be right; any other such column is a reject of the rows that
//! have a value in it. Damage is an error of the file, also where a decoder panics over it.

mod cells;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field as ArrowField, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::reader::{FileReader, StreamReader};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use self::cells::Cells;
use super::csv::require_columns;
use super::draft::Draft;
use super::error::{Error, Place};
use super::field::{Field, Target};
use super::rules::Rules;
use super::stream::Stream;
use super::{Compression, Input, Options, Origin, Sink};

/// Rows decoded at a time.
const BATCH_ROWS: usize = 8192;

pub(super) fn read_parquet(
    input: &Input,
    options: &Options,
    sink: &mut dyn Sink,
) -> crate::error::Result<()> {
    let file = seekable(input, "Parquet")?;
    let damaged = |detail| damaged(input, 0, detail);
    let builder = guarded(|| {
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())
    })
    .map_err(damaged)?;
    let schema = Arc::clone(builder.schema());
    let columns = columns(&schema).map_err(|detail| Error::Columns {
        name: input.name.clone(),
        detail,
    })?;
    // Other columns are only counted, so they are not decoded.
    let wanted = columns.iter().enumerate();
    let wanted = wanted.filter(|(_, column)| matches!(column.target, Target::Field(_)));
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.map(|(at, _)| at));
    let unknown = unknown_names(&columns);
    let batches = guarded(|| {
        builder
            .with_batch_size(BATCH_ROWS)
            .with_projection(mask)
            .build()
            .map_err(|error| error.to_string())
    })
    .map_err(damaged)?;
    read_batches(batches, &unknown, input, options, sink)
}

pub(super) fn read_ipc(
    input: &Input,
    options: &Options,
    sink: &mut dyn Sink,
) -> crate::error::Result<()> {
    let mut stream = Stream::open(input)?;
    let is_file = match stream.reader.fill_buf() {
        Ok(head) => head.starts_with(b"ARROW1"),
        Err(source) => return Err(stream.failure(Place::Start, source).into()),
    };
    if is_file {
        let file = seekable(input, "An Arrow IPC file (unlike an IPC stream)")?;
        let file = std::io::BufReader::new(file);
        let batches = guarded(|| FileReader::try_new(file, None).map_err(|e| e.to_string()))
            .map_err(|detail| damaged(input, 0, detail))?;
        let schema = batches.schema();
        let unknown = checked_unknown(input, &schema)?;
        return read_batches(batches, &unknown, input, options, sink);
    }
    let batches = guarded(|| StreamReader::try_new(stream.reader, None).map_err(|e| e.to_string()))
        .map_err(|detail| damaged(input, 0, detail))?;
    let schema = batches.schema();
    let unknown = checked_unknown(input, &schema)?;
    read_batches(batches, &unknown, input, options, sink)
}

fn checked_unknown(input: &Input, schema: &Schema) -> Result<Vec<String>, Error> {
    let columns = columns(schema).map_err(|detail| Error::Columns {
        name: input.name.clone(),
        detail,
    })?;
    Ok(unknown_names(&columns))
}

/// The file of an input that has to be read out of order.
fn seekable(input: &Input, what: &str) -> Result<File, Error> {
    let unsupported = |detail: String| Error::Unsupported {
        name: input.name.clone(),
        detail,
    };
    if input.compression != Compression::None {
        return Err(unsupported(format!(
            "{what} cannot be read inside gzip or zstd; decompress it first"
        )));
    }
    match &input.origin {
        Origin::Stdin => Err(unsupported(format!(
            "{what} is read from its end and cannot come from stdin; give a file"
        ))),
        Origin::File(path) => File::open(path).map_err(|source| Error::Open {
            name: input.name.clone(),
            source,
        }),
    }
}

fn damaged(input: &Input, rows: u64, detail: String) -> Error {
    Error::Damaged {
        name: input.name.clone(),
        place: Place::Row(rows),
        detail,
    }
}

/// Runs a decoder over foreign bytes; a panic in it is damage of the input, not our end. The
/// decoder is dropped after an error, so a broken state is never seen.
fn guarded<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => result,
        Err(_) => Err("the decoder gave up".to_owned()),
    }
}

struct Column {
    target: Target,
    name: String,
}

fn unknown_names(columns: &[Column]) -> Vec<String> {
    let unknown = columns.iter().filter(|c| c.target == Target::Unknown);
    unknown.map(|column| column.name.clone()).collect()
}

/// What the schema's names stand for, or what is wrong with it.
fn columns(schema: &Schema) -> Result<Vec<Column>, String> {
    let mut columns: Vec<Column> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let name = field.name().trim();
        if columns.iter().any(|c| c.name.eq_ignore_ascii_case(name)) {
            return Err(format!("the column '{name}' is there twice"));
        }
        let target = Target::of(name);
        if let Target::Field(wanted) = target {
            check_type(wanted, field)?;
        }
        columns.push(Column {
            target,
            name: name.to_owned(),
        });
    }
    require_columns(|field| columns.iter().any(|c| c.target == Target::Field(field)))?;
    Ok(columns)
}

fn check_type(wanted: Field, field: &ArrowField) -> Result<(), String> {
    let data_type = match field.data_type() {
        DataType::Dictionary(_, value) => value.as_ref(),
        other => other,
    };
    let is_text = matches!(
        data_type,
        DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
    );
    let is_number = data_type.is_numeric();
    let fits = match wanted {
        Field::UtcTimestamp => {
            is_text || is_number || matches!(data_type, DataType::Timestamp(_, _))
        }
        Field::DurationSec => is_number,
        Field::UserName | Field::ComputerName => is_text,
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        Err(format!(
            "the column '{}' has the type {data_type}, which cannot hold {}",
            field.name(),
            wanted.name()
        ))
    }
}

fn read_batches(
    mut batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    unknown: &[String],
    input: &Input,
    options: &Options,
    sink: &mut dyn Sink,
) -> crate::error::Result<()> {
    let mut rules = Rules::new(options);
    let mut rows = 0u64;
    loop {
        let next = guarded(|| batches.next().transpose().map_err(|e| e.to_string()));
        let batch = match next {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(detail) => return Err(damaged(input, rows, detail).into()),
        };
        // An IPC batch may be as large as its writer liked; casts copy, so cut it first.
        let mut from = 0;
        while from < batch.num_rows() {
            let count = BATCH_ROWS.min(batch.num_rows() - from);
            let cells = guarded(|| Ok(known_cells(&batch.slice(from, count))))
                .map_err(|detail| damaged(input, rows, detail))?;
            for row in 0..count {
                let mut draft = Draft::default();
                for (field, cells) in &cells {
                    draft.set(*field, cells.raw(row));
                }
                for name in unknown {
                    draft.put_unknown(name);
                }
                rows += 1;
                rules.hand_over(draft, rows, sink)?;
            }
            from += count;
        }
        if let Some(bytes) = input.bytes {
            // Decoders do not say where they are; a report that only ever grows is enough.
            sink.progress(bytes.min(rows));
        }
    }
    sink.progress(input.bytes.unwrap_or(0));
    Ok(())
}

fn known_cells(batch: &RecordBatch) -> Vec<(Field, Cells)> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let known = columns.filter_map(|(field, array)| match Target::of(field.name()) {
        Target::Field(known) => Some((known, Cells::of(array))),
        _ => None,
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Collected, options, read_bytes};
    use super::super::{AlarmAction, Kind};
    use super::*;
    use datafusion::arrow::array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, DictionaryArray, Float64Array,
        Int32Array, LargeStringArray, ListArray, NullArray, StringArray, StringViewArray,
        StructArray, TimestampNanosecondArray, TimestampSecondArray, UInt32Array,
    };
    use datafusion::arrow::buffer::OffsetBuffer;
    use datafusion::arrow::datatypes::Int32Type;
    use datafusion::arrow::ipc::writer::{FileWriter, StreamWriter};
    use datafusion::parquet::arrow::ArrowWriter;

    fn batch(changes: Vec<(&str, ArrayRef)>) -> RecordBatch {
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            (
                "utc_timestamp",
                Arc::new(TimestampSecondArray::from(vec![
                    1_772_442_000,
                    1_772_442_060,
                ])),
            ),
            ("duration_sec", Arc::new(Int32Array::from(vec![60, 30]))),
            ("user_name", Arc::new(StringArray::from(vec!["ann", "bob"]))),
            (
                "computer_name",
                Arc::new(StringArray::from(vec!["pc", "pc"])),
            ),
            ("executable", Arc::new(StringArray::from(vec!["a", "b"]))),
        ];
        for (name, array) in changes {
            columns.retain(|column| column.0 != name);
            columns.push((name, array));
        }
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true)))
            .unwrap()
    }

    fn without(name: &str) -> RecordBatch {
        let full = batch(vec![]);
        let keep: Vec<usize> = (0..full.num_columns())
            .filter(|at| full.schema().field(*at).name() != name)
            .collect();
        full.project(&keep).unwrap()
    }

    fn parquet(batch: &RecordBatch) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        bytes
    }

    fn ipc_stream(batch: &RecordBatch) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
        bytes
    }

    fn read_parquet_bytes(bytes: &[u8]) -> Collected {
        read_bytes(Kind::Parquet, "t.parquet", bytes, &options())
    }

    fn read_batch(batch: &RecordBatch) -> Collected {
        read_parquet_bytes(&parquet(batch))
    }

    #[test]
    fn all_containers_give_the_same() {
        let batch = batch(vec![]);
        let mut file = Vec::new();
        let mut writer = FileWriter::try_new(&mut file, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        let from_parquet = read_batch(&batch);
        assert_eq!(from_parquet.error, None);
        assert_eq!(from_parquet.lines, [1, 2]);
        let stream = ipc_stream(&batch);
        let packed = zstd::encode_all(stream.as_slice(), 1).unwrap();
        for (name, bytes) in [("t.arrow", file), ("t.arrows", stream), ("t.zst", packed)] {
            let got = read_bytes(Kind::Ipc, name, &bytes, &options());
            assert_eq!(got.error, None, "{name}");
            assert_eq!(got.records, from_parquet.records, "{name}");
        }
    }

    #[test]
    fn types_of_every_kind() {
        let names = DictionaryArray::<Int32Type>::from_iter(["ann", "bob"]);
        let changes: Vec<(&str, ArrayRef)> = vec![
            (
                "utc_timestamp",
                Arc::new(
                    TimestampNanosecondArray::from(vec![1_772_442_000_000_001_999; 2])
                        .with_timezone("+02:00"),
                ),
            ),
            (
                "duration_sec",
                Arc::new(Float64Array::from(vec![60.9, 0.0])),
            ),
            ("user_name", Arc::new(names)),
            (
                "computer_name",
                Arc::new(StringViewArray::from(vec!["pc", "pc"])),
            ),
            (
                "executable",
                Arc::new(BinaryArray::from(vec![&b"a"[..], &b"\xff"[..]])),
            ),
            (
                "full_url",
                Arc::new(LargeStringArray::from(vec![Some("u"), None])),
            ),
            ("usb", Arc::new(BooleanArray::from(vec![Some(true), None]))),
            (
                "passive_type_id",
                Arc::new(UInt32Array::from(vec![Some(2), None])),
            ),
            ("upload_time", Arc::new(NullArray::new(2))),
            ("extra", Arc::new(Int32Array::from(vec![1, 2]))),
            ("category", Arc::new(Int32Array::from(vec![1, 2]))),
        ];
        let got = read_bytes(Kind::Ipc, "t", &ipc_stream(&batch(changes)), &options());
        assert_eq!(got.error, None);
        let record = &got.records[0];
        assert_eq!(record.start, 1_772_442_000_000_001);
        assert_eq!((record.duration_sec, record.passive_type_id), (60, Some(2)));
        assert_eq!((record.usb, &*record.user_name), (Some(true), "ann"));
        assert_eq!(got.notes, [("unknown_field", "extra".to_owned())]);
        assert_eq!(got.rejects[0].reason, "not_utf8");
    }

    #[test]
    fn alarms_are_a_list_of_structs() {
        let fields = vec![
            ArrowField::new("name", DataType::Utf8, true),
            ArrowField::new("action", DataType::Utf8, true),
        ];
        let structs = StructArray::new(
            fields.clone().into(),
            vec![
                Arc::new(StringArray::from(vec![Some("x"), None])),
                Arc::new(StringArray::from(vec![Some("popup"), Some("Email")])),
            ],
            None,
        );
        let item = Arc::new(ArrowField::new_struct("item", fields, true));
        let list = ListArray::new(
            item,
            OffsetBuffer::from_lengths([1, 1]),
            Arc::new(structs),
            None,
        );
        let got = read_batch(&batch(vec![("alarms", Arc::new(list))]));
        assert_eq!(got.records[0].alarms[0].action, Some(AlarmAction::Popup));
        assert_eq!(got.rejects[0].reason, "bad_alarm");
        let text = StringArray::from(vec![Some("x:Popup"), None]);
        let got = read_batch(&batch(vec![("alarms", Arc::new(text))]));
        assert_eq!(got.rejects[0].reason, "bad_type");
        assert_eq!(got.lines, [2]);
    }

    #[test]
    fn required_columns_must_be_there_and_fit() {
        let error = |batch: &RecordBatch| read_batch(batch).error.unwrap();
        assert!(error(&without("user_name")).contains("no column for user_name"));
        let text = StringArray::from(vec!["60", "30"]);
        let message = error(&batch(vec![("duration_sec", Arc::new(text))]));
        assert!(
            message.contains("'duration_sec' has the type Utf8"),
            "{message}"
        );
        let date = Date32Array::from(vec![1, 2]);
        assert!(error(&batch(vec![("utc_timestamp", Arc::new(date))])).contains("Date32"));
        let twice = batch(vec![(
            "User_Name",
            Arc::new(StringArray::from(vec!["a", "b"])),
        )]);
        assert!(error(&twice).contains("twice"));
        // Another column of a wrong type costs only the rows that have a value in it.
        let numbers = Int32Array::from(vec![Some(1), None]);
        let got = read_batch(&batch(vec![("session", Arc::new(numbers))]));
        assert_eq!((got.lines, got.rejects[0].reason), (vec![2], "bad_type"));
    }

    #[test]
    fn cut_or_changed_anywhere_is_an_error_and_never_a_crash() {
        let whole = parquet(&batch(vec![]));
        for end in 0..whole.len() {
            let got = read_parquet_bytes(&whole[..end]);
            assert!(got.error.is_some(), "{end}");
        }
        for at in (0..whole.len()).step_by(3) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            let _ = read_parquet_bytes(&bytes);
        }
        let stream = ipc_stream(&batch(vec![]));
        for end in 0..stream.len() {
            let _ = read_bytes(Kind::Ipc, "t", &stream[..end], &options());
        }
    }

    #[test]
    fn what_needs_a_seekable_file_says_so() {
        let packed = zstd::encode_all(parquet(&batch(vec![])).as_slice(), 1).unwrap();
        let got = read_bytes(Kind::Parquet, "t.parquet.zst", &packed, &options());
        assert!(got.error.unwrap().contains("decompress it first"));
        let stdin = Input {
            origin: Origin::Stdin,
            name: "stdin".into(),
            kind: Kind::Parquet,
            compression: Compression::None,
            bytes: None,
            peeked: Vec::new(),
        };
        let error = seekable(&stdin, "Parquet").unwrap_err();
        assert!(
            error.to_string().contains("cannot come from stdin"),
            "{error}"
        );
    }
}
