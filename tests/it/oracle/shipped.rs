//! The tables in `data/`, read as CSV by a reader of its own.

use std::collections::HashMap;
use std::path::Path;

use super::Naming;
use super::rules::RuleSet;
use super::{Rule, Settings};

/// A CSV text as rows of cells: None is an empty cell, `Some("")` a quoted empty one.
pub fn table(text: &str) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut was_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if quoted {
            if c != '"' {
                cell.push(c);
            } else if chars.peek() == Some(&'"') {
                chars.next();
                cell.push('"');
            } else {
                quoted = false;
            }
            continue;
        }
        match c {
            '"' => {
                quoted = true;
                was_quoted = true;
            }
            ',' | '\n' => {
                let value = std::mem::take(&mut cell);
                row.push((was_quoted || !value.is_empty()).then_some(value));
                was_quoted = false;
                if c == '\n' {
                    rows.push(std::mem::take(&mut row));
                }
            }
            '\r' => {}
            _ => cell.push(c),
        }
    }
    if !cell.is_empty() || was_quoted || !row.is_empty() {
        row.push((was_quoted || !cell.is_empty()).then_some(cell));
        rows.push(row);
    }
    rows
}

/// Search engines: (host pattern, path prefix, parameter).
pub type Engine = (String, String, String);

pub struct Shipped {
    pub namings: HashMap<(String, String), Naming>,
    pub rules: RuleSet,
    pub categories: HashMap<String, String>,
    pub engines: Vec<Engine>,
    /// (what, pattern).
    pub transfers: Vec<(String, String)>,
    pub windows_zones: HashMap<String, String>,
    pub zone_numbers: HashMap<String, i64>,
}

fn rows(folder: &Path, file: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    table(&text)
        .into_iter()
        .skip(1)
        .map(|row| row.into_iter().map(Option::unwrap_or_default).collect())
        .collect()
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

impl Shipped {
    /// From the folder of the shipped tables.
    pub fn read(folder: &Path) -> Shipped {
        let namings = rows(folder, "applications.csv")
            .into_iter()
            .map(|row| {
                let naming = Naming {
                    kind: row[0].clone(),
                    value: row[1].clone(),
                    application: given(&row[2]),
                    consolidated: given(&row[3]),
                };
                ((row[0].clone(), row[1].to_lowercase()), naming)
            })
            .collect();
        let rules: Vec<Rule> = rows(folder, "classification.csv")
            .into_iter()
            .map(|row| Rule {
                order: row[0].parse().unwrap(),
                group: None,
                kind: row[2].clone(),
                value: row[3].clone(),
                category: given(&row[4]),
                productivity: row[5].clone(),
            })
            .collect();
        let pairs = |file: &str| -> Vec<(String, String)> {
            rows(folder, file)
                .into_iter()
                .map(|row| (row[0].clone(), row[1].clone()))
                .collect()
        };
        Shipped {
            namings,
            rules: RuleSet::new(rules.iter()),
            categories: pairs("categories.csv")
                .into_iter()
                .map(|(_, name)| (name.to_lowercase(), name))
                .collect(),
            engines: rows(folder, "search_engines.csv")
                .into_iter()
                .map(|row| (row[0].clone(), row[1].clone(), row[2].clone()))
                .collect(),
            transfers: pairs("file_transfer.csv"),
            windows_zones: pairs("windows_zones.csv")
                .into_iter()
                .map(|(windows, name)| (windows.to_lowercase(), name))
                .collect(),
            zone_numbers: pairs("timezones.csv")
                .into_iter()
                .map(|(name, number)| (name, number.parse().unwrap()))
                .collect(),
        }
    }

    /// The number of the account's zone, shown in account mode only.
    pub fn zone_number(&self, settings: &Settings) -> Option<i64> {
        if settings.zone_per_user {
            return None;
        }
        self.zone_numbers.get(&settings.timezone).copied()
    }
}
