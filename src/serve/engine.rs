//! Threads that run queries, apart from those that answer calls.
//!
//! A plan may keep its thread busy for seconds without a pause. On threads of their own, queries
//! can hold up each other, but neither a login nor the word that a time limit was reached.

use tokio::runtime::{Builder, Handle, Runtime};

use super::Error;

/// The threads; queries still running when it is dropped are abandoned.
pub(super) struct Engine {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Engine {
    /// # Errors
    /// [`Error::Threads`] when the operating system gives none.
    pub fn start(threads: usize) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("query")
            .enable_all()
            .build()
            .map_err(|source| Error::Threads { source })?;
        Ok(Engine {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }

    /// Where to spawn.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Waiting for a query that does not pause would hold up the end of the process.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn dropping_does_not_wait_for_a_busy_query() {
        let engine = Engine::start(1).unwrap();
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (started, seen) = tokio::sync::oneshot::channel();
        engine.handle().spawn(async move {
            let _ = started.send(());
            let _ = wait.recv();
        });
        seen.await.unwrap();
        drop(engine);
        drop(release);
    }
}
