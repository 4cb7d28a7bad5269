//! The rows of the METRICS table.

use super::{Class, Direction, Metric, Unit, budget, foreign, given_back, leak, server, time};
use crate::case::Mode;
use crate::evidence::{HeapRecord, PhaseRecord, ProcessMemory};

/// Why only a rule gates what is relative to what stays.
const RELATIVE: &str = "it also rises when what stays gets less: only a rule gates it";
/// Why only a rule gates the difference of two readings of RSS.
const DELTA: &str = "pages that were freed before the phase are used again, so it may be 0 once and not again: only a rule \
                     gates it";

/// Every metric, in the order of the page.
pub const METRICS: &[Metric] = &[
    Metric {
        id: "heap.peak",
        title: "peak heap",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::ExactOnOneThread,
        floor: 1024.0,
        only_by_rule: None,
        about: "highest sum of the requested sizes of all live blocks, over what set-up held before the first phase; \
                every thread; without the allocator's own overhead and without C or C++ allocations",
        of: |phase| heap(phase, |heap| over_base(heap.peak_live_bytes, heap)),
    },
    Metric {
        id: "heap.average",
        title: "average heap",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Noisy,
        floor: 65536.0,
        only_by_rule: None,
        about: "mean live bytes over the sampler's points within the phase, over what set-up held; absent when the \
                phase was too short for two points",
        of: |phase| Some(phase.sampled?.mean_live_bytes - phase.heap?.base_live_bytes as f64),
    },
    Metric {
        id: "heap.growth",
        title: "heap growth",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Exact,
        floor: 1024.0,
        only_by_rule: None,
        about: "live bytes at the end minus at the start: what the phase left behind, its answer included",
        of: |phase| heap(phase, |heap| heap.end_live_bytes as f64 - heap.start_live_bytes as f64),
    },
    Metric {
        id: "heap.growth_rate",
        title: "heap growth rate",
        unit: Unit::BytesPerSecond,
        mode: Mode::Heap,
        direction: Direction::Neutral,
        class: Class::Noisy,
        floor: 0.0,
        only_by_rule: None,
        about: "growth over the wall time of the phase under the heap instruments; absent when the phase was too \
                short for two points of the sampler",
        of: |phase| {
            phase.sampled?;
            let grown = heap(phase, |heap| heap.end_live_bytes as f64 - heap.start_live_bytes as f64)?;
            quotient(grown, phase.wall_ns as f64 / 1e9)
        },
    },
    Metric {
        id: "heap.live",
        title: "live at the end",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Exact,
        floor: 1024.0,
        only_by_rule: None,
        about: "live bytes at the phase's end, over what set-up held",
        of: |phase| heap(phase, |heap| over_base(heap.end_live_bytes, heap)),
    },
    Metric {
        id: "heap.live_blocks",
        title: "live blocks at the end",
        unit: Unit::Count,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Exact,
        floor: 0.0,
        only_by_rule: None,
        about: "live blocks at the phase's end, over what set-up held",
        of: |phase| heap(phase, |heap| (heap.end_live_blocks as f64) - heap.base_live_blocks as f64),
    },
    Metric {
        id: "heap.allocated",
        title: "allocated bytes",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Exact,
        floor: 1024.0,
        only_by_rule: None,
        about: "all bytes ever requested; a realloc counts its whole new size, as dhat counts",
        of: |phase| heap(phase, |heap| heap.allocated_bytes.saturating_add(heap.reallocated_bytes) as f64),
    },
    Metric {
        id: "heap.blocks",
        title: "allocated blocks",
        unit: Unit::Count,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Exact,
        floor: 0.0,
        only_by_rule: None,
        about: "successful calls of alloc, alloc_zeroed and realloc, as dhat counts",
        of: |phase| heap(phase, |heap| heap.allocated_blocks.saturating_add(heap.reallocated_blocks) as f64),
    },
    Metric {
        id: "heap.peak_per_item",
        title: "peak heap per item",
        unit: Unit::BytesPerItem,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::ExactOnOneThread,
        floor: 1.0,
        only_by_rule: None,
        about: "peak heap over the number of items (vectors, documents, queries)",
        of: |phase| quotient(heap(phase, |heap| over_base(heap.peak_live_bytes, heap))?, phase.items? as f64),
    },
    Metric {
        id: "heap.live_per_item",
        title: "live per item",
        unit: Unit::BytesPerItem,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Exact,
        floor: 1.0,
        only_by_rule: None,
        about: "live bytes at the end over the number of items",
        of: |phase| quotient(heap(phase, |heap| over_base(heap.end_live_bytes, heap))?, phase.items? as f64),
    },
    Metric {
        id: "heap.peak_per_payload",
        title: "peak over payload",
        unit: Unit::Ratio,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::ExactOnOneThread,
        floor: 0.001,
        only_by_rule: None,
        about: "peak heap over the bytes that the user's data takes by itself",
        of: |phase| {
            quotient(heap(phase, |heap| over_base(heap.peak_live_bytes, heap))?, phase.payload_bytes? as f64)
        },
    },
    Metric {
        id: "heap.overhead",
        title: "live over payload",
        unit: Unit::Ratio,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Exact,
        floor: 0.001,
        only_by_rule: None,
        about: "live bytes at the end over the bytes that the user's data takes by itself",
        of: |phase| {
            quotient(heap(phase, |heap| over_base(heap.end_live_bytes, heap))?, phase.payload_bytes? as f64)
        },
    },
    Metric {
        id: "heap.transient",
        title: "transient heap",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::ExactOnOneThread,
        floor: 1024.0,
        only_by_rule: Some(RELATIVE),
        about: "peak over the higher of the live bytes at the phase's start and end: what was needed for a while only",
        of: |phase| {
            heap(phase, |heap| {
                heap.peak_live_bytes as f64 - heap.start_live_bytes.max(heap.end_live_bytes) as f64
            })
        },
    },
    Metric {
        id: "heap.amplification",
        title: "amplification",
        unit: Unit::Ratio,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::ExactOnOneThread,
        floor: 0.001,
        only_by_rule: Some(RELATIVE),
        about: "peak heap over what stays at the end; absent when nothing stays",
        of: |phase| {
            let peak = heap(phase, |heap| over_base(heap.peak_live_bytes, heap))?;
            quotient(peak, heap(phase, |heap| over_base(heap.end_live_bytes, heap))?)
        },
    },
    Metric {
        id: "heap.fragmentation",
        title: "fragmentation ratio",
        unit: Unit::Ratio,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Noisy,
        floor: 0.05,
        only_by_rule: Some(RELATIVE),
        about: "RSS anon at the end over live bytes at the end, the whole process; absent below 1 MiB live",
        of: |phase| {
            let live = phase.heap?.end_live_bytes;
            let anon = phase.process?.end.rss_anon_bytes?;
            (live >= 1 << 20).then(|| anon as f64 / live as f64)
        },
    },
    given_back::HEAP,
    leak::SLOPE,
    leak::GROWTH,
    foreign::HEAP_IN_USE,
    foreign::HEAP_SYS,
    Metric {
        id: "rss.peak",
        title: "peak RSS",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Noisy,
        floor: 65536.0,
        only_by_rule: None,
        about: "VmHWM, reset at the phase's start: the whole process, its code and what set-up holds included",
        of: |phase| Some(phase.process?.peak_rss_bytes? as f64),
    },
    Metric {
        id: "rss.delta",
        title: "RSS delta",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Noisy,
        floor: 65536.0,
        only_by_rule: Some(DELTA),
        about: "RSS at the end minus RSS at the start; pages that the allocator keeps after a free stay in it",
        of: |phase| process_growth(phase, |memory| Some(memory.rss_bytes)),
    },
    Metric {
        id: "rss.anon_growth",
        title: "RSS anon growth",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Noisy,
        floor: 65536.0,
        only_by_rule: None,
        about: "growth of the resident pages that no file backs: heap, stacks and private mappings, C and C++ included",
        of: |phase| process_growth(phase, |memory| memory.rss_anon_bytes),
    },
    Metric {
        id: "rss.anon_per_item",
        title: "RSS anon growth per item",
        unit: Unit::BytesPerItem,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Noisy,
        floor: 1.0,
        only_by_rule: None,
        about: "RSS anon growth over the number of items: what an engine costs that allocates behind Rust's back",
        of: |phase| quotient(process_growth(phase, |memory| memory.rss_anon_bytes)?, phase.items? as f64),
    },
    given_back::RSS,
    Metric {
        id: "rss.file_growth",
        title: "RSS file growth",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Neutral,
        class: Class::Noisy,
        floor: 65536.0,
        only_by_rule: None,
        about: "growth of the resident pages of mapped files, which the kernel can take back: code as it is first \
                run, memory-mapped indexes",
        of: |phase| process_growth(phase, |memory| memory.rss_file_bytes),
    },
    server::PEAK,
    server::GROWTH,
    server::BYTES_PER_ITEM,
    server::ALLOCATED,
    server::ALLOCATED_PER_ITEM,
    Metric {
        id: "engine.bytes",
        title: "engine's own figure",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Neutral,
        class: Class::Exact,
        floor: 1024.0,
        only_by_rule: None,
        about: "what the engine says of its own memory at the phase's end, where it says anything; mapped memory that \
                is not resident may be in it",
        of: |phase| Some(phase.engine_bytes? as f64),
    },
    Metric {
        id: "recall",
        title: "recall",
        unit: Unit::Ratio,
        mode: Mode::Heap,
        direction: Direction::Higher,
        class: Class::Exact,
        floor: 0.001,
        only_by_rule: None,
        about: "share of the exact nearest neighbours among the answers; memory saved by a worse answer is no saving",
        of: |phase| phase.recall,
    },
    Metric {
        id: "process.threads",
        title: "threads",
        unit: Unit::Count,
        mode: Mode::Heap,
        direction: Direction::Neutral,
        class: Class::Noisy,
        floor: 0.0,
        only_by_rule: None,
        about: "threads of the process at the end; one of them is the sampler",
        of: |phase| Some(phase.process?.end.threads? as f64),
    },
    budget::USED,
    budget::BATCHES,
    budget::SMALLEST_BATCH,
    budget::LARGEST_BATCH,
    budget::WARNINGS,
    budget::CRITICALS,
    foreign::NATIVE_PEAK,
    foreign::NATIVE_GROWTH,
    foreign::NATIVE_LIVE,
    foreign::NATIVE_LIVE_PER_ITEM,
    given_back::NATIVE,
    leak::NATIVE_SLOPE,
    leak::NATIVE_GROWTH,
    foreign::NATIVE_ALLOCATED,
    foreign::NATIVE_BLOCKS,
    time::MEDIAN,
    time::MEAN,
    time::ITEMS_PER_SECOND_COUNTED,
    time::ITEMS_PER_SECOND,
];

fn heap(phase: &PhaseRecord, value: impl FnOnce(&HeapRecord) -> f64) -> Option<f64> {
    phase.heap.as_ref().map(value)
}

/// Live bytes over what set-up held; negative when a phase freed some of that.
fn over_base(live_bytes: u64, heap: &HeapRecord) -> f64 {
    live_bytes as f64 - heap.base_live_bytes as f64
}

pub(super) fn process_growth(
    phase: &PhaseRecord,
    part: impl Fn(&ProcessMemory) -> Option<u64>,
) -> Option<f64> {
    let process = phase.process.as_ref()?;
    Some(part(&process.end)? as f64 - part(&process.start)? as f64)
}

pub(super) fn quotient(dividend: f64, divisor: f64) -> Option<f64> {
    (divisor > 0.0).then(|| dividend / divisor)
}
