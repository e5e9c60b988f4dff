//! The agents seen so far, read from the stored table.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int64Type, TimestampMicrosecondType};

use super::Error;
use super::people::Agent;
use super::world::Setup;
use crate::lake::{self, Scope, Snapshot};

/// One agent each, with its earliest start and the spelling it had then; of several, the least.
///
/// # Errors
/// [`Error::Collision`] when one id was written for two keys.
pub async fn read(setup: &Setup, snapshot: &Snapshot) -> crate::error::Result<Vec<Agent>> {
    let session = setup.session();
    let table = lake::scan(&setup.lake, snapshot, Scope::default());
    let frame = session.read_table(table).map_err(Error::running)?;
    let mut agents: BTreeMap<i64, Agent> = BTreeMap::new();
    for batch in frame.collect().await.map_err(Error::running)? {
        for row in 0..batch.num_rows() {
            let Some(agent) = agent(&batch, row) else {
                return Err(Error::Engine("the agents table lacks a column".into()).into());
            };
            match agents.get_mut(&agent.agent_id) {
                None => {
                    agents.insert(agent.agent_id, agent);
                }
                Some(known) => {
                    if key(known) != key(&agent) {
                        return Err(Error::Collision {
                            kind: "agent",
                            id: agent.agent_id,
                            first: format!("{:?}", key(known)),
                            second: format!("{:?}", key(&agent)),
                        }
                        .into());
                    }
                    // As the writer chooses, so that the order of arrival does not show.
                    if (agent.first_start, spelling(&agent)) < (known.first_start, spelling(known))
                    {
                        *known = agent;
                    }
                }
            }
        }
    }
    Ok(agents.into_values().collect())
}

fn spelling(agent: &Agent) -> (&Option<String>, &str, &str, &Option<String>) {
    (
        &agent.logon_domain,
        &agent.user_name,
        &agent.computer_name,
        &agent.primary_domain,
    )
}

fn key(agent: &Agent) -> [String; 4] {
    let lower = |text: &str| text.trim().to_lowercase();
    [
        lower(agent.logon_domain.as_deref().unwrap_or_default()),
        lower(&agent.user_name),
        lower(&agent.computer_name),
        lower(agent.primary_domain.as_deref().unwrap_or_default()),
    ]
}

fn agent(batch: &RecordBatch, row: usize) -> Option<Agent> {
    let column = |name: &str| -> Option<&Arc<dyn Array>> { batch.column_by_name(name) };
    let int = |name: &str| Some(column(name)?.as_primitive_opt::<Int64Type>()?.value(row));
    let text = |array: &ArrayRef| {
        let strings = array.as_string_opt::<i32>()?;
        strings.is_valid(row).then(|| strings.value(row).to_owned())
    };
    Some(Agent {
        agent_id: int("agent_id")?,
        computer_id: int("computer_id")?,
        login_id: int("login_id")?,
        logon_domain: text(column("logon_domain")?),
        user_name: text(column("user_name")?)?,
        computer_name: text(column("computer_name")?)?,
        primary_domain: text(column("primary_domain")?),
        first_start: column("first_start")?
            .as_primitive_opt::<TimestampMicrosecondType>()?
            .value(row),
    })
}
