//! A step summary of GitHub Actions: the verdict, what is wrong, what changed and why. At most 1 MiB, which
//! is what GitHub takes.

use std::fmt::Write;

use bench_core::foreign_text::shortened;

use crate::call_sites::SiteCount;
use crate::call_sites::long_name::fitted_name;
use crate::compare::{Change, Comparison};
use crate::quantity::signed;
use crate::report::Report;

/// Rows of a table that stand open; the rest is folded.
const OPEN: usize = 20;
/// Call sites of one case.
const SITES: usize = 5;
/// Characters of one's name and place.
const NAME: usize = 200;
/// Bytes of a text that stands as it is, and characters that are left of a longer one.
const MOST_OF_A_TEXT: usize = 2000;
const SHORTENED: usize = 500;
/// GitHub's limit, and room for what is written beside rows: titles, heads, and the notes that something was
/// left out.
const MOST_BYTES: usize = (1 << 20) - 8 * 1024;

/// The whole summary.
pub(super) fn markdown(report: &Report) -> String {
    let verdict = report.verdict().word().to_uppercase();
    let mut text = format!("## Memory benchmarks: {verdict}\n\n{}\n\n", escaped(&report.headline()));
    let _ = writeln!(text, "Run `{}`; repeat it: `{}`\n", code(&report.run.id), code(&report.run.command));
    let rows: Vec<String> = report
        .findings
        .iter()
        .map(|finding| {
            let case = finding.case.as_ref().map(|case| format!("`{case}`")).unwrap_or_default();
            format!("| {} | {case} | {} |\n", finding.verdict, escaped(&finding.line()))
        })
        .collect();
    table(&mut text, "What is wrong", "| verdict | case | what |\n|---|---|---|\n", &rows);
    if let Some(comparison) = &report.comparison {
        changes(&mut text, comparison);
        sites(&mut text, comparison);
    }
    text
}

fn changes(text: &mut String, comparison: &Comparison) {
    let moved = |change: &&Change| change.gate.is_some() && change.outcome.has_moved();
    let rows: Vec<String> = comparison
        .changes
        .iter()
        .filter(moved)
        .map(|change| {
            let unit = change.metric.unit;
            let (old, new) = change.shown();
            format!(
                "| `{}` | {} | {} | {} | {} | {} | {} |\n",
                change.case,
                change.metric.id,
                old.unwrap_or_default(),
                new.unwrap_or_default(),
                change.difference().map(|difference| signed(difference, unit)).unwrap_or_default(),
                change.share().map(|share| format!("{:+.2} %", share * 100.0)).unwrap_or_default(),
                change.outcome.word()
            )
        })
        .collect();
    let title = format!("What changed against {}", escaped(&comparison.baseline));
    let head = "| case | metric | old | new | change | % | outcome |\n|---|---|--:|--:|--:|--:|---|\n";
    table(text, &title, head, &rows);
}

fn sites(text: &mut String, comparison: &Comparison) {
    let rows = comparison.sites.iter().flat_map(|(case, found)| {
        found.lines().into_iter().take(SITES).map(move |line| {
            let unknown = line.unknown().map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!(
                "| `{case}` | {} | {} | `{}`{unknown} |\n",
                line.change_text(SiteCount::Peak),
                line.change_text(SiteCount::Total),
                code(&fitted_name(&line.name(), NAME))
            )
        })
    });
    let head = "| case | at the peak | in total | call site |\n|---|--:|--:|---|\n";
    table(text, "Call sites that changed", head, &rows.collect::<Vec<_>>());
}

/// A table whose rows beyond [`OPEN`] are folded, and beyond [`MOST_BYTES`] counted.
fn table(text: &mut String, title: &str, head: &str, rows: &[String]) {
    if rows.is_empty() {
        return;
    }
    let (open, folded) = rows.split_at(rows.len().min(OPEN));
    let _ = write!(text, "### {title}\n\n{head}");
    let mut left_out = push(text, open);
    if !folded.is_empty() {
        let _ = write!(text, "\n<details><summary>{} more</summary>\n\n{head}", folded.len());
        left_out += push(text, folded);
        text.push_str("\n</details>\n");
    }
    if left_out > 0 {
        let _ = writeln!(text, "\n{left_out} more do not fit into a summary; the page has them.");
    }
    text.push('\n');
}

/// Adds the rows that fit; what comes back is how many did not.
fn push(text: &mut String, rows: &[String]) -> usize {
    for (index, row) in rows.iter().enumerate() {
        if text.len() + row.len() > MOST_BYTES {
            return rows.len() - index;
        }
        text.push_str(row);
    }
    0
}

/// Text that is neither markup nor the end of a cell or a line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '@' | '#' | '!' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    // One message of megabytes would push out all others.
    if out.len() > MOST_OF_A_TEXT { shortened(&out, SHORTENED) } else { out }
}

/// Text between backticks.
fn code(text: &str) -> String {
    let shown: String = text.chars().filter(|c| !c.is_control()).collect();
    shortened(&shown, SHORTENED).replace('`', "'").replace('|', "\\|")
}
