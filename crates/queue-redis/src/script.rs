//! The script, in two versions: the second is for a Redis that is out of memory, and is given no sends.

use std::hash::{DefaultHasher, Hasher};

/// What both have: `run`, which executes a batch. The functions of `rare`, and those of queues by interest, are made
/// when one of them is called.
const BODY: &str = concat!(
    include_str!("script/base.lua"),
    include_str!("script/place.lua"),
    include_str!("script/send.lua"),
    include_str!("script/consume.lua"),
    include_str!("script/interest.lua"),
    "local declare\nlocal function rare()\n",
    include_str!("script/manage.lua"),
    include_str!("script/look.lua"),
    include_str!("script/schedule.lua"),
    "end\n",
    include_str!("script/run.lua"),
);

/// How a batch is executed.
pub(crate) struct Script {
    /// `FCALL` or `EVALSHA`.
    pub(crate) command: &'static str,
    /// Of the usual version, and of that for a full memory.
    pub(crate) names: [String; 2],
}

/// As scripts, which each server takes. Each call makes all functions anew, which takes longer than a send. With flags (Redis 7.0), one
/// that cannot run is refused before it has changed anything.
pub(crate) fn sources() -> [String; 2] {
    ["#!lua", "#!lua flags=allow-oom"].map(|head| format!("{head}\n{BODY}return run(KEYS, ARGV)\n"))
}

/// As a library of functions, which makes them once; not when it is loaded, when there is no `redis.call`. Its name tells the version, so
/// that processes with different ones share a Redis.
pub(crate) fn library() -> (String, Script) {
    let mut hasher = DefaultHasher::new();
    hasher.write(BODY.as_bytes());
    let name = format!("socketio_queues_{:016x}", hasher.finish());
    let names = [name.clone(), format!("{name}_full")];
    let [usual, full] = &names;
    let source = format!(
        "#!lua name={name}
local run
local function make()
{BODY}return run
end
local function call(keys, args)
  run = run or make()
  return run(keys, args)
end
redis.register_function('{usual}', call)
redis.register_function{{ function_name = '{full}', callback = call, flags = {{ 'allow-oom' }} }}
"
    );
    (source, Script { command: "FCALL", names })
}
