//! A run: every stale slice of the chosen models, computed and replaced.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Date32Type;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::prelude::{DataFrame, ident, lit};
use datafusion::scalar::ScalarValue;
use futures::TryStreamExt;

use super::Error;
use super::fingerprint::Ingredients;
use super::history::update_history;
use crate::lake::{
    Change, Committed, DataFile, FileWriter, NewFile, Scope, Snapshot, TableSpec, WriteOptions,
};
use crate::models::{self, Kind, Model, Setup, World};

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
        let current = world.snapshots.get(&model.name).is_some_and(|snapshot| {
            let mut files = snapshot.day(day);
            let first = files.next();
            files.next().is_none()
                && first.is_some_and(|file| file.fingerprint.as_deref() == Some(&fingerprint))
        });
        if request.full_refresh || !current {
            stale.insert(day, fingerprint);
        }
    }
    let of = stale.len() as u64;
    let stale = Arc::new(stale);
    let mut rows_max = world.setup.settings.limits.chunk_rows as u64;
    if model.streams {
        rows_max = rows_max.saturating_mul(STREAMED);
    }
    let chunks = chunks(world, &ingredients, &stale, rows_max);
    for wave in waves(chunks, rows_max, world.setup.threads()) {
        let wave = wave.as_slice();
        let slices = compute(world, model, &spec, &ingredients, wave, &stale).await?;
        let days: Vec<i32> = wave.iter().flatten().copied().collect();
        let committing = Committing {
            model,
            ingredients: &ingredients,
            days: &days,
            fingerprints: &stale,
        };
        committing.commit(world, slices, &mut report).await?;
        progress.at(&model.name, report.computed, of);
    }
    Ok(report)
}

/// Computes chunks of days side by side, each on a plan of one partition.
async fn compute(
    world: &World,
    model: &Arc<Model>,
    spec: &Arc<TableSpec>,
    ingredients: &Ingredients,
    wave: &[Vec<i32>],
    fingerprints: &Arc<BTreeMap<i32, String>>,
) -> crate::error::Result<Vec<(i32, NewFile)>> {
    let mut running = tokio::task::JoinSet::new();
    for chunk in wave {
        let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else {
            continue;
        };
        let scopes: HashMap<String, Scope> = ingredients
            .inputs
            .iter()
            .map(|(name, before, after)| {
                (name.clone(), Scope::days(*first - before, *last + after))
            })
            .collect();
        running.spawn(run_chunk(
            world.clone(),
            Arc::clone(model),
            Arc::clone(spec),
            scopes,
            chunk.clone(),
            Arc::clone(fingerprints),
        ));
    }
    let mut slices = Vec::new();
    let mut failure = None;
    while let Some(done) = running.join_next().await {
        match done {
            Ok(Ok(chunk)) => slices.extend(chunk),
            Ok(Err(error)) => failure = failure.or(Some(error)),
            Err(error) => {
                failure = failure.or(Some(models::Error::Engine(error.to_string()).into()));
            }
        }
    }
    if let Some(error) = failure {
        abandon(world, slices.into_iter().map(|(_, slice)| slice)).await?;
        return Err(error);
    }
    slices.sort_by_key(|(day, _)| *day);
    Ok(slices)
}

