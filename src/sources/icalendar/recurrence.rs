//! The starts that a recurrence rule gives (RFC 5545 §3.3.10), on the wall clock of its start.
//!
//! A [`Rule`] and a start go in, ascending wall-clock times come out; zones are not known here, so
//! that a summer-time change moves nothing. Periods before the span asked for are skipped by
//! arithmetic unless the rule counts. The work is bounded by a [`Budget`]: a rule that gives
//! nothing, or a flood, ends with [`Exhausted`].
//!
//! Own code: calcard's expansion takes no span (it begins at the start of the series and counts),
//! compares a UTC end with wall-clock time, and leaves a start that a clock skips or repeats
//! without a zone.
//!
//! Where the standard leaves room: the weekday of weeks without days is that of the start; the
//! month of yearly month days without months too; a year of weeks is the year the weeks are counted
//! in, and it begins with the start's own week year unless nothing of that is left.

use chrono::{Datelike, NaiveDate};

use super::days::{
    DAY_SECONDS, at, date_of, day_of, first_of_year, month_span, week_begin, week_one, week_year,
    weekday_of,
};
use super::rule::{Frequency, Rule};

/// Seconds since 1970-01-01T00:00:00 on a wall clock.
pub(super) type WallSeconds = i64;

/// Periods and candidates one rule may take.
const RULE_STEPS_MAX: u64 = 2_000_000;

/// Steps that all rules of one reading may take together.
#[derive(Debug)]
pub(super) struct Budget {
    steps: u64,
}

/// The steps are used up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

impl Budget {
    pub fn new(steps: u64) -> Budget {
        Budget { steps }
    }

    fn take(&mut self, used: &mut u64, steps: u64) -> Result<(), Exhausted> {
        *used = used.saturating_add(steps);
        if steps > self.steps || *used > RULE_STEPS_MAX {
            return Err(Exhausted);
        }
        self.steps -= steps;
        Ok(())
    }
}

/// A rule on its start.
#[derive(Debug)]
pub(super) struct Recurrence<'a> {
    pub rule: &'a Rule,
    pub start: WallSeconds,
    /// Whether the start is a date: then hours, minutes and seconds of the rule mean nothing.
    pub is_date: bool,
    /// The last moment, inclusive; `None` for an endless rule.
    pub until: Option<WallSeconds>,
}

