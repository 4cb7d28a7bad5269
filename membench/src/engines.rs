//! Engines of your own under the workloads of the suites `ingest` and `search`.
//!
//! ```no_run
//! use membench::Result;
//! use membench::engines::{Adapter, Engine, IndexSpec, Neighbour, Vectors};
//!
//! static MINE: Adapter = Adapter::new("mine", build);
//!
//! struct Index(Vectors);
//!
//! fn build(_: &IndexSpec, vectors: &Vectors) -> Result<Box<dyn Engine>> {
//!     Ok(Box::new(Index(vectors.clone())))
//! }
//!
//! impl Engine for Index {
//!     fn len(&self) -> usize {
//!         self.0.len()
//!     }
//!
//!     fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
//!         let distance = |row: &[f32]| row.iter().zip(query).map(|(a, b)| (a - b) * (a - b)).sum();
//!         let rows = (0..self.0.len()).map(|id| (id as u64, self.0.row(id)));
//!         let mut found: Vec<_> = rows.map(|(id, row)| Neighbour { id, distance: distance(row) }).collect();
//!         found.sort_by(Neighbour::nearer_first);
//!         found.truncate(k);
//!         Ok(found)
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     membench::engines::run(&[&MINE])
//! }
//! ```
//!
//! Its manifest names both suites:
//!
//! ```toml
//! [package.metadata.membench]
//! suites = ["ingest", "search"]
//! ```

use std::process::ExitCode;

pub use bench_engines::{
    Adapter, Capabilities, Distance, Engine, HeapVisibility, IdSet, IndexSpec, Neighbour, Vectors, register,
};

/// The suite `ingest`: what it costs to bring documents and vectors into an index.
pub use bench_ingest::suite as ingest;
/// The suite `search`: what it costs to find the nearest vectors.
pub use bench_search::suite as search;

/// The whole program of some engines: what `main` returns. Every workload of `ingest` and `search` that they
/// can do runs on them, beside `flat` and the engines of this crate's features.
pub fn run(adapters: &[&'static Adapter]) -> ExitCode {
    if let Err(error) = register(adapters) {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    crate::run(&[ingest, search])
}
