//! Repeatable chance: the same throws on every machine, for one seed.
//!
//! Whole numbers only: no floating point, no system randomness and no clock, so that a company of
//! the same plan is the same company everywhere. Never use it for anything secret.

/// A SplitMix64 generator: one addition and three multiply-xor steps a throw.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// The dice of one matter: the same parts give the same throws.
    pub fn of(parts: &[u64]) -> Dice {
        let mut state = 0x6163_7469_766c_616b;
        for part in parts {
            state = scramble(state ^ scramble(part.wrapping_add(STEP)));
        }
        Dice(state)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        scramble(self.0)
    }

    /// A whole number in `[0, bound)`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        let product = (self.bits() >> 32) * u64::from(bound);
        (product >> 32) as u32
    }

    /// A whole number in `[low, high]`; `low` when they are the wrong way round.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u32::try_from(high.saturating_sub(low).saturating_add(1)).unwrap_or(0);
        low + i64::from(self.below(span))
    }

    /// True `count` times out of a hundred.
    pub fn percent(&mut self, count: u32) -> bool {
        self.below(100) < count
    }

    /// True once in `count` throws.
    pub fn once_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }

    /// A place in a list of `length`; 0 for an empty one.
    pub fn index(&mut self, length: usize) -> usize {
        self.below(u32::try_from(length).unwrap_or(u32::MAX)) as usize
    }
}

/// 2^64 divided by the golden ratio, made odd: the step of SplitMix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finishing function of SplitMix64: every input bit moves every output bit.
fn scramble(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_repeat_and_differ_by_matter() {
        let throws = |parts: &[u64]| {
            let mut dice = Dice::of(parts);
            [dice.bits(), dice.bits(), dice.bits()]
        };
        assert_eq!(throws(&[1, 2]), throws(&[1, 2]));
        assert_ne!(throws(&[1, 2]), throws(&[2, 1]));
        assert_ne!(throws(&[1]), throws(&[1, 0]));
        // A fixed value, so that another platform or a later change cannot differ unseen.
        assert_eq!(Dice(0).bits(), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn numbers_fill_their_range() {
        let mut dice = Dice::of(&[7]);
        let mut seen = [0_u32; 6];
        for _ in 0..6_000 {
            seen[dice.between(0, 5) as usize] += 1;
        }
        assert!(
            seen.iter().all(|count| (800..1_200).contains(count)),
            "{seen:?}"
        );
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.between(9, 3), 9);
    }
}
