//! What is wrong, worst first, each with its cause and the rule that says so.

use serde::Serialize;

use super::{Link, link};
use crate::findings::{Finding, alike};
use crate::report::Report;

/// One finding, and where else the same is found.
#[derive(Serialize)]
pub struct FindingItem {
    verdict: &'static str,
    kind: &'static str,
    case: Option<Link>,
    what: String,
    likewise: Vec<Likewise>,
    more: usize,
    rule: Option<String>,
    place: Option<String>,
    allowed: Option<String>,
    stderr: String,
    usage: Option<Usage>,
}

/// Where the same is found.
#[derive(Serialize)]
struct Likewise {
    case: Option<Link>,
    subject: String,
}

/// A value against its limit as a bar: shares of the bar's length in per cent.
#[derive(Serialize)]
pub struct Usage {
    /// Where the value ends.
    pub value: u32,
    /// Where the limit stands.
    pub limit: u32,
}

/// Cases named beside the first of which the same is said; the rest is counted.
const NAMED: usize = 12;

/// The findings of a run.
pub fn findings(report: &Report) -> Vec<FindingItem> {
    alike(&report.findings).into_iter().map(|(finding, others)| item(finding, &others, report)).collect()
}

fn item(finding: &Finding, others: &[&Finding], report: &Report) -> FindingItem {
    let linked = |finding: &Finding| finding.case.as_ref().map(|case| link(report.run, case));
    let likewise = |other: &&Finding| Likewise { case: linked(other), subject: other.subject() };
    FindingItem {
        verdict: finding.verdict.word(),
        kind: finding.kind.title(),
        case: linked(finding),
        what: finding.sentence(),
        likewise: others.iter().take(NAMED).map(likewise).collect(),
        more: others.len().saturating_sub(NAMED),
        rule: finding.rule.as_ref().map(|rule| rule.text.clone()),
        place: finding.rule.as_ref().map(|rule| rule.place.clone()),
        allowed: finding.allowed.clone(),
        stderr: finding.stderr.join("\n"),
        usage: finding.beyond.and_then(|(value, limit)| usage(value, limit)),
    }
}

/// The bar of a value and its limit; `None` where a length would mean nothing.
pub fn usage(value: f64, limit: f64) -> Option<Usage> {
    let most = value.max(limit);
    let share = |part: f64| (part / most * 100.0).round() as u32;
    (most > 0.0 && value >= 0.0 && limit >= 0.0).then(|| Usage { value: share(value), limit: share(limit) })
}
