//! The rows on what a loop leaves behind in Rust's heap. Only a phase that is a loop has them.

use super::{Class, Direction, Metric, Source, Unit, absence};
use crate::case::Mode;
use crate::evidence::PhaseRecord;
use crate::leak;

/// What the rows have in common.
const ROW: Metric = Metric {
    id: "",
    title: "",
    source: Source::RustHeap,
    unit: Unit::BytesPerIteration,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Exact,
    floor: 1.0,
    only_by_rule: None,
    sites: None,
    absent: absence::too_few_iterations,
    about: "",
    of: |_| None,
};

/// Leak slope.
pub const SLOPE: Metric = Metric {
    id: "leak.slope",
    title: "leak slope",
    about: "Theil-Sen slope of the live bytes at the iterations' ends, behind 8 of warm-up: the bytes that stay from each; \
            only loops of at least 32 iterations have it",
    of: slope,
    ..ROW
};

/// Growth over the loop.
pub const GROWTH: Metric = Metric {
    id: "leak.growth",
    title: "growth over the loop",
    unit: Unit::Percent,
    floor: 0.1,
    about: "median of the live bytes in the last third of a loop over that in the first third behind 8 iterations of \
            warm-up, minus 1; of all that the process holds, the index among it",
    of: growth,
    ..ROW
};

fn slope(phase: &PhaseRecord) -> Option<f64> {
    Some(leak::trend(&phase.iteration_live_bytes)?.line.slope)
}

fn growth(phase: &PhaseRecord) -> Option<f64> {
    Some(leak::growth(&phase.iteration_live_bytes)? * 100.0)
}
