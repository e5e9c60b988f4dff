//! Rows on their way out: a planned statement becomes a lazy stream of data messages.
//!
//! Nothing runs before the client reads, nothing runs ahead of it by more than the engine's own
//! buffers, and a dropped stream stops the work, as do the time limit and a cancellation. The first
//! message carries the advertised schema, and every batch has it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Sleep;
use tonic::Status;

use super::parameters::Row;
use super::status;
use crate::access::Hold;
use crate::models::Statement;

/// What a `DoGet` answers with.
pub(super) type Messages = BoxStream<'static, Result<FlightData, Status>>;

type Batches = BoxStream<'static, Result<RecordBatch, Status>>;

/// A statement to run: once, or once for each bound row, one after the other.
#[derive(Clone)]
pub(super) struct Work {
    statement: Statement,
    /// `None` for a statement without parameters.
    rows: Option<Arc<Vec<Row>>>,
    schema: SchemaRef,
}

impl Work {
    /// # Errors
    /// `InvalidArgument` when the statement has parameters and nothing was bound, or when the
    /// first bound row does not fit.
    pub fn new(statement: Statement, rows: Option<Arc<Vec<Row>>>) -> Result<Self, Status> {
        let parameters = statement.parameters().len();
        if parameters > 0 && rows.is_none() {
            return Err(Status::invalid_argument(format!(
                "the statement has {parameters} parameters and no values were bound"
            )));
        }
        let rows = rows.filter(|_| parameters > 0);
        // A bare parameter in the select list has a type only once it is bound.
        let schema = match rows.as_ref().and_then(|rows| rows.first()) {
            None => statement.schema(),
            Some(first) => bound(&statement, first)?.schema(),
        };
        Ok(Work {
            statement,
            rows,
            schema,
        })
    }

    /// The schema of every batch.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn statements(self) -> BoxStream<'static, Result<Statement, Status>> {
        let Some(rows) = self.rows else {
            return stream::iter([Ok(self.statement)]).boxed();
        };
        let mut index = 0;
        stream::iter(std::iter::from_fn(move || {
            let row = rows.get(index)?;
            index += 1;
            Some(bound(&self.statement, row).and_then(|bound| {
                // What was advertised cannot be taken back.
                if bound.schema() == self.schema {
                    Ok(bound)
                } else {
                    Err(Status::invalid_argument(
                        "the types of the result differ between the bound rows: add a cast",
                    ))
                }
            }))
        }))
        .boxed()
    }
}

fn bound(statement: &Statement, row: &Row) -> Result<Statement, Status> {
    statement
        .bind(row.clone())
        .map_err(|error| status::of(&error))
}

/// Where a statement runs, what ends it early, and what lasts as long as it runs.
pub(super) struct Limits {
    pub engine: Handle,
    /// Turns true when somebody asks.
    pub cancelled: watch::Receiver<bool>,
    /// From the call to the last row.
    pub timeout: Duration,
    /// Keeps the session from being idle.
    pub _hold: Option<Hold>,
}

/// Runs `work` as the client reads, within `limits`.
pub(super) fn messages(work: Work, limits: Limits, message_bytes_max: usize) -> Messages {
    let schema = work.schema();
    let batches = work
        .statements()
        .then(|statement| async {
            let rows = statement?.execute().await;
            let rows = rows.map_err(|error| status::of(&error))?;
            Ok::<_, Status>(rows.map_err(|error| status::of_engine(&error)))
        })
        .try_flatten()
        .boxed();
    encode(schema, guarded(batches, limits), message_bytes_max)
}

/// The messages of a metadata answer.
pub(super) fn one_batch(batch: RecordBatch, message_bytes_max: usize) -> Messages {
    let schema = batch.schema();
    encode(schema, stream::iter([Ok(batch)]).boxed(), message_bytes_max)
}

fn encode(schema: SchemaRef, batches: Batches, message_bytes_max: usize) -> Messages {
    let pieces = batches
        .map_ok(move |batch| stream::iter(split(batch, message_bytes_max)).map(Ok::<_, Status>))
        .try_flatten()
        .map_err(FlightError::from);
    FlightDataEncoderBuilder::new()
        .with_schema(schema)
        // `split` sees slices for what they are; the encoder counts the whole buffer behind one.
        .with_max_flight_data_size(usize::MAX)
        .build(pieces)
        .map_err(status::of_flight)
        .boxed()
}

