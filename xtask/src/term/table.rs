//! A judged run for people at a terminal: a table, then what is wrong and how to go on, then the verdict.

use std::collections::BTreeMap;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use bench_core::case::{CaseId, CaseSpec, Kind};
use bench_core::metric::Metric;
use bench_core::run::{CaseRecord, Run};
use report::quantity::human as quantity;
use report::{CaseFailure, Judgement, Limit, MissingMetric, Value, Verdict, plural};

use crate::cli::again::again;
use crate::term::comparison_table;
use crate::term::text_table::{Align, TableRow, styled_table};

/// A column between the case and its verdict: a metric of the whole case, and what is shown, marked, in its place.
struct Column {
    heading: &'static str,
    metric: &'static str,
    /// Of the C heap, where Rust's was not counted.
    c_heap: Option<&'static str>,
    /// Of the server, where the case has one: the heap is its client's then.
    server: Option<&'static str>,
}

const fn column(
    heading: &'static str,
    metric: &'static str,
    c_heap: Option<&'static str>,
    server: Option<&'static str>,
) -> Column {
    Column { heading, metric, c_heap, server }
}

const COLUMNS: [Column; 5] = [
    column("peak", "heap.peak", Some("native.peak"), Some("server.peak")),
    column("average", "heap.average", None, None),
    column("growth", "heap.growth", Some("native.growth"), Some("server.growth")),
    column("peak RSS", "rss.peak", None, None),
    column("time", "time.median", None, None),
];
/// Stands before a number of the C heap.
const C_HEAP: &str = "C ";
/// Stands before a number of a server.
const SERVER: &str = "S ";
/// What stands where nothing was measured or judged.
const ABSENT: &str = "-";
/// Lines of stderr shown for a failed case; the run's file and the page have more.
const STDERR_LINES: usize = 5;
/// Cases named behind the first of which something is said.
const NAMED: usize = 3;

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
    let not_measured = not_measured(run);
    if !not_measured.is_empty() {
        let _ = write!(text, "\n{not_measured}");
    }
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

/// A row for each case that was measured. Calibrations have one only where something is wrong with them, or where the run is
/// about nothing else: the last lines say what they found.
fn table(run: &Run, judgement: &Judgement) -> String {
    let calibrates = |case: &CaseRecord| case.spec.is(Kind::Calibration);
    let is_about_them = run.cases.iter().all(calibrates);
    let is_shown = |case: &&CaseRecord| {
        let is_wrong = judgement.case_verdict(&case.spec.id) > Some(Verdict::Pass);
        !case.measurements.is_empty() && (is_wrong || is_about_them || !calibrates(case))
    };
    let rows: Vec<TableRow> = run.cases.iter().filter(is_shown).map(|case| row(case, judgement)).collect();
    if rows.is_empty() {
        return String::new();
    }
    let head: Vec<&str> =
        ["case"].into_iter().chain(COLUMNS.map(|column| column.heading)).chain(["verdict"]).collect();
    let mut align = vec![Align::Right; head.len()];
    (align[0], align[head.len() - 1]) = (Align::Left, Align::Left);
    let mut text = styled_table(&head, &rows, &align);
    let has = |mark: &str| rows.iter().any(|row| row.cells[1..].iter().any(|cell| cell.starts_with(mark)));
    if has(SERVER) {
        let _ = writeln!(
            text,
            "S: the server's memory, PSS of all its processes, what it held before included in the peak; average and peak \
             RSS are its client's"
        );
    }
    if has(C_HEAP) {
        let _ = writeln!(
            text,
            "C: the C heap in usable bytes (mode native), where no heap of Rust was counted; what an engine maps itself \
             is in RSS only"
        );
    }
    text
}

/// What was asked for and could not be measured: a line for each reason.
fn not_measured(run: &Run) -> String {
    let mut reasons: Vec<(&str, Vec<&CaseSpec>)> = Vec::new();
    for spec in run.cases.iter().filter(|case| case.measurements.is_empty()).map(|case| &case.spec) {
        let reason = run.settings.modes.iter().find_map(|mode| spec.absent_modes.get(mode));
        let Some(reason) = reason else { continue };
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, specs)) => specs.push(spec),
            None => reasons.push((reason, vec![spec])),
        }
    }
    let line = |(reason, specs): (&str, Vec<&CaseSpec>)| match &specs[..] {
        [spec] => format!("not measured: {}: {reason}\n", spec.id),
        specs => format!("not measured: {}: {reason}\n", plural(specs.len(), "case")),
    };
    reasons.into_iter().map(line).collect()
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

