//! The engine `usearch`: an HNSW graph in C++. Graph and vectors lie in arenas that it maps itself.
//!
//! Its memory is its own figure: mapped chunks that double, of which only the touched part is resident.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use usearch::ffi::Matches;
use usearch::{Index, IndexOptions, MetricKind, ScalarKind, b1x8};

use crate::adapter::{Adapter, Capabilities, HeapVisibility, IndexSpec};
use crate::block::{ensure_block, ensure_query, insert_each, insert_rows};
use crate::distance::Distance;
use crate::engine::{Engine, Neighbour};
use crate::id_set::IdSet;
use crate::storage::{Placement, Storage, signs};

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
        storages: &Storage::ALL,
        placements: &[Placement::Memory, Placement::Mapped],
        exact_distances: true,
    },
    parameters: &["m", "ef_construction", "ef", "reserve", "threads"],
    heap: HeapVisibility::Foreign("usearch is C++: it allocates with malloc and maps its arenas itself"),
    varies: None,
    // It is compiled to multiply the squares of both lengths, which must stay within f32.
    cosine_of: (1.1e-19, 1.8e19),
    build: |spec, vectors| insert_rows(Usearch::new(spec)?, vectors, spec.batch),
    open,
};

/// The file of a saved index, in its folder.
const FILE: &str = "usearch.index";

fn open(spec: &IndexSpec, folder: &Path, placement: Placement) -> Result<Box<dyn Engine>> {
    let path = folder.join(FILE);
    let open = || {
        let text = path.to_str().context("usearch takes a path of UTF-8 only")?;
        let usearch = Usearch::new(&IndexSpec { reserve: 0, ..spec.clone() })?;
        usearch.ensure_same_kind(text)?;
        match placement {
            Placement::Memory => usearch.index.load(text)?,
            Placement::Mapped => usearch.index.view(text)?,
            Placement::Disk => bail!("usearch reads its file into memory or maps it"),
        }
        // The file has no such parameter.
        usearch.index.change_expansion_search(spec.ef);
        anyhow::Ok(usearch)
    };
    let usearch = open().with_context(|| format!("open the index {}", path.display()))?;
    Ok(Box::new(usearch))
}

struct Usearch {
    index: Index,
    dim: usize,
    storage: Storage,
    threads: usize,
}

impl Usearch {
    fn new(spec: &IndexSpec) -> Result<Usearch> {
        let options = IndexOptions {
            dimensions: spec.dim,
            metric: match spec.distance {
                // Of signs.
                _ if spec.storage == Storage::B1 => MetricKind::Hamming,
                Distance::L2 => MetricKind::L2sq,
                Distance::InnerProduct => MetricKind::IP,
                Distance::Cosine => MetricKind::Cos,
            },
            quantization: scalar_kind(spec.storage),
            connectivity: spec.m,
            expansion_add: spec.ef_construction,
            expansion_search: spec.ef,
            multi: false,
        };
        let usearch = Usearch {
            index: Index::new(&options)?,
            dim: spec.dim,
            storage: spec.storage,
            threads: spec.threads,
        };
        usearch.reserve(spec.reserve)?;
        Ok(usearch)
    }

    /// Refuses a file of another kind, which usearch itself would take for what it says.
    fn ensure_same_kind(&self, path: &str) -> Result<()> {
        let saved = Index::metadata(path)?;
        ensure!(
            saved.dimensions == self.index.dimensions() as u64,
            "its vectors have dim {}, not {}",
            saved.dimensions,
            self.index.dimensions()
        );
        ensure!(
            saved.quantization == self.index.scalar_kind() && saved.metric == self.index.metric_kind(),
            "it keeps {:?} and searches by {:?}, not {:?} by {:?}",
            saved.quantization,
            saved.metric,
            self.index.scalar_kind(),
            self.index.metric_kind()
        );
        Ok(())
    }

    /// Gives it a vector, of which an index of bits takes the signs.
    fn with_bits<'v, T>(
        &self,
        vector: &'v [f32],
        whole: impl FnOnce(&'v [f32]) -> T,
        bits: impl FnOnce(&[b1x8]) -> T,
    ) -> T {
        if self.storage != Storage::B1 {
            return whole(vector);
        }
        let signs: Vec<u8> = signs(vector).collect();
        bits(b1x8::from_u8s(&signs))
    }

    /// It has a context per thread, made here; without it, adding or searching fails.
    fn reserve(&self, capacity: usize) -> Result<()> {
        let reserved = self.index.reserve_capacity_and_threads(capacity, self.threads);
        reserved.with_context(|| format!("reserve {capacity} vectors and {} threads", self.threads))
    }
}

fn scalar_kind(storage: Storage) -> ScalarKind {
    match storage {
        Storage::F32 => ScalarKind::F32,
        Storage::F16 => ScalarKind::F16,
        Storage::Bf16 => ScalarKind::BF16,
        Storage::I8 => ScalarKind::I8,
        Storage::B1 => ScalarKind::B1,
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
        let index = &self.index;
        let found = self.with_bits(query, |query| index.search(query, k), |bits| index.search(bits, k))?;
        Ok(neighbours(found))
    }

    fn exhaustive(&self, query: &[f32], k: usize) -> Result<Option<Vec<Neighbour>>> {
        ensure_query(query, self.dim)?;
        let index = &self.index;
        let found =
            self.with_bits(query, |query| index.exact_search(query, k), |bits| index.exact_search(bits, k))?;
        Ok(Some(neighbours(found)))
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.dim)?;
        let (index, is_allowed) = (&self.index, |id| allowed.contains(id));
        let found = self.with_bits(
            query,
            |query| index.filtered_search(query, k, is_allowed),
            |bits| index.filtered_search(bits, k, is_allowed),
        )?;
        Ok(neighbours(found))
    }

    fn save(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        let text = path.to_str().context("usearch takes a path of UTF-8 only")?;
        self.index.save(text).with_context(|| format!("write the index {}", path.display()))
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        ensure_block(ids, vectors, self.dim)?;
        // It never grows by itself, and not while threads add to it.
        let needed = self.index.size() + ids.len();
        if needed > self.index.capacity() {
            self.reserve(needed.next_power_of_two())?;
        }
        let add = |id, vector: &[f32]| {
            self.with_bits(vector, |vector| self.index.add(id, vector), |bits| self.index.add(id, bits))
        };
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
