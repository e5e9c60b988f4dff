//! Local days of every IANA zone add up to the UTC span, around its transitions.

use std::collections::BTreeMap;

use activlake::zone::ZoneNames;

const HOUR: i64 = 3_600_000_000;

#[test]
fn local_days_add_up_in_every_zone() {
    let text =
        std::fs::read_to_string(crate::place::repository().join("data/timezones.csv")).unwrap();
    let names: Vec<&str> = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    assert!(names.len() > 500);
    let zones = ZoneNames::default();
    let mut transitions = 0;
    for name in names {
        let zone = zones.parse(name).unwrap_or_else(|| panic!("{name}"));
        // Look for offset changes hour by hour over the years that data comes from, and one span
        // in the past where clocks were moved most.
        for (from_year, years) in [(2024, 4), (1993, 2), (2010, 3)] {
            let start = (from_year - 1970) * 365 * 24 + (from_year - 1969) / 4 * 24;
            let mut offset = zone.offset_seconds(start * HOUR);
            for hour in start..start + years * 365 * 24 {
                let now = zone.offset_seconds((hour + 1) * HOUR);
                if now == offset {
                    continue;
                }
                offset = now;
                transitions += 1;
                // Five days around the change, in steps of 10 minutes: counted by the date that
                // the views show, and by the days' own pieces.
                let first = zone.local_day((hour - 50) * HOUR);
                let last = zone.local_day((hour + 50) * HOUR);
                let mut by_date: BTreeMap<i32, i64> = BTreeMap::new();
                let pieces = |day| zone.day_pieces(day);
                let span_start = pieces(first)[0].0;
                let span_end = pieces(last).last().unwrap().1;
                let step = HOUR / 60;
                let mut instant = span_start;
                while instant < span_end {
                    *by_date.entry(zone.local_day(instant)).or_default() += step;
                    instant += step;
                }
                let mut sum = 0;
                for day in first..=last {
                    let length: i64 = pieces(day).iter().map(|(a, b)| b - a).sum();
                    assert_eq!(
                        by_date.get(&day).copied().unwrap_or(0),
                        length,
                        "{name}, day {day}"
                    );
                    sum += length;
                }
                assert_eq!(sum, span_end - span_start, "{name}");
            }
        }
    }
    assert!(transitions > 1_000, "only {transitions} transitions seen");
}
