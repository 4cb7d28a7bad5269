//! I6: what does it cost to build an index of a data set, and to search it afterwards?

use std::sync::Arc;

use anyhow::{Result, ensure};
use bench_core::case::Mode;
use bench_core::harness::{Axis, Case, Phases, Prepared, Suite, Workload};
use bench_data::dataset;
use bench_engines::{Adapter, HeapVisibility, Storage};

use bench_data::indexing;
use bench_data::material::{self, CORPUS, Material, SNIPPETS, Texts};

pub(crate) fn add(suite: &mut Suite) -> Result<()> {
    sizes(suite);
    parameters(suite);
    let Some(dataset) = dataset::of_inputs(suite.inputs())? else { return Ok(()) };
    let about = format!("an index of the data set, then {}", dataset.about());
    let users = indexing::workload_on("build", &about, dataset.distance(), dataset.dim(), |_| true)
        .axis(Axis::new("dataset", [dataset.name()]))
        .axis(material::size_axis(dataset.len()))
        .size_axis("n")
        .tag("dataset")
        .tag_for("n", FIELD_SIZE, FIELD);
    let users = untimed_builds(indexing::untimed_on_servers(users), material::sizes(dataset.len()));
    suite.add(users, move |case| prepare(case, &material::of_dataset(&dataset, case.count("n")?)?));
    Ok(())
}

/// The tag of the cases by which all engines are compared, and their size.
const FIELD: &str = "field";
const FIELD_SIZE: &str = "10000";

/// How an index grows: every engine over its sizes.
fn sizes(suite: &mut Suite) {
    let quick = [1000];
    let none: [usize; 0] = [];
    for (pace, n) in [
        (Pace::Scan, Axis::new("n", [1000, 3000, 10_000, 30_000]).quick(quick).slow([100_000])),
        (Pace::Graph, Axis::new("n", [1000, 3000, 10_000]).quick(quick).slow([30_000, 100_000])),
        (Pace::SlowGraph, Axis::new("n", [1000, 3000, 10_000]).quick(none).slow([30_000])),
        (Pace::Server, Axis::new("n", [1000]).quick(quick).slow([10_000])),
    ] {
        let workload = of_texts(CORPUS, |adapter| pace_of(adapter) == pace).axis(n).size_axis("n");
        let workload = workload.tag_for("n", FIELD_SIZE, FIELD);
        let workload = untimed_builds(workload, [3000, 10_000, 30_000, 100_000]);
        suite.add(workload, move |case| prepare_texts(case, CORPUS));
    }
    let axis = Axis::new("n", [1000]).quick(none).slow([10_000]);
    let of_models = of_texts(CORPUS, |adapter| pace_of(adapter) != Pace::SlowGraph).axis(axis).size_axis("n");
    let of_models = untimed_builds(material::by_models(of_models), [10_000]);
    suite.add(of_models, |case| prepare_texts(case, CORPUS));
    let million = of_texts(SNIPPETS, |adapter| pace_of(adapter) == Pace::Scan || adapter.name == "usearch")
        .axis(Axis::new("n", none).slow([1_000_000]))
        .size_axis("n");
    suite.add(untimed_builds(million, [1_000_000]), |case| prepare_texts(case, SNIPPETS));
}

/// What a parameter changes: one at a time, the others as they are by default.
fn parameters(suite: &mut Suite) {
    for (parameter, values) in [
        ("m", &["8", "32"][..]),
        ("ef_construction", &["32", "256"]),
        ("batch", &["1", "100"]),
        ("threads", &["2"]),
        ("reserve", &["yes"]),
    ] {
        vary(suite, &Axis::new(parameter, values), |adapter| adapter.heeds(parameter));
    }
    vary(suite, &Axis::new("dim", [128, 768]), |_| true);
    // Which allocator Rust's heap comes from; an engine in C keeps the C library's.
    let allocators = Axis::new("allocator", bench_core::harness::Allocator::OTHERS);
    vary(suite, &allocators, |adapter| matches!(adapter.heap, HeapVisibility::Rust));
}

