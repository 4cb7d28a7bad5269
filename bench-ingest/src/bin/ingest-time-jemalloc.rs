//! The ingest suite without any instrument, on jemalloc.

use std::process::ExitCode;

use bench_core::case::Mode;
use bench_core::harness::{self, Allocator};
use bench_engines::allocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    harness::main(bench_ingest::suite, Mode::Time, Allocator::Jemalloc)
}
