//! SQL types: the name, size and scale of each Arrow type that a view may have.
//!
//! One table serves both the description of columns and the list of types, so that a name found in
//! the one is found in the other.

use std::collections::HashMap;

use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};
use datafusion::arrow::datatypes::{DataType, Field};

use super::Error;

/// What a client is told about a type.
struct SqlType {
    name: &'static str,
    code: XdbcDataType,
    /// Digits of an exact number, bits of a float, characters otherwise.
    size: Option<i32>,
    radix: Option<i32>,
    /// Smallest and largest number of fractional digits.
    scale: Option<(i32, i32)>,
    subcode: Option<XdbcDatetimeSubcode>,
    quoted: bool,
}

impl SqlType {
    const fn plain(name: &'static str, code: XdbcDataType, size: Option<i32>) -> Self {
        SqlType {
            name,
            code,
            size,
            radix: None,
            scale: None,
            subcode: None,
            quoted: false,
        }
    }

    const fn integer(name: &'static str, code: XdbcDataType, digits: i32) -> Self {
        SqlType {
            radix: Some(10),
            scale: Some((0, 0)),
            ..SqlType::plain(name, code, Some(digits))
        }
    }

    const fn float(name: &'static str, code: XdbcDataType, bits: i32) -> Self {
        SqlType {
            radix: Some(2),
            ..SqlType::plain(name, code, Some(bits))
        }
    }

    const fn instant(
        name: &'static str,
        code: XdbcDataType,
        size: i32,
        scale: i32,
        subcode: XdbcDatetimeSubcode,
    ) -> Self {
        SqlType {
            scale: Some((scale, scale)),
            subcode: Some(subcode),
            quoted: true,
            ..SqlType::plain(name, code, Some(size))
        }
    }
}

const BOOLEAN: SqlType = SqlType::plain("BOOLEAN", XdbcDataType::XdbcBit, Some(1));
const TINYINT: SqlType = SqlType::integer("TINYINT", XdbcDataType::XdbcTinyint, 3);
const SMALLINT: SqlType = SqlType::integer("SMALLINT", XdbcDataType::XdbcSmallint, 5);
const INTEGER: SqlType = SqlType::integer("INTEGER", XdbcDataType::XdbcInteger, 10);
const BIGINT: SqlType = SqlType::integer("BIGINT", XdbcDataType::XdbcBigint, 19);
const REAL: SqlType = SqlType::float("REAL", XdbcDataType::XdbcReal, 24);
const DOUBLE: SqlType = SqlType::float("DOUBLE", XdbcDataType::XdbcDouble, 53);
const DECIMAL: SqlType = SqlType {
    radix: Some(10),
    scale: Some((0, 38)),
    ..SqlType::plain("DECIMAL", XdbcDataType::XdbcDecimal, Some(38))
};
const VARCHAR: SqlType = SqlType {
    quoted: true,
    ..SqlType::plain("VARCHAR", XdbcDataType::XdbcVarchar, Some(i32::MAX))
};
const VARBINARY: SqlType = SqlType::plain("VARBINARY", XdbcDataType::XdbcVarbinary, Some(i32::MAX));
const DATE: SqlType = SqlType::instant(
    "DATE",
    XdbcDataType::XdbcDate,
    10,
    0,
    // The protocol gives the year and the date one number, and the year its name.
    XdbcDatetimeSubcode::XdbcSubcodeYear,
);
const TIME: SqlType = SqlType::instant(
    "TIME",
    XdbcDataType::XdbcTime,
    15,
    6,
    XdbcDatetimeSubcode::XdbcSubcodeTime,
);
const TIMESTAMP: SqlType = SqlType::instant(
    "TIMESTAMP",
    XdbcDataType::XdbcTimestamp,
    26,
    6,
    XdbcDatetimeSubcode::XdbcSubcodeTimestamp,
);
const TIMESTAMP_WITH_TIME_ZONE: SqlType = SqlType::instant(
    "TIMESTAMP WITH TIME ZONE",
    XdbcDataType::XdbcTimestamp,
    32,
    6,
    XdbcDatetimeSubcode::XdbcSubcodeTimestampWithTimezone,
);
const ARRAY: SqlType = SqlType::plain("ARRAY", XdbcDataType::XdbcUnknownType, None);
const STRUCT: SqlType = SqlType::plain("STRUCT", XdbcDataType::XdbcUnknownType, None);
const OTHER: SqlType = SqlType::plain("OTHER", XdbcDataType::XdbcUnknownType, None);

const ALL: [SqlType; 17] = [
    BOOLEAN,
    TINYINT,
    SMALLINT,
    INTEGER,
    BIGINT,
    REAL,
    DOUBLE,
    DECIMAL,
    VARCHAR,
    VARBINARY,
    DATE,
    TIME,
    TIMESTAMP,
    TIMESTAMP_WITH_TIME_ZONE,
    ARRAY,
    STRUCT,
    OTHER,
];

fn of(data_type: &DataType) -> SqlType {
    match data_type {
        DataType::Boolean => BOOLEAN,
        DataType::Int8 => TINYINT,
        DataType::Int16 | DataType::UInt8 => SMALLINT,
        DataType::Int32 | DataType::UInt16 => INTEGER,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => BIGINT,
        DataType::Float16 | DataType::Float32 => REAL,
        DataType::Float64 => DOUBLE,
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => DECIMAL,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => VARCHAR,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => VARBINARY,
        DataType::Date32 | DataType::Date64 => DATE,
        DataType::Time32(_) | DataType::Time64(_) => TIME,
        DataType::Timestamp(_, None) => TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => TIMESTAMP_WITH_TIME_ZONE,
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => ARRAY,
        DataType::Struct(_) => STRUCT,
        _ => OTHER,
    }
}

