//! S1: what does a search for the ten nearest vectors cost, on one thread and on several?

use std::sync::Arc;

use anyhow::Result;
use bench_core::harness::{Axis, Case, Phases, Prepared, Suite, Workload};
use bench_data::dataset;
use bench_data::indexing;
use bench_data::material::{self, CORPUS, K, Material};
use bench_engines::{Adapter, Engine, Neighbour, Vectors};
use rayon::ThreadPool;
use rayon::prelude::*;

pub(crate) fn add(suite: &mut Suite) -> Result<()> {
    let exact = of_corpus(|adapter| adapter.capabilities.exact)
        .axis(Axis::new("n", [2000, 5000]).quick([2000]))
        .axis(Axis::new("threads", [1, 2]));
    suite.add(exact.size_axis("n"), prepare_corpus);
    // The ef sweep on one thread, the threads at one ef.
    let sweep = Axis::new("ef", [16, 64, 256]).quick([64]);
    let two_threads = Axis::new("threads", [2]).quick::<usize>([]);
    for (ef, threads) in [(sweep, Axis::new("threads", [1])), (Axis::new("ef", [64]), two_threads)] {
        let graph = of_corpus(|adapter| !adapter.capabilities.exact)
            .axis(Axis::new("n", [1000]).slow([10_000]))
            .axis(ef)
            .axis(threads);
        suite.add(graph.size_axis("n"), prepare_corpus);
    }
    for (is_exact, ef) in [(true, None), (false, Some(Axis::new("ef", [64])))] {
        let of_models = of_corpus(|adapter| adapter.capabilities.exact == is_exact)
            .axis(Axis::new("n", [1000]).quick::<usize>([]).slow([10_000]));
        let of_models = ef.into_iter().fold(of_models, Workload::axis).axis(Axis::new("threads", [1]));
        suite.add(material::by_models(of_models.size_axis("n")), prepare_corpus);
    }
    let Some(dataset) = dataset::of_inputs(suite.inputs())? else { return Ok(()) };
    let about = format!("the data set, {}", dataset.about());
    let users = indexing::workload_on("dense", &about, dataset.distance(), dataset.dim(), |_| true)
        .axis(Axis::new("dataset", [dataset.name()]))
        .axis(material::size_axis(dataset.len()))
        .axis(Axis::new("threads", [1, 2]))
        .size_axis("n")
        .tag("dataset");
    suite.add(users, move |case| prepare(case, &material::of_dataset(&dataset, case.count("n")?)?));
    Ok(())
}

fn of_corpus(suits: impl Fn(&Adapter) -> bool) -> Workload {
    let about = "100 queries for the 10 nearest of n embedded texts, cosine distance";
    indexing::workload("dense", about, suits).axis(Axis::new("dataset", [CORPUS.name]))
}

fn prepare_corpus(case: &Case) -> Result<Prepared> {
    prepare(case, &material::of_case(CORPUS, case)?)
}

fn prepare(case: &Case, material: &Material) -> Result<Prepared> {
    let adapter = bench_engines::find(case.text("engine")?)?;
    let queries = Arc::clone(&material.queries);
    let spec = indexing::spec(case, adapter, material.base.dim(), material.distance)?;
    indexing::stage(&spec.holder(), [&queries])?;
    let built = indexing::build(adapter, &spec, &material.base)?;
    // One thread is the caller's.
    let pool = if spec.threads > 1 { Some(indexing::pool(spec.threads)?) } else { None };
    let oracle = material.oracle();
    let (items, payload) = (queries.len(), size_of_val(queries.data()));
    let run = move |phases: &mut Phases| {
        let found = phases.measure("search", || search(built.index(), &queries, pool.as_ref()));
        indexing::record_figures(phases, built.index());
        found
    };
    let check = move |found: Vec<Vec<Neighbour>>| oracle.judge(&found, adapter);
    let prepared = Prepared::fallible(run, check).items_of("query", items).payload_bytes(payload);
    let order = (spec.threads > 1).then_some("threads share the queries in another order each time");
    Ok(indexing::with_engine(material.record(prepared), adapter, &spec.holder()).varies(order))
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
    use bench_engines::{Distance, IndexSpec, Oracle, exact_neighbours};

    use super::*;

    fn vectors(n: usize, offset: usize) -> Vectors {
        let data = (0..n * 8).map(|i| ((i * 2_654_435_761 + offset) % 1009) as f32).collect();
        Vectors::new(8, data).unwrap()
    }

    #[test]
    fn both_ways_of_searching_give_the_right_answers() {
        let (base, queries) = (vectors(300, 0), vectors(20, 5));
        let index = bench_engines::build("flat", &IndexSpec::new(8, Distance::L2), &base).unwrap();
        let exact = exact_neighbours(&base, &queries, K, Distance::L2);
        let oracle = Oracle::new(Arc::new(base), Arc::new(queries.clone()), exact, K, Distance::L2);
        for pool in [None, Some(indexing::pool(2).unwrap()), Some(indexing::pool(3).unwrap())] {
            let found = search(index.as_ref(), &queries, pool.as_ref()).unwrap();
            let judge = |found: &[Vec<Neighbour>]| oracle.judge(found, bench_engines::find("flat").unwrap());
            assert_eq!(judge(&found).unwrap().recall, Some(1.0));
            let mut mixed_up = found.clone();
            mixed_up.swap(0, 1);
            assert!(judge(&mixed_up).unwrap_err().to_string().contains("query 0"));
            assert!(judge(&found[1..]).unwrap_err().to_string().contains("19 answers to 20"));
        }
    }
}
