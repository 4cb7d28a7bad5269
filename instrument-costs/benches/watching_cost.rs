//! What a memory budget's checks cost: `cargo bench -p instrument-costs --bench watching_cost`.
//!
//! Real work is done chunk by chunk, unwatched and watched in several ways. Every round does each once, one
//! after the other, and divides by the unwatched work of the same round; the table shows the median of the
//! ratios. So the machine's drift cancels out. Then each kind of check alone, in nanoseconds.
//!
//! Aim: a watched run takes less than 1.01 times an unwatched one; at 1.05 the benchmark fails. Shown, not
//! judged: what reads memory anew at every chunk (that is what the kept reading saves), and a check after
//! each chunk of 2 us (there a check of 40 ns is 2 %, and every 10th chunk is the way).

use std::alloc::System;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use bench_core::budget::{BudgetError, Bytes, Limits, MemoryBudget, OperationMonitor, Pressure};
use bench_core::harness::Inputs;
use bench_core::instrument::CountingAllocator;
use bench_data::chunk;
use bench_data::corpus::Corpus;
use bench_data::embedder::{Embedder, Hashing};
use bench_engines::{Distance, Engine, Flat};
use instrument_costs::{median, thread_cpu_time};

#[global_allocator]
static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);

const ROUNDS: usize = 61;
/// How often the work is done in a round: long enough for the clock.
const REPEATS: usize = 4;
const AIM: f64 = 1.01;
const MOST: f64 = 1.05;

/// The ways of watching.
const WAYS: [&str; 5] =
    ["unwatched", "every 10th chunk", "every chunk", "operation, every chunk", "read anew at every chunk"];
/// Of the ways, those that the aim is meant for: where a chunk is long beside a check, and where it is short.
const JUDGED_LONG: &[usize] = &[1, 2, 3];
const JUDGED_SHORT: &[usize] = &[1];

/// What is done after each chunk of work.
type AfterChunk<'a> = dyn FnMut() -> Result<(), BudgetError> + 'a;

