//! The text of a thresholds file: where in it something stands.

use std::ops::Range;

use anyhow::anyhow;

/// The text being read: turns the place of an error into line and column.
pub(super) struct TableText<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
}

impl TableText<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        self.before(span).matches('\n').count() + 1
    }

    /// `path:line:column: message`; columns count characters from 1.
    pub(super) fn error(&self, span: &Range<usize>, message: impl std::fmt::Display) -> anyhow::Error {
        let column = self.before(span).rsplit('\n').next().unwrap_or("").chars().count() + 1;
        anyhow!("{}:{}:{column}: {message}", self.path, self.line(span))
    }

    /// The same of an error of the TOML parser.
    pub(super) fn toml_error(&self, error: &toml::de::Error) -> anyhow::Error {
        self.error(&error.span().unwrap_or(0..0), error.message().trim())
    }

    fn before(&self, span: &Range<usize>) -> &str {
        self.text.get(..span.start).unwrap_or(self.text)
    }

    /// `path:line`.
    pub(super) fn place(&self, span: &Range<usize>) -> String {
        format!("{}:{}", self.path, self.line(span))
    }
}
