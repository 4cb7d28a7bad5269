//! What each allocator says of itself.

use bench_core::evidence::AllocatorRecord;
use bench_core::harness::Allocator;

/// The function that reads the allocator's books; they are absent where the program was built without it.
pub fn of(allocator: Allocator) -> fn() -> Option<AllocatorRecord> {
    match allocator {
        Allocator::System => bench_core::instrument::system_internals,
        #[cfg(feature = "jemalloc")]
        Allocator::Jemalloc => jemalloc,
        #[cfg(feature = "mimalloc")]
        Allocator::Mimalloc => mimalloc,
        #[cfg(not(all(feature = "jemalloc", feature = "mimalloc")))]
        _ => || None,
    }
}

/// jemalloc's books, brought up to date first; what it does not tell is absent.
#[cfg(feature = "jemalloc")]
fn jemalloc() -> Option<AllocatorRecord> {
    use tikv_jemalloc_ctl::{epoch, stats};
    epoch::advance().ok()?;
    let mapped = stats::mapped::read().ok().zip(stats::retained::read().ok());
    Some(AllocatorRecord {
        in_use_bytes: stats::active::read().ok().map(|bytes| bytes as u64),
        sys_bytes: mapped.map(|(mapped, retained)| (mapped + retained) as u64),
        ..AllocatorRecord::default()
    })
}

#[cfg(feature = "mimalloc")]
fn mimalloc() -> Option<AllocatorRecord> {
    Some(bench_core::instrument::mimalloc_internals(libmimalloc_sys::mi_process_info))
}
