//! Call sites for people at a terminal: a table of a profile, and of what differs between two; and their exports.

use std::path::Path;

use anyhow::Result;
use bench_core::dhat_profile::{CallSite, Frame, SitesSummary};
use bench_core::metric::Unit;
use bench_core::printable;
use report::quantity::human;
use report::{Side, SiteChange, SiteCount, export, plural};

use crate::flags::profile::{ExportFlags, ShownFlags};
use crate::results::write_whole;
use crate::text_table::{Align, text_table};
use crate::workspace::shown;

/// Characters of a function's name; generic ones run to thousands.
const NAME: usize = 70;

/// The totals of a profile in a sentence, and its top call sites.
pub fn site_table(summary: &SitesSummary, flags: &ShownFlags) -> String {
    let count = SiteCount::from(flags.by);
    let mut sites: Vec<&CallSite> = summary.sites.iter().collect();
    sites.sort_by_key(|site| std::cmp::Reverse((count.of(site), site.total_bytes)));
    let row = |site: &&CallSite| {
        let blocks = human(site.total_blocks as f64, Unit::Count);
        let (function, place) = named(&site.stack);
        vec![bytes(site.peak_bytes), bytes(site.total_bytes), blocks, bytes(site.end_bytes), function, place]
    };
    let rows: Vec<Vec<String>> = sites.iter().take(flags.top).map(row).collect();
    let mut text = format!(
        "{} allocated {} in {}; {} were live at the peak, {} at the end\n\n",
        plural(summary.site_count as usize, "call site"),
        bytes(summary.total_bytes),
        plural(summary.total_blocks as usize, "block"),
        bytes(summary.peak_bytes),
        bytes(summary.end_bytes)
    );
    let head = ["at peak", "total", "blocks", "at end", "call site", "place"];
    text.push_str(&text_table(&head, &rows, &align(4)));
    text.push_str(&more(summary.site_count.saturating_sub(rows.len() as u64)));
    text
}

/// What differs, the largest change first.
pub fn change_table(changes: &[SiteChange], flags: &ShownFlags) -> String {
    let count = SiteCount::from(flags.by);
    let value = |side: &Side| match side {
        Side::Absent => "-".to_string(),
        Side::BelowTop { top, .. } => format!("not in top {top}"),
        Side::Seen(site) => human(count.of(site) as f64, count.unit()),
    };
    let row = |change: &SiteChange| {
        let fate = change.fate(count).map(|fate| fate.to_string()).unwrap_or_default();
        let (function, place) = named(change.stack());
        vec![fate, change.change_text(count), value(&change.old), value(&change.new), function, place]
    };
    let rows: Vec<Vec<String>> = changes.iter().take(flags.top).map(row).collect();
    let align = [Align::Left, Align::Right, Align::Right, Align::Right, Align::Left, Align::Left];
    let table = text_table(&["", "change", "old", "new", "call site", "place"], &rows, &align);
    table + &more(changes.len().saturating_sub(rows.len()) as u64)
}

/// Writes what the flags ask for; what comes back names the files.
pub fn write_exports(
    sites: &[CallSite],
    title: &str,
    shown_flags: &ShownFlags,
    flags: &ExportFlags,
) -> Result<String> {
    let count = SiteCount::from(shown_flags.by);
    let mut text = String::new();
    let mut write = |kind: &str, path: &Path, bytes: &[u8]| -> Result<()> {
        write_whole(path, bytes)?;
        text.push_str(&format!("{kind}  {}\n", shown(path)));
        Ok(())
    };
    if let Some(path) = &flags.flamegraph {
        write("flame graph", path, export::flamegraph(sites, count, title)?.as_bytes())?;
    }
    if let Some(path) = &flags.pprof {
        write("pprof", path, &export::pprof(sites, title)?)?;
    }
    if let Some(path) = &flags.collapsed {
        write("collapsed stacks", path, export::collapsed(sites, count).as_bytes())?;
    }
    Ok(text)
}

/// The function that allocates, where it does, and who called it.
fn named(stack: &[Frame]) -> (String, String) {
    let Some((inner, outer)) = stack.split_first() else { return ("unknown".into(), String::new()) };
    let place = match (&inner.file, inner.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.clone(),
        (None, _) => "no line known".into(),
    };
    let callers: String =
        outer.iter().take(1).map(|frame| format!(" <- {}", shortened(&frame.function, NAME))).collect();
    (shortened(&inner.function, NAME), shortened(&place, NAME) + &callers)
}

/// Cut, and without control characters, which could rule the terminal.
fn shortened(text: &str, characters: usize) -> String {
    let text = printable::line(text);
    if text.chars().count() <= characters {
        return text;
    }
    text.chars().take(characters - 1).chain(['…']).collect()
}

fn bytes(bytes: u64) -> String {
    human(bytes as f64, Unit::Bytes)
}

/// So many columns of numbers, then text.
fn align(numbers: usize) -> Vec<Align> {
    [vec![Align::Right; numbers], vec![Align::Left; 2]].concat()
}

fn more(hidden: u64) -> String {
    if hidden == 0 { String::new() } else { format!("and {hidden} more (--top)\n") }
}
