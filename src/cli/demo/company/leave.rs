//! Days off: what is asked for, what is granted, and which days that empties.
//!
//! Leave follows from the seed, the person's number and the date alone. Five weeks at a time are
//! drawn together, each kind in its own part of them, so that records never overlap.

use super::dice::Dice;

/// Days drawn together.
const CELL_DAYS: i32 = 35;

/// A record of `time_off.csv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leave {
    /// Days since 1970-01-01.
    pub start: i32,
    /// Inclusive.
    pub end: i32,
    /// Blank with `full_day`: the length of the schedule's day.
    pub hours_per_day: Option<u32>,
    pub full_day: bool,
    pub kind: &'static str,
    pub status: &'static str,
}

impl Leave {
    fn covers(&self, day: i32) -> bool {
        self.status == APPROVED && self.start <= day && day <= self.end
    }
}

const APPROVED: &str = "approved";

/// What is left of a working day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Whole,
    /// Half of the day is off.
    Half,
    Off,
}

/// The records of the five weeks that `day` lies in.
pub(super) fn around(seed: u64, index: usize, day: i32) -> [Option<Leave>; 4] {
    let cell = day.div_euclid(CELL_DAYS);
    let mut dice = Dice::of(&[seed, index as u64, 3, u64::from(cell.unsigned_abs())]);
    let first = cell * CELL_DAYS;
    let mut on = |chance: u32, low: i64, high: i64, length: i64| {
        let start = first + dice.between(low, high) as i32;
        let days = dice.between(1, length) as i32;
        let variant = dice.below(10);
        dice.percent(chance)
            .then_some((start, start + days - 1, variant))
    };
    let vacation = on(34, 0, 12, 6).map(|(start, end, variant)| Leave {
        start,
        end,
        hours_per_day: (variant < 4).then_some(8),
        full_day: true,
        kind: "Vacation",
        status: APPROVED,
    });
    let half = on(22, 19, 23, 1).map(|(start, end, variant)| Leave {
        start,
        end,
        hours_per_day: Some(4),
        full_day: false,
        kind: if variant < 5 { "Medical" } else { "Personal" },
        status: APPROVED,
    });
    let sick = on(20, 24, 27, 2).map(|(start, end, _)| Leave {
        start,
        end,
        hours_per_day: None,
        full_day: true,
        kind: "Sick leave",
        status: APPROVED,
    });
    let asked = on(18, 29, 32, 3).map(|(start, end, variant)| Leave {
        start,
        end,
        hours_per_day: Some(8),
        full_day: true,
        kind: "Vacation",
        status: if variant < 7 { "pending" } else { "denied" },
    });
    [vacation, half, sick, asked]
}

/// All records that touch `[first, last]`, in time order.
pub(super) fn between(seed: u64, index: usize, first: i32, last: i32) -> Vec<Leave> {
    let mut found = Vec::new();
    let mut day = first;
    while day.div_euclid(CELL_DAYS) <= last.div_euclid(CELL_DAYS) {
        let here = around(seed, index, day).into_iter().flatten();
        found.extend(here.filter(|leave| leave.end >= first && leave.start <= last));
        day += CELL_DAYS;
    }
    found
}

/// What approved leave does to a day.
pub(super) fn presence(seed: u64, index: usize, day: i32) -> Presence {
    let mut presence = Presence::Whole;
    for leave in around(seed, index, day).into_iter().flatten() {
        if leave.covers(day) {
            presence = if leave.full_day {
                Presence::Off
            } else {
                Presence::Half
            };
        }
    }
    presence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_a_person_never_overlap() {
        let mut seen = [0; 4];
        for index in 0..200 {
            let leaves = between(11, index, 20_000, 20_400);
            for pair in leaves.windows(2) {
                assert!(pair[0].end < pair[1].start, "{pair:?}");
            }
            for leave in leaves {
                let kind = match (leave.kind, leave.status) {
                    ("Vacation", APPROVED) => 0,
                    ("Sick leave", _) => 1,
                    (_, APPROVED) => 2,
                    _ => 3,
                };
                seen[kind] += 1;
            }
        }
        assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
    }

    #[test]
    fn only_granted_leave_empties_a_day() {
        for index in 0..300 {
            for leave in between(11, index, 20_000, 20_100) {
                let expected = match (leave.status, leave.full_day) {
                    (APPROVED, true) => Presence::Off,
                    (APPROVED, false) => Presence::Half,
                    _ => Presence::Whole,
                };
                assert_eq!(presence(11, index, leave.start), expected, "{leave:?}");
                assert_eq!(presence(11, index, leave.end), expected, "{leave:?}");
            }
        }
    }
}
