//! A run: every stale slice of the chosen models, computed and replaced.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Date32Type;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ExecutionPlan, SendableRecordBatchStream, execute_stream, execute_stream_partitioned,
};
use datafusion::prelude::{DataFrame, SessionContext, ident, lit};
use datafusion::scalar::ScalarValue;
use futures::stream::FuturesUnordered;
use futures::{StreamExt, TryStreamExt};

use super::Error;
use super::history::update_history;
use super::room::{Room, Share};
use super::sorted::Sorted;
use crate::lake::{
    Change, Committed, DataFile, FileWriter, NewFile, Scope, TableSpec, WriteOptions,
};
use crate::models::{self, Ingredients, Kind, Model, Setup, World};

/// What to run.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// First local day; all from the first event on without it.
    pub start: Option<i32>,
    /// Last local day, inclusive.
    pub end: Option<i32>,
    /// Models by name, with what they are made from; all without any.
    pub select: Vec<String>,
    /// Compute every slice, stale or not.
    pub full_refresh: bool,
}

/// What became of one model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelReport {
    pub model: String,
    /// Days with a slice or something to make one from.
    pub days: u64,
    /// Days whose slice was computed.
    pub computed: u64,
    /// Days whose slice was written, since it came out different.
    pub written: u64,
    /// Rows of the written slices.
    pub rows: u64,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunReport {
    pub models: Vec<ModelReport>,
    /// Rows of dimension views that appeared or changed.
    pub history_rows: u64,
}

impl RunReport {
    /// Whether nothing had to be written.
    pub fn wrote_nothing(&self) -> bool {
        self.history_rows == 0 && self.models.iter().all(|model| model.written == 0)
    }
}

/// Told how far a run is.
pub trait RunProgress: Send + Sync {
    /// Days of a model done, and to do.
    fn at(&self, model: &str, done: u64, of: u64);
}

/// Runs.
///
/// # Errors
/// [`Error::UnknownModel`]; [`Error::Days`] when a model fails; [`Error::Check`] when a check finds
/// a row in what came out: its days keep their old slices. Slices of earlier chunks stay replaced,
/// and the next run takes up the rest.
pub async fn run(
    setup: &Setup,
    request: &Request,
    progress: &dyn RunProgress,
) -> crate::error::Result<RunReport> {
    let mut world = World::open(setup).await?;
    let chosen = chosen(setup, request)?;
    let mut report = RunReport::default();
    for model in setup.library.in_order() {
        if !chosen.contains(&model.name) {
            continue;
        }
        let done = run_model(&mut world, model, request, progress).await?;
        report.models.push(done);
    }
    report.history_rows = update_history(&world).await?;
    Ok(report)
}

