//! `location_label(network_id, public_ip)`: what the organisation calls the network that an
//! activity came from (`semantics.md` §5, *Location*).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{ORGANISATION, page};
use super::{Arguments, scalar};

/// `Office` and `Remote` labels of networks.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// By lower-case network id or address.
    exact: HashMap<String, String>,
    /// Longest prefix first: (first address, prefix length, label).
    ranges: Vec<(IpAddr, u8, String)>,
}

impl Labels {
    /// Labels of exact signatures, and of address ranges given by their first address.
    pub fn new(
        exact: impl IntoIterator<Item = (String, String)>,
        ranges: impl IntoIterator<Item = (IpAddr, u8, String)>,
    ) -> Labels {
        let mut ranges: Vec<_> = ranges.into_iter().collect();
        ranges.sort_by_key(|(_, prefix, _)| std::cmp::Reverse(*prefix));
        Labels {
            exact: exact
                .into_iter()
                .map(|(signature, label)| (signature.trim().to_lowercase(), label))
                .collect(),
            ranges,
        }
    }

    /// The label: of the network id, else of the address, else of the longest range around it.
    pub fn find(&self, network_id: Option<&str>, public_ip: Option<&str>) -> Option<&str> {
        let exact = |text: &str| self.exact.get(&text.trim().to_lowercase());
        if let Some(label) = network_id.and_then(exact).or(public_ip.and_then(exact)) {
            return Some(label);
        }
        let address: IpAddr = public_ip?.trim().parse().ok()?;
        self.ranges
            .iter()
            .find(|(first, prefix, _)| starts_with(address, *first, *prefix))
            .map(|(_, _, label)| label.as_str())
    }
}

/// Whether two addresses of one family share their first `prefix` bits.
fn starts_with(address: IpAddr, first: IpAddr, prefix: u8) -> bool {
    match (address, first) {
        (IpAddr::V4(address), IpAddr::V4(first)) => {
            let mask = u32::MAX
                .checked_shl(32u32.saturating_sub(u32::from(prefix)))
                .unwrap_or(0);
            (u32::from(address) ^ u32::from(first)) & mask == 0
        }
        (IpAddr::V6(address), IpAddr::V6(first)) => {
            let mask = u128::MAX
                .checked_shl(128u32.saturating_sub(u32::from(prefix)))
                .unwrap_or(0);
            (u128::from(address) ^ u128::from(first)) & mask == 0
        }
        _ => false,
    }
}

/// The SQL function over the labels; NULL where none fits.
pub fn location_label(labels: Arc<Labels>) -> ScalarUDF {
    scalar(
        "location_label",
        page(
            ORGANISATION,
            "location_label(network_id, public_ip)",
            "What the organisation calls the network that an activity came from, `Office` or \
             `Remote`. The label of the network id, else of the address, else of the longest \
             address range around it; NULL where none fits.",
            &[
                (
                    "network_id",
                    "identifier of the network, in any case; may be NULL",
                ),
                ("public_ip", "IPv4 or IPv6 address; may be NULL"),
            ],
            "select location_label('hq', '203.0.113.9') as label",
        ),
        Arguments::Exactly(vec![DataType::Utf8, DataType::Utf8]),
        DataType::Utf8,
        move |args| {
            let [networks, addresses] = args else {
                return exec_err!("location_label takes a network_id and a public_ip");
            };
            let networks = networks.as_string::<i32>();
            let addresses = addresses.as_string::<i32>();
            let given = |array: &StringArray, row: usize| {
                array.is_valid(row).then(|| array.value(row).to_owned())
            };
            let out: StringArray = (0..networks.len())
                .map(|row| {
                    labels.find(
                        given(networks, row).as_deref(),
                        given(addresses, row).as_deref(),
                    )
                })
                .collect();
            Ok(Arc::new(out) as ArrayRef)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_before_address_before_longest_range() {
        let own = |text: &str| text.to_owned();
        let range = |text: &str| text.parse::<IpAddr>().unwrap();
        let labels = Labels::new(
            [
                (own("HQ"), own("Office")),
                (own("203.0.113.9"), own("Remote")),
            ],
            [
                (range("203.0.113.0"), 24, own("Office")),
                (range("203.0.113.128"), 25, own("Remote")),
                (range("2001:db8::"), 32, own("Office")),
            ],
        );
        let find = |network, address| labels.find(network, address);
        assert_eq!(find(Some("hq"), Some("203.0.113.9")), Some("Office"));
        assert_eq!(find(Some("cafe"), Some("203.0.113.9")), Some("Remote"));
        assert_eq!(find(None, Some("203.0.113.10")), Some("Office"));
        assert_eq!(find(None, Some("203.0.113.200")), Some("Remote"));
        assert_eq!(find(None, Some("2001:db8:1::1")), Some("Office"));
        assert_eq!(find(None, Some("198.51.100.1")), None);
        assert_eq!(find(None, Some("no address")), None);
        assert_eq!(find(None, None), None);
    }
}
