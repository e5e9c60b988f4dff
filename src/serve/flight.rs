//! Flight SQL, call by call: what each command means here.
//!
//! Every call comes through [`super::door`], which puts the caller's session into the request.
//! What changes data, and Substrait and transactions, is refused in words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::metadata::{SqlInfoData, XdbcTypeInfoData};
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionBeginSavepointRequest, ActionBeginSavepointResult, ActionBeginTransactionRequest,
    ActionBeginTransactionResult, ActionCancelQueryRequest, ActionCancelQueryResult,
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, ActionCreatePreparedSubstraitPlanRequest,
    ActionEndSavepointRequest, ActionEndTransactionRequest, CommandGetCatalogs,
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
    CommandGetXdbcTypeInfo, CommandPreparedStatementQuery, CommandPreparedStatementUpdate,
    CommandStatementIngest, CommandStatementQuery, CommandStatementSubstraitPlan,
    CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt, SqlInfo,
    TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus,
    FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse, Ticket,
};
use datafusion::arrow::array::RecordBatch;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use prost::Message;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, Streaming};

use super::engine::Engine;
use super::metadata::{Browsable, foreign_keys};
use super::prepared::PreparedStatements;
use super::session_options::{self, SetSessionOptionsRequest};
use super::statements::info;
use super::status;
use super::stream::{Messages, one_batch};
use super::tickets::Tickets;
use crate::access::{Directory, Session, Sessions};
use crate::models::Reader;

const SET_SESSION_OPTIONS: &str = "SetSessionOptions";
const GET_SESSION_OPTIONS: &str = "GetSessionOptions";
const CLOSE_SESSION: &str = "CloseSession";
const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";

type Answer<T> = Result<Response<T>, Status>;

/// Everything the calls of one server share.
pub(super) struct Service {
    pub reader: Reader,
    pub directory: Arc<dyn Directory>,
    pub engine: Engine,
    pub sessions: Arc<Sessions>,
    /// Password verifications that may run at once.
    pub verifying: Semaphore,
    pub tickets: Tickets,
    pub prepared: PreparedStatements,
    pub sql_info: SqlInfoData,
    pub types: XdbcTypeInfoData,
    pub query_timeout: Duration,
    pub message_bytes_max: usize,
    pub clock: fn() -> Instant,
}

impl Service {
    pub(super) fn now(&self) -> Instant {
        (self.clock)()
    }

    /// What the caller may browse: every view, since only those who may see all are admitted.
    fn browsable(&self, _caller: &Session) -> Browsable<'_> {
        Browsable {
            names: self.reader.names(),
            views: self.reader.views(),
        }
    }

    fn rows(&self, batch: Result<RecordBatch, FlightError>) -> Answer<Messages> {
        let batch = batch.map_err(status::of_flight)?;
        Ok(Response::new(one_batch(batch, self.message_bytes_max)))
    }

    fn cancelled(&self, caller: &Session, info: &FlightInfo) -> Result<(), Status> {
        self.cancel(caller, info)?;
        tracing::info!(session = %caller.id, "a query was cancelled");
        Ok(())
    }
}

/// The session that the door put into a request.
fn caller<T>(request: &Request<T>) -> Result<Session, Status> {
    let session = request.extensions().get::<Session>();
    session
        .cloned()
        .ok_or_else(|| Status::unauthenticated("log in first"))
}

/// A flight info whose ticket is the command itself: metadata is made when it is fetched.
fn metadata_info(
    command: &impl ProstMessageExt,
    schema: &datafusion::arrow::datatypes::Schema,
    request: Request<FlightDescriptor>,
) -> Answer<FlightInfo> {
    let ticket = command.as_any().encode_to_vec().into();
    info(schema, ticket, request.into_inner()).map(Response::new)
}

fn refused<T>(what: &str) -> Result<T, Status> {
    Err(Status::unimplemented(format!(
        "activlake answers read-only queries over Flight SQL: {what}"
    )))
}

fn result<M: Message>(message: M) -> BoxStream<'static, Result<arrow_flight::Result, Status>> {
    let body = message.encode_to_vec().into();
    stream::iter([Ok(arrow_flight::Result { body })]).boxed()
}

fn decoded<M: Message + Default>(body: &[u8]) -> Result<M, Status> {
    M::decode(body).map_err(|_| Status::invalid_argument("the body of the action cannot be read"))
}

