//! Google's `fields`: which parts of an answer are sent.
//! https://developers.google.com/workspace/calendar/api/guides/performance#partial

use std::collections::BTreeMap;

use serde_json::Value;

/// What is kept of an object: all of it, or these fields of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mask {
    fields: BTreeMap<String, Mask>,
}

impl Mask {
    /// Reads `a,b/c,d(e,f/g)`; `*` is every field.
    pub fn parse(text: &str) -> Result<Mask, String> {
        let mut letters = text.chars().peekable();
        let mask = Mask::list(&mut letters)?;
        match letters.next() {
            None => Ok(mask),
            Some(letter) => Err(format!("'{letter}' is not expected")),
        }
    }

    fn list(letters: &mut std::iter::Peekable<std::str::Chars>) -> Result<Mask, String> {
        let mut mask = Mask::default();
        loop {
            Mask::path(letters, &mut mask)?;
            if letters.next_if_eq(&',').is_none() {
                return Ok(mask);
            }
        }
    }

    fn path(
        letters: &mut std::iter::Peekable<std::str::Chars>,
        into: &mut Mask,
    ) -> Result<(), String> {
        let mut name = String::new();
        while let Some(letter) = letters.next_if(|c| c.is_ascii_alphanumeric() || *c == '*') {
            name.push(letter);
        }
        if name.is_empty() {
            return Err("a field is missing".into());
        }
        let inner = into.fields.entry(name).or_default();
        if letters.next_if_eq(&'/').is_some() {
            return Mask::path(letters, inner);
        }
        if letters.next_if_eq(&'(').is_some() {
            let list = Mask::list(letters)?;
            inner.fields.extend(list.fields);
            if letters.next() != Some(')') {
                return Err("a bracket is not closed".into());
            }
        }
        Ok(())
    }

    /// The first field that is not among the known ones, at the top or in a list of `rows`.
    pub fn unknown(&self, top: &[&str], rows: &str, of_row: &[&str]) -> Option<String> {
        let strange = |mask: &Mask, known: &[&str]| {
            let mut names = mask.fields.keys();
            names
                .find(|name| *name != "*" && !known.contains(&name.as_str()))
                .cloned()
        };
        strange(self, top).or_else(|| {
            let rows = self.fields.get(rows)?;
            strange(rows, of_row)
        })
    }

    /// Drops what is not asked for.
    pub fn apply(&self, value: &mut Value) {
        if self.fields.is_empty() {
            return;
        }
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| self.apply(value)),
            Value::Object(object) => object.retain(|name, value| {
                let Some(mask) = self.fields.get(name).or_else(|| self.fields.get("*")) else {
                    return false;
                };
                mask.apply(value);
                true
            }),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mask_keeps_what_it_names_and_nothing_else() {
        let mask = Mask::parse("next,items(id,start/dateTime),users/emails(address)").unwrap();
        let mut value = json!({
            "next": 1, "etag": 2,
            "items": [{"id": 1, "start": {"dateTime": 2, "timeZone": 3}, "summary": 4}],
            "users": [{"emails": [{"address": 1, "type": 2}], "id": 3}],
        });
        mask.apply(&mut value);
        assert_eq!(
            value,
            json!({
                "next": 1,
                "items": [{"id": 1, "start": {"dateTime": 2}}],
                "users": [{"emails": [{"address": 1}]}],
            })
        );
        assert!(Mask::parse("items(id").is_err());
        assert!(Mask::parse("a,,b").is_err());
        assert_eq!(
            mask.unknown(&["next", "items", "users"], "items", &["id"]),
            Some("start".into())
        );
    }
}
