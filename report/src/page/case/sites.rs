//! The call sites that allocated most, as dhat saw them.

use bench_core::case::Mode;
use bench_core::dhat_profile::Frame;
use bench_core::metric::Unit;
use bench_core::run::CaseRecord;
use serde::Serialize;

use crate::call_sites::SiteCount;
use crate::call_sites::allocating_line::{AllocatingLine, allocating_lines, callers};
use crate::call_sites::long_name::fitted_name;
use crate::page::column::Column;
use crate::quantity::{grouped, human};
use crate::text::plural;

/// The call sites of one case.
#[derive(Serialize)]
pub struct Sites {
    summary: String,
    scaled: Option<String>,
    /// The whole profile, relative to the page: always a file in its folder.
    href: Option<String>,
    peak_unit: &'static str,
    total_unit: &'static str,
    rows: Vec<Site>,
    /// How many stacks the rows leave out, in words; empty if none.
    hidden: String,
}

/// A line of code that allocates.
#[derive(Serialize)]
struct Site {
    function: String,
    place: String,
    /// Who calls it, a line for each stack.
    ways: Vec<String>,
    hidden_ways: usize,
    peak: String,
    total: String,
    blocks: String,
}

/// More rows than this make the page heavy; the rest stands in the profile.
const ROWS: usize = 8;
/// Stacks of one line of code.
const WAYS: usize = 3;
/// Characters of a function's name; generic ones run to thousands.
const NAME: usize = 100;

/// The call sites, if mode `sites` saw any.
pub fn sites(record: &CaseRecord) -> Option<Sites> {
    let measurement = record.measurement(Mode::Sites)?;
    let repetition = measurement.repetitions.iter().find(|repetition| repetition.evidence.is_some())?;
    let evidence = repetition.evidence.as_ref()?;
    let summary = evidence.sites.as_ref()?;
    let bytes = |bytes: u64| human(bytes as f64, Unit::Bytes);
    let lines = allocating_lines(&summary.sites, SiteCount::Peak);
    let shown = || lines.iter().take(ROWS);
    let peak = Column::fit(Unit::Bytes, shown().map(|line| line.sum.peak_bytes as f64));
    let total = Column::fit(Unit::Bytes, shown().map(|line| line.sum.total_bytes as f64));
    let rows: Vec<Site> = shown().map(|line| row(line, &peak, &total)).collect();
    let stacks = shown().map(|line| line.stacks.len() as u64).sum::<u64>();
    Some(Sites {
        summary: format!(
            "{} allocated {} in {}; {} were live at the peak, {} at the end.",
            plural(summary.site_count as usize, "stack"),
            bytes(summary.total_bytes),
            plural(summary.total_blocks as usize, "block"),
            bytes(summary.peak_bytes),
            bytes(summary.end_bytes)
        ),
        scaled: evidence
            .scaled
            .as_ref()
            .map(|scaled| format!("scaled down: {}={} instead of {}", scaled.axis, scaled.to, scaled.from)),
        href: repetition.dhat_file.as_deref().map(relative),
        hidden: match summary.site_count.saturating_sub(stacks) {
            0 => String::new(),
            hidden => plural(hidden as usize, "more stack"),
        },
        peak_unit: peak.unit,
        total_unit: total.unit,
        rows,
    })
}

fn row(line: &AllocatingLine<'_>, peak: &Column, total: &Column) -> Site {
    let stacks: Vec<&[Frame]> = line.stacks.iter().map(|site| site.stack.as_slice()).collect();
    let ways = stacks.iter().take(WAYS).map(|stack| callers(stack, &stacks).0).filter(|way| !way.is_empty());
    let ways: Vec<String> =
        ways.map(|way| format!("\u{2190} {}", way.replace(" <- ", " \u{2190} "))).collect();
    let place = match line.frame {
        None => String::new(),
        Some(frame) => frame.place().map_or("no line known".into(), |place| fitted_name(&place, NAME)),
    };
    Site {
        function: line.frame.map_or("unknown".into(), |frame| fitted_name(&frame.function, NAME)),
        place: if stacks.len() > 1 { format!("{place}, {} stacks", stacks.len()) } else { place },
        hidden_ways: stacks.len().saturating_sub(WAYS),
        ways,
        peak: peak.show(line.sum.peak_bytes as f64),
        total: total.show(line.sum.total_bytes as f64),
        blocks: grouped(line.sum.total_blocks as f64, 0),
    }
}

/// A file's name as a link that cannot leave the page's folder, nor be anything but a file: `./a%3Ab.json`.
fn relative(name: &str) -> String {
    let escaped = name.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'=' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    format!("./{}", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_in_the_pages_folder() {
        for (name, expected) in [
            ("vectors_a_dim=128.dhat.json", "./vectors_a_dim=128.dhat.json"),
            ("javascript:alert(1)", "./javascript%3Aalert%281%29"),
            ("../../etc/passwd", "./..%2F..%2Fetc%2Fpasswd"),
            ("//evil.example", "./%2F%2Fevil.example"),
            ("a\"b", "./a%22b"),
        ] {
            assert_eq!(relative(name), expected);
        }
    }
}
