//! Making a change visible: one log entry, all or nothing.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TableReference};
use deltalake_core::kernel::{Action, StructType, Transaction};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::{DeltaTable, DeltaTableError, TableProperty};

use super::snapshot::snapshot_of;
use super::write::TAG_FINGERPRINT;
use super::{DataFile, Error, FileWriter, Lake, NewFile, Snapshot, TableSpec, WriteOptions};
use crate::clock;

/// What one commit does to a table.
#[derive(Debug, Default)]
pub struct Change {
    pub adds: Vec<NewFile>,
    pub removes: Vec<DataFile>,
    /// Files that stay, under a new fingerprint.
    pub retags: Vec<(DataFile, String)>,
    /// A transaction id (application, number): a change whose number the table has already seen
    /// for this application is recognised and not written again.
    pub transaction: Option<(String, i64)>,
    /// False when the rows stay the same (compaction).
    pub rows_change: bool,
}

/// How a commit ended.
#[derive(Debug)]
pub enum Committed {
    /// The change is durable and visible at this snapshot.
    Done(Snapshot),
    /// The transaction id was already there: an earlier try had gone through.
    AlreadyThere(Snapshot),
    /// Somebody committed in between; nothing was changed. Look again and retry.
    Raced(Change, Snapshot),
}

/// Commits after which the log is summed up, so that opening a table stays quick.
const CHECKPOINT_INTERVAL: &str = "20";

/// Tries against a store that does not answer, with the pause doubling from 100 ms.
const STORE_TRIES: u32 = 5;

impl Lake {
    /// Commits `change` on top of `base`, creating the table when it is not there. When this
    /// returns [`Committed::Done`] the change survives a crash of this machine's process, and every
    /// later snapshot shows all of it.
    ///
    /// # Errors
    /// [`Error::Store`] when the store stays out of reach; the change then is either wholly there
    /// or not at all, and its transaction id tells on the next try.
    pub async fn commit(&self, base: &Snapshot, change: Change) -> Result<Committed, Error> {
        let spec = &base.spec;
        let created;
        let delta: &DeltaTable = match &base.delta {
            Some(delta) => delta,
            None => {
                let fresh = self.create(spec).await?;
                if !fresh.files.is_empty() || fresh.version > 0 {
                    return self.recognised(change, fresh).await;
                }
                created = fresh;
                match &created.delta {
                    Some(delta) => delta,
                    None => return Err(failed(spec, "create it", "it did not appear")),
                }
            }
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.try_commit(spec, delta, &change).await {
                Ok(()) => return Ok(Committed::Done(self.snapshot(spec).await?)),
                Err(error) => error,
            };
            // Whatever the error said, the log knows: was it written, did somebody else write?
            let now = self.snapshot(spec).await?;
            let base_version = delta
                .version()
                .map_or(-1, |v| i64::try_from(v).unwrap_or(-1));
            if now.version != base_version {
                return self.recognised(change, now).await;
            }
            if tries >= STORE_TRIES {
                return Err(failed(spec, "commit to it", error));
            }
            tracing::warn!(table = %spec.name, tries, "commit failed, trying again: {error}");
            tokio::time::sleep(std::time::Duration::from_millis(100 << tries)).await;
        }
    }

    /// What a table that moved on means for a change: it may itself be what moved it.
    async fn recognised(&self, change: Change, now: Snapshot) -> Result<Committed, Error> {
        if let Some((application, number)) = &change.transaction
            && self.seen_transaction(&now, application).await? >= Some(*number)
        {
            return Ok(Committed::AlreadyThere(now));
        }
        Ok(Committed::Raced(change, now))
    }

    /// Commits a change that does not depend on what the table holds (an append), whoever else
    /// commits meanwhile.
    pub async fn append(&self, spec: &Arc<TableSpec>, change: Change) -> Result<Snapshot, Error> {
        let mut base = self.snapshot(spec).await?;
        let mut change = change;
        loop {
            match self.commit(&base, change).await? {
                Committed::Done(snapshot) | Committed::AlreadyThere(snapshot) => {
                    return Ok(snapshot);
                }
                Committed::Raced(back, now) => {
                    change = back;
                    base = now;
                }
            }
        }
    }

