//! A heap between two marks, and what its allocator says of itself.

use serde::{Deserialize, Serialize};

use super::merge_both;

/// A counted heap between two marks, every thread of the process included.
///
/// Rust's heap is counted in requested bytes. Of the C heap (malloc and its kin) the totals are in requested
/// bytes too, but `free` is not told a size, so live bytes and the peak are in *usable* bytes
/// (`malloc_usable_size`): what was asked for, rounded up to what the allocator handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapRecord {
    /// Live bytes when the first phase began: what set-up holds. Metrics count from here.
    pub base_live_bytes: u64,
    /// Live blocks when the first phase began. Runs before 2026-12 lack it for the C heap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_live_blocks: Option<u64>,
    /// Live bytes at the phase's start.
    pub start_live_bytes: u64,
    /// Live bytes at the phase's end.
    pub end_live_bytes: u64,
    /// Live blocks at the phase's end.
    pub end_live_blocks: u64,
    /// Highest live bytes within the phase.
    pub peak_live_bytes: u64,
    /// Bound on the error of `peak_live_bytes` in either direction: 0 with one allocating thread, and 0 for
    /// the C heap, of which every operation of every thread is looked at.
    #[serde(default)]
    pub peak_slack_bytes: u64,
    /// Threads that allocated or freed within the phase; nobody counts them for the C heap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocating_threads: Option<u64>,
    /// Sum of the sizes asked for by alloc and alloc_zeroed; by malloc, calloc, memalign and their kin.
    pub allocated_bytes: u64,
    /// Calls of those that succeeded.
    pub allocated_blocks: u64,
    /// Calls of dealloc; of free with a block, and of realloc that freed one.
    pub freed_blocks: u64,
    /// Calls of realloc on a block that succeeded.
    pub reallocated_blocks: u64,
    /// Sum of the whole new sizes asked for by realloc.
    pub reallocated_bytes: u64,
}

impl HeapRecord {
    /// Of counts since the process began, what came since `start`; `base` is what was live when the first
    /// phase began.
    pub fn since(self, start: HeapRecord, base: HeapRecord) -> HeapRecord {
        HeapRecord {
            base_live_bytes: base.end_live_bytes,
            base_live_blocks: Some(base.end_live_blocks),
            start_live_bytes: start.end_live_bytes,
            allocated_bytes: self.allocated_bytes.saturating_sub(start.allocated_bytes),
            allocated_blocks: self.allocated_blocks.saturating_sub(start.allocated_blocks),
            freed_blocks: self.freed_blocks.saturating_sub(start.freed_blocks),
            reallocated_blocks: self.reallocated_blocks.saturating_sub(start.reallocated_blocks),
            reallocated_bytes: self.reallocated_bytes.saturating_sub(start.reallocated_bytes),
            ..self
        }
    }

    pub(super) fn then(self, next: HeapRecord) -> HeapRecord {
        HeapRecord {
            base_live_bytes: self.base_live_bytes,
            base_live_blocks: self.base_live_blocks,
            start_live_bytes: self.start_live_bytes,
            end_live_bytes: next.end_live_bytes,
            end_live_blocks: next.end_live_blocks,
            peak_live_bytes: self.peak_live_bytes.max(next.peak_live_bytes),
            peak_slack_bytes: self.peak_slack_bytes.max(next.peak_slack_bytes),
            allocating_threads: merge_both(self.allocating_threads, next.allocating_threads, u64::max),
            allocated_bytes: self.allocated_bytes.saturating_add(next.allocated_bytes),
            allocated_blocks: self.allocated_blocks.saturating_add(next.allocated_blocks),
            freed_blocks: self.freed_blocks.saturating_add(next.freed_blocks),
            reallocated_blocks: self.reallocated_blocks.saturating_add(next.reallocated_blocks),
            reallocated_bytes: self.reallocated_bytes.saturating_add(next.reallocated_bytes),
        }
    }
}

/// What the allocator of the process says of itself, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatorRecord {
    /// Bytes in use: glibc `arena - keepcost + hblkhd` of mallinfo2, jemalloc `stats.active`; mimalloc does
    /// not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_use_bytes: Option<u64>,
    /// Bytes held from the system: glibc `arena + hblkhd`, jemalloc `stats.mapped + stats.retained`, mimalloc
    /// what is committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sys_bytes: Option<u64>,
    /// What of that lies in free chunks, as glibc says: `fordblks`. Runs before 2026-12 lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
}
