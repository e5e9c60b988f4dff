//! The command line: one file a subcommand, one match over them.
//!
//! In flow: arguments, the environment, files named by the user. Out flow: text on stdout, messages
//! on stderr, an exit code. Nothing here computes what a view means.

mod config_command;
mod connector;
mod consumer;
mod demo;
pub mod format;
pub mod functions;
mod ingest;
mod init;
mod maintain;
mod opened;
mod org;
mod run;
mod serve;
mod sql;
mod views;
pub mod why;

pub use views::reference;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::error::{Class, Error};

/// An open, self-hosted analytical engine for the ActivConnect views.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command.
#[derive(Args, Clone, Debug, Default)]
pub struct Globals {
    /// The settings file; else ACTIVLAKE_CONFIG, ./activlake.toml, the user's config directory
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the lake lies: a path, s3://, gs:// or az:// (lake.url)
    #[arg(long, global = true, value_name = "URL")]
    lake: Option<String>,
    /// A setting, over the file and the environment; may be given several times
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A folder of SQL models that override or add to the built-in ones
    #[arg(long, global = true, value_name = "DIR")]
    sql: Option<PathBuf>,
    /// A folder of tables that override the shipped ones by file name
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Fix the clock at an instant (RFC 3339, or a date)
    #[arg(long, global = true, value_name = "INSTANT")]
    as_of: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Write a commented starting point: activlake.toml and an org folder
    Init(init::Init),
    /// Load agent events and ActivityWatch exports
    Ingest(ingest::Ingest),
    /// Apply and show the organisation's settings
    Org(org::Org),
    /// Show the settings in force
    Config(config_command::Config),
    /// Connect calendars of companies and read them
    Connector(connector::Connector),
    /// Compute the views of the days that changed
    Run(run::Run),
    /// Ask a question in SQL
    Sql(sql::Sql),
    /// List, describe and check the views
    Views(views::Views),
    /// Draw a person's day and explain its numbers
    Why(why::Why),
    /// List and document the SQL functions
    Functions(functions::Functions),
    /// Serve the views over Arrow Flight SQL
    Serve(serve::Serve),
    /// People who may log in
    Consumer(consumer::Consumer),
    /// Compact, expire, vacuum and verify the lake
    Maintain(maintain::Maintain),
    /// See it work: a synthetic company from events to a BI client
    Demo(demo::Demo),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("ACTIVLAKE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,activlake=info"));
    // Whoever asks for more detail asks it of activlake: the engine below would write out queries.
    let quiet = [
        "datafusion",
        "sqlparser",
        "datafusion_optimizer",
        "datafusion_sql",
    ];
    let filter = match crate::lake::LOG_FILTER.parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    let filter = quiet
        .iter()
        .filter_map(|name| format!("{name}=warn").parse().ok())
        .fold(filter, tracing_subscriber::EnvFilter::add_directive);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    // File reads and writes run on blocking threads; hundreds of them would each keep freed memory.
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Error::new(Class::Internal, error.to_string())),
    };
    match runtime.block_on(command(cli)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// Threads for file work, the reader of a load and password hashes among them.
const BLOCKING_THREADS: usize = 16;

async fn command(cli: Cli) -> crate::error::Result<ExitCode> {
    let globals = cli.globals;
    match cli.command {
        Command::Init(command) => init::init(&command),
        Command::Ingest(command) => ingest::ingest(&globals, &command).await,
        Command::Org(command) => org::org(&globals, &command).await,
        Command::Config(command) => config_command::config(&globals, &command),
        Command::Connector(command) => connector::connector(&globals, &command).await,
        Command::Run(command) => run::run(&globals, &command).await,
        Command::Sql(command) => sql::sql(&globals, &command).await,
        Command::Views(command) => views::views(&globals, &command).await,
        Command::Why(command) => why::why(&globals, &command).await,
        Command::Functions(command) => functions::functions(&command).await,
        Command::Serve(command) => serve::serve(&globals, &command).await,
        Command::Consumer(command) => consumer::consumer(&globals, &command).await,
        Command::Maintain(command) => maintain::maintain(&globals, &command).await,
        Command::Demo(command) => demo::demo(&globals, &command).await,
    }
}

fn fail(error: &Error) -> ExitCode {
    eprintln!("error[{}]: {error}", error.class().code());
    ExitCode::from(error.class().exit_code())
}

/// Writes to stdout; a reader that went away (a pipe into `head`) ends the program quietly.
fn print(text: &str) -> crate::error::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Error::new(Class::Unavailable, format!("stdout: {error}"))),
    }
}

/// A number with thousands told apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
