//! The thread on which syncs run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use super::Shared;
use crate::{Effect, Error, MessageId, SyncTask};

/// A sync, and what to publish when it has ended.
pub(super) struct Job {
    pub(super) task: SyncTask,
    pub(super) effects: Vec<Effect>,
    /// What is durable then.
    pub(super) newest: MessageId,
}

/// The thread; started with the first sync, so a memory store has none.
#[derive(Default)]
pub(super) struct Syncer(Option<(Sender<Job>, JoinHandle<()>)>);

impl Syncer {
    /// Has a job done; the inbox is told. One at a time.
    pub(super) fn run(&mut self, shared: &Arc<Shared>, job: Job) -> Result<(), Error> {
        if self.0.is_none() {
            let (sender, jobs) = channel();
            let shared = Arc::clone(shared);
            let thread = Builder::new()
                .name("queues-sync".to_owned())
                .spawn(move || work(&shared, &jobs))
                .map_err(|error| Error::Internal { detail: format!("no thread: {error}").into() })?;
            self.0 = Some((sender, thread));
        }
        let ended = || Error::Internal { detail: "the sync thread has ended".into() };
        let (sender, _) = self.0.as_ref().ok_or_else(ended)?;
        sender.send(job).map_err(|_| ended())
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.0.take() {
            drop(sender);
            drop(thread.join());
        }
    }
}

fn work(shared: &Shared, jobs: &Receiver<Job>) {
    for Job { task, mut effects, newest } in jobs {
        let result = catch_unwind(AssertUnwindSafe(task))
            .unwrap_or_else(|_| Err(Error::Internal { detail: "a panic in the store's sync".into() }));
        if let Err(error) = &result {
            fail(&mut effects, error);
        }
        shared.outbox.publish(&mut effects);
        shared.inbox.synced(result.map(|()| newest));
    }
}

/// What was to be said does not hold: answers become errors, and the rest is left out.
pub(super) fn fail(effects: &mut Vec<Effect>, error: &Error) {
    effects.retain_mut(|effect| match effect {
        Effect::Done { result, .. } => {
            *result = Err(error.clone());
            true
        }
        Effect::Replied { result, .. } => {
            *result = Err(error.clone());
            true
        }
        Effect::WorkerClosed { .. } | Effect::Opened(_) => true,
        _ => false,
    });
}
