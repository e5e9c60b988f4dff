//! What can be wrong with settings, files of settings and secrets, with the place it stands.

use std::fmt;
use std::path::PathBuf;

use super::org::Problem;
use super::shown::Origin;
use crate::error::{Class, Classified};

/// Why settings could not be had. One error carries every problem that was found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Keys or values of `activlake.toml`, the environment or flags are wrong.
    #[error("{}", lines("settings are wrong", .0))]
    Settings(Vec<Wrong>),
    /// Rows of the organisation's files are wrong; nothing was taken.
    #[error("{}", lines("organisation files are wrong", .0))]
    Org(Vec<Problem>),
    /// Rows of the shipped tables, or of those that stand in for them, are wrong.
    #[error("{}", lines("shipped tables are wrong", .0))]
    Tables(Vec<Problem>),
    /// A settings file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The environment variable of a secret is missing, empty or no text.
    #[error("secret {{ env = \"{name}\" }}: the environment variable {reason}")]
    SecretEnv { name: String, reason: &'static str },
    /// The file of a secret cannot be read.
    #[error("secret {{ file = \"{}\" }}: cannot be read: {source}", path.display())]
    SecretFile {
        path: PathBuf,
        source: std::io::Error,
    },
    /// A credential of systemd was asked for where there are none.
    #[error(
        "secret {{ credential = \"{name}\" }}: CREDENTIALS_DIRECTORY is not set; a systemd unit \
         has it with LoadCredential={name}:PATH"
    )]
    SecretCredential { name: String },
    /// The file of a secret holds nothing.
    #[error("secret {{ file = \"{}\" }}: the file is empty", path.display())]
    SecretEmpty { path: PathBuf },
}

impl Classified for Error {
    fn class(&self) -> Class {
        Class::Config
    }
}

/// One wrong key or value: where it was given, what was given, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// File and line, environment variable, or flag.
    pub origin: Origin,
    /// `section.key`; empty when the file as a whole cannot be read as TOML.
    pub key: String,
    /// As typed; `None` for unknown keys, and where a value might be a secret.
    pub value: Option<String>,
    /// What is wrong, or what is allowed.
    pub message: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.key.is_empty() {
            f.write_str(&self.key)?;
            if let Some(value) = &self.value {
                write!(f, " = {value}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

/// A single problem on one line; several below a heading, one line each.
fn lines(heading: &str, problems: &[impl fmt::Display]) -> String {
    match problems {
        [only] => only.to_string(),
        all => all.iter().fold(
            format!("{heading} in {} places", all.len()),
            |text, problem| format!("{text}\n  {problem}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_problem_is_a_line_and_several_are_listed() {
        let wrong = |key: &str| Wrong {
            origin: Origin::Flag,
            key: key.into(),
            value: Some("7".into()),
            message: "text is allowed".into(),
        };
        let one = Error::Settings(vec![wrong("account.name")]);
        assert_eq!(one.to_string(), "flag: account.name = 7: text is allowed");
        let two = Error::Settings(vec![wrong("account.name"), wrong("lake.url")]).to_string();
        assert_eq!(two.lines().count(), 3);
        assert!(two.contains("2 places") && two.contains("lake.url"));
        assert_eq!(one.class(), Class::Config);
    }
}
