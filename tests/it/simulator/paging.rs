//! Lists in pages: a list is made once, when its first page is asked for, and then walked.

use std::collections::BTreeMap;

use serde_json::Value;

use super::faults::Does;

/// A list as it was when its first page was asked for.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    /// What was asked for, apart from where: a page goes with the same questions only.
    pub question: String,
    /// Whose it is.
    pub owner: String,
    pub rows: Vec<Value>,
    pub page_size: usize,
    /// The version of the truth it shows.
    pub version: u64,
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page {
    pub rows: Vec<Value>,
    /// Where the next page is; none on the last.
    pub next: Option<String>,
}

/// All lists that were begun.
#[derive(Debug, Default)]
pub(super) struct Pages {
    lists: BTreeMap<u64, Listing>,
    begun: u64,
}

impl Pages {
    /// Keeps a list; gives the token of its first page.
    pub fn begin(&mut self, listing: Listing) -> String {
        self.begun += 1;
        self.lists.insert(self.begun, listing);
        token(self.begun, 0)
    }

    /// The list that a token is of, and how far it is in it.
    pub fn of(&self, token: &str) -> Option<(u64, usize, &Listing)> {
        let (list, offset) = token.strip_prefix("page-")?.split_once('-')?;
        let list = list.parse().ok()?;
        Some((list, offset.parse().ok()?, self.lists.get(&list)?))
    }

    /// The version of the truth that a list shows.
    pub fn version(&self, list: u64) -> u64 {
        self.lists[&list].version
    }

    /// A page, with what faults do to it.
    pub fn page(&mut self, list: u64, offset: usize, faults: &[Does]) -> Page {
        let listing = self.lists.get_mut(&list).expect("a list that was begun");
        let end = (offset + listing.page_size).min(listing.rows.len());
        let mut rows = listing.rows[offset.min(end)..end].to_vec();
        let mut next = (end < listing.rows.len()).then(|| token(list, end));
        for fault in faults {
            match fault {
                // A page may be empty while there is more:
                // https://developers.google.com/calendar/api/guides/sync , docs-contrib
                // concepts/delta-query-events.md
                Does::EmptyPage => {
                    rows.clear();
                    next = Some(token(list, offset));
                }
                // "replays": concepts/delta-query-overview.md
                Does::DuplicateRows => {
                    let again = rows.clone();
                    rows.extend(again);
                    rows.extend(listing.rows.first().cloned());
                }
                Does::SamePage => next = Some(token(list, offset)),
                _ => {}
            }
        }
        if offset == 0 && next.is_none() {
            // Nobody has a token of it: large worlds need not be kept.
            listing.rows = Vec::new();
        }
        Page { rows, next }
    }
}

fn token(list: u64, offset: usize) -> String {
    format!("page-{list}-{offset}")
}
