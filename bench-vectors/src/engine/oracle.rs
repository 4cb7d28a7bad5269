//! The oracle: exact neighbours by another way than any engine's, and the judgement of an exact engine's answers.
//!
//! Distances are computed in f64, one term after the other, and all of them are sorted: no lanes, no heap.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use rayon::prelude::*;

use super::{Distance, IdSet, Neighbour};
use crate::dataset::Vectors;

/// For each query its `k` nearest rows of `base` (all, if there are fewer), the nearest first. The ids are the rows'
/// numbers. Runs on rayon's current pool.
pub fn exact_neighbours(
    base: &Vectors,
    queries: &Vectors,
    k: usize,
    distance: Distance,
) -> Vec<Vec<Neighbour>> {
    exact_neighbours_among(base, queries, k, distance, &(0..base.len() as u64).collect())
}

/// As [`exact_neighbours`], of the rows that are `allowed`.
pub fn exact_neighbours_among(
    base: &Vectors,
    queries: &Vectors,
    k: usize,
    distance: Distance,
    allowed: &IdSet,
) -> Vec<Vec<Neighbour>> {
    let nearest = |query| {
        let mut all: Vec<Neighbour> = allowed
            .iter()
            .map(|id| Neighbour {
                id,
                distance: exact_distance(distance, query, base.row(id as usize)) as f32,
            })
            .collect();
        all.sort_unstable_by(Neighbour::nearer_first);
        all[..k.min(all.len())].to_vec()
    };
    (0..queries.len()).into_par_iter().map(|query| nearest(queries.row(query))).collect()
}

/// Knows the right answers to some queries.
#[derive(Clone)]
pub struct Oracle(Arc<Answers>);

struct Answers {
    base: Arc<Vectors>,
    queries: Arc<Vectors>,
    exact: Vec<Vec<Neighbour>>,
    distance: Distance,
    /// Whose neighbours the answers must be; all, if there is no such set.
    allowed: Option<IdSet>,
}

impl Oracle {
    /// Knows the `exact` neighbours of each query, the nearest first.
    pub fn new(
        base: Arc<Vectors>,
        queries: Arc<Vectors>,
        exact: Vec<Vec<Neighbour>>,
        distance: Distance,
    ) -> Oracle {
        Oracle(Arc::new(Answers { base, queries, exact, distance, allowed: None }))
    }

    /// Finds the `k` exact neighbours of each query among the rows that are `allowed`; an answer with another row is
    /// wrong. Runs on rayon's current pool.
    pub fn among(
        base: Arc<Vectors>,
        queries: Arc<Vectors>,
        k: usize,
        distance: Distance,
        allowed: IdSet,
    ) -> Oracle {
        let exact = exact_neighbours_among(&base, &queries, k, distance, &allowed);
        Oracle(Arc::new(Answers { base, queries, exact, distance, allowed: Some(allowed) }))
    }

    /// Judges an engine's answers: the share of the exact neighbours among them, 0 to 1.
    ///
    /// # Errors
    /// Says which answer is wrong: with `is_exact`, any neighbour that is missing, otherwise as [`verify_answer`].
    pub fn recall(&self, found: &[Vec<Neighbour>], is_exact: bool) -> Result<f64> {
        let Answers { base, queries, exact, distance, allowed } = self.0.as_ref();
        ensure!(found.len() == exact.len(), "{} answers to {} queries", found.len(), exact.len());
        let verify = if is_exact { verify_exact } else { verify_answer };
        let (mut hits, mut wanted) = (0, 0);
        for (i, (found, exact)) in found.iter().zip(exact).enumerate() {
            verify(base, queries.row(i), found, exact, *distance).with_context(|| format!("query {i}"))?;
            let forbidden = |id: &u64| allowed.as_ref().is_some_and(|allowed| !allowed.contains(*id));
            if let Some(id) = found.iter().map(|neighbour| neighbour.id).find(forbidden) {
                bail!("query {i}: id {id} is not among those that the filter allows");
            }
            hits += hits_among(base, queries.row(i), found, exact, *distance);
            wanted += exact.len();
        }
        Ok(if wanted == 0 { 1.0 } else { hits as f64 / wanted as f64 })
    }
}

/// How many of the found neighbours are no farther than the farthest exact one: one as far counts, whatever its id.
fn hits_among(
    base: &Vectors,
    query: &[f32],
    found: &[Neighbour],
    exact: &[Neighbour],
    distance: Distance,
) -> usize {
    let Some(farthest) = exact.last() else { return 0 };
    let is_hit = |neighbour: &&Neighbour| {
        let vector = base.row(neighbour.id as usize);
        let truth = exact_distance(distance, query, vector);
        truth <= f64::from(farthest.distance) + rounding(distance, query, vector)
    };
    found.iter().filter(is_hit).count()
}

/// Judges what an exact engine found for one query, whose `exact` neighbours are known: right as by [`verify_answer`],
/// as many of them, and none farther than the farthest exact one, but for the rounding of f32.
///
/// # Errors
/// Says which neighbour is wrong.
pub fn verify_exact(
    base: &Vectors,
    query: &[f32],
    found: &[Neighbour],
    exact: &[Neighbour],
    distance: Distance,
) -> Result<()> {
    ensure!(found.len() == exact.len(), "{} neighbours instead of {}", found.len(), exact.len());
    verify_answer(base, query, found, exact, distance)?;
    let Some(farthest) = exact.last() else { return Ok(()) };
    for &Neighbour { id, .. } in found {
        let vector = base.row(id as usize);
        let truth = exact_distance(distance, query, vector);
        ensure!(
            truth <= f64::from(farthest.distance) + rounding(distance, query, vector),
            "id {id} at {truth} is no neighbour: the farthest is at {}",
            farthest.distance
        );
    }
    Ok(())
}

