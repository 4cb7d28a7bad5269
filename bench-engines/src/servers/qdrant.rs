//! The engine `qdrant`: a Qdrant server or cluster, over gRPC. A collection of its own for each index,
//! deleted with it.
//!
//! One segment and one shard a node, indexed from [`SCANNED_VECTORS`] on (its own default is 10 MB or more of
//! vectors), on one thread. Points may carry a label, a payload field with an index: the graph then has links
//! among those that carry it, and a search by it is what users do; a filter of ids has no such links. A build
//! ends when the collection is green and its vectors are indexed. Each connection has a runtime on its
//! caller's thread, so that the client's heap counts do not depend on a scheduler.

mod memory_report;
mod session;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::qdrant_client::qdrant::point_id::PointIdOptions;
use ::qdrant_client::qdrant::{
    Condition, CountPointsBuilder, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder,
    DeletePointsBuilder, Distance as Measure, FieldType, Filter, HasIdCondition, HnswConfigDiffBuilder,
    OptimizersConfigDiffBuilder, PointId, PointStruct, PointsIdsList, ScoredPoint, UpsertPointsBuilder,
    Value, VectorParamsBuilder,
};
use anyhow::{Context, Result, bail, ensure};
use bench_core::harness::ServerAddress;
use bench_core::instrument::{Node, WatchedServer};
use memory_report::MemoryReport;
use session::{GRPC_PORT, NodeAddress, QdrantSession, place};

use super::connections::Connections;
use crate::adapter::{Adapter, Capabilities, HeapVisibility, IndexSpec, no_saved_index};
use crate::block::ensure_block;
use crate::distance::Distance;
use crate::engine::{Client, Engine, Neighbour};
use crate::id_set::IdSet;
use crate::server::{Server, ServerKind, resolve, unique_name};
use crate::storage::Storage;
use crate::vectors::Vectors;

pub(crate) const ADAPTER: Adapter = Adapter {
    name: "qdrant",
    package: Some("qdrant-client"),
    capabilities: Capabilities {
        distances: &Distance::ALL,
        largest_dim: Some(65_536),
        exact: false,
        delete: true,
        update: true,
        filter: true,
        labels: true,
        threads: true,
        storages: &[Storage::F32],
        placements: &[],
        exact_distances: true,
    },
    parameters: &["m", "ef_construction", "ef", "batch"],
    heap: HeapVisibility::Server(&SERVER),
    varies: Some(
        "the server draws the levels of its graph at random, and its answers come in other pieces each time",
    ),
    // A vector whose squared length is below this is not normalised.
    cosine_of: (f32::EPSILON, f32::MAX),
    build: |spec, vectors| build(spec, vectors),
    open: no_saved_index,
};

static SERVER: ServerKind = ServerKind {
    tag: "requires_qdrant",
    how_to_start: "no Qdrant was named: start one with `docker run --rm -p 127.0.0.1:6333:6333 -p 127.0.0.1:6334:6334 \
                   qdrant/qdrant`, and name its port for gRPC: --qdrant http://127.0.0.1:6334",
    meet,
};

/// Segments up to this many vectors are searched from end to end and not indexed.
const SCANNED_VECTORS: usize = 100;

/// Asks every node for its version.
fn meet(address: &ServerAddress) -> Result<WatchedServer> {
    let mut versions = BTreeSet::new();
    let mut nodes = Vec::new();
    for (url, pid) in address.nodes() {
        let place = place(url)?;
        let session = QdrantSession::open(&place).with_context(|| {
            format!("{url} (give the port for gRPC, {GRPC_PORT} by default, not that for HTTP)")
        })?;
        let health = session.wait(session.client.health_check())?;
        versions.insert(format!("{} {}", capitalised(&health.title), health.version));
        nodes.push(Node {
            process: "qdrant",
            address: resolve(&place.host, place.port)?,
            pid,
            pid_flag: "--qdrant-pid",
            metrics: memory_report::page(&place),
        });
    }
    ensure!(!nodes.is_empty(), "no URL");
    Ok(WatchedServer { version: versions.into_iter().collect::<Vec<_>>().join(", "), nodes })
}

