//! A differential flame graph: which stacks grew and which shrank between two profiles, and nothing that
//! stayed.
//!
//! The outermost functions stand above, what they call below them. A frame is as wide as what changed within
//! it, up and down added, so that the smallest regression of a large case fills the picture. Frames that
//! nothing branches off are folded into the innermost of them, and what is too narrow to see is left out.

use std::fmt::Write;

use super::{Chart, Numbers, escape, svg};
use crate::call_sites::SiteChange;
use crate::call_sites::long_name::fitted_name;
use crate::compare::SitesDifference;
use crate::quantity::signed;
use crate::text::plural;
use bench_core::foreign_text::shortened;

const WIDTH: f64 = 820.0;
/// The height of a frame, and of what is seen of it.
const ROW: u32 = 22;
const FRAME: u32 = 20;
/// A narrower frame is left out.
const NARROWEST: f64 = 2.0;
/// The width of a character.
const CHARACTER: f64 = 6.6;
/// Frames deeper than this are left out: the table has them.
const DEEPEST: usize = 12;
/// Frames of a stack from the outermost on: a file may hold any number.
const FRAMES: usize = 200;
/// Characters of a name in a tooltip; generic ones run to thousands.
const NAME: usize = 120;
/// What only the totals tell of.
const BEYOND: &str = "call sites beyond the top";
/// Rows of the table behind the chart.
const TABLE_ROWS: usize = 20;

/// A function and what it called.
#[derive(Default)]
struct FlameNode<'a> {
    name: &'a str,
    /// How many callers were folded into it.
    folded: usize,
    /// What grew and what shrank within it.
    grew: u64,
    shrank: u64,
    calls: Vec<FlameNode<'a>>,
}

