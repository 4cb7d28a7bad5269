//! S2: what does a search by meaning and by words cost, whose two answers are fused?

mod fusion;
mod sparse;
mod truth;

use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, Result};
use bench_core::harness::{Axis, Case, Phases, Prepared, Suite};
use bench_data::indexing::{self, Built};
use bench_data::material::{self, CORPUS, K, Material};
use bench_engines::{Adapter, Engine, Holder, IndexSpec, Neighbour, Oracle, Vectors, exact_neighbours};

use fusion::{Fused, RANK_CONSTANT, fuse};
use sparse::{Hit, SparseIndex};
use truth::Truth;

/// How many candidates each half brings; fewer than `ef`, so that a graph can find them.
const CANDIDATES: usize = 50;

/// A query is about as long as what people type.
const QUERY_BYTES: usize = 100;

/// The sparse half is the same whatever the engine: the control and one graph show the dense half.
pub(crate) const ENGINES: [&str; 2] = ["flat", "usearch"];

pub(crate) fn add(suite: &mut Suite) {
    let about = format!(
        "100 queries of {QUERY_BYTES} bytes for the {K} best of n texts of {} bytes: the {CANDIDATES} nearest by cosine \
         distance and the {CANDIDATES} best by BM25, fused by reciprocal rank, k = {RANK_CONSTANT}",
        CORPUS.bytes
    );
    let hybrid = |n: Axis| {
        indexing::workload("hybrid", &about, |adapter| ENGINES.contains(&adapter.name))
            .axis(Axis::new("dataset", [CORPUS.name]))
            .axis(n)
            .size_axis("n")
    };
    suite.add(hybrid(Axis::new("n", [1000, 3000]).quick([1000]).slow([10_000])), prepare);
    let of_models = hybrid(Axis::new("n", [1000]).quick::<usize>([]).slow([10_000]));
    suite.add(material::by_models(of_models), prepare);
}

/// What the three phases found for each query.
pub(crate) struct HybridAnswer {
    dense: Vec<Vec<Neighbour>>,
    sparse: Vec<Vec<Hit>>,
    fused: Vec<Vec<Fused>>,
}

/// What was found for one query: dense, sparse, fused.
pub(crate) type One = (Vec<Neighbour>, Vec<Hit>, Vec<Fused>);

impl FromIterator<One> for HybridAnswer {
    fn from_iter<I: IntoIterator<Item = One>>(answers: I) -> HybridAnswer {
        let mut all = HybridAnswer { dense: Vec::new(), sparse: Vec::new(), fused: Vec::new() };
        for (dense, sparse, fused) in answers {
            all.dense.push(dense);
            all.sparse.push(sparse);
            all.fused.push(fused);
        }
        all
    }
}

/// Both indexes, and what they are asked.
pub(crate) struct HybridSearch {
    dense: Built,
    sparse: SparseIndex,
    queries: Arc<Vectors>,
    words: Vec<String>,
}

impl HybridSearch {
    /// Answers one query by all three steps.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn one(&self, query: usize) -> Result<One> {
        let dense = self.dense.index().search(self.queries.row(query), CANDIDATES)?;
        let sparse = self.sparse.search(&self.words[query], CANDIDATES);
        let fused = fuse(dense.iter().map(|found| found.id), sparse.iter().map(|found| found.id), K);
        Ok((dense, sparse, fused))
    }
}

/// A case before its first phase.
pub(crate) struct SetUp {
    /// The engine of the dense half.
    pub adapter: &'static Adapter,
    /// What is searched.
    pub material: Material,
    /// Both indexes.
    pub search: HybridSearch,
    /// The right answers.
    pub truth: Rc<Truth>,
}

/// Builds both indexes of a case and computes the right answers.
pub(crate) fn set_up(case: &Case) -> Result<SetUp> {
    let adapter = bench_engines::find(case.text("engine")?)?;
    let (material, words) = material::with_words(CORPUS, case, QUERY_BYTES)?;
    let queries = Arc::clone(&material.queries);
    let dense =
        indexing::build(adapter, &IndexSpec::new(material.base.dim(), material.distance), &material.base)?;
    let sparse = SparseIndex::build(&words.base);
    let exact = exact_neighbours(&material.base, &queries, CANDIDATES, material.distance);
    let oracle = Oracle::new(
        Arc::clone(&material.base),
        Arc::clone(&queries),
        exact.clone(),
        CANDIDATES,
        material.distance,
    );
    let scores = truth::scores(&words.base, &words.queries);
    let truth = Rc::new(Truth { oracle, dense: exact, scores, limit: K });
    Ok(SetUp {
        adapter,
        material,
        search: HybridSearch { dense, sparse, queries, words: words.queries },
        truth,
    })
}

fn prepare(case: &Case) -> Result<Prepared> {
    let SetUp { adapter, material, search, truth } = set_up(case)?;
    let HybridSearch { dense: built, sparse: index, queries, words } = search;
    let payload = size_of_val(queries.data()) + words.iter().map(String::len).sum::<usize>();
    let run = move |phases: &mut Phases| {
        let dense = phases.measure("dense", || nearest(built.index(), &queries))?;
        indexing::record_figures(phases, built.index());
        let sparse: Vec<Vec<Hit>> =
            phases.measure("sparse", || words.iter().map(|query| index.search(query, CANDIDATES)).collect());
        let fused = phases.measure("fuse", || fuse_all(&dense, &sparse));
        anyhow::Ok(HybridAnswer { dense, sparse, fused })
    };
    let check = move |answer: HybridAnswer| truth.judge(&answer, adapter);
    let version = bench_engines::pinned_version("bm25").context("Cargo.lock does not pin bm25")?;
    let prepared =
        Prepared::fallible(run, check).items_of("query", material.queries.len()).payload_bytes(payload);
    let prepared = prepared.input("sparse", format!("bm25 {version}"));
    Ok(indexing::with_engine(material.record(prepared), adapter, &Holder::default()))
}

