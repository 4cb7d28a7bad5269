//! S5: what do parallel clients cost that search for a given time?

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use bench_core::case::Mode;
use bench_core::harness::{Axis, Case, Findings, Phases, Prepared, Suite};
use bench_data::indexing;
use bench_data::material::{self, CORPUS, DIM, K};
use bench_engines::{Engine, IndexSpec, Neighbour, Vectors};

pub(crate) fn add(suite: &mut Suite) {
    let about =
        "clients, a thread each, that search for the 10 nearest of n embedded texts for so many milliseconds";
    let workload = indexing::workload("sustained", about, |_| true)
        .axis(Axis::new("dataset", [CORPUS.name]))
        .axis(Axis::new("n", [1000]).slow([10_000]))
        .axis(Axis::new("clients", [1, 4]).quick::<usize>([]))
        .axis(Axis::new("ms", [500]).slow([30_000]))
        .absent_in(Mode::Time, "the time is given: the rate stands with the memory, in mode heap")
        .absent_in(Mode::Sites, "dhat slows the clients down; the call sites are those of search/dense");
    suite.add(workload, prepare);
}

fn prepare(case: &Case) -> Result<Prepared> {
    let adapter = bench_engines::find(case.text("engine")?)?;
    let material = material::of_texts(CORPUS, case.inputs(), case.count("n")?, DIM)?;
    let queries = Arc::clone(&material.queries);
    let clients = case.count("clients")?;
    let duration = Duration::from_millis(case.count("ms")? as u64);
    ensure!((1..=1000).contains(&clients), "{clients} clients: 1 to 1000 can be started");
    let spec = indexing::spec(case, adapter, material.base.dim(), material.distance)?;
    let spec = IndexSpec { threads: clients, ..spec };
    indexing::stage(&spec.holder(), [&queries])?;
    let built = indexing::build(adapter, &spec, &material.base)?;
    let oracle = material.oracle();
    let run = move |phases: &mut Phases| {
        let served = phases.measure("search", || serve(built.index(), &queries, clients, duration))?;
        phases.items_of("query", served.iter().map(|client| client.searches).sum());
        indexing::record_figures(phases, built.index());
        anyhow::Ok(served)
    };
    let check = move |served: Vec<Served>| {
        let judge = |client: &Served| oracle.judge(&client.found, adapter);
        let judged: Vec<Findings> = served.iter().map(judge).collect::<Result<_>>()?;
        // The client that was served worst speaks for all.
        let worst = judged.into_iter().min_by(|a, b| {
            let of = |findings: &Findings| findings.recall.unwrap_or(f64::INFINITY);
            of(a).total_cmp(&of(b))
        });
        worst.context("there was no client")
    };
    let why = "another number of searches fits into the time";
    let prepared = Prepared::fallible(run, check).varies(Some(why));
    Ok(indexing::with_engine(material.record(prepared), adapter, &spec.holder()))
}

/// What one client did.
struct Served {
    searches: usize,
    /// Its last answer to each query.
    found: Vec<Vec<Neighbour>>,
}

/// Every client asks all queries, again and again, until the time is over and each has been answered once.
fn serve(index: &dyn Engine, queries: &Vectors, clients: usize, duration: Duration) -> Result<Vec<Served>> {
    let start = Instant::now();
    let work = || -> Result<Served> {
        let mut client = Served { searches: 0, found: vec![Vec::new(); queries.len()] };
        while client.searches < queries.len() || start.elapsed() < duration {
            let query = client.searches % queries.len();
            client.found[query] = index.search(queries.row(query), K)?;
            client.searches += 1;
        }
        Ok(client)
    };
    std::thread::scope(|scope| {
        let start_client =
            |_| std::thread::Builder::new().spawn_scoped(scope, work).context("start the thread of a client");
        let threads = (0..clients).map(start_client).collect::<Result<Vec<_>>>()?;
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<Served>>| {
            thread.join().map_err(|_| anyhow!("a client's search panicked"))?
        };
        threads.into_iter().map(join).collect()
    })
}

#[cfg(test)]
mod tests {
    use bench_engines::Distance;

    use super::*;

    #[test]
    fn clients_serve_for_the_time_given_and_answer_every_query() {
        let base = Vectors::new(1, (0..500).map(|i| i as f32).collect()).unwrap();
        let queries = Vectors::new(1, vec![3.1, 400.2, 7.0]).unwrap();
        let index = bench_engines::build("flat", &IndexSpec::new(1, Distance::L2), &base).unwrap();
        for milliseconds in [0, 50] {
            let duration = Duration::from_millis(milliseconds);
            let start = Instant::now();
            let served = serve(index.as_ref(), &queries, 3, duration).unwrap();
            assert!(start.elapsed() >= duration);
            assert_eq!(served.len(), 3);
            for client in served {
                assert!(client.searches >= queries.len());
                let nearest: Vec<u64> = client.found.iter().map(|found| found[0].id).collect();
                assert_eq!(nearest, [3, 400, 7]);
            }
        }
    }

    #[test]
    fn a_search_that_fails_fails_the_clients() {
        let base = Vectors::new(2, vec![0.0; 4]).unwrap();
        let index = bench_engines::build("flat", &IndexSpec::new(2, Distance::L2), &base).unwrap();
        let wrong = Vectors::new(1, vec![1.0]).unwrap();
        assert!(serve(index.as_ref(), &wrong, 2, Duration::ZERO).is_err());
    }
}
