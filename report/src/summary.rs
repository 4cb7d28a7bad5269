//! The judgement as one JSON document, for scripts and gates.

use bench_core::case::{CaseId, Mode};
use bench_core::metric::Class;
use serde::Serialize;

use crate::compare::comparison_json;
use crate::report::Report;
use crate::verdict::Verdict;

/// The document: `{"run", "report", "verdict", "metrics": [...], "comparison"}`.
#[derive(Serialize)]
struct Summary<'a> {
    run: &'a str,
    report: &'a str,
    verdict: Verdict,
    metrics: Vec<MetricLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<serde_json::Value>,
}

/// One metric of one case or phase. What is absent is `null`.
#[derive(Serialize)]
struct MetricLine<'a> {
    case: &'a CaseId,
    mode: Mode,
    phase: Option<&'a str>,
    metric: &'a str,
    unit: Option<String>,
    value: Option<f64>,
    class: Option<Class>,
    verdict: Option<Verdict>,
    limit: Option<f64>,
}

/// The run's judgement as JSON.
///
/// One entry per value, in the order of the run: `value` is the median of the repetitions in `unit`; `phase`
/// is null for the whole case; `class` is `exact` or `noisy`; `verdict` and `limit` are null without a limit.
/// A metric that a rule asks for and that is absent has an entry whose `value`, `class` and `limit` are null.
/// `run_path` and `report_path` are repeated as they are given. `comparison` is there with a baseline only;
/// see [`comparison_json`].
pub fn summary_json(report: &Report, run_path: &str, report_path: &str) -> serde_json::Value {
    let mut metrics = Vec::new();
    for case in &report.run.cases {
        let id = &case.spec.id;
        metrics.extend(report.judgement.values.iter().filter(|value| value.case == *id).map(|value| {
            MetricLine {
                case: id,
                mode: value.mode,
                phase: value.phase.as_deref(),
                metric: value.metric.id,
                unit: Some(value.metric.unit.to_string()),
                value: Some(value.value),
                class: Some(value.class),
                verdict: value.verdict,
                limit: value.limit.as_ref().map(|limit| limit.value),
            }
        }));
        metrics.extend(report.judgement.missing.iter().filter(|missing| missing.case == *id).map(
            |missing| MetricLine {
                case: id,
                mode: missing.mode,
                phase: missing.phase.as_deref(),
                metric: missing.metric.id,
                unit: Some(missing.metric.unit.to_string()),
                value: None,
                class: None,
                verdict: Some(missing.verdict),
                limit: None,
            },
        ));
    }
    let comparison = report.comparison.as_ref().map(comparison_json);
    let summary =
        Summary { run: run_path, report: report_path, verdict: report.verdict(), metrics, comparison };
    serde_json::to_value(summary).expect("strings, finite numbers and enums are always JSON")
}
