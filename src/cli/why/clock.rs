//! Times on the user's clock, as short as a day allows.

use crate::clock::Micros;
use crate::models::why::Day;
use crate::zone::{DAY, SECOND};

/// Whether the clock changes during the day, so that a time alone may be ambiguous.
pub fn changes(day: &Day) -> bool {
    let offset = |instant: Micros| day.zone(instant).offset_seconds(instant);
    match (day.instants.first(), day.instants.last()) {
        (Some(first), Some(last)) => {
            day.instants.len() > 1 || offset(first.start) != offset(last.end - 1)
        }
        _ => false,
    }
}

/// `09:30:00`; with the offset on a day whose clock changes, and the days after the date beside.
pub fn time(day: &Day, instant: Micros) -> String {
    let local = day.local_micros(instant);
    let of_day = local.rem_euclid(DAY) / SECOND;
    let mut out = format!(
        "{:02}:{:02}:{:02}",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    );
    if changes(day) {
        out.push_str(&offset_text(day.zone(instant).offset_seconds(instant)));
    }
    let days = local.div_euclid(DAY) - i64::from(day.date);
    if days != 0 {
        out.push_str(&format!("{days:+}d"));
    }
    out
}

/// `+1`, `-3:30`, `+0`.
pub fn offset_text(seconds: i64) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    match minutes % 60 {
        0 => format!("{sign}{}", minutes / 60),
        rest => format!("{sign}{}:{rest:02}", minutes / 60),
    }
}

/// `1:02:03` for 3723 seconds.
pub fn duration(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.unsigned_abs();
    format!(
        "{sign}{}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_durations() {
        assert_eq!(offset_text(3600), "+1");
        assert_eq!(offset_text(-12_600), "-3:30");
        assert_eq!(offset_text(0), "+0");
        assert_eq!(duration(3723), "1:02:03");
        assert_eq!(duration(-60), "-0:01:00");
    }
}
