//! One moment as the engine sees it: a schema of every stored table and every model, each made when a
//! plan first asks for it, and kept. Planning all of them costs more than most queries.
//!
//! In flows a [`World`]; out come sessions. A model's plan asks for its inputs in turn; the library has
//! seen that no model needs itself.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::datasource::{MemTable, ViewTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::SessionContext;
use tokio::sync::OnceCell;

use super::library::{Kind, Model};
use super::lookup::{ComputedOnce, Keyed};
use super::world::{CATALOG, INTERNAL, Setup, World};
use super::{Error, org_tables, place, types};
use crate::lake::{self, Scope};

/// What a session shows of days that are not stored as they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// Live models compute them on the spot.
    Live,
    /// The same, and columns of small files are kept for the next query.
    Served,
    /// Nothing.
    Stored,
}

impl World {
    /// A session in which every model can be read; stored tables show the days of their scope, all
    /// days where none is given, and those of live models are computed where they are not stored.
    pub fn session(&self, scopes: &HashMap<String, Scope>) -> Result<SessionContext, Error> {
        session(self, scopes, self.setup.threads(), Shown::Live)
    }

    /// The same for a process that is asked again and again.
    pub fn served_session(&self) -> Result<SessionContext, Error> {
        session(self, &HashMap::new(), self.setup.threads(), Shown::Served)
    }

    /// The same over what is stored alone.
    pub fn stored_session(&self, scopes: &HashMap<String, Scope>) -> Result<SessionContext, Error> {
        session(self, scopes, self.setup.threads(), Shown::Stored)
    }

    /// The same with plans of one partition: they keep the order of the stored tables without
    /// sorting, and several of them keep several threads busy.
    pub fn ordered_session(
        &self,
        scopes: &HashMap<String, Scope>,
    ) -> Result<SessionContext, Error> {
        session(self, scopes, 1, Shown::Stored)
    }
}

/// A session over a moment, with plans of so many partitions.
fn session(
    world: &World,
    scopes: &HashMap<String, Scope>,
    partitions: usize,
    shown: Shown,
) -> Result<SessionContext, Error> {
    let session = world.setup.session_of(partitions);
    crate::functions::register(&session, &world.org_tables.functions);
    let engine = |cause: DataFusionError| Error::Engine(cause.to_string());
    let catalog = session
        .catalog(CATALOG)
        .ok_or_else(|| Error::Engine("the catalog is missing".into()))?;
    // The state holds the schema: were the schema to hold the state, neither would ever be dropped.
    let state = session.state_weak_ref();
    let moment = Moment {
        world: world.clone(),
        scopes: scopes.clone(),
        shown,
        state: Box::new(move || state.upgrade().map(|state| state.read().clone())),
        made: Mutex::default(),
        names: OnceLock::new(),
    };
    catalog
        .register_schema(INTERNAL, Arc::new(moment))
        .map_err(engine)?;
    Ok(session)
}

type Table = Arc<dyn TableProvider>;

struct Moment {
    world: World,
    scopes: HashMap<String, Scope>,
    shown: Shown,
    /// Of the session that this is the schema of, while it lives.
    state: Box<dyn Fn() -> Option<SessionState> + Send + Sync>,
    made: Mutex<HashMap<String, Arc<OnceCell<Table>>>>,
    names: OnceLock<Vec<String>>,
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moment")
            .field("as_of", &self.world.as_of)
            .field("shown", &self.shown)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SchemaProvider for Moment {
    fn table_names(&self) -> Vec<String> {
        let names = self.names.get_or_init(|| {
            let tables = self.world.org_tables.tables.keys().copied();
            let stored = self.world.snapshots.keys().map(String::as_str);
            let views = self.world.setup.library.in_order();
            let views = views.filter(|model| model.kind == Kind::View);
            let mut names: Vec<String> = tables
                .chain(stored)
                .chain(views.map(|model| model.name.as_str()))
                .map(str::to_owned)
                .collect();
            names.sort();
            names
        });
        names.clone()
    }

    async fn table(&self, name: &str) -> Result<Option<Table>, DataFusionError> {
        if !self.table_exist(name) {
            return Ok(None);
        }
        let cell = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(made.entry(name.to_owned()).or_default())
        };
        let table = cell.get_or_try_init(|| self.make(name)).await;
        table
            .cloned()
            .map(Some)
            .map_err(|error| DataFusionError::External(Box::new(error)))
    }

    fn table_exist(&self, name: &str) -> bool {
        let world = &self.world;
        world.org_tables.tables.contains_key(name)
            || world.snapshots.contains_key(name)
            || world
                .setup
                .library
                .get(name)
                .is_some_and(|model| model.kind == Kind::View)
    }
}

