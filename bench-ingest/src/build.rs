//! I6: what does it cost to build an index of a data set, and to search it afterwards?

use std::sync::Arc;

use anyhow::{Result, ensure};
use bench_core::case::Mode;
use bench_core::harness::{Axis, Case, Findings, Phases, Prepared, Suite, Workload};
use bench_vectors::dataset;
use bench_vectors::engine::{self, Adapter, Distance, IndexSpec, Oracle};

use crate::indexing::{self, K};
use crate::material::{self, Material};

pub(crate) fn add(suite: &mut Suite) -> Result<()> {
    let about = "an index of n embedded texts, then 100 queries for the 10 nearest, cosine distance";
    let exact = workload(about, |adapter| adapter.capabilities.exact, "corpus")
        .axis(Axis::new("n", [1000, 3000, 10_000]).quick([1000]).slow([30_000, 100_000]));
    suite.add(exact.size_axis("n"), of_corpus);
    let is_graph = |adapter: &Adapter| !adapter.capabilities.exact && !indexing::is_slow(adapter);
    let graph = workload(about, is_graph, "corpus")
        .axis(Axis::new("n", [1000, 3000]).quick([1000]).slow([10_000, 30_000, 100_000]));
    suite.add(graph.size_axis("n"), of_corpus);
    let slow = workload(about, indexing::is_slow, "corpus")
        .axis(Axis::new("n", [1000]).quick::<usize>([]).slow([3000, 10_000]));
    suite.add(slow.size_axis("n"), of_corpus);
    let reserved = workload(about, can_reserve, "corpus")
        .axis(Axis::new("n", [1000]).quick::<usize>([]).slow([10_000]))
        .axis(Axis::new("reserve", ["yes"]));
    suite.add(reserved.size_axis("n"), of_corpus);
    let Some(path) = suite.inputs().dataset.clone() else { return Ok(()) };
    let dataset = dataset::open(&path)?;
    let about = "an index of the data set's vectors, the last of them as queries, Euclidean distance";
    let users = workload(about, |_| true, &dataset.name())
        .axis(Axis::new("n", [dataset.len()]))
        .size_axis("n")
        .tag("dataset");
    suite.add(users, move |case| {
        prepare(case, material::of_dataset(&dataset, case.count("n")?)?, "dataset", Distance::L2)
    });
    Ok(())
}

/// Whether the engine takes the hint [`IndexSpec::reserve`].
fn can_reserve(adapter: &Adapter) -> bool {
    ["flat", "usearch", "hnsw_rs"].contains(&adapter.name)
}

fn workload(about: &'static str, suits: impl Fn(&Adapter) -> bool, dataset: &str) -> Workload {
    let workload = Workload::new("build", about)
        .axis(Axis::new("engine", engine::names(suits)))
        .axis(Axis::new("dataset", [dataset]));
    let workload = indexing::without_foreign_sites(workload);
    // A criterion run is some twenty builds and more.
    ["hnsw_rs", "instant-distance"].into_iter().fold(workload, |workload, engine| {
        workload.absent_for(
            "engine",
            engine,
            &[Mode::Time],
            "builds take too long for criterion's repetitions",
        )
    })
}

fn of_corpus(case: &Case) -> Result<Prepared> {
    prepare(case, material::of_corpus(case.inputs(), case.count("n")?)?, "corpus", Distance::Cosine)
}

fn prepare(case: &Case, material: Material, input: &str, distance: Distance) -> Result<Prepared> {
    let adapter = engine::find(case.text("engine")?)?;
    let (base, queries) = (Arc::new(material.base), Arc::new(material.queries));
    let pool = indexing::one_thread()?;
    let oracle = Oracle::new(Arc::clone(&base), Arc::clone(&queries), K, distance);
    let mut spec = IndexSpec::new(base.dim(), distance);
    if case.text("reserve").is_ok_and(|reserve| reserve == "yes") {
        spec.reserve = base.len();
    }
    let (n, payload) = (base.len(), size_of_val(base.data()));
    let run = move |phases: &mut Phases| {
        let index = phases.measure("build", || pool.install(|| engine::build(adapter.name, &spec, &base)))?;
        phases.engine_bytes(index.memory_bytes());
        let found = phases.measure("search", || indexing::search(index.as_ref(), &queries))?;
        phases.items(queries.len());
        phases.engine_bytes(index.memory_bytes());
        anyhow::Ok((index, found))
    };
    let check = move |answer: Result<indexing::Searched>| {
        let (index, found) = answer?;
        ensure!(index.len() == n, "{} vectors instead of {n}", index.len());
        Ok(Findings { recall: Some(oracle.recall(&found, adapter.capabilities.exact)?) })
    };
    let prepared = Prepared::new(run, check).items(n).payload_bytes(payload).input(input, material.hash);
    Ok(indexing::with_engine(prepared, adapter))
}
