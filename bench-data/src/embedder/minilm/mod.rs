//! The sentence transformer all-MiniLM-L6-v2: text to tokens, tokens through BERT, their mean as one vector.

mod bert;
mod files;
mod weights;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use bench_core::harness::Inputs;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokenizers::{Tokenizer, TruncationParams};

use super::Embedder;
use bert::Bert;
use files::{ModelFiles, TOKENIZER, WEIGHTS};
use weights::Weights;

/// The components of a vector.
pub const DIM: usize = bert::HIDDEN;
/// A text's tokens behind these do not count. What the model was published with
/// (`sentence_bert_config.json`); its tokenizer file says 128, which is what it was trained with.
pub const MAX_TOKENS: usize = 256;
/// How many texts go through the network at once where nobody says: more take more memory and are no faster
/// on one thread.
pub const BATCH: usize = 8;
/// Changes with everything here that changes a vector.
const VERSION: u32 = 1;

/// The model in memory, with a thread of its own.
pub struct MiniLm {
    bert: Bert,
    tokenizer: Tokenizer,
    /// One thread, started here: matrices are multiplied in the pool that asks, and no phase pays for its
    /// start.
    pool: ThreadPool,
    batch: usize,
}

/// The model from the folder that the user named, otherwise from the Hugging Face hub or its cache.
///
/// # Errors
/// When there is no model, or a file of it is not the published one: with what to do about it.
pub fn open(inputs: &Inputs) -> Result<MiniLm> {
    let files = ModelFiles::find(inputs.user.model.as_deref())?;
    let tokenizer = tokenizer(&files.tokenizer)?;
    let bytes = WEIGHTS.read(&files.weights)?;
    let load = || Bert::load(&Weights::parse(&bytes)?);
    let bert = load().with_context(|| format!("read the tensors in {}", files.weights.display()))?;
    let pool = ThreadPoolBuilder::new().num_threads(1).build().context("start the embedder's thread")?;
    let model = MiniLm { bert, tokenizer, pool, batch: BATCH };
    // What candle and the tokenizer set up at their first use, they set up here. The text is as long as any:
    // candle starts threads of its own for large tensors only.
    model.embed(&[&"warm up ".repeat(MAX_TOKENS)]).context("try the embedding model out")?;
    Ok(model)
}

/// Looks whether the files of a folder can be the model's, without reading them.
///
/// # Errors
/// When one is missing or has another size than it was published with: with what to do about it.
pub fn look_at(folder: &Path) -> Result<()> {
    let files = ModelFiles::find(Some(folder))?;
    WEIGHTS.look_at(&files.weights)?;
    TOKENIZER.look_at(&files.tokenizer)
}

/// All that decides about a text's vector beside the text.
pub fn identity() -> String {
    format!("all-MiniLM-L6-v2 {VERSION} {} {} {MAX_TOKENS}", WEIGHTS.sha256, TOKENIZER.sha256)
}

fn tokenizer(path: &Path) -> Result<Tokenizer> {
    let from_bytes = |bytes: Vec<u8>| {
        let mut tokenizer = Tokenizer::from_bytes(bytes)?;
        let truncation = TruncationParams { max_length: MAX_TOKENS, ..TruncationParams::default() };
        // Padding depends on the batch, so it is done there.
        tokenizer.with_truncation(Some(truncation))?.with_padding(None);
        Ok(tokenizer)
    };
    let tokenizer = from_bytes(TOKENIZER.read(path)?).map_err(anyhow::Error::from_boxed);
    tokenizer.with_context(|| format!("understand the tokenizer {}", path.display()))
}

impl MiniLm {
    /// The same model with `batch` texts going through the network at once: more memory, the same vectors.
    ///
    /// # Panics
    /// When `batch` is 0.
    pub fn with_batch(self, batch: usize) -> MiniLm {
        assert!(batch > 0, "a batch needs at least one text");
        MiniLm { batch, ..self }
    }

    /// A text's tokens, with those that mark its start and its end.
    fn tokens(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(anyhow::Error::from_boxed);
        Ok(encoding.context("cut a text into tokens")?.get_ids().to_vec())
    }

    /// Batches of texts of about the same length, so that little is padded.
    fn embed_by_length(&self, texts: &[&str]) -> Result<Vec<f32>> {
        let tokens = texts.iter().map(|text| self.tokens(text)).collect::<Result<Vec<_>>>()?;
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&text| tokens[text].len());
        let mut vectors = vec![0.0; texts.len() * DIM];
        for batch in order.chunks(self.batch) {
            let rows: Vec<&[u32]> = batch.iter().map(|&text| tokens[text].as_slice()).collect();
            let embedded = self.bert.embed(&rows).context("run the embedding model")?;
            for (&text, vector) in batch.iter().zip(embedded.chunks_exact(DIM)) {
                vectors[text * DIM..][..DIM].copy_from_slice(vector);
            }
        }
        ensure!(
            vectors.iter().all(|x| x.is_finite()),
            "the embedding model gave a component that is no number"
        );
        Ok(vectors)
    }
}

impl Embedder for MiniLm {
    fn name(&self) -> &'static str {
        "minilm"
    }

    fn dim(&self) -> usize {
        DIM
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<f32>> {
        self.pool.install(|| self.embed_by_length(texts))
    }
}
