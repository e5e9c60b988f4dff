//! `activlake demo`: a synthetic company from raw events to a BI client, in one command.
//!
//! Everything is made from a seed and fixed dates, so that two people see the same numbers.

mod company;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use super::format::{self, Format};
use super::run::Bar;
use super::serve::{address, bind, stopped};
use super::{Globals, consumer, grouped, ingest, opened, org};
use crate::clock::AsOf;
use crate::config::{self, Overrides};
use crate::error::{Class, Error, Result};
use crate::jobs::{self, Request};
use crate::models::{Audience, Reader, Setup};
use crate::zone::DAY;

/// Arguments of `demo`.
#[derive(Args)]
pub struct Demo {
    /// Where to build it
    #[arg(long, default_value = "./activlake-demo")]
    dir: PathBuf,
    /// People of the company
    #[arg(long, default_value_t = 30)]
    users: usize,
    /// Days of their work, up to 13 March 2026
    #[arg(long, default_value_t = 60)]
    days: usize,
    /// Another seed, another company
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Port of the server; 0 takes a free one
    #[arg(long, default_value_t = 32010)]
    port: u16,
    /// Stop after the summary
    #[arg(long)]
    no_serve: bool,
}

/// The last day of the synthetic company: 2026-03-13.
const END_DAY: i32 = 20_525;
/// The consumer that the demo lets in.
const ADMIN: &str = "admin@example.com";

const SETTINGS: &str = "\
# Written by `activlake demo`.
[account]
id = 1001
name = \"Example Works\"
timezone = \"America/New_York\"
timezone_mode = \"user\"

[lake]
url = \"lake\"

[privacy]
# The people are invented: their titles and addresses may be seen.
screen_details = true
";

/// Runs `demo`.
pub async fn demo(globals: &Globals, command: &Demo) -> Result<ExitCode> {
    if command.users == 0 || command.days == 0 {
        return Err(Error::new(
            Class::Config,
            "a demo needs at least one user and one day",
        ));
    }
    let dir = &command.dir;
    let plan = company::Plan {
        seed: command.seed,
        users: command.users,
        days: command.days,
        end_day: END_DAY,
        with_titles: true,
    };
    let marker = format!(
        "seed = {}\nusers = {}\ndays = {}\n",
        command.seed, command.users, command.days
    );
    std::fs::create_dir_all(dir).map_err(|cause| at(dir, &cause))?;
    let done = dir.join("demo.done");
    let reuse = match std::fs::read_to_string(&done) {
        Ok(before) if before == marker => true,
        Ok(before) => {
            return Err(Error::new(
                Class::Config,
                format!(
                    "{} holds another demo ({}): give another --dir, or remove it",
                    dir.display(),
                    before.trim().replace('\n', ", ")
                ),
            ));
        }
        Err(_) => false,
    };
    if !reuse {
        write(&dir.join("activlake.toml"), SETTINGS)?;
    }
    let setup = setup(globals, dir)?;
    if reuse {
        super::print(&format!("using the lake in {}\n", dir.display()))?;
        run(&setup).await?;
    } else {
        super::print(&format!(
            "building a company of {} people over {} days in {}\n",
            command.users,
            command.days,
            dir.display()
        ))?;
        build(&setup, dir, &plan).await?;
        write(&done, &marker)?;
    }
    summary(&setup).await?;
    if command.no_serve {
        return Ok(ExitCode::SUCCESS);
    }
    serve(&setup, dir, command.port).await
}

