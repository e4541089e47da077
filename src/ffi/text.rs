//! Strings from JavaScript, copied once or twice: into the buffer of the frame that will carry them.
#![expect(unsafe_code, reason = "N-API writes into a buffer that is not initialised yet")]

use std::mem::MaybeUninit;
use std::ptr;

use napi::bindgen_prelude::{FromNapiValue, TypeName, ValidateNapiValue};
use napi::{Result, ValueType, check_status, sys};
use socketio_wire::{Frame, MAX_HEADER, OpCode};

/// Room for a frame's header and the type of its packet.
const HEADROOM: usize = MAX_HEADER + 1;

/// A string that fits here, in bytes, is read by one call and copied: that costs less than to ask for its length first.
const SHORT: usize = 512;

/// The longest character of UTF-8, in bytes.
const MAX_CHARACTER: usize = 4;

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
        let mut short = [MaybeUninit::uninit(); SHORT];
        // SAFETY: `env` and `value` are those of the running call.
        let text = unsafe { read(env, value, &mut short) }?;
        // N-API leaves out a character that does not fit: where another one would have, this is all.
        if text.len() + MAX_CHARACTER < SHORT {
            let mut buffer = Vec::with_capacity(HEADROOM + text.len());
            buffer.resize(HEADROOM, 0);
            buffer.extend_from_slice(text);
            return Ok(Self { buffer });
        }
        let mut len = 0;
        // SAFETY: as above; without a buffer, N-API only writes the length.
        check_status!(unsafe { sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &raw mut len) })?;
        let mut buffer = Vec::<u8>::with_capacity(HEADROOM + len + 1);
        buffer.resize(HEADROOM, 0);
        // SAFETY: as above.
        let written = unsafe { read(env, value, buffer.spare_capacity_mut()) }?.len();
        // SAFETY: N-API has initialised so many bytes behind the headroom, which are within the capacity.
        unsafe { buffer.set_len(HEADROOM + written) };
        Ok(Self { buffer })
    }
}

/// Reads what fits of a string, and a final zero behind it.
///
/// # Safety
/// `env` and `value` are those of the running call.
unsafe fn read(env: sys::napi_env, value: sys::napi_value, buffer: &mut [MaybeUninit<u8>]) -> Result<&[u8]> {
    let mut written = 0;
    let (text, size) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: N-API is told how much room there is.
    check_status!(unsafe { sys::napi_get_value_string_utf8(env, value, text, size, &raw mut written) })?;
    let initialised = buffer.get(..written).unwrap_or_default();
    // SAFETY: N-API has initialised so many bytes. A `MaybeUninit<u8>` that is initialised is a `u8`.
    Ok(unsafe { std::slice::from_raw_parts(initialised.as_ptr().cast(), initialised.len()) })
}
