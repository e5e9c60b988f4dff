//! Reading: the views at one moment, statements gated, planned and run.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::datasource::ViewTable;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::OptimizerRule;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use tokio::sync::{Mutex, OnceCell};

use super::eager_aggregate::EagerAggregate;
use super::library::{Audience, Kind, Model};
use super::lookup::UnusedLookup;
use super::moment::plan;
use super::narrowed::Narrowed;
use super::world::{CATALOG, INTERNAL, PUBLIC, Setup, World};
use super::{Error, place, types};

/// One view a client may see.
#[derive(Clone, Debug)]
pub struct ViewInfo {
    pub name: String,
    pub description: String,
    /// Contract columns first, then extensions; wire types, all nullable.
    pub columns: Vec<ColumnInfo>,
    /// Columns of the documented key, in order; may be empty.
    pub key: Vec<String>,
}

/// One column of a view.
#[derive(Clone, Debug)]
pub struct ColumnInfo {
    pub field: FieldRef,
    pub description: String,
}

/// Reads the lake through the models. Cheap to clone; all clones see the same moment.
#[derive(Clone)]
pub struct Reader {
    setup: Setup,
    audience: Audience,
    views: Arc<Vec<ViewInfo>>,
    open: Arc<RwLock<Arc<Open>>>,
    /// Held by who opens the next moment: many may ask at once, and one is enough.
    opening: Arc<Mutex<()>>,
}

struct Open {
    world: World,
    session: SessionContext,
}

impl Reader {
    /// Opens the lake for an audience: `Public` sees the public views alone; `Operator` every
    /// model and stored table, too.
    pub async fn open(setup: Setup, audience: Audience) -> crate::error::Result<Reader> {
        let views = setup
            .library
            .in_order()
            .filter(|model| visible(model, audience))
            .map(|model| view_info(model))
            .collect::<Vec<_>>();
        let mut views = views;
        views.sort_by(|a, b| a.name.cmp(&b.name));
        let open = moment(&setup, audience).await?;
        Ok(Reader {
            setup,
            audience,
            views: Arc::new(views),
            open: Arc::new(RwLock::new(Arc::new(open))),
            opening: Arc::default(),
        })
    }

    /// Plans every view, so that a wrong one is known before a client asks for it.
    ///
    /// # Errors
    /// Class `Model` for the first that is wrong.
    pub async fn check(&self) -> crate::error::Result<()> {
        let open = self.current();
        for view in self.views.iter() {
            let found = open.session.table_provider(view.name.as_str()).await;
            found.map_err(Error::running)?;
        }
        Ok(())
    }

    /// Views in name order.
    pub fn views(&self) -> Vec<ViewInfo> {
        self.views.as_ref().clone()
    }

    /// Catalog and schema of the views.
    pub fn names(&self) -> (&str, &str) {
        (CATALOG, PUBLIC)
    }

    /// Picks up what was committed to the lake since, and moves the clock on; cheap when nothing
    /// was committed.
    pub async fn refresh(&self) -> crate::error::Result<()> {
        if !self.is_old().await? {
            return Ok(());
        }
        let _opening = self.opening.lock().await;
        // Somebody else may have opened it while this one waited.
        if !self.is_old().await? {
            return Ok(());
        }
        let open = Arc::new(moment(&self.setup, self.audience).await?);
        *self
            .open
            .write()
            .unwrap_or_else(|broken| broken.into_inner()) = open;
        Ok(())
    }

    /// Whether something was committed since, or the clock has moved on.
    async fn is_old(&self) -> crate::error::Result<bool> {
        let now = self.current();
        let clock_moved = self.setup.follows_clock
            && crate::clock::AsOf::now().micros() - now.world.as_of.micros() > CLOCK_STEP_MICROS;
        Ok(clock_moved || now.world.is_stale().await?)
    }

