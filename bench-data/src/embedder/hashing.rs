//! Feature hashing of word and character n-grams: an embedder without a model, hence without a download.
//!
//! Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (2009): each feature is hashed to
//! a component and a sign; the signs make collisions cancel on average, so that dot products are unbiased.

use anyhow::Result;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Embedder;

/// Characters of a character n-gram.
const GRAM: usize = 3;

/// The kinds of features, told apart by the hash's seed.
#[derive(Clone, Copy)]
enum Feature {
    Word = 1,
    WordPair = 2,
    CharacterGram = 3,
}

/// Words, pairs of neighbouring words, and character trigrams of each word, in a chosen number of components.
/// The same text gives the same vector on every machine.
#[derive(Clone, Copy, Debug)]
pub struct Hashing {
    dim: usize,
}

impl Hashing {
    /// An embedder into `dim` components.
    ///
    /// # Panics
    /// When `dim` is 0.
    pub fn new(dim: usize) -> Hashing {
        assert!(dim > 0, "vectors need at least one component");
        Hashing { dim }
    }
}

impl Default for Hashing {
    /// As many components as small sentence transformers have.
    fn default() -> Hashing {
        Hashing::new(384)
    }
}

impl Embedder for Hashing {
    fn name(&self) -> &'static str {
        "hashing"
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<f32>> {
        let mut vectors = vec![0.0; texts.len() * self.dim];
        for (text, vector) in texts.iter().zip(vectors.chunks_exact_mut(self.dim)) {
            embed_one(text, vector);
        }
        Ok(vectors)
    }
}

/// `vector` is zero before.
fn embed_one(text: &str, vector: &mut [f32]) {
    let text = text.to_lowercase();
    let mut previous: Option<&str> = None;
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        add(vector, Feature::Word, word);
        if let Some(previous) = previous {
            // What lies between the two belongs to the pair: `a.b` is not `a b`.
            let start = previous.as_ptr() as usize - text.as_ptr() as usize;
            let end = word.as_ptr() as usize - text.as_ptr() as usize + word.len();
            add(vector, Feature::WordPair, &text[start..end]);
        }
        previous = Some(word);
        for gram in grams(word) {
            add(vector, Feature::CharacterGram, gram);
        }
    }
    normalise(vector);
}

/// Runs of [`GRAM`] characters; none for a shorter word, which is a feature itself.
fn grams(word: &str) -> impl Iterator<Item = &str> {
    let starts = word.char_indices().map(|(start, _)| start);
    let ends = word.char_indices().map(|(start, c)| start + c.len_utf8()).skip(GRAM - 1);
    starts.zip(ends).map(|(start, end)| &word[start..end])
}

fn add(vector: &mut [f32], feature: Feature, text: &str) {
    let hash = xxh3_64_with_seed(text.as_bytes(), feature as u64);
    let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
    vector[(hash % vector.len() as u64) as usize] += sign;
}

/// To length 1. A text without any word, or whose features cancel, becomes the first unit vector, so that
/// every vector has a direction.
fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    } else {
        vector[0] = 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIM: usize = 384;

    fn embed(text: &str) -> Vec<f32> {
        Hashing::default().embed(&[text]).unwrap()
    }

    fn cosine(a: &str, b: &str) -> f32 {
        embed(a).iter().zip(embed(b)).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn every_vector_has_length_one() {
        for text in ["", " \n", "///", "a", "Ünïcödé 漢字", &"a longer text, with words. ".repeat(100)]
        {
            let length = embed(text).iter().map(|x| x * x).sum::<f32>().sqrt();
            assert!((length - 1.0).abs() < 1e-6, "{text:?}: {length}");
        }
    }

    #[test]
    fn similar_texts_are_nearer_than_different_ones() {
        let text = "the allocator counts every block that a thread allocates";
        let similar = "an allocator counts each block that threads allocate";
        let different = "poems about rivers, mountains and a distant village";
        assert!(cosine(text, similar) > cosine(text, different) + 0.2);
        assert!((cosine(text, &text.to_uppercase()) - 1.0).abs() < 1e-6, "case does not matter");
    }

    #[test]
    fn the_order_of_words_matters_a_little() {
        let (ab, ba) = ("memory benchmark of vectors", "vectors of benchmark memory");
        assert!(cosine(ab, ba) < 0.99 && cosine(ab, ba) > 0.5, "{}", cosine(ab, ba));
    }

    #[test]
    fn a_text_has_the_same_vector_alone_and_in_a_batch() {
        let batch = Hashing::default().embed(&["first text", "", "second text"]).unwrap();
        assert_eq!(batch.len(), 3 * DIM);
        assert_eq!(batch[2 * DIM..], embed("second text"));
        assert_eq!(batch[DIM..2 * DIM], embed(""));
    }

    /// The word and its four trigrams, hashed by another implementation (Python's xxhash 3).
    #[test]
    fn features_fall_where_the_hash_says() {
        let vector = embed("vector");
        let signs: Vec<(usize, f32)> =
            (0..DIM).filter(|&i| vector[i] != 0.0).map(|i| (i, vector[i].signum())).collect();
        assert_eq!(signs, [(73, -1.0), (149, -1.0), (202, -1.0), (227, -1.0), (333, -1.0)]);
    }

    #[test]
    fn grams_are_runs_of_three_characters() {
        assert_eq!(grams("größe").collect::<Vec<_>>(), ["grö", "röß", "öße"]);
        assert_eq!(grams("ab").count(), 0);
    }
}
