//! The rows on the memory of the server that a case works with. The rows on the heap are then about its client.

use super::arithmetic::quotient;
use super::{Class, Direction, Metric, Unit};
use crate::case::Mode;
use crate::evidence::{PhaseRecord, ServerMemory};

pub(super) const PEAK: Metric = Metric {
    id: "server.peak",
    title: "server's peak",
    unit: Unit::Bytes,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 65536.0,
    only_by_rule: None,
    about: "highest PSS of all processes of the server, shared pages counted once, what it held before included; read at the \
            marks and about every 20 ms between, so that a shorter peak can be missed",
    of: |phase| Some(phase.server?.peak_pss_bytes? as f64),
};

pub(super) const GROWTH: Metric = Metric {
    id: "server.growth",
    title: "server's growth",
    unit: Unit::Bytes,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 65536.0,
    only_by_rule: None,
    about: "PSS of all processes of the server at the phase's end minus at its start: what a connection, an index or a cache \
            of its own adds; buffers that the server filled before grow no more",
    of: |phase| growth(phase, |memory| memory.pss_bytes),
};

pub(super) const BYTES_PER_ITEM: Metric = Metric {
    id: "server.bytes_per_item",
    title: "server's growth per item",
    unit: Unit::BytesPerItem,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 1.0,
    only_by_rule: None,
    about: "the server's growth in PSS over the number of items (vectors, connections)",
    of: |phase| quotient(growth(phase, |memory| memory.pss_bytes)?, phase.items? as f64),
};

pub(super) const ALLOCATED: Metric = Metric {
    id: "server.allocated",
    title: "server's own figure",
    unit: Unit::Bytes,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 65536.0,
    only_by_rule: None,
    about: "what the server says that its allocator has handed out, at the phase's end, all nodes together (Qdrant: \
            memory_allocated_bytes of /metrics); mapped files are not in it",
    of: |phase| Some(phase.server?.end.allocated_bytes? as f64),
};

pub(super) const ALLOCATED_PER_ITEM: Metric = Metric {
    id: "server.allocated_per_item",
    title: "server's own figure per item",
    unit: Unit::BytesPerItem,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 1.0,
    only_by_rule: None,
    about: "growth of the server's own figure over the number of items",
    of: |phase| quotient(growth(phase, |memory| memory.allocated_bytes)?, phase.items? as f64),
};

fn growth(phase: &PhaseRecord, part: impl Fn(&ServerMemory) -> Option<u64>) -> Option<f64> {
    let server = phase.server.as_ref()?;
    Some(part(&server.end)? as f64 - part(&server.start)? as f64)
}
