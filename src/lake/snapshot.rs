//! A table at one version: its files with their statistics, and which transactions it has seen.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use deltalake_core::DeltaTable;
use deltalake_core::kernel::Add;

use super::{Error, Lake, TableSpec};

/// One Parquet file of a table.
#[derive(Clone, Debug)]
pub struct DataFile {
    /// Relative to the table's folder.
    pub path: String,
    pub bytes: u64,
    pub rows: u64,
    /// The partition day (days since 1970-01-01), for partitioned tables.
    pub day: Option<i32>,
    /// Least and greatest value by column, where the writer recorded them.
    pub ranges: HashMap<String, (ScalarValue, ScalarValue)>,
    /// What the slice was made from; see `jobs`.
    pub fingerprint: Option<String>,
    /// Hash of the slice's rows.
    pub content: Option<String>,
    pub(super) add: Add,
}

/// A table at one version. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub spec: Arc<TableSpec>,
    /// −1 while the table does not exist.
    pub version: i64,
    pub files: Arc<Vec<DataFile>>,
    pub(super) delta: Option<Arc<DeltaTable>>,
}

impl Snapshot {
    /// Rows in all files.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Bytes in all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Files of one partition day.
    pub fn day(&self, day: i32) -> impl Iterator<Item = &DataFile> {
        self.files.iter().filter(move |file| file.day == Some(day))
    }

    /// The same version, with only the files that `keep` says.
    pub fn only(&self, keep: impl Fn(&DataFile) -> bool) -> Snapshot {
        Snapshot {
            files: Arc::new(
                self.files
                    .iter()
                    .filter(|file| keep(file))
                    .cloned()
                    .collect(),
            ),
            ..self.clone()
        }
    }

    /// What the table would show after a change; nothing is committed.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a new file's description is wrong, which is a bug.
    pub fn preview(&self, change: &super::Change) -> Result<Snapshot, Error> {
        let mut files: Vec<DataFile> = self
            .files
            .iter()
            .filter(|file| change.removes.iter().all(|gone| gone.path != file.path))
            .cloned()
            .collect();
        for new in &change.adds {
            files.push(data_file(&self.spec, new.add.clone())?);
        }
        files.sort_by(|a, b| a.day.cmp(&b.day).then_with(|| a.path.cmp(&b.path)));
        Ok(Snapshot {
            files: Arc::new(files),
            ..self.clone()
        })
    }

    /// First and last partition day with a file.
    pub fn days(&self) -> Option<(i32, i32)> {
        let days = || self.files.iter().filter_map(|file| file.day);
        Some((days().min()?, days().max()?))
    }
}

impl Lake {
    /// The table as it is now; an absent table is an empty snapshot of version −1.
    ///
    /// # Errors
    /// [`Error::Store`] when the log cannot be read; [`Error::Schema`] when the stored columns are
    /// not those of `spec`.
    pub async fn snapshot(&self, spec: &Arc<TableSpec>) -> Result<Snapshot, Error> {
        let failed = |cause: String| Error::Store {
            table: spec.name.clone(),
            action: "read its log",
            cause,
        };
        let log_store = self.log_store(spec)?;
        let exists = log_store
            .is_delta_table_location()
            .await
            .map_err(|cause| failed(cause.to_string()))?;
        if !exists {
            return Ok(Snapshot {
                spec: Arc::clone(spec),
                version: -1,
                files: Arc::default(),
                delta: None,
            });
        }
        let mut delta = DeltaTable::new(log_store);
        {
            let turn = self.turns.acquire().await;
            let _turn = turn.map_err(|cause| failed(cause.to_string()))?;
            delta
                .load()
                .await
                .map_err(|cause| failed(cause.to_string()))?;
        }
        snapshot_of(spec, delta)
    }

    /// Whether something was committed after `snapshot`; cheap.
    pub async fn is_stale(&self, snapshot: &Snapshot) -> Result<bool, Error> {
        match &snapshot.delta {
            None => {
                let log_store = self.log_store(&snapshot.spec)?;
                log_store
                    .is_delta_table_location()
                    .await
                    .map_err(|cause| Error::Store {
                        table: snapshot.spec.name.clone(),
                        action: "look for it",
                        cause: cause.to_string(),
                    })
            }
            Some(_) => {
                // A probe for the next commit file is one small request; listing the log is not.
                let next = format!("_delta_log/{:020}.json", snapshot.version + 1);
                let path = self.path(&snapshot.spec, &next);
                match object_store::ObjectStoreExt::head(self.store(), &path).await {
                    Ok(_) => Ok(true),
                    Err(object_store::Error::NotFound { .. }) => Ok(false),
                    Err(cause) => Err(Error::Store {
                        table: snapshot.spec.name.clone(),
                        action: "look for new versions",
                        cause: cause.to_string(),
                    }),
                }
            }
        }
    }
}

