//! Why a case takes more: the call sites whose bytes changed between two runs, the largest change first.
//!
//! A site is told by the functions and files of its stack, not by its lines: these move with every edit above them.

use std::collections::BTreeMap;

use bench_core::case::{CaseId, Mode};
use bench_core::dhat_profile::{CallSite, Frame, SitesSummary};
use bench_core::run::{CaseRecord, Run};

use super::{Change, Outcome, named};

/// How two summaries of call sites differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SitesDifference {
    /// New minus old live bytes at the peak, of all sites.
    pub peak_bytes: i64,
    /// New minus old bytes ever requested, of all sites.
    pub total_bytes: i64,
    /// The sites that changed, the largest change at the peak first, then in total.
    pub sites: Vec<SiteChange>,
}

/// One call site in both summaries.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteChange {
    /// The stack, as the newer summary has it, with lines.
    pub stack: Vec<Frame>,
    /// Live bytes at the peak, in the old and in the new summary; `None`: it is not among the sites that a summary keeps.
    pub peak_bytes: (Option<u64>, Option<u64>),
    /// Bytes ever requested.
    pub total_bytes: (Option<u64>, Option<u64>),
}

impl SiteChange {
    /// New minus old live bytes at the peak; a site that a summary does not keep counts as nothing there.
    pub fn peak_change(&self) -> i64 {
        change(self.peak_bytes)
    }

    /// New minus old bytes ever requested.
    pub fn total_change(&self) -> i64 {
        change(self.total_bytes)
    }

    /// The innermost function, with its file and line.
    pub fn name(&self) -> String {
        let Some(frame) = self.stack.first() else { return "unknown".into() };
        match (&frame.file, frame.line) {
            (Some(file), Some(line)) => format!("{} {file}:{line}", frame.function),
            (Some(file), None) => format!("{} {file}", frame.function),
            (None, _) => frame.function.clone(),
        }
    }
}

fn change((old, new): (Option<u64>, Option<u64>)) -> i64 {
    difference(old.unwrap_or(0), new.unwrap_or(0))
}

fn difference(old: u64, new: u64) -> i64 {
    i64::try_from(i128::from(new) - i128::from(old)).unwrap_or(if new > old { i64::MAX } else { i64::MIN })
}

/// What tells a site.
type Key = Vec<(String, Option<String>)>;

/// Peak and total bytes, and the stack as it is shown.
type Site = (u64, u64, Vec<Frame>);

/// How `new` differs from `old`.
pub fn sites_difference(old: &SitesSummary, new: &SitesSummary) -> SitesDifference {
    let (olds, news) = (by_key(&old.sites), by_key(&new.sites));
    // A summary keeps the top sites only: what is not in it may still have allocated.
    let absent = |summary: &SitesSummary| (summary.site_count <= summary.sites.len() as u64).then_some(0);
    let (no_old, no_new) = (absent(old), absent(new));
    let mut keys: Vec<&Key> = olds.keys().chain(news.keys()).collect();
    keys.sort();
    keys.dedup();
    let sites = keys.into_iter().filter_map(|key| {
        let (old, new) = (olds.get(key), news.get(key));
        let stack = new.or(old)?.2.clone();
        let both = |part: fn(&Site) -> u64| (old.map(part).or(no_old), new.map(part).or(no_new));
        let (peak_bytes, total_bytes) = (both(|site| site.0), both(|site| site.1));
        let site = SiteChange { stack, peak_bytes, total_bytes };
        (site.peak_change() != 0 || site.total_change() != 0).then_some(site)
    });
    let mut sites: Vec<SiteChange> = sites.collect();
    sites.sort_by_key(|site| {
        std::cmp::Reverse((site.peak_change().unsigned_abs(), site.total_change().unsigned_abs()))
    });
    SitesDifference {
        peak_bytes: difference(old.peak_bytes, new.peak_bytes),
        total_bytes: difference(old.total_bytes, new.total_bytes),
        sites,
    }
}

fn by_key(sites: &[CallSite]) -> BTreeMap<Key, Site> {
    let mut found: BTreeMap<Key, Site> = BTreeMap::new();
    for site in sites {
        let key = site.stack.iter().map(|frame| (frame.function.clone(), frame.file.clone())).collect();
        let known = found.entry(key).or_insert_with(|| (0, 0, site.stack.clone()));
        known.0 = known.0.saturating_add(site.peak_bytes);
        known.1 = known.1.saturating_add(site.total_bytes);
    }
    found
}

