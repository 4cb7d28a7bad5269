//! Evidence on memory that Rust's global allocator does not see: the C heap, and the allocator's own books.

use serde::{Deserialize, Serialize};

/// The C heap between two marks: what C, C++ and libc itself asked of malloc and its kin, every thread included.
///
/// Totals are in requested bytes. `free` is not told a size, so live bytes and the peak are in *usable* bytes
/// (`malloc_usable_size`): what was asked for, rounded up to what the allocator handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeRecord {
    /// Live usable bytes when the first phase began: what set-up holds. Metrics count from here.
    pub base_live_bytes: u64,
    /// Live usable bytes at the phase's start.
    pub start_live_bytes: u64,
    /// Live usable bytes at the phase's end.
    pub end_live_bytes: u64,
    /// Live blocks at the phase's end.
    pub end_live_blocks: u64,
    /// Highest live usable bytes within the phase; every operation of every thread is looked at.
    pub peak_live_bytes: u64,
    /// Sum of the sizes asked of malloc, calloc, memalign and their kin.
    pub allocated_bytes: u64,
    /// Calls of malloc, calloc, memalign and their kin that succeeded.
    pub allocated_blocks: u64,
    /// Calls of free with a block, and of realloc that freed one.
    pub freed_blocks: u64,
    /// Successful calls of realloc on a block.
    pub reallocated_blocks: u64,
    /// Sum of the whole new sizes asked of realloc.
    pub reallocated_bytes: u64,
}

impl NativeRecord {
    pub(super) fn then(self, next: NativeRecord) -> NativeRecord {
        NativeRecord {
            base_live_bytes: self.base_live_bytes,
            start_live_bytes: self.start_live_bytes,
            end_live_bytes: next.end_live_bytes,
            end_live_blocks: next.end_live_blocks,
            peak_live_bytes: self.peak_live_bytes.max(next.peak_live_bytes),
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
    /// Bytes in use: glibc `arena - keepcost + hblkhd` of mallinfo2, jemalloc `stats.active`; mimalloc does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_use_bytes: Option<u64>,
    /// Bytes held from the system: glibc `arena + hblkhd`, jemalloc `stats.mapped + stats.retained`, mimalloc what is
    /// committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sys_bytes: Option<u64>,
}

/// The counts of the C heap that a calibration workload knows beforehand, for one phase. What it does not state is
/// `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedNative {
    /// Least and most growth of the live usable bytes: least what is asked for, most that and its rounding up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth_bytes: Option<(i64, i64)>,
    /// Least and most peak over the live usable bytes at the phase's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_over_start_bytes: Option<(i64, i64)>,
    /// `NativeRecord::allocated_bytes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated_bytes: Option<u64>,
    /// `NativeRecord::allocated_blocks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated_blocks: Option<u64>,
    /// `NativeRecord::freed_blocks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freed_blocks: Option<u64>,
    /// `NativeRecord::reallocated_blocks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reallocated_blocks: Option<u64>,
    /// `NativeRecord::reallocated_bytes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reallocated_bytes: Option<u64>,
}
