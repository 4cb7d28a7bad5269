//! The vectors suite with the counting allocator over mimalloc.

use std::process::ExitCode;

use bench_core::case::Mode;
use bench_core::harness::{self, Allocator};
use bench_core::instrument::CountingAllocator;
use bench_engines::allocator::{MiMalloc, mimalloc_internals};

#[global_allocator]
static ALLOCATOR: CountingAllocator<MiMalloc> = CountingAllocator::new(MiMalloc);

fn main() -> ExitCode {
    harness::main_with_internals(bench_vectors::suite, Mode::Heap, Allocator::Mimalloc, mimalloc_internals)
}