    /// Puts rows in the place of all that a small table without partitions holds, or nothing. Gives
    /// whether that was still `base`: else somebody else has written and nothing was changed. When
    /// it is true, the rows are durable.
    pub async fn replace(
        &self,
        base: &Snapshot,
        rows: Option<&RecordBatch>,
    ) -> Result<bool, Error> {
        let mut adds = Vec::new();
        if let Some(rows) = rows {
            let options = WriteOptions {
                row_group_rows: rows.num_rows(),
                zstd_level: 3,
            };
            let mut file = FileWriter::create(self, &base.spec, None, options)?;
            file.write(rows).await?;
            adds.push(file.finish(None).await?);
        }
        let change = Change {
            adds,
            removes: base.files.to_vec(),
            rows_change: true,
            ..Change::default()
        };
        match self.commit(base, change).await? {
            Committed::Done(_) | Committed::AlreadyThere(_) => Ok(true),
            Committed::Raced(change, _) => {
                for file in change.adds {
                    file.abandon(self).await?;
                }
                Ok(false)
            }
        }
    }

    /// The highest transaction number the table has seen for `application`.
    pub async fn seen_transaction(
        &self,
        snapshot: &Snapshot,
        application: &str,
    ) -> Result<Option<i64>, Error> {
        let Some(delta) = &snapshot.delta else {
            return Ok(None);
        };
        let log_store = delta.log_store();
        delta
            .snapshot()
            .map_err(|cause| failed(&snapshot.spec, "read its transactions", cause))?
            .snapshot()
            .transaction_version(log_store.as_ref(), application)
            .await
            .map_err(|cause| failed(&snapshot.spec, "read its transactions", cause))
    }

    async fn create(&self, spec: &Arc<TableSpec>) -> Result<Snapshot, Error> {
        use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
        let columns: StructType = spec
            .schema
            .as_ref()
            .try_into_kernel()
            .map_err(|cause| failed(spec, "describe its columns", cause))?;
        let result = CreateBuilder::new()
            .with_log_store(self.log_store(spec)?)
            .with_table_name(spec.name.clone())
            .with_columns(columns.fields().cloned())
            .with_partition_columns(spec.partition.iter().cloned())
            .with_configuration_property(
                TableProperty::CheckpointInterval,
                Some(CHECKPOINT_INTERVAL),
            )
            .with_save_mode(SaveMode::Ignore)
            .await;
        match result {
            Ok(delta) => snapshot_of(spec, delta),
            Err(cause) => {
                // Somebody else may have created it in the same moment.
                let now = self.snapshot(spec).await?;
                if now.delta.is_some() {
                    return Ok(now);
                }
                Err(failed(spec, "create it", cause))
            }
        }
    }

    async fn try_commit(
        &self,
        spec: &TableSpec,
        delta: &DeltaTable,
        change: &Change,
    ) -> Result<(), DeltaTableError> {
        let mut actions = Vec::with_capacity(change.adds.len() + change.removes.len());
        for file in &change.removes {
            actions.push(Action::Remove(deltalake_core::kernel::Remove {
                path: file.add.path.clone(),
                data_change: change.rows_change,
                deletion_timestamp: Some(clock::log_time_ms()),
                extended_file_metadata: Some(true),
                partition_values: Some(file.add.partition_values.clone()),
                size: Some(file.add.size),
                tags: None,
                deletion_vector: None,
                base_row_id: None,
                default_row_commit_version: None,
            }));
        }
        for (file, fingerprint) in &change.retags {
            let mut add = file.add.clone();
            add.data_change = false;
            add.modification_time = clock::log_time_ms();
            add.tags
                .get_or_insert_default()
                .insert(TAG_FINGERPRINT.to_owned(), Some(fingerprint.clone()));
            actions.push(Action::Add(add));
        }
        for file in &change.adds {
            let mut add = file.add.clone();
            add.data_change = change.rows_change;
            actions.push(Action::Add(add));
        }
        let mut properties = CommitProperties::default().with_max_retries(0);
        if let Some((application, number)) = &change.transaction {
            properties = properties
                .with_application_transaction(Transaction::new(application.clone(), *number));
        }
        let state = delta.snapshot()?;
        CommitBuilder::from(properties)
            .with_actions(actions)
            .build(
                Some(state as &dyn TableReference),
                delta.log_store(),
                DeltaOperation::Write {
                    mode: if change.removes.is_empty() {
                        SaveMode::Append
                    } else {
                        SaveMode::Overwrite
                    },
                    partition_by: spec.partition.clone().map(|column| vec![column]),
                    predicate: None,
                },
            )
            .await?;
        Ok(())
    }
}

fn failed(spec: &TableSpec, action: &'static str, cause: impl std::fmt::Display) -> Error {
    Error::Store {
        table: spec.name.clone(),
        action,
        cause: cause.to_string(),
    }
}