pub(super) fn snapshot_of(spec: &Arc<TableSpec>, delta: DeltaTable) -> Result<Snapshot, Error> {
    let failed = |cause: String| Error::Store {
        table: spec.name.clone(),
        action: "read its files",
        cause,
    };
    let state = delta
        .snapshot()
        .map_err(|cause| failed(cause.to_string()))?
        .snapshot();
    check_columns(spec, &state.arrow_schema())?;
    let mut files = Vec::new();
    for view in state
        .try_log_data()
        .map_err(|cause| failed(cause.to_string()))?
        .iter()
    {
        if view.deletion_vector_descriptor().is_some() {
            return Err(Error::Damaged {
                table: spec.name.clone(),
                file: view.path().into_owned(),
                cause: "it carries a deletion vector, which this reader would ignore".into(),
            });
        }
        // The arrays behind a view are not public, and tags are only in the action.
        #[expect(deprecated)]
        let add = view.add_action();
        files.push(data_file(spec, add)?);
    }
    files.sort_by(|a, b| a.day.cmp(&b.day).then_with(|| a.path.cmp(&b.path)));
    let version = i64::try_from(state.version()).unwrap_or(i64::MAX);
    Ok(Snapshot {
        spec: Arc::clone(spec),
        version,
        files: Arc::new(files),
        delta: Some(Arc::new(delta)),
    })
}

fn check_columns(
    spec: &TableSpec,
    stored: &datafusion::arrow::datatypes::Schema,
) -> Result<(), Error> {
    let lines = |schema: &datafusion::arrow::datatypes::Schema| {
        schema
            .fields()
            .iter()
            .map(|field| format!("{} {}", field.name(), plain(field.data_type())))
            .collect::<std::collections::BTreeSet<_>>()
    };
    let (ours, theirs) = (lines(&spec.schema), lines(stored));
    if ours == theirs {
        return Ok(());
    }
    let missing: Vec<_> = ours.difference(&theirs).cloned().collect();
    let extra: Vec<_> = theirs.difference(&ours).cloned().collect();
    let remedy = match spec.name.starts_with("models/") {
        true => {
            "; it is made of other tables: remove its folder from the lake, and `run` makes it anew"
        }
        false => "",
    };
    Err(Error::Schema {
        table: spec.name.clone(),
        difference: format!(
            "expected [{}], found [{}]{remedy}",
            missing.join(", "),
            extra.join(", ")
        ),
    })
}

/// A type's name without the differences that Delta does not keep (view types, nullability of
/// list items).
fn plain(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => "Utf8".into(),
        DataType::List(item) | DataType::LargeList(item) => {
            format!("List({})", plain(item.data_type()))
        }
        DataType::Struct(fields) => fields
            .iter()
            .map(|field| format!("{}:{}", field.name(), plain(field.data_type())))
            .collect::<Vec<_>>()
            .join(","),
        other => other.to_string(),
    }
}

fn data_file(spec: &TableSpec, add: Add) -> Result<DataFile, Error> {
    let damaged = |cause: &str| Error::Damaged {
        table: spec.name.clone(),
        file: add.path.clone(),
        cause: cause.to_owned(),
    };
    let day = match &spec.partition {
        None => None,
        Some(column) => {
            let text = add
                .partition_values
                .get(column)
                .and_then(|value| value.as_deref())
                .ok_or_else(|| damaged("no partition value"))?;
            let date: NaiveDate = text
                .parse()
                .map_err(|_| damaged("a partition value that is no date"))?;
            Some(datafusion::arrow::datatypes::Date32Type::from_naive_date(
                date,
            ))
        }
    };
    let stats: serde_json::Value = match &add.stats {
        Some(text) => serde_json::from_str(text).map_err(|_| damaged("unreadable statistics"))?,
        None => serde_json::Value::Null,
    };
    let rows = stats["numRecords"]
        .as_u64()
        .ok_or_else(|| damaged("no row count in its statistics"))?;
    let mut ranges = HashMap::new();
    for field in spec.schema.fields() {
        let bound = |side: &str| scalar(field.data_type(), &stats[side][field.name().as_str()]);
        if let (Some(low), Some(high)) = (bound("minValues"), bound("maxValues")) {
            ranges.insert(field.name().clone(), (low, high));
        }
    }
    let tag = |name: &str| {
        add.tags
            .as_ref()
            .and_then(|tags| tags.get(name).cloned())
            .flatten()
    };
    Ok(DataFile {
        path: add.path.clone(),
        bytes: u64::try_from(add.size).unwrap_or(0),
        rows,
        day,
        ranges,
        fingerprint: tag(super::write::TAG_FINGERPRINT),
        content: tag(super::write::TAG_CONTENT),
        add,
    })
}

/// A bound from the log's JSON; only the types that [`super::write`] records.
fn scalar(data_type: &DataType, value: &serde_json::Value) -> Option<ScalarValue> {
    use datafusion::arrow::datatypes::TimeUnit;
    match data_type {
        DataType::Int64 => Some(ScalarValue::Int64(Some(value.as_i64()?))),
        DataType::Int32 => Some(ScalarValue::Int32(Some(
            i32::try_from(value.as_i64()?).ok()?,
        ))),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let text = value.as_str()?;
            let micros = chrono::DateTime::parse_from_rfc3339(text)
                .ok()?
                .timestamp_micros();
            Some(ScalarValue::TimestampMicrosecond(
                Some(micros),
                zone.clone(),
            ))
        }
        _ => None,
    }
}
