//! Everything a query depends on, at one moment: settings, people, models, and one snapshot of
//! every stored table. From it come the sessions in which models are planned.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use datafusion::common::ScalarValue;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::{SessionConfig, SessionContext, ident, lit};

use super::day_ranges::DayRanges;
use super::fingerprint::Ingredients;
use super::library::{Kind, Library, Model};
use super::moment::plan;
use super::org_tables::{self, OrgTables};
use super::people::{Agent, People};
use super::{Error, calendar_time_off, operators};
use crate::clock::AsOf;
use crate::config::Settings;
use crate::config::org::Org;
use crate::config::shipped::Shipped;
use crate::lake::{ColumnCache, DataFile, Lake, Scope, Snapshot, TableSpec, tables};

/// The catalog name that clients see.
pub const CATALOG: &str = "activlake";
/// The schema of the public views.
pub const PUBLIC: &str = "activconnect";
/// The schema of stored tables and steps between.
pub const INTERNAL: &str = "internal";

/// What stays the same while a process runs. Cheap to clone.
#[derive(Clone)]
pub struct Setup {
    pub lake: Lake,
    pub settings: Arc<Settings>,
    pub shipped: Arc<Shipped>,
    pub library: Arc<Library>,
    pub runtime: Arc<RuntimeEnv>,
    /// What a server remembers of small files.
    pub cache: Arc<ColumnCache>,
    pub as_of: AsOf,
    /// Whether `as_of` is now, and moves on with every refresh.
    pub follows_clock: bool,
}

impl Setup {
    /// Sets the engine up with the limits of the settings.
    pub fn new(
        lake: Lake,
        settings: Arc<Settings>,
        shipped: Arc<Shipped>,
        library: Arc<Library>,
        as_of: Option<AsOf>,
    ) -> Result<Setup, Error> {
        let limits = &settings.limits;
        let pool = TrackConsumersPool::new(
            FairSpillPool::new(limits.memory_bytes),
            std::num::NonZeroUsize::MIN.saturating_add(4),
        );
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_metadata_cache_limit(limits.file_metadata_bytes)
            .with_disk_manager_builder(
                DiskManagerBuilder::default()
                    .with_mode(DiskManagerMode::OsTmpDirectory)
                    .with_max_temp_directory_size(limits.spill_bytes),
            )
            .build_arc()
            .map_err(|cause| Error::Engine(cause.to_string()))?;
        lake.register(&runtime);
        let cache = ColumnCache::new(limits.column_cache_bytes, &runtime.memory_pool);
        Ok(Setup {
            lake,
            settings,
            shipped,
            library,
            runtime,
            cache: Arc::new(cache),
            as_of: as_of.unwrap_or_else(AsOf::now),
            follows_clock: as_of.is_none(),
        })
    }

    /// Threads and plan partitions.
    pub fn threads(&self) -> usize {
        match self.settings.limits.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    /// A session with this setup's limits and no tables.
    pub fn session(&self) -> SessionContext {
        self.session_of(self.threads())
    }

    /// The same with plans of so many partitions.
    pub(super) fn session_of(&self, partitions: usize) -> SessionContext {
        let mut config = SessionConfig::new()
            .with_target_partitions(partitions)
            .with_batch_size(self.settings.limits.batch_rows)
            .with_default_catalog_and_schema(CATALOG, INTERNAL)
            .with_information_schema(true)
            .with_create_default_catalog_and_schema(true);
        let options = config.options_mut();
        // Old drivers know no view types, and a model's output must be what its description says.
        options.sql_parser.map_string_types_to_utf8view = false;
        options.sql_parser.collect_spans = true;
        options.optimizer.prefer_existing_sort = true;
        options.optimizer.repartition_file_scans = true;
        let builder = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(&self.runtime))
            .with_default_features();
        let session = SessionContext::new_with_state(operators::used(builder).build());
        session.add_optimizer_rule(Arc::new(DayRanges));
        session
    }

