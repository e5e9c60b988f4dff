//! How many chunks of a recompute go side by side.
//!
//! A chunk holds what its operators take from the memory pool. How much that is for an input row
//! differs by a factor of a hundred between models: some stream, others put wide rows in order. The
//! first chunks of a model go by `limits.chunk_rows`; what they took says how many of the others fit
//! into `limits.memory` together. The pool refuses what would be too much all the same.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::Result;
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// A part of a memory pool, which knows the most that was taken through it at once.
#[derive(Debug)]
pub struct Share {
    pool: Arc<dyn MemoryPool>,
    taken: AtomicUsize,
    most: AtomicUsize,
}

impl Share {
    pub fn new(pool: &Arc<dyn MemoryPool>) -> Arc<Share> {
        Arc::new(Share {
            pool: Arc::clone(pool),
            taken: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    /// The most bytes that were taken at once.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        let before = self.taken.fetch_add(bytes, Ordering::Relaxed);
        self.most
            .fetch_max(before.saturating_add(bytes), Ordering::Relaxed);
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.pool, f)
    }
}

impl MemoryPool for Share {
    fn name(&self) -> &str {
        self.pool.name()
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
        self.add(additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
        self.taken.fetch_sub(shrink, Ordering::Relaxed);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.pool.try_grow(reservation, additional)?;
        self.add(additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.pool.memory_limit()
    }
}

/// The memory that a model's chunks may take together.
#[derive(Debug)]
pub struct Room {
    /// Bytes, of all chunks, and of those that are free.
    whole: u64,
    free: u64,
    /// What a chunk takes at least: buffers of files that the pool knows nothing of.
    least: u64,
    /// Bytes of an input row, and the rows of the chunk that took them.
    row: u64,
    rows: u64,
}

impl Room {
    /// Room for `threads` chunks of `chunk_rows` input rows.
    pub fn new(memory: usize, threads: usize, chunk_rows: u64) -> Room {
        let whole = (memory as u64).max(1);
        let threads = (threads as u64).max(1);
        Room {
            whole,
            free: whole,
            least: whole / threads.saturating_mul(4),
            row: (whole / threads.saturating_mul(chunk_rows).max(1)).max(1),
            rows: 0,
        }
    }

    /// Takes the bytes of a chunk, if they are free. A chunk that is larger than everything goes
    /// alone.
    pub fn take(&mut self, rows: u64) -> Option<u64> {
        let bytes = rows.saturating_mul(self.row);
        let bytes = bytes.max(self.least).min(self.whole);
        self.free = self.free.checked_sub(bytes)?;
        Some(bytes)
    }

    /// Gives the bytes of a chunk back, which took `most` bytes of the pool for its rows.
    pub fn give_back(&mut self, bytes: u64, rows: u64, most: usize) {
        self.free = self.free.saturating_add(bytes).min(self.whole);
        // What a chunk takes for few rows says nothing of many.
        if rows == 0 || rows < self.rows / 2 {
            return;
        }
        let taken = (most as u64).saturating_add(most as u64 / BESIDE_POOL);
        let row = taken.div_ceil(rows).max(1);
        self.row = match rows / 2 > self.rows {
            true => row,
            false => self.row.max(row),
        };
        self.rows = self.rows.max(rows);
    }
}

/// A part as much again as the pool knows of is taken by what it does not: decoded pages, and files
/// that are being written. Measured with wide rows that are put in order: a quarter, and what the
/// process takes anyway.
const BESIDE_POOL: u64 = 2;

#[cfg(test)]
mod tests {
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    use super::*;

    #[test]
    fn what_was_seen_decides_how_many_go_side_by_side() {
        // Two chunks of a hundred thousand rows: five bytes a row.
        let mut room = Room::new(1_000_000, 2, 100_000);
        let large = 120_000;
        let first = room.take(large).unwrap();
        assert_eq!(room.take(large), None);
        // It took three bytes a row: two of the pool, one beside it.
        room.give_back(first, large, 240_000);
        let (one, other) = (room.take(large).unwrap(), room.take(large).unwrap());
        assert_eq!((one, other), (360_000, 360_000));
        assert_eq!(room.take(large), None);
        // Then seven, which holds from then on, whatever others take.
        room.give_back(one, large, 560_000);
        room.give_back(other, large, 100_000);
        let first = room.take(large).unwrap();
        assert_eq!(first, 840_000);
        assert_eq!(room.take(large), None);
        room.give_back(first, large, 0);
        // More than there is: alone.
        let all = room.take(10 * large).unwrap();
        assert_eq!(room.take(1), None);
        room.give_back(all, 10 * large, 0);
        assert_eq!(room.take(1), Some(125_000));
    }

    #[test]
    fn few_rows_say_nothing() {
        let mut room = Room::new(1_000_000, 2, 100_000);
        // A day of hardly any, then one of many: what that takes is what counts.
        let few = room.take(10).unwrap();
        room.give_back(few, 10, 900_000);
        let many = room.take(100_000).unwrap();
        assert_eq!(room.take(1), None);
        room.give_back(many, 100_000, 200_000);
        let few = room.take(10).unwrap();
        room.give_back(few, 10, 900_000);
        assert_eq!(room.take(200_000), Some(600_000));
    }

    #[test]
    fn a_share_knows_the_most_that_was_taken_through_it() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(100));
        let share = Share::new(&pool);
        let through: Arc<dyn MemoryPool> = Arc::clone(&share) as _;
        let beside = MemoryConsumer::new("beside").register(&pool);
        beside.try_grow(30).unwrap();
        let one = MemoryConsumer::new("one").register(&through);
        let other = MemoryConsumer::new("other").register(&through);
        one.try_grow(40).unwrap();
        other.try_grow(20).unwrap();
        assert!(other.try_grow(20).is_err());
        drop(one);
        other.try_grow(10).unwrap();
        assert_eq!(share.most(), 60);
        assert_eq!(pool.reserved(), 60);
        drop(other);
        assert_eq!(pool.reserved(), 30);
    }
}
