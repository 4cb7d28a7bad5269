//! The sparse half of a hybrid search: an index of words that scores texts by BM25.

use bm25::{Embedder, EmbedderBuilder, Scorer, Tokenizer};

/// A text that shares words with a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hit {
    /// The text's position in what was indexed.
    pub id: u64,
    /// Its score, the higher the better.
    pub score: f32,
}

/// The words of a text: runs of letters and digits in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_string).collect()
}

struct WordTokenizer;

impl Tokenizer for WordTokenizer {
    fn tokenize(&self, text: &str) -> Vec<String> {
        words(text)
    }
}

/// An inverted index of texts by the crate bm25, with its usual k1 = 1.2 and b = 0.75. Words are told apart
/// by 64 bits: by 32, as the crate does unless asked, different words of a few thousand texts can coincide.
pub(super) struct SparseIndex {
    embedder: Embedder<u64, WordTokenizer>,
    scorer: Scorer<u64, u64>,
}

impl SparseIndex {
    /// An index of the texts, whose ids are their positions.
    pub fn build(texts: &[String]) -> SparseIndex {
        let corpus: Vec<&str> = texts.iter().map(String::as_str).collect();
        let embedder = EmbedderBuilder::with_tokenizer_and_fit_to_corpus(WordTokenizer, &corpus).build();
        let mut scorer = Scorer::new();
        for (id, text) in (0..).zip(&corpus) {
            scorer.upsert(&id, embedder.embed(text));
        }
        SparseIndex { embedder, scorer }
    }

    /// The `k` best texts (all that share a word, if there are fewer), the best first; at equal scores the
    /// one with the smaller id.
    pub fn search(&self, query: &str, k: usize) -> Vec<Hit> {
        let mut matches = self.scorer.matches(&self.embedder.embed(query));
        matches.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
        let mut best = Vec::with_capacity(k.min(matches.len()));
        best.extend(matches.iter().take(k).map(|found| Hit { id: found.id, score: found.score }));
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        assert_eq!(words("fn Größe_42(x) -> u8; fn"), ["fn", "größe", "42", "x", "u8", "fn"]);
        assert_eq!(words(" // --\n"), Vec::<String>::new());
    }

    #[test]
    fn a_rare_word_counts_more_than_a_common_one_and_ties_go_by_id() {
        let texts = ["the river", "the bridge", "the river", "the village", "nothing else"];
        let index = SparseIndex::build(&texts.map(str::to_string));
        let ids = |query: &str, k| index.search(query, k).iter().map(|hit| hit.id).collect::<Vec<_>>();
        assert_eq!(ids("THE bridge", 10), [1, 0, 2, 3]);
        assert_eq!(ids("river", 1), [0]);
        assert_eq!(ids("unheard of", 10), [0; 0]);
    }
}
