//! Rows of a person's day stand together: what is looked up for one holds for its neighbours.

use std::ops::Range;

use datafusion::arrow::array::{Array, Date32Array, Int64Array};
use datafusion::arrow::buffer::NullBuffer;

/// The rows in runs of one person's day, in their order; none where the person or the date is NULL.
pub(super) fn runs(
    users: &Int64Array,
    days: &Date32Array,
) -> impl Iterator<Item = (Range<usize>, Option<(i64, i32)>)> {
    let nulls = NullBuffer::union(users.nulls(), days.nulls());
    let (users, days) = (users.values(), days.values());
    let known = move |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let mut start = 0;
    std::iter::from_fn(move || {
        let whose = (*users.get(start)?, *days.get(start)?);
        let valid = known(start);
        let goes_on = |row: &usize| {
            let same = || users.get(*row) == Some(&whose.0) && days.get(*row) == Some(&whose.1);
            known(*row) == valid && (!valid || same())
        };
        let end = (start + 1..users.len()).find(|row| !goes_on(row));
        let run = start..end.unwrap_or(users.len());
        start = run.end;
        Some((run, valid.then_some(whose)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_with_the_person_the_day_or_a_null() {
        let users = Int64Array::from(vec![
            Some(1),
            Some(1),
            Some(1),
            Some(2),
            None,
            None,
            Some(2),
        ]);
        let days = Date32Array::from(vec![
            Some(7),
            Some(7),
            Some(8),
            Some(8),
            Some(8),
            None,
            Some(8),
        ]);
        let found: Vec<_> = runs(&users, &days).collect();
        assert_eq!(
            found,
            [
                (0..2, Some((1, 7))),
                (2..3, Some((1, 8))),
                (3..4, Some((2, 8))),
                (4..6, None),
                (6..7, Some((2, 8))),
            ]
        );
        let none = runs(
            &Int64Array::from(Vec::<i64>::new()),
            &Date32Array::from(Vec::<i32>::new()),
        )
        .count();
        assert_eq!(none, 0);
    }
}
