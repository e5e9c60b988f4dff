//! Whose mail address is whose, and who stands in a list of invited addresses: for the functions
//! that look at invitations.

use std::collections::HashMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, exec_err, plan_err};

/// The users of the organisation by their addresses (e-mail and user principal names).
#[derive(Clone, Debug, Default)]
pub struct Addresses(HashMap<String, i64>);

impl Addresses {
    /// Addresses with the uid of the user they belong to; compared in lower case.
    pub fn new(addresses: impl IntoIterator<Item = (String, i64)>) -> Addresses {
        Addresses(
            addresses
                .into_iter()
                .map(|(address, uid)| (address.trim().to_lowercase(), uid))
                .collect(),
        )
    }

    /// Whose address it is.
    pub fn owner(&self, address: &str) -> Option<i64> {
        self.0.get(address).copied()
    }

    /// A person: all addresses of one user are one.
    pub(super) fn person<'a>(&self, address: &'a str) -> Person<'a> {
        match self.owner(address) {
            Some(uid) => Person::User(uid),
            None => Person::Other(address),
        }
    }
}

/// A user, or somebody of whom only an address is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Person<'a> {
    User(i64),
    Other(&'a str),
}

/// The type of a list of invited addresses.
pub fn invited() -> DataType {
    DataType::List(std::sync::Arc::new(Field::new_list_field(
        DataType::Struct(Fields::from(vec![
            Field::new("email", DataType::Utf8, true),
            Field::new("response", DataType::Utf8, true),
            Field::new("kind", DataType::Utf8, true),
            Field::new("optional", DataType::Boolean, true),
        ])),
        true,
    )))
}

/// Checks the argument types of a function on invitations: a user id or text first, the list last.
///
/// # Errors
/// A plan error that says what is wrong.
pub(super) fn coerced(
    function: &str,
    wanted: &[DataType],
    given: &[DataType],
) -> Result<Vec<DataType>> {
    if wanted.len() != given.len() {
        return plan_err!(
            "{function} takes {} arguments, not {}",
            wanted.len(),
            given.len()
        );
    }
    wanted
        .iter()
        .zip(given)
        .map(|(wanted, given)| match (wanted, given) {
            (DataType::List(_), DataType::List(field))
                if ["email", "response", "kind"].iter().all(|name| {
                    matches!(field.data_type(), DataType::Struct(fields)
                        if fields.iter().any(|field| field.name() == name
                            && field.data_type() == &DataType::Utf8))
                }) =>
            {
                // As it is: it is read by the names of its fields.
                Ok(given.clone())
            }
            (DataType::List(_), DataType::Null) => Ok(invited()),
            (DataType::List(_), other) => plan_err!(
                "{function} takes a list of structs with the texts email, response and kind, not {other}"
            ),
            (wanted, _) => Ok(wanted.clone()),
        })
        .collect()
}

/// A column of lists of invited addresses.
pub(super) struct Invitations {
    lists: ListArray,
    emails: StringArray,
    responses: StringArray,
    kinds: StringArray,
}

/// One invited address of a row.
pub(super) struct Invited<'a> {
    pub email: &'a str,
    pub response: Option<&'a str>,
    pub kind: Option<&'a str>,
}

impl Invitations {
    pub(super) fn new(function: &str, column: &ArrayRef) -> Result<Invitations> {
        let Some(lists) = column.as_list_opt::<i32>() else {
            return exec_err!("{function}: the attendees are no list");
        };
        let Some(rows) = lists.values().as_any().downcast_ref::<StructArray>() else {
            return exec_err!("{function}: the attendees are no structs");
        };
        let text = |name: &str| match rows
            .column_by_name(name)
            .and_then(|column| column.as_string_opt::<i32>())
        {
            Some(texts) => Ok(texts.clone()),
            None => exec_err!("{function}: the attendees have no text {name}"),
        };
        Ok(Invitations {
            emails: text("email")?,
            responses: text("response")?,
            kinds: text("kind")?,
            lists: lists.clone(),
        })
    }

    /// The invited addresses of a row; none where the list is NULL.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = Invited<'_>> {
        let span = if self.lists.is_valid(row) {
            let offsets = self.lists.value_offsets();
            let at = |row: usize| {
                offsets
                    .get(row)
                    .and_then(|offset| usize::try_from(*offset).ok())
                    .unwrap_or(0)
            };
            at(row)..at(row + 1)
        } else {
            0..0
        };
        let given = |texts: &'_ StringArray, at: usize| texts.is_valid(at).then_some(at);
        span.filter_map(move |at| {
            given(&self.emails, at).map(|at| Invited {
                email: self.emails.value(at),
                response: given(&self.responses, at).map(|at| self.responses.value(at)),
                kind: given(&self.kinds, at).map(|at| self.kinds.value(at)),
            })
        })
    }
}

/// Whether an answer is a refusal; no answer is none.
pub(super) fn declined(response: Option<&str>) -> bool {
    response.is_some_and(|response| response.eq_ignore_ascii_case("declined"))
}
