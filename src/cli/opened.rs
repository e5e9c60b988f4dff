//! What most commands begin with: settings read, lake opened, models loaded.

use std::path::Path;
use std::sync::Arc;

use super::Globals;
use crate::clock::AsOf;
use crate::config::shipped::Shipped;
use crate::config::{self, Overrides, Settings, Shown};
use crate::error::{Class, Error, Result};
use crate::lake::Lake;
use crate::models::{Library, Setup};

/// The settings of a command, and where each came from.
pub fn settings(globals: &Globals) -> Result<(Settings, Shown)> {
    let overrides = Overrides {
        config: globals.config.clone(),
        values: values(globals)?,
    };
    let directory = current_directory()?;
    let user = config::user_config_dir(|name| std::env::var(name).ok());
    Ok(config::load(
        &overrides,
        std::env::vars(),
        &directory,
        user,
    )?)
}

/// What flags say about settings, in their order.
pub fn values(globals: &Globals) -> Result<Vec<(String, String)>> {
    let mut values = Vec::new();
    for pair in &globals.set {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Error::new(
                Class::Config,
                format!("--set {pair}: write KEY=VALUE, such as account.timezone=Europe/Berlin"),
            ));
        };
        values.push((key.trim().to_owned(), value.trim().to_owned()));
    }
    if let Some(url) = &globals.lake {
        values.push(("lake.url".to_owned(), url.clone()));
    }
    Ok(values)
}

/// The working directory.
pub fn current_directory() -> Result<std::path::PathBuf> {
    std::env::current_dir()
        .map_err(|cause| Error::new(Class::Config, format!("the working directory: {cause}")))
}

/// `--as-of`, read.
pub fn as_of(globals: &Globals) -> Result<Option<AsOf>> {
    globals
        .as_of
        .as_deref()
        .map(AsOf::parse)
        .transpose()
        .map_err(|cause| Error::new(Class::Config, format!("--as-of: {cause}")))
}

/// The engine, set up.
pub fn setup(globals: &Globals) -> Result<Setup> {
    let (settings, shown) = settings(globals)?;
    // A relative lake belongs beside the file that names it.
    let base = match shown.origin("lake.url") {
        Some(config::Origin::File { .. }) => shown
            .file()
            .and_then(Path::parent)
            .map(|parent| current_directory().map(|here| here.join(parent)))
            .transpose()?,
        _ => None,
    };
    let base = match base {
        Some(base) => base,
        None => current_directory()?,
    };
    setup_of(
        settings,
        &base,
        globals.sql.as_deref(),
        globals.data.as_deref(),
        as_of(globals)?,
    )
}

/// The engine for given settings.
pub fn setup_of(
    settings: Settings,
    base: &Path,
    sql: Option<&Path>,
    data: Option<&Path>,
    as_of: Option<AsOf>,
) -> Result<Setup> {
    let lake = Lake::open(&settings.lake, base)?;
    let shipped = Shipped::load(data)?;
    let library = Library::load(sql)?;
    Ok(Setup::new(
        lake,
        Arc::new(settings),
        Arc::new(shipped),
        Arc::new(library),
        as_of,
    )?)
}
