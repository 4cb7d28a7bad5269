//! mmap, munmap, mremap and madvise, as the interposing functions call them: the system call, and what the
//! book learns. In other modes than `native` they are the system call, and nothing else.

// The room for `unsafe`: the calls' contracts are the kernel's.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::ops::Range;

use super::super::native_heap::native_counts;
use super::lock::Guard;
use super::{MappingsState, STATE, raw};
use crate::preload::Backing;

/// mmap(2), counted.
///
/// # Safety
/// As mmap: with MAP_FIXED nobody uses what is mapped there now.
pub unsafe fn counted_mmap(
    address: *mut c_void,
    length: usize,
    protection: c_int,
    flags: c_int,
    descriptor: c_int,
    offset: i64,
) -> *mut c_void {
    if !native_counts() {
        // SAFETY: the caller's promise is passed on.
        return unsafe { raw::mmap(address, length, protection, flags, descriptor, offset) };
    }
    let backing = raw::keeping_errno(|| backing(flags, descriptor));
    let bytes = whole_pages(length, flags);
    let mut state = begin_change();
    raw::keeping_errno(|| {
        if flags & libc::MAP_FIXED != 0 && flags & libc::MAP_FIXED_NOREPLACE != libc::MAP_FIXED_NOREPLACE {
            state.before_giving_back(&range(address, bytes));
        } else {
            state.before_change(bytes as u64);
        }
    });
    // SAFETY: the caller's promise is passed on.
    let mapped = unsafe { raw::mmap(address, length, protection, flags, descriptor, offset) };
    if mapped != libc::MAP_FAILED {
        state.enter(|book| book.map(range(mapped, bytes), backing));
        state.totals.maps += 1;
        state.count_mapped(bytes as u64, backing);
    }
    end_change(state);
    mapped
}

/// munmap(2), counted.
///
/// # Safety
/// As munmap: nobody uses the memory afterwards.
pub unsafe fn counted_munmap(address: *mut c_void, length: usize) -> c_int {
    if !native_counts() {
        // SAFETY: the caller's promise is passed on.
        return unsafe { raw::munmap(address, length) };
    }
    let addresses = range(address, whole_pages(length, 0));
    let mut state = begin_change();
    raw::keeping_errno(|| state.before_giving_back(&addresses));
    // SAFETY: the caller's promise is passed on.
    let answer = unsafe { raw::munmap(address, length) };
    if answer == 0 {
        state.enter(|book| book.unmap(addresses));
        state.totals.unmaps += 1;
    }
    end_change(state);
    answer
}

/// mremap(2), counted.
///
/// # Safety
/// As mremap: nobody uses the old addresses where the memory moves.
pub unsafe fn counted_mremap(
    old: *mut c_void,
    old_length: usize,
    new_length: usize,
    flags: c_int,
    new: *mut c_void,
) -> *mut c_void {
    if !native_counts() {
        // SAFETY: the caller's promise is passed on.
        return unsafe { raw::mremap(old, old_length, new_length, flags, new) };
    }
    let (old_bytes, new_bytes) = (whole_pages(old_length, 0), whole_pages(new_length, 0));
    let mut state = begin_change();
    raw::keeping_errno(|| {
        if flags & libc::MREMAP_FIXED != 0 {
            state.before_giving_back(&range(new, new_bytes));
        }
        if new_bytes < old_bytes {
            let end = range(old, old_bytes);
            state.before_giving_back(&(end.start + new_bytes..end.end));
        } else {
            state.before_change((new_bytes - old_bytes) as u64);
        }
    });
    // SAFETY: the caller's promise is passed on.
    let moved = unsafe { raw::mremap(old, old_length, new_length, flags, new) };
    if moved != libc::MAP_FAILED {
        let keep_old = flags & libc::MREMAP_DONTUNMAP != 0;
        let before = state.book.mapped();
        state.enter(|book| book.remap(range(old, old_bytes), range(moved, new_bytes), keep_old));
        let now = state.book.mapped();
        state.totals.remaps += 1;
        state.count_mapped(now.anon.saturating_sub(before.anon), Backing::Anon);
        state.count_mapped(now.file.saturating_sub(before.file), Backing::File);
    }
    end_change(state);
    moved
}

/// madvise(2): what is mapped stays so; some advice gives pages back.
///
/// # Safety
/// As madvise: some advice drops the contents.
pub unsafe fn counted_madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int {
    // MADV_FREE is not among them: its pages stay until the kernel wants them.
    let gives_back = [libc::MADV_DONTNEED, libc::MADV_REMOVE, libc::MADV_PAGEOUT, MADV_DONTNEED_LOCKED];
    if !native_counts() || !gives_back.contains(&advice) {
        // SAFETY: the caller's promise is passed on.
        return unsafe { raw::madvise(address, length, advice) };
    }
    let mut state = begin_change();
    raw::keeping_errno(|| state.before_giving_back(&range(address, whole_pages(length, 0))));
    // SAFETY: the caller's promise is passed on.
    let answer = unsafe { raw::madvise(address, length, advice) };
    end_change(state);
    answer
}

fn begin_change() -> Guard<MappingsState> {
    raw::keeping_errno(|| {
        let mut state = STATE.lock();
        state.begin_change();
        state
    })
}

fn end_change(state: Guard<MappingsState>) {
    raw::keeping_errno(|| {
        state.end_change();
        drop(state);
    });
}

/// Since Linux 5.18; the libc crate has it on some systems only.
const MADV_DONTNEED_LOCKED: c_int = 24;

fn range(address: *mut c_void, bytes: usize) -> Range<usize> {
    let start = address.addr();
    start..start.saturating_add(bytes)
}

/// What the kernel makes of a length.
fn whole_pages(length: usize, flags: c_int) -> usize {
    let page = if flags & libc::MAP_HUGETLB == 0 {
        super::super::operating_system::page_bytes() as usize
    } else {
        match (flags >> libc::MAP_HUGE_SHIFT) & libc::MAP_HUGE_MASK {
            // The system's default, which is 2 MiB wherever the pages have 4 KiB.
            0 => 2 << 20,
            log => 1 << log,
        }
    };
    length.saturating_add(page - 1) / page * page
}

fn backing(flags: c_int, descriptor: c_int) -> Backing {
    if flags & libc::MAP_ANONYMOUS != 0 || raw::is_nameless_memory(descriptor) {
        Backing::Anon
    } else {
        Backing::File
    }
}
