//! Counts the C heap: what the interposed malloc and its kin report, and how a phase reads it.
//!
//! One set of process-wide atomics. It costs more than the per-thread counters of Rust's heap, and may:
//! nothing is timed in mode `native`. In return it needs no thread-local storage, so it works before `main`,
//! inside the dynamic linker's own calls, and after a thread's storage is gone. Nothing here allocates,
//! panics or takes a lock.
//!
//! The interposing functions stand in bench-main, so that only the suites' programs have them. They count
//! unless the program says that it runs in another mode.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

use super::counting_allocator::HeapSnapshot;
use crate::evidence::HeapRecord;

/// From the start on, as the dynamic linker allocates before anybody could say so.
static COUNTS: AtomicBool = AtomicBool::new(true);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);
static ALLOCATED_BYTES: AtomicU64 = AtomicU64::new(0);
static ALLOCATED_BLOCKS: AtomicU64 = AtomicU64::new(0);
static FREED_BLOCKS: AtomicU64 = AtomicU64::new(0);
static REALLOCATED_BLOCKS: AtomicU64 = AtomicU64::new(0);
static REALLOCATED_BYTES: AtomicU64 = AtomicU64::new(0);

/// From now on the interposed functions pass everything on without a look at it: for the modes that count no
/// C heap.
pub fn stop_counting_native() {
    COUNTS.store(false, Relaxed);
}

/// Whether the interposed functions are to count.
#[inline]
pub fn native_counts() -> bool {
    COUNTS.load(Relaxed)
}

/// Counts a block that was handed out: the bytes asked for, and the usable ones.
pub fn count_native_alloc(requested: usize, usable: usize) {
    ALLOCATED_BLOCKS.fetch_add(1, Relaxed);
    ALLOCATED_BYTES.fetch_add(requested as u64, Relaxed);
    change_live(usable as i64);
}

/// Counts a free of so many usable bytes, before it happens.
pub fn count_native_free(usable: usize) {
    FREED_BLOCKS.fetch_add(1, Relaxed);
    change_live((usable as i64).wrapping_neg());
}

/// Counts a successful realloc: the whole new size asked for, and the usable bytes before and after.
pub fn count_native_realloc(requested: usize, old_usable: usize, new_usable: usize) {
    REALLOCATED_BLOCKS.fetch_add(1, Relaxed);
    REALLOCATED_BYTES.fetch_add(requested as u64, Relaxed);
    change_live((new_usable as i64).wrapping_sub(old_usable as i64));
}

fn change_live(by: i64) {
    super::live_sum::change_heaps(by);
    let live = LIVE.fetch_add(by, Relaxed).wrapping_add(by);
    if live > PEAK.load(Relaxed) {
        PEAK.fetch_max(live, Relaxed);
    }
}

/// Whether this process's malloc is interposed: a block made here must show.
pub fn native_is_counted() -> bool {
    let before = ALLOCATED_BLOCKS.load(Relaxed);
    super::operating_system::allocate_and_free_in_c();
    ALLOCATED_BLOCKS.load(Relaxed) != before
}

/// The C heap at a mark: the start of a phase.
#[derive(Clone, Copy, Debug)]
pub struct NativeMark(HeapRecord);

/// Begins a phase: the peak restarts at the live bytes of now.
pub fn mark_native() -> NativeMark {
    PEAK.store(LIVE.load(Relaxed), Relaxed);
    NativeMark(totals())
}

/// What happened since `start`; `base` is the C heap when the first phase began.
pub fn native_since(start: &NativeMark, base: HeapSnapshot) -> HeapRecord {
    let (start, end) = (start.0, totals());
    HeapRecord {
        base_live_bytes: base.live_bytes,
        base_live_blocks: Some(base.live_blocks),
        start_live_bytes: start.end_live_bytes,
        allocated_bytes: end.allocated_bytes - start.allocated_bytes,
        allocated_blocks: end.allocated_blocks - start.allocated_blocks,
        freed_blocks: end.freed_blocks - start.freed_blocks,
        reallocated_blocks: end.reallocated_blocks - start.reallocated_blocks,
        reallocated_bytes: end.reallocated_bytes - start.reallocated_bytes,
        ..end
    }
}

/// Everything since the process began.
pub fn totals() -> HeapRecord {
    let (allocated_blocks, freed_blocks) = (ALLOCATED_BLOCKS.load(Relaxed), FREED_BLOCKS.load(Relaxed));
    // Other threads may free while this is read; then a difference can pass below zero for a moment.
    let unsigned = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
    HeapRecord {
        end_live_bytes: unsigned(LIVE.load(Relaxed)),
        end_live_blocks: allocated_blocks.saturating_sub(freed_blocks),
        peak_live_bytes: unsigned(PEAK.load(Relaxed)),
        allocated_bytes: ALLOCATED_BYTES.load(Relaxed),
        allocated_blocks,
        freed_blocks,
        reallocated_blocks: REALLOCATED_BLOCKS.load(Relaxed),
        reallocated_bytes: REALLOCATED_BYTES.load(Relaxed),
        ..HeapRecord::default()
    }
}

impl NativeMark {
    /// Live usable bytes and live blocks at the mark.
    pub fn snapshot(&self) -> HeapSnapshot {
        HeapSnapshot { live_bytes: self.0.end_live_bytes, live_blocks: self.0.end_live_blocks }
    }
}