/// Cuts a batch into pieces of at most `bytes_max`, or of one row where a row is larger.
fn split(batch: RecordBatch, bytes_max: usize) -> Vec<RecordBatch> {
    let mut pieces = Vec::new();
    let mut waiting = vec![batch];
    while let Some(batch) = waiting.pop() {
        let rows = batch.num_rows();
        if rows <= 1 || bytes(&batch) <= bytes_max {
            pieces.push(batch);
            continue;
        }
        let half = rows / 2;
        waiting.push(batch.slice(half, rows - half));
        waiting.push(batch.slice(0, half));
    }
    pieces
}

fn bytes(batch: &RecordBatch) -> usize {
    batch
        .columns()
        .iter()
        .map(|column| {
            let data = column.to_data();
            data.get_slice_memory_size()
                .unwrap_or_else(|_| column.get_array_memory_size())
        })
        .sum()
}

struct Guarded {
    /// Taken when the client reads for the first time.
    waiting: Option<Batches>,
    batches: mpsc::Receiver<Result<RecordBatch, Status>>,
    /// Dropping it stops the work.
    running: JoinSet<()>,
    deadline: Pin<Box<Sleep>>,
    limits: Limits,
}

impl Guarded {
    /// Starts the work as a task of its own. A plan may keep its thread busy for long stretches;
    /// the client is told about a limit when it is reached, not when the plan next pauses.
    fn start(&mut self) {
        if let Some(mut waiting) = self.waiting.take() {
            let (send, receive) = mpsc::channel(1);
            self.batches = receive;
            let work = async move {
                while let Some(batch) = waiting.next().await {
                    if send.send(batch).await.is_err() {
                        break;
                    }
                }
            };
            self.running.spawn_on(work, &self.limits.engine);
        }
    }

    /// The next batch; an error when a limit is reached or the work did not end by itself.
    async fn next(&mut self) -> Option<Result<RecordBatch, Status>> {
        let next = tokio::select! {
            // The limits are looked at first, so that a stream that is always ready ends too.
            biased;
            () = asked(&mut self.limits.cancelled) => {
                Some(Err(Status::cancelled("the query was cancelled")))
            }
            () = &mut self.deadline => Some(Err(Status::deadline_exceeded(format!(
                "the query ran longer than server.query_timeout_seconds = {}",
                self.limits.timeout.as_secs()
            )))),
            next = self.batches.recv() => next,
        };
        if next.is_some() {
            return next;
        }
        match self.running.join_next().await {
            // Rows that are missing without an error would be the worst answer.
            Some(Err(error)) => {
                tracing::error!(%error, "a query did not end by itself");
                Some(Err(Status::internal(
                    "the query failed inside the server; its log says why",
                )))
            }
            _ => None,
        }
    }
}

fn guarded(batches: Batches, limits: Limits) -> Batches {
    let (_, none) = mpsc::channel(1);
    let first = Guarded {
        waiting: Some(batches),
        batches: none,
        running: JoinSet::new(),
        deadline: Box::pin(tokio::time::sleep(limits.timeout)),
        limits,
    };
    stream::unfold(Some(first), |state| async move {
        let mut state = state?;
        state.start();
        match state.next().await? {
            Ok(batch) => Some((Ok(batch), Some(state))),
            // The state, and with it the running plan, is dropped here.
            Err(status) => Some((Err(status), None)),
        }
    })
    .boxed()
}

