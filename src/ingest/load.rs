//! One load: inputs read on a thread of their own, batches stored as they fill.

mod collector;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use futures::TryStreamExt;
use tokio::sync::mpsc;

use self::collector::Collector;
use super::batch::{Collected, SPELLING, spelling};
use super::dedup::{self, KeyFilter};
use super::meetings::{Incoming, Meetings, Rule};
use super::{Error, Privacy};
use crate::clock::{self, AsOf, Micros};
use crate::config::Settings;
use crate::config::org::Org;
use crate::config::shipped::Shipped;
use crate::lake::{
    self, Change, Committed, FileWriter, Lake, Scope, Snapshot, TableSpec, WriteOptions, tables,
};
use crate::sources::{self, Input, Reject};

/// What a load needs.
pub struct Load {
    pub lake: Lake,
    pub settings: Arc<Settings>,
    pub shipped: Arc<Shipped>,
    pub org: Arc<Org>,
    pub as_of: AsOf,
    pub inputs: Vec<Input>,
}

/// Told how far a load is; for a progress bar.
pub trait Progress: Send + Sync {
    /// Bytes of an input consumed, rows of it read.
    fn at(&self, file: usize, bytes: u64, rows: u64);
}

/// What became of one file's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSummary {
    pub name: String,
    pub kind: String,
    /// `stored + superseded + refused + rejected`.
    pub read: u64,
    pub stored: u64,
    pub superseded: u64,
    pub refused: u64,
    pub rejected: u64,
    /// Rejects by reason.
    pub reasons: BTreeMap<String, u64>,
    /// What was dropped of accepted rows: (what, name) → times.
    pub notes: BTreeMap<(String, String), u64>,
    /// Why the file could not be read to its end, if it could not.
    pub failure: Option<String>,
}

/// What a load did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub load_id: String,
    pub files: Vec<FileSummary>,
}

enum Message {
    Batch(Box<Batch>),
    Done(Vec<FileSummary>),
}

/// What is stored at once. The numbers are those of the files.
struct Batch {
    events: Collected,
    meetings: Vec<(usize, Incoming)>,
    rejects: Vec<(usize, Reject)>,
}

/// Loads all inputs. A file that cannot be read to its end is told in its summary, and the others
/// go on; rows before the damage are stored.
///
/// # Errors
/// When the lake cannot be written; what was committed before stays, and loading the same files
/// again adds only what is missing.
pub async fn load(load: Load, progress: Arc<dyn Progress>) -> crate::error::Result<Summary> {
    let load_id = format!("{:016x}", clock::nonce());
    let privacy = Privacy::new(&load.settings.privacy, &load.org)?;
    let mut writer = Writer::open(&load, load_id.clone()).await?;
    let (sender, mut receiver) = mpsc::channel::<Message>(1);
    let reader = tokio::task::spawn_blocking({
        let collector = Collector::new(&load, privacy, sender, progress);
        let options = source_options(&load);
        let inputs = load.inputs.clone();
        move || read_all(collector, &inputs, &options)
    });
    let mut files = None;
    while let Some(message) = receiver.recv().await {
        match message {
            Message::Batch(batch) => writer.store(*batch).await?,
            Message::Done(summaries) => files = Some(summaries),
        }
    }
    reader.await.map_err(|_| Error::ReaderGone)??;
    let mut files = files.ok_or(Error::ReaderGone)?;
    for (index, file) in files.iter_mut().enumerate() {
        file.stored = writer.stored.get(&index).copied().unwrap_or(0);
        file.superseded = writer.superseded.get(&index).copied().unwrap_or(0);
    }
    writer.log(&files).await?;
    Ok(Summary { load_id, files })
}

fn source_options(load: &Load) -> sources::Options {
    sources::Options {
        as_of: load.as_of.micros(),
        max_event_seconds: load.settings.metrics.max_event_seconds,
        flood_seconds: load.settings.metrics.flood_seconds,
        max_row_bytes: load.settings.limits.max_row_bytes,
        hosts: load
            .org
            .hosts
            .iter()
            .map(|host| sources::Host {
                hostname: host.hostname.clone(),
                user_name: host.user_name.clone(),
                logon_domain: host.logon_domain.clone(),
                valid_from: host.validity.from,
                valid_to: host.validity.to,
            })
            .collect(),
    }
}

