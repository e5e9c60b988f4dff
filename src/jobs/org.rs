//! Putting the organisation's files in force: checked as one whole, stored as a new version.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};

use super::history::update_history;
use crate::config::org::{self, Problem};
use crate::error::Result;
use crate::lake::{Change, Committed, FileWriter, WriteOptions, tables};
use crate::models::{self, Setup, World, stored_org};

/// Files that are right, as they would be stored.
#[derive(Clone, Debug)]
pub struct CheckedOrg {
    files: Vec<(String, String)>,
    pub warnings: Vec<Problem>,
}

/// What applying did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// This version is in force now.
    New(i64),
    /// The same files were in force already, as this version.
    Already(i64),
}

/// Checks files (name, text); gives them with warnings, or every problem of all of them.
pub async fn check_org(
    setup: &Setup,
    files: &[(String, String)],
) -> Result<std::result::Result<CheckedOrg, Vec<Problem>>> {
    let mut files = files.to_vec();
    files.sort();
    let zones = setup.shipped.zone_names();
    let (org, mut warnings) = match org::Org::parse(&files, &setup.shipped, &zones) {
        Ok(parsed) => parsed,
        Err(problems) => return Ok(Err(problems)),
    };
    let problems = org.check_privacy(&setup.settings.privacy);
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    warnings.extend(org.check_metrics(&setup.settings.metrics, &setup.shipped));
    warnings.extend(unknown_members(setup, &org).await?);
    Ok(Ok(CheckedOrg { files, warnings }))
}

/// Puts checked files in force. When this returns, the version is durable.
pub async fn apply_org(setup: &Setup, checked: &CheckedOrg) -> Result<Applied> {
    let current = stored_org::latest(setup).await?;
    if current.version > 0 && current.files == checked.files {
        return Ok(Applied::Already(current.version));
    }
    let version = store(setup, &checked.files).await?;
    let world = World::open(setup).await?;
    update_history(&world).await?;
    Ok(Applied::New(version))
}

/// Members that neither the files nor the stored events know.
async fn unknown_members(setup: &Setup, org: &org::Org) -> Result<Vec<Problem>> {
    let world = World::open(setup).await?;
    if world.people.agents.is_empty() {
        return Ok(Vec::new());
    }
    let mut logins = HashSet::new();
    let mut computers = HashSet::new();
    for (agent, _) in world.people.agents.values() {
        let domain = agent.logon_domain.clone().unwrap_or_default();
        logins.insert((
            domain.trim().to_lowercase(),
            agent.user_name.trim().to_lowercase(),
        ));
        computers.insert(agent.computer_name.trim().to_lowercase());
        computers.insert(agent.computer_id.to_string());
    }
    let uids: HashSet<i64> = world.people.persons.keys().copied().collect();
    Ok(org.unknown_members(&logins, &uids, &computers))
}

async fn store(setup: &Setup, files: &[(String, String)]) -> Result<i64> {
    let spec = &tables::ORG;
    let lake = &setup.lake;
    loop {
        let base = lake.snapshot(spec).await?;
        let version = stored_org::version(setup).await? + 1;
        // A version without files is one too: it takes everything out of force.
        let mut rows = files.to_vec();
        if rows.is_empty() {
            rows.push((String::new(), String::new()));
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![version; rows.len()])),
            Arc::new(
                TimestampMicrosecondArray::from(vec![setup.as_of.micros(); rows.len()])
                    .with_timezone("UTC"),
            ),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|(name, _)| name),
            )),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|(_, text)| text),
            )),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&spec.schema), columns)
            .map_err(|cause| models::Error::Engine(cause.to_string()))?;
        let options = WriteOptions {
            row_group_rows: setup.settings.limits.row_group_rows,
            zstd_level: 3,
        };
        let mut file = FileWriter::create(lake, spec, None, options)?;
        file.write(&batch).await?;
        let change = Change {
            adds: vec![file.finish(None).await?],
            rows_change: true,
            ..Change::default()
        };
        match lake.commit(&base, change).await? {
            Committed::Done(_) | Committed::AlreadyThere(_) => return Ok(version),
            // Somebody else applied a version: this one comes after it.
            Committed::Raced(change, _) => {
                for file in change.adds {
                    file.abandon(lake).await?;
                }
            }
        }
    }
}
