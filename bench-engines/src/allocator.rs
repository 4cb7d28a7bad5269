//! The allocators to compare with the system's, and what each says of itself.

#[cfg(any(feature = "jemalloc", feature = "mimalloc"))]
use bench_core::evidence::AllocatorRecord;
#[cfg(feature = "mimalloc")]
pub use mimalloc::MiMalloc;
#[cfg(feature = "jemalloc")]
pub use tikv_jemallocator::Jemalloc;

/// Values of the axis `allocator` beside `system`.
pub const OTHERS: [&str; 2] = ["jemalloc", "mimalloc"];

/// jemalloc's books, brought up to date first; what it does not tell is absent.
#[cfg(feature = "jemalloc")]
#[inline]
pub fn jemalloc_internals() -> Option<AllocatorRecord> {
    use tikv_jemalloc_ctl::{epoch, stats};
    epoch::advance().ok()?;
    let mapped = stats::mapped::read().ok().zip(stats::retained::read().ok());
    Some(AllocatorRecord {
        in_use_bytes: stats::active::read().ok().map(|bytes| bytes as u64),
        sys_bytes: mapped.map(|(mapped, retained)| (mapped + retained) as u64),
    })
}

/// mimalloc's books.
// Inlined, so that the other binaries do not link mimalloc, whose constructor would run in each of them.
#[cfg(feature = "mimalloc")]
#[inline]
pub fn mimalloc_internals() -> Option<AllocatorRecord> {
    Some(bench_core::instrument::mimalloc_internals(libmimalloc_sys::mi_process_info))
}
