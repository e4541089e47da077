//! Strings from JavaScript, copied once: straight into the buffer of the frame that will carry them.
#![expect(unsafe_code, reason = "N-API writes into a buffer that is not initialised yet")]

use std::ptr;

use napi::bindgen_prelude::{FromNapiValue, TypeName, ValidateNapiValue};
use napi::{Result, ValueType, check_status, sys};
use socketio_wire::{Frame, MAX_HEADER, OpCode};

/// Room for a frame's header and the type of its packet.
const HEADROOM: usize = MAX_HEADER + 1;

/// A string as UTF-8; a lone surrogate becomes U+FFFD, as in `Buffer.from(text)`.
pub struct Text {
    /// [`HEADROOM`] bytes, then the text.
    buffer: Vec<u8>,
}

impl Text {
    /// A text frame: the character `kind`, then the text.
    pub fn into_frame(self, kind: u8) -> Frame {
        Frame::with_headroom(OpCode::Text, Some(kind), self.buffer, HEADROOM)
    }
}

impl TypeName for Text {
    fn type_name() -> &'static str {
        "String"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ValidateNapiValue for Text {}

impl FromNapiValue for Text {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        let mut len = 0;
        // SAFETY: `env` and `value` are those of the running call; without a buffer, N-API only writes the length.
        check_status!(unsafe { sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &raw mut len) })?;
        let mut buffer = Vec::<u8>::with_capacity(HEADROOM + len + 1);
        buffer.resize(HEADROOM, 0);
        let mut written = 0;
        let text = buffer.spare_capacity_mut().as_mut_ptr().cast();
        // SAFETY: behind the headroom there is room for the text and its final zero, and N-API is told so.
        check_status!(unsafe { sys::napi_get_value_string_utf8(env, value, text, len + 1, &raw mut written) })?;
        // SAFETY: N-API has initialised `written` bytes, at most `len`, which are within the capacity.
        unsafe { buffer.set_len(HEADROOM + written.min(len)) };
        Ok(Self { buffer })
    }
}
