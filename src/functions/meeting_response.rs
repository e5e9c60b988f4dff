//! `meeting_response(user_id, own_response, attendees)`: what the calendar's owner answered
//! (`semantics.md` §6).

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::addresses::{Addresses, Invitations, coerced, declined, invited};
use super::documentation::{ORGANISATION, page};
use super::{Arguments, scalar};

const NAME: &str = "meeting_response";

/// The SQL function over the users' addresses.
pub fn meeting_response(addresses: Arc<Addresses>) -> ScalarUDF {
    scalar(
        NAME,
        page(
            ORGANISATION,
            "meeting_response(user_id, own_response, attendees)",
            "What the calendar's owner answered: the own answer when given, else the answer beside \
             one of the owner's addresses among the attendees, of several the first that is not \
             declined; NULL where there is none.",
            &[
                ("user_id", "the calendar's owner; see `users`"),
                (
                    "own_response",
                    "the answer the entry itself tells; may be NULL",
                ),
                (
                    "attendees",
                    "list of structs with `email`, `response` and `kind`; may be NULL",
                ),
            ],
            "select meeting_response(1, 'tentative', null) as response",
        ),
        Arguments::Checked(|given| {
            coerced(NAME, &[DataType::Int64, DataType::Utf8, invited()], given)
        }),
        DataType::Utf8,
        move |args| {
            let [users, own, attendees] = args else {
                return exec_err!("{NAME} takes a user_id, an answer and attendees");
            };
            let users = users.as_primitive::<Int64Type>();
            let own = own.as_string::<i32>();
            let attendees = Invitations::new(NAME, attendees)?;
            let out: StringArray = (0..users.len())
                .map(|row| {
                    if own.is_valid(row) {
                        return Some(own.value(row).to_owned());
                    }
                    if users.is_null(row) {
                        return None;
                    }
                    let mut answer: Option<&str> = None;
                    for invited in attendees.row(row) {
                        if addresses.owner(invited.email) != Some(users.value(row)) {
                            continue;
                        }
                        // No answer is not a refusal.
                        if !declined(invited.response) {
                            return invited.response.map(str::to_owned);
                        }
                        answer = invited.response;
                    }
                    answer.map(str::to_owned)
                })
                .collect();
            Ok(Arc::new(out) as ArrayRef)
        },
    )
}
