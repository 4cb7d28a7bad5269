//! Code of somebody else, whose tests watch its memory: `cargo test` in this folder.

use std::collections::HashMap;

/// How often each word stands in a text.
pub fn count_words(text: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts
}
