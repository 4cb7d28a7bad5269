//! A row for each number of each case and phase, as RFC 4180 has it.

use std::collections::HashMap;

use bench_core::metric::Class;

use crate::compare::Change;
use crate::report::Report;
use crate::verdict::Verdict;

/// The columns.
const HEAD: [&str; 12] = [
    "case",
    "phase",
    "mode",
    "metric",
    "unit",
    "class",
    "repetitions",
    "value",
    "limit",
    "verdict",
    "baseline",
    "against_baseline",
];

/// Numbers are written with a point and without rounding; what is absent is empty.
pub(super) fn csv(report: &Report) -> String {
    let changes = report.comparison.iter().flat_map(|comparison| &comparison.changes);
    let changes: HashMap<_, &Change> =
        changes.map(|change| ((&change.case, change.phase.as_deref(), change.metric.id), change)).collect();
    let mut text = row(&HEAD.map(str::to_string));
    for value in &report.judgement.values {
        let change = changes.get(&(&value.case, value.phase.as_deref(), value.metric.id));
        let shown = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
        let class = match (value.repeatable, value.class) {
            (false, _) => "not repeatable",
            (true, Class::Exact) => "exact",
            (true, _) => "noisy",
        };
        text.push_str(&row(&[
            value.case.to_string(),
            value.phase.as_deref().map(no_formula).unwrap_or_default(),
            value.mode.to_string(),
            value.metric.id.into(),
            value.metric.unit.to_string(),
            class.into(),
            value.samples.len().to_string(),
            value.value.to_string(),
            shown(value.limit.as_ref().map(|limit| limit.value)),
            value.verdict.map_or("", Verdict::word).into(),
            shown(change.and_then(|change| change.old)),
            change.map_or("", |change| change.outcome.word()).into(),
        ]));
    }
    text
}

/// A text of the run that no spreadsheet takes for a formula
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn no_formula(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.into() }
}

fn row(cells: &[String]) -> String {
    let quoted = cells.iter().map(|cell| {
        if cell.contains(['"', ',', '\r', '\n']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.clone()
        }
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}
