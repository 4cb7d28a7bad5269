//! A global allocator that counts live, peak and allocated bytes and blocks of the whole process.
//!
//! Totals and live bytes are exact at quiescent points. The peak is exact with one allocating thread; with
//! several it is off by at most `(threads + 1) * T` ([`set_publish_threshold`]). Counts are in requested
//! bytes, as dhat counts them. A realloc's transient second buffer cannot be seen.

// The room for `unsafe`: the `GlobalAlloc` implementation.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::Ordering::Relaxed;

use super::thread_counters::{
    self, PUBLISH_THRESHOLD, Reading, count_alloc, count_free, count_realloc, count_slowly,
};
use super::totals::{AllocatorOperation, TotalsSnapshot};
use crate::evidence::HeapRecord;

/// Counts what passes through to the allocator `A`.
///
/// ```no_run
/// use bench_core::instrument::CountingAllocator;
/// use std::alloc::System;
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);
/// ```
pub struct CountingAllocator<A>(A);

impl<A> CountingAllocator<A> {
    /// Wraps `allocator`.
    pub const fn new(allocator: A) -> CountingAllocator<A> {
        CountingAllocator(allocator)
    }
}

// SAFETY: every call is forwarded unchanged to `A`, which upholds the contract; counting neither allocates,
// nor unwinds, nor touches the memory.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAllocator<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let block = unsafe { self.0.alloc(layout) };
        if !block.is_null() && !count_alloc(layout.size()) {
            count_slowly(AllocatorOperation::Alloc(layout.size()));
        }
        block
    }

    // Forwarded, not composed: `vec![0u8; 1 << 30]` must stay untouched.
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let block = unsafe { self.0.alloc_zeroed(layout) };
        if !block.is_null() && !count_alloc(layout.size()) {
            count_slowly(AllocatorOperation::Alloc(layout.size()));
        }
        block
    }

    // Counted before the free: another thread may get the block at once, and would show a false peak.
    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if count_free(layout.size()) {
            // SAFETY: the caller's promise is passed on.
            unsafe { self.0.dealloc(block, layout) }
        } else {
            // SAFETY: as above.
            unsafe { self.dealloc_slowly(block, layout) }
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let new_block = unsafe { self.0.realloc(block, layout, new_size) };
        if !new_block.is_null() && !count_realloc(layout.size(), new_size) {
            count_slowly(AllocatorOperation::Realloc(layout.size(), new_size));
        }
        new_block
    }
}

impl<A: GlobalAlloc> CountingAllocator<A> {
    /// Out of line, so that the fast path saves no register and ends in a jump.
    ///
    /// # Safety
    ///
    /// As for [`GlobalAlloc::dealloc`].
    #[cold]
    #[inline(never)]
    unsafe fn dealloc_slowly(&self, block: *mut u8, layout: Layout) {
        count_slowly(AllocatorOperation::Free(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { self.0.dealloc(block, layout) }
    }
}

/// Sets `T`, the bytes that a thread may hold unpublished (default 16 KiB): the error of a peak with several
/// allocating threads is at most `(threads + 1) * T`. 0 makes every peak exact, for a locked instruction per
/// allocation. A thread that already runs takes it over at the next [`mark`].
pub fn set_publish_threshold(bytes: u32) {
    PUBLISH_THRESHOLD.store(i64::from(bytes), Relaxed);
}

/// From now on nothing that this thread allocates or frees is counted: for the instruments' own threads.
pub fn ignore_current_thread() {
    thread_counters::ignore_this_thread();
}

/// Ends [`ignore_current_thread`]: for the end of an instrument's thread, which frees what its starter
/// allocated.
pub fn count_current_thread_again() {
    thread_counters::count_this_thread_again();
}

/// The heap at a mark: the start of a phase.
#[derive(Clone, Copy, Debug)]
pub struct HeapMark(Reading);

/// Live bytes and blocks at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapSnapshot {
    /// Sum of the requested sizes of all live blocks.
    pub live_bytes: u64,
    /// Number of live blocks.
    pub live_blocks: u64,
}

/// Begins a phase: the peak restarts at the live bytes of now.
pub fn mark() -> HeapMark {
    HeapMark(thread_counters::begin_phase())
}

/// Live bytes of the process now; for samplers.
pub fn live_bytes() -> u64 {
    unsigned(thread_counters::read_live())
}

/// What was counted so far: of one thread, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Bytes that came in minus bytes that went out; of one thread negative when it frees what others
    /// allocated.
    pub net_bytes: i64,
    /// Calls of the allocator.
    pub operations: u64,
}

/// What the calling thread counted; touches no other thread's counters.
pub fn counted_by_this_thread() -> Counted {
    counted(thread_counters::read_this_thread())
}

/// What all threads counted. Exact while no other thread allocates.
pub fn counted_by_all_threads() -> Counted {
    counted(thread_counters::read().totals)
}

fn counted(totals: TotalsSnapshot) -> Counted {
    Counted { net_bytes: totals.net_bytes(), operations: totals.operations() }
}

/// Whether [`CountingAllocator`] is this program's global allocator: otherwise every count is 0 and means
/// nothing. No phase is disturbed.
pub fn is_counting() -> bool {
    let before = counted_by_this_thread().operations;
    drop(std::hint::black_box(vec![0u8; 4096]));
    counted_by_this_thread().operations != before
}

/// What happened since `start`; `base` is the heap when the first phase began.
pub fn since(start: &HeapMark, base: HeapSnapshot) -> HeapRecord {
    let end = thread_counters::read();
    let totals = end.totals.since(start.0.totals);
    let threshold = unsigned(PUBLISH_THRESHOLD.load(Relaxed));
    HeapRecord {
        base_live_bytes: base.live_bytes,
        base_live_blocks: Some(base.live_blocks),
        start_live_bytes: unsigned(start.0.live_bytes),
        end_live_bytes: unsigned(end.live_bytes),
        end_live_blocks: live_blocks(&end),
        peak_live_bytes: unsigned(end.peak_bytes),
        peak_slack_bytes: if end.allocating_threads > 1 {
            (end.allocating_threads + 1) * threshold
        } else {
            0
        },
        allocating_threads: Some(end.allocating_threads),
        allocated_bytes: totals.allocated_bytes(),
        allocated_blocks: totals.allocated_blocks,
        freed_blocks: totals.freed_blocks,
        reallocated_blocks: totals.reallocated_blocks,
        reallocated_bytes: totals.reallocated_bytes,
    }
}

impl HeapMark {
    /// Live bytes and blocks at the mark.
    pub fn snapshot(&self) -> HeapSnapshot {
        HeapSnapshot { live_bytes: unsigned(self.0.live_bytes), live_blocks: live_blocks(&self.0) }
    }
}

fn live_blocks(reading: &Reading) -> u64 {
    reading.totals.allocated_blocks.saturating_sub(reading.totals.freed_blocks)
}

/// A reading taken while other threads free can pass below zero for a moment.
fn unsigned(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}
