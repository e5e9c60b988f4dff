//! `schedule_seconds(user_id, start, seconds)`: how much of an activity lies in the user's work
//! schedule (`semantics.md` §5, *In schedule*).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type, TimestampMicrosecondType};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::calendar::weekday;
use super::documentation::{ORGANISATION, page};
use super::interval::{Interval, normalised};
use super::local_time::{ReportingZones, instant};
use super::{Arguments, scalar};
use crate::clock::Micros;
use crate::zone::{DAY, SECOND, Zone};

/// A schedule's hours.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hours {
    /// The whole local day, on the listed weekdays (days after Monday); none listed means all.
    Flexible(Vec<u8>),
    /// (days after Monday, start minutes, end minutes); `end <= start` runs into the next day.
    Fixed(Vec<(u8, u16, u16)>),
}

/// Who works by which hours, and when.
#[derive(Clone, Debug)]
pub struct Schedules {
    default: Hours,
    /// The users' hours, each once: few are the schedules that many work by.
    others: Vec<Hours>,
    /// By user: half-open day ranges with the place among `others`.
    users: HashMap<i64, Vec<(i32, i32, usize)>>,
}

impl Default for Schedules {
    fn default() -> Self {
        Schedules::new(Hours::Fixed(Vec::new()), HashMap::new())
    }
}

impl Schedules {
    /// Everybody works by `default`, but for the listed users on the listed days (half-open ranges).
    pub fn new(default: Hours, users: HashMap<i64, Vec<(i32, i32, Hours)>>) -> Self {
        let mut others: Vec<Hours> = Vec::new();
        let mut known: HashMap<Hours, usize> = HashMap::new();
        let mut place = |hours: Hours| {
            *known.entry(hours).or_insert_with_key(|hours| {
                others.push(hours.clone());
                others.len() - 1
            })
        };
        let users = users
            .into_iter()
            .map(|(user, ranges)| {
                let ranges = ranges.into_iter();
                let placed = ranges.map(|(from, to, hours)| (from, to, place(hours)));
                (user, placed.collect())
            })
            .collect();
        Schedules {
            default,
            others,
            users,
        }
    }

    /// The hours in force for a user on a local date.
    pub fn hours(&self, user_id: i64, day: i32) -> &Hours {
        self.place(user_id, day)
            .and_then(|place| self.others.get(place))
            .unwrap_or(&self.default)
    }

    fn place(&self, user_id: i64, day: i32) -> Option<usize> {
        let ranges = self.users.get(&user_id)?;
        let range = ranges
            .iter()
            .find(|(from, to, _)| *from <= day && day < *to);
        range.map(|(_, _, place)| *place)
    }

    /// Whether a window of the user's schedule starts on the date.
    pub fn has_window(&self, user_id: i64, day: i32) -> bool {
        let today = weekday(day) as u8;
        match self.hours(user_id, day) {
            Hours::Flexible(days) => days.is_empty() || days.contains(&today),
            Hours::Fixed(windows) => windows.iter().any(|(weekday, _, _)| *weekday == today),
        }
    }

    /// The windows that start on the date, as instants. Where the user's zone changes, each zone's
    /// windows hold as long as the zone does: every instant is read in the zone in force at it.
    pub fn windows(&self, zones: &ReportingZones, user_id: i64, day: i32) -> Vec<(Micros, Micros)> {
        let spans = zones.spans(user_id);
        if spans.is_empty() {
            return self.windows_in(zones.account(), user_id, day);
        }
        let mut out = Vec::new();
        for (index, (from, zone)) in spans.iter().enumerate() {
            // The first zone holds before it, too.
            let from = if index == 0 { Micros::MIN } else { *from };
            let to = spans.get(index + 1).map_or(Micros::MAX, |(next, _)| *next);
            out.extend(
                self.windows_in(zone, user_id, day)
                    .into_iter()
                    .map(|(start, end)| (start.max(from), end.min(to)))
                    .filter(|(start, end)| start < end),
            );
        }
        out
    }

