//! A snapshot as a DataFusion table: a plain scan of its files that knows their order.
//!
//! The plan is an ordinary `DataSourceExec`, so it can be printed, tested and shipped to another
//! process. Filters on the partition column choose files and are exact; others prune row groups.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Date32Array, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{SortOptions, concat_batches};
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ColumnStatistics, DFSchema, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr, expressions};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use datafusion::prelude::{SessionConfig, SessionContext, ident};
use futures::{StreamExt, TryStreamExt};

use super::{ColumnCache, DataFile, Error, Lake, Snapshot, TableSpec};

type Result<T, E = DataFusionError> = std::result::Result<T, E>;

/// Which days of a snapshot a scan may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// First day, inclusive.
    pub from: Option<i32>,
    /// Last day, inclusive.
    pub to: Option<i32>,
}

impl Scope {
    /// Days `from..=to`.
    pub fn days(from: i32, to: i32) -> Self {
        Scope {
            from: Some(from),
            to: Some(to),
        }
    }

    /// Whether a day is seen; what has no day always is.
    pub fn holds(&self, day: Option<i32>) -> bool {
        let Some(day) = day else { return true };
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// The snapshot's rows of the scope's days, as a table.
pub fn scan(lake: &Lake, snapshot: &Snapshot, scope: Scope) -> Arc<dyn TableProvider> {
    Arc::new(table(lake, snapshot, scope))
}

/// The same for a process that is asked again and again: columns of small files are kept in `cache`.
pub fn scan_kept(
    lake: &Lake,
    snapshot: &Snapshot,
    scope: Scope,
    cache: &Arc<ColumnCache>,
) -> Arc<dyn TableProvider> {
    Arc::new(SnapshotTable {
        cache: Some(Arc::clone(cache)),
        ..table(lake, snapshot, scope)
    })
}

fn table(lake: &Lake, snapshot: &Snapshot, scope: Scope) -> SnapshotTable {
    let files: Vec<DataFile> = snapshot
        .files
        .iter()
        .filter(|file| scope.holds(file.day) && file.rows > 0)
        .cloned()
        .collect();
    SnapshotTable {
        schema: snapshot.spec.scan_schema(),
        spec: Arc::clone(&snapshot.spec),
        lake: lake.clone(),
        files: Arc::new(files),
        one_by_one: false,
        cache: None,
    }
}

/// Reads columns of a snapshot in file order, one partition, outside of any session.
///
/// # Errors
/// [`Error::Store`] when the scan cannot be planned; the stream fails where a file does.
pub async fn read(
    lake: &Lake,
    snapshot: &Snapshot,
    scope: Scope,
    columns: &[&str],
) -> Result<SendableRecordBatchStream, Error> {
    let failed = |cause: DataFusionError| Error::Store {
        table: snapshot.spec.name.clone(),
        action: "read it",
        cause: cause.to_string(),
    };
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    lake.register(&context.runtime_env());
    let columns: Vec<Expr> = columns.iter().map(|name| ident(*name)).collect();
    let table = SnapshotTable {
        one_by_one: true,
        ..table(lake, snapshot, scope)
    };
    let frame = context
        .read_table(Arc::new(table))
        .and_then(|frame| frame.select(columns))
        .map_err(failed)?;
    frame.execute_stream().await.map_err(failed)
}

#[derive(Debug)]
struct SnapshotTable {
    lake: Lake,
    spec: Arc<TableSpec>,
    schema: SchemaRef,
    files: Arc<Vec<DataFile>>,
    /// Read one file after the other, so that only one is open at a time.
    one_by_one: bool,
    cache: Option<Arc<ColumnCache>>,
}

impl SnapshotTable {
    fn only_partition(&self, filter: &Expr) -> bool {
        let Some(partition) = &self.spec.partition else {
            return false;
        };
        let mut only = !filter.is_volatile();
        let mut seen = false;
        let walked = filter.apply(|expr| {
            match expr {
                Expr::Column(column) => {
                    seen = true;
                    only &= column.name == *partition;
                }
                Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) => only = false,
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        });
        walked.is_ok() && seen && only
    }

    /// Files whose day passes the partition filters; the filters decide alone, so they are exact.
    fn chosen(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<DataFile>> {
        let partition_filters: Vec<Expr> = filters
            .iter()
            .filter(|filter| self.only_partition(filter))
            .cloned()
            .collect();
        let (Some(filter), Some(field)) =
            (conjunction(partition_filters), self.spec.partition_field())
        else {
            return Ok(self.files.to_vec());
        };
        let schema = Arc::new(Schema::new(vec![field]));
        let days: ArrayRef = Arc::new(Date32Array::from_iter(self.files.iter().map(|f| f.day)));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![days])?;
        let df_schema = DFSchema::try_from(schema)?;
        let expr = state.create_physical_expr(filter, &df_schema)?;
        let mask = expr.evaluate(&batch)?.into_array(batch.num_rows())?;
        let mask = mask.as_boolean();
        Ok(self
            .files
            .iter()
            .zip(mask.iter())
            .filter(|(_, keep)| *keep == Some(true))
            .map(|(file, _)| file.clone())
            .collect())
    }

    fn partitioned_file(&self, file: &DataFile) -> PartitionedFile {
        let path = self.lake.path(&self.spec, &file.path);
        let mut out = PartitionedFile::new(path.to_string(), file.bytes);
        out.object_meta.location = path;
        if let Some(day) = file.day {
            out = out.with_partition_values(vec![ScalarValue::Date32(Some(day))]);
        }
        // A plain pass over thousands of files needs no statistics of them, and they are not small.
        if self.one_by_one {
            return out;
        }
        let columns = self
            .spec
            .file_schema()
            .fields()
            .iter()
            .map(|field| match file.ranges.get(field.name()) {
                Some((low, high)) => ColumnStatistics {
                    min_value: Precision::Exact(low.clone()),
                    max_value: Precision::Exact(high.clone()),
                    ..ColumnStatistics::new_unknown()
                },
                // The engine wants some bounds of every column of an order. Where a day has one file
                // the day decides, and the log keeps no bounds of text.
                None if *field.data_type() == DataType::Utf8
                    && self.spec.order.contains(field.name()) =>
                {
                    ColumnStatistics {
                        min_value: Precision::Inexact(ScalarValue::from("")),
                        max_value: Precision::Inexact(ScalarValue::from("\u{10ffff}")),
                        ..ColumnStatistics::new_unknown()
                    }
                }
                None => ColumnStatistics::new_unknown(),
            })
            .collect();
        out.with_statistics(Arc::new(Statistics {
            num_rows: Precision::Exact(usize::try_from(file.rows).unwrap_or(usize::MAX)),
            total_byte_size: Precision::Absent,
            column_statistics: columns,
        }))
    }

    /// Columns in their order, as far as `schema` has them.
    fn ordering(columns: &[&str], schema: &Schema) -> Option<LexOrdering> {
        let exprs = columns.iter().map_while(|name| {
            Some(PhysicalSortExpr {
                expr: expressions::col(name, schema).ok()?,
                options: SortOptions {
                    descending: false,
                    nulls_first: false,
                },
            })
        });
        LexOrdering::new(exprs)
    }

    /// How files are shared out among the partitions of a plan, and the order in which each partition's
    /// rows come, of the columns of `schema`.
    fn layout(
        &self,
        files: &[DataFile],
        targets: usize,
        schema: &Schema,
    ) -> (usize, Option<LexOrdering>) {
        // A day has one file once it is derived; with few of them, each is its own partition and
        // the order inside holds for the partition. Otherwise neighbouring days share one, and
        // the day comes first.
        let one_file_a_day = files.windows(2).all(|pair| pair[0].day != pair[1].day);
        // Of small files, neighbours share a partition: to open and merge many costs more than to read.
        let small = one_file_a_day && files.len() > targets && are_small(files);
        let in_order = targets == 1 && one_file_a_day;
        let shared = self.one_by_one || small || in_order;
        let one_each = files.len() <= ONE_FILE_PARTITIONS_MAX && !shared;
        let size = if one_each {
            1
        } else if self.one_by_one {
            files.len()
        } else {
            files.len().div_ceil(targets)
        };
        let order: Vec<&str> = self.spec.order.iter().map(String::as_str).collect();
        let ordering = match &self.spec.partition {
            _ if order.is_empty() => None,
            _ if one_each => Self::ordering(&order, schema),
            Some(partition) if one_file_a_day => {
                let mut columns = vec![partition.as_str()];
                columns.extend(&order);
                Self::ordering(&columns, schema)
            }
            _ => None,
        };
        (size, ordering)
    }

    fn source(&self, state: &dyn Session) -> Result<ParquetSource> {
        let table_schema = TableSchema::builder(self.spec.file_schema())
            .with_table_partition_cols(self.spec.partition_field().into_iter().collect::<Vec<_>>())
            .build();
        let source = ParquetSource::new(table_schema)
            .with_table_parquet_options(state.table_options().parquet.clone());
        // Files never change, so what stands at their ends is read once while there is room for it. A
        // pass over all files would only push out what queries need.
        if self.one_by_one {
            return Ok(source);
        }
        let runtime = state.runtime_env();
        let store = runtime.object_store(self.lake.store_url())?;
        let cache = runtime.cache_manager.get_file_metadata_cache();
        let factory = CachedParquetFileReaderFactory::new(store, cache);
        Ok(source.with_parquet_file_reader_factory(Arc::new(factory)))
    }

    /// A scan of files' rows out of the cache, with what is not there yet read into it; nothing where
    /// they are not small.
    async fn kept(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        files: &[DataFile],
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(cache) = self.cache.as_ref().filter(|_| are_small(files)) else {
            return Ok(None);
        };
        let chosen: Vec<usize> = match projection {
            Some(indices) => indices.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let schema = Arc::new(self.schema.project(&chosen)?);
        // The partition column stands after the file's own.
        let own = self.spec.file_schema().fields().len();
        let columns: Vec<usize> = chosen
            .iter()
            .copied()
            .filter(|index| *index < own)
            .collect();
        let width: usize = schema
            .fields()
            .iter()
            .map(|field| field.data_type().primitive_width().unwrap_or(WIDE_BYTES))
            .sum();
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        let bytes = usize::try_from(rows)
            .unwrap_or(usize::MAX)
            .saturating_mul(width);
        if !cache.admits(bytes) {
            return Ok(None);
        }
        // Without columns there is nothing to read: how many rows a file has, the log knows.
        let mut found = match columns.is_empty() {
            true => Some(vec![Vec::new(); files.len()]),
            false => self.found(cache, files, &columns),
        };
        if found.is_none() {
            let _turn = cache.reading.lock().await;
            self.read_missing(cache, state, files, &columns).await?;
            found = self.found(cache, files, &columns);
        }
        // There was no room for all: then none of it is held by this query, either.
        let Some(found) = found else {
            return Ok(None);
        };
        let mut batches = Vec::with_capacity(files.len());
        for (file, arrays) in files.iter().zip(found) {
            let rows = usize::try_from(file.rows).unwrap_or(usize::MAX);
            let mut arrays = arrays.into_iter();
            let row = chosen.iter().filter_map(|index| match *index < own {
                true => arrays.next().map(Ok),
                false => Some(ScalarValue::Date32(file.day).to_array_of_size(rows)),
            });
            batches.push(RecordBatch::try_new_with_options(
                Arc::clone(&schema),
                row.collect::<Result<_>>()?,
                &RecordBatchOptions::new().with_row_count(Some(rows)),
            )?);
        }
        let targets = state.config().target_partitions().max(1);
        let (size, ordering) = self.layout(files, targets, &schema);
        let partitions: Vec<_> = batches.chunks(size).map(<[_]>::to_vec).collect();
        let config = MemorySourceConfig::try_new(&partitions, schema, None)?
            .with_limit(limit)
            .try_with_sort_information(ordering.into_iter().collect())?;
        Ok(Some(DataSourceExec::from_data_source(config)))
    }

    /// Columns of each file, in order, if the cache has them all.
    fn found(
        &self,
        cache: &ColumnCache,
        files: &[DataFile],
        columns: &[usize],
    ) -> Option<Vec<Vec<ArrayRef>>> {
        let files = files.iter();
        files
            .map(|file| cache.get(&self.cached_as(file), columns))
            .collect()
    }

    /// Reads what the cache has not and puts it there, as far as there is room.
    async fn read_missing(
        &self,
        cache: &ColumnCache,
        state: &dyn Session,
        files: &[DataFile],
        columns: &[usize],
    ) -> Result<()> {
        let missing: Vec<&DataFile> = files
            .iter()
            .filter(|file| cache.get(&self.cached_as(file), columns).is_none())
            .collect();
        // A plan for each: partitions of one plan take files from one another.
        let read = |file: &DataFile| {
            let plan = self.scan_of(file, columns, state);
            let context = state.task_ctx();
            SpawnedTask::spawn(async move {
                let plan = plan?;
                let batches: Vec<RecordBatch> = plan.execute(0, context)?.try_collect().await?;
                Ok::<_, DataFusionError>(concat_batches(&plan.schema(), &batches)?)
            })
            .join()
        };
        let targets = state.config().target_partitions().max(1);
        let mut reading = futures::stream::iter(missing.clone())
            .map(read)
            .buffered(targets);
        for file in missing {
            let Some(batch) = reading.next().await else {
                break;
            };
            let batch = batch.map_err(|cause| DataFusionError::External(Box::new(cause)))??;
            if batch.num_rows() as u64 != file.rows {
                return Err(DataFusionError::Execution(format!(
                    "{}: the log says that it has {} rows, and it has {}",
                    self.cached_as(file),
                    file.rows,
                    batch.num_rows()
                )));
            }
            let named = columns.iter().copied().zip(batch.columns().iter().cloned());
            if !cache.put(&self.cached_as(file), named) {
                break;
            }
        }
        Ok(())
    }

    /// A plain scan of one file.
    fn scan_of(
        &self,
        file: &DataFile,
        columns: &[usize],
        state: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let source = Arc::new(self.source(state)?);
        let config = FileScanConfigBuilder::new(self.lake.store_url(), source)
            .with_file_group(FileGroup::new(vec![self.partitioned_file(file)]))
            .with_projection_indices(Some(columns.to_vec()))?
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    /// A file's name in the cache.
    fn cached_as(&self, file: &DataFile) -> String {
        format!("{}/{}", self.spec.name, file.path)
    }
}

/// Whether opening files costs more than their rows do.
fn are_small(files: &[DataFile]) -> bool {
    let rows: u64 = files.iter().map(|file| file.rows).sum();
    rows < (files.len() as u64).saturating_mul(OWN_PARTITION_ROWS_MIN)
}

/// Bytes that a text or a list is taken to need.
const WIDE_BYTES: usize = 32;

#[async_trait::async_trait]
impl TableProvider for SnapshotTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| {
                if self.only_partition(filter) {
                    TableProviderFilterPushDown::Exact
                } else {
                    TableProviderFilterPushDown::Inexact
                }
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.chosen(state, filters)?;
        if files.is_empty() {
            let schema = match projection {
                Some(indices) => Arc::new(self.schema.project(indices)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        if let Some(plan) = self.kept(state, projection, &files, limit).await? {
            return Ok(plan);
        }
        let mut source = self.source(state)?;
        let row_filters: Vec<Expr> = filters
            .iter()
            .filter(|filter| !self.only_partition(filter))
            .cloned()
            .collect();
        if let Some(filter) = conjunction(row_filters) {
            let df_schema = DFSchema::try_from(Arc::clone(&self.schema))?;
            let predicate = state.create_physical_expr(filter, &df_schema)?;
            source = source.with_predicate(predicate);
        }

        let targets = state.config().target_partitions().max(1);
        let (size, ordering) = self.layout(&files, targets, &self.schema);
        let groups: Vec<FileGroup> = files
            .chunks(size)
            .map(|chunk| FileGroup::new(chunk.iter().map(|f| self.partitioned_file(f)).collect()))
            .collect();
        let config = FileScanConfigBuilder::new(self.lake.store_url(), Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())
            .map_err(|error| DataFusionError::Context("scan".into(), Box::new(error)))?
            .with_limit(limit)
            .with_output_ordering(ordering.into_iter().collect())
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// So many rows a file has on average where each is a partition of its own.
const OWN_PARTITION_ROWS_MIN: u64 = 32_768;

/// Up to this many files, each is a partition of its own.
const ONE_FILE_PARTITIONS_MAX: usize = 48;
