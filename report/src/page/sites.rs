//! The call sites that allocated most, as dhat saw them.

use bench_core::case::Mode;
use bench_core::dhat_profile::{CallSite, Frame};
use bench_core::metric::Unit;
use bench_core::run::CaseRecord;
use serde::Serialize;

use super::column::Column;
use crate::judgement::plural;
use crate::quantity::{grouped, human};

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
    hidden: u64,
}

/// One call site.
#[derive(Serialize)]
struct Site {
    function: String,
    place: String,
    callers: String,
    peak: String,
    total: String,
    blocks: String,
}

/// More rows than this make the page heavy; the rest stands in the profile.
const ROWS: usize = 8;
/// Characters of a function's name; generic ones run to thousands.
const NAME: usize = 100;

/// The call sites, if mode `sites` saw any.
pub fn sites(record: &CaseRecord) -> Option<Sites> {
    let measurement = record.measurement(Mode::Sites)?;
    let repetition = measurement.repetitions.iter().find(|repetition| repetition.evidence.is_some())?;
    let evidence = repetition.evidence.as_ref()?;
    let summary = evidence.sites.as_ref()?;
    let bytes = |bytes: u64| human(bytes as f64, Unit::Bytes);
    let shown = || summary.sites.iter().take(ROWS);
    let peak = Column::fit(Unit::Bytes, shown().map(|site| site.peak_bytes as f64));
    let total = Column::fit(Unit::Bytes, shown().map(|site| site.total_bytes as f64));
    let rows: Vec<Site> = shown().map(|site| row(site, &peak, &total)).collect();
    Some(Sites {
        summary: format!(
            "{} allocated {} in {}; {} were live at the peak, {} at the end.",
            plural(summary.site_count as usize, "call site"),
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
        hidden: summary.site_count.saturating_sub(rows.len() as u64),
        peak_unit: peak.unit,
        total_unit: total.unit,
        rows,
    })
}

fn row(site: &CallSite, peak: &Column, total: &Column) -> Site {
    let (inner, outer) = match site.stack.split_first() {
        Some((inner, outer)) => (Some(inner), outer),
        None => (None, &[][..]),
    };
    let callers: Vec<String> = outer.iter().take(2).map(|frame| shortened(&frame.function, 60)).collect();
    Site {
        function: inner.map_or("unknown".into(), |frame| shortened(&frame.function, NAME)),
        place: inner.map(place).unwrap_or_default(),
        callers: callers.join(" ← "),
        peak: peak.show(site.peak_bytes as f64),
        total: total.show(site.total_bytes as f64),
        blocks: grouped(site.total_blocks as f64, 0),
    }
}

fn place(frame: &Frame) -> String {
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{}:{line}", shortened(file, NAME)),
        (Some(file), None) => shortened(file, NAME),
        (None, _) => "no line known".into(),
    }
}

fn shortened(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_string();
    }
    text.chars().take(characters - 1).chain(['…']).collect()
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
