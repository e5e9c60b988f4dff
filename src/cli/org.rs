//! `activlake org apply DIR` and `org show`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Globals, opened};
use crate::config::org::{self, Problem};
use crate::error::{Class, Error, Result};
use crate::jobs::{self, Applied};
use crate::models::{Setup, stored_org};

/// Arguments of `org`.
#[derive(Args)]
pub struct Org {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Check all files of a folder and, when all are right, put them in force
    Apply {
        /// The folder of CSV files
        dir: PathBuf,
        /// Only check
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the files in force, or of a version
    Show {
        /// A version; the latest without it
        #[arg(long)]
        version: Option<i64>,
        /// Only this file
        #[arg(long)]
        file: Option<String>,
    },
}

/// Runs `org`.
pub async fn org(globals: &Globals, command: &Org) -> Result<ExitCode> {
    let setup = opened::setup(globals)?;
    match &command.action {
        Action::Apply { dir, dry_run } => apply(&setup, dir, *dry_run).await,
        Action::Show { version, file } => show(&setup, *version, file.as_deref()).await,
    }
}

/// Checks a folder and, unless `dry_run`, applies it as a new version.
pub async fn apply(setup: &Setup, dir: &Path, dry_run: bool) -> Result<ExitCode> {
    let files = org::read_folder(dir)?;
    let checked = match jobs::check_org(setup, &files).await? {
        Ok(checked) => checked,
        Err(problems) => return Err(refused(dir, &problems)),
    };
    for warning in &checked.warnings {
        eprintln!("warning: {warning}");
    }
    if dry_run {
        super::print(&format!(
            "{} files are right; nothing was changed\n",
            files.len()
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    super::print(&match jobs::apply_org(setup, &checked).await? {
        Applied::Already(version) => {
            format!("version {version} is in force already; nothing was changed\n")
        }
        Applied::New(version) => format!(
            "version {version} is in force; `activlake run` brings the daily views up to it\n"
        ),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn refused(dir: &Path, problems: &[Problem]) -> Error {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Error::new(
        Class::Config,
        format!(
            "{}: {} problem{}, nothing was changed\n  {}",
            dir.display(),
            problems.len(),
            if problems.len() == 1 { "" } else { "s" },
            lines.join("\n  ")
        ),
    )
}

async fn show(setup: &Setup, version: Option<i64>, file: Option<&str>) -> Result<ExitCode> {
    let mut versions = stored_org::versions(setup).await?;
    let known: Vec<String> = versions.keys().map(ToString::to_string).collect();
    let version = match version.or_else(|| versions.keys().next_back().copied()) {
        Some(version) => version,
        None => {
            super::print("no settings were applied yet: activlake org apply DIR\n")?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let Some((applied_at, files)) = versions.remove(&version) else {
        return Err(Error::new(
            Class::Config,
            format!(
                "there is no version {version}; there are {}",
                known.join(", ")
            ),
        ));
    };
    let at = chrono::DateTime::from_timestamp_micros(applied_at)
        .map_or_else(String::new, |at| at.to_rfc3339());
    if file.is_none() {
        super::print(&format!("# version {version}, applied {at}\n"))?;
    }
    let mut shown = false;
    for (name, text) in &files {
        if file.is_none_or(|wanted| wanted == name) {
            shown = true;
            if file.is_none() {
                super::print(&format!("\n# {name}\n"))?;
            }
            super::print(text)?;
        }
    }
    match file {
        Some(wanted) if !shown => Err(Error::new(
            Class::Config,
            format!("version {version} has no file {wanted}"),
        )),
        _ => Ok(ExitCode::SUCCESS),
    }
}