impl Moment {
    async fn make(&self, name: &str) -> crate::error::Result<Table> {
        if let Some(rows) = self.world.org_tables.tables.get(name) {
            return Ok(memory_table(name, rows)?);
        }
        let model = self.world.setup.library.get(name);
        let key = model.filter(|model| model.lookup).map(|model| &model.key);
        let table = match (self.world.snapshots.get(name), model) {
            (Some(_), _) => self.stored(name, model.map(AsRef::as_ref)).await?,
            (None, Some(model)) => {
                let state = (self.state)()
                    .ok_or_else(|| Error::Engine("the session of a plan is gone".into()))?;
                let plan = plan_in(&state, model).await?;
                match key {
                    Some(_) => Arc::new(ComputedOnce::new(plan)) as Table,
                    None => Arc::new(ViewTable::new(plan, None)),
                }
            }
            (None, None) => return Err(Error::Engine(format!("there is no table {name}")).into()),
        };
        Ok(match key {
            Some(key) => Arc::new(Keyed::new(table, key)),
            None => table,
        })
    }

    /// A stored table's rows, with those of a live model that have to be computed.
    async fn stored(&self, name: &str, model: Option<&Model>) -> crate::error::Result<Table> {
        let scope = self.scopes.get(name).copied().unwrap_or_default();
        let Setup { lake, cache, .. } = &self.world.setup;
        let scan = |snapshot| match self.shown {
            Shown::Served => lake::scan_kept(lake, snapshot, scope, cache),
            Shown::Live | Shown::Stored => lake::scan(lake, snapshot, scope),
        };
        let live = model.filter(|model| model.live && self.shown != Shown::Stored);
        let fresh = match live {
            Some(model) => self.world.live(model, &self.scopes).await?,
            None => None,
        };
        if let Some((stored, computed)) = fresh {
            let both = LogicalPlanBuilder::scan(name, provider_as_source(scan(&stored)), None)
                .and_then(|stored| stored.union(computed))
                .and_then(LogicalPlanBuilder::build)
                .map_err(Error::running)?;
            return Ok(Arc::new(ViewTable::new(both, None)));
        }
        let snapshot = self.world.snapshots.get(name);
        let snapshot =
            snapshot.ok_or_else(|| Error::Engine(format!("there is no stored table {name}")))?;
        Ok(scan(snapshot))
    }
}

fn memory_table(name: &str, batch: &RecordBatch) -> Result<Table, Error> {
    let table = MemTable::try_new(batch.schema(), vec![vec![batch.clone()]])
        .map_err(|cause| Error::Engine(cause.to_string()))?;
    let unique = org_tables::UNIQUE.iter().find(|(table, _)| *table == name);
    Ok(match unique {
        Some((_, column)) => Arc::new(Keyed::new(Arc::new(table), &[(*column).to_owned()])),
        None => Arc::new(table),
    })
}

/// Plans a model and holds its output against its description.
///
/// # Errors
/// [`Error::Model`] where its SQL is wrong or its output is not what its description says; the error of
/// an input that is wrong.
pub async fn plan(session: &SessionContext, model: &Model) -> Result<LogicalPlan, Error> {
    plan_in(&session.state(), model).await
}

async fn plan_in(state: &SessionState, model: &Model) -> Result<LogicalPlan, Error> {
    let wrong = |cause: String| Error::Model {
        model: model.name.clone(),
        cause,
    };
    let plan = state
        .create_logical_plan(&model.sql)
        .await
        .map_err(|cause| {
            Error::below(&cause).unwrap_or_else(|| wrong(place::explain(&model.sql, &cause)))
        })?;
    // A description without columns (a user's draft) promises nothing.
    if !model.columns.is_empty() {
        let told: Vec<String> = model
            .schema()
            .fields()
            .iter()
            .map(|field| format!("{} {}", field.name(), types::name(field.data_type())))
            .collect();
        let made: Vec<String> = plan
            .schema()
            .fields()
            .iter()
            .map(|field| {
                format!(
                    "{} {}",
                    field.name(),
                    types::name(&types::wire(field.data_type()))
                )
            })
            .collect();
        if told != made {
            return Err(wrong(difference(&told, &made)));
        }
    }
    Ok(plan)
}

fn difference(told: &[String], made: &[String]) -> String {
    let first = told
        .iter()
        .zip(made)
        .position(|(a, b)| a != b)
        .unwrap_or(told.len().min(made.len()));
    format!(
        "its SQL and its description differ from column {} on: described {}, made {} ({} and {} columns)",
        first + 1,
        told.get(first).map_or("nothing", String::as_str),
        made.get(first).map_or("nothing", String::as_str),
        told.len(),
        made.len(),
    )
}
