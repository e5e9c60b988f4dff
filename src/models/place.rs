//! Query errors as a person reads them: what is wrong, where in the SQL, and what was meant.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

/// The error's text with the line it points to, when it points to one.
pub fn explain(sql: &str, error: &DataFusionError) -> String {
    let mut text = message(error);
    let place = error
        .diagnostic()
        .and_then(|diagnostic| diagnostic.span)
        .map(|span| (span.start.line as usize, span.start.column as usize))
        .or_else(|| place_in(&text));
    if let Some((line, column)) = place
        && let Some(source) = line.checked_sub(1).and_then(|index| sql.lines().nth(index))
    {
        if let Some(cut) = text.find(" at Line: ") {
            text.truncate(cut);
        }
        let indent = source.chars().take(column.saturating_sub(1)).count();
        text = format!(
            "{text}\n  line {line}, column {column}:\n    {}\n    {}^",
            source.trim_end(),
            " ".repeat(indent)
        );
    }
    text
}

fn message(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::SchemaError(schema_error, _) => match schema_error.as_ref() {
            SchemaError::FieldNotFound {
                field,
                valid_fields,
            } => {
                let names: Vec<&str> = valid_fields.iter().map(|c| c.name.as_str()).collect();
                format!(
                    "there is no column '{}'{}",
                    field.flat_name(),
                    suggestion(&field.name, names.iter().copied())
                )
            }
            other => other.to_string(),
        },
        DataFusionError::SQL(cause, _) => {
            format!(
                "SQL: {}",
                cause.to_string().trim_start_matches("sql parser error: ")
            )
        }
        DataFusionError::Plan(text) => text.clone(),
        DataFusionError::Diagnostic(_, inner) => message(inner),
        DataFusionError::Collection(errors) => {
            errors.first().map_or_else(|| error.to_string(), message)
        }
        other => other.strip_backtrace(),
    }
}

/// ` at Line: 1, Column: 8`, as the parser writes it.
fn place_in(text: &str) -> Option<(usize, usize)> {
    let rest = text.split(" at Line: ").nth(1)?;
    let (line, rest) = rest.split_once(", Column: ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((line.parse().ok()?, digits.parse().ok()?))
}

/// `; did you mean 'x'?` for the nearest name, if one is near; else what there is.
pub fn suggestion<'a>(wrong: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    let near = names
        .clone()
        .map(|name| (distance(&wrong.to_lowercase(), &name.to_lowercase()), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= (name.len().max(wrong.len()) / 3).max(1));
    match near {
        Some((_, name)) => format!("; did you mean '{name}'?"),
        None => {
            let some: Vec<&str> = names.take(12).collect();
            if some.is_empty() {
                String::new()
            } else {
                format!("; there are {}", some.join(", "))
            }
        }
    }
}

/// Edits between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut previous = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let left = row.get(j).copied().unwrap_or(usize::MAX);
            let cost = (previous + usize::from(x != *y))
                .min(above + 1)
                .min(left + 1);
            previous = above;
            if let Some(cell) = row.get_mut(j + 1) {
                *cell = cost;
            }
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_near() {
        let names = ["user_id", "local_date"];
        assert_eq!(
            suggestion("user_idd", names.iter().copied()),
            "; did you mean 'user_id'?"
        );
        assert!(suggestion("zzz", names.iter().copied()).starts_with("; there are"));
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn finds_the_parser_s_place() {
        assert_eq!(place_in("Expected x at Line: 12, Column: 8"), Some((12, 8)));
        assert_eq!(place_in("nothing"), None);
    }
}
