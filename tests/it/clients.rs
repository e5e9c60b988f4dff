//! Real clients from outside, over a demo lake. They need Python with adbc_driver_flightsql:
//! `ACTIVLAKE_PYTHON` names the interpreter. Without it the test says so; in CI it fails.

use std::io::Write;
use std::process::Command;

use crate::cli::Running;
use crate::place::repository;

fn python() -> Option<String> {
    let python = std::env::var("ACTIVLAKE_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python)
        .args(["-c", "import adbc_driver_flightsql, pyarrow"])
        .output()
        .is_ok_and(|output| output.status.success());
    has.then_some(python)
}

#[test]
fn adbc_reads_every_view() {
    let Some(python) = python() else {
        let said =
            "SKIPPED adbc_reads_every_view: no Python with adbc_driver_flightsql and pyarrow";
        assert!(std::env::var("CI").is_err(), "{said}");
        // Not captured, so that it is seen.
        let _ = writeln!(std::io::stderr(), "{said}");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["demo", "--users", "5", "--days", "6", "--port", "0"];
    let mut server = Running::start(folder.path(), &arguments);
    let line = server.wait_for("serving the views on");
    let uri = line.split_whitespace().last().unwrap().to_owned();
    let line = server.wait_for("  password");
    let password = line.split_whitespace().nth(1).unwrap().to_owned();
    let output = Command::new(python)
        .arg(repository().join("tests/clients/adbc_views.py"))
        .args([&uri, "admin@example.com", &password])
        .arg(repository().join("data/contract.csv"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    server.stop();
}
