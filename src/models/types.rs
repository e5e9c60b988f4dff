//! Column types by the names that descriptions and the contract use.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};

/// The type of a name such as `Int64` or `Timestamp(us, UTC)`.
pub fn parse(name: &str) -> Option<DataType> {
    Some(match name {
        "Int64" => DataType::Int64,
        "Int32" => DataType::Int32,
        "Float64" => DataType::Float64,
        "Utf8" => DataType::Utf8,
        "Boolean" => DataType::Boolean,
        "Date32" => DataType::Date32,
        "Timestamp(us, UTC)" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "Timestamp(us)" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "Time64(us)" => DataType::Time64(TimeUnit::Microsecond),
        "Decimal128(38, 9)" => DataType::Decimal128(38, 9),
        _ => return None,
    })
}

/// The name of a type, as [`parse`] reads it where it can.
pub fn name(data_type: &DataType) -> String {
    match data_type {
        DataType::Timestamp(TimeUnit::Microsecond, None) => "Timestamp(us)".into(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => format!("Timestamp(us, {zone})"),
        DataType::Time64(TimeUnit::Microsecond) => "Time64(us)".into(),
        DataType::Decimal128(precision, scale) => format!("Decimal128({precision}, {scale})"),
        DataType::List(item) => match item.data_type() {
            DataType::Struct(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|field| format!("{} {}", field.name(), name(field.data_type())))
                    .collect();
                format!("List<Struct<{}>>", fields.join(", "))
            }
            other => format!("List<{}>", name(other)),
        },
        other => other.to_string(),
    }
}

/// The type as it leaves the process: `Utf8` for every kind of text, no dictionaries, nullable
/// items. Old drivers know nothing else.
pub fn wire(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, value) => wire(value),
        DataType::RunEndEncoded(_, values) => wire(values.data_type()),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => {
            DataType::List(Arc::new(wire_field(item)))
        }
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| wire_field(field)).collect())
        }
        other => other.clone(),
    }
}

/// The field as it leaves the process; always nullable, because a plan's own idea of it may change
/// between planning and running.
pub fn wire_field(field: &Field) -> Field {
    Field::new(field.name(), wire(field.data_type()), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_agree() {
        for text in [
            "Int64",
            "Utf8",
            "Boolean",
            "Date32",
            "Timestamp(us, UTC)",
            "Timestamp(us)",
            "Time64(us)",
            "Decimal128(38, 9)",
        ] {
            assert_eq!(name(&parse(text).unwrap()), text);
        }
        assert_eq!(parse("VARCHAR"), None);
    }

    #[test]
    fn views_and_dictionaries_are_lowered_inside_lists_too() {
        let item = Field::new("item", DataType::Utf8View, false);
        let list = DataType::List(Arc::new(item));
        assert_eq!(name(&wire(&list)), "List<Utf8>");
        let dictionary =
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8View));
        assert_eq!(wire(&dictionary), DataType::Utf8);
    }
}
