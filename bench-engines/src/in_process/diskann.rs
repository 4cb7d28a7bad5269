//! The engine `diskann`: a Vamana graph in Rust, in memory. The room for it is fixed at the build, for as
//! many vectors as it is built of or as [`IndexSpec::reserve`] says, and allocated at once. A deleted
//! vector's place is used again.
//!
//! A node has as many links as in the lowest layer of an HNSW graph: 2 M. Searches start at a copy of the
//! vector nearest to the mean, which is never found. Ids lie in a hash table with another seed in each
//! process and four shards per core: live bytes differ by a few KB from run to run, and from machine to
//! machine.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::{Context as Polling, Poll, Waker};

use anyhow::{Context as _, Result, bail};
use diskann::graph::ext::labeled::{Filtered, QueryLabelProvider};
use diskann::graph::search::{InlineFilterSearch, Knn};
use diskann::graph::{DiskANNIndex, InplaceDeleteMethod, StartPointStrategy, config};
use diskann::neighbor::Neighbor as Found;
use diskann::provider::DataProvider;
use diskann_inmem::num::{Capacity, MaxDegree};
use diskann_inmem::repr::Full;
use diskann_inmem::{Context, Provider, Strategy};
use diskann_utils::views::rowmajor;
use diskann_vector::distance::Metric;

use crate::adapter::{Adapter, Capabilities, HeapVisibility, IndexSpec, no_saved_index};
use crate::block::{ensure_block, ensure_query, insert_rows};
use crate::distance::Distance;
use crate::engine::{Engine, Neighbour};
use crate::id_set::IdSet;
use crate::storage::Storage;
use crate::vectors::Vectors;

pub(crate) const ADAPTER: Adapter = Adapter {
    name: "diskann",
    package: Some("diskann"),
    capabilities: Capabilities {
        distances: &Distance::ALL,
        largest_dim: None,
        exact: false,
        delete: true,
        update: true,
        filter: true,
        labels: false,
        threads: true,
        storages: &[Storage::F32],
        placements: &[],
        exact_distances: true,
    },
    parameters: &["m", "ef_construction", "ef", "reserve"],
    heap: HeapVisibility::Rust,
    varies: Some("its ids lie in a hash table with another seed in each process"),
    cosine_of: (0.0, f32::MAX),
    build: |spec, vectors| insert_rows(DiskAnn::new(spec, vectors)?, vectors, spec.batch),
    open: no_saved_index,
};

/// How many links replace those to a deleted vector.
const REPLACED_BY: usize = 3;

struct DiskAnn {
    graph: DiskANNIndex<Provider<Full<f32>, u64>>,
    dim: usize,
    distance: Distance,
    ef: usize,
    len: usize,
}

impl DiskAnn {
    fn new(spec: &IndexSpec, vectors: &Vectors) -> Result<DiskAnn> {
        let metric = match spec.distance {
            Distance::L2 => Metric::L2,
            Distance::InnerProduct => Metric::InnerProduct,
            Distance::Cosine => Metric::Cosine,
        };
        let slack = config::MaxDegree::default_slack();
        let builder = config::Builder::new(2 * spec.m, slack, spec.ef_construction, metric.into());
        let config = builder.build().context("configure the graph")?;
        let rows = rowmajor::Ref::try_from_data(vectors.data(), vectors.len(), vectors.dim())
            .map_err(|error| error.as_static())?;
        let start = StartPointStrategy::Medoid.compute(rows).context("choose the start")?;
        let room = Capacity::new(spec.reserve.max(vectors.len()));
        let links = MaxDegree::new(config.max_degree().get());
        let provider = Provider::new(Full::config(room, links, metric, start)?)?;
        let graph = DiskANNIndex::new(config, provider, NonZeroUsize::new(spec.threads));
        Ok(DiskAnn { graph, dim: spec.dim, distance: spec.distance, ef: spec.ef, len: 0 })
    }

    fn neighbours(&self, found: Vec<Found<u64>>, k: usize) -> Vec<Neighbour> {
        let neighbour = |(id, distance): (u64, f32)| Neighbour {
            id,
            // It says the negative of the dot product.
            distance: if self.distance == Distance::InnerProduct { 1.0 + distance } else { distance },
        };
        found.into_iter().take(k).map(|found| neighbour(found.as_tuple())).collect()
    }
}

/// The engine asks for its own numbers of vectors, not for our ids.
#[derive(Debug)]
struct Allowed<'a> {
    provider: &'a Provider<Full<f32>, u64>,
    allowed: &'a IdSet,
}

impl QueryLabelProvider<u32> for Allowed<'_> {
    fn is_match(&self, internal: u32) -> bool {
        self.provider.to_external_id(&Context, internal).is_ok_and(|id| self.allowed.contains(id))
    }
}

/// What a future gives that never waits. The engine's do so only in stores that are not in memory.
fn now<T>(future: impl Future<Output = T>) -> Result<T> {
    match pin!(future).poll(&mut Polling::from_waker(Waker::noop())) {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => bail!("diskann waits, though its store is in memory"),
    }
}

impl Engine for DiskAnn {
    fn len(&self) -> usize {
        self.len
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.dim)?;
        let mut found: Vec<Found<u64>> = Vec::new();
        let nearest = Knn::new(self.ef.max(k), None)?;
        now(self.graph.search(nearest, &Strategy, &Context, query, &mut found))??;
        Ok(self.neighbours(found, k))
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.dim)?;
        let labels = Allowed { provider: self.graph.provider(), allowed };
        let strategy = Filtered::new(Strategy, &labels);
        // So many candidates that `ef` of them are expected to be allowed.
        let candidates = (self.ef.max(k) * self.len).div_ceil(allowed.len().max(1)).min(self.len);
        let nearest = InlineFilterSearch::new(Knn::new(candidates.max(1), None)?, None);
        let mut found: Vec<Found<u64>> = Vec::new();
        now(self.graph.search(nearest, &strategy, &Context, query, &mut found))??;
        Ok(self.neighbours(found, k))
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        ensure_block(ids, vectors, self.dim)?;
        for (id, vector) in ids.iter().zip(vectors.chunks_exact(self.dim)) {
            let inserted = now(self.graph.insert(&Strategy, &Context, id, vector))?;
            inserted.with_context(|| format!("insert the vector {id}"))?;
            self.len += 1;
        }
        Ok(())
    }

    fn delete(&mut self, ids: &[u64]) -> Result<()> {
        let method = InplaceDeleteMethod::VisitedAndTopK { k_value: self.ef, l_value: self.ef };
        for id in ids {
            let removed = now(self.graph.inplace_delete(Strategy, &Context, id, REPLACED_BY, method))?;
            removed.with_context(|| format!("remove the vector {id}"))?;
            self.len -= 1;
        }
        Ok(())
    }
}