async fn abandon(
    world: &World,
    slices: impl IntoIterator<Item = NewFile>,
) -> crate::error::Result<()> {
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
    let mut days = BTreeSet::new();
    for (name, before, after) in &ingredients.inputs {
        let Some(snapshot) = world.snapshots.get(name) else {
            continue;
        };
        // A model's day gives rows of the same day; a raw file's UTC date may give rows of the
        // local dates around it.
        let is_model = world.setup.library.get(name).is_some();
        let (back, forth) = if is_model { (0, 0) } else { (*after, *before) };
        for day in snapshot.files.iter().filter_map(|file| file.day) {
            days.extend(day - back..=day + forth);
        }
    }
    for source in &model.day_sources {
        if covered(world, ingredients, source) {
            continue;
        }
        let found = match world.org_tables.tables.get(source.as_str()) {
            Some(table) => vec![table.clone()],
            None => {
                let session = world.single_session(&HashMap::new(), source).await?;
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

/// Chunks that are computed side by side: one a thread, and fewer where a single day is larger than
/// a chunk should be, so that memory stays what `limits.chunk_rows` makes it.
fn waves(chunks: Vec<(Vec<i32>, u64)>, rows_max: u64, threads: usize) -> Vec<Vec<Vec<i32>>> {
    let limit = rows_max.saturating_mul(threads as u64);
    let mut waves: Vec<Vec<Vec<i32>>> = Vec::new();
    let mut rows = 0;
    for (days, own) in chunks {
        match waves.last_mut() {
            Some(wave) if wave.len() < threads && rows + own <= limit => {
                wave.push(days);
                rows += own;
            }
            _ => {
                waves.push(vec![days]);
                rows = own;
            }
        }
    }
    waves
}

/// Runs of neighbouring stale days whose inputs stay under `limit` rows, with the rows.
fn chunks(
    world: &World,
    ingredients: &Ingredients,
    stale: &BTreeMap<i32, String>,
    limit: u64,
) -> Vec<(Vec<i32>, u64)> {
    let mut rows_of: HashMap<i32, u64> = HashMap::new();
    for (name, _, _) in &ingredients.inputs {
        if let Some(snapshot) = world.snapshots.get(name) {
            for file in snapshot.files.iter() {
                *rows_of.entry(file.day.unwrap_or_default()).or_default() += file.rows;
            }
        }
    }
    let mut chunks: Vec<(Vec<i32>, u64)> = Vec::new();
    for day in stale.keys() {
        let own = rows_of.get(day).copied().unwrap_or(0);
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

/// Each day of a chunk is a file that stays open at the merge.
const CHUNK_DAYS_MAX: usize = 31;

/// So many times the rows of others does a model take that streams.
const STREAMED: u64 = 16;

async fn run_chunk(
    world: World,
    model: Arc<Model>,
    spec: Arc<TableSpec>,
    scopes: HashMap<String, Scope>,
    chunk: Vec<i32>,
    fingerprints: Arc<BTreeMap<i32, String>>,
) -> crate::error::Result<Vec<(i32, NewFile)>> {
    let (Some(first), Some(last)) = (chunk.first().copied(), chunk.last().copied()) else {
        return Ok(Vec::new());
    };
    let failed = |cause: String| Error::Days {
        model: model.name.clone(),
        from: day_text(first),
        to: day_text(last),
        cause,
    };
    let session = world.single_session(&scopes, &model.name).await?;
    let plan = models::plan(&session, &model).await?;
    let time_column = spec.partition.clone().unwrap_or_default();
    let day = |day: i32| lit(ScalarValue::Date32(Some(day)));
    let mut order = vec![ident(time_column.as_str()).sort(true, false)];
    order.extend(
        spec.order
            .iter()
            .map(|name| ident(name.as_str()).sort(true, false)),
    );
    let stream = DataFrame::new(session.state(), plan)
        .filter(ident(time_column.as_str()).between(day(first), day(last)))
        .and_then(|frame| frame.sort(order))
        .map_err(|cause| failed(models::Error::running(cause).to_string()))?
        .execute_stream()
        .await
        .map_err(|cause| failed(models::Error::running(cause).to_string()))?;
    Ok(write_slices(&world, &spec, &chunk, &fingerprints, stream)
        .await
        .map_err(|error| failed(error.to_string()))?)
}

/// Computed days of a model on their way into the lake.
struct Committing<'a> {
    model: &'a Arc<Model>,
    ingredients: &'a Ingredients,
    days: &'a [i32],
    fingerprints: &'a BTreeMap<i32, String>,
}

impl Committing<'_> {
    /// Replaces the slices that came out different, all in one commit, if the checks hold.
    async fn commit(
        &self,
        world: &mut World,
        slices: Vec<(i32, NewFile)>,
        report: &mut ModelReport,
    ) -> crate::error::Result<()> {
        let Some(snapshot) = world.snapshots.get(&self.model.name).cloned() else {
            return abandon(world, slices.into_iter().map(|(_, slice)| slice)).await;
        };
        let mut change = Change {
            rows_change: true,
            ..Change::default()
        };
        let mut written = 0;
        let mut rows = 0;
        for (day, slice) in slices {
            let old: Vec<DataFile> = snapshot.day(day).cloned().collect();
            let same = match old.as_slice() {
                [file] => file.content.as_deref() == Some(&slice.content),
                _ => false,
            };
            if same {
                slice.abandon(&world.setup.lake).await?;
                // A day that is still going on is looked at again every time: its fingerprint
                // would not outlive this run.
                if let ([file], Some(fingerprint)) = (old.as_slice(), self.fingerprints.get(&day))
                    && file.fingerprint.as_ref() != Some(fingerprint)
                    && self.ingredients.is_complete(world, day)
                {
                    change.retags.push((file.clone(), fingerprint.clone()));
                }
                continue;
            }
            written += 1;
            rows += slice.rows;
            change.removes.extend(old);
            change.adds.push(slice);
        }
        report.computed += self.days.len() as u64;
        if !change.adds.is_empty()
            && let Err(error) = self.check(world, &snapshot, &change).await
        {
            abandon(world, change.adds).await?;
            return Err(error);
        }
        if change.adds.is_empty() && change.removes.is_empty() && change.retags.is_empty() {
            return Ok(());
        }
        let mut base = snapshot;
        loop {
            match world.setup.lake.commit(&base, change).await? {
                Committed::Done(now) | Committed::AlreadyThere(now) => {
                    world.snapshots.insert(self.model.name.clone(), now);
                    break;
                }
                // An empty table that was just created is no race.
                Committed::Raced(back, now) if base.version < 0 && now.files.is_empty() => {
                    change = back;
                    base = now;
                }
                Committed::Raced(back, _) => {
                    abandon(world, back.adds).await?;
                    return Err(Error::Raced {
                        model: self.model.name.clone(),
                    }
                    .into());
                }
            }
        }
        report.written += written;
        report.rows += rows;
        Ok(())
    }

    /// Makes the model's checks over the days as they would be after the change.
    async fn check(
        &self,
        world: &World,
        snapshot: &Snapshot,
        change: &Change,
    ) -> crate::error::Result<()> {
        let (Some(first), Some(last)) = (self.days.iter().min(), self.days.iter().max()) else {
            return Ok(());
        };
        let checks: Vec<_> = world.setup.library.checks_of(&self.model.name).collect();
        if checks.is_empty() {
            return Ok(());
        }
        let mut after = world.clone();
        after
            .snapshots
            .insert(self.model.name.clone(), snapshot.preview(change)?);
        let scopes: HashMap<String, Scope> = world
            .setup
            .library
            .in_order()
            .filter(|model| model.kind == Kind::Table)
            .map(|model| (model.name.clone(), Scope::days(*first, *last)))
            .collect();
        let read = checks.iter().flat_map(|check| &check.inputs);
        let session = after.session_for(&scopes, read).await?;
        for check in checks {
            let wrong = |cause| Error::CheckFails {
                check: check.name.clone(),
                cause: models::Error::running(cause).to_string(),
            };
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
