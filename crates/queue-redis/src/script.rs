//! The script, in two versions: the second is for a Redis that is out of memory, and is given no sends.

/// What both have. Each call makes its functions anew, which takes as long as a send: those of `rare` are made when one of them is called.
const BODY: &str = concat!(
    include_str!("script/base.lua"),
    include_str!("script/place.lua"),
    include_str!("script/send.lua"),
    include_str!("script/consume.lua"),
    "local declare\nlocal function rare()\n",
    include_str!("script/manage.lua"),
    include_str!("script/look.lua"),
    include_str!("script/schedule.lua"),
    "end\n",
    include_str!("script/run.lua"),
);

/// With flags (Redis 7.0), a script that cannot run is refused before it has changed anything.
pub(crate) fn sources() -> [String; 2] {
    [format!("#!lua\n{BODY}"), format!("#!lua flags=allow-oom\n{BODY}")]
}
