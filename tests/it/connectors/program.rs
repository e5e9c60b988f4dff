//! The program itself, as a process, on the settings of a company.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use activlake::config::SecretRef;
use activlake::config::integration::{GoogleAuth, Maker};

use super::company::Company;

/// The settings file of a company, with what it needs besides.
pub fn settings(company: &Company, folder: &Path, more: &str) -> PathBuf {
    let reference = |secret: &SecretRef| secret.to_string().replace('"', "'");
    let sync = &company.integration.sync;
    let keys = match &company.integration.maker {
        Maker::Google(google) => {
            let auth = match &google.auth {
                GoogleAuth::ServiceAccount { key, admin } => format!(
                    "auth = 'service_account'\nservice_account_key = {}\nadmin = '{admin}'\n",
                    reference(key)
                ),
                GoogleAuth::OAuth {
                    client_id,
                    client_secret,
                } => format!(
                    "auth = 'oauth'\nclient_id = '{client_id}'\nclient_secret = {}\n",
                    reference(client_secret)
                ),
            };
            format!(
                "type = 'google'\ndomain = 'example.com'\n{auth}authorize_url = '{}'\ntoken_url = '{}'\nrevoke_url = '{}'\ndirectory_url = '{}'\ncalendar_url = '{}'\n",
                google.authorize_url,
                google.token_url,
                google.revoke_url,
                google.directory_url,
                google.calendar_url
            )
        }
        Maker::Outlook(outlook) => format!(
            "type = 'outlook'\ntenant_id = '{}'\nclient_id = '{}'\nclient_secret = {}\nlogin_url = '{}'\ngraph_url = '{}'\n",
            outlook.tenant_id,
            outlook.client_id,
            reference(&outlook.client_secret),
            outlook.login_url,
            outlook.graph_url
        ),
        Maker::Caldav(_) | Maker::Ics(_) => unreachable!("not simulated"),
    };
    let seal = reference(
        company
            .place
            .setup
            .settings
            .connectors
            .seal_key
            .as_ref()
            .unwrap(),
    );
    let text = format!(
        "[connectors]\nseal_key = {seal}\n\n[[integration]]\nname = '{}'\n{keys}first_pause_ms = 1\nlongest_retry_after_seconds = 2\ntries = {}\nrequests_per_minute = 0\nbatch_people = 1\npeople_at_once = 1\n{more}",
        company.integration.name, sync.tries
    );
    let path = folder.join("activlake.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn command(settings: &Path, lake: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_activlake"));
    command
        .arg("--config")
        .arg(settings)
        .arg("--lake")
        .arg(lake)
        .args(["--as-of", super::company::AS_OF])
        .args(arguments)
        .env("ACTIVLAKE_LOG", "trace")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs to the end with the messages of every day. A `|` in an argument is a blank.
pub fn quiet(settings: &Path, lake: &Path, arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(|one| one.replace('|', " ")).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    command(settings, lake, &arguments)
        .env_remove("ACTIVLAKE_LOG")
        .output()
        .unwrap()
}

/// Runs to the end.
pub fn run(settings: &Path, lake: &Path, arguments: &[&str]) -> Output {
    command(settings, lake, arguments).output().unwrap()
}

/// Starts, with nobody reading what it says.
pub fn start(settings: &Path, lake: &Path, arguments: &[&str]) -> Child {
    command(settings, lake, arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
