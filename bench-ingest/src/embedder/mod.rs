//! Embedders: what turns a text into a vector.

mod hashing;
#[cfg(feature = "minilm")]
pub mod minilm;

use anyhow::{Result, ensure};
use bench_core::harness::Inputs;

pub use hashing::Hashing;

/// Turns texts into vectors of equal dim, near each other for similar texts.
pub trait Embedder {
    /// The embedder's name.
    fn name(&self) -> &'static str;

    /// The number of components of each vector.
    fn dim(&self) -> usize;

    /// The vectors of the texts in one block, row-major, each of length 1.
    ///
    /// # Errors
    /// When the model fails.
    fn embed(&self, texts: &[&str]) -> Result<Vec<f32>>;
}

/// Refuses a model that the user named for a build without it.
///
/// # Errors
/// When a model is named and the feature `minilm` is off.
pub fn ensure_model_is_built(inputs: &Inputs) -> Result<()> {
    ensure!(
        inputs.model.is_none() || cfg!(feature = "minilm"),
        "this build has no embedding model to use with --model: add --features minilm"
    );
    Ok(())
}
