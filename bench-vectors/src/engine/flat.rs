//! The engine `flat`: every vector in one block, every search over all of them. Exact.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use anyhow::{Result, ensure};

use super::{Distance, Engine, Neighbour};

/// An exact index without any structure: what it holds is the vectors and their ids.
pub struct Flat {
    dim: usize,
    distance: Distance,
    ids: Vec<u64>,
    vectors: Vec<f32>,
}

impl Flat {
    /// An empty index of vectors with `dim` components.
    ///
    /// # Panics
    /// When `dim` is 0.
    pub fn new(dim: usize, distance: Distance) -> Flat {
        assert!(dim > 0, "vectors need at least one component");
        Flat { dim, distance, ids: Vec::new(), vectors: Vec::new() }
    }
}

impl Engine for Flat {
    fn name(&self) -> &'static str {
        "flat"
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").into()
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn len(&self) -> usize {
        self.ids.len()
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        ensure!(
            vectors.len() == ids.len() * self.dim,
            "{} components are no {} vectors of dim {}",
            vectors.len(),
            ids.len(),
            self.dim
        );
        self.ids.extend_from_slice(ids);
        self.vectors.extend_from_slice(vectors);
        Ok(())
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        ensure!(query.len() == self.dim, "a query of dim {} in an index of dim {}", query.len(), self.dim);
        let k = k.min(self.len());
        let mut nearest = BinaryHeap::with_capacity(k + 1);
        for (&id, vector) in self.ids.iter().zip(self.vectors.chunks_exact(self.dim)) {
            let found = FarthestFirst(Neighbour { id, distance: self.distance.between(query, vector) });
            if nearest.len() < k {
                nearest.push(found);
            } else if nearest.peek().is_some_and(|farthest| found < *farthest) {
                nearest.pop();
                nearest.push(found);
            }
        }
        Ok(nearest.into_sorted_vec().into_iter().map(|found| found.0).collect())
    }
}

/// The order of the heap: its top is the farthest of those found so far.
struct FarthestFirst(Neighbour);

impl Ord for FarthestFirst {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.nearer_first(&other.0)
    }
}

impl PartialOrd for FarthestFirst {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for FarthestFirst {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for FarthestFirst {}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Flat {
        let mut flat = Flat::new(1, Distance::L2);
        flat.insert(&[10, 11, 12], &[0.0, 5.0, 2.0]).unwrap();
        flat.insert(&[13], &[-1.0]).unwrap();
        flat
    }

    fn ids(found: &[Neighbour]) -> Vec<u64> {
        found.iter().map(|neighbour| neighbour.id).collect()
    }

    #[test]
    fn the_nearest_come_first_and_equal_ones_by_id() {
        assert_eq!(ids(&line().search(&[0.4], 3).unwrap()), [10, 13, 12]);
        assert_eq!(ids(&line().search(&[1.0], 2).unwrap()), [10, 12], "both at distance 1");
        assert_eq!(line().search(&[4.0], 1).unwrap(), [Neighbour { id: 11, distance: 1.0 }]);
    }

    #[test]
    fn a_search_for_more_than_there_are_finds_all() {
        assert_eq!(line().search(&[0.0], 100).unwrap().len(), 4);
        assert_eq!(line().search(&[0.0], 0).unwrap(), []);
        assert_eq!(Flat::new(3, Distance::Cosine).search(&[1.0, 0.0, 0.0], 5).unwrap(), []);
    }

    #[test]
    fn a_block_or_a_query_of_another_dim_is_refused() {
        assert!(line().insert(&[1, 2], &[0.0]).unwrap_err().to_string().contains("2 vectors of dim 1"));
        assert!(line().search(&[0.0, 1.0], 1).is_err());
    }
}
