//! House rules that an ordinary test holds: who imports whom, and what may not be written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::place::repository;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// (file below src, room, text without its tests).
fn files() -> Vec<(String, String, String)> {
    let root = repository().join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    found
        .into_iter()
        // Modules of tests alone.
        .filter(|path| !path.ends_with("tests.rs") && !path.ends_with("testing.rs"))
        .map(|path| {
            let name = path
                .strip_prefix(&root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            let room = name
                .split('/')
                .next()
                .unwrap()
                .trim_end_matches(".rs")
                .to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
            (name, room, code)
        })
        .collect()
}

/// Rooms named as `crate::room` in a line.
fn rooms_named(line: &str) -> Vec<String> {
    line.split("crate::")
        .skip(1)
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

#[test]
fn imports_go_one_way() {
    let bottom = ["error", "clock", "zone"];
    let allowed: BTreeMap<&str, Vec<&str>> = BTreeMap::from([
        ("config", vec![]),
        ("sources", vec![]),
        ("functions", vec![]),
        ("lake", vec!["config"]),
        ("ingest", vec!["sources", "lake", "functions", "config"]),
        ("models", vec!["lake", "functions", "config"]),
        (
            "connectors",
            vec!["models", "ingest", "lake", "sources", "config"],
        ),
        ("jobs", vec!["models", "lake", "functions", "config"]),
        ("access", vec!["config"]),
        ("serve", vec!["access", "models", "lake"]),
    ]);
    let mut wrong = Vec::new();
    for (name, room, code) in files() {
        let Some(others) = allowed.get(room.as_str()) else {
            if bottom.contains(&room.as_str()) {
                for line in code
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"))
                {
                    for named in rooms_named(line) {
                        if !bottom.contains(&named.as_str()) {
                            wrong.push(format!("{name}: {}", line.trim()));
                        }
                    }
                }
            }
            continue;
        };
        for line in code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            for named in rooms_named(line) {
                let fine = named == room
                    || bottom.contains(&named.as_str())
                    || others.contains(&named.as_str());
                if !fine {
                    wrong.push(format!(
                        "{name} may not name crate::{named}: {}",
                        line.trim()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_lake_knows_its_stores() {
    let mut wrong = Vec::new();
    for (name, room, code) in files() {
        if room == "lake" {
            continue;
        }
        for line in code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            if line.contains("object_store") || line.contains("deltalake_core") {
                wrong.push(format!("{name}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_clock_asks_for_the_time() {
    let mut wrong = Vec::new();
    for (name, room, code) in files() {
        if room == "clock" || name.starts_with("cli/") {
            continue;
        }
        for line in code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            let asks = ["Utc::now", "Local::now", "SystemTime::now"];
            if asks.iter().any(|call| line.contains(call)) {
                wrong.push(format!("{name}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rooms_do_not_panic_on_purpose() {
    let mut wrong = Vec::new();
    for (name, _, code) in files() {
        for (number, line) in code.lines().enumerate() {
            let calls = [
                ".unwrap()",
                ".expect(",
                "panic!(",
                "todo!(",
                "unimplemented!(",
            ];
            let is_code = !line.trim_start().starts_with("//");
            if is_code && calls.iter().any(|call| line.contains(call)) {
                wrong.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = files()
        .into_iter()
        .filter(|(_, _, code)| !code.trim_start().starts_with("//!"))
        .map(|(name, _, _)| name)
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}
