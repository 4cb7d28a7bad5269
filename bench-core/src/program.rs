//! How a suite's program is told what to measure with.
//!
//! By its environment and not by flags: the global allocator needs the answer at the first allocation, before
//! `main`.

/// The environment variable that names the mode, as [`Mode::name`](crate::case::Mode::name) does, or
/// [`CHECK_TOOLS`].
pub const MODE_VARIABLE: &str = "BENCH_MODE";

/// The environment variable that names the allocator below the instruments; without it, it is `system`.
pub const ALLOCATOR_VARIABLE: &str = "BENCH_ALLOCATOR";

/// The environment variable that names what records call sites in mode `sites`: `paths` is our profiler, and
/// `dhat` the dhat crate. Without it, it is ours where the system has it.
pub const RECORDER_VARIABLE: &str = "BENCH_SITES_BY";

/// The value of [`MODE_VARIABLE`], and the sub-command, with which the program checks the measuring tools
/// themselves.
pub const CHECK_TOOLS: &str = "check-tools";
