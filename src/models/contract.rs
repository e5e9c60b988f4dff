//! The contract: the columns that ActivConnect clients expect, and whether the models keep it.

use std::collections::HashMap;

use super::library::{Audience, Model};
use super::moment::plan;
use super::types;
use super::world::{Setup, World};

/// view, column (dotted when nested), type, lowest plan; in order.
pub const CONTRACT: &str = include_str!("../../data/contract.csv");

/// One view held against the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub view: String,
    pub columns: usize,
    pub kept: usize,
    /// One line a difference.
    pub differences: Vec<String>,
}

struct Promise {
    column: String,
    data_type: String,
    plan: String,
}

/// Plans every public model and compares the contract's views with the contract.
///
/// # Errors
/// When a model cannot be planned or differs from its own description.
pub async fn check(setup: &Setup) -> crate::error::Result<Vec<Checked>> {
    let world = World::open(setup).await?;
    let session = world.session(&HashMap::new())?;
    for model in setup.library.in_order() {
        plan(&session, model).await?;
    }
    let mut views: Vec<(String, Vec<Promise>)> = Vec::new();
    let mut reader = csv::Reader::from_reader(CONTRACT.as_bytes());
    for record in reader.records().filter_map(Result::ok) {
        let cell = |index: usize| record.get(index).unwrap_or_default().to_owned();
        let promise = Promise {
            column: cell(1),
            data_type: cell(2),
            plan: cell(3),
        };
        match views.last_mut() {
            Some((view, columns)) if *view == cell(0) => columns.push(promise),
            _ => views.push((cell(0), vec![promise])),
        }
    }
    Ok(views
        .into_iter()
        .map(|(view, promises)| match setup.library.get(&view) {
            Some(model) if model.audience == Audience::Public => compare(model, view, &promises),
            _ => Checked {
                columns: promises.len(),
                kept: 0,
                differences: vec!["there is no such public model".into()],
                view,
            },
        })
        .collect())
}

/// A model's own columns, in order, must be the promised ones; extensions stand after them.
fn compare(model: &Model, view: String, promises: &[Promise]) -> Checked {
    let mut differences = Vec::new();
    let mut kept = 0;
    for (index, promise) in promises.iter().enumerate() {
        match model.columns.get(index) {
            None => differences.push(format!("{}: missing", promise.column)),
            Some(column) if column.name != promise.column => differences.push(format!(
                "column {}: expected {}, found {}",
                index + 1,
                promise.column,
                column.name
            )),
            Some(column) if types::name(&column.data_type) != promise.data_type => {
                differences.push(format!(
                    "{}: expected {}, found {}",
                    promise.column,
                    promise.data_type,
                    types::name(&column.data_type)
                ));
            }
            Some(column) if column.plan != promise.plan => differences.push(format!(
                "{}: expected plan {}, found {}",
                promise.column, promise.plan, column.plan
            )),
            Some(column) if column.extension => {
                differences.push(format!("{}: marked as an extension", promise.column));
            }
            Some(_) => kept += 1,
        }
    }
    for column in model.columns.iter().skip(promises.len()) {
        if !column.extension {
            differences.push(format!(
                "{}: not in the contract and not marked",
                column.name
            ));
        }
    }
    Checked {
        view,
        columns: promises.len(),
        kept,
        differences,
    }
}