impl Recurrence<'_> {
    /// Starts in `[from, to)`, ascending. A counted rule counts from its start.
    pub fn starts(
        &self,
        from: WallSeconds,
        to: WallSeconds,
        budget: &mut Budget,
    ) -> Result<Vec<WallSeconds>, Exhausted> {
        let mut run = Run {
            from,
            to: self
                .until
                .map_or(to, |until| to.min(until.saturating_add(1))),
            start: self.start,
            left: self.rule.count.unwrap_or(u64::MAX),
            found: Vec::new(),
            used: 0,
        };
        // Without a count, what lies before the span need not be walked.
        let skip_to = if self.rule.count.is_some() {
            self.start
        } else {
            self.start.max(from)
        };
        match self.rule.frequency {
            Frequency::Yearly => self.years(&mut run, skip_to, budget)?,
            Frequency::Monthly => self.months(&mut run, skip_to, budget)?,
            Frequency::Weekly => self.weeks(&mut run, skip_to, budget)?,
            Frequency::Daily => self.days(&mut run, skip_to, budget)?,
            Frequency::Hourly => self.moments(&mut run, 3_600, skip_to, budget)?,
            Frequency::Minutely => self.moments(&mut run, 60, skip_to, budget)?,
            Frequency::Secondly => self.moments(&mut run, 1, skip_to, budget)?,
        }
        Ok(run.found)
    }

    fn start_date(&self) -> NaiveDate {
        date_of(day_of(self.start))
    }

    fn years(
        &self,
        run: &mut Run,
        skip_to: WallSeconds,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        let times = self.times();
        let mut base = self.start_date().year();
        if !self.rule.week_numbers.is_empty() {
            let week_year = week_year(day_of(self.start), self.rule.week_start);
            let alive = week_year >= base
                || self
                    .year_days(week_year)
                    .iter()
                    .any(|day| times.iter().any(|time| at(*day, *time) >= self.start));
            if alive {
                base = week_year;
            }
        }
        let interval = self.rule.interval;
        // One year earlier than the span's: the weeks of a year reach into the one before.
        let behind = i64::from(date_of(day_of(skip_to)).year()) - 1 - i64::from(base);
        let mut step = behind.max(0).div_euclid(interval);
        loop {
            let Ok(year) = i32::try_from(i64::from(base) + step * interval) else {
                return Ok(());
            };
            if at(first_of_year(year).saturating_sub(7), 0) >= run.to {
                return Ok(());
            }
            if !run.take(self.year_days(year), &times, self.rule, budget)? {
                return Ok(());
            }
            step += 1;
        }
    }

    fn months(
        &self,
        run: &mut Run,
        skip_to: WallSeconds,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        let times = self.times();
        let month_of = |date: NaiveDate| i64::from(date.year()) * 12 + i64::from(date.month0());
        let base = month_of(self.start_date());
        let behind = month_of(date_of(day_of(skip_to))) - base;
        let mut step = behind.max(0).div_euclid(self.rule.interval);
        loop {
            let index = base + step * self.rule.interval;
            let Ok(year) = i32::try_from(index.div_euclid(12)) else {
                return Ok(());
            };
            let month = i32::try_from(index.rem_euclid(12)).unwrap_or(0) + 1;
            let (first, end) = month_span(year, month);
            if at(first, 0) >= run.to {
                return Ok(());
            }
            let days = if self.rule.months.is_empty() || self.rule.months.contains(&month) {
                (first..end).filter(|day| self.fits_month(*day)).collect()
            } else {
                Vec::new()
            };
            if !run.take(days, &times, self.rule, budget)? {
                return Ok(());
            }
            step += 1;
        }
    }

    fn weeks(
        &self,
        run: &mut Run,
        skip_to: WallSeconds,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        let times = self.times();
        let base = i64::from(week_begin(day_of(self.start), self.rule.week_start));
        let length = self.rule.interval * 7;
        let behind = i64::from(day_of(skip_to)) - base;
        let mut step = behind.max(0).div_euclid(length);
        let own_weekday = weekday_of(day_of(self.start));
        loop {
            let Ok(first) = i32::try_from(base + step * length) else {
                return Ok(());
            };
            if at(first, 0) >= run.to {
                return Ok(());
            }
            let days = (first..first.saturating_add(7))
                .filter(|day| {
                    let weekday = weekday_of(*day);
                    let right_day = if self.rule.weekdays.is_empty() {
                        weekday == own_weekday
                    } else {
                        self.rule
                            .weekdays
                            .iter()
                            .any(|(_, other)| *other == weekday)
                    };
                    right_day && self.fits_months(*day)
                })
                .collect();
            if !run.take(days, &times, self.rule, budget)? {
                return Ok(());
            }
            step += 1;
        }
    }

    fn days(
        &self,
        run: &mut Run,
        skip_to: WallSeconds,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        let times = self.times();
        let base = i64::from(day_of(self.start));
        let behind = i64::from(day_of(skip_to)) - base;
        let mut step = behind.max(0).div_euclid(self.rule.interval);
        loop {
            let Ok(day) = i32::try_from(base + step * self.rule.interval) else {
                return Ok(());
            };
            if at(day, 0) >= run.to {
                return Ok(());
            }
            let days = if self.fits_day(day) {
                vec![day]
            } else {
                Vec::new()
            };
            if !run.take(days, &times, self.rule, budget)? {
                return Ok(());
            }
            step += 1;
        }
    }

    /// Hourly, minutely and secondly: a period is `unit` seconds long.
    fn moments(
        &self,
        run: &mut Run,
        unit: i64,
        skip_to: WallSeconds,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        if self.is_date {
            // A date has no hours: once is all it can mean.
            return run
                .take(vec![day_of(self.start)], &[0], self.rule, budget)
                .map(|_| ());
        }
        let rule = self.rule;
        let base = self.start - self.start.rem_euclid(unit);
        let stride = rule.interval.saturating_mul(unit);
        let mut step = (skip_to - base).max(0).div_euclid(stride);
        let own_second = self.start.rem_euclid(60);
        let own_minute = self.start.rem_euclid(3_600) / 60;
        loop {
            let period = base.saturating_add(step.saturating_mul(stride));
            if period >= run.to {
                return Ok(());
            }
            let second_of_day = period.rem_euclid(DAY_SECONDS);
            // Where a coarser part does not fit, the next period that might is taken at once.
            let misfit = if !(self.fits_day(day_of(period)) && self.fits_year_day(day_of(period))) {
                Some(DAY_SECONDS)
            } else if !among(&rule.hours, second_of_day / 3_600) {
                Some(3_600)
            } else if unit < 3_600 && !among(&rule.minutes, second_of_day % 3_600 / 60) {
                Some(60)
            } else if unit < 60 && !among(&rule.seconds, second_of_day % 60) {
                Some(1)
            } else {
                None
            };
            if let Some(length) = misfit {
                budget.take(&mut run.used, 1)?;
                let next = period - period.rem_euclid(length) + length;
                let steps = (next - base).saturating_add(stride - 1).div_euclid(stride);
                step = steps.max(step + 1);
                continue;
            }
            let minutes = given_or(&rule.minutes, own_minute);
            let seconds = given_or(&rule.seconds, own_second);
            let mut set = Vec::new();
            match unit {
                3_600 => {
                    for minute in &minutes {
                        set.extend(seconds.iter().map(|second| period + minute * 60 + second));
                    }
                }
                60 => set.extend(seconds.iter().map(|second| period + second)),
                _ => set.push(period),
            }
            if !run.take_set(set, rule, budget)? {
                return Ok(());
            }
            step += 1;
        }
    }

    /// Seconds of the day at which things start, for periods of whole days.
    fn times(&self) -> Vec<i64> {
        if self.is_date {
            return vec![0];
        }
        let own = self.start.rem_euclid(DAY_SECONDS);
        let hours = given_or(&self.rule.hours, own / 3_600);
        let minutes = given_or(&self.rule.minutes, own % 3_600 / 60);
        let seconds = given_or(&self.rule.seconds, own % 60);
        let mut times = Vec::with_capacity(hours.len() * minutes.len() * seconds.len());
        for hour in &hours {
            for minute in &minutes {
                times.extend(
                    seconds
                        .iter()
                        .map(|second| hour * 3_600 + minute * 60 + second),
                );
            }
        }
        times
    }

    /// Days of a yearly rule in a year, or in the weeks of that year.
    fn year_days(&self, year: i32) -> Vec<i32> {
        let rule = self.rule;
        let start = self.start_date();
        let plain = rule.week_numbers.is_empty()
            && rule.year_days.is_empty()
            && rule.month_days.is_empty()
            && rule.weekdays.is_empty();
        let month_day = i32::try_from(start.day()).unwrap_or(0);
        let own_month = i32::try_from(start.month()).unwrap_or(0);
        let one_month = rule.months.is_empty()
            && (plain
                || (!rule.month_days.is_empty()
                    && rule.week_numbers.is_empty()
                    && rule.year_days.is_empty()
                    && rule.weekdays.is_empty()));
        let one_weekday = !rule.week_numbers.is_empty()
            && rule.year_days.is_empty()
            && rule.month_days.is_empty()
            && rule.weekdays.is_empty();
        let fits = |day: i32| {
            let date = date_of(day);
            let month = i32::try_from(date.month()).unwrap_or(0);
            self.fits_months(day)
                && (!one_month || month == own_month)
                && (!plain || i32::try_from(date.day()).unwrap_or(0) == month_day)
                && (!one_weekday || date.weekday() == start.weekday())
                && self.fits_year_day(day)
                && self.fits_month_day(day)
                && (rule.weekdays.is_empty()
                    || if rule.months.is_empty() {
                        let (first, end) =
                            (first_of_year(date.year()), first_of_year(date.year() + 1));
                        self.fits_weekday(day, first, end)
                    } else {
                        let (first, end) = month_span(date.year(), month);
                        self.fits_weekday(day, first, end)
                    })
        };
        if rule.week_numbers.is_empty() {
            // Only the months that can fit are walked: zones have such rules, centuries long.
            return (1..=12)
                .filter(|month| among(&rule.months, i64::from(*month)))
                .filter(|month| !one_month || *month == own_month)
                .flat_map(|month| {
                    let (first, end) = month_span(year, month);
                    first..end
                })
                .filter(|day| fits(*day))
                .collect();
        }
        let first = week_one(year, rule.week_start);
        let end = week_one(year + 1, rule.week_start);
        let weeks = (end - first) / 7;
        (first..end)
            .filter(|day| {
                let week = (day - first) / 7 + 1;
                rule.week_numbers
                    .iter()
                    .any(|number| *number == week || *number == week - weeks - 1)
                    && fits(*day)
            })
            .collect()
    }

    fn fits_months(&self, day: i32) -> bool {
        among(&self.rule.months, i64::from(date_of(day).month()))
    }

    fn fits_year_day(&self, day: i32) -> bool {
        if self.rule.year_days.is_empty() {
            return true;
        }
        let year = date_of(day).year();
        let (first, end) = (first_of_year(year), first_of_year(year + 1));
        let (forward, backward) = (day - first + 1, day - end);
        self.rule
            .year_days
            .iter()
            .any(|number| *number == forward || *number == backward)
    }

    fn fits_month_day(&self, day: i32) -> bool {
        if self.rule.month_days.is_empty() {
            return true;
        }
        let date = date_of(day);
        let (first, end) = month_span(date.year(), i32::try_from(date.month()).unwrap_or(1));
        let (forward, backward) = (day - first + 1, day - end);
        self.rule
            .month_days
            .iter()
            .any(|number| *number == forward || *number == backward)
    }

    /// Whether a day is one of the rule's weekdays, counted within `[first, end)`.
    fn fits_weekday(&self, day: i32, first: i32, end: i32) -> bool {
        let weekday = weekday_of(day);
        let forward = (day - first) / 7 + 1;
        let backward = -((end - 1 - day) / 7 + 1);
        self.rule.weekdays.iter().any(|(nth, other)| {
            *other == weekday && (*nth == 0 || *nth == forward || *nth == backward)
        })
    }

    /// For a day of a monthly rule.
    fn fits_month(&self, day: i32) -> bool {
        let rule = self.rule;
        if rule.month_days.is_empty() && rule.weekdays.is_empty() {
            return date_of(day).day() == self.start_date().day();
        }
        let date = date_of(day);
        let (first, end) = month_span(date.year(), i32::try_from(date.month()).unwrap_or(1));
        self.fits_month_day(day) && (rule.weekdays.is_empty() || self.fits_weekday(day, first, end))
    }

    /// For a day of a daily rule, or of one by the hour and finer.
    fn fits_day(&self, day: i32) -> bool {
        let weekday = weekday_of(day);
        self.fits_months(day)
            && self.fits_month_day(day)
            && (self.rule.weekdays.is_empty()
                || self
                    .rule
                    .weekdays
                    .iter()
                    .any(|(_, other)| *other == weekday))
    }
}

