//! Call sites in the formats that other tools read.

mod collapsed;
mod flamegraph;
mod pprof;

pub use collapsed::collapsed;
pub use flamegraph::flamegraph;
pub use pprof::pprof;
