//! Embeddings that are set-up and not measured: made once by a model and kept for the next process.

use crate::kept::{KeptKey, load_or};
use anyhow::{Context, Result};
use bench_core::harness::Inputs;

use super::{Embedder, find, open};

/// The texts whose vectors are kept in one file: few enough that a process stopped half way has kept most of
/// its work.
const KEPT_TOGETHER: usize = 50;

/// The vectors of texts by the embedder called `name`, row-major: those of a model are kept in the cache
/// folder, if the caller named one, under the hash of the model and the texts. The model is opened for what
/// is not there.
///
/// # Errors
/// When the embedder is needed and cannot be opened, or the cache cannot be written.
pub fn embed_once(name: &str, inputs: &Inputs, texts: &[&str]) -> Result<Vec<f32>> {
    let mut embedder: Option<Box<dyn Embedder>> = None;
    let mut embed = |texts: &[&str]| match &mut embedder {
        Some(embedder) => embedder.embed(texts),
        none => none.insert(open(name, inputs)?).embed(texts),
    };
    let Some(identity) = find(name)?.identity else { return embed(texts) };
    let identity = identity();
    let mut vectors = Vec::new();
    for texts in texts.chunks(KEPT_TOGETHER) {
        let key = KeptKey::new("embeddings", [identity.as_str()].into_iter().chain(texts.iter().copied()));
        let kept: Vec<f32> = load_or(inputs.cache.as_deref(), &key, || embed(texts))
            .with_context(|| format!("embed texts by {name}"))?;
        vectors.extend(kept);
    }
    Ok(vectors)
}
