//! Call sites for people at a terminal: a table of a profile, and of what differs between two; a row for each
//! line of code, and below it the stacks that lead to it.

use bench_core::dhat_profile::{CallSite, Frame, SitesSummary};
use bench_core::metric::Unit;
use report::quantity::human;
use report::{LineChange, SiteCount, SiteInProfile, allocating_lines, callers, fitted_name, plural};

use crate::cli::flags::ShownFlags;
use crate::term::text_table::{Align, text_table};

/// Characters of a function's name; generic ones run to thousands.
const NAME: usize = 70;
/// Stacks below a line.
const STACKS: usize = 3;
/// What stands before the stacks of a line.
const INDENT: &str = "  <- ";

/// The totals of a profile in a sentence, and the lines of code that allocate most.
pub fn site_table(summary: &SitesSummary, flags: &ShownFlags) -> String {
    let lines = allocating_lines(&summary.sites, flags.count());
    let row = |site: &CallSite, function: String, place: String| {
        let blocks = human(site.total_blocks as f64, Unit::Count);
        vec![bytes(site.peak_bytes), bytes(site.total_bytes), blocks, bytes(site.end_bytes), function, place]
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    let shown = lines.iter().take(flags.top());
    for line in shown {
        let stacks: Vec<&[Frame]> = line.stacks.iter().map(|site| site.stack.as_slice()).collect();
        let (function, place) = named(line.frame, &stacks);
        rows.push(row(&line.sum, function, place));
        if let [_, _, ..] = stacks[..] {
            let ways = line.stacks.iter().take(STACKS);
            rows.extend(ways.map(|site| {
                let (callers, place) = way(&site.stack, &stacks);
                row(site, callers, place)
            }));
            rows.extend(more_ways(stacks.len(), 4, 2));
        }
    }
    let mut text = totals(summary, lines.len()) + "\n\n";
    if !rows.is_empty() {
        let head = ["at peak", "total", "blocks", "at end", "call site", "place"];
        text.push_str(&text_table(&head, &rows, &align(4)));
    }
    let known = summary.sites.len() as u64;
    text.push_str(&more(lines.len(), flags));
    if summary.site_count > known {
        text.push_str(&format!("the other {} are not at hand\n", stacks_of(summary.site_count - known)));
    }
    text
}

/// What a profile holds in all. Of one that keeps its top stacks only it is not known how many lines the
/// others have.
fn totals(summary: &SitesSummary, lines: usize) -> String {
    let known = summary.sites.len() as u64;
    let sites = match summary.site_count {
        all if all > known => format!("{}, of which the top {known} are known,", stacks_of(all)),
        all if all > lines as u64 => format!("{} ({})", plural(lines, "call site"), stacks_of(all)),
        _ => plural(lines, "call site"),
    };
    format!(
        "{sites} allocated {} in {}; {} were live at the peak, {} at the end",
        bytes(summary.total_bytes),
        plural(summary.total_blocks as usize, "block"),
        bytes(summary.peak_bytes),
        bytes(summary.end_bytes)
    )
}

/// The lines of code that differ, the largest change first.
pub fn change_table(lines: &[LineChange], flags: &ShownFlags) -> String {
    let count = flags.count();
    let shown =
        |value: Option<u64>| value.map_or("unknown".into(), |value| human(value as f64, count.unit()));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in lines.iter().take(flags.top()) {
        let stacks: Vec<&[Frame]> = line.stacks.iter().map(|change| change.stack()).collect();
        let (function, place) = named(line.frame.as_ref(), &stacks);
        let fate = line.fate(count).map(|fate| fate.to_string()).unwrap_or_default();
        let (old, new) = match &line.stacks[..] {
            [only] => (value(&only.old, count), value(&only.new, count)),
            _ => (shown(line.before(count)), shown(line.after(count))),
        };
        rows.push(vec![fate, line.change_text(count), old, new, function, place]);
        let changed: Vec<_> = line.stacks.iter().filter(|change| change.fate(count).is_some()).collect();
        if stacks.len() > 1 {
            rows.extend(changed.iter().take(STACKS).map(|change| {
                let (callers, place) = way(change.stack(), &stacks);
                let (old, new) = (value(&change.old, count), value(&change.new, count));
                vec![String::new(), change.change_text(count), old, new, callers, place]
            }));
            rows.extend(more_ways(changed.len(), 4, 2));
        }
    }
    let align = [Align::Left, Align::Right, Align::Right, Align::Right, Align::Left, Align::Left];
    let table = text_table(&["", "change", "old", "new", "call site", "place"], &rows, &align);
    table + &more(lines.len(), flags)
}

/// What a profile says of a call site, where it is known.
fn value(side: &SiteInProfile, count: SiteCount) -> String {
    match side {
        SiteInProfile::Absent => "-".to_string(),
        SiteInProfile::BelowTop { top, .. } => format!("not in top {top}"),
        SiteInProfile::Seen(site) => human(count.of(site) as f64, count.unit()),
    }
}

/// The function that allocates and where it does; with who called it, where all stacks of it come from there.
fn named(frame: Option<&Frame>, stacks: &[&[Frame]]) -> (String, String) {
    let Some(frame) = frame else { return ("unknown".into(), String::new()) };
    let place = frame.place().map_or("no line known".into(), |place| fitted_name(&place, NAME));
    let place = match stacks {
        [only] => match callers(only, &[]).0 {
            caller if caller.is_empty() => place,
            caller => format!("{place} <- {caller}"),
        },
        _ => format!("{place}, {}", stacks_of(stacks.len() as u64)),
    };
    (fitted_name(&frame.function, NAME), place)
}

/// One of several ways to a line: the callers that tell it from the others, and where the last of them
/// stands.
fn way(stack: &[Frame], stacks: &[&[Frame]]) -> (String, String) {
    let (text, place) = callers(stack, stacks);
    let text = if text.is_empty() { "(no caller known)".into() } else { text };
    (format!("{INDENT}{text}"), place.map(|place| fitted_name(&place, NAME)).unwrap_or_default())
}

/// That a line has more stacks than are shown, as a row of so many cells before the name and behind it.
fn more_ways(stacks: usize, before: usize, from_name: usize) -> Option<Vec<String>> {
    let hidden = stacks.checked_sub(STACKS).filter(|hidden| *hidden > 0)?;
    let mut row = vec![String::new(); before + from_name];
    row[before] = format!("{INDENT}{hidden} more");
    Some(row)
}

fn stacks_of(count: u64) -> String {
    plural(count as usize, "stack")
}

fn bytes(bytes: u64) -> String {
    human(bytes as f64, Unit::Bytes)
}

/// So many columns of numbers, then text.
fn align(numbers: usize) -> Vec<Align> {
    [vec![Align::Right; numbers], vec![Align::Left; 2]].concat()
}

fn more(lines: usize, flags: &ShownFlags) -> String {
    match lines.saturating_sub(flags.top()) {
        0 => String::new(),
        hidden => format!("and {hidden} more (--top)\n"),
    }
}