/// The differences of all cases in which something changed and that both runs saw in mode `sites` at the same size.
pub(super) fn explanations(old: &Run, new: &Run, changes: &[Change]) -> BTreeMap<CaseId, SitesDifference> {
    let olds: BTreeMap<CaseId, &CaseRecord> =
        old.cases.iter().map(|case| (named(&case.spec.id), case)).collect();
    let mut found = BTreeMap::new();
    let moved = [Outcome::Worse, Outcome::Better, Outcome::Changed, Outcome::Unconfirmed];
    for change in changes.iter().filter(|change| change.gate.is_some() && moved.contains(&change.outcome)) {
        let record = new.cases.iter().find(|case| case.spec.id == change.case);
        let both = olds.get(&named(&change.case)).copied().zip(record);
        if let Some((old, new)) = both
            && !found.contains_key(&change.case)
            && let Some((old, new)) = sites_of(old).zip(sites_of(new))
            && old.0 == new.0
        {
            found.insert(change.case.clone(), sites_difference(old.1, new.1));
        }
    }
    found
}

/// The size at which mode `sites` saw a case, and what it saw.
fn sites_of(case: &CaseRecord) -> Option<(Option<u64>, &SitesSummary)> {
    let evidence = case.measurement(Mode::Sites)?.evidence().next()?;
    Some((evidence.scaled.as_ref().map(|scaled| scaled.to), evidence.sites.as_ref()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(function: &str, line: u32, peak_bytes: u64, total_bytes: u64) -> CallSite {
        let frame = |function: &str| Frame {
            function: function.into(),
            file: Some("src/lib.rs".into()),
            line: Some(line),
        };
        CallSite {
            stack: vec![frame(function), frame("main")],
            peak_bytes,
            total_bytes,
            ..CallSite::default()
        }
    }

    fn summary(site_count: u64, sites: Vec<CallSite>) -> SitesSummary {
        let sum = |part: fn(&CallSite) -> u64| sites.iter().map(part).sum();
        SitesSummary {
            total_bytes: sum(|site| site.total_bytes),
            peak_bytes: sum(|site| site.peak_bytes),
            site_count,
            sites,
            ..SitesSummary::default()
        }
    }

    fn lines(difference: &SitesDifference) -> Vec<String> {
        let line = |site: &SiteChange| {
            format!("{} {:?} {:?}", site.stack[0].function, site.peak_bytes, site.total_bytes)
        };
        difference.sites.iter().map(line).collect()
    }

    #[test]
    fn sites_that_changed_are_ranked_and_lines_do_not_matter() {
        let old =
            summary(3, vec![site("grows", 10, 100, 100), site("same", 20, 50, 50), site("goes", 30, 5, 9)]);
        let new =
            summary(3, vec![site("grows", 11, 160, 170), site("same", 21, 50, 50), site("comes", 4, 7, 7)]);
        let found = sites_difference(&old, &new);
        assert_eq!((found.peak_bytes, found.total_bytes), (62, 68));
        assert_eq!(
            lines(&found),
            [
                "grows (Some(100), Some(160)) (Some(100), Some(170))",
                "comes (Some(0), Some(7)) (Some(0), Some(7))",
                "goes (Some(5), Some(0)) (Some(9), Some(0))",
            ]
        );
        assert_eq!(found.sites[0].name(), "grows src/lib.rs:11");
        assert_eq!(sites_difference(&old, &old).sites, []);
    }

    #[test]
    fn what_a_summary_does_not_keep_is_unknown_and_not_zero() {
        let old = summary(40, vec![site("a", 1, 100, 100)]);
        let new = summary(40, vec![site("a", 1, 100, 100), site("b", 2, 60, 60)]);
        assert_eq!(lines(&sites_difference(&old, &new)), ["b (None, Some(60)) (None, Some(60))"]);
    }

    #[test]
    fn sites_of_one_name_are_one_and_no_count_overflows() {
        let old = summary(2, vec![site("a", 1, u64::MAX / 2, 1), site("a", 2, 1, 1)]);
        let new = SitesSummary { peak_bytes: u64::MAX, ..summary(1, vec![site("a", 1, 0, 2)]) };
        let found = sites_difference(&old, &new);
        assert_eq!(lines(&found), ["a (Some(9223372036854775808), Some(0)) (Some(2), Some(2))"]);
        assert_eq!(found.sites[0].peak_change(), i64::MIN);
        assert_eq!(sites_difference(&SitesSummary::default(), &new).peak_bytes, i64::MAX);
    }
}
