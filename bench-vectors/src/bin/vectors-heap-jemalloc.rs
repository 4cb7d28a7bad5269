//! The vectors suite with the counting allocator over jemalloc.

use std::process::ExitCode;

use bench_core::case::Mode;
use bench_core::evidence::AllocatorRecord;
use bench_core::harness::{self, Allocator};
use bench_core::instrument::CountingAllocator;
use tikv_jemalloc_ctl::{epoch, stats};

#[global_allocator]
static ALLOCATOR: CountingAllocator<tikv_jemallocator::Jemalloc> =
    CountingAllocator::new(tikv_jemallocator::Jemalloc);

fn main() -> ExitCode {
    harness::main_with_internals(bench_vectors::suite, Mode::Heap, Allocator::Jemalloc, internals)
}

/// jemalloc's books, brought up to date first; what it does not tell is absent.
fn internals() -> Option<AllocatorRecord> {
    epoch::advance().ok()?;
    let mapped = stats::mapped::read().ok().zip(stats::retained::read().ok());
    Some(AllocatorRecord {
        in_use_bytes: stats::active::read().ok().map(|bytes| bytes as u64),
        sys_bytes: mapped.map(|(mapped, retained)| (mapped + retained) as u64),
    })
}
