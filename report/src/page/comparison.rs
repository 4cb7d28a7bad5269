//! The run against its baseline: what changed, what cannot be compared, and the call sites behind it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use bench_core::metric::Unit;
use bench_core::run::Run;
use serde::Serialize;

use super::{Link, history, link};
use crate::call_sites::long_name::fitted_name;
use crate::call_sites::{LineChange, SiteCount};
use crate::chart::{Chart, flame};
use crate::compare::{Change, Comparison, Outcome, SitesDifference};
use crate::quantity::{exact, signed};
use crate::report::Report;
use crate::text::capitalised;
use crate::text::plural;
use crate::verdict::Verdict;

/// More rows make the page heavy; the rest stands in the JSON of `compare`.
const ROWS: usize = 200;
/// Call sites of one case.
const SITES: usize = 5;
/// Cases with their call sites, the worst first, and how many of them have a flame graph.
const CASES: usize = 50;
const FLAMES: usize = 3;

/// What the page shows of a comparison.
#[derive(Serialize)]
pub struct Compared {
    verdict: &'static str,
    headline: String,
    old_run: String,
    rows: Vec<ChangeRow>,
    hidden: usize,
    cases: Vec<CaseLine>,
    incomparable: Vec<String>,
    notes: Vec<String>,
    sites: Vec<CaseSites>,
    /// Cases that got worse and have no call sites, with the reason.
    unexplained: Vec<String>,
}

/// One metric that changed.
#[derive(Serialize)]
struct ChangeRow {
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
    flame: Option<Chart>,
    rows: Vec<SiteRow>,
}

/// A line of code that allocates.
#[derive(Serialize)]
struct SiteRow {
    peak: String,
    total: String,
    name: String,
    unknown: String,
}

/// The comparison of a run.
pub fn compared(run: &Run, comparison: &Comparison, report: &Report) -> Result<Compared> {
    let mut news: Vec<&Change> = comparison.changes.iter().filter(|change| is_news(change)).collect();
    let size = |change: &Change| change.share().map_or(f64::INFINITY, f64::abs);
    news.sort_by(|a, b| b.verdict.cmp(&a.verdict).then(size(b).total_cmp(&size(a))));
    let sites = sites(run, comparison, &news);
    Ok(Compared {
        verdict: comparison.verdict.word(),
        headline: capitalised(&comparison.headline()),
        old_run: comparison.old_run.clone(),
        hidden: news.len().saturating_sub(ROWS),
        rows: news.into_iter().take(ROWS).map(|change| row(run, change, report)).collect::<Result<_>>()?,
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
        sites,
        unexplained: comparison
            .unexplained
            .iter()
            .map(|(case, reason)| format!("{case}: {reason}"))
            .collect(),
    })
}

/// Whether a change is shown: judged and not the same, and not one of the many that are incomparable.
fn is_news(change: &Change) -> bool {
    let incomparable = matches!(change.outcome, Outcome::Incomparable(_));
    !incomparable && (change.verdict > Verdict::Pass || (change.outcome.has_moved() && change.gate.is_some()))
}

fn row(run: &Run, change: &Change, report: &Report) -> Result<ChangeRow> {
    let unit = change.metric.unit;
    let (old, new) = change.shown();
    let shown = |value: Option<String>| value.unwrap_or("–".into());
    let in_full = |value: Option<f64>| value.map_or("absent".into(), |value| exact(value, unit));
    let percent = |share: f64| format!("{:+.2} %", share * 100.0);
    let interval = change.noise.as_ref().map(|noise| noise.interval);
    let rule = change.gate.as_ref().and_then(|gate| gate.rule.as_ref());
    let reasons = [
        change.reason(),
        rule.map(|(text, place)| format!("rule {text} in {place}")),
        change.allowed.clone(),
    ];
    let history = |now: f64| history::line(&change.case, change.phase.as_deref(), change.metric, now, report);
    Ok(ChangeRow {
        verdict: if change.verdict > Verdict::Pass { change.verdict.word() } else { "" },
        case: link(run, &change.case),
        phase: change.phase.clone().unwrap_or_default(),
        metric: change.metric.title,
        old: shown(old),
        new: shown(new),
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

/// The call sites of the cases that got worse, the worst case first.
fn sites(run: &Run, comparison: &Comparison, news: &[&Change]) -> Vec<CaseSites> {
    let mut cases = BTreeSet::new();
    let worse = news.iter().filter(|change| change.is_worse() && cases.insert(&change.case));
    let found = worse.filter_map(|change| comparison.sites.get_key_value(&change.case));
    let found = found.filter(|(_, found)| !found.sites.is_empty()).take(CASES);
    found
        .enumerate()
        .map(|(index, (case, found))| {
            let drawn = index < FLAMES && found.by != SiteCount::Blocks;
            let flame = if drawn { flame::chart(&format!("flame-{index}"), found) } else { None };
            CaseSites { case: link(run, case), summary: summary(found), flame, rows: rows(found) }
        })
        .collect()
}

fn summary(found: &SitesDifference) -> String {
    let bytes = |bytes: i64| signed(bytes as f64, Unit::Bytes);
    format!("{} at the peak, {} in total", bytes(found.peak_bytes), bytes(found.total_bytes))
}

fn rows(found: &SitesDifference) -> Vec<SiteRow> {
    let row = |line: LineChange| SiteRow {
        peak: line.change_text(SiteCount::Peak),
        total: line.change_text(SiteCount::Total),
        name: fitted_name(&line.name(), 200),
        unknown: line.unknown().unwrap_or_default(),
    };
    found.lines().into_iter().take(SITES).map(row).collect()
}
