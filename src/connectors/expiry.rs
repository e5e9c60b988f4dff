//! How soon credentials whose end is known stop working, said early enough to act.
//!
//! Two dates go in, a warning comes out. Nothing here looks at a clock, and no failure follows from
//! a date: what still works is used.

use chrono::{Days, NaiveDate};

/// Days before the end from which a level holds.
const NOTICE_DAYS: i32 = 60;
const SOON_DAYS: i32 = 30;
const URGENT_DAYS: i32 = 7;
const LAST_DAYS: i32 = 1;

/// How pressing it is; a later one is more so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpiryLevel {
    /// 60 days or less.
    Notice,
    /// 30 days or less.
    Soon,
    /// 7 days or less.
    Urgent,
    /// A day or less.
    Last,
    /// Past.
    Expired,
}

/// What to tell the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiryWarning {
    pub level: ExpiryLevel,
    /// Negative when past.
    pub days_left: i64,
    /// Plain words, with the date and what to do.
    pub text: String,
}

/// The warning about a secret that ends on `expires_day`, seen on `today` (both days since
/// 1970-01-01, UTC); none while more than 60 days are left.
pub fn expiry_warning(expires_day: i32, today: i32) -> Option<ExpiryWarning> {
    let days_left = i64::from(expires_day) - i64::from(today);
    let level = if days_left < 0 {
        ExpiryLevel::Expired
    } else if days_left <= i64::from(LAST_DAYS) {
        ExpiryLevel::Last
    } else if days_left <= i64::from(URGENT_DAYS) {
        ExpiryLevel::Urgent
    } else if days_left <= i64::from(SOON_DAYS) {
        ExpiryLevel::Soon
    } else if days_left <= i64::from(NOTICE_DAYS) {
        ExpiryLevel::Notice
    } else {
        return None;
    };
    let date = date(expires_day);
    let what_to_do = "make a new one, put its value in place of the old one and correct \
                      secret_expires; nothing else need be set up again";
    let text = match days_left {
        ..-1 => format!(
            "the client secret expired on {date}, {} days ago, unless secret_expires is wrong: \
             {what_to_do}",
            -days_left
        ),
        -1 => format!(
            "the client secret expired on {date}, a day ago, unless secret_expires is wrong: \
             {what_to_do}"
        ),
        0 => format!("the client secret expires today ({date}): {what_to_do}"),
        1 => format!("the client secret expires tomorrow ({date}): {what_to_do}"),
        _ => format!("the client secret expires in {days_left} days ({date}): {what_to_do}"),
    };
    Some(ExpiryWarning {
        level,
        days_left,
        text,
    })
}

/// `YYYY-MM-DD`.
fn date(day: i32) -> String {
    let days = Days::new(u64::from(day.unsigned_abs()));
    let epoch = NaiveDate::default();
    let date = if day < 0 {
        epoch.checked_sub_days(days)
    } else {
        epoch.checked_add_days(days)
    };
    date.map_or_else(|| format!("day {day}"), |date| date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_comes_at_each_step_and_not_before() {
        let level = |days_left: i32| expiry_warning(20_000 + days_left, 20_000).map(|w| w.level);
        for (days_left, wanted) in [
            (61, None),
            (60, Some(ExpiryLevel::Notice)),
            (31, Some(ExpiryLevel::Notice)),
            (30, Some(ExpiryLevel::Soon)),
            (8, Some(ExpiryLevel::Soon)),
            (7, Some(ExpiryLevel::Urgent)),
            (2, Some(ExpiryLevel::Urgent)),
            (1, Some(ExpiryLevel::Last)),
            (0, Some(ExpiryLevel::Last)),
            (-1, Some(ExpiryLevel::Expired)),
            (-400, Some(ExpiryLevel::Expired)),
        ] {
            assert_eq!(level(days_left), wanted, "{days_left}");
        }
    }

    #[test]
    fn a_warning_says_when() {
        let text = |expires, today| expiry_warning(expires, today).unwrap().text;
        assert!(text(20_000, 19_995).contains("in 5 days (2024-10-04)"));
        assert!(text(20_000, 19_999).contains("tomorrow"));
        assert!(text(20_000, 20_000).contains("today"));
        assert!(text(20_000, 20_001).contains("a day ago"));
        assert!(text(20_000, 20_012).contains("12 days ago"));
        assert_eq!(expiry_warning(20_000, 20_012).unwrap().days_left, -12);
    }

    #[test]
    fn no_date_is_too_far() {
        assert_eq!(expiry_warning(i32::MAX, i32::MIN), None);
        let past = expiry_warning(i32::MIN, i32::MAX).unwrap();
        assert_eq!(past.level, ExpiryLevel::Expired);
    }
}
