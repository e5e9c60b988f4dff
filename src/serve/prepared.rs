//! Prepared statements: kept by session, planned anew for each run, bound on the server.
//!
//! A handle stays the same when values are bound, because older clients ignore a new one. The
//! values are taken into the ticket when the client asks for the flight info, so that binding
//! again does not disturb a result that is being read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arrow_flight::sql::server::PeekableFlightDataStream;
use arrow_flight::sql::{ActionCreatePreparedStatementResult, DoPutPreparedStatementResult};
use bytes::Bytes;
use datafusion::arrow::datatypes::Schema;
use tonic::Status;

use super::flight::Service;
use super::handle::Handle;
use super::parameters::{self, Row};
use super::statements::encoded;
use super::status;
use super::stream::Work;
use crate::access::{Session, SessionId};
use crate::models::Statement;

/// How long the plan made by `prepare` may serve the first run. Clients prepare and run at once;
/// later runs are planned anew and see what was committed since.
const FRESH: Duration = Duration::from_secs(1);

struct Prepared<P> {
    session: SessionId,
    sql: Arc<str>,
    /// Number of parameters.
    parameters: usize,
    rows: Option<Arc<Vec<Row>>>,
    /// The plan made by `prepare`, until it is used or stale.
    plan: Option<(P, Instant)>,
    last_used: Instant,
}

/// What running a prepared statement needs.
struct Taken {
    sql: Arc<str>,
    plan: Option<Statement>,
    rows: Option<Arc<Vec<Row>>>,
}

/// All prepared statements. `P` is a plan.
pub(super) struct PreparedStatements<P = Statement> {
    per_session_max: usize,
    idle: Duration,
    kept: Mutex<HashMap<Handle, Prepared<P>>>,
}

impl<P> PreparedStatements<P> {
    /// At most `per_session_max` for each session; they end with the session, after `idle` without
    /// use at the latest.
    pub fn new(per_session_max: usize, idle: Duration) -> Self {
        PreparedStatements {
            per_session_max,
            idle,
            kept: Mutex::default(),
        }
    }

    fn keep(
        &self,
        session: SessionId,
        sql: &str,
        parameters: usize,
        plan: P,
        now: Instant,
    ) -> Result<Handle, Status> {
        let handle = Handle::random()?;
        let mut kept = self.lock();
        kept.retain(|_, prepared| now.saturating_duration_since(prepared.last_used) < self.idle);
        let own = kept.values().filter(|prepared| prepared.session == session);
        if own.count() >= self.per_session_max {
            return Err(Status::resource_exhausted(format!(
                "the session holds {} prepared statements: close some, or raise \
                 server.max_prepared_per_session",
                self.per_session_max
            )));
        }
        let prepared = Prepared {
            session,
            sql: sql.into(),
            parameters,
            rows: None,
            plan: Some((plan, now)),
            last_used: now,
        };
        kept.insert(handle.clone(), prepared);
        Ok(handle)
    }

    /// Ends one statement; an unknown handle is no error, since closing twice does no harm.
    pub fn close(&self, session: SessionId, handle: &[u8]) {
        let mut kept = self.lock();
        if let Some(handle) = Handle::read(handle)
            && kept
                .get(&handle)
                .is_some_and(|found| found.session == session)
        {
            kept.remove(&handle);
        }
    }

    /// Ends every statement of a session.
    pub fn close_all(&self, session: SessionId) {
        self.lock()
            .retain(|_, prepared| prepared.session != session);
    }

    fn with<R>(
        &self,
        session: SessionId,
        handle: &[u8],
        now: Instant,
        act: impl FnOnce(&mut Prepared<P>) -> R,
    ) -> Result<R, Status> {
        let mut kept = self.lock();
        let found = Handle::read(handle)
            .and_then(|handle| kept.get_mut(&handle))
            .filter(|found| found.session == session)
            .ok_or_else(|| {
                Status::not_found("the prepared statement is unknown, closed or expired")
            })?;
        found.last_used = now;
        Ok(act(found))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Handle, Prepared<P>>> {
        // No step leaves the map half changed, so a panic elsewhere does not spoil it.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// Plans a statement and keeps it under a handle.
    pub(super) async fn prepare(
        &self,
        caller: &Session,
        sql: &str,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let sql = parameters::numbered(sql)?;
        let plan = self.plan(caller, &sql).await?;
        let dataset_schema = encoded(&plan.schema())?;
        let parameters = plan.parameters();
        let count = parameters.len();
        let parameter_schema = encoded(&Schema::new(parameters))?;
        let handle = self
            .prepared
            .keep(caller.id, &sql, count, plan, self.now())?;
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: Bytes::copy_from_slice(handle.bytes()),
            dataset_schema,
            parameter_schema,
        })
    }

