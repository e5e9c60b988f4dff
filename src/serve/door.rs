//! The one door: every Flight call but the handshake passes here with credentials, or not at all.
//!
//! The Flight SQL trait leaves three calls out that clients do make; they are answered here by way
//! of the flight info. Requests that are no Flight SQL are told so in words.

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{Any, Command};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use prost::Message;
use tonic::{Request, Response, Status, Streaming};

use super::flight::Service;

/// The Flight service that is served.
pub(super) struct Door {
    service: Service,
}

type Answer<T> = Result<Response<T>, Status>;
type Many<T> = BoxStream<'static, Result<T, Status>>;

impl Door {
    pub fn new(service: Service) -> Self {
        Door { service }
    }

    /// Puts the caller's session into the request, or refuses it.
    async fn admitted<T>(&self, mut request: Request<T>) -> Result<Request<T>, Status> {
        let session = self.service.authenticate(request.metadata()).await?;
        request.extensions_mut().insert(session);
        Ok(request)
    }
}

/// Whether bytes are a Flight SQL command.
fn readable(command: &[u8]) -> Result<(), Status> {
    Any::decode(command)
        .ok()
        .and_then(|any| Command::try_from(any).ok())
        .map(|_| ())
        .ok_or_else(|| Status::invalid_argument("this is no Flight SQL command"))
}

#[tonic::async_trait]
impl FlightService for Door {
    type HandshakeStream = Many<HandshakeResponse>;
    type ListFlightsStream = Many<FlightInfo>;
    type DoGetStream = Many<FlightData>;
    type DoPutStream = Many<PutResult>;
    type DoActionStream = Many<arrow_flight::Result>;
    type ListActionsStream = Many<ActionType>;
    type DoExchangeStream = Many<FlightData>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Answer<Self::HandshakeStream> {
        FlightService::handshake(&self.service, request).await
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Answer<Self::ListFlightsStream> {
        self.admitted(request).await?;
        // Flights here come of queries; none stand about.
        Ok(Response::new(stream::empty().boxed()))
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        let request = self.admitted(request).await?;
        readable(&request.get_ref().cmd)?;
        self.service.get_flight_info(request).await
    }

    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Answer<PollInfo> {
        let info = self.get_flight_info(request).await?;
        // Planning is all that happens before the rows are fetched, so it is complete at once.
        Ok(info.map(|info| PollInfo {
            info: Some(info),
            flight_descriptor: None,
            progress: Some(1.0),
            expiration_time: None,
        }))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Answer<SchemaResult> {
        let info = self.get_flight_info(request).await?;
        Ok(info.map(|info| SchemaResult {
            schema: info.schema,
        }))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Answer<Self::DoGetStream> {
        let request = self.admitted(request).await?;
        readable(&request.get_ref().ticket)?;
        self.service.do_get(request).await
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoPutStream> {
        let request = self.admitted(request).await?;
        self.service.do_put(request).await
    }

    async fn do_action(&self, request: Request<Action>) -> Answer<Self::DoActionStream> {
        let request = self.admitted(request).await?;
        self.service.do_action(request).await
    }

    async fn list_actions(&self, request: Request<Empty>) -> Answer<Self::ListActionsStream> {
        let request = self.admitted(request).await?;
        self.service.list_actions(request).await
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Answer<Self::DoExchangeStream> {
        let request = self.admitted(request).await?;
        self.service.do_exchange(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_flight::sql::{CommandGetCatalogs, ProstMessageExt};

    #[test]
    fn only_commands_are_readable() {
        let command = CommandGetCatalogs {}.as_any().encode_to_vec();
        assert!(readable(&command).is_ok());
        let status = readable(b"select 1").unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert_eq!(status.message(), "this is no Flight SQL command");
    }
}
