//! Workers come and go.

use super::worker::Worker;
use super::{Machine, Round};
use crate::{Effect, Error, Outcome, QueueRef, WorkerId, WorkerOptions};

impl Machine {
    pub(super) fn consume(
        &mut self,
        worker: WorkerId,
        queue: QueueRef,
        options: WorkerOptions,
    ) -> Result<Outcome, Error> {
        let queue = self.find(queue)?;
        let invalid = |detail: &str| Err(Error::OptionInvalid { detail: detail.into() });
        if options.batch.is_some_and(|batch| batch.size == 0) {
            return invalid("a batch has at least one message");
        }
        let found = self.queue(queue)?;
        if found.options.by_interest && (options.batch.is_some() || found.workers > 0) {
            return invalid("a queue by interest has one worker, which takes no batches");
        }
        if self.worker_numbers.contains_key(&worker.0) {
            return invalid("the worker's number is in use");
        }
        if self.worker_numbers.len() >= self.config.max_workers as usize {
            return Err(Error::TooMany { what: "workers", limit: self.config.max_workers.into() });
        }
        let index = self.workers.iter().position(Option::is_none).unwrap_or(self.workers.len());
        let new = Some(Worker::new(worker, queue, options));
        match self.workers.get_mut(index) {
            Some(place) => *place = new,
            None => self.workers.push(new),
        }
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        self.worker_numbers.insert(worker.0, index);
        self.queue_mut(queue)?.workers += 1;
        self.seat(index);
        self.touch(queue);
        Ok(Outcome::Done)
    }

    pub(super) fn set_concurrency(&mut self, worker: WorkerId, concurrency: u32) {
        let Some(index) = self.worker_numbers.get(&worker.0).copied() else { return };
        if let Some(Some(found)) = self.workers.get_mut(index as usize) {
            found.options.concurrency = concurrency;
            let queue = found.queue;
            self.seat(index);
            self.touch(queue);
        }
    }

    pub(super) fn close_worker(&mut self, cx: &mut Round<'_>, worker: WorkerId, lost: bool) {
        if let Some(index) = self.worker_numbers.remove(&worker.0) {
            self.end_worker(cx, index, lost);
        }
        // Behind its deliveries, which may wait for a commit.
        cx.out.durable.push(Effect::WorkerClosed { worker });
    }

    /// All workers end, and what they hold goes back: the engine closes.
    pub(super) fn end_all_workers(&mut self, cx: &mut Round<'_>) {
        self.worker_numbers.clear();
        for index in 0..u32::try_from(self.workers.len()).unwrap_or(u32::MAX) {
            self.end_worker(cx, index, false);
        }
    }

    fn end_worker(&mut self, cx: &mut Round<'_>, index: u32, lost: bool) {
        let Some(Some(found)) = self.workers.get_mut(index as usize) else { return };
        let (queue, first, timeout) = (found.queue, found.leases, found.options.visibility_timeout);
        found.lost = true;
        let idle = std::mem::take(&mut found.idle);
        if self.is_by_interest(queue) {
            self.no_interest(queue);
        }
        if let Ok(queue) = self.queue_mut(queue) {
            queue.workers = queue.workers.saturating_sub(1);
            if idle {
                queue.idle.retain(|other| *other != index);
            }
        }
        let leases: Vec<u32> = self.leases.list(first).collect();
        for lease in &leases {
            if lost {
                let until = cx.now.mono.saturating_add(timeout);
                self.leases.change(*lease, |held| held.expires = Some(held.expires.map_or(until, |at| at.min(until))));
            } else if let Some(slot) = self.leases.get(*lease).map(|held| held.slot) {
                // The list is newest first, so the oldest ends up in front.
                self.give_back(slot);
            }
        }
        if leases.is_empty()
            && let Some(place) = self.workers.get_mut(index as usize)
        {
            *place = None;
        }
    }
}
