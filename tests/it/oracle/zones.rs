//! Wall clocks and instants. Instants are seconds since 1970.

use chrono::{DateTime, Duration, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::Shipped;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Zone {
    Named(Tz),
    /// Seconds east of UTC.
    Fixed(i64),
}

fn utc(instant: i64) -> NaiveDateTime {
    DateTime::from_timestamp(instant, 0).unwrap().naive_utc()
}

fn instant(utc: NaiveDateTime) -> i64 {
    utc.and_utc().timestamp()
}

impl Zone {
    /// By the name shown: IANA, `UTC`, `UTC-5`, `UTC+5:30`.
    pub fn of(name: &str) -> Zone {
        if let Some(offset) = name.strip_prefix("UTC").filter(|offset| !offset.is_empty()) {
            let sign = if offset.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = offset[1..].split_once(':').unwrap_or((&offset[1..], "0"));
            let hours: i64 = hours.parse().unwrap();
            let minutes: i64 = minutes.parse().unwrap();
            return Zone::Fixed(sign * (hours * 3600 + minutes * 60));
        }
        Zone::Named(name.parse().unwrap_or_else(|_| panic!("zone {name}")))
    }

    pub fn offset(self, at: i64) -> i64 {
        match self {
            Zone::Named(zone) => i64::from(
                zone.offset_from_utc_datetime(&utc(at))
                    .fix()
                    .local_minus_utc(),
            ),
            Zone::Fixed(seconds) => seconds,
        }
    }

    pub fn local(self, at: i64) -> NaiveDateTime {
        utc(at + self.offset(at))
    }

    /// The instant of a time on the clock: the next valid one where the clock skips it, the earlier or
    /// the later one where the clock shows it twice.
    pub fn instant(self, wall: NaiveDateTime, later: bool) -> i64 {
        let Zone::Named(zone) = self else {
            return instant(wall) - self.offset(0);
        };
        let mut wall = wall;
        loop {
            match zone.offset_from_local_datetime(&wall) {
                LocalResult::Single(offset) => {
                    return instant(wall) - i64::from(offset.fix().local_minus_utc());
                }
                LocalResult::Ambiguous(one, two) => {
                    let one = instant(wall) - i64::from(one.fix().local_minus_utc());
                    let two = instant(wall) - i64::from(two.fix().local_minus_utc());
                    return if later { one.max(two) } else { one.min(two) };
                }
                LocalResult::None => {
                    // Gaps end on a whole minute.
                    wall += Duration::minutes(1);
                }
            }
        }
    }
}

/// The name under which a reported zone is known; None when it is unknown.
pub fn shown(shipped: &Shipped, name: &str) -> Option<String> {
    if name.starts_with("UTC") {
        return Some(name.to_owned());
    }
    if let Some(windows) = shipped.windows_zones.get(&name.to_lowercase()) {
        return Some(windows.clone());
    }
    name.parse::<Tz>().ok().map(|_| name.to_owned())
}

/// The zones of one person: each holds from its instant until the next one's.
#[derive(Clone, Debug)]
pub struct Zones(pub Vec<(i64, String, Zone)>);

impl Zones {
    pub fn at(&self, instant: i64) -> (&str, Zone) {
        let (_, name, zone) = self
            .0
            .iter()
            .rev()
            .find(|(from, _, _)| *from <= instant)
            .unwrap();
        (name, *zone)
    }

    pub fn local(&self, at: i64) -> NaiveDateTime {
        self.at(at).1.local(at)
    }

    pub fn date(&self, at: i64) -> NaiveDate {
        self.local(at).date()
    }

    /// `[from, to)` cut where the zone changes.
    pub fn stretches(&self, from: i64, to: i64) -> Vec<(i64, i64, Zone)> {
        let mut out = Vec::new();
        for (index, (begin, _, zone)) in self.0.iter().enumerate() {
            let end = self.0.get(index + 1).map_or(i64::MAX, |next| next.0);
            let (begin, end) = (from.max(*begin), to.min(end));
            if begin < end {
                out.push((begin, end, *zone));
            }
        }
        out
    }

    /// `[from, to)` cut wherever something read off the clock changes.
    pub fn pieces<K: PartialEq>(
        &self,
        from: i64,
        to: i64,
        key: impl Fn(Zone, i64) -> K,
    ) -> Vec<(i64, i64, K)> {
        const STEP: i64 = 900;
        let mut out: Vec<(i64, i64, K)> = Vec::new();
        for (begin, end, zone) in self.stretches(from, to) {
            let mut at = begin;
            while at < end {
                let here = key(zone, at);
                let mut last = at;
                let mut next = (at.div_euclid(STEP) + 1) * STEP;
                while next < end && key(zone, next) == here {
                    last = next;
                    next += STEP;
                }
                // The change is in (last, next].
                let mut until = next.min(end);
                if key(zone, until - 1) != here {
                    let (mut low, mut high) = (last, until - 1);
                    while high - low > 1 {
                        let middle = low + (high - low) / 2;
                        if key(zone, middle) == here {
                            low = middle;
                        } else {
                            high = middle;
                        }
                    }
                    until = high;
                }
                out.push((at, until, here));
                at = until;
            }
        }
        out
    }

    /// The stretches of `[from, to)` with their local dates.
    pub fn days(&self, from: i64, to: i64) -> Vec<(i64, i64, NaiveDate)> {
        self.pieces(from, to, |zone, at| zone.local(at).date())
    }
}
