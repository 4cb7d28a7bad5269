//! Quantities: how a limit is written (`250MB`, `5ms`, `2x`, `100 blocks`) and how a value is shown.

use anyhow::{Result, bail, ensure};
use bench_core::foreign_text::quoted;
use bench_core::metric::{BINARY_SIZES, Metric, Unit};

/// Suffixes of a size and what they stand for, in bytes. MB is 10^6 and MiB is 2^20.
const DECIMAL: [(f64, &str); 5] = [(1e3, "kB"), (1e3, "KB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB")];

/// Suffixes of a duration and what they stand for, in nanoseconds.
const TIMES: [(f64, &str); 6] =
    [(1.0, "ns"), (1e3, "us"), (1e3, "µs"), (1e6, "ms"), (1e9, "s"), (60e9, "min")];

/// Reads a limit for `metric` and returns it in the metric's unit.
///
/// The syntax is a decimal number, optional spaces, and a unit, which is never left out:
///
/// | unit of the metric | suffixes | example |
/// |---|---|---|
/// | bytes, bytes per item or iteration | `B kB MB GB TB`, `KiB MiB GiB TiB` | `250MB`, `4.2KiB` |
/// | bytes per second | the same with `/s` | `5MB/s` |
/// | nanoseconds | `ns us ms s min` | `5ms` |
/// | items per second | `/s` | `500/s` |
/// | ratio | `x` | `2x` |
/// | percent | `%` | `30%` |
/// | count | what is counted: the last word of the metric's id | `100 blocks`, `8 threads` |
pub fn parse(text: &str, metric: &Metric) -> Result<f64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = (&text[..digits], text[digits..].trim());
    let example = example(metric);
    let Ok(number) = number.parse::<f64>() else {
        bail!("{} is not a quantity: expected a number with a unit, such as {example:?}", quoted(text));
    };
    ensure!(!suffix.is_empty(), "{} has no unit: {} is written like {example:?}", quoted(text), metric.id);
    let factor = match metric.unit {
        Unit::Bytes | Unit::BytesPerItem | Unit::BytesPerIteration => size(suffix),
        Unit::BytesPerSecond => suffix.strip_suffix("/s").and_then(size),
        Unit::Nanoseconds => lookup(&TIMES, suffix),
        Unit::PerSecond => (suffix == "/s").then_some(1.0),
        Unit::Ratio => (suffix == "x").then_some(1.0),
        Unit::Percent => (suffix == "%").then_some(1.0),
        Unit::Count => (suffix == counted(metric)).then_some(1.0),
    };
    match factor {
        Some(factor) => {
            let value = number * factor;
            ensure!(value.is_finite(), "a quantity of {} characters is too large", text.len());
            Ok(value)
        }
        None => bail!("{} is not a unit of {}: it is written like {example:?}", quoted(suffix), metric.id),
    }
}

/// Reads a percentage, `3%` or `0.5 %`, and returns it as a share.
pub fn percent(text: &str) -> Result<f64> {
    let number = text.trim().strip_suffix('%').map(str::trim_end);
    let digits = |number: &&str| number.chars().all(|c| c.is_ascii_digit() || c == '.');
    match number.filter(digits).and_then(|number| number.parse::<f64>().ok()) {
        Some(percent) if percent.is_finite() => Ok(percent / 100.0),
        _ => bail!("{} is not a percentage: it is written like \"3%\"", quoted(text)),
    }
}

fn size(suffix: &str) -> Option<f64> {
    lookup(&DECIMAL, suffix).or_else(|| lookup(&binary(), suffix))
}

/// The binary sizes, in which values are shown, too.
fn binary() -> [(f64, &'static str); 7] {
    BINARY_SIZES.map(|(bytes, name)| (bytes as f64, name))
}

fn lookup(table: &[(f64, &str)], suffix: &str) -> Option<f64> {
    table.iter().find(|(_, name)| *name == suffix).map(|(factor, _)| *factor)
}

/// What a count counts: the last word of the metric's id (`heap.live_blocks` counts blocks).
pub(crate) fn counted(metric: &Metric) -> &'static str {
    metric.id.rsplit(['.', '_']).next().unwrap_or(metric.id)
}

