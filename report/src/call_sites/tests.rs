//! The difference of two profiles.

use super::*;

fn site(stack: &[(&str, u32)], peak_bytes: u64) -> CallSite {
    let frame = |(function, line): &(&str, u32)| Frame {
        function: function.to_string(),
        file: Some("a.rs".into()),
        line: Some(*line),
    };
    CallSite { stack: stack.iter().map(frame).collect(), peak_bytes, total_blocks: 1, ..CallSite::default() }
}

/// A profile of so many sites, of which these are the top.
fn profile(site_count: u64, sites: &[CallSite]) -> SitesSummary {
    SitesSummary { site_count, sites: sites.to_vec(), ..SitesSummary::default() }
}

fn lines(changes: &[SiteChange]) -> Vec<String> {
    let line = |change: &SiteChange| {
        let frame = &change.stack()[0];
        let fate = change.fate(SiteCount::Peak)?;
        Some(format!(
            "{fate} {} {}:{}",
            change.change_text(SiteCount::Peak),
            frame.function,
            frame.line.unwrap()
        ))
    };
    changes.iter().filter_map(line).collect()
}

fn told(old: &[CallSite], new: &[CallSite]) -> Vec<String> {
    let whole = |sites: &[CallSite]| profile(sites.len() as u64, sites);
    lines(&site_difference(&whole(old), &whole(new), SiteCount::Peak))
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
        ["grew +1,000 B grow:1", "shrank -400 B shrink:1", "went -70 B went:1", "came +3 B came:1"]
    );
    assert!(told(&old, &old).is_empty());
    let (old, new) = (profile(4, &old), profile(4, &new));
    let back = site_difference(&new, &old, SiteCount::Peak);
    assert_eq!(
        back.iter().filter_map(|change| change.change(SiteCount::Peak)).sum::<i64>(),
        -(1000 - 400 - 70 + 3)
    );
    assert!(back.iter().all(|change| change.unknown().is_none()));
    assert_eq!(back[0].fate(SiteCount::Blocks), None, "its bytes changed, its blocks did not");
}

#[test]
fn the_count_asked_for_ranks() {
    let with_total =
        |name, peak_bytes, total_bytes| CallSite { total_bytes, ..site(&[(name, 1)], peak_bytes) };
    let (old, new) = (
        profile(2, &[with_total("a", 8, 10), with_total("b", 0, 10)]),
        profile(2, &[with_total("a", 16, 20), with_total("b", 0, 5000)]),
    );
    let first = |count| site_difference(&old, &new, count)[0].stack()[0].function.clone();
    assert_eq!((first(SiteCount::Peak).as_str(), first(SiteCount::Total).as_str()), ("a", "b"));
}

#[test]
fn what_a_summary_does_not_keep_is_unknown_and_not_zero() {
    // Of 40 sites two are kept, so the others have 60 bytes at most.
    let old = profile(40, &[site(&[("a", 1)], 100), site(&[("b", 1)], 60)]);
    let new = profile(40, &[site(&[("a", 1)], 100), site(&[("c", 1)], 90)]);
    let changes = site_difference(&old, &new, SiteCount::Peak);
    assert_eq!(lines(&changes), ["entered at least +30 B c:1", "left unknown b:1"]);
    assert_eq!(changes[0].unknown().unwrap(), "not among the old top 2");
    assert_eq!(changes[1].unknown().unwrap(), "not among the new top 2");
    for change in &changes {
        assert_eq!((change.change(SiteCount::Peak), change.change(SiteCount::Total)), (None, None));
        assert_eq!(
            change.least_change(SiteCount::Total),
            0,
            "nothing bounds the total of a site below the top"
        );
    }
    // Had the last of the top nothing at the peak, the rest has nothing, too.
    let old = profile(40, &[site(&[("a", 1)], 100), site(&[("b", 1)], 0)]);
    let changes = site_difference(&old, &new, SiteCount::Peak);
    assert_eq!(lines(&changes), ["entered +90 B c:1", "left unknown b:1"]);
}

