//! `meeting_participants(organizer, organizer_response, attendees)`: how many people a meeting has
//! that did not decline (`semantics.md` §6).

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::addresses::{Addresses, Invitations, Invited, Person, coerced, declined, invited};
use super::documentation::{ORGANISATION, page};
use super::{Arguments, scalar};

const NAME: &str = "meeting_participants";

/// The SQL function over the users' addresses.
pub fn meeting_participants(addresses: Arc<Addresses>) -> ScalarUDF {
    scalar(
        NAME,
        page(
            ORGANISATION,
            "meeting_participants(organizer, organizer_response, attendees)",
            "People of a meeting who did not decline. The organiser counts once; without an answer \
             of its own the organiser's entry among the attendees tells. No answer and tentative \
             count, rooms and resources do not, a mailing list is one. All addresses of one user are \
             one person, who counts if any of the entries is not declined.",
            &[
                ("organizer", "mail address in lower case; may be NULL"),
                ("organizer_response", "the organiser's answer; may be NULL"),
                (
                    "attendees",
                    "list of structs with `email`, `response` and `kind`; may be NULL",
                ),
            ],
            "select meeting_participants('ann@example.com', null, make_array(\
             named_struct('email', 'bob@example.com', 'response', 'declined', 'kind', 'person'), \
             named_struct('email', 'cid@example.com', 'response', 'tentative', 'kind', 'person'), \
             named_struct('email', 'room@example.com', 'response', 'accepted', 'kind', 'resource')\
             )) as people",
        ),
        Arguments::Checked(|given| {
            coerced(NAME, &[DataType::Utf8, DataType::Utf8, invited()], given)
        }),
        DataType::Int64,
        move |args| {
            let [organizers, answers, attendees] = args else {
                return exec_err!("{NAME} takes an organizer, an answer and attendees");
            };
            let organizers = organizers.as_string::<i32>();
            let answers = answers.as_string::<i32>();
            let attendees = Invitations::new(NAME, attendees)?;
            let out: Int64Array = (0..organizers.len())
                .map(|row| {
                    let organizer = organizers.is_valid(row).then(|| organizers.value(row));
                    let answer = answers.is_valid(row).then(|| answers.value(row));
                    Some(count(&addresses, organizer, answer, attendees.row(row)))
                })
                .collect();
            Ok(Arc::new(out) as ArrayRef)
        },
    )
}

fn count<'a>(
    addresses: &Addresses,
    organizer: Option<&'a str>,
    answer: Option<&str>,
    attendees: impl Iterator<Item = Invited<'a>>,
) -> i64 {
    // Whether somebody has an entry that is not declined.
    let mut people: BTreeMap<Person<'a>, bool> = BTreeMap::new();
    let mut organizer = organizer;
    for invited in attendees {
        if invited
            .kind
            .is_some_and(|kind| kind.eq_ignore_ascii_case("resource"))
        {
            // A room may invite, and is no participant for that.
            organizer = organizer.filter(|organizer| *organizer != invited.email);
            continue;
        }
        *people.entry(addresses.person(invited.email)).or_default() |= !declined(invited.response);
    }
    if let Some(organizer) = organizer {
        let own = addresses.person(organizer);
        match answer {
            Some(answer) => *people.entry(own).or_default() |= !declined(Some(answer)),
            None => {
                people.entry(own).or_insert(true);
            }
        }
    }
    i64::try_from(people.values().filter(|comes| **comes).count()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(organizer: Option<(&str, Option<&str>)>, attendees: &[(&str, &str, &str)]) -> i64 {
        let addresses = Addresses::new([("ann@x".into(), 1), ("ann@old".into(), 1)]);
        count(
            &addresses,
            organizer.map(|(email, _)| email),
            organizer.and_then(|(_, answer)| answer),
            attendees.iter().map(|(email, response, kind)| Invited {
                email,
                response: (!response.is_empty()).then_some(*response),
                kind: (!kind.is_empty()).then_some(*kind),
            }),
        )
    }

    #[test]
    fn people_are_counted_once_and_unless_declined() {
        assert_eq!(counted(None, &[]), 0);
        assert_eq!(counted(Some(("ann@x", None)), &[]), 1);
        // No answer and tentative count; declined, rooms and devices do not; a list is one.
        assert_eq!(
            counted(
                Some(("bob@x", None)),
                &[
                    ("cid@x", "", "person"),
                    ("dan@x", "tentative", ""),
                    ("eve@x", "declined", "person"),
                    ("room@x", "accepted", "resource"),
                    ("all@x", "needsAction", "group"),
                ]
            ),
            4
        );
        // Two addresses of one user, one of them declined.
        assert_eq!(
            counted(None, &[("ann@x", "declined", ""), ("ann@old", "", "")]),
            1
        );
        assert_eq!(
            counted(Some(("ann@old", None)), &[("ann@x", "accepted", "")]),
            1
        );
    }

    #[test]
    fn a_room_that_invites_is_no_participant() {
        assert_eq!(
            counted(
                Some(("room@x", None)),
                &[("room@x", "accepted", "resource"), ("bob@x", "", "")]
            ),
            1
        );
    }

    #[test]
    fn the_organiser_s_answer_is_the_own_one_or_the_entry_s() {
        let entry = [("ann@x", "declined", "person")];
        assert_eq!(counted(Some(("ann@x", None)), &entry), 0);
        assert_eq!(counted(Some(("ann@x", Some("declined"))), &[]), 0);
        assert_eq!(counted(Some(("ann@x", Some("accepted"))), &entry), 1);
    }
}
