//! All system calls on connections: duplicate a descriptor, write to it, wait until it can be written. The only module of this
//! crate with unsafe code.
#![expect(unsafe_code, reason = "the kernel is promised that descriptors stay open, and bytes where they are")]

#[cfg_attr(not(target_os = "linux"), path = "socket/ring_none.rs")]
mod ring;

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendFlags};
use socketio_wire::Frame;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

pub(crate) use ring::{CAPACITY, Ring};

/// How often a lane is tried whose readiness cannot be watched.
const RETRY: Duration = Duration::from_millis(50);

/// A connected stream socket (TCP or Unix) in non-blocking mode that somebody else owns.
pub type RawSocket<'a> = BorrowedFd<'a>;

/// A lane's own descriptor of a connection. Closed when the last clone goes.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    fd: Arc<OwnedFd>,
}

/// A frame on its way to the kernel, in a batch.
pub(crate) struct Outgoing {
    pub(crate) socket: Socket,
    pub(crate) frame: Frame,
    /// `None` until it was tried.
    pub(crate) result: Option<io::Result<usize>>,
}

impl Socket {
    /// Duplicates a descriptor (close-on-exec).
    pub(crate) fn duplicate(raw: RawSocket<'_>) -> io::Result<Self> {
        Ok(Self { fd: Arc::new(rustix::io::fcntl_dupfd_cloexec(raw, 3)?) })
    }

    /// Writes what the kernel takes now. [`io::ErrorKind::WouldBlock`] when it takes nothing. Never raises a signal.
    pub(crate) fn send(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        loop {
            let sent = match parts {
                [one] => rustix::net::send(&self.fd, one, flags),
                many => rustix::net::sendmsg(&self.fd, many, &mut SendAncillaryBuffer::default(), flags),
            };
            match sent {
                Err(rustix::io::Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }

    /// Calls `on_writable` each time that the kernel takes bytes again, until it is aborted.
    pub(crate) async fn watch(self, on_writable: impl Fn()) {
        // SAFETY: `Socket` owns its descriptor through an `Arc<OwnedFd>` that nothing replaces: it stays open, and the same,
        // until the registration is dropped.
        let registered = unsafe { AsyncFd::register_with_interest(self, Interest::WRITABLE) };
        let Ok(socket) = registered else {
            // No room for the registration: the lane tries again now and then, until this is aborted.
            loop {
                tokio::time::sleep(RETRY).await;
                on_writable();
            }
        };
        while let Ok(mut ready) = socket.writable().await {
            // Cleared before the next write is tried: readiness that comes after that is a new event.
            ready.clear_ready();
            on_writable();
            // One that broke is ready for ever: the writer gets its turn, finds out, and aborts this.
            tokio::task::yield_now().await;
        }
    }
}

impl std::os::fd::AsRawFd for Socket {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.fd.as_fd().as_raw_fd()
    }
}
