//! Call sites by the line of code that allocates, which is what people look for: one line has a stack for
//! each way that leads to it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bench_core::dhat_profile::{CallSite, Frame};

use crate::call_sites::long_name::fitted_name;
use crate::call_sites::{SiteCount, add};

/// Characters of a caller's name, of which several stand beside each other.
const CALLER: usize = 50;

/// A line of code that allocates.
#[derive(Clone, Debug, PartialEq)]
pub struct AllocatingLine<'a> {
    /// The function, with its file and line; nothing for a profile without stacks.
    pub frame: Option<&'a Frame>,
    /// The sums over its stacks. The stack of this is empty.
    pub sum: CallSite,
    /// The stacks that lead here, those with most of the count first.
    pub stacks: Vec<&'a CallSite>,
}

/// The lines of these call sites, those with most of `count` first, then with most bytes in total.
pub fn allocating_lines(sites: &[CallSite], count: SiteCount) -> Vec<AllocatingLine<'_>> {
    let mut lines: BTreeMap<Option<&Frame>, AllocatingLine<'_>> = BTreeMap::new();
    for site in sites {
        let frame = site.stack.first();
        let line = lines.entry(frame).or_insert_with(|| AllocatingLine {
            frame,
            sum: CallSite::default(),
            stacks: Vec::new(),
        });
        add(&mut line.sum, site);
        line.stacks.push(site);
    }
    let mut lines: Vec<AllocatingLine<'_>> = lines.into_values().collect();
    let rank = |site: &CallSite| Reverse((count.of(site), site.total_bytes));
    lines.iter_mut().for_each(|line| line.stacks.sort_by_key(|site| rank(site)));
    lines.sort_by_key(|line| rank(&line.sum));
    lines
}

/// Who calls the line on this one of its stacks: the callers up to the first that no other stack has, at
/// least one, in words as `my::insert <- my::read`, and where the last of them stands.
pub fn callers(stack: &[Frame], others: &[&[Frame]]) -> (String, Option<String>) {
    let shared = |other: &&[Frame]| stack.iter().zip(other.iter()).take_while(|(a, b)| a == b).count();
    let others = others.iter().filter(|other| ***other != *stack);
    let apart = others.map(shared).max().unwrap_or(1).max(1);
    let callers = stack.get(1..stack.len().min(apart + 1)).unwrap_or_default();
    let name = |frame: &Frame| fitted_name(&frame.label(), CALLER);
    let place = callers.last().and_then(Frame::place);
    let text = match callers {
        [first, .., last] if callers.len() > 3 => {
            format!("{} <- {} more <- {}", name(first), callers.len() - 2, name(last))
        }
        _ => callers.iter().map(name).collect::<Vec<_>>().join(" <- "),
    };
    (text, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(function: &str, line: u32) -> Frame {
        Frame { function: function.into(), file: Some("src/a.rs".into()), line: Some(line) }
    }

    fn site(stack: &[(&str, u32)], peak_bytes: u64) -> CallSite {
        let stack = stack.iter().map(|(function, line)| frame(function, *line)).collect();
        CallSite { stack, peak_bytes, total_bytes: peak_bytes, total_blocks: 1, ..CallSite::default() }
    }

    #[test]
    fn a_line_has_the_sum_of_its_stacks_and_comes_first() {
        let sites = [
            site(&[("other", 5), ("write", 4)], 100),
            site(&[("grow", 1), ("insert", 2), ("read", 3)], 60),
            site(&[("grow", 1), ("insert", 2), ("write", 4)], 61),
            site(&[("grow", 9), ("insert", 2)], 1),
        ];
        let lines = allocating_lines(&sites, SiteCount::Peak);
        let told: Vec<_> = lines
            .iter()
            .map(|line| (line.frame.unwrap().function.as_str(), line.sum.peak_bytes, line.stacks.len()))
            .collect();
        assert_eq!(told, [("grow", 121, 2), ("other", 100, 1), ("grow", 1, 1)]);
        let stacks: Vec<&[Frame]> = lines[0].stacks.iter().map(|site| site.stack.as_slice()).collect();
        assert_eq!(callers(stacks[0], &stacks), ("insert <- write".into(), Some("src/a.rs:4".into())));
        assert_eq!(callers(stacks[1], &stacks).0, "insert <- read");
        let greatest = [site(&[("f", 1)], u64::MAX), site(&[("f", 1), ("g", 2)], u64::MAX)];
        assert_eq!(allocating_lines(&greatest, SiteCount::Peak)[0].sum.peak_bytes, u64::MAX);
    }

    #[test]
    fn callers_end_where_stacks_part() {
        let long: Vec<Frame> = ["f", "a", "b", "c", "d", "e"].map(|name| frame(name, 1)).to_vec();
        let mut other = long.clone();
        other[5] = frame("e", 2);
        let stacks = [long.as_slice(), other.as_slice()];
        assert_eq!(callers(&long, &stacks), ("a <- 3 more <- e".into(), Some("src/a.rs:1".into())));
        assert_eq!(callers(&other, &stacks).1, Some("src/a.rs:2".into()));
        // One that is the beginning of the other, one alone, and one without callers.
        assert_eq!(callers(&long[..3], &[&long[..3], &long]).0, "a <- b");
        assert_eq!(callers(&long, &[&long]).0, "a");
        assert_eq!(callers(&long[..1], &[&long]), (String::new(), None));
        assert_eq!(callers(&[], &[]), (String::new(), None));
    }
}
