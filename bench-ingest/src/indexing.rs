//! What the workloads that fill an index share: one thread, a search, and the facts about the engine.

use anyhow::{Context, Result};
use bench_core::case::Mode;
use bench_core::harness::{Prepared, Workload};
use bench_vectors::dataset::Vectors;
use bench_vectors::engine::{self, Adapter, Engine, HeapVisibility, Neighbour};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// How many neighbours a query asks for.
pub const K: usize = 10;

/// An index, and what it found for each query.
pub type Searched = (Box<dyn Engine>, Vec<Vec<Neighbour>>);

/// A pool of one thread that has run once, so that no phase pays for it: an engine that builds on rayon's pool builds
/// the same index every time.
///
/// # Errors
/// When the thread cannot be started.
pub fn one_thread() -> Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.context("start a rayon pool of one thread")?;
    pool.broadcast(|_| ());
    Ok(pool)
}

/// Searches for each query on this thread.
///
/// # Errors
/// When the engine fails.
pub fn search(index: &dyn Engine, queries: &Vectors) -> Result<Vec<Vec<Neighbour>>> {
    (0..queries.len()).map(|query| index.search(queries.row(query), K)).collect()
}

/// Says which engine runs, in which version, and whether its heap can be seen.
pub fn with_engine(prepared: Prepared, adapter: &Adapter) -> Prepared {
    prepared
        .input("engine", format!("{} {}", adapter.name, adapter.version()))
        .foreign_heap(adapter.heap.foreign_reason())
}

/// Whether 1000 vectors take the engine seconds: M 32, which cannot be set. The quick grid leaves it out.
pub fn is_slow(adapter: &Adapter) -> bool {
    adapter.name == "instant-distance"
}

/// Mode `sites` is absent for the engines that allocate behind Rust's back: dhat sees what the Rust allocator sees.
pub fn without_foreign_sites(workload: Workload) -> Workload {
    engine::ALL.iter().fold(workload, |workload, adapter| match adapter.heap {
        HeapVisibility::Foreign(reason) => {
            workload.absent_for("engine", adapter.name, &[Mode::Sites], reason)
        }
        HeapVisibility::Rust => workload,
    })
}
