//! Random traces, counted by the profiler and by a model with one lock and one map that does what dhat does.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};
use std::thread;

use super::*;

/// What the model knows of one site.
#[derive(Clone, Copy, Default)]
struct ModelSite {
    totals: SiteTotals,
    live_bytes: u64,
    live_blocks: u64,
}

/// dhat's own definitions, step by step.
#[derive(Default)]
struct Model {
    sites: BTreeMap<usize, ModelSite>,
    live: u64,
    max: u64,
}

impl Model {
    fn rise(&mut self, site: usize, requested: usize, grown: usize, blocks: u64) {
        let of = self.sites.entry(site).or_default();
        of.totals.total_bytes += requested as u64;
        of.totals.total_blocks += 1;
        of.live_bytes += grown as u64;
        of.live_blocks += blocks;
        if of.live_bytes >= of.totals.max_bytes {
            (of.totals.max_bytes, of.totals.max_blocks) = (of.live_bytes, of.live_blocks);
        }
        self.live += grown as u64;
        self.max = self.max.max(self.live);
    }

    fn look_for_the_peak(&mut self) {
        if self.live == self.max {
            for site in self.sites.values_mut() {
                (site.totals.peak_bytes, site.totals.peak_blocks) = (site.live_bytes, site.live_blocks);
            }
        }
    }

    fn fall(&mut self, site: usize, bytes: usize, blocks: u64) {
        self.look_for_the_peak();
        let of = self.sites.get_mut(&site).unwrap();
        of.live_bytes -= bytes as u64;
        of.live_blocks -= blocks;
        self.live -= bytes as u64;
    }

    fn resize(&mut self, site: usize, old: usize, new: usize) {
        if new < old {
            self.fall(site, old - new, 0);
            let totals = &mut self.sites.get_mut(&site).unwrap().totals;
            totals.total_bytes += new as u64;
            totals.total_blocks += 1;
        } else {
            self.rise(site, new, new - old, 0);
        }
    }

    fn end(mut self) -> Vec<SiteTotals> {
        self.look_for_the_peak();
        let mut totals: Vec<SiteTotals> = self
            .sites
            .values()
            .map(|site| SiteTotals {
                end_bytes: site.live_bytes,
                end_blocks: site.live_blocks,
                ..site.totals
            })
            .collect();
        totals.sort();
        totals
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % end
    }
}

const SITES_OF_A_TRACE: [fn(usize) -> Block; 6] = [
    allocate_at::<0>,
    allocate_at::<1>,
    allocate_at::<2>,
    allocate_at::<3>,
    allocate_at::<4>,
    allocate_at::<5>,
];

#[derive(Default)]
struct Trace {
    blocks: Vec<(usize, Block)>,
    model: Model,
}

impl Trace {
    /// One operation. Live bytes rise at first and fall at last, with many small peaks between.
    #[inline(never)]
    fn step(&mut self, random: &mut Random, rising: bool) {
        match random.below(if rising { 5 } else { 3 }) {
            0 if !self.blocks.is_empty() => {
                let (site, block) = self.blocks.swap_remove(random.below(self.blocks.len()));
                self.model.fall(site, block.layout.size(), 1);
                drop(block);
            }
            1 if !self.blocks.is_empty() => {
                let index = random.below(self.blocks.len());
                let (site, block) = &mut self.blocks[index];
                let (old, new) = (block.layout.size(), 1 + random.below(3000));
                block.resize(new);
                self.model.resize(*site, old, new);
            }
            _ => {
                // Of few sizes, so that equal peaks happen.
                let (site, size) = (random.below(SITES_OF_A_TRACE.len()), 16 * (1 + random.below(4)));
                let block = SITES_OF_A_TRACE[site](size);
                self.model.rise(site, size, size, 1);
                if !rising && random.below(2) == 0 {
                    self.model.fall(site, size, 1);
                    drop(block);
                } else {
                    self.blocks.push((site, block));
                }
            }
        }
    }
}

