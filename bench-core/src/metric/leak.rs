//! The rows on what a loop leaves behind: of Rust's heap, and of the C heap. Only a phase that is a loop has them.

use super::{Class, Direction, Metric, Unit};
use crate::case::Mode;
use crate::evidence::PhaseRecord;
use crate::leak;

pub(super) const SLOPE: Metric = Metric {
    id: "leak.slope",
    title: "leak slope",
    unit: Unit::BytesPerIteration,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Exact,
    floor: 1.0,
    only_by_rule: None,
    about: "Theil-Sen slope of the live bytes at the iterations' ends, behind 8 of warm-up: the bytes that stay from each; \
            only loops of at least 32 iterations have it",
    of: slope,
};

pub(super) const GROWTH: Metric = Metric {
    id: "leak.growth",
    title: "growth over the loop",
    unit: Unit::Percent,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Exact,
    floor: 0.1,
    only_by_rule: None,
    about: "median of the live bytes in the last third of a loop over that in the first third behind 8 iterations of \
            warm-up, minus 1; of all that the process holds, the index among it",
    of: growth,
};

pub(super) const NATIVE_SLOPE: Metric = Metric {
    id: "native.leak_slope",
    title: "leak slope of the C heap",
    mode: Mode::Native,
    about: "leak slope of the live usable bytes of the C heap; without direct mmap",
    ..SLOPE
};

pub(super) const NATIVE_GROWTH: Metric = Metric {
    id: "native.leak_growth",
    title: "growth of the C heap over the loop",
    mode: Mode::Native,
    about: "growth over the loop of the live usable bytes of the C heap; without direct mmap",
    ..GROWTH
};

fn slope(phase: &PhaseRecord) -> Option<f64> {
    Some(leak::trend(&phase.iteration_live_bytes)?.line.slope)
}

fn growth(phase: &PhaseRecord) -> Option<f64> {
    Some(leak::growth(&phase.iteration_live_bytes)? * 100.0)
}
