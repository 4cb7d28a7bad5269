//! The judge of engines: distances in f64, exact neighbours, and the neighbours that a file names.

mod distance;
pub(crate) mod named;
pub(crate) mod oracle;
