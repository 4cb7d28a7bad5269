//! The rows on Rust's heap, as the counting allocator sees it, and on the allocator's own books.

use super::arithmetic::{deletion, heap, over_base, quotient};
use super::{Class, Direction, Metric, Source, Unit, absence, time};
use crate::case::Mode;
use crate::site_count::SiteCount;

/// What the rows have in common.
const ROW: Metric = Metric {
    id: "",
    title: "",
    source: Source::RustHeap,
    unit: Unit::Bytes,
    mode: Mode::Heap,
    direction: Direction::Lower,
    class: Class::Exact,
    floor: 1024.0,
    only_by_rule: None,
    sites: None,
    absent: absence::unreadable,
    about: "",
    of: |_| None,
};

/// Why only a rule gates what is relative to what stays.
pub(super) const RELATIVE: &str = "it also rises when what stays gets less: only a rule gates it";

/// Peak heap.
pub const PEAK: Metric = Metric {
    id: "heap.peak",
    title: "peak heap",
    class: Class::ExactOnOneThread,
    sites: Some(SiteCount::Peak),
    about: "highest sum of the requested sizes of all live blocks, over what set-up held before the first phase; \
            every thread; without the allocator's own overhead and without C or C++ allocations",
    of: |phase| heap(phase, |heap| over_base(heap.peak_live_bytes, heap)),
    ..ROW
};

/// Average heap.
pub const AVERAGE: Metric = Metric {
    id: "heap.average",
    title: "average heap",
    class: Class::Noisy,
    floor: 65536.0,
    sites: Some(SiteCount::Peak),
    absent: absence::unsampled,
    about: "mean live bytes over the sampler's points within the phase, over what set-up held; absent when the \
            phase was too short for two points",
    of: |phase| Some(phase.sampled?.mean_live_bytes - phase.heap?.base_live_bytes as f64),
    ..ROW
};

/// Heap growth.
pub const GROWTH: Metric = Metric {
    id: "heap.growth",
    title: "heap growth",
    sites: Some(SiteCount::End),
    about: "live bytes at the end minus at the start: what the phase left behind, its answer included",
    of: |phase| heap(phase, |heap| heap.end_live_bytes as f64 - heap.start_live_bytes as f64),
    ..ROW
};

/// Heap growth rate.
pub const GROWTH_RATE: Metric = Metric {
    id: "heap.growth_rate",
    title: "heap growth rate",
    unit: Unit::BytesPerSecond,
    direction: Direction::Neutral,
    class: Class::Noisy,
    floor: 0.0,
    absent: absence::unsampled,
    about: "growth over the wall time of the phase under the heap instruments; absent when the phase was too \
            short for two points of the sampler",
    of: |phase| {
        phase.sampled?;
        let grown = heap(phase, |heap| heap.end_live_bytes as f64 - heap.start_live_bytes as f64)?;
        quotient(grown, phase.wall_ns as f64 / 1e9)
    },
    ..ROW
};

/// Live at the end.
pub const LIVE: Metric = Metric {
    id: "heap.live",
    title: "live at the end",
    sites: Some(SiteCount::End),
    about: "live bytes at the phase's end, over what set-up held",
    of: |phase| heap(phase, |heap| over_base(heap.end_live_bytes, heap)),
    ..ROW
};

/// Live blocks at the end.
pub const LIVE_BLOCKS: Metric = Metric {
    id: "heap.live_blocks",
    title: "live blocks at the end",
    unit: Unit::Count,
    floor: 0.0,
    sites: Some(SiteCount::Blocks),
    about: "live blocks at the phase's end, over what set-up held",
    of: |phase| Some(phase.heap?.end_live_blocks as f64 - phase.heap?.base_live_blocks? as f64),
    ..ROW
};

/// Allocated bytes.
pub const ALLOCATED: Metric = Metric {
    id: "heap.allocated",
    title: "allocated bytes",
    sites: Some(SiteCount::Total),
    about: "all bytes ever requested; a realloc counts its whole new size, as dhat counts",
    of: |phase| heap(phase, |heap| heap.allocated_bytes.saturating_add(heap.reallocated_bytes) as f64),
    ..ROW
};

/// Allocated blocks.
pub const BLOCKS: Metric = Metric {
    id: "heap.blocks",
    title: "allocated blocks",
    unit: Unit::Count,
    floor: 0.0,
    sites: Some(SiteCount::Blocks),
    about: "successful calls of alloc, alloc_zeroed and realloc, as dhat counts",
    of: |phase| heap(phase, |heap| heap.allocated_blocks.saturating_add(heap.reallocated_blocks) as f64),
    ..ROW
};

/// Peak heap per item.
pub const PEAK_PER_ITEM: Metric = Metric {
    id: "heap.peak_per_item",
    title: "peak heap per item",
    unit: Unit::BytesPerItem,
    class: Class::ExactOnOneThread,
    floor: 1.0,
    sites: Some(SiteCount::Peak),
    absent: absence::no_items,
    about: "peak heap over the number of items (vectors, documents, queries)",
    of: |phase| quotient(heap(phase, |heap| over_base(heap.peak_live_bytes, heap))?, phase.items? as f64),
    ..ROW
};

/// Live per item.
pub const LIVE_PER_ITEM: Metric = Metric {
    id: "heap.live_per_item",
    title: "live per item",
    unit: Unit::BytesPerItem,
    floor: 1.0,
    sites: Some(SiteCount::End),
    absent: absence::no_items,
    about: "live bytes at the end over the number of items",
    of: |phase| quotient(heap(phase, |heap| over_base(heap.end_live_bytes, heap))?, phase.items? as f64),
    ..ROW
};

