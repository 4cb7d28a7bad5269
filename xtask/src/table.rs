//! A judged run for people at a terminal: a table, then what is wrong and how to go on, then the verdict.

use std::collections::BTreeMap;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use bench_core::case::{CaseId, Mode};
use bench_core::metric::Metric;
use bench_core::run::{CaseRecord, Run};
use report::quantity::human as quantity;
use report::{Judgement, Limit, Value, Verdict};

use crate::comparison_table;

/// A column between the case and its verdict: heading, the metric of the whole case, and its like of the C heap, which is
/// shown, marked, where Rust's was not counted.
type Column = (&'static str, &'static str, Option<&'static str>);
const COLUMNS: [Column; 5] = [
    ("peak", "heap.peak", Some("native.peak")),
    ("average", "heap.average", None),
    ("growth", "heap.growth", Some("native.growth")),
    ("peak RSS", "rss.peak", None),
    ("time", "time.median", None),
];
/// Stands before a number of the C heap.
const C_HEAP: &str = "C ";
/// What stands where nothing was measured or judged.
const ABSENT: &str = "-";
/// Lines of stderr shown for a failed case; the run's file and the page have more.
const STDERR_LINES: usize = 5;

/// The whole text, with colours.
pub fn human(run: &Run, judgement: &Judgement, page: &str) -> String {
    let mut text = table(run, judgement);
    text.push_str(&unjudged(run));
    for problem in problems(run, judgement) {
        text.push('\n');
        text.push_str(&problem);
    }
    if let Some(comparison) = &judgement.comparison {
        let _ = write!(text, "\n{}", comparison_table::human(comparison, false));
    }
    let style = style(judgement.verdict);
    let verdict = judgement.verdict.word().to_uppercase();
    let _ = write!(text, "\n{style}{verdict}{style:#}  {}", judgement.headline());
    if let Some(partial) = &run.partial {
        let _ = write!(text, "; {partial}");
    }
    text.push('\n');
    if judgement.calibration_checks > 0 && judgement.calibration.is_empty() {
        let checks = judgement.calibration_checks;
        let _ = writeln!(text, "the instruments are right in all {checks} counts that were known beforehand");
    }
    let _ = writeln!(text, "page  {page}");
    text
}

/// The colour of a verdict.
pub fn style(verdict: Verdict) -> Style {
    let color = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Warn => AnsiColor::Yellow,
        Verdict::Fail => AnsiColor::Red,
    };
    Style::new().bold().fg_color(Some(color.into()))
}

