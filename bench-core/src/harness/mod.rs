//! The child process: a suite's binary lists its cases and runs one of them under the instruments of its mode.
//!
//! ```no_run
//! //! `vectors-heap`: the vectors suite under the counting allocator.
//! use bench_core::harness::{self, Allocator};
//! use bench_core::instrument::CountingAllocator;
//!
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator<std::alloc::System> = CountingAllocator::new(std::alloc::System);
//!
//! # fn suite(_: &bench_core::harness::Inputs) -> anyhow::Result<bench_core::harness::Suite> { unimplemented!() }
//! fn main() -> std::process::ExitCode {
//!     harness::main(suite, bench_core::case::Mode::Heap, Allocator::System)
//! }
//! ```

mod phases;
mod suite;

pub use phases::Phases;
pub use suite::{Axis, Case, Inputs, Prepared, Suite, Workload};