    /// The stored table of a model that is computed by day.
    pub fn model_table(model: &Model) -> Option<Arc<TableSpec>> {
        if model.kind != Kind::Table {
            return None;
        }
        let partition = model.time_column.as_deref()?;
        let order = if model.order.is_empty() {
            &model.key
        } else {
            &model.order
        };
        let order: Vec<&str> = order
            .iter()
            .map(String::as_str)
            .filter(|column| *column != partition)
            .collect();
        Some(TableSpec::new(
            format!("models/{}", model.name),
            model.schema(),
            Some(partition),
            &order,
        ))
    }
}

/// The settings, people and snapshots of one moment. Cheap to clone.
#[derive(Clone)]
pub struct World {
    pub setup: Setup,
    pub org: Arc<Org>,
    /// Version of the organisation's settings; 0 when none were applied yet.
    pub org_version: i64,
    /// Where they are kept.
    org_table: Snapshot,
    pub people: Arc<People>,
    pub org_tables: Arc<OrgTables>,
    /// Stored tables by the name that models use: `raw_events` and such, and models.
    pub snapshots: BTreeMap<String, Snapshot>,
    pub as_of: AsOf,
}

/// What events name, by a number that is made of it: a row never changes, and new ones change
/// nothing that was computed before.
pub const RAW_APPLICATIONS: &str = "raw_applications";

/// The two parts of `raw_events`: dates on which no event came twice, and the others.
const RAW_EVENTS_PARTS: [&str; 2] = ["raw_events_once", "raw_events_revised"];

/// The model of how long each zone was reported, which `timezone_mode = user` goes by.
const ZONE_SECONDS: &str = "int_zone_seconds";

/// The dates of events on which some event came twice, or may have.
fn revised_dates(events: &Snapshot) -> HashSet<Option<i32>> {
    let once = |file: &DataFile| {
        matches!(
            file.ranges.get("revision"),
            Some((_, ScalarValue::Int32(Some(0))))
        )
    };
    let revised = events.files.iter().filter(|file| !once(file));
    revised.map(|file| file.day).collect()
}

