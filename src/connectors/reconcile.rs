//! What a calendar answered, held against what is stored: which entries go to the lake.
//!
//! Pure. A complete reading of a window is the truth of that window: what it does not show is gone.
//! A feed of changes says itself what is gone. Entries outside the window are none of this reading's
//! business, but one that was inside and moved out is gone from it. The edges of a window never
//! delete.

use std::collections::{BTreeMap, BTreeSet};

use super::{ANY, Failure, FailureKind, Reading, Window};
use crate::clock::Micros;
use crate::ingest::meetings::Known;
use crate::sources::meeting::{Meeting, Span, Status};

/// Microseconds of a day.
const DAY: Micros = 86_400_000_000;

/// Which reading it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Everything in the window.
    Window,
    /// What changed since the last reading of the same window.
    Changes,
}

/// When a reading that would remove much is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// A larger share of the stored entries of the window, in percent …
    pub percent: u32,
    /// … and at least this many.
    pub min: u32,
}

/// The entries to store for one person.
///
/// `known` holds the stored entries in force around the window, by the provider's id.
///
/// # Errors
/// [`FailureKind::Guard`] when the guard does not believe the absences; nothing is to be stored
/// then.
pub fn reconcile(
    reading: Reading,
    lane: Lane,
    window: Window,
    known: &BTreeMap<String, Known>,
    guard: Option<Guard>,
) -> Result<Vec<Meeting>, Failure> {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut out = Vec::with_capacity(reading.meetings.len());
    for meeting in reading.meetings {
        let inside = meeting.span.is_some_and(|span| overlaps(span, window));
        if inside {
            seen.insert(meeting.event_id.clone());
            out.push(meeting);
        } else if let Some(stored) = known.get(&meeting.event_id) {
            seen.insert(meeting.event_id.clone());
            if meeting.span.is_some() && !stored.span.is_some_and(|span| overlaps(span, window)) {
                // It was beside the window before, too: what came is simply what it is now.
                out.push(meeting);
                continue;
            }
            // Gone, or moved out of the window; of both, an earlier row of the same reading is
            // out of date.
            let updated = meeting.updated;
            let mut gone = Meeting::gone(meeting.event_id, Status::Deleted);
            gone.updated = updated;
            out.push(gone);
        } else {
            // An id that came earlier in this reading, and is taken back.
            out.retain(|earlier: &Meeting| earlier.event_id != meeting.event_id);
        }
    }
    if lane == Lane::Changes {
        return Ok(out);
    }
    let unreadable: BTreeSet<String> = reading.unreadable.into_iter().collect();
    let is_unreadable = |id: &str| {
        unreadable.contains(ANY)
            || unreadable.contains(id)
            || id
                .rsplit_once('/')
                .is_some_and(|(series, _)| unreadable.contains(series))
    };
    let living: Vec<&String> = known
        .iter()
        .filter(|(_, known)| known.lives && known.span.is_some_and(|span| within(span, window)))
        .map(|(id, _)| id)
        .collect();
    let absent: Vec<&String> = living
        .iter()
        .filter(|id| !seen.contains(**id) && !is_unreadable(id))
        .copied()
        .collect();
    if let Some(guard) = guard
        && absent.len() >= usize::try_from(guard.min).unwrap_or(usize::MAX)
        && absent.len() * 100 > living.len() * usize::try_from(guard.percent).unwrap_or(100)
    {
        return Err(Failure::new(
            FailureKind::Guard,
            format!(
                "{} of {} stored meetings are missing from the answer, more than \
                 remove_guard_percent = {}; nothing was removed. If they are really gone: \
                 connector sync --accept-removals",
                absent.len(),
                living.len(),
                guard.percent
            ),
        ));
    }
    out.extend(
        absent
            .into_iter()
            .map(|id| Meeting::gone(id.clone(), Status::Deleted)),
    );
    Ok(out)
}

/// Whether an entry has a part in the window, as the providers see it. Whole days have no zone:
/// they may begin up to a day earlier or later.
fn overlaps(span: Span, window: Window) -> bool {
    match span {
        Span::Instants { start, end } => {
            start < window.to && (end > window.from || (start == end && start >= window.from))
        }
        Span::Dates { start, end } => {
            i64::from(start) * DAY < window.to + DAY && i64::from(end) * DAY > window.from - DAY
        }
    }
}

