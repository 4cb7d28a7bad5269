//! Names of cases, and the globs that mean them.

use bench_core::case::{CaseId, as_word, is_word};
use report::pattern::{IdPattern, glob};

use crate::assert_readable;

/// A case's name is read as it is written; every text becomes a word; a pattern made of a name means it.
pub fn words(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<CaseId>() {
        Ok(id) => {
            assert_eq!(id.to_string().parse::<CaseId>().expect("a name that was written"), id);
            assert!(!id.file_stem().contains(['/', '\\', '\0']), "{}", id.file_stem());
            let itself: IdPattern = id.to_string().parse().expect("a name is a pattern");
            assert!(itself.matches(&id), "{id}");
        }
        Err(error) => assert_readable(&error),
    }
    assert!(text.is_empty() || is_word(&as_word(text)));
    let (pattern, subject) = text.split_once('\n').unwrap_or((text, text));
    assert!(glob("*", subject.split('/').next().unwrap_or_default()));
    let _ = glob(pattern, subject);
    let _ = pattern.parse::<IdPattern>();
}
