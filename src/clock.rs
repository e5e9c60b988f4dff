//! The only place that asks what time it is.
//!
//! Every command works at an *as-of instant*: now, or what `--as-of` says. Rooms are handed an
//! instant; none of them looks at a clock, so that a state can be reproduced later.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// Microseconds since 1970-01-01T00:00:00Z.
pub type Micros = i64;

/// The instant a command works at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf(Micros);

impl AsOf {
    /// The system clock's now.
    pub fn now() -> Self {
        AsOf(Utc::now().timestamp_micros())
    }

    /// A given instant, in microseconds since the epoch.
    pub fn at(micros: Micros) -> Self {
        AsOf(micros)
    }

    /// Reads `--as-of`: RFC 3339, or a date or date-time without offset taken as UTC.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return Ok(AsOf(instant.timestamp_micros()));
        }
        for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
            if let Ok(naive) = NaiveDateTime::parse_from_str(text, format) {
                return Ok(AsOf(naive.and_utc().timestamp_micros()));
            }
        }
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d")
            && let Some(midnight) = date.and_hms_opt(0, 0, 0)
        {
            return Ok(AsOf(midnight.and_utc().timestamp_micros()));
        }
        Err(format!(
            "'{text}' is no instant: give RFC 3339 such as 2026-03-01T12:00:00Z, or a date"
        ))
    }

    /// Microseconds since the epoch.
    pub fn micros(self) -> Micros {
        self.0
    }
}

/// A number that no other call on any machine has had: for file names that must not collide.
/// Never part of what a file says.
pub fn nonce() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let mut seed = [0u8; 8];
    if getrandom::fill(&mut seed).is_err() {
        // Without a random source, time, process and count still tell calls apart.
        seed = (Utc::now().timestamp_micros() as u64 ^ (u64::from(std::process::id()) << 40))
            .to_le_bytes();
    }
    u64::from_le_bytes(seed).wrapping_add(CALLS.fetch_add(1, Ordering::Relaxed))
}

/// `N` random bytes of the operating system, for the nonces of sealed secrets and for sign-ins;
/// `Err` says why there are none.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|cause| cause.to_string())?;
    Ok(bytes)
}

/// Milliseconds since the epoch by the system clock, for the transaction log's own time stamps,
/// which decide what `maintain` may delete and are never part of a view.
pub fn log_time_ms() -> i64 {
    Utc::now().timestamp_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_offsets_and_dates() {
        assert_eq!(
            AsOf::parse("2026-03-01T13:00:00+01:00").unwrap(),
            AsOf::parse("2026-03-01T12:00:00Z").unwrap()
        );
        assert_eq!(
            AsOf::parse("2026-03-01").unwrap().micros(),
            AsOf::parse("2026-03-01 00:00:00").unwrap().micros()
        );
        assert!(AsOf::parse("yesterday").is_err());
    }
}
