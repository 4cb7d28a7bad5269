//! Why a case takes more: the call sites whose bytes changed between two runs, the largest change first.

use std::collections::BTreeMap;

use bench_core::case::{CaseId, Mode};
use bench_core::dhat_profile::SitesSummary;
use bench_core::evidence::Scaled;
use bench_core::run::{CaseRecord, Run};

use super::change::Change;
use crate::call_sites::{LineChange, SiteChange, SiteCount, difference, line_changes, site_difference};
use crate::values::key::canonical;

/// How two summaries of call sites differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SitesDifference {
    /// The count that ranks the sites: that of the metric which got worse.
    pub by: SiteCount,
    /// New minus old live bytes at the peak, of all sites.
    pub peak_bytes: i64,
    /// New minus old bytes ever requested, of all sites.
    pub total_bytes: i64,
    /// New minus old `by`, of all sites.
    pub change: i64,
    /// The sites that changed.
    pub sites: Vec<SiteChange>,
}

impl SitesDifference {
    /// The lines of code that changed, those first that changed most by the count that ranks.
    pub fn lines(&self) -> Vec<LineChange> {
        line_changes(&self.sites, self.by)
    }
}

/// How `new` differs from `old`.
pub fn sites_difference(old: &SitesSummary, new: &SitesSummary, by: SiteCount) -> SitesDifference {
    let all = |count: SiteCount| difference(count.of_all(old), count.of_all(new));
    SitesDifference {
        by,
        peak_bytes: all(SiteCount::Peak),
        total_bytes: all(SiteCount::Total),
        change: all(by),
        sites: site_difference(old, new, by),
    }
}

/// What explains the changes of a comparison.
#[derive(Default)]
pub(super) struct Explanations {
    /// The differences of all cases in which something changed and that both runs saw in mode `sites` at the
    /// same size.
    pub(super) sites: BTreeMap<CaseId, SitesDifference>,
    /// The other cases that got worse in bytes: why there are no call sites.
    pub(super) unexplained: BTreeMap<CaseId, String>,
}

pub(super) fn explanations(old: &Run, new: &Run, changes: &[Change]) -> Explanations {
    let olds: BTreeMap<CaseId, &CaseRecord> =
        old.cases.iter().map(|case| (canonical(&case.spec.id), case)).collect();
    let news: BTreeMap<&CaseId, &CaseRecord> = new.cases.iter().map(|case| (&case.spec.id, case)).collect();
    let mut of_cases: BTreeMap<&CaseId, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        of_cases.entry(&change.case).or_default().push(change);
    }
    let mut found = Explanations::default();
    for (case, changes) in of_cases {
        let both = olds.get(&canonical(case)).copied().zip(news.get(case).copied());
        let Some((old, new)) = both.filter(|_| changes.iter().any(|change| has_moved(change))) else {
            continue;
        };
        match summaries(old, new) {
            Ok((old, new)) => {
                let by = count_behind(changes.into_iter());
                found.sites.insert(case.clone(), sites_difference(old, new, by));
            }
            Err(reason) => {
                let is_worse_in_bytes =
                    |change: &Change| has_moved(change) && change.is_worse() && change.metric.sites.is_some();
                if changes.into_iter().any(is_worse_in_bytes) {
                    found.unexplained.insert(case.clone(), reason);
                }
            }
        }
    }
    found
}

/// Whether a metric with a gate has another value than before.
fn has_moved(change: &Change) -> bool {
    change.gate.is_some() && change.outcome.has_moved()
}

/// The call sites of a case in both runs, or why they cannot be held against each other.
fn summaries<'a>(
    old: &'a CaseRecord,
    new: &'a CaseRecord,
) -> Result<(&'a SitesSummary, &'a SitesSummary), String> {
    let missing = |run: &str| format!("{run} has no call sites of it (mode sites)");
    let (old_size, old) = sites_of(old).ok_or_else(|| missing("the baseline"))?;
    let (new_size, new) = sites_of(new).ok_or_else(|| missing("this run"))?;
    if old_size.map(|size| size.to) != new_size.map(|size| size.to) {
        return Err("mode sites measured it at another size than in the baseline (scaled down)".into());
    }
    Ok((old, new))
}

/// The size at which mode `sites` saw a case, and what it saw.
fn sites_of(case: &CaseRecord) -> Option<(Option<&Scaled>, &SitesSummary)> {
    let evidence = case.measurement(Mode::Sites)?.evidence().next()?;
    Some((evidence.scaled.as_ref(), evidence.sites.as_ref()?))
}

/// The count of a call site that the worst of a case's changes is about.
fn count_behind<'a>(changes: impl Iterator<Item = &'a Change>) -> SiteCount {
    let worse = changes.filter(|change| change.is_worse() && change.metric.sites.is_some());
    let worst = worse.max_by(|a, b| {
        let share = |change: &Change| change.share().map_or(f64::INFINITY, f64::abs);
        a.verdict.cmp(&b.verdict).then(share(a).total_cmp(&share(b)))
    });
    worst.and_then(|change| change.metric.sites).unwrap_or_default()
}
