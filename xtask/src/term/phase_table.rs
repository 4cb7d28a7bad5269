//! The phases of one repetition for people at a terminal.

use bench_core::case::Mode;
use bench_core::evidence::{Evidence, PhaseRecord};
use bench_core::metric::{Metric, Unit};
use report::quantity::human;

use crate::term::text_table::{Align, text_table};

/// Columns: heading and metric; those of Rust's heap, or of the C heap, or both, as far as they were seen.
const COLUMNS: [(&str, &str); 10] = [
    ("peak", "heap.peak"),
    ("live after", "heap.live"),
    ("growth", "heap.growth"),
    ("allocated", "heap.allocated"),
    ("blocks", "heap.blocks"),
    ("C peak", "native.peak"),
    ("C growth", "native.growth"),
    ("C blocks", "native.blocks"),
    ("peak RSS", "rss.peak"),
    ("RSS anon growth", "rss.anon_growth"),
];

/// A row for each phase, and one for the whole case where there are several. Columns that nothing was seen of are left
/// out. In mode `time` the clock is all that was read.
pub fn phase_table(evidence: &Evidence) -> String {
    let whole = evidence.whole().filter(|_| evidence.phases.len() > 1);
    let whole = whole.map(|whole| PhaseRecord { name: "whole case".into(), ..whole });
    let phases: Vec<&PhaseRecord> = evidence.phases.iter().chain(&whole).collect();
    let value = |phase: &PhaseRecord, id: &str| {
        let metric = Metric::by_id(id)?;
        Some(human((metric.of)(phase)?, metric.unit))
    };
    let seen = COLUMNS.into_iter().filter(|(_, id)| phases.iter().any(|phase| value(phase, id).is_some()));
    let seen: Vec<(&str, &str)> = seen.collect();
    let clock = (evidence.mode == Mode::Time).then_some("mean wall time");
    let headings = seen.iter().map(|(heading, _)| *heading);
    let head: Vec<&str> = ["phase"].into_iter().chain(clock).chain(headings).collect();
    let row = |phase: &&PhaseRecord| {
        let wall = clock.map(|_| human(phase.wall_ns as f64, Unit::Nanoseconds));
        let cells = seen.iter().map(|(_, id)| value(phase, id).unwrap_or("-".into()));
        [phase.name.clone()].into_iter().chain(wall).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = phases.iter().map(row).collect();
    text_table(&head, &rows, &[Align::Left])
}
