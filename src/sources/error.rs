//! Why an input as a whole cannot go on.
//!
//! A bad row is data and never an error: see [`super::Reject`]. What is here names the input as the
//! user typed it and, where known, the line, row or byte. It never repeats a field's content.

use crate::error::{Class, Classified};

/// What ends the read of an input, or keeps it from starting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or folder cannot be opened.
    #[error("{name}: cannot be opened: {source}")]
    Open {
        name: String,
        source: std::io::Error,
    },
    /// A path, folder or pattern under which there is nothing to load.
    #[error("{name}: {detail}")]
    NoMatch { name: String, detail: &'static str },
    /// A glob pattern that cannot be read.
    #[error("{name}: not a pattern: {source}")]
    Pattern {
        name: String,
        source: glob::PatternError,
    },
    /// The device failed while reading; this says nothing about the data.
    #[error("{name}: {place}: reading failed: {source}")]
    Read {
        name: String,
        place: Place,
        source: std::io::Error,
    },
    /// The container is cut short or damaged; what came before it was handed over.
    #[error("{name}: {place}: damaged or cut short: {detail}")]
    Damaged {
        name: String,
        place: Place,
        detail: String,
    },
    /// The bytes are not of the kind that the name or the user says.
    #[error("{name}: {detail}")]
    WrongKind { name: String, detail: String },
    /// Columns are missing, twice there, or of a type that cannot hold the field.
    #[error("{name}: {detail}")]
    Columns { name: String, detail: String },
    /// The temporary storage in which ActivityWatch rows are put in order failed.
    #[error("{name}: temporary storage failed: {source}")]
    Scratch {
        name: String,
        source: rusqlite::Error,
    },
    /// A reading that is not possible, such as Parquet from stdin, with what to do instead.
    #[error("{name}: {detail}")]
    Unsupported { name: String, detail: String },
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            // Room on the temporary disk comes back; the data is not at fault.
            Error::Scratch { .. } => Class::Unavailable,
            _ => Class::Input,
        }
    }
}

/// How far a reader had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before the first row.
    Start,
    /// After this many lines (text formats).
    Line(u64),
    /// After this many rows or events.
    Row(u64),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Start | Place::Line(0) | Place::Row(0) => write!(f, "at the start"),
            Place::Line(line) => write!(f, "after line {line}"),
            Place::Row(row) => write!(f, "after row {row}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_input_and_place() {
        let error = Error::Damaged {
            name: "a.ndjson.gz".into(),
            place: Place::Line(7),
            detail: "unexpected end".into(),
        };
        assert_eq!(
            error.to_string(),
            "a.ndjson.gz: after line 7: damaged or cut short: unexpected end"
        );
        assert_eq!(crate::error::Error::from(error).class(), Class::Input);
        assert_eq!(Place::Row(0).to_string(), "at the start");
    }
}
