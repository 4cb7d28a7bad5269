//! The rows on memory that Rust's global allocator does not see: the allocator's own books, the C heap.

use super::arithmetic::quotient;
use super::{Class, Direction, Metric, Unit};
use crate::case::Mode;
use crate::evidence::{HeapRecord, PhaseRecord};

pub(super) const HEAP_IN_USE: Metric = Metric {
    id: "heap.in_use",
    title: "allocator in use",
    unit: Unit::Bytes,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 65536.0,
    only_by_rule: None,
    about: "bytes in use by the allocator's own books at the phase's end: glibc arena - keepcost + hblkhd (mallinfo2, C and \
            C++ blocks included), jemalloc active; mimalloc does not say; free chunks within its arenas are in it",
    of: |phase| Some(phase.allocator?.in_use_bytes? as f64),
};

pub(super) const HEAP_SYS: Metric = Metric {
    id: "heap.sys",
    title: "allocator from the system",
    unit: Unit::Bytes,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Noisy,
    floor: 65536.0,
    only_by_rule: None,
    about: "bytes that the allocator holds from the system at the phase's end, resident or not: glibc arena + hblkhd, \
            jemalloc mapped + retained, mimalloc committed",
    of: |phase| Some(phase.allocator?.sys_bytes? as f64),
};

pub(super) const NATIVE_PEAK: Metric = Metric {
    id: "native.peak",
    title: "peak C heap",
    unit: Unit::Bytes,
    mode: Mode::Native,
    direction: Direction::Lower,
    class: Class::Exact,
    floor: 1024.0,
    only_by_rule: None,
    about: "highest live bytes of the C heap (malloc and its kin as called by C, C++ and libc; not Rust's), over what set-up \
            held; in usable bytes, what malloc_usable_size says, because free is not told a size; without direct \
            mmap",
    of: |phase| native(phase, |heap| heap.peak_live_bytes as f64 - heap.base_live_bytes as f64),
};

pub(super) const NATIVE_GROWTH: Metric = Metric {
    id: "native.growth",
    title: "C heap growth",
    unit: Unit::Bytes,
    mode: Mode::Native,
    direction: Direction::Lower,
    class: Class::Exact,
    floor: 1024.0,
    only_by_rule: None,
    about: "live usable bytes of the C heap at the end minus at the start",
    of: |phase| native(phase, |heap| heap.end_live_bytes as f64 - heap.start_live_bytes as f64),
};

pub(super) const NATIVE_LIVE: Metric = Metric {
    id: "native.live",
    title: "C heap live at the end",
    unit: Unit::Bytes,
    mode: Mode::Native,
    direction: Direction::Lower,
    class: Class::Exact,
    floor: 1024.0,
    only_by_rule: None,
    about: "live usable bytes of the C heap at the phase's end, over what set-up held",
    of: |phase| native(phase, native_live),
};

pub(super) const NATIVE_LIVE_PER_ITEM: Metric = Metric {
    id: "native.live_per_item",
    title: "C heap live per item",
    unit: Unit::BytesPerItem,
    mode: Mode::Native,
    direction: Direction::Lower,
    class: Class::Exact,
    floor: 1.0,
    only_by_rule: None,
    about: "live usable bytes of the C heap at the end over the number of items",
    of: |phase| quotient(native(phase, native_live)?, phase.items? as f64),
};

pub(super) const NATIVE_ALLOCATED: Metric = Metric {
    id: "native.allocated",
    title: "C heap allocated bytes",
    unit: Unit::Bytes,
    mode: Mode::Native,
    direction: Direction::Lower,
    class: Class::Exact,
    floor: 1024.0,
    only_by_rule: None,
    about: "all bytes ever requested of malloc and its kin; a realloc counts its whole new size",
    of: |phase| native(phase, |heap| heap.allocated_bytes.saturating_add(heap.reallocated_bytes) as f64),
};

pub(super) const NATIVE_BLOCKS: Metric = Metric {
    id: "native.blocks",
    title: "C heap allocated blocks",
    unit: Unit::Count,
    mode: Mode::Native,
    direction: Direction::Lower,
    class: Class::Exact,
    floor: 0.0,
    only_by_rule: None,
    about: "successful calls of malloc, calloc, realloc, memalign and their kin by C, C++ and libc",
    of: |phase| native(phase, |heap| heap.allocated_blocks.saturating_add(heap.reallocated_blocks) as f64),
};

fn native(phase: &PhaseRecord, value: impl FnOnce(&HeapRecord) -> f64) -> Option<f64> {
    phase.native.as_ref().map(value)
}

/// Live usable bytes of the C heap over what set-up held.
fn native_live(heap: &HeapRecord) -> f64 {
    heap.end_live_bytes as f64 - heap.base_live_bytes as f64
}
