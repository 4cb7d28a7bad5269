//! A judged run for people at a terminal: a table, then what is wrong and how to go on, then the verdict.

use std::collections::BTreeMap;
use std::fmt::Write;

use bench_core::case::{CaseId, CaseSpec, Kind};
use bench_core::metric::{Metric, heap, native, rss, server, time};
use bench_core::run::{CaseRecord, Run};
use report::quantity::human as quantity;
use report::{Report, Verdict, plural};

use crate::term::comparison_table;
use crate::term::findings::findings;
use crate::term::text_table::{Align, TableRow, styled_table};
use crate::term::verdict_style::style;

/// A column between the case and its verdict: a metric of the whole case, and what is shown, marked, in its place.
struct MetricColumn {
    heading: &'static str,
    metric: &'static Metric,
    /// Of the C heap, where Rust's was not counted.
    c_heap: Option<&'static Metric>,
    /// Of the server, where the case has one: the heap is its client's then.
    server: Option<&'static Metric>,
}

const fn column(
    heading: &'static str,
    metric: &'static Metric,
    c_heap: Option<&'static Metric>,
    server: Option<&'static Metric>,
) -> MetricColumn {
    MetricColumn { heading, metric, c_heap, server }
}

const COLUMNS: [MetricColumn; 5] = [
    column("peak", &heap::PEAK, Some(&native::PEAK), Some(&server::PEAK)),
    column("average", &heap::AVERAGE, None, None),
    column("growth", &heap::GROWTH, Some(&native::GROWTH), Some(&server::GROWTH)),
    column("peak RSS", &rss::PEAK, None, None),
    column("time", &time::MEDIAN, None, None),
];
/// Stands before a number of the C heap.
const C_HEAP: &str = "C ";
/// Stands before a number of a server.
const SERVER: &str = "S ";
/// What stands where nothing was measured or judged.
const ABSENT: &str = "-";

/// The whole text, with colours.
pub fn human(report: &Report, page: &str) -> String {
    let Report { run, judgement, .. } = report;
    let mut text = table(report);
    text.push_str(&unjudged(run));
    for finding in findings(report) {
        text.push('\n');
        text.push_str(&finding);
    }
    if let Some(comparison) = &report.comparison {
        let _ = write!(text, "\n{}", comparison_table::human(comparison, false));
    }
    let style = style(report.verdict());
    let not_measured = not_measured(run);
    if !not_measured.is_empty() {
        let _ = write!(text, "\n{not_measured}");
    }
    let verdict = report.verdict().word().to_uppercase();
    let _ = write!(text, "\n{style}{verdict}{style:#}  {}", report.headline());
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

/// A row for each case that was measured. Calibrations have one only where something is wrong with them, or where the run is
/// about nothing else: the last lines say what they found.
fn table(report: &Report) -> String {
    let run = report.run;
    let calibrates = |case: &CaseRecord| case.spec.is(Kind::Calibration);
    let is_about_them = run.cases.iter().all(calibrates);
    let is_shown = |case: &&CaseRecord| {
        let is_wrong = report.case_verdict(&case.spec.id) > Some(Verdict::Pass);
        !case.measurements.is_empty() && (is_wrong || is_about_them || !calibrates(case))
    };
    let rows: Vec<TableRow> = run.cases.iter().filter(is_shown).map(|case| row(case, report)).collect();
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

fn row(case: &CaseRecord, report: &Report) -> TableRow {
    let id = &case.spec.id;
    let shown = |metric: &Metric| {
        let value = report.judgement.value(id, None, metric)?;
        Some(quantity(value.value, value.metric.unit))
    };
    let marked = |mark, metric: Option<&Metric>| Some(format!("{mark}{}", shown(metric?)?));
    let cell = |column: MetricColumn| {
        let text = marked(SERVER, column.server).or_else(|| shown(column.metric));
        text.or_else(|| marked(C_HEAP, column.c_heap)).unwrap_or_else(|| ABSENT.to_string())
    };
    let verdict = report.case_verdict(id);
    let mut cells = vec![id.to_string()];
    cells.extend(COLUMNS.map(cell));
    cells.push(verdict.map_or(ABSENT, Verdict::word).to_string());
    TableRow { cells, last: verdict.map(style).unwrap_or_default(), below: String::new() }
}

#[cfg(test)]
mod tests;
