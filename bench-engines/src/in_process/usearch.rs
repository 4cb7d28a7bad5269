//! The engine `usearch`: an HNSW graph in C++. Graph and vectors lie in arenas that it maps itself.
//!
//! Its memory is its own figure: mapped chunks that double, of which only the touched part is resident.

use anyhow::{Context, Result, bail, ensure};
use usearch::ffi::Matches;
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

use crate::adapter::{Adapter, Capabilities, HeapVisibility, IndexSpec};
use crate::block::{ensure_block, ensure_query, insert_each, insert_rows};
use crate::distance::Distance;
use crate::engine::{Engine, Neighbour};
use crate::id_set::IdSet;

pub(crate) const ADAPTER: Adapter = Adapter {
    name: "usearch",
    package: Some("usearch"),
    capabilities: Capabilities {
        distances: &Distance::ALL,
        largest_dim: None,
        exact: false,
        delete: true,
        update: true,
        filter: true,
        labels: false,
        threads: true,
        quantisation: true,
        persistence: true,
        exact_distances: true,
    },
    parameters: &["m", "ef_construction", "ef", "reserve", "threads"],
    heap: HeapVisibility::Foreign("usearch is C++: it allocates with malloc and maps its arenas itself"),
    varies: None,
    // It is compiled to multiply the squares of both lengths, which must stay within f32.
    cosine_of: (1.1e-19, 1.8e19),
    build: |spec, vectors| insert_rows(Usearch::new(spec)?, vectors, spec.batch),
};

struct Usearch {
    index: Index,
    dim: usize,
    threads: usize,
}

impl Usearch {
    fn new(spec: &IndexSpec) -> Result<Usearch> {
        let options = IndexOptions {
            dimensions: spec.dim,
            metric: match spec.distance {
                Distance::L2 => MetricKind::L2sq,
                Distance::InnerProduct => MetricKind::IP,
                Distance::Cosine => MetricKind::Cos,
            },
            quantization: ScalarKind::F32,
            connectivity: spec.m,
            expansion_add: spec.ef_construction,
            expansion_search: spec.ef,
            multi: false,
        };
        let usearch = Usearch { index: Index::new(&options)?, dim: spec.dim, threads: spec.threads };
        usearch.reserve(spec.reserve)?;
        Ok(usearch)
    }

    /// It has a context per thread, made here; without it, adding or searching fails.
    fn reserve(&self, capacity: usize) -> Result<()> {
        let reserved = self.index.reserve_capacity_and_threads(capacity, self.threads);
        reserved.with_context(|| format!("reserve {capacity} vectors and {} threads", self.threads))
    }
}

fn neighbours(found: Matches) -> Vec<Neighbour> {
    let pairs = found.keys.into_iter().zip(found.distances);
    pairs.map(|(id, distance)| Neighbour { id, distance }).collect()
}

impl Engine for Usearch {
    fn len(&self) -> usize {
        self.index.size()
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.dim)?;
        Ok(neighbours(self.index.search(query, k)?))
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.dim)?;
        Ok(neighbours(self.index.filtered_search(query, k, |id| allowed.contains(id))?))
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        ensure_block(ids, vectors, self.dim)?;
        // It never grows by itself, and not while threads add to it.
        let needed = self.index.size() + ids.len();
        if needed > self.index.capacity() {
            self.reserve(needed.next_power_of_two())?;
        }
        let add = |id, vector: &[f32]| self.index.add(id, vector);
        insert_each(ids, vectors, self.dim, |id, vector| {
            add(id, vector).with_context(|| format!("add the vector {id}"))
        })
    }

    fn delete(&mut self, ids: &[u64]) -> Result<()> {
        for &id in ids {
            let removed = self.index.remove(id).with_context(|| format!("remove the vector {id}"))?;
            match removed {
                1 => {}
                0 => bail!("there is no vector {id} to remove"),
                n => ensure!(n == 1, "{n} vectors were removed for the id {id}"),
            }
        }
        Ok(())
    }

    fn memory_bytes(&self) -> Option<u64> {
        Some(self.index.memory_usage() as u64)
    }
}
