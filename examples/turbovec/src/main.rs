//! turbovec under all workloads on engines, at 2 and at 4 bits a component, beside usearch.

use std::process::ExitCode;

use membench::engines::{Adapter, Capabilities, Distance, Engine, IdSet, IndexSpec, Neighbour, Vectors};
use membench::{Result, ensure};
use turbovec::IdMapIndex;

const CAPABILITIES: Capabilities = Capabilities {
    delete: true,
    update: true,
    filter: true,
    threads: true,
    // Of the codes, not of the vectors.
    exact_distances: false,
    ..Capabilities::searching(&[Distance::Cosine, Distance::InnerProduct])
};

static BITS_2: Adapter = Adapter {
    package: Some("turbovec"),
    capabilities: CAPABILITIES,
    ..Adapter::new("turbovec-2bit", |spec, vectors| build(spec, vectors, 2))
};

static BITS_4: Adapter = Adapter {
    package: Some("turbovec"),
    capabilities: CAPABILITIES,
    ..Adapter::new("turbovec-4bit", |spec, vectors| build(spec, vectors, 4))
};

fn main() -> ExitCode {
    membench::engines::run(&[&BITS_2, &BITS_4])
}

struct Turbovec {
    index: IdMapIndex,
    distance: Distance,
}

fn build(spec: &IndexSpec, vectors: &Vectors, bits: usize) -> Result<Box<dyn Engine>> {
    let mut engine = Turbovec { index: IdMapIndex::new(spec.dim, bits)?, distance: spec.distance };
    let ids: Vec<u64> = (0..vectors.len() as u64).collect();
    for (ids, block) in ids.chunks(spec.batch).zip(vectors.data().chunks(spec.batch * spec.dim)) {
        engine.insert(ids, block)?;
    }
    // What the first search would make of the codes.
    engine.index.prepare();
    Ok(Box::new(engine))
}

impl Turbovec {
    /// turbovec ranks by the inner product; of unit vectors that is the cosine.
    fn normalised(&self, vectors: &[f32], dim: usize) -> Vec<f32> {
        if self.distance != Distance::Cosine {
            return vectors.to_vec();
        }
        let unit = |row: &[f32]| {
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            row.iter().map(|x| if length > 0.0 { x / length } else { 0.0 }).collect::<Vec<f32>>()
        };
        vectors.chunks_exact(dim).flat_map(unit).collect()
    }

    fn found(&self, query: &[f32], k: usize, allowed: Option<&[u64]>) -> Result<Vec<Neighbour>> {
        let query = self.normalised(query, query.len());
        let found = self.index.try_search_with_allowlist(&query, k, allowed)?;
        let pairs = found.ids.iter().zip(&found.scores);
        let mut found: Vec<Neighbour> =
            pairs.map(|(id, score)| Neighbour { id: *id, distance: 1.0 - score }).collect();
        found.sort_by(Neighbour::nearer_first);
        Ok(found)
    }
}

impl Engine for Turbovec {
    fn len(&self) -> usize {
        self.index.len()
    }

    fn insert(&mut self, ids: &[u64], vectors: &[f32]) -> Result<()> {
        let dim = vectors.len() / ids.len().max(1);
        let vectors = self.normalised(vectors, dim);
        Ok(self.index.add_with_ids(&vectors, ids)?)
    }

    fn delete(&mut self, ids: &[u64]) -> Result<()> {
        for id in ids {
            ensure!(self.index.remove(*id), "there is no vector {id} to remove");
        }
        Ok(())
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.found(query, k, None)
    }

    fn search_filtered(&self, query: &[f32], k: usize, allowed: &IdSet) -> Result<Vec<Neighbour>> {
        let ids: Vec<u64> = self.index.iter_ids().filter(|id| allowed.contains(*id)).collect();
        if ids.is_empty() { Ok(Vec::new()) } else { self.found(query, k, Some(&ids)) }
    }
}
