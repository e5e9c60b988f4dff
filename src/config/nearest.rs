//! The name that a mistyped name most likely meant, for messages.

/// The candidate fewest edits away from `word` (case does not count), if few enough that it is
/// plausibly meant: at most a third of the word's length. Ties: the first.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(100).collect();
    let allowed = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            let chars: Vec<char> = candidate.to_lowercase().chars().collect();
            (edits(&word, &chars), candidate)
        })
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// `, did you mean 'x'?` or nothing.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |name| format!(", did you mean '{name}'?"))
}

/// Edit distance: insertions, deletions, replacements.
fn edits(left: &[char], right: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut before = i + 1;
        next.push(before);
        for (b, pair) in right.iter().zip(row.windows(2)) {
            let (diagonal, above) = match pair {
                [diagonal, above] => (*diagonal, *above),
                _ => continue,
            };
            before = (diagonal + usize::from(a != b))
                .min(above + 1)
                .min(before + 1);
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_nothing_far_away() {
        let names = ["users.csv", "groups.csv", "group_members.csv"];
        assert_eq!(nearest("user.csv", names), Some("users.csv"));
        assert_eq!(nearest("Groups.CSV", names), Some("groups.csv"));
        assert_eq!(nearest("salaries.csv", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(
            did_you_mean("grops.csv", names),
            ", did you mean 'groups.csv'?"
        );
    }

    #[test]
    fn counts_edits() {
        let distance = |a: &str, b: &str| {
            edits(
                &a.chars().collect::<Vec<_>>(),
                &b.chars().collect::<Vec<_>>(),
            )
        };
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
