//! `to_local(instant, zone)` and `reporting_zone(user_id, instant)`: whose clock shows what
//! (`semantics.md` §2).

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, StringBuilder, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::{exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{LOCAL_TIME, ORGANISATION, page};
use super::{Arguments, scalar};
use crate::clock::Micros;
use crate::zone::{Zone, ZoneNames};

/// A UTC instant in microseconds.
pub fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Which zone each user reports in, and from when.
#[derive(Clone, Debug)]
pub struct ReportingZones {
    account: Zone,
    /// By user, in time order: from this instant on, this zone; the first holds before it too.
    users: HashMap<i64, Vec<(Micros, Zone)>>,
}

impl Default for ReportingZones {
    fn default() -> Self {
        ReportingZones {
            account: Zone::utc(),
            users: HashMap::new(),
        }
    }
}

impl ReportingZones {
    /// Everybody in the account's zone, but for the listed users.
    pub fn new(account: Zone, mut users: HashMap<i64, Vec<(Micros, Zone)>>) -> Self {
        for spans in users.values_mut() {
            spans.sort_by_key(|(from, _)| *from);
        }
        ReportingZones { account, users }
    }

    /// The account's zone.
    pub fn account(&self) -> &Zone {
        &self.account
    }

    /// A user's zones over time; empty for one who reports in the account's.
    pub fn spans(&self, user_id: i64) -> &[(Micros, Zone)] {
        self.users.get(&user_id).map_or(&[], Vec::as_slice)
    }

    /// The zone that a user has at all times; none where it changes.
    pub fn only(&self, user_id: i64) -> Option<&Zone> {
        match self.spans(user_id) {
            [] => Some(&self.account),
            [(_, zone)] => Some(zone),
            _ => None,
        }
    }

    /// The zone in force for a user at an instant.
    pub fn zone(&self, user_id: i64, instant: Micros) -> &Zone {
        zone_among(self.spans(user_id), instant).unwrap_or(&self.account)
    }
}

/// The zone in force at an instant among those of [`ReportingZones::spans`]; none is the account's.
pub(super) fn zone_among(spans: &[(Micros, Zone)], instant: Micros) -> Option<&Zone> {
    let after = spans.partition_point(|(from, _)| *from <= instant);
    spans.get(after.saturating_sub(1)).map(|(_, zone)| zone)
}

/// `to_local(instant, zone)`: the wall clock, as a time stamp without zone. An unknown zone is an
/// error.
pub fn to_local() -> ScalarUDF {
    scalar(
        "to_local",
        page(
            LOCAL_TIME,
            "to_local(instant, zone)",
            "What a wall clock in the zone shows at an instant, as a time stamp without \
             zone. NULL if either is.",
            &[
                (
                    "instant",
                    "a time stamp; without a zone of its own it is UTC",
                ),
                ("zone", "name of a zone"),
            ],
            "select zone, to_local(timestamp '2026-03-29T01:30:00' at time zone 'UTC', zone) as clock\n\
             from (values ('Europe/Berlin'), ('America/New_York'), ('UTC+5:30')) as zones(zone)",
        ),
        Arguments::WithConstants(|given| match given {
            [_, _] => Ok(vec![instant(), DataType::Utf8]),
            _ => plan_err!("to_local takes an instant and a zone"),
        }),
        DataType::Timestamp(TimeUnit::Microsecond, None),
        |args| {
            let [instants, zones] = args else {
                return exec_err!("to_local takes an instant and a zone");
            };
            let instants = instants.as_primitive::<TimestampMicrosecondType>();
            let zones = zones.as_string::<i32>();
            let names = ZoneNames::default();
            // A constant stands in one row for all.
            let rows = match zones.len() {
                1 => instants.len(),
                many => many,
            };
            let place = |length: usize, row: usize| if length == 1 { 0 } else { row };
            let mut known: HashMap<&str, Clock> = HashMap::new();
            let mut last: Option<(&str, Clock)> = None;
            let mut out = Vec::with_capacity(rows);
            for row in 0..rows {
                let (at, zone) = (place(instants.len(), row), place(zones.len(), row));
                if instants.is_null(at) || zones.is_null(zone) {
                    out.push(None);
                    continue;
                }
                let name = zones.value(zone);
                if last.as_ref().is_none_or(|(known, _)| *known != name) {
                    let clock = match known.remove(name) {
                        Some(clock) => clock,
                        None => match names.parse(name) {
                            Some(zone) => Clock::new(zone),
                            None => return exec_err!("'{name}' is no time zone"),
                        },
                    };
                    if let Some((name, clock)) = last.replace((name, clock)) {
                        known.insert(name, clock);
                    }
                }
                out.push(
                    last.as_mut()
                        .map(|(_, clock)| clock.local(instants.value(at))),
                );
            }
            Ok(Arc::new(TimestampMicrosecondArray::from(out)) as ArrayRef)
        },
    )
}

/// A zone that remembers over which UTC hours its offset was constant: neighbouring rows are
/// close in time, and a look-up in the zone's rules costs more than all the rest.
pub(super) struct Clock {
    zone: Zone,
    hour: i64,
    offset: i64,
    constant: bool,
}

const HOUR: i64 = 3_600_000_000;

impl Clock {
    pub(super) fn new(zone: Zone) -> Self {
        Clock {
            zone,
            hour: i64::MIN,
            offset: 0,
            constant: false,
        }
    }

    /// What the wall clock shows, in microseconds since 1970-01-01T00:00 by it.
    pub(super) fn local(&mut self, instant: Micros) -> i64 {
        let hour = instant.div_euclid(HOUR);
        if hour != self.hour {
            self.hour = hour;
            self.offset = self.zone.offset_seconds(hour * HOUR) * 1_000_000;
            let end = self.zone.offset_seconds((hour + 1) * HOUR - 1) * 1_000_000;
            self.constant = self.offset == end;
        }
        if self.constant {
            instant + self.offset
        } else {
            self.zone.local_micros(instant)
        }
    }
}

/// Wall clocks of people, for rows of which neighbours are mostly one person's.
pub(super) struct Clocks<'a> {
    zones: &'a ReportingZones,
    /// One a zone.
    clocks: Vec<Clock>,
    places: foldhash::HashMap<&'a str, usize>,
    /// Whose clock told the last row: (user, from, to, place), as long as the zone holds.
    here: Option<(i64, Micros, Micros, usize)>,
}

