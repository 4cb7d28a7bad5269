//! Ground truth of a data set: from its files, from the cache, or computed.

use std::path::Path;

use anyhow::{Context, Result};
use bench_engines::{Distance, Neighbour, Vectors, exact_neighbours, named_neighbours};

use super::contents::K;
use super::open::{Dataset, TruthSource};
use super::truth_cache;
use crate::kept;

/// The `k` exact neighbours of each query (all, if there are fewer), nearest first, computed on rayon's
/// current pool: once for each content, if there is a folder to keep them in.
///
/// # Errors
/// When the folder cannot be written.
pub fn computed(
    base: &Vectors,
    queries: &Vectors,
    k: usize,
    distance: Distance,
    cache: Option<&Path>,
) -> Result<Vec<Vec<Neighbour>>> {
    let compute = || Ok(exact_neighbours(base, queries, k, distance));
    // The key is a hash of all vectors, so it is made only where it is needed.
    let Some(folder) = cache else { return compute() };
    kept::load_or(Some(folder), &truth_cache::key(base, queries, k, distance), compute)
}

impl Dataset {
    /// The [`K`] exact neighbours of each query (all, if there are fewer), nearest first: those that came
    /// with the data set, if `queries` did too (`own_queries`) and `base` is all of it; otherwise they are
    /// computed on rayon's current pool, once for each content if there is a cache.
    ///
    /// # Errors
    /// When the neighbours that came do not belong to the vectors or the distance.
    pub fn ground_truth(
        &self,
        base: &Vectors,
        queries: &Vectors,
        own_queries: bool,
    ) -> Result<Vec<Vec<Neighbour>>> {
        match &self.truth {
            TruthSource::Named(neighbours) if own_queries && base.len() == self.len() => {
                let ids = &neighbours.ids[..queries.len().min(neighbours.ids.len())];
                named_neighbours(base, queries, ids, self.distance)
                    .with_context(|| format!("judge the neighbours in {}", neighbours.path.display()))
            }
            _ => computed(base, queries, K.min(base.len()), self.distance, self.cache.as_deref()),
        }
    }
}
