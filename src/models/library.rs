//! The models: SQL files with a description beside each, built in or from a folder.
//!
//! A folder's files override the built-in ones of the same name and may add others. Loading does
//! no planning; see [`super::session`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::TableReference;
use datafusion::sql::parser::DFParser;
use datafusion::sql::resolve::resolve_table_references;
use include_dir::{Dir, include_dir};
use serde::Deserialize;

use super::Error;
use super::types;

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/sql");

/// How a model's rows come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Computed when asked.
    View,
    /// Stored by local day; see `jobs`.
    Table,
}

/// Who may read a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Clients of the server.
    Public,
    /// Whoever has the lake's files (`activlake sql`).
    Operator,
    /// Other models only.
    Internal,
}

/// A description file as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    description: String,
    kind: Kind,
    audience: Audience,
    time_column: Option<String>,
    #[serde(default)]
    key: Vec<String>,
    /// How a table's files are sorted, where it is not by the key.
    #[serde(default)]
    order: Vec<String>,
    /// Whether the table is made while its inputs stream by, so that many rows need little memory.
    #[serde(default)]
    streams: bool,
    /// Whether others look rows up in it by its key, which no two rows share.
    #[serde(default)]
    lookup: bool,
    /// Whether days of this table that are not stored as they should be now are computed by whoever
    /// reads them: what was loaded is seen before a run, too.
    #[serde(default)]
    live: bool,
    #[serde(default)]
    pending: Vec<String>,
    /// Local days of an input read before and after the day that is made, where it is not only
    /// that day; `raw_events` are UTC dates.
    #[serde(default)]
    reads_days: BTreeMap<String, [Days; 2]>,
    /// Tables of the settings, or views, whose column `day` also makes days of this table, beside
    /// its inputs' own days.
    #[serde(default)]
    day_sources: Vec<String>,
    #[serde(default)]
    columns: Vec<WrittenColumn>,
}

/// A number of days.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Days {
    Fixed(i32),
    /// As many as it takes for a window of so many days, by this setting, that ends with the day.
    WindowOf(String),
}

