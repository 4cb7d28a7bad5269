//! JSON from a file that anybody may have written: read, or refused with a reason that fits in one line.

use anyhow::{Error, Result, anyhow};
use serde::de::DeserializeOwned;

use crate::printable;

/// The most characters of a reason: a name of megabytes would push out the rest.
const MOST_CHARACTERS: usize = 300;

/// Reads a value.
///
/// # Errors
/// If it is none. The reason is short, on one line and without control characters, and says whether the file is
/// truncated.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| reason(&error))
}

fn reason(error: &serde_json::Error) -> Error {
    let hint = if error.is_eof() { "the file is truncated: " } else { "" };
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let said = text.strip_suffix(&place).unwrap_or(&text);
    let mut short = printable::line(&said.chars().take(MOST_CHARACTERS).collect::<String>());
    if short.len() < said.len() && said.chars().nth(MOST_CHARACTERS).is_some() {
        short.push('…');
    }
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
}