/// The starts found so far.
struct Run {
    from: WallSeconds,
    /// Exclusive, the rule's own end included.
    to: WallSeconds,
    start: WallSeconds,
    /// How many more the rule may give.
    left: u64,
    found: Vec<WallSeconds>,
    used: u64,
}

impl Run {
    /// Takes one period of whole days; false when the rule has come to its end.
    fn take(
        &mut self,
        days: Vec<i32>,
        times: &[i64],
        rule: &Rule,
        budget: &mut Budget,
    ) -> Result<bool, Exhausted> {
        budget.take(&mut self.used, (days.len() * times.len()) as u64)?;
        let mut set = Vec::with_capacity(days.len() * times.len());
        for day in days {
            set.extend(times.iter().map(|time| at(day, *time)));
        }
        self.take_set(set, rule, budget)
    }

    /// Takes one period's candidates, ascending.
    fn take_set(
        &mut self,
        set: Vec<WallSeconds>,
        rule: &Rule,
        budget: &mut Budget,
    ) -> Result<bool, Exhausted> {
        budget.take(&mut self.used, 1)?;
        let set = if rule.positions.is_empty() {
            set
        } else {
            let size = i64::try_from(set.len()).unwrap_or(i64::MAX);
            let mut chosen: Vec<i64> = rule
                .positions
                .iter()
                .map(|position| i64::from(*position))
                .map(|position| {
                    if position > 0 {
                        position - 1
                    } else {
                        size + position
                    }
                })
                .filter(|index| (0..size).contains(index))
                .collect();
            chosen.sort_unstable();
            chosen.dedup();
            chosen
                .into_iter()
                .filter_map(|index| set.get(usize::try_from(index).ok()?).copied())
                .collect()
        };
        for start in set {
            if start < self.start {
                continue;
            }
            if start >= self.to || self.left == 0 {
                return Ok(false);
            }
            self.left -= 1;
            if start >= self.from {
                self.found.push(start);
            }
        }
        Ok(self.left > 0)
    }
}

