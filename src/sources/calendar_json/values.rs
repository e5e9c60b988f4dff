//! Values of the normal form by their types, and what may be said of those that do not fit.
//!
//! JSON values go in, texts, answers and times go out, or a fault with the field's name. Never: a
//! value in a fault that could be what somebody wrote, or who somebody is.

use serde_json::{Map, Value};

use super::super::draft::{Fault, TEXT_BYTES_MAX};
use super::super::instant;
use super::super::meeting::Response;
use crate::clock::Micros;

/// Something of an accepted row that was dropped or not understood: what, and its name.
pub(super) type Note = (&'static str, String);

/// A fault of a field, without its value.
pub(super) fn fault(field: &'static str, reason: &'static str) -> Fault {
    Fault {
        field,
        reason,
        value: String::new(),
    }
}

/// A fault of a field with a value that may be repeated because it cannot be a text of somebody.
pub(super) fn shown(field: &'static str, reason: &'static str, value: &str) -> Fault {
    let word = value.len() <= 20 && value.chars().all(|c| c.is_ascii_alphabetic());
    let time = value.len() <= 40
        && value
            .chars()
            .all(|c| c.is_ascii_digit() || "TZtz:+-. /".contains(c));
    Fault {
        field,
        reason,
        value: if word || time { value } else { "" }.to_owned(),
    }
}

/// Null, or a text of blanks only.
pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// A trimmed text that is not blank.
pub(super) fn text<'v>(
    field: &'static str,
    value: Option<&'v Value>,
) -> Result<Option<&'v str>, Fault> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.contains('\0') => Err(fault(field, "nul_byte")),
        Some(Value::String(text)) if text.len() > TEXT_BYTES_MAX => Err(fault(field, "too_long")),
        Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        Some(_) => Err(fault(field, "bad_type")),
    }
}

pub(super) fn flag(field: &'static str, value: Option<&Value>) -> Result<bool, Fault> {
    match value {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(value) if is_blank(value) => Ok(false),
        Some(_) => Err(fault(field, "not_a_boolean")),
    }
}

/// An answer. A word that is not known is a fault: whether somebody comes hangs on it.
pub(super) fn response(
    field: &'static str,
    value: Option<&Value>,
) -> Result<Option<Response>, Fault> {
    match text(field, value)? {
        None => Ok(None),
        Some(word) => match Response::of(word) {
            Some(response) => Ok(Some(response)),
            None => Err(shown(field, "bad_response", word)),
        },
    }
}

/// A value of an object by its name in any case.
pub(super) fn of<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.get(name).or_else(|| {
        let mut all = object.iter();
        all.find(|(known, _)| known.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

/// Counts what an inner object has besides the names that are known.
pub(super) fn others(object: &Map<String, Value>, of: &str, known: &[&str], notes: &mut Vec<Note>) {
    for (name, value) in object {
        let name = name.trim();
        if !is_blank(value) && !known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            notes.push(("unknown_field", format!("{of}.{name}")));
        }
    }
}

/// RFC 3339. A time without offset would be that of an unknown clock.
pub(super) fn moment(field: &'static str, text: &str) -> Result<Micros, Fault> {
    let has_offset = text.get(19..).is_some_and(|rest| {
        let fraction = |c: char| c == '.' || c.is_ascii_digit();
        !rest.trim_start_matches(fraction).is_empty()
    });
    has_offset
        .then(|| instant::parse(text))
        .flatten()
        .ok_or_else(|| shown(field, "bad_time", text))
}

/// When an entry begins or ends.
pub(super) enum Edge {
    At(Micros),
    /// Days since 1970-01-01.
    Day(i32),
}

pub(super) fn edge(field: &'static str, value: Option<&Value>) -> Result<Option<Edge>, Fault> {
    let Some(text) = text(field, value)? else {
        return Ok(None);
    };
    if text.len() != 10 {
        return Ok(Some(Edge::At(moment(field, text)?)));
    }
    match instant::parse(&format!("{text}T00:00:00Z")) {
        Some(midnight) => Ok(Some(Edge::Day(instant::utc_day(midnight)))),
        None => Err(shown(field, "bad_time", text)),
    }
}
