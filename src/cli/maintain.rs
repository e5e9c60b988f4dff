//! `activlake maintain`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::{Globals, grouped, opened};
use crate::error::{Class, Error, Result};
use crate::lake::{TableSpec, WriteOptions, tables};
use crate::models::Setup;
use crate::zone::DAY;

/// Arguments of `maintain`. Without any of the first four, all are done.
#[derive(Args)]
pub struct Maintain {
    /// Merge the files of each day into one, in order
    #[arg(long)]
    compact: bool,
    /// Take out days older than account.history_days
    #[arg(long)]
    expire: bool,
    /// Delete files that nothing has referred to for --keep-hours
    #[arg(long)]
    vacuum: bool,
    /// Hold every file against the log
    #[arg(long)]
    verify: bool,
    /// Hours for which old files stay, for readers and time travel
    #[arg(long, default_value_t = 168)]
    keep_hours: i64,
}

/// Runs `maintain`.
pub async fn maintain(globals: &Globals, command: &Maintain) -> Result<ExitCode> {
    let setup = opened::setup(globals)?;
    let all = !(command.compact || command.expire || command.vacuum || command.verify);
    let specs = specs(&setup);
    let session = setup.session();
    let options = WriteOptions {
        row_group_rows: setup.settings.limits.row_group_rows,
        zstd_level: 3,
    };
    if (all || command.expire)
        && let Some(days) = setup.settings.account.history_days
    {
        let today = i32::try_from(setup.as_of.micros().div_euclid(DAY)).unwrap_or(i32::MAX);
        let first = today.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX));
        for spec in specs.iter().filter(|spec| spec.partition.is_some()) {
            let done = setup.lake.expire(spec, first).await?;
            if done.expired_days > 0 {
                super::print(&format!(
                    "{:<28} {} days expired, {} rows\n",
                    spec.name,
                    grouped(done.expired_days),
                    grouped(done.expired_rows)
                ))?;
            }
        }
    }
    if all || command.compact {
        for spec in &specs {
            let done = setup.lake.compact(spec, &session, options).await?;
            if done.compacted_days > 0 {
                super::print(&format!(
                    "{:<28} compacted: {} files became {}\n",
                    spec.name,
                    grouped(done.files_before),
                    grouped(done.files_after)
                ))?;
            }
        }
    }
    if all || command.vacuum {
        for spec in &specs {
            let deleted = setup.lake.vacuum(spec, command.keep_hours).await?;
            if deleted > 0 {
                super::print(&format!(
                    "{:<28} {} old files deleted\n",
                    spec.name,
                    grouped(deleted)
                ))?;
            }
        }
    }
    let mut faults = 0;
    if all || command.verify {
        for spec in &specs {
            let health = setup.lake.verify(spec).await?;
            if health.version < 0 {
                continue;
            }
            faults += health.faults.len();
            super::print(&format!(
                "{:<28} version {}, {} files, {} rows, {} bytes: {}\n",
                health.table,
                health.version,
                grouped(health.files),
                grouped(health.rows),
                grouped(health.bytes),
                if health.faults.is_empty() {
                    "sound"
                } else {
                    "FAULTS"
                }
            ))?;
            for fault in &health.faults {
                super::print(&format!("    {fault}\n"))?;
            }
        }
    }
    if faults > 0 {
        return Err(Error::new(
            Class::Lake,
            format!("{faults} faults; see above"),
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn specs(setup: &Setup) -> Vec<Arc<TableSpec>> {
    let mut specs = tables::all();
    specs.extend(
        setup
            .library
            .in_order()
            .filter_map(|model| Setup::model_table(model)),
    );
    specs
}
