//! Replacing a personal value by a keyed hash of it (`semantics.md` §11, `hash_fields`).

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// A key, ready to hash with.
#[derive(Clone)]
pub struct KeyedHash {
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyedHash")
    }
}

impl KeyedHash {
    /// With a key of any length.
    pub fn new(key: &[u8]) -> Option<KeyedHash> {
        let mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        Some(KeyedHash { mac })
    }

    /// 32 hexadecimal digits: the first half of HMAC-SHA-256 of the trimmed, lower-case text, so
    /// that spellings which compare equal hash alike.
    pub fn hash(&self, text: &str) -> String {
        let mut mac = self.mac.clone();
        mac.update(text.trim().to_lowercase().as_bytes());
        mac.finalize()
            .into_bytes()
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::KeyedHash;

    #[test]
    fn depends_on_key_and_text_alone() {
        let (a, b) = (KeyedHash::new(b"a").unwrap(), KeyedHash::new(b"b").unwrap());
        assert_eq!(a.hash("Ann "), a.hash("ann"));
        assert_ne!(a.hash("ann"), b.hash("ann"));
        assert_ne!(a.hash("ann"), a.hash("bob"));
        assert_eq!(a.hash("ann").len(), 32);
    }
}
