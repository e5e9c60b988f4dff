//! What a file said before: duplicates, and rows of one key that hold on the same date.

use std::collections::HashMap;
use std::hash::Hash;

use super::Validity;

/// Keys and the line each stood on first.
#[derive(Debug)]
pub struct Seen<K>(HashMap<K, u64>);

impl<K: Eq + Hash> Seen<K> {
    pub fn new() -> Self {
        Seen(HashMap::new())
    }

    /// Notes `key`; the line where it stood before, if it did.
    pub fn before(&mut self, key: K, line: u64) -> Option<u64> {
        match self.0.entry(key) {
            std::collections::hash_map::Entry::Occupied(entry) => Some(*entry.get()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(line);
                None
            }
        }
    }
}

/// Keys with the dates on which a row of each holds.
#[derive(Debug)]
pub struct InForce<K>(HashMap<K, Vec<(Validity, u64)>>);

impl<K: Eq + Hash> InForce<K> {
    pub fn new() -> Self {
        InForce(HashMap::new())
    }

    /// Notes a row of `key`; the line of an earlier one that holds on some date with it.
    pub fn before(&mut self, key: K, validity: Validity, line: u64) -> Option<u64> {
        let rows = self.0.entry(key).or_default();
        let earlier = rows
            .iter()
            .find(|(other, _)| other.overlap(validity).is_some())
            .map(|(_, line)| *line);
        rows.push((validity, line));
        earlier
    }
}

impl Validity {
    /// The dates of both, `None` when there are none.
    pub fn overlap(self, other: Validity) -> Option<Validity> {
        let from = self.from.max(other.from);
        let to = match (self.to, other.to) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        match (from, to) {
            (Some(from), Some(to)) if to <= from => None,
            _ => Some(Validity { from, to }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validity(from: Option<i32>, to: Option<i32>) -> Validity {
        Validity { from, to }
    }

    #[test]
    fn half_open_dates_that_touch_do_not_overlap() {
        let until = validity(None, Some(10));
        let since = validity(Some(10), None);
        assert_eq!(until.overlap(since), None);
        assert_eq!(since.overlap(until), None);
        assert_eq!(
            validity(Some(5), None).overlap(until),
            Some(validity(Some(5), Some(10)))
        );
        assert_eq!(
            Validity::default().overlap(Validity::default()),
            Some(Validity::default())
        );
    }

    #[test]
    fn the_earlier_line_is_named() {
        let mut seen = Seen::new();
        assert_eq!(seen.before("a", 2), None);
        assert_eq!(seen.before("a", 3), Some(2));
        let mut rows = InForce::new();
        assert_eq!(rows.before(1, validity(None, Some(10)), 2), None);
        assert_eq!(rows.before(1, validity(Some(10), None), 3), None);
        assert_eq!(rows.before(1, validity(Some(9), None), 4), Some(2));
        assert_eq!(rows.before(2, Validity::default(), 5), None);
    }
}