    fn current(&self) -> Arc<Open> {
        Arc::clone(
            &self
                .open
                .read()
                .unwrap_or_else(|broken| broken.into_inner()),
        )
    }

    /// Events stored after the last run, which the views do not show yet: raw rows, less the rows
    /// laid out by day. Zero or less when all are shown.
    pub fn unshown_events(&self) -> i64 {
        let open = self.current();
        let rows = |name: &str| {
            open.world
                .snapshots
                .get(name)
                .map_or(0, |s| s.rows() as i64)
        };
        rows("raw_events") - rows("int_events_by_day")
    }

    /// Whether nothing was ever loaded or applied here.
    pub fn is_empty(&self) -> bool {
        let open = self.current();
        open.world.org_version == 0
            && open
                .world
                .snapshots
                .values()
                .all(|snapshot| snapshot.version < 0)
    }

    /// Parses, gates (exactly one statement that only reads) and plans.
    ///
    /// # Errors
    /// Class `Model` for wrong SQL, with the place and near names; `Denied` for what is not a read.
    pub async fn prepare(&self, sql: &str) -> crate::error::Result<Statement> {
        let open = self.current();
        let state = open.session.state();
        let statements = datafusion::sql::parser::DFParser::parse_sql(sql)
            .map_err(|cause| Error::Query(place::explain(sql, &cause)))?;
        if statements.len() != 1 {
            return Err(Error::Query(format!(
                "one statement at a time; this is {}",
                statements.len()
            ))
            .into());
        }
        let plan = state.create_logical_plan(sql).await.map_err(|cause| {
            Error::below(&cause).unwrap_or_else(|| Error::Query(self.explain(sql, &cause)))
        })?;
        gate(&plan, self.audience)?;
        Statement::new(open, plan)
    }

    fn explain(&self, sql: &str, error: &DataFusionError) -> String {
        let text = place::explain(sql, error);
        // DataFusion names the table in full, and only that.
        let Some(rest) = text.split("table '").nth(1) else {
            return text;
        };
        let (Some(name), true) = (rest.split('\'').next(), text.contains("not found")) else {
            return text;
        };
        let short = name.rsplit('.').next().unwrap_or(name);
        let names = self.views.iter().map(|view| view.name.as_str());
        let tail = text.split_once('\n').map_or("", |(_, tail)| tail);
        let mut out = format!(
            "there is no view '{short}'{}",
            place::suggestion(short, names)
        );
        if !tail.is_empty() {
            out.push('\n');
            out.push_str(tail);
        }
        out
    }
}

/// How far the clock may move before a server looks at it again: an as-of instant that changes with
/// every statement would plan everything anew every time.
const CLOCK_STEP_MICROS: i64 = 10 * 1_000_000;

fn visible(model: &Model, audience: Audience) -> bool {
    match audience {
        Audience::Public => model.audience == Audience::Public,
        Audience::Operator | Audience::Internal => model.audience != Audience::Internal,
    }
}

fn view_info(model: &Model) -> ViewInfo {
    let columns = model
        .schema()
        .fields()
        .iter()
        .map(|field| {
            let description = model
                .columns
                .iter()
                .filter(|column| column.name.split('.').next() == Some(field.name()))
                .map(|column| match column.name.split_once('.') {
                    Some((_, leaf)) => format!("{leaf}: {}", column.description),
                    None => column.description.clone(),
                })
                .collect::<Vec<_>>()
                .join(" ");
            ColumnInfo {
                field: Arc::new(types::wire_field(field)),
                description,
            }
        })
        .collect();
    ViewInfo {
        name: model.name.clone(),
        description: model.description.clone(),
        columns,
        key: model.key.clone(),
    }
}

