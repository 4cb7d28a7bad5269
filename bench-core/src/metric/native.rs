//! The rows on the C heap: malloc and its kin as called by C, C++ and libc.

use super::arithmetic::{deletion, quotient};
use super::{Class, Direction, Metric, Source, Unit, absence, leak};
use crate::case::Mode;
use crate::evidence::{HeapRecord, PhaseRecord};

/// What the rows have in common.
const ROW: Metric = Metric {
    id: "",
    title: "",
    source: Source::CHeap,
    unit: Unit::Bytes,
    mode: Mode::Native,
    direction: Direction::Lower,
    class: Class::Exact,
    floor: 1024.0,
    only_by_rule: None,
    sites: None,
    absent: absence::unreadable,
    about: "",
    of: |_| None,
};

/// Peak C heap.
pub const PEAK: Metric = Metric {
    id: "native.peak",
    title: "peak C heap",
    about: "highest live bytes of the C heap (malloc and its kin as called by C, C++ and libc; not Rust's), over what set-up \
            held; in usable bytes, what malloc_usable_size says, because free is not told a size; without direct \
            mmap",
    of: |phase| native(phase, |heap| heap.peak_live_bytes as f64 - heap.base_live_bytes as f64),
    ..ROW
};

/// C heap growth.
pub const GROWTH: Metric = Metric {
    id: "native.growth",
    title: "C heap growth",
    about: "live usable bytes of the C heap at the end minus at the start",
    of: |phase| native(phase, |heap| heap.end_live_bytes as f64 - heap.start_live_bytes as f64),
    ..ROW
};

/// C heap live at the end.
pub const LIVE: Metric = Metric {
    id: "native.live",
    title: "C heap live at the end",
    about: "live usable bytes of the C heap at the phase's end, over what set-up held",
    of: |phase| native(phase, native_live),
    ..ROW
};

/// C heap live per item.
pub const LIVE_PER_ITEM: Metric = Metric {
    id: "native.live_per_item",
    title: "C heap live per item",
    unit: Unit::BytesPerItem,
    floor: 1.0,
    absent: absence::no_items,
    about: "live usable bytes of the C heap at the end over the number of items",
    of: |phase| quotient(native(phase, native_live)?, phase.items? as f64),
    ..ROW
};

/// C heap given back.
pub const GIVEN_BACK: Metric = Metric {
    id: "native.given_back",
    title: "C heap given back",
    direction: Direction::Higher,
    absent: absence::no_deletion,
    about: "live usable bytes of the C heap at the start minus at the end of a phase called delete; no other phase has \
            it",
    of: |phase| {
        let heap = deletion(phase)?.native?;
        Some(heap.start_live_bytes as f64 - heap.end_live_bytes as f64)
    },
    ..ROW
};

/// Leak slope of the C heap.
pub const LEAK_SLOPE: Metric = Metric {
    id: "native.leak_slope",
    title: "leak slope of the C heap",
    mode: Mode::Native,
    about: "leak slope of the live usable bytes of the C heap; without direct mmap",
    source: Source::CHeap,
    ..leak::SLOPE
};

/// Growth of the C heap over the loop.
pub const LEAK_GROWTH: Metric = Metric {
    id: "native.leak_growth",
    title: "growth of the C heap over the loop",
    mode: Mode::Native,
    about: "growth over the loop of the live usable bytes of the C heap; without direct mmap",
    source: Source::CHeap,
    ..leak::GROWTH
};

/// C heap allocated bytes.
pub const ALLOCATED: Metric = Metric {
    id: "native.allocated",
    title: "C heap allocated bytes",
    about: "all bytes ever requested of malloc and its kin; a realloc counts its whole new size",
    of: |phase| native(phase, |heap| heap.allocated_bytes.saturating_add(heap.reallocated_bytes) as f64),
    ..ROW
};

/// C heap allocated blocks.
pub const BLOCKS: Metric = Metric {
    id: "native.blocks",
    title: "C heap allocated blocks",
    unit: Unit::Count,
    floor: 0.0,
    about: "successful calls of malloc, calloc, realloc, memalign and their kin by C, C++ and libc",
    of: |phase| native(phase, |heap| heap.allocated_blocks.saturating_add(heap.reallocated_blocks) as f64),
    ..ROW
};

fn native(phase: &PhaseRecord, value: impl FnOnce(&HeapRecord) -> f64) -> Option<f64> {
    phase.native.as_ref().map(value)
}

/// Live usable bytes of the C heap over what set-up held.
fn native_live(heap: &HeapRecord) -> f64 {
    heap.end_live_bytes as f64 - heap.base_live_bytes as f64
}
