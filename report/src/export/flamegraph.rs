//! Flame graphs: SVGs whose widths are bytes, drawn by inferno.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use bench_core::dhat_profile::CallSite;
use inferno::flamegraph::{Options, from_lines};

use super::collapsed;
use super::collapsed::stacks;
use crate::call_sites::SiteCount;

/// Draws the call sites. `None` if the count is 0 everywhere, so that there is nothing to draw.
///
/// # Errors
/// If inferno cannot draw them.
pub fn flamegraph(sites: &[CallSite], count: SiteCount, title: &str) -> Result<Option<String>> {
    let stacks = collapsed(sites, count);
    if stacks.is_empty() {
        return Ok(None);
    }
    draw(stacks.lines(), count, title, None).map(Some)
}

/// Draws two whole profiles of one program as one: red is what grew, blue what shrank, white what is the
/// same.
///
/// inferno makes a frame as wide as its new count, and what went would have no width. So a stack that shrank
/// is told to it with its old count as the new one, and one that is as much greater as the old one: its width
/// is then the larger of the two, and its change the true one. `None` if no stack differs, so that there is
/// nothing to draw.
///
/// # Errors
/// If inferno cannot draw them.
pub fn differential_flamegraph(
    old: &[CallSite],
    new: &[CallSite],
    count: SiteCount,
    title: &str,
) -> Result<Option<String>> {
    let mut both: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    // inferno computes with signed numbers, and a stack that shrank is told as twice its count.
    let within = |bytes: u64| bytes.min(1 << 50);
    for (stack, bytes) in stacks(old, count) {
        let counts = both.entry(stack).or_default();
        counts.0 = within(counts.0.saturating_add(bytes));
    }
    for (stack, bytes) in stacks(new, count) {
        let counts = both.entry(stack).or_default();
        counts.1 = within(counts.1.saturating_add(bytes));
    }
    if both.values().all(|(old, new)| old == new) {
        return Ok(None);
    }
    let mut lines: Vec<String> = both
        .into_iter()
        .map(|(stack, (old, new))| match new.checked_sub(old) {
            Some(_) => format!("{stack} {old} {new}"),
            None => format!("{stack} {} {old}", old + (old - new)),
        })
        .collect();
    lines.sort_unstable();
    let note = "red grew, blue shrank; a frame is as wide as the larger of its old and its new count";
    draw(lines.iter().map(String::as_str), count, title, Some(note)).map(Some)
}

fn draw<'a>(
    lines: impl Iterator<Item = &'a str>,
    count: SiteCount,
    title: &str,
    note: Option<&str>,
) -> Result<String> {
    let mut options = Options::default();
    options.title = title.into();
    options.subtitle = note.map(String::from);
    options.count_name = if count == SiteCount::Blocks { "blocks" } else { "bytes" }.into();
    // The same profile gives the same file.
    options.deterministic = true;
    let mut svg = Vec::new();
    from_lines(&mut options, lines, &mut svg).context("draw the flame graph")?;
    String::from_utf8(svg).context("a flame graph is text")
}

#[cfg(test)]
mod tests {
    use bench_core::dhat_profile::Frame;

    use super::*;

    fn site(name: &str, peak_bytes: u64) -> CallSite {
        let frame = |function: &str| Frame { function: function.into(), file: None, line: None };
        CallSite { stack: vec![frame(name), frame("main")], peak_bytes, ..CallSite::default() }
    }

    #[test]
    fn frames_are_as_wide_as_their_bytes_and_names_are_escaped() {
        let sites = [site("<Vec<T> as Clone>::clone", 3000), site("b", 1000)];
        let svg = flamegraph(&sites, SiteCount::Peak, "<case>").unwrap().unwrap();
        assert!(svg.contains("&lt;Vec&lt;T&gt; as Clone&gt;::clone (3,000 bytes, 75.00%)"), "{svg}");
        assert!(svg.contains("b (1,000 bytes, 25.00%)") && svg.contains("&lt;case&gt;"));
        assert_eq!(flamegraph(&sites, SiteCount::Peak, "<case>").unwrap(), Some(svg));
        assert_eq!(flamegraph(&sites, SiteCount::End, "x").unwrap(), None);
    }

    #[test]
    fn what_grew_is_red_what_shrank_and_went_is_blue_and_all_of_it_has_a_width() {
        let old = [site("grew", 1000), site("same", 2000), site("shrank", 4000), site("went", 1000)];
        let new = [site("grew", 3000), site("same", 2000), site("shrank", 1000)];
        let svg = differential_flamegraph(&old, &new, SiteCount::Peak, "<case>").unwrap().unwrap();
        // 3000 + 2000 + 4000 + 1000 bytes in all.
        for (frame, colour) in [
            ("grew (3,000 bytes, 30.00%; +20.00%)", "rgb(255,150,150)"),
            ("same (2,000 bytes, 20.00%; 0.00%)", "rgb(250,250,250)"),
            ("shrank (4,000 bytes, 40.00%; -30.00%)", "rgb(100,100,255)"),
            ("went (1,000 bytes, 10.00%; -10.00%)", "rgb(200,200,255)"),
        ] {
            let drawn = svg.split(frame).nth(1).unwrap_or_else(|| panic!("{frame} is not in {svg}"));
            let fill = drawn.split("fill=\"").nth(1).unwrap().split('"').next().unwrap();
            assert_eq!(fill, colour, "{frame}");
        }
        assert!(svg.contains("red grew, blue shrank") && svg.contains("&lt;case&gt;"));
        assert_eq!(differential_flamegraph(&old, &old, SiteCount::Peak, "x").unwrap(), None);
        let greatest = [site("a", u64::MAX), site("a", u64::MAX)];
        differential_flamegraph(&greatest, &[], SiteCount::Peak, "x").unwrap();
    }
}