impl Days {
    /// The number, by the value of a setting.
    pub fn count(&self, setting: impl Fn(&str) -> Option<i64>) -> i32 {
        match self {
            Days::Fixed(days) => (*days).max(0),
            Days::WindowOf(name) => setting(name)
                .and_then(|days| i32::try_from(days - 1).ok())
                .unwrap_or(0)
                .max(0),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenColumn {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    #[serde(default = "lowest_plan")]
    plan: String,
    description: String,
    #[serde(default)]
    extension: bool,
    #[serde(default = "yes")]
    nullable: bool,
}

fn yes() -> bool {
    true
}

fn lowest_plan() -> String {
    "essentials".into()
}

/// One leaf column; nested ones have dotted names.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    pub data_type: DataType,
    pub plan: String,
    pub description: String,
    /// Not in the contract.
    pub extension: bool,
    pub nullable: bool,
}

/// One model.
#[derive(Clone, Debug)]
pub struct Model {
    pub name: String,
    /// Folder: `staging`, `intermediate`, `views`, `operations`, or a user's own.
    pub folder: String,
    pub sql: String,
    pub description: String,
    pub kind: Kind,
    pub audience: Audience,
    pub time_column: Option<String>,
    pub key: Vec<String>,
    /// How a table's files are sorted; by the key where it is empty.
    pub order: Vec<String>,
    /// Made while its inputs stream by: many rows need little memory.
    pub streams: bool,
    /// Others look rows up in it by its key, which no two rows share: the optimizer relies on that.
    pub lookup: bool,
    /// Days that are not stored as they should be now are computed by whoever reads them.
    pub live: bool,
    pub pending: Vec<String>,
    /// By input: days read before and after the day that is made.
    pub reads_days: BTreeMap<String, [Days; 2]>,
    pub day_sources: Vec<String>,
    pub columns: Vec<Column>,
    /// Tables and models that the SQL names.
    pub inputs: BTreeSet<String>,
    /// Settings that the SQL names.
    pub settings: BTreeSet<String>,
}

impl Model {
    /// The output columns by the description: dotted names of one prefix form a list of structs.
    pub fn schema(&self) -> SchemaRef {
        let mut fields: Vec<FieldRef> = Vec::new();
        let mut nested: Vec<(String, Vec<Field>)> = Vec::new();
        for column in &self.columns {
            match column.name.split_once('.') {
                None => fields.push(Arc::new(Field::new(
                    &column.name,
                    column.data_type.clone(),
                    column.nullable,
                ))),
                Some((prefix, leaf)) => {
                    let leaf = Field::new(leaf, column.data_type.clone(), true);
                    match nested.iter_mut().find(|(name, _)| name == prefix) {
                        Some((_, leaves)) => leaves.push(leaf),
                        None => {
                            nested.push((prefix.to_owned(), vec![leaf]));
                            fields.push(Arc::new(Field::new(prefix, DataType::Null, true)));
                        }
                    }
                }
            }
        }
        let fields: Vec<FieldRef> = fields
            .into_iter()
            .map(|field| {
                match nested
                    .iter()
                    .find(|(name, _)| name == field.name() && field.data_type().is_null())
                {
                    Some((name, leaves)) => {
                        let item = DataType::Struct(leaves.clone().into());
                        let list = DataType::List(Arc::new(Field::new("item", item, true)));
                        Arc::new(Field::new(name, list, true))
                    }
                    None => field,
                }
            })
            .collect();
        Arc::new(Schema::new(fields))
    }

    /// Text that changes when the model does.
    pub fn text(&self) -> String {
        format!(
            "{}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}",
            self.sql, self.kind, self.key, self.order, self.reads_days, self.columns
        )
    }
}

/// A query that must return no rows.
#[derive(Clone, Debug)]
pub struct Check {
    pub name: String,
    pub sql: String,
    /// Tables and models that the SQL names.
    pub inputs: BTreeSet<String>,
}

/// All models, by name.
#[derive(Clone, Debug)]
pub struct Library {
    models: BTreeMap<String, Arc<Model>>,
    /// Names in dependency order.
    order: Vec<String>,
    checks: Vec<Check>,
}

impl Library {
    /// The built-in models, overridden and extended by a folder's.
    ///
    /// # Errors
    /// [`Error::File`] for an unreadable or lonely file, [`Error::Model`] for SQL that does not
    /// parse, [`Error::Cycle`].
    pub fn load(folder: Option<&Path>) -> Result<Library, Error> {
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        built_in_files(&BUILT_IN, &mut files)?;
        if let Some(folder) = folder {
            // A file overrides by its name, wherever it lies.
            let mut own = BTreeMap::new();
            folder_files(folder, folder, &mut own)?;
            let stem = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
            let names: BTreeSet<String> = own.keys().map(|path| stem(path)).collect();
            files.retain(|path, _| !names.contains(&stem(path)));
            files.extend(own);
        }
        let mut models = BTreeMap::new();
        let mut checks = Vec::new();
        for (path, sql) in files.iter().filter(|(path, _)| path.ends_with(".sql")) {
            let stem = path.trim_end_matches(".sql");
            let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
            match folder {
                "checks" => {
                    checks.push(Check {
                        name: name.to_owned(),
                        sql: sql.clone(),
                        inputs: inputs_of(name, sql)?,
                    });
                    continue;
                }
                // Queries to look at, not models.
                "examples" => continue,
                _ => {}
            }
            let beside = format!("{stem}.toml");
            let written = files.get(&beside).ok_or_else(|| Error::File {
                file: path.clone(),
                cause: format!("its description {beside} is missing"),
            })?;
            let model = model(folder, name, sql, written, &beside)?;
            if let Some(other) = models.insert(name.to_owned(), Arc::new(model)) {
                return Err(Error::File {
                    file: path.clone(),
                    cause: format!("there is a model '{name}' in folder '{}' too", other.folder),
                });
            }
        }
        let order = ordered(&models)?;
        Ok(Library {
            models,
            order,
            checks,
        })
    }

    /// The model of a name.
    pub fn get(&self, name: &str) -> Option<&Arc<Model>> {
        self.models.get(name)
    }

    /// All models, inputs before what is made of them.
    pub fn in_order(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.order.iter().filter_map(|name| self.models.get(name))
    }

    /// Queries that must return no rows after every recompute.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The checks to make when a table model was computed: those that read it, directly or not, and
    /// nothing that is computed after it.
    pub fn checks_of<'a>(&'a self, model: &'a str) -> impl Iterator<Item = &'a Check> {
        self.checks.iter().filter(move |check| {
            let reads: BTreeSet<String> = check
                .inputs
                .iter()
                .flat_map(|input| self.closure(input))
                .collect();
            let last = self
                .in_order()
                .filter(|other| other.kind == Kind::Table && reads.contains(&other.name))
                .last();
            last.is_some_and(|last| last.name == model)
        })
    }

    /// Everything a model is made of, directly or not, itself included.
    pub fn closure(&self, name: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![name.to_owned()];
        while let Some(name) = open.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            if let Some(model) = self.models.get(&name) {
                open.extend(model.inputs.iter().cloned());
            }
        }
        seen
    }
}

fn built_in_files(dir: &Dir<'static>, files: &mut BTreeMap<String, String>) -> Result<(), Error> {
    for file in dir.files() {
        let path = file.path().to_string_lossy().replace('\\', "/");
        let text = file.contents_utf8().ok_or_else(|| Error::File {
            file: path.clone(),
            cause: "not UTF-8".into(),
        })?;
        files.insert(path, text.to_owned());
    }
    for inner in dir.dirs() {
        built_in_files(inner, files)?;
    }
    Ok(())
}

fn folder_files(
    root: &Path,
    folder: &Path,
    files: &mut BTreeMap<String, String>,
) -> Result<(), Error> {
    let failed = |path: &Path, cause: std::io::Error| Error::File {
        file: path.display().to_string(),
        cause: cause.to_string(),
    };
    for entry in std::fs::read_dir(folder).map_err(|cause| failed(folder, cause))? {
        let path = entry.map_err(|cause| failed(folder, cause))?.path();
        if path.is_dir() {
            folder_files(root, &path, files)?;
            continue;
        }
        let is_ours = path
            .extension()
            .is_some_and(|extension| extension == "sql" || extension == "toml");
        if is_ours {
            let text = std::fs::read_to_string(&path).map_err(|cause| failed(&path, cause))?;
            let relative = path.strip_prefix(root).unwrap_or(&path);
            files.insert(relative.to_string_lossy().replace('\\', "/"), text);
        }
    }
    Ok(())
}

fn model(folder: &str, name: &str, sql: &str, written: &str, beside: &str) -> Result<Model, Error> {
    let written: Written = toml::from_str(written).map_err(|cause| Error::File {
        file: beside.to_owned(),
        cause: cause.to_string().trim().to_owned(),
    })?;
    let columns = written
        .columns
        .into_iter()
        .map(|column| {
            let data_type = types::parse(&column.data_type).ok_or_else(|| Error::File {
                file: beside.to_owned(),
                cause: format!(
                    "column {}: unknown type '{}'",
                    column.name, column.data_type
                ),
            })?;
            Ok(Column {
                name: column.name,
                data_type,
                plan: column.plan,
                description: column.description,
                extension: column.extension,
                nullable: column.nullable,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let wrong = |cause: String| Error::Model {
        model: name.to_owned(),
        cause,
    };
    let known: BTreeSet<&str> = columns
        .iter()
        .map(|c| c.name.split('.').next().unwrap_or(&c.name))
        .collect();
    for named in written
        .key
        .iter()
        .chain(&written.order)
        .chain(&written.pending)
        .chain(&written.time_column)
    {
        if !known.contains(named.as_str()) {
            return Err(wrong(format!(
                "its description names a column '{named}' that it has not"
            )));
        }
    }
    if written.kind == Kind::Table && (written.time_column.is_none() || written.key.is_empty()) {
        return Err(wrong("a table needs a time_column and a key".into()));
    }
    let inputs = inputs_of(name, sql)?;
    for (input, spans) in &written.reads_days {
        if !inputs.contains(input) {
            return Err(wrong(format!(
                "its description reads days of '{input}', which its SQL does not name"
            )));
        }
        for span in spans {
            if let Days::WindowOf(setting) = span
                && !settings_named(sql).contains(setting)
            {
                return Err(wrong(format!(
                    "its description reads days by '{setting}', which its SQL does not name"
                )));
            }
        }
    }
    Ok(Model {
        name: name.to_owned(),
        folder: folder.to_owned(),
        settings: settings_named(sql),
        sql: sql.to_owned(),
        description: written.description,
        kind: written.kind,
        audience: written.audience,
        time_column: written.time_column,
        key: written.key,
        order: written.order,
        streams: written.streams,
        lookup: written.lookup,
        live: written.live,
        pending: written.pending,
        reads_days: written.reads_days,
        day_sources: written.day_sources,
        columns,
        inputs,
    })
}

/// The tables and models that a file's one statement names.
fn inputs_of(name: &str, sql: &str) -> Result<BTreeSet<String>, Error> {
    let wrong = |cause: String| Error::Model {
        model: name.to_owned(),
        cause,
    };
    let statements = DFParser::parse_sql(sql).map_err(|cause| wrong(cause.to_string()))?;
    let [statement] = Vec::from(statements)
        .try_into()
        .map_err(|_| wrong("its file must hold one statement".into()))?;
    let (tables, _) =
        resolve_table_references(&statement, true).map_err(|cause| wrong(cause.to_string()))?;
    Ok(tables
        .into_iter()
        .map(|table: TableReference| table.table().to_owned())
        .collect())
}

/// Names inside `setting('…')`.
fn settings_named(sql: &str) -> BTreeSet<String> {
    sql.split("setting('")
        .skip(1)
        .filter_map(|rest| rest.split('\'').next())
        .map(str::to_owned)
        .collect()
}

/// Depth first; what a model names is there before it.
fn ordered(models: &BTreeMap<String, Arc<Model>>) -> Result<Vec<String>, Error> {
    fn visit(
        name: &str,
        models: &BTreeMap<String, Arc<Model>>,
        path: &mut Vec<String>,
        order: &mut Vec<String>,
    ) -> Result<(), Error> {
        let Some(model) = models.get(name) else {
            return Ok(());
        };
        if order.iter().any(|done| done == name) {
            return Ok(());
        }
        if path.iter().any(|open| open == name) {
            return Err(Error::Cycle {
                model: name.to_owned(),
                other: path.last().cloned().unwrap_or_default(),
            });
        }
        path.push(name.to_owned());
        for input in &model.inputs {
            visit(input, models, path, order)?;
        }
        path.pop();
        order.push(name.to_owned());
        Ok(())
    }
    let mut order = Vec::new();
    for name in models.keys() {
        visit(name, models, &mut Vec::new(), &mut order)?;
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_models_load_in_order() {
        let library = Library::load(None).unwrap();
        let order: Vec<_> = library.in_order().map(|model| model.name.clone()).collect();
        let place = |name: &str| order.iter().position(|model| model == name).unwrap();
        assert!(place("stg_events") < place("int_events_by_day"));
        assert!(place("int_activities") < place("daily_user_summary"));
        let closure = library.closure("daily_user_summary");
        assert!(closure.contains("raw_events_once") && closure.contains("org_users"));
    }

    #[test]
    fn dotted_names_nest() {
        let library = Library::load(None).unwrap();
        let users = library.get("users").unwrap().schema();
        let agents = users.field_with_name("agents").unwrap();
        assert_eq!(
            types::name(agents.data_type()),
            "List<Struct<agent_id Int64, logon_name Utf8, user_name Utf8>>"
        );
    }

    #[test]
    fn names_settings() {
        assert_eq!(
            settings_named("select setting('a.b') + setting('c')"),
            BTreeSet::from(["a.b".to_owned(), "c".to_owned()])
        );
    }
}