impl<'a> Clocks<'a> {
    pub(super) fn new(zones: &'a ReportingZones) -> Self {
        Clocks {
            zones,
            clocks: Vec::new(),
            places: foldhash::HashMap::default(),
            here: None,
        }
    }

    /// What the wall clock shows in the zone in force for a user at an instant, see [`Clock::local`].
    pub(super) fn local(&mut self, user_id: i64, instant: Micros) -> i64 {
        let place = match self.here {
            Some((user, from, to, place)) if user == user_id && from <= instant && instant < to => {
                place
            }
            _ => self.turn(user_id, instant),
        };
        let clock = self.clocks.get_mut(place);
        clock.map_or(instant, |clock| clock.local(instant))
    }

    /// The place of the clock that holds for a user at an instant.
    fn turn(&mut self, user_id: i64, instant: Micros) -> usize {
        let spans = self.zones.spans(user_id);
        let next = spans.partition_point(|(from, _)| *from <= instant).max(1);
        // The first zone holds before it, too.
        let from = match next {
            1 => Micros::MIN,
            _ => spans.get(next - 1).map_or(Micros::MIN, |(from, _)| *from),
        };
        let to = spans.get(next).map_or(Micros::MAX, |(to, _)| *to);
        let zone = zone_among(spans, instant).unwrap_or(&self.zones.account);
        let clocks = &mut self.clocks;
        let place = *self.places.entry(zone.name()).or_insert_with(|| {
            clocks.push(Clock::new(zone.clone()));
            clocks.len() - 1
        });
        self.here = Some((user_id, from, to, place));
        place
    }
}

/// `local_datetime(user_id, instant)`: what the wall clock of a person shows.
pub fn local_datetime(zones: Arc<ReportingZones>) -> ScalarUDF {
    scalar(
        "local_datetime",
        page(
            ORGANISATION,
            "local_datetime(user_id, instant)",
            "What a wall clock shows at an instant in the zone in which a person's days are counted: \
             what `to_local(instant, reporting_zone(user_id, instant))` gives, and faster. NULL if \
             either is.",
            &[
                ("user_id", "uid of the person"),
                ("instant", "when; a person's zone may change in time"),
            ],
            "select local_datetime(1, timestamp '2026-03-02T12:00:00' at time zone 'UTC') as clock",
        ),
        Arguments::Exactly(vec![DataType::Int64, instant()]),
        DataType::Timestamp(TimeUnit::Microsecond, None),
        move |args| {
            let [users, instants] = args else {
                return exec_err!("local_datetime takes a user_id and an instant");
            };
            let users = users.as_primitive::<Int64Type>();
            let instants = instants.as_primitive::<TimestampMicrosecondType>();
            let mut clocks = Clocks::new(&zones);
            let out: TimestampMicrosecondArray = users
                .iter()
                .zip(instants)
                .map(|(user, instant)| Some(clocks.local(user?, instant?)))
                .collect();
            Ok(Arc::new(out) as ArrayRef)
        },
    )
}