/// A name, the judged ways, and work that calls back after each of its chunks.
type Work = (&'static str, &'static [usize], Box<dyn Fn(&mut AfterChunk<'_>) -> Result<()>>);

fn main() -> ExitCode {
    // `cargo test --benches` runs this, too: one round shows that it works.
    let is_benchmark = std::env::args().any(|argument| argument == "--bench");
    match run(if is_benchmark { ROUNDS } else { 1 }) {
        Ok(worst) if is_benchmark && worst >= MOST => {
            println!("failed: a watched run takes {worst:.4} times an unwatched one");
            ExitCode::FAILURE
        }
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the tables; the worst ratio of those that the aim is meant for.
fn run(rounds: usize) -> Result<f64> {
    let kept = OperationMonitor::new(budget(Duration::from_millis(100))?);
    let anew = budget(Duration::ZERO)?;
    print!("{:<40} {:>10}", "processor time / unwatched", "ms");
    WAYS.iter().skip(1).for_each(|name| print!(" {name:>25}"));
    println!();
    let mut worst = 0.0f64;
    for (name, judged, work) in works()? {
        let mut seconds: [Vec<f64>; 5] = Default::default();
        for round in 0..rounds {
            // Another one begins each round, so that no way always runs after the same one.
            for way in (0..WAYS.len()).map(|place| (place + round) % WAYS.len()) {
                // Once before the clock runs, so that no way pays for what the one before it did to the
                // caches.
                watched(&work, way, &kept, &anew)?;
                let start = thread_cpu_time();
                for _ in 0..REPEATS {
                    watched(&work, way, &kept, &anew)?;
                }
                seconds[way].push((thread_cpu_time() - start).as_secs_f64());
            }
        }
        let ratio = |way: usize| {
            let pairs = seconds[way].iter().zip(&seconds[0]);
            median(pairs.map(|(watched, unwatched)| watched / unwatched).collect())
        };
        print!("{name:<40} {:>10.2}", median(seconds[0].clone()) * 1e3 / REPEATS as f64);
        (1..WAYS.len()).for_each(|way| print!(" {:>25.4}", ratio(way)));
        worst = judged.iter().map(|way| ratio(*way)).fold(worst, f64::max);
        println!();
    }
    let verdict = if worst < AIM { "the aim is met" } else { "missed" };
    println!(
        "{verdict}: the worst watched run takes {worst:.4} times an unwatched one, the aim is below {AIM}"
    );
    checks_alone(&kept, &anew, rounds * 1000)?;
    Ok(worst)
}

fn budget(max_age: Duration) -> Result<MemoryBudget> {
    let limits =
        Limits::default().heap(Bytes::mib(4096)).process(Bytes::mib(8192)).system_available(Bytes::mib(1));
    Ok(MemoryBudget::new(limits)?.max_age(max_age))
}

/// Does the work, watched in one of [`WAYS`].
fn watched(
    work: &dyn Fn(&mut AfterChunk<'_>) -> Result<()>,
    way: usize,
    kept: &OperationMonitor,
    anew: &MemoryBudget,
) -> Result<()> {
    let look = |pressure: Pressure| {
        black_box(pressure);
    };
    match way {
        0 => work(&mut || Ok(())),
        1 => {
            let mut every_10th = kept.budget().check_every(10);
            work(&mut || {
                every_10th.chunk()?.map(look);
                Ok(())
            })
        }
        2 => work(&mut || kept.budget().check().map(look)),
        3 => {
            let mut operation = kept.start("work");
            work(&mut || {
                operation.add(1, 1000);
                operation.check().map(look)
            })
        }
        _ => work(&mut || anew.check().map(look)),
    }
}

/// Work in chunks of very different lengths.
fn works() -> Result<Vec<Work>> {
    let corpus = Corpus::open(&Inputs::default())?;
    let documents = corpus.documents(4, 10_000)?.texts;
    let texts: Vec<String> = corpus.documents(2000, 200)?.texts;
    let embedder = Hashing::default();
    let mut index = Flat::new(embedder.dim(), Distance::Cosine);
    let references: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = embedder.embed(&references)?;
    index.insert(&(0..texts.len() as u64).collect::<Vec<_>>(), &vectors)?;
    let ingest = move |after: &mut AfterChunk<'_>| {
        let mut index = Flat::new(embedder.dim(), Distance::Cosine);
        for document in &documents {
            for text in chunk::chunks(document) {
                let id = index.len() as u64;
                index.insert(&[id], &embedder.embed(&[&text])?)?;
                after()?;
            }
        }
        Ok(())
    };
    let search = move |after: &mut AfterChunk<'_>| {
        for query in vectors.chunks_exact(embedder.dim()).step_by(40) {
            black_box(index.search(query, 10)?);
            after()?;
        }
        Ok(())
    };
    let embed = move |after: &mut AfterChunk<'_>| {
        for text in &texts {
            black_box(embedder.embed(&[text])?);
            after()?;
        }
        Ok(())
    };
    Ok(vec![
        ("ingest 4 documents, chunk by chunk", JUDGED_LONG, Box::new(ingest)),
        ("search 50 times in 2,000 vectors", JUDGED_LONG, Box::new(search)),
        ("embed 2,000 texts of 200 bytes", JUDGED_SHORT, Box::new(embed)),
    ])
}

/// Prints what a check takes by itself.
fn checks_alone(kept: &OperationMonitor, anew: &MemoryBudget, times: usize) -> Result<()> {
    let mut operation = kept.start("checks alone");
    let mut every_10th = kept.budget().check_every(10);
    let mut ways: [(&str, usize, &mut AfterChunk<'_>); 4] = [
        ("check, the reading is kept", times, &mut || kept.budget().check().map(drop_level)),
        ("check of an operation, kept", times, &mut || operation.check().map(drop_level)),
        ("chunk of which every 10th is checked", times, &mut || every_10th.chunk().map(|_| ())),
        ("check that reads", times.div_ceil(10), &mut || anew.check().map(drop_level)),
    ];
    for (name, times, check) in &mut ways {
        let start = Instant::now();
        for _ in 0..*times {
            check()?;
        }
        println!("{name:<40} {:>10.0} ns", start.elapsed().as_nanos() as f64 / *times as f64);
    }
    Ok(())
}

fn drop_level(pressure: Pressure) {
    black_box(pressure);
}
