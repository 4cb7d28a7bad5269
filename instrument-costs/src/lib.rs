//! What the cost benchmarks measure with: processor time, and medians of ratios.
//!
//! The crate stands above the suites, whose workloads the benchmarks run: bench-core cannot depend on them.

// Reading a thread's clock.
#![allow(unsafe_code)]

use std::time::Duration;

/// Processor time of this thread: other programs on the machine do not count.
pub fn thread_cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place and the clock exists on every unix.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The middle value.
///
/// # Panics
/// When there is no value.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
