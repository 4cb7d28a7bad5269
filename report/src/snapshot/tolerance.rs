//! By how much a number may move before a snapshot says anything.

use anyhow::{Context, Result};
use bench_core::foreign_text::quoted;
use bench_core::metric::{Metric, Unit, heap};

use crate::quantity;

/// A share of the old value, a number of bytes, or whichever of both allows more: `0.1%`, `64 B`, `0.1% or
/// 64 B`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tolerance {
    share: f64,
    bytes: f64,
    /// As it is written; absent where a number has to be equal.
    pub(super) text: Option<String>,
}

impl Tolerance {
    /// Reads what the file says.
    ///
    /// # Errors
    /// If a part of it is neither a percentage nor a number of bytes.
    pub(super) fn read(text: &str) -> Result<Tolerance> {
        let mut tolerance = Tolerance { text: Some(text.into()), ..Tolerance::default() };
        for part in text.split(" or ").map(str::trim) {
            let expected =
                || format!("{} is not a tolerance: expected 0.1%, 64 B, or both: 0.1% or 64 B", quoted(text));
            let (of, read) = if part.ends_with('%') {
                (&mut tolerance.share, quantity::percent(part))
            } else {
                (&mut tolerance.bytes, quantity::parse(&part.replace(',', ""), &heap::PEAK))
            };
            *of = read.ok().with_context(expected)?;
        }
        Ok(tolerance)
    }

    /// Whether a number of the metric may have moved from `old` to `new`.
    pub(super) fn allows(&self, metric: &Metric, old: f64, new: f64) -> bool {
        let moved = (new - old).abs();
        moved <= self.share * old.abs() || (metric.unit == Unit::Bytes && moved <= self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_bytes_or_whichever_allows_more() {
        let blocks = Metric::by_id("heap.blocks").unwrap();
        for (text, old, new, bytes_may, blocks_may) in [
            ("1%", 1000.0, 1010.0, true, true),
            ("1%", 1000.0, 1011.0, false, false),
            ("64 B", 1000.0, 1064.0, true, false),
            ("64 B", 1000.0, 935.0, false, false),
            ("1KiB", 0.0, 1024.0, true, false),
            ("1% or 64 B", 1000.0, 1064.0, true, false),
            ("64 B or 10%", 1000.0, 900.0, true, true),
            ("0%", 5.0, 5.0, true, true),
        ] {
            let tolerance = Tolerance::read(text).unwrap();
            assert_eq!(tolerance.allows(&heap::PEAK, old, new), bytes_may, "{text} {new}");
            assert_eq!(tolerance.allows(blocks, old, new), blocks_may, "{text} {new}");
        }
        assert!(!Tolerance::default().allows(&heap::PEAK, 1.0, 2.0));
        for text in ["3", "", "x%", "-1%", "1% or", "1% and 2 B", "NaN%"] {
            let error = Tolerance::read(text).unwrap_err().to_string();
            assert!(error.contains("is not a tolerance"), "{text}: {error}");
        }
    }
}
