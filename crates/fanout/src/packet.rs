//! One Engine.IO message as frames: a text frame, and a binary frame for each attachment.

use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;
use socketio_wire::Frame;

type Frames = SmallVec<[Frame; 1]>;

/// The frames of one packet. They are given to a lane, or dropped, together.
#[derive(Clone, Debug)]
pub struct Packet {
    current: Variant,
    /// The same for clients of Engine.IO protocol 3, where it differs.
    legacy: Option<Variant>,
    /// It may be compressed.
    compress: bool,
    /// On a lane that is behind, only the newest packet with a key waits.
    key: Option<Arc<str>>,
}

/// What a lane's client understands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Form {
    /// It speaks Engine.IO protocol 3.
    pub legacy: bool,
    /// Per-message deflate was negotiated, without context take-over by the server.
    pub deflate: Option<Deflate>,
}

/// How messages are compressed.
#[derive(Clone, Copy, Debug)]
pub struct Deflate {
    /// Messages below this, in bytes, are sent as they are.
    pub threshold: usize,
    /// zlib's level, 0 to 9.
    pub level: u32,
}

#[derive(Clone, Debug)]
struct Variant {
    plain: Frames,
    /// Compressed once, by the first lane that needs it.
    deflated: OnceLock<Frames>,
}

impl Packet {
    /// A packet that is the same for each client. It may be compressed.
    pub fn new(frames: impl IntoIterator<Item = Frame>) -> Self {
        Self { current: Variant::new(frames.into_iter().collect()), legacy: None, compress: true, key: None }
    }

    /// Adds the form for clients of Engine.IO protocol 3, whose binary frames start with a byte 4.
    #[must_use]
    pub fn with_legacy(mut self, frames: impl IntoIterator<Item = Frame>) -> Self {
        self.legacy = Some(Variant::new(frames.into_iter().collect()));
        self
    }

    /// Chooses whether it may be compressed.
    #[must_use]
    pub fn compressed(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }

    /// On a lane that is behind, it takes the place of an older packet with the same key. One of several frames is sent in
    /// one piece then, and not compressed.
    #[must_use]
    pub fn conflated(mut self, key: Arc<str>) -> Self {
        for variant in std::iter::once(&mut self.current).chain(&mut self.legacy) {
            if variant.plain.len() > 1 {
                self.compress = false;
                variant.plain = Frame::joined(&variant.plain).into_iter().collect();
            }
        }
        self.key = Some(key);
        self
    }

    /// Its size on the wire for most clients, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.current.plain.iter().map(Frame::len).sum()
    }

    pub(crate) fn key(&self) -> Option<&Arc<str>> {
        self.key.as_ref()
    }

    /// The frames for a client. The first call for clients with deflate compresses them, for all such clients.
    pub(crate) fn frames(&self, form: Form) -> &[Frame] {
        let variant = match &self.legacy {
            Some(legacy) if form.legacy => legacy,
            _ => &self.current,
        };
        match form.deflate {
            Some(deflate) if self.compress => variant.deflated(deflate),
            _ => &variant.plain,
        }
    }
}

impl From<Frame> for Packet {
    fn from(frame: Frame) -> Self {
        Self { current: Variant::new(SmallVec::from_buf([frame])), legacy: None, compress: true, key: None }
    }
}

impl Variant {
    fn new(plain: Frames) -> Self {
        Self { plain, deflated: OnceLock::new() }
    }

    fn deflated(&self, deflate: Deflate) -> &[Frame] {
        let long = |frame: &Frame| frame.payload().len() >= deflate.threshold;
        if !self.plain.iter().any(long) {
            return &self.plain;
        }
        self.deflated.get_or_init(|| {
            let compress = |frame: &Frame| if long(frame) { frame.deflated(deflate.level) } else { None };
            self.plain.iter().map(|frame| compress(frame).unwrap_or_else(|| frame.clone())).collect()
        })
    }
}
