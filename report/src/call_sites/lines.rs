//! What differs, by the line of code that allocates.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bench_core::dhat_profile::{Frame, SitesSummary};

use super::{SiteChange, SiteCount, SiteFate, SiteInProfile, change_text, matched_sites, named};

/// A line of code before and after: the changes of the stacks that lead to it.
#[derive(Clone, Debug, PartialEq)]
pub struct LineChange {
    /// The function, with its file and its line of today; nothing for a profile without stacks.
    pub frame: Option<Frame>,
    /// Each stack's change, the largest first; those that are the same come last, where they are known.
    pub stacks: Vec<SiteChange>,
}

impl LineChange {
    /// The function, its file and its line in words.
    pub fn name(&self) -> String {
        named(self.frame.as_ref())
    }

    /// The count before, of all its stacks; nothing where one of them is unknown.
    pub fn before(&self, count: SiteCount) -> Option<u64> {
        self.sum(|stack| stack.old.count(count))
    }

    /// The count after, likewise.
    pub fn after(&self, count: SiteCount) -> Option<u64> {
        self.sum(|stack| stack.new.count(count))
    }

    fn sum(&self, of: impl Fn(&SiteChange) -> Option<u64>) -> Option<u64> {
        self.stacks.iter().try_fold(0u64, |sum, stack| Some(sum.saturating_add(of(stack)?)))
    }

    /// New minus old; nothing where one of them is unknown.
    pub fn change(&self, count: SiteCount) -> Option<i64> {
        self.stacks.iter().try_fold(0i64, |sum, stack| Some(sum.saturating_add(stack.change(count)?)))
    }

    /// By how much it changed for sure, as of a call site: what of its stacks' changes is left in the worst
    /// case.
    pub fn least_change(&self, count: SiteCount) -> i64 {
        let (mut least, mut most) = (0i64, 0i64);
        for stack in &self.stacks {
            let (low, high) = stack.bounds(count);
            least = least.saturating_add(low);
            most = most.saturating_add(high);
        }
        if least > 0 { least } else { most.min(0) }
    }

    /// The change in words: `+3.00 MiB`, `at least +3.00 MiB`, `unknown`.
    pub fn change_text(&self, count: SiteCount) -> String {
        change_text(self.change(count), self.least_change(count), count)
    }

    /// What became of it; nothing if the count is the same.
    pub fn fate(&self, count: SiteCount) -> Option<SiteFate> {
        let is_absent = |side: &SiteInProfile| matches!(side, SiteInProfile::Absent);
        let is_below = |side: &SiteInProfile| matches!(side, SiteInProfile::BelowTop { .. });
        let all_old = |is: fn(&SiteInProfile) -> bool| self.stacks.iter().all(|stack| is(&stack.old));
        let all_new = |is: fn(&SiteInProfile) -> bool| self.stacks.iter().all(|stack| is(&stack.new));
        let least = self.least_change(count);
        if self.stacks.iter().all(|stack| stack.fate(count).is_none()) {
            None
        } else if all_old(is_absent) {
            Some(SiteFate::Came)
        } else if all_new(is_absent) {
            Some(SiteFate::Went)
        } else if all_old(is_below) {
            Some(SiteFate::Entered)
        } else if all_new(is_below) {
            Some(SiteFate::Left)
        } else if least != 0 {
            Some(if least > 0 { SiteFate::Grew } else { SiteFate::Shrank })
        } else if self.change(count).is_some() {
            Some(SiteFate::Moved)
        } else if self.stacks.iter().any(|stack| is_below(&stack.old)) {
            Some(SiteFate::Entered)
        } else {
            Some(SiteFate::Left)
        }
    }

    /// Why a count is unknown: `not among the old top 20`.
    pub fn unknown(&self) -> Option<String> {
        self.stacks.iter().find_map(SiteChange::unknown)
    }
}

/// The lines of code whose count differs between two profiles, or may, those first that changed most for
/// sure.
pub fn line_difference(old: &SitesSummary, new: &SitesSummary, count: SiteCount) -> Vec<LineChange> {
    let mut lines = line_changes(&matched_sites(old, new), count);
    lines.retain(|line| line.fate(count).is_some());
    lines
}

/// Changes of call sites by their lines of code, those first that changed most for sure.
pub fn line_changes(changes: &[SiteChange], count: SiteCount) -> Vec<LineChange> {
    // A stack that went stood in a line that may have moved since.
    let moved: BTreeMap<&Frame, &Frame> = changes
        .iter()
        .filter_map(|change| Some((change.old.site()?.stack.first()?, change.new.site()?.stack.first()?)))
        .collect();
    let today = |change: &SiteChange| {
        let frame = change.stack().first();
        frame.map(|frame| match change.new.site() {
            Some(_) => frame.clone(),
            None => (*moved.get(frame).unwrap_or(&frame)).clone(),
        })
    };
    let mut lines: BTreeMap<Option<Frame>, LineChange> = BTreeMap::new();
    for change in changes {
        let frame = today(change);
        let line = lines.entry(frame.clone()).or_insert_with(|| LineChange { frame, stacks: Vec::new() });
        line.stacks.push(change.clone());
    }
    let mut lines: Vec<LineChange> = lines.into_values().collect();
    let rank = |change: &SiteChange| {
        let is_gone = change.new.site().is_none();
        Reverse((change.least_change(count).unsigned_abs(), change.fate(count).is_some(), !is_gone))
    };
    lines.iter_mut().for_each(|line| line.stacks.sort_by_key(rank));
    lines.sort_by_cached_key(|line| {
        let sure = |count| line.least_change(count).unsigned_abs();
        let seen = line.before(count).max(line.after(count));
        (Reverse((sure(count), sure(SiteCount::Total), seen)), line.name())
    });
    lines
}
