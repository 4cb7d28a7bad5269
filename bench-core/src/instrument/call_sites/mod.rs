//! A profiler of call paths: bytes and blocks in total, at the peak and at the end, of every path by which a
//! block was allocated, in all threads. It counts every block and samples none.
//!
//! ```text
//! alloc ---> stack_walk ----> thread_table ----> site_counters     no lock, no locked instruction
//!               |  rule of an    |  path that this    |  epochs: what was live at the peak
//!               |  address       |  thread never met  |
//!            unwind_rules      paths (a lock)       recorder: starts, stops, adds up
//! ```
//!
//! Nothing of this comes back into an allocator: its memory is mapped.

mod allocator;
mod paths;
mod profile;
mod recorder;
mod shared_state;
mod site_counters;
mod stack_walk;
#[cfg(test)]
mod tests;
mod thread_table;
mod unwind_rules;

pub use allocator::SiteAllocator;
pub use profile::{CallPath, SiteProfile, SiteProfiler};
pub use site_counters::SiteTotals;
