//! The text format in which servers expose metrics, read as far as a gauge needs it.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>; OpenMetrics, which adds
//! exemplars and an end mark, reads the same.

use std::fmt;

use anyhow::{Context, Result, bail, ensure};

use crate::foreign_text::{quoted as excerpt, without_byte_order_mark};

/// Names and values of labels.
type Labels = Vec<(String, String)>;

/// One line: a name, its labels and a value.
#[derive(Clone, Debug, PartialEq)]
pub struct ExposedValue {
    /// The metric's name.
    pub name: String,
    /// Names and values in the order of the line.
    pub labels: Vec<(String, String)>,
    /// The value; NaN and infinity are values, too.
    pub value: f64,
}

/// What was understood of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition {
    /// Every series, in the order of the lines.
    pub series: Vec<ExposedValue>,
    /// How many lines are neither a series, a comment nor empty, and the first of them with the reason.
    pub not_understood: Option<(usize, String)>,
}

/// `name{label="value"}`, as the format writes it; since Prometheus 3 with a name of any characters in the
/// braces.
impl fmt::Display for ExposedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if is_name(&self.name, true) {
            f.write_str(&self.name)?;
        } else {
            parts.push(quoted(&self.name));
        }
        for (label, value) in &self.labels {
            let label = if is_name(label, false) { label.clone() } else { quoted(label) };
            parts.push(format!("{label}={}", quoted(value)));
        }
        if parts.is_empty() { Ok(()) } else { write!(f, "{{{}}}", parts.join(",")) }
    }
}

/// Whether a name stands without quotes: that of a metric may hold a colon.
fn is_name(text: &str, of_metric: bool) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || (of_metric && c == ':');
    text.starts_with(|c: char| !c.is_ascii_digit()) && text.chars().all(is_part)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// Whether a text of whose length nothing is known is whole: it ends a line, or says that it is the end.
pub fn ends_whole(text: &[u8]) -> bool {
    text.is_empty() || text.ends_with(b"\n") || text.ends_with(b"\n# EOF")
}

/// Every series of a text. Whether the text is whole is known to whoever fetched it.
///
/// # Errors
/// If it is empty, or no line is understood though there are some.
pub fn parse(text: &[u8]) -> Result<Exposition> {
    let text = without_byte_order_mark(text);
    ensure!(!text.trim_ascii().is_empty(), "the answer is empty");
    let mut page = Exposition::default();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let parsed = std::str::from_utf8(line).context("no text in UTF-8").and_then(parse_line);
        match parsed {
            Ok(series) => page.series.push(series),
            Err(error) => {
                let first =
                    || format!("line {}: {}: {error:#}", index + 1, excerpt(&String::from_utf8_lossy(line)));
                page.not_understood.get_or_insert_with(|| (0, first())).0 += 1;
            }
        }
    }
    match &page.not_understood {
        Some((_, first)) if page.series.is_empty() => bail!("the answer is not Prometheus text, {first}"),
        _ => Ok(page),
    }
}

/// `name{label="value",...} value [timestamp] [# exemplar]`.
fn parse_line(line: &str) -> Result<ExposedValue> {
    let (name, labels, rest) = parse_identity(line)?;
    let mut words = rest.split_ascii_whitespace();
    let value = words.next().context("no value")?;
    let value = value.parse().ok().with_context(|| format!("{} is no number", excerpt(value)))?;
    if let Some(timestamp) = words.next().filter(|word| !word.starts_with('#')) {
        timestamp.parse::<f64>().ok().with_context(|| format!("{} is no timestamp", excerpt(timestamp)))?;
        ensure!(words.next().is_none_or(|word| word.starts_with('#')), "more than a value and a timestamp");
    }
    Ok(ExposedValue { name, labels, value })
}

/// Name and labels, and what follows them: `name{label="value"}`, `{"name",label="value"}`.
fn parse_identity(text: &str) -> Result<(String, Labels, &str)> {
    let (before, rest) = parse_name(text);
    let (within, labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(rest) => parse_braces(rest)?,
        None => (None, Vec::new(), rest),
    };
    let name = match (before, within) {
        ("", Some(name)) if !name.is_empty() => name,
        (name, None) if !name.is_empty() => name.to_string(),
        (_, None) => bail!("a name is expected"),
        _ => bail!("two names, or one without a character"),
    };
    Ok((name, labels, rest))
}

