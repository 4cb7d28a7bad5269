//! The rows on what the answers are worth.

use super::{Class, Direction, Metric, Source, Unit, absence};
use crate::case::Mode;

/// What the rows have in common.
const ROW: Metric = Metric {
    id: "",
    title: "",
    source: Source::Answers,
    unit: Unit::Ratio,
    mode: Mode::Heap,
    direction: Direction::Higher,
    class: Class::Exact,
    floor: 0.001,
    only_by_rule: None,
    sites: None,
    absent: absence::no_exhaustive_search,
    about: "",
    of: |_| None,
};

/// Recall.
pub const RECALL: Metric = Metric {
    id: "recall",
    title: "recall",
    absent: absence::no_recall,
    about: "share of the exact nearest neighbours among the answers; memory saved by a worse answer is no saving",
    of: |phase| phase.recall,
    ..ROW
};

/// What quantisation leaves.
pub const CODES_RECALL: Metric = Metric {
    id: "recall.codes",
    title: "recall of the codes",
    about: "share of the exact nearest neighbours among those that a comparison of the query with every stored code finds: what is \
            missing, quantisation lost",
    of: |phase| phase.codes_recall,
    ..ROW
};

/// What the graph leaves.
pub const GRAPH_RECALL: Metric = Metric {
    id: "recall.graph",
    title: "recall of the graph",
    about: "share of what a comparison of the query with every stored code finds among the answers: what is missing, the graph or \
            the trees lost",
    of: |phase| phase.graph_recall,
    ..ROW
};
