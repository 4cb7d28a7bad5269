//! The suite `vectors`: what vectors cost in memory, alone, in numbers, after frees, and under threads.
//!
//! A workload is one registration in one file; a new family adds one line to [`suite`].

mod calibration;
mod concurrent;
mod fault;
mod fragmentation;
mod multi_concept;
mod single_vector;

use anyhow::Result;
use bench_core::harness::{Inputs, Suite};

/// The workloads of this crate.
///
/// # Errors
/// When the data set that the user named cannot be opened.
pub fn suite(inputs: &Inputs) -> Result<Suite> {
    let mut suite = Suite::new("vectors", inputs);
    single_vector::add(&mut suite);
    multi_concept::add(&mut suite)?;
    fragmentation::add(&mut suite);
    concurrent::add(&mut suite);
    calibration::add(&mut suite);
    fault::add(&mut suite);
    Ok(suite)
}
