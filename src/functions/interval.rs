//! Sets of time intervals.
//!
//! In flow: intervals in any order. Out flow: sets in *normal form*: half-open `[start, end)`, none
//! empty, ascending, neither overlapping nor touching. Every function takes its sets in that form
//! (make it with [`normalised`]) and is linear. Nothing here knows a zone or a calendar, and no input
//! makes it panic. How sets lie in Arrow columns is the matter of `interval_rows`.

pub use super::interval_rows::{IntervalListBuilder, IntervalLists, check_type, interval_list};
pub(super) use super::interval_rows::{Takes, coerced, lists, map_pairs, map_sets};
use crate::clock::Micros;
use crate::zone::SECOND;

/// The instants from `start` up to but without `end`, in microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    pub start: Micros,
    pub end: Micros,
}

impl Interval {
    /// Of two instants; empty when `end` is not after `start`.
    pub fn new(start: Micros, end: Micros) -> Interval {
        Interval { start, end }
    }

    /// Microseconds; 0 for an empty one.
    pub fn length_us(self) -> i64 {
        self.end.saturating_sub(self.start).max(0)
    }
}

/// A run of intervals with short gaps only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub start: Micros,
    pub end: Micros,
    /// Intervals of the set in it.
    pub parts: i64,
    /// Microseconds without the gaps.
    pub covered_us: i64,
}

/// The set of all instants that lie in any of the intervals. Sorts; empty and negative intervals
/// go, touching ones become one.
pub fn normalised(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.retain(|interval| interval.start < interval.end);
    intervals.sort_unstable();
    let mut out: Vec<Interval> = Vec::with_capacity(intervals.len());
    for interval in intervals {
        match out.last_mut() {
            Some(last) if interval.start <= last.end => last.end = last.end.max(interval.end),
            _ => out.push(interval),
        }
    }
    out
}

/// What lies in either set.
pub fn union(one: &[Interval], other: &[Interval]) -> Vec<Interval> {
    normalised([one, other].concat())
}

/// What lies in both sets.
pub fn intersection(one: &[Interval], other: &[Interval]) -> Vec<Interval> {
    let mut out = Vec::with_capacity(one.len().min(other.len()));
    let (mut ones, mut others) = (one.iter().peekable(), other.iter().peekable());
    while let (Some(a), Some(b)) = (ones.peek(), others.peek()) {
        let both = Interval::new(a.start.max(b.start), a.end.min(b.end));
        if both.start < both.end {
            out.push(both);
        }
        // Whatever ends first can meet nothing further.
        if a.end <= b.end {
            ones.next();
        } else {
            others.next();
        }
    }
    out
}

/// What lies in the first set and not in the second.
pub fn subtraction(from: &[Interval], cut: &[Interval]) -> Vec<Interval> {
    let mut out = Vec::with_capacity(from.len());
    let mut cuts = cut.iter().peekable();
    for interval in from {
        let mut start = interval.start;
        while let Some(next) = cuts.peek() {
            if next.start >= interval.end {
                break;
            }
            if start < next.start {
                out.push(Interval::new(start, next.start));
            }
            start = start.max(next.end);
            // A cut that reaches past this interval may take from the following one too.
            if next.end > interval.end {
                break;
            }
            cuts.next();
        }
        if start < interval.end {
            out.push(Interval::new(start, interval.end));
        }
    }
    out
}

/// What lies between the first start and the last end and not in the set.
pub fn gaps(set: &[Interval]) -> Vec<Interval> {
    set.iter()
        .zip(set.iter().skip(1))
        .map(|(before, after)| Interval::new(before.end, after.start))
        .collect()
}

/// The set with every gap filled that is shorter than so many microseconds; a gap of exactly that
/// length stays.
pub fn flood(set: &[Interval], shorter_than_us: i64) -> Vec<Interval> {
    let mut out: Vec<Interval> = Vec::with_capacity(set.len());
    for interval in set {
        match out.last_mut() {
            Some(last) if interval.start.saturating_sub(last.end) < shorter_than_us => {
                last.end = interval.end;
            }
            _ => out.push(*interval),
        }
    }
    out
}

/// The longest runs of intervals whose gaps are at most so many microseconds; a gap of exactly that
/// length does not end a session.
pub fn sessions(set: &[Interval], max_gap_us: i64) -> Vec<Session> {
    let mut out: Vec<Session> = Vec::new();
    for interval in set {
        match out.last_mut() {
            Some(last) if interval.start.saturating_sub(last.end) <= max_gap_us => {
                last.end = interval.end;
                last.parts += 1;
                last.covered_us = last.covered_us.saturating_add(interval.length_us());
            }
            _ => out.push(Session {
                start: interval.start,
                end: interval.end,
                parts: 1,
                covered_us: interval.length_us(),
            }),
        }
    }
    out
}