    fn windows_in(&self, zone: &Zone, user_id: i64, day: i32) -> Vec<(Micros, Micros)> {
        let today = weekday(day) as u8;
        let at = |minutes: i64, later: bool| {
            zone.instant_of_local(i64::from(day) * DAY + minutes * 60 * SECOND, later)
        };
        match self.hours(user_id, day) {
            Hours::Flexible(days) => {
                if days.is_empty() || days.contains(&today) {
                    zone.day_pieces(day)
                } else {
                    Vec::new()
                }
            }
            Hours::Fixed(windows) => windows
                .iter()
                .filter(|(weekday, _, _)| *weekday == today)
                .map(|(_, start, end)| {
                    let (start, end) = (i64::from(*start), i64::from(*end));
                    let end = if end <= start { end + 24 * 60 } else { end };
                    (at(start, false), at(end, true))
                })
                .collect(),
        }
    }

    /// Whole seconds of `[start, start + seconds)` inside the union of the user's windows. `known` is of
    /// these schedules and zones.
    pub fn seconds_within(
        &self,
        zones: &ReportingZones,
        user_id: i64,
        start: Micros,
        seconds: i64,
        known: &mut KnownWindows,
    ) -> i64 {
        let end = start.saturating_add(seconds.saturating_mul(SECOND));
        // Nearly all activities lie where the one before them lies.
        if let Some(within) = known.here.scheduled(user_id, start, end) {
            return if within { seconds } else { 0 };
        }
        let windows = known.around(self, zones, user_id, start, end);
        let first = windows.partition_point(|window| window.end <= start);
        let covered: i64 = windows
            .iter()
            .skip(first)
            .take_while(|window| window.start < end)
            .map(|window| window.end.min(end) - window.start.max(start))
            .sum();
        known.here = Stretch::new(user_id, start, &windows, first);
        covered.div_euclid(SECOND)
    }

    /// Whose windows a user's are on the dates `first..=last`: those of all who have the same hours and zone
    /// then, if neither changes.
    fn whose(&self, zones: &ReportingZones, user_id: i64, first: i32, last: i32) -> Whose {
        let changes = self.users.get(&user_id).is_some_and(|ranges| {
            let mut ends = ranges.iter().flat_map(|(from, to, _)| [*from, *to]);
            ends.any(|end| first < end && end <= last)
        });
        match zones.only(user_id) {
            Some(zone) if !changes => Whose::All(zone.clone(), self.place(user_id, first)),
            _ => Whose::Person(user_id),
        }
    }
}

/// Who has the same windows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whose {
    /// All who report in this zone and work by the hours of this place, or by the default ones.
    All(Zone, Option<usize>),
    Person(i64),
}

/// A time of one person that lies in the schedule or out of it as a whole: `[from, to)`.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    user_id: i64,
    from: Micros,
    to: Micros,
    within: bool,
}

impl Stretch {
    /// The one that holds `start`: `windows[first]` is the first window that ends after it.
    fn new(user_id: i64, start: Micros, windows: &[Interval], first: usize) -> Stretch {
        // Windows are known all around the day of `start` and no further.
        let day = start.div_euclid(DAY);
        let (day_start, day_end) = (day.saturating_mul(DAY), (day + 1).saturating_mul(DAY));
        let before = first.checked_sub(1).and_then(|at| windows.get(at));
        let (from, to, within) = match windows.get(first) {
            Some(window) if window.start <= start => (window.start, window.end, true),
            next => (
                before.map_or(day_start, |window| window.end),
                next.map_or(day_end, |window| window.start),
                false,
            ),
        };
        Stretch {
            user_id,
            from: from.max(day_start),
            to: to.min(day_end),
            within,
        }
    }