impl<'a> FlameNode<'a> {
    fn new(name: &'a str) -> FlameNode<'a> {
        FlameNode { name, ..FlameNode::default() }
    }

    /// What decides its width.
    fn moved(&self) -> u64 {
        self.grew.saturating_add(self.shrank)
    }

    fn add(&mut self, change: i64, frames: &[&'a str]) {
        let sum = if change > 0 { &mut self.grew } else { &mut self.shrank };
        *sum = sum.saturating_add(change.unsigned_abs());
        let Some((outer, inner)) = frames.split_first() else { return };
        let index = self.calls.iter().position(|node| node.name == *outer).unwrap_or_else(|| {
            self.calls.push(FlameNode::new(outer));
            self.calls.len() - 1
        });
        self.calls[index].add(change, inner);
    }

    /// With unbranched callers folded, the widest calls first.
    fn folded(mut self) -> FlameNode<'a> {
        while self.calls.len() == 1 && self.calls[0].moved() == self.moved() {
            let folded = self.folded + 1;
            self = FlameNode { folded, ..self.calls.remove(0) };
        }
        self.calls = self.calls.into_iter().map(FlameNode::folded).collect();
        self.calls.sort_by(|a, b| b.moved().cmp(&a.moved()).then(a.name.cmp(b.name)));
        self
    }

    fn depth(&self) -> usize {
        1 + self.calls.iter().map(FlameNode::depth).max().unwrap_or(0)
    }
}

/// Draws what changed. `None` if no call site is known to have changed.
pub fn chart(id: &str, found: &SitesDifference) -> Option<Chart> {
    let changed: Vec<(&SiteChange, i64)> = found
        .sites
        .iter()
        .map(|site| (site, site.least_change(found.by)))
        .filter(|(_, change)| *change != 0)
        .collect();
    if changed.is_empty() {
        return None;
    }
    let mut root = FlameNode::new("all");
    let mut rest = i128::from(found.change);
    for (site, change) in &changed {
        rest -= i128::from(*change);
        let frames = site.stack().iter().rev().take(FRAMES).map(|frame| frame.function.as_str());
        root.add(*change, &frames.collect::<Vec<_>>());
    }
    // What only the totals tell: sites that are not among the top of both runs.
    let rest = rest.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
    if rest != 0 {
        root.add(rest, &[BEYOND]);
    }
    let root = match &mut root.calls[..] {
        [only] => std::mem::take(only).folded(),
        _ => FlameNode { calls: root.calls.into_iter().map(FlameNode::folded).collect(), ..root },
    };
    let shown = |change: i64| signed(change as f64, found.by.unit());
    let mut body = String::new();
    paint(&mut body, &root, 0.0, 0, WIDTH / root.moved().max(1) as f64, &shown);
    let height = root.depth().min(DEEPEST) as u32 * ROW;
    let title = "Which stacks grew and which shrank";
    let description = format!(
        "{} in all. Widest change: {} in {}",
        shown(found.change),
        changed[0].0.change_text(found.by),
        fitted_name(&changed[0].0.name(), NAME)
    );
    let rows = changed.iter().take(TABLE_ROWS).map(|(site, _)| {
        let callers: Vec<String> =
            site.stack().iter().skip(1).take(3).map(|frame| fitted_name(&frame.function, NAME)).collect();
        let unknown = site.unknown().unwrap_or_default();
        vec![site.change_text(found.by), fitted_name(&site.name(), NAME), callers.join(" \u{2190} "), unknown]
    });
    let beyond = (rest != 0).then(|| vec![shown(rest), BEYOND.into(), String::new(), String::new()]);
    let numbers = Numbers {
        head: ["change", "call site", "called by", "unknown"].map(String::from).to_vec(),
        rows: rows.chain(beyond).collect(),
    };
    let svg = svg(id, (WIDTH as u32, height), title, &description, &(body + "</svg>"));
    Some(Chart { svg, title: title.into(), numbers })
}

/// A frame, and below it what it called, from left to right.
fn paint(
    out: &mut String,
    node: &FlameNode,
    left: f64,
    depth: usize,
    scale: f64,
    shown: &impl Fn(i64) -> String,
) {
    let width = node.moved() as f64 * scale;
    if width < NARROWEST || depth >= DEEPEST {
        return;
    }
    let net = i128::from(node.grew) - i128::from(node.shrank);
    let net = net.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
    let class = if net >= 0 { "grew" } else { "shrank" };
    let (x, y) = (left.round(), depth as u32 * ROW);
    let drawn = (width - 1.0).round().max(1.0);
    let mut about = format!("{}: {}", fitted_name(node.name, NAME), shown(net));
    if node.grew > 0 && node.shrank > 0 {
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let _ = write!(about, " ({}, {})", shown(signed(node.grew)), shown(-signed(node.shrank)));
    }
    if node.folded > 0 {
        let _ = write!(about, ", {} folded", plural(node.folded, "caller"));
    }
    let _ = write!(
        out,
        "<g class=\"{class}\"><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{drawn}\" height=\"{FRAME}\"/>",
        escape(&about)
    );
    let room = ((drawn - 8.0) / CHARACTER) as usize;
    let text = label(node.name, &shown(net), room);
    if !text.is_empty() {
        let _ = write!(out, "<text x=\"{}\" y=\"{}\">{}</text>", x + 4.0, y + 14, escape(&text));
    }
    out.push_str("</g>");
    let mut left = left;
    for call in &node.calls {
        paint(out, call, left, depth + 1, scale, shown);
        left += call.moved() as f64 * scale;
    }
}

/// The change and as much of the function's name as there is room for; of a path its end. A number is never
/// cut.
fn label(name: &str, change: &str, room: usize) -> String {
    let Some(left) = room.checked_sub(change.chars().count()) else { return String::new() };
    if left < 4 {
        return change.into();
    }
    let path = name.split('<').next().unwrap_or(name).trim_end_matches("::{{closure}}");
    let short = path.rsplit("::").next().unwrap_or(name);
    let name = if name.chars().count() < left || short.is_empty() { name } else { short };
    format!("{change} {}", shortened(name, left - 1))
}

#[cfg(test)]
mod tests {
    use bench_core::dhat_profile::{CallSite, Frame, SitesSummary};

    use super::*;
    use crate::call_sites::SiteCount;
    use crate::compare::sites_difference;

    fn site(stack: &[&str], peak_bytes: u64) -> CallSite {
        let frame = |function: &&str| Frame { function: function.to_string(), file: None, line: None };
        CallSite { stack: stack.iter().map(frame).collect(), peak_bytes, ..CallSite::default() }
    }

    fn profile(site_count: u64, rest: u64, sites: Vec<CallSite>) -> SitesSummary {
        let peak_bytes = rest + sites.iter().map(|site| site.peak_bytes).sum::<u64>();
        SitesSummary { site_count, peak_bytes, sites, ..SitesSummary::default() }
    }

    fn drawn(old: &SitesSummary, new: &SitesSummary) -> Option<Chart> {
        chart("f", &sites_difference(old, new, SiteCount::Peak))
    }

