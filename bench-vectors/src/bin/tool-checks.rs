//! Checks the measuring tools themselves for leaks. Started by `cargo xtask leaks`.

use std::process::ExitCode;

use bench_core::harness;
use bench_core::instrument::{CountingAllocator, Profilable};

#[global_allocator]
static ALLOCATOR: CountingAllocator<Profilable> = CountingAllocator::new(Profilable);

fn main() -> ExitCode {
    harness::main_of_tool_checks()
}
