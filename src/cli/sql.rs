//! `activlake sql`.

use std::io::{BufWriter, IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::format::{self, Format};
use super::{Globals, grouped, opened};
use crate::error::{Class, Error, Result};
use crate::models::{Audience, Reader};

/// Arguments of `sql`.
#[derive(Args)]
pub struct Sql {
    /// The query
    #[arg(
        short = 'c',
        long = "command",
        value_name = "SQL",
        conflicts_with = "file"
    )]
    command: Option<String>,
    /// A file with the query, or - for stdin
    #[arg(short = 'f', long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How to write the result; a table on a terminal, else CSV
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Where to write the result; stdout without it
    #[arg(short = 'o', long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs `sql`.
pub async fn sql(globals: &Globals, command: &Sql) -> Result<ExitCode> {
    let text = query(command)?;
    let setup = opened::setup(globals)?;
    let location = setup.lake.location();
    let reader = Reader::open(setup, Audience::Operator).await?;
    if reader.is_empty() {
        eprintln!("note: there is nothing at {location} yet: activlake ingest PATH…");
    }
    let unshown = reader.unshown_events();
    if unshown > 0 {
        eprintln!(
            "note: the lake holds {} rows of events that no run has laid out yet: activlake run",
            grouped(unshown.unsigned_abs())
        );
    }
    let statement = reader.prepare(text.trim().trim_end_matches(';')).await?;
    let stream = statement.execute().await?;
    let terminal = std::io::stdout().is_terminal() && command.output.is_none();
    let chosen = command
        .format
        .unwrap_or(if terminal { Format::Table } else { Format::Csv });
    match &command.output {
        Some(path) => {
            let file = std::fs::File::create(path).map_err(|cause| {
                Error::new(Class::Config, format!("{}: {cause}", path.display()))
            })?;
            let mut out = BufWriter::new(file);
            format::write(chosen, statement.schema(), stream, &mut out).await?;
        }
        None if chosen == Format::Parquet && terminal => {
            return Err(Error::new(
                Class::Config,
                "Parquet is not for a screen: name a file with -o",
            ));
        }
        None => {
            let mut out = BufWriter::new(std::io::stdout());
            format::write(chosen, statement.schema(), stream, &mut out).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn query(command: &Sql) -> Result<String> {
    match (&command.command, &command.file) {
        (Some(text), _) => Ok(text.clone()),
        (None, Some(path)) if path.as_os_str() == "-" => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|cause| Error::new(Class::Input, format!("stdin: {cause}")))?;
            Ok(text)
        }
        (None, Some(path)) => std::fs::read_to_string(path)
            .map_err(|cause| Error::new(Class::Config, format!("{}: {cause}", path.display()))),
        (None, None) => Err(Error::new(
            Class::Config,
            "give a query with -c 'select …' or a file with -f",
        )),
    }
}
