//! Spans of time: overlaps cut, holes filled, equal neighbours merged.
//!
//! Rows come in by start and go out in order, apart, and never empty. One row is held at a time.

use crate::clock::Micros;

/// Something that held during `[start, end)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span<T> {
    pub(super) start: Micros,
    pub(super) end: Micros,
    pub(super) what: T,
}

/// Puts rows apart.
///
/// - A row ends at the latest where the next one starts; of rows with one start the last stays.
/// - A hole of up to `flood` microseconds goes to the row before it.
/// - Rows that say the same and overlap, touch, or have such a hole between them are one. With
///   rows that say nothing (`T = ()`) this is their union.
pub(super) struct Apart<I, T> {
    rows: I,
    flood: Micros,
    ahead: Option<Span<T>>,
}

impl<I, T: PartialEq, E> Apart<I, T>
where
    I: FnMut() -> Result<Option<Span<T>>, E>,
{
    /// Over `rows`, which must come by start, then end.
    pub(super) fn new(rows: I, flood: Micros) -> Self {
        Apart {
            rows,
            flood,
            ahead: None,
        }
    }

    /// The next span.
    pub(super) fn next(&mut self) -> Result<Option<Span<T>>, E> {
        let Some(mut row) = (match self.ahead.take() {
            Some(row) => Some(row),
            None => (self.rows)()?,
        }) else {
            return Ok(None);
        };
        while let Some(next) = (self.rows)()? {
            let reached = next.start <= row.end.saturating_add(self.flood);
            if reached && next.what == row.what {
                row.end = row.end.max(next.end);
                continue;
            }
            // A row without length in the middle of another is a heartbeat that came to nothing.
            if next.end <= next.start && row.start < next.start && next.start < row.end {
                continue;
            }
            if reached {
                row.end = next.start;
            }
            if row.end > row.start {
                self.ahead = Some(next);
                return Ok(Some(row));
            }
            row = next;
        }
        Ok((row.end > row.start).then_some(row))
    }
}

/// Walks over spans with an instant that only grows.
pub(super) struct Cursor<I, T> {
    spans: Apart<I, T>,
    at: Option<Span<T>>,
    started: bool,
}

impl<I, T: PartialEq, E> Cursor<I, T>
where
    I: FnMut() -> Result<Option<Span<T>>, E>,
{
    pub(super) fn new(spans: Apart<I, T>) -> Self {
        Cursor {
            spans,
            at: None,
            started: false,
        }
    }

    /// What holds at `instant`, and when that next changes.
    pub(super) fn at(&mut self, instant: Micros) -> Result<(Option<&T>, Micros), E> {
        if !self.started {
            self.started = true;
            self.at = self.spans.next()?;
        }
        while self.at.as_ref().is_some_and(|span| span.end <= instant) {
            self.at = self.spans.next()?;
        }
        Ok(match &self.at {
            Some(span) if span.start <= instant => (Some(&span.what), span.end),
            Some(span) => (None, span.start),
            None => (None, Micros::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(rows: &[(i64, i64, char)], flood: i64) -> Vec<(i64, i64, char)> {
        let mut rows = rows.iter();
        let mut apart = Apart::new(
            || {
                Ok::<_, ()>(rows.next().map(|row| Span {
                    start: row.0,
                    end: row.1,
                    what: row.2,
                }))
            },
            flood,
        );
        let mut out = Vec::new();
        while let Some(span) = apart.next().unwrap() {
            out.push((span.start, span.end, span.what));
        }
        out
    }

    #[test]
    fn holes_go_to_the_row_before() {
        let rows = [(0, 10, 'a'), (15, 20, 'b'), (26, 30, 'c')];
        assert_eq!(
            apart(&rows, 5),
            [(0, 15, 'a'), (15, 20, 'b'), (26, 30, 'c')]
        );
        assert_eq!(
            apart(&rows, 6),
            [(0, 15, 'a'), (15, 26, 'b'), (26, 30, 'c')]
        );
    }

    #[test]
    fn equal_neighbours_merge() {
        let rows = [(0, 10, 'a'), (12, 20, 'a'), (20, 25, 'a'), (31, 40, 'a')];
        assert_eq!(apart(&rows, 5), [(0, 25, 'a'), (31, 40, 'a')]);
        let within = [(0, 100, 'a'), (5, 10, 'a'), (100, 110, 'b')];
        assert_eq!(apart(&within, 0), [(0, 100, 'a'), (100, 110, 'b')]);
    }

    #[test]
    fn overlaps_are_cut_where_the_next_starts() {
        let rows = [(0, 100, 'a'), (10, 20, 'b'), (15, 30, 'c'), (15, 40, 'd')];
        assert_eq!(
            apart(&rows, 0),
            [(0, 10, 'a'), (10, 15, 'b'), (15, 40, 'd')]
        );
    }

    #[test]
    fn rows_without_length() {
        // Flooded up to the next row, ignored inside another, dropped when alone.
        assert_eq!(
            apart(&[(0, 0, 'a'), (3, 9, 'b')], 5),
            [(0, 3, 'a'), (3, 9, 'b')]
        );
        assert_eq!(
            apart(&[(0, 50, 'a'), (10, 10, 'b'), (60, 60, 'c')], 5),
            [(0, 50, 'a')]
        );
        assert_eq!(apart(&[], 5), []);
    }

    #[test]
    fn a_cursor_says_what_holds_and_until_when() {
        let mut rows = [(10, 20, 'a'), (30, 40, 'b')].into_iter();
        let spans = Apart::new(
            || {
                Ok::<_, ()>(rows.next().map(|row| Span {
                    start: row.0,
                    end: row.1,
                    what: row.2,
                }))
            },
            0,
        );
        let mut cursor = Cursor::new(spans);
        assert_eq!(cursor.at(0), Ok((None, 10)));
        assert_eq!(cursor.at(10), Ok((Some(&'a'), 20)));
        assert_eq!(cursor.at(20), Ok((None, 30)));
        assert_eq!(cursor.at(39), Ok((Some(&'b'), 40)));
        assert_eq!(cursor.at(40), Ok((None, i64::MAX)));
    }
}
