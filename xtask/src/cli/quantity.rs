//! Durations and sizes on the command line: `120s`, `1ms`, `4GiB`, written as in the threshold table.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bench_core::metric::{METRICS, Unit};

/// Reads a duration such as `1ms`; a number without unit is an error.
pub fn parse_duration(text: &str) -> Result<Duration> {
    parse(text, Unit::Nanoseconds, "1ms, 120s or 2min").map(Duration::from_nanos)
}

/// Reads a duration of whole seconds.
pub fn parse_seconds(text: &str) -> Result<Duration> {
    let duration = parse_duration(text)?;
    ensure!(duration.subsec_nanos() == 0, "expected whole seconds, such as 2s");
    Ok(duration)
}

/// Reads a size such as `4GiB` or `250MB`; a number without unit is an error.
pub fn parse_size(text: &str) -> Result<u64> {
    parse(text, Unit::Bytes, "250MB (10^6 bytes) or 4GiB (2^30 bytes)")
}

fn parse(text: &str, unit: Unit, examples: &str) -> Result<u64> {
    let metric = METRICS.iter().find(|metric| metric.unit == unit).context("a metric has this unit")?;
    // Its error speaks of a metric, which is not what the user has in mind here.
    let Ok(value) = report::quantity::parse(text, metric) else {
        bail!("expected a number with a unit, such as {examples}");
    };
    ensure!(value >= 1.0, "must be more than zero");
    ensure!(value < u64::MAX as f64, "too large");
    Ok(value.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, nanoseconds) in
            [("1ms", 1_000_000), ("120s", 120_000_000_000), ("2.5us", 2500), ("2 min", 120_000_000_000)]
        {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_nanos(nanoseconds), "{text}");
        }
        assert_eq!(parse_seconds("2s").unwrap(), Duration::from_secs(2));
    }

    #[test]
    fn decimal_and_binary_sizes_differ() {
        for (text, bytes) in
            [("4GiB", 4 << 30), ("250MB", 250_000_000), ("1.5KiB", 1536), ("1kB", 1000), ("7B", 7)]
        {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for text in ["250", "4gib", "MiB", "-1MB", "", "5ms", "1.2.3MB"] {
            let error = parse_size(text).unwrap_err().to_string();
            assert!(error.contains("expected a number with a unit, such as 250MB"), "{text}: {error}");
        }
        assert!(parse_size("0B").unwrap_err().to_string().contains("more than zero"));
        assert!(parse_seconds("500ms").unwrap_err().to_string().contains("whole seconds"));
        assert!(parse_duration("9999999999999999min").unwrap_err().to_string().contains("too large"));
    }
}
