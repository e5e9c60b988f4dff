//! One person does one thing at a time: events in, activities out.

/// What clipping looks at, of one person's events that count at all.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which event of the caller.
    pub index: usize,
    pub agent: usize,
    /// Microseconds.
    pub start: i64,
    /// Whole seconds as reported.
    pub seconds: i64,
    pub state: &'static str,
    pub computer: i64,
    pub event_id: String,
}

/// `[start, end)` in seconds.
#[derive(Clone, Debug)]
pub struct Piece {
    pub index: usize,
    pub start: i64,
    pub end: i64,
}

fn second(start: i64) -> i64 {
    start.div_euclid(1_000_000)
}

/// What is left of each event, in order; `until` is the as-of second.
pub fn clip(events: &[Candidate], until: i64) -> Vec<Piece> {
    let counted: Vec<&Candidate> = events
        .iter()
        .filter(|event| event.seconds > 0 || event.state == "Passive Locked")
        .collect();
    // Rule 0.
    let mut rows: Vec<(&Candidate, i64, i64)> = Vec::new();
    for event in &counted {
        let next = counted
            .iter()
            .filter(|other| other.agent == event.agent && other.start > event.start)
            .map(|other| second(other.start))
            .min();
        let begin = second(event.start);
        let end = begin + event.seconds;
        rows.push((event, begin, next.map_or(end, |next| end.min(next))));
    }
    rows.retain(|(event, _, _)| event.state != "Passive Locked");
    rows.sort_by_key(|(event, _, _)| {
        (
            event.start,
            event.state != "Active",
            event.computer,
            event.event_id.clone(),
            event.agent,
        )
    });
    // Rule 1.
    for index in 0..rows.len() {
        if rows[index].0.state != "Active" {
            continue;
        }
        let next = rows[index + 1..]
            .iter()
            .find(|(event, _, _)| event.state == "Active")
            .map(|(event, _, _)| second(event.start));
        if let Some(next) = next {
            rows[index].2 = rows[index].2.min(next);
        }
    }
    // Rule 2.
    for index in 0..rows.len() {
        if rows[index].0.state == "Active" {
            continue;
        }
        let before = rows[..index]
            .iter()
            .rev()
            .find(|(event, _, _)| event.state == "Active")
            .map(|(_, _, end)| *end);
        if let Some(end) = before {
            rows[index].1 = rows[index].1.max(end);
        }
        if let Some((next, _, _)) = rows.get(index + 1) {
            rows[index].2 = rows[index].2.min(second(next.start));
        }
    }
    let mut out: Vec<Piece> = rows
        .iter()
        .map(|(event, start, end)| Piece {
            index: event.index,
            start: *start,
            end: (*end).min(until),
        })
        .filter(|piece| piece.start < piece.end)
        .collect();
    out.sort_by_key(|piece| piece.start);
    for pair in out.windows(2) {
        assert!(pair[0].end <= pair[1].start, "activities overlap: {pair:?}");
    }
    out
}
