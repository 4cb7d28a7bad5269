//! The engine `arroy`: trees of random splits in LMDB, a memory-mapped file. Inserting or deleting rebuilds
//! the trees.
//!
//! What it costs is mostly page cache: RSS file, and RSS anon while a transaction is open. It says nothing of
//! its own memory. The splits come from a fixed seed, and it builds on the current rayon pool.

use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use arroy::distances::{BinaryQuantizedCosine, Cosine, DotProduct, Euclidean};
use arroy::{Database, Distance as Measure, Reader, Writer};
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
    name: "arroy",
    package: Some("arroy"),
    capabilities: Capabilities {
        distances: &Distance::ALL,
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
    parameters: &["ef", "threads"],
    heap: HeapVisibility::Foreign("its data lies in LMDB, which is C: malloc and a memory-mapped file"),
    varies: Some("some of its hash tables have another order in each process"),
    cosine_of: (f32::EPSILON, f32::MAX),
    build: |spec, vectors| match spec.distance {
        _ if spec.storage == Storage::B1 => build::<BinaryQuantizedCosine>(spec, vectors),
        Distance::L2 => build::<Euclidean>(spec, vectors),
        Distance::InnerProduct => build::<DotProduct>(spec, vectors),
        Distance::Cosine => build::<Cosine>(spec, vectors),
    },
    open,
};

/// The splits are drawn from it.
const SEED: u64 = 42;
/// Address space for the file: 1,000,000 vectors of 768 components and their trees fit.
const MAP_BYTES: usize = 16 << 30;
/// The one index of the database.
const INDEX: u16 = 0;

struct Arroy<D: Measure> {
    lmdb: Lmdb,
    database: Database<'static, D>,
    dim: usize,
    distance: Distance,
    ef: usize,
    len: usize,
}

fn build<D: Measure>(spec: &IndexSpec, vectors: &Vectors) -> Result<Box<dyn Engine>> {
    let lmdb = Lmdb::temporary(MAP_BYTES)?;
    let database = lmdb.create_database()?;
    let (dim, distance, ef) = (spec.dim, spec.distance, spec.ef);
    let mut engine = Arroy::<D> { lmdb, database, dim, distance, ef, len: 0 };
    // In one transaction: the trees are built once, of all vectors.
    let ids: Vec<u64> = (0..vectors.len() as u64).collect();
    engine.insert(&ids, vectors.data())?;
    Ok(Box::new(engine))
}

fn open(spec: &IndexSpec, folder: &Path, _mapped: Placement) -> Result<Box<dyn Engine>> {
    match spec.distance {
        _ if spec.storage == Storage::B1 => open_as::<BinaryQuantizedCosine>(spec, folder),
        Distance::L2 => open_as::<Euclidean>(spec, folder),
        Distance::InnerProduct => open_as::<DotProduct>(spec, folder),
        Distance::Cosine => open_as::<Cosine>(spec, folder),
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
    Ok(Box::new(Arroy::<D> { lmdb, database, dim, distance: spec.distance, ef: spec.ef, len }))
}

impl<D: Measure> Arroy<D> {
    /// Changes items in one transaction, and rebuilds the trees.
    fn write(&self, change: impl FnOnce(&Writer<D>, &mut heed::RwTxn<'_>) -> Result<()>) -> Result<()> {
        let mut transaction = self.lmdb.env().write_txn()?;
        let writer = Writer::new(self.database, INDEX, self.dim);
        change(&writer, &mut transaction)?;
        let mut random = StdRng::seed_from_u64(SEED);
        writer.builder(&mut random).build(&mut transaction).context("build the trees")?;
        transaction.commit().context("commit to LMDB")
    }

    fn nearest(&self, query: &[f32], k: usize, allowed: Option<&RoaringBitmap>) -> Result<Vec<Neighbour>> {
        self.nearest_of(query, k, self.ef.max(k), allowed)
    }

    /// Of so many candidates from each tree.
    fn nearest_of(
        &self,
        query: &[f32],
        k: usize,
        of_tree: usize,
        allowed: Option<&RoaringBitmap>,
    ) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.dim)?;
        let transaction = self.lmdb.env().read_txn()?;
        let reader = Reader::open(&transaction, INDEX, self.database)?;
        let mut nearest = reader.nns(k);
        if let Some(candidates) = NonZeroUsize::new(of_tree.saturating_mul(reader.n_trees())) {
            nearest.search_k(candidates);
        }
        if let Some(allowed) = allowed {
            nearest.candidates(allowed);
        }
        let neighbour = |(id, distance): (u32, f32)| Neighbour {
            id: u64::from(id),
            distance: match self.distance {
                Distance::L2 => distance * distance,
                Distance::InnerProduct => 1.0 - distance,
                Distance::Cosine => 2.0 * distance,
            },
        };
        Ok(nearest.by_vector(&transaction, query)?.into_iter().map(neighbour).collect())
    }
}

fn item(id: u64) -> Result<u32> {
    u32::try_from(id).with_context(|| format!("the id {id} does not fit into arroy's 32 bits"))
}

impl<D: Measure> Engine for Arroy<D> {
    fn len(&self) -> usize {
        self.len
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.nearest(query, k, None)
    }

    fn exhaustive(&self, query: &[f32], k: usize) -> Result<Option<Vec<Neighbour>>> {
        self.nearest_of(query, k, usize::MAX, None).map(Some)
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        let allowed = allowed.iter().map(item).collect::<Result<RoaringBitmap>>()?;
        self.nearest(query, k, Some(&allowed))
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        ensure_block(ids, vectors, self.dim)?;
        self.write(|writer, transaction| {
            for (&id, vector) in ids.iter().zip(vectors.chunks_exact(self.dim)) {
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