    /// Whether `[start, end)` is scheduled, where all of it lies in this stretch.
    fn scheduled(&self, user_id: i64, start: Micros, end: Micros) -> Option<bool> {
        let here = self.user_id == user_id && self.from <= start && start <= end && end <= self.to;
        here.then_some(self.within)
    }
}

/// Windows that were found before, for neighbouring rows and for everybody with the same.
#[derive(Debug, Default)]
pub struct KnownWindows {
    /// By whose they are and the day in UTC: windows around it, merged.
    found: foldhash::HashMap<(Whose, i64), Arc<Vec<Interval>>>,
    /// Where the last activity began.
    here: Stretch,
}

/// So many distinct people and days are remembered at once.
const KNOWN_MAX: usize = 4096;

impl KnownWindows {
    /// All windows that an activity may touch.
    fn around(
        &mut self,
        schedules: &Schedules,
        zones: &ReportingZones,
        user_id: i64,
        start: Micros,
        end: Micros,
    ) -> Arc<Vec<Interval>> {
        let day = start.div_euclid(DAY);
        // Local dates are at most one away from the UTC date, a window runs at most into the next
        // date, and one more day covers a change of zone.
        // (Days of instants in microseconds fit 32 bits.)
        let narrow = |day: i64| i32::try_from(day).unwrap_or(i32::MAX);
        let (first_day, last_day) = (
            narrow(day - 3),
            narrow(end.div_euclid(DAY).max(day + 1) + 2),
        );
        let find = || {
            let windows = (first_day..=last_day)
                .flat_map(|day| schedules.windows(zones, user_id, day))
                .map(|(start, end)| Interval { start, end });
            Arc::new(normalised(windows.collect()))
        };
        if end.div_euclid(DAY) > day + 1 {
            return find();
        }
        if self.found.len() > KNOWN_MAX {
            self.found.clear();
        }
        let key = (schedules.whose(zones, user_id, first_day, last_day), day);
        Arc::clone(self.found.entry(key).or_insert_with(find))
    }
}

/// `has_schedule_window(user_id, date)`: whether a window of the user's schedule starts that day.
pub fn has_schedule_window(schedules: Arc<Schedules>) -> ScalarUDF {
    scalar(
        "has_schedule_window",
        page(
            ORGANISATION,
            "has_schedule_window(user_id, date)",
            "Whether a window of the person's work schedule starts on that date. A window \
             that only runs into it from the evening before does not.",
            &[
                (
                    "user_id",
                    "uid of the person; who has no schedule works by the default one",
                ),
                ("date", "a local date"),
            ],
            "select day_name(day) as day, has_schedule_window(1, day) as works\n\
             from (values (date '2026-03-06'), (date '2026-03-07')) as days(day)",
        ),
        Arguments::Exactly(vec![DataType::Int64, DataType::Date32]),
        DataType::Boolean,
        move |args| {
            let [users, days] = args else {
                return exec_err!("has_schedule_window takes a user_id and a date");
            };
            let users = users.as_primitive::<Int64Type>();
            let days = days.as_primitive::<Date32Type>();
            let out: BooleanArray = users
                .iter()
                .zip(days)
                .map(|(user, day)| Some(schedules.has_window(user?, day?)))
                .collect();
            Ok(Arc::new(out) as ArrayRef)
        },
    )
}

/// The SQL function over the schedules.
pub fn schedule_seconds(schedules: Arc<Schedules>, zones: Arc<ReportingZones>) -> ScalarUDF {
    // One for each thread that ever computed at the same time as others.
    let known: Mutex<Vec<KnownWindows>> = Mutex::default();
    scalar(
        "schedule_seconds",
        page(
            ORGANISATION,
            "schedule_seconds(user_id, start, seconds)",
            "How many whole seconds of an activity lie in the person's work schedule. \
             Overlapping windows count once; each is read in the reporting zone in force \
             at its instants.",
            &[
                (
                    "user_id",
                    "uid of the person; who has no schedule works by the default one",
                ),
                ("start", "the instant at which the activity starts"),
                ("seconds", "how long it is"),
            ],
            "select schedule_seconds(1, timestamp '2026-03-02T08:45:00' at time zone 'UTC', 3600) as in_schedule_sec",
        ),
        Arguments::Exactly(vec![DataType::Int64, instant(), DataType::Int64]),
        DataType::Int64,
        move |args| {
            // What one batch found, the next need not look for.
            let lock = || known.lock().unwrap_or_else(|broken| broken.into_inner());
            let mut windows = lock().pop().unwrap_or_default();
            let seconds = evaluate(&schedules, &zones, &mut windows, args);
            lock().push(windows);
            seconds
        },
    )
}

