//! All memory of the process between two marks, in mode `native`: heaps and mappings as of one instant, and
//! what the kernel says of the same process. All in bytes.

use serde::{Deserialize, Serialize};

use super::{ProcessMemory, merge_both};

/// All memory of the process in one phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MemoryRecord {
    /// When the first phase began: what set-up holds. Metrics count from here.
    pub base: MemoryReading,
    /// At the phase's start.
    pub start: MemoryReading,
    /// At the phase's end.
    pub end: MemoryReading,
    /// Within the phase; absent where mappings are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<MemoryPeak>,
    /// What was mapped within the phase; absent where mappings are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapped: Option<MappingTotals>,
    /// Page faults within the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<Faults>,
    /// What the phase moved to and from storage; the page cache's hits are not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageTraffic>,
}

/// All memory at one mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MemoryReading {
    /// Live bytes of Rust's heap, as requested.
    pub rust_bytes: u64,
    /// Live usable bytes of the C heap.
    pub c_bytes: u64,
    /// What the program mapped itself; absent where mappings are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mappings: Option<MappingRecord>,
    /// The kernel's view of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessMemory>,
    /// What the allocator holds for both heaps, in use or not: glibc's `arena + hblkhd` of mallinfo2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocator_held_bytes: Option<u64>,
    /// What of that is in free chunks: glibc's `fordblks`. Small blocks that a thread keeps for itself count
    /// as in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocator_free_bytes: Option<u64>,
    /// Whole pages of the heaps' large blocks that are not resident: asked for, and not touched. Runs before
    /// 2026-12 lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untouched_bytes: Option<u64>,
    /// Pages of glibc's heaps, the main one and its arenas', that are not resident and lie in no large block:
    /// free chunks that were never written or were given back. Runs before 2026-12 lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_not_resident_bytes: Option<u64>,
    /// Resident pages of the main thread's stack. Nobody tells other threads' stacks apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_resident_bytes: Option<u64>,
}

/// What the program mapped itself, with mmap and its kin: not the allocator's own mappings, threads' stacks,
/// libraries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingRecord {
    /// Mapped without a file: anonymous, shared or not, and memory files without a name (memfd). Exact.
    pub anon_mapped_bytes: u64,
    /// Mapped from files. Exact.
    pub file_mapped_bytes: u64,
    /// What of the mappings is resident; absent where the kernel does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident: Option<MappingResident>,
}

/// Resident pages of mappings, exact to the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingResident {
    /// Backed by no file, a process's own changed copies of a file's pages included: what must stay, or be
    /// swapped out.
    pub anon_bytes: u64,
    /// What of `anon_bytes` is shared memory: the kernel counts it as RSS shmem and not as RSS anon.
    pub shared_bytes: u64,
    /// A file's pages that the process maps: what the kernel may take back.
    pub file_bytes: u64,
}

/// The highest that was there within a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryPeak {
    /// Both heaps and all that is mapped without a file, at one instant; every operation is looked at, so it
    /// is exact.
    pub mapped_sum_bytes: u64,
    /// Mapped without a file. Exact.
    pub anon_mapped_bytes: u64,
    /// Mapped from files. Exact.
    pub file_mapped_bytes: u64,
    /// Both heaps and what is resident without a file, at one instant; absent where the kernel does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_sum: Option<PeakRange>,
}

/// A peak that lies between two bounds: pages are looked at now and then, not whenever one is touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeakRange {
    /// The peak was at least this.
    pub least_bytes: u64,
    /// The peak was at most this, unless the kernel took pages away by itself.
    pub most_bytes: u64,
}

/// What was mapped, in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingTotals {
    /// Bytes without a file, growth by mremap included.
    pub anon_bytes: u64,
    /// Bytes of files, growth by mremap included.
    pub file_bytes: u64,
    /// Successful calls of mmap.
    pub maps: u64,
    /// Successful calls of munmap.
    pub unmaps: u64,
    /// Successful calls of mremap.
    pub remaps: u64,
}

/// Page faults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Without a read from storage.
    pub minor: u64,
    /// With one.
    pub major: u64,
}

