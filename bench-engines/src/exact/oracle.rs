//! The oracle: exact neighbours by another way than any engine's, and the judgement of engines' answers.
//!
//! All distances are computed in f64 and sorted: no lanes, no heap. What f32 cannot tell apart is nobody's
//! mistake, but what an engine misses counts. What cannot be judged, because a pair has no distance, is left
//! out of the count and said.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bench_core::harness::Findings;
use rayon::prelude::*;

use super::distance::{ANY, exact_distance, is_no_farther, rounding};
use crate::adapter::Adapter;
use crate::distance::Distance;
use crate::engine::Neighbour;
use crate::id_set::IdSet;
use crate::vectors::Vectors;

/// For each query its `k` nearest rows of `base` (fewer, if fewer have a distance), the nearest first. The
/// ids are the rows' numbers. Runs on rayon's current pool.
pub fn exact_neighbours(
    base: &Vectors,
    queries: &Vectors,
    k: usize,
    distance: Distance,
) -> Vec<Vec<Neighbour>> {
    exact_neighbours_among(base, queries, k, distance, &(0..base.len() as u64).collect())
}

fn exact_neighbours_among(
    base: &Vectors,
    queries: &Vectors,
    k: usize,
    distance: Distance,
    allowed: &IdSet,
) -> Vec<Vec<Neighbour>> {
    let nearest = |query| {
        let far = |id| Some((exact_distance(distance, query, base.row(id as usize), ANY).ok()?, id));
        let mut all: Vec<(f64, u64)> = allowed.iter().filter_map(far).collect();
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.truncate(k);
        all.into_iter().map(|(far, id)| Neighbour { id, distance: far as f32 }).collect()
    };
    (0..queries.len()).into_par_iter().map(|query| nearest(queries.row(query))).collect()
}

/// Knows the right answers to some queries.
#[derive(Clone)]
pub struct Oracle(Arc<Answers>);

struct Answers {
    base: Arc<Vectors>,
    queries: Arc<Vectors>,
    /// For each query its neighbours that have a distance, the nearest first.
    exact: Vec<Vec<Neighbour>>,
    /// How many neighbours an answer has when nothing is missing.
    due: usize,
    distance: Distance,
    /// Whose neighbours the answers must be; all, if there is no such set.
    allowed: Option<IdSet>,
}

impl Oracle {
    /// Knows the `k` exact neighbours of each query, the nearest first; fewer, where fewer have a distance.
    pub fn new(
        base: Arc<Vectors>,
        queries: Arc<Vectors>,
        exact: Vec<Vec<Neighbour>>,
        k: usize,
        distance: Distance,
    ) -> Oracle {
        let due = k.min(base.len());
        Oracle(Arc::new(Answers { base, queries, exact, due, distance, allowed: None }))
    }

    /// Finds the `k` exact neighbours of each query among the rows that are `allowed`; an answer with another
    /// row is wrong. Runs on rayon's current pool.
    pub fn among(
        base: Arc<Vectors>,
        queries: Arc<Vectors>,
        k: usize,
        distance: Distance,
        allowed: IdSet,
    ) -> Oracle {
        let exact = exact_neighbours_among(&base, &queries, k, distance, &allowed);
        let due = k.min(allowed.len());
        Oracle(Arc::new(Answers { base, queries, exact, due, distance, allowed: Some(allowed) }))
    }

    /// Judges an engine's answers. Recall is the share of the exact neighbours among them, without any slack
    /// but for ties; it is absent if nothing could be judged, and what was left out of it is said.
    ///
    /// # Errors
    /// Says which answer is wrong: more neighbours than are due, an id that was not inserted, is not allowed
    /// or stands twice, a distance that is not that of the id; of an exact engine also a neighbour that is
    /// missing, unless vectors without a distance, which each engine puts elsewhere, are among those to
    /// search.
    pub fn judge(&self, found: &[Vec<Neighbour>], engine: &Adapter) -> Result<Findings> {
        let is_exact = engine.capabilities.exact && self.0.every_vector_has_a_distance();
        self.judged(found, is_exact, engine.capabilities.exact_distances, engine)
    }

    /// As [`Oracle::judge`], of an index that keeps less than the vectors: nothing need be found, and no
    /// distance is that of the vectors.
    ///
    /// # Errors
    /// As [`Oracle::judge`], apart from distances and from what an exact engine misses.
    pub fn judge_codes(&self, found: &[Vec<Neighbour>], engine: &Adapter) -> Result<Findings> {
        self.judged(found, false, false, engine)
    }

    fn judged(
        &self,
        found: &[Vec<Neighbour>],
        is_exact: bool,
        states_them: bool,
        engine: &Adapter,
    ) -> Result<Findings> {
        let answers = self.0.as_ref();
        let (given, wanted) = (found.len(), answers.exact.len());
        ensure!(given == wanted, "{given} answers to {wanted} queries");
        let mut count = Count { hits: 0, wanted: 0, due: 0, queries: 0, reasons: BTreeSet::new() };
        for (query, found) in found.iter().enumerate() {
            let judged = answers.judge(query, found, is_exact, states_them, engine);
            count.add(&judged.with_context(|| format!("query {query}"))?, answers.due);
        }
        Ok(count.findings())
    }
}

