//! Secrets that the program itself must keep, sealed: readable with the key of
//! `connectors.seal_key` only, and only as what they were sealed as.
//!
//! In: the key, a value, the instance and field it belongs to. Out: text that a table may hold, and
//! back. XChaCha20-Poly1305 with a random nonce; version, instance and field are authenticated, so
//! that a sealed value moved to another row does not open. Never: a value or key in a message or in
//! `Debug`; a key made up because none was given; I/O other than reading the key's reference.

use std::fmt;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};

use super::{Failure, FailureKind};
use crate::clock;
use crate::config::{Secret, SecretRef};

const VERSION: &str = "v1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// What a canary says once it is opened.
const CANARY: &str = "activlake seal canary";

/// A sealed value: `v1.KEYID.NONCE.CIPHERTEXT`, the last three in hex. It is no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    key_id: String,
    nonce: [u8; NONCE_BYTES],
    ciphertext: Vec<u8>,
}

impl Sealed {
    /// From its text.
    ///
    /// # Errors
    /// [`FailureKind::Auth`] when it is no sealed value of a known version: what it held must be
    /// given anew.
    pub fn parse(text: &str) -> Result<Sealed, Failure> {
        let parts: Vec<&str> = text.split('.').collect();
        let parsed = match parts.as_slice() {
            [VERSION, key_id, nonce, ciphertext] if key_id.len() == 8 => (|| {
                Some(Sealed {
                    key_id: (*key_id).to_owned(),
                    nonce: from_hex(nonce)?.try_into().ok()?,
                    ciphertext: from_hex(ciphertext)?,
                })
            })(),
            _ => None,
        };
        parsed.ok_or_else(|| {
            Failure::new(
                FailureKind::Auth,
                "a stored token is damaged, or sealed by another version of activlake; connect \
                 anew: activlake connector rotate NAME",
            )
        })
    }

    /// The key it was sealed with: 8 hex digits that say nothing about the key.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{VERSION}.{}.{}.{}",
            self.key_id,
            to_hex(&self.nonce),
            to_hex(&self.ciphertext)
        )
    }
}

/// Seals and opens with one key.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    key_id: String,
    /// Where the key is kept, for messages.
    reference: String,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({})", self.key_id)
    }
}

impl Sealer {
    /// With the key that a setting refers to.
    ///
    /// # Errors
    /// [`FailureKind::Config`] when it cannot be read, or as [`Sealer::new`].
    pub fn of(reference: &SecretRef) -> Result<Sealer, Failure> {
        let key = reference
            .read()
            .map_err(|error| Failure::new(FailureKind::Config, error.to_string()))?;
        Sealer::new(&key, &reference.to_string())
    }

    /// With a key of 32 bytes, as 64 hex digits or base64 (either alphabet, padded or not).
    /// `reference` says in messages where it is kept.
    ///
    /// # Errors
    /// [`FailureKind::Config`] when it is not such a key.
    pub fn new(key: &Secret, reference: &str) -> Result<Sealer, Failure> {
        let wrong = |what: &str| {
            Failure::new(
                FailureKind::Config,
                format!(
                    "the seal key {reference} {what}: 32 random bytes as 64 hex digits or base64 \
                     are needed, for instance from: openssl rand -hex 32"
                ),
            )
        };
        let text = key.expose().trim();
        let bytes = Zeroizing::new(
            from_hex(text)
                .filter(|bytes| bytes.len() == KEY_BYTES)
                .or_else(|| from_base64(text))
                .ok_or_else(|| wrong("is no key"))?,
        );
        let (Ok(array), Some(first)) = (
            <&[u8; KEY_BYTES]>::try_from(bytes.as_slice()),
            bytes.first(),
        ) else {
            return Err(wrong("has not 32 bytes"));
        };
        if bytes.iter().all(|byte| byte == first) {
            return Err(wrong("is not random"));
        }
        let key_id = to_hex(&Sha256::digest(array)).chars().take(8).collect();
        Ok(Sealer {
            cipher: XChaCha20Poly1305::new(<&Key>::from(array)),
            key_id,
            reference: reference.to_owned(),
        })
    }

