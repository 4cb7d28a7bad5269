//! BERT's encoder as all-MiniLM-L6-v2 has it: six layers of attention and feed-forward network.
//!
//! Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2018), and Vaswani et al.,
//! "Attention Is All You Need" (2017). Mean pooling as in Reimers and Gurevych, "Sentence-BERT" (2019).

use anyhow::Result;
use candle_core::{Device, Tensor};
use candle_nn::ops::softmax_last_dim;
use candle_nn::{Embedding, LayerNorm, Linear, Module};

use super::weights::Weights;

/// The components of a token's vector, and of a text's.
pub(super) const HIDDEN: usize = 384;
const WORDS: usize = 30_522;
const POSITIONS: usize = 512;
const TOKEN_TYPES: usize = 2;
const LAYERS: usize = 6;
const HEADS: usize = 12;
const HEAD: usize = HIDDEN / HEADS;
const INTERMEDIATE: usize = 1536;
const NORM_EPSILON: f64 = 1e-12;
/// The token that fills a batch's shorter rows. Nothing attends to it, so any would do.
const PADDING: u32 = 0;

/// The network.
pub(super) struct Bert {
    words: Embedding,
    /// Each position's vector and the one vector of the first token type: there is never a second text.
    places: Tensor,
    norm: LayerNorm,
    layers: Vec<EncoderLayer>,
}

impl Bert {
    /// The network with the weights of a file.
    pub(super) fn load(weights: &Weights<'_>) -> Result<Bert> {
        let words = weights.tensor("embeddings.word_embeddings.weight", &[WORDS, HIDDEN])?;
        let positions = weights.tensor("embeddings.position_embeddings.weight", &[POSITIONS, HIDDEN])?;
        let types = weights.tensor("embeddings.token_type_embeddings.weight", &[TOKEN_TYPES, HIDDEN])?;
        let layers = (0..LAYERS).map(|layer| EncoderLayer::load(weights, &format!("encoder.layer.{layer}")));
        Ok(Bert {
            words: Embedding::new(words, HIDDEN),
            places: positions.broadcast_add(&types.narrow(0, 0, 1)?)?,
            norm: norm(weights, "embeddings.LayerNorm")?,
            layers: layers.collect::<Result<_>>()?,
        })
    }

    /// The vectors of texts given as tokens, row-major, each of length 1: the mean of its tokens' vectors.
    pub(super) fn embed(&self, texts: &[&[u32]]) -> candle_core::Result<Vec<f32>> {
        let longest = texts.iter().map(|tokens| tokens.len()).max().unwrap_or_default();
        let shape = (texts.len(), longest);
        let mut tokens = vec![PADDING; texts.len() * longest];
        let mut present = vec![0.0f32; texts.len() * longest];
        for (row, text) in texts.iter().enumerate() {
            tokens[row * longest..][..text.len()].copy_from_slice(text);
            present[row * longest..][..text.len()].fill(1.0);
        }
        let tokens = Tensor::from_vec(tokens, shape, &Device::Cpu)?;
        let present = Tensor::from_vec(present, shape, &Device::Cpu)?;
        let hidden = self.forward(&tokens, &present)?;
        // The sum in place of the mean: the number of tokens cancels when the length becomes 1.
        let sums = present.unsqueeze(1)?.matmul(&hidden)?.squeeze(1)?;
        let lengths = sums.sqr()?.sum_keepdim(1)?.sqrt()?;
        sums.broadcast_div(&lengths)?.flatten_all()?.to_vec1()
    }

    /// The tokens' vectors behind the last layer: texts x tokens x components.
    fn forward(&self, tokens: &Tensor, present: &Tensor) -> candle_core::Result<Tensor> {
        let longest = tokens.dim(1)?;
        let placed = self.words.forward(tokens)?.broadcast_add(&self.places.narrow(0, 0, longest)?)?;
        let mut hidden = self.norm.forward(&placed)?;
        // 0 where there is a token, and where there is none the lowest number, so that softmax gives it
        // nothing.
        let absent = present.affine(-f64::from(f32::MIN), f64::from(f32::MIN))?.unsqueeze(1)?.unsqueeze(1)?;
        for layer in &self.layers {
            hidden = layer.forward(&hidden, &absent)?;
        }
        Ok(hidden)
    }
}

/// One layer: what a token takes from the others, then what it makes of it.
struct EncoderLayer {
    query: Linear,
    key: Linear,
    value: Linear,
    attended: Linear,
    attended_norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
    output_norm: LayerNorm,
}

impl EncoderLayer {
    fn load(weights: &Weights<'_>, layer: &str) -> Result<EncoderLayer> {
        let square = |name: &str| linear(weights, &format!("{layer}.attention.{name}"), HIDDEN, HIDDEN);
        Ok(EncoderLayer {
            query: square("self.query")?,
            key: square("self.key")?,
            value: square("self.value")?,
            attended: square("output.dense")?,
            attended_norm: norm(weights, &format!("{layer}.attention.output.LayerNorm"))?,
            widen: linear(weights, &format!("{layer}.intermediate.dense"), HIDDEN, INTERMEDIATE)?,
            narrow: linear(weights, &format!("{layer}.output.dense"), INTERMEDIATE, HIDDEN)?,
            output_norm: norm(weights, &format!("{layer}.output.LayerNorm"))?,
        })
    }

    fn forward(&self, hidden: &Tensor, absent: &Tensor) -> candle_core::Result<Tensor> {
        let attended = self.attended.forward(&self.attention(hidden, absent)?)?;
        let attended = self.attended_norm.forward(&(attended + hidden)?)?;
        let wide = self.widen.forward(&attended)?.gelu_erf()?;
        self.output_norm.forward(&(self.narrow.forward(&wide)? + attended)?)
    }

    fn attention(&self, hidden: &Tensor, absent: &Tensor) -> candle_core::Result<Tensor> {
        let (texts, tokens, _) = hidden.dims3()?;
        let heads = |part: &Linear| {
            part.forward(hidden)?.reshape((texts, tokens, HEADS, HEAD))?.transpose(1, 2)?.contiguous()
        };
        let query = (heads(&self.query)? / (HEAD as f64).sqrt())?;
        let scores = query.matmul(&heads(&self.key)?.t()?)?.broadcast_add(absent)?;
        let taken = softmax_last_dim(&scores)?.matmul(&heads(&self.value)?)?;
        taken.transpose(1, 2)?.reshape((texts, tokens, HIDDEN))
    }
}

fn linear(weights: &Weights<'_>, name: &str, inputs: usize, outputs: usize) -> Result<Linear> {
    let weight = weights.tensor(&format!("{name}.weight"), &[outputs, inputs])?;
    Ok(Linear::new(weight, Some(weights.tensor(&format!("{name}.bias"), &[outputs])?)))
}

fn norm(weights: &Weights<'_>, name: &str) -> Result<LayerNorm> {
    let weight = weights.tensor(&format!("{name}.weight"), &[HIDDEN])?;
    Ok(LayerNorm::new(weight, weights.tensor(&format!("{name}.bias"), &[HIDDEN])?, NORM_EPSILON))
}