/// What was found for one query.
struct Hits {
    hits: usize,
    /// How many neighbours could be judged.
    wanted: usize,
    /// Why not all that were due.
    reason: Option<&'static str>,
}

impl Answers {
    /// Whether there is none that each engine puts elsewhere.
    fn every_vector_has_a_distance(&self) -> bool {
        let has_one = |row| {
            let vector = self.base.row(row);
            exact_distance(self.distance, vector, vector, ANY).is_ok()
        };
        self.distance != Distance::Cosine || (0..self.base.len()).all(has_one)
    }

    /// Checks an answer and counts it.
    fn judge(
        &self,
        query: usize,
        found: &[Neighbour],
        is_exact: bool,
        states_them: bool,
        engine: &Adapter,
    ) -> Result<Hits> {
        let Answers { base, due, distance, .. } = self;
        let vector = self.queries.row(query);
        let far = |id: u64| exact_distance(*distance, vector, base.row(id as usize), engine.cosine_of);
        let rounding = |id: u64| rounding(*distance, vector, base.row(id as usize));
        self.verify_ids(found)?;
        ensure!(!is_exact || found.len() == *due, "{} neighbours instead of {due}", found.len());
        let mut judged: Vec<(f64, u64)> = Vec::with_capacity(found.len());
        for &Neighbour { id, distance: said } in found {
            let Ok(far) = far(id) else { continue };
            let is_right = (f64::from(said) - far).abs() <= rounding(id);
            ensure!(is_right || (!states_them && said.is_finite()), "id {id} is {far} away, not {said}");
            judged.push((far, id));
        }
        judged.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let exact = || self.exact[query].iter().map(|neighbour| neighbour.id);
        let known: Vec<(f64, u64)> = exact().filter_map(|id| Some((far(id).ok()?, id))).collect();
        // A vector without a distance takes the place of a neighbour, and nobody can say whether it is right
        // there.
        let wanted = (due - (found.len() - judged.len())).min(known.len());
        let mut hits = Hits { hits: 0, wanted, reason: None };
        if wanted < *due {
            let ids = found.iter().map(|neighbour| neighbour.id).chain(exact()).chain(0..base.len() as u64);
            hits.reason = ids.into_iter().find_map(|id| far(id).err());
        }
        let (Some(&farthest), Some(&(limit, limit_id))) = (known.last(), known[..wanted].last()) else {
            return Ok(hits);
        };
        for &(far, id) in &judged {
            let is_known = known.iter().any(|known| known.1 == id);
            ensure!(
                is_known || far >= farthest.0 - rounding(id) - rounding(farthest.1),
                "the neighbours that it should have are wrong: vector {id} at {far} is nearer than vector {} at {}, the \
                 farthest of them: give the neighbours that belong to the data set, or none",
                farthest.1,
                farthest.0
            );
        }
        for &(far, id) in judged.iter().take(wanted) {
            let vector_found = base.row(id as usize);
            hits.hits +=
                usize::from(is_no_farther(*distance, vector, vector_found, base.row(limit_id as usize)));
            ensure!(
                !is_exact || far <= limit + rounding(id) + rounding(limit_id),
                "id {id} at {far} is no neighbour: the farthest is at {limit}"
            );
        }
        Ok(hits)
    }

    /// No more neighbours than are due, each inserted, allowed, and there once.
    fn verify_ids(&self, found: &[Neighbour]) -> Result<()> {
        ensure!(found.len() <= self.due, "{} neighbours, but only {} were due", found.len(), self.due);
        for (rank, &Neighbour { id, .. }) in found.iter().enumerate() {
            ensure!(id < self.base.len() as u64, "id {id} was never inserted");
            ensure!(found[..rank].iter().all(|other| other.id != id), "id {id} was found twice");
            let is_allowed = self.allowed.as_ref().is_none_or(|allowed| allowed.contains(id));
            ensure!(is_allowed, "id {id} is not among those that the filter allows");
        }
        Ok(())
    }
}

/// What was found for all queries.
struct Count {
    hits: usize,
    wanted: usize,
    due: usize,
    queries: usize,
    reasons: BTreeSet<&'static str>,
}

impl Count {
    fn add(&mut self, judged: &Hits, due: usize) {
        self.hits += judged.hits;
        self.wanted += judged.wanted;
        self.due += due;
        self.queries += 1;
        self.reasons.extend(judged.reason);
    }

    fn findings(&self) -> Findings {
        let Count { hits, wanted, due, queries, .. } = *self;
        let recall = (wanted > 0).then(|| hits as f64 / wanted as f64);
        let reasons: Vec<&str> = self.reasons.iter().copied().collect();
        let unjudged = (wanted < due).then(|| {
            let left_out = due - wanted;
            let why = reasons.join("; ");
            format!(
                "{left_out} of the {due} neighbours of {queries} queries are left out of the recall: {why}"
            )
        });
        Findings { recall, unjudged, ..Findings::default() }
    }
}

#[cfg(test)]
mod tests;
