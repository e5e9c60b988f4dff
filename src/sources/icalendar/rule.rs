//! A recurrence rule (RFC 5545 §3.3.10) as checked values.
//!
//! Text in, [`Rule`] out; what the rule means is [`super::recurrence`]'s. A part that is not known
//! or out of its range makes the rule bad: a series is never laid out by a rule half understood.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Weekday};

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
    Hourly,
    Minutely,
    Secondly,
}

/// Where a rule ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// The whole of that day.
    Date(NaiveDate),
    /// On the wall clock of the start.
    Local(NaiveDateTime),
    Utc(NaiveDateTime),
}

/// A checked rule. Lists are sorted and without repetition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub frequency: Frequency,
    /// At least 1.
    pub interval: i64,
    /// At least 1.
    pub count: Option<u64>,
    pub until: Option<Until>,
    pub months: Vec<i32>,
    pub week_numbers: Vec<i32>,
    pub year_days: Vec<i32>,
    pub month_days: Vec<i32>,
    /// With the ordinal, 0 for every one.
    pub weekdays: Vec<(i32, Weekday)>,
    pub hours: Vec<i32>,
    pub minutes: Vec<i32>,
    /// A leap second counts as the second before it.
    pub seconds: Vec<i32>,
    pub positions: Vec<i32>,
    pub week_start: Weekday,
}

impl Rule {
    /// Reads the text after `RRULE:`; `None` when it breaks the standard.
    pub fn parse(text: &str) -> Option<Rule> {
        let mut parts = Parts::default();
        let mut seen: Vec<String> = Vec::new();
        for part in text.split(';').map(str::trim).filter(|p| !p.is_empty()) {
            let (name, value) = part.split_once('=')?;
            let name = name.trim().to_ascii_uppercase();
            if seen.contains(&name) {
                return None;
            }
            parts.take(&name, value.trim())?;
            seen.push(name);
        }
        parts.checked()
    }
}

/// A rule under construction.
#[derive(Default)]
struct Parts {
    frequency: Option<Frequency>,
    interval: Option<i64>,
    count: Option<u64>,
    until: Option<Until>,
    months: Vec<i32>,
    week_numbers: Vec<i32>,
    year_days: Vec<i32>,
    month_days: Vec<i32>,
    weekdays: Vec<(i32, Weekday)>,
    hours: Vec<i32>,
    minutes: Vec<i32>,
    seconds: Vec<i32>,
    positions: Vec<i32>,
    week_start: Option<Weekday>,
}

impl Parts {
    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "FREQ" => {
                self.frequency = Some(match value.to_ascii_uppercase().as_str() {
                    "YEARLY" => Frequency::Yearly,
                    "MONTHLY" => Frequency::Monthly,
                    "WEEKLY" => Frequency::Weekly,
                    "DAILY" => Frequency::Daily,
                    "HOURLY" => Frequency::Hourly,
                    "MINUTELY" => Frequency::Minutely,
                    "SECONDLY" => Frequency::Secondly,
                    _ => return None,
                });
            }
            "INTERVAL" => {
                let interval: u32 = value.parse().ok()?;
                self.interval = (interval > 0).then_some(i64::from(interval));
                self.interval?;
            }
            "COUNT" => {
                let count: u64 = value.parse().ok()?;
                self.count = (count > 0).then_some(count);
                self.count?;
            }
            "UNTIL" => self.until = Some(until(value)?),
            "BYMONTH" => self.months = numbers(value, 1, 12)?,
            "BYWEEKNO" => self.week_numbers = signed(value, 53)?,
            "BYYEARDAY" => self.year_days = signed(value, 366)?,
            "BYMONTHDAY" => self.month_days = signed(value, 31)?,
            "BYDAY" => {
                for word in value.split(',') {
                    self.weekdays.push(ordinal_weekday(word.trim())?);
                }
                self.weekdays
                    .sort_by_key(|(nth, day)| (*nth, day.num_days_from_monday()));
                self.weekdays.dedup();
            }
            "BYHOUR" => self.hours = numbers(value, 0, 23)?,
            "BYMINUTE" => self.minutes = numbers(value, 0, 59)?,
            "BYSECOND" => {
                self.seconds = numbers(value, 0, 60)?;
                for second in &mut self.seconds {
                    *second = (*second).min(59);
                }
                self.seconds.dedup();
            }
            "BYSETPOS" => self.positions = signed(value, 366)?,
            "WKST" => self.week_start = Some(weekday(value)?),
            // Other calendars than ours are not laid out; the ordinary one may be named.
            "RSCALE" if value.eq_ignore_ascii_case("GREGORIAN") => {}
            "SKIP" if value.eq_ignore_ascii_case("OMIT") => {}
            name if name.starts_with("X-") => {}
            _ => return None,
        }
        Some(())
    }

    fn checked(self) -> Option<Rule> {
        let frequency = self.frequency?;
        let ordinals = self.weekdays.iter().any(|(nth, _)| *nth != 0);
        let by_anything = !(self.months.is_empty()
            && self.week_numbers.is_empty()
            && self.year_days.is_empty()
            && self.month_days.is_empty()
            && self.weekdays.is_empty()
            && self.hours.is_empty()
            && self.minutes.is_empty()
            && self.seconds.is_empty());
        let contradicts = (self.count.is_some() && self.until.is_some())
            || (ordinals && frequency > Frequency::Monthly)
            || (ordinals && !self.week_numbers.is_empty())
            || (!self.week_numbers.is_empty() && frequency != Frequency::Yearly)
            || (!self.month_days.is_empty() && frequency == Frequency::Weekly)
            || (!self.year_days.is_empty()
                && matches!(
                    frequency,
                    Frequency::Daily | Frequency::Weekly | Frequency::Monthly
                ))
            || (!self.positions.is_empty() && !by_anything);
        if contradicts {
            return None;
        }
        Some(Rule {
            frequency,
            interval: self.interval.unwrap_or(1),
            count: self.count,
            until: self.until,
            months: self.months,
            week_numbers: self.week_numbers,
            year_days: self.year_days,
            month_days: self.month_days,
            weekdays: self.weekdays,
            hours: self.hours,
            minutes: self.minutes,
            seconds: self.seconds,
            positions: self.positions,
            week_start: self.week_start.unwrap_or(Weekday::Mon),
        })
    }
}

