//! `activlake config show`: every value in force and where it came from.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Globals, opened};
use crate::error::Result;

/// Arguments of `config`.
#[derive(Args)]
pub struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Print every setting, its value and its origin
    Show,
}

/// Runs `config`.
pub fn config(globals: &Globals, command: &Config) -> Result<ExitCode> {
    match command.action {
        Action::Show => {
            let (_, shown) = opened::settings(globals)?;
            super::print(&format!("{shown}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
