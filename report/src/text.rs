//! Words in sentences: plurals, and a sentence's first letter.

/// `1 case`, `2 cases`.
pub fn plural(count: usize, noun: &str) -> String {
    let nouns = if count == 1 { noun.to_string() } else { nouns(noun) };
    format!("{} {nouns}", crate::quantity::grouped(count as f64, 0))
}

/// `cases`, `queries`.
pub(crate) fn nouns(noun: &str) -> String {
    match noun.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{noun}s"),
    }
}

/// `text` with its first letter in upper case, as the beginning of a sentence.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
