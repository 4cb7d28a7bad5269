//! Blocks of rows that adapters are given: refused where they do not fit, and inserted.

use anyhow::{Result, ensure};

use crate::engine::Engine;
use crate::vectors::Vectors;

/// Inserts all rows, `batch` at a time: for the `build` of engines that grow by insertion.
pub(crate) fn insert_rows<E: Engine + 'static>(
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
pub(crate) fn ensure_block(ids: &[u64], vectors: &[f32], dim: usize) -> Result<()> {
    let (n, components) = (ids.len(), vectors.len());
    ensure!(components == n * dim, "{components} components are no {n} vectors of dim {dim}");
    Ok(())
}

/// The rows of a block with their ids, for engines that take one vector at a time. They are inserted on the
/// current rayon pool if it has several threads, otherwise one after the other, which gives the same index
/// every time.
#[cfg(any(feature = "hnsw_rs", feature = "usearch"))]
pub(crate) fn insert_each(
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
pub(crate) fn ensure_query(query: &[f32], dim: usize) -> Result<()> {
    ensure!(query.len() == dim, "a query of dim {} in an index of dim {dim}", query.len());
    Ok(())
}
