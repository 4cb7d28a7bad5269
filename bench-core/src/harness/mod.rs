//! The child process: a suite's binary lists its cases and runs one of them under the instruments of its mode.
//!
//! A suite has one binary per mode and allocator, a few lines each:
//!
//! ```no_run
//! use bench_core::case::Mode;
//! use bench_core::harness::{self, Allocator, Inputs, Suite};
//! use bench_core::instrument::CountingAllocator;
//!
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator<std::alloc::System> = CountingAllocator::new(std::alloc::System);
//!
//! # fn suite(inputs: &Inputs) -> anyhow::Result<Suite> { Ok(Suite::new("vectors", inputs)) }
//! fn main() -> std::process::ExitCode {
//!     harness::main(suite, Mode::Heap, Allocator::System)
//! }
//! ```

mod axis;
mod child;
mod native_phases;
mod phase_records;
mod phases;
mod prepared;
mod server_address;
mod suite;
mod timing;
mod tool_checks;
mod trial;

pub use axis::Axis;
pub use child::{Allocator, main, main_with_internals};
pub use phases::Phases;
pub use prepared::{Findings, Prepared};
pub use server_address::ServerAddress;
pub use suite::{Case, Inputs, Suite, Workload};
pub use tool_checks::main_of_tool_checks;
pub use trial::Trial;

/// The name of the profile that mode `sites` leaves in the current folder.
const DHAT_FILE: &str = "dhat.json";
