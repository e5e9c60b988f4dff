//! Keeping the stored tables small and sound: compaction that keeps the order, vacuum, expiry of
//! history, verification.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext, ident};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt};

use super::{
    Change, Committed, DataFile, Error, FileWriter, Lake, Scope, Snapshot, TableSpec, WriteOptions,
    scan,
};

/// What maintenance of one table did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    pub compacted_days: u64,
    pub files_before: u64,
    pub files_after: u64,
    pub expired_days: u64,
    pub expired_rows: u64,
    pub deleted_files: u64,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableHealth {
    pub table: String,
    pub version: i64,
    pub files: u64,
    pub rows: u64,
    pub bytes: u64,
    /// One line a fault; empty when all is well.
    pub faults: Vec<String>,
}

impl Lake {
    /// Merges the files of every partition day that has several (of the whole table when it is not
    /// partitioned) into one, sorted by the table's order. Rows stay the same.
    pub async fn compact(
        &self,
        spec: &Arc<TableSpec>,
        runtime: &SessionContext,
        options: WriteOptions,
    ) -> Result<Maintained, Error> {
        let mut snapshot = self.snapshot(spec).await?;
        let mut done = Maintained {
            files_before: snapshot.files.len() as u64,
            ..Maintained::default()
        };
        let mut by_day: BTreeMap<Option<i32>, Vec<DataFile>> = BTreeMap::new();
        for file in snapshot.files.iter() {
            by_day.entry(file.day).or_default().push(file.clone());
        }
        for (day, files) in by_day.into_iter().filter(|(_, files)| files.len() > 1) {
            let one_day = Snapshot {
                files: Arc::new(files.clone()),
                ..snapshot.clone()
            };
            let merged = self.rewrite(&one_day, day, runtime, options).await?;
            let rows: u64 = files.iter().map(|file| file.rows).sum();
            if merged.rows != rows {
                return Err(Error::Damaged {
                    table: spec.name.clone(),
                    file: format!("{day:?}"),
                    cause: format!("{rows} rows in its files, {} when merged", merged.rows),
                });
            }
            let change = Change {
                adds: vec![merged],
                removes: files,
                ..Change::default()
            };
            snapshot = match self.commit(&snapshot, change).await? {
                Committed::Done(now) | Committed::AlreadyThere(now) => now,
                Committed::Raced(change, now) => {
                    // An ingest appended meanwhile; its files are not ours, so ours still hold.
                    let there: HashSet<_> = now.files.iter().map(|f| f.path.clone()).collect();
                    if !change.removes.iter().all(|f| there.contains(&f.path)) {
                        return Err(conflict(&now));
                    }
                    match self.commit(&now, change).await? {
                        Committed::Done(now) | Committed::AlreadyThere(now) => now,
                        Committed::Raced(_, now) => return Err(conflict(&now)),
                    }
                }
            };
            done.compacted_days += 1;
        }
        done.files_after = snapshot.files.len() as u64;
        Ok(done)
    }

    async fn rewrite(
        &self,
        part: &Snapshot,
        day: Option<i32>,
        runtime: &SessionContext,
        options: WriteOptions,
    ) -> Result<super::NewFile, Error> {
        let spec = &part.spec;
        let failed = |cause: datafusion::error::DataFusionError| Error::Store {
            table: spec.name.clone(),
            action: "merge files of it",
            cause: cause.to_string(),
        };
        let config = SessionConfig::new().with_target_partitions(1);
        let context = SessionContext::new_with_config_rt(config, runtime.runtime_env());
        let mut frame = context
            .read_table(scan(self, part, Scope::default()))
            .map_err(failed)?;
        // A table without an order keeps the rows as they come.
        if !spec.order.is_empty() {
            let order = spec
                .order
                .iter()
                .map(|name| ident(name.as_str()).sort(true, false))
                .collect();
            frame = frame.sort(order).map_err(failed)?;
        }
        let plan: Arc<dyn ExecutionPlan> = frame.create_physical_plan().await.map_err(failed)?;
        let task: Arc<TaskContext> = context.task_ctx();
        let mut stream = datafusion::physical_plan::execute_stream(plan, task).map_err(failed)?;
        let mut writer = FileWriter::create(self, spec, day, options)?;
        while let Some(batch) = stream.try_next().await.map_err(failed)? {
            writer.write(&batch).await?;
        }
        writer.finish(None).await
    }

