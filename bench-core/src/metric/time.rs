//! The rows on wall time and speed, without instruments.

use super::arithmetic::quotient;
use super::{Class, Direction, Metric, Source, Unit, absence};
use crate::case::Mode;

/// What the rows have in common.
const ROW: Metric = Metric {
    id: "",
    title: "",
    source: Source::Speed,
    unit: Unit::Nanoseconds,
    mode: Mode::Time,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 50.0,
    only_by_rule: Some(TIME),
    sites: None,
    absent: absence::unreadable,
    about: "",
    of: |_| None,
};

/// Why only a rule gates wall time.
pub(super) const TIME: &str = "wall time spreads by 23 to 41 % on a shared host: only a rule gates it";

/// Median time.
pub const MEDIAN: Metric = Metric {
    id: "time.median",
    title: "median time",
    about: "criterion's median of the time one iteration spends in its phases, in a binary without instruments; \
            includes about 40 ns of clock per phase",
    of: |phase| Some(phase.time.as_ref()?.median_ns),
    ..ROW
};

/// Mean time.
pub const MEAN: Metric = Metric {
    id: "time.mean",
    title: "mean time",
    about: "criterion's mean of the same",
    of: |phase| Some(phase.time.as_ref()?.mean_ns),
    ..ROW
};

/// Items per second.
pub const ITEMS_PER_SECOND: Metric = Metric {
    id: "time.items_per_second",
    title: "items per second",
    unit: Unit::PerSecond,
    direction: Direction::Higher,
    floor: 0.0,
    absent: absence::no_items,
    about: "items over the median time of the case, or over the mean time of a phase, without instruments",
    of: |phase| {
        let ns = phase.time.as_ref().map_or(phase.wall_ns as f64, |time| time.median_ns);
        quotient(phase.items? as f64, ns / 1e9)
    },
    ..ROW
};