fn read_all(
    mut collector: Collector,
    inputs: &[Input],
    options: &sources::Options,
) -> crate::error::Result<()> {
    for (index, input) in inputs.iter().enumerate() {
        collector.begin(index, input);
        let result = sources::read(input, options, &mut collector);
        if let Err(error) = result {
            if error.class() != crate::error::Class::Input {
                return Err(error);
            }
            collector.current().failure = Some(error.to_string());
        }
    }
    collector.finish()
}

/// Stores batches.
struct Writer {
    lake: Lake,
    load_id: String,
    as_of: AsOf,
    names: Vec<String>,
    options: WriteOptions,
    settings: Arc<Settings>,
    meetings: Option<Meetings>,
    events: Snapshot,
    filter: KeyFilter,
    /// First start and spelling of every agent the lake knows.
    agents: HashMap<i64, (Micros, String)>,
    /// Numbers of applications that the lake is known to hold.
    applications: HashSet<i64>,
    batch: i64,
    stored: BTreeMap<usize, u64>,
    superseded: BTreeMap<usize, u64>,
}

/// Tries at a commit that others keep getting ahead of.
const COMMIT_TRIES: u32 = 20;

impl Writer {
    async fn open(load: &Load, load_id: String) -> crate::error::Result<Writer> {
        let events = load.lake.snapshot(&tables::EVENTS_RAW).await?;
        let agents = known_agents(&load.lake).await?;
        let applications = known_applications(&load.lake).await?;
        let limits = &load.settings.limits;
        Ok(Writer {
            lake: load.lake.clone(),
            load_id,
            as_of: load.as_of,
            settings: Arc::clone(&load.settings),
            meetings: None,
            names: load.inputs.iter().map(|input| input.name.clone()).collect(),
            options: WriteOptions {
                row_group_rows: limits.row_group_rows,
                zstd_level: 1,
            },
            filter: KeyFilter::new(limits.ingest_filter_bytes, events.rows() + 4_000_000),
            events,
            agents,
            applications,
            batch: 0,
            stored: BTreeMap::new(),
            superseded: BTreeMap::new(),
        })
    }

    async fn store(&mut self, batch: Batch) -> crate::error::Result<()> {
        self.batch += 1;
        if !batch.rejects.is_empty() {
            self.store_rejects(&batch.rejects).await?;
        }
        if !batch.meetings.is_empty() {
            self.store_meetings(batch.meetings).await?;
        }
        if !batch.events.keys.is_empty() {
            self.store_events(&batch.events).await?;
        }
        Ok(())
    }

    /// Most loads have no calendar entries: what is stored of them is looked at with the first.
    async fn store_meetings(&mut self, batch: Vec<(usize, Incoming)>) -> crate::error::Result<()> {
        let (files, entries): (Vec<usize>, Vec<Incoming>) = batch.into_iter().unzip();
        let meetings = match &mut self.meetings {
            Some(meetings) => meetings,
            None => {
                let opened = Meetings::open(&self.lake, &self.settings).await?;
                self.meetings.insert(opened)
            }
        };
        let mut written = vec![false; entries.len()];
        for index in meetings
            .store_each(&entries, Rule::LatestUpdate)
            .await?
            .written
        {
            if let Some(entry) = written.get_mut(index) {
                *entry = true;
            }
        }
        for (file, written) in files.into_iter().zip(written) {
            let counted = match written {
                true => &mut self.stored,
                false => &mut self.superseded,
            };
            *counted.entry(file).or_default() += 1;
        }
        Ok(())
    }

    async fn store_events(&mut self, collected: &Collected) -> crate::error::Result<()> {
        // These first: an event is never stored without its agent and what it names.
        self.store_agents(collected).await?;
        self.store_applications(collected).await?;
        for _ in 0..COMMIT_TRIES {
            let mut placement =
                dedup::place(&self.lake, &self.events, collected, &mut self.filter).await?;
            let mut adds = Vec::new();
            for (date, placed) in &mut placement.by_date {
                let rows = collected.rows(placed)?;
                let mut file =
                    FileWriter::create(&self.lake, &tables::EVENTS_RAW, Some(*date), self.options)?;
                file.write(&rows).await?;
                adds.push(file.finish(None).await?);
            }
            let mut done = adds.is_empty();
            if !done {
                let change = Change {
                    adds,
                    transaction: Some((format!("ingest:{}", self.load_id), self.batch)),
                    rows_change: true,
                    ..Change::default()
                };
                match self.lake.commit(&self.events, change).await? {
                    Committed::Done(now) | Committed::AlreadyThere(now) => {
                        self.events = now;
                        done = true;
                    }
                    Committed::Raced(change, now) => {
                        // Somebody else may have stored some of these events: place them anew.
                        for file in change.adds {
                            file.abandon(&self.lake).await?;
                        }
                        self.filter = self.filter.emptied();
                        self.events = now;
                    }
                }
            }
            if done {
                dedup::remember(&mut self.filter, collected);
                for (file, rows) in placement.stored {
                    *self.stored.entry(file).or_default() += rows;
                }
                for (file, rows) in placement.superseded {
                    *self.superseded.entry(file).or_default() += rows;
                }
                return Ok(());
            }
        }
        Err(Error::Contention {
            tries: COMMIT_TRIES,
        }
        .into())
    }