    /// 8 hex digits that tell keys apart and say nothing about them.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Seals a value that belongs to `field` of `instance`.
    ///
    /// # Errors
    /// [`FailureKind::Transient`] when the operating system gives no randomness.
    pub fn seal(&self, instance: &str, field: &str, value: &Secret) -> Result<Sealed, Failure> {
        let nonce: [u8; NONCE_BYTES] = clock::random_bytes().map_err(|cause| {
            Failure::new(FailureKind::Transient, format!("randomness: {cause}"))
        })?;
        let mut buffer = value.expose().as_bytes().to_vec();
        self.cipher
            .encrypt_in_place(
                <&XNonce>::from(&nonce),
                &bound(instance, field),
                &mut buffer,
            )
            .map_err(|_| Failure::new(FailureKind::Limit, "a value is too long to be sealed"))?;
        Ok(Sealed {
            key_id: self.key_id.clone(),
            nonce,
            ciphertext: buffer,
        })
    }

    /// Opens what was sealed for `field` of `instance`.
    ///
    /// # Errors
    /// [`FailureKind::Config`] when it was sealed with another key, [`FailureKind::Auth`] when it
    /// was changed, or belongs to another instance or field.
    pub fn open(&self, instance: &str, field: &str, sealed: &Sealed) -> Result<Secret, Failure> {
        if sealed.key_id != self.key_id {
            return Err(self.other_key(&sealed.key_id));
        }
        let damaged = || {
            Failure::new(
                FailureKind::Auth,
                format!(
                    "the stored {field} of {instance} is damaged; connect anew: activlake \
                     connector rotate {instance}"
                ),
            )
        };
        let mut buffer = Zeroizing::new(sealed.ciphertext.clone());
        self.cipher
            .decrypt_in_place(
                <&XNonce>::from(&sealed.nonce),
                &bound(instance, field),
                &mut *buffer,
            )
            .map_err(|_| damaged())?;
        match std::str::from_utf8(&buffer) {
            Ok(text) => Ok(Secret::new(text.to_owned())),
            Err(_) => Err(damaged()),
        }
    }

    /// The same value under another key.
    ///
    /// # Errors
    /// As [`Sealer::open`] and [`Sealer::seal`].
    pub fn reseal(
        &self,
        new: &Sealer,
        instance: &str,
        field: &str,
        sealed: &Sealed,
    ) -> Result<Sealed, Failure> {
        new.seal(instance, field, &self.open(instance, field, sealed)?)
    }

    /// A sealed text that everybody knows, to be stored beside the first sealed value: it tells a
    /// wrong key before any token is touched.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub fn canary(&self) -> Result<Sealed, Failure> {
        self.seal("", "canary", &Secret::new(CANARY.to_owned()))
    }

    /// Whether this key is the one that the stored values were sealed with.
    ///
    /// # Errors
    /// [`FailureKind::Config`] when it is not.
    pub fn check_canary(&self, stored: &Sealed) -> Result<(), Failure> {
        match self.open("", "canary", stored) {
            Ok(text) if text.expose() == CANARY => Ok(()),
            _ => Err(self.other_key(&stored.key_id)),
        }
    }

    fn other_key(&self, stored: &str) -> Failure {
        Failure::new(
            FailureKind::Config,
            format!(
                "the seal key {} is not the one the stored tokens were sealed with (key id \
                 {stored} stored, {} given); give the old key, or connect anew: activlake \
                 connector rotate NAME",
                self.reference, self.key_id
            ),
        )
    }
}

