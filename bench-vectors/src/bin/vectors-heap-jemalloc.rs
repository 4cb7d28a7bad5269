//! The vectors suite with the counting allocator over jemalloc.

use std::process::ExitCode;

use bench_core::case::Mode;
use bench_core::harness::{self, Allocator};
use bench_core::instrument::CountingAllocator;
use bench_engines::allocator::{Jemalloc, jemalloc_internals};

#[global_allocator]
static ALLOCATOR: CountingAllocator<Jemalloc> = CountingAllocator::new(Jemalloc);

fn main() -> ExitCode {
    harness::main_with_internals(bench_vectors::suite, Mode::Heap, Allocator::Jemalloc, jemalloc_internals)
}
