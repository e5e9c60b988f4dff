//! Plans statements and hands out tickets for them.
//!
//! A statement is planned once, when the flight info is asked for, and runs when its ticket is
//! redeemed. Here is also the one place where a statement meets the caller's rights.

use arrow_flight::sql::{ProstMessageExt, TicketStatementQuery};
use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo, IpcMessage, SchemaAsIpc, Ticket};
use bytes::Bytes;
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::ipc::writer::IpcWriteOptions;
use prost::Message;
use tonic::Status;

use super::flight::Service;
use super::parameters;
use super::status;
use super::stream::{Limits, Messages, Work, messages};
use crate::access::Session;
use crate::models::Statement;

impl Service {
    /// Plans `sql`, whose placeholders are `$n`, over what is committed now.
    ///
    /// Every statement of every path passes here. The caller's rights are looked at again, since a
    /// session may outlive them; the reader refuses everything but one read-only statement. This
    /// is also where a caller's own secured catalog will be chosen.
    pub(super) async fn plan(&self, caller: &Session, sql: &str) -> Result<Statement, Status> {
        self.readmit(caller).await?;
        let planning = async {
            self.reader.refresh().await?;
            self.reader.prepare(sql).await
        };
        tokio::time::timeout(self.query_timeout, planning)
            .await
            .map_err(|_| {
                Status::deadline_exceeded(format!(
                    "planning took longer than server.query_timeout_seconds = {}",
                    self.query_timeout.as_secs()
                ))
            })?
            .map_err(|error| status::of(&error))
    }

    /// The flight info of a statement sent as text.
    pub(super) async fn statement_info(
        &self,
        caller: &Session,
        sql: &str,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo, Status> {
        let sql = parameters::numbered(sql)?;
        let plan = self.plan(caller, &sql).await?;
        self.ticket_for(caller, Work::new(plan, None)?, descriptor)
    }

    /// Keeps planned work under a ticket and describes it.
    pub(super) fn ticket_for(
        &self,
        caller: &Session,
        work: Work,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo, Status> {
        let schema = work.schema();
        let handle = self.tickets.issue(&caller.principal, work, self.now())?;
        let ticket = TicketStatementQuery {
            statement_handle: Bytes::copy_from_slice(handle.bytes()),
        };
        info(&schema, ticket.as_any().encode_to_vec().into(), descriptor)
    }

    /// The rows of a ticket.
    pub(super) fn redeem(&self, caller: &Session, handle: &[u8]) -> Result<Messages, Status> {
        let (work, cancelled) = self.tickets.redeem(&caller.principal, handle, self.now())?;
        let limits = Limits {
            engine: self.engine.handle().clone(),
            cancelled,
            timeout: self.query_timeout,
            // Reading is use, however long it takes.
            _hold: Some(self.sessions.hold(caller.id, self.clock)),
        };
        Ok(messages(work, limits, self.message_bytes_max))
    }

    /// Stops the statements whose tickets a flight info names.
    ///
    /// # Errors
    /// `NotFound` when it names none of the caller's.
    pub(super) fn cancel(&self, caller: &Session, info: &FlightInfo) -> Result<(), Status> {
        let mut outcome = Err(Status::not_found(
            "the flight info names no running statement",
        ));
        let tickets = info.endpoint.iter().filter_map(|end| end.ticket.as_ref());
        for ticket in tickets {
            let any = arrow_flight::sql::Any::decode(&*ticket.ticket).unwrap_or_default();
            if let Ok(Some(named)) = any.unpack::<TicketStatementQuery>() {
                self.tickets
                    .cancel(&caller.principal, &named.statement_handle)?;
                outcome = Ok(());
            }
        }
        outcome
    }
}

/// A flight info with one endpoint, fetched from this server.
pub(super) fn info(
    schema: &Schema,
    ticket: Bytes,
    descriptor: FlightDescriptor,
) -> Result<FlightInfo, Status> {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket { ticket });
    Ok(FlightInfo::new()
        .try_with_schema(schema)
        .map_err(|error| status::of_arrow(&error))?
        .with_endpoint(endpoint)
        .with_descriptor(descriptor))
}

/// A schema as the protocol carries it.
pub(super) fn encoded(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &options)
        .try_into()
        .map_err(|error| status::of_arrow(&error))?;
    Ok(bytes)
}
