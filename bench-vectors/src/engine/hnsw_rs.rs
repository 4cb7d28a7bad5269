//! The engine `hnsw_rs`: an HNSW graph in Rust, many small blocks per vector. It has no deletion.
//!
//! Insertion on one thread is serial; a parallel one depends on the threads' order. Levels come from a fixed seed of its own.

use anyhow::Result;
use hnsw_rs::prelude::{DistCosine, DistDot, DistL2, Distance as Measure, Hnsw, Neighbour as Found};

use super::{
    Adapter, Capabilities, Distance, Engine, HeapVisibility, IdSet, IndexSpec, Neighbour, ensure_block,
    ensure_query, insert_each, insert_rows,
};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "hnsw_rs",
    package: Some("hnsw_rs"),
    capabilities: Capabilities {
        exact: false,
        delete: false,
        update: true,
        filter: true,
        threads: true,
        quantisation: false,
        persistence: true,
    },
    parameters: &["m", "ef_construction", "ef", "reserve", "threads"],
    heap: HeapVisibility::Rust,
    varies: None,
    build: |spec, vectors| match spec.distance {
        Distance::L2 => insert_rows(HnswRs::new(spec, DistL2), vectors, spec.batch),
        Distance::InnerProduct => insert_rows(HnswRs::new(spec, DistDot), vectors, spec.batch),
        Distance::Cosine => insert_rows(HnswRs::new(spec, DistCosine), vectors, spec.batch),
    },
};

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
            // Its Euclidean distance is the root of ours.
            distance: if self.distance == Distance::L2 { distance * distance } else { distance },
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
