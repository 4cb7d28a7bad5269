//! The engine `hannoy`: an HNSW graph in LMDB, a memory-mapped file. Inserting or deleting repairs the graph,
//! which suffers from it: with half of 1000 vectors deleted and inserted again, recall fell from 1.00 to
//! 0.51.
//!
//! Its M is fixed when it is compiled: 16 here. Its memory shows as RSS file, and as RSS anon while a
//! transaction is open; the new links lie on Rust's heap until they are written. It builds on the current
//! rayon pool, with levels from a fixed seed, but its hash tables have another order in each process: the
//! order in which links are written.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use hannoy::distances::{BinaryQuantizedCosine, Cosine, Euclidean};
use hannoy::{Database, Distance as Measure, Reader, Writer};
use rand::SeedableRng;
use rand::rngs::StdRng;
use roaring::RoaringBitmap;

use crate::adapter::{Adapter, Capabilities, HeapVisibility, IndexSpec};
use crate::block::{ensure_block, ensure_query};
use crate::distance::Distance;
use crate::engine::{Engine, Neighbour};
use crate::foreign_storage::Lmdb;
use crate::id_set::IdSet;
use crate::storage::{Placement, Storage};
use crate::vectors::Vectors;

pub(crate) const ADAPTER: Adapter = Adapter {
    name: "hannoy",
    package: Some("hannoy"),
    capabilities: Capabilities {
        distances: &[Distance::L2, Distance::Cosine],
        largest_dim: None,
        exact: false,
        delete: true,
        update: true,
        filter: true,
        labels: false,
        threads: true,
        storages: &[Storage::F32, Storage::B1],
        placements: &[Placement::Mapped],
        exact_distances: true,
    },
    parameters: &["ef_construction", "ef", "threads"],
    heap: HeapVisibility::Foreign("its data lies in LMDB, which is C: malloc and a memory-mapped file"),
    varies: Some("its hash tables have another order in each process, and links are written in it"),
    cosine_of: (f32::EPSILON, f32::MAX),
    build: |spec, vectors| match spec.distance {
        _ if spec.storage == Storage::B1 => build::<BinaryQuantizedCosine>(spec, vectors),
        Distance::L2 => build::<Euclidean>(spec, vectors),
        Distance::Cosine => build::<Cosine>(spec, vectors),
        Distance::InnerProduct => bail!("hannoy has no inner product; use cosine or L2"),
    },
    open,
};

/// Links of a node, and in the lowest layer.
const M: usize = 16;
const M0: usize = 2 * M;
/// The levels are drawn from it.
const SEED: u64 = 42;
/// Address space for the file: 1,000,000 vectors of 768 components and their links fit.
const MAP_BYTES: usize = 16 << 30;
/// The one index of the database.
const INDEX: u16 = 0;

struct Hannoy<D: Measure> {
    lmdb: Lmdb,
    database: Database<'static, D>,
    spec: IndexSpec,
    len: usize,
}

fn build<D: Measure>(spec: &IndexSpec, vectors: &Vectors) -> Result<Box<dyn Engine>> {
    ensure!(spec.m == M, "hannoy was compiled for an M of {M}, not {}", spec.m);
    let lmdb = Lmdb::temporary(MAP_BYTES)?;
    let database = lmdb.create_database()?;
    let mut engine = Hannoy::<D> { lmdb, database, spec: spec.clone(), len: 0 };
    // In one transaction: the graph is written once.
    let ids: Vec<u64> = (0..vectors.len() as u64).collect();
    engine.insert(&ids, vectors.data())?;
    Ok(Box::new(engine))
}

fn open(spec: &IndexSpec, folder: &Path, _mapped: Placement) -> Result<Box<dyn Engine>> {
    match spec.distance {
        _ if spec.storage == Storage::B1 => open_as::<BinaryQuantizedCosine>(spec, folder),
        Distance::L2 => open_as::<Euclidean>(spec, folder),
        Distance::Cosine => open_as::<Cosine>(spec, folder),
        Distance::InnerProduct => bail!("hannoy has no inner product; use cosine or L2"),
    }
}

fn open_as<D: Measure>(spec: &IndexSpec, folder: &Path) -> Result<Box<dyn Engine>> {
    let lmdb = Lmdb::saved(folder, MAP_BYTES)?;
    let database = lmdb.open_database()?;
    let transaction = lmdb.env().read_txn()?;
    let reader = Reader::<D>::open(&transaction, INDEX, database)?;
    let (dim, len) = (reader.dimensions(), reader.n_items() as usize);
    drop(transaction);
    ensure!(dim == spec.dim, "its vectors have dim {dim}, not {}", spec.dim);
    Ok(Box::new(Hannoy::<D> { lmdb, database, spec: spec.clone(), len }))
}

impl<D: Measure> Hannoy<D> {
    /// Changes items in one transaction, and links them.
    fn write(&self, change: impl FnOnce(&Writer<D>, &mut heed::RwTxn<'_>) -> Result<()>) -> Result<()> {
        let mut transaction = self.lmdb.env().write_txn()?;
        let writer = Writer::new(self.database, INDEX, self.spec.dim);
        change(&writer, &mut transaction)?;
        let mut random = StdRng::seed_from_u64(SEED);
        let mut builder = writer.builder(&mut random);
        builder.ef_construction(self.spec.ef_construction);
        builder.build::<M, M0>(&mut transaction).context("build the graph")?;
        transaction.commit().context("commit to LMDB")
    }

    fn nearest(&self, query: &[f32], k: usize, allowed: Option<&RoaringBitmap>) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.spec.dim)?;
        let transaction = self.lmdb.env().read_txn()?;
        let reader = Reader::open(&transaction, INDEX, self.database)?;
        let mut nearest = reader.nns(k);
        nearest.ef_search(self.spec.ef);
        if let Some(allowed) = allowed {
            nearest.candidates(allowed);
        }
        let found = nearest.by_vector(&transaction, query)?;
        let neighbour = |(id, distance): (u32, f32)| Neighbour {
            id: u64::from(id),
            // Its Euclidean distance is the square already; its cosine distance is half of ours.
            distance: if self.spec.distance == Distance::Cosine { 2.0 * distance } else { distance },
        };
        Ok(found.into_nns().into_iter().map(neighbour).collect())
    }
}

fn item(id: u64) -> Result<u32> {
    u32::try_from(id).with_context(|| format!("the id {id} does not fit into hannoy's 32 bits"))
}

impl<D: Measure> Engine for Hannoy<D> {
    fn len(&self) -> usize {
        self.len
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.nearest(query, k, None)
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        let allowed = allowed.iter().map(item).collect::<Result<RoaringBitmap>>()?;
        self.nearest(query, k, Some(&allowed))
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        ensure_block(ids, vectors, self.spec.dim)?;
        self.write(|writer, transaction| {
            for (&id, vector) in ids.iter().zip(vectors.chunks_exact(self.spec.dim)) {
                let added = writer.add_item(transaction, item(id)?, vector);
                added.with_context(|| format!("add the vector {id}"))?;
            }
            Ok(())
        })?;
        self.len += ids.len();
        Ok(())
    }

    fn delete(&mut self, ids: &[u64]) -> Result<()> {
        self.write(|writer, transaction| {
            for &id in ids {
                ensure!(writer.del_item(transaction, item(id)?)?, "there is no vector {id} to remove");
            }
            Ok(())
        })?;
        self.len -= ids.len();
        Ok(())
    }

    fn save(&self, folder: &Path) -> Result<()> {
        self.lmdb.save(folder)
    }

    fn disk_bytes(&self) -> Option<u64> {
        self.lmdb.disk_bytes()
    }
}
