//! The rows on wall time and speed.

use super::arithmetic::quotient;
use super::{Class, Direction, Metric, Unit};
use crate::case::Mode;

/// Why only a rule gates wall time.
const TIME: &str = "wall time spreads by 23 to 41 % on a shared host: only a rule gates it";

pub(super) const MEDIAN: Metric = Metric {
    id: "time.median",
    title: "median time",
    unit: Unit::Nanoseconds,
    mode: Mode::Time,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 50.0,
    only_by_rule: Some(TIME),
    about: "criterion's median of the time one iteration spends in its phases, in a binary without instruments; \
            includes about 40 ns of clock per phase",
    of: |phase| Some(phase.time.as_ref()?.median_ns),
};

pub(super) const MEAN: Metric = Metric {
    id: "time.mean",
    title: "mean time",
    unit: Unit::Nanoseconds,
    mode: Mode::Time,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 50.0,
    only_by_rule: Some(TIME),
    about: "criterion's mean of the same",
    of: |phase| Some(phase.time.as_ref()?.mean_ns),
};

pub(super) const ITEMS_PER_SECOND_COUNTED: Metric = Metric {
    id: "heap.items_per_second",
    title: "items per second while counted",
    unit: Unit::PerSecond,
    mode: Mode::Heap,
    direction: Direction::Higher,
    class: Class::Noisy,
    floor: 0.0,
    only_by_rule: Some(TIME),
    about: "items over the wall time of a phase of at least 10 ms, with the counters attached: how fast it was while its \
            memory was measured; not comparable with mode time",
    of: |phase| {
        let is_long = phase.wall_ns >= 10_000_000 && phase.process.is_some();
        if is_long { quotient(phase.items? as f64, phase.wall_ns as f64 / 1e9) } else { None }
    },
};

pub(super) const ITEMS_PER_SECOND: Metric = Metric {
    id: "time.items_per_second",
    title: "items per second",
    unit: Unit::PerSecond,
    mode: Mode::Time,
    direction: Direction::Higher,
    class: Class::Noisy,
    floor: 0.0,
    only_by_rule: Some(TIME),
    about: "items over the median time of the case, or over the mean time of a phase, without instruments",
    of: |phase| {
        let ns = phase.time.as_ref().map_or(phase.wall_ns as f64, |time| time.median_ns);
        quotient(phase.items? as f64, ns / 1e9)
    },
};
