//! Memory benchmarks of your own code, in your own workspace, run by `cargo membench`.
//!
//! A suite is a program of one file:
//!
//! ```no_run
//! use membench::{Axis, Inputs, Phases, Prepared, Result, Suite, Workload};
//!
//! fn suite(inputs: &Inputs) -> Result<Suite> {
//!     let mut suite = Suite::new("mine", inputs);
//!     let workload = Workload::new("fill", "n numbers in a growing Vec").axis(Axis::new("n", [1000, 100_000]));
//!     suite.add(workload, |case| {
//!         let n = case.count("n")?;
//!         let run = move |phases: &mut Phases| phases.measure("fill", || (0..n as u64).collect::<Vec<_>>());
//!         let check = move |numbers: Vec<u64>| Ok(membench::ensure!(numbers.len() == n, "a number is missing"));
//!         Ok(Prepared::new(run, check).items_of("number", n).payload_bytes(8 * n))
//!     });
//!     Ok(suite)
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     membench::run(&[suite])
//! }
//! ```
//!
//! and of a line in its manifest that names it:
//!
//! ```toml
//! [package.metadata.membench]
//! suites = ["mine"]
//! ```
//!
//! `cargo membench init` writes both. The program brings its global allocator and, on Linux with glibc, its
//! malloc: it can have no other `#[global_allocator]`.
//!
//! With the feature `engines`, the module `engines` runs an engine of yours through our workloads.

#[cfg(feature = "engines")]
pub mod engines;

use std::process::ExitCode;

pub use anyhow::{Context, Result, bail, ensure};
pub use bench_core::case::{Kind, Mode};
pub use bench_core::harness::{Axis, Case, Findings, Inputs, MakeSuite, Phases, Prepared, Suite, Workload};

/// The whole program of some suites: what `main` returns. `cargo membench` starts it and says by its command
/// line and its environment what to do.
pub fn run(suites: &[MakeSuite]) -> ExitCode {
    bench_main::run(suites)
}
