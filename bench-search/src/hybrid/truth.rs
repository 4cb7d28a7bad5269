//! The right answers of a hybrid search by another way than its own: every text is scored for every query in
//! f64, no index is asked, and ranks are looked up one by one.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use bench_core::harness::Findings;
use bench_engines::{Adapter, Neighbour, Oracle};

use super::fusion::{Fused, RANK_CONSTANT};
use super::sparse::{Hit, words};
use super::{CANDIDATES, HybridAnswer};

/// BM25's usual parameters, those of the crate bm25.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// Knows the right answers to some queries.
pub(crate) struct Truth {
    /// Judges the dense lists.
    pub oracle: Oracle,
    /// The exact dense list of each query.
    pub dense: Vec<Vec<Neighbour>>,
    /// For each query the BM25 score of every text.
    pub scores: Vec<Vec<f64>>,
    /// How many items a fused list holds at the most.
    pub limit: usize,
}

impl Truth {
    /// Judges an answer: its recall is the share of the right fused items among those found.
    ///
    /// # Errors
    /// Says which of the three lists of which query is wrong. A dense list may lack neighbours unless its
    /// engine is exact; the sparse list must be the right one, and the fused list must follow from both.
    pub fn judge(&self, answer: &HybridAnswer, engine: &Adapter) -> Result<Findings> {
        let HybridAnswer { dense, sparse, fused } = answer;
        let unjudged = self.oracle.judge(dense, engine).context("dense")?.unjudged;
        let (dense_len, sparse_len, fused_len) = (dense.len(), sparse.len(), fused.len());
        ensure!(
            [sparse_len, fused_len] == [self.scores.len(); 2],
            "{dense_len} dense, {sparse_len} sparse and {fused_len} fused answers to {} queries",
            self.scores.len()
        );
        let (mut hits, mut wanted) = (0, 0);
        for (query, scores) in self.scores.iter().enumerate() {
            verify_sparse(&sparse[query], scores).with_context(|| format!("sparse, query {query}"))?;
            let dense_ids: Vec<u64> = dense[query].iter().map(|found| found.id).collect();
            let sparse_ids: Vec<u64> = sparse[query].iter().map(|found| found.id).collect();
            let due = fused_naively(&dense_ids, &sparse_ids, self.limit);
            ensure!(fused[query] == due, "query {query}: fused {:?} instead of {due:?}", fused[query]);
            let exact_dense: Vec<u64> = self.dense[query].iter().map(|found| found.id).collect();
            let exact = fused_naively(&exact_dense, &best(scores), self.limit);
            hits += exact.iter().filter(|right| due.iter().any(|found| found.id == right.id)).count();
            wanted += exact.len();
        }
        Ok(Findings {
            recall: (wanted > 0).then(|| hits as f64 / wanted as f64),
            unjudged,
            ..Findings::default()
        })
    }
}

/// For each query the BM25 score of every text: Robertson's, with the idf that is never negative, ln(1 + (N -
/// n + 1/2) / (n + 1/2)). A word that a query repeats counts each time.
pub(super) fn scores(texts: &[String], queries: &[String]) -> Vec<Vec<f64>> {
    let texts: Vec<WordCounts> = texts.iter().map(|text| WordCounts::new(text)).collect();
    let total: f64 = texts.iter().map(|text| text.length).sum();
    let mean_length = total / texts.len() as f64;
    let idf = |word: &String| {
        let having = texts.iter().filter(|text| text.counts.contains_key(word)).count() as f64;
        (1.0 + (texts.len() as f64 - having + 0.5) / (having + 0.5)).ln()
    };
    let score_all = |query: &String| {
        let words = words(query);
        let idfs: Vec<f64> = words.iter().map(idf).collect();
        let score = |text: &WordCounts| {
            words.iter().zip(&idfs).map(|(word, idf)| idf * text.weight(word, mean_length)).sum()
        };
        texts.iter().map(score).collect()
    };
    queries.iter().map(score_all).collect()
}

/// How often a text has each of its words, and how many it has.
struct WordCounts {
    counts: HashMap<String, f64>,
    length: f64,
}

impl WordCounts {
    fn new(text: &str) -> WordCounts {
        let words = words(text);
        let length = words.len() as f64;
        let mut counts = HashMap::new();
        for word in words {
            *counts.entry(word).or_default() += 1.0;
        }
        WordCounts { counts, length }
    }

    fn weight(&self, word: &str, mean_length: f64) -> f64 {
        let count = self.counts.get(word).copied().unwrap_or(0.0);
        count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * self.length / mean_length))
    }
}

/// The ids of the best texts that share a word with the query.
fn best(scores: &[f64]) -> Vec<u64> {
    let mut ids: Vec<usize> = (0..scores.len()).filter(|id| scores[*id] > 0.0).collect();
    ids.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    ids.truncate(CANDIDATES);
    ids.into_iter().map(|id| id as u64).collect()
}

/// By how much a score summed in f32 may be off.
fn rounding(score: f64) -> f64 {
    1e-5 * (1.0 + score)
}

/// As many hits as are due, each id there once with its score, the best first, and no better text left out.
fn verify_sparse(found: &[Hit], scores: &[f64]) -> Result<()> {
    let due = best(scores).len();
    ensure!(found.len() == due, "{} hits instead of {due}", found.len());
    let mut is_found = vec![false; scores.len()];
    for hit in found {
        let id = usize::try_from(hit.id).ok().filter(|id| *id < scores.len());
        let id = id.with_context(|| format!("id {} was never indexed", hit.id))?;
        ensure!(!is_found[id], "id {id} was found twice");
        is_found[id] = true;
        let is_near = (f64::from(hit.score) - scores[id]).abs() <= rounding(scores[id]);
        ensure!(is_near, "id {id} scores {}, not {}", scores[id], hit.score);
    }
    ensure!(found.is_sorted_by(|a, b| a.score >= b.score), "the best does not stand first");
    let Some(worst) = found.last() else { return Ok(()) };
    let missed = |id: &usize| !is_found[*id] && scores[*id] > f64::from(worst.score) + rounding(scores[*id]);
    let missed = (0..scores.len()).find(missed);
    ensure!(missed.is_none(), "id {missed:?} scores more than the last hit, {worst:?}, and is missing");
    Ok(())
}

/// The fused list as its definition reads: each candidate's rank in each list is looked up.
fn fused_naively(dense: &[u64], sparse: &[u64], limit: usize) -> Vec<Fused> {
    let share = |list: &[u64], id: u64| {
        let rank = list.iter().position(|other| *other == id).map(|position| position + 1);
        rank.map_or(0.0, |rank| 1.0 / (f64::from(RANK_CONSTANT) + rank as f64))
    };
    let mut ids: Vec<u64> = [dense, sparse].concat();
    ids.sort_unstable();
    ids.dedup();
    let mut fused: Vec<Fused> =
        ids.into_iter().map(|id| Fused { id, score: share(dense, id) + share(sparse, id) }).collect();
    // The sort is stable: at equal scores the smaller id stays first.
    fused.sort_by(|a, b| b.score.total_cmp(&a.score));
    fused.truncate(limit);
    fused
}
