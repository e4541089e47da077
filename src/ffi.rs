//! Where the binding touches what Rust cannot check: descriptors that Node.js owns, and strings that N-API writes. The only
//! unsafe code of this crate.

mod descriptor;
mod text;

pub use descriptor::with_descriptor;
pub use text::Text;
