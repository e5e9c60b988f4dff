//! Sets of instants as sorted, disjoint half-open spans of seconds.

pub type Span = (i64, i64);

/// The union; spans that touch become one.
pub fn union(spans: &[Span]) -> Vec<Span> {
    let mut sorted: Vec<Span> = spans.iter().copied().filter(|(a, b)| a < b).collect();
    sorted.sort_unstable();
    let mut out: Vec<Span> = Vec::new();
    for (begin, end) in sorted {
        match out.last_mut() {
            Some(last) if begin <= last.1 => last.1 = last.1.max(end),
            _ => out.push((begin, end)),
        }
    }
    out
}

pub fn meet(one: &[Span], two: &[Span]) -> Vec<Span> {
    let mut out = Vec::new();
    for a in one {
        for b in two {
            let both = (a.0.max(b.0), a.1.min(b.1));
            if both.0 < both.1 {
                out.push(both);
            }
        }
    }
    union(&out)
}

pub fn minus(one: &[Span], two: &[Span]) -> Vec<Span> {
    let mut left = union(one);
    for hole in two {
        left = left
            .into_iter()
            .flat_map(|span| [(span.0, span.1.min(hole.0)), (span.0.max(hole.1), span.1)])
            .filter(|(begin, end)| begin < end)
            .collect();
    }
    left
}

pub fn total(spans: &[Span]) -> i64 {
    spans.iter().map(|(begin, end)| end - begin).sum()
}
