//! A judged run for people at a terminal: a table, then what is wrong and how to go on, then the verdict.

use std::collections::BTreeMap;
use std::fmt::Write;

use bench_core::case::{CaseId, CaseSpec, Kind};
use bench_core::metric::{Metric, Source, heap, native, rss, server, time};
use bench_core::run::{CaseRecord, Run};
use report::headline::{self, Headline};
use report::quantity::human as quantity;
use report::{Report, Verdict, plural};

use crate::term::comparison_table;
use crate::term::findings::findings;
use crate::term::text_table::{Align, TableRow, styled_table};
use crate::term::verdict_style::style;

/// A column between the case and its verdict: numbers of the whole case, of which the first that it has is
/// shown.
struct MetricColumn {
    heading: &'static str,
    numbers: Vec<&'static Metric>,
}

/// The columns of a run; those of which no case has a number are left out later.
fn columns(counts_all_memory: bool) -> Vec<MetricColumn> {
    let one = |heading, metric| MetricColumn { heading, numbers: vec![metric] };
    let all = |heading, headline: &Headline| MetricColumn { heading, numbers: headline.metrics().collect() };
    let of_a_server = |heading, metric, server| MetricColumn { heading, numbers: vec![server, metric] };
    let (rss, time) = (one("peak RSS", &rss::PEAK), one("time", &time::MEDIAN));
    if counts_all_memory {
        let memory = [all("peak memory", &headline::PEAK), all("growth", &headline::GROWTH)];
        let heap = [one("peak heap", &heap::PEAK), one("average heap", &heap::AVERAGE)];
        return memory.into_iter().chain(heap).chain([rss, time]).collect();
    }
    vec![
        of_a_server("peak", &heap::PEAK, &server::PEAK),
        one("peak C heap", &native::PEAK),
        one("average", &heap::AVERAGE),
        of_a_server("growth", &heap::GROWTH, &server::GROWTH),
        rss,
        time,
    ]
}

/// Stands before a number of a server.
const SERVER: &str = "S ";
/// Stands before a number of Rust's heap where others are of all memory.
const HEAP: &str = "H ";
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

/// A row for each case that was measured. Calibrations have one only where something is wrong with them, or
/// where the run is about nothing else: the last lines say what they found.
fn table(report: &Report) -> String {
    let run = report.run;
    let calibrates = |case: &CaseRecord| case.spec.is(Kind::Calibration);
    let is_about_them = run.cases.iter().all(calibrates);
    let is_shown = |case: &&CaseRecord| {
        let is_wrong = report.case_verdict(&case.spec.id) > Some(Verdict::Pass);
        !case.measurements.is_empty() && (is_wrong || is_about_them || !calibrates(case))
    };
    let cases: Vec<&CaseRecord> = run.cases.iter().filter(is_shown).collect();
    if cases.is_empty() {
        return String::new();
    }
    let counts_all_memory = headline::counts_all_memory(report);
    let mut columns = columns(counts_all_memory);
    columns.retain(|column| cases.iter().any(|case| cell(column, case, report).is_some()));
    let rows: Vec<TableRow> = cases.iter().map(|case| row(&columns, case, report)).collect();
    let head: Vec<&str> =
        ["case"].into_iter().chain(columns.iter().map(|column| column.heading)).chain(["verdict"]).collect();
    let mut align = vec![Align::Right; head.len()];
    (align[0], align[head.len() - 1]) = (Align::Left, Align::Left);
    let mut text = styled_table(&head, &rows, &align);
    let has = |mark: &str| rows.iter().any(|row| row.cells[1..].iter().any(|cell| cell.starts_with(mark)));
    if has(SERVER) {
        let clients = if counts_all_memory { "heap, average and peak RSS" } else { "average and peak RSS" };
        let _ = writeln!(
            text,
            "S: the server's memory, PSS of all its processes, sampled, what it held before included in the peak; {clients} \
             are its client's"
        );
    }
    if has(HEAP) {
        let _ = writeln!(text, "H: Rust's heap alone; all memory (mode native) was not counted");
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

/// The first number of a column that a case has, marked where it is not what the others are.
fn cell(column: &MetricColumn, case: &CaseRecord, report: &Report) -> Option<String> {
    let value = |metric: &&'static Metric| report.judgement.value(&case.spec.id, None, metric);
    let value = column.numbers.iter().find_map(value)?;
    let of_all_memory = column.numbers.iter().any(|metric| metric.source == Source::AllMemory);
    if of_all_memory && value.metric.source == Source::RustHeap && headline::works_with_a_server(case) {
        // It is the client's, and stands in the columns of the heap.
        return None;
    }
    let mark = match value.metric.source {
        Source::Server => SERVER,
        Source::RustHeap if of_all_memory => HEAP,
        _ => "",
    };
    Some(format!("{mark}{}", quantity(value.value, value.metric.unit)))
}

fn row(columns: &[MetricColumn], case: &CaseRecord, report: &Report) -> TableRow {
    let id = &case.spec.id;
    let verdict = report.case_verdict(id);
    let mut cells = vec![id.to_string()];
    cells.extend(columns.iter().map(|column| cell(column, case, report).unwrap_or_else(|| ABSENT.into())));
    cells.push(verdict.map_or(ABSENT, Verdict::word).to_string());
    TableRow { cells, last: verdict.map(style).unwrap_or_default(), below: String::new() }
}

#[cfg(test)]
mod tests;
