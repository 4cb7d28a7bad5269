//! The text format in which servers expose metrics, read as far as a gauge needs it.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>; OpenMetrics, which adds exemplars
//! and an end mark, reads the same.

use std::fmt;

use anyhow::{Context, Result, bail, ensure};

/// One line: a name, its labels and a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The metric's name.
    pub name: String,
    /// Names and values in the order of the line.
    pub labels: Vec<(String, String)>,
    /// The value; NaN and infinity are values, too.
    pub value: f64,
}

/// `name{label="value"}`, as the format writes it.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (index, (label, value)) in self.labels.iter().enumerate() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(f, "{}{label}=\"{value}\"", if index == 0 { '{' } else { ',' })?;
        }
        if self.labels.is_empty() { Ok(()) } else { f.write_str("}") }
    }
}

/// Every series of a text.
///
/// # Errors
/// If a line is neither a series, a comment nor empty, or the last line has no end: the text is no such text, or was
/// cut off in the middle of a number.
pub fn parse(text: &str) -> Result<Vec<Series>> {
    ensure!(!text.trim().is_empty(), "the answer is empty");
    let mut series = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parsed = parse_line(line).with_context(|| {
            format!("the answer is not Prometheus text, line {}: {:?}", index + 1, start(line))
        });
        series.push(parsed?);
    }
    ensure!(text.ends_with('\n'), "the answer is cut off: its last line has no end");
    Ok(series)
}

/// `name{label="value",...} value [timestamp] [# exemplar]`.
fn parse_line(line: &str) -> Result<Series> {
    let (name, rest) = parse_name(line)?;
    let rest = rest.trim_start();
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => parse_labels(rest)?,
        None => (Vec::new(), rest),
    };
    let mut words = rest.split_ascii_whitespace();
    let value = words.next().context("no value")?;
    let value = value.parse().with_context(|| format!("{:?} is no number", start(value)))?;
    if let Some(timestamp) = words.next().filter(|word| !word.starts_with('#')) {
        timestamp.parse::<f64>().with_context(|| format!("{:?} is no timestamp", start(timestamp)))?;
        ensure!(words.next().is_none_or(|word| word.starts_with('#')), "more than a value and a timestamp");
    }
    Ok(Series { name: name.to_string(), labels, value })
}

/// As much of a text as an error repeats.
fn start(text: &str) -> String {
    text.chars().take(60).collect()
}

fn parse_name(text: &str) -> Result<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    ensure!(name.starts_with(|c: char| !c.is_ascii_digit()), "a name is expected");
    Ok((name, rest))
}

/// What stands behind an opening brace: the labels, and what follows the closing brace.
fn parse_labels(mut rest: &str) -> Result<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok((labels, rest));
        }
        let (name, behind) = parse_name(rest)?;
        let behind = behind.trim_start().strip_prefix('=').context("a label without a value")?;
        let (value, behind) = parse_quoted(behind.trim_start())?;
        labels.push((name.to_string(), value));
        let behind = behind.trim_start();
        rest = match behind.strip_prefix(',') {
            Some(behind) => behind,
            None if behind.starts_with('}') => behind,
            None => bail!("a comma or a closing brace is expected"),
        };
    }
}

/// `"value"`, where `\\`, `\"` and `\n` stand for a backslash, a quote and a line's end.
fn parse_quoted(text: &str) -> Result<(String, &str)> {
    let text = text.strip_prefix('"').context("a quote is expected")?;
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, c)) = characters.next() {
        match c {
            '"' => return Ok((value, &text[index + 1..])),
            '\\' => match characters.next().map(|(_, c)| c) {
                Some('n') => value.push('\n'),
                Some(c @ ('\\' | '"')) => value.push(c),
                _ => bail!("an unknown escape"),
            },
            c => value.push(c),
        }
    }
    bail!("a quote is not closed")
}

/// Which series a user means: `name`, or `name{label="value"}` with the labels that it must have.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    name: String,
    labels: Vec<(String, String)>,
}

