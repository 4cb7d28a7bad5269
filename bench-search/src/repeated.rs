//! S4, and the rounds of S1 to S3: does anything stay from each search? The same 100 queries, ten times over.

use std::sync::Arc;

use anyhow::{Result, ensure};
use bench_core::case::{Kind, Mode};
use bench_core::harness::{Axis, Case, Findings, Phases, Prepared, Suite, Workload};
use bench_data::indexing;
use bench_data::material::{self, CORPUS, DIM, K};
use bench_engines::{Adapter, Holder, Neighbour};

use crate::{filtered, hybrid};

/// Iterations of the loop, and the queries of each: with 100 queries ten iterations are a round.
const ITERATIONS: usize = 100;
const QUERIES: usize = 10;

/// The share of the ids that the filtered searches allow.
const PERCENT: usize = 10;

pub(crate) fn add(suite: &mut Suite) {
    suite.add(workload("dense", "the 10 nearest", |_| true), dense);
    let about = "the 10 nearest among a tenth of the ids";
    suite.add(workload("filtered", about, |adapter| adapter.capabilities.filter), filtered);
    let about = "the 10 best, dense and sparse fused";
    suite.add(workload("hybrid", about, |adapter| hybrid::ENGINES.contains(&adapter.name)), hybrid);
}

fn workload(of: &'static str, about: &str, suits: impl Fn(&Adapter) -> bool) -> Workload {
    let about = format!(
        "a loop of {ITERATIONS} iterations, each of {QUERIES} queries for {about} of n embedded texts: 100 queries, \
         10 rounds; does anything stay?"
    );
    indexing::not_on_programs(indexing::workload("loop", &about, suits), indexing::LOOPS)
        .axis(Axis::new("of", [of]).quick::<&str>([]))
        .axis(Axis::new("dataset", [CORPUS.name]))
        .axis(Axis::new("n", [1000]))
        .size_axis("n")
        .kind(Kind::Loop)
        .absent_in(Mode::Time, "a loop is watched for leaks; search/dense, hybrid and filtered are timed")
}

fn dense(case: &Case) -> Result<Prepared> {
    let adapter = bench_engines::find(case.text("engine")?)?;
    let material = material::of_texts(CORPUS, case.inputs(), case.count("n")?, DIM)?;
    let queries = Arc::clone(&material.queries);
    let spec = indexing::spec(case, adapter, DIM, material.distance)?;
    let built = indexing::build(adapter, &spec, &material.base)?;
    let oracle = material.oracle();
    let search = move |query: usize| built.index().search(queries.row(query), K);
    let judge = move |found: Vec<Vec<Neighbour>>| oracle.judge(&found, adapter);
    let prepared = repeated(material.queries.len(), search, judge);
    Ok(indexing::with_engine(material.record(prepared), adapter, &spec.holder()))
}

fn filtered(case: &Case) -> Result<Prepared> {
    let (adapter, material, search) = filtered::set_up(case, PERCENT)?;
    let filtered::FilteredSearch { built, allowed, oracle, holder } = search;
    let queries = Arc::clone(&material.queries);
    let search = move |query: usize| built.index().search_filtered(queries.row(query), K, &allowed);
    let judge = move |found: Vec<Vec<Neighbour>>| oracle.judge(&found, adapter);
    let prepared = repeated(material.queries.len(), search, judge);
    Ok(indexing::with_engine(material.record(prepared), adapter, &holder))
}

fn hybrid(case: &Case) -> Result<Prepared> {
    let hybrid::SetUp { adapter, material, search, truth } = hybrid::set_up(case)?;
    let judge = move |answers: Vec<hybrid::One>| truth.judge(&answers.into_iter().collect(), adapter);
    let prepared = repeated(material.queries.len(), move |query| search.one(query), judge);
    Ok(indexing::with_engine(material.record(prepared), adapter, &Holder::default()))
}

/// The loop. Each query is answered once before it, so that an answer takes the place of another: what an
/// iteration holds at its end is the same every time, unless something stays.
fn repeated<A: PartialEq + 'static>(
    queries: usize,
    search: impl Fn(usize) -> Result<A> + 'static,
    judge: impl Fn(Vec<A>) -> Result<Findings> + Clone + 'static,
) -> Prepared {
    let run = move |phases: &mut Phases| {
        let mut answers = (0..queries).map(&search).collect::<Result<Vec<A>>>()?;
        let mut changed = 0;
        phases.iterate("search", ITERATIONS, |iteration| {
            for query in (0..QUERIES).map(|i| (iteration * QUERIES + i) % queries) {
                let answer = search(query)?;
                changed += usize::from(answer != answers[query]);
                answers[query] = answer;
            }
            Ok(())
        })?;
        phases.items_of("query", ITERATIONS * QUERIES);
        anyhow::Ok((answers, changed))
    };
    let check = move |(answers, changed): (Vec<A>, usize)| {
        // So the recall of the last answers is that of all.
        ensure!(
            changed == 0,
            "{changed} of {} searches found something else than before",
            ITERATIONS * QUERIES
        );
        judge(answers)
    };
    Prepared::fallible(run, check).items_of("query", ITERATIONS * QUERIES)
}
