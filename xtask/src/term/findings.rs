//! The findings of a run at a terminal: each a few lines with the way on.

use std::fmt::Write;

use report::{Finding, FindingKind, Report, alike};

use crate::cli::again::again;
use crate::term::verdict_style::style;

/// Lines of stderr shown for a failed case; the run's file and the page have more.
const STDERR_LINES: usize = 5;
/// Cases named behind the first of which something is said.
const NAMED: usize = 3;

/// What is wrong, the gravest first. What is about the baseline stands in the table of the comparison.
pub fn findings(report: &Report) -> Vec<String> {
    let shown = report.findings.iter().filter(|finding| !finding.kind.is_of_comparison());
    alike(shown).into_iter().map(|(finding, others)| lines(finding, &others, &report.run.command)).collect()
}

fn lines(finding: &Finding, others: &[&Finding], command: &str) -> String {
    let style = style(finding.verdict);
    let mut text = format!("{style}{}{style:#}  {}: {}\n", finding.verdict, place(finding), finding.text);
    if finding.kind == FindingKind::Miscount {
        text.push_str("      the instruments are off: do not trust this run\n");
    }
    // The last lines of a panic are its backtrace; what it said stands in the reason.
    if !finding.text.contains("panicked at ") {
        for line in &finding.stderr[finding.stderr.len().saturating_sub(STDERR_LINES)..] {
            // What is the reason stands above.
            if line.strip_prefix("error: ").is_none_or(|said| !finding.text.contains(said.trim())) {
                let _ = writeln!(text, "      | {line}");
            }
        }
    }
    text.push_str(&likewise(others));
    if let Some(rule) = &finding.rule {
        let _ = writeln!(text, "      rule {} in {}", rule.text, rule.place);
    }
    if let Some(allowed) = &finding.allowed {
        let _ = writeln!(text, "      allowed: {allowed}");
    }
    if finding.kind == FindingKind::Limit {
        let _ = writeln!(text, "      fix: look at its call sites on the page, or change the rule");
    }
    if let FindingKind::Limit | FindingKind::Failed = finding.kind
        && let (Some(case), Some(mode)) = (&finding.case, finding.mode)
    {
        let _ = writeln!(text, "      again: {}", again(command, &case.to_string(), &[mode]));
    }
    text
}

/// The case and what of it: `vectors/a mode heap`; the kind where it is about no case.
fn place(finding: &Finding) -> String {
    let case = finding.case.as_ref().map_or(finding.kind.title().to_string(), ToString::to_string);
    [case, finding.subject()].join(" ").trim_end().to_string()
}

/// The line that names the others of which the same is said; nothing without any.
fn likewise(others: &[&Finding]) -> String {
    let more = others.len().saturating_sub(NAMED);
    let mut named: Vec<String> = others.iter().take(NAMED).map(|other| place(other)).collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    if named.is_empty() { String::new() } else { format!("      likewise: {}\n", named.join(", ")) }
}
