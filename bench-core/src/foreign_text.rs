//! Texts that strangers wrote, cut to what a message has room for: the bound is on what comes out, not on what goes in.

/// As much of a name or of a line as a message repeats.
const MOST_CHARACTERS: usize = 100;

/// At most so many characters on one line: control characters, which could rule a terminal, are replaced one for one.
pub fn shortened(text: &str, most: usize) -> String {
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut characters = text.chars().map(printable);
    let mut short: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() {
        short.pop();
        short.push('…');
    }
    short
}

/// The start of a text in quotes, for a message that says what is wrong with it.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", shortened(text, MOST_CHARACTERS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_is_bounded_whatever_goes_in() {
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("abcd", 3), "ab…");
        assert_eq!(quoted("a\u{1b}[31m\n\"b\""), "\"a\u{fffd}[31m\u{fffd}\"b\"\"");
        for c in ['x', '\0', '\u{1b}', '\u{10ffff}', '\\', '"'] {
            let long: String = std::iter::repeat_n(c, 100_000).collect();
            assert_eq!(quoted(&long).chars().count(), MOST_CHARACTERS + 2, "{c:?}");
        }
    }
}
