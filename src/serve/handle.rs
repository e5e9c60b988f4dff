//! Opaque random names for what the server keeps for a client.

use std::fmt;

use tonic::Status;

const BYTES: usize = 16;

/// 128 random bits in hex, so that it can be read in any client's log and guessed by nobody.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Handle(String);

impl Handle {
    /// # Errors
    /// `Internal` when the operating system gives no random bytes.
    pub fn random() -> Result<Self, Status> {
        let bytes: [u8; BYTES] = crate::access::random_bytes().map_err(super::status::of_access)?;
        Ok(Handle(
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        ))
    }

    /// What a client sent back, if it can be one of ours.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        (text.len() == 2 * BYTES).then(|| Handle(text.to_string()))
    }

    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_differ_and_read_back() {
        let (one, two) = (Handle::random().unwrap(), Handle::random().unwrap());
        assert_ne!(one, two);
        assert_eq!(Handle::read(one.bytes()), Some(one));
        assert_eq!(Handle::read(b""), None);
        assert_eq!(Handle::read(&[0xff; 32]), None);
    }
}
