//! Time, which is handed in.

/// One reading of both clocks, in milliseconds.
///
/// The wall clock may jump either way; it decides `deliver_at`, `ttl` and cron only. Delays, backoff, leases, rate limits and
/// timeouts of this process's life run on the monotonic one. A delay that outlives the process is stored as wall time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Since 1970.
    pub wall: u64,
    /// Since any moment before the engine's start; never goes back.
    pub mono: u64,
}
