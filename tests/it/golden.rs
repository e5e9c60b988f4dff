//! `tests/golden/<case>/`: inputs, hand-computed answers in `expect.slt`, and all views whole.
//!
//! A folder `sql` in a case holds models over the built-in ones, such as `int_meetings`.
//! `ACTIVLAKE_UPDATE_GOLDEN=1` writes the views anew; the hand-computed answers are never written.

use std::path::{Path, PathBuf};

use crate::place::{Place, block_on, repository};
use crate::slt::run_file;

/// Input files directly in a folder, in name order.
fn inputs(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|e| ["ndjson", "csv", "json"].iter().any(|known| e == *known))
        })
        .collect();
    files.sort();
    files
}

/// A lake with a case's organisation and inputs, run.
pub async fn built(case: &Path, set: &[(&str, &str)]) -> Place {
    let toml = case.join("activlake.toml");
    let as_of = std::fs::read_to_string(case.join("as_of"))
        .unwrap_or_else(|error| panic!("{}: {error}", case.display()));
    let models = case.join("sql");
    let place = Place::with_models(
        toml.exists().then_some(toml.as_path()),
        set,
        as_of.trim(),
        models.is_dir().then_some(models.as_path()),
    );
    if case.join("org").is_dir() {
        place.apply_org(&case.join("org")).await;
    }
    for input in inputs(case) {
        place.ingest(&[input]).await;
    }
    place.run().await;
    if case.join("inputs2").is_dir() {
        for input in inputs(&case.join("inputs2")) {
            place.ingest(&[input]).await;
        }
        place.run().await;
    }
    place
}

async fn hold(case: &Path, update: bool) -> Result<(), String> {
    let place = built(case, &[]).await;
    let reader = place.reader().await;
    run_file(&reader, &case.join("expect.slt")).await?;
    let again = place.run().await;
    if !again.wrote_nothing() {
        return Err(format!("a second run wrote something: {again:?}"));
    }
    let folder = case.join("views");
    let views = place.all_views().await;
    if update {
        std::fs::create_dir_all(&folder).unwrap();
    }
    for (name, text) in views {
        let path = folder.join(format!("{name}.csv"));
        if update {
            std::fs::write(&path, &text).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        if expected != text {
            return Err(format!("{name}: expected\n{expected}\ngot\n{text}"));
        }
    }
    Ok(())
}

#[test]
fn every_case_holds() {
    let update = std::env::var("ACTIVLAKE_UPDATE_GOLDEN").is_ok_and(|value| value == "1");
    let only = std::env::var("ACTIVLAKE_GOLDEN_CASE").ok();
    let folder = repository().join("tests/golden");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .filter(|path| {
            only.as_ref()
                .is_none_or(|only| path.ends_with(only.as_str()))
        })
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no golden cases");
    let failures: Vec<String> = std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            let cases = &cases;
            scope.spawn(move || {
                cases
                    .iter()
                    .skip(half)
                    .step_by(2)
                    .filter_map(|case| {
                        let failure = block_on(hold(case, update)).err()?;
                        Some(format!("== {}\n{failure}", case.display()))
                    })
                    .collect::<Vec<_>>()
            })
        });
        halves
            .into_iter()
            .flat_map(|half| half.join().unwrap())
            .collect()
    });
    assert!(
        failures.is_empty(),
        "{} of {} cases fail\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n\n")
    );
}
