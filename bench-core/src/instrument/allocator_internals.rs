//! What the allocator of the process says of itself: bytes in use, and bytes held from the system.
//!
//! Read at the ends of phases only, as the last reading: mallinfo2 walks the free chunks and takes every
//! arena's lock (0.5 us to 53 ms).

// The room for `unsafe`: calls into the allocators.
#![allow(unsafe_code)]

use crate::evidence::AllocatorRecord;

/// glibc's books, through mallinfo2; `None` where the system allocator is another.
pub fn system_internals() -> Option<AllocatorRecord> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallinfo2 has no preconditions.
        let info = unsafe { libc::mallinfo2() };
        let sys = info.arena + info.hblkhd;
        Some(AllocatorRecord {
            in_use_bytes: Some(sys.saturating_sub(info.keepcost) as u64),
            sys_bytes: Some(sys as u64),
            free_bytes: Some(info.fordblks as u64),
        })
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    None
}

/// The signature of `mi_process_info` (mimalloc.h): eight places, each of which may be null.
pub type MiProcessInfo = unsafe extern "C" fn(
    elapsed_msecs: *mut usize,
    user_msecs: *mut usize,
    system_msecs: *mut usize,
    current_rss: *mut usize,
    peak_rss: *mut usize,
    current_commit: *mut usize,
    peak_commit: *mut usize,
    page_faults: *mut usize,
);

/// mimalloc's books: what is committed. It does not say what is in use.
///
/// The function is the caller's, so that this crate links no allocator; it must be mimalloc's own
/// `mi_process_info`.
pub fn mimalloc_internals(process_info: MiProcessInfo) -> AllocatorRecord {
    let mut places = [0usize; 8];
    let [elapsed, user, system, rss, peak_rss, commit, peak_commit, faults] = &mut places;
    // SAFETY: every pointer is to a writable usize, and that is all that mi_process_info asks.
    unsafe { process_info(elapsed, user, system, rss, peak_rss, commit, peak_commit, faults) };
    AllocatorRecord { sys_bytes: Some(places[5] as u64), ..AllocatorRecord::default() }
}