#[tonic::async_trait]
impl FlightSqlService for Service {
    type FlightService = Service;

    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Answer<BoxStream<'static, Result<HandshakeResponse, Status>>> {
        let (headers, _, payload) = request.into_parts();
        self.handshake(&headers, payload).await
    }

    // Statements.

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        let caller = caller(&request)?;
        self.statement_info(&caller, &query.query, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        request: Request<Ticket>,
    ) -> Answer<Messages> {
        let caller = caller(&request)?;
        self.redeem(&caller, &ticket.statement_handle)
            .map(Response::new)
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        self.prepare(&caller(&request)?, &query.query).await
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        let caller = caller(&request)?;
        self.prepared
            .close(caller.id, &query.prepared_statement_handle);
        Ok(())
    }

    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let caller = caller(&request)?;
        let handle = &query.prepared_statement_handle;
        self.bind(&caller, handle, request.into_inner()).await
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        let caller = caller(&request)?;
        let work = self
            .prepared_work(&caller, &query.prepared_statement_handle)
            .await?;
        self.ticket_for(&caller, work, request.into_inner())
            .map(Response::new)
    }

    async fn do_get_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Answer<Messages> {
        let caller = caller(&request)?;
        let work = self
            .prepared_work(&caller, &query.prepared_statement_handle)
            .await?;
        let handle = self.tickets.issue(&caller.principal, work, self.now())?;
        self.redeem(&caller, handle.bytes()).map(Response::new)
    }

    // Metadata.

    async fn get_flight_info_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        metadata_info(&query, &query.into_builder().schema(), request)
    }

    async fn do_get_catalogs(
        &self,
        query: CommandGetCatalogs,
        request: Request<Ticket>,
    ) -> Answer<Messages> {
        self.rows(self.browsable(&caller(&request)?).catalogs(query))
    }

    async fn get_flight_info_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        let schema = query.clone().into_builder().schema();
        metadata_info(&query, &schema, request)
    }

    async fn do_get_schemas(
        &self,
        query: CommandGetDbSchemas,
        request: Request<Ticket>,
    ) -> Answer<Messages> {
        self.rows(self.browsable(&caller(&request)?).schemas(query))
    }

    async fn get_flight_info_tables(
        &self,
        query: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        let schema = query.clone().into_builder().schema();
        metadata_info(&query, &schema, request)
    }

    async fn do_get_tables(
        &self,
        query: CommandGetTables,
        request: Request<Ticket>,
    ) -> Answer<Messages> {
        self.rows(self.browsable(&caller(&request)?).tables(query))
    }

    async fn get_flight_info_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        metadata_info(&query, &query.into_builder().schema(), request)
    }

    async fn do_get_table_types(
        &self,
        query: CommandGetTableTypes,
        request: Request<Ticket>,
    ) -> Answer<Messages> {
        self.rows(self.browsable(&caller(&request)?).table_types(query))
    }

    async fn get_flight_info_sql_info(
        &self,
        query: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        metadata_info(&query, &self.sql_info.schema(), request)
    }

    async fn do_get_sql_info(
        &self,
        query: CommandGetSqlInfo,
        _request: Request<Ticket>,
    ) -> Answer<Messages> {
        self.rows(self.sql_info.record_batch(query.info))
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        metadata_info(&query, &self.types.schema(), request)
    }

    async fn do_get_xdbc_type_info(
        &self,
        query: CommandGetXdbcTypeInfo,
        _request: Request<Ticket>,
    ) -> Answer<Messages> {
        self.rows(self.types.record_batch(query.data_type))
    }

    async fn get_flight_info_primary_keys(
        &self,
        query: CommandGetPrimaryKeys,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        metadata_info(&query, &super::metadata::primary_keys_schema(), request)
    }

    async fn do_get_primary_keys(
        &self,
        query: CommandGetPrimaryKeys,
        request: Request<Ticket>,
    ) -> Answer<Messages> {
        self.rows(self.browsable(&caller(&request)?).primary_keys(&query))
    }

    async fn get_flight_info_exported_keys(
        &self,
        query: CommandGetExportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        metadata_info(&query, &foreign_keys().schema(), request)
    }

    async fn do_get_exported_keys(
        &self,
        _query: CommandGetExportedKeys,
        _request: Request<Ticket>,
    ) -> Answer<Messages> {
        self.rows(Ok(foreign_keys()))
    }

    async fn get_flight_info_imported_keys(
        &self,
        query: CommandGetImportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        metadata_info(&query, &foreign_keys().schema(), request)
    }

    async fn do_get_imported_keys(
        &self,
        _query: CommandGetImportedKeys,
        _request: Request<Ticket>,
    ) -> Answer<Messages> {
        self.rows(Ok(foreign_keys()))
    }

    async fn get_flight_info_cross_reference(
        &self,
        query: CommandGetCrossReference,
        request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        metadata_info(&query, &foreign_keys().schema(), request)
    }

    async fn do_get_cross_reference(
        &self,
        _query: CommandGetCrossReference,
        _request: Request<Ticket>,
    ) -> Answer<Messages> {
        self.rows(Ok(foreign_keys()))
    }

    // Sessions and cancellation.

    async fn list_custom_actions(&self) -> Option<Vec<Result<ActionType, Status>>> {
        let action = |name: &str, description: &str| {
            Ok(ActionType {
                r#type: name.into(),
                description: description.into(),
            })
        };
        Some(vec![
            action(
                SET_SESSION_OPTIONS,
                "Sets the catalog and schema of the session.",
            ),
            action(
                GET_SESSION_OPTIONS,
                "Tells the catalog and schema of the session.",
            ),
            action(
                CLOSE_SESSION,
                "Ends the session and its prepared statements.",
            ),
            action(CANCEL_FLIGHT_INFO, "Stops the query of a flight info."),
        ])
    }

    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Answer<BoxStream<'static, Result<arrow_flight::Result, Status>>> {
        let caller = caller(&request)?;
        let action = request.into_inner();
        let answer = match action.r#type.as_str() {
            SET_SESSION_OPTIONS => {
                let asked: SetSessionOptionsRequest = decoded(&action.body)?;
                result(session_options::set(&asked, self.reader.names()))
            }
            GET_SESSION_OPTIONS => result(session_options::get(self.reader.names())),
            CLOSE_SESSION => {
                self.close(&caller);
                result(session_options::closed())
            }
            CANCEL_FLIGHT_INFO => {
                let asked: CancelFlightInfoRequest = decoded(&action.body)?;
                self.cancelled(&caller, &asked.info.unwrap_or_default())?;
                result(CancelFlightInfoResult {
                    status: CancelStatus::Cancelled as i32,
                })
            }
            _ => return refused("this action does not exist here"),
        };
        Ok(Response::new(answer))
    }

    async fn do_action_cancel_query(
        &self,
        query: ActionCancelQueryRequest,
        request: Request<Action>,
    ) -> Result<ActionCancelQueryResult, Status> {
        let info: FlightInfo = decoded(&query.info)?;
        self.cancelled(&caller(&request)?, &info)?;
        Ok(ActionCancelQueryResult {
            // The older enum is not exported; both give this outcome the same number.
            result: CancelStatus::Cancelled as i32,
        })
    }

    // What is refused.

    async fn get_flight_info_substrait_plan(
        &self,
        _query: CommandStatementSubstraitPlan,
        _request: Request<FlightDescriptor>,
    ) -> Answer<FlightInfo> {
        refused("Substrait plans are not taken, send SQL")
    }

    async fn do_action_create_prepared_substrait_plan(
        &self,
        _query: ActionCreatePreparedSubstraitPlanRequest,
        _request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        refused("Substrait plans are not taken, send SQL")
    }

    async fn do_put_substrait_plan(
        &self,
        _query: CommandStatementSubstraitPlan,
        _request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        refused("Substrait plans are not taken, send SQL")
    }

    async fn do_put_statement_update(
        &self,
        _query: CommandStatementUpdate,
        _request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        refused("statements that change something are not run")
    }

    async fn do_put_prepared_statement_update(
        &self,
        _query: CommandPreparedStatementUpdate,
        _request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        refused("a prepared statement can be queried, not run as an update")
    }

    async fn do_put_statement_ingest(
        &self,
        _query: CommandStatementIngest,
        _request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        refused("load data with `activlake ingest`")
    }

    async fn do_action_begin_transaction(
        &self,
        _query: ActionBeginTransactionRequest,
        _request: Request<Action>,
    ) -> Result<ActionBeginTransactionResult, Status> {
        refused("there are no transactions, each query reads one snapshot")
    }

    async fn do_action_end_transaction(
        &self,
        _query: ActionEndTransactionRequest,
        _request: Request<Action>,
    ) -> Result<(), Status> {
        refused("there are no transactions, each query reads one snapshot")
    }

    async fn do_action_begin_savepoint(
        &self,
        _query: ActionBeginSavepointRequest,
        _request: Request<Action>,
    ) -> Result<ActionBeginSavepointResult, Status> {
        refused("there are no savepoints, each query reads one snapshot")
    }

    async fn do_action_end_savepoint(
        &self,
        _query: ActionEndSavepointRequest,
        _request: Request<Action>,
    ) -> Result<(), Status> {
        refused("there are no savepoints, each query reads one snapshot")
    }

    async fn register_sql_info(&self, _id: i32, _result: &SqlInfo) {
        // The answers are fixed when the server starts.
    }
}

// The door relies on the service being a Flight service by way of the trait above.
const _: fn() = || {
    fn is<T: FlightService>() {}
    is::<Service>();
};
