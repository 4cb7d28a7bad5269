//! The C heap: blocks that C would make, while Rust's heap stays as it is.
//!
//! Totals are known to the byte. Live bytes are usable bytes, so they are known to within what glibc rounds a
//! block up by: at most 24 bytes, a page and the header for one that is mapped by itself.

use std::hint::black_box;
use std::thread;

use anyhow::ensure;
use bench_core::evidence::{Bounds, Expected, ExpectedHeap};
use bench_core::harness::{Phases, Prepared};
use bench_core::instrument::CBlock;

const SIZES: [usize; 6] = [1, 24, 100, 4096, 65_537, 1_000_000];
/// What a block that lies in an arena may be rounded up by.
const ROUNDING: i64 = 24;
/// What a block that is mapped by itself may be rounded up by.
const MAPPED_ROUNDING: i64 = 4096 + 16;

/// From what was asked for to that and its rounding up.
fn usable(requested: usize, blocks: usize) -> Bounds {
    (requested as i64, requested as i64 + blocks as i64 * ROUNDING + MAPPED_ROUNDING).into()
}

/// Nothing on Rust's heap, this on C's.
fn only_native(native: ExpectedHeap) -> Expected {
    Expected {
        heap: ExpectedHeap {
            growth_bytes: Some(0.into()),
            peak_over_start_bytes: Some(0.into()),
            allocated_blocks: Some(0),
            freed_blocks: Some(0),
            reallocated_blocks: Some(0),
            ..ExpectedHeap::default()
        },
        native: Some(native),
        ..Expected::default()
    }
}

/// malloc, calloc and strdup; then every block freed.
pub(super) fn blocks() -> Prepared {
    const TEXT: &std::ffi::CStr = c"what strdup copies";
    let run = |phases: &mut Phases| {
        // The table is Rust's, and made beforehand.
        let mut blocks = Vec::with_capacity(2 * SIZES.len() + 1);
        let (count, sum) = (2 * SIZES.len() + 1, 2 * SIZES.iter().sum::<usize>() + TEXT.count_bytes() + 1);
        phases.measure("allocate", || {
            for bytes in SIZES {
                blocks.push(CBlock::malloc(bytes));
                blocks.push(CBlock::calloc(bytes, 1));
            }
            blocks.push(CBlock::strdup(TEXT));
        });
        // Two blocks are mapped by themselves.
        let live = Bounds { most: usable(sum, count).most + MAPPED_ROUNDING, ..usable(sum, count) };
        phases.expect(only_native(ExpectedHeap {
            growth_bytes: Some(live),
            peak_over_start_bytes: Some(live),
            allocated_bytes: Some(sum as u64),
            allocated_blocks: Some(count as u64),
            freed_blocks: Some(0),
            reallocated_blocks: Some(0),
            reallocated_bytes: Some(0),
        }));
        phases.measure("free", || blocks.clear());
        phases.expect(only_native(ExpectedHeap {
            growth_bytes: Some(live.negated()),
            peak_over_start_bytes: Some(0.into()),
            allocated_bytes: Some(0),
            allocated_blocks: Some(0),
            freed_blocks: Some(count as u64),
            ..ExpectedHeap::default()
        }));
        // A peak that is neither at the start nor at the end.
        phases.measure("spike", || drop(CBlock::malloc(3_000_000)));
        phases.expect(only_native(ExpectedHeap {
            growth_bytes: Some(0.into()),
            peak_over_start_bytes: Some(usable(3_000_000, 1)),
            allocated_bytes: Some(3_000_000),
            allocated_blocks: Some(1),
            freed_blocks: Some(1),
            ..ExpectedHeap::default()
        }));
        blocks.capacity()
    };
    let check = |capacity: usize| {
        ensure!(capacity == 2 * SIZES.len() + 1, "capacity {capacity}");
        Ok(())
    };
    Prepared::new(run, check)
}

