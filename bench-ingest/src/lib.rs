//! The suite `ingest`: what it costs in memory to bring documents and data sets into an index.
//!
//! A workload is one registration in one file; a new family adds one line to [`suite`].

mod bounded;
mod build;
mod connection_pool;
mod disk_index;
mod documents;
mod embedding;
mod index;
mod placement;
mod repeated;
mod storage;
mod update;

use anyhow::Result;
use bench_core::harness::{Inputs, Suite};

/// The workloads of this crate.
///
/// # Errors
/// When the data set or the documents that the user named cannot be opened, the model that he named is not
/// one, or a server is named that this build has not.
pub fn suite(inputs: &Inputs) -> Result<Suite> {
    bench_data::embedder::ensure_model_is_there(inputs)?;
    bench_engines::meet_inputs(inputs)?;
    let mut suite = Suite::new("ingest", inputs);
    documents::add(&mut suite)?;
    bounded::add(&mut suite);
    embedding::add(&mut suite);
    build::add(&mut suite)?;
    index::add(&mut suite)?;
    storage::add(&mut suite)?;
    placement::add(&mut suite)?;
    update::add(&mut suite);
    connection_pool::add(&mut suite);
    repeated::add(&mut suite);
    Ok(suite)
}
