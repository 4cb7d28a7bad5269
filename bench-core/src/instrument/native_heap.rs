//! Counts the C heap: what the interposed malloc and its kin report, and how a phase reads it.
//!
//! One set of process-wide atomics (`counter_page`). It costs more than the per-thread counters of Rust's
//! heap, and may: nothing is timed in mode `native`. In return it needs no thread-local storage, so it works
//! before `main`, inside the dynamic linker's own calls, and after a thread's storage is gone. Nothing here
//! allocates, panics or takes a lock.
//!
//! The interposing functions stand in bench-main, so that only the suites' programs have them. They count
//! unless the program says that it runs in another mode.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::counter_page::page;
use super::counting_allocator::HeapSnapshot;
use crate::evidence::HeapRecord;
use crate::preload::Word;

/// From the start on, as the dynamic linker allocates before anybody could say so.
static COUNTS: AtomicBool = AtomicBool::new(true);

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
    change_live(usable as i64);
    page().add(Word::AllocatedBlocks, 1);
    page().add(Word::AllocatedBytes, requested as u64);
}

/// Counts a free of so many usable bytes, before it happens.
pub fn count_native_free(usable: usize) {
    change_live((usable as i64).wrapping_neg());
    page().add(Word::FreedBlocks, 1);
}

/// Counts a successful realloc: the whole new size asked for, and the usable bytes before and after.
pub fn count_native_realloc(requested: usize, old_usable: usize, new_usable: usize) {
    change_live((new_usable as i64).wrapping_sub(old_usable as i64));
    page().add(Word::ReallocatedBlocks, 1);
    page().add(Word::ReallocatedBytes, requested as u64);
}

fn change_live(by: i64) {
    let page = page();
    page.follow_epoch();
    super::live_sum::change_heaps(by);
    let live = page.change(Word::LiveBytes, Word::PeakBytes, by);
    page.note_low(live);
}

/// Whether this process's malloc is interposed: a block made here must show.
pub fn native_is_counted() -> bool {
    let before = page().word(Word::AllocatedBlocks).load(Relaxed);
    super::operating_system::allocate_and_free_in_c();
    page().word(Word::AllocatedBlocks).load(Relaxed) != before
}

/// The C heap at a mark: the start of a phase.
#[derive(Clone, Copy, Debug)]
pub struct NativeMark(HeapRecord);

/// Begins a phase: the peak restarts at the live bytes of now.
pub fn mark_native() -> NativeMark {
    page().restart_peak(Word::LiveBytes, Word::PeakBytes);
    NativeMark(totals())
}

/// What happened since `start`; `base` is the C heap when the first phase began.
pub fn native_since(start: &NativeMark, base: HeapSnapshot) -> HeapRecord {
    let base_record = HeapRecord {
        end_live_bytes: base.live_bytes,
        end_live_blocks: base.live_blocks,
        ..HeapRecord::default()
    };
    totals().since(start.0, base_record)
}

/// Everything since the process began.
pub fn totals() -> HeapRecord {
    let page = page();
    let count = |word| page.word(word).load(Relaxed);
    // Other threads may free while this is read; then a difference can pass below zero for a moment.
    let bytes = |word| u64::try_from(page.signed(word).load(Relaxed)).unwrap_or(0);
    let (allocated_blocks, freed_blocks) = (count(Word::AllocatedBlocks), count(Word::FreedBlocks));
    HeapRecord {
        end_live_bytes: bytes(Word::LiveBytes),
        end_live_blocks: allocated_blocks.saturating_sub(freed_blocks),
        peak_live_bytes: bytes(Word::PeakBytes),
        allocated_bytes: count(Word::AllocatedBytes),
        allocated_blocks,
        freed_blocks,
        reallocated_blocks: count(Word::ReallocatedBlocks),
        reallocated_bytes: count(Word::ReallocatedBytes),
        ..HeapRecord::default()
    }
}

impl NativeMark {
    /// Live usable bytes and live blocks at the mark.
    pub fn snapshot(&self) -> HeapSnapshot {
        HeapSnapshot { live_bytes: self.0.end_live_bytes, live_blocks: self.0.end_live_blocks }
    }
}