fn vary(suite: &mut Suite, parameter: &Axis, suits: impl Fn(&Adapter) -> bool) {
    let none: [usize; 0] = [];
    for (is_slow, n) in [
        (false, Axis::new("n", [1000]).quick(none).slow([10_000])),
        (true, Axis::new("n", none).slow([1000, 10_000])),
    ] {
        let of_pace = |adapter: &Adapter| (pace_of(adapter) == Pace::SlowGraph) == is_slow;
        let workload = of_texts(CORPUS, |adapter| suits(adapter) && of_pace(adapter))
            .axis(n)
            .axis(parameter.clone())
            .size_axis("n");
        suite.add(untimed_builds(workload, [10_000]), |case| prepare_texts(case, CORPUS));
    }
}

fn of_texts(texts: Texts, suits: impl Fn(&Adapter) -> bool) -> Workload {
    let about = format!(
        "an index of n embedded texts of {} bytes, then 100 queries for the 10 nearest, cosine distance",
        texts.bytes
    );
    let workload = indexing::untimed_on_servers(indexing::workload("build", &about, suits));
    workload.axis(Axis::new("dataset", [texts.name]))
}

/// How long a build takes, which decides about an engine's sizes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// No structure to build.
    Scan,
    Graph,
    /// A second or more for 1000 vectors.
    SlowGraph,
    /// As fast as its machine; the network is in it.
    Server,
}

fn pace_of(adapter: &Adapter) -> Pace {
    match adapter.name {
        // Its M is 32 and cannot be set.
        "instant-distance" => Pace::SlowGraph,
        _ if adapter.server().is_some() => Pace::Server,
        _ if adapter.capabilities.exact => Pace::Scan,
        _ => Pace::Graph,
    }
}

/// The most vectors of a build that criterion repeats, some thirty times: more would take minutes.
const TIMED: usize = 1000;

fn untimed_builds(workload: Workload, sizes: impl IntoIterator<Item = usize>) -> Workload {
    sizes.into_iter().filter(|size| *size > TIMED).fold(workload, |workload, size| {
        let reason = "so large a build takes too long for criterion's repetitions";
        workload.absent_for("n", &size.to_string(), &[Mode::Time], reason)
    })
}

fn prepare_texts(case: &Case, texts: Texts) -> Result<Prepared> {
    prepare(case, &material::of_case(texts, case)?)
}

pub(crate) fn prepare(case: &Case, material: &Material) -> Result<Prepared> {
    let adapter = bench_engines::find(case.text("engine")?)?;
    let (base, queries) = (Arc::clone(&material.base), Arc::clone(&material.queries));
    let mut spec = indexing::spec(case, adapter, base.dim(), material.distance)?;
    if case.text("reserve").is_ok_and(|reserve| reserve == "yes") {
        spec.reserve = base.len();
    }
    let pool = indexing::pool(spec.threads)?;
    let oracle = material.oracle();
    let n = base.len();
    let (holder, threads, storage) = (spec.holder(), spec.threads, spec.storage);
    indexing::stage(&holder, [&base, &queries])?;
    let run = move |phases: &mut Phases| {
        let index =
            phases.measure("build", || pool.install(|| bench_engines::build(adapter.name, &spec, &base)))?;
        indexing::record_figures(phases, &*index);
        let found = phases.measure("search", || indexing::search(index.as_ref(), &queries))?;
        phases.items_of("query", queries.len());
        indexing::record_figures(phases, &*index);
        anyhow::Ok((index, found))
    };
    let check = move |(index, found): indexing::Searched| {
        ensure!(index.len() == n, "{} vectors instead of {n}", index.len());
        match storage {
            Storage::F32 => oracle.judge(&found, adapter),
            _ => oracle.judge_codes(&found, adapter),
        }
    };
    let prepared =
        Prepared::fallible(run, check).items_of("vector", n).payload_bytes(material.payload_bytes());
    let order = (threads > 1).then_some("threads insert in another order each time");
    Ok(indexing::with_engine(material.record(prepared), adapter, &holder).varies(order))
}
