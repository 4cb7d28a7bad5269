//! JSON from a file that anybody may have written: read, or refused with a reason that fits in one line. Its
//! texts cannot rule the terminal that they are shown on.

use anyhow::{Error, Result, anyhow};
use serde::de::DeserializeOwned;

use crate::foreign_text::{printable_json, shortened, without_byte_order_mark};

/// The most characters of a reason: a name of megabytes would push out the rest.
const MOST_CHARACTERS: usize = 300;

/// Reads a value. Characters that rule a terminal are replaced in its texts.
///
/// # Errors
/// If it is none. The reason is short, on one line and without control characters, and says whether the file
/// is truncated.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    let json = without_byte_order_mark(json);
    let read = match std::str::from_utf8(json) {
        Ok(text) => serde_json::from_str(&printable_json(text)),
        Err(_) => serde_json::from_slice(json),
    };
    // The place of an error is that in the file.
    read.map_err(|error| reason(&serde_json::from_slice::<T>(json).err().unwrap_or(error)))
}

fn reason(error: &serde_json::Error) -> Error {
    let hint = if error.is_eof() { "the file is truncated: " } else { "" };
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let said = text.strip_suffix(&place).unwrap_or(&text);
    let short = shortened(said, MOST_CHARACTERS);
    // Errors of a whole value have no place.
    let place = if error.line() > 0 { place.as_str() } else { "" };
    anyhow!("{hint}{short}{place}")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    enum Word {
        Heap,
    }

    #[test]
    fn a_reason_is_one_short_line_with_its_place() {
        let reason = |json: &str| format!("{:#}", read::<Vec<Word>>(json.as_bytes()).unwrap_err());
        assert_eq!(reason("[\"Heap\""), "the file is truncated: EOF while parsing a list at line 1 column 7");
        let evil = reason("[\"\\u001b[31m\\n\\u0000\"]");
        assert!(
            evil.starts_with("unknown variant `\u{fffd}[31m\u{fffd}\u{fffd}`, expected `Heap`"),
            "{evil}"
        );
        assert!(evil.ends_with(" at line 1 column 21"), "{evil}");
        let long = reason(&format!("[\"{}\"]", "ä".repeat(10_000_000)));
        assert!(long.chars().count() < 400 && long.ends_with("… at line 1 column 20000003"), "{long}");
        assert!(matches!(read::<Word>(b"\"Heap\"").unwrap(), Word::Heap));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert!(matches!(read::<Word>("\u{feff}\"Heap\"".as_bytes()).unwrap(), Word::Heap));
    }

    #[test]
    fn no_text_rules_the_terminal() {
        let texts: Vec<String> = read(r#"["\u001b]0;title\u0007", "two\nlines"]"#.as_bytes()).unwrap();
        assert_eq!(texts, ["\u{fffd}]0;title\u{fffd}", "two\nlines"]);
    }
}