/// One block through realloc: grown twice, shrunk once.
pub(super) fn realloc() -> Prepared {
    let run = |phases: &mut Phases| {
        let block = phases
            .measure("reallocate", || CBlock::malloc(1000).realloc(5000).realloc(1_000_000).realloc(500));
        phases.expect(only_native(ExpectedHeap {
            growth_bytes: Some(usable(500, 1)),
            peak_over_start_bytes: Some(usable(1_000_000, 1)),
            allocated_bytes: Some(1000),
            allocated_blocks: Some(1),
            freed_blocks: Some(0),
            reallocated_blocks: Some(3),
            reallocated_bytes: Some(5000 + 1_000_000 + 500),
        }));
        block
    };
    Prepared::new(run, |_: CBlock| Ok(()))
}

/// posix_memalign and aligned_alloc, to 64 KiB.
pub(super) fn aligned() -> Prepared {
    const ALIGNMENTS: [usize; 4] = [16, 64, 4096, 65_536];
    let run = |phases: &mut Phases| {
        let blocks = phases.measure("allocate", || {
            ALIGNMENTS.map(|alignment| {
                (CBlock::posix_memalign(alignment, 1000), CBlock::aligned_alloc(alignment, alignment))
            })
        });
        let sum = ALIGNMENTS.len() * 1000 + ALIGNMENTS.iter().sum::<usize>();
        let Bounds { least, most } = usable(sum, 2 * ALIGNMENTS.len());
        // For the largest, glibc asks itself for size and alignment together, which is enough for a mapping
        // of its own; how much of it lies behind the aligned address, and so is usable, is the kernel's
        // choice.
        let most = most + MAPPED_ROUNDING + ALIGNMENTS[3] as i64;
        phases.expect(only_native(ExpectedHeap {
            growth_bytes: Some((least, most).into()),
            allocated_bytes: Some(sum as u64),
            allocated_blocks: Some(2 * ALIGNMENTS.len() as u64),
            freed_blocks: Some(0),
            ..ExpectedHeap::default()
        }));
        blocks
    };
    let check = |blocks: [(CBlock, CBlock); ALIGNMENTS.len()]| {
        for (alignment, (one, other)) in ALIGNMENTS.iter().zip(&blocks) {
            ensure!(one.address().is_multiple_of(*alignment), "posix_memalign({alignment}) is not aligned");
            ensure!(other.address().is_multiple_of(*alignment), "aligned_alloc({alignment}) is not aligned");
        }
        Ok(())
    };
    Prepared::new(run, check)
}

/// Four threads at once make and free C blocks, while Rust's heap is busy too: the two are told apart.
pub(super) fn threads() -> Prepared {
    const THREADS: usize = 4;
    const ROUNDS: usize = 1000;
    let start = std::sync::Arc::new(std::sync::Barrier::new(THREADS + 1));
    let run = move |phases: &mut Phases| {
        let end = std::sync::Arc::new(std::sync::Barrier::new(THREADS + 1));
        // Making and ending threads costs C heap, so it lies outside the phase: the crew waits before and
        // after it.
        let spawn = |_| {
            let (start, end) = (start.clone(), end.clone());
            thread::spawn(move || {
                start.wait();
                start.wait();
                for _ in 0..ROUNDS {
                    drop((CBlock::malloc(200), black_box(Vec::<u8>::with_capacity(300))));
                }
                end.wait();
                end.wait();
            })
        };
        let crew: Vec<thread::JoinHandle<()>> = (0..THREADS).map(spawn).collect();
        start.wait();
        phases.measure("churn", || {
            start.wait();
            end.wait();
        });
        end.wait();
        let rounds = (THREADS * ROUNDS) as u64;
        phases.expect(Expected {
            heap: ExpectedHeap {
                growth_bytes: Some(0.into()),
                allocated_bytes: Some(rounds * 300),
                allocated_blocks: Some(rounds),
                freed_blocks: Some(rounds),
                ..ExpectedHeap::default()
            },
            native: Some(ExpectedHeap {
                growth_bytes: Some(0.into()),
                peak_over_start_bytes: Some(Bounds { least: 200, ..usable(THREADS * 200, THREADS) }),
                allocated_bytes: Some(rounds * 200),
                allocated_blocks: Some(rounds),
                freed_blocks: Some(rounds),
                reallocated_blocks: Some(0),
                ..ExpectedHeap::default()
            }),
            ..Expected::default()
        });
        crew.into_iter().all(|member| member.join().is_ok())
    };
    let check = |joined: bool| {
        ensure!(joined, "a thread did not end well");
        Ok(())
    };
    Prepared::new(run, check)
}