/// Whole seconds of all intervals together: the microseconds are summed first, then rounded down.
pub fn seconds(set: &[Interval]) -> i64 {
    set.iter()
        .map(|interval| interval.length_us())
        .fold(0, i64::saturating_add)
        / SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds that the random sets lie in.
    const SPACE: i64 = 40;

    /// A sequence that is the same on every run.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, limit: i64) -> i64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 33) % limit as u64) as i64
        }

        /// Unordered, overlapping, some empty and some negative.
        fn intervals(&mut self) -> Vec<Interval> {
            (0..self.below(7))
                .map(|_| {
                    let start = self.below(SPACE - 2);
                    seconds_from(start, start + self.below(9) - 2)
                })
                .map(|i| Interval::new(i.start, i.end.min(SPACE * SECOND)))
                .collect()
        }
    }

    fn seconds_from(start: i64, end: i64) -> Interval {
        Interval::new(start * SECOND, end * SECOND)
    }

    /// The set, second by second.
    fn seen(intervals: &[Interval]) -> Vec<bool> {
        (0..SPACE)
            .map(|second| {
                let at = second * SECOND;
                intervals.iter().any(|i| i.start <= at && at < i.end)
            })
            .collect()
    }

    fn is_normal(set: &[Interval]) -> bool {
        set.iter().all(|i| i.start < i.end) && set.windows(2).all(|p| p[0].end < p[1].start)
    }

    /// Runs of the same value as (value, from, to).
    fn runs(seconds: &[bool]) -> Vec<(bool, i64, i64)> {
        let mut out: Vec<(bool, i64, i64)> = Vec::new();
        for (at, value) in seconds.iter().enumerate() {
            let at = at as i64;
            match out.last_mut() {
                Some(last) if last.0 == *value => last.2 = at + 1,
                _ => out.push((*value, at, at + 1)),
            }
        }
        out
    }

    /// Whether a run of uncovered seconds has covered ones on both sides.
    fn inside(seconds: &[bool], run: (bool, i64, i64)) -> bool {
        !run.0 && run.1 > 0 && run.2 < SPACE && seconds.iter().any(|covered| *covered)
    }

    #[test]
    fn agrees_with_sets_of_seconds() {
        let mut dice = Dice(1);
        for _ in 0..20_000 {
            let (raw_a, raw_b) = (dice.intervals(), dice.intervals());
            let (a, b) = (normalised(raw_a.clone()), normalised(raw_b.clone()));
            let (seen_a, seen_b) = (seen(&raw_a), seen(&raw_b));
            let told = |set: &[Interval], of: &dyn Fn(bool, bool) -> bool| {
                assert!(is_normal(set), "{raw_a:?} {raw_b:?} {set:?}");
                let want: Vec<bool> = seen_a
                    .iter()
                    .zip(&seen_b)
                    .map(|(x, y)| of(*x, *y))
                    .collect();
                assert_eq!(seen(set), want, "{raw_a:?} {raw_b:?}");
            };
            told(&a, &|x, _| x);
            told(&union(&a, &b), &|x, y| x || y);
            told(&intersection(&a, &b), &|x, y| x && y);
            told(&subtraction(&a, &b), &|x, y| x && !y);
            let covered = seen_a.iter().filter(|covered| **covered).count() as i64;
            assert_eq!(seconds(&a), covered);

            let between: Vec<Interval> = runs(&seen_a)
                .into_iter()
                .filter(|run| inside(&seen_a, *run))
                .map(|(_, from, to)| seconds_from(from, to))
                .collect();
            assert_eq!(gaps(&a), between, "{raw_a:?}");

            for limit in [-1, 0, 1, 2, 5] {
                let mut filled = seen_a.clone();
                for run in runs(&seen_a) {
                    if inside(&seen_a, run) && run.2 - run.1 < limit {
                        (run.1..run.2).for_each(|at| filled[at as usize] = true);
                    }
                }
                let flooded = flood(&a, limit * SECOND);
                assert!(is_normal(&flooded));
                assert_eq!(seen(&flooded), filled, "{raw_a:?} {limit}");

                let mut want: Vec<Session> = Vec::new();
                for (covered, from, to) in runs(&seen_a) {
                    if !covered {
                        continue;
                    }
                    let length = (to - from) * SECOND;
                    match want.last_mut() {
                        Some(last) if from * SECOND - last.end <= limit * SECOND => {
                            last.end = to * SECOND;
                            last.parts += 1;
                            last.covered_us += length;
                        }
                        _ => want.push(Session {
                            start: from * SECOND,
                            end: to * SECOND,
                            parts: 1,
                            covered_us: length,
                        }),
                    }
                }
                assert_eq!(sessions(&a, limit * SECOND), want, "{raw_a:?} {limit}");
            }
        }
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let all = Interval::new(i64::MIN, i64::MAX);
        assert_eq!(all.length_us(), i64::MAX);
        let ends = normalised(vec![
            Interval::new(i64::MAX - 1, i64::MAX),
            Interval::new(i64::MIN, i64::MIN + 1),
        ]);
        assert_eq!(gaps(&ends).len(), 1);
        assert_eq!(flood(&ends, i64::MAX).len(), 2);
        assert_eq!(sessions(&ends, i64::MAX).len(), 1);
        assert_eq!(subtraction(&[all], &ends), gaps(&ends));
        assert!(seconds(&[all, all]) > 0);
    }

    #[test]
    fn seconds_are_rounded_after_summing() {
        let half = |at: i64| Interval::new(at * SECOND, at * SECOND + SECOND / 2);
        assert_eq!(seconds(&[half(0), half(2)]), 1);
        assert_eq!(seconds(&[half(0), half(2), half(4)]), 1);
    }
}