/// Bytes to and from storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageTraffic {
    /// Fetched from storage.
    pub read_bytes: u64,
    /// Sent to storage, or bound to be.
    pub written_bytes: u64,
}

impl MemoryRecord {
    pub(super) fn then(self, next: MemoryRecord) -> MemoryRecord {
        MemoryRecord {
            base: self.base,
            start: self.start,
            end: next.end,
            peak: merge_both(self.peak, next.peak, MemoryPeak::max),
            mapped: merge_both(self.mapped, next.mapped, MappingTotals::plus),
            faults: merge_both(self.faults, next.faults, Faults::plus),
            storage: merge_both(self.storage, next.storage, StorageTraffic::plus),
        }
    }
}

impl MemoryReading {
    /// Both heaps and what is resident without a file.
    pub fn resident_sum_bytes(&self) -> Option<u64> {
        Some(self.rust_bytes.saturating_add(self.c_bytes).saturating_add(self.mappings?.resident?.anon_bytes))
    }
}

impl MemoryPeak {
    fn max(self, next: MemoryPeak) -> MemoryPeak {
        let range = |a: PeakRange, b: PeakRange| PeakRange {
            least_bytes: a.least_bytes.max(b.least_bytes),
            most_bytes: a.most_bytes.max(b.most_bytes),
        };
        MemoryPeak {
            mapped_sum_bytes: self.mapped_sum_bytes.max(next.mapped_sum_bytes),
            anon_mapped_bytes: self.anon_mapped_bytes.max(next.anon_mapped_bytes),
            file_mapped_bytes: self.file_mapped_bytes.max(next.file_mapped_bytes),
            resident_sum: merge_both(self.resident_sum, next.resident_sum, range),
        }
    }
}

impl MappingTotals {
    /// Nothing was mapped.
    pub const ZERO: MappingTotals =
        MappingTotals { anon_bytes: 0, file_bytes: 0, maps: 0, unmaps: 0, remaps: 0 };

    /// Both.
    pub(crate) fn plus(self, next: MappingTotals) -> MappingTotals {
        MappingTotals {
            anon_bytes: self.anon_bytes.saturating_add(next.anon_bytes),
            file_bytes: self.file_bytes.saturating_add(next.file_bytes),
            maps: self.maps.saturating_add(next.maps),
            unmaps: self.unmaps.saturating_add(next.unmaps),
            remaps: self.remaps.saturating_add(next.remaps),
        }
    }

    /// What came since `earlier`.
    pub fn since(self, earlier: MappingTotals) -> MappingTotals {
        MappingTotals {
            anon_bytes: self.anon_bytes.saturating_sub(earlier.anon_bytes),
            file_bytes: self.file_bytes.saturating_sub(earlier.file_bytes),
            maps: self.maps.saturating_sub(earlier.maps),
            unmaps: self.unmaps.saturating_sub(earlier.unmaps),
            remaps: self.remaps.saturating_sub(earlier.remaps),
        }
    }
}

impl Faults {
    fn plus(self, next: Faults) -> Faults {
        let (minor, major) = (self.minor.saturating_add(next.minor), self.major.saturating_add(next.major));
        Faults { minor, major }
    }

    /// What came since `earlier`.
    pub fn since(self, earlier: Faults) -> Faults {
        let (minor, major) =
            (self.minor.saturating_sub(earlier.minor), self.major.saturating_sub(earlier.major));
        Faults { minor, major }
    }
}

impl StorageTraffic {
    fn plus(self, next: StorageTraffic) -> StorageTraffic {
        StorageTraffic {
            read_bytes: self.read_bytes.saturating_add(next.read_bytes),
            written_bytes: self.written_bytes.saturating_add(next.written_bytes),
        }
    }

    /// What came since `earlier`; what was bound for storage and then dropped makes it less, never below
    /// nothing.
    pub fn since(self, earlier: StorageTraffic) -> StorageTraffic {
        StorageTraffic {
            read_bytes: self.read_bytes.saturating_sub(earlier.read_bytes),
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
        }
    }
}
