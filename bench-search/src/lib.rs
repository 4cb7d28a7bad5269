//! The suite `search`: what it costs in memory to find the nearest vectors, and the best texts.

mod dense;
mod filtered;
mod hybrid;
mod repeated;
mod sustained;

use anyhow::Result;
use bench_core::harness::{Inputs, Suite};

/// The workloads of this crate.
///
/// # Errors
/// When the data set that the user named cannot be opened, the model that he named is not one, or a server is
/// named that this build has not.
pub fn suite(inputs: &Inputs) -> Result<Suite> {
    bench_data::embedder::ensure_model_is_there(inputs)?;
    bench_engines::meet_inputs(inputs)?;
    let mut suite = Suite::new("search", inputs);
    dense::add(&mut suite)?;
    filtered::add(&mut suite);
    hybrid::add(&mut suite);
    repeated::add(&mut suite);
    sustained::add(&mut suite);
    Ok(suite)
}
