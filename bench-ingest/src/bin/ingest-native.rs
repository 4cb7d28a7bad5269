//! The ingest suite with Rust's heap and the C heap counted apart. Linux with glibc only.

use std::process::ExitCode;

use bench_core::case::Mode;
use bench_core::harness::{self, Allocator};
use bench_core::instrument::CountingAllocator;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use bench_core::instrument::LibcDirect as Direct;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
use std::alloc::System as Direct;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "../../../bench-core/src/instrument/interpose.rs"]
mod interpose;

#[global_allocator]
static ALLOCATOR: CountingAllocator<Direct> = CountingAllocator::new(Direct);

fn main() -> ExitCode {
    harness::main(bench_ingest::suite, Mode::Native, Allocator::System)
}
