//! The ingest suite without any instrument, on mimalloc.

use std::process::ExitCode;

use bench_core::case::Mode;
use bench_core::harness::{self, Allocator};
use bench_engines::allocator::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    harness::main(bench_ingest::suite, Mode::Time, Allocator::Mimalloc)
}
