//! Many sends in one system call, by `io_uring` (Linux 5.6 and later, where it is not forbidden).
//!
//! Each send is tried at once and never waited for (`MSG_DONTWAIT`), so the call returns when all have been tried. The kernel
//! does not go back to the process in between: clients on the same machine do not take the processor from a half-written broadcast.

use std::io;
use std::mem;
use std::os::fd::AsRawFd;

use io_uring::{IoUring, opcode, types};
use rustix::net::SendFlags;

use super::Outgoing;

/// How many sends one system call makes.
pub(crate) const CAPACITY: usize = 256;

/// A ring of one thread.
pub(crate) struct Ring {
    /// `None` after a failure that cannot be explained: from then on nothing is sent this way.
    ring: Option<IoUring>,
}

impl Ring {
    /// `None` where the kernel offers none.
    pub(crate) fn new() -> Option<Self> {
        let ring = IoUring::new(u32::try_from(CAPACITY).ok()?).ok()?;
        let mut probe = io_uring::Probe::new();
        ring.submitter().register_probe(&mut probe).ok()?;
        probe.is_supported(opcode::Send::CODE).then_some(Self { ring: Some(ring) })
    }

    /// Tries each send once, in their order, and notes the results: `None` stays where it was not tried. Returns the number
    /// of system calls.
    pub(crate) fn send(&mut self, sends: &mut [Outgoing]) -> u32 {
        let Some(ring) = &mut self.ring else { return 0 };
        let mut pushed = 0;
        {
            let mut queue = ring.submission();
            for (number, send) in sends.iter().enumerate() {
                let bytes = send.frame.bytes();
                let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
                let entry = opcode::Send::new(types::Fd(send.socket.as_raw_fd()), bytes.as_ptr(), len)
                    .flags(flags.bits().cast_signed())
                    .build()
                    .user_data(number as u64);
                // SAFETY: `sends` keeps the descriptor open and the bytes, which are never changed, alive; this function does
                // not return before the kernel has answered, or leaks both.
                if unsafe { queue.push(&entry) }.is_err() {
                    break;
                }
                pushed += 1;
            }
        }
        let (answered, calls) = wait(ring, pushed, sends);
        if answered < pushed {
            let untouched = ring.submission().len();
            let taken = sends.get_mut(..pushed.saturating_sub(untouched)).unwrap_or_default();
            for send in taken.iter_mut().filter(|send| send.result.is_none()) {
                mem::forget((send.socket.clone(), send.frame.clone()));
                send.result = Some(Err(io::Error::from(io::ErrorKind::BrokenPipe)));
            }
            self.ring = None;
        }
        calls
    }
}

/// Hands over what was pushed and collects the answers. Fewer than `pushed` when the kernel refuses for another reason than a
/// signal.
fn wait(ring: &mut IoUring, pushed: usize, sends: &mut [Outgoing]) -> (usize, u32) {
    let (mut answered, mut calls) = (0, 0);
    while answered < pushed {
        let result = ring.submit_and_wait(pushed - answered);
        calls += 1;
        let before = answered;
        for entry in ring.completion() {
            answered += 1;
            let number = usize::try_from(entry.user_data()).unwrap_or(usize::MAX);
            if let Some(send) = sends.get_mut(number) {
                let result = entry.result();
                send.result =
                    Some(usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(result.saturating_neg())));
            }
        }
        match result {
            Err(error) if error.kind() != io::ErrorKind::Interrupted && before == answered => break,
            _ => {}
        }
    }
    (answered, calls)
}
