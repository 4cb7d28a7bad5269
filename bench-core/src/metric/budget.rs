//! The rows on work under a memory budget. No other work has them.

use super::arithmetic::quotient;
use super::{Class, Direction, Metric, Source, Unit, absence};
use crate::case::Mode;
use crate::evidence::PhaseRecord;

/// What the rows have in common.
const ROW: Metric = Metric {
    id: "",
    title: "",
    source: Source::Workload,
    unit: Unit::Ratio,
    mode: Mode::Heap,
    direction: Direction::Neutral,
    class: Class::ExactOnOneThread,
    floor: 0.001,
    only_by_rule: None,
    sites: None,
    absent: absence::unreadable,
    about: "",
    of: |_| None,
};

/// Peak over the budget's limit.
pub const USED: Metric = Metric {
    id: "budget.used",
    title: "peak over the budget's limit",
    about: "peak heap over the limit that the work was given for its heap: above 1 the limit did not hold",
    of: |phase| {
        let heap = phase.heap?;
        let peak = heap.peak_live_bytes as f64 - heap.base_live_bytes as f64;
        quotient(peak, phase.budget?.heap_limit_bytes as f64)
    },
    ..ROW
};

/// Batches.
pub const BATCHES: Metric =
    count("budget.batches", "batches", "into how many batches the work was cut under its budget", |phase| {
        Some(phase.budget?.batches as f64)
    });

/// Smallest batch.
pub const SMALLEST_BATCH: Metric = count(
    "budget.smallest_batch",
    "smallest batch",
    "items in the smallest batch after the first that met pressure, but for the last one; absent without pressure",
    |phase| Some(phase.budget?.smallest_batch? as f64),
);

/// Largest batch.
pub const LARGEST_BATCH: Metric =
    count("budget.largest_batch", "largest batch", "items in the largest batch", |phase| {
        Some(phase.budget?.largest_batch as f64)
    });

/// Warnings of the budget.
pub const WARNINGS: Metric = count(
    "budget.warnings",
    "warnings of the budget",
    "checks that found the heap from 70 % to below 90 % of its limit",
    |phase| Some(phase.budget?.warnings as f64),
);

/// Critical checks of the budget.
pub const CRITICALS: Metric = count(
    "budget.criticals",
    "critical checks of the budget",
    "checks that found the heap from 90 % to below 100 % of its limit",
    |phase| Some(phase.budget?.criticals as f64),
);

/// A row that counts, for understanding.
const fn count(
    id: &'static str,
    title: &'static str,
    about: &'static str,
    of: fn(&PhaseRecord) -> Option<f64>,
) -> Metric {
    Metric { id, title, unit: Unit::Count, class: Class::Exact, floor: 0.0, about, of, ..ROW }
}
