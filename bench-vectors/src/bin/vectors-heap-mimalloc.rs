//! The vectors suite with the counting allocator over mimalloc.

use std::process::ExitCode;

use bench_core::case::Mode;
use bench_core::harness::{self, Allocator};
use bench_core::instrument::{CountingAllocator, mimalloc_internals};

#[global_allocator]
static ALLOCATOR: CountingAllocator<mimalloc::MiMalloc> = CountingAllocator::new(mimalloc::MiMalloc);

fn main() -> ExitCode {
    let internals = || Some(mimalloc_internals(libmimalloc_sys::mi_process_info));
    harness::main_with_internals(bench_vectors::suite, Mode::Heap, Allocator::Mimalloc, internals)
}
