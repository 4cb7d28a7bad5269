//! The search suite with a stack trace for every allocation.

use std::process::ExitCode;

use bench_core::case::Mode;
use bench_core::harness::{self, Allocator};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() -> ExitCode {
    harness::main(bench_search::suite, Mode::Sites, Allocator::System)
}
