//! Small programs whose mappings are known to the page.

// Calls that fail on purpose, and C23's frees, which no crate declares.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr;

use bench_core::instrument::{CBlock, native_totals};

use super::mapping::*;

/// What a program leaves mapped without a file and of files, its highest without a file, and all that it
/// mapped (without a file, of files), in pages.
type Known = (i64, i64, i64, (u64, u64));

pub fn every_program_maps_what_it_says() {
    let file = file_of(8);
    let programs: [(&str, &dyn Fn(), Known); 24] = [
        ("nothing", &|| {}, (0, 0, 0, (0, 0))),
        // massif's mmapunmap.
        ("a map and its unmap", &|| unmap(map(10, PRIVATE), 10), (0, 0, 10, (10, 0))),
        ("a map that stays", &|| _ = map(10, PRIVATE), (10, 0, 10, (10, 0))),
        ("an odd length is whole pages", &|| unmap_bytes(map(3, PRIVATE), 2 * PAGE + 1), (0, 0, 3, (3, 0))),
        // memray's high-water marks: freed before, between and after the peak.
        (
            "freed before the peak",
            &|| {
                unmap(map(5, PRIVATE), 5);
                map(7, PRIVATE);
            },
            (7, 0, 7, (12, 0)),
        ),
        (
            "two peaks, the first higher",
            &|| {
                unmap(map(9, PRIVATE), 9);
                unmap(map(4, PRIVATE), 4);
            },
            (0, 0, 9, (13, 0)),
        ),
        (
            "two peaks, the second higher",
            &|| {
                unmap(map(4, PRIVATE), 4);
                unmap(map(9, PRIVATE), 9);
            },
            (0, 0, 9, (13, 0)),
        ),
        (
            "freed after the peak",
            &|| {
                let (first, _second) = (map(5, PRIVATE), map(6, PRIVATE));
                unmap(first, 5);
                map(2, PRIVATE);
            },
            (8, 0, 11, (13, 0)),
        ),
        // memray's partial unmaps.
        ("the head unmapped", &|| unmap(map(10, PRIVATE), 3), (7, 0, 10, (10, 0))),
        ("the tail unmapped", &|| unmap(map(10, PRIVATE).page(6), 4), (6, 0, 10, (10, 0))),
        ("a hole in the middle", &|| unmap(map(10, PRIVATE).page(4), 2), (8, 0, 10, (10, 0))),
        (
            "the same hole twice",
            &|| {
                let at = map(10, PRIVATE);
                unmap(at.page(4), 2);
                unmap(at.page(4), 2);
            },
            (8, 0, 10, (10, 0)),
        ),
        (
            "page by page",
            &|| {
                let at = map(10, PRIVATE);
                (0..10).rev().step_by(2).for_each(|page| unmap(at.page(page), 1));
                (0..10).for_each(|page| unmap(at.page(page), 1));
            },
            (0, 0, 10, (10, 0)),
        ),
        (
            "one unmap over the holes of several maps",
            &|| {
                let at = map(12, PRIVATE);
                unmap(at.page(3), 2);
                unmap(at.page(8), 1);
                unmap(at.page(1), 10);
            },
            (2, 0, 12, (12, 0)),
        ),
        // MAP_FIXED over what is there: the same pages, once.
        (
            "mapped over with memory",
            &|| {
                let at = map(10, PRIVATE);
                map_at(at.page(2), 3, PRIVATE | libc::MAP_FIXED);
            },
            (10, 0, 10, (13, 0)),
        ),
        (
            "mapped over with a file",
            &|| {
                map_file_at(map(10, PRIVATE).page(2), &file, 3);
            },
            (7, 3, 10, (10, 3)),
        ),
        (
            "a file mapped over with memory",
            &|| {
                let at = map_file(&file, 8, libc::MAP_PRIVATE);
                map_at(at.page(6), 2, PRIVATE | libc::MAP_FIXED);
            },
            (2, 6, 2, (2, 8)),
        ),
        ("a file and its unmap", &|| unmap(map_file(&file, 8, libc::MAP_SHARED), 8), (0, 0, 0, (0, 8))),
        ("shared memory", &|| _ = map(4, SHARED), (4, 0, 4, (4, 0))),
        // mremap: massif's and dhat's realloc, on pages.
        ("grown", &|| _ = remap(map(4, PRIVATE), 4, 400), (400, 0, 400, (400, 0))),
        ("shrunk", &|| _ = remap(map(9, PRIVATE), 9, 2), (2, 0, 9, (9, 0))),
        (
            "moved over another",
            &|| {
                let (from, to) = (map(3, PRIVATE), map(6, PRIVATE));
                remap_to(from, 3, 5, to, 0);
            },
            (6, 0, 9, (9, 0)),
        ),
        (
            "a part moved away",
            &|| {
                let (from, to) = (map(10, PRIVATE), map(2, PRIVATE));
                remap_to(from.page(4), 2, 2, to, 0);
            },
            (10, 0, 12, (12, 0)),
        ),
        (
            "a file's mapping grown keeps its file",
            &|| _ = remap(map_file(&file, 4, libc::MAP_SHARED), 4, 8),
            (0, 8, 0, (0, 8)),
        ),
    ];
    for (name, program, (anon, of_file, peak, (all_anon, all_file))) in programs {
        let ((), seen) = record(program);
        assert_eq!((anon_mapped(&seen), file_mapped(&seen)), (anon, of_file), "{name}");
        assert_eq!(anon_peak(&seen), peak, "{name}");
        let all = seen.mapped.unwrap();
        let page = PAGE as u64;
        // What mremap added to the one and took from the other at once is not told apart.
        if !name.starts_with("moved over") {
            assert_eq!((all.anon_bytes / page, all.file_bytes / page), (all_anon, all_file), "{name}");
        }
    }
}

