//! The search suite without any instrument, on the system's allocator.

use std::process::ExitCode;

use bench_core::case::Mode;
use bench_core::harness::{self, Allocator};

fn main() -> ExitCode {
    harness::main(bench_search::suite, Mode::Time, Allocator::System)
}
