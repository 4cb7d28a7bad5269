//! The rows on what the answers are worth.

use super::{Class, Direction, Metric, Source, Unit, absence};
use crate::case::Mode;

/// Recall.
pub const RECALL: Metric = Metric {
    id: "recall",
    title: "recall",
    source: Source::Answers,
    unit: Unit::Ratio,
    mode: Mode::Heap,
    direction: Direction::Higher,
    class: Class::Exact,
    floor: 0.001,
    only_by_rule: None,
    sites: None,
    absent: absence::no_recall,
    about: "share of the exact nearest neighbours among the answers; memory saved by a worse answer is no saving",
    of: |phase| phase.recall,
};
