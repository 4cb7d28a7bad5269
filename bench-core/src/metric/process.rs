//! The rows on the process.

use super::{Class, Direction, Metric, Source, Unit, absence};
use crate::case::Mode;

/// Threads.
pub const THREADS: Metric = Metric {
    id: "process.threads",
    title: "threads",
    source: Source::Process,
    unit: Unit::Count,
    mode: Mode::Heap,
    direction: Direction::Neutral,
    class: Class::Noisy,
    floor: 0.0,
    only_by_rule: None,
    sites: None,
    absent: absence::unreadable,
    about: "threads of the process at the end; one of them is the sampler",
    of: |phase| Some(phase.process?.end.threads? as f64),
};
