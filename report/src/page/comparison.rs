//! The run against its baseline: what changed, what cannot be compared, and the call sites behind it.

use std::collections::BTreeMap;

use anyhow::Result;
use bench_core::metric::Unit;
use bench_core::run::Run;
use serde::Serialize;

use super::{Link, history, link};
use crate::capitalised;
use crate::comparison::{Change, Comparison, Outcome, SiteChange};
use crate::judgement::{Judgement, Verdict, plural};
use crate::quantity::{exact, human, signed};

/// More rows make the page heavy; the rest stands in the JSON of `compare`.
const ROWS: usize = 200;
/// Call sites of one case.
const SITES: usize = 5;

/// What the page shows of a comparison.
#[derive(Serialize)]
pub struct Compared {
    verdict: &'static str,
    headline: String,
    old_run: String,
    rows: Vec<Row>,
    hidden: usize,
    cases: Vec<CaseLine>,
    incomparable: Vec<String>,
    notes: Vec<String>,
    sites: Vec<CaseSites>,
}

/// One metric that changed.
#[derive(Serialize)]
struct Row {
    verdict: &'static str,
    case: Link,
    phase: String,
    metric: &'static str,
    old: String,
    new: String,
    exact: String,
    change: String,
    share: String,
    interval: String,
    outcome: String,
    reason: String,
    history: Option<String>,
}

/// A case that one of the runs lacks, or that failed.
#[derive(Serialize)]
struct CaseLine {
    verdict: &'static str,
    case: Link,
    text: String,
}

/// The call sites of one case whose bytes changed.
#[derive(Serialize)]
struct CaseSites {
    case: Link,
    summary: String,
    rows: Vec<SiteRow>,
}

/// One call site.
#[derive(Serialize)]
struct SiteRow {
    peak: String,
    total: String,
    name: String,
}

/// The comparison of a run.
pub fn compared(run: &Run, comparison: &Comparison, judgement: &Judgement) -> Result<Compared> {
    let mut news: Vec<&Change> = comparison.changes.iter().filter(|change| is_news(change)).collect();
    let size = |change: &Change| change.share().map_or(f64::INFINITY, f64::abs);
    news.sort_by(|a, b| b.verdict.cmp(&a.verdict).then(size(b).total_cmp(&size(a))));
    Ok(Compared {
        verdict: comparison.verdict.word(),
        headline: capitalised(&comparison.headline()),
        old_run: comparison.old_run.clone(),
        hidden: news.len().saturating_sub(ROWS),
        rows: news.into_iter().take(ROWS).map(|change| row(run, change, judgement)).collect::<Result<_>>()?,
        cases: comparison
            .cases
            .iter()
            .map(|case| CaseLine {
                verdict: case.verdict.word(),
                case: link(run, &case.case),
                text: case.state.text(),
            })
            .collect(),
        incomparable: incomparable(comparison),
        notes: comparison.notes.iter().map(|note| note.to_string()).collect(),
        sites: sites(run, comparison),
    })
}

/// Whether a change is shown: judged and not the same, and not one of the many that are incomparable.
fn is_news(change: &Change) -> bool {
    let moved = matches!(
        change.outcome,
        Outcome::Better | Outcome::Changed | Outcome::Worse | Outcome::Unconfirmed | Outcome::Refuted
    );
    let incomparable = matches!(change.outcome, Outcome::Incomparable(_));
    !incomparable && (change.verdict > Verdict::Pass || (moved && change.gate.is_some()))
}

fn row(run: &Run, change: &Change, judgement: &Judgement) -> Result<Row> {
    let unit = change.metric.unit;
    let shown = |value: Option<f64>| value.map_or("–".into(), |value| human(value, unit));
    let in_full = |value: Option<f64>| value.map_or("absent".into(), |value| exact(value, unit));
    let percent = |share: f64| format!("{:+.2} %", share * 100.0);
    let interval = change.noise.as_ref().map(|noise| noise.interval);
    let rule = change.gate.as_ref().and_then(|gate| gate.rule.as_ref());
    let reasons = [
        change.reason(),
        rule.map(|(text, place)| format!("rule {text} in {place}")),
        change.allowed.clone(),
    ];
    let history =
        |now: f64| history::line(&change.case, change.phase.as_deref(), change.metric, now, judgement);
    Ok(Row {
        verdict: if change.verdict > Verdict::Pass { change.verdict.word() } else { "" },
        case: link(run, &change.case),
        phase: change.phase.clone().unwrap_or_default(),
        metric: change.metric.title,
        old: shown(change.old),
        new: shown(change.new),
        exact: format!("{} → {}", in_full(change.old), in_full(change.new)),
        change: change.difference().map_or("–".into(), |difference| signed(difference, unit)),
        share: change.share().map_or("–".into(), percent),
        interval: interval
            .map(|(low, high)| format!("{} to {}", percent(low - 1.0), percent(high - 1.0)))
            .unwrap_or_default(),
        outcome: change.outcome.word().into(),
        reason: reasons.into_iter().flatten().collect::<Vec<_>>().join("; "),
        history: change.new.map(history).transpose()?.flatten(),
    })
}

/// Why numbers cannot be compared, and how many.
fn incomparable(comparison: &Comparison) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for change in comparison.changes.iter().filter(|change| change.gate.is_some()) {
        if let Outcome::Incomparable(_) = change.outcome {
            *counts.entry(change.outcome.reason().unwrap_or_default()).or_default() += 1;
        }
    }
    counts.into_iter().map(|(reason, count)| format!("{}: {reason}", plural(count, "number"))).collect()
}

/// The call sites of the cases that got worse.
fn sites(run: &Run, comparison: &Comparison) -> Vec<CaseSites> {
    let bytes = |bytes: i64| signed(bytes as f64, Unit::Bytes);
    let row = |site: &SiteChange| SiteRow {
        peak: bytes(site.peak_change()),
        total: bytes(site.total_change()),
        name: site.name().chars().take(200).collect(),
    };
    let worse = comparison.sites.iter().filter(|(case, found)| {
        let is_worse = |change: &Change| change.case == **case && change.is_worse();
        !found.sites.is_empty() && comparison.changes.iter().any(is_worse)
    });
    let shown = worse.map(|(case, found)| CaseSites {
        case: link(run, case),
        summary: format!("{} at the peak, {} in total", bytes(found.peak_bytes), bytes(found.total_bytes)),
        rows: found.sites.iter().take(SITES).map(row).collect(),
    });
    shown.collect()
}
