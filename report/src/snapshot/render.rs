//! A snapshot as the text of its file: cases and lines in one order, so that a review sees only what changed.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::parse::WITH;
use super::{SNAPSHOT_SCHEMA, Snapshot, number};

impl Snapshot {
    /// The file's text. Parsed, it gives the same snapshot.
    pub fn render(&self) -> String {
        let mut text = self.head.clone();
        let _ = writeln!(text, "schema = {SNAPSHOT_SCHEMA}");
        if let Some(tolerance) = &self.tolerance.text {
            let _ = writeln!(text, "tolerance = {}", quoted(tolerance));
        }
        let list = |words: Vec<String>| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "selection = [{}]", list(self.selection.clone()));
        if !self.leave_out.is_empty() {
            let left_out = self.leave_out.iter().map(|left| match left.metric {
                Some(metric) => format!("{} {}", left.cases, metric.id),
                None => left.cases.to_string(),
            });
            let _ = writeln!(text, "leave_out = [{}]", list(left_out.collect()));
        }
        let _ = writeln!(text, "\n[measured_on]");
        for (name, value) in &self.measured_on {
            let _ = writeln!(text, "{} = {}", key(name), quoted(value));
        }
        for case in self.cases.values() {
            let _ = writeln!(text, "\n[case.{}]", quoted(&case.id.to_string()));
            if !case.with.is_empty() {
                let _ = writeln!(text, "{WITH} = {{ {} }}", pairs(&case.with));
            }
            for line in case.numbers.values() {
                let value = quoted(&number::written(line.metric, line.value));
                let _ = writeln!(text, "{} = {value}", line.metric.id);
            }
        }
        text
    }
}

fn pairs(texts: &BTreeMap<String, String>) -> String {
    let pairs = texts.iter().map(|(name, value)| format!("{} = {}", key(name), quoted(value)));
    pairs.collect::<Vec<_>>().join(", ")
}

/// A key as it is where TOML allows it, otherwise in quotes.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_bare) { name.into() } else { quoted(name) }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
