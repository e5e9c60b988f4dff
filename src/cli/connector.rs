//! `activlake connector`: calendars of companies, from their set-up to their syncs.
//!
//! In flow: flags, answers on a terminal, the settings file. Out flow: an `[[integration]]` table of
//! that file, written only when all settings are right with it; what the engine tells, on stdout.
//! Never: a secret as a flag's value or an answer, or printed.
//!
//! Exit codes of `sync`: 0 when everybody was read, 3 when some people failed, and the class of the
//! failure when an instance failed as a whole.

mod add;
mod ask;
mod edit;
mod engine;
mod file;
mod report;
mod rotate;
mod screen;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use self::add::Add;
use self::ask::Asker;
use self::edit::Field;
use self::file::SettingsFile;
use self::report::{Summary, Trial};
use self::rotate::Rotate;
use super::{Globals, opened};
use crate::clock::Micros;
use crate::config::integration::{Integration, is_variable, rows};
use crate::config::{Origin, Overrides, SecretRef, Settings, Shown};
use crate::connectors::Options;
use crate::error::{Class, Error, Result};
use crate::models::Setup;

/// Some people failed; nobody has to act at once.
const EXIT_PARTIAL: u8 = 3;
/// The longest sleep of `sync --follow`, in which a new instance may be written.
const FOLLOW_SLEEP_MAX: Duration = Duration::from_secs(60);
/// The shortest: two rounds never follow each other at once.
const FOLLOW_SLEEP_MIN: Duration = Duration::from_secs(1);

