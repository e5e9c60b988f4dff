//! Numbers that stand for natural keys (`semantics.md` §1).
//!
//! All are derived from content alone, so that any load order gives the same ones. Ids of agents,
//! computers and detected users stay below 2^53, because BI tools hold numbers as doubles.

use sha2::{Digest, Sha256};

/// Greatest id: 2^53 − 1.
pub const ID_MAX: i64 = (1 << 53) - 1;

/// An id of a kind from its natural key: parts are trimmed and lower-cased, an absent part counts
/// as empty.
fn id(kind: &str, parts: &[Option<&str>]) -> i64 {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    for part in parts {
        let text = part.unwrap_or_default().trim().to_lowercase();
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    (fold(&hash.finalize()) & ID_MAX).max(1)
}

/// The first eight bytes of a digest.
fn fold(digest: &[u8]) -> i64 {
    let mut bytes = [0u8; 8];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = *from;
    }
    i64::from_le_bytes(bytes)
}

/// `agent_id`: one OS login on one computer.
pub fn agent_id(
    logon_domain: Option<&str>,
    user_name: &str,
    computer_name: &str,
    primary_domain: Option<&str>,
) -> i64 {
    id(
        "agent",
        &[
            logon_domain,
            Some(user_name),
            Some(computer_name),
            primary_domain,
        ],
    )
}

/// `computer_id`.
pub fn computer_id(computer_name: &str, primary_domain: Option<&str>) -> i64 {
    id("computer", &[Some(computer_name), primary_domain])
}

/// The uid of a person that no settings name: one login of one domain.
pub fn login_id(logon_domain: Option<&str>, user_name: &str) -> i64 {
    id("user", &[logon_domain, Some(user_name)])
}

/// A positive 63-bit hash of texts with their places; NULL differs from empty.
pub fn texts_hash<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> i64 {
    let mut hash = xxhash_rust::xxh3::Xxh3Default::new();
    for part in parts {
        match part {
            Some(text) => {
                hash.update(&(text.len() as u64 + 1).to_le_bytes());
                hash.update(text.as_bytes());
            }
            None => hash.update(&0u64.to_le_bytes()),
        }
    }
    (hash.digest() & (i64::MAX as u64)).max(1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_case_blind() {
        let id = agent_id(Some("CORP"), "Ann ", "PC-1", None);
        assert_eq!(id, agent_id(Some("corp"), "ann", "pc-1", Some("")));
        assert!(id > 0 && id <= ID_MAX);
        assert_ne!(id, agent_id(Some("corp"), "ann", "pc-2", None));
        // Parts do not run together.
        assert_ne!(login_id(Some("ab"), "c"), login_id(Some("a"), "bc"));
        assert_ne!(computer_id("x", None), login_id(None, "x"));
    }

    #[test]
    fn null_is_not_empty() {
        assert_ne!(texts_hash([None]), texts_hash([Some("")]));
        assert_ne!(texts_hash([Some("a"), Some("b")]), texts_hash([Some("ab")]));
        assert!(texts_hash([Some("x")]) > 0);
    }
}
