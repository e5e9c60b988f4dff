//! Changes of the settings file's text: a table added, a value changed, a table taken out.
//!
//! Text in, text out, and every byte that is not concerned stays: comments, order, line ends. The
//! places are those that the TOML parser gives. An `Err` says why the text is not changed.

use std::ops::Range;

use toml_edit::{Document, InlineTable, Item, Table, Value};

use crate::config::SecretRef;

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    Text(String),
    Secret(SecretRef),
    /// `YYYY-MM-DD`, checked.
    Date(String),
}

impl Field {
    fn written(&self) -> String {
        let inline = |key: &str, place: String| {
            let mut table = InlineTable::new();
            table.insert(key, Value::from(place));
            table.to_string()
        };
        match self {
            Field::Text(text) => Value::from(text.as_str()).to_string(),
            Field::Date(date) => date.clone(),
            Field::Secret(SecretRef::Env(name)) => inline("env", name.clone()),
            Field::Secret(SecretRef::File(path)) => inline("file", path.display().to_string()),
            Field::Secret(SecretRef::Credential(name)) => inline("credential", name.clone()),
        }
    }
}

const BY_HAND: &str = "it must be edited by hand";

/// The text with an `[[integration]]` table at its end.
pub fn append(text: &str, fields: &[(&str, Field)]) -> String {
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut out = text.to_owned();
    if !out.is_empty() {
        if !out.ends_with('\n') {
            out.push_str(line_end);
        }
        out.push_str(line_end);
    }
    out.push_str("[[integration]]");
    out.push_str(line_end);
    for (key, field) in fields {
        out.push_str(&format!("{key} = {}{line_end}", field.written()));
    }
    out
}

/// The text with another value of a key of an instance; a key that is not there comes after the
/// others.
pub fn set(text: &str, instance: &str, key: &str, field: &Field) -> Result<String, String> {
    let document = parse(text)?;
    let table = table(&document, instance)?;
    match table.get(key) {
        Some(item) => replaced(text, item, key, field),
        None => {
            let end = line_end_after(text, last_value_end(table)?);
            let line = format!("{key} = {}", field.written());
            let mut out = text.to_owned();
            // The last line of a file may lack its end.
            let ended = out.get(..end).is_some_and(|before| before.ends_with('\n'));
            let new_line = if text.contains("\r\n") { "\r\n" } else { "\n" };
            let line = if ended {
                format!("{line}{new_line}")
            } else {
                format!("{new_line}{line}")
            };
            out.insert_str(end, &line);
            Ok(out)
        }
    }
}

/// The text with another value of a key of a section, which must be there.
pub fn set_in_section(
    text: &str,
    section: &str,
    key: &str,
    field: &Field,
) -> Result<String, String> {
    let document = parse(text)?;
    match document
        .as_table()
        .get(section)
        .and_then(Item::as_table)
        .and_then(|table| table.get(key))
    {
        Some(item) => replaced(text, item, key, field),
        None => Err(format!("[{section}] {key} is not in the file: {BY_HAND}")),
    }
}

/// The text without an instance's table. Comments above and below it stay.
pub fn remove(text: &str, instance: &str) -> Result<String, String> {
    let document = parse(text)?;
    let table = table(&document, instance)?;
    let heading = table
        .span()
        .ok_or_else(|| format!("the table of {instance} is not found: {BY_HAND}"))?;
    let start = text
        .get(..heading.start)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    let end = line_end_after(text, last_value_end(table)?);
    let (Some(before), Some(after)) = (text.get(..start), text.get(end..)) else {
        return Err(format!("the table of {instance} is not found: {BY_HAND}"));
    };
    // One blank line between what is above and below, not two; none at the end.
    let blank = |text: &str| text.starts_with('\n') || text.starts_with("\r\n");
    let after = match after.split_once('\n') {
        Some((_, rest))
            if blank(after)
                && (before.is_empty()
                    || before.ends_with("\n\n")
                    || before.ends_with("\n\r\n")) =>
        {
            rest
        }
        _ => after,
    };
    let before = if after.trim().is_empty() {
        let kept = before.trim_end_matches(['\r', '\n']).len();
        before.get(..line_end_after(before, kept)).unwrap_or(before)
    } else {
        before
    };
    Ok(format!("{before}{after}"))
}

fn parse(text: &str) -> Result<Document<&str>, String> {
    Document::parse(text).map_err(|cause| cause.message().to_owned())
}

fn table<'a>(document: &'a Document<&str>, instance: &str) -> Result<&'a Table, String> {
    let named = |table: &&Table| {
        table
            .get("name")
            .and_then(Item::as_str)
            .is_some_and(|name| name.trim() == instance)
    };
    document
        .as_table()
        .get("integration")
        .and_then(Item::as_array_of_tables)
        .and_then(|tables| tables.iter().find(named))
        .ok_or_else(|| format!("no [[integration]] table is named {instance}: {BY_HAND}"))
}

fn replaced(text: &str, item: &Item, key: &str, field: &Field) -> Result<String, String> {
    let place: Option<Range<usize>> = item.as_value().and_then(Value::span);
    let whole = place.and_then(|place| {
        let (before, after) = (text.get(..place.start)?, text.get(place.end..)?);
        Some(format!("{before}{}{after}", field.written()))
    });
    whole.ok_or_else(|| format!("{key} is not written as one value: {BY_HAND}"))
}

