//! The program of a suite. Whoever links this crate gets its global allocator and, on Linux with glibc, its
//! malloc.
//!
//! ```no_run
//! use bench_core::harness::{Inputs, Suite};
//!
//! fn suite(inputs: &Inputs) -> anyhow::Result<Suite> {
//!     Ok(Suite::new("mine", inputs))
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     bench_main::run(&[suite])
//! }
//! ```
//!
//! One program serves every mode and allocator: the environment says which (`BENCH_MODE`, `BENCH_ALLOCATOR`).
//! So only a program's main file uses this crate, never a library.

mod allocator;
mod internals;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod interpose;

use std::process::ExitCode;

use bench_core::harness::{self, MakeSuite};

/// Lists the cases of the suites, or runs one of them, as the command line says.
pub fn run(suites: &[MakeSuite]) -> ExitCode {
    harness::main(suites, allocator::instruments)
}
