//! I6: what does it cost to build an index of a data set?

use std::rc::Rc;

use anyhow::{Result, ensure};
use bench_core::harness::{Axis, Phases, Prepared, Suite, Workload};
use bench_vectors::dataset::{self, Dataset, Vectors};
use bench_vectors::engine::{self, Distance, Engine};

/// Vectors that are inserted by one call.
const BLOCK: usize = 1000;
/// How many vectors are searched for at the most when the answer is checked.
const SEARCHED: usize = 20;

/// Only with a data set that the user brought.
pub(crate) fn add(suite: &mut Suite) -> Result<()> {
    match dataset::of_inputs(suite.inputs())? {
        Some(dataset) => add_dataset(suite, dataset),
        None => Ok(()),
    }
}

fn add_dataset(suite: &mut Suite, dataset: Dataset) -> Result<()> {
    let workload = Workload::new("build", "an index of the data set's vectors, inserted 1000 at a time")
        .axis(Axis::new("engine", engine::NAMES))
        .axis(Axis::new("dataset", [dataset.name()]))
        .axis(Axis::new("n", [dataset.len()]))
        .size_axis("n")
        .tag("dataset");
    suite.add(workload, move |case| {
        let vectors = Rc::new(dataset.read(case.count("n")?)?);
        let (n, hash, payload) = (vectors.len(), vectors.hash(), size_of_val(vectors.data()));
        let name = case.text("engine")?.to_string();
        let expected = Rc::clone(&vectors);
        let run = move |phases: &mut Phases| phases.measure("build", || build(&name, &vectors));
        let check = move |index: Result<Box<dyn Engine>>| verify(index?.as_ref(), &expected);
        Ok(Prepared::new(run, check).items(n).payload_bytes(payload).input("dataset", hash))
    });
    Ok(())
}

fn build(name: &str, vectors: &Vectors) -> Result<Box<dyn Engine>> {
    let mut index = engine::open(name, vectors.dim(), Distance::L2)?;
    let mut first = 0;
    for block in vectors.data().chunks(BLOCK * vectors.dim()) {
        let next = first + (block.len() / vectors.dim()) as u64;
        let ids: Vec<u64> = (first..next).collect();
        index.insert(&ids, block)?;
        first = next;
    }
    Ok(index)
}

/// All vectors are there, and some of them, searched for, are found where they are.
fn verify(index: &dyn Engine, vectors: &Vectors) -> Result<()> {
    ensure!(index.len() == vectors.len(), "{} vectors instead of {}", index.len(), vectors.len());
    for row in (0..vectors.len()).step_by(vectors.len().div_ceil(SEARCHED)) {
        let found = index.search(vectors.row(row), 1)?;
        // A duplicate is as good; its distance is 0 too.
        let is_there = found.first().is_some_and(|found| found.distance == 0.0);
        ensure!(is_there, "vector {row}, searched for, is not the nearest to itself");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_holds_what_was_inserted_and_a_lost_vector_is_found() {
        let data = |n: usize| (0..n * 2).map(|i| (i * i % 7919) as f32).collect();
        let vectors = Vectors::new(2, data(2500)).unwrap();
        for name in engine::NAMES {
            verify(build(name, &vectors).unwrap().as_ref(), &vectors).unwrap();
            let fewer = Vectors::new(2, data(2499)).unwrap();
            assert!(verify(build(name, &fewer).unwrap().as_ref(), &vectors).is_err());
            let mut shifted: Vec<f32> = data(2500);
            shifted.iter_mut().for_each(|x| *x += 0.5);
            let shifted = Vectors::new(2, shifted).unwrap();
            assert!(verify(build(name, &shifted).unwrap().as_ref(), &vectors).is_err());
        }
    }
}
