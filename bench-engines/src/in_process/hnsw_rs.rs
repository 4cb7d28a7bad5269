//! The engine `hnsw_rs`: an HNSW graph in Rust, many small blocks per vector. It has no deletion.
//!
//! Insertion on one thread is serial; a parallel one depends on the threads' order. Levels come from a fixed
//! seed of its own.

use anyhow::Result;
use hnsw_rs::prelude::{DistCosine, DistL2, Distance as Measure, Hnsw, Neighbour as Found};

use crate::adapter::{Adapter, Capabilities, HeapVisibility, IndexSpec, no_saved_index};
use crate::block::{ensure_block, ensure_query, insert_each, insert_rows};
use crate::distance::Distance;
use crate::engine::{Engine, Neighbour};
use crate::id_set::IdSet;
use crate::storage::Storage;

pub(crate) const ADAPTER: Adapter = Adapter {
    name: "hnsw_rs",
    package: Some("hnsw_rs"),
    capabilities: Capabilities {
        distances: &Distance::ALL,
        largest_dim: None,
        exact: false,
        delete: false,
        update: true,
        filter: true,
        labels: false,
        threads: true,
        storages: &[Storage::F32],
        placements: &[],
        exact_distances: true,
    },
    parameters: &["m", "ef_construction", "ef", "reserve", "threads"],
    heap: HeapVisibility::Rust,
    varies: None,
    cosine_of: (0.0, f32::MAX),
    build: |spec, vectors| match spec.distance {
        Distance::L2 => insert_rows(HnswRs::new(spec, DistL2), vectors, spec.batch),
        Distance::InnerProduct => insert_rows(HnswRs::new(spec, NonNegativeDot), vectors, spec.batch),
        Distance::Cosine => insert_rows(HnswRs::new(spec, DistCosine), vectors, spec.batch),
    },
    open: no_saved_index,
};

/// The inner product of vectors of any length. The engine's own asks for vectors of length 1, and its graph
/// for distances that are not negative; all that it does with them is to compare, so any numbers in the right
/// order do.
#[derive(Clone, Copy)]
struct NonNegativeDot;

impl NonNegativeDot {
    /// A number that is not negative, greater for a greater rank: the bits of an f32 in their order, but the
    /// last.
    fn of_rank(rank: f32) -> f32 {
        let bits = rank.min(f32::MAX / 4.0).to_bits();
        let ordered = if rank.is_sign_negative() { !bits } else { bits | 1 << 31 };
        f32::from_bits(ordered >> 1)
    }

    /// The rank of such a number.
    fn rank(number: f32) -> f32 {
        let ordered = number.to_bits() << 1;
        f32::from_bits(if ordered >> 31 == 1 { ordered ^ 1 << 31 } else { !ordered })
    }
}

impl Measure<f32> for NonNegativeDot {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        NonNegativeDot::of_rank(Distance::InnerProduct.rank(a, b))
    }
}

/// The most layers that the engine has.
const LAYERS: usize = 16;

struct HnswRs<D: Measure<f32> + Send + Sync> {
    graph: Hnsw<'static, f32, D>,
    dim: usize,
    distance: Distance,
    ef: usize,
}

impl<D: Measure<f32> + Send + Sync> HnswRs<D> {
    fn new(spec: &IndexSpec, measure: D) -> HnswRs<D> {
        let graph = Hnsw::new(spec.m, spec.reserve, LAYERS, spec.ef_construction, measure);
        HnswRs { graph, dim: spec.dim, distance: spec.distance, ef: spec.ef }
    }

    fn neighbours(&self, found: &[Found]) -> Vec<Neighbour> {
        let neighbour = |id: usize, distance: f32| Neighbour {
            id: id as u64,
            distance: match self.distance {
                // Its Euclidean distance is the root of ours.
                Distance::L2 => distance * distance,
                Distance::InnerProduct => Distance::InnerProduct.of_rank(NonNegativeDot::rank(distance)),
                Distance::Cosine => distance,
            },
        };
        found.iter().map(|found| neighbour(found.d_id, found.distance)).collect()
    }
}

impl<D: Measure<f32> + Send + Sync> Engine for HnswRs<D> {
    fn len(&self) -> usize {
        self.graph.get_nb_point()
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.dim)?;
        Ok(self.neighbours(&self.graph.search(query, k, self.ef.max(k))))
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.dim)?;
        let is_allowed = |id: &usize| allowed.contains(*id as u64);
        Ok(self.neighbours(&self.graph.search_filter(query, k, self.ef.max(k), Some(&is_allowed))))
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        ensure_block(ids, vectors, self.dim)?;
        insert_each(ids, vectors, self.dim, |id, vector| {
            self.graph.insert((vector, id as usize));
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_become_numbers_in_the_same_order_and_come_back() {
        let ranks = [f32::MIN, -1e30, -7.5, -1.0, -1e-30, -0.0, 0.0, 1e-30, 1.0, 1.000_001, 7.5, 1e37];
        for pair in ranks.windows(2) {
            let (near, far) = (NonNegativeDot::of_rank(pair[0]), NonNegativeDot::of_rank(pair[1]));
            assert!(near >= 0.0 && near < far && far.is_finite(), "{pair:?}: {near} {far}");
        }
        for rank in ranks {
            let back = NonNegativeDot::rank(NonNegativeDot::of_rank(rank));
            assert!(
                (back - rank).abs() <= rank.abs() * 2.0 * f32::EPSILON + f32::MIN_POSITIVE,
                "{rank} became {back}"
            );
        }
    }
}
