//! Ground truth of a data set: from its files, from the cache, or computed.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{Dataset, Vectors, neighbours, truth_cache};
use crate::engine::{Distance, Neighbour, exact_neighbours, named_neighbours};
use crate::kept;

/// The `k` exact neighbours of each query (all, if there are fewer), nearest first, computed on rayon's current pool:
/// once for each content, if there is a folder to keep them in.
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
    /// The `k` exact neighbours of each query (all, if there are fewer), nearest first: those that came with the data
    /// set, if `queries` did too (`own_queries`), `base` is all of it, and the distance is the file's; otherwise they
    /// are computed on rayon's current pool, once for each content if there is a cache.
    ///
    /// # Errors
    /// When a file of neighbours is broken, or does not belong to the vectors or the distance.
    pub fn ground_truth(
        &self,
        base: &Vectors,
        queries: &Vectors,
        k: usize,
        own_queries: bool,
    ) -> Result<Vec<Vec<Neighbour>>> {
        let k = k.min(base.len());
        if own_queries
            && base.len() == self.len()
            && let Some(ids) = self.named_ids(queries.len(), k)?
        {
            let file = self.neighbours.as_ref().unwrap_or(&self.path);
            return named_neighbours(base, queries, &ids, self.distance)
                .with_context(|| format!("judge the neighbours in {}", file.display()));
        }
        computed(base, queries, k, self.distance, self.cache.as_deref())
    }

    /// The ids in a file beside the data set, or in its own file.
    fn named_ids(&self, queries: usize, k: usize) -> Result<Option<Vec<Vec<u64>>>> {
        if let Some(path) = &self.neighbours {
            return neighbours::read(path, queries, k).map(Some);
        }
        // Queries beside the file are not those that its neighbours belong to, and another distance has others.
        let usable = self.queries.is_none() && self.contradicted.is_none();
        let Some(shape) = self.contents.neighbours.filter(|shape| usable && shape.dim >= k) else {
            return Ok(None);
        };
        let within = || format!("read the neighbours in the data set {}", self.path.display());
        ensure!(
            shape.len >= queries,
            "the data set {} has neighbours of {} queries, but {queries} queries or more",
            self.path.display(),
            shape.len
        );
        let mut ids = self.format.read_neighbours(&self.path, queries).with_context(within)?;
        ids.iter_mut().for_each(|ids| ids.truncate(k));
        Ok(Some(ids))
    }
}
