//! The text of a TOML file of ours, thresholds or a snapshot: where in it something stands.

use std::ops::Range;

use anyhow::anyhow;

/// The text being read: turns the place of an error into line and column.
pub(crate) struct TableText<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
}

impl TableText<'_> {
    pub(crate) fn line(&self, span: &Range<usize>) -> usize {
        self.before(span).matches('\n').count() + 1
    }

    /// `path:line:column: message`; columns count characters from 1.
    pub(crate) fn error(&self, span: &Range<usize>, message: impl std::fmt::Display) -> anyhow::Error {
        let column = self.before(span).rsplit('\n').next().unwrap_or("").chars().count() + 1;
        anyhow!("{}:{}:{column}: {message}", self.path, self.line(span))
    }

    /// The same of an error of the TOML parser.
    pub(crate) fn toml_error(&self, error: &toml::de::Error) -> anyhow::Error {
        self.error(&error.span().unwrap_or(0..0), error.message().trim())
    }

    fn before(&self, span: &Range<usize>) -> &str {
        self.text.get(..span.start).unwrap_or(self.text)
    }

    /// `path:line`.
    pub(crate) fn place(&self, span: &Range<usize>) -> String {
        format!("{}:{}", self.path, self.line(span))
    }
}