async fn moment(setup: &Setup, audience: Audience) -> crate::error::Result<Open> {
    let world = World::open(setup).await?;
    let inner = match audience {
        // A server's: what one query has read, the next need not.
        Audience::Public => world.served_session()?,
        Audience::Operator | Audience::Internal => world.session(&HashMap::new())?,
    };
    let session = SessionContext::new_with_state(with_rules(setup.session().state()));
    let engine = |cause: DataFusionError| Error::Engine(cause.to_string());
    crate::functions::register(&session, &world.org_tables.functions);
    // Storage paths are nobody's business but the operator's.
    if audience == Audience::Public {
        session.deregister_udf("input_file_name");
    }
    let catalog = session
        .catalog(CATALOG)
        .ok_or_else(|| Error::Engine("the catalog is missing".into()))?;
    if audience == Audience::Public {
        catalog.deregister_schema(INTERNAL, true).map_err(engine)?;
    } else if let Some(schema) = inner.catalog(CATALOG).and_then(|c| c.schema(INTERNAL)) {
        catalog.register_schema(INTERNAL, schema).map_err(engine)?;
    }
    let views = Views {
        inner: inner.clone(),
        models: setup
            .library
            .in_order()
            .filter(|model| visible(model, audience))
            .map(|model| {
                let planned = Planned {
                    model: Arc::clone(model),
                    table: OnceCell::new(),
                };
                (model.name.clone(), planned)
            })
            .collect(),
    };
    catalog
        .register_schema(PUBLIC, Arc::new(views))
        .map_err(engine)?;
    let state = session.state_ref();
    state
        .write()
        .config_mut()
        .options_mut()
        .catalog
        .default_schema = PUBLIC.into();
    Ok(Open { world, session })
}

/// With the rules for queries over views, which are wide: what is not asked for goes first, so that all
/// other rules look at what is left.
fn with_rules(state: SessionState) -> SessionState {
    let own: [Arc<dyn OptimizerRule + Send + Sync>; 2] =
        [Arc::new(Narrowed::default()), Arc::new(UnusedLookup)];
    let mut rules = own.to_vec();
    rules.extend(state.optimizers().iter().cloned());
    rules.push(Arc::new(UnusedLookup));
    rules.push(Arc::new(EagerAggregate));
    SessionStateBuilder::new_from_existing(state)
        .with_optimizer_rules(rules)
        .build()
}

/// The schema that an audience sees: its models, each planned when a statement first reads it.
struct Views {
    /// Where they are planned.
    inner: SessionContext,
    models: BTreeMap<String, Planned>,
}

/// A model, and its table once it was asked for.
struct Planned {
    model: Arc<Model>,
    table: OnceCell<Arc<dyn TableProvider>>,
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.models.keys()).finish()
    }
}

#[async_trait]
impl SchemaProvider for Views {
    fn table_names(&self) -> Vec<String> {
        self.models.keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let Some(Planned { model, table }) = self.models.get(name) else {
            return Ok(None);
        };
        let make = async || -> Result<Arc<dyn TableProvider>, DataFusionError> {
            let plan = if model.kind == Kind::View {
                let carried =
                    |error| DataFusionError::External(Box::new(crate::error::Error::from(error)));
                plan(&self.inner, model).await.map_err(carried)?
            } else {
                self.inner.table(name).await?.into_unoptimized_plan()
            };
            let table: Arc<dyn TableProvider> = Arc::new(ViewTable::new(plan, None));
            Ok(table)
        };
        table.get_or_try_init(make).await.cloned().map(Some)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.models.contains_key(name)
    }
}

/// Only reads pass: no definition, no change, no session statement; and a client of the server
/// does not look behind the views.
fn gate(plan: &LogicalPlan, audience: Audience) -> Result<(), Error> {
    let denied = |cause: DataFusionError| {
        Error::NotAllowed(format!(
            "only queries are allowed: {}",
            cause.strip_backtrace()
        ))
    };
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(plan)
        .map_err(denied)?;
    let explains = matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_));
    if explains && audience == Audience::Public {
        return Err(Error::NotAllowed(
            "EXPLAIN is for operators: run it with `activlake sql`".into(),
        ));
    }
    Ok(())
}