    /// Class, width and tooltip of each frame.
    fn frames(chart: &Chart) -> Vec<(String, u32, String)> {
        let frames = chart.svg.split("<g class=\"").skip(1).map(|frame| {
            let between = |from: &str, to: &str| frame.split(from).nth(1).unwrap().split(to).next().unwrap();
            let class = frame.split('"').next().unwrap();
            let width = between("width=\"", "\"").parse().unwrap();
            (class.to_string(), width, between("<title>", "</title>").to_string())
        });
        frames.collect()
    }

    #[test]
    fn what_changed_is_as_wide_as_its_change_and_what_did_not_is_not_drawn() {
        let old = profile(
            3,
            0,
            vec![
                site(&["same", "build", "main"], 9_000_000),
                site(&["b", "build", "main"], 1024),
                site(&["c", "search", "main"], 4096),
            ],
        );
        let new = profile(
            3,
            0,
            vec![
                site(&["same", "build", "main"], 9_000_000),
                site(&["b", "build", "main"], 4096),
                site(&["c", "search", "main"], 3072),
            ],
        );
        let chart = drawn(&old, &new).unwrap();
        let expected = [
            ("grew", 819, "main: +2.00 KiB (+3.00 KiB, -1.00 KiB)"),
            ("grew", 614, "b: +3.00 KiB, 1 caller folded"),
            ("shrank", 204, "c: -1.00 KiB, 1 caller folded"),
        ];
        assert_eq!(
            frames(&chart),
            expected.map(|(class, width, text)| (class.to_string(), width, text.to_string()))
        );
        assert!(
            chart.svg.contains("<desc id=\"f-d\">+2.00 KiB in all. Widest change: +3.00 KiB in b</desc>")
        );
        assert_eq!(chart.numbers.rows[0], ["+3.00 KiB", "b", "build \u{2190} main", ""]);
        assert!(drawn(&old, &old).is_none(), "nothing changed");
    }

    #[test]
    fn what_only_the_totals_tell_is_a_frame_of_its_own() {
        let old = profile(40, 1000, vec![site(&["a", "main"], 5000), site(&["b", "main"], 500)]);
        let new = profile(40, 3000, vec![site(&["a", "main"], 5000), site(&["c", "main"], 2500)]);
        // c had 500 bytes at most; of b nothing is known.
        let chart = drawn(&old, &new).unwrap();
        let texts: Vec<String> = frames(&chart).into_iter().map(|(.., text)| text).collect();
        assert_eq!(
            texts,
            ["all: +3.91 KiB", "c: +1.95 KiB, 1 caller folded", "call sites beyond the top: +1.95 KiB"]
        );
        assert_eq!(chart.numbers.rows[0][0], "at least +1.95 KiB");
        assert_eq!(chart.numbers.rows[0][3], "not among the old top 2");
    }

    #[test]
    fn a_name_gives_way_to_its_number_and_a_number_is_never_cut() {
        for (room, expected) in [
            (40, "+3.00 KiB bench::work::build<T>"),
            (20, "+3.00 KiB build"),
            (14, "+3.00 KiB bui…"),
            (12, "+3.00 KiB"),
            (8, ""),
        ] {
            assert_eq!(label("bench::work::build<T>", "+3.00 KiB", room), expected, "{room}");
        }
        assert_eq!(label("bench::work::build::{{closure}}::{{closure}}", "+1 B", 20), "+1 B build");
        assert_eq!(label("<str as ToOwned>::to_owned", "+1 B", 20), "+1 B <str as ToOwne…");
    }

    #[test]
    fn hostile_names_and_numbers_stay_small_and_are_no_markup() {
        let long = "<script>".repeat(100_000);
        let deep: Vec<&str> = std::iter::repeat_n(long.as_str(), 200).collect();
        let new = profile(2, 0, vec![site(&deep, u64::MAX / 4), site(&["x"], u64::MAX / 4)]);
        let chart = drawn(&profile(0, 0, Vec::new()), &new).unwrap();
        assert!(!chart.svg.contains("<script>") && chart.svg.len() < 4000, "{}", chart.svg.len());
        let many = (0..2000).map(|i| site(&[&format!("f{i}"), "main"], 1000)).collect();
        let svg = drawn(&profile(0, 0, Vec::new()), &profile(2000, 0, many)).unwrap().svg;
        assert!(svg.len() < 20_000, "{}", svg.len());
    }
}
