//! The binary from end to end: load, run, ask, serve, connect, compare; and its exit codes.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use tonic::transport::Channel;

use crate::place::block_on;

pub const BINARY: &str = env!("CARGO_BIN_EXE_activlake");

/// Runs the binary in a folder, away from the caller's own settings.
pub fn activlake(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CONFIG_HOME", folder)
        .env_remove("ACTIVLAKE_CONFIG")
        .stdin(Stdio::null());
    command
}

fn out(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = activlake(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", out(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// A running server; killed on drop.
pub struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    pub fn start(folder: &Path, arguments: &[&str]) -> Running {
        let mut child = command(folder, arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Running { child, out }
    }

    /// Reads lines until one holds `mark`; gives that line.
    pub fn wait_for(&mut self, mark: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            let read = self.out.read_line(&mut line).unwrap();
            assert!(read > 0, "'{mark}' never came: {all}");
            if line.contains(mark) {
                return line;
            }
            all.push_str(&line);
        }
    }

    /// Asks it to stop as an operator would, and waits.
    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(asked.success());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const EVENTS: &str = r#"{"event_id":"1","utc_timestamp":"2026-03-02T14:00:00Z","duration_sec":600,"active_state":"Active","user_name":"ann","logon_domain":"CORP","computer_name":"pc-1","executable":"EXCEL.EXE"}
{"event_id":"2","utc_timestamp":"2026-03-02T14:10:00Z","duration_sec":300,"active_state":"Passive","user_name":"ann","logon_domain":"CORP","computer_name":"pc-1","executable":"EXCEL.EXE"}
{"event_id":"3","utc_timestamp":"2026-03-02T14:15:00Z","duration_sec":-5,"user_name":"ann","computer_name":"pc-1","executable":"EXCEL.EXE"}
"#;

#[test]
fn from_events_to_a_client() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    done(folder, &["init"]);
    let mut consumers = std::fs::OpenOptions::new()
        .append(true)
        .open(folder.join("org/consumers.csv"))
        .unwrap();
    writeln!(consumers, "7,Boss@Example.com,Admin,*").unwrap();
    drop(consumers);
    let fixed = ["--as-of", "2026-03-05T00:00:00Z"];
    let with = |rest: &[&'static str]| [&fixed[..], rest].concat();
    done(folder, &with(&["org", "apply", "org"]));
    std::fs::write(folder.join("events.ndjson"), EVENTS).unwrap();

    let strict = activlake(folder, &with(&["ingest", "events.ndjson", "--strict"]));
    assert_eq!(strict.status.code(), Some(3), "{}", out(&strict));
    assert!(
        out(&strict).contains("3 read = 2 stored"),
        "{}",
        out(&strict)
    );
    let again = done(folder, &with(&["ingest", "events.ndjson"]));
    assert!(again.contains("3 read = 0 stored + 2 duplicate"), "{again}");

    done(folder, &with(&["run"]));
    let second = done(folder, &with(&["run"]));
    assert!(second.contains("nothing was written"), "{second}");

    // The second load left several files in every raw table.
    let kept = done(folder, &with(&["maintain"]));
    assert!(
        kept.contains("compacted") && !kept.contains("FAULTS"),
        "{kept}"
    );
    assert!(done(folder, &["views", "list"]).contains("daily_user_summary"));
    let shown = done(folder, &["views", "show", "events", "--with-sql"]);
    assert!(
        shown.contains("utc_timestamp") && shown.contains("select"),
        "{shown}"
    );
    let shown = done(folder, &["config", "show"]);
    assert!(shown.contains("account.timezone"), "{shown}");
    let shown = done(folder, &["org", "show"]);
    assert!(shown.contains("Boss@Example.com"), "{shown}");

    let query = "select user_name, local_date, total_duration_seconds, \
                 productive_passive_duration_seconds from daily_user_summary";
    let csv = done(
        folder,
        &[&fixed[..], &["sql", "--format", "csv", "-c", query]].concat(),
    );
    assert_eq!(
        csv,
        "user_name,local_date,total_duration_seconds,productive_passive_duration_seconds\n\
         ann,2026-03-02,900,300\n"
    );
    let rejects = done(
        folder,
        &with(&[
            "sql",
            "--format",
            "csv",
            "-c",
            "select line, field, reason from rejects limit 1",
        ]),
    );
    assert_eq!(rejects, "line,field,reason\n3,duration_sec,negative\n");

    let password = folder.join("password");
    std::fs::write(&password, "correct horse battery\n").unwrap();
    done(
        folder,
        &[
            "consumer",
            "password",
            "boss@example.com",
            "--password-file",
            "password",
        ],
    );
    let mut server = Running::start(folder, &with(&["serve", "--port", "0"]));
    let line = server.wait_for("grpc://");
    let address = line
        .split("grpc://")
        .nth(1)
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    block_on(async {
        let channel = Channel::from_shared(format!("http://{address}"))
            .unwrap()
            .connect()
            .await
            .unwrap();
        let mut stranger = FlightSqlServiceClient::new(channel.clone());
        assert!(
            stranger
                .handshake("boss@example.com", "wrong")
                .await
                .is_err()
        );
        assert!(stranger.execute(query.into(), None).await.is_err());

        let mut client = FlightSqlServiceClient::new(channel);
        client
            .handshake("boss@example.com", "correct horse battery")
            .await
            .unwrap();
        let info = client.execute(query.into(), None).await.unwrap();
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let batches: Vec<_> = client
            .do_get(ticket)
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
        assert_eq!(rows, 1);
        let seconds = datafusion::arrow::array::AsArray::as_primitive::<
            datafusion::arrow::datatypes::Int64Type,
        >(batches[0].column(2).as_ref());
        assert_eq!(seconds.value(0), 900);
        for forbidden in [
            "create table x as select 1",
            "copy (select 1) to '/tmp/x.csv'",
            "set datafusion.execution.batch_size = 1",
            "select * from internal.raw_events",
            "select * from org_users",
            "explain select * from events",
            "select 1; select 2",
        ] {
            assert!(
                client.execute(forbidden.into(), None).await.is_err(),
                "{forbidden}"
            );
        }
    });
    server.stop();
}

#[test]
fn errors_are_told_and_coded() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let fails = |arguments: &[&str], code: i32, said: &str| {
        let output = activlake(folder, arguments);
        let text = out(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
    };
    fails(
        &["sql", "-c", "select user_idd from daily_user_summary"],
        1,
        "did you mean 'user_id'?",
    );
    fails(
        &["sql", "-c", "select * from daily_user_sumary"],
        1,
        "daily_user_summary",
    );
    fails(&["sql", "-c", "selec 1"], 1, "line 1");
    fails(
        &["sql", "-c", "create table x as select 1"],
        1,
        "only queries",
    );
    fails(&["ingest", "nothing.ndjson"], 1, "nothing.ndjson");
    fails(&["--set", "account.timezon=UTC", "run"], 2, "timezone");
    fails(
        &["--set", "account.timezone=Mars/Base", "run"],
        2,
        "Mars/Base",
    );
    fails(&["--lake", "ftp://x/y", "run"], 2, "ftp://x/y");
    fails(&["serve", "--host", "0.0.0.0", "--port", "0"], 2, "TLS");
    std::fs::create_dir(folder.join("org")).unwrap();
    std::fs::write(
        folder.join("org/users.csv"),
        "uid,logins,timezone\n1,corp\\ann,Nowhere/Land\nx,corp\\ann,\n",
    )
    .unwrap();
    fails(&["org", "apply", "org"], 2, "users.csv");
    fails(&["org", "apply", "org"], 2, "Nowhere/Land");
    fails(&["run", "--select", "nothing"], 2, "nothing");
}

#[test]
fn a_shut_lake_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lake");
    std::fs::write(&file, "not a folder").unwrap();
    let output = activlake(folder.path(), &["run"]);
    assert!(!output.status.success());
    assert!(out(&output).contains("error["), "{}", out(&output));
}
