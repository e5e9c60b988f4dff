//! What holds and where it came from, for `config show`.

use std::fmt;
use std::path::{Path, PathBuf};

use super::integration;
use super::keys::KEYS;
use super::settings::Settings;
use super::value::quoted;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// `line` is 1-based.
    File {
        path: PathBuf,
        line: usize,
    },
    Env(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Env(name) => f.write_str(name),
            Origin::Flag => f.write_str("flag"),
        }
    }
}

/// Every effective value and where it came from, in the order of the template; a secret is shown
/// as its reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    values: Vec<(String, String, Origin)>,
    file: Option<PathBuf>,
}

impl Shown {
    /// Key, value as TOML writes it, origin.
    pub fn rows(&self) -> Vec<(String, String, String)> {
        self.values
            .iter()
            .map(|(key, value, origin)| (key.clone(), value.clone(), origin.to_string()))
            .collect()
    }

    /// The settings file that was read, if any.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Where the value of `section.key` came from.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.values
            .iter()
            .find(|(name, _, _)| name == key)
            .map(|(_, _, origin)| origin)
    }

    /// The values of checked settings; `origin_of` knows where a key's value came from.
    pub(super) fn of(
        settings: &Settings,
        origin_of: &dyn Fn(&str) -> Origin,
        file: Option<PathBuf>,
    ) -> Shown {
        let mut values = Vec::new();
        for key in KEYS {
            values.push((
                key.name.to_owned(),
                (key.show)(settings),
                origin_of(key.name),
            ));
            if key.name == "lake.url" {
                for (name, value) in &settings.lake.options {
                    let key = format!("lake.options.{name}");
                    let origin = origin_of(&key);
                    values.push((key, quoted(value), origin));
                }
                for (name, reference) in &settings.lake.secrets {
                    let key = format!("lake.secrets.{name}");
                    let origin = origin_of(&key);
                    values.push((key, reference.to_string(), origin));
                }
            }
        }
        for integration in &settings.integrations {
            for (key, value) in integration::rows(integration) {
                let key = format!("integration.{}.{key}", integration.name);
                let origin = origin_of(&key);
                values.push((key, value, origin));
            }
        }
        Shown { values, file }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value, origin) in &self.values {
            let setting = format!("{key} = {value}");
            writeln!(f, "{setting:<64} # {origin}")?;
        }
        Ok(())
    }
}
