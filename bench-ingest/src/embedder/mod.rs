//! Embedders: what turns a text into a vector.

mod hashing;

use anyhow::Result;

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
