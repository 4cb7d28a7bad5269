//! The rows on the memory of the server that a case works with. The rows on the heap are then about its
//! client.

use super::arithmetic::quotient;
use super::{Class, Direction, Metric, Source, Unit, absence};
use crate::case::Mode;
use crate::evidence::{PhaseRecord, ServerMemory};

/// What the rows have in common.
const ROW: Metric = Metric {
    id: "",
    title: "",
    source: Source::Server,
    unit: Unit::Bytes,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 65536.0,
    only_by_rule: None,
    sites: None,
    absent: absence::no_processes,
    about: "",
    of: |_| None,
};

/// Server's peak.
pub const PEAK: Metric = Metric {
    id: "server.peak",
    title: "server's peak",
    about: "highest PSS of all processes of the server, shared pages counted once, what it held before included; read at the \
            marks and about every 20 ms between, so that a shorter peak can be missed",
    of: |phase| Some(phase.server?.peak_pss_bytes? as f64),
    ..ROW
};

/// Server's growth.
pub const GROWTH: Metric = Metric {
    id: "server.growth",
    title: "server's growth",
    about: "PSS of all processes of the server at the phase's end minus at its start: what a connection, an index or a cache \
            of its own adds; buffers that the server filled before grow no more",
    of: |phase| growth(phase, |memory| memory.pss_bytes),
    ..ROW
};

/// Server's growth per item.
pub const BYTES_PER_ITEM: Metric = Metric {
    id: "server.bytes_per_item",
    title: "server's growth per item",
    unit: Unit::BytesPerItem,
    floor: 1.0,
    about: "the server's growth in PSS over the number of items (vectors, connections)",
    of: |phase| quotient(growth(phase, |memory| memory.pss_bytes)?, phase.items? as f64),
    ..ROW
};

/// Server's own figure.
pub const ALLOCATED: Metric = Metric {
    id: "server.allocated",
    title: "server's own figure",
    absent: absence::no_figures,
    about: "what the server says that its allocator has handed out, at the phase's end, all nodes together (Qdrant: \
            memory_allocated_bytes of /metrics); mapped files are not in it",
    of: |phase| Some(phase.server?.end.allocated_bytes? as f64),
    ..ROW
};

/// Server's own figure per item.
pub const ALLOCATED_PER_ITEM: Metric = Metric {
    id: "server.allocated_per_item",
    title: "server's own figure per item",
    unit: Unit::BytesPerItem,
    floor: 1.0,
    absent: absence::no_figures,
    about: "growth of the server's own figure over the number of items",
    of: |phase| quotient(growth(phase, |memory| memory.allocated_bytes)?, phase.items? as f64),
    ..ROW
};

fn growth(phase: &PhaseRecord, part: impl Fn(&ServerMemory) -> Option<u64>) -> Option<f64> {
    let server = phase.server.as_ref()?;
    Some(part(&server.end)? as f64 - part(&server.start)? as f64)
}
