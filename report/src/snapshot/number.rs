//! A number as a snapshot file writes it: whole, in its base unit, such as `1,234,567 B` and `12 blocks`.

use anyhow::{Result, ensure};
use bench_core::metric::{Metric, Unit};

use crate::quantity::{counted, grouped, parse};

/// The largest whole number up to which every one is a double of its own.
const MOST: f64 = 9_007_199_254_740_992.0;

/// Whether a snapshot can hold this value of the metric.
pub(super) fn is_whole(metric: &Metric, value: f64) -> bool {
    matches!(metric.unit, Unit::Bytes | Unit::Count) && value.fract() == 0.0 && value.abs() <= MOST
}

/// The number as the file has it; [`read`] gives it back.
pub(super) fn written(metric: &Metric, value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let unit = if metric.unit == Unit::Bytes { "B" } else { counted(metric) };
    format!("{sign}{} {unit}", grouped(value.abs(), 0))
}

/// Reads a number of the file: a quantity as in a threshold table, commas between digits allowed.
pub(super) fn read(text: &str, metric: &'static Metric) -> Result<f64> {
    let size = text.trim().strip_prefix('-');
    let quantity = parse(&size.unwrap_or(text).replace(',', ""), metric)?;
    ensure!(is_whole(metric, quantity), "{} is no whole number that a snapshot can hold", metric.id);
    // There is one zero.
    Ok(if size.is_some() && quantity != 0.0 { -quantity } else { quantity })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(id: &str) -> &'static Metric {
        Metric::by_id(id).unwrap()
    }

    #[test]
    fn a_number_is_written_whole_and_read_back() {
        for (id, value, text) in [
            ("heap.peak", 1_234_567.0, "1,234,567 B"),
            ("heap.peak", 0.0, "0 B"),
            ("heap.growth", -4096.0, "-4,096 B"),
            ("heap.blocks", 12.0, "12 blocks"),
            ("heap.live_blocks", 1000.0, "1,000 blocks"),
            ("heap.peak", MOST, "9,007,199,254,740,992 B"),
        ] {
            assert_eq!(written(metric(id), value), text);
            assert_eq!(read(text, metric(id)).unwrap(), value, "{text}");
        }
        assert_eq!(read("2KiB", metric("heap.peak")).unwrap(), 2048.0);
        assert!(read("-0 B", metric("heap.peak")).unwrap().is_sign_positive());
    }

    #[test]
    fn what_is_no_whole_number_of_the_metric_is_refused() {
        for (text, id) in [
            ("1.5 B", "heap.peak"),
            ("12", "heap.peak"),
            ("--1 B", "heap.peak"),
            ("12 B", "heap.blocks"),
            ("9007199254740994 B", "heap.peak"),
            ("2x", "heap.amplification"),
            ("", "heap.peak"),
        ] {
            assert!(read(text, metric(id)).is_err(), "{text}");
        }
    }
}
