//! `activlake run`.

use std::io::IsTerminal;
use std::process::ExitCode;

use chrono::NaiveDate;
use clap::Args;
use datafusion::arrow::datatypes::Date32Type;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Globals, grouped, opened};
use crate::error::Result;
use crate::jobs::{self, Request, RunProgress, RunReport};

/// Arguments of `run`.
#[derive(Args)]
pub struct Run {
    /// First local day
    #[arg(long, value_name = "DATE")]
    start: Option<NaiveDate>,
    /// Last local day, inclusive
    #[arg(long, value_name = "DATE")]
    end: Option<NaiveDate>,
    /// Only these models and what they are made from; may be given several times
    #[arg(long, value_name = "MODEL")]
    select: Vec<String>,
    /// Compute every slice, stale or not
    #[arg(long)]
    full_refresh: bool,
}

/// Runs `run`.
pub async fn run(globals: &Globals, command: &Run) -> Result<ExitCode> {
    let setup = opened::setup(globals)?;
    let request = Request {
        start: command.start.map(Date32Type::from_naive_date),
        end: command.end.map(Date32Type::from_naive_date),
        select: command.select.clone(),
        full_refresh: command.full_refresh,
    };
    let bar = Bar::new();
    let report = jobs::run(&setup, &request, &bar).await?;
    drop(bar);
    show(&report)?;
    Ok(ExitCode::SUCCESS)
}

/// A line a model.
pub fn show(report: &RunReport) -> Result<()> {
    for model in &report.models {
        super::print(&format!(
            "{:<24} {} days, {} computed, {} written, {} rows\n",
            model.model,
            grouped(model.days),
            grouped(model.computed),
            grouped(model.written),
            grouped(model.rows)
        ))?;
    }
    if report.wrote_nothing() {
        super::print("everything is up to date: nothing was written\n")?;
    }
    Ok(())
}

/// A bar on a terminal.
pub struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    /// On stderr, where it is a terminal.
    pub fn new() -> Bar {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} days {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Bar { bar }
    }
}

impl RunProgress for Bar {
    fn at(&self, model: &str, done: u64, of: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(of);
            bar.set_position(done);
            bar.set_message(model.to_owned());
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
