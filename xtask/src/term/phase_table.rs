//! The phases of one repetition for people at a terminal.

use bench_core::case::Mode;
use bench_core::evidence::{Evidence, PhaseRecord};
use bench_core::metric::{Metric, Unit, heap, native, rss};
use report::quantity::human;

use crate::term::text_table::{Align, text_table};

/// Columns: heading and metric; those of Rust's heap, or of the C heap, or both, as far as they were seen.
const COLUMNS: [(&str, &Metric); 10] = [
    ("peak", &heap::PEAK),
    ("live after", &heap::LIVE),
    ("growth", &heap::GROWTH),
    ("allocated", &heap::ALLOCATED),
    ("blocks", &heap::BLOCKS),
    ("C peak", &native::PEAK),
    ("C growth", &native::GROWTH),
    ("C blocks", &native::BLOCKS),
    ("peak RSS", &rss::PEAK),
    ("RSS anon growth", &rss::ANON_GROWTH),
];

/// A row for each phase, and one for the whole case where there are several. Columns that nothing was seen of
/// are left out. In mode `time` the clock is all that was read.
pub fn phase_table(evidence: &Evidence) -> String {
    let whole = evidence.whole().filter(|_| evidence.phases.len() > 1);
    let whole = whole.map(|whole| PhaseRecord { name: "whole case".into(), ..whole });
    let phases: Vec<&PhaseRecord> = evidence.phases.iter().chain(&whole).collect();
    let value = |phase: &PhaseRecord, metric: &Metric| Some(human((metric.of)(phase)?, metric.unit));
    let seen =
        COLUMNS.into_iter().filter(|(_, metric)| phases.iter().any(|phase| value(phase, metric).is_some()));
    let seen: Vec<(&str, &Metric)> = seen.collect();
    let clock = (evidence.mode == Mode::Time).then_some("mean wall time");
    let headings = seen.iter().map(|(heading, _)| *heading);
    let head: Vec<&str> = ["phase"].into_iter().chain(clock).chain(headings).collect();
    let row = |phase: &&PhaseRecord| {
        let wall = clock.map(|_| human(phase.wall_ns as f64, Unit::Nanoseconds));
        let cells = seen.iter().map(|(_, metric)| value(phase, metric).unwrap_or("-".into()));
        [phase.name.clone()].into_iter().chain(wall).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = phases.iter().map(row).collect();
    text_table(&head, &rows, &[Align::Left])
}