#[test]
fn one_thread_counts_what_the_model_counts() {
    for seed in 0..200 {
        let (trace, recorded) = profile(|| {
            let (mut trace, mut random) = (Trace::default(), Random(seed));
            for step in 0..400 {
                trace.step(&mut random, step < 150);
            }
            trace
        });
        assert_eq!(sorted(&recorded), trace.model.end(), "seed {seed}");
    }
}

/// Counts of the threads' sites. Their maxima are apart: they are sums over the threads.
fn without_maxima(totals: Vec<SiteTotals>) -> Vec<SiteTotals> {
    let mut totals: Vec<SiteTotals> =
        totals.into_iter().map(|it| SiteTotals { max_bytes: 0, max_blocks: 0, ..it }).collect();
    totals.sort();
    totals
}

/// Runs a trace by `threads` threads that do `run` steps each in turn.
fn in_turns(seed: u64, threads: usize, run: usize, rounds: usize) -> Trace {
    let shared = Mutex::new((Trace::default(), 0usize));
    let turn = Condvar::new();
    thread::scope(|scope| {
        for own in 0..threads {
            let (shared, turn) = (&shared, &turn);
            scope.spawn(move || {
                let mut random = Random(seed * 100 + own as u64);
                for round in 0..rounds {
                    let mut held =
                        turn.wait_while(shared.lock().unwrap(), |(_, at)| *at % threads != own).unwrap();
                    for _ in 0..run {
                        held.0.step(&mut random, round < rounds / 2);
                    }
                    held.1 += 1;
                    turn.notify_all();
                }
            });
        }
    });
    shared.into_inner().unwrap().0
}

#[test]
fn threads_that_take_turns_count_what_the_model_counts_if_they_publish_everything() {
    for seed in 0..40 {
        let (trace, recorded) = profile_with_threshold(0, || in_turns(seed, 4, 3, 30));
        assert_eq!(without_maxima(sorted(&recorded)), without_maxima(trace.model.end()), "seed {seed}");
    }
}

#[test]
fn a_peak_of_several_threads_is_off_by_the_threshold_at_most() {
    for seed in 0..40 {
        let threads = 4;
        let (trace, recorded) = profile(|| in_turns(seed, threads, 1, 200));
        let (counted, expected) = (sorted(&recorded), trace.model.end());
        let sum = |of: fn(&SiteTotals) -> u64, totals: &[SiteTotals]| totals.iter().map(of).sum::<u64>();
        for exact in [
            |it: &SiteTotals| it.total_bytes,
            |it: &SiteTotals| it.total_blocks,
            |it: &SiteTotals| it.end_bytes,
            |it: &SiteTotals| it.end_blocks,
        ] {
            assert_eq!(sum(exact, &counted), sum(exact, &expected), "seed {seed}");
        }
        let (peak, true_peak) = (sum(|it| it.peak_bytes, &counted), sum(|it| it.peak_bytes, &expected));
        let bound = (threads as u64 + 2) * 16 * 1024;
        assert!(peak <= true_peak && peak + bound >= true_peak, "seed {seed}: {peak} of {true_peak}");
    }
}

#[test]
fn a_thread_that_starts_and_ends_while_the_others_wait_leaves_the_peak_exact() {
    for seed in 0..40 {
        let (trace, recorded) = profile(|| {
            let (mut trace, mut random) = (Trace::default(), Random(seed));
            for round in 0..10 {
                for _ in 0..40 {
                    trace.step(&mut random, round < 5);
                }
                thread::scope(|scope| {
                    let (trace, random) = (&mut trace, &mut random);
                    let worker = scope.spawn(move || {
                        for _ in 0..40 {
                            trace.step(random, round < 5);
                        }
                    });
                    worker.join().unwrap();
                });
            }
            trace
        });
        let peak = |totals: &[SiteTotals]| totals.iter().map(|it| it.peak_bytes).sum::<u64>();
        assert_eq!(peak(&sorted(&recorded)), peak(&trace.model.end()), "seed {seed}");
    }
}