/// A planned statement, bound to one moment. Cheap to clone.
#[derive(Clone)]
pub struct Statement {
    open: Arc<Open>,
    plan: LogicalPlan,
    schema: SchemaRef,
    parameters: Vec<Field>,
}

impl Statement {
    fn new(open: Arc<Open>, plan: LogicalPlan) -> crate::error::Result<Statement> {
        let schema = wire_schema(&plan);
        let found = plan
            .get_parameter_types()
            .map_err(|cause| Error::Query(cause.strip_backtrace()))?;
        let mut numbered = Vec::new();
        for (name, data_type) in found {
            let number: usize = name
                .trim_start_matches('$')
                .parse()
                .map_err(|_| Error::Query(format!("parameter {name}: write $1, $2 … or ?")))?;
            let data_type = data_type.map_or(DataType::Utf8, |t| types::wire(&t));
            numbered.push((number, Field::new(name, data_type, true)));
        }
        numbered.sort_by_key(|(number, _)| *number);
        let gapless = numbered
            .iter()
            .enumerate()
            .all(|(index, (number, _))| *number == index + 1);
        if !gapless {
            return Err(Error::Query("parameters must be $1, $2 … without a gap".into()).into());
        }
        Ok(Statement {
            open,
            plan,
            schema,
            parameters: numbered.into_iter().map(|(_, field)| field).collect(),
        })
    }

    /// The wire schema: `Utf8` for text, no dictionaries, every field nullable. The batches of
    /// [`Statement::execute`] have exactly it.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Parameter fields `$1…$n` in order; `Utf8` where the type could not be inferred.
    pub fn parameters(&self) -> Vec<Field> {
        self.parameters.clone()
    }

    /// With values for all parameters, cast to the advertised types.
    pub fn bind(&self, values: Vec<ScalarValue>) -> crate::error::Result<Statement> {
        if values.len() != self.parameters.len() {
            return Err(Error::Query(format!(
                "{} parameters, {} values",
                self.parameters.len(),
                values.len()
            ))
            .into());
        }
        let values = values
            .into_iter()
            .zip(&self.parameters)
            .map(|(value, field)| value.cast_to(field.data_type()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|cause| Error::Query(cause.strip_backtrace()))?;
        let plan = self
            .plan
            .clone()
            .with_param_values(ParamValues::from(values))
            .map_err(|cause| Error::Query(cause.strip_backtrace()))?;
        // A parameter may itself be a column: only now is its type known.
        Ok(Statement {
            open: Arc::clone(&self.open),
            schema: wire_schema(&plan),
            plan,
            parameters: Vec::new(),
        })
    }

    /// Runs lazily; dropping the stream stops the work.
    pub async fn execute(&self) -> crate::error::Result<SendableRecordBatchStream> {
        let state = self.open.session.state();
        let physical = state
            .create_physical_plan(&self.plan)
            .await
            .map_err(Error::running)?;
        let stream =
            datafusion::physical_plan::execute_stream(physical, self.open.session.task_ctx())
                .map_err(Error::running)?;
        let schema = Arc::clone(&self.schema);
        // The moment's files must stay while the stream is read.
        let open = Arc::clone(&self.open);
        let lowered = stream.map(move |batch| {
            let _ = &open;
            lower(&batch?, &schema)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            lowered,
        )))
    }
}

fn wire_schema(plan: &LogicalPlan) -> SchemaRef {
    Arc::new(Schema::new(
        plan.schema()
            .fields()
            .iter()
            .map(|field| types::wire_field(field))
            .collect::<Vec<_>>(),
    ))
}

/// A batch with exactly the wire schema.
fn lower(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, DataFusionError> {
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(array, field)| {
            if array.data_type() == field.data_type() {
                Ok(Arc::clone(array))
            } else {
                cast(array, field.data_type())
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    let options =
        datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}
