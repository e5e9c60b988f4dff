//! Where a person worked on a day (`semantics.md` §5, *Location*), network by network.

use std::collections::BTreeMap;

use datafusion::prelude::SessionContext;

use super::super::{Error, World};
use super::activity::Activity;
use super::rows::{query, required, rows};

/// One network of the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    pub network_id: Option<String>,
    pub public_ip: Option<String>,
    /// Clipped seconds of the day's activities on it.
    pub seconds: i64,
    /// What the organisation calls it.
    pub label: Option<String>,
    /// Users with enough seconds on it in the days that end with this one; asked only where it
    /// has no label.
    pub regulars: Option<i64>,
    /// `Office` or `Remote`.
    pub place: String,
}

impl Network {
    /// Network id, else address.
    pub fn signature(&self) -> &str {
        let id = self.network_id.as_deref();
        id.or(self.public_ip.as_deref()).unwrap_or_default()
    }
}

/// The networks of the day's activities, by network id and address.
pub async fn networks(
    world: &World,
    session: &SessionContext,
    activities: &[Activity],
    date: i32,
) -> Result<Vec<Network>, Error> {
    let mut seconds: BTreeMap<(Option<&str>, Option<&str>), i64> = BTreeMap::new();
    for activity in activities {
        let key = (
            activity.network_id.as_deref(),
            activity.public_ip.as_deref(),
        );
        if key != (None, None) {
            *seconds.entry(key).or_default() += activity.counted_sec;
        }
    }
    let metrics = &world.setup.settings.metrics;
    let labels = &world.org_tables.functions.labels;
    let mut out = Vec::new();
    for ((network_id, public_ip), seconds) in seconds {
        let label = labels.find(network_id, public_ip).map(str::to_owned);
        let regulars = match (&label, network_id.or(public_ip)) {
            (None, Some(signature)) => Some(regulars(world, session, signature, date).await?),
            _ => None,
        };
        let place = label.clone().unwrap_or_else(|| {
            let office = regulars.is_some_and(|users| users >= metrics.office_min_users);
            if office { "Office" } else { "Remote" }.to_owned()
        });
        out.push(Network {
            network_id: network_id.map(str::to_owned),
            public_ip: public_ip.map(str::to_owned),
            seconds,
            label,
            regulars,
            place,
        });
    }
    Ok(out)
}

/// First day that counts for an office on `date`.
pub fn first_office_day(world: &World, date: i32) -> i32 {
    let days = world.setup.settings.metrics.office_days.clamp(1, 100_000);
    date.saturating_sub(days as i32 - 1)
}

async fn regulars(
    world: &World,
    session: &SessionContext,
    signature: &str,
    date: i32,
) -> Result<i64, Error> {
    let quoted = signature.replace('\'', "''");
    let batches = query(
        session,
        &format!(
            "select count(*) as users from (
                select user_id from int_signature_days
                where coalesce(network_id, public_ip) = '{quoted}'
                    and local_date between date '{}' and date '{}'
                group by user_id having sum(seconds) >= {}
            ) as regulars",
            super::clock::date_text(first_office_day(world, date)),
            super::clock::date_text(date),
            world.setup.settings.metrics.office_min_seconds
        ),
    )
    .await?;
    match rows(&batches).next() {
        Some(row) => required(row.integer("users")?, "users"),
        None => Ok(0),
    }
}

/// (Office seconds, Remote seconds, what they make of the day).
pub fn location(networks: &[Network], percent: i64) -> (i64, i64, Option<&'static str>) {
    let total: i64 = networks.iter().map(|network| network.seconds).sum();
    let office: i64 = networks
        .iter()
        .filter(|network| network.place == "Office")
        .map(|network| network.seconds)
        .sum();
    let remote = total - office;
    let location = if networks.is_empty() {
        None
    } else if 100 * office >= percent * total {
        Some("Office")
    } else if 100 * remote >= percent * total {
        Some("Remote")
    } else {
        Some("Office/Remote")
    };
    (office, remote, location)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_decides() {
        let network = |place: &str, seconds| Network {
            network_id: None,
            public_ip: None,
            seconds,
            label: None,
            regulars: None,
            place: place.into(),
        };
        let of = |office, remote| {
            location(&[network("Office", office), network("Remote", remote)], 80).2
        };
        assert_eq!(of(80, 20), Some("Office"));
        assert_eq!(of(20, 80), Some("Remote"));
        assert_eq!(of(79, 21), Some("Office/Remote"));
        assert_eq!(location(&[], 80).2, None);
    }
}