/// A column's field with the metadata that clients show and Power BI cannot do without.
pub(super) fn described(
    field: &Field,
    names: (&str, &str),
    table: &str,
    description: &str,
) -> Field {
    let kind = of(field.data_type());
    let mut metadata: HashMap<String, String> = field.metadata().clone();
    let mut put = |key: &str, value: &str| {
        metadata.insert(format!("ARROW:FLIGHT:SQL:{key}"), value.to_string());
    };
    put("CATALOG_NAME", names.0);
    put("SCHEMA_NAME", names.1);
    put("TABLE_NAME", table);
    put("TYPE_NAME", kind.name);
    let (size, scale) = match field.data_type() {
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale) => {
            (Some(i32::from(*digits)), Some(i32::from(*scale)))
        }
        _ => (kind.size, kind.scale.map(|(_, largest)| largest)),
    };
    if let Some(size) = size {
        put("PRECISION", &size.to_string());
    }
    if let Some(scale) = scale {
        put("SCALE", &scale.to_string());
    }
    put("IS_AUTO_INCREMENT", "0");
    put(
        "IS_CASE_SENSITIVE",
        if kind.name == VARCHAR.name { "1" } else { "0" },
    );
    put("IS_READ_ONLY", "1");
    put("IS_SEARCHABLE", "1");
    if !description.is_empty() {
        put("REMARKS", description);
    }
    field.clone().with_metadata(metadata)
}

/// The list of types, for `CommandGetXdbcTypeInfo`.
///
/// # Errors
/// [`Error::Metadata`] when the batch cannot be built.
pub(super) fn listed() -> Result<XdbcTypeInfoData, Error> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for kind in ALL {
        let quote = kind.quoted.then(|| "'".to_string());
        let number = kind.radix.is_some();
        builder.append(XdbcTypeInfo {
            type_name: kind.name.into(),
            data_type: kind.code,
            column_size: kind.size,
            literal_prefix: quote.clone(),
            literal_suffix: quote,
            create_params: (kind.name == DECIMAL.name)
                .then(|| vec!["precision".to_string(), "scale".to_string()]),
            nullable: Nullable::NullabilityNullable,
            case_sensitive: kind.name == VARCHAR.name,
            searchable: if kind.code == XdbcDataType::XdbcUnknownType {
                Searchable::None
            } else {
                Searchable::Full
            },
            unsigned_attribute: number.then_some(false),
            fixed_prec_scale: false,
            auto_increment: number.then_some(false),
            local_type_name: Some(kind.name.into()),
            minimum_scale: kind.scale.map(|(smallest, _)| smallest),
            maximum_scale: kind.scale.map(|(_, largest)| largest),
            sql_data_type: if kind.subcode.is_some() {
                XdbcDataType::XdbcDatetime
            } else {
                kind.code
            },
            datetime_subcode: kind.subcode,
            num_prec_radix: kind.radix,
            interval_precision: None,
        });
    }
    builder.build().map_err(|error| Error::Metadata {
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{AsArray, RecordBatch};
    use datafusion::arrow::datatypes::{Int32Type, TimeUnit};

    fn column<'a>(batch: &'a RecordBatch, name: &str) -> Vec<Option<&'a str>> {
        batch
            .column_by_name(name)
            .unwrap()
            .as_string::<i32>()
            .iter()
            .collect()
    }

    #[test]
    fn every_name_is_listed_once_and_the_filter_holds() {
        let listed = listed().unwrap();
        let all = listed.record_batch(None).unwrap();
        assert_eq!(all.num_columns(), 19);
        let mut names: Vec<_> = column(&all, "type_name");
        assert_eq!(names.len(), ALL.len());
        let codes = all.column(1).as_primitive::<Int32Type>().values().to_vec();
        assert!(codes.is_sorted(), "{codes:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        let bigint = listed
            .record_batch(XdbcDataType::XdbcBigint as i32)
            .unwrap();
        assert_eq!(column(&bigint, "type_name"), [Some("BIGINT")]);
        assert_eq!(listed.record_batch(4711).unwrap().num_rows(), 0);
    }

    #[test]
    fn columns_carry_their_type_and_text() {
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let field = Field::new("at", instant, true);
        let field = described(&field, ("c", "s"), "t", "when");
        let get = |key: &str| {
            let key = format!("ARROW:FLIGHT:SQL:{key}");
            field.metadata().get(&key).map(String::as_str)
        };
        assert_eq!(get("TYPE_NAME"), Some("TIMESTAMP WITH TIME ZONE"));
        assert_eq!(get("REMARKS"), Some("when"));
        assert_eq!(get("TABLE_NAME"), Some("t"));
        let field = Field::new("d", DataType::Decimal128(38, 9), true);
        let field = described(&field, ("c", "s"), "t", "");
        assert_eq!(field.metadata()["ARROW:FLIGHT:SQL:PRECISION"], "38");
        assert_eq!(field.metadata()["ARROW:FLIGHT:SQL:SCALE"], "9");
        assert!(!field.metadata().contains_key("ARROW:FLIGHT:SQL:REMARKS"));
    }
}
