//! The instruments: what reads the heap, the process and the clock of a measured program.
//!
//! This folder is a room for `unsafe`; each block says why it is sound. What must be in the suites' programs
//! alone, the functions that interpose malloc and the choice of the global allocator, stands in bench-main.

mod allocator_internals;
mod calibration;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
mod call_sites;
mod counter_page;
mod counting_allocator;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod libc_direct;
mod live_sum;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod mappings;
mod memory_probe;
mod native_heap;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod noted_blocks;
mod operating_system;
mod point_buffer;
mod process_memory;
mod profilable;
mod sampler;
mod server;
mod system_memory;
mod thread_counters;
mod totals;

pub use allocator_internals::{MiProcessInfo, mimalloc_internals, system_internals};
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub use calibration::AnonMapping;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use calibration::CBlock;
#[cfg(unix)]
pub use calibration::FileMapping;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
pub use call_sites::{CallPath, SiteAllocator, SiteProfile, SiteProfiler, SiteTotals};
pub use counting_allocator::{
    Counted, CountingAllocator, HeapMark, HeapSnapshot, count_current_thread_again, counted_by_all_threads,
    counted_by_this_thread, ignore_current_thread, is_counting, live_bytes, mark, set_publish_threshold,
    since,
};
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use libc_direct::LibcDirect;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub use mappings::{
    counted_madvise, counted_mmap, counted_mremap, counted_munmap, forget_large_block, mappings_are_counted,
    note_large_block, publish_counts, publish_the_end,
};
pub use memory_probe::{MemoryMark, MemoryProbe};
pub use native_heap::{
    NativeMark, count_native_alloc, count_native_free, count_native_realloc, mark_native, native_counts,
    native_is_counted, native_since, stop_counting_native, totals as native_totals,
};
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub use noted_blocks::NotedBlocks;
pub use operating_system::{die_with_parent, open_descriptors, trim_allocator};
pub(crate) use point_buffer::{Point, PointBuffer};
pub use process_memory::ProcessProbe;
pub use profilable::{Profilable, profile};
pub use sampler::Sampler;
pub use server::{MetricsPage, Node, ServerWatcher, WatchedServer};
pub use system_memory::SystemProbe;