/// Peak over payload.
pub const PEAK_PER_PAYLOAD: Metric = Metric {
    id: "heap.peak_per_payload",
    title: "peak over payload",
    unit: Unit::Ratio,
    class: Class::ExactOnOneThread,
    floor: 0.001,
    absent: absence::no_payload,
    about: "peak heap over the bytes that the user's data takes by itself",
    of: |phase| {
        quotient(heap(phase, |heap| over_base(heap.peak_live_bytes, heap))?, phase.payload_bytes? as f64)
    },
    ..ROW
};

/// Live over payload.
pub const OVERHEAD: Metric = Metric {
    id: "heap.overhead",
    title: "live over payload",
    unit: Unit::Ratio,
    floor: 0.001,
    absent: absence::no_payload,
    about: "live bytes at the end over the bytes that the user's data takes by itself",
    of: |phase| {
        quotient(heap(phase, |heap| over_base(heap.end_live_bytes, heap))?, phase.payload_bytes? as f64)
    },
    ..ROW
};

/// Transient heap.
pub const TRANSIENT: Metric = Metric {
    id: "heap.transient",
    title: "transient heap",
    class: Class::ExactOnOneThread,
    only_by_rule: Some(RELATIVE),
    sites: Some(SiteCount::Peak),
    about: "peak over the higher of the live bytes at the phase's start and end: what was needed for a while only",
    of: |phase| {
        heap(phase, |heap| {
            heap.peak_live_bytes as f64 - heap.start_live_bytes.max(heap.end_live_bytes) as f64
        })
    },
    ..ROW
};

/// Amplification.
pub const AMPLIFICATION: Metric = Metric {
    id: "heap.amplification",
    title: "amplification",
    unit: Unit::Ratio,
    class: Class::ExactOnOneThread,
    floor: 0.001,
    only_by_rule: Some(RELATIVE),
    absent: absence::nothing_stays,
    about: "peak heap over what stays at the end; absent when nothing stays",
    of: |phase| {
        let peak = heap(phase, |heap| over_base(heap.peak_live_bytes, heap))?;
        quotient(peak, heap(phase, |heap| over_base(heap.end_live_bytes, heap))?)
    },
    ..ROW
};

/// Fragmentation ratio.
pub const FRAGMENTATION: Metric = Metric {
    id: "heap.fragmentation",
    title: "fragmentation ratio",
    unit: Unit::Ratio,
    class: Class::Noisy,
    floor: 0.05,
    only_by_rule: Some(RELATIVE),
    absent: absence::little_live,
    about: "RSS anon at the end over live bytes at the end, the whole process; absent below 1 MiB live",
    of: |phase| {
        let live = phase.heap?.end_live_bytes;
        let anon = phase.process?.end.rss_anon_bytes?;
        (live >= 1 << 20).then(|| anon as f64 / live as f64)
    },
    ..ROW
};

/// Heap given back.
pub const GIVEN_BACK: Metric = Metric {
    id: "heap.given_back",
    title: "heap given back",
    direction: Direction::Higher,
    sites: Some(SiteCount::End),
    absent: absence::no_deletion,
    about: "live bytes at the start minus at the end of a phase called delete: what it gave back to the allocator; no \
            other phase has it",
    of: |phase| {
        let heap = deletion(phase)?.heap?;
        Some(heap.start_live_bytes as f64 - heap.end_live_bytes as f64)
    },
    ..ROW
};

/// Allocator in use.
pub const IN_USE: Metric = Metric {
    id: "heap.in_use",
    title: "allocator in use",
    source: Source::Allocator,
    class: Class::Noisy,
    floor: 65536.0,
    sites: Some(SiteCount::Peak),
    absent: absence::silent_allocator,
    about: "bytes in use by the allocator's own books at the phase's end: glibc arena - keepcost + hblkhd (mallinfo2, C and \
            C++ blocks included), jemalloc active; mimalloc does not say; free chunks within its arenas are in it",
    of: |phase| Some(phase.allocator?.in_use_bytes? as f64),
    ..ROW
};

/// Allocator from the system.
pub const SYS: Metric = Metric {
    id: "heap.sys",
    title: "allocator from the system",
    source: Source::Allocator,
    class: Class::Noisy,
    floor: 65536.0,
    sites: Some(SiteCount::Peak),
    absent: absence::silent_allocator,
    about: "bytes that the allocator holds from the system at the phase's end, resident or not: glibc arena + hblkhd, \
            jemalloc mapped + retained, mimalloc committed",
    of: |phase| Some(phase.allocator?.sys_bytes? as f64),
    ..ROW
};

/// Items per second while counted.
pub const ITEMS_PER_SECOND: Metric = Metric {
    id: "heap.items_per_second",
    title: "items per second while counted",
    source: Source::Speed,
    unit: Unit::PerSecond,
    direction: Direction::Higher,
    class: Class::Noisy,
    floor: 0.0,
    only_by_rule: Some(time::TIME),
    absent: absence::no_items,
    about: "items over the wall time of a phase of at least 10 ms, with the counters attached: how fast it was while its \
            memory was measured; not comparable with mode time",
    of: |phase| {
        let is_long = phase.wall_ns >= 10_000_000 && phase.process.is_some();
        if is_long { quotient(phase.items? as f64, phase.wall_ns as f64 / 1e9) } else { None }
    },
    ..ROW
};