    /// Appends a row for every agent that is new or was seen earlier than known; of starts that are
    /// equal the least spelling counts, so that the order of arrival does not show.
    async fn store_agents(&mut self, collected: &Collected) -> crate::error::Result<()> {
        let mut first: BTreeMap<i64, (Micros, String, u32)> = BTreeMap::new();
        for (row, key) in collected.keys.iter().enumerate() {
            if key.retracts {
                continue;
            }
            let best = first
                .get(&key.agent_id)
                .map(|(start, _, _)| *start)
                .or_else(|| self.agents.get(&key.agent_id).map(|(start, _)| *start));
            if best.is_some_and(|best| best < key.start) {
                continue;
            }
            let row = row as u32;
            let seen = (key.start, collected.spelling(row), row);
            let earlier_in_lake = self
                .agents
                .get(&key.agent_id)
                .is_some_and(|known| (known.0, &known.1) <= (seen.0, &seen.1));
            let earlier_here = first
                .get(&key.agent_id)
                .is_some_and(|known| (known.0, &known.1) <= (seen.0, &seen.1));
            if !earlier_in_lake && !earlier_here {
                first.insert(key.agent_id, seen);
            }
        }
        if first.is_empty() {
            return Ok(());
        }
        let rows: Vec<u32> = first.values().map(|(_, _, row)| *row).collect();
        let batch = collected.agents(&rows)?;
        self.append(&tables::AGENTS, batch, "agents").await?;
        self.agents.extend(
            first
                .into_iter()
                .map(|(agent, (start, spelling, _))| (agent, (start, spelling))),
        );
        Ok(())
    }