fn row(case: &CaseRecord, judgement: &Judgement) -> TableRow {
    let id = &case.spec.id;
    let shown = |metric: &str| {
        let value = judgement.value(id, None, metric)?;
        Some(quantity(value.value, value.metric.unit))
    };
    let marked = |mark, metric: Option<&str>| Some(format!("{mark}{}", shown(metric?)?));
    let cell = |column: Column| {
        let text = marked(SERVER, column.server).or_else(|| shown(column.metric));
        text.or_else(|| marked(C_HEAP, column.c_heap)).unwrap_or_else(|| ABSENT.to_string())
    };
    let verdict = judgement.case_verdict(id);
    let mut cells = vec![id.to_string()];
    cells.extend(COLUMNS.map(cell));
    cells.push(verdict.map_or(ABSENT, Verdict::word).to_string());
    TableRow { cells, last: verdict.map(style).unwrap_or_default(), below: String::new() }
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
    let same_failure =
        |a: &CaseFailure, b: &CaseFailure| (a.kind, &a.reason, &a.stderr) == (b.kind, &b.reason, &b.stderr);
    for (failure, others) in alike(&judgement.failures, same_failure) {
        let mut text = format!(
            "{fail}fail{fail:#}  {} in mode {}: {}: {} ({} of {} processes)\n",
            failure.case, failure.mode, failure.kind, failure.reason, failure.failed, failure.repetitions
        );
        // The last lines of a panic are its backtrace; what it said stands in the reason.
        if !failure.reason.contains("panicked at ") {
            for line in &failure.stderr[failure.stderr.len().saturating_sub(STDERR_LINES)..] {
                // What is the reason stands above.
                if line.strip_prefix("error: ").is_none_or(|said| said.trim() != failure.reason.trim()) {
                    let _ = writeln!(text, "      | {line}");
                }
            }
        }
        let others: Vec<String> =
            others.iter().map(|other| format!("{} in mode {}", other.case, other.mode)).collect();
        text.push_str(&likewise(&others));
        let _ = writeln!(
            text,
            "      again: {}",
            again(&run.command, &failure.case.to_string(), &[failure.mode])
        );
        problems.push(text);
    }
    let same_lack = |a: &MissingMetric, b: &MissingMetric| {
        (a.verdict, a.metric, &a.reason, &a.place) == (b.verdict, b.metric, &b.reason, &b.place)
    };
    for (missing, others) in alike(&judgement.missing, same_lack) {
        let style = style(missing.verdict);
        let others: Vec<String> =
            others.iter().map(|other| format!("{}{}", other.case, phase(other.phase.as_deref()))).collect();
        problems.push(format!(
            "{style}{}{style:#}  {}{} {}: absent: {}\n{}      rule {} in {}\n",
            missing.verdict,
            missing.case,
            phase(missing.phase.as_deref()),
            missing.metric,
            missing.reason,
            likewise(&others),
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
    for (warning, others) in alike(&judgement.warnings, |a, b| a.message == b.message) {
        let case = warning.case.as_ref().map(|case| format!("{case}: ")).unwrap_or_default();
        let others: Vec<String> =
            others.iter().filter_map(|other| other.case.as_ref()).map(ToString::to_string).collect();
        problems.push(format!("{warn}warn{warn:#}  {case}{}\n{}", warning.message, likewise(&others)));
    }
    problems
}

/// The items, each once with all later ones of which the same is said.
fn alike<T>(items: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<(&T, Vec<&T>)> {
    let mut found: Vec<(&T, Vec<&T>)> = Vec::new();
    for item in items {
        match found.iter_mut().find(|(first, _)| same(first, item)) {
            Some((_, others)) => others.push(item),
            None => found.push((item, Vec::new())),
        }
    }
    found
}

/// The line that names the others of which the same is said; nothing without any.
fn likewise(others: &[String]) -> String {
    let more = others.len().saturating_sub(NAMED);
    let mut named: Vec<String> = others.iter().take(NAMED).cloned().collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    if named.is_empty() { String::new() } else { format!("      likewise: {}\n", named.join(", ")) }
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
    let _ = writeln!(text, "      again: {}", again(&run.command, &value.case.to_string(), &[value.mode]));
    text
}

fn phase(name: Option<&str>) -> String {
    name.map(|name| format!(" phase {name}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