    /// Keeps the values that a client binds, and answers with the handle to use from then on.
    pub(super) async fn bind(
        &self,
        caller: &Session,
        handle: &Bytes,
        values: PeekableFlightDataStream,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let expected = self
            .prepared
            .with(caller.id, handle, self.now(), |found| found.parameters)?;
        let rows = parameters::rows(values, expected).await?;
        self.prepared.with(caller.id, handle, self.now(), |found| {
            if let (Some((plan, _)), Some(first)) = (&found.plan, rows.first()) {
                // A value of a wrong type shows here, where the client can tell which call
                // it belongs to.
                plan.bind(first.clone())
                    .map_err(|error| status::of(&error))?;
            }
            found.rows = Some(Arc::new(rows));
            Ok(DoPutPreparedStatementResult {
                prepared_statement_handle: Some(handle.clone()),
            })
        })?
    }

    /// The work that a prepared statement with its bound values stands for.
    pub(super) async fn prepared_work(
        &self,
        caller: &Session,
        handle: &[u8],
    ) -> Result<Work, Status> {
        let now = self.now();
        let taken = self.prepared.with(caller.id, handle, now, |found| Taken {
            sql: Arc::clone(&found.sql),
            plan: found
                .plan
                .take()
                .filter(|(_, made)| now.saturating_duration_since(*made) < FRESH)
                .map(|(plan, _)| plan),
            rows: found.rows.clone(),
        })?;
        let plan = match taken.plan {
            Some(plan) => plan,
            None => self.plan(caller, &taken.sql).await?,
        };
        Work::new(plan, taken.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Sessions;
    use tonic::Code;

    const IDLE: Duration = Duration::from_secs(60);

    fn sessions() -> (SessionId, SessionId) {
        let sessions = Sessions::new(IDLE, 2);
        let open = |email: &str| {
            let principal = super::super::tests::principal(email);
            sessions.open(principal, Instant::now()).unwrap().1.id
        };
        (open("ada@example.com"), open("bob@example.com"))
    }

    fn found(
        kept: &PreparedStatements<()>,
        session: SessionId,
        handle: &Handle,
        now: Instant,
    ) -> bool {
        let outcome = kept.with(session, handle.bytes(), now, |found| found.sql.to_string());
        match outcome {
            Ok(sql) => sql == "select 1",
            Err(status) => {
                assert_eq!(status.code(), Code::NotFound);
                false
            }
        }
    }

    #[test]
    fn a_statement_belongs_to_its_session_until_closed() {
        let now = Instant::now();
        let (ada, bob) = sessions();
        let kept = PreparedStatements::new(4, IDLE);
        let handle = kept.keep(ada, "select 1", 0, (), now).unwrap();
        assert!(found(&kept, ada, &handle, now));
        assert!(!found(&kept, bob, &handle, now));
        kept.close(bob, handle.bytes());
        assert!(found(&kept, ada, &handle, now));
        kept.close(ada, handle.bytes());
        kept.close(ada, handle.bytes());
        assert!(!found(&kept, ada, &handle, now));
        let handle = kept.keep(ada, "select 1", 0, (), now).unwrap();
        kept.close_all(bob);
        assert!(found(&kept, ada, &handle, now));
        kept.close_all(ada);
        assert!(!found(&kept, ada, &handle, now));
    }

    #[test]
    fn each_session_has_its_own_bound_and_idle_statements_end() {
        let start = Instant::now();
        let (ada, bob) = sessions();
        let kept = PreparedStatements::new(2, IDLE);
        let first = kept.keep(ada, "select 1", 0, (), start).unwrap();
        kept.keep(ada, "select 1", 0, (), start).unwrap();
        let full = kept.keep(ada, "select 1", 0, (), start).unwrap_err();
        assert_eq!(full.code(), Code::ResourceExhausted);
        assert!(full.message().contains("max_prepared_per_session"));
        assert!(kept.keep(bob, "select 1", 0, (), start).is_ok());
        // The first is used in between, so only the second makes room.
        assert!(found(&kept, ada, &first, start + IDLE / 2));
        kept.keep(ada, "select 1", 0, (), start + IDLE).unwrap();
        assert!(found(&kept, ada, &first, start + IDLE));
        assert!(kept.keep(ada, "select 1", 0, (), start + IDLE).is_err());
    }
}