fn evaluate(
    schedules: &Schedules,
    zones: &ReportingZones,
    known: &mut KnownWindows,
    args: &[ArrayRef],
) -> Result<ArrayRef> {
    let [users, starts, seconds] = args else {
        return exec_err!("schedule_seconds takes a user_id, a start and seconds");
    };
    let users = users.as_primitive::<Int64Type>();
    let starts = starts.as_primitive::<TimestampMicrosecondType>();
    let seconds = seconds.as_primitive::<Int64Type>();
    let nulls = NullBuffer::union_many([users.nulls(), starts.nulls(), seconds.nulls()]);
    let rows = users
        .values()
        .iter()
        .zip(starts.values())
        .zip(seconds.values());
    let out: Vec<i64> = match &nulls {
        None => rows
            .map(|((user, start), seconds)| {
                schedules.seconds_within(zones, *user, *start, *seconds, known)
            })
            .collect(),
        Some(nulls) => rows
            .zip(nulls)
            .map(|(((user, start), seconds), valid)| match valid {
                true => schedules.seconds_within(zones, *user, *start, *seconds, known),
                false => 0,
            })
            .collect(),
    };
    Ok(Arc::new(Int64Array::try_new(out.into(), nulls)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::ZoneNames;

    fn zones(name: &str) -> ReportingZones {
        ReportingZones::new(ZoneNames::default().parse(name).unwrap(), HashMap::new())
    }

    fn at(text: &str) -> Micros {
        crate::clock::AsOf::parse(text).unwrap().micros()
    }

    fn within(schedules: &Schedules, zone: &str, start: &str, seconds: i64) -> i64 {
        schedules.seconds_within(
            &zones(zone),
            1,
            at(start),
            seconds,
            &mut KnownWindows::default(),
        )
    }

    #[test]
    fn fixed_overnight_and_overlapping_windows() {
        let weekdays = |start, end| Hours::Fixed((0..5).map(|day| (day, start, end)).collect());
        let office = Schedules::new(weekdays(9 * 60, 17 * 60), HashMap::new());
        // Monday 2026-03-02.
        assert_eq!(within(&office, "UTC", "2026-03-02T08:59:00Z", 120), 60);
        assert_eq!(within(&office, "UTC", "2026-03-02T16:59:30Z", 60), 30);
        assert_eq!(within(&office, "UTC", "2026-03-01T12:00:00Z", 60), 0);
        let night = Schedules::new(weekdays(22 * 60, 6 * 60), HashMap::new());
        // Friday night runs into Saturday.
        assert_eq!(within(&night, "UTC", "2026-03-07T05:59:00Z", 120), 60);
        assert_eq!(within(&night, "UTC", "2026-03-08T05:59:00Z", 120), 0);
        let double = Schedules::new(
            Hours::Fixed(vec![(0, 540, 700), (0, 600, 1020)]),
            HashMap::new(),
        );
        assert_eq!(within(&double, "UTC", "2026-03-02T10:00:00Z", 7200), 7200);
    }

    #[test]
    fn windows_follow_the_user_s_zone() {
        // New York until the first event of the 6th (UTC), then Tokyo, where it is 09:30 on Friday.
        let zone = |name: &str| ZoneNames::default().parse(name).unwrap();
        let zones = ReportingZones::new(
            Zone::utc(),
            HashMap::from([(
                1,
                vec![
                    (at("2026-03-01T00:00:00Z"), zone("America/New_York")),
                    (at("2026-03-06T00:30:00Z"), zone("Asia/Tokyo")),
                ],
            )]),
        );
        let office = Schedules::new(
            Hours::Fixed((0..5).map(|day| (day, 540, 1020)).collect()),
            HashMap::new(),
        );
        let seconds = |start: &str, seconds| {
            office.seconds_within(&zones, 1, at(start), seconds, &mut KnownWindows::default())
        };
        assert_eq!(seconds("2026-03-06T00:30:00Z", 3600), 3600);
        // 18:30 to 19:30 in New York, after hours.
        assert_eq!(seconds("2026-03-05T23:30:00Z", 3600), 0);
        assert_eq!(seconds("2026-03-05T15:00:00Z", 3600), 3600);
    }

    #[test]
    fn what_is_remembered_changes_nothing() {
        let zone = |name: &str| ZoneNames::default().parse(name).unwrap();
        let first = at("2026-03-20T00:00:00Z");
        let zones = ReportingZones::new(
            zone("America/New_York"),
            HashMap::from([
                (1, vec![(first, zone("Europe/Berlin"))]),
                (2, vec![(first, zone("Europe/Berlin"))]),
                (
                    3,
                    vec![(first, zone("UTC")), (first + 7 * DAY, zone("Asia/Tokyo"))],
                ),
            ]),
        );
        let change = (first / DAY) as i32 + 5;
        let nights = Hours::Fixed((0..7).map(|day| (day, 22 * 60, 6 * 60)).collect());
        let schedules = Schedules::new(
            Hours::Fixed((0..5).map(|day| (day, 540, 1020)).collect()),
            HashMap::from([
                (2, vec![(0, i32::MAX, nights.clone())]),
                (
                    4,
                    vec![
                        (0, change, nights),
                        (change, change + 2, Hours::Flexible(vec![])),
                    ],
                ),
            ]),
        );
        let mut known = KnownWindows::default();
        let mut sum = 0;
        // Forwards by odd steps and back again, over clock changes, midnights and people.
        for step in 0..20_000_i64 {
            let user = step / 7 % 5;
            let start = first + step * 97_000_003 % (14 * DAY);
            let seconds = step * 31 % 40_000;
            let fresh = &mut KnownWindows::default();
            let expected = schedules.seconds_within(&zones, user, start, seconds, fresh);
            let found = schedules.seconds_within(&zones, user, start, seconds, &mut known);
            assert_eq!(found, expected, "{user} {start} {seconds}");
            sum += expected;
        }
        assert!(sum > 0);
    }

    #[test]
    fn windows_follow_the_clock_change() {
        // Berlin, 2026-03-29: 02:00 does not exist, 02:30 moves to 03:00.
        let sunday = Schedules::new(Hours::Fixed(vec![(6, 150, 240)]), HashMap::new());
        let day = Date32Type::from_naive_date("2026-03-29".parse().unwrap());
        assert_eq!(
            sunday.windows(&zones("Europe/Berlin"), 1, day),
            [(at("2026-03-29T01:00:00Z"), at("2026-03-29T02:00:00Z"))]
        );
        // 2026-10-25: 02:30 comes twice; a start takes the earlier, an end the later.
        let autumn = Schedules::new(Hours::Fixed(vec![(6, 150, 151)]), HashMap::new());
        let day = Date32Type::from_naive_date("2026-10-25".parse().unwrap());
        assert_eq!(
            autumn.windows(&zones("Europe/Berlin"), 1, day),
            [(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:31:00Z"))]
        );
        let flexible = Schedules::new(Hours::Flexible(Vec::new()), HashMap::new());
        let (start, end) = flexible.windows(&zones("Europe/Berlin"), 1, day)[0];
        assert_eq!((end - start) / SECOND, 25 * 3600);
    }
}
