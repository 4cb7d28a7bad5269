//! The rows on all memory of the process: both heaps and what the program maps itself, whatever language it is written in.

use super::arithmetic::{deletion, quotient};
use super::{Class, Direction, Metric, Source, Unit, absence};
use crate::case::Mode;
use crate::evidence::{Ledger, MemoryReading, PhaseRecord};

/// What the rows have in common.
const ROW: Metric = Metric {
    id: "",
    title: "",
    source: Source::AllMemory,
    unit: Unit::Bytes,
    mode: Mode::Native,
    direction: Direction::Lower,
    class: Class::Exact,
    floor: 4096.0,
    only_by_rule: None,
    sites: None,
    absent: absence::no_mappings,
    about: "",
    of: |_| None,
};

/// Why only a rule gates what is relative to what stays.
const RELATIVE: &str = "it also rises when what stays gets less: only a rule gates it";
/// Why only a rule gates what nobody can explain.
const UNEXPLAINED: &str = "it tells how far the other numbers can be trusted: only a rule gates it";

/// Memory at the end.
pub const LIVE: Metric = Metric {
    id: "memory.live",
    title: "memory",
    about: "Rust's heap, the C heap and the resident pages of what the program maps without a file, at the phase's end, over \
            what set-up held; without threads' stacks, libraries and the allocators' own overhead; files are apart",
    of: live,
    ..ROW
};

/// Peak memory.
pub const PEAK: Metric = Metric {
    id: "memory.peak",
    title: "peak memory",
    class: Class::Noisy,
    floor: 65536.0,
    about: "highest sum of both heaps and the resident pages of what is mapped without a file, at one instant, over what \
            set-up held; the heaps are exact, the pages are looked at now and then: this is the most that it can have been",
    of: |phase| over_base(phase, phase.memory?.peak?.resident_sum?.most_bytes),
    ..ROW
};

/// Memory growth.
pub const GROWTH: Metric = Metric {
    id: "memory.growth",
    title: "memory growth",
    about: "memory at the phase's end minus at its start: both heaps and resident pages of what is mapped without a file",
    of: growth,
    ..ROW
};

/// Memory per item.
pub const PER_ITEM: Metric = Metric {
    id: "memory.per_item",
    title: "memory per item",
    unit: Unit::BytesPerItem,
    floor: 1.0,
    absent: absence::no_items,
    about: "memory at the phase's end over the number of items (vectors, documents, queries)",
    of: |phase| quotient(live(phase)?, phase.items? as f64),
    ..ROW
};

/// Memory over payload.
pub const OVER_PAYLOAD: Metric = Metric {
    id: "memory.over_payload",
    title: "memory over payload",
    unit: Unit::Ratio,
    floor: 0.001,
    absent: absence::no_payload,
    about: "memory at the phase's end over the bytes that the user's data takes by itself",
    of: |phase| quotient(live(phase)?, phase.payload_bytes? as f64),
    ..ROW
};

/// Peak memory over what stays.
pub const AMPLIFICATION: Metric = Metric {
    id: "memory.amplification",
    title: "memory's amplification",
    unit: Unit::Ratio,
    class: Class::Noisy,
    floor: 0.001,
    only_by_rule: Some(RELATIVE),
    about: "peak memory over what stays at the end; absent when nothing stays",
    of: |phase| quotient((PEAK.of)(phase)?, live(phase)?),
    ..ROW
};

/// Transient memory.
pub const TRANSIENT: Metric = Metric {
    id: "memory.transient",
    title: "transient memory",
    class: Class::Noisy,
    floor: 65536.0,
    only_by_rule: Some(RELATIVE),
    about: "peak memory over the higher of the memory at the phase's start and end: what was needed for a while only",
    of: |phase| {
        let memory = phase.memory?;
        let stays = memory.start.resident_sum_bytes()?.max(memory.end.resident_sum_bytes()?);
        Some(memory.peak?.resident_sum?.most_bytes as f64 - stays as f64)
    },
    ..ROW
};

/// Memory given back.
pub const GIVEN_BACK: Metric = Metric {
    id: "memory.given_back",
    title: "memory given back",
    direction: Direction::Higher,
    absent: absence::no_deletion,
    about: "memory at the start minus at the end of a phase called delete: given back to the allocator or, where it was mapped, \
            to the system; no other phase has it",
    of: |phase| growth(deletion(phase)?).map(|grown| 0.0 - grown),
    ..ROW
};

/// What must stay.
pub const ANON: Metric = Metric {
    id: "memory.anon",
    title: "memory that must stay",
    class: Class::Noisy,
    floor: 65536.0,
    about: "RSS anon and shared memory at the phase's end, over what set-up held, as the kernel counts: pages that it cannot take \
            back without swap; the allocators' overhead and threads' stacks are in it",
    of: |phase| {
        let memory = phase.memory?;
        Some(unevictable(&memory.end)? - unevictable(&memory.base)?)
    },
    ..ROW
};

/// What the kernel may take back.
pub const FILE: Metric = Metric {
    id: "memory.file",
    title: "memory that may be evicted",
    direction: Direction::Neutral,
    class: Class::Noisy,
    floor: 65536.0,
    about: "resident pages of the files that the program maps itself, at the phase's end, over what set-up held: the kernel may \
            take them back and read them again; code and libraries are not in it",
    of: |phase| {
        let memory = phase.memory?;
        let file = |reading: &MemoryReading| Some(reading.mappings?.resident?.file_bytes as f64);
        Some(file(&memory.end)? - file(&memory.base)?)
    },
    ..ROW
};

/// What nobody can explain.
pub const REST: Metric = Metric {
    id: "memory.rest",
    title: "unexplained memory",
    direction: Direction::Neutral,
    class: Class::Noisy,
    floor: 262_144.0,
    only_by_rule: Some(UNEXPLAINED),
    about: "growth of RSS anon in the phase without the growth of both heaps, of resident mappings, of what the allocator keeps \
            free or rounds up, and of the main thread's stack; less than nothing where memory was asked for and not touched",
    of: |phase| Some(Ledger::of(&phase.memory?)?.rest as f64),
    ..ROW
};

/// Memory at the end, over what set-up held.
fn live(phase: &PhaseRecord) -> Option<f64> {
    over_base(phase, phase.memory?.end.resident_sum_bytes()?)
}

fn growth(phase: &PhaseRecord) -> Option<f64> {
    let memory = phase.memory?;
    Some(memory.end.resident_sum_bytes()? as f64 - memory.start.resident_sum_bytes()? as f64)
}

fn over_base(phase: &PhaseRecord, bytes: u64) -> Option<f64> {
    Some(bytes as f64 - phase.memory?.base.resident_sum_bytes()? as f64)
}

fn unevictable(reading: &MemoryReading) -> Option<f64> {
    let process = reading.process?;
    Some(process.rss_anon_bytes? as f64 + process.rss_shmem_bytes? as f64)
}