/// The server's title is `qdrant - vector search engine`.
fn capitalised(title: &str) -> &str {
    if title.starts_with("qdrant") { "Qdrant" } else { title }
}

/// What all connections of an index know.
struct Collection {
    places: Vec<NodeAddress>,
    /// Counts the connections, which go to the nodes in turn.
    connections: AtomicUsize,
    name: String,
    dim: usize,
    distance: Distance,
    ef: usize,
    labelled: Option<Arc<IdSet>>,
}

/// The payload field of the label, and its value.
const FIELD: &str = "label";
const LABEL: &str = "allowed";

impl Collection {
    fn connect(&self) -> Result<QdrantSession> {
        let turn = self.connections.fetch_add(1, Ordering::Relaxed);
        QdrantSession::open(&self.places[turn % self.places.len()])
    }

    /// By the label, if it is exactly these ids that carry it, otherwise by the ids.
    fn filter(&self, allowed: &IdSet) -> Filter {
        let condition = if self.labelled.as_deref() == Some(allowed) {
            Condition::matches(FIELD, LABEL.to_string())
        } else {
            Condition::from(HasIdCondition { has_id: points(allowed.iter()) })
        };
        Filter::must([condition])
    }

    fn payload(&self, id: u64) -> HashMap<String, Value> {
        let is_labelled = self.labelled.as_ref().is_some_and(|labelled| labelled.contains(id));
        is_labelled.then(|| (FIELD.to_string(), Value::from(LABEL))).into_iter().collect()
    }

    /// What the server says of it, by the first node that answers.
    fn memory_report(&self) -> Option<MemoryReport> {
        let pages = self.places.iter().filter_map(memory_report::page);
        pages.filter_map(|page| memory_report::ask(&page, &self.name)).next()
    }

    /// Asks node after node to delete it, until one does.
    fn delete(&self) -> Result<()> {
        let delete = |place| {
            let session = QdrantSession::open(place)?;
            session.wait(session.client.delete_collection(&self.name)).map(drop)
        };
        let mut failed = Vec::new();
        for place in &self.places {
            match delete(place) {
                Ok(()) => return Ok(()),
                Err(error) => failed.push(format!("{}: {error:#}", place.url)),
            }
        }
        bail!("{}", failed.join("; "))
    }

    fn neighbour(&self, point: &ScoredPoint) -> Result<Neighbour> {
        let Some(PointIdOptions::Num(id)) = point.id.as_ref().and_then(|id| id.point_id_options.as_ref())
        else {
            bail!("the server found a point without a number");
        };
        let distance = match self.distance {
            // Its Euclidean distance is the root of ours.
            Distance::L2 => point.score * point.score,
            // Its score is the dot product, or the cosine.
            Distance::InnerProduct | Distance::Cosine => 1.0 - point.score,
        };
        Ok(Neighbour { id: *id, distance })
    }
}

/// A client of its own.
struct OwnSession {
    session: QdrantSession,
    collection: Arc<Collection>,
}

impl Client for OwnSession {
    fn search(&mut self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.session.nearest(&self.collection, query, k, None)
    }
}

struct Qdrant {
    sessions: Connections<QdrantSession>,
    collection: Arc<Collection>,
    len: usize,
}

fn build(spec: &IndexSpec, vectors: &Vectors) -> Result<Box<dyn Engine>> {
    let mut engine = Qdrant::new(spec)?;
    ensure!(spec.batch > 0, "a batch holds at least one vector");
    for (block, rows) in vectors.data().chunks(spec.batch * spec.dim).enumerate() {
        let first = (block * spec.batch) as u64;
        let ids: Vec<u64> = (first..first + (rows.len() / spec.dim) as u64).collect();
        engine.upsert(&ids, rows)?;
    }
    let indexed = vectors.len().saturating_sub(SCANNED_VECTORS);
    let waited = engine.sessions.take().wait_until_green(&engine.collection, indexed);
    waited.context("wait for the graph")?;
    Ok(Box::new(engine))
}

