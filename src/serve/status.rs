//! Errors become gRPC status codes: the one mapping of `serve`.
//!
//! A client gets the message of an error it can act on. Errors of the lake and of our own are
//! logged and answered with a fixed text, so that no file path or internal text leaves the server.

use arrow_flight::error::FlightError;
use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use tonic::{Code, Status};

use crate::access;
use crate::error::{Class, Error};

/// The status of an error of any room.
pub(super) fn of(error: &Error) -> Status {
    let code = match error.class() {
        Class::Config => Code::FailedPrecondition,
        Class::Input | Class::Model => Code::InvalidArgument,
        Class::Denied => Code::PermissionDenied,
        Class::Limit => Code::ResourceExhausted,
        Class::Unavailable => Code::Unavailable,
        Class::Lake | Class::Internal => Code::Internal,
    };
    let message = match error.class() {
        Class::Input | Class::Model | Class::Denied | Class::Limit => error.to_string(),
        Class::Config => hidden(
            error,
            "the server's settings do not allow this; its log says why",
        ),
        Class::Unavailable => hidden(error, "the lake does not answer: try again"),
        Class::Lake => hidden(error, "the lake cannot be read; the server's log says why"),
        Class::Internal => hidden(error, "the server failed; its log says why"),
    };
    Status::new(code, message)
}

/// The status of a refusal: bad or missing credentials are one code, too little right another.
pub(super) fn of_access(error: access::Error) -> Status {
    match &error {
        access::Error::BadCredentials
        | access::Error::NoCredentials
        | access::Error::UnknownToken => Status::unauthenticated(error.to_string()),
        _ => of(&error.into()),
    }
}

/// The status of an error that arises while rows are made.
pub(super) fn of_engine(error: &DataFusionError) -> Status {
    use DataFusionError as E;
    match error {
        E::Context(_, inner) | E::Diagnostic(_, inner) => of_engine(inner),
        E::Shared(inner) => of_engine(inner),
        E::Collection(errors) => match errors.first() {
            Some(first) => of_engine(first),
            None => internal(error),
        },
        E::ResourcesExhausted(_) => {
            tracing::warn!(%error, "a query reached the memory limit");
            Status::resource_exhausted(
                "the query needs more memory than limits.memory_bytes gives to all queries \
                 together: ask for less, or raise it",
            )
        }
        E::ArrowError(inner, _) => of_arrow(inner),
        E::External(inner) => of_external(inner.as_ref()).unwrap_or_else(|| internal(error)),
        E::Plan(message) | E::Execution(message) | E::NotImplemented(message) => {
            Status::invalid_argument(message)
        }
        E::SQL(..) | E::SchemaError(..) => Status::invalid_argument(error.strip_backtrace()),
        _ => internal(error),
    }
}

/// The status of an error of the Arrow kernels or of the encoder.
pub(super) fn of_arrow(error: &ArrowError) -> Status {
    match error {
        ArrowError::ExternalError(inner) => {
            of_external(inner.as_ref()).unwrap_or_else(|| internal(error))
        }
        ArrowError::DivideByZero => Status::invalid_argument("division by zero"),
        ArrowError::ArithmeticOverflow(message)
        | ArrowError::CastError(message)
        | ArrowError::ParseError(message)
        | ArrowError::ComputeError(message)
        | ArrowError::InvalidArgumentError(message) => Status::invalid_argument(message),
        ArrowError::NotYetImplemented(message) => Status::invalid_argument(message),
        _ => internal(error),
    }
}

/// The status of an error of the wire format.
pub(super) fn of_flight(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        FlightError::Arrow(inner) => of_arrow(&inner),
        FlightError::ProtocolError(message) | FlightError::DecodeError(message) => {
            Status::invalid_argument(message)
        }
        other => internal(&other),
    }
}

fn of_external(error: &(dyn std::error::Error + 'static)) -> Option<Status> {
    if let Some(inner) = error.downcast_ref::<Error>() {
        return Some(of(inner));
    }
    if let Some(inner) = error.downcast_ref::<DataFusionError>() {
        return Some(of_engine(inner));
    }
    error.downcast_ref::<ArrowError>().map(of_arrow)
}

fn internal(error: &dyn std::error::Error) -> Status {
    Status::internal(hidden(
        error,
        "the query failed inside the server; its log says why",
    ))
}

fn hidden(error: &dyn std::error::Error, instead: &'static str) -> String {
    tracing::error!(%error, "hidden from the client");
    instead.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_code() {
        let code = |class| of(&Error::new(class, "x")).code();
        assert_eq!(code(Class::Config), Code::FailedPrecondition);
        assert_eq!(code(Class::Input), Code::InvalidArgument);
        assert_eq!(code(Class::Model), Code::InvalidArgument);
        assert_eq!(code(Class::Denied), Code::PermissionDenied);
        assert_eq!(code(Class::Limit), Code::ResourceExhausted);
        assert_eq!(code(Class::Unavailable), Code::Unavailable);
        assert_eq!(code(Class::Internal), Code::Internal);
        let wrong = of_access(access::Error::BadCredentials);
        assert_eq!(wrong.code(), Code::Unauthenticated);
        let full = of_access(access::Error::TooManySessions { max: 1 });
        assert_eq!(full.code(), Code::ResourceExhausted);
    }

    #[test]
    fn what_a_client_cannot_correct_is_not_told() {
        for class in [
            Class::Lake,
            Class::Internal,
            Class::Config,
            Class::Unavailable,
        ] {
            let status = of(&Error::new(class, "/srv/lake/part-1.parquet is gone"));
            assert!(!status.message().contains("parquet"), "{status}");
        }
        let status = of_engine(&DataFusionError::IoError(std::io::Error::other(
            "/srv/lake",
        )));
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("/srv"), "{status}");
    }

    #[test]
    fn what_a_client_can_correct_is_told() {
        let zero = DataFusionError::ArrowError(Box::new(ArrowError::DivideByZero), None);
        let zero = DataFusionError::Context("projection".into(), Box::new(zero));
        assert_eq!(of_engine(&zero).code(), Code::InvalidArgument);
        let ours = Error::new(Class::Limit, "too many rows");
        let ours = DataFusionError::External(Box::new(ours));
        let ours = ArrowError::ExternalError(Box::new(ours));
        assert_eq!(of_arrow(&ours).code(), Code::ResourceExhausted);
        let memory = DataFusionError::ResourcesExhausted("pool".into());
        assert_eq!(of_engine(&memory).code(), Code::ResourceExhausted);
    }
}
