//! The organisation's files as applied: kept whole in the lake, every version, and read back
//! through the same checks.

use std::collections::BTreeMap;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Int64Type, TimestampMicrosecondType};

use super::Error;
use super::world::Setup;
use crate::clock::Micros;
use crate::config::org::Org;
use crate::lake::{self, Scope, Snapshot, tables};

/// A version of the organisation.
#[derive(Clone, Debug, Default)]
pub struct StoredOrg {
    /// 0 when nothing was applied yet.
    pub version: i64,
    pub applied_at: Micros,
    /// File names and texts.
    pub files: Vec<(String, String)>,
    pub org: Org,
}

/// All versions: number → (applied at, files).
pub async fn versions(
    setup: &Setup,
) -> crate::error::Result<BTreeMap<i64, (Micros, Vec<(String, String)>)>> {
    let snapshot = setup.lake.snapshot(&tables::ORG).await?;
    versions_in(setup, &snapshot).await
}

async fn versions_in(
    setup: &Setup,
    snapshot: &Snapshot,
) -> crate::error::Result<BTreeMap<i64, (Micros, Vec<(String, String)>)>> {
    let session = setup.session();
    let table = lake::scan(&setup.lake, snapshot, Scope::default());
    let frame = session.read_table(table).map_err(Error::running)?;
    let mut versions: BTreeMap<i64, (Micros, Vec<(String, String)>)> = BTreeMap::new();
    for batch in frame.collect().await.map_err(Error::running)? {
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .ok_or_else(|| Error::Engine(format!("the settings table lacks {name}")))
        };
        let version = column("version")?.as_primitive::<Int64Type>();
        let applied_at = column("applied_at")?.as_primitive::<TimestampMicrosecondType>();
        let file = column("file")?.as_string::<i32>();
        let content = column("content")?.as_string::<i32>();
        for row in 0..version.len() {
            let entry = versions
                .entry(version.value(row))
                .or_insert_with(|| (applied_at.value(row), Vec::new()));
            if !file.value(row).is_empty() {
                entry
                    .1
                    .push((file.value(row).to_owned(), content.value(row).to_owned()));
            }
        }
    }
    for (_, files) in versions.values_mut() {
        files.sort();
    }
    Ok(versions)
}

/// The number of the version in force; cheap.
pub async fn version(setup: &Setup) -> crate::error::Result<i64> {
    // One file a version, and versions count from 1.
    let snapshot = setup.lake.snapshot(&tables::ORG).await?;
    let mut latest = 0;
    for file in snapshot.files.iter() {
        match file.ranges.get("version") {
            Some((_, datafusion::common::ScalarValue::Int64(Some(version)))) => {
                latest = latest.max(*version);
            }
            // The log does not say it of this file: the rows do.
            _ => return Ok(versions(setup).await?.into_keys().max().unwrap_or(0)),
        }
    }
    Ok(latest)
}

/// The version in force.
pub async fn latest(setup: &Setup) -> crate::error::Result<StoredOrg> {
    let snapshot = setup.lake.snapshot(&tables::ORG).await?;
    latest_in(setup, &snapshot).await
}

/// The version that was in force at a moment.
pub(super) async fn latest_in(
    setup: &Setup,
    snapshot: &Snapshot,
) -> crate::error::Result<StoredOrg> {
    let Some((version, (applied_at, files))) = versions_in(setup, snapshot).await?.pop_last()
    else {
        return Ok(StoredOrg::default());
    };
    let zones = setup.shipped.zone_names();
    match Org::parse(&files, &setup.shipped, &zones) {
        Ok((org, _)) => Ok(StoredOrg {
            version,
            applied_at,
            files,
            org,
        }),
        Err(problems) => Err(Error::Settings {
            version,
            cause: problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "),
        }
        .into()),
    }
}
