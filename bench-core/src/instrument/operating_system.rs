//! The few system calls that std does not offer.

// The room for `unsafe`: calls into libc.
#![allow(unsafe_code)]

#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
use crate::evidence::Faults;

/// The size of a memory page in bytes.
#[cfg(target_os = "linux")]
pub(super) fn page_bytes() -> u64 {
    // SAFETY: sysconf has no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).expect("the page size is known on Linux")
}

/// Lets the kernel kill this process when its parent dies, so that a killed bench leaves no orphan. Linux
/// only; elsewhere a parent that is killed outright leaves its child running to its end.
pub fn die_with_parent() {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and has no other effect.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
}

/// Allocates a block of the C heap and frees it; does nothing where the C library is unknown.
pub(super) fn allocate_and_free_in_c() {
    // SAFETY: malloc has no preconditions; the block, or null, is freed once. black_box keeps the pair.
    #[cfg(unix)]
    unsafe {
        libc::free(std::hint::black_box(libc::malloc(64)));
    }
}

/// Maps a page by the C library's function and unmaps it.
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub(super) fn map_and_unmap_a_page() {
    // SAFETY: no address is asked for, so nothing is mapped over; what was mapped is unmapped once.
    unsafe {
        let (protection, flags) = (libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let page = libc::mmap(std::ptr::null_mut(), 4096, protection, flags, -1, 0);
        if page != libc::MAP_FAILED {
            libc::munmap(page, 4096);
        }
    }
}

/// The page faults of this process so far.
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub(super) fn page_faults() -> Option<Faults> {
    // SAFETY: the structure is plain numbers, for which zeros are valid, and the call fills it.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::getrusage(libc::RUSAGE_SELF, &mut usage) == 0).then_some(Faults {
            minor: u64::try_from(usage.ru_minflt).ok()?,
            major: u64::try_from(usage.ru_majflt).ok()?,
        })
    }
}

/// Has the allocator give back to the system what it holds and does not use. glibc only; elsewhere nothing
/// happens.
pub fn trim_allocator() {
    // SAFETY: malloc_trim has no preconditions.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The open file descriptors of this process; `None` where the system does not list them.
pub fn open_descriptors() -> Option<u64> {
    let entries = ["/proc/self/fd", "/dev/fd"].into_iter().find_map(|path| std::fs::read_dir(path).ok())?;
    // The listing is open itself.
    Some((entries.count() as u64).saturating_sub(1))
}
