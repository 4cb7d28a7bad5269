//! I7: what does an index give back when half of its vectors are deleted, and what do they cost when they
//! return?

use std::sync::Arc;

use anyhow::{Result, ensure};
use bench_core::case::Mode;
use bench_core::harness::{Axis, Case, Phases, Prepared, Suite};
use bench_engines::Vectors;

use bench_data::indexing;
use bench_data::material::{self, CORPUS, DIM};

pub(crate) fn add(suite: &mut Suite) {
    let about = "an index of n embedded texts, every other one deleted and inserted again, then 100 queries";
    let workload = indexing::untimed_on_servers(indexing::workload("update", about, |_| true))
        .axis(Axis::new("dataset", [CORPUS.name]))
        .axis(Axis::new("n", [1000]).slow([3000, 10_000]))
        .axis(Axis::new("rounds", [1, 5]).quick([1]))
        .size_axis("n");
    let cannot_delete = bench_engines::names(|adapter| !adapter.capabilities.delete);
    let workload = cannot_delete.into_iter().fold(workload, |workload, name| {
        workload.absent_for("engine", name, &Mode::ALL, "the engine cannot delete")
    });
    suite.add(workload, prepare);
}

fn prepare(case: &Case) -> Result<Prepared> {
    let adapter = bench_engines::find(case.text("engine")?)?;
    let material = material::of_texts(CORPUS, case.inputs(), case.count("n")?, DIM)?;
    let (base, queries) = (Arc::clone(&material.base), Arc::clone(&material.queries));
    let pool = indexing::pool(1)?;
    let oracle = material.oracle();
    let spec = indexing::spec(case, adapter, base.dim(), material.distance)?;
    let holder = spec.holder();
    let (ids, returning) = every_other(&base)?;
    let returning = Arc::new(returning);
    indexing::stage(&holder, [&base, &returning, &queries])?;
    let (n, rounds) = (base.len(), case.count("rounds")?);
    let run = move |phases: &mut Phases| {
        let build = || pool.install(|| bench_engines::build(adapter.name, &spec, &base));
        let mut index = phases.measure("build", build)?;
        indexing::record_figures(phases, &*index);
        let mut left = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            phases.measure("delete", || pool.install(|| index.delete(&ids)))?;
            indexing::record_figures(phases, &*index);
            left.push(index.len());
            phases.measure("insert", || pool.install(|| index.insert(&ids, returning.data())))?;
            indexing::record_figures(phases, &*index);
        }
        let found = phases.measure("search", || indexing::search(index.as_ref(), &queries))?;
        phases.items_of("query", queries.len());
        indexing::record_figures(phases, &*index);
        anyhow::Ok(Updated { left, searched: (index, found) })
    };
    let check = move |answer: Updated| {
        let Updated { left, searched: (index, found) } = answer;
        let as_wanted = left.iter().all(|left| *left == n / 2);
        ensure!(as_wanted, "{left:?} vectors after the deletions instead of {}", n / 2);
        ensure!(index.len() == n, "{} vectors at the end instead of {n}", index.len());
        oracle.judge(&found, adapter)
    };
    let prepared =
        Prepared::fallible(run, check).items_of("vector", n).payload_bytes(material.payload_bytes());
    Ok(indexing::with_engine(material.record(prepared), adapter, &holder))
}

struct Updated {
    /// How many vectors were left after each deletion.
    left: Vec<usize>,
    searched: indexing::Searched,
}

/// The rows 0, 2, 4 ...: their ids, and the vectors.
fn every_other(base: &Vectors) -> Result<(Vec<u64>, Vectors)> {
    let rows = || (0..base.len()).step_by(2);
    let data = rows().flat_map(|row| base.row(row)).copied().collect();
    Ok((rows().map(|row| row as u64).collect(), Vectors::new(base.dim(), data)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_row_is_taken_with_its_id() {
        let base = Vectors::new(1, vec![5.0, 6.0, 7.0]).unwrap();
        let (ids, vectors) = every_other(&base).unwrap();
        assert_eq!((ids, vectors.data()), (vec![0, 2], &[5.0, 7.0][..]));
    }
}
