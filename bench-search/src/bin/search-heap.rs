//! The search suite with the counting allocator over the system's.

use std::process::ExitCode;

use bench_core::case::Mode;
use bench_core::harness::{self, Allocator};
use bench_core::instrument::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator<std::alloc::System> = CountingAllocator::new(std::alloc::System);

fn main() -> ExitCode {
    harness::main(bench_search::suite, Mode::Heap, Allocator::System)
}
