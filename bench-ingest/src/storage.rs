//! I8: what does each storage of an index save, and what does it lose?
//!
//! The recall is told apart: how much the codes lose, by a comparison of the query with every code, and how
//! much the way through them loses, a graph or trees.

use std::sync::Arc;

use anyhow::{Result, ensure};
use bench_core::case::Mode;
use bench_core::harness::{Axis, Case, Findings, Phases, Prepared, Suite, Workload};
use bench_data::dataset;
use bench_data::indexing;
use bench_data::material::{self, CORPUS, DIM, K, Material};
use bench_engines::{Adapter, Distance, Engine, Neighbour, Oracle, Storage, Vectors};

pub(crate) fn add(suite: &mut Suite) -> Result<()> {
    let of_corpus = "n embedded texts";
    for adapter in engines() {
        let quick: &[Storage] = if adapter.name == "flat" { &[Storage::I8] } else { &[] };
        let storages = Axis::new("storage", Storage::ALL).quick(quick);
        let workload = of_storages(adapter, storages, of_corpus, Distance::Cosine, DIM)
            .axis(Axis::new("dataset", [CORPUS.name]))
            .axis(Axis::new("n", [1000]))
            .size_axis("n");
        suite.add(workload, |case| prepare(case, &material::of_case(CORPUS, case)?));
        if adapter.capabilities.storages.len() > 1 {
            let storages = Axis::new("storage", adapter.capabilities.storages);
            let workload = of_storages(adapter, storages, of_corpus, Distance::Cosine, DIM)
                .axis(Axis::new("dataset", [CORPUS.name]))
                .axis(Axis::new("n", [10_000]).quick([0; 0]))
                .size_axis("n")
                .absent_in(Mode::Time, TOO_LONG);
            suite.add(workload, |case| prepare(case, &material::of_case(CORPUS, case)?));
        }
    }
    let Some(dataset) = dataset::of_inputs(suite.inputs())? else { return Ok(()) };
    for adapter in engines() {
        let storages = Axis::new("storage", Storage::ALL);
        let workload = of_storages(adapter, storages, &dataset.about(), dataset.distance(), dataset.dim())
            .axis(Axis::new("dataset", [dataset.name()]))
            .axis(material::size_axis(dataset.len()))
            .size_axis("n")
            .tag("dataset")
            .absent_in(Mode::Time, TOO_LONG);
        let dataset = dataset.clone();
        suite.add(workload, move |case| prepare(case, &material::of_dataset(&dataset, case.count("n")?)?));
    }
    Ok(())
}

/// Those that are told what to keep; a program decides for itself.
fn engines() -> impl Iterator<Item = &'static Adapter> {
    bench_engines::all().filter(|adapter| adapter.program().is_none())
}

const TOO_LONG: &str = "so large a build takes too long for criterion's repetitions";

fn of_storages(
    adapter: &'static Adapter,
    storages: Axis,
    of: &str,
    distance: Distance,
    dim: usize,
) -> Workload {
    let about = format!(
        "an index of {of} that keeps each vector as the storage says, room for all of them reserved where the engine \
         can, then the queries; what the codes and the way through them lose is told apart"
    );
    let workload =
        indexing::workload_on("storage", &about, distance, dim, |other| other.name == adapter.name);
    let workload = indexing::untimed_on_servers(workload).axis(storages);
    let lacking =
        Storage::ALL.into_iter().filter_map(|storage| Some((storage, adapter.lacks(storage, distance)?)));
    lacking.fold(workload, |workload, (storage, reason)| {
        workload.absent_for("storage", &storage.to_string(), &Mode::ALL, &reason)
    })
}

fn prepare(case: &Case, material: &Material) -> Result<Prepared> {
    let adapter = bench_engines::find(case.text("engine")?)?;
    let (base, queries) = (Arc::clone(&material.base), Arc::clone(&material.queries));
    let mut spec = indexing::spec(case, adapter, base.dim(), material.distance)?;
    spec.reserve = base.len();
    let pool = indexing::pool(1)?;
    let judge =
        CodesJudge { oracle: material.oracle(), queries: Arc::clone(&queries), storage: spec.storage };
    let n = base.len();
    let holder = spec.holder();
    let run = move |phases: &mut Phases| {
        let build = || pool.install(|| bench_engines::build(adapter.name, &spec, &base));
        let index = phases.measure("build", build)?;
        indexing::record_figures(phases, &*index);
        let found = phases.measure("search", || indexing::search(index.as_ref(), &queries))?;
        phases.items_of("query", queries.len());
        anyhow::Ok((index, found))
    };
    let check = move |(index, found): indexing::Searched| {
        ensure!(index.len() == n, "{} vectors instead of {n}", index.len());
        judge.judge(&*index, &found, adapter)
    };
    let prepared =
        Prepared::fallible(run, check).items_of("vector", n).payload_bytes(material.payload_bytes());
    Ok(indexing::with_engine(material.record(prepared), adapter, &holder))
}

/// Judges what an index found that keeps codes.
#[derive(Clone)]
struct CodesJudge {
    oracle: Oracle,
    queries: Arc<Vectors>,
    storage: Storage,
}

impl CodesJudge {
    fn judge(&self, index: &dyn Engine, found: &[Vec<Neighbour>], adapter: &Adapter) -> Result<Findings> {
        let of = |found: &[Vec<Neighbour>]| match self.storage {
            Storage::F32 => self.oracle.judge(found, adapter),
            _ => self.oracle.judge_codes(found, adapter),
        };
        let mut findings = of(found)?;
        let rows = (0..self.queries.len()).map(|query| index.exhaustive(self.queries.row(query), K));
        let exhaustive: Option<Vec<Vec<Neighbour>>> = rows.collect::<Result<_>>()?;
        if let Some(exhaustive) = exhaustive {
            findings.codes_recall = of(&exhaustive)?.recall;
            findings.graph_recall = share(found, &exhaustive);
        }
        Ok(findings)
    }
}

/// The share of the neighbours of `all` that `found` has, too, or has others instead that are as near: of
/// codes many have the same distance.
fn share(found: &[Vec<Neighbour>], all: &[Vec<Neighbour>]) -> Option<f64> {
    let hits = |(found, all): (&Vec<Neighbour>, &Vec<Neighbour>)| {
        let farthest = all.iter().map(|neighbour| neighbour.distance).fold(f32::NEG_INFINITY, f32::max);
        found.iter().filter(|neighbour| neighbour.distance <= farthest).count().min(all.len())
    };
    let due: usize = all.iter().map(Vec::len).sum();
    let hits: usize = found.iter().zip(all).map(hits).sum();
    (due > 0).then(|| hits as f64 / due as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(distances: &[f32]) -> Vec<Neighbour> {
        distances.iter().zip(0..).map(|(distance, id)| Neighbour { id, distance: *distance }).collect()
    }

    #[test]
    fn what_is_as_near_as_the_farthest_due_is_a_hit() {
        let all = [at(&[0.0, 1.0]), at(&[2.0, 2.0])];
        assert_eq!(share(&all, &all), Some(1.0));
        assert_eq!(share(&[at(&[0.0, 1.5]), at(&[2.0])], &all), Some(0.5));
        assert_eq!(share(&[], &[]), None);
    }
}