/// The names under which models read the engine's own tables.
fn raw_tables() -> [(&'static str, Arc<TableSpec>); 8] {
    [
        ("raw_events", Arc::clone(&tables::EVENTS_RAW)),
        ("raw_agents", Arc::clone(&tables::AGENTS)),
        (RAW_APPLICATIONS, Arc::clone(&tables::APPLICATIONS)),
        ("raw_meetings", Arc::clone(&tables::MEETINGS_RAW)),
        ("raw_calendar_syncs", Arc::clone(&tables::CALENDAR_SYNCS)),
        ("raw_rejects", Arc::clone(&tables::REJECTS)),
        ("raw_loads", Arc::clone(&tables::LOADS)),
        ("row_history", Arc::clone(&tables::ROW_HISTORY)),
    ]
}

impl World {
    /// Reads the settings and a snapshot of every table.
    pub async fn open(setup: &Setup) -> crate::error::Result<World> {
        let as_of = if setup.follows_clock {
            AsOf::now()
        } else {
            setup.as_of
        };
        let models = setup.library.in_order().filter_map(|model| {
            let spec = Setup::model_table(model)?;
            Some((model.name.clone(), spec))
        });
        let raw = raw_tables().map(|(name, spec)| (name.to_owned(), spec));
        // Side by side: reading a log is work for a thread, and waiting where a store is far away.
        let reading: Vec<_> = raw
            .into_iter()
            .chain(models)
            .map(|(name, spec)| {
                let lake = setup.lake.clone();
                (
                    name,
                    tokio::spawn(async move { lake.snapshot(&spec).await }),
                )
            })
            .collect();
        let mut snapshots = BTreeMap::new();
        for (name, snapshot) in reading {
            let snapshot = snapshot.await;
            let snapshot = snapshot.map_err(|cause| Error::Engine(cause.to_string()))?;
            snapshots.insert(name, snapshot?);
        }
        if let Some(events) = snapshots.get("raw_events") {
            let revised = revised_dates(events);
            let [once, twice] = [false, true]
                .map(|wanted| events.only(|file| revised.contains(&file.day) == wanted));
            for (name, part) in RAW_EVENTS_PARTS.into_iter().zip([once, twice]) {
                snapshots.insert(name.to_owned(), part);
            }
        }
        let org_table = setup.lake.snapshot(&tables::ORG).await?;
        let stored_org = super::stored_org::latest_in(setup, &org_table).await?;
        let org = Arc::new(stored_org.org);
        let agents = read_agents(setup, &snapshots).await?;
        let people = Arc::new(People::new(agents, &org)?);
        let names = setup.shipped.zone_names();
        let mut world = World {
            setup: setup.clone(),
            org: Arc::clone(&org),
            org_version: stored_org.version,
            org_table,
            people,
            org_tables: Arc::default(),
            snapshots,
            as_of,
        };
        let mut zones =
            org_tables::reporting_zones(&setup.settings, &names, &world.people, &BTreeMap::new());
        world.org_tables = Arc::new(world.tables_in(&zones)?);
        let calendars = calendar_time_off::instances(&world);
        if !calendars.is_empty() {
            let more = calendar_time_off::records(&world, &calendars).await?;
            if !more.is_empty() {
                let mut org = Org::clone(&world.org);
                org.time_off.extend(more);
                world.org = Arc::new(org);
                world.org_tables = Arc::new(world.tables_in(&zones)?);
            }
        }
        if setup.settings.account.timezone_mode == crate::config::TimezoneMode::User {
            let reported = world.reported_zones().await?;
            zones = org_tables::reporting_zones(&setup.settings, &names, &world.people, &reported);
            world.org_tables = Arc::new(world.tables_in(&zones)?);
        }
        Ok(world)
    }

    fn tables_in(
        &self,
        zones: &crate::functions::local_time::ReportingZones,
    ) -> Result<OrgTables, Error> {
        org_tables::build(&org_tables::Sources {
            settings: &self.setup.settings,
            org: &self.org,
            shipped: &self.setup.shipped,
            people: &self.people,
            zones: zones.clone(),
            as_of: self.as_of.micros(),
        })
    }

    /// Whether anything was committed since.
    pub async fn is_stale(&self) -> crate::error::Result<bool> {
        // Parts are as new as the whole.
        let whole = self
            .snapshots
            .iter()
            .filter(|(name, _)| !RAW_EVENTS_PARTS.contains(&name.as_str()))
            .map(|(_, snapshot)| snapshot);
        // Side by side: each asks the store once, and a store may be far away.
        let probes = whole
            .chain([&self.org_table])
            .map(|snapshot| self.setup.lake.is_stale(snapshot));
        let stale = futures::future::try_join_all(probes).await?;
        Ok(stale.contains(&true))
    }

    /// By user and UTC date: the first event, and the zone that most raw seconds reported.
    async fn reported_zones(
        &self,
    ) -> crate::error::Result<BTreeMap<i64, Vec<(i64, Option<String>)>>> {
        let Some(model) = self.setup.library.get(ZONE_SECONDS) else {
            return Ok(BTreeMap::new());
        };
        // Of most dates a run has stored them; the others' events are read.
        let ingredients = Ingredients::of(self, model);
        let stored = self.snapshots.get(ZONE_SECONDS);
        let current = |day: i32| {
            let file = stored.and_then(|stored| stored.day(day).next());
            file.and_then(|file| file.fingerprint.as_ref())
                .is_some_and(|known| *known == ingredients.fingerprint(self, day))
        };
        let days: BTreeSet<i32> = RAW_EVENTS_PARTS
            .iter()
            .filter_map(|name| self.snapshots.get(*name))
            .flat_map(|snapshot| snapshot.files.iter().filter_map(|file| file.day))
            .collect();
        let fresh: BTreeSet<i32> = days.iter().copied().filter(|day| current(*day)).collect();
        let mut parts = self.clone();
        for (name, snapshot) in &mut parts.snapshots {
            let wanted = |day: Option<i32>| day.is_some_and(|day| fresh.contains(&day));
            if name == ZONE_SECONDS {
                *snapshot = snapshot.only(|file| wanted(file.day));
            } else if RAW_EVENTS_PARTS.contains(&name.as_str()) {
                *snapshot = snapshot.only(|file| !wanted(file.day));
            }
        }
        let session = parts.stored_session(&HashMap::new())?;
        let mut batches = Vec::new();
        if !fresh.is_empty() {
            let frame = session.table(ZONE_SECONDS).await.map_err(Error::running)?;
            batches.extend(frame.collect().await.map_err(Error::running)?);
        }
        if fresh.len() < days.len() {
            let plan = plan(&session, model).await?;
            let frame = session
                .execute_logical_plan(plan)
                .await
                .map_err(Error::running)?;
            batches.extend(frame.collect().await.map_err(Error::running)?);
        }
        // (user, first start of the date) → (seconds, zone): most seconds, then the least name.
        let mut best: BTreeMap<(i64, i64), (i64, String)> = BTreeMap::new();
        for batch in &batches {
            let number = |name: &str| batch.column_by_name(name).cloned();
            let (Some(users), Some(zones), Some(seconds), Some(firsts)) = (
                number("user_id"),
                number("timezone"),
                number("seconds"),
                number("first_start"),
            ) else {
                continue;
            };
            for row in 0..batch.num_rows() {
                let key = (
                    users.as_primitive::<Int64Type>().value(row),
                    firsts.as_primitive::<TimestampMicrosecondType>().value(row),
                );
                let seconds = seconds.as_primitive::<Int64Type>().value(row);
                let zone = zones.as_string::<i32>().value(row);
                let wins = best.get(&key).is_none_or(|(most, name)| {
                    seconds > *most || (seconds == *most && zone < name.as_str())
                });
                if wins {
                    best.insert(key, (seconds, zone.to_owned()));
                }
            }
        }
        let mut out: BTreeMap<i64, Vec<(i64, Option<String>)>> = BTreeMap::new();
        for ((user, first), (_, zone)) in best {
            out.entry(user).or_default().push((first, Some(zone)));
        }
        Ok(out)
    }

    /// A table with days that are not stored as they should be now: what is stored of the others, and
    /// a plan for these.
    pub(super) async fn live(
        &self,
        model: &Model,
        scopes: &HashMap<String, Scope>,
    ) -> crate::error::Result<Option<(Snapshot, LogicalPlan)>> {
        let (Some(stored), Some(day_column)) = (
            self.snapshots.get(&model.name),
            model.time_column.as_deref(),
        ) else {
            return Ok(None);
        };
        let ingredients = Ingredients::of(self, model);
        let scope = scopes.get(&model.name).copied().unwrap_or_default();
        let mut stale = ingredients.input_days(self);
        stale.extend(stored.files.iter().filter_map(|file| file.day));
        stale.retain(|day| {
            scope.holds(Some(*day)) && {
                let fingerprint = ingredients.fingerprint(self, *day);
                !Ingredients::is_stored(self, &model.name, *day, &fingerprint)
            }
        });
        if stale.is_empty() {
            return Ok(None);
        }
        let mut parts = self.clone();
        for (name, before, after) in &ingredients.inputs {
            let read: BTreeSet<i32> = stale
                .iter()
                .flat_map(|day| day - before..=day + after)
                .collect();
            if let Some(snapshot) = parts.snapshots.get_mut(name) {
                *snapshot = snapshot.only(|file| file.day.is_none_or(|day| read.contains(&day)));
            }
        }
        let session = parts.stored_session(scopes)?;
        let days = stale.iter().map(|day| lit(ScalarValue::Date32(Some(*day))));
        let fresh = LogicalPlanBuilder::from(plan(&session, model).await?)
            .filter(ident(day_column).in_list(days.collect(), false))
            .and_then(LogicalPlanBuilder::build)
            .map_err(Error::running)?;
        let stored = stored.only(|file| file.day.is_none_or(|day| !stale.contains(&day)));
        Ok(Some((stored, fresh)))
    }
}

async fn read_agents(
    setup: &Setup,
    snapshots: &BTreeMap<String, Snapshot>,
) -> crate::error::Result<Vec<Agent>> {
    let Some(snapshot) = snapshots.get("raw_agents") else {
        return Ok(Vec::new());
    };
    super::agents::read(setup, snapshot).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maintenance_knows_every_table_that_models_read() {
        let kept: Vec<String> = tables::all().iter().map(|spec| spec.name.clone()).collect();
        for (name, spec) in raw_tables() {
            assert!(kept.contains(&spec.name), "{name} is not maintained");
        }
    }
}
