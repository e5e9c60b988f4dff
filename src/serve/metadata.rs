//! Catalogs, schemas, tables, keys: what clients browse, as typed batches.
//!
//! Everything comes from the reader's list of views; nothing a client sends becomes part of a
//! query. A filter that a client leaves out does not narrow the answer, so that browsing works
//! without naming a catalog.

use std::sync::Arc;

use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::GetCatalogsBuilder;
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetTableTypes,
    CommandGetTables,
};
use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::types;
use crate::models::ViewInfo;

/// The type of every table here. `GetTables` and `GetTableTypes` use the same text.
pub(super) const VIEW: &str = "VIEW";

type Result<T> = std::result::Result<T, FlightError>;

/// What one caller may browse.
pub(super) struct Browsable<'a> {
    /// Catalog and schema.
    pub names: (&'a str, &'a str),
    pub views: Vec<ViewInfo>,
}

impl Browsable<'_> {
    /// The one catalog.
    pub fn catalogs(&self, command: CommandGetCatalogs) -> Result<RecordBatch> {
        let mut builder: GetCatalogsBuilder = command.into_builder();
        builder.append(self.names.0);
        builder.build()
    }

    /// The one schema.
    pub fn schemas(&self, command: CommandGetDbSchemas) -> Result<RecordBatch> {
        let mut builder = command.into_builder();
        builder.append(self.names.0, self.names.1);
        builder.build()
    }

    /// The views whose names match, with their schemas when asked for.
    pub fn tables(&self, command: CommandGetTables) -> Result<RecordBatch> {
        let mut builder = command.into_builder();
        for view in &self.views {
            let schema = if builder.include_schema() {
                self.schema(view)
            } else {
                Schema::empty()
            };
            builder.append(self.names.0, self.names.1, &view.name, VIEW, &schema)?;
        }
        builder.build()
    }

    /// The one table type.
    pub fn table_types(&self, command: CommandGetTableTypes) -> Result<RecordBatch> {
        let mut builder = command.into_builder();
        builder.append(VIEW);
        builder.build()
    }

    /// The documented key of a view.
    pub fn primary_keys(&self, command: &CommandGetPrimaryKeys) -> Result<RecordBatch> {
        let (catalog, schema) = self.names;
        let keeps = |filter: &Option<String>, name: &str| {
            filter.as_deref().is_none_or(|wanted| wanted == name)
        };
        let here = keeps(&command.catalog, catalog) && keeps(&command.db_schema, schema);
        let view = self
            .views
            .iter()
            .find(|view| here && view.name == command.table);
        let key = view.map(|view| view.key.as_slice()).unwrap_or_default();
        let repeated = |text: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(key.iter().map(|_| text)))
        };
        let positions = (1..).take(key.len());
        Ok(RecordBatch::try_new(
            primary_keys_schema(),
            vec![
                repeated(catalog),
                repeated(schema),
                repeated(&command.table),
                Arc::new(StringArray::from_iter_values(key)),
                Arc::new(StringArray::new_null(key.len())),
                Arc::new(Int32Array::from_iter_values(positions)),
            ],
        )?)
    }

    fn schema(&self, view: &ViewInfo) -> Schema {
        let described = |column: &crate::models::ColumnInfo| {
            types::described(&column.field, self.names, &view.name, &column.description)
        };
        Schema::new(view.columns.iter().map(described).collect::<Vec<_>>())
    }
}

fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}

/// The columns of a primary-key answer.
pub(super) fn primary_keys_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("catalog_name", true),
        text("db_schema_name", true),
        text("table_name", false),
        text("column_name", false),
        text("key_name", true),
        Field::new("key_sequence", DataType::Int32, false),
    ]))
}

