//! What is wrong, worst first, each with its cause and the rule that says so.

use bench_core::run::Run;
use serde::Serialize;

use super::{Link, link};
use crate::compare::Change;
use crate::judge::judgement::Judgement;
use crate::quantity::{human, signed};
use crate::values::Value;
use crate::verdict::Verdict;

/// One thing that is wrong.
#[derive(Serialize)]
pub struct Failure {
    verdict: &'static str,
    kind: String,
    case: Option<Link>,
    what: String,
    rule: Option<String>,
    place: Option<String>,
    note: Option<String>,
    stderr: String,
    usage: Option<Usage>,
}

/// A value against its limit as a bar: shares of the bar's length in per cent.
#[derive(Serialize)]
pub struct Usage {
    /// Where the value ends.
    pub value: u32,
    /// Where the limit stands.
    pub limit: u32,
}

/// Everything that is wrong: instruments, crashes, limits, missing metrics, allowances, warnings.
pub fn failures(run: &Run, judgement: &Judgement) -> Vec<Failure> {
    let mut failures = Vec::new();
    for fault in &judgement.calibration {
        let what = format!(
            "phase {}: {} should be {}, and {} was recorded",
            fault.phase, fault.what, fault.expected, fault.recorded
        );
        failures.push(Failure {
            case: Some(link(run, &fault.case)),
            ..plain(Verdict::Fail, "instruments off", what)
        });
    }
    for failure in &judgement.failures {
        let times = match (failure.failed, failure.repetitions) {
            (1, 1) => String::new(),
            (failed, all) => format!(" ({failed} of {all} repetitions)"),
        };
        failures.push(Failure {
            case: Some(link(run, &failure.case)),
            stderr: failure.stderr.join("\n"),
            ..plain(
                Verdict::Fail,
                &failure.kind.to_string(),
                format!("in mode {}: {}{times}", failure.mode, failure.reason),
            )
        });
    }
    let mut broken: Vec<&Value> =
        judgement.values.iter().filter(|value| value.verdict.is_some_and(|v| v > Verdict::Pass)).collect();
    broken.sort_by_key(|value| std::cmp::Reverse(value.verdict));
    failures.extend(broken.into_iter().filter_map(|value| limit(run, value)));
    for missing in &judgement.missing {
        let of_phase = missing.phase.as_ref().map(|phase| format!(" of phase {phase}")).unwrap_or_default();
        failures.push(Failure {
            case: Some(link(run, &missing.case)),
            rule: Some(missing.rule.clone()),
            place: Some(missing.place.clone()),
            ..plain(
                missing.verdict,
                "metric missing",
                format!("{}{of_phase}: {}", missing.metric, missing.reason),
            )
        });
    }
    if let Some(comparison) = &judgement.comparison {
        let worse = comparison.changes.iter().filter(|change| change.verdict == Verdict::Fail);
        failures.extend(worse.map(|change| regression(run, change)));
    }
    for message in &judgement.expired {
        failures.push(plain(Verdict::Fail, "allowance expired", message.clone()));
    }
    for warning in &judgement.warnings {
        let case = warning.case.as_ref().map(|case| link(run, case));
        failures.push(Failure { case, ..plain(Verdict::Warn, "look at", warning.message.clone()) });
    }
    failures
}

/// A metric that is worse than its baseline allows.
fn regression(run: &Run, change: &Change) -> Failure {
    let unit = change.metric.unit;
    let of_phase = change.phase.as_ref().map(|phase| format!(" of phase {phase}")).unwrap_or_default();
    let shown = |value: Option<f64>| value.map_or("nothing".into(), |value| human(value, unit));
    let difference = change.difference().map(|change| signed(change, unit)).unwrap_or_default();
    let share = change.share().map(|share| format!(", {:+.2} %", share * 100.0)).unwrap_or_default();
    let what = format!(
        "{}{of_phase} went from {} to {} ({difference}{share})",
        change.metric.title,
        shown(change.old),
        shown(change.new)
    );
    let rule = change.gate.as_ref().and_then(|gate| gate.rule.clone());
    Failure {
        case: Some(link(run, &change.case)),
        rule: rule.as_ref().map(|(text, _)| text.clone()),
        place: rule.map(|(_, place)| place),
        usage: change.old.zip(change.new).and_then(|(old, new)| usage(new, old)),
        ..plain(change.verdict, "worse than the baseline", what)
    }
}

fn plain(verdict: Verdict, kind: &str, what: String) -> Failure {
    Failure {
        verdict: verdict.word(),
        kind: kind.into(),
        case: None,
        what,
        rule: None,
        place: None,
        note: None,
        stderr: String::new(),
        usage: None,
    }
}

fn limit(run: &Run, value: &Value) -> Option<Failure> {
    let (verdict, limit) = (value.verdict?, value.limit.as_ref()?);
    let unit = value.metric.unit;
    let of_phase = value.phase.as_ref().map(|phase| format!(" of phase {phase}")).unwrap_or_default();
    let share = limit.margin_share().map(|share| format!(" ({:.1} %)", -share * 100.0)).unwrap_or_default();
    let what = format!(
        "{}{of_phase} is {}, {}{share} beyond its limit of {} ({})",
        value.metric.title,
        human(value.value, unit),
        human(-limit.margin, unit),
        limit.text,
        human(limit.value, unit)
    );
    Some(Failure {
        case: Some(link(run, &value.case)),
        rule: Some(limit.rule.clone()),
        place: Some(limit.place.clone()),
        note: limit.allowed.clone(),
        usage: usage(value.value, limit.value),
        ..plain(verdict, "limit broken", what)
    })
}

/// The bar of a value and its limit; `None` where a length would mean nothing.
pub fn usage(value: f64, limit: f64) -> Option<Usage> {
    let most = value.max(limit);
    let share = |part: f64| (part / most * 100.0).round() as u32;
    (most > 0.0 && value >= 0.0 && limit >= 0.0).then(|| Usage { value: share(value), limit: share(limit) })
}
