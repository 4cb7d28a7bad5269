//! Engines: what keeps vectors and finds the nearest ones, behind one small trait.
//!
//! An engine is one adapter file here, one cargo feature, and one line in [`ALL`]. `flat` is ours: the control that every
//! other engine is compared with. The oracle that judges answers, [`exact_neighbours`], shares no code with it.

mod adapter;
#[cfg(feature = "arroy")]
mod arroy;
#[cfg(any(feature = "pgvector", feature = "qdrant"))]
mod connections;
#[cfg(feature = "diskann")]
mod diskann;
mod distance;
mod exact_distance;
mod flat;
#[cfg(any(feature = "arroy", feature = "hannoy", feature = "sqlite-vec"))]
mod foreign_storage;
#[cfg(feature = "hannoy")]
mod hannoy;
#[cfg(feature = "hnsw_rs")]
mod hnsw_rs;
mod id_set;
#[cfg(feature = "instant-distance")]
mod instant_distance;
mod named;
mod oracle;
#[cfg(feature = "pgvector")]
mod pgvector;
#[cfg(feature = "qdrant")]
mod qdrant;
#[cfg(feature = "qdrant-edge")]
mod qdrant_edge;
mod server;
#[cfg(feature = "sqlite-vec")]
mod sqlite_vec;
#[cfg(feature = "usearch")]
mod usearch;
mod vectors;

use std::cmp::Ordering;

use anyhow::{Context, Result, bail, ensure};

pub use adapter::{Adapter, Capabilities, HeapVisibility, IndexSpec, pinned_version};
pub use distance::Distance;
pub use flat::Flat;
pub use id_set::IdSet;
pub use named::named_neighbours;
pub use oracle::{Oracle, exact_neighbours};
pub use server::{Server, ServerKind, ensure_servers_are_built};
pub use vectors::Vectors;

/// Every engine of this build, the control first.
pub const ALL: &[&Adapter] = &[
    &flat::ADAPTER,
    #[cfg(feature = "usearch")]
    &usearch::ADAPTER,
    #[cfg(feature = "hnsw_rs")]
    &hnsw_rs::ADAPTER,
    #[cfg(feature = "instant-distance")]
    &instant_distance::ADAPTER,
    #[cfg(feature = "sqlite-vec")]
    &sqlite_vec::ADAPTER,
    #[cfg(feature = "arroy")]
    &arroy::ADAPTER,
    #[cfg(feature = "diskann")]
    &diskann::ADAPTER,
    #[cfg(feature = "hannoy")]
    &hannoy::ADAPTER,
    #[cfg(feature = "qdrant-edge")]
    &qdrant_edge::ADAPTER,
    #[cfg(feature = "pgvector")]
    &pgvector::ADAPTER,
    #[cfg(feature = "qdrant")]
    &qdrant::ADAPTER,
];

/// The names of the engines that `suits`, for the axis `engine`.
pub fn names(suits: impl Fn(&Adapter) -> bool) -> Vec<&'static str> {
    ALL.iter().filter(|adapter| suits(adapter)).map(|adapter| adapter.name).collect()
}

/// The engine called `name`.
///
/// # Errors
/// When there is no such engine in this build.
pub fn find(name: &str) -> Result<&'static Adapter> {
    let found = ALL.iter().find(|adapter| adapter.name == name).copied();
    found
        .with_context(|| format!("no engine {name:?} in this build; there is {}", names(|_| true).join(", ")))
}

/// One vector that a search found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// The id that the vector was inserted with.
    pub id: u64,
    /// Its [`Distance`] from the query.
    pub distance: f32,
}

impl Neighbour {
    /// The nearer one first; at equal distances the one with the smaller id.
    pub fn nearer_first(&self, other: &Neighbour) -> Ordering {
        self.distance.total_cmp(&other.distance).then(self.id.cmp(&other.id))
    }
}

/// An index of vectors. Threads may search it at the same time.
pub trait Engine: Send + Sync {
    /// How many vectors it holds.
    fn len(&self) -> usize;

    /// Whether it holds none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `k` nearest vectors (all, if there are fewer), the nearest first.
    ///
    /// # Errors
    /// When the query has another number of components, or the engine fails.
    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>>;