async fn asked(cancelled: &mut watch::Receiver<bool>) {
    if cancelled.wait_for(|asked| *asked).await.is_err() {
        // Nobody is left who could ask.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int64Array, StringArray};
    use datafusion::arrow::datatypes::{DataType, Field, Schema};

    fn numbers(range: std::ops::Range<i64>) -> RecordBatch {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from_iter_values(range))]).unwrap()
    }

    #[test]
    fn pieces_fit_and_keep_the_order() {
        let whole = numbers(0..1_000);
        let pieces = split(whole.clone(), 1_024);
        assert!(pieces.len() >= 8, "{}", pieces.len());
        assert!(pieces.iter().all(|piece| bytes(piece) <= 1_024));
        let schema = whole.schema();
        let joined = datafusion::arrow::compute::concat_batches(&schema, &pieces).unwrap();
        assert_eq!(joined, whole);
        // A slice of a large buffer is not taken for the buffer.
        assert_eq!(split(whole.slice(10, 5), 1_024).len(), 1);
    }

    #[test]
    fn a_large_row_stands_alone() {
        let schema = Arc::new(Schema::new(vec![Field::new("s", DataType::Utf8, true)]));
        let long = "x".repeat(10_000);
        let column = StringArray::from(vec!["a", long.as_str(), "b", "c"]);
        let batch = RecordBatch::try_new(schema, vec![Arc::new(column)]).unwrap();
        let sizes: Vec<usize> = split(batch, 100)
            .iter()
            .map(RecordBatch::num_rows)
            .collect();
        assert_eq!(sizes.iter().sum::<usize>(), 4);
        assert_eq!(sizes.get(1), Some(&1));
        assert_eq!(split(numbers(0..0), 1).len(), 1);
    }

    fn endless() -> Batches {
        stream::iter(std::iter::repeat_with(|| Ok(numbers(0..1)))).boxed()
    }

    fn within(timeout: Duration) -> (watch::Sender<bool>, Limits) {
        let (ask, cancelled) = watch::channel(false);
        let limits = Limits {
            engine: Handle::current(),
            cancelled,
            timeout,
            _hold: None,
        };
        (ask, limits)
    }

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn the_time_limit_ends_a_stream_that_gives_nothing() {
        let (_keep, limits) = within(Duration::from_millis(1));
        let mut stuck = guarded(stream::pending().boxed(), limits);
        let status = stuck.next().await.unwrap().unwrap_err();
        assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
        assert!(status.message().contains("query_timeout_seconds"));
        assert!(stuck.next().await.is_none());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_time_limit_is_told_while_the_work_keeps_its_thread() {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (_keep, limits) = within(Duration::from_millis(1));
        let busy = stream::once(async move {
            let _ = wait.recv();
            Ok(numbers(0..1))
        });
        let status = guarded(busy.boxed(), limits).next().await.unwrap();
        assert_eq!(status.unwrap_err().code(), tonic::Code::DeadlineExceeded);
        drop(release);
    }

    #[tokio::test]
    async fn a_cancellation_ends_the_stream() {
        let (ask, limits) = within(LONG);
        let mut running = guarded(endless(), limits);
        assert!(running.next().await.unwrap().is_ok());
        ask.send_replace(true);
        let status = running.next().await.unwrap().unwrap_err();
        assert_eq!(status.code(), tonic::Code::Cancelled);
        assert!(running.next().await.is_none());
    }

    #[tokio::test]
    async fn a_forgotten_ticket_does_not_end_its_stream() {
        let (ask, limits) = within(LONG);
        drop(ask);
        let mut running = guarded(endless(), limits);
        assert!(running.next().await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn work_that_breaks_is_no_short_answer() {
        let (_keep, limits) = within(LONG);
        let breaks = endless()
            .take(1)
            .chain(stream::once(async { panic!("on purpose") }));
        let out: Vec<_> = guarded(breaks.boxed(), limits).collect().await;
        assert_eq!(out.len(), 2);
        let last = out.into_iter().next_back().unwrap().unwrap_err();
        assert_eq!(last.code(), tonic::Code::Internal);
    }

    #[tokio::test]
    async fn nothing_runs_ahead_and_a_dropped_stream_stops_the_work() {
        let made = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let made_so_far = || made.load(std::sync::atomic::Ordering::SeqCst);
        let work = endless().inspect(move |_| {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
        let (_keep, limits) = within(LONG);
        let schema = numbers(0..0).schema();
        let mut messages = encode(schema, guarded(work.boxed(), limits), 1_024);
        // The schema comes before anything runs.
        assert!(messages.next().await.unwrap().is_ok());
        assert_eq!(made_so_far(), 0);
        assert!(messages.next().await.unwrap().is_ok());
        // One read, one in the channel, one waiting for a place in it.
        assert!(made_so_far() <= 3, "{}", made_so_far());
        drop(messages);
        while Arc::strong_count(&made) > 1 {
            tokio::task::yield_now().await;
        }
        assert!(made_so_far() <= 3, "{}", made_so_far());
    }
}
