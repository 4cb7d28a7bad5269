//! Which call sites differ between two profiles: what came, grew, shrank and went, ranked by bytes.
//!
//! A profile may be whole, or the summary that a run and a baseline keep of one: its top sites. What is not
//! among the top may still have allocated, so it is unknown there, never 0.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bench_core::dhat_profile::{CallSite, Frame, SitesSummary};
use serde::Serialize;

use crate::quantity::signed;

pub mod allocating_line;
mod lines;
pub mod long_name;

pub use bench_core::site_count::SiteCount;
pub use lines::{LineChange, line_changes, line_difference};

/// What became of a call site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SiteFate {
    /// It is new.
    Came,
    /// It allocates more.
    Grew,
    /// It allocates less.
    Shrank,
    /// It is no more.
    Went,
    /// A line of code allocates as much as before, but its callers do not ask for the same.
    Moved,
    /// It is among the top sites now, and was not: it grew, came, or others gave way.
    Entered,
    /// It is not among the top sites any more: it shrank, went, or others passed it.
    Left,
}

impl fmt::Display for SiteFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            SiteFate::Came => "came",
            SiteFate::Grew => "grew",
            SiteFate::Shrank => "shrank",
            SiteFate::Went => "went",
            SiteFate::Moved => "moved",
            SiteFate::Entered => "entered",
            SiteFate::Left => "left",
        })
    }
}

/// What one profile says of a call site.
#[derive(Clone, Debug, PartialEq)]
pub enum SiteInProfile {
    /// These counts.
    Seen(CallSite),
    /// The profile is whole and does not have it.
    Absent,
    /// The profile keeps its top sites only, and it is none of them.
    BelowTop {
        /// How many it keeps.
        top: usize,
        /// The least bytes at the peak among those: it has no more.
        at_most: u64,
    },
}

impl SiteInProfile {
    /// The count, where it is known.
    pub fn count(&self, count: SiteCount) -> Option<u64> {
        match self {
            SiteInProfile::Seen(site) => Some(count.of(site)),
            SiteInProfile::Absent => Some(0),
            SiteInProfile::BelowTop { at_most: 0, .. } if count == SiteCount::Peak => Some(0),
            SiteInProfile::BelowTop { .. } => None,
        }
    }

    /// The least and the greatest that the count can be.
    fn range(&self, count: SiteCount) -> (u64, u64) {
        match (self.count(count), self) {
            (Some(known), _) => (known, known),
            (None, SiteInProfile::BelowTop { at_most, .. }) if count == SiteCount::Peak => (0, *at_most),
            (None, _) => (0, u64::MAX),
        }
    }

    fn site(&self) -> Option<&CallSite> {
        if let SiteInProfile::Seen(site) = self { Some(site) } else { None }
    }
}

/// A call site before and after. At least one side has seen it.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteChange {
    /// Before.
    pub old: SiteInProfile,
    /// After.
    pub new: SiteInProfile,
}

impl SiteChange {
    /// The stack: the new one, whose lines are those of today's source, or the old one.
    pub fn stack(&self) -> &[Frame] {
        self.new.site().or(self.old.site()).map_or(&[], |site| &site.stack)
    }

    /// The innermost function, with its file and line.
    pub fn name(&self) -> String {
        named(self.stack().first())
    }

    /// What it does now; nothing if the count is the same.
    pub fn fate(&self, count: SiteCount) -> Option<SiteFate> {
        match (&self.old, &self.new) {
            _ if self.change(count) == Some(0) => None,
            (SiteInProfile::BelowTop { .. }, _) => Some(SiteFate::Entered),
            (_, SiteInProfile::BelowTop { .. }) => Some(SiteFate::Left),
            (SiteInProfile::Absent, _) => Some(SiteFate::Came),
            (_, SiteInProfile::Absent) => Some(SiteFate::Went),
            _ if self.least_change(count) > 0 => Some(SiteFate::Grew),
            _ => Some(SiteFate::Shrank),
        }
    }

    /// New minus old; nothing where one of them is unknown.
    pub fn change(&self, count: SiteCount) -> Option<i64> {
        Some(difference(self.old.count(count)?, self.new.count(count)?))
    }

    /// By how much it changed for sure: the change, or what is left of it where a site below the top had the
    /// most that it can have there.
    pub fn least_change(&self, count: SiteCount) -> i64 {
        let (least, most) = self.bounds(count);
        if least > 0 { least } else { most.min(0) }
    }

    /// The least and the greatest that new minus old can be.
    fn bounds(&self, count: SiteCount) -> (i64, i64) {
        let ((least_old, most_old), (least_new, most_new)) = (self.old.range(count), self.new.range(count));
        (difference(most_old, least_new), difference(least_old, most_new))
    }

    /// The change in words: `+3.00 MiB`, `at least +3.00 MiB`, `unknown`.
    pub fn change_text(&self, count: SiteCount) -> String {
        change_text(self.change(count), self.least_change(count), count)
    }

    /// Why a count is unknown: `not among the old top 20`.
    pub fn unknown(&self) -> Option<String> {
        match (&self.old, &self.new) {
            (SiteInProfile::BelowTop { top, .. }, _) => Some(format!("not among the old top {top}")),
            (_, SiteInProfile::BelowTop { top, .. }) => Some(format!("not among the new top {top}")),
            _ => None,
        }
    }

