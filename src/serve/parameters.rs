//! Parameters of a statement: `?` becomes `$n`, and bound batches become rows of values.

use std::borrow::Cow;

use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::sql::server::PeekableFlightDataStream;
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};
use futures::TryStreamExt;
use tonic::Status;

use super::status;

/// Rows that may be bound at once: each runs the statement anew.
const ROWS_MAX: usize = 1_000;

/// Bytes of values that may be bound at once.
const BYTES_MAX: usize = 4 << 20;

/// One row of values, in the order of `$1…$n`.
pub(super) type Row = Vec<ScalarValue>;

/// Rewrites `?` placeholders to `$1…$n`.
///
/// The tokens are those of the parser that reads the statement next, so that strings, comments,
/// quoted names and dollar-quoted text are left alone for the same reasons it has. A text that
/// does not tokenize is returned as it is: the parser then says what is wrong with it.
///
/// # Errors
/// `InvalidArgument` when `?` and `$n` are mixed, or for `?1`.
pub(super) fn numbered(sql: &str) -> Result<Cow<'_, str>, Status> {
    if !sql.contains('?') {
        return Ok(Cow::Borrowed(sql));
    }
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location() else {
        return Ok(Cow::Borrowed(sql));
    };
    let mut marks: Vec<Location> = Vec::new();
    let mut dollars = false;
    for token in &tokens {
        match &token.token {
            Token::Placeholder(text) if text == "?" => marks.push(token.span.start),
            Token::Placeholder(text) if text.starts_with('?') => {
                return Err(Status::invalid_argument(format!(
                    "write {} instead of {text}",
                    text.replacen('?', "$", 1)
                )));
            }
            Token::Placeholder(_) => dollars = true,
            _ => {}
        }
    }
    if marks.is_empty() {
        return Ok(Cow::Borrowed(sql));
    }
    if dollars {
        return Err(Status::invalid_argument(
            "the statement mixes ? and $n placeholders: use one of them",
        ));
    }
    let mut rewritten = String::with_capacity(sql.len() + 2 * marks.len());
    let mut pending = marks.iter().enumerate().peekable();
    // Lines and columns count as the tokenizer counts them: characters from 1.
    let (mut line, mut column) = (1, 1);
    for character in sql.chars() {
        match pending.peek() {
            Some((index, mark)) if mark.line == line && mark.column == column => {
                rewritten.push_str(&format!("${}", index + 1));
                pending.next();
            }
            _ => rewritten.push(character),
        }
        if character == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    Ok(Cow::Owned(rewritten))
}

/// Reads all bound rows of a `DoPut`.
///
/// # Errors
/// `InvalidArgument` when a batch has not `expected` columns or cannot be decoded,
/// `ResourceExhausted` above the row and byte limits.
pub(super) async fn rows(
    stream: PeekableFlightDataStream,
    expected: usize,
) -> Result<Vec<Row>, Status> {
    let mut batches =
        FlightRecordBatchStream::new_from_flight_data(stream.map_err(|status| status.into()));
    let mut rows = Vec::new();
    let mut bytes = 0;
    while let Some(batch) = batches.try_next().await.map_err(status::of_flight)? {
        if batch.num_columns() != expected {
            return Err(Status::invalid_argument(format!(
                "the statement takes {expected} parameters and {} were bound",
                batch.num_columns()
            )));
        }
        bytes += batch.get_array_memory_size();
        if rows.len() + batch.num_rows() > ROWS_MAX || bytes > BYTES_MAX {
            return Err(Status::resource_exhausted(format!(
                "at most {ROWS_MAX} rows and {BYTES_MAX} bytes of values can be bound at once"
            )));
        }
        for index in 0..batch.num_rows() {
            let row = batch
                .columns()
                .iter()
                .map(|column| ScalarValue::try_from_array(column, index))
                .collect::<Result<Row, _>>()
                .map_err(|error| status::of_engine(&error))?;
            rows.push(row);
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(sql: &str) -> String {
        numbered(sql).unwrap().into_owned()
    }

    #[test]
    fn question_marks_are_numbered_in_order() {
        assert_eq!(
            rewritten("select * from t where a = ? and b in (?,?)"),
            "select * from t where a = $1 and b in ($2,$3)"
        );
        assert_eq!(rewritten("select ?||'x', ?-1"), "select $1||'x', $2-1");
        let many = "?,".repeat(11);
        assert!(rewritten(&many).ends_with("$9,$10,$11,"));
    }

    #[test]
    fn strings_comments_and_names_are_left_alone() {
        for sql in [
            "select 'what?' from t",
            "select 'it''s ?' from t",
            "select \"a?b\" from t",
            "select `a?b` from t",
            "select 1 -- why?\n from t",
            "select 1 /* why? /* nested? */ ? */ from t",
            "select $$ ? $$",
            "select $tag$ ? $tag$",
            "select e'\\'?' from t",
            "select $1, $2",
        ] {
            assert_eq!(rewritten(sql), sql);
        }
    }

    #[test]
    fn places_count_characters_and_lines() {
        assert_eq!(
            rewritten("-- ?\r\nselect 'ü?', ?,\n\t\"é?\" = ? /*?*/, ?"),
            "-- ?\r\nselect 'ü?', $1,\n\t\"é?\" = $2 /*?*/, $3"
        );
    }

    #[test]
    fn mixtures_are_refused_and_broken_text_is_left_to_the_parser() {
        assert!(numbered("select ?, $1").is_err());
        let refusal = numbered("select ?2").unwrap_err();
        assert!(refusal.message().contains("$2"), "{refusal}");
        assert_eq!(rewritten("select 'open ?"), "select 'open ?");
    }
}
