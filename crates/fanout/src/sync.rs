//! What threads meet at. Under `--cfg fanout_loom` these are loom's, which tries the ways in which threads can take turns: the
//! models in `writer/models.rs` then drive the code as it is.

use std::time::{Duration, Instant};

#[cfg(not(fanout_loom))]
pub(crate) use parking_lot::{Condvar, Mutex};
#[cfg(not(fanout_loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
#[cfg(not(fanout_loom))]
pub(crate) use tokio::sync::Notify;

#[cfg(fanout_loom)]
pub(crate) use self::modelled::{Condvar, Mutex, Notify};
#[cfg(fanout_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// How long ago that was.
pub(crate) fn elapsed(since: Instant) -> Duration {
    // In a model no time passes: it must take the same way each time.
    if cfg!(fanout_loom) { Duration::ZERO } else { since.elapsed() }
}

/// loom's, with the signatures of those above.
#[cfg(fanout_loom)]
#[expect(clippy::unwrap_used, reason = "a model fails by panicking")]
mod modelled {
    use std::future::poll_fn;
    use std::ops::{Deref, DerefMut};
    use std::task::{Poll, Waker};
    use std::time::Instant;

    use loom::sync;

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(sync::Mutex<T>);

    /// `None` while it waits for a [`Condvar`].
    pub(crate) struct MutexGuard<'a, T>(Option<sync::MutexGuard<'a, T>>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().unwrap()))
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard)))
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            self.0.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().unwrap()
        }
    }

    #[derive(Debug)]
    pub(crate) struct Condvar(sync::Condvar);

    /// Time does not pass in a model.
    pub(crate) struct Waited;

    impl Waited {
        #[expect(clippy::unused_self, reason = "as with the other one")]
        pub(crate) fn timed_out(&self) -> bool {
            false
        }
    }

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self(sync::Condvar::new())
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }

        pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _deadline: Instant) -> Waited {
            guard.0 = guard.0.take().map(|held| self.0.wait(held).unwrap());
            Waited
        }
    }

    /// What tokio promises to one waiter: a notification that finds nobody is kept, one of them.
    #[derive(Debug, Default)]
    pub(crate) struct Notify(sync::Mutex<(bool, Option<Waker>)>);

    impl Notify {
        pub(crate) fn new() -> Self {
            Self::default()
        }

        pub(crate) fn notify_one(&self) {
            let waker = {
                let mut state = self.0.lock().unwrap();
                state.0 = true;
                state.1.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        }

        pub(crate) async fn notified(&self) {
            poll_fn(|context| {
                let mut state = self.0.lock().unwrap();
                if std::mem::take(&mut state.0) {
                    return Poll::Ready(());
                }
                state.1 = Some(context.waker().clone());
                Poll::Pending
            })
            .await;
        }
    }
}
