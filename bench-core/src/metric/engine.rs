//! The rows on what an engine says of itself.

use super::arithmetic::quotient;
use super::{Class, Direction, Metric, Source, Unit, absence};
use crate::case::Mode;

/// What the rows have in common.
const ROW: Metric = Metric {
    id: "",
    title: "",
    source: Source::Engine,
    unit: Unit::Bytes,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 1024.0,
    only_by_rule: None,
    sites: None,
    absent: absence::no_files,
    about: "",
    of: |_| None,
};

/// Engine's own figure.
pub const BYTES: Metric = Metric {
    id: "engine.bytes",
    title: "engine's own figure",
    direction: Direction::Neutral,
    class: Class::Exact,
    absent: absence::silent_engine,
    about: "what the engine says of its own memory at the phase's end, where it says anything; mapped memory that \
            is not resident may be in it; of a server what it says of the case's collection, files in the page cache included",
    of: |phase| Some(phase.engine_bytes? as f64),
    ..ROW
};

const OF_DISK: &str = "what the engine's files take on the disk at the phase's end, as the file system or the server says; holes in files \
     take nothing";

/// Bytes on the disk.
pub const DISK_BYTES: Metric = Metric {
    id: "disk.bytes",
    title: "on disk",
    floor: 65536.0,
    about: OF_DISK,
    of: |phase| Some(phase.disk_bytes? as f64),
    ..ROW
};

/// Bytes on the disk per item.
pub const DISK_PER_ITEM: Metric = Metric {
    id: "disk.per_item",
    title: "on disk per item",
    unit: Unit::BytesPerItem,
    floor: 16.0,
    about: OF_DISK,
    of: |phase| quotient(phase.disk_bytes? as f64, phase.items? as f64),
    ..ROW
};
