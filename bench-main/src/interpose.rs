//! Defines malloc, mmap and their kin in the program that links this crate, and in the library that is
//! preloaded into others (`preload/`), so that all code calls these.
//!
//! They forward to glibc's own (`__libc_malloc` and so on), and count in mode `native`. A suite's global
//! allocator is `bench_core::instrument::LibcDirect` there, which calls glibc's own as well: no block is
//! counted twice.
//!
//! These run before `main` and inside the dynamic linker: no allocation, no panic, no thread-local storage,
//! and errno stays what glibc made it. reallocarray, strdup and the like end in these by themselves;
//! malloc_usable_size is glibc's. glibc's own malloc calls mmap by a name that nothing interposes, so that no
//! byte is counted in both places.

// The room for `unsafe`: the functions' names are the C library's, and so are their contracts.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};

use bench_core::instrument::{count_native_alloc, count_native_free, count_native_realloc, native_counts};
#[cfg(target_pointer_width = "64")]
use bench_core::instrument::{
    counted_madvise, counted_mmap, counted_mremap, counted_munmap, forget_large_block, note_large_block,
};
use libc::{EINVAL, ENOMEM};

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
    fn __libc_valloc(size: usize) -> *mut c_void;
    fn __libc_pvalloc(size: usize) -> *mut c_void;
    fn malloc_usable_size(block: *mut c_void) -> usize;
}

/// Elsewhere nobody tells which pages are resident.
#[cfg(not(target_pointer_width = "64"))]
fn note_large_block(_: usize, _: usize) {}

#[cfg(not(target_pointer_width = "64"))]
fn forget_large_block(_: usize, _: usize) {}

/// Counts a block that glibc has just handed out for `requested` bytes; passes it on.
fn counted(block: *mut c_void, requested: usize) -> *mut c_void {
    if native_counts() && !block.is_null() {
        // SAFETY: `block` is live: glibc returned it and nobody else has seen it.
        let usable = unsafe { malloc_usable_size(block) };
        count_native_alloc(requested, usable);
        note_large_block(block.addr(), usable);
    }
    block
}

#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: malloc has no preconditions.
    counted(unsafe { __libc_malloc(size) }, size)
}

#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: calloc has no preconditions; where the product overflows it returns null, and nothing is
    // counted.
    counted(unsafe { __libc_calloc(count, size) }, count.wrapping_mul(size))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    if block.is_null() {
        return malloc(size);
    }
    if !native_counts() {
        // SAFETY: the caller's promise is passed on.
        return unsafe { __libc_realloc(block, size) };
    }
    // SAFETY: the caller's promise: `block` is live.
    let old_usable = unsafe { malloc_usable_size(block) };
    forget_large_block(block.addr(), old_usable);
    // SAFETY: the caller's promise: `block` is live, and no longer used by the caller if the call succeeds.
    let new_block = unsafe { __libc_realloc(block, size) };
    if !new_block.is_null() {
        // SAFETY: `new_block` is live.
        let usable = unsafe { malloc_usable_size(new_block) };
        count_native_realloc(size, old_usable, usable);
        note_large_block(new_block.addr(), usable);
    } else if size == 0 {
        // So glibc frees.
        count_native_free(old_usable);
    } else {
        note_large_block(block.addr(), old_usable);
    }
    new_block
}

#[unsafe(no_mangle)]
unsafe extern "C" fn free(block: *mut c_void) {
    if block.is_null() {
        return;
    }
    // SAFETY: the caller's promise: `block` is live, and is not used again. Counted first: another thread may
    // get the block at once, and would show a false peak.
    unsafe {
        if native_counts() {
            let usable = malloc_usable_size(block);
            count_native_free(usable);
            forget_large_block(block.addr(), usable);
        }
        __libc_free(block);
    }
}

/// C23: as free, and the caller says the size again.
#[unsafe(no_mangle)]
unsafe extern "C" fn free_sized(block: *mut c_void, _: usize) {
    // SAFETY: the caller's promise is passed on.
    unsafe { free(block) }
}

/// C23: as free, and the caller says alignment and size again.
#[unsafe(no_mangle)]
unsafe extern "C" fn free_aligned_sized(block: *mut c_void, _: usize, _: usize) {
    // SAFETY: the caller's promise is passed on.
    unsafe { free(block) }
}

#[unsafe(no_mangle)]
extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: glibc's memalign rounds a wrong alignment up, and fails with one that is too large.
    counted(unsafe { __libc_memalign(alignment, size) }, size)
}

#[unsafe(no_mangle)]
extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    memalign(alignment, size)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(place: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    if !alignment.is_power_of_two() || !alignment.is_multiple_of(size_of::<*mut c_void>()) {
        return EINVAL;
    }
    let block = memalign(alignment, size);
    if block.is_null() {
        return ENOMEM;
    }
    // SAFETY: the caller's promise: `place` can be written.
    unsafe { *place = block };
    0
}

#[unsafe(no_mangle)]
extern "C" fn valloc(size: usize) -> *mut c_void {
    // SAFETY: valloc has no preconditions.
    counted(unsafe { __libc_valloc(size) }, size)
}

#[unsafe(no_mangle)]
extern "C" fn pvalloc(size: usize) -> *mut c_void {
    // SAFETY: pvalloc has no preconditions.
    counted(unsafe { __libc_pvalloc(size) }, size)
}

#[cfg(target_pointer_width = "64")]
#[unsafe(no_mangle)]
unsafe extern "C" fn mmap(
    address: *mut c_void,
    length: usize,
    protection: c_int,
    flags: c_int,
    descriptor: c_int,
    offset: i64,
) -> *mut c_void {
    // SAFETY: the caller's promise is passed on.
    unsafe { counted_mmap(address, length, protection, flags, descriptor, offset) }
}

#[cfg(target_pointer_width = "64")]
#[unsafe(no_mangle)]
unsafe extern "C" fn mmap64(
    address: *mut c_void,
    length: usize,
    protection: c_int,
    flags: c_int,
    descriptor: c_int,
    offset: i64,
) -> *mut c_void {
    // SAFETY: the caller's promise is passed on.
    unsafe { counted_mmap(address, length, protection, flags, descriptor, offset) }
}

#[cfg(target_pointer_width = "64")]
#[unsafe(no_mangle)]
unsafe extern "C" fn munmap(address: *mut c_void, length: usize) -> c_int {
    // SAFETY: the caller's promise is passed on.
    unsafe { counted_munmap(address, length) }
}

/// C's has a variable number of arguments, which are passed alike; the last counts with MREMAP_FIXED only.
#[cfg(target_pointer_width = "64")]
#[unsafe(no_mangle)]
unsafe extern "C" fn mremap(
    old: *mut c_void,
    old_length: usize,
    new_length: usize,
    flags: c_int,
    new: *mut c_void,
) -> *mut c_void {
    // SAFETY: the caller's promise is passed on.
    unsafe { counted_mremap(old, old_length, new_length, flags, new) }
}

#[cfg(target_pointer_width = "64")]
#[unsafe(no_mangle)]
unsafe extern "C" fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int {
    // SAFETY: the caller's promise is passed on.
    unsafe { counted_madvise(address, length, advice) }
}
