//! Columns of small files as they come out of Parquet, kept between queries. Files never change, so what
//! was read once holds for as long as its file is in the table.
//!
//! A day of a daily view is a few hundred rows: opening its file costs far more than its rows do. Held
//! against the memory pool and a limit of its own; what was not asked for the longest gives way.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};

/// The cache. Shared by all queries of a process.
pub struct ColumnCache {
    limit: usize,
    state: Mutex<State>,
    /// Held by who reads what is not here yet, so that many who ask the same at once read it once.
    pub(super) reading: tokio::sync::Mutex<()>,
}

struct State {
    files: HashMap<String, Kept>,
    bytes: usize,
    /// Counts questions.
    now: u64,
    held: MemoryReservation,
}

#[derive(Default)]
struct Kept {
    /// By place in the file's schema.
    columns: HashMap<usize, ArrayRef>,
    bytes: usize,
    asked: u64,
}

impl fmt::Debug for ColumnCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ColumnCache")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl ColumnCache {
    /// Holds at most `limit` bytes, and no more than `pool` gives.
    pub fn new(limit: usize, pool: &Arc<dyn MemoryPool>) -> ColumnCache {
        ColumnCache {
            limit,
            reading: tokio::sync::Mutex::default(),
            state: Mutex::new(State {
                files: HashMap::new(),
                bytes: 0,
                now: 0,
                held: MemoryConsumer::new("columns of small files").register(pool),
            }),
        }
    }

    /// Whether a query may put so many bytes here: not where the next one would push them out.
    pub fn admits(&self, bytes: usize) -> bool {
        bytes <= self.limit / 2
    }

    /// Columns of a file, if all are here.
    pub fn get(&self, path: &str, columns: &[usize]) -> Option<Vec<ArrayRef>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now += 1;
        let now = state.now;
        let kept = state.files.get_mut(path)?;
        kept.asked = now;
        columns
            .iter()
            .map(|column| kept.columns.get(column).cloned())
            .collect()
    }

    /// Keeps columns of a file, and gives whether there was room for all.
    pub fn put(&self, path: &str, columns: impl IntoIterator<Item = (usize, ArrayRef)>) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now += 1;
        let now = state.now;
        for (column, array) in columns {
            let bytes = array.get_array_memory_size();
            let known = state.files.get(path);
            if known.is_some_and(|kept| kept.columns.contains_key(&column)) {
                continue;
            }
            while state.bytes + bytes > self.limit {
                if !state.forget_oldest(path) {
                    return false;
                }
            }
            if state.held.try_grow(bytes).is_err() {
                return false;
            }
            state.bytes += bytes;
            let kept = state.files.entry(path.to_owned()).or_default();
            kept.asked = now;
            kept.bytes += bytes;
            kept.columns.insert(column, array);
        }
        true
    }

    /// Bytes held now.
    pub fn bytes(&self) -> usize {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .bytes
    }
}

impl State {
    /// Whether there was a file but this one to forget.
    fn forget_oldest(&mut self, but: &str) -> bool {
        let others = self.files.iter().filter(|(path, _)| *path != but);
        let oldest = others.min_by_key(|(_, kept)| kept.asked);
        let Some(path) = oldest.map(|(path, _)| path.clone()) else {
            return false;
        };
        if let Some(kept) = self.files.remove(&path) {
            self.bytes -= kept.bytes;
            self.held.shrink(kept.bytes);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::Int64Array;
    use datafusion::execution::memory_pool::{GreedyMemoryPool, UnboundedMemoryPool};

    fn column(value: i64) -> ArrayRef {
        Arc::new(Int64Array::from(vec![value; 100]))
    }

    fn cache(columns: usize, pool: Arc<dyn MemoryPool>) -> ColumnCache {
        ColumnCache::new(columns * column(0).get_array_memory_size(), &pool)
    }

    #[test]
    fn gives_what_was_put_and_nothing_in_part() {
        let cache = cache(4, Arc::new(UnboundedMemoryPool::default()));
        assert_eq!(cache.get("a", &[0]), None);
        assert!(cache.put("a", [(0, column(1)), (2, column(3))]));
        assert_eq!(cache.get("a", &[2, 0]), Some(vec![column(3), column(1)]));
        assert_eq!(cache.get("a", &[0, 1]), None);
        assert_eq!(cache.get("b", &[0]), None);
    }

    #[test]
    fn what_was_not_asked_for_the_longest_gives_way() {
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let cache = cache(2, Arc::clone(&pool));
        cache.put("a", [(0, column(1))]);
        cache.put("b", [(0, column(2))]);
        assert!(cache.get("a", &[0]).is_some());
        cache.put("c", [(0, column(3))]);
        assert!(cache.get("b", &[0]).is_none());
        assert!(cache.get("a", &[0]).is_some());
        assert!(cache.get("c", &[0]).is_some());
        assert_eq!(pool.reserved(), cache.bytes());
        // Kept again: counted once.
        cache.put("c", [(0, column(3))]);
        assert_eq!(pool.reserved(), 2 * column(0).get_array_memory_size());
    }

    #[test]
    fn takes_no_more_than_the_pool_gives() {
        let one = column(0).get_array_memory_size();
        let cache = cache(4, Arc::new(GreedyMemoryPool::new(one + one / 2)));
        assert!(!cache.put("a", [(0, column(1)), (1, column(2))]));
        assert!(cache.get("a", &[0]).is_some());
        assert!(cache.get("a", &[1]).is_none());
        assert_eq!(cache.bytes(), one);
        // Larger than all of it: nothing else is pushed out in the end but what was there.
        let small = ColumnCache::new(one / 2, &(Arc::new(UnboundedMemoryPool::default()) as _));
        assert!(!small.put("a", [(0, column(1))]));
        assert_eq!(small.bytes(), 0);
    }
}