/// Whether a complete reading of the window must show an entry: no doubt about an edge is left.
fn within(span: Span, window: Window) -> bool {
    match span {
        Span::Instants { start, end } => start < window.to && end > window.from,
        // In any zone, some part of it lies inside.
        Span::Dates { start, end } => {
            i64::from(start) * DAY < window.to - DAY && i64::from(end) * DAY > window.from + DAY
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::meeting::ShowAs;

    const WINDOW: Window = Window {
        from: 10 * DAY,
        to: 20 * DAY,
    };

    fn meeting(id: &str, start: Micros, end: Micros) -> Meeting {
        let mut meeting = Meeting::gone(id.into(), Status::Confirmed);
        meeting.show_as = ShowAs::Busy;
        meeting.span = Some(Span::Instants { start, end });
        meeting
    }

    fn known(entries: &[(&str, Micros, Micros)]) -> BTreeMap<String, Known> {
        entries
            .iter()
            .map(|(id, start, end)| {
                let span = Some(Span::Instants {
                    start: *start,
                    end: *end,
                });
                (
                    (*id).to_owned(),
                    Known {
                        revision: 0,
                        content_hash: 0,
                        updated: None,
                        span,
                        lives: true,
                        utc_date: 0,
                    },
                )
            })
            .collect()
    }

    fn ids(meetings: &[Meeting]) -> Vec<(&str, Status)> {
        meetings
            .iter()
            .map(|meeting| (meeting.event_id.as_str(), meeting.status))
            .collect()
    }

    fn of(meetings: Vec<Meeting>) -> Reading {
        Reading {
            meetings,
            ..Reading::default()
        }
    }

    #[test]
    fn what_a_whole_window_does_not_show_is_gone_and_the_edges_delete_nothing() {
        let stored = known(&[
            ("inside", 12 * DAY, 12 * DAY + 5),
            ("before", 9 * DAY, 10 * DAY),
            ("after", 20 * DAY, 20 * DAY + 5),
            ("across", 9 * DAY, 11 * DAY),
            ("empty at the edge", 10 * DAY, 10 * DAY),
        ]);
        let out = reconcile(of(Vec::new()), Lane::Window, WINDOW, &stored, None).unwrap();
        assert_eq!(
            ids(&out),
            [("across", Status::Deleted), ("inside", Status::Deleted)]
        );
        let out = reconcile(of(Vec::new()), Lane::Changes, WINDOW, &stored, None).unwrap();
        assert!(out.is_empty());
    }

    #[test]
    fn what_lies_outside_is_dropped_or_has_moved_out() {
        let stored = known(&[("a", 12 * DAY, 12 * DAY + 5)]);
        let moved = || {
            vec![
                meeting("a", 30 * DAY, 30 * DAY + 5),
                meeting("b", 30 * DAY, 30 * DAY + 5),
            ]
        };
        for lane in [Lane::Window, Lane::Changes] {
            let out = reconcile(of(moved()), lane, WINDOW, &stored, None).unwrap();
            assert_eq!(ids(&out), [("a", Status::Deleted)], "{lane:?}");
        }
    }

    #[test]
    fn what_was_beside_the_window_and_still_is_was_only_changed() {
        let stored = known(&[("a", 9 * DAY, 9 * DAY + 5), ("b", 9 * DAY, 9 * DAY + 5)]);
        for lane in [Lane::Window, Lane::Changes] {
            let reading = of(vec![
                meeting("a", 9 * DAY, 9 * DAY + 5),
                Meeting::gone("b".into(), Status::Deleted),
            ]);
            let out = reconcile(reading, lane, WINDOW, &stored, None).unwrap();
            assert_eq!(
                ids(&out),
                [("a", Status::Confirmed), ("b", Status::Deleted)],
                "{lane:?}"
            );
        }
    }

    #[test]
    fn the_last_word_on_an_id_holds() {
        let new = meeting("a", 12 * DAY, 13 * DAY);
        let gone = Meeting::gone("a".into(), Status::Deleted);
        let out = reconcile(
            of(vec![new.clone(), gone.clone()]),
            Lane::Window,
            WINDOW,
            &BTreeMap::new(),
            None,
        )
        .unwrap();
        assert!(out.is_empty());
        let out = reconcile(
            of(vec![gone, new]),
            Lane::Window,
            WINDOW,
            &BTreeMap::new(),
            None,
        )
        .unwrap();
        assert_eq!(ids(&out), [("a", Status::Confirmed)]);
    }

    #[test]
    fn what_came_and_could_not_be_read_is_not_gone() {
        let stored = known(&[
            ("a", 12 * DAY, 13 * DAY),
            ("s/20250101", 12 * DAY, 13 * DAY),
            ("b", 12 * DAY, 13 * DAY),
        ]);
        let reading = Reading {
            unreadable: vec!["a".into(), "s".into()],
            ..Reading::default()
        };
        let out = reconcile(reading, Lane::Window, WINDOW, &stored, None).unwrap();
        assert_eq!(ids(&out), [("b", Status::Deleted)]);
        let reading = Reading {
            unreadable: vec![ANY.into()],
            ..Reading::default()
        };
        let out = reconcile(reading, Lane::Window, WINDOW, &stored, None).unwrap();
        assert!(out.is_empty());
    }

    #[test]
    fn an_answer_that_is_too_empty_is_not_believed() {
        let stored = known(&[
            ("a", 12 * DAY, 13 * DAY),
            ("b", 12 * DAY, 13 * DAY),
            ("c", 12 * DAY, 13 * DAY),
        ]);
        let guard = |percent, min| Some(Guard { percent, min });
        let only_a = || of(vec![meeting("a", 12 * DAY, 13 * DAY)]);
        let run = |guard| reconcile(only_a(), Lane::Window, WINDOW, &stored, guard);
        assert_eq!(run(guard(50, 2)).unwrap_err().kind, FailureKind::Guard);
        assert_eq!(run(guard(50, 3)).unwrap().len(), 3);
        assert_eq!(run(guard(67, 2)).unwrap().len(), 3);
        assert_eq!(run(None).unwrap().len(), 3);
    }

    #[test]
    fn whole_days_at_the_edges_are_kept() {
        let mut stored = known(&[("in", 0, 0), ("edge", 0, 0)]);
        stored.insert("long".into(), stored["in"].clone());
        let mut dates = |id: &str, start, end| {
            stored.get_mut(id).unwrap().span = Some(Span::Dates { start, end });
        };
        dates("in", 12, 13);
        dates("edge", 10, 11);
        dates("long", 2, 40);
        let out = reconcile(of(Vec::new()), Lane::Window, WINDOW, &stored, None).unwrap();
        assert_eq!(
            ids(&out),
            [("in", Status::Deleted), ("long", Status::Deleted)]
        );
    }
}