fn numbers(text: &str, least: i32, most: i32) -> Option<Vec<i32>> {
    let mut found = Vec::new();
    for word in text.split(',') {
        let number: i32 = word.trim().parse().ok()?;
        if number < least || number > most {
            return None;
        }
        found.push(number);
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

/// Numbers from 1 and from -1, up to `most` away from 0.
fn signed(text: &str, most: i32) -> Option<Vec<i32>> {
    let found = numbers(text, -most, most)?;
    (!found.contains(&0)).then_some(found)
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word.to_ascii_uppercase().as_str() {
        "MO" => Weekday::Mon,
        "TU" => Weekday::Tue,
        "WE" => Weekday::Wed,
        "TH" => Weekday::Thu,
        "FR" => Weekday::Fri,
        "SA" => Weekday::Sat,
        "SU" => Weekday::Sun,
        _ => return None,
    })
}

/// `MO`, `1MO`, `+1MO`, `-1MO`.
fn ordinal_weekday(word: &str) -> Option<(i32, Weekday)> {
    let split = word.len().checked_sub(2)?;
    let (ordinal, day) = (word.get(..split)?, word.get(split..)?);
    let day = weekday(day)?;
    if ordinal.is_empty() {
        return Some((0, day));
    }
    let ordinal: i32 = ordinal.parse().ok()?;
    (ordinal != 0 && ordinal.abs() <= 53).then_some((ordinal, day))
}

/// `20260101`, `20260101T090000`, `20260101T090000Z`.
fn until(text: &str) -> Option<Until> {
    let date = |text: &str| {
        let digits = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
        let field = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
        digits.then_some(())?;
        NaiveDate::from_ymd_opt(
            i32::try_from(field(0, 4)?).ok()?,
            field(4, 6)?,
            field(6, 8)?,
        )
    };
    let Some((day, time)) = text.split_once(['T', 't']) else {
        return Some(Until::Date(date(text)?));
    };
    let (time, utc) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, true),
        None => (time, false),
    };
    if time.len() != 6 || !time.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let field = |from: usize, to: usize| time.get(from..to)?.parse::<u32>().ok();
    let time = NaiveTime::from_hms_opt(field(0, 2)?, field(2, 4)?, field(4, 6)?.min(59))?;
    let at = date(day)?.and_time(time);
    Some(if utc {
        Until::Utc(at)
    } else {
        Until::Local(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_in_any_case_and_order() {
        let rule = Rule::parse(" byday=fr,-1MO,fr ; FREQ=monthly;interval=2;WKST=su;").unwrap();
        assert_eq!(rule.frequency, Frequency::Monthly);
        assert_eq!(rule.interval, 2);
        assert_eq!(rule.weekdays, [(-1, Weekday::Mon), (0, Weekday::Fri)]);
        assert_eq!(rule.week_start, Weekday::Sun);
    }

    #[test]
    fn ends_are_told_apart() {
        let of =
            |text: &str| Rule::parse(&format!("FREQ=DAILY;UNTIL={text}")).and_then(|r| r.until);
        let day = NaiveDate::from_ymd_opt(2026, 2, 28).unwrap();
        let at = day.and_hms_opt(9, 30, 59).unwrap();
        assert_eq!(of("20260228"), Some(Until::Date(day)));
        assert_eq!(of("20260228T093059"), Some(Until::Local(at)));
        assert_eq!(of("20260228T093060Z"), Some(Until::Utc(at)));
        for wrong in [
            "20260230",
            "2026022",
            "20260228T0930",
            "20260228T250000Z",
            "üü",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_out_of_range_or_unknown_makes_a_rule_bad() {
        for wrong in [
            "",
            "INTERVAL=2",
            "FREQ=FORTNIGHTLY",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;COUNT=-1",
            "FREQ=DAILY;COUNT=2;UNTIL=20260101",
            "FREQ=DAILY;FREQ=DAILY",
            "FREQ=MONTHLY;BYMONTHDAY=0",
            "FREQ=MONTHLY;BYMONTHDAY=257",
            "FREQ=DAILY;BYHOUR=-3",
            "FREQ=DAILY;BYHOUR=24",
            "FREQ=WEEKLY;BYDAY=2MO",
            "FREQ=WEEKLY;BYMONTHDAY=2",
            "FREQ=DAILY;BYWEEKNO=2",
            "FREQ=MONTHLY;BYYEARDAY=2",
            "FREQ=YEARLY;BYWEEKNO=54",
            "FREQ=YEARLY;BYDAY=XX",
            "FREQ=YEARLY;BYDAY=ü",
            "FREQ=YEARLY;BYEASTER=1",
            "FREQ=DAILY;BYSETPOS=1",
            "FREQ=YEARLY;RSCALE=HEBREW",
            "FREQ",
        ] {
            assert_eq!(Rule::parse(wrong), None, "{wrong}");
        }
    }
}
