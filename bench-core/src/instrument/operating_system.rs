//! The few system calls that std does not offer.

// The room for `unsafe`: calls into libc.
#![allow(unsafe_code)]

/// The size of a memory page in bytes.
#[cfg(target_os = "linux")]
pub(super) fn page_bytes() -> u64 {
    // SAFETY: sysconf has no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).expect("the page size is known on Linux")
}

/// Lets the kernel kill this process when its parent dies, so that a killed bench leaves no orphan. Linux only;
/// elsewhere a parent that is killed outright leaves its child running to its end.
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

/// Has the allocator give back to the system what it holds and does not use. glibc only; elsewhere nothing happens.
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
