//! The organisation's labels of networks, as the function that looks them up wants them.
//!
//! Where network ids or addresses are stored hashed, labels are hashed alike (`semantics.md` §11).

use super::Error;
use crate::config::PrivateField;
use crate::config::Settings;
use crate::config::org::{Cidr, Org};
use crate::functions::keyed_hash::KeyedHash;
use crate::functions::location::Labels;

/// All labels.
///
/// # Errors
/// [`Error::HashKey`] when there are labels to hash and the key cannot be read.
pub fn labels(settings: &Settings, org: &Org) -> Result<Labels, Error> {
    let fields = [PrivateField::NetworkId, PrivateField::PublicIp];
    let hashes: Vec<bool> = fields
        .iter()
        .map(|field| settings.privacy.hash_fields.contains(field))
        .collect();
    let key = if org.locations.is_empty() || !hashes.contains(&true) {
        None
    } else {
        key(settings)?
    };
    let mut exact = Vec::new();
    let mut ranges = Vec::new();
    for location in &org.locations {
        let signature = &location.signature_or_cidr;
        if let Some(cidr) = Cidr::parse(signature) {
            ranges.push((cidr.first, cidr.prefix, location.label.clone()));
            continue;
        }
        if let Some(key) = &key {
            exact.push((key.hash(signature), location.label.clone()));
        }
        // Only one of the two fields may be hashed, and what was stored before stays plain.
        exact.push((signature.clone(), location.label.clone()));
    }
    Ok(Labels::new(exact, ranges))
}

fn key(settings: &Settings) -> Result<Option<KeyedHash>, Error> {
    let Some(reference) = &settings.privacy.hash_key else {
        return Ok(None);
    };
    let secret = reference.read().map_err(|cause| Error::HashKey {
        cause: cause.to_string(),
    })?;
    KeyedHash::new(secret.expose().as_bytes())
        .map(Some)
        .ok_or_else(|| Error::HashKey {
            cause: "it has no usable length".into(),
        })
}
