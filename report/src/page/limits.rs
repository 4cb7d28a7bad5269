//! The threshold table: every limit that was judged, the nearest to break first.

use bench_core::run::Run;
use serde::Serialize;

use super::findings::{Usage, usage};
use super::overview::percent;
use super::{Link, link};
use crate::quantity::{exact, human};
use crate::report::Report;
use crate::values::Value;
use crate::verdict::Verdict;

/// One limit of one value.
#[derive(Serialize)]
pub struct LimitRow {
    verdict: &'static str,
    case: Link,
    phase: String,
    metric: &'static str,
    value: String,
    exact: String,
    limit: String,
    written: String,
    margin: String,
    usage: Option<Usage>,
    rule: String,
    place: String,
    allowed: Option<String>,
}

/// All limits, broken ones first, then by the share that is left.
pub fn limits(report: &Report) -> Vec<LimitRow> {
    let mut rows: Vec<(Verdict, f64, LimitRow)> =
        report.judgement.values.iter().filter_map(|value| limit(report.run, value)).collect();
    rows.extend(report.judgement.missing.iter().map(|missing| {
        let row = LimitRow {
            verdict: missing.verdict.word(),
            case: link(report.run, &missing.case),
            phase: missing.phase.clone().unwrap_or_default(),
            metric: missing.metric.id,
            value: "absent".into(),
            exact: missing.reason.clone(),
            limit: String::new(),
            written: String::new(),
            margin: String::new(),
            usage: None,
            rule: missing.rule.clone(),
            place: missing.place.clone(),
            allowed: None,
        };
        (missing.verdict, 0.0, row)
    }));
    rows.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)));
    rows.into_iter().map(|(_, _, row)| row).collect()
}

fn limit(run: &Run, value: &Value) -> Option<(Verdict, f64, LimitRow)> {
    let (verdict, limit) = (value.verdict?, value.limit.as_ref()?);
    let share = limit.margin_share();
    let row = LimitRow {
        verdict: verdict.word(),
        case: link(run, &value.case),
        phase: value.phase.clone().unwrap_or_default(),
        metric: value.metric.id,
        value: human(value.value, value.metric.unit),
        exact: exact(value.value, value.metric.unit),
        limit: human(limit.value, value.metric.unit),
        written: limit.text.clone(),
        margin: share.map_or_else(|| human(limit.margin, value.metric.unit), percent),
        usage: usage(value.value, limit.value),
        rule: limit.rule.clone(),
        place: limit.place.clone(),
        allowed: limit.allowed.clone(),
    };
    Some((verdict, share.unwrap_or(0.0), row))
}