#[test]
fn an_edit_that_moves_lines_is_no_change() {
    let old = [site(&[("f", 10), ("main", 5)], 100), site(&[("f", 20), ("main", 5)], 30)];
    let new = [site(&[("f", 11), ("main", 6)], 100), site(&[("f", 21), ("main", 6)], 30)];
    assert!(told(&old, &new).is_empty());
    // One line stayed, the other moved and grew.
    let new = [site(&[("f", 10), ("main", 5)], 100), site(&[("f", 22), ("main", 5)], 35)];
    assert_eq!(told(&old, &new), ["grew +5 B f:22"]);
    let whole = |sites: &[CallSite]| profile(sites.len() as u64, sites);
    let changes = site_difference(&whole(&old), &whole(&new), SiteCount::Peak);
    assert_eq!(changes[0].name(), "f a.rs:22");
}

#[test]
fn the_greatest_numbers_do_not_overflow() {
    let greatest = |line| site(&[("f", line)], u64::MAX);
    let whole = |sites: &[CallSite]| profile(sites.len() as u64, sites);
    let changes = site_difference(&whole(&[greatest(1), greatest(2)]), &whole(&[]), SiteCount::Peak);
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0].change(SiteCount::Peak), Some(i64::MIN));
    // They moved, and are one on the other side.
    let changes =
        site_difference(&whole(&[greatest(1), greatest(2)]), &whole(&[greatest(3)]), SiteCount::Peak);
    assert!(lines(&changes).is_empty(), "a sum stops at the greatest number");
    assert_eq!(difference(0, u64::MAX), i64::MAX);
}

/// Fate, change, old and new count of each line, and how many stacks lead to it.
fn of_lines(old: &SitesSummary, new: &SitesSummary) -> Vec<String> {
    let line = |line: &LineChange| {
        let count = |value: Option<u64>| value.map_or("?".into(), |value| value.to_string());
        format!(
            "{} {} {} -> {} {} of {}",
            line.fate(SiteCount::Peak).unwrap(),
            line.change_text(SiteCount::Peak),
            count(line.before(SiteCount::Peak)),
            count(line.after(SiteCount::Peak)),
            line.name(),
            line.stacks.len()
        )
    };
    line_difference(old, new, SiteCount::Peak).iter().map(line).collect()
}

#[test]
fn a_line_has_the_sum_of_its_stacks_also_of_those_that_are_the_same() {
    let whole = |sites: &[CallSite]| profile(sites.len() as u64, sites);
    let old = whole(&[
        site(&[("f", 1), ("a", 1)], 100),
        site(&[("f", 1), ("b", 1)], 60),
        site(&[("g", 1), ("a", 1)], 7),
        site(&[("h", 1), ("a", 1)], 30),
        site(&[("h", 1), ("b", 1)], 10),
    ]);
    let new = whole(&[
        site(&[("f", 1), ("a", 1)], 100),
        site(&[("f", 1), ("b", 1)], 360),
        site(&[("f", 1), ("c", 1)], 5),
        site(&[("h", 1), ("a", 1)], 10),
        site(&[("h", 1), ("b", 1)], 30),
    ]);
    assert_eq!(
        of_lines(&old, &new),
        [
            "grew +305 B 160 -> 465 f a.rs:1 of 3",
            "went -7 B 7 -> 0 g a.rs:1 of 1",
            "moved 0 B 40 -> 40 h a.rs:1 of 2"
        ]
    );
    assert!(of_lines(&old, &old).is_empty());
}

#[test]
fn a_stack_that_went_belongs_to_its_line_wherever_that_is_now() {
    let whole = |sites: &[CallSite]| profile(sites.len() as u64, sites);
    let old = whole(&[site(&[("f", 10), ("a", 1)], 100), site(&[("f", 10), ("b", 1)], 60)]);
    let new = whole(&[site(&[("f", 11), ("a", 1)], 100)]);
    assert_eq!(of_lines(&old, &new), ["shrank -60 B 160 -> 100 f a.rs:11 of 2"]);
}

#[test]
fn of_a_line_that_is_known_in_part_the_least_is_said() {
    // Of 40 sites two are kept, so the others have 60 bytes at most.
    let old = profile(40, &[site(&[("f", 1), ("a", 1)], 100), site(&[("x", 1)], 60)]);
    let new = profile(40, &[site(&[("f", 1), ("a", 1)], 150), site(&[("f", 1), ("b", 1)], 90)]);
    assert_eq!(
        of_lines(&old, &new),
        ["grew at least +80 B ? -> 240 f a.rs:1 of 2", "left unknown 60 -> ? x a.rs:1 of 1"]
    );
}