    /// The `k` nearest of the vectors whose ids are `allowed` (all of those, if there are fewer), the nearest first.
    ///
    /// # Errors
    /// As [`Engine::search`]; without [`Capabilities::filter`] always.
    fn search_filtered(&self, _query: &[f32], _k: usize, _allowed: &IdSet) -> Result<Vec<Neighbour>> {
        bail!("this engine cannot search under a filter")
    }

    /// Adds a block of vectors, row-major, one id each. The caller keeps ids unique.
    ///
    /// # Errors
    /// When the block does not hold one vector per id, or the engine refuses: without [`Capabilities::update`] it always
    /// does.
    fn insert(&mut self, _ids: &[u64], _vectors: &[f32]) -> Result<()> {
        bail!("this engine cannot insert into an index that was built")
    }

    /// Removes the vectors with these ids.
    ///
    /// # Errors
    /// When an id is not there, or the engine refuses: without [`Capabilities::delete`] it always does.
    fn delete(&mut self, _ids: &[u64]) -> Result<()> {
        bail!("this engine cannot delete")
    }

    /// Another client of the same index, with a connection of its own.
    ///
    /// # Errors
    /// When the server refuses, and for an engine inside this process always.
    fn connect(&self) -> Result<Box<dyn Client>> {
        bail!("this engine is no server")
    }

    /// What the engine says of its own memory, in bytes, if it says anything.
    fn memory_bytes(&self) -> Option<u64> {
        None
    }
}

/// A client of an index that a server holds. Dropping it closes its connection.
pub trait Client: Send {
    /// As [`Engine::search`].
    ///
    /// # Errors
    /// As [`Engine::search`].
    fn search(&mut self, query: &[f32], k: usize) -> Result<Vec<Neighbour>>;
}

/// Builds an index of `vectors`, whose ids are their row numbers.
///
/// # Errors
/// When there is no such engine in this build, the vectors have another dim than `spec` says, the engine cannot keep such
/// vectors ([`Adapter::cannot`]), or it fails.
pub fn build(name: &str, spec: &IndexSpec, vectors: &Vectors) -> Result<Box<dyn Engine>> {
    let adapter = find(name)?;
    ensure!(vectors.dim() == spec.dim, "vectors of dim {} for an index of dim {}", vectors.dim(), spec.dim);
    if let Some(reason) = adapter.cannot(spec.distance, spec.dim) {
        bail!("{reason}");
    }
    (adapter.build)(spec, vectors).with_context(|| format!("build an index of the engine {name}"))
}

/// Inserts all rows, `batch` at a time: for the `build` of engines that grow by insertion.
fn insert_rows<E: Engine + 'static>(
    mut engine: E,
    vectors: &Vectors,
    batch: usize,
) -> Result<Box<dyn Engine>> {
    ensure!(batch > 0, "a batch holds at least one vector");
    let mut first = 0;
    for block in vectors.data().chunks(batch * vectors.dim()) {
        let next = first + (block.len() / vectors.dim()) as u64;
        let ids: Vec<u64> = (first..next).collect();
        engine.insert(&ids, block)?;
        first = next;
    }
    Ok(Box::new(engine))
}

/// Refuses a block that does not hold one vector of `dim` components per id.
fn ensure_block(ids: &[u64], vectors: &[f32], dim: usize) -> Result<()> {
    let (n, components) = (ids.len(), vectors.len());
    ensure!(components == n * dim, "{components} components are no {n} vectors of dim {dim}");
    Ok(())
}

/// The rows of a block with their ids, for engines that take one vector at a time. They are inserted on the current
/// rayon pool if it has several threads, otherwise one after the other, which gives the same index every time.
#[cfg(any(feature = "hnsw_rs", feature = "usearch"))]
fn insert_each(
    ids: &[u64],
    vectors: &[f32],
    dim: usize,
    insert: impl Fn(u64, &[f32]) -> Result<()> + Sync,
) -> Result<()> {
    use rayon::prelude::*;
    if rayon::current_num_threads() == 1 {
        return ids.iter().zip(vectors.chunks_exact(dim)).try_for_each(|(&id, vector)| insert(id, vector));
    }
    ids.par_iter().zip(vectors.par_chunks_exact(dim)).try_for_each(|(&id, vector)| insert(id, vector))
}

/// Refuses a query of another dim: several engines would read past its end or panic.
fn ensure_query(query: &[f32], dim: usize) -> Result<()> {
    ensure!(query.len() == dim, "a query of dim {} in an index of dim {dim}", query.len());
    Ok(())
}