    fn is_the_same(&self) -> bool {
        SiteCount::ALL.into_iter().all(|count| self.change(count) == Some(0))
    }
}

fn named(frame: Option<&Frame>) -> String {
    let Some(frame) = frame else { return "unknown".into() };
    match frame.place() {
        Some(place) => format!("{} {place}", frame.function),
        None => frame.function.clone(),
    }
}

fn change_text(change: Option<i64>, least: i64, count: SiteCount) -> String {
    let shown = |change: i64| signed(change as f64, count.unit());
    match (change, least) {
        (Some(change), _) => shown(change),
        (None, 0) => "unknown".into(),
        (None, least) => format!("at least {}", shown(least)),
    }
}

/// New minus old, within what a number can say.
pub(crate) fn difference(old: u64, new: u64) -> i64 {
    i64::try_from(i128::from(new) - i128::from(old)).unwrap_or(if new > old { i64::MAX } else { i64::MIN })
}

/// The call sites that differ in any count, those first whose `count` changed most for sure, up or down.
pub fn site_difference(old: &SitesSummary, new: &SitesSummary, count: SiteCount) -> Vec<SiteChange> {
    let mut changes = matched_sites(old, new);
    changes.retain(|change| !change.is_the_same());
    changes.sort_by_cached_key(|change| {
        let sure = |count| change.least_change(count).unsigned_abs();
        let seen = change.old.count(count).max(change.new.count(count));
        (Reverse((sure(count), sure(SiteCount::Total), seen)), change.stack().to_vec())
    });
    changes
}

/// Every call site of either profile with what became of it.
///
/// Sites are the same when their stacks are equal. What has no equal on the other side is matched by
/// functions and files alone, because any edit moves lines; several such sites of one function are then one.
fn matched_sites(old: &SitesSummary, new: &SitesSummary) -> Vec<SiteChange> {
    let stack = |site: &CallSite| site.stack.clone();
    let equal = matched(merged(&old.sites, stack), merged(&new.sites, stack));
    let moved = matched(merged(&equal.old, without_lines), merged(&equal.new, without_lines));
    let (no_old, no_new) = (without(old), without(new));
    let both = equal.both.into_iter().chain(moved.both);
    let both =
        both.map(|(old, new)| SiteChange { old: SiteInProfile::Seen(old), new: SiteInProfile::Seen(new) });
    let went = alone(equal.old, &moved.old);
    let went = went.map(|old| SiteChange { old: SiteInProfile::Seen(old), new: no_new.clone() });
    let came = alone(equal.new, &moved.new);
    let came = came.map(|new| SiteChange { old: no_old.clone(), new: SiteInProfile::Seen(new) });
    both.chain(went).chain(came).collect()
}

/// What a profile says of a site that it does not have.
fn without(profile: &SitesSummary) -> SiteInProfile {
    if profile.site_count <= profile.sites.len() as u64 {
        return SiteInProfile::Absent;
    }
    let at_most = profile.sites.iter().map(|site| site.peak_bytes).min().unwrap_or(u64::MAX);
    SiteInProfile::BelowTop { top: profile.sites.len(), at_most }
}

type SitesByStack = BTreeMap<Vec<Frame>, CallSite>;

/// Sites with the same key as one.
fn merged(sites: &[CallSite], key: impl Fn(&CallSite) -> Vec<Frame>) -> SitesByStack {
    let mut merged = SitesByStack::new();
    for site in sites {
        merged.entry(key(site)).and_modify(|sum| add(sum, site)).or_insert_with(|| site.clone());
    }
    merged
}

/// Numbers from a file may be anything, so a sum stops at the greatest.
pub(crate) fn add(sum: &mut CallSite, site: &CallSite) {
    let counts = [
        (&mut sum.total_bytes, site.total_bytes),
        (&mut sum.total_blocks, site.total_blocks),
        (&mut sum.peak_bytes, site.peak_bytes),
        (&mut sum.peak_blocks, site.peak_blocks),
        (&mut sum.end_bytes, site.end_bytes),
        (&mut sum.end_blocks, site.end_blocks),
    ];
    counts.into_iter().for_each(|(sum, count)| *sum = sum.saturating_add(count));
}

fn without_lines(site: &CallSite) -> Vec<Frame> {
    site.stack.iter().map(|frame| Frame { line: None, ..frame.clone() }).collect()
}

/// The sites whose functions and files are `unmatched`, each by itself.
fn alone(sites: Vec<CallSite>, unmatched: &[CallSite]) -> impl Iterator<Item = CallSite> {
    let keys: BTreeSet<Vec<Frame>> = unmatched.iter().map(without_lines).collect();
    sites.into_iter().filter(move |site| keys.contains(&without_lines(site)))
}

/// What is on both sides, and the rest of each.
struct Matched {
    both: Vec<(CallSite, CallSite)>,
    old: Vec<CallSite>,
    new: Vec<CallSite>,
}

fn matched(old: SitesByStack, mut new: SitesByStack) -> Matched {
    let mut matched = Matched { both: Vec::new(), old: Vec::new(), new: Vec::new() };
    for (key, old) in old {
        match new.remove(&key) {
            Some(new) => matched.both.push((old, new)),
            None => matched.old.push(old),
        }
    }
    matched.new = new.into_values().collect();
    matched
}

#[cfg(test)]
mod tests;
