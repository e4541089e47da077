//! The threads, and who does what.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::Builder;

use super::Shared;
use super::core::{Core, Job};
use crate::{Command, Config, Effect, Error, MessageId, Opener};

/// Starts the first thread, which opens the store.
pub(super) fn start(shared: &Arc<Shared>, config: Config, open: Opener) -> Result<(), Error> {
    spawn(shared, "queues", move |shared| {
        let core = Core::open(config, open, &shared.outbox)?;
        *shared.core.lock() = Some(core);
        work(shared)
    })
}

/// The second is there from the first sync on, to do rounds meanwhile.
fn start_second(shared: &Arc<Shared>) -> Result<(), Error> {
    if shared.threads.lock().len() > 1 { Ok(()) } else { spawn(shared, "queues-2", work) }
}

fn spawn<Life>(shared: &Arc<Shared>, name: &str, life: Life) -> Result<(), Error>
where
    Life: FnOnce(&Arc<Shared>) -> Result<(), Error> + Send + 'static,
{
    let owned = Arc::clone(shared);
    let mut threads = shared.threads.lock();
    let thread = Builder::new()
        .name(name.to_owned())
        .spawn(move || guarded(&owned, || life(&owned)))
        .map_err(|error| Error::Internal { detail: format!("no thread: {error}").into() })?;
    threads.push(thread);
    Ok(())
}

/// An error, or a panic, is the engine's end.
fn guarded(shared: &Arc<Shared>, run: impl FnOnce() -> Result<(), Error>) {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => end(shared, &error, take_core(shared)),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            let error = Error::Internal { detail: text.unwrap_or_else(|| "a panic".to_owned()).into() };
            // The state it may have broken is discarded.
            drop(take_core(shared));
            end(shared, &error, None);
        }
    }
}

/// A thread's life: it waits for its turn, does a round, and syncs while the other waits.
fn work(shared: &Arc<Shared>) -> Result<(), Error> {
    while shared.inbox.wait() {
        let mut synced = None;
        while let Some(job) = round(shared, synced)? {
            start_second(shared)?;
            synced = Some(job.run(&shared.outbox));
        }
    }
    Ok(())
}

/// A round, either in turn or after the sync that this thread has run: so whatever has come meanwhile is part of the next.
fn round(shared: &Arc<Shared>, synced: Option<Result<MessageId, Error>>) -> Result<Option<Job>, Error> {
    let in_turn = synced.is_none();
    let mut guard = shared.core.lock();
    let Some(core) = &mut *guard else { return Ok(None) };
    if let Some(result) = synced {
        let synced = core.synced(result);
        shared.synced.notify_all();
        synced?;
    }
    // Taken while the core is held, so that nothing that is applied in place overtakes it.
    let job = core.round(&shared.outbox, |spare| shared.inbox.take(spare))?;
    if in_turn {
        shared.inbox.done(core.alarm(), job.is_some());
    } else {
        shared.inbox.set_alarm(core.alarm());
    }
    let closing = core.closing && job.is_none();
    drop(guard);
    if closing && let Some(core) = take_core(shared) {
        let error = core.close(&shared.outbox).err().unwrap_or(Error::Closed);
        end(shared, &error, None);
    }
    Ok(job)
}

/// The core, once no sync is under way: that one says for itself what became of its answers.
fn take_core(shared: &Shared) -> Option<Core> {
    let mut core = shared.core.lock();
    while core.as_ref().is_some_and(|core| core.syncing) {
        shared.synced.wait(&mut core);
    }
    core.take()
}

/// Says how it ended, once.
fn end(shared: &Shared, error: &Error, core: Option<Core>) {
    if let Some(core) = core {
        core.fail(&shared.outbox, error);
    }
    let Some(mut left) = shared.inbox.end(error.clone()) else { return };
    shared.refuse(&mut left, error);
    let mut effects = Vec::new();
    if *error != Error::Closed {
        effects.push(Effect::Failed(error.clone()));
    }
    effects.push(Effect::Closed);
    shared.outbox.publish(&mut effects);
}

/// See [`Engine::submit_in_place`](super::Engine::submit_in_place).
pub(super) fn in_place(shared: &Arc<Shared>, commands: &mut Vec<Command>) -> bool {
    let mut done = false;
    if let Some(mut guard) = shared.core.try_lock()
        && guard.is_some()
        && shared.inbox.is_idle()
    {
        // The guard goes with the closure, before an error is looked at.
        guarded(shared, || {
            let Some(core) = &mut *guard else { return Ok(()) };
            done = core.in_place(&shared.outbox, commands)?;
            if done {
                shared.inbox.set_alarm(core.alarm());
            }
            drop(guard);
            Ok(())
        });
    }
    done
}
