//! Session actions: set and get options, close the session.
//!
//! The messages are those of `Flight.proto`, which the Flight crate does not carry. The catalog
//! and the schema are the only options, and there is one of each: setting them to what they are
//! succeeds, anything else is told to the client name by name.

use std::collections::HashMap;

use prost::Message;

/// The value of an option.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionOptionValue {
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub option_value: Option<OptionValue>,
}

/// One of the types that a value may have.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum OptionValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(sfixed64, tag = "3")]
    Int64(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    Texts(StringListValue),
}

/// A list of texts.
#[derive(Clone, PartialEq, Message)]
pub(super) struct StringListValue {
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

/// Body of the action `SetSessionOptions`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsRequest {
    #[prost(map = "string, message", tag = "1")]
    pub session_options: HashMap<String, SessionOptionValue>,
}

/// Answer to `SetSessionOptions`: what could not be set.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub errors: HashMap<String, SetError>,
}

/// Why one option could not be set.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SetError {
    #[prost(enumeration = "SetErrorValue", tag = "1")]
    pub value: i32,
}

/// The reasons of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum SetErrorValue {
    Unspecified = 0,
    InvalidName = 1,
    InvalidValue = 2,
    Error = 3,
}

/// Answer to `GetSessionOptions`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct GetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub session_options: HashMap<String, SessionOptionValue>,
}

/// Answer to `CloseSession`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CloseSessionResult {
    #[prost(enumeration = "CloseStatus", tag = "1")]
    pub status: i32,
}

/// What became of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum CloseStatus {
    Unspecified = 0,
    Closed = 1,
    Closing = 2,
    NotCloseable = 3,
}

/// Tries every option of a request against the names of the one catalog and schema.
pub(super) fn set(
    request: &SetSessionOptionsRequest,
    (catalog, schema): (&str, &str),
) -> SetSessionOptionsResult {
    let verdict = |name: &str, value: &SessionOptionValue| {
        let only = match name {
            "catalog" => catalog,
            "schema" => schema,
            _ => return Some(SetErrorValue::InvalidName),
        };
        match &value.option_value {
            Some(OptionValue::Text(text)) if text == only => None,
            _ => Some(SetErrorValue::InvalidValue),
        }
    };
    let errors = request
        .session_options
        .iter()
        .filter_map(|(name, value)| {
            let value = verdict(name, value)? as i32;
            Some((name.clone(), SetError { value }))
        })
        .collect();
    SetSessionOptionsResult { errors }
}

/// The options in force.
pub(super) fn get((catalog, schema): (&str, &str)) -> GetSessionOptionsResult {
    let text = |text: &str| SessionOptionValue {
        option_value: Some(OptionValue::Text(text.to_string())),
    };
    GetSessionOptionsResult {
        session_options: HashMap::from([
            ("catalog".to_string(), text(catalog)),
            ("schema".to_string(), text(schema)),
        ]),
    }
}

/// The answer to a session that was closed, now or before.
pub(super) fn closed() -> CloseSessionResult {
    CloseSessionResult {
        status: CloseStatus::Closed as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: (&str, &str) = ("activlake", "activconnect");

    #[test]
    fn only_what_exists_can_be_set() {
        let text = |text: &str| SessionOptionValue {
            option_value: Some(OptionValue::Text(text.into())),
        };
        let request = SetSessionOptionsRequest {
            session_options: HashMap::from([
                ("catalog".into(), text("activlake")),
                ("schema".into(), text("public")),
                ("memory".into(), text("1")),
            ]),
        };
        let request = SetSessionOptionsRequest::decode(&*request.encode_to_vec()).unwrap();
        let errors = set(&request, NAMES).errors;
        assert_eq!(errors.len(), 2);
        assert_eq!(errors["schema"].value(), SetErrorValue::InvalidValue);
        assert_eq!(errors["memory"].value(), SetErrorValue::InvalidName);
    }

    #[test]
    fn options_read_back() {
        let bytes = get(NAMES).encode_to_vec();
        let read = GetSessionOptionsResult::decode(&*bytes).unwrap();
        let catalog = read.session_options["catalog"].option_value.clone();
        assert_eq!(catalog, Some(OptionValue::Text("activlake".into())));
        assert_eq!(read.session_options.len(), 2);
    }
}
