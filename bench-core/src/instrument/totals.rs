//! Counts of allocator operations that only ever rise.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// One operation of the allocator.
#[derive(Clone, Copy)]
pub(super) enum AllocatorOperation {
    /// A successful allocation of so many bytes.
    Alloc(usize),
    /// A deallocation, counted before it happens.
    Free(usize),
    /// A successful reallocation from so many bytes to so many.
    Realloc(usize, usize),
}

/// Counts that only ever rise.
pub(super) struct Totals {
    /// By alloc, alloc_zeroed, and realloc's growth.
    pub in_bytes: AtomicU64,
    /// By dealloc, and realloc's shrinkage.
    pub out_bytes: AtomicU64,
    pub allocated_blocks: AtomicU64,
    pub freed_blocks: AtomicU64,
    pub reallocated_blocks: AtomicU64,
    /// Whole new sizes asked of realloc.
    pub reallocated_bytes: AtomicU64,
    /// The part of `in_bytes` that is realloc's.
    pub grown_bytes: AtomicU64,
}

/// A plain copy of [`Totals`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TotalsSnapshot {
    in_bytes: u64,
    out_bytes: u64,
    grown_bytes: u64,
    pub allocated_blocks: u64,
    pub freed_blocks: u64,
    pub reallocated_bytes: u64,
    pub reallocated_blocks: u64,
}

/// Adds without a locked instruction: only the owner writes.
#[inline(always)]
pub(super) fn add(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(by), Relaxed);
}

impl Totals {
    pub const fn new() -> Totals {
        Totals {
            in_bytes: AtomicU64::new(0),
            out_bytes: AtomicU64::new(0),
            allocated_blocks: AtomicU64::new(0),
            freed_blocks: AtomicU64::new(0),
            reallocated_blocks: AtomicU64::new(0),
            reallocated_bytes: AtomicU64::new(0),
            grown_bytes: AtomicU64::new(0),
        }
    }

    /// Counts one operation with `add`; returns the change of live bytes.
    pub fn count(&self, operation: AllocatorOperation, add: impl Fn(&AtomicU64, u64)) -> i64 {
        match operation {
            AllocatorOperation::Alloc(bytes) => {
                add(&self.allocated_blocks, 1);
                add(&self.in_bytes, bytes as u64);
                bytes as i64
            }
            AllocatorOperation::Free(bytes) => {
                add(&self.freed_blocks, 1);
                add(&self.out_bytes, bytes as u64);
                -(bytes as i64)
            }
            AllocatorOperation::Realloc(old_bytes, new_bytes) => {
                let grown = new_bytes.saturating_sub(old_bytes) as u64;
                add(&self.reallocated_blocks, 1);
                add(&self.reallocated_bytes, new_bytes as u64);
                add(&self.grown_bytes, grown);
                add(&self.in_bytes, grown);
                add(&self.out_bytes, old_bytes.saturating_sub(new_bytes) as u64);
                new_bytes as i64 - old_bytes as i64
            }
        }
    }

    pub fn snapshot(&self) -> TotalsSnapshot {
        TotalsSnapshot {
            in_bytes: self.in_bytes.load(Relaxed),
            out_bytes: self.out_bytes.load(Relaxed),
            allocated_blocks: self.allocated_blocks.load(Relaxed),
            freed_blocks: self.freed_blocks.load(Relaxed),
            reallocated_blocks: self.reallocated_blocks.load(Relaxed),
            reallocated_bytes: self.reallocated_bytes.load(Relaxed),
            grown_bytes: self.grown_bytes.load(Relaxed),
        }
    }

    pub fn add(&self, other: TotalsSnapshot) {
        self.in_bytes.fetch_add(other.in_bytes, Relaxed);
        self.out_bytes.fetch_add(other.out_bytes, Relaxed);
        self.allocated_blocks.fetch_add(other.allocated_blocks, Relaxed);
        self.freed_blocks.fetch_add(other.freed_blocks, Relaxed);
        self.reallocated_blocks.fetch_add(other.reallocated_blocks, Relaxed);
        self.reallocated_bytes.fetch_add(other.reallocated_bytes, Relaxed);
        self.grown_bytes.fetch_add(other.grown_bytes, Relaxed);
    }
}

impl TotalsSnapshot {
    /// Bytes asked of alloc and alloc_zeroed.
    pub fn allocated_bytes(self) -> u64 {
        self.in_bytes - self.grown_bytes
    }

    /// Bytes that came in minus bytes that went out.
    pub fn net_bytes(self) -> i64 {
        self.in_bytes.wrapping_sub(self.out_bytes) as i64
    }

    /// Calls of the allocator.
    pub fn operations(self) -> u64 {
        self.allocated_blocks + self.freed_blocks + self.reallocated_blocks
    }

    /// What was counted between `earlier` and `self`.
    pub fn since(self, earlier: TotalsSnapshot) -> TotalsSnapshot {
        self.combine(earlier, u64::wrapping_sub)
    }

    pub fn plus(self, other: TotalsSnapshot) -> TotalsSnapshot {
        self.combine(other, u64::wrapping_add)
    }

    fn combine(self, other: TotalsSnapshot, with: fn(u64, u64) -> u64) -> TotalsSnapshot {
        TotalsSnapshot {
            in_bytes: with(self.in_bytes, other.in_bytes),
            out_bytes: with(self.out_bytes, other.out_bytes),
            allocated_blocks: with(self.allocated_blocks, other.allocated_blocks),
            freed_blocks: with(self.freed_blocks, other.freed_blocks),
            reallocated_blocks: with(self.reallocated_blocks, other.reallocated_blocks),
            reallocated_bytes: with(self.reallocated_bytes, other.reallocated_bytes),
            grown_bytes: with(self.grown_bytes, other.grown_bytes),
        }
    }
}