fn example(metric: &Metric) -> String {
    match metric.unit {
        Unit::Bytes => "250MB".into(),
        Unit::BytesPerItem => "4.2KiB".into(),
        Unit::BytesPerIteration => "64B".into(),
        Unit::BytesPerSecond => "5MB/s".into(),
        Unit::Nanoseconds => "5ms".into(),
        Unit::PerSecond => "500/s".into(),
        Unit::Ratio => "2x".into(),
        Unit::Percent => "30%".into(),
        Unit::Count => format!("100 {}", counted(metric)),
    }
}

/// A value for people, with the unit that fits it: `1.50 MiB`, `23.4 ms`, `1.02x`, `1,234`. Whoever measured
/// it, it has room in a table: what is larger or smaller than any unit is written as `1.00e300 B`.
pub fn human(value: f64, unit: Unit) -> String {
    let (scale, name) = match fitting(value, unit) {
        (scale, "EiB") if value.abs() >= 1024.0 * scale => binary()[0],
        fits => fits,
    };
    let scaled = value / scale;
    let number = match unit {
        _ if !has_room(scaled) => scientific(scaled),
        Unit::Ratio => format!("{value:.2}"),
        Unit::Percent => grouped(value, 1),
        _ if scale == 1.0 && value.fract() == 0.0 => grouped(value, 0),
        // Of plain numbers small ones mean something; a part of a byte that small is dust of the arithmetic.
        Unit::Count if value.abs() < LEAST => scientific(value),
        _ => significant(scaled),
    };
    match unit {
        Unit::Ratio => format!("{number}x"),
        Unit::PerSecond => format!("{number}/s"),
        Unit::Count => number,
        _ => format!("{number} {name}"),
    }
}

/// Two values of one quantity for people: with as many digits as it takes to tell them apart, `9.069 KiB`,
/// `9.073 KiB`.
pub fn human_pair(old: f64, new: f64, unit: Unit) -> (String, String) {
    let (shown_old, shown_new) = (human(old, unit), human(new, unit));
    if shown_old != shown_new || old == new {
        return (shown_old, shown_new);
    }
    let (scale, name) = fitting(old, unit);
    let with = |value: f64, decimals: usize| match unit {
        Unit::Ratio | Unit::PerSecond => format!("{}{name}", grouped(value / scale, decimals)),
        _ => format!("{} {name}", grouped(value / scale, decimals)).trim_end().to_string(),
    };
    let pairs = (1..=15).map(|decimals| (with(old, decimals), with(new, decimals)));
    pairs.into_iter().find(|(old, new)| old != new).unwrap_or((shown_old, shown_new))
}

/// Below this, three significant digits want more than five decimals.
const LEAST: f64 = 0.0009995;

/// Whether a number can be written with all digits before its point.
fn has_room(value: f64) -> bool {
    value.abs() < 1e15
}

/// Three significant digits and a power of ten, as programs write and read it: `-8.45e-5`.
fn scientific(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".into(),
        _ if value.is_infinite() => if value > 0.0 { "∞" } else { "−∞" }.into(),
        _ => format!("{value:.2e}"),
    }
}

/// A change for people, with its sign: `+1.50 MiB`, `-23 B`, `0 B`.
pub fn signed(change: f64, unit: Unit) -> String {
    let sign = if change > 0.0 {
        "+"
    } else if change < 0.0 {
        "-"
    } else {
        ""
    };
    format!("{sign}{}", human(change.abs(), unit))
}

/// A value without rounding to a larger unit, for tooltips: `524,288 bytes`.
pub fn exact(value: f64, unit: Unit) -> String {
    let number = match unit {
        _ if !has_room(value) => scientific(value),
        _ if value.fract() == 0.0 => grouped(value, 0),
        Unit::Count if value.abs() < LEAST => scientific(value),
        _ => grouped(value, 3),
    };
    match unit {
        Unit::Bytes => format!("{number} bytes"),
        Unit::BytesPerItem => format!("{number} bytes per item"),
        Unit::BytesPerIteration => format!("{number} bytes per iteration"),
        Unit::BytesPerSecond => format!("{number} bytes per second"),
        Unit::Nanoseconds => format!("{number} ns"),
        Unit::PerSecond => format!("{number} per second"),
        Unit::Ratio if has_room(value) => format!("{value:.6}"),
        Unit::Percent if has_room(value) => format!("{value:.6} %"),
        Unit::Percent => format!("{number} %"),
        Unit::Ratio | Unit::Count => number,
    }
}