/// Where the last value of a table ends.
fn last_value_end(table: &Table) -> Result<usize, String> {
    let mut last = table.span().map_or(0, |heading| heading.end);
    for (key, item) in table.iter() {
        match item.as_value().and_then(Value::span) {
            Some(span) => last = last.max(span.end),
            // A table of its own may stand anywhere below.
            None => return Err(format!("{key} is not written as one value: {BY_HAND}")),
        }
    }
    Ok(last)
}

/// The start of the next line.
fn line_end_after(text: &str, at: usize) -> usize {
    text.get(at..)
        .and_then(|rest| rest.find('\n'))
        .map_or(text.len(), |line| at + line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# ours\n[account]\nid = 7 # kept\n\n# the first\n[[integration]]\n\
        type = \"ics\"\n# inside\nname = \"one\" # its name\ncalendars = \"a.csv\"\n# between\n\n\
        # the second\n  [[integration]]\n  name = 'two'\n  type = \"outlook\"\n  \
        client_secret = { env = \"OLD\" }   # see the vault\n  lookback_days = 9\n\n[limits]\n\
        #memory = \"1GiB\"\n# [[integration]]\n# name = \"example\"\n";

    #[test]
    fn a_table_is_added_at_the_end() {
        let fields = [
            ("type", Field::Text("outlook".into())),
            ("name", Field::Text("a \"b\" \\".into())),
            ("client_secret", Field::Secret(SecretRef::Env("X".into()))),
            ("secret_expires", Field::Date("2027-01-31".into())),
        ];
        let text = append(FILE, &fields);
        let added = text.strip_prefix(FILE).unwrap();
        let document = Document::parse(text.as_str()).unwrap();
        let table = table(&document, "a \"b\" \\").unwrap();
        assert_eq!(table.len(), 4);
        assert!(
            added.starts_with("\n[[integration]]\ntype = \"outlook\"\n"),
            "{added}"
        );
        assert!(added.ends_with("client_secret = { env = \"X\" }\nsecret_expires = 2027-01-31\n"));
        assert_eq!(
            append("", &fields[..1]),
            "[[integration]]\ntype = \"outlook\"\n"
        );
        assert_eq!(
            append("a = 1", &fields[..1]),
            "a = 1\n\n[[integration]]\ntype = \"outlook\"\n"
        );
        assert!(
            !append("[a]\r\n", &fields)
                .replace("\r\n", "")
                .contains('\n')
        );
    }

    #[test]
    fn a_value_is_changed_and_nothing_else() {
        let secret = Field::Secret(SecretRef::File("/run/s".into()));
        assert_eq!(
            set(FILE, "two", "client_secret", &secret).unwrap(),
            FILE.replace("{ env = \"OLD\" }", "{ file = \"/run/s\" }")
        );
        let date = Field::Date("2027-01-31".into());
        assert_eq!(
            set(FILE, "two", "secret_expires", &date).unwrap(),
            FILE.replace(
                "lookback_days = 9\n",
                "lookback_days = 9\nsecret_expires = 2027-01-31\n"
            )
        );
        let short = "[[integration]]\nname = \"a\"";
        assert_eq!(
            set(short, "a", "secret_expires", &date).unwrap(),
            format!("{short}\nsecret_expires = 2027-01-31")
        );
        assert!(set(FILE, "example", "client_secret", &secret).is_err());
        let dotted = "[[integration]]\nname = \"a\"\npassword.env = \"P\"\n";
        for key in ["password", "secret_expires"] {
            let error = set(dotted, "a", key, &secret).unwrap_err();
            assert!(error.contains("by hand"), "{error}");
        }
        let key = "[connectors]\nseal_key = { env = \"A\" } # b\n";
        assert_eq!(
            set_in_section(key, "connectors", "seal_key", &secret).unwrap(),
            "[connectors]\nseal_key = { file = \"/run/s\" } # b\n"
        );
        assert!(set_in_section(key, "connectors", "seal", &secret).is_err());
    }

    #[test]
    fn a_table_is_taken_out_and_the_comments_around_it_stay() {
        let first = remove(FILE, "one").unwrap();
        assert_eq!(
            first,
            FILE.replace(
                "[[integration]]\ntype = \"ics\"\n# inside\nname = \"one\" # its name\n\
                 calendars = \"a.csv\"\n",
                ""
            )
        );
        let both = remove(&first, "two").unwrap();
        assert_eq!(
            both,
            "# ours\n[account]\nid = 7 # kept\n\n# the first\n# between\n\n# the second\n\n\
             [limits]\n#memory = \"1GiB\"\n# [[integration]]\n# name = \"example\"\n"
        );
        // What was added goes without a trace.
        let fields = [("name", Field::Text("new".into()))];
        assert_eq!(remove(&append(FILE, &fields), "new").unwrap(), FILE);
        assert!(remove(FILE, "three").is_err());
        let split = "[[integration]]\nname = \"a\"\n[limits]\nthreads = 1\n\
                     [integration.password]\nenv = \"P\"\n";
        assert!(remove(split, "a").is_err());
    }
}