fn chosen(setup: &Setup, request: &Request) -> Result<BTreeSet<String>, Error> {
    let tables: BTreeSet<String> = setup
        .library
        .in_order()
        .filter(|model| model.kind == Kind::Table)
        .map(|model| model.name.clone())
        .collect();
    if request.select.is_empty() {
        return Ok(tables);
    }
    let mut chosen = BTreeSet::new();
    for name in &request.select {
        if setup.library.get(name).is_none() {
            return Err(Error::UnknownModel {
                name: name.clone(),
                known: setup
                    .library
                    .in_order()
                    .map(|model| model.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            });
        }
        chosen.extend(setup.library.closure(name));
    }
    Ok(chosen.intersection(&tables).cloned().collect())
}

async fn run_model(
    world: &mut World,
    model: &Arc<Model>,
    request: &Request,
    progress: &dyn RunProgress,
) -> crate::error::Result<ModelReport> {
    let Some(spec) = Setup::model_table(model) else {
        return Ok(ModelReport::default());
    };
    let mut report = ModelReport {
        model: model.name.clone(),
        ..ModelReport::default()
    };
    let ingredients = Ingredients::of(world, model);
    let mut stale: BTreeMap<i32, String> = BTreeMap::new();
    for day in candidate_days(world, model, &ingredients, request).await? {
        report.days += 1;
        let fingerprint = ingredients.fingerprint(world, day);
        let current = || Ingredients::is_stored(world, &model.name, day, &fingerprint);
        if request.full_refresh || !current() {
            stale.insert(day, fingerprint);
        }
    }
    let of = stale.len() as u64;
    let task = Arc::new(Task {
        world: world.clone(),
        model: Arc::clone(model),
        spec,
        ingredients,
        stale,
    });
    let limit = {
        let rows_max = world.setup.settings.limits.chunk_rows as u64;
        match model.streams {
            true => rows_max.saturating_mul(STREAMED),
            false => rows_max,
        }
    };
    let threads = world.setup.threads();
    let mut chunks = task.chunks(limit, threads).into_iter().enumerate();
    let mut room = Room::new(world.setup.settings.limits.memory_bytes, threads, limit);
    let mut waiting = chunks.next();
    let mut running = FuturesUnordered::new();
    // Committed in order, whichever ends first, so that what a failure leaves undone is what comes
    // after it; what waits for its turn is a list of written files.
    let mut ended: BTreeMap<usize, (u64, crate::error::Result<Computed>)> = BTreeMap::new();
    let mut turn = 0;
    let mut failing = false;
    let mut failure: Option<crate::error::Error> = None;
    loop {
        while let Some((number, (days, rows))) = waiting.take() {
            let held = match failing || running.len() >= threads {
                true => None,
                false => room.take(rows),
            };
            let Some(held) = held else {
                waiting = Some((number, (days, rows)));
                break;
            };
            let task = Arc::clone(&task);
            let days_of = days.len() as u64;
            let chunk = tokio::spawn(async move { task.chunk(days).await });
            running.push(async move { (number, (held, rows), days_of, chunk.await) });
            waiting = chunks.next();
        }
        if let Some((days, done)) = ended.remove(&turn) {
            turn += 1;
            match done {
                Ok(Computed {
                    change,
                    written,
                    rows,
                }) if failure.is_none() => {
                    if let Err(error) = commit(world, model, change).await {
                        failing = true;
                        failure = Some(error);
                        continue;
                    }
                    report.computed += days;
                    report.written += written;
                    report.rows += rows;
                    progress.at(&model.name, report.computed, of);
                }
                Ok(computed) => abandon(world, computed.change.adds).await?,
                Err(error) => failure = failure.or(Some(error)),
            }
            continue;
        }
        let Some((number, (held, rows), days, done)) = running.next().await else {
            break;
        };
        let (most, done) = done.unwrap_or_else(|error| {
            let error = models::Error::Engine(error.to_string());
            (0, Err(error.into()))
        });
        tracing::debug!(model = %model.name, days, rows, most, "a chunk ended");
        room.give_back(held, rows, most);
        failing |= done.is_err();
        ended.insert(number, (days, done));
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(report),
    }
}

async fn abandon(world: &World, slices: Vec<NewFile>) -> crate::error::Result<()> {
    for slice in slices {
        slice.abandon(&world.setup.lake).await?;
    }
    Ok(())
}

/// Days on which the model has a slice, or something to make one from.
async fn candidate_days(
    world: &World,
    model: &Model,
    ingredients: &Ingredients,
    request: &Request,
) -> crate::error::Result<BTreeSet<i32>> {
    let mut days = ingredients.input_days(world);
    for source in &model.day_sources {
        if covered(world, ingredients, source) {
            continue;
        }
        let found = match world.org_tables.tables.get(source.as_str()) {
            Some(table) => vec![table.clone()],
            None => {
                let session = world.ordered_session(&HashMap::new())?;
                let frame = session
                    .table(source.as_str())
                    .await
                    .map_err(models::Error::running)?;
                frame.collect().await.map_err(models::Error::running)?
            }
        };
        for column in found.iter().filter_map(|part| part.column_by_name("day")) {
            days.extend(column.as_primitive::<Date32Type>().iter().flatten());
        }
    }
    if let Some(snapshot) = world.snapshots.get(&model.name) {
        days.extend(snapshot.files.iter().filter_map(|file| file.day));
    }
    days.retain(|day| {
        request.start.is_none_or(|start| start <= *day) && request.end.is_none_or(|end| *day <= end)
    });
    Ok(days)
}

/// Whether all days of a source come from stored tables whose own days are looked at anyway: then
/// reading all of it, however long ago it began, would find no other.
fn covered(world: &World, ingredients: &Ingredients, source: &str) -> bool {
    let mut stored = world.setup.library.closure(source);
    stored.retain(|name| world.snapshots.contains_key(name));
    !stored.is_empty()
        && stored
            .iter()
            .all(|name| ingredients.inputs.iter().any(|(input, ..)| input == name))
}

/// Each day of a chunk is a file of every input.
const CHUNK_DAYS_MAX: usize = 31;

/// So many times the rows of others does a model take that streams.
const STREAMED: u64 = 16;

/// Fewer rows are not worth a plan of their own.
const CHUNK_ROWS_MIN: u64 = 50_000;

/// So many chunks a thread, where there are rows enough, so that threads end together.
const CHUNKS_A_THREAD: u64 = 3;

/// Rows that are put in order and written at a time.
const SORTED_ROWS: usize = 32_768;

/// What a plan would sort at its end.
fn sorted_input(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    let plan = match plan.downcast_ref::<SortPreservingMergeExec>() {
        Some(merge) => merge.input(),
        None => plan,
    };
    let sort = plan.downcast_ref::<SortExec>()?;
    Some(Arc::clone(sort.input()))
}

/// What a chunk's days come to.
struct Computed {
    change: Change,
    /// Days whose slice came out different, and the rows of these.
    written: u64,
    rows: u64,
}

/// The stale days of one model, to be computed from one moment's lake.
struct Task {
    world: World,
    model: Arc<Model>,
    spec: Arc<TableSpec>,
    ingredients: Ingredients,
    /// Fingerprints by stale day.
    stale: BTreeMap<i32, String>,
}

impl Task {
    /// Runs of neighbouring stale days whose inputs stay under `limit` rows, with the rows.
    fn chunks(&self, limit: u64, threads: usize) -> Vec<(Vec<i32>, u64)> {
        let mut rows_of: HashMap<i32, u64> = HashMap::new();
        for (name, _, _) in &self.ingredients.inputs {
            if let Some(snapshot) = self.world.snapshots.get(name) {
                for file in snapshot.files.iter() {
                    *rows_of.entry(file.day.unwrap_or_default()).or_default() += file.rows;
                }
            }
        }
        let own = |day: &i32| rows_of.get(day).copied().unwrap_or(0);
        let total: u64 = self.stale.keys().map(own).sum();
        let even = total / (threads as u64).saturating_mul(CHUNKS_A_THREAD).max(1);
        let limit = limit.min(even.max(CHUNK_ROWS_MIN));
        let mut chunks: Vec<(Vec<i32>, u64)> = Vec::new();
        for day in self.stale.keys() {
            let own = own(day);
            match chunks.last_mut() {
                Some((chunk, rows))
                    if chunk.last() == Some(&(day - 1))
                        && *rows + own <= limit
                        && chunk.len() < CHUNK_DAYS_MAX =>
                {
                    chunk.push(*day);
                    *rows += own;
                }
                _ => chunks.push((vec![*day], own)),
            }
        }
        chunks
    }

    /// Computes days and makes the checks over what came out different. Also gives the most bytes of
    /// the memory pool that it held.
    async fn chunk(&self, days: Vec<i32>) -> (usize, crate::error::Result<Computed>) {
        let shared = &self.world.setup.runtime;
        let share = Share::new(&shared.memory_pool);
        let mut world = self.world.clone();
        world.setup.runtime = Arc::new(RuntimeEnv {
            memory_pool: Arc::clone(&share) as Arc<dyn MemoryPool>,
            ..RuntimeEnv::clone(shared)
        });
        let computed = self.computed(&world, &days).await;
        (share.most(), computed)
    }

    async fn computed(&self, world: &World, days: &[i32]) -> crate::error::Result<Computed> {
        let slices = self.slices(world, days).await?;
        let computed = self.compared(slices).await?;
        if !computed.change.adds.is_empty()
            && let Err(error) = self.check(world, days, &computed.change).await
        {
            abandon(world, computed.change.adds).await?;
            return Err(error);
        }
        Ok(computed)
    }

    /// The slices of days, each a written file that nobody sees yet.
    async fn slices(
        &self,
        world: &World,
        days: &[i32],
    ) -> crate::error::Result<Vec<(i32, NewFile)>> {
        let (Some(first), Some(last)) = (days.first().copied(), days.last().copied()) else {
            return Ok(Vec::new());
        };
        let failed = |cause: String| Error::Days {
            model: self.model.name.clone(),
            from: day_text(first),
            to: day_text(last),
            cause,
        };
        let scopes: HashMap<String, Scope> = self
            .ingredients
            .inputs
            .iter()
            .map(|(name, before, after)| (name.clone(), Scope::days(first - before, last + after)))
            .collect();
        let session = world.ordered_session(&scopes)?;
        let plan = models::plan(&session, &self.model).await?;
        let time_column = self.spec.partition.clone().unwrap_or_default();
        let day = |day: i32| lit(ScalarValue::Date32(Some(day)));
        let mut order = vec![ident(time_column.as_str()).sort(true, false)];
        order.extend(
            self.spec
                .order
                .iter()
                .map(|name| ident(name.as_str()).sort(true, false)),
        );
        let unsorted = DataFrame::new(session.state(), plan)
            .filter(ident(time_column.as_str()).between(day(first), day(last)))
            .map_err(|cause| failed(models::Error::running(cause).to_string()))?;
        let plan = async || -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
            unsorted
                .clone()
                .sort(order.clone())?
                .create_physical_plan()
                .await
        };
        let running = |cause: DataFusionError| failed(models::Error::running(cause).to_string());
        let mut ordered = plan().await.map_err(running)?;
        if let Some(input) = sorted_input(&ordered) {
            let sorted = self.sorted(&input, &time_column, &session).await;
            match sorted.map_err(running)? {
                Some(stream) => {
                    return Ok(write_slices(world, &self.spec, days, &self.stale, stream)
                        .await
                        .map_err(|error| failed(error.to_string()))?);
                }
                // There is no room for all rows at once: anew, with a sort that spills.
                None => ordered = plan().await.map_err(running)?,
            }
        }
        let stream = execute_stream(ordered, session.task_ctx()).map_err(running)?;
        Ok(write_slices(world, &self.spec, days, &self.stale, stream)
            .await
            .map_err(|error| failed(error.to_string()))?)
    }

    /// The rows of a plan by day and the table's order, or nothing if memory does not hold them.
    async fn sorted(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        day: &str,
        session: &SessionContext,
    ) -> Result<Option<SendableRecordBatchStream>, DataFusionError> {
        let pool = &session.runtime_env().memory_pool;
        let reservation = MemoryConsumer::new("slices in order").register(pool);
        let mut sorted = Sorted::new(day, &self.spec.order, reservation);
        let refused = |error: &DataFusionError| {
            matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
        };
        // All partitions at once: one may have to be read for another to go on.
        let streams = execute_stream_partitioned(Arc::clone(plan), session.task_ctx())?;
        let mut batches = futures::stream::select_all(streams);
        loop {
            let pushed = match batches.try_next().await {
                Ok(Some(batch)) => sorted.push(batch),
                Ok(None) => break,
                Err(error) => Err(error),
            };
            match pushed {
                Ok(()) => {}
                Err(error) if refused(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let days = sorted
            .days(SORTED_ROWS)?
            .map(|piece| piece.map(|(_, rows)| rows));
        let stream = RecordBatchStreamAdapter::new(plan.schema(), futures::stream::iter(days));
        Ok(Some(Box::pin(stream)))
    }

    /// What of the slices is to be committed: those that came out different.
    async fn compared(&self, slices: Vec<(i32, NewFile)>) -> crate::error::Result<Computed> {
        let mut computed = Computed {
            change: Change {
                rows_change: true,
                ..Change::default()
            },
            written: 0,
            rows: 0,
        };
        let snapshot = self.world.snapshots.get(&self.model.name);
        for (day, slice) in slices {
            let old: Vec<DataFile> = snapshot
                .map(|snapshot| snapshot.day(day).cloned().collect())
                .unwrap_or_default();
            let same = match old.as_slice() {
                [file] => file.content.as_deref() == Some(&slice.content),
                _ => false,
            };
            if same {
                slice.abandon(&self.world.setup.lake).await?;
                // A day that is still going on is looked at again every time: its fingerprint
                // would not outlive this run.
                if let ([file], Some(fingerprint)) = (old.as_slice(), self.stale.get(&day))
                    && file.fingerprint.as_ref() != Some(fingerprint)
                    && self.ingredients.is_complete(&self.world, day)
                {
                    let tagged = (file.clone(), fingerprint.clone());
                    computed.change.retags.push(tagged);
                }
                continue;
            }
            computed.written += 1;
            computed.rows += slice.rows;
            computed.change.removes.extend(old);
            computed.change.adds.push(slice);
        }
        Ok(computed)
    }

    /// Makes the model's checks over the days as they would be after the change.
    async fn check(
        &self,
        world: &World,
        days: &[i32],
        change: &Change,
    ) -> crate::error::Result<()> {
        let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else {
            return Ok(());
        };
        let Some(snapshot) = world.snapshots.get(&self.model.name) else {
            return Ok(());
        };
        let library = &world.setup.library;
        let checks: Vec<_> = library.checks_of(&self.model.name).collect();
        let mut after = world.clone();
        after
            .snapshots
            .insert(self.model.name.clone(), snapshot.preview(change)?);
        let scopes: HashMap<String, Scope> = library
            .in_order()
            .filter(|model| model.kind == Kind::Table)
            .map(|model| (model.name.clone(), Scope::days(*first, *last)))
            .collect();
        for check in checks {
            let wrong = |cause| Error::CheckFails {
                check: check.name.clone(),
                cause: models::Error::running(cause).to_string(),
            };
            // One partition, as the days themselves are computed: stored order is kept.
            let session = after.ordered_session(&scopes)?;
            let frame = session.sql(&check.sql).await.map_err(wrong)?;
            let found = frame.collect().await.map_err(wrong)?;
            let rows: usize = found.iter().map(RecordBatch::num_rows).sum();
            if rows > 0 {
                return Err(Error::Check {
                    check: check.name.clone(),
                    model: self.model.name.clone(),
                    days: format!("{} to {}", day_text(*first), day_text(*last)),
                    rows,
                    first: first_row(&found),
                }
                .into());
            }
        }
        Ok(())
    }
}

/// Replaces slices, all in one commit; the world sees them from then on.
async fn commit(world: &mut World, model: &Model, mut change: Change) -> crate::error::Result<()> {
    let Some(mut base) = world.snapshots.get(&model.name).cloned() else {
        return abandon(world, change.adds).await;
    };
    if change.adds.is_empty() && change.removes.is_empty() && change.retags.is_empty() {
        return Ok(());
    }
    loop {
        match world.setup.lake.commit(&base, change).await? {
            Committed::Done(now) | Committed::AlreadyThere(now) => {
                world.snapshots.insert(model.name.clone(), now);
                return Ok(());
            }
            // An empty table that was just created is no race.
            Committed::Raced(back, now) if base.version < 0 && now.files.is_empty() => {
                change = back;
                base = now;
            }
            Committed::Raced(back, _) => {
                abandon(world, back.adds).await?;
                return Err(Error::Raced {
                    model: model.name.clone(),
                }
                .into());
            }
        }
    }
}

/// `column value, column value` of the first row.
fn first_row(batches: &[RecordBatch]) -> String {
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else {
        return String::new();
    };
    let schema = batch.schema();
    let cells = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| {
            let value = array_value_to_string(column, 0).unwrap_or_default();
            format!("{} {value}", field.name())
        });
    cells.collect::<Vec<_>>().join(", ")
}

/// Writes a file for every day of the chunk, also for those without rows.
async fn write_slices(
    world: &World,
    spec: &Arc<TableSpec>,
    chunk: &[i32],
    fingerprints: &BTreeMap<i32, String>,
    mut stream: SendableRecordBatchStream,
) -> crate::error::Result<Vec<(i32, NewFile)>> {
    let options = WriteOptions {
        row_group_rows: world.setup.settings.limits.row_group_rows,
        zstd_level: 1,
    };
    let create = |day: i32| FileWriter::create(&world.setup.lake, spec, Some(day), options);
    let mut slices: Vec<(i32, NewFile)> = Vec::new();
    let mut open: Option<(i32, FileWriter)> = None;
    let mut finish = async |slice: (i32, FileWriter)| -> crate::error::Result<()> {
        let (day, writer) = slice;
        let fingerprint = fingerprints.get(&day).map(String::as_str);
        slices.push((day, writer.finish(fingerprint).await?));
        Ok(())
    };
    while let Some(batch) = stream.try_next().await.map_err(models::Error::running)? {
        for (day, part) in by_day(spec, &batch)? {
            if open.as_ref().is_none_or(|(current, _)| *current != day) {
                if let Some(slice) = open.take() {
                    finish(slice).await?;
                }
                open = Some((day, create(day)?));
            }
            if let Some((_, writer)) = open.as_mut() {
                writer.write(&part).await?;
            }
        }
    }
    if let Some(slice) = open.take() {
        finish(slice).await?;
    }
    let made: BTreeSet<i32> = slices.iter().map(|(day, _)| *day).collect();
    for day in chunk.iter().filter(|day| !made.contains(day)) {
        let fingerprint = fingerprints.get(day).map(String::as_str);
        slices.push((*day, create(*day)?.finish(fingerprint).await?));
    }
    Ok(slices)
}

/// Cuts a batch that is sorted by day.
fn by_day(spec: &TableSpec, batch: &RecordBatch) -> Result<Vec<(i32, RecordBatch)>, models::Error> {
    let column = spec
        .partition
        .as_deref()
        .and_then(|name| batch.column_by_name(name))
        .ok_or_else(|| models::Error::Engine("the slice lacks its day".into()))?;
    let days = column.as_primitive::<Date32Type>();
    if days.null_count() > 0 {
        return Err(models::Error::Engine(format!(
            "table '{}': a row without a day",
            spec.name
        )));
    }
    let mut parts = Vec::new();
    let mut start = 0;
    while start < days.len() {
        let day = days.value(start);
        let length = days.values()[start..].partition_point(|other| *other <= day);
        parts.push((day, batch.slice(start, length)));
        start += length;
    }
    Ok(parts)
}

fn day_text(day: i32) -> String {
    Date32Type::to_naive_date_opt(day).map_or_else(|| day.to_string(), |date| date.to_string())
}
