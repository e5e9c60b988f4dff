//! `tests/slt/<model>.slt` over one small company, and the runner that golden cases use too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use activlake::models::Reader;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};

use crate::golden::built;
use crate::place::{block_on, repository};

pub struct Db {
    pub reader: Reader,
}

#[derive(Debug)]
pub struct Failed(String);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

#[async_trait::async_trait]
impl AsyncDB for Db {
    type Error = Failed;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failed> {
        let statement = self
            .reader
            .prepare(sql.trim().trim_end_matches(';'))
            .await
            .map_err(|error| Failed(error.to_string()))?;
        let columns = statement.schema().fields().len();
        let stream = statement
            .execute()
            .await
            .map_err(|error| Failed(error.to_string()))?;
        let mut out = Vec::new();
        activlake::cli::format::write(
            activlake::cli::format::Format::Csv,
            statement.schema(),
            stream,
            &mut out,
        )
        .await
        .map_err(|error| Failed(error.to_string()))?;
        Ok(DBOutput::Rows {
            types: vec![DefaultColumnType::Any; columns],
            rows: rows(&out),
        })
    }

    async fn shutdown(&mut self) {}
}

/// CSV by its own rules: empty is NULL, `""` is empty text.
fn rows(text: &[u8]) -> Vec<Vec<String>> {
    let text = String::from_utf8_lossy(text);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let (mut row, mut cell) = (Vec::new(), String::new());
    let (mut inside, mut quoted) = (false, false);
    let mut chars = text.chars().peekable();
    let shown = |cell: &mut String, quoted: &mut bool| {
        let text = std::mem::take(cell);
        match (text.is_empty(), std::mem::take(quoted)) {
            (true, true) => "(empty)".to_owned(),
            (true, false) => "NULL".to_owned(),
            _ => text,
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '"' if inside && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => {
                inside = !inside;
                quoted = true;
            }
            ',' if !inside => row.push(shown(&mut cell, &mut quoted)),
            '\n' if !inside => {
                row.push(shown(&mut cell, &mut quoted));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    rows.into_iter().skip(1).collect()
}

/// Runs one file; gives the failure's text.
pub async fn run_file(reader: &Reader, path: &Path) -> Result<(), String> {
    let reader = reader.clone();
    let mut runner = sqllogictest::Runner::new(move || {
        let reader = reader.clone();
        async move { Ok(Db { reader }) }
    });
    runner
        .run_file_async(path)
        .await
        .map_err(|error| error.display(false).to_string())
}

#[test]
fn every_model_has_a_file_and_every_file_holds() {
    block_on(async {
        let folder = repository().join("tests/slt");
        let place = built(&folder.join("fixture"), &[]).await;
        let reader = place.reader().await;
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "slt"))
            .collect();
        files.sort();
        let mut failures = Vec::new();
        for file in &files {
            if let Err(failure) = run_file(&reader, file).await {
                failures.push(format!("{}: {failure}", file.display()));
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n\n"));
        let named: BTreeSet<String> = files
            .iter()
            .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .collect();
        let missing: Vec<&str> = place
            .setup
            .library
            .in_order()
            .map(|model| model.name.as_str())
            .filter(|name| !named.contains(*name))
            .collect();
        assert!(missing.is_empty(), "models without a test: {missing:?}");
    });
}