    /// Appends a row for everything that an event names and the lake is not known to hold.
    async fn store_applications(&mut self, collected: &Collected) -> crate::error::Result<()> {
        let mut new = HashSet::new();
        let mut rows = Vec::new();
        for (row, id) in collected.application_id.values().iter().enumerate() {
            if !self.applications.contains(id) && new.insert(*id) {
                rows.push(row as u32);
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let batch = collected.applications(&rows)?;
        self.append(&tables::APPLICATIONS, batch, "applications")
            .await?;
        // Forgetting costs a row written twice, which readers take once.
        if self.applications.len() + new.len() > APPLICATIONS_KNOWN_MAX {
            self.applications.clear();
        }
        self.applications.extend(new);
        Ok(())
    }

    async fn store_rejects(&self, rejects: &[(usize, Reject)]) -> crate::error::Result<()> {
        let texts = |of: &dyn Fn(&(usize, Reject)) -> String| -> ArrayRef {
            Arc::new(
                rejects
                    .iter()
                    .map(|reject| Some(of(reject)))
                    .collect::<StringArray>(),
            )
        };
        let name = |file: usize| self.names.get(file).cloned().unwrap_or_default();
        let columns = vec![
            texts(&|_| self.load_id.clone()),
            self.instants(rejects.len()),
            texts(&|(file, _)| name(*file)),
            Arc::new(
                rejects
                    .iter()
                    .map(|(_, reject)| i64::try_from(reject.line).ok())
                    .collect::<Int64Array>(),
            ),
            texts(&|(_, reject)| reject.field.clone()),
            texts(&|(_, reject)| reject.reason.to_owned()),
            texts(&|(_, reject)| reject.value.clone()),
        ];
        let batch = table_batch(&tables::REJECTS, columns)?;
        self.append(&tables::REJECTS, batch, "rejects").await
    }

    async fn log(&mut self, files: &[FileSummary]) -> crate::error::Result<()> {
        let texts = |of: &dyn Fn(&FileSummary) -> String| -> ArrayRef {
            Arc::new(
                files
                    .iter()
                    .map(|file| Some(of(file)))
                    .collect::<StringArray>(),
            )
        };
        let counts = |of: &dyn Fn(&FileSummary) -> u64| -> ArrayRef {
            Arc::new(
                files
                    .iter()
                    .map(|file| i64::try_from(of(file)).ok())
                    .collect::<Int64Array>(),
            )
        };
        let columns = vec![
            texts(&|_| self.load_id.clone()),
            self.instants(files.len()),
            texts(&|file| file.name.clone()),
            texts(&|file| file.kind.clone()),
            counts(&|file| file.read),
            counts(&|file| file.stored),
            counts(&|file| file.superseded),
            counts(&|file| file.refused),
            counts(&|file| file.rejected),
        ];
        let batch = table_batch(&tables::LOADS, columns)?;
        self.append(&tables::LOADS, batch, "loads").await
    }

    fn instants(&self, rows: usize) -> ArrayRef {
        Arc::new(
            TimestampMicrosecondArray::from(vec![self.as_of.micros(); rows]).with_timezone("UTC"),
        )
    }

    async fn append(
        &self,
        spec: &Arc<TableSpec>,
        batch: RecordBatch,
        what: &str,
    ) -> crate::error::Result<()> {
        let mut file = FileWriter::create(&self.lake, spec, None, self.options)?;
        file.write(&batch).await?;
        let change = Change {
            adds: vec![file.finish(None).await?],
            transaction: Some((format!("{what}:{}", self.load_id), self.batch)),
            rows_change: true,
            ..Change::default()
        };
        self.lake.append(spec, change).await?;
        Ok(())
    }
}

fn table_batch(spec: &TableSpec, columns: Vec<ArrayRef>) -> Result<RecordBatch, Error> {
    RecordBatch::try_new(Arc::clone(&spec.schema), columns).map_err(|cause| Error::Batch {
        cause: cause.to_string(),
    })
}

/// So many applications a load remembers, of 8 bytes each.
const APPLICATIONS_KNOWN_MAX: usize = 2_000_000;

/// Numbers of the applications that the lake holds.
async fn known_applications(lake: &Lake) -> crate::error::Result<HashSet<i64>> {
    let snapshot = lake.snapshot(&tables::APPLICATIONS).await?;
    let mut known = HashSet::new();
    if snapshot.files.is_empty() {
        return Ok(known);
    }
    let mut stream = lake::read(lake, &snapshot, Scope::default(), &["application_id"]).await?;
    let failed = |cause: datafusion::error::DataFusionError| Error::Batch {
        cause: cause.to_string(),
    };
    while let Some(batch) = stream.try_next().await.map_err(failed)? {
        if let [ids] = batch.columns() {
            known.extend(ids.as_primitive::<Int64Type>().values());
        }
        if known.len() > APPLICATIONS_KNOWN_MAX {
            break;
        }
    }
    Ok(known)
}

/// First starts and spellings of the agents that the lake knows.
async fn known_agents(lake: &Lake) -> crate::error::Result<HashMap<i64, (Micros, String)>> {
    let snapshot = lake.snapshot(&tables::AGENTS).await?;
    let mut known: HashMap<i64, (Micros, String)> = HashMap::new();
    if snapshot.files.is_empty() {
        return Ok(known);
    }
    let mut columns = vec!["agent_id", "first_start"];
    columns.extend(SPELLING);
    let mut stream = lake::read(lake, &snapshot, Scope::default(), &columns).await?;
    let failed = |cause: datafusion::error::DataFusionError| Error::Batch {
        cause: cause.to_string(),
    };
    while let Some(batch) = stream.try_next().await.map_err(failed)? {
        if let [agents, starts, names @ ..] = batch.columns() {
            let agents = agents.as_primitive::<Int64Type>();
            let starts = starts.as_primitive::<TimestampMicrosecondType>();
            for row in 0..agents.len() {
                let seen = (starts.value(row), spelling(names.iter(), row));
                known
                    .entry(agents.value(row))
                    .and_modify(|first| {
                        if seen < *first {
                            *first = seen.clone();
                        }
                    })
                    .or_insert(seen);
            }
        }
    }
    Ok(known)
}
