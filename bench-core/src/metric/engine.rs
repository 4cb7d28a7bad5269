//! The rows on what an engine says of itself.

use super::{Class, Direction, Metric, Source, Unit, absence};
use crate::case::Mode;

/// Engine's own figure.
pub const BYTES: Metric = Metric {
    id: "engine.bytes",
    title: "engine's own figure",
    source: Source::Engine,
    unit: Unit::Bytes,
    mode: Mode::Heap,
    direction: Direction::Neutral,
    class: Class::Exact,
    floor: 1024.0,
    only_by_rule: None,
    sites: None,
    absent: absence::silent_engine,
    about: "what the engine says of its own memory at the phase's end, where it says anything; mapped memory that \
            is not resident may be in it",
    of: |phase| Some(phase.engine_bytes? as f64),
};
