//! V2: what do many vectors with a text label each cost, in a collection that grows as they come?

use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use bench_core::harness::{Axis, Phases, Prepared, Suite, Workload};

use bench_data::dataset;

/// A vector and its label, as a program without any engine would keep them.
type Concept = (Vec<f32>, String);

const DIM: usize = 512;

pub(crate) fn add(suite: &mut Suite) -> Result<()> {
    let workload =
        Workload::new("multi_concept", "vectors of 512 f32 with a text label each, in a growing Vec")
            .axis(Axis::new("dim", [DIM]))
            .axis(Axis::new("n", [100, 1000, 10_000, 100_000]).quick([100, 1000]))
            .size_axis("n");
    suite.add(workload, |case| {
        let n = case.count("n")?;
        let run = move |phases: &mut Phases| phases.measure("build", || build(n, |i| vec![i as f32; DIM]));
        let check = move |concepts: Vec<Concept>| {
            verify(&concepts, n, |i, vector| vector.len() == DIM && vector.iter().all(|&x| x == i as f32))
        };
        Ok(Prepared::new(run, check).items_of("concept", n).payload_bytes(payload_bytes(n, DIM)))
    });
    match dataset::of_inputs(suite.inputs())? {
        Some(dataset) => {
            suite.note(dataset.note());
            add_dataset(suite, dataset)
        }
        None => Ok(()),
    }
}

fn add_dataset(suite: &mut Suite, dataset: dataset::Dataset) -> Result<()> {
    let workload =
        Workload::new("multi_concept", "the data set's vectors with a text label each, in a growing Vec")
            .axis(Axis::new("dataset", [dataset.name()]))
            .axis(Axis::new("n", [dataset.len()]))
            .size_axis("n")
            .tag("dataset");
    suite.add(workload, move |case| {
        let n = case.count("n")?;
        let vectors = Rc::new(dataset.read(n)?);
        let (hash, payload) = (vectors.hash(), payload_bytes(n, vectors.dim()));
        let expected = Rc::clone(&vectors);
        let run =
            move |phases: &mut Phases| phases.measure("build", || build(n, |i| vectors.row(i).to_vec()));
        let check = move |concepts: Vec<Concept>| verify(&concepts, n, |i, vector| vector == expected.row(i));
        Ok(Prepared::new(run, check).items_of("concept", n).payload_bytes(payload).input("dataset", hash))
    });
    Ok(())
}

/// Grows without a reservation, as a program does that does not know how many will come.
fn build(n: usize, vector: impl Fn(usize) -> Vec<f32>) -> Vec<Concept> {
    let mut concepts = Vec::new();
    for i in 0..n {
        concepts.push((vector(i), format!("concept_{i}")));
    }
    concepts
}

fn verify(concepts: &[Concept], n: usize, is_right: impl Fn(usize, &[f32]) -> bool) -> Result<()> {
    ensure!(concepts.len() == n, "{} concepts instead of {n}", concepts.len());
    for (i, (vector, label)) in concepts.iter().enumerate() {
        let number =
            label.strip_prefix("concept_").with_context(|| format!("concept {i} is labelled {label:?}"))?;
        ensure!(number.parse() == Ok(i), "concept {i} is labelled {label:?}");
        ensure!(is_right(i, vector), "the vector of concept {i} is not the one that was stored");
    }
    Ok(())
}

/// The components and the labels' text, without anything around them.
fn payload_bytes(n: usize, dim: usize) -> usize {
    let digits: usize = (0..n).map(|i| i.checked_ilog10().unwrap_or(0) as usize + 1).sum();
    n * dim * size_of::<f32>() + n * "concept_".len() + digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_what_the_concepts_hold() {
        for n in [1, 10, 11, 101] {
            let concepts = build(n, |_| vec![0.0; 3]);
            let held: usize = concepts.iter().map(|(vector, label)| vector.len() * 4 + label.len()).sum();
            assert_eq!(payload_bytes(n, 3), held, "{n} concepts");
        }
    }

    #[test]
    fn a_wrong_label_vector_or_count_is_found() {
        let right = || build(12, |i| vec![i as f32]);
        let judge = |concepts: &[Concept]| verify(concepts, 12, |i, vector| vector == [i as f32]);
        assert!(judge(&right()).is_ok());
        let mut mislabelled = right();
        mislabelled[7].1 = "concept_07".to_string() + "x";
        assert!(judge(&mislabelled).is_err());
        let mut miscounted = right();
        miscounted.pop();
        assert!(judge(&miscounted).is_err());
        let mut misplaced = right();
        misplaced[3].0[0] = 4.0;
        assert!(judge(&misplaced).is_err());
    }
}