/// The largest display unit in which `value` is at least 1: how many base units it holds, and its name.
pub(crate) fn fitting(value: f64, unit: Unit) -> (f64, &'static str) {
    let fits = |units: &[(f64, &'static str)]| {
        let found = units.iter().rev().find(|(scale, _)| value.abs() >= *scale);
        *found.unwrap_or(&units[0])
    };
    match unit {
        Unit::Bytes => fits(&binary()),
        Unit::BytesPerItem => fits(&[
            (1.0, "B/item"),
            (1024.0, "KiB/item"),
            (1048576.0, "MiB/item"),
            (1073741824.0, "GiB/item"),
        ]),
        Unit::BytesPerIteration => {
            fits(&[(1.0, "B/iteration"), (1024.0, "KiB/iteration"), (1048576.0, "MiB/iteration")])
        }
        Unit::BytesPerSecond => {
            fits(&[(1.0, "B/s"), (1024.0, "KiB/s"), (1048576.0, "MiB/s"), (1073741824.0, "GiB/s")])
        }
        Unit::Nanoseconds => fits(&[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")]),
        Unit::Ratio => (1.0, "x"),
        Unit::Percent => (1.0, "%"),
        Unit::PerSecond => (1.0, "/s"),
        Unit::Count => (1.0, ""),
    }
}

/// Three significant digits, never fewer than the integer part has.
fn significant(value: f64) -> String {
    match value.abs() {
        size if size < LEAST => grouped(value, 2),
        size if size < 0.009995 => grouped(value, 5),
        size if size < 0.09995 => grouped(value, 4),
        size if size < 0.9995 => grouped(value, 3),
        size if size < 9.995 => grouped(value, 2),
        size if size < 99.95 => grouped(value, 1),
        _ => grouped(value, 0),
    }
}

/// `value` with so many decimals and a comma between groups of three digits.
pub fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    // A negative number that rounds to nothing has no sign.
    if value < 0.0 && text.chars().any(|c| c.is_ascii_digit() && c != '0') {
        out.push('−');
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use bench_core::metric::METRICS;

    use super::*;

    fn metric(id: &str) -> &'static Metric {
        Metric::by_id(id).unwrap()
    }

    #[test]
    fn two_values_that_differ_are_shown_with_the_digits_that_differ() {
        for (old, new, unit, expected) in [
            (9287.0, 9291.0, Unit::Bytes, ("9.069 KiB", "9.073 KiB")),
            (9287.0, 9287.0, Unit::Bytes, ("9.07 KiB", "9.07 KiB")),
            (1000.0, 1008.0, Unit::Bytes, ("1,000 B", "1,008 B")),
            (1048576.0, 1048577.0, Unit::Bytes, ("1.000000 MiB", "1.000001 MiB")),
            (1.0001, 1.0002, Unit::Ratio, ("1.0001x", "1.0002x")),
            (0.21, 0.22, Unit::Percent, ("0.21 %", "0.22 %")),
            (23.44e6, 23.41e6, Unit::Nanoseconds, ("23.44 ms", "23.41 ms")),
        ] {
            let (old, new) = human_pair(old, new, unit);
            assert_eq!((old.as_str(), new.as_str()), expected);
        }
    }

    #[test]
    fn a_limit_is_read_in_the_metrics_unit() {
        for (text, id, expected) in [
            ("250MB", "heap.peak", 250e6),
            ("250 MB", "heap.peak", 250e6),
            ("1MiB", "heap.peak", 1048576.0),
            ("512B", "heap.peak", 512.0),
            ("1.5GB", "rss.peak", 1.5e9),
            ("10kB", "heap.peak", 10e3),
            ("4.2KiB", "heap.peak_per_item", 4.2 * 1024.0),
            ("5MB/s", "heap.growth_rate", 5e6),
            ("5ms", "time.median", 5e6),
            ("20us", "time.median", 20e3),
            ("20µs", "time.median", 20e3),
            ("2x", "heap.peak_per_payload", 2.0),
            ("30%", "leak.growth", 30.0),
            ("0B", "leak.slope", 0.0),
            ("100 blocks", "heap.blocks", 100.0),
            ("100blocks", "heap.live_blocks", 100.0),
            ("8 threads", "process.threads", 8.0),
        ] {
            assert_eq!(parse(text, metric(id)).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_bad_limit_is_refused_with_an_example() {
        for (text, id, reason) in [
            ("250", "heap.peak", r#""250" has no unit: heap.peak is written like "250MB""#),
            ("MB", "heap.peak", "is not a quantity"),
            ("", "heap.peak", "is not a quantity"),
            ("1.2.3MB", "heap.peak", "is not a quantity"),
            ("-5MB", "heap.peak", "is not a quantity"),
            ("5ms", "heap.peak", r#""ms" is not a unit of heap.peak"#),
            ("5MB", "heap.growth_rate", r#"like "5MB/s""#),
            ("5MB", "time.median", r#"like "5ms""#),
            ("2", "heap.peak_per_payload", "has no unit"),
            ("100 threads", "heap.blocks", r#"like "100 blocks""#),
            ("5mb", "heap.peak", "is not a unit"),
            (&format!("{}MB", "9".repeat(400)), "heap.peak", "too large"),
        ] {
            let error = parse(text, metric(id)).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_share_is_a_number_of_hundredths() {
        assert_eq!((percent("3%").unwrap(), percent("0.5 %").unwrap()), (0.03, 0.005));
        for text in ["3", "-1%", "1.2.3%", "%", "NaN%", &format!("{}%", "9".repeat(400))] {
            assert!(percent(text).unwrap_err().to_string().contains("is not a percentage"), "{text}");
        }
    }

    #[test]
    fn a_value_is_shown_in_the_unit_that_fits() {
        for (value, unit, expected) in [
            (0.0, Unit::Bytes, "0 B"),
            (512.0, Unit::Bytes, "512 B"),
            (1023.0, Unit::Bytes, "1,023 B"),
            (1024.0, Unit::Bytes, "1.00 KiB"),
            (1536.0 * 1024.0, Unit::Bytes, "1.50 MiB"),
            (-2048.0, Unit::Bytes, "−2.00 KiB"),
            (250e6, Unit::Bytes, "238 MiB"),
            (3e12, Unit::Bytes, "2.73 TiB"),
            (5e18, Unit::Bytes, "4.34 EiB"),
            (1e300, Unit::Bytes, "1.00e300 B"),
            (1e22, Unit::Bytes, "1.00e22 B"),
            (0.5, Unit::Bytes, "0.500 B"),
            (2.5e-12, Unit::Bytes, "0.00 B"),
            (52.5, Unit::BytesPerItem, "52.5 B/item"),
            (1234.0, Unit::Nanoseconds, "1.23 µs"),
            (23.44e6, Unit::Nanoseconds, "23.4 ms"),
            (1.0, Unit::Ratio, "1.00x"),
            (0.25, Unit::Percent, "0.2 %"),
            (8.0, Unit::BytesPerIteration, "8 B/iteration"),
            (1234567.0, Unit::Count, "1,234,567"),
            (-8.45e-5, Unit::Count, "-8.45e-5"),
            (0.93, Unit::Count, "0.930"),
            (0.0123, Unit::Count, "0.0123"),
            (-0.00123, Unit::Count, "−0.00123"),
            (0.9996, Unit::Count, "1.00"),
            (0.0009999, Unit::Count, "0.00100"),
            (1e300, Unit::Count, "1.00e300"),
            (-9.9e15, Unit::Count, "-9.90e15"),
            (5e-324, Unit::Count, "4.94e-324"),
            (f64::NAN, Unit::Count, "NaN"),
            (f64::INFINITY, Unit::Bytes, "∞ B"),
            (f64::NEG_INFINITY, Unit::Ratio, "−∞x"),
            (1e300, Unit::Ratio, "1.00e300x"),
            (1e300, Unit::Percent, "1.00e300 %"),
            (1e300, Unit::Nanoseconds, "1.00e291 s"),
        ] {
            assert_eq!(human(value, unit), expected);
        }
        // Whatever is measured has room in a column.
        for exponent in -330..330 {
            for value in [1.0, 1.5, 9.994, 9.996, -7.77].map(|digits: f64| digits * 10f64.powi(exponent)) {
                for metric in METRICS.iter() {
                    let texts =
                        [human(value, metric.unit), signed(value, metric.unit), exact(value, metric.unit)];
                    assert!(texts.iter().all(|text| text.chars().count() <= 45), "{texts:?}");
                }
            }
        }
        assert_eq!(exact(524288.0, Unit::Bytes), "524,288 bytes");
        assert_eq!(exact(-8.45e-5, Unit::Count), "-8.45e-5");
        assert_eq!(grouped(-0.001, 2), "0.00");
    }
}