/// `local_day_end(date, zone)`: the instant at which the local date is over for good.
pub fn local_day_end() -> ScalarUDF {
    scalar(
        "local_day_end",
        page(
            LOCAL_TIME,
            "local_day_end(date, zone)",
            "The instant at which a local date is over for good. Days of 23, 25 and other \
             hours end where their clock says; a date that the zone skipped ends where it \
             would have begun. NULL if either is.",
            &[("date", "a local date"), ("zone", "name of a zone")],
            "select day, local_day_end(day, 'Europe/Berlin') as day_end\n\
             from (values (date '2026-03-28'), (date '2026-03-29')) as days(day)",
        ),
        Arguments::Exactly(vec![DataType::Date32, DataType::Utf8]),
        instant(),
        |args| {
            let [days, zones] = args else {
                return exec_err!("local_day_end takes a date and a zone");
            };
            let days = days.as_primitive::<Date32Type>();
            let zones = zones.as_string::<i32>();
            let names = ZoneNames::default();
            let mut known: HashMap<(i32, &str), Micros> = HashMap::new();
            let mut out = Vec::with_capacity(days.len());
            for row in 0..days.len() {
                if days.is_null(row) || zones.is_null(row) {
                    out.push(None);
                    continue;
                }
                let (day, name) = (days.value(row), zones.value(row));
                let end = match known.get(&(day, name)) {
                    Some(end) => *end,
                    None => {
                        let Some(zone) = names.parse(name) else {
                            return exec_err!("'{name}' is no time zone");
                        };
                        let (_, end) = zone.day_span(day);
                        known.insert((day, name), end);
                        end
                    }
                };
                out.push(Some(end));
            }
            let out = TimestampMicrosecondArray::from(out).with_timezone("UTC");
            Ok(Arc::new(out) as ArrayRef)
        },
    )
}

/// `reporting_zone(user_id, instant)`: name of the zone in force.
pub fn reporting_zone(zones: Arc<ReportingZones>) -> ScalarUDF {
    scalar(
        "reporting_zone",
        page(
            ORGANISATION,
            "reporting_zone(user_id, instant)",
            "Name of the zone in which a person's days are counted at an instant. The \
             account's, unless `account.timezone_mode = user`; the account's too for a \
             NULL.",
            &[
                ("user_id", "uid of the person"),
                ("instant", "when; a person's zone may change in time"),
            ],
            "select reporting_zone(1, timestamp '2026-03-02T12:00:00' at time zone 'UTC') as zone",
        ),
        Arguments::Exactly(vec![DataType::Int64, instant()]),
        DataType::Utf8,
        move |args| {
            let [users, instants] = args else {
                return exec_err!("reporting_zone takes a user_id and an instant");
            };
            let users = users.as_primitive::<Int64Type>();
            let instants = instants.as_primitive::<TimestampMicrosecondType>();
            let mut out = StringBuilder::new();
            for row in 0..users.len() {
                if users.is_null(row) || instants.is_null(row) {
                    out.append_value(zones.account().name());
                } else {
                    out.append_value(zones.zone(users.value(row), instants.value(row)).name());
                }
            }
            Ok(Arc::new(out.finish()) as ArrayRef)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_change_in_time() {
        let zone = |name: &str| ZoneNames::default().parse(name).unwrap();
        let zones = ReportingZones::new(
            zone("UTC"),
            HashMap::from([(1, vec![(100, zone("UTC+2")), (50, zone("UTC+1"))])]),
        );
        assert_eq!(zones.zone(1, 0).name(), "UTC+1");
        assert_eq!(zones.zone(1, 99).name(), "UTC+1");
        assert_eq!(zones.zone(1, 100).name(), "UTC+2");
        assert_eq!(zones.zone(2, 100).name(), "UTC");
    }

    #[test]
    fn people_s_clocks_follow_their_zones() {
        let zone = |name: &str| ZoneNames::default().parse(name).unwrap();
        let zones = ReportingZones::new(
            zone("America/New_York"),
            HashMap::from([
                (
                    1,
                    vec![(50 * HOUR, zone("UTC+1")), (100 * HOUR, zone("UTC+2"))],
                ),
                (2, vec![(70 * HOUR, zone("Asia/Kolkata"))]),
            ]),
        );
        let mut clocks = Clocks::new(&zones);
        // Also back and forth between people and over changes.
        for step in 0..5_000_i64 {
            let user = step / 5 % 4;
            let instant = step * 7_919 % 150 * HOUR + step % 3 - 1;
            assert_eq!(
                clocks.local(user, instant),
                zones.zone(user, instant).local_micros(instant),
                "{user} {instant}"
            );
        }
    }

    #[test]
    fn the_remembered_offset_is_the_zone_s() {
        // Lord Howe shifts by half an hour, at half past an hour of UTC.
        let zone = ZoneNames::default().parse("Australia/Lord_Howe").unwrap();
        let mut clock = Clock::new(zone.clone());
        let start = 1_775_314_800_000_000 - 40 * HOUR;
        for step in 0..20_000 {
            let instant = start + step * 17_000_003;
            assert_eq!(clock.local(instant), zone.local_micros(instant));
        }
    }
}
