//! The rows on all memory that a case takes: both heaps and what the program maps itself, whatever language
//! it is written in; of a server its PSS.

use super::arithmetic::{deletion, quotient};
use super::heap::RELATIVE;
use super::{Class, Direction, Metric, SiteCount, Source, Unit, absence};
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

/// Why only a rule gates what nobody can explain.
const UNEXPLAINED: &str = "it tells how far the other numbers can be trusted: only a rule gates it";

/// Memory at the end.
pub const LIVE: Metric = Metric {
    id: "memory.live",
    title: "memory",
    class: Class::ExactWithoutFiles,
    sites: Some(SiteCount::End),
    about: "what must stay and what may be evicted, at the phase's end, over what set-up held; without threads' stacks, libraries and \
            the allocators' own overhead; of a server the growth of its PSS since the phase's start",
    of: live,
    ..ROW
};

/// Peak memory.
pub const PEAK: Metric = Metric {
    id: "memory.peak",
    title: "peak memory",
    class: Class::Noisy,
    floor: 65536.0,
    sites: Some(SiteCount::Peak),
    about: "highest sum of both heaps and the resident pages of what is mapped without a file, at one instant, and the files' pages at \
            the phase's start or end, over what set-up held; the heaps are exact, the pages are looked at now and then: this is \
            the most that it can have been; of a server the highest PSS seen over that at the phase's start",
    of: peak,
    ..ROW
};

/// Memory growth.
pub const GROWTH: Metric = Metric {
    id: "memory.growth",
    title: "memory growth",
    class: Class::ExactWithoutFiles,
    sites: Some(SiteCount::End),
    about: "memory at the phase's end minus at its start",
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
    class: Class::ExactWithoutFiles,
    sites: Some(SiteCount::End),
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
    class: Class::ExactWithoutFiles,
    sites: Some(SiteCount::End),
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
    of: |phase| quotient(peak(phase)?, live(phase)?),
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
    of: transient,
    ..ROW
};

/// Memory given back.
pub const GIVEN_BACK: Metric = Metric {
    id: "memory.given_back",
    title: "memory given back",
    direction: Direction::Higher,
    absent: absence::no_deletion,
    class: Class::ExactWithoutFiles,
    about: "memory at the start minus at the end of a phase called delete: given back to the allocator or, where it was mapped, \
            to the system; no other phase has it",
    of: |phase| growth(deletion(phase)?).map(|grown| 0.0 - grown),
    ..ROW
};

/// What must stay.
pub const ANON: Metric = Metric {
    id: "memory.anon",
    title: "memory that must stay",
    class: Class::Exact,
    floor: 4096.0,
    sites: Some(SiteCount::End),
    about: "Rust's heap, the C heap and the resident pages of what the program maps without a file, at the phase's end, over what set-up \
            held: the kernel cannot take it back without swap",
    of: |phase| Some(anon(&phase.memory?.end)? - anon(&phase.memory?.base)?),
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
    of: |phase| Some(file(&phase.memory?.end)? - file(&phase.memory?.base)?),
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
            free or rounds up, and of the main thread's stack; and what large blocks were asked for and not touched is added",
    of: |phase| Some(Ledger::of(&phase.memory?)?.rest as f64),
    ..ROW
};

/// Memory at the end, over what set-up held; of a server since the phase's start.
fn live(phase: &PhaseRecord) -> Option<f64> {
    if phase.server.is_some() {
        return growth(phase);
    }
    let memory = phase.memory?;
    Some(all(&memory.end)? - all(&memory.base)?)
}

fn growth(phase: &PhaseRecord) -> Option<f64> {
    if let Some(server) = phase.server {
        return Some(server.end.pss_bytes? as f64 - server.start.pss_bytes? as f64);
    }
    let memory = phase.memory?;
    Some(all(&memory.end)? - all(&memory.start)?)
}

fn peak(phase: &PhaseRecord) -> Option<f64> {
    if let Some(server) = phase.server {
        return Some(server.peak_pss_bytes? as f64 - server.start.pss_bytes? as f64);
    }
    let memory = phase.memory?;
    let files = file(&memory.start)?.max(file(&memory.end)?);
    Some(memory.peak?.resident_sum?.most_bytes as f64 + files - all(&memory.base)?)
}

/// What of the peak neither was there at the start nor stays.
fn transient(phase: &PhaseRecord) -> Option<f64> {
    let grown = growth(phase)?;
    let at_start = live(phase)? - grown;
    Some(peak(phase)? - (at_start + grown.max(0.0)))
}

/// All memory at a mark.
fn all(reading: &MemoryReading) -> Option<f64> {
    Some(anon(reading)? + file(reading)?)
}

/// What of it must stay.
fn anon(reading: &MemoryReading) -> Option<f64> {
    reading.resident_sum_bytes().map(|bytes| bytes as f64)
}

/// What of it may be evicted.
fn file(reading: &MemoryReading) -> Option<f64> {
    Some(reading.mappings?.resident?.file_bytes as f64)
}
