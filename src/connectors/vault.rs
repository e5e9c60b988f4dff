//! Sealed values in the lake: one row an instance and field, and a canary that tells a wrong key.
//!
//! Nothing is stored in the clear, and nothing without a key from the settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use futures::TryStreamExt;

use super::{Failure, FailureKind, Sealed, Sealer};
use crate::clock::{AsOf, Micros};
use crate::config::{Secret, Settings};
use crate::error::{Class, Error, Result};
use crate::lake::{self, Lake, Scope, Snapshot, tables};

/// The field of a Google instance's refresh token.
pub const REFRESH_TOKEN: &str = "refresh_token";

/// Where the canary stands.
const CANARY: (&str, &str) = ("", "canary");

/// Tries at a commit that others keep getting ahead of.
const COMMIT_TRIES: u32 = 20;

/// By (instance, field): the sealed value, and since when.
type Rows = BTreeMap<(String, String), (String, Micros)>;

/// The sealer of `connectors.seal_key`.
///
/// # Errors
/// [`FailureKind::Config`] when there is no key, or none that is one.
pub fn sealer(settings: &Settings) -> Result<Sealer, Failure> {
    match &settings.connectors.seal_key {
        Some(reference) => Sealer::of(reference),
        None => Err(Failure::new(
            FailureKind::Config,
            "a refresh token must be kept, and connectors.seal_key is not set; make a key with \
             `openssl rand -hex 32`, keep it in a file or variable, and refer to it: \
             [connectors] seal_key = { file = \"…\" }",
        )),
    }
}

/// Keeps a value. When this returns, it is durable.
///
/// # Errors
/// [`FailureKind::Config`] when what is stored was sealed with another key.
pub async fn put(
    lake: &Lake,
    sealer: &Sealer,
    instance: &str,
    field: &str,
    value: &Secret,
    at: AsOf,
) -> Result<()> {
    change(lake, |rows| {
        match rows.get(&key(CANARY)) {
            // A value under a second key beside the first could not be opened by either alone.
            Some((canary, _)) if rows.len() > 1 => sealer.check_canary(&Sealed::parse(canary)?)?,
            _ => {
                rows.insert(key(CANARY), (sealer.canary()?.to_string(), at.micros()));
            }
        }
        let sealed = sealer.seal(instance, field, value)?;
        rows.insert(key((instance, field)), (sealed.to_string(), at.micros()));
        Ok(())
    })
    .await
}

/// A value that was kept, and since when.
///
/// # Errors
/// [`FailureKind::Config`] for the wrong key, [`FailureKind::Auth`] for a damaged value.
pub async fn get(
    lake: &Lake,
    sealer: &Sealer,
    instance: &str,
    field: &str,
) -> Result<Option<(Secret, Micros)>> {
    let snapshot = lake.snapshot(&tables::SEALED).await?;
    let rows = read(lake, &snapshot).await?;
    let Some((sealed, at)) = rows.get(&key((instance, field))) else {
        return Ok(None);
    };
    if let Some((canary, _)) = rows.get(&key(CANARY)) {
        sealer.check_canary(&Sealed::parse(canary)?)?;
    }
    let value = sealer.open(instance, field, &Sealed::parse(sealed)?)?;
    Ok(Some((value, *at)))
}

/// Forgets all values of an instance; whether there were any.
pub async fn forget(lake: &Lake, instance: &str) -> Result<bool> {
    let mut any = false;
    change(lake, |rows| {
        let before = rows.len();
        rows.retain(|(of, _), _| of != instance);
        any = rows.len() != before;
        Ok(())
    })
    .await?;
    Ok(any)
}

/// Puts all values under another key; how many. All or none.
pub async fn rekey(lake: &Lake, old: &Sealer, new: &Sealer, at: AsOf) -> Result<usize> {
    let mut count = 0;
    change(lake, |rows| {
        count = 0;
        for ((instance, field), (sealed, since)) in rows.iter_mut() {
            let parsed = Sealed::parse(sealed)?;
            if (instance.as_str(), field.as_str()) == CANARY {
                old.check_canary(&parsed)?;
                *sealed = new.canary()?.to_string();
                *since = at.micros();
            } else {
                *sealed = old.reseal(new, instance, field, &parsed)?.to_string();
                count += 1;
            }
        }
        Ok(())
    })
    .await?;
    Ok(count)
}

fn key((instance, field): (&str, &str)) -> (String, String) {
    (instance.to_owned(), field.to_owned())
}

async fn change(lake: &Lake, mut change: impl FnMut(&mut Rows) -> Result<()>) -> Result<()> {
    for _ in 0..COMMIT_TRIES {
        let snapshot = lake.snapshot(&tables::SEALED).await?;
        let before = read(lake, &snapshot).await?;
        let mut rows = before.clone();
        change(&mut rows)?;
        if rows == before {
            return Ok(());
        }
        let kept = if rows.is_empty() {
            None
        } else {
            Some(batch(&rows)?)
        };
        if lake.replace(&snapshot, kept.as_ref()).await? {
            return Ok(());
        }
    }
    Err(Error::new(
        Class::Unavailable,
        format!("others kept writing settings/sealed, {COMMIT_TRIES} times; try again"),
    ))
}

async fn read(lake: &Lake, snapshot: &Snapshot) -> Result<Rows> {
    let mut rows = Rows::new();
    if snapshot.files.is_empty() {
        return Ok(rows);
    }
    let columns = ["instance", "field", "sealed", "changed_at"];
    let mut stream = lake::read(lake, snapshot, Scope::default(), &columns).await?;
    while let Some(batch) = stream.try_next().await.map_err(damaged)? {
        let [instances, fields, values, times] = batch.columns() else {
            return Err(damaged("a column is missing"));
        };
        let text = |column: &ArrayRef, row: usize| column.as_string::<i32>().value(row).to_owned();
        let times = times.as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            rows.insert(
                (text(instances, row), text(fields, row)),
                (text(values, row), times.value(row)),
            );
        }
    }
    Ok(rows)
}

fn batch(rows: &Rows) -> Result<RecordBatch> {
    let text =
        |values: Vec<&String>| -> ArrayRef { Arc::new(StringArray::from_iter_values(values)) };
    let columns: Vec<ArrayRef> = vec![
        text(rows.keys().map(|(instance, _)| instance).collect()),
        text(rows.keys().map(|(_, field)| field).collect()),
        text(rows.values().map(|(sealed, _)| sealed).collect()),
        Arc::new(
            TimestampMicrosecondArray::from_iter_values(rows.values().map(|(_, at)| *at))
                .with_timezone("UTC"),
        ),
    ];
    RecordBatch::try_new(Arc::clone(&tables::SEALED.schema), columns).map_err(damaged)
}

fn damaged(cause: impl std::fmt::Display) -> Error {
    Error::new(
        Class::Lake,
        format!("the sealed values cannot be read or written: {cause}"),
    )
}
