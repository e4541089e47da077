//! Fuzz target of what is private here (`fuzz/bodies` has the others).

pub use crate::disk::fuzzing::record;
