//! Password hashes: Argon2id in PHC form, with the crate's default parameters.
//!
//! Both functions take tens of milliseconds and about 19 MiB on purpose: callers on an async
//! runtime run them on a blocking thread and bound how many run at once.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use super::Error;
use super::random::random_bytes;

/// Bytes of salt, the length that RFC 9106 recommends.
const SALT_BYTES: usize = 16;

/// Verified against when there is no hash, so that an unknown name takes as long as a known one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

/// The PHC string to store for a password.
///
/// # Errors
/// [`Error::EmptyPassword`], [`Error::Random`], [`Error::Hash`].
pub fn hash(password: &str) -> Result<String, Error> {
    if password.is_empty() {
        return Err(Error::EmptyPassword);
    }
    let bytes: [u8; SALT_BYTES] = random_bytes()?;
    let salt = SaltString::encode_b64(&bytes).map_err(|error| Error::Hash(error.to_string()))?;
    let hash = argon2()
        .hash_password(password.as_bytes(), &salt)
        .map_err(|error| Error::Hash(error.to_string()))?;
    Ok(hash.to_string())
}

/// Whether `password` is the one that `phc` was made from. Without a hash, or with one that cannot
/// be read, the same work is done and the answer is no.
pub fn verify(password: &str, phc: Option<&str>) -> bool {
    let known = phc.and_then(|phc| PasswordHash::new(phc).ok());
    let real = known.is_some();
    let Some(hash) = known.or_else(|| PasswordHash::new(NOBODY).ok()) else {
        return false;
    };
    let matches = argon2().verify_password(password.as_bytes(), &hash).is_ok();
    matches && real
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifies_its_own_hash_only() {
        let phc = hash("correct horse").unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(verify("correct horse", Some(&phc)));
        assert!(!verify("correct horsf", Some(&phc)));
        assert!(!verify("", Some(&phc)));
        assert_ne!(phc, hash("correct horse").unwrap());
    }

    #[test]
    fn nobody_has_no_password() {
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(!verify("", None));
        assert!(!verify("anything", None));
        assert!(!verify("anything", Some("not a hash")));
        assert!(!verify("anything", Some(NOBODY)));
        assert!(matches!(hash(""), Err(Error::EmptyPassword)));
    }

    #[test]
    fn the_stand_in_costs_what_a_real_hash_costs() {
        let real = hash("x").unwrap();
        let real = PasswordHash::new(&real).unwrap();
        let nobody = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(real.params.to_string(), nobody.params.to_string());
        assert_eq!(real.hash.unwrap().len(), nobody.hash.unwrap().len());
    }
}
