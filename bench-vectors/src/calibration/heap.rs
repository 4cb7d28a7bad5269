//! One thread: blocks allocated and freed, one block grown and shrunk.

use std::hint::black_box;

use anyhow::ensure;
use bench_core::evidence::{Expected, ExpectedHeap};
use bench_core::harness::{Phases, Prepared};

const SIZES: [usize; 6] = [1, 24, 100, 4096, 65_537, 1_000_000];

fn block(bytes: usize) -> Vec<u8> {
    black_box(Vec::with_capacity(bytes))
}

/// Blocks of odd and even, small and large sizes; every other one freed, then the rest.
pub(super) fn blocks() -> Prepared {
    let table = (SIZES.len() * size_of::<Vec<u8>>()) as u64;
    let sum = SIZES.iter().sum::<usize>() as u64;
    let odd = SIZES.iter().step_by(2).sum::<usize>() as u64;
    let run = move |phases: &mut Phases| {
        let mut blocks = phases.measure("allocate", || {
            let mut blocks = black_box(Vec::with_capacity(SIZES.len()));
            for bytes in SIZES {
                blocks.push(block(bytes));
            }
            blocks
        });
        phases.expect(Expected {
            heap: ExpectedHeap {
                growth_bytes: Some(((table + sum) as i64).into()),
                peak_over_start_bytes: Some(((table + sum) as i64).into()),
                allocated_bytes: Some(table + sum),
                allocated_blocks: Some(1 + SIZES.len() as u64),
                freed_blocks: Some(0),
                reallocated_blocks: Some(0),
                reallocated_bytes: Some(0),
            },
            ..Expected::default()
        });
        phases.measure("free", || {
            for block in blocks.iter_mut().step_by(2) {
                drop(std::mem::take(block));
            }
        });
        phases.expect(Expected {
            heap: ExpectedHeap {
                growth_bytes: Some((-(odd as i64)).into()),
                peak_over_start_bytes: Some(0.into()),
                allocated_bytes: Some(0),
                allocated_blocks: Some(0),
                freed_blocks: Some(SIZES.len() as u64 / 2),
                ..ExpectedHeap::default()
            },
            ..Expected::default()
        });
        // A peak that is neither at the start nor at the end.
        phases.measure("spike", || drop(block(3_000_000)));
        phases.expect(Expected {
            heap: ExpectedHeap {
                growth_bytes: Some(0.into()),
                peak_over_start_bytes: Some(3_000_000.into()),
                allocated_bytes: Some(3_000_000),
                allocated_blocks: Some(1),
                freed_blocks: Some(1),
                ..ExpectedHeap::default()
            },
            ..Expected::default()
        });
        blocks
    };
    let check = |blocks: Vec<Vec<u8>>| {
        let capacities: Vec<usize> = blocks.iter().map(Vec::capacity).collect();
        ensure!(capacities == [0, 24, 0, 4096, 0, 1_000_000], "capacities {capacities:?}");
        Ok(())
    };
    Prepared::new(run, check)
}

/// One block through realloc: grown twice, shrunk once.
pub(super) fn realloc() -> Prepared {
    let run = move |phases: &mut Phases| {
        let bytes = phases.measure("reallocate", || {
            let mut bytes = block(1000);
            for grown in [4000, 1_000_000] {
                bytes.reserve_exact(grown);
                bytes = black_box(bytes);
            }
            bytes.shrink_to(500);
            bytes
        });
        phases.expect(Expected {
            heap: ExpectedHeap {
                growth_bytes: Some(500.into()),
                peak_over_start_bytes: Some(1_000_000.into()),
                allocated_bytes: Some(1000),
                allocated_blocks: Some(1),
                freed_blocks: Some(0),
                reallocated_blocks: Some(3),
                reallocated_bytes: Some(4000 + 1_000_000 + 500),
            },
            ..Expected::default()
        });
        bytes
    };
    let check = |bytes: Vec<u8>| {
        ensure!(bytes.capacity() == 500, "capacity {}", bytes.capacity());
        Ok(())
    };
    Prepared::new(run, check)
}