fn create(spec: &IndexSpec, name: &str, nodes: usize) -> CreateCollectionBuilder {
    let distance = match spec.distance {
        Distance::L2 => Measure::Euclid,
        Distance::InnerProduct => Measure::Dot,
        Distance::Cosine => Measure::Cosine,
    };
    // It refuses less than 10 kB.
    let scanned_kb = (SCANNED_VECTORS * spec.dim * size_of::<f32>()).div_ceil(1024).max(10) as u64;
    let graph = HnswConfigDiffBuilder::default()
        .m(spec.m as u64)
        .ef_construct(spec.ef_construction as u64)
        .full_scan_threshold(scanned_kb)
        .max_indexing_threads(1);
    let optimizers =
        OptimizersConfigDiffBuilder::default().default_segment_number(1).indexing_threshold(scanned_kb);
    CreateCollectionBuilder::new(name)
        .vectors_config(VectorParamsBuilder::new(spec.dim as u64, distance))
        .hnsw_config(graph)
        .optimizers_config(optimizers)
        .shard_number(nodes as u32)
}

impl Qdrant {
    /// Connects and makes the collection.
    fn new(spec: &IndexSpec) -> Result<Qdrant> {
        let server: &Server =
            spec.server.as_ref().context("qdrant is a server: name it with --qdrant URL")?;
        let collection = Arc::new(Collection {
            places: server.address.urls.iter().map(place).collect::<Result<_>>()?,
            connections: AtomicUsize::new(0),
            name: unique_name(),
            dim: spec.dim,
            distance: spec.distance,
            ef: spec.ef,
            labelled: spec.labelled.clone(),
        });
        ensure!(!collection.places.is_empty(), "no URL");
        let sessions = Connections::open(spec.threads, || collection.connect())?;
        // From here on it is deleted, whatever happens.
        let engine = Qdrant { sessions, collection, len: 0 };
        let request = create(spec, &engine.collection.name, engine.collection.places.len());
        let session = engine.sessions.take();
        session.wait(session.client.create_collection(request)).context("make the collection")?;
        if engine.collection.labelled.is_some() {
            // Before there are points, so that the graph is built with links for it.
            let name = &engine.collection.name;
            let request = CreateFieldIndexCollectionBuilder::new(name, FIELD, FieldType::Keyword).wait(true);
            session.wait(session.client.create_field_index(request)).context("index the label")?;
        }
        drop(session);
        Ok(engine)
    }

    fn upsert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        ensure_block(ids, vectors, self.collection.dim)?;
        let point = |(&id, vector): (&u64, &[f32])| PointStruct {
            id: Some(id.into()),
            payload: self.collection.payload(id),
            vectors: Some(vector.to_vec().into()),
        };
        let points: Vec<PointStruct> =
            ids.iter().zip(vectors.chunks_exact(self.collection.dim)).map(point).collect();
        let request = UpsertPointsBuilder::new(&self.collection.name, points).wait(true);
        let session = self.sessions.take();
        session.wait(session.client.upsert_points(request)).context("insert vectors")?;
        self.len += ids.len();
        Ok(())
    }
}

impl Drop for Qdrant {
    fn drop(&mut self) {
        // A connection that broke in the middle of something is no use any more, and its node may be gone:
        // another may be there.
        if let Err(error) = self.collection.delete() {
            eprintln!("note: the collection {} is left behind ({error:#})", self.collection.name);
        }
    }
}

fn points(ids: impl IntoIterator<Item = u64>) -> Vec<PointId> {
    ids.into_iter().map(PointId::from).collect()
}

