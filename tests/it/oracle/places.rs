//! Where a day was worked: labels of networks, and networks that many people use.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use chrono::{Duration, NaiveDate};

use super::{Place, Settings};

/// Seconds on a network, of one activity.
#[derive(Clone, Debug)]
pub struct Stay {
    pub uid: i64,
    pub date: NaiveDate,
    pub network: Option<String>,
    pub public_ip: Option<String>,
    pub seconds: i64,
}

impl Stay {
    fn signature(&self) -> Option<&str> {
        self.network.as_deref().or(self.public_ip.as_deref())
    }
}

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(four) => (u128::from(u32::from(four)) << 96, 32),
        IpAddr::V6(six) => (u128::from(six), 128),
    }
}

/// The length of the prefix when the address lies in the CIDR.
fn inside(cidr: &str, address: &str) -> Option<u32> {
    let (net, length) = cidr.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let (net, width) = bits(net.parse().ok()?);
    let (address, other) = bits(address.parse().ok()?);
    let shift = 128 - length;
    let same = shift == 128 || net >> shift == address >> shift;
    (width == other && same).then_some(length)
}

fn label(places: &[Place], stay: &Stay) -> Option<bool> {
    let exact = |text: Option<&str>| {
        let text = text?;
        let place = places.iter().find(|place| place.what == text)?;
        Some(place.office)
    };
    let widest = || {
        let address = stay.public_ip.as_deref()?;
        places
            .iter()
            .filter_map(|place| Some((inside(&place.what, address)?, place.office)))
            .max_by_key(|(length, _)| *length)
            .map(|(_, office)| office)
    };
    exact(stay.network.as_deref())
        .or_else(|| exact(stay.public_ip.as_deref()))
        .or_else(widest)
}

/// `Office`, `Remote` or `Office/Remote` by (user, date), where a network is known.
pub fn locations(
    settings: &Settings,
    places: &[Place],
    stays: &[Stay],
) -> HashMap<(i64, NaiveDate), String> {
    // Seconds by signature, user and date.
    let mut used: BTreeMap<&str, BTreeMap<i64, BTreeMap<NaiveDate, i64>>> = BTreeMap::new();
    for stay in stays {
        if let Some(signature) = stay.signature() {
            *used
                .entry(signature)
                .or_default()
                .entry(stay.uid)
                .or_default()
                .entry(stay.date)
                .or_default() += stay.seconds;
        }
    }
    let is_office = |signature: &str, date: NaiveDate| {
        let first = date - Duration::days(settings.office_days - 1);
        let people = used[signature]
            .values()
            .filter(|days| {
                let seconds: i64 = days.range(first..=date).map(|(_, seconds)| seconds).sum();
                seconds >= settings.office_min_seconds
            })
            .count();
        people >= settings.office_min_users
    };
    let mut days: HashMap<(i64, NaiveDate), (i64, i64)> = HashMap::new();
    for stay in stays {
        let Some(signature) = stay.signature() else {
            continue;
        };
        let office = label(places, stay).unwrap_or_else(|| is_office(signature, stay.date));
        let sums = days.entry((stay.uid, stay.date)).or_default();
        if office {
            sums.0 += stay.seconds;
        } else {
            sums.1 += stay.seconds;
        }
    }
    days.into_iter()
        .map(|(day, (office, remote))| {
            let needed = settings.location_percent * (office + remote);
            let text = if 100 * office >= needed {
                "Office"
            } else if 100 * remote >= needed {
                "Remote"
            } else {
                "Office/Remote"
            };
            (day, text.to_owned())
        })
        .collect()
}
