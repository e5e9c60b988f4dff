//! `activlake org apply DIR` and `org show`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use datafusion::arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};

use super::{Globals, opened};
use crate::config::org::{self, Problem};
use crate::error::{Class, Error, Result};
use crate::jobs;
use crate::lake::{Change, Committed, FileWriter, WriteOptions, tables};
use crate::models::{Setup, World, stored_org};

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

/// Checks a folder and, unless `dry_run`, applies it as a new version. The same files again are no
/// new version.
pub async fn apply(setup: &Setup, dir: &std::path::Path, dry_run: bool) -> Result<ExitCode> {
    let files = org::read_folder(dir)?;
    let zones = setup.shipped.zone_names();
    let (org, mut warnings) = match org::Org::parse(&files, &setup.shipped, &zones) {
        Ok((org, warnings)) => {
            let problems = org.check_privacy(&setup.settings.privacy);
            if !problems.is_empty() {
                return Err(refused(dir, &problems));
            }
            (org, warnings)
        }
        Err(problems) => return Err(refused(dir, &problems)),
    };
    warnings.extend(org.check_metrics(&setup.settings.metrics, &setup.shipped));
    warnings.extend(unknown_members(setup, &org).await?);
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    let rows = files.len();
    if dry_run {
        super::print(&format!("{rows} files are right; nothing was changed\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let current = stored_org::latest(setup).await?;
    if current.version > 0 && current.files == sorted(&files) {
        super::print(&format!(
            "version {} is in force already; nothing was changed\n",
            current.version
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    let version = store(setup, &sorted(&files)).await?;
    let world = World::open(setup).await?;
    jobs::update_history(&world).await?;
    super::print(&format!(
        "version {version} is in force; `activlake run` brings the daily views up to it\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn sorted(files: &[(String, String)]) -> Vec<(String, String)> {
    let mut files = files.to_vec();
    files.sort();
    files
}

fn refused(dir: &std::path::Path, problems: &[Problem]) -> Error {
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

/// Members that neither the files nor the stored events know.
async fn unknown_members(setup: &Setup, org: &org::Org) -> Result<Vec<Problem>> {
    let world = World::open(setup).await?;
    if world.people.agents.is_empty() {
        return Ok(Vec::new());
    }
    let mut logins = HashSet::new();
    let mut computers = HashSet::new();
    for (agent, _) in world.people.agents.values() {
        let domain = agent.logon_domain.clone().unwrap_or_default();
        logins.insert((
            domain.trim().to_lowercase(),
            agent.user_name.trim().to_lowercase(),
        ));
        computers.insert(agent.computer_name.trim().to_lowercase());
        computers.insert(agent.computer_id.to_string());
    }
    let uids: HashSet<i64> = world.people.persons.keys().copied().collect();
    Ok(org.unknown_members(&logins, &uids, &computers))
}

async fn store(setup: &Setup, files: &[(String, String)]) -> Result<i64> {
    let spec = &tables::ORG;
    let lake = &setup.lake;
    loop {
        let base = lake.snapshot(spec).await?;
        let version = stored_org::version(setup).await? + 1;
        // A version without files is one too: it takes everything out of force.
        let mut rows = files.to_vec();
        if rows.is_empty() {
            rows.push((String::new(), String::new()));
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![version; rows.len()])),
            Arc::new(
                TimestampMicrosecondArray::from(vec![setup.as_of.micros(); rows.len()])
                    .with_timezone("UTC"),
            ),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|(name, _)| name))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, text)| text))),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&spec.schema), columns)
            .map_err(|cause| Error::new(Class::Internal, cause.to_string()))?;
        let options = WriteOptions {
            row_group_rows: setup.settings.limits.row_group_rows,
            zstd_level: 3,
        };
        let mut file = FileWriter::create(lake, spec, None, options)?;
        file.write(&batch).await?;
        let change = Change {
            adds: vec![file.finish(None).await?],
            rows_change: true,
            ..Change::default()
        };
        match lake.commit(&base, change).await? {
            Committed::Done(_) | Committed::AlreadyThere(_) => return Ok(version),
            // Somebody else applied a version: this one comes after it.
            Committed::Raced(change, _) => {
                for file in change.adds {
                    file.abandon(lake).await?;
                }
            }
        }
    }
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
            format!("there is no version {version}; there are {}", known.join(", ")),
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
