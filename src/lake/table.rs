//! What a stored table looks like: columns, partition column, and the order inside a file.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

/// A stored table.
///
/// - Every file holds rows of one value of `partition` (a `Date32` column), or the table has none.
/// - Rows inside a file are sorted by `order`, ascending, nulls last.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSpec {
    /// Folder below the lake's root, with `/` for nesting.
    pub name: String,
    /// All columns, the partition column included.
    pub schema: SchemaRef,
    pub partition: Option<String>,
    pub order: Vec<String>,
    /// Columns whose range the log tells for each file, beside those of `order`.
    pub ranged: Vec<String>,
    /// Columns whose values hardly repeat: a dictionary of them would be in the way.
    pub unlike: Vec<String>,
}

impl TableSpec {
    /// A table with these columns.
    pub fn new(
        name: impl Into<String>,
        schema: SchemaRef,
        partition: Option<&str>,
        order: &[&str],
    ) -> Arc<Self> {
        Arc::new(TableSpec {
            name: name.into(),
            schema,
            partition: partition.map(str::to_owned),
            order: order.iter().map(|name| (*name).to_owned()).collect(),
            ranged: Vec::new(),
            unlike: Vec::new(),
        })
    }

    /// The same with ranges of these columns in the log.
    pub fn with_ranges(self: Arc<Self>, columns: &[&str]) -> Arc<Self> {
        let ranged = columns.iter().map(|name| (*name).to_owned()).collect();
        Arc::new(TableSpec {
            ranged,
            ..Arc::unwrap_or_clone(self)
        })
    }

    /// The same with these columns' values stored one by one.
    pub fn with_unlike(self: Arc<Self>, columns: &[&str]) -> Arc<Self> {
        let unlike = columns.iter().map(|name| (*name).to_owned()).collect();
        Arc::new(TableSpec {
            unlike,
            ..Arc::unwrap_or_clone(self)
        })
    }

    /// The columns stored inside the files: all but the partition column.
    pub fn file_schema(&self) -> SchemaRef {
        let fields: Vec<_> = self
            .schema
            .fields()
            .iter()
            .filter(|field| Some(field.name()) != self.partition.as_ref())
            .cloned()
            .collect();
        Arc::new(Schema::new(fields))
    }

    /// The columns as a scan yields them: file columns, then the partition column.
    pub fn scan_schema(&self) -> SchemaRef {
        let mut fields: Vec<_> = self.file_schema().fields().iter().cloned().collect();
        if let Some(partition) = self.partition_field() {
            fields.push(partition);
        }
        Arc::new(Schema::new(fields))
    }

    /// The partition column, if there is one.
    pub fn partition_field(&self) -> Option<Arc<Field>> {
        let name = self.partition.as_ref()?;
        Some(Arc::new(Field::new(name, DataType::Date32, false)))
    }
}
