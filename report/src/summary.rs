//! The judgement as one JSON document, for scripts and gates.

use bench_core::case::{CaseId, Mode};
use bench_core::metric::Class;
use serde::Serialize;

use crate::compare::comparison_json;
use crate::report::Report;
use crate::snapshot::{SnapshotCheck, SnapshotMismatch, SnapshotState};
use crate::verdict::Verdict;

/// The document: `{"run", "report", "verdict", "metrics": [...], "comparison", "snapshot"}`.
#[derive(Serialize)]
struct Summary<'a> {
    run: &'a str,
    report: &'a str,
    verdict: Verdict,
    metrics: Vec<MetricLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<SnapshotLine<'a>>,
}

/// What is said against a snapshot.
#[derive(Serialize)]
struct SnapshotLine<'a> {
    file: &'a str,
    verdict: Verdict,
    judged: usize,
    mismatches: Vec<MismatchLine<'a>>,
}

/// Something that is not as in the snapshot. What does not apply is `null`.
#[derive(Serialize)]
struct MismatchLine<'a> {
    state: &'static str,
    verdict: Verdict,
    case: Option<&'a CaseId>,
    metric: Option<&'static str>,
    line: Option<usize>,
    old: Option<f64>,
    new: Option<f64>,
    reason: Option<&'a str>,
    cause: Option<&'a str>,
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
/// see [`comparison_json`]. `snapshot` is there with a snapshot only: the `file`, how many numbers were
/// `judged`, and its `mismatches`, each with its `state` (worse, better, case gone, number gone, new case,
/// not judged).
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
    let snapshot = report.snapshot.as_ref().map(snapshot_line);
    let verdict = report.verdict();
    let summary = Summary { run: run_path, report: report_path, verdict, metrics, comparison, snapshot };
    serde_json::to_value(summary).expect("strings, finite numbers and enums are always JSON")
}

fn snapshot_line(check: &SnapshotCheck) -> SnapshotLine<'_> {
    SnapshotLine {
        file: &check.path,
        verdict: check.verdict(),
        judged: check.judged,
        mismatches: check.mismatches.iter().map(mismatch_line).collect(),
    }
}

fn mismatch_line(mismatch: &SnapshotMismatch) -> MismatchLine<'_> {
    let state = &mismatch.state;
    let (old, new, reason) = match state {
        SnapshotState::Worse { old, new } | SnapshotState::Better { old, new } => {
            (Some(*old), Some(*new), None)
        }
        SnapshotState::NumberGone(reason) | SnapshotState::NotJudged(reason) => {
            (None, None, Some(reason.as_str()))
        }
        SnapshotState::CaseGone | SnapshotState::NewCase(_) => (None, None, None),
    };
    MismatchLine {
        state: state.word(),
        verdict: state.verdict(),
        case: mismatch.case.as_ref(),
        metric: mismatch.metric.map(|metric| metric.id),
        line: (mismatch.line > 0).then_some(mismatch.line),
        old,
        new,
        reason,
        cause: mismatch.cause.as_deref(),
    }
}