fn at(path: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::new(Class::Config, format!("{}: {cause}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|cause| at(path, &cause))
}

/// The demo's own settings and clock; the user's stay out of it.
fn setup(globals: &Globals, dir: &Path) -> Result<Setup> {
    let overrides = Overrides {
        config: Some(dir.join("activlake.toml")),
        values: Vec::new(),
    };
    let here = opened::current_directory()?;
    let (settings, _) = config::load(&overrides, std::iter::empty(), &here, None)?;
    let noon_after = AsOf::at(i64::from(END_DAY + 1) * DAY + DAY / 2);
    let as_of = opened::as_of(globals)?.unwrap_or(noon_after);
    opened::setup_of(
        settings,
        &here.join(dir),
        globals.sql.as_deref(),
        globals.data.as_deref(),
        Some(as_of),
    )
}

async fn build(setup: &Setup, dir: &Path, plan: &company::Plan) -> Result<()> {
    let clock = Instant::now();
    let category = |name: &str| {
        setup
            .shipped
            .categories
            .iter()
            .find(|row| row.category == name)
            .map(|row| row.category_id)
    };
    let org_dir = dir.join("org");
    std::fs::create_dir_all(&org_dir).map_err(|cause| at(&org_dir, &cause))?;
    for (name, text) in company::organisation(plan, &category) {
        write(&org_dir.join(name), &text)?;
    }
    let input_dir = dir.join("input");
    std::fs::create_dir_all(&input_dir).map_err(|cause| at(&input_dir, &cause))?;
    let events_path = input_dir.join("events.ndjson.zst");
    let lines = write_packed(&events_path, |sink| company::events(plan, sink))?;
    let meetings_path = input_dir.join("meetings.ndjson.zst");
    let entries = write_packed(&meetings_path, |sink| company::meetings(plan, sink))?;
    let export_path = input_dir.join("activitywatch-export.json");
    let export = company::activitywatch_export().map_err(|cause| at(&export_path, &cause))?;
    std::fs::write(&export_path, export).map_err(|cause| at(&export_path, &cause))?;
    let said = format!(
        "{} events, {} calendar entries",
        grouped(lines),
        grouped(entries)
    );
    stage("generate", clock, &said)?;

    let clock = Instant::now();
    org::apply(setup, &org_dir, false).await?;
    stage("org apply", clock, "")?;

    let clock = Instant::now();
    let paths = [events_path, export_path, meetings_path].map(|path| path.display().to_string());
    let summary = ingest::load_inputs(setup, ingest::inputs(&paths, None)?).await?;
    let stored: u64 = summary.files.iter().map(|file| file.stored).sum();
    stage(
        "ingest",
        clock,
        &format!("{} events and entries stored", grouped(stored)),
    )?;
    ingest::report(&summary)?;
    if let Some(failure) = summary.files.iter().find_map(|file| file.failure.clone()) {
        return Err(Error::new(Class::Input, failure));
    }
    run(setup).await
}

/// Takes one line at a time.
type Sink<'a> = &'a mut dyn FnMut(&str) -> std::io::Result<()>;

/// The lines that `lines` makes, as a compressed file. Gives how many there are.
fn write_packed(path: &Path, lines: impl FnOnce(Sink<'_>) -> std::io::Result<u64>) -> Result<u64> {
    let failed = |cause: std::io::Error| at(path, &cause);
    let file = File::create(path).map_err(failed)?;
    let mut out = zstd::Encoder::new(BufWriter::new(file), 1).map_err(failed)?;
    let count = lines(&mut |line| {
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")
    })
    .map_err(failed)?;
    out.finish()
        .and_then(|mut inner| inner.flush())
        .map_err(failed)?;
    Ok(count)
}

async fn run(setup: &Setup) -> Result<()> {
    let clock = Instant::now();
    let bar = Bar::new();
    let report = jobs::run(setup, &Request::default(), &bar).await?;
    drop(bar);
    let slices: u64 = report.models.iter().map(|model| model.written).sum();
    let said = if report.wrote_nothing() {
        "everything is up to date: nothing was written".to_owned()
    } else {
        format!("{} day slices", grouped(slices))
    };
    stage("run", clock, &said)
}

fn stage(name: &str, clock: Instant, said: &str) -> Result<()> {
    super::print(&format!(
        "{name:<10} {:>6.1} s  {said}\n",
        clock.elapsed().as_secs_f64()
    ))
}

/// Rows of every view, one person's day and week, and the meetings of it.
async fn summary(setup: &Setup) -> Result<()> {
    let reader = Reader::open(setup.clone(), Audience::Operator).await?;
    let clock = Instant::now();
    super::print("\nrows in each view\n")?;
    for view in reader.views() {
        let rows = count(&reader, &view.name).await?;
        super::print(&format!("  {:<32} {:>9}\n", view.name, grouped(rows)))?;
    }
    stage("count", clock, "every view")?;
    super::print("\none person's day, in applications and sites\n")?;
    show(&reader, include_str!("../../sql/examples/demo_day.sql")).await?;
    super::print("\nthe same person's week, in numbers\n")?;
    show(&reader, include_str!("../../sql/examples/demo_week.sql")).await?;
    super::print("\nthat week's meetings away from the computer\n")?;
    show(
        &reader,
        include_str!("../../sql/examples/demo_meetings.sql"),
    )
    .await
}

async fn count(reader: &Reader, view: &str) -> Result<u64> {
    use futures::TryStreamExt;
    let mut plan = String::from("select count(*) from ");
    plan.push_str(view);
    let mut stream = reader.prepare(&plan).await?.execute().await?;
    let mut rows = 0;
    while let Some(batch) = stream
        .try_next()
        .await
        .map_err(crate::models::Error::running)?
    {
        let counts = batch.columns().first().and_then(|column| {
            use datafusion::arrow::array::AsArray;
            column
                .as_primitive_opt::<datafusion::arrow::datatypes::Int64Type>()
                .map(|counts| counts.values().iter().sum::<i64>())
        });
        rows += counts.unwrap_or(0);
    }
    Ok(rows.unsigned_abs())
}

async fn show(reader: &Reader, sql: &str) -> Result<()> {
    let statement = reader.prepare(sql).await?;
    let stream = statement.execute().await?;
    let mut out = std::io::stdout();
    format::write(Format::Table, statement.schema(), stream, &mut out).await?;
    Ok(())
}

async fn serve(setup: &Setup, dir: &Path, port: u16) -> Result<ExitCode> {
    let password = password()?;
    consumer::set_password(setup, ADMIN, &password).await?;
    let mut server = setup.settings.server.clone();
    server.port = port;
    let server = bind(setup, &server).await?;
    let uri = address(server.local_addr(), false);
    let (host, port) = (server.local_addr().ip(), server.local_addr().port());
    let dir = dir.display();
    let program = std::env::args()
        .next()
        .unwrap_or_else(|| "activlake".into());
    let as_of = chrono::DateTime::from_timestamp_micros(setup.as_of.micros())
        .map_or_else(String::new, |at| {
            at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
        });
    super::print(&format!(
        "
serving the views on {uri}
  user      {ADMIN}
  password  {password}   (made for this start; only its hash is kept)

Python (pip install adbc-driver-flightsql adbc-driver-manager pyarrow):
  from adbc_driver_flightsql import dbapi
  db = dbapi.connect(\"{uri}\", db_kwargs={{\"username\": \"{ADMIN}\", \"password\": \"{password}\"}}, autocommit=True)
  cursor = db.cursor()
  cursor.execute(\"select * from daily_user_summary limit 10\")
  print(cursor.fetch_arrow_table())

DBeaver (driver: Apache Arrow Flight SQL):
  jdbc:arrow-flight-sql://{host}:{port}?useEncryption=false

Here, in another terminal:
  {program} --config {dir}/activlake.toml --as-of {as_of} sql -c \"select * from daily_user_summary limit 10\"

Stop with Ctrl-C.
"
    ))?;
    server.run(stopped()).await?;
    super::print("stopped\n")?;
    Ok(ExitCode::SUCCESS)
}

/// 24 letters and digits without look-alikes.
fn password() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789X";
    let bytes = crate::access::random_bytes::<24>()?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect())
}