/// Foreign keys, imported, exported or between two tables: views declare none.
pub(super) fn foreign_keys() -> RecordBatch {
    RecordBatch::new_empty(Arc::new(Schema::new(vec![
        text("pk_catalog_name", true),
        text("pk_db_schema_name", true),
        text("pk_table_name", false),
        text("pk_column_name", false),
        text("fk_catalog_name", true),
        text("fk_db_schema_name", true),
        text("fk_table_name", false),
        text("fk_column_name", false),
        Field::new("key_sequence", DataType::Int32, false),
        text("fk_key_name", true),
        text("pk_key_name", true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::ColumnInfo;
    use arrow_flight::IpcMessage;
    use datafusion::arrow::array::AsArray;

    fn browsable() -> Browsable<'static> {
        let view = |name: &str, key: &[&str]| ViewInfo {
            name: name.into(),
            description: String::new(),
            columns: vec![ColumnInfo {
                field: Arc::new(Field::new("row_id", DataType::Int64, true)),
                description: "the row".into(),
            }],
            key: key.iter().map(|column| column.to_string()).collect(),
        };
        Browsable {
            names: ("activlake", "activconnect"),
            views: vec![
                view("events", &["row_id"]),
                view("users", &["user_id", "agent_id"]),
                view("usersXflat", &[]),
            ],
        }
    }

    fn asked(pattern: Option<&str>) -> CommandGetTables {
        CommandGetTables {
            catalog: None,
            db_schema_filter_pattern: None,
            table_name_filter_pattern: pattern.map(String::from),
            table_types: vec![],
            include_schema: false,
        }
    }

    fn names(command: CommandGetTables) -> Vec<String> {
        let batch = browsable().tables(command).unwrap();
        let column = batch
            .column_by_name("table_name")
            .unwrap()
            .as_string::<i32>();
        column.iter().flatten().map(String::from).collect()
    }

    #[test]
    fn patterns_match_runs_and_single_characters() {
        assert_eq!(names(asked(None)).len(), 3);
        assert_eq!(names(asked(Some("%"))).len(), 3);
        assert_eq!(names(asked(Some("users"))), ["users"]);
        assert_eq!(names(asked(Some("users%"))), ["users", "usersXflat"]);
        assert_eq!(names(asked(Some("users_flat"))), ["usersXflat"]);
        assert_eq!(names(asked(Some("users\\_flat"))), [""; 0]);
        assert_eq!(names(asked(Some("_vents"))), ["events"]);
        assert_eq!(names(asked(Some(""))), [""; 0]);
        assert_eq!(names(asked(Some("' or 1=1 --"))), [""; 0]);
    }

    #[test]
    fn catalog_schema_and_type_narrow_only_when_given() {
        let with = |catalog: Option<&str>, schema: Option<&str>, types: &[&str]| {
            names(CommandGetTables {
                catalog: catalog.map(String::from),
                db_schema_filter_pattern: schema.map(String::from),
                table_types: types.iter().map(|name| name.to_string()).collect(),
                ..asked(None)
            })
            .len()
        };
        assert_eq!(
            with(Some("activlake"), Some("activ%"), &["TABLE", "VIEW"]),
            3
        );
        assert_eq!(with(Some(""), None, &[]), 0);
        assert_eq!(with(Some("other"), None, &[]), 0);
        assert_eq!(with(None, Some("public"), &[]), 0);
        assert_eq!(with(None, None, &["TABLE"]), 0);
        let schemas = browsable().schemas(CommandGetDbSchemas::default()).unwrap();
        assert_eq!(schemas.num_rows(), 1);
        let types = browsable().table_types(CommandGetTableTypes {}).unwrap();
        assert_eq!(types.column(0).as_string::<i32>().value(0), VIEW);
    }

    #[test]
    fn tables_carry_their_schema() {
        let command = CommandGetTables {
            include_schema: true,
            ..asked(Some("events"))
        };
        let batch = browsable().tables(command).unwrap();
        let bytes = batch
            .column_by_name("table_schema")
            .unwrap()
            .as_binary::<i32>()
            .value(0);
        let schema = Schema::try_from(IpcMessage(bytes.to_vec().into())).unwrap();
        let field = schema.field_with_name("row_id").unwrap();
        assert_eq!(field.data_type(), &DataType::Int64);
        assert_eq!(field.metadata()["ARROW:FLIGHT:SQL:REMARKS"], "the row");
    }

    #[test]
    fn keys_are_in_order_and_typed_when_empty() {
        let keys = |table: &str, catalog: Option<&str>| {
            let command = CommandGetPrimaryKeys {
                catalog: catalog.map(String::from),
                db_schema: None,
                table: table.into(),
            };
            browsable().primary_keys(&command).unwrap()
        };
        let two = keys("users", None);
        assert_eq!(two.num_rows(), 2);
        assert_eq!(two.column(3).as_string::<i32>().value(1), "agent_id");
        assert_eq!(
            two.column(5)
                .as_primitive::<datafusion::arrow::datatypes::Int32Type>()
                .value(1),
            2
        );
        assert_eq!(keys("users", Some("other")).num_rows(), 0);
        let none = keys("nothing", None);
        assert_eq!((none.num_rows(), none.schema()), (0, two.schema()));
        assert_eq!(foreign_keys().num_columns(), 13);
    }
}