/// As much as may be a name without quotes, which may be nothing.
fn parse_name(text: &str) -> (&str, &str) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    match text.starts_with(|c: char| c.is_ascii_digit()) {
        true => ("", text),
        false => text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len())),
    }
}

/// What stands behind an opening brace: the name if it is here, the labels, and what follows the closing
/// brace.
fn parse_braces(mut rest: &str) -> Result<(Option<String>, Labels, &str)> {
    let (mut name, mut labels) = (None, Vec::new());
    loop {
        rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok((name, labels, rest));
        }
        let is_quoted = rest.starts_with('"');
        let (label, behind) = match is_quoted {
            true => parse_quoted(rest)?,
            false => {
                let (label, behind) = parse_name(rest);
                (label.to_string(), behind)
            }
        };
        ensure!(!label.is_empty(), "a name is expected");
        let behind = match behind.trim_start().strip_prefix('=') {
            Some(behind) => {
                let (value, behind) = parse_quoted(behind.trim_start())?;
                labels.push((label, value));
                behind
            }
            None if is_quoted && name.is_none() => {
                name = Some(label);
                behind
            }
            None => bail!("a label without a value"),
        };
        let behind = behind.trim_start();
        rest = match behind.strip_prefix(',') {
            Some(behind) => behind,
            None if behind.starts_with('}') => behind,
            None => bail!("a comma or a closing brace is expected"),
        };
    }
}

