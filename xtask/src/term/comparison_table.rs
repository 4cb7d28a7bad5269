//! A comparison for people at a terminal: a table of what changed, then why, then the verdict.

use std::collections::BTreeMap;
use std::fmt::Write;

use report::compare::{Change, Comparison, Outcome, SitesDifference};
use report::quantity::signed;
use report::{SiteCount, Verdict, fitted_name};

use crate::term::text_table::{Align, TableRow, styled_table};
use crate::term::verdict_style::style;

/// Rows of numbers that are no worse; the rest is counted.
const ROWS: usize = 20;
/// Call sites of one case.
const SITES: usize = 5;
/// The columns, and on which side their cells begin.
const HEAD: [&str; 8] = ["case", "metric", "old", "new", "change", "%", "95 % interval", "outcome"];
const ALIGN: [Align; 8] = {
    use Align::{Left, Right};
    [Left, Left, Right, Right, Right, Right, Right, Left]
};
/// Characters of one's name and place.
const NAME: usize = 150;
/// What stands where there is no number.
const ABSENT: &str = "-";

/// The whole text, with colours. `all`: also what did not change.
pub fn human(comparison: &Comparison, all: bool) -> String {
    let mut text = table(comparison, all);
    for case in &comparison.cases {
        let style = style(case.verdict);
        let _ = writeln!(text, "{style}{}{style:#}  {}: {}", case.verdict, case.case, case.state.text());
    }
    for (reason, (numbers, cases)) in incomparable(comparison) {
        let warn = style(Verdict::Warn);
        let _ = writeln!(
            text,
            "{warn}incomparable{warn:#}  {numbers} numbers of {cases} cases, because of {reason}"
        );
    }
    for note in &comparison.notes {
        let what = if note.is_unknown() { "unknown" } else { "differs" };
        let _ = writeln!(text, "{what}  {note}");
    }
    for (case, found) in &comparison.sites {
        let worse = |change: &Change| change.case == *case && change.is_worse();
        if all || comparison.changes.iter().any(worse) {
            text.push_str(&sites(&case.to_string(), found));
        }
    }
    for (case, reason) in &comparison.unexplained {
        let _ = writeln!(text, "no call sites of {case}: {reason}");
    }
    let style = style(comparison.verdict);
    let word = comparison.verdict.word().to_uppercase();
    let _ = writeln!(text, "{style}{word}{style:#}  {}", comparison.headline());
    text
}

fn table(comparison: &Comparison, all: bool) -> String {
    let mut shown: Vec<&Change> = comparison.changes.iter().filter(|change| all || is_news(change)).collect();
    if !all {
        shown.sort_by(|a, b| b.verdict.cmp(&a.verdict).then(size(b).total_cmp(&size(a))));
        let worse = shown.iter().filter(|change| change.verdict > Verdict::Pass).count();
        shown.truncate(worse.max(ROWS));
    }
    let hidden =
        comparison.changes.iter().filter(|change| is_news(change)).count().saturating_sub(shown.len());
    if shown.is_empty() {
        return String::new();
    }
    let row = |change: &&Change| TableRow {
        cells: cells(change),
        last: style(change.verdict),
        below: if change.verdict > Verdict::Pass { because(change) } else { String::new() },
    };
    let rows: Vec<TableRow> = shown.iter().map(row).collect();
    let mut text = styled_table(&HEAD, &rows, &ALIGN);
    if hidden > 0 {
        let _ = writeln!(text, "{hidden} more changes that are no worse than allowed: --all");
    }
    text
}

/// Whether the change is worth a row: worse, or judged and not the same. What is incomparable is said once
/// per reason.
fn is_news(change: &Change) -> bool {
    let is_incomparable = matches!(change.outcome, Outcome::Incomparable(_));
    let has_moved = change.outcome.has_moved() && change.gate.is_some();
    !is_incomparable && (change.verdict > Verdict::Pass || has_moved)
}

fn size(change: &Change) -> f64 {
    change.share().map_or(f64::INFINITY, f64::abs)
}

fn cells(change: &Change) -> Vec<String> {
    let unit = change.metric.unit;
    let (old, new) = change.shown();
    let shown = |value: Option<String>| value.unwrap_or(ABSENT.into());
    let percent = |share: f64| format!("{:+.2}", share * 100.0);
    let phase = change.phase.as_ref().map(|phase| format!(" in {phase}")).unwrap_or_default();
    let interval = change.noise.as_ref().map(|noise| noise.interval);
    let interval = interval.map(|(low, high)| format!("{} to {}", percent(low - 1.0), percent(high - 1.0)));
    vec![
        change.case.to_string(),
        format!("{}{phase}", change.metric.id),
        shown(old),
        shown(new),
        change.difference().map_or(ABSENT.into(), |difference| signed(difference, unit)),
        change.share().map_or(ABSENT.into(), percent),
        interval.unwrap_or_default(),
        match change.verdict {
            Verdict::Pass => change.outcome.word().to_string(),
            verdict => format!("{}: {}", verdict.word(), change.outcome.word()),
        },
    ]
}

/// Why a change is no pass: its reason, its rule, its allowance.
fn because(change: &Change) -> String {
    let mut text = String::new();
    if let Some(reason) = change.reason() {
        let _ = writeln!(text, "      {reason}");
    }
    if let Some((rule, place)) = change.gate.as_ref().and_then(|gate| gate.rule.as_ref()) {
        let _ = writeln!(text, "      rule {rule} in {place}");
    }
    if let Some(allowed) = &change.allowed {
        let _ = writeln!(text, "      {allowed}");
    }
    text
}

/// How many judged numbers of how many cases are incomparable, by reason.
fn incomparable(comparison: &Comparison) -> BTreeMap<String, (usize, usize)> {
    let mut found: BTreeMap<String, (usize, Vec<&_>)> = BTreeMap::new();
    for change in comparison.changes.iter().filter(|change| change.gate.is_some()) {
        if let Outcome::Incomparable(_) = change.outcome {
            let (numbers, cases) = found.entry(change.outcome.reason().unwrap_or_default()).or_default();
            *numbers += 1;
            if !cases.contains(&&change.case) {
                cases.push(&change.case);
            }
        }
    }
    found.into_iter().map(|(reason, (numbers, cases))| (reason, (numbers, cases.len()))).collect()
}

fn sites(case: &str, found: &SitesDifference) -> String {
    let bytes = |bytes: i64| signed(bytes as f64, bench_core::metric::Unit::Bytes);
    let mut text = format!(
        "call sites of {case} that changed (at the peak {}, in total {}):\n",
        bytes(found.peak_bytes),
        bytes(found.total_bytes)
    );
    for line in found.lines().iter().take(SITES) {
        let _ = writeln!(
            text,
            "  {:>12} at the peak  {:>12} in total  {}{}",
            line.change_text(SiteCount::Peak),
            line.change_text(SiteCount::Total),
            fitted_name(&line.name(), NAME),
            line.unknown().map(|reason| format!(" ({reason})")).unwrap_or_default()
        );
    }
    if found.sites.is_empty() {
        text.push_str("  none among the top sites of both runs\n");
    }
    text
}