impl Selector {
    /// Understands a selector.
    pub fn parse(text: &str) -> Result<Selector> {
        let (name, rest) = parse_name(text.trim())?;
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => parse_labels(rest)?,
            None => (Vec::new(), rest),
        };
        ensure!(rest.is_empty(), "{:?} is too much", start(rest));
        Ok(Selector { name: name.to_string(), labels })
    }

    /// Whether it means this series.
    pub fn matches(&self, series: &Series) -> bool {
        series.name == self.name && self.labels.iter().all(|label| series.labels.contains(label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by fuzzing.
    #[test]
    fn an_error_repeats_the_start_of_what_is_wrong() {
        let long = "x".repeat(1_000_000);
        for text in [format!("a {long}\n"), format!("a 1 {long}\n"), format!("{long}?\n")] {
            let error = format!("{:#}", parse(&text).unwrap_err());
            assert!(error.len() < 300, "{} bytes", error.len());
        }
        assert!(Selector::parse(&format!("a {long}")).unwrap_err().to_string().len() < 300);
    }

    fn series(name: &str, labels: &[(&str, &str)], value: f64) -> Series {
        let labels = labels.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        Series { name: name.into(), labels: labels.collect(), value }
    }

    #[test]
    fn a_line_is_read_as_the_format_says() {
        for (line, expected) in [
            (
                "go_memstats_heap_alloc_bytes 3.29056e+06",
                series("go_memstats_heap_alloc_bytes", &[], 3290560.0),
            ),
            ("memory_active_bytes 31457280", series("memory_active_bytes", &[], 31457280.0)),
            ("a{b=\"c\"} 1 1395066363000", series("a", &[("b", "c")], 1.0)),
            (
                "a { b = \"c\" , d=\"e,}\\\"\\\\\\n\" , } -2.5",
                series("a", &[("b", "c"), ("d", "e,}\"\\\n")], -2.5),
            ),
            ("a{} 1", series("a", &[], 1.0)),
            ("a:b_c\t7", series("a:b_c", &[], 7.0)),
            ("a +Inf", series("a", &[], f64::INFINITY)),
            ("a -Inf", series("a", &[], f64::NEG_INFINITY)),
            ("a_total 17 # {trace=\"x\"} 0.6", series("a_total", &[], 17.0)),
            ("a_total 17 1.5 # {trace=\"x\"} 0.6", series("a_total", &[], 17.0)),
        ] {
            assert_eq!(parse_line(line).unwrap(), expected, "{line}");
        }
        assert!(parse_line("a NaN").unwrap().value.is_nan());
    }

    #[test]
    fn nonsense_is_told_with_its_line() {
        for (text, reason) in [
            ("", "the answer is empty"),
            ("<!doctype html>\n<html>\n", "not Prometheus text, line 1: \"<!doctype html>\""),
            ("# HELP a b\na 1\n{\"a\": 1}\n", "line 3"),
            ("a one\n", "\"one\" is no number"),
            ("a\n", "no value"),
            ("a 1 2 3\n", "more than a value and a timestamp"),
            ("a{b=\"c} 1\n", "a quote is not closed"),
            ("a{b=\"c\" d=\"e\"} 1\n", "a comma or a closing brace"),
            ("a{b=\"\\x\"} 1\n", "unknown escape"),
            ("1a 1\n", "a name is expected"),
            ("a 1\nb 1.2", "cut off"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert_eq!(parse("# only a comment\n\n").unwrap(), []);
    }

    /// Whatever names, labels and values: what is written is read again.
    #[test]
    fn what_is_written_is_read_again() {
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let alphabet: Vec<char> = "ab_:Z9\"\\\n{},= #\u{e4}\u{1f600}".chars().collect();
        for _ in 0..2000 {
            let name = |next: &mut dyn FnMut(u64) -> u64| -> String {
                (0..=next(6)).map(|_| alphabet[next(5) as usize]).collect()
            };
            let labels = (0..next(4)).map(|_| {
                let value = (0..next(8)).map(|_| alphabet[next(alphabet.len() as u64) as usize]).collect();
                (name(&mut next), value)
            });
            let labels: Vec<(String, String)> = labels.collect();
            let written = Series { name: name(&mut next), labels, value: next(1 << 50) as f64 / 8.0 };
            let text = format!("# HELP x y\n{written} {:e} 1\n", written.value);
            assert_eq!(parse(&text).unwrap(), [written], "{text}");
        }
    }

    /// No input whatever makes it panic, and no cut text gives a number that was not there.
    #[test]
    fn a_text_cut_anywhere_gives_no_wrong_number() {
        let text = "# TYPE a gauge\na{b=\"\u{e4}\\\\\"} 1.25e+06\nmemory_active_bytes 123456\n";
        let whole = parse(text).unwrap();
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            if let Ok(series) = parse(&text[..cut]) {
                assert!(whole.starts_with(&series), "{cut}: {series:?}");
            }
        }
    }

    #[test]
    fn a_selector_asks_for_the_labels_that_it_names() {
        let all = parse("a 1\na{b=\"c\",d=\"e\"} 2\nab 3\n").unwrap();
        let found = |selector: &str| -> Vec<f64> {
            let selector = Selector::parse(selector).unwrap();
            all.iter().filter(|series| selector.matches(series)).map(|series| series.value).collect()
        };
        assert_eq!(found("a"), [1.0, 2.0]);
        assert_eq!(found("a{d=\"e\"}"), [2.0]);
        assert!(found("a{d=\"x\"}").is_empty());
        for wrong in ["", "a b", "a{b", "a{b=c}", "5"] {
            assert!(Selector::parse(wrong).is_err(), "{wrong}");
        }
    }
}