impl Engine for Qdrant {
    fn len(&self) -> usize {
        self.len
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.sessions.take().nearest(&self.collection, query, k, None)
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        let filter = self.collection.filter(allowed);
        self.sessions.take().nearest(&self.collection, query, k, Some(filter))
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        self.upsert(ids, vectors)?;
        self.sessions.take().wait_until_green(&self.collection, 0).context("wait for the graph")
    }

    /// The server passes over ids that it does not have, so what is left is counted.
    fn delete(&mut self, ids: &[u64]) -> Result<()> {
        let session = self.sessions.take();
        let name = &self.collection.name;
        let list = PointsIdsList { ids: points(ids.iter().copied()) };
        let request = DeletePointsBuilder::new(name).points(list).wait(true);
        session.wait(session.client.delete_points(request)).context("delete vectors")?;
        let request = CountPointsBuilder::new(name).exact(true);
        let count = session.wait(session.client.count(request)).context("count what is left")?;
        let left = count.result.context("the server does not say what is left")?.count;
        let deleted = self.len as u64 - left;
        self.len = left as usize;
        ensure!(deleted == ids.len() as u64, "{deleted} of {} vectors were there to remove", ids.len());
        session.wait_until_green(&self.collection, 0).context("wait for the graph")
    }

    fn memory_bytes(&self) -> Option<u64> {
        Some(self.collection.memory_report()?.resident_bytes())
    }

    fn disk_bytes(&self) -> Option<u64> {
        Some(self.collection.memory_report()?.disk_bytes)
    }

    fn connect(&self) -> Result<Box<dyn Client>> {
        Ok(Box::new(OwnSession {
            session: self.collection.connect()?,
            collection: Arc::clone(&self.collection),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection(distance: Distance, labelled: Option<IdSet>) -> Collection {
        Collection {
            places: Vec::new(),
            connections: AtomicUsize::new(0),
            name: "bench".into(),
            dim: 1,
            distance,
            ef: 1,
            labelled: labelled.map(Arc::new),
        }
    }

    #[test]
    fn what_carries_the_label_is_searched_by_it_and_anything_else_by_ids() {
        let labelled: IdSet = [1, 4, 7].into_iter().collect();
        let with_label = collection(Distance::L2, Some(labelled.clone()));
        assert_eq!(with_label.payload(4), HashMap::from([("label".to_string(), Value::from("allowed"))]));
        assert_eq!(with_label.payload(5), HashMap::new());
        let by_label = Filter::must([Condition::matches("label", "allowed".to_string())]);
        assert_eq!(with_label.filter(&labelled), by_label);
        let by_ids = |ids: &[u64]| {
            Filter::must([Condition::from(HasIdCondition { has_id: points(ids.iter().copied()) })])
        };
        assert_eq!(with_label.filter(&[1, 4].into_iter().collect()), by_ids(&[1, 4]));
        let without = collection(Distance::L2, None);
        assert_eq!(without.filter(&labelled), by_ids(&[1, 4, 7]));
        assert_eq!(without.payload(4), HashMap::new());
    }

    /// Ports that nobody listens on: every node is asked, and each is named.
    #[test]
    fn a_collection_is_deleted_by_any_node() {
        let urls = ["http://127.0.0.1:1", "http://127.0.0.1:2"];
        let places = urls.iter().map(|url| place(&url.parse().unwrap()).unwrap()).collect();
        let error = Collection { places, ..collection(Distance::L2, None) }.delete().unwrap_err().to_string();
        assert!(urls.iter().all(|url| error.contains(url)), "{error}");
    }

    #[test]
    fn scores_become_distances() {
        for (distance, score, expected) in
            [(Distance::L2, 3.0, 9.0), (Distance::InnerProduct, 3.0, -2.0), (Distance::Cosine, 0.75, 0.25)]
        {
            let collection = collection(distance, None);
            let point = ScoredPoint { id: Some(7.into()), score, ..ScoredPoint::default() };
            assert_eq!(collection.neighbour(&point).unwrap(), Neighbour { id: 7, distance: expected });
            assert!(collection.neighbour(&ScoredPoint::default()).is_err());
        }
    }
}