/// What a sealed value is bound to. Lengths stand before the parts, so that no two pairs are alike.
fn bound(instance: &str, field: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [VERSION, instance, field] {
        bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

/// Base64 of either alphabet; `=` at the end may stand or not.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() > 2 || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in digits.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(six)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn sealer(key: &str) -> Sealer {
        Sealer::new(&Secret::new(key.to_owned()), "{ env = \"SEAL\" }").unwrap()
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn what_is_sealed_opens_and_never_looks_the_same() {
        let sealer = sealer(KEY);
        for value in ["1//refresh-token", "", "ä"] {
            let one = sealer.seal("acme", "token", &secret(value)).unwrap();
            let two = sealer.seal("acme", "token", &secret(value)).unwrap();
            assert_ne!(one, two);
            let text = one.to_string();
            assert!(value.is_empty() || !text.contains(value));
            let read = Sealed::parse(&text).unwrap();
            assert_eq!(read, one);
            assert_eq!(sealer.open("acme", "token", &read).unwrap().expose(), value);
        }
        // SHA-256 of the bytes 0 to 31.
        assert_eq!(sealer.key_id(), "630dcd29");
    }

    #[test]
    fn nothing_changed_or_moved_opens() {
        let sealer = sealer(KEY);
        let sealed = sealer.seal("acme", "token", &secret("value")).unwrap();
        for (instance, field) in [("acme2", "token"), ("acme", "tokens"), ("acmet", "oken")] {
            let failure = sealer.open(instance, field, &sealed).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Auth);
            assert!(!failure.message.contains("value"));
        }
        for index in 0..sealed.ciphertext.len() {
            let mut changed = sealed.clone();
            changed.ciphertext[index] ^= 1;
            assert!(sealer.open("acme", "token", &changed).is_err());
        }
        for index in 0..NONCE_BYTES {
            let mut changed = sealed.clone();
            changed.nonce[index] ^= 0x80;
            assert!(sealer.open("acme", "token", &changed).is_err());
        }
        let mut short = sealed.clone();
        short.ciphertext.truncate(10);
        assert!(sealer.open("acme", "token", &short).is_err());
    }

    #[test]
    fn another_key_is_one_clear_message() {
        let (old, new) = (sealer(KEY), sealer(&KEY.replace("1f", "20")));
        let canary = old.canary().unwrap();
        assert_eq!(old.check_canary(&canary), Ok(()));
        let failure = new.check_canary(&canary).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Config);
        for part in ["{ env = \"SEAL\" }", old.key_id(), new.key_id(), "old key"] {
            assert!(failure.message.contains(part), "{failure}");
        }
        let sealed = old.seal("acme", "token", &secret("value")).unwrap();
        assert_eq!(new.open("acme", "token", &sealed).unwrap_err(), failure);
        // A key id that was put in place does not help.
        let forged = Sealed {
            key_id: new.key_id().to_owned(),
            ..canary
        };
        assert_eq!(
            new.check_canary(&forged).unwrap_err().kind,
            FailureKind::Config
        );
        let resealed = old.reseal(&new, "acme", "token", &sealed).unwrap();
        assert_eq!(
            new.open("acme", "token", &resealed).unwrap().expose(),
            "value"
        );
        assert!(old.open("acme", "token", &resealed).is_err());
    }

    #[test]
    fn keys_are_hex_or_base64_of_32_random_bytes() {
        let id = sealer(KEY).key_id().to_owned();
        for same in [
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            " 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n",
        ] {
            assert_eq!(sealer(same).key_id(), id);
        }
        let bytes = [0xfb_u8; 1];
        assert_eq!(from_base64("+w==").as_deref(), Some(&bytes[..]));
        assert_eq!(from_base64("-w").as_deref(), Some(&bytes[..]));
        for wrong in [
            "",
            "hunter2",
            &KEY[2..],
            &"00".repeat(32),
            &"A".repeat(43),
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8===",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHhä=",
        ] {
            let failure = Sealer::new(&secret(wrong), "{ env = \"SEAL\" }").unwrap_err();
            assert_eq!(failure.kind, FailureKind::Config);
            assert!(!failure.message.contains("hunter2"), "{failure}");
        }
    }

    #[test]
    fn text_that_was_not_sealed_is_refused() {
        for wrong in [
            "",
            "v1",
            "v1.630dcd29.00.00",
            "v2.630dcd29.00.00",
            "v1.630dcd29.zz.00",
            "v1.630dcd29.0.0.0",
            "hunter2",
        ] {
            let failure = Sealed::parse(wrong).unwrap_err();
            assert!(!failure.message.contains("hunter2"));
        }
    }

    #[test]
    fn nothing_shows_the_key() {
        assert!(!format!("{:?}", sealer(KEY)).contains("0001"));
    }
}
