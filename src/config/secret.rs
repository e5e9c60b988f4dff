//! Secrets: settings hold references, and the value is read only when it is used.
//!
//! The only place that reads secrets from the environment or files. A value never reaches `Debug`,
//! `config show` or a message.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use secrecy::{ExposeSecret, SecretString};

use super::Error;

/// Where a secret is kept: `{ env = "NAME" }`, `{ file = "PATH" }` or `{ credential = "NAME" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    Env(String),
    File(PathBuf),
    /// A credential that systemd hands over (`LoadCredential=`): the file of this name in
    /// `CREDENTIALS_DIRECTORY`.
    Credential(String),
}

impl SecretRef {
    /// Reads the secret. One line end at the end of a file is not part of it. A file that others
    /// than its owner may read is told of once, and read: secrets of containers are such files.
    ///
    /// Errors: [`Error::SecretEnv`], [`Error::SecretFile`], [`Error::SecretEmpty`],
    /// [`Error::SecretCredential`].
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
                tell_if_open(path);
                read_file(path)
            }
            SecretRef::Credential(name) => match std::env::var_os("CREDENTIALS_DIRECTORY") {
                Some(folder) => read_file(&Path::new(&folder).join(name)),
                None => Err(Error::SecretCredential { name: name.clone() }),
            },
        }
    }
}

fn read_file(path: &Path) -> Result<Secret, Error> {
    let mut text = std::fs::read_to_string(path).map_err(|source| Error::SecretFile {
        path: path.to_owned(),
        source,
    })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(Error::SecretEmpty {
            path: path.to_owned(),
        });
    }
    Ok(Secret::new(text))
}

/// Warns of a file that its group or everybody may use, once a process.
fn tell_if_open(path: &Path) {
    static TOLD: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    if !others_may_use(path) {
        return;
    }
    let mut told = TOLD.lock().unwrap_or_else(|broken| broken.into_inner());
    if told.get_or_insert_default().insert(path.to_owned()) {
        tracing::warn!(
            "secret {{ file = \"{path}\" }}: others than its owner may read the file; \
             chmod 600 \"{path}\" closes it",
            path = path.display()
        );
    }
}

#[cfg(unix)]
fn others_may_use(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

/// Elsewhere rights are not bits of a file.
#[cfg(not(unix))]
fn others_may_use(_: &Path) -> bool {
    false
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretRef::Env(name) => write!(f, "{{ env = \"{name}\" }}"),
            SecretRef::File(path) => write!(f, "{{ file = \"{}\" }}", path.display()),
            SecretRef::Credential(name) => write!(f, "{{ credential = \"{name}\" }}"),
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

    #[cfg(unix)]
    #[test]
    fn an_open_file_is_seen() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "x").unwrap();
        for (mode, open) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(others_may_use(&path), open, "{mode:o}");
        }
        assert!(!others_may_use(&folder.path().join("none")));
    }

    #[test]
    fn a_credential_needs_systemd() {
        let reference = SecretRef::Credential("activlake-google".into());
        assert_eq!(
            reference.to_string(),
            "{ credential = \"activlake-google\" }"
        );
        // Tests do not run as a unit with credentials.
        let error = reference.read().unwrap_err().to_string();
        assert!(error.contains("CREDENTIALS_DIRECTORY") && error.contains("activlake-google"));
    }

    #[test]
    fn debug_hides_the_value() {
        let secret = Secret::new("hunter2".into());
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
