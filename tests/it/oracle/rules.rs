//! Categories and productivity: which rule of which set applies.

use std::collections::HashMap;

use super::Rule;

/// (order, place in the file, rule).
type Ranked = (i64, usize, Rule);

/// The rules of one scope.
#[derive(Default)]
pub struct RuleSet {
    exact: HashMap<(String, String), Vec<Ranked>>,
    patterns: Vec<Ranked>,
}

/// Whether a glob (`*` any run, `?` one character) covers the whole text, without case.
pub fn covers(glob: &str, text: &str) -> bool {
    fn walk(glob: &[char], text: &[char]) -> bool {
        match glob.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skip| walk(rest, &text[skip..])),
            Some(('?', rest)) => !text.is_empty() && walk(rest, &text[1..]),
            Some((c, rest)) => text.first() == Some(c) && walk(rest, &text[1..]),
        }
    }
    let glob: Vec<char> = glob.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    walk(&glob, &text)
}

impl RuleSet {
    pub fn new<'a>(rules: impl Iterator<Item = &'a Rule>) -> RuleSet {
        let mut set = RuleSet::default();
        for (index, rule) in rules.enumerate() {
            let entry = (rule.order, index, rule.clone());
            if rule.kind == "pattern" {
                set.patterns.push(entry);
            } else {
                let key = (rule.kind.clone(), rule.value.to_lowercase());
                set.exact.entry(key).or_default().push(entry);
            }
        }
        for list in set.exact.values_mut() {
            list.sort_by_key(|(order, index, _)| (*order, *index));
        }
        set.patterns
            .sort_by_key(|(order, index, _)| (*order, *index));
        set
    }

    fn exactly(&self, kind: &str, value: Option<&str>) -> Option<&Rule> {
        let key = (kind.to_owned(), value?.to_lowercase());
        Some(&self.exact.get(&key)?.first()?.2)
    }

    /// The rule of this set for an activity.
    pub fn find(
        &self,
        site: Option<&str>,
        website: Option<&str>,
        application: Option<&str>,
        executable: Option<&str>,
    ) -> Option<&Rule> {
        let (first, second, tried) = if site.is_some() {
            (
                self.exactly("site", site),
                self.exactly("website", website),
                [site, None],
            )
        } else {
            (
                self.exactly("application", application),
                self.exactly("executable", executable),
                [application, executable],
            )
        };
        first.or(second).or_else(|| {
            let hit = self
                .patterns
                .iter()
                .find(|(_, _, rule)| tried.iter().flatten().any(|text| covers(&rule.value, text)));
            hit.map(|(_, _, rule)| rule)
        })
    }
}