/// Judges what any engine found for one query: no more neighbours than `exact` has, each id inserted and there once, and
/// each as near as it is said to be, but for the rounding of f32.
///
/// # Errors
/// Says which neighbour is wrong.
pub fn verify_answer(
    base: &Vectors,
    query: &[f32],
    found: &[Neighbour],
    exact: &[Neighbour],
    distance: Distance,
) -> Result<()> {
    ensure!(found.len() <= exact.len(), "{} neighbours, but only {} were due", found.len(), exact.len());
    for (rank, neighbour) in found.iter().enumerate() {
        let Neighbour { id, distance: said } = *neighbour;
        ensure!(found[..rank].iter().all(|other| other.id != id), "id {id} was found twice");
        let row = usize::try_from(id).ok().filter(|&row| row < base.len());
        let vector = base.row(row.with_context(|| format!("id {id} was never inserted"))?);
        let truth = exact_distance(distance, query, vector);
        let is_near = (f64::from(said) - truth).abs() <= rounding(distance, query, vector);
        ensure!(is_near, "id {id} is {truth} away, not {said}");
    }
    Ok(())
}

pub(super) fn exact_distance(distance: Distance, a: &[f32], b: &[f32]) -> f64 {
    let pairs = || a.iter().zip(b).map(|(&x, &y)| (f64::from(x), f64::from(y)));
    match distance {
        Distance::L2 => pairs().map(|(x, y)| (x - y).powi(2)).sum(),
        Distance::InnerProduct => 1.0 - pairs().map(|(x, y)| x * y).sum::<f64>(),
        Distance::Cosine => {
            let lengths = (norm_squared(a) * norm_squared(b)).sqrt();
            if lengths > 0.0 { 1.0 - pairs().map(|(x, y)| x * y).sum::<f64>() / lengths } else { 1.0 }
        }
    }
}

/// By how much a distance computed in f32 may be off: relative to the size of the terms that it is summed from.
fn rounding(distance: Distance, a: &[f32], b: &[f32]) -> f64 {
    let scale = match distance {
        Distance::L2 => norm_squared(a) + norm_squared(b),
        Distance::InnerProduct => 1.0 + (norm_squared(a) * norm_squared(b)).sqrt(),
        Distance::Cosine => 1.0,
    };
    1e-5 * scale
}

fn norm_squared(a: &[f32]) -> f64 {
    a.iter().map(|&x| f64::from(x).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::{Engine, Flat};
    use super::*;

    /// Deterministic, without structure, with one duplicate pair.
    fn vectors(n: usize, dim: usize, offset: usize) -> Vectors {
        let component = |i: usize| ((i * 2_654_435_761 + offset) % 1009) as f32 / 100.0 - 5.0;
        let mut data: Vec<f32> = (0..n * dim).map(component).collect();
        data.copy_within(0..dim, dim);
        Vectors::new(dim, data).unwrap()
    }

    #[test]
    fn flat_agrees_with_the_oracle_on_every_distance() {
        for distance in [Distance::L2, Distance::InnerProduct, Distance::Cosine] {
            for dim in [1, 7, 33] {
                let (base, queries) = (vectors(200, dim, 0), vectors(10, dim, 77));
                let ids: Vec<u64> = (0..200).collect();
                let mut flat = Flat::new(dim, distance);
                flat.insert(&ids, base.data()).unwrap();
                for (i, exact) in exact_neighbours(&base, &queries, 10, distance).iter().enumerate() {
                    let found = flat.search(queries.row(i), 10).unwrap();
                    verify_exact(&base, queries.row(i), &found, exact, distance).unwrap();
                }
            }
        }
    }

    #[test]
    fn the_oracle_orders_a_line_of_points() {
        let base = Vectors::new(1, vec![0.0, 10.0, 3.0, 4.0]).unwrap();
        let query = Vectors::new(1, vec![3.2]).unwrap();
        let nearest = &exact_neighbours(&base, &query, 3, Distance::L2)[0];
        assert_eq!(nearest.iter().map(|found| found.id).collect::<Vec<_>>(), [2, 3, 0]);
    }

    #[test]
    fn every_kind_of_wrong_answer_is_found() {
        let base = Vectors::new(1, vec![0.0, 10.0, 3.0, 4.0]).unwrap();
        let query = Vectors::new(1, vec![3.2]).unwrap();
        let right = exact_neighbours(&base, &query, 2, Distance::L2).remove(0);
        let judge = |found: &[Neighbour]| verify_exact(&base, query.row(0), found, &right, Distance::L2);
        judge(&right).unwrap();
        let farther = Neighbour { id: 0, distance: 3.2 * 3.2 };
        let misstated = Neighbour { distance: 0.5, ..right[1] };
        for (found, reason) in [
            (vec![right[0]], "1 neighbours instead of 2"),
            (vec![right[0], right[0]], "found twice"),
            (vec![right[0], Neighbour { id: 99, distance: 0.0 }], "never inserted"),
            (vec![right[0], farther], "is no neighbour"),
            (vec![right[0], misstated], "not 0.5"),
        ] {
            let error = judge(&found).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
