//! I4: what does a connection to a server cost, on its client's side and on the server's?

use std::sync::Arc;

use anyhow::Result;
use bench_core::harness::{Axis, Case, Phases, Prepared, Suite};
use bench_engines::Neighbour;

use bench_data::indexing;
use bench_data::material::{self, CORPUS, DIM, K};

/// How many vectors are searched.
const VECTORS: usize = 1000;

pub(crate) fn add(suite: &mut Suite) {
    let about = "a pool of clients that connect to a server, answer 100 queries for the 10 nearest of 1000 embedded texts in \
                 turn, and close";
    let workload = indexing::workload("connection_pool", about, |adapter| adapter.server().is_some());
    suite.add(workload.axis(Axis::new("clients", [1, 5, 10]).quick([10])), prepare);
}

fn prepare(case: &Case) -> Result<Prepared> {
    let adapter = bench_engines::find(case.text("engine")?)?;
    let material = material::of_texts(CORPUS, case.inputs(), VECTORS, DIM)?;
    let queries = Arc::clone(&material.queries);
    let spec = indexing::spec(case, adapter, DIM, material.distance)?;
    let built = indexing::build(adapter, &spec, &material.base)?;
    let oracle = material.oracle();
    let clients = case.count("clients")?;
    let run = move |phases: &mut Phases| {
        let connect = || (0..clients).map(|_| built.index().connect()).collect::<Result<Vec<_>>>();
        let mut pool = phases.measure("connect", connect)?;
        let search = |query: usize| pool[query % clients].search(queries.row(query), K);
        let found = phases.measure("use", || (0..queries.len()).map(search).collect::<Result<Vec<_>>>())?;
        phases.items_of("query", queries.len());
        phases.measure("close", || drop(pool));
        anyhow::Ok(found)
    };
    let check = move |found: Vec<Vec<Neighbour>>| oracle.judge(&found, adapter);
    let prepared = material.record(Prepared::fallible(run, check).items_of("connection", clients));
    Ok(indexing::with_engine(prepared, adapter, &spec.holder()))
}
