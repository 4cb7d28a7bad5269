//! Cutting a document into chunks that are embedded one by one.

use text_splitter::TextSplitter;

/// The most characters of a chunk.
pub const CHUNK_CHARS: usize = 1000;

/// Cuts at the highest boundary that fits (paragraph, line, sentence, word), without overlap; white space
/// around a chunk is dropped.
pub fn chunks(text: &str) -> Vec<String> {
    TextSplitter::new(CHUNK_CHARS).chunks(text).map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_end_where_a_reader_would_pause() {
        let paragraph = "One sentence of a paragraph. ".repeat(25);
        let chunks = chunks(&format!("{paragraph}\n\n{paragraph}\n\n{paragraph}"));
        assert_eq!(chunks, [paragraph.trim(); 3]);
    }

    #[test]
    fn no_chunk_is_too_long_even_without_any_boundary() {
        let chunks = chunks(&"ä".repeat(2500));
        assert_eq!(chunks.iter().map(|chunk| chunk.chars().count()).collect::<Vec<_>>(), [1000, 1000, 500]);
    }

    #[test]
    fn an_empty_text_has_no_chunk() {
        assert_eq!(chunks(""), Vec::<String>::new());
        assert_eq!(chunks(" \n\n "), Vec::<String>::new());
    }
}
