//! Secrets: settings hold references, and the value is read only when it is used.
//!
//! The only place that reads secrets from the environment or files. A value never reaches `Debug`,
//! `config show` or a message.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::Error;

/// Where a secret is kept: `{ env = "NAME" }` or `{ file = "PATH" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    Env(String),
    File(PathBuf),
}

impl SecretRef {
    /// Reads the secret. One line end at the end of a file is not part of it.
    ///
    /// Errors: [`Error::SecretEnv`], [`Error::SecretFile`], [`Error::SecretEmpty`].
    pub fn read(&self) -> Result<Secret, Error> {
        match self {
            SecretRef::Env(name) => {
                let missing = |reason| Error::SecretEnv {
                    name: name.clone(),
                    reason,
                };
                match std::env::var(name) {
                    Ok(value) if value.is_empty() => Err(missing("is empty")),
                    Ok(value) => Ok(Secret::new(value)),
                    Err(std::env::VarError::NotPresent) => Err(missing("is not set")),
                    Err(std::env::VarError::NotUnicode(_)) => Err(missing("is not UTF-8")),
                }
            }
            SecretRef::File(path) => {
                let mut text =
                    std::fs::read_to_string(path).map_err(|source| Error::SecretFile {
                        path: path.clone(),
                        source,
                    })?;
                if text.ends_with('\n') {
                    text.pop();
                    if text.ends_with('\r') {
                        text.pop();
                    }
                }
                if text.is_empty() {
                    return Err(Error::SecretEmpty { path: path.clone() });
                }
                Ok(Secret::new(text))
            }
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretRef::Env(name) => write!(f, "{{ env = \"{name}\" }}"),
            SecretRef::File(path) => write!(f, "{{ file = \"{}\" }}", path.display()),
        }
    }
}

/// A secret value: wiped when dropped, never printed.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a value that came from a secret source.
    pub fn new(value: String) -> Self {
        Secret(SecretString::from(value))
    }

    /// The value; for the call that needs it, not to be kept.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_loses_its_line_end_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for (text, value) in [("s3 cret \r\n", "s3 cret "), ("a\n\n", "a\n"), ("b", "b")] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(
                SecretRef::File(path.clone()).read().unwrap().expose(),
                value
            );
        }
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(
            SecretRef::File(path).read(),
            Err(Error::SecretEmpty { .. })
        ));
        assert!(matches!(
            SecretRef::File(folder.path().join("none")).read(),
            Err(Error::SecretFile { .. })
        ));
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = SecretRef::Env("ACTIVLAKE_NO_SUCH_VARIABLE".into())
            .read()
            .unwrap_err();
        assert!(error.to_string().contains("ACTIVLAKE_NO_SUCH_VARIABLE"));
        // Set in every process that can find its programs.
        assert!(
            !SecretRef::Env("PATH".into())
                .read()
                .unwrap()
                .expose()
                .is_empty()
        );
    }

    #[test]
    fn debug_hides_the_value() {
        let secret = Secret::new("hunter2".into());
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