/// `"value"`, where `\\`, `\"` and `\n` stand for a backslash, a quote and a line's end. A backslash before
/// anything else stands for itself, as Prometheus has it: exporters write paths of Windows so.
fn parse_quoted(text: &str) -> Result<(String, &str)> {
    let text = text.strip_prefix('"').context("a quote is expected")?;
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, c)) = characters.next() {
        match c {
            '"' => return Ok((value, &text[index + 1..])),
            '\\' => match characters.next().map(|(_, c)| c).context("a quote is not closed")? {
                'n' => value.push('\n'),
                c @ ('\\' | '"') => value.push(c),
                c => value.extend(['\\', c]),
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
        let (name, labels, rest) = parse_identity(text.trim())?;
        ensure!(rest.is_empty(), "{} behind it is too much", excerpt(rest));
        Ok(Selector { name, labels })
    }

    /// The metric's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it means this series.
    pub fn matches(&self, series: &ExposedValue) -> bool {
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
        let escape = "\u{1b}".repeat(1_000_000);
        for text in [format!("a {long}"), format!("a 1 {long}"), format!("{long}?"), format!("a {escape}")] {
            let error = format!("{:#}", parse(text.as_bytes()).unwrap_err());
            assert!(!error.contains('\u{1b}'), "{error}");
            assert!(error.chars().count() < 300, "{} bytes", error.len());
        }
        assert!(Selector::parse(&format!("a {long}")).unwrap_err().to_string().len() < 300);
    }

    fn series(name: &str, labels: &[(&str, &str)], value: f64) -> ExposedValue {
        let labels = labels.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        ExposedValue { name: name.into(), labels: labels.collect(), value }
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
            (
                "a_bucket{le=\"+Inf\"} 4 # {trace=\"a # }\"} 0.6 1.5",
                series("a_bucket", &[("le", "+Inf")], 4.0),
            ),
            ("{\"a.b\"} 1", series("a.b", &[], 1.0)),
            ("{ \"a \\\"b\\\"\" , c=\"d\" } 1", series("a \"b\"", &[("c", "d")], 1.0)),
            ("{c=\"d\",\"a.b\"} 1", series("a.b", &[("c", "d")], 1.0)),
            ("a{\"service.name\"=\"x\"} 1", series("a", &[("service.name", "x")], 1.0)),
            ("{\"a\"} 1", series("a", &[], 1.0)),
            ("a{path=\"C:\\Users\\x\"} 1", series("a", &[("path", "C:\\Users\\x")], 1.0)),
            ("a{b=\"\u{e4}\"} .5e-3", series("a", &[("b", "\u{e4}")], 0.0005)),
        ] {
            assert_eq!(parse_line(line).unwrap(), expected, "{line}");
        }
        assert!(parse_line("a NaN").unwrap().value.is_nan());
    }

    #[test]
    fn nonsense_is_told_with_its_line() {
        for (text, reason) in [
            ("", "the answer is empty"),
            ("\u{feff}\r\n", "the answer is empty"),
            ("<!doctype html>\n<html>\n", "not Prometheus text, line 1: \"<!doctype html>\""),
            ("# HELP a b\n\n{\"a\": 1}\n", "line 3"),
            ("a one\n", "\"one\" is no number"),
            ("a\n", "no value"),
            ("a 1 2 3\n", "more than a value and a timestamp"),
            ("a{b=\"c} 1\n", "a quote is not closed"),
            ("a{b=\"c\\", "a quote is not closed"),
            ("a{b=\"c\" d=\"e\"} 1\n", "a comma or a closing brace"),
            ("a{b} 1", "a label without a value"),
            ("a{\"b\"} 1", "two names"),
            ("{\"a\",\"b\"} 1", "a label without a value"),
            ("{\"\"} 1", "a name is expected"),
            ("{} 1", "a name is expected"),
            ("1a 1\n", "a name is expected"),
        ] {
            let error = format!("{:#}", parse(text.as_bytes()).unwrap_err());
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert_eq!(parse(b"# only a comment\n\n").unwrap(), Exposition::default());
    }

    #[test]
    fn a_line_that_is_not_understood_costs_no_other() {
        // A byte order mark, ends of lines of two bytes, Latin-1 in a comment and in a label, an end without
        // a line's end.
        let text = b"\xef\xbb\xbf# HELP a gr\xf6\xdfe\r\na 1\r\nb{c=\"\xf6\"} 2\r\n???\r\nd 3\r\n# EOF";
        let page = parse(text).unwrap();
        assert_eq!(page.series, [series("a", &[], 1.0), series("d", &[], 3.0)]);
        let (lines, first) = page.not_understood.unwrap();
        assert_eq!(lines, 2);
        assert!(first.starts_with("line 3: \"b{c=\"\u{fffd}\"} 2\": no text in UTF-8"), "{first}");
    }

    #[test]
    fn a_text_that_breaks_off_is_not_whole() {
        for whole in ["", "a 1\n", "a 1\r\n", "a 1\n# EOF", "a 1\n# EOF\n"] {
            assert!(ends_whole(whole.as_bytes()), "{whole}");
        }
        for broken in ["a 1", "a 1\n# EO", "a 1 # EOF"] {
            assert!(!ends_whole(broken.as_bytes()), "{broken}");
        }
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
                let characters = if next(2) == 0 { 5 } else { alphabet.len() as u64 };
                (0..=next(6)).map(|_| alphabet[next(characters) as usize]).collect()
            };
            let labels = (0..next(4)).map(|_| {
                let value = (0..next(8)).map(|_| alphabet[next(alphabet.len() as u64) as usize]).collect();
                (name(&mut next), value)
            });
            let labels: Vec<(String, String)> = labels.collect();
            let written = ExposedValue { name: name(&mut next), labels, value: next(1 << 50) as f64 / 8.0 };
            let text = format!("# HELP x y\n{written} {:e} 1\n", written.value);
            assert_eq!(parse(text.as_bytes()).unwrap().series, [written], "{text}");
        }
    }

    #[test]
    fn a_selector_asks_for_the_labels_that_it_names() {
        let all = parse(b"a 1\na{b=\"c\",d=\"e\"} 2\nab 3\n{\"a.b\",\"c d\"=\"e\"} 4").unwrap().series;
        let found = |selector: &str| -> Vec<f64> {
            let selector = Selector::parse(selector).unwrap();
            all.iter().filter(|series| selector.matches(series)).map(|series| series.value).collect()
        };
        assert_eq!(found("a"), [1.0, 2.0]);
        assert_eq!(found("a{d=\"e\"}"), [2.0]);
        assert_eq!((found("{\"a.b\"}"), found("{\"a.b\",\"c d\"=\"e\"}")), (vec![4.0], vec![4.0]));
        assert!(found("a{d=\"x\"}").is_empty());
        for wrong in ["", "a b", "a{b", "a{b=c}", "5"] {
            assert!(Selector::parse(wrong).is_err(), "{wrong}");
        }
    }
}