fn table(run: &Run, judgement: &Judgement) -> String {
    let heading = ["case"].into_iter().chain(COLUMNS.map(|(heading, ..)| heading)).chain(["verdict"]);
    let mut rows: Vec<(Vec<String>, Style)> =
        vec![(heading.map(str::to_string).collect(), Style::new().bold())];
    rows.extend(run.cases.iter().map(|case| row(case, judgement)));
    let columns = rows[0].0.len();
    let width =
        |column: usize| rows.iter().map(|(cells, _)| cells[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (i, (cells, style)) in rows.iter().enumerate() {
        // In a row only the verdict has a colour, the heading is bold as a whole.
        let plain = if i == 0 { *style } else { Style::new() };
        let _ = write!(text, "{plain}{:<width$}{plain:#}", cells[0], width = widths[0]);
        for (cell, width) in cells.iter().zip(&widths).take(columns - 1).skip(1) {
            let _ = write!(text, "  {plain}{cell:>width$}{plain:#}");
        }
        let _ = writeln!(text, "  {style}{}{style:#}", cells[columns - 1]);
    }
    if rows.iter().any(|(cells, _)| cells[1..].iter().any(|cell| cell.starts_with(C_HEAP))) {
        let _ = writeln!(
            text,
            "C: the C heap in usable bytes (mode native), where no heap of Rust was counted; what an engine maps itself \
             is in RSS only"
        );
    }
    text
}

/// What the cases' recall leaves out: a line for each text, with the first case that says it.
fn unjudged(run: &Run) -> String {
    let mut cases: BTreeMap<&str, Vec<&CaseId>> = BTreeMap::new();
    for case in &run.cases {
        if let Some(text) = case.unjudged() {
            cases.entry(text).or_default().push(&case.spec.id);
        }
    }
    let line = |(text, cases): (&str, Vec<&CaseId>)| match cases.as_slice() {
        [case] => format!("note  {case}: {text}\n"),
        cases => format!("note  {} and {} more: {text}\n", cases[0], cases.len() - 1),
    };
    cases.into_iter().map(line).collect()
}

fn row(case: &CaseRecord, judgement: &Judgement) -> (Vec<String>, Style) {
    let id = &case.spec.id;
    let shown = |metric| {
        let value = judgement.value(id, None, metric)?;
        Some(quantity(value.value, value.metric.unit))
    };
    let of_the_c_heap = |metric| Some(format!("{C_HEAP}{}", shown(metric)?));
    let cell = |(_, metric, instead): Column| {
        let text = shown(metric).or_else(|| of_the_c_heap(instead?));
        text.unwrap_or_else(|| ABSENT.to_string())
    };
    let verdict = judgement.case_verdict(id);
    let mut cells = vec![id.to_string()];
    cells.extend(COLUMNS.map(cell));
    cells.push(verdict.map_or(ABSENT, Verdict::word).to_string());
    (cells, verdict.map(style).unwrap_or_default())
}

/// What is wrong, the gravest first: each a few lines with the way on.
fn problems(run: &Run, judgement: &Judgement) -> Vec<String> {
    let fail = style(Verdict::Fail);
    let warn = style(Verdict::Warn);
    let mut problems = Vec::new();
    for fault in &judgement.calibration {
        problems.push(format!(
            "{fail}fail{fail:#}  {} phase {}: {} expected {}, recorded {}\n      the instruments are off: do not \
             trust this run\n",
            fault.case, fault.phase, fault.what, fault.expected, fault.recorded
        ));
    }
    for failure in &judgement.failures {
        let mut text = format!(
            "{fail}fail{fail:#}  {} in mode {}: {}: {} ({} of {} processes)\n",
            failure.case, failure.mode, failure.kind, failure.reason, failure.failed, failure.repetitions
        );
        // The last lines of a panic are its backtrace; what it said stands in the reason.
        if !failure.reason.contains("panicked at ") {
            for line in &failure.stderr[failure.stderr.len().saturating_sub(STDERR_LINES)..] {
                let _ = writeln!(text, "      | {line}");
            }
        }
        let _ = writeln!(text, "      again: {}", again(run, &failure.case, failure.mode));
        problems.push(text);
    }
    for missing in &judgement.missing {
        let style = style(missing.verdict);
        problems.push(format!(
            "{style}{}{style:#}  {}{} {}: absent: {}\n      rule {} in {}\n",
            missing.verdict,
            missing.case,
            phase(missing.phase.as_deref()),
            missing.metric,
            missing.reason,
            missing.rule,
            missing.place
        ));
    }
    let broken = judgement.values.iter().filter(|value| value.verdict > Some(Verdict::Pass));
    let mut broken: Vec<(&Value, &Limit)> =
        broken.filter_map(|value| Some((value, value.limit.as_ref()?))).collect();
    broken.sort_by_key(|(value, _)| std::cmp::Reverse(value.verdict));
    problems.extend(broken.into_iter().map(|(value, limit)| broken_limit(run, value, limit)));
    problems.extend(judgement.expired.iter().map(|line| format!("{fail}fail{fail:#}  {line}\n")));
    for warning in &judgement.warnings {
        let case = warning.case.as_ref().map(|case| format!("{case}: ")).unwrap_or_default();
        problems.push(format!("{warn}warn{warn:#}  {case}{}\n", warning.message));
    }
    problems
}

fn broken_limit(run: &Run, value: &Value, limit: &Limit) -> String {
    let verdict = value.verdict.unwrap_or_default();
    let style = style(verdict);
    let Metric { id, unit, .. } = value.metric;
    let share =
        limit.margin_share().map(|share| format!(", {:.1} %", share.abs() * 100.0)).unwrap_or_default();
    let mut text = format!(
        "{style}{verdict}{style:#}  {}{} {id}: {}, {} {} (off by {}{share})\n      rule {} in {}\n",
        value.case,
        phase(value.phase.as_deref()),
        quantity(value.value, *unit),
        limit.side.word(),
        quantity(limit.value, *unit),
        quantity(limit.margin.abs(), *unit),
        limit.rule,
        limit.place,
    );
    if let Some(allowed) = &limit.allowed {
        let _ = writeln!(text, "      allowed: {allowed}");
    }
    let _ = writeln!(text, "      fix: look at its call sites on the page, or change the rule");
    let _ = writeln!(text, "      again: {}", again(run, &value.case, value.mode));
    text
}

/// The command that measures one case again, on what the user brought to the run.
fn again(run: &Run, case: &CaseId, mode: Mode) -> String {
    let words = shlex::split(&run.command).unwrap_or_default();
    let given = |flag: &str| {
        let behind = words.iter().position(|word| word == flag).and_then(|i| words.get(i + 1));
        let joined = words.iter().find_map(|word| word.strip_prefix(flag)?.strip_prefix('='));
        let value = shlex::try_quote(behind.map(String::as_str).or(joined)?).ok()?;
        Some(format!(" {flag} {value}"))
    };
    let flags = ["--dataset", "--corpus", "--features", "--model"];
    let given: String = flags.into_iter().filter_map(given).collect();
    format!("cargo xtask bench '{case}' --mode {mode}{given}")
}

fn phase(name: Option<&str>) -> String {
    name.map(|name| format!(" phase {name}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