    /// Takes whole partition days before `first_day` out of the table.
    pub async fn expire(&self, spec: &Arc<TableSpec>, first_day: i32) -> Result<Maintained, Error> {
        let mut snapshot = self.snapshot(spec).await?;
        loop {
            let old: Vec<DataFile> = snapshot
                .files
                .iter()
                .filter(|file| file.day.is_some_and(|day| day < first_day))
                .cloned()
                .collect();
            if old.is_empty() {
                return Ok(Maintained::default());
            }
            let done = Maintained {
                expired_days: old
                    .iter()
                    .filter_map(|f| f.day)
                    .collect::<HashSet<_>>()
                    .len() as u64,
                expired_rows: old.iter().map(|file| file.rows).sum(),
                ..Maintained::default()
            };
            let change = Change {
                removes: old,
                rows_change: true,
                ..Change::default()
            };
            match self.commit(&snapshot, change).await? {
                Committed::Done(_) | Committed::AlreadyThere(_) => return Ok(done),
                Committed::Raced(_, now) => snapshot = now,
            }
        }
    }

    /// Deletes files that no snapshot of the last `keep_hours` refers to.
    pub async fn vacuum(&self, spec: &Arc<TableSpec>, keep_hours: i64) -> Result<u64, Error> {
        let snapshot = self.snapshot(spec).await?;
        let Some(delta) = snapshot.delta else {
            return Ok(0);
        };
        let (_, metrics) = deltalake_core::DeltaTable::clone(&delta)
            .vacuum()
            .with_retention_period(TimeDelta::hours(keep_hours))
            .with_enforce_retention_duration(false)
            .with_mode(deltalake_core::operations::vacuum::VacuumMode::Full)
            .await
            .map_err(|cause| Error::Store {
                table: spec.name.clone(),
                action: "vacuum it",
                cause: cause.to_string(),
            })?;
        Ok(metrics.files_deleted.len() as u64)
    }

    /// Reads the log and every file's presence, size and row count.
    pub async fn verify(&self, spec: &Arc<TableSpec>) -> Result<TableHealth, Error> {
        let snapshot = self.snapshot(spec).await?;
        let mut health = TableHealth {
            table: spec.name.clone(),
            version: snapshot.version,
            files: snapshot.files.len() as u64,
            rows: snapshot.rows(),
            bytes: snapshot.bytes(),
            faults: Vec::new(),
        };
        let checks = futures::stream::iter(snapshot.files.iter().map(|file| async move {
            let path = self.path(spec, &file.path);
            match self.store().head(&path).await {
                Err(cause) => Some(format!("{}: {cause}", file.path)),
                Ok(meta) if meta.size != file.bytes => Some(format!(
                    "{}: {} bytes, the log says {}",
                    file.path, meta.size, file.bytes
                )),
                Ok(meta) => match footer_rows(self.store().as_ref(), &path, meta.size).await {
                    Ok(rows) if rows == file.rows => None,
                    Ok(rows) => Some(format!(
                        "{}: {rows} rows, the log says {}",
                        file.path, file.rows
                    )),
                    Err(cause) => Some(format!("{}: {cause}", file.path)),
                },
            }
        }))
        .buffered(8)
        .collect::<Vec<_>>()
        .await;
        health.faults = checks.into_iter().flatten().collect();
        Ok(health)
    }
}

/// Rows by the Parquet footer.
async fn footer_rows(
    store: &dyn ObjectStore,
    path: &object_store::path::Path,
    bytes: u64,
) -> Result<u64, String> {
    use datafusion::parquet::file::metadata::ParquetMetaDataReader;
    let tail = bytes.min(1 << 20);
    let data = store
        .get_range(path, bytes - tail..bytes)
        .await
        .map_err(|cause| cause.to_string())?;
    let mut reader = ParquetMetaDataReader::new();
    if let Err(cause) = reader.try_parse_sized(&data, bytes) {
        let whole = store
            .get_range(path, 0..bytes)
            .await
            .map_err(|e| e.to_string())?;
        reader
            .try_parse_sized(&whole, bytes)
            .map_err(|_| cause.to_string())?;
    }
    let metadata = reader.finish().map_err(|cause| cause.to_string())?;
    u64::try_from(metadata.file_metadata().num_rows()).map_err(|cause| cause.to_string())
}

fn conflict(snapshot: &Snapshot) -> Error {
    Error::Conflict {
        table: snapshot.spec.name.clone(),
        version: snapshot.version,
    }
}
