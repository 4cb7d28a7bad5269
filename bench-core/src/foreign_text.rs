//! Text of strangers (files, names, programs) as it may stand on a terminal, in a log and on a page.

use std::borrow::Cow;

/// As much of a name or of a line as a message repeats.
const MOST_CHARACTERS: usize = 100;

/// Whether a character rules the terminal instead of standing on it: it moves the cursor, colours, rings,
/// deletes, or turns the direction of writing.
fn is_ruling(c: char) -> bool {
    c.is_control() && !"\n\t".contains(c)
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The bytes of a text without the mark that some editors put before it to say that it is UTF-8.
pub fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// The text with a replacement character in place of each that rules the terminal. Ends of lines and tabs
/// stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_ruling) {
        return text.into();
    }
    text.replace(is_ruling, "\u{fffd}").into()
}

/// The same in one line, for a cell or within a sentence: ends of lines and tabs are replaced, too, one for
/// one.
pub fn in_one_line(text: &str) -> Cow<'_, str> {
    match printable(text) {
        text if text.contains(['\n', '\t']) => text.replace(['\n', '\t'], "\u{fffd}").into(),
        text => text,
    }
}

/// At most so many characters of the text in one line: the bound is on what comes out, not on what goes in.
pub fn shortened(text: &str, most: usize) -> String {
    let text = in_one_line(text);
    let mut characters = text.chars();
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

/// JSON whose texts are [`printable`]. What is no JSON stays none.
pub(crate) fn printable_json(json: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let (mut kept, mut at) = (0, 0);
    // Outside of texts JSON has no such character, but may end its lines with `\r`.
    while let Some(found) = json[at..].find(|c| c == '\\' || is_ruling(c) && c != '\r') {
        let start = at + found;
        let (length, character) = escape(&json[start..]);
        at = start + length;
        if character.is_some_and(is_ruling) {
            clean.push_str(&json[kept..start]);
            clean.push(char::REPLACEMENT_CHARACTER);
            kept = at;
        }
    }
    if kept == 0 {
        return json.into();
    }
    clean.push_str(&json[kept..]);
    clean.into()
}

/// How long what a text begins with is, and which one character it stands for, where that may rule a
/// terminal.
fn escape(text: &str) -> (usize, Option<char>) {
    let numbered = || Some((6, char::from_u32(u32::from_str_radix(text.get(2..6)?, 16).ok()?)));
    match text.as_bytes() {
        [b'\\', b'u', ..] => numbered().unwrap_or((2, None)),
        [b'\\', b'r' | b'b' | b'f', ..] => (2, Some('\r')),
        [b'\\', second, ..] if second.is_ascii() => (2, None),
        [b'\\', ..] => (1, None),
        _ => (text.chars().next().map_or(1, char::len_utf8), text.chars().next()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rules_a_terminal_is_replaced() {
        assert_eq!(
            printable("\x1b[31mred\x07\r\u{9b}2J\u{202e}abc\n\tend \u{e4}"),
            "\u{fffd}[31mred\u{fffd}\u{fffd}\u{fffd}2J\u{fffd}abc\n\tend \u{e4}"
        );
        assert!(matches!(printable("plain"), Cow::Borrowed("plain")));
        assert_eq!(printable("a\u{61c}b\u{200f}"), "a\u{fffd}b\u{fffd}", "marks that turn the direction");
        assert_eq!(in_one_line("a\nb\tc\x1b"), "a\u{fffd}b\u{fffd}c\u{fffd}");
    }

    #[test]
    fn texts_within_json_are_replaced_and_the_rest_stays() {
        for (json, clean) in [
            (r#"{"a": "\u001b[31mred\u0007"}"#, "{\"a\": \"\u{fffd}[31mred\u{fffd}\"}"),
            ("{\"a\": \"\u{9b}x\u{7f}\u{202e}\"}", "{\"a\": \"\u{fffd}x\u{fffd}\u{fffd}\"}"),
            (
                r#"["\r\n\t\b\f\\u001b\"\u00e4\u202E"]"#,
                "[\"\u{fffd}\\n\\t\u{fffd}\u{fffd}\\\\u001b\\\"\\u00e4\u{fffd}\"]",
            ),
            ("[1,\r\n\t2]", "[1,\r\n\t2]"),
            (r#"["\ud83d\ude00"]"#, r#"["\ud83d\ude00"]"#),
            (r#"["\u00"#, r#"["\u00"#),
            ("[\"\\\u{e4}\u{e4}\u{e4}", "[\"\\\u{e4}\u{e4}\u{e4}"),
            ("[\"\\u\u{e4}\u{e4}\u{e4}", "[\"\\u\u{e4}\u{e4}\u{e4}"),
            ("\\", "\\"),
        ] {
            assert_eq!(printable_json(json), clean, "{json}");
        }
    }

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