/// Whether a list without entries, or with this one, lets a value through.
fn among(list: &[i32], value: i64) -> bool {
    list.is_empty() || list.iter().any(|entry| i64::from(*entry) == value)
}

fn given_or(list: &[i32], own: i64) -> Vec<i64> {
    if list.is_empty() {
        vec![own]
    } else {
        list.iter().map(|entry| i64::from(*entry)).collect()
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;

    use super::*;

    fn seconds(text: &str) -> i64 {
        NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S")
            .unwrap()
            .and_utc()
            .timestamp()
    }

    fn starts(rule: &str, start: &str, from: &str, to: &str) -> Vec<String> {
        let rule = Rule::parse(rule).unwrap();
        let recurrence = Recurrence {
            rule: &rule,
            start: seconds(start),
            is_date: false,
            until: None,
        };
        recurrence
            .starts(seconds(from), seconds(to), &mut Budget::new(10_000_000))
            .unwrap()
            .into_iter()
            .map(|at| {
                chrono::DateTime::from_timestamp(at, 0)
                    .unwrap()
                    .format("%Y%m%dT%H%M%S")
                    .to_string()
            })
            .collect()
    }

    #[test]
    fn a_late_span_gives_what_walking_from_the_start_gives() {
        for rule in [
            "FREQ=YEARLY",
            "FREQ=YEARLY;INTERVAL=3;BYMONTH=1,6;BYDAY=-1FR",
            "FREQ=YEARLY;INTERVAL=2;BYWEEKNO=1,53,-1;BYDAY=MO,SU",
            "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=-1,15",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE;BYSETPOS=-1,2",
            "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU,WE;WKST=SU",
            "FREQ=DAILY;INTERVAL=11;BYMONTH=3,4,5",
            "FREQ=HOURLY;INTERVAL=7;BYDAY=MO",
            "FREQ=MINUTELY;INTERVAL=1441;BYHOUR=9",
            "FREQ=SECONDLY;INTERVAL=86399;BYMONTH=5",
        ] {
            let start = "20110102T091500";
            let all = starts(rule, start, start, "20180101T000000");
            let late = starts(rule, start, "20140630T000000", "20180101T000000");
            let wanted: Vec<_> = all
                .iter()
                .filter(|at| at.as_str() >= "20140630T000000")
                .cloned()
                .collect();
            assert!(!wanted.is_empty(), "{rule}");
            assert_eq!(late, wanted, "{rule}");
        }
    }

    #[test]
    fn the_weeks_of_a_year_reach_into_its_neighbours() {
        let rule = "FREQ=YEARLY;BYWEEKNO=53;BYDAY=SA";
        assert_eq!(
            starts(
                rule,
                "20100102T080000",
                "20160101T000000",
                "20200101T000000"
            ),
            ["20160102T080000"]
        );
        let rule = "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO";
        assert_eq!(
            starts(
                rule,
                "20100104T080000",
                "20241201T000000",
                "20250101T000000"
            ),
            ["20241230T080000"]
        );
    }

    #[test]
    fn a_count_is_counted_from_the_start() {
        assert_eq!(
            starts(
                "FREQ=DAILY;COUNT=1000",
                "20200101T080000",
                "20220925T000000",
                "20300101T000000"
            ),
            ["20220925T080000", "20220926T080000"]
        );
    }

    #[test]
    fn a_rule_that_gives_nothing_or_a_flood_ends() {
        let never = "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31";
        assert!(
            starts(
                never,
                "20200101T000000",
                "20200101T000000",
                "20300101T000000"
            )
            .is_empty()
        );
        let rule = Rule::parse("FREQ=SECONDLY").unwrap();
        let recurrence = Recurrence {
            rule: &rule,
            start: 0,
            is_date: false,
            until: None,
        };
        assert_eq!(
            recurrence.starts(0, i64::MAX, &mut Budget::new(u64::MAX)),
            Err(Exhausted)
        );
    }

    #[test]
    fn far_dates_do_not_panic() {
        for text in [
            "FREQ=YEARLY;INTERVAL=4294967295",
            "FREQ=YEARLY;BYWEEKNO=53",
            "FREQ=MONTHLY;INTERVAL=4294967295",
            "FREQ=WEEKLY;INTERVAL=4294967295",
            "FREQ=DAILY;INTERVAL=4294967295",
            "FREQ=HOURLY;INTERVAL=4294967295",
        ] {
            let rule = Rule::parse(text).unwrap();
            for start in [seconds("00010101T000000"), seconds("99991231T235959")] {
                let recurrence = Recurrence {
                    rule: &rule,
                    start,
                    is_date: false,
                    until: None,
                };
                let to = seconds("99991231T235959") + 400 * 366 * DAY_SECONDS;
                let _ = recurrence.starts(start, to, &mut Budget::new(100_000_000));
            }
        }
    }
}
