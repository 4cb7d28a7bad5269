//! Which call sites differ between two profiles: what came, grew, shrank and went, ranked by bytes.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use bench_core::dhat_profile::{CallSite, Frame};
use serde::{Deserialize, Serialize};

/// Which count of a call site is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SiteCount {
    /// Live bytes at the peak.
    #[default]
    Peak,
    /// Bytes ever requested.
    Total,
    /// Live bytes at the end.
    End,
    /// Blocks ever requested.
    Blocks,
}

impl SiteCount {
    /// The count of a site; 0 of a site that is not there.
    pub fn of(self, site: Option<&CallSite>) -> u64 {
        site.map_or(0, |site| match self {
            SiteCount::Peak => site.peak_bytes,
            SiteCount::Total => site.total_bytes,
            SiteCount::End => site.end_bytes,
            SiteCount::Blocks => site.total_blocks,
        })
    }
}

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
}

impl fmt::Display for SiteFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            SiteFate::Came => "came",
            SiteFate::Grew => "grew",
            SiteFate::Shrank => "shrank",
            SiteFate::Went => "went",
        })
    }
}

/// A call site before and after. Plain data: tables and differential flame graphs are made of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SiteChange {
    /// What it does now, or did if it went.
    pub fate: SiteFate,
    /// Its count after minus before.
    pub change: i64,
    /// Before; absent if it came.
    pub old: Option<CallSite>,
    /// After; absent if it went.
    pub new: Option<CallSite>,
}

impl SiteChange {
    /// The stack: the new one, whose lines are those of today's source, or the old one.
    pub fn stack(&self) -> &[Frame] {
        self.new.as_ref().or(self.old.as_ref()).map_or(&[], |site| &site.stack)
    }
}

/// The call sites whose `count` differs, the largest change first.
///
/// Sites are the same when their stacks are equal. What has no equal on the other side is matched by functions and files
/// alone, because any edit moves lines; several such sites of one function are then one.
pub fn site_difference(old: &[CallSite], new: &[CallSite], count: SiteCount) -> Vec<SiteChange> {
    let equal = matched(merged(old, |site| site.stack.clone()), merged(new, |site| site.stack.clone()));
    let moved = matched(merged(&equal.old, without_lines), merged(&equal.new, without_lines));
    let both = equal.both.into_iter().chain(moved.both).map(|(old, new)| (Some(old), Some(new)));
    let went = moved.old.into_iter().map(|old| (Some(old), None));
    let came = moved.new.into_iter().map(|new| (None, Some(new)));
    let changes = both.chain(went).chain(came).filter_map(|(old, new)| change(old, new, count));
    let mut changes: Vec<SiteChange> = changes.collect();
    changes.sort_by_key(|change| (Reverse(change.change.unsigned_abs()), change.stack().to_vec()));
    changes
}

type Sites = BTreeMap<Vec<Frame>, CallSite>;

/// Sites with the same key as one.
fn merged(sites: &[CallSite], key: fn(&CallSite) -> Vec<Frame>) -> Sites {
    let mut merged = Sites::new();
    for site in sites {
        merged.entry(key(site)).and_modify(|sum| add(sum, site)).or_insert_with(|| site.clone());
    }
    merged
}

fn add(sum: &mut CallSite, site: &CallSite) {
    sum.total_bytes += site.total_bytes;
    sum.total_blocks += site.total_blocks;
    sum.peak_bytes += site.peak_bytes;
    sum.peak_blocks += site.peak_blocks;
    sum.end_bytes += site.end_bytes;
    sum.end_blocks += site.end_blocks;
}

fn without_lines(site: &CallSite) -> Vec<Frame> {
    site.stack.iter().map(|frame| Frame { line: None, ..frame.clone() }).collect()
}

/// What is on both sides, and the rest of each.
struct Matched {
    both: Vec<(CallSite, CallSite)>,
    old: Vec<CallSite>,
    new: Vec<CallSite>,
}

fn matched(old: Sites, mut new: Sites) -> Matched {
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

/// Nothing if the count is the same.
fn change(old: Option<CallSite>, new: Option<CallSite>, count: SiteCount) -> Option<SiteChange> {
    let (before, after) = (count.of(old.as_ref()), count.of(new.as_ref()));
    let change = i128::from(after) - i128::from(before);
    let fate = match (&old, &new) {
        _ if change == 0 => return None,
        (None, _) => SiteFate::Came,
        (_, None) => SiteFate::Went,
        _ if change > 0 => SiteFate::Grew,
        _ => SiteFate::Shrank,
    };
    let change = i64::try_from(change).unwrap_or(if change > 0 { i64::MAX } else { i64::MIN });
    Some(SiteChange { fate, change, old, new })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(stack: &[(&str, u32)], peak_bytes: u64) -> CallSite {
        let frame = |(function, line): &(&str, u32)| Frame {
            function: function.to_string(),
            file: Some("a.rs".into()),
            line: Some(*line),
        };
        CallSite {
            stack: stack.iter().map(frame).collect(),
            peak_bytes,
            total_blocks: 1,
            ..CallSite::default()
        }
    }

    fn told(old: &[CallSite], new: &[CallSite]) -> Vec<String> {
        let changes = site_difference(old, new, SiteCount::Peak);
        let line = |change: &SiteChange| {
            let (function, line) = (&change.stack()[0].function, change.stack()[0].line.unwrap());
            format!("{} {} {function}:{line}", change.fate, change.change)
        };
        changes.iter().map(line).collect()
    }

    #[test]
    fn what_came_grew_shrank_and_went_is_ranked_by_bytes() {
        let old = [
            site(&[("grow", 1)], 10),
            site(&[("shrink", 1)], 500),
            site(&[("went", 1)], 70),
            site(&[("same", 1)], 9),
        ];
        let new = [
            site(&[("grow", 1)], 1010),
            site(&[("shrink", 1)], 100),
            site(&[("came", 1)], 3),
            site(&[("same", 1)], 9),
        ];
        assert_eq!(
            told(&old, &new),
            ["grew 1000 grow:1", "shrank -400 shrink:1", "went -70 went:1", "came 3 came:1"]
        );
        assert!(told(&old, &old).is_empty());
        let back: i64 = site_difference(&new, &old, SiteCount::Peak).iter().map(|change| change.change).sum();
        assert_eq!(back, -(1000 - 400 - 70 + 3));
        assert!(site_difference(&old[..1], &new[..1], SiteCount::Blocks).is_empty());
    }

    #[test]
    fn an_edit_that_moves_lines_is_no_change() {
        let old = [site(&[("f", 10), ("main", 5)], 100), site(&[("f", 20), ("main", 5)], 30)];
        let new = [site(&[("f", 11), ("main", 6)], 100), site(&[("f", 21), ("main", 6)], 30)];
        assert!(told(&old, &new).is_empty());
        // One line stayed, the other moved and grew.
        let new = [site(&[("f", 10), ("main", 5)], 100), site(&[("f", 22), ("main", 5)], 35)];
        assert_eq!(told(&old, &new), ["grew 5 f:22"]);
    }

    #[test]
    fn the_greatest_numbers_do_not_overflow() {
        let changes = told(&[site(&[("f", 1)], u64::MAX)], &[]);
        assert_eq!(changes, [format!("went {} f:1", i64::MIN)]);
    }
}
