//! S1: what does a search for the ten nearest vectors cost, on one thread and on several?

use std::sync::Arc;

use anyhow::{Context, Result};
use bench_core::harness::{Axis, Case, Findings, Phases, Prepared, Suite, Workload};
use bench_ingest::indexing::{self, K};
use bench_ingest::material::{self, Material};
use bench_vectors::dataset::{self, Vectors};
use bench_vectors::engine::{self, Adapter, Distance, Engine, IndexSpec, Neighbour, Oracle};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

pub(crate) fn add(suite: &mut Suite) -> Result<()> {
    let about = "100 queries for the 10 nearest of n embedded texts, cosine distance";
    let exact = workload(about, is_exact, "corpus")
        .axis(Axis::new("n", [2000, 5000]).quick([2000]))
        .axis(Axis::new("threads", [1, 2]));
    suite.add(exact.size_axis("n"), of_corpus);
    for slow in [false, true] {
        let suits = |adapter: &Adapter| !is_exact(adapter) && indexing::is_slow(adapter) == slow;
        let quick: &[usize] = if slow { &[] } else { &[64] };
        let approximate = workload(about, suits, "corpus")
            .axis(Axis::new("n", [1000]).slow([10_000]))
            .axis(Axis::new("ef", [16, 64, 256]).quick(quick))
            .axis(Axis::new("threads", [1]));
        suite.add(approximate.size_axis("n"), of_corpus);
    }
    let Some(path) = suite.inputs().dataset.clone() else { return Ok(()) };
    let dataset = dataset::open(&path)?;
    let about = "the data set's last vectors as queries for the 10 nearest of the others, Euclidean distance";
    let users = workload(about, |_| true, &dataset.name())
        .axis(Axis::new("n", [dataset.len()]))
        .axis(Axis::new("threads", [1, 2]))
        .size_axis("n")
        .tag("dataset");
    suite.add(users, move |case| {
        prepare(case, material::of_dataset(&dataset, case.count("n")?)?, "dataset", Distance::L2)
    });
    Ok(())
}

fn is_exact(adapter: &Adapter) -> bool {
    adapter.capabilities.exact
}

fn workload(about: &'static str, suits: impl Fn(&Adapter) -> bool, dataset: &str) -> Workload {
    let workload = Workload::new("dense", about)
        .axis(Axis::new("engine", engine::names(suits)))
        .axis(Axis::new("dataset", [dataset]));
    indexing::without_foreign_sites(workload)
}

fn of_corpus(case: &Case) -> Result<Prepared> {
    prepare(case, material::of_corpus(case.inputs(), case.count("n")?)?, "corpus", Distance::Cosine)
}

fn prepare(case: &Case, material: Material, input: &str, distance: Distance) -> Result<Prepared> {
    let adapter = engine::find(case.text("engine")?)?;
    let (base, queries) = (Arc::new(material.base), Arc::new(material.queries));
    let threads = case.count("threads")?;
    let mut spec = IndexSpec { threads, ..IndexSpec::new(base.dim(), distance) };
    if let Ok(ef) = case.count("ef") {
        spec.ef = ef;
    }
    // One thread builds the same graph every time.
    let index = indexing::one_thread()?.install(|| engine::build(adapter.name, &spec, &base))?;
    let pool = pool(threads)?;
    let oracle = Oracle::new(base, Arc::clone(&queries), K, distance);
    let (items, payload) = (queries.len(), size_of_val(queries.data()));
    let run = move |phases: &mut Phases| {
        let found = phases.measure("search", || search(index.as_ref(), &queries, pool.as_ref()));
        phases.engine_bytes(index.memory_bytes());
        found
    };
    let check = move |found: Result<Vec<Vec<Neighbour>>>| {
        Ok(Findings { recall: Some(oracle.recall(&found?, adapter.capabilities.exact)?) })
    };
    let prepared = Prepared::new(run, check).items(items).payload_bytes(payload).input(input, material.hash);
    Ok(indexing::with_engine(prepared, adapter))
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
    let Some(pool) = pool else { return indexing::search(index, queries) };
    // One share per thread: smaller ones, split on demand, would allocate differently from run to run.
    let share = queries.len().div_ceil(pool.current_num_threads());
    pool.install(|| (0..queries.len()).into_par_iter().with_min_len(share).map(search).collect())
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
        let index = engine::build("flat", &IndexSpec::new(8, Distance::L2), &base).unwrap();
        let oracle = Oracle::new(Arc::new(base), Arc::new(queries.clone()), K, Distance::L2);
        for threads in [1, 2, 3] {
            let pool = pool(threads).unwrap();
            let found = search(index.as_ref(), &queries, pool.as_ref()).unwrap();
            assert_eq!(oracle.recall(&found, true).unwrap(), 1.0);
            let mut mixed_up = found.clone();
            mixed_up.swap(0, 1);
            assert!(oracle.recall(&mixed_up, true).unwrap_err().to_string().contains("query 0"));
            assert!(oracle.recall(&found[1..], true).unwrap_err().to_string().contains("19 answers to 20"));
        }
    }
}
