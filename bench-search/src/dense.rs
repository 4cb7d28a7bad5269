//! S1: what does a search for the ten nearest vectors cost, on one thread and on several?

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bench_core::harness::{Axis, Case, Findings, Phases, Prepared, Suite, Workload};
use bench_vectors::dataset::{self, Vectors};
use bench_vectors::engine::{self, Distance, Engine, Neighbour, exact_neighbours, verify_exact};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::material::{self, Material};

/// How many neighbours a query asks for.
const K: usize = 10;

pub(crate) fn add(suite: &mut Suite) -> Result<()> {
    let about = "100 queries for the 10 nearest of n embedded texts, cosine distance";
    let corpus = Workload::new("dense", about)
        .axis(Axis::new("engine", engine::NAMES))
        .axis(Axis::new("dataset", ["corpus"]))
        .axis(Axis::new("n", [2000, 5000]).quick([2000]))
        .axis(Axis::new("threads", [1, 2]))
        .size_axis("n");
    suite.add(corpus, |case| {
        let material = material::of_corpus(case.inputs(), case.count("n")?)?;
        let exact = exact_neighbours(&material.base, &material.queries, K, Distance::Cosine);
        prepare(case, material, exact, "corpus", Distance::Cosine)
    });
    let Some(dataset) = dataset::of_inputs(suite.inputs())? else { return Ok(()) };
    let queries = if dataset.has_queries() { "its own queries" } else { "its last vectors as queries" };
    let about =
        format!("the data set, {queries} for the 10 nearest, distance {}", dataset.distance_in_words());
    let users = Workload::new("dense", about)
        .axis(Axis::new("engine", engine::NAMES))
        .axis(Axis::new("dataset", [dataset.name()]))
        .axis(Axis::new("n", [dataset.len()]))
        .axis(Axis::new("threads", [1, 2]))
        .size_axis("n")
        .tag("dataset");
    suite.add(users, move |case| {
        let material = material::of_dataset(&dataset, case.count("n")?)?;
        let truth = dataset.ground_truth(&material.base, &material.queries, K, material.own_queries)?;
        let (queries, distance) = (material.queries.hash(), dataset.distance());
        let prepared = prepare(case, material, truth, "dataset", distance)?;
        Ok(prepared.input("queries", queries))
    });
    Ok(())
}

fn prepare(
    case: &Case,
    material: Material,
    exact: Vec<Vec<Neighbour>>,
    input: &str,
    distance: Distance,
) -> Result<Prepared> {
    let Material { base, queries, hash, .. } = material;
    let mut index = engine::open(case.text("engine")?, base.dim(), distance)?;
    let ids: Vec<u64> = (0..base.len() as u64).collect();
    index.insert(&ids, base.data())?;
    let pool = pool(case.count("threads")?)?;
    let oracle = Oracle::new(base, queries.clone(), exact, distance);
    let (items, payload) = (queries.len(), size_of_val(queries.data()));
    let run = move |phases: &mut Phases| {
        phases.measure("search", || search(index.as_ref(), &queries, pool.as_ref()))
    };
    let check = move |found: Result<Vec<Vec<Neighbour>>>| {
        oracle.verify(&found?)?;
        // Every neighbour was just seen to be one of the exact ones.
        Ok(Findings { recall: Some(1.0) })
    };
    Ok(Prepared::new(run, check).items(items).payload_bytes(payload).input(input, hash))
}

/// A pool whose threads have all run once, so that no phase pays for them; none for one thread, which is the caller's.
fn pool(threads: usize) -> Result<Option<ThreadPool>> {
    if threads == 1 {
        return Ok(None);
    }
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.with_context(|| format!("start a rayon pool of {threads} threads"))?;
    pool.broadcast(|_| ());
    Ok(Some(pool))
}

fn search(index: &dyn Engine, queries: &Vectors, pool: Option<&ThreadPool>) -> Result<Vec<Vec<Neighbour>>> {
    let search = |query| index.search(queries.row(query), K);
    let Some(pool) = pool else { return (0..queries.len()).map(search).collect() };
    // One share per thread: smaller ones, split on demand, would allocate differently from run to run.
    let share = queries.len().div_ceil(pool.current_num_threads());
    pool.install(|| (0..queries.len()).into_par_iter().with_min_len(share).map(search).collect())
}

/// Knows the right answers.
#[derive(Clone)]
struct Oracle(Arc<Answers>);

struct Answers {
    base: Vectors,
    queries: Vectors,
    exact: Vec<Vec<Neighbour>>,
    distance: Distance,
}

impl Oracle {
    fn new(base: Vectors, queries: Vectors, exact: Vec<Vec<Neighbour>>, distance: Distance) -> Oracle {
        Oracle(Arc::new(Answers { base, queries, exact, distance }))
    }

    /// Every query's answer must be right: the engine is exact, so its recall is 1.
    fn verify(&self, found: &[Vec<Neighbour>]) -> Result<()> {
        let Answers { base, queries, exact, distance } = self.0.as_ref();
        ensure!(found.len() == exact.len(), "{} answers to {} queries", found.len(), exact.len());
        for (i, (found, exact)) in found.iter().zip(exact).enumerate() {
            verify_exact(base, queries.row(i), found, exact, *distance)
                .with_context(|| format!("query {i}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(n: usize, offset: usize) -> Vectors {
        let data = (0..n * 8).map(|i| ((i * 2_654_435_761 + offset) % 1009) as f32).collect();
        Vectors::new(8, data).unwrap()
    }

    #[test]
    fn both_ways_of_searching_give_the_right_answers() {
        let (base, queries) = (vectors(300, 0), vectors(20, 5));
        let mut index = engine::open("flat", 8, Distance::L2).unwrap();
        index.insert(&(0..300).collect::<Vec<u64>>(), base.data()).unwrap();
        let exact = exact_neighbours(&base, &queries, K, Distance::L2);
        let oracle = Oracle::new(base, queries.clone(), exact, Distance::L2);
        for threads in [1, 2, 3] {
            let pool = pool(threads).unwrap();
            let found = search(index.as_ref(), &queries, pool.as_ref()).unwrap();
            oracle.verify(&found).unwrap();
            let mut mixed_up = found.clone();
            mixed_up.swap(0, 1);
            assert!(oracle.verify(&mixed_up).unwrap_err().to_string().contains("query 0"));
            assert!(oracle.verify(&found[1..]).unwrap_err().to_string().contains("19 answers to 20"));
        }
    }
}
