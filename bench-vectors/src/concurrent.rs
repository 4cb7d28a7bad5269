//! V4: what does it cost when several threads fill one shared store?

use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};
use bench_core::harness::{Axis, Case, Phases, Prepared, Suite, Workload};
use rayon::{ThreadPool, ThreadPoolBuilder};

const PER_THREAD: usize = 25;
const DIM: usize = 256;

type Store = Mutex<Vec<Vec<f32>>>;

pub(crate) fn add(suite: &mut Suite) {
    let about = "each thread pushes 25 vectors of 256 f32 into one shared store; pool=threads starts its threads \
                 within the phase, pool=rayon uses a pool that is already there";
    let workload = Workload::new("concurrent", about)
        .axis(Axis::new("pool", ["threads", "rayon"]))
        .axis(Axis::new("threads", [1, 2, 4, 8]).quick([4]));
    suite.add(workload, prepare);
}

fn prepare(case: &Case) -> Result<Prepared> {
    let threads = case.count("threads")?;
    let fill: Box<dyn Fn(&Store)> = match case.text("pool")? {
        "threads" => Box::new(move |store| fill_by_threads(store, threads)),
        "rayon" => {
            let pool = warm_pool(threads)?;
            Box::new(move |store| fill_by_pool(store, &pool))
        }
        pool => bail!("pool {pool:?} is neither threads nor rayon"),
    };
    let run = move |phases: &mut Phases| {
        phases.measure("build", || {
            let store = Store::default();
            fill(&store);
            store
        })
    };
    let check = move |store: Store| verify(&store.into_inner().ok().context("a thread panicked")?, threads);
    let vectors = threads * PER_THREAD;
    Ok(Prepared::new(run, check)
        .items_of("vector", vectors)
        .payload_bytes(vectors * DIM * size_of::<f32>())
        .exact_peak())
}

fn fill_by_threads(store: &Store, threads: usize) {
    std::thread::scope(|scope| {
        let handles: Vec<_> =
            (0..threads).map(|thread| scope.spawn(move || push_all(store, thread))).collect();
        // A scope returns before its threads have freed what is theirs; joining each waits for that too.
        for handle in handles {
            handle.join().expect("pushing vectors does not panic");
        }
    });
}

fn fill_by_pool(store: &Store, pool: &ThreadPool) {
    pool.broadcast(|context| push_all(store, context.index()));
}

fn push_all(store: &Store, thread: usize) {
    for i in 0..PER_THREAD {
        let vector = vec![value(thread, i); DIM];
        store.lock().expect("no holder of the lock panics").push(vector);
    }
}

fn value(thread: usize, i: usize) -> f32 {
    (thread * 100 + i) as f32
}

/// Threads are started and queues allocated here, so that no phase pays for them.
fn warm_pool(threads: usize) -> Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.with_context(|| format!("start a rayon pool of {threads} threads"))?;
    pool.broadcast(|_| ());
    Ok(pool)
}

/// The order depends on the scheduler; the set does not.
fn verify(vectors: &[Vec<f32>], threads: usize) -> Result<()> {
    let mut missing: Vec<f32> =
        (0..threads).flat_map(|thread| (0..PER_THREAD).map(move |i| value(thread, i))).collect();
    for vector in vectors {
        ensure!(vector.len() == DIM, "a vector of {} components instead of {DIM}", vector.len());
        let position = missing.iter().position(|&value| vector.iter().all(|&x| x == value));
        missing
            .swap_remove(position.with_context(|| format!("{} stands twice or was overwritten", vector[0]))?);
    }
    ensure!(missing.is_empty(), "{} vectors are missing", missing.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_pools_store_every_vector_once() {
        for threads in [1, 3, 8] {
            for rayon in [false, true] {
                let store = Store::default();
                match rayon {
                    false => fill_by_threads(&store, threads),
                    true => fill_by_pool(&store, &warm_pool(threads).unwrap()),
                }
                let mut vectors = store.into_inner().unwrap();
                verify(&vectors, threads).unwrap();
                vectors[0] = vectors[1].clone();
                assert!(verify(&vectors, threads).is_err(), "one stands twice");
                vectors.remove(0);
                assert!(verify(&vectors, threads).is_err(), "one is missing");
            }
        }
    }
}