fn errno() -> Option<i32> {
    std::io::Error::last_os_error().raw_os_error()
}

pub fn a_failed_call_changes_nothing() {
    let at = map(4, PRIVATE);
    let ((), seen) = record(|| {
        // SAFETY: each call is refused by the kernel.
        unsafe {
            let none: *mut c_void = ptr::null_mut();
            assert_eq!(libc::mmap(none, 0, libc::PROT_READ, PRIVATE, -1, 0), libc::MAP_FAILED);
            assert_eq!(errno(), Some(libc::EINVAL));
            assert_eq!(libc::mmap(none, PAGE, libc::PROT_READ, libc::MAP_PRIVATE, -1, 0), libc::MAP_FAILED);
            assert_eq!(errno(), Some(libc::EBADF));
            let taken = PRIVATE | libc::MAP_FIXED_NOREPLACE;
            assert_eq!(libc::mmap(at.0.cast(), PAGE, libc::PROT_READ, taken, -1, 0), libc::MAP_FAILED);
            assert_eq!(errno(), Some(libc::EEXIST));
            assert_eq!(libc::munmap(at.0.wrapping_add(1).cast(), PAGE), -1);
            assert_eq!(errno(), Some(libc::EINVAL));
            assert_eq!(libc::mremap(at.0.cast(), 4 * PAGE, 0, 0), libc::MAP_FAILED);
            assert_eq!(libc::madvise(at.0.cast(), PAGE, 12345), -1);
        }
    });
    assert_eq!((anon_mapped(&seen), file_mapped(&seen), anon_peak(&seen)), (0, 0, 0));
    unmap(at, 4);
}

pub fn a_successful_call_leaves_errno_alone() {
    // SAFETY: errno of this thread.
    unsafe { *libc::__errno_location() = 4242 };
    record(|| unmap(map(4, PRIVATE), 4));
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = 4242 };
    let at = remap(map(4, PRIVATE), 4, 8);
    give_back(at, 8);
    unmap(at, 8);
    assert_eq!(errno(), Some(4242));
}

pub fn glibc_maps_nothing_here() {
    // massif's big-alloc: blocks for which malloc maps memory of its own.
    let (blocks, seen) = record(|| [1, 3, 16].map(|mib| CBlock::calloc(mib, 1 << 20)));
    assert_eq!((anon_mapped(&seen), seen.mapped.unwrap().maps), (0, 0));
    assert!(seen.end.c_bytes - seen.start.c_bytes >= 20 << 20);
    assert!(seen.peak.unwrap().mapped_sum_bytes >= seen.end.c_bytes);
    drop(blocks);
}

unsafe extern "C" {
    fn free_sized(block: *mut c_void, size: usize);
    fn free_aligned_sized(block: *mut c_void, alignment: usize, size: usize);
}

pub fn c23s_frees_are_counted_as_free() {
    let before = native_totals();
    // SAFETY: each block is freed once, with what it was asked for.
    unsafe {
        free_sized(libc::malloc(100), 100);
        free_aligned_sized(libc::aligned_alloc(64, 128), 64, 128);
        free_sized(ptr::null_mut(), 0);
    }
    let after = native_totals();
    assert_eq!(after.freed_blocks - before.freed_blocks, 2);
    assert_eq!(after.end_live_bytes, before.end_live_bytes);
}
