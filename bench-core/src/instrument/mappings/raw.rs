//! The system calls on mappings, past every interposed function.

// The room for `unsafe`: system calls.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_long, c_void};
use std::ptr::{self, NonNull};

/// mmap(2): the address, or `MAP_FAILED` with errno set.
///
/// # Safety
/// As mmap: with MAP_FIXED nobody uses what is mapped there now.
pub(super) unsafe fn mmap(
    address: *mut c_void,
    length: usize,
    protection: c_int,
    flags: c_int,
    descriptor: c_int,
    offset: i64,
) -> *mut c_void {
    // SAFETY: the caller's promise is passed on.
    let answer =
        unsafe { libc::syscall(libc::SYS_mmap, address, length, protection, flags, descriptor, offset) };
    pointer(answer)
}

/// munmap(2): 0, or -1 with errno set.
///
/// # Safety
/// As munmap: nobody uses the memory afterwards.
pub(super) unsafe fn munmap(address: *mut c_void, length: usize) -> c_int {
    // SAFETY: the caller's promise is passed on.
    (unsafe { libc::syscall(libc::SYS_munmap, address, length) }) as c_int
}

/// mremap(2): the address, or `MAP_FAILED` with errno set.
///
/// # Safety
/// As mremap: nobody uses the old addresses where the memory moves.
pub(super) unsafe fn mremap(
    old: *mut c_void,
    old_length: usize,
    new_length: usize,
    flags: c_int,
    new: *mut c_void,
) -> *mut c_void {
    // SAFETY: the caller's promise is passed on.
    pointer(unsafe { libc::syscall(libc::SYS_mremap, old, old_length, new_length, flags, new) })
}

/// madvise(2): 0, or -1 with errno set.
///
/// # Safety
/// As madvise: some advice drops the contents.
pub(super) unsafe fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int {
    // SAFETY: the caller's promise is passed on.
    (unsafe { libc::syscall(libc::SYS_madvise, address, length, advice) }) as c_int
}

fn pointer(answer: c_long) -> *mut c_void {
    ptr::with_exposed_provenance_mut(answer as usize)
}

/// Private memory for an instrument's own tables: zeros, and not in the book.
pub(in crate::instrument) fn map_own(bytes: usize) -> Option<NonNull<c_void>> {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: no address is asked for, so nothing is mapped over.
    let address = unsafe { mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if address == libc::MAP_FAILED { None } else { NonNull::new(address) }
}

/// Gives back what [`map_own`] made.
///
/// # Safety
/// `bytes` are those that were asked for, and nobody uses the memory afterwards.
pub(super) unsafe fn unmap_own(memory: NonNull<c_void>, bytes: usize) {
    // SAFETY: the caller's promise is passed on.
    unsafe { munmap(memory.as_ptr(), bytes) };
}

/// Opens a file; negative where it cannot be read. It stays open, and no child process inherits it.
pub(super) fn open_for_reading(path: &CStr) -> c_int {
    // SAFETY: the path ends with a zero.
    unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) }
}

/// Reads whole words of an open file at a place of it; how many came, or nothing where the file cannot be
/// read.
pub(super) fn read_words(descriptor: c_int, words: &mut [u64], place: u64) -> Option<usize> {
    let bytes = size_of_val(words);
    // SAFETY: the buffer has so many bytes, and any bytes are words.
    let read = unsafe { libc::pread(descriptor, words.as_mut_ptr().cast(), bytes, place as libc::off_t) };
    usize::try_from(read).ok().map(|read| read / size_of::<u64>())
}

/// Whether the descriptor is of memory that has no name in any folder: memfd, or a file of tmpfs that was
/// unlinked.
pub(super) fn is_nameless_memory(descriptor: c_int) -> bool {
    // SAFETY: both structures are plain numbers, for which zeros are valid, and both calls only fill them.
    unsafe {
        let (mut file, mut system): (libc::stat, libc::statfs) = (std::mem::zeroed(), std::mem::zeroed());
        libc::fstat(descriptor, &mut file) == 0
            && file.st_nlink == 0
            && libc::fstatfs(descriptor, &mut system) == 0
            && [libc::TMPFS_MAGIC, libc::HUGETLBFS_MAGIC].contains(&system.f_type)
    }
}

/// Runs `work` and leaves errno as it was.
pub(super) fn keeping_errno<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: glibc's errno of this thread.
    let errno = unsafe { *libc::__errno_location() };
    let answer = work();
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
    answer
}
