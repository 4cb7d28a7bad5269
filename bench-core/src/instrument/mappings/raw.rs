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

/// Opens a file; negative where it cannot be read. No child process inherits it. Not by the C library's
/// function, where a thread may be cancelled.
pub(super) fn open_for_reading(path: &CStr) -> c_int {
    open(path, libc::O_RDONLY)
}

/// openat(2), by a path from the root: a descriptor, or negative.
pub(super) fn open(path: &CStr, flags: c_int) -> c_int {
    // SAFETY: the path ends with a zero.
    let answer = unsafe {
        libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags | libc::O_CLOEXEC, 0o600)
    };
    answer as c_int
}

/// close(2).
pub(super) fn close(descriptor: c_int) {
    // SAFETY: the caller's own descriptor.
    unsafe { libc::syscall(libc::SYS_close, descriptor) };
}

/// Maps so many bytes of an open file, from a place of it, for this process and whoever else maps them.
pub(super) fn map_shared(
    descriptor: c_int,
    place: u64,
    bytes: usize,
    protection: c_int,
) -> Option<NonNull<c_void>> {
    // SAFETY: no address is asked for, so nothing is mapped over.
    let address =
        unsafe { mmap(ptr::null_mut(), bytes, protection, libc::MAP_SHARED, descriptor, place as i64) };
    if address == libc::MAP_FAILED { None } else { NonNull::new(address) }
}

/// Makes a file that is not there, of so many bytes; negative where that fails.
pub(super) fn create(path: &CStr, bytes: u64) -> c_int {
    let descriptor = open(path, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL);
    // SAFETY: the call touches no memory.
    if descriptor >= 0 && unsafe { libc::syscall(libc::SYS_ftruncate, descriptor, bytes as libc::off_t) } != 0
    {
        close(descriptor);
        return -1;
    }
    descriptor
}

/// Has the kernel find room behind these addresses of a mapped file, from a page's start; false where there
/// is none. A kernel before 5.14 does not know the question, and says that there is.
pub(super) fn make_room(start: NonNull<c_void>, bytes: usize) -> bool {
    const MADV_POPULATE_WRITE: c_int = 23;
    // SAFETY: the advice changes no contents.
    let answer = unsafe { madvise(start.as_ptr(), bytes, MADV_POPULATE_WRITE) };
    // SAFETY: glibc's errno of this thread.
    answer == 0 || unsafe { *libc::__errno_location() } == libc::EINVAL
}

/// The monotonic clock, in nanoseconds.
pub(super) fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills the structure.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The process's number, by the kernel.
pub(super) fn process_id() -> u64 {
    // SAFETY: getpid has no preconditions.
    unsafe { libc::syscall(libc::SYS_getpid) as u64 }
}

/// Reads whole words of an open file at a place of it; how many came, or nothing where the file cannot be
/// read.
pub(super) fn read_words(descriptor: c_int, words: &mut [u64], place: u64) -> Option<usize> {
    let bytes = size_of_val(words);
    // SAFETY: the buffer has so many bytes, and any bytes are words.
    let read = unsafe {
        libc::syscall(libc::SYS_pread64, descriptor, words.as_mut_ptr(), bytes, place as libc::off_t)
    };
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
