//! When rows of dimension views first appeared and last changed (`semantics.md` §1).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use datafusion::prelude::{SessionContext, ident};

use crate::clock::Micros;
use crate::functions::hashes;
use crate::lake::{Change, Committed, FileWriter, WriteOptions, tables};
use crate::models::{Error, Model, World};

/// The columns that history itself fills.
const OWN: [&str; 2] = ["etl_insert_datetime", "etl_last_update_datetime"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    values: i64,
    inserted_at: Micros,
    updated_at: Micros,
}

/// Brings the history of every view that reads it up to date; gives the rows that appeared or
/// changed. Without any, nothing is written. A key that is gone keeps its first appearance.
pub async fn update_history(world: &World) -> crate::error::Result<u64> {
    let kept: Vec<_> = world
        .setup
        .library
        .in_order()
        .filter(|model| model.inputs.contains("row_history"))
        .filter(|model| model.columns.iter().any(|c| c.name == OWN[0]))
        .collect();
    let session = world.stored_session(&HashMap::new())?;
    let known = read(&session).await?;
    let mut now = known.clone();
    let mut changed = 0;
    for model in kept {
        for (row_id, values) in rows(&session, model).await? {
            let key = (model.name.clone(), row_id);
            match now.get_mut(&key) {
                Some(row) if row.values == values => {}
                Some(row) => {
                    row.values = values;
                    row.updated_at = world.as_of.micros();
                    changed += 1;
                }
                None => {
                    let row = Known {
                        values,
                        inserted_at: world.as_of.micros(),
                        updated_at: world.as_of.micros(),
                    };
                    now.insert(key, row);
                    changed += 1;
                }
            }
        }
    }
    if changed > 0 {
        write(world, &now).await?;
    }
    Ok(changed)
}

type History = BTreeMap<(String, i64), Known>;

async fn read(session: &SessionContext) -> crate::error::Result<History> {
    let frame = session.table("row_history").await.map_err(Error::running)?;
    let mut history = History::new();
    for batch in frame.collect().await.map_err(Error::running)? {
        let [views, ids, values, inserted, updated] = batch.columns() else {
            return Err(Error::Engine("the row history lacks a column".into()).into());
        };
        let instant =
            |array: &ArrayRef, row| array.as_primitive::<TimestampMicrosecondType>().value(row);
        for row in 0..batch.num_rows() {
            history.insert(
                (
                    views.as_string::<i32>().value(row).to_owned(),
                    ids.as_primitive::<Int64Type>().value(row),
                ),
                Known {
                    values: values.as_primitive::<Int64Type>().value(row),
                    inserted_at: instant(inserted, row),
                    updated_at: instant(updated, row),
                },
            );
        }
    }
    Ok(history)
}

/// Row ids of a view with a hash of all values but the history's own.
async fn rows(session: &SessionContext, model: &Model) -> crate::error::Result<Vec<(i64, i64)>> {
    let values = model
        .columns
        .iter()
        .filter(|column| !OWN.contains(&column.name.as_str()))
        .map(|column| ident(column.name.as_str()))
        .collect();
    let frame = session
        .table(model.name.as_str())
        .await
        .and_then(|frame| frame.select(vec![ident("row_id"), hashes::values_hash().call(values)]))
        .map_err(Error::running)?;
    let mut out = Vec::new();
    for batch in frame.collect().await.map_err(Error::running)? {
        if let [ids, values] = batch.columns() {
            let (ids, values) = (
                ids.as_primitive::<Int64Type>(),
                values.as_primitive::<Int64Type>(),
            );
            out.extend(
                ids.values()
                    .iter()
                    .copied()
                    .zip(values.values().iter().copied()),
            );
        }
    }
    Ok(out)
}

async fn write(world: &World, history: &History) -> crate::error::Result<()> {
    let lake = &world.setup.lake;
    let numbers = |of: &dyn Fn(&Known) -> i64| history.values().map(of).collect::<Vec<i64>>();
    let instants = |of: &dyn Fn(&Known) -> i64| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(numbers(of)).with_timezone("UTC"))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(
            history.keys().map(|(view, _)| view),
        )),
        Arc::new(
            history
                .keys()
                .map(|(_, id)| Some(*id))
                .collect::<Int64Array>(),
        ),
        Arc::new(Int64Array::from(numbers(&|row| row.values))),
        instants(&|row| row.inserted_at),
        instants(&|row| row.updated_at),
    ];
    let spec = &tables::ROW_HISTORY;
    let batch = RecordBatch::try_new(Arc::clone(&spec.schema), columns)
        .map_err(|cause| Error::Engine(cause.to_string()))?;
    let options = WriteOptions {
        row_group_rows: world.setup.settings.limits.row_group_rows,
        zstd_level: 1,
    };
    let mut base = lake.snapshot(spec).await?;
    for _ in 0..2 {
        let mut file = FileWriter::create(lake, spec, None, options)?;
        file.write(&batch).await?;
        let change = Change {
            adds: vec![file.finish(None).await?],
            removes: base.files.to_vec(),
            rows_change: true,
            ..Change::default()
        };
        match lake.commit(&base, change).await? {
            Committed::Done(_) | Committed::AlreadyThere(_) => return Ok(()),
            Committed::Raced(change, now) => {
                for file in change.adds {
                    file.abandon(lake).await?;
                }
                base = now;
            }
        }
    }
    Err(super::Error::Raced {
        model: "row_history".into(),
    }
    .into())
}
