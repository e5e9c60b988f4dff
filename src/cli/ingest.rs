//! `activlake ingest PATH…`.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Globals, grouped, opened};
use crate::error::{Class, Error, Result};
use crate::ingest::{FileSummary, Load, Progress, Summary, load};
use crate::models::{Setup, stored_org};
use crate::sources::{self, Input, Kind};

/// Arguments of `ingest`.
#[derive(Args)]
pub struct Ingest {
    /// Files, folders, globs, or - for stdin
    #[arg(required = true)]
    paths: Vec<String>,
    /// Read everything as this format instead of looking
    #[arg(long, value_enum)]
    kind: Option<KindName>,
    /// Exit with 3 when a row was rejected
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum KindName {
    Ndjson,
    Csv,
    Parquet,
    Ipc,
    AwJson,
    AwSqlite,
    Meetings,
}

/// Runs `ingest`.
pub async fn ingest(globals: &Globals, command: &Ingest) -> Result<ExitCode> {
    let setup = opened::setup(globals)?;
    let forced = command.kind.map(|kind| match kind {
        KindName::Ndjson => Kind::Ndjson,
        KindName::Csv => Kind::Csv,
        KindName::Parquet => Kind::Parquet,
        KindName::Ipc => Kind::Ipc,
        KindName::AwJson => Kind::ActivityWatchJson,
        KindName::AwSqlite => Kind::ActivityWatchSqlite,
        KindName::Meetings => Kind::Meetings,
    });
    let inputs = inputs(&command.paths, forced)?;
    let summary = load_inputs(&setup, inputs).await?;
    report(&summary)?;
    let rejected: u64 = summary.files.iter().map(|file| file.rejected).sum();
    if let Some(file) = summary.files.iter().find(|file| file.failure.is_some()) {
        let failure = file.failure.clone().unwrap_or_default();
        return Err(Error::new(Class::Input, failure));
    }
    if rejected > 0 && command.strict {
        return Ok(ExitCode::from(3));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the paths name, each with its kind.
pub fn inputs(paths: &[String], forced: Option<Kind>) -> Result<Vec<Input>> {
    sources::expand(paths)?
        .into_iter()
        .map(|(origin, name)| Ok(sources::detect(origin, name, forced)?))
        .collect()
}

/// Loads inputs with progress on stderr.
pub async fn load_inputs(setup: &Setup, inputs: Vec<Input>) -> Result<Summary> {
    let org = stored_org::latest(setup).await?.org;
    let bar = Bar::new(&inputs);
    let summary = load(
        Load {
            lake: setup.lake.clone(),
            settings: Arc::clone(&setup.settings),
            shipped: Arc::clone(&setup.shipped),
            org: Arc::new(org),
            as_of: setup.as_of,
            inputs,
        },
        Arc::new(bar),
    )
    .await?;
    Ok(summary)
}

/// A bar on a terminal; nothing elsewhere, where the summary has a line a file.
struct Bar {
    bar: Option<ProgressBar>,
    before: Vec<u64>,
    names: Vec<String>,
    file: Mutex<usize>,
}

impl Bar {
    fn new(inputs: &[Input]) -> Bar {
        let mut total = 0;
        let mut before = Vec::new();
        for input in inputs {
            before.push(total);
            total += input.bytes.unwrap_or(0);
        }
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total);
            let style = ProgressStyle::with_template(
                "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}",
            );
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar
        });
        Bar {
            bar,
            before,
            names: inputs.iter().map(|input| input.name.clone()).collect(),
            file: Mutex::new(usize::MAX),
        }
    }
}

impl Progress for Bar {
    fn at(&self, file: usize, bytes: u64, _rows: u64) {
        let Some(bar) = &self.bar else { return };
        bar.set_position(self.before.get(file).copied().unwrap_or(0) + bytes);
        let mut shown = self
            .file
            .lock()
            .unwrap_or_else(|broken| broken.into_inner());
        if *shown != file {
            *shown = file;
            bar.set_message(self.names.get(file).cloned().unwrap_or_default());
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// One line a file, then what was rejected and dropped, and why.
pub fn report(summary: &Summary) -> Result<()> {
    for file in &summary.files {
        super::print(&format!("{}\n", line(&file.name, file)))?;
        for (reason, count) in &file.reasons {
            super::print(&format!("    rejected: {} × {reason}\n", grouped(*count)))?;
        }
        for ((what, name), count) in &file.notes {
            let said = match what.as_str() {
                "unknown_field" => format!("field '{name}' is unknown and was dropped"),
                "unknown_zone" => format!("time zone '{name}' is unknown and was left out"),
                "unknown_alarm_action" => {
                    format!("alarm action '{name}' is unknown and was dropped")
                }
                "unknown_show_as" => format!("show_as '{name}' is unknown and counts as unknown"),
                "unknown_kind" => format!("kind '{name}' is unknown and is no meeting"),
                "no_address" => format!("{name} without an address, left out"),
                other => format!("{other}: {name}"),
            };
            super::print(&format!("    {} × {said}\n", grouped(*count)))?;
        }
        if let Some(failure) = &file.failure {
            super::print(&format!("    not read to its end: {failure}\n"))?;
        }
    }
    let total = |of: &dyn Fn(&FileSummary) -> u64| summary.files.iter().map(of).sum();
    let all = FileSummary {
        read: total(&|file| file.read),
        stored: total(&|file| file.stored),
        superseded: total(&|file| file.superseded),
        refused: total(&|file| file.refused),
        rejected: total(&|file| file.rejected),
        ..FileSummary::default()
    };
    if summary.files.len() > 1 {
        super::print(&format!("{}\n", line("all", &all)))?;
    }
    if all.rejected > 0 {
        super::print(&format!(
            "see them: activlake sql -c \"select * from rejects where load_id = '{}'\"\n",
            summary.load_id
        ))?;
    }
    Ok(())
}

fn line(name: &str, file: &FileSummary) -> String {
    format!(
        "{name}: {} read = {} stored + {} duplicate or superseded + {} refused by privacy rules + {} rejected",
        grouped(file.read),
        grouped(file.stored),
        grouped(file.superseded),
        grouped(file.refused),
        grouped(file.rejected),
    )
}
