//! What the page shows of the runs before: small lines, and which runs they are.

use anyhow::Result;
use bench_core::case::CaseId;
use bench_core::metric::Metric;
use serde::Serialize;

use crate::chart::history;
use crate::report::Report;
use crate::text::plural;
use crate::values::Value;

/// The runs that the small lines show.
#[derive(Serialize)]
pub struct Runs {
    summary: String,
    runs: Vec<RunLine>,
}

/// A run before.
#[derive(Serialize)]
struct RunLine {
    id: String,
    other_conditions: String,
}

/// Conditions named of a run; the rest is counted.
const CONDITIONS: usize = 3;

/// The runs before, the newest first. `None` if the page was made without a history, or there is no run
/// before.
pub fn runs(report: &Report) -> Option<Runs> {
    let history = report.history.as_ref().filter(|history| !history.runs.is_empty())?;
    let runs = history.runs.iter().rev().map(|run| {
        let named: Vec<&str> = run.other_conditions.iter().take(CONDITIONS).map(String::as_str).collect();
        let more = run.other_conditions.len().saturating_sub(CONDITIONS);
        let more = if more > 0 { format!("; {more} more") } else { String::new() };
        RunLine { id: run.id.clone(), other_conditions: format!("{}{more}", named.join("; ")) }
    });
    Some(Runs { summary: plural(history.runs.len(), "stored run"), runs: runs.collect() })
}

/// The line of a value that was judged.
pub fn of_value(value: &Value, report: &Report) -> Result<Option<String>> {
    line(&value.case, value.phase.as_deref(), value.metric, value.value, report)
}

/// The line of a number of this run; `None` without a run before that has it.
pub fn line(
    case: &CaseId,
    phase: Option<&str>,
    metric: &Metric,
    now: f64,
    report: &Report,
) -> Result<Option<String>> {
    let Some(history) = &report.history else { return Ok(None) };
    history::line(metric.title, &history.of_value(case, phase, metric), now, metric.unit)
}
