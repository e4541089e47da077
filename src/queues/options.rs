//! How queues are opened.

use std::time::Duration;

use napi::bindgen_prelude::{Error, Result, Status};
use napi_derive::napi;
use socketio_queue::{DiskOptions, DiskStore, Durability, MemoryStore, Opener, Store};
use socketio_queue_redis::RedisOptions;

/// The settings of the store, validated by `lib/queues/options.js`.
#[napi(object)]
pub struct NativeQueuesOptions {
    /// The directory of the disk store; without, messages are kept in memory.
    pub path: Option<String>,
    /// `"commit"`, `"interval"` or `"none"`.
    pub durability: String,
    /// Milliseconds, for `"interval"`.
    pub interval: u32,
    /// Bytes of a segment of the log.
    pub segment_bytes: u32,
    /// JSON: where Redis is, in place of `path`.
    pub redis: Option<String>,
    /// The prefix of all keys in Redis.
    pub key: String,
    /// Milliseconds that a command waits for Redis.
    pub timeout: f64,
    /// Only look at `path`: without its lock, and without changing anything there.
    pub view: bool,
}

impl NativeQueuesOptions {
    /// Where the queues are, if they are in Redis.
    pub fn redis(&self) -> Result<Option<RedisOptions>> {
        let Some(redis) = &self.redis else { return Ok(None) };
        let settings =
            serde_json::from_str(redis).map_err(|error| Error::new(Status::InvalidArg, error.to_string()))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
        let timeout = Duration::from_millis(self.timeout as u64);
        Ok(Some(RedisOptions { settings, key: self.key.clone(), timeout }))
    }

    /// What opens the store, on the engine's thread.
    pub fn opener(self) -> Opener {
        Box::new(move || {
            let Some(path) = self.path else { return Ok(Box::new(MemoryStore::new()) as Box<dyn Store>) };
            if self.view {
                return Ok(Box::new(DiskStore::view(path)?));
            }
            let mut options = DiskOptions::new(path);
            options.segment_bytes = self.segment_bytes;
            options.durability = match &*self.durability {
                "interval" => Durability::Interval(Duration::from_millis(self.interval.into())),
                "none" => Durability::None,
                _ => Durability::Commit,
            };
            Ok(Box::new(DiskStore::open(options)?))
        })
    }
}
