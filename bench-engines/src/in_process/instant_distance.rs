//! The engine `instant-distance`: an HNSW graph in Rust, built once from all vectors. It cannot insert or
//! delete later.
//!
//! Its M is a constant, 32. It builds on the current rayon pool: on a pool of one thread the same graph every
//! time.

use std::marker::PhantomData;

use anyhow::Result;
use instant_distance::{Builder, HnswMap, Point, Search};

use crate::adapter::{Adapter, Capabilities, HeapVisibility, IndexSpec, no_saved_index};
use crate::block::ensure_query;
use crate::distance::Distance;
use crate::engine::{Engine, Neighbour};
use crate::storage::Storage;
use crate::vectors::Vectors;

pub(crate) const ADAPTER: Adapter = Adapter {
    name: "instant-distance",
    package: Some("instant-distance"),
    capabilities: Capabilities {
        distances: &Distance::ALL,
        largest_dim: None,
        exact: false,
        delete: false,
        update: false,
        filter: false,
        labels: false,
        threads: true,
        storages: &[Storage::F32],
        placements: &[],
        exact_distances: true,
    },
    parameters: &["ef_construction", "ef", "threads"],
    heap: HeapVisibility::Rust,
    varies: None,
    cosine_of: (0.0, f32::MAX),
    build: |spec, vectors| match spec.distance {
        Distance::L2 => build::<SquaredEuclidean>(spec, vectors),
        Distance::InnerProduct => build::<DotMeasure>(spec, vectors),
        Distance::Cosine => build::<Angle>(spec, vectors),
    },
    open: no_saved_index,
};

/// The order of insertion is drawn from it.
const SEED: u64 = 42;

/// A [`Distance`] as a type: the engine takes it from the vectors' type, and a field in each would cost
/// memory.
trait Measure: Clone + Send + Sync + 'static {
    /// Between rows.
    const DISTANCE: Distance;
    /// Whether rows are brought to length 1.
    const NORMALISES: bool = false;
}

#[derive(Clone)]
struct SquaredEuclidean;
#[derive(Clone)]
struct DotMeasure;
#[derive(Clone)]
struct Angle;

impl Measure for SquaredEuclidean {
    const DISTANCE: Distance = Distance::L2;
}
impl Measure for DotMeasure {
    const DISTANCE: Distance = Distance::InnerProduct;
}
/// As its users do it: at length 1 the dot product is the cosine, at a third of the work.
impl Measure for Angle {
    const DISTANCE: Distance = Distance::InnerProduct;
    const NORMALISES: bool = true;
}

#[derive(Clone)]
struct MeasuredPoint<M>(Box<[f32]>, PhantomData<M>);

impl<M: Measure> MeasuredPoint<M> {
    fn new(vector: &[f32]) -> MeasuredPoint<M> {
        let mut row: Box<[f32]> = vector.into();
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        if M::NORMALISES && length > 0.0 {
            row.iter_mut().for_each(|x| *x /= length);
        }
        MeasuredPoint(row, PhantomData)
    }
}

impl<M: Measure> Point for MeasuredPoint<M> {
    fn distance(&self, other: &Self) -> f32 {
        M::DISTANCE.between(&self.0, &other.0)
    }
}

struct InstantDistance<M> {
    graph: HnswMap<MeasuredPoint<M>, u64>,
    dim: usize,
}

fn build<M: Measure>(spec: &IndexSpec, vectors: &Vectors) -> Result<Box<dyn Engine>> {
    let points = (0..vectors.len()).map(|row| MeasuredPoint::new(vectors.row(row))).collect();
    let ids = (0..vectors.len() as u64).collect();
    let builder = Builder::default().seed(SEED).ef_construction(spec.ef_construction).ef_search(spec.ef);
    Ok(Box::new(InstantDistance::<M> { graph: builder.build(points, ids), dim: spec.dim }))
}

impl<M: Measure> Engine for InstantDistance<M> {
    fn len(&self) -> usize {
        self.graph.values.len()
    }

    fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        ensure_query(query, self.dim)?;
        let mut search = Search::default();
        let found = self.graph.search(&MeasuredPoint::new(query), &mut search);
        Ok(found.take(k).map(|item| Neighbour { id: *item.value, distance: item.distance }).collect())
    }
}
