//! Lends the engine a descriptor that Node.js owns.
#![expect(unsafe_code, reason = "a number from JavaScript becomes a borrowed descriptor")]

use socketio_fanout::RawSocket;

/// Calls `use_it` with the descriptor while Node.js keeps it open. `None` where descriptors cannot be shared.
#[cfg(unix)]
pub fn with_descriptor<T>(fd: i32, use_it: impl FnOnce(RawSocket<'_>) -> T) -> Option<T> {
    if fd < 0 {
        return None;
    }
    // SAFETY: `fd` is that of an open handle of libuv. Closing it needs the event loop's thread, which is here until
    // `use_it` returns. Should JavaScript hand in a wrong number, the system call fails or duplicates another open
    // descriptor of this process: no memory is touched.
    Some(use_it(unsafe { RawSocket::borrow_raw(fd) }))
}

/// Descriptors cannot be shared on this platform.
#[cfg(not(unix))]
pub fn with_descriptor<T>(_fd: i32, _use_it: impl FnOnce(RawSocket<'_>) -> T) -> Option<T> {
    None
}