fn nearest(index: &dyn Engine, queries: &Vectors) -> Result<Vec<Vec<Neighbour>>> {
    (0..queries.len()).map(|query| index.search(queries.row(query), CANDIDATES)).collect()
}

fn fuse_all(dense: &[Vec<Neighbour>], sparse: &[Vec<Hit>]) -> Vec<Vec<Fused>> {
    let fuse = |(dense, sparse): (&Vec<Neighbour>, &Vec<Hit>)| {
        fuse(dense.iter().map(|found| found.id), sparse.iter().map(|found| found.id), K)
    };
    dense.iter().zip(sparse).map(fuse).collect()
}

#[cfg(test)]
mod tests {
    use bench_engines::Distance;

    use super::*;

    /// Texts of few words, so that scores tie and words repeat, with vectors on a line.
    fn searched() -> (Truth, HybridAnswer) {
        let text = |i: usize| format!("w{} w{} w{} common w{}", i % 7, i % 11, i * i % 13, i % 7);
        let texts: Vec<String> = (0..200).map(text).collect();
        let words = ["w3 w5 w3", "common", "w12 unheard", "", "w1 w2 w3 w4"].map(String::from);
        let base = Arc::new(Vectors::new(1, (0..200).map(|i| i as f32).collect()).unwrap());
        let queries = Arc::new(Vectors::new(1, vec![3.2, 50.1, 199.0, 0.0, 120.4]).unwrap());
        let index = bench_engines::build("flat", &IndexSpec::new(1, Distance::L2), &base).unwrap();
        let sparse = SparseIndex::build(&texts);
        let sparse: Vec<Vec<Hit>> = words.iter().map(|query| sparse.search(query, CANDIDATES)).collect();
        let dense = nearest(index.as_ref(), &queries).unwrap();
        let fused = fuse_all(&dense, &sparse);
        let exact = exact_neighbours(&base, &queries, CANDIDATES, Distance::L2);
        let oracle = Oracle::new(base, queries, exact.clone(), CANDIDATES, Distance::L2);
        let scores = truth::scores(&texts, &words);
        (Truth { oracle, dense: exact, scores, limit: K }, HybridAnswer { dense, sparse, fused })
    }

    fn exact() -> &'static Adapter {
        bench_engines::find("flat").unwrap()
    }

    #[test]
    fn the_search_agrees_with_the_exhaustive_computation() {
        let (truth, answer) = searched();
        assert_eq!(truth.judge(&answer, exact()).unwrap().recall, Some(1.0));
        assert_eq!(answer.sparse[3], [], "no word, no hit");
        assert_eq!(answer.fused[3].len(), K, "the dense list answers alone");
    }

    #[test]
    fn every_kind_of_wrong_answer_is_found() {
        type Damage = fn(&mut HybridAnswer);
        let table: [(Damage, &str); 8] = [
            (|answer| answer.dense[0][0].id = 199, "dense"),
            (|answer| answer.sparse[0].truncate(49), "sparse, query 0: 49 hits instead of 50"),
            (|answer| answer.sparse[1][4].score += 0.1, "sparse, query 1: id 4 scores"),
            (|answer| answer.sparse[0].swap(0, 49), "sparse, query 0: the best does not stand first"),
            (|answer| answer.sparse[0][1] = answer.sparse[0][0], "found twice"),
            (|answer| answer.sparse[4][0].id = 200, "id 200 was never indexed"),
            (|answer| answer.fused[2].swap(0, 1), "query 2: fused"),
            (|answer| answer.fused.truncate(4), "4 fused answers to 5 queries"),
        ];
        for (damage, reason) in table {
            let (truth, mut answer) = searched();
            damage(&mut answer);
            let error = format!("{:#}", truth.judge(&answer, exact()).unwrap_err());
            assert!(error.contains(reason), "{reason:?} is not in: {error}");
        }
    }

    #[test]
    fn a_better_text_that_is_left_out_is_found() {
        let (mut truth, mut answer) = searched();
        let unfound = (0..200).find(|id| answer.sparse[0].iter().all(|hit| hit.id != *id)).unwrap();
        truth.scores[0][unfound as usize] = 100.0;
        answer.fused = fuse_all(&answer.dense, &answer.sparse);
        let error = format!("{:#}", truth.judge(&answer, exact()).unwrap_err());
        assert!(error.contains("is missing"), "{error}");
    }

    #[test]
    fn what_a_dense_list_misses_lowers_the_recall() {
        let (truth, mut answer) = searched();
        answer.dense[3].remove(0);
        answer.fused = fuse_all(&answer.dense, &answer.sparse);
        let findings = truth.judge(&answer, bench_engines::find("usearch").unwrap()).unwrap();
        assert_eq!(findings.recall, Some(49.0 / 50.0));
        assert!(truth.judge(&answer, exact()).is_err(), "an exact engine may not miss any");
    }
}
