//! The engine `qdrant-edge`: Qdrant inside the process. A shard of segments in memory-mapped files: vectors
//! are appended to a plain segment, which the optimiser, called after the build and after each change, turns
//! into an HNSW graph.
//!
//! Set to the least that it takes: a write-ahead log of 1 MiB steps instead of 32 (which it never shortens),
//! one segment, vectors on disk (one file of their size once indexed; the plain segment maps 32 MiB chunks,
//! of which the touched part is resident). It starts a thread for the log, and one for each graph that it
//! builds, whose levels are random: no two builds are alike. It waits for the disk: most of a small build is
//! fsync. It says nothing of its own memory: the server's report is not part of its interface.

use anyhow::{Context, Result, ensure};
use qdrant_edge::{
    Condition, DEFAULT_VECTOR_NAME, Distance as Measure, EdgeConfig, EdgeOptimizersConfig, EdgeShard,
    EdgeVectorParams, Filter, HasIdCondition, HnswIndexConfig, NamedQuery, PointId, PointInsertOperations,
    PointOperations, PointStructPersisted, QueryEnum, SearchParams, SearchRequest, UpdateOperation,
    VectorStructPersisted, WalOptions, WithPayloadInterface,
};
use tempfile::TempDir;

use crate::adapter::{Adapter, Capabilities, HeapVisibility, IndexSpec, no_saved_index};
use crate::block::{ensure_block, ensure_query};
use crate::disk::allocated_bytes;
use crate::distance::Distance;
use crate::engine::{Engine, Neighbour};
use crate::id_set::IdSet;
use crate::storage::Storage;
use crate::vectors::Vectors;

pub(crate) const ADAPTER: Adapter = Adapter {
    name: "qdrant-edge",
    package: Some("qdrant-edge"),
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
    parameters: &["m", "ef_construction", "ef", "batch"],
    heap: HeapVisibility::Foreign("its vectors and its log lie in memory-mapped files"),
    varies: Some("it draws the levels of its graph at random, on threads of its own"),
    // A vector whose squared length is below this is not normalised.
    cosine_of: (f32::EPSILON, f32::MAX),
    build: |spec, vectors| build(spec, vectors),
    open: no_saved_index,
};

/// Segments up to this many vectors are searched from end to end and not indexed; its own default is 10 MB.
const SCANNED_VECTORS: usize = 100;
/// The write-ahead log grows by so much.
const LOG_BYTES: usize = 1 << 20;

struct QdrantEdge {
    // Before the folder: it flushes its files when it is dropped.
    shard: EdgeShard,
    folder: TempDir,
    spec: IndexSpec,
}

fn build(spec: &IndexSpec, vectors: &Vectors) -> Result<Box<dyn Engine>> {
    let folder = tempfile::tempdir().context("make a temporary folder for qdrant-edge")?;
    let shard = EdgeShard::new(folder.path(), config(spec)).context("open a shard")?;
    let engine = QdrantEdge { shard, folder, spec: spec.clone() };
    ensure!(spec.batch > 0, "a batch holds at least one vector");
    for (block, rows) in vectors.data().chunks(spec.batch * spec.dim).enumerate() {
        let first = (block * spec.batch) as u64;
        let ids: Vec<u64> = (first..first + (rows.len() / spec.dim) as u64).collect();
        engine.append(&ids, rows)?;
    }
    engine.optimise()?;
    Ok(Box::new(engine))
}

fn config(spec: &IndexSpec) -> EdgeConfig {
    let distance = match spec.distance {
        Distance::L2 => Measure::Euclid,
        Distance::InnerProduct => Measure::Dot,
        Distance::Cosine => Measure::Cosine,
    };
    let scanned_kb = (SCANNED_VECTORS * spec.dim * size_of::<f32>()).div_ceil(1024);
    let graph = HnswIndexConfig {
        m: spec.m,
        ef_construct: spec.ef_construction,
        full_scan_threshold: scanned_kb,
        max_indexing_threads: 1,
        ..HnswIndexConfig::default()
    };
    let optimizers = EdgeOptimizersConfig {
        default_segment_number: Some(1),
        indexing_threshold: Some(scanned_kb),
        ..EdgeOptimizersConfig::default()
    };
    let log = WalOptions { segment_capacity: LOG_BYTES, ..WalOptions::default() };
    EdgeConfig::builder()
        .vector(DEFAULT_VECTOR_NAME, EdgeVectorParams::builder(spec.dim, distance).on_disk(true).build())
        .hnsw_config(graph)
        .optimizers(optimizers)
        .wal_options(log)
        .build()
}

fn points(ids: &[u64]) -> Vec<PointId> {
    ids.iter().map(|&id| PointId::NumId(id)).collect()
}

impl QdrantEdge {
    fn append(&self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        ensure_block(ids, vectors, self.spec.dim)?;
        let point = |(id, vector): (PointId, &[f32])| PointStructPersisted {
            id,
            vector: VectorStructPersisted::Single(vector.to_vec()),
            payload: None,
        };
        let rows = points(ids).into_iter().zip(vectors.chunks_exact(self.spec.dim));
        self.change(PointOperations::UpsertPoints(PointInsertOperations::PointsList(
            rows.map(point).collect(),
        )))
        .context("insert into a shard")
    }

    fn change(&self, points: PointOperations) -> Result<()> {
        Ok(self.shard.update(UpdateOperation::PointOperation(points))?)
    }

    fn optimise(&self) -> Result<()> {
        self.shard.optimize().context("optimise a shard")?;
        Ok(())
    }

    fn nearest(&self, query: &[f32], k: usize, filter: Option<Filter>) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.spec.dim)?;
        let found = self.shard.search(SearchRequest {
            query: QueryEnum::Nearest(NamedQuery::default_dense(query.to_vec())),
            filter,
            params: Some(SearchParams { hnsw_ef: Some(self.spec.ef.max(k)), ..SearchParams::default() }),
            limit: k,
            offset: 0,
            with_payload: None,
            with_vector: None,
            score_threshold: None,
        })?;
        let neighbour = |(id, score): (PointId, f32)| {
            let PointId::NumId(id) = id else { anyhow::bail!("{id} was never inserted") };
            let distance = match self.spec.distance {
                // Its Euclidean distance is the root of ours; the others are similarities.
                Distance::L2 => score * score,
                Distance::InnerProduct | Distance::Cosine => 1.0 - score,
            };
            Ok(Neighbour { id, distance })
        };
        found.into_iter().map(|point| neighbour((point.id, point.score))).collect()
    }
}

impl Engine for QdrantEdge {
    fn len(&self) -> usize {
        self.shard.info().points_count
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.nearest(query, k, None)
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        // A hash set for each query: it takes a filter no other way.
        let ids: HasIdCondition = allowed.iter().map(PointId::NumId).collect();
        self.nearest(query, k, Some(Filter::new_must(Condition::HasId(ids))))
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        self.append(ids, vectors)?;
        self.optimise()
    }

    fn delete(&mut self, ids: &[u64]) -> Result<()> {
        let ids = points(ids);
        // It does not mind an id that is not there.
        let there = self.shard.retrieve(&ids, Some(WithPayloadInterface::Bool(false)), None)?;
        ensure!(
            there.len() == ids.len(),
            "{} of {} vectors are not there",
            ids.len() - there.len(),
            ids.len()
        );
        self.change(PointOperations::DeletePoints { ids }).context("delete from a shard")?;
        self.optimise()
    }

    fn disk_bytes(&self) -> Option<u64> {
        allocated_bytes(self.folder.path()).ok()
    }
}
