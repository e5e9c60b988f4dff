//! locations.csv and hosts.csv: which networks are offices, and whose computers are whose.

use std::net::IpAddr;

use super::seen::{InForce, Seen};
use super::table::{Column, Need, Report, Table};
use super::{HostLogin, Location, Org, Problem};
use crate::config::settings::{Privacy, PrivateField};

pub const LOCATIONS: &[Column] = &[("signature_or_cidr", Need::Filled), ("label", Need::Filled)];

pub const HOSTS: &[Column] = &[
    ("hostname", Need::Filled),
    ("user_name", Need::Filled),
    ("logon_domain", Need::Optional),
    ("valid_from", Need::Optional),
    ("valid_to", Need::Optional),
];

/// A range of IP addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr {
    /// The range's first address.
    pub first: IpAddr,
    pub prefix: u8,
}

impl Cidr {
    /// `10.1.0.0/16`, `2001:db8::/32`. Bits behind the prefix are dropped.
    pub fn parse(text: &str) -> Option<Cidr> {
        let (address, prefix) = text.split_once('/')?;
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = if digits {
            prefix.parse().ok()?
        } else {
            return None;
        };
        let first = match address.parse().ok()? {
            IpAddr::V4(address) if prefix <= 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V4((u32::from(address) & mask).into())
            }
            IpAddr::V6(address) if prefix <= 128 => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V6((u128::from(address) & mask).into())
            }
            _ => return None,
        };
        Some(Cidr { first, prefix })
    }

    /// Whether an address lies in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        Cidr::parse(&format!("{address}/{}", self.prefix)) == Some(*self)
    }
}

/// Reads labels; a signature, or a range, stands once.
pub fn locations(table: &Table, report: &mut Report) -> (Vec<Location>, Vec<u64>) {
    let mut locations = Vec::new();
    let mut lines = Vec::new();
    let mut signatures = Seen::new();
    for row in table.rows() {
        let label = row.choice(
            report,
            "label",
            &[("Office", "Office"), ("Remote", "Remote")],
        );
        let Some(signature) = row.text("signature_or_cidr") else {
            continue;
        };
        let cidr = Cidr::parse(signature);
        if cidr.is_none() && looks_like_cidr(signature) {
            row.wrong(
                report,
                "signature_or_cidr",
                format!("'{signature}': a range such as 10.1.0.0/16 or 2001:db8::/32 is allowed"),
            );
        }
        let key = match cidr {
            Some(cidr) => format!("{}/{}", cidr.first, cidr.prefix),
            None => signature.to_lowercase(),
        };
        if let Some(line) = signatures.before(key, row.line) {
            row.wrong(
                report,
                "signature_or_cidr",
                format!("'{signature}' stands already on line {line}"),
            );
        }
        if let Some(label) = label {
            lines.push(row.line);
            locations.push(Location {
                signature_or_cidr: signature.to_owned(),
                label: label.to_owned(),
            });
        }
    }
    (locations, lines)
}

/// A network's name may hold a slash; an address before one, or numbers and dots, mean a range.
fn looks_like_cidr(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, _)| {
        address.parse::<IpAddr>().is_ok()
            || (address.contains('.') && address.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    })
}

/// Reads whose login an ActivityWatch host has: one on each date.
pub fn hosts(table: &Table, report: &mut Report) -> Vec<HostLogin> {
    let mut hosts = Vec::new();
    let mut rows = InForce::new();
    for row in table.rows() {
        let validity = row.validity(report);
        let (Some(hostname), Some(user_name)) = (row.text("hostname"), row.text("user_name"))
        else {
            continue;
        };
        if let Some(line) = rows.before(hostname.to_lowercase(), validity, row.line) {
            row.wrong(
                report,
                "hostname",
                format!("'{hostname}' has a login by line {line} on some of these dates"),
            );
        }
        hosts.push(HostLogin {
            hostname: hostname.to_owned(),
            user_name: user_name.to_owned(),
            logon_domain: row.owned("logon_domain"),
            validity,
        });
    }
    hosts
}

