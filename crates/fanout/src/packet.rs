//! One Engine.IO message as frames: a text frame, and a binary frame for each attachment.

use smallvec::SmallVec;
use socketio_wire::Frame;

/// The frames of one packet. They are given to a lane, or dropped, together.
#[derive(Clone, Debug)]
pub struct Packet {
    frames: SmallVec<[Frame; 1]>,
    /// The same for clients of Engine.IO protocol 3, where it differs.
    legacy: Option<SmallVec<[Frame; 1]>>,
}

impl Packet {
    /// A packet that is the same for each client.
    pub fn new(frames: impl IntoIterator<Item = Frame>) -> Self {
        Self { frames: frames.into_iter().collect(), legacy: None }
    }

    /// Adds the form for clients of Engine.IO protocol 3, whose binary frames start with a byte 4.
    #[must_use]
    pub fn with_legacy(mut self, frames: impl IntoIterator<Item = Frame>) -> Self {
        self.legacy = Some(frames.into_iter().collect());
        self
    }

    pub(crate) fn frames(&self, legacy: bool) -> &[Frame] {
        match &self.legacy {
            Some(frames) if legacy => frames,
            _ => &self.frames,
        }
    }
}

impl From<Frame> for Packet {
    fn from(frame: Frame) -> Self {
        Self { frames: SmallVec::from_buf([frame]), legacy: None }
    }
}