/// Arguments of `connector`.
#[derive(Args)]
pub struct Connector {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Add an instance to the settings; on a terminal, what is missing is asked for
    Add {
        #[command(subcommand)]
        add: Add,
    },
    /// How every instance is doing
    List {
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// The settings of an instance, its latest and its next sync
    Show {
        /// The instance
        name: String,
        /// Every tracked person, too, and by name who of the directory does not match (read anew)
        #[arg(long)]
        people: bool,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Try an instance: its secrets, its directory, one calendar; nothing is stored
    Test {
        /// The instance
        name: String,
        /// Who does not match, too, by name and address
        #[arg(long)]
        people: bool,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Read calendars into the lake
    Sync(SyncFlags),
    /// Change the credentials of an instance, or consent anew, and try them
    Rotate(Rotate),
    /// Take an instance out of the settings and forget its token; stored meetings stay
    Remove {
        /// The instance
        name: String,
        /// Without asking
        #[arg(long)]
        yes: bool,
    },
    /// Put stored tokens under another seal key (connectors.seal_key names the old one)
    Rekey {
        /// The environment variable that holds the new key
        #[arg(long, value_name = "NAME", conflicts_with = "new_key_file")]
        new_key_env: Option<String>,
        /// The file that holds the new key
        #[arg(long, value_name = "FILE")]
        new_key_file: Option<PathBuf>,
    },
}

#[derive(Args)]
struct SyncFlags {
    /// The instances; all of them without a name
    names: Vec<String>,
    /// Only those whose every_minutes are over (a day, where the credentials were refused)
    #[arg(long)]
    due: bool,
    /// Go on with what is due until Ctrl-C; settings are read again each time
    #[arg(long, conflicts_with_all = ["full", "accept_removals", "json"])]
    follow: bool,
    /// Read whole windows, as far back as backfill_days
    #[arg(long)]
    full: bool,
    /// Believe it when more meetings are gone than remove_guard_percent allows
    #[arg(long)]
    accept_removals: bool,
    /// One JSON array
    #[arg(long)]
    json: bool,
}

/// Runs `connector`.
pub async fn connector(globals: &Globals, command: &Connector) -> Result<ExitCode> {
    match &command.action {
        Action::Add { add } => add_instance(globals, add).await,
        Action::List { json } => list(globals, *json).await,
        Action::Show { name, people, json } => show(globals, name, *people, *json).await,
        Action::Test { name, people, json } => {
            let setup = opened::setup(globals)?;
            let integration = find(&setup.settings, name)?;
            let trial = engine::trial(&setup, integration, *people).await?;
            if *json {
                print_json(&trial)?;
            } else {
                super::print(&screen::trial(&trial))?;
            }
            Ok(trial_code(&trial))
        }
        Action::Sync(flags) if flags.follow => follow(globals, flags).await,
        Action::Sync(flags) => sync(globals, flags).await,
        Action::Rotate(rotate) => rotate_instance(globals, rotate).await,
        Action::Remove { name, yes } => remove(globals, name, *yes).await,
        Action::Rekey {
            new_key_env,
            new_key_file,
        } => rekey(globals, new_key_env.as_deref(), new_key_file.as_ref()).await,
    }
}

/// The instance of a name.
fn find<'a>(settings: &'a Settings, name: &str) -> Result<&'a Integration> {
    settings
        .integrations
        .iter()
        .find(|integration| integration.name == name)
        .ok_or_else(|| {
            let names: Vec<&str> = settings
                .integrations
                .iter()
                .map(|integration| integration.name.as_str())
                .collect();
            let known = match names.as_slice() {
                [] => "there is none yet: activlake connector add".to_owned(),
                names => format!("there are {}", names.join(", ")),
            };
            Error::new(
                Class::Config,
                format!("no [[integration]] is named '{name}'; {known}"),
            )
        })
}

fn print_json(what: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(what)
        .map_err(|cause| Error::new(Class::Internal, cause.to_string()))?;
    super::print(&format!("{text}\n"))
}

/// Runs `work` with somebody to ask, if there is a terminal.
fn with_asker<T>(work: impl FnOnce(&mut Asker<'_>) -> T) -> T {
    let mut input = std::io::stdin().lock();
    let mut out = std::io::stderr().lock();
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    work(&mut Asker::new(
        terminal.then_some((&mut input as _, &mut out as _)),
    ))
}

fn open_file(shown: &Shown) -> Result<SettingsFile> {
    SettingsFile::open(shown.file(), &opened::current_directory()?)
}

/// Puts a new text of the settings file in place, if it is right and means what it should.
fn replace(
    globals: &Globals,
    file: &SettingsFile,
    text: &str,
    meant: impl Fn(&[Integration]) -> bool,
) -> Result<()> {
    let overrides = Overrides {
        config: None,
        values: opened::values(globals)?,
    };
    file.replace(text, &overrides, std::env::vars(), meant)
}

async fn add_instance(globals: &Globals, add: &Add) -> Result<ExitCode> {
    let (settings, shown) = opened::settings(globals)?;
    let file = open_file(&shown)?;
    let before = &settings.integrations;
    let taken: Vec<&str> = before.iter().map(|other| other.name.as_str()).collect();
    let fields = with_asker(|asker| add.fields(&taken, &file, asker))?;
    let text = edit::append(file.text(), &fields);
    replace(globals, &file, &text, |after| {
        after.len() == before.len() + 1 && after.starts_with(before)
    })?;
    // Once more, as every command reads it.
    let (settings, _) = opened::settings(globals)?;
    let Some(added) = settings.integrations.last() else {
        return Err(Error::new(Class::Internal, "the new instance is not there"));
    };
    let name = added.name.as_str();
    super::print(&format!(
        "added {name} ({}) to {}\n",
        added.maker.word(),
        file.shown()
    ))?;
    if let (Some(_), Add::Google(flags)) = (engine::needs_consent(added), add) {
        let consent = format!("activlake connector rotate {name}");
        if settings.connectors.seal_key.is_none() {
            return next(&format!(
                "give [connectors] seal_key in {} (a key: openssl rand -hex 32), then a super \
                 admin consents: {consent}",
                file.shown()
            ));
        }
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if flags.consent.no_consent || !(terminal || flags.consent.paste) {
            return next(&format!("a super admin consents: {consent}"));
        }
        let setup = opened::setup(globals)?;
        consent_now(&setup, added, flags.consent.paste).await?;
    }
    next(&format!("activlake connector test {name}"))
}

fn next(what: &str) -> Result<ExitCode> {
    super::print(&format!("Next: {what}\n"))?;
    Ok(ExitCode::SUCCESS)
}

async fn consent_now(setup: &Setup, integration: &Integration, paste: bool) -> Result<()> {
    let read_line = || {
        let mut line = String::new();
        std::io::stdin()
            .read_line(&mut line)
            .map_err(|cause| Error::new(Class::Input, format!("stdin: {cause}")))?;
        Ok(line)
    };
    let tell = |text: &str| eprintln!("{text}");
    engine::consent(setup, integration, paste, tell, read_line).await?;
    super::print(&format!(
        "{} is connected; the token is sealed in the lake\n",
        integration.name
    ))
}

async fn list(globals: &Globals, json: bool) -> Result<ExitCode> {
    let setup = opened::setup(globals)?;
    let summaries = engine::summaries(&setup).await?;
    if json {
        print_json(&summaries)?;
    } else if summaries.is_empty() {
        super::print("no calendars are connected yet: activlake connector add\n")?;
    }
    for summary in summaries.iter().filter(|_| !json) {
        super::print(&screen::summary(summary))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What `show --json` prints.
#[derive(Serialize)]
struct ShownInstance {
    /// Key, value as TOML, origin.
    settings: Vec<(String, String, String)>,
    status: Option<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<Vec<report::Person>>,
    /// What became of the others in the directory, and who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<Vec<(&'static str, String)>>,
}

async fn show(globals: &Globals, name: &str, people: bool, json: bool) -> Result<ExitCode> {
    let (settings, origins) = opened::settings(globals)?;
    let setup = opened::setup(globals)?;
    let integration = find(&settings, name)?;
    let shown = ShownInstance {
        settings: rows(integration)
            .into_iter()
            .map(|(key, value)| {
                let origin = origins
                    .origin(&format!("integration.{name}.{key}"))
                    .unwrap_or(&Origin::Default);
                (key.to_owned(), value, origin.to_string())
            })
            .collect(),
        status: engine::summaries(&setup)
            .await?
            .into_iter()
            .find(|summary| summary.instance == name),
        people: match people {
            true => Some(engine::people(&setup, integration).await?),
            false => None,
        },
        others: match people {
            true => match engine::unmatched(&setup, integration).await {
                Ok(others) => Some(others),
                Err(error) => {
                    eprintln!("who does not match cannot be told: {error}");
                    None
                }
            },
            false => None,
        },
    };
    if json {
        print_json(&shown)?;
        return Ok(ExitCode::SUCCESS);
    }
    for (key, value, origin) in &shown.settings {
        let setting = format!("{key} = {value}");
        super::print(&format!("{setting:<64} # {origin}\n"))?;
    }
    if let Some(status) = &shown.status {
        let status = format!("\n{}{}", screen::summary(status), screen::times(status));
        super::print(&status)?;
    }
    for (index, person) in shown.people.iter().flatten().enumerate() {
        let heading = if index == 0 { "\n" } else { "" };
        super::print(&format!("{heading}{}", screen::person(person)))?;
    }
    for (index, (outcome, who)) in shown.others.iter().flatten().enumerate() {
        let heading = if index == 0 { "\n" } else { "" };
        super::print(&format!("{heading}{outcome:<10} {who}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn trial_code(trial: &Trial) -> ExitCode {
    let failed = trial.steps.iter().find(|step| !step.ok);
    match failed.map(|step| step.class.unwrap_or(Class::Input)) {
        Some(class) => ExitCode::from(class.exit_code()),
        None => ExitCode::SUCCESS,
    }
}

async fn sync(globals: &Globals, flags: &SyncFlags) -> Result<ExitCode> {
    let setup = opened::setup(globals)?;
    let chosen = chosen(&setup.settings, &flags.names)?;
    if chosen.is_empty() && !flags.json {
        super::print("no calendars are connected yet: activlake connector add\n")?;
    }
    let due = match flags.due {
        true => due(&setup, &chosen).await?.0,
        false => chosen,
    };
    let options = Options {
        full: flags.full,
        accept_removals: flags.accept_removals,
        patient: flags.due,
    };
    let (mut summaries, mut partial, mut class) = (Vec::new(), false, None);
    for integration in due {
        let synced = match engine::sync(&setup, integration, options).await {
            Ok(synced) => synced,
            // The lake's: the others are tried all the same.
            Err(error) => {
                tracing::error!("{}: [{}] {error}", integration.name, error.class().code());
                class = class.or(Some(error.class()));
                continue;
            }
        };
        partial |= synced.summary.failed.is_some_and(|failed| failed > 0);
        class = class.or(synced.class);
        if !flags.json {
            super::print(&screen::summary(&synced.summary))?;
        }
        summaries.push(synced.summary);
    }
    if flags.json {
        print_json(&summaries)?;
    }
    Ok(match class {
        Some(class) => ExitCode::from(class.exit_code()),
        None if partial => ExitCode::from(EXIT_PARTIAL),
        None => ExitCode::SUCCESS,
    })
}

/// The instances of these names; all without a name.
fn chosen<'a>(settings: &'a Settings, names: &[String]) -> Result<Vec<&'a Integration>> {
    if names.is_empty() {
        return Ok(settings.integrations.iter().collect());
    }
    let mut chosen: Vec<&Integration> = Vec::new();
    for name in names {
        let integration = find(settings, name)?;
        if !chosen.iter().any(|one| one.name == *name) {
            chosen.push(integration);
        }
    }
    Ok(chosen)
}

/// Those that are due, and when the next of the others is.
async fn due<'a>(
    setup: &Setup,
    chosen: &[&'a Integration],
) -> Result<(Vec<&'a Integration>, Option<Micros>)> {
    let now = engine::now(setup).micros();
    let (mut due, mut next) = (Vec::new(), None);
    for integration in chosen {
        let at = engine::due(setup, &integration.name).await?;
        if at <= now {
            due.push(*integration);
        } else {
            next = Some(next.map_or(at, |other: Micros| other.min(at)));
        }
    }
    Ok((due, next))
}

/// Syncs what is due until somebody ends it. What fails is told and tried when it is due again.
async fn follow(globals: &Globals, flags: &SyncFlags) -> Result<ExitCode> {
    if globals.as_of.is_some() {
        return Err(Error::new(
            Class::Config,
            "--follow goes on with the clock: --as-of does not go with it",
        ));
    }
    // What is wrong from the start ends it; what becomes wrong later is told.
    chosen(&opened::setup(globals)?.settings, &flags.names)?;
    loop {
        let sleep = tokio::select! {
            round = follow_once(globals, flags) => round,
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
        };
        let sleep = sleep.unwrap_or_else(|error| {
            tracing::error!("[{}] {error}", error.class().code());
            FOLLOW_SLEEP_MAX
        });
        tokio::select! {
            () = tokio::time::sleep(sleep) => {}
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
        }
    }
}

async fn follow_once(globals: &Globals, flags: &SyncFlags) -> Result<Duration> {
    let setup = opened::setup(globals)?;
    let chosen = chosen(&setup.settings, &flags.names)?;
    let (now_due, next) = due(&setup, &chosen).await?;
    for integration in &now_due {
        let patient = Options {
            patient: true,
            ..Options::default()
        };
        match engine::sync(&setup, integration, patient).await {
            Ok(synced) => super::print(&screen::summary(&synced.summary))?,
            // The lake's: the others are tried all the same.
            Err(error) => {
                tracing::error!("{}: [{}] {error}", integration.name, error.class().code());
            }
        }
    }
    let left = next.map_or(FOLLOW_SLEEP_MAX, |at| {
        let micros = at.saturating_sub(engine::now(&setup).micros());
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    });
    Ok(left.clamp(FOLLOW_SLEEP_MIN, FOLLOW_SLEEP_MAX))
}

async fn rotate_instance(globals: &Globals, rotate: &Rotate) -> Result<ExitCode> {
    let (settings, shown) = opened::settings(globals)?;
    let name = rotate.name.as_str();
    let integration = find(&settings, name)?;
    let file = open_file(&shown)?;
    let fields = with_asker(|asker| rotate.fields(&integration.maker, &file, asker))?;
    if !fields.is_empty() {
        let mut text = file.text().to_owned();
        for (key, field) in &fields {
            text = edit::set(&text, name, key, field).map_err(|why| by_hand(&file, &why))?;
        }
        let before = &settings.integrations;
        replace(globals, &file, &text, |after| {
            // Others stay exactly as they were, and this one stays what it is.
            after.len() == before.len()
                && after.iter().zip(before).all(|(after, before)| {
                    after == before
                        || (after.name == name
                            && before.name == name
                            && after.maker.word() == before.maker.word()
                            && after.sync == before.sync)
                })
        })?;
        let keys: Vec<&str> = fields.iter().map(|(key, _)| *key).collect();
        super::print(&format!(
            "changed {} of {name} in {}\n",
            keys.join(" and "),
            file.shown()
        ))?;
    }
    let setup = opened::setup(globals)?;
    let integration = find(&setup.settings, name)?;
    if engine::needs_consent(integration).is_some() {
        consent_now(&setup, integration, rotate.paste).await?;
    }
    if rotate.no_test {
        return next(&format!("activlake connector test {name}"));
    }
    let trial = engine::trial(&setup, integration, false).await?;
    super::print(&screen::trial(&trial))?;
    if trial.steps.iter().all(|step| step.ok) {
        // One whose credentials were refused goes on with the next round.
        crate::connectors::mark_ready(&setup, integration).await?;
        next(&format!("activlake connector sync {name}"))?;
    }
    Ok(trial_code(&trial))
}

fn by_hand(file: &SettingsFile, why: &str) -> Error {
    Error::new(
        Class::Config,
        format!("{}: {why}; nothing was changed", file.shown()),
    )
}

async fn remove(globals: &Globals, name: &str, yes: bool) -> Result<ExitCode> {
    let (settings, shown) = opened::settings(globals)?;
    let integration = find(&settings, name)?;
    let file = open_file(&shown)?;
    let text = edit::remove(file.text(), name).map_err(|why| by_hand(&file, &why))?;
    let question = format!("This takes {name} out of the settings. Its name again, to confirm");
    if !yes && !with_asker(|asker| asker.confirmed(&question, name))? {
        return Err(Error::new(
            Class::Config,
            "not confirmed: nothing was changed; --yes confirms without asking",
        ));
    }
    // The lake first: afterwards the settings no longer say where a token is withdrawn.
    let setup = opened::setup(globals)?;
    let done = engine::disconnect(&setup, integration).await?;
    let left: Vec<&Integration> = settings
        .integrations
        .iter()
        .filter(|other| other.name != name)
        .collect();
    replace(globals, &file, &text, |after| {
        after.iter().eq(left.iter().copied())
    })?;
    super::print(&format!(
        "removed {name} from {}; its meetings stay stored{}\n",
        file.shown(),
        match done.dropped {
            0 => String::new(),
            dropped => format!(", but {dropped} that have not begun"),
        }
    ))?;
    match done.revoked {
        Some(Ok(())) => super::print("the consent was withdrawn at Google\n")?,
        Some(Err(why)) => eprintln!(
            "warning: the consent was not withdrawn at Google ({why}); a super admin takes it \
             away under https://myaccount.google.com/connections"
        ),
        None => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn rekey(
    globals: &Globals,
    new_key_env: Option<&str>,
    new_key_file: Option<&PathBuf>,
) -> Result<ExitCode> {
    let (_, shown) = opened::settings(globals)?;
    let file = open_file(&shown)?;
    let (read, written) = match (new_key_env, new_key_file) {
        (Some(name), _) if is_variable(name) => {
            (SecretRef::Env(name.into()), SecretRef::Env(name.into()))
        }
        (None, Some(path)) => (
            SecretRef::File(opened::current_directory()?.join(path)),
            SecretRef::File(file.path_from_here(path)),
        ),
        _ => {
            return Err(Error::new(
                Class::Config,
                "rekey needs --new-key-env NAME or --new-key-file FILE: where the new key is kept, \
                 never the key itself",
            ));
        }
    };
    let in_file = matches!(
        shown.origin("connectors.seal_key"),
        Some(Origin::File { .. })
    );
    // Whether the file can be changed is known before anything else is.
    let field = Field::Secret(written.clone());
    let text = match in_file {
        true => Some(
            edit::set_in_section(file.text(), "connectors", "seal_key", &field)
                .map_err(|why| by_hand(&file, &why))?,
        ),
        false => None,
    };
    let setup = opened::setup(globals)?;
    let count = engine::rekey(&setup, &read).await?;
    super::print(&format!(
        "{count} stored value{} under the new key now\n",
        if count == 1 { " is" } else { "s are" }
    ))?;
    match text {
        Some(text) => {
            let before = &setup.settings.integrations;
            replace(globals, &file, &text, |after| after == before.as_slice())?;
            super::print(&format!(
                "changed connectors.seal_key in {}\n",
                file.shown()
            ))?;
        }
        None => super::print(&format!(
            "Next: give connectors.seal_key = {written} where the old one is given\n"
        ))?,
    }
    Ok(ExitCode::SUCCESS)
}