impl Org {
    /// What the privacy settings forbid: ranges cannot be looked up in hashed addresses
    /// (`semantics.md` §11).
    pub fn check_privacy(&self, privacy: &Privacy) -> Vec<Problem> {
        if !privacy.hash_fields.contains(&PrivateField::PublicIp) {
            return Vec::new();
        }
        self.locations
            .iter()
            .enumerate()
            .filter(|(_, location)| Cidr::parse(&location.signature_or_cidr).is_some())
            .map(|(at, location)| Problem {
                file: "locations.csv".to_owned(),
                line: self.lines.locations.get(at).copied().unwrap_or(0),
                column: "signature_or_cidr".to_owned(),
                message: format!(
                    "'{}': ranges are refused while privacy.hash_fields has public_ip",
                    location.signature_or_cidr
                ),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{org, problems};
    use super::*;

    #[test]
    fn ranges() {
        let cidr = Cidr::parse("10.1.2.3/16").unwrap();
        assert_eq!(cidr, Cidr::parse("10.1.0.0/16").unwrap());
        assert!(cidr.contains("10.1.255.255".parse().unwrap()));
        assert!(!cidr.contains("10.2.0.0".parse().unwrap()));
        assert!(!cidr.contains("2001:db8::1".parse().unwrap()));
        assert!(
            Cidr::parse("0.0.0.0/0")
                .unwrap()
                .contains("1.2.3.4".parse().unwrap())
        );
        assert!(
            Cidr::parse("2001:db8::/32")
                .unwrap()
                .contains("2001:db8::1".parse().unwrap())
        );
        for wrong in [
            "10.1.0.0",
            "10.1.0.0/33",
            "10.1/16",
            "::/129",
            "10.1.0.0/",
            "10.1.0.0/+8",
        ] {
            assert_eq!(Cidr::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn locations_are_read_and_checked_for_privacy() {
        let (org, _) = org(&[(
            "locations.csv",
            "signature_or_cidr,label\nCorp/Guest,office\n203.0.113.9,REMOTE\n\n10.0.0.0/8,Office\n",
        )]);
        assert_eq!(org.locations[0].label, "Office");
        assert_eq!(org.locations[1].label, "Remote");
        let mut privacy = Privacy::default();
        assert!(org.check_privacy(&privacy).is_empty());
        privacy.hash_fields = vec![PrivateField::PublicIp];
        let found = org.check_privacy(&privacy);
        assert_eq!(found.len(), 1);
        assert!(
            found[0]
                .to_string()
                .starts_with("locations.csv:5: signature_or_cidr: '10.0.0.0/8'")
        );
    }

    #[test]
    fn place_problems() {
        let found = problems(&[
            (
                "locations.csv",
                "signature_or_cidr,label\n10.0.0.0/40,Office\n10.0/8,Office\nwifi,Home\nWIFI,Office\n\
                 10.1.0.0/16,Office\n10.1.2.0/16,Remote\n",
            ),
            (
                "hosts.csv",
                "hostname,user_name,logon_domain,valid_from,valid_to\n\
                 pc,ada,,,2026-01-01\nPC,bob,,2025-12-31,\npc2,,,,\n",
            ),
        ]);
        for expected in [
            "locations.csv:2: signature_or_cidr: '10.0.0.0/40': a range",
            "locations.csv:3: signature_or_cidr: '10.0/8': a range",
            "locations.csv:4: label: 'Home': one of Office, Remote",
            "locations.csv:5: signature_or_cidr: 'WIFI' stands already on line 4",
            "locations.csv:7: signature_or_cidr: '10.1.2.0/16' stands already on line 6",
            "hosts.csv:3: hostname: 'PC' has a login by line 2",
            "hosts.csv:4: user_name: the cell is blank",
        ] {
            assert!(
                found.iter().any(|text| text.starts_with(expected)),
                "{expected}\n{found:#?}"
            );
        }
        assert_eq!(found.len(), 7, "{found:#?}");
    }
}
