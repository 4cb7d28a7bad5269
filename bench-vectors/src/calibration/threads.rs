//! Several threads: totals of all of them, and a block that one allocates and another frees.

use std::hint::black_box;
use std::sync::{Arc, Barrier, Mutex};

use anyhow::{Result, ensure};
use bench_core::evidence::{Expected, ExpectedHeap};
use bench_core::harness::{Phases, Prepared};

use super::crew::Crew;

const THREADS: usize = 4;
/// Every thread's sizes; the first is large enough to be published at once, the second is not.
const SIZES: [usize; 2] = [1_000_000, 1000];
const ALL_BYTES: usize = THREADS * (SIZES[0] + SIZES[1]);

/// Four threads allocate and free at once: totals are exact, the peak has a bound that is not stated here.
pub(super) fn threads() -> Result<Prepared> {
    let crew = allocating_crew()?;
    let run = move |phases: &mut Phases| {
        phases.measure("allocate_and_free", || crew.run_once());
        phases.expect(totals());
    };
    Ok(Prepared::new(run, |()| Ok(())))
}

/// The same with exact peaks: at the barrier all blocks are live at once.
pub(super) fn threads_exact_peak() -> Result<Prepared> {
    let crew = allocating_crew()?;
    let run = move |phases: &mut Phases| {
        phases.measure("allocate_and_free", || crew.run_once());
        let mut expected = totals();
        expected.heap.peak_over_start_bytes = Some((ALL_BYTES as i64).into());
        phases.expect(expected);
    };
    Ok(Prepared::new(run, |()| Ok(())).exact_peak())
}

fn allocating_crew() -> Result<Crew> {
    let all_live = Barrier::new(THREADS);
    Crew::start(THREADS, move |_| {
        let blocks = SIZES.map(|bytes| black_box(Vec::<u8>::with_capacity(bytes)));
        all_live.wait();
        drop(blocks);
    })
}

fn totals() -> Expected {
    Expected {
        heap: ExpectedHeap {
            growth_bytes: Some(0.into()),
            allocated_bytes: Some(ALL_BYTES as u64),
            allocated_blocks: Some((THREADS * SIZES.len()) as u64),
            freed_blocks: Some((THREADS * SIZES.len()) as u64),
            reallocated_blocks: Some(0),
            ..ExpectedHeap::default()
        },
        ..Expected::default()
    }
}

/// A block allocated on this thread and freed on another, whose own balance becomes negative.
pub(super) fn free_elsewhere() -> Result<Prepared> {
    const SIZE: usize = 123_456;
    let slot: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
    let takes = Arc::clone(&slot);
    let crew = Crew::start(1, move |_| drop(takes.lock().expect("no holder panics").take()))?;
    let run = move |phases: &mut Phases| {
        let block = phases.measure("allocate", || black_box(Vec::with_capacity(SIZE)));
        phases.expect(Expected {
            heap: ExpectedHeap {
                growth_bytes: Some((SIZE as i64).into()),
                peak_over_start_bytes: Some((SIZE as i64).into()),
                allocated_bytes: Some(SIZE as u64),
                allocated_blocks: Some(1),
                freed_blocks: Some(0),
                ..ExpectedHeap::default()
            },
            ..Expected::default()
        });
        *slot.lock().expect("no holder panics") = Some(block);
        phases.measure("free_elsewhere", || crew.run_once());
        phases.expect(Expected {
            heap: ExpectedHeap {
                growth_bytes: Some((-(SIZE as i64)).into()),
                peak_over_start_bytes: Some(0.into()),
                allocated_bytes: Some(0),
                allocated_blocks: Some(0),
                freed_blocks: Some(1),
                ..ExpectedHeap::default()
            },
            ..Expected::default()
        });
        slot.lock().expect("no holder panics").is_none()
    };
    let check = |taken: bool| {
        ensure!(taken, "the other thread did not take the block");
        Ok(())
    };
    Ok(Prepared::new(run, check))
}
