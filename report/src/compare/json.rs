//! A comparison as one JSON document, for scripts and gates.

use serde_json::{Value, json};

use super::{Change, Comparison, Difference, SitesDifference};
use crate::call_sites::{SiteChange, SiteCount};

/// The document: `{"baseline", "old", "new", "verdict", "changes": [...], "cases": [...], "notes": [...],
/// "sites"}`.
///
/// A change has `old` and `new` in `unit`, null where a run lacks the number; `outcome` is its word and
/// `reason` says more; `ratio`, `interval` and `p` are of noisy metrics only; `prediction` is what the stored
/// runs predict. A condition that a run does not know is null, and so is a count of a call site that is not
/// among the top that a run keeps (`unknown` says so).
pub fn comparison_json(comparison: &Comparison) -> Value {
    json!({
        "baseline": comparison.baseline,
        "old": comparison.old_run,
        "new": comparison.new_run,
        "verdict": comparison.verdict,
        "headline": comparison.headline(),
        "undecided": comparison.is_undecided(),
        "changes": comparison.changes.iter().map(change).collect::<Vec<_>>(),
        "cases": comparison.cases.iter().map(|case| json!({
            "case": case.case,
            "state": case.state.text(),
            "verdict": case.verdict,
        })).collect::<Vec<_>>(),
        "notes": comparison.notes.iter().map(difference).collect::<Vec<_>>(),
        "sites": comparison.sites.iter().map(|(case, found)| (case.to_string(), sites(found)))
            .collect::<serde_json::Map<_, _>>(),
        "unexplained": comparison.unexplained.iter().map(|(case, reason)| (case.to_string(), reason.as_str().into()))
            .collect::<serde_json::Map<_, _>>(),
    })
}

fn change(change: &Change) -> Value {
    let noise = change.noise.as_ref();
    let rule = change.gate.as_ref().and_then(|gate| gate.rule.as_ref());
    json!({
        "case": change.case,
        "mode": change.mode,
        "phase": change.phase,
        "metric": change.metric.id,
        "unit": change.metric.unit.to_string(),
        "class": change.class,
        "old": change.old,
        "new": change.new,
        "change": change.difference(),
        "share": change.share(),
        "ratio": noise.map(|noise| noise.ratio),
        "interval": noise.map(|noise| noise.interval),
        "p": noise.map(|noise| noise.p),
        "outcome": change.outcome.word(),
        "reason": change.reason(),
        "prediction": change.prediction.as_ref().map(|it| json!({
            "runs": it.runs,
            "left_out": it.left_out,
            "mean": it.interval.map(|(mean, _)| mean),
            "worst": it.interval.map(|(_, worst)| worst),
        })),
        "judged": change.gate.is_some(),
        "verdict": change.verdict,
        "rule": rule.map(|(text, _)| text),
        "place": rule.map(|(_, place)| place),
        "allowed": change.allowed,
        "cause": change.cause,
    })
}

fn difference(difference: &Difference) -> Value {
    json!({
        "key": difference.key,
        "old": difference.old,
        "new": difference.new,
        "unknown": difference.is_unknown(),
    })
}

fn sites(found: &SitesDifference) -> Value {
    let site = |site: &SiteChange| {
        json!({
            "stack": site.stack(),
            "peak_bytes": (site.old.count(SiteCount::Peak), site.new.count(SiteCount::Peak)),
            "total_bytes": (site.old.count(SiteCount::Total), site.new.count(SiteCount::Total)),
            "unknown": site.unknown(),
        })
    };
    json!({
        "peak_bytes": found.peak_bytes,
        "total_bytes": found.total_bytes,
        "ranked_by": found.by,
        "sites": found.sites.iter().map(site).collect::<Vec<_>>(),
    })
}
