//! Which pages are resident: exact, and of this process.

// A memory file is a system call.
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::FromRawFd;

use super::mapping::*;

pub fn anonymous_pages() {
    let (at, seen) = record(|| map(100, PRIVATE));
    assert_eq!((anon_mapped(&seen), resident(&seen)), (100, (0, 0, 0)));
    let ((), seen) = record(|| write(at, 60));
    assert_eq!((anon_mapped(&seen), resident(&seen)), (0, (60, 0, 0)));
    let ((), seen) = record(|| give_back(at.page(10), 20));
    assert_eq!((anon_mapped(&seen), resident(&seen)), (0, (-20, 0, 0)));
    // mprotect changes neither.
    let ((), seen) = record(|| {
        // SAFETY: nobody writes there while it is forbidden.
        assert_eq!(unsafe { libc::mprotect(at.0.cast(), 30 * PAGE, libc::PROT_NONE) }, 0);
    });
    assert_eq!((anon_mapped(&seen), resident(&seen)), (0, (0, 0, 0)));
    // Moved pages stay resident; those that a shrink cuts off do not.
    let (at, seen) = record(|| remap(at, 100, 35));
    assert_eq!((anon_mapped(&seen), resident(&seen)), (-65, (-25, 0, 0)));
    let ((), seen) = record(|| unmap(at, 35));
    assert_eq!((anon_mapped(&seen), resident(&seen)), (-35, (-15, 0, 0)));
}

pub fn a_read_of_untouched_memory() {
    let (at, seen) = record(|| {
        let at = map(50, PRIVATE);
        assert_eq!(read(at, 50), 0);
        at
    });
    assert_eq!(resident(&seen), (0, 0, 0), "they are all the kernel's page of zeros");
    let ((), seen) = record(|| write(at, 1));
    assert_eq!(resident(&seen), (1, 0, 0));
    unmap(at, 50);
}

pub fn file_pages() {
    let file = file_of(64);
    let (at, seen) = record(|| map_file(&file, 64, libc::MAP_SHARED));
    assert_eq!(
        (file_mapped(&seen), resident(&seen)),
        (64, (0, 0, 0)),
        "in the page cache, and not mapped yet"
    );
    // SAFETY: a vector of one byte a page.
    let in_cache = unsafe {
        let mut pages = [0u8; 64];
        assert_eq!(libc::mincore(at.0.cast(), 64 * PAGE, pages.as_mut_ptr()), 0);
        pages.iter().filter(|page| **page & 1 == 1).count()
    };
    assert_eq!(in_cache, 64, "so mincore would count them all");
    // One read at most maps its neighbours, too.
    let (_, seen) = record(|| read(at, 64));
    assert_eq!(resident(&seen), (0, 0, 64));
    let ((), seen) = record(|| give_back(at, 64));
    assert_eq!((file_mapped(&seen), resident(&seen)), (0, (0, 0, -64)));
    let ((), seen) = record(|| unmap(at, 64));
    assert_eq!((file_mapped(&seen), resident(&seen)), (-64, (0, 0, 0)));
}

pub fn private_copies() {
    let file = file_of(64);
    let (at, seen) = record(|| {
        let at = map_file(&file, 64, libc::MAP_PRIVATE);
        read(at, 64);
        at
    });
    assert_eq!((file_mapped(&seen), resident(&seen)), (64, (0, 0, 64)));
    let ((), seen) = record(|| write(at.page(4), 10));
    assert_eq!(
        (file_mapped(&seen), resident(&seen)),
        (0, (10, 0, -10)),
        "a changed page is the process's own"
    );
    let rss = [seen.start, seen.end].map(|reading| reading.process.unwrap().rss_anon_bytes.unwrap() as i64);
    assert!(
        (rss[1] - rss[0] - 10 * PAGE as i64).abs() <= 3 * PAGE as i64,
        "the kernel counts so, too: {rss:?}"
    );
    unmap(at, 64);
}

pub fn shared_memory() {
    // SAFETY: the descriptor is new, and the file's.
    let memory = unsafe { File::from_raw_fd(libc::memfd_create(c"memory".as_ptr(), 0)) };
    memory.set_len(30 * PAGE as u64).unwrap();
    let ((anonymous, memfd), seen) = record(|| {
        let (anonymous, memfd) = (map(20, SHARED), map_file(&memory, 30, libc::MAP_SHARED));
        write(anonymous, 7);
        write(memfd, 9);
        (anonymous, memfd)
    });
    assert_eq!((anon_mapped(&seen), file_mapped(&seen)), (50, 0));
    assert_eq!(resident(&seen), (0, 16, 0));
    let shmem = [seen.start, seen.end].map(|reading| reading.process.unwrap().rss_shmem_bytes.unwrap());
    assert_eq!(shmem[1] - shmem[0], 16 * PAGE as u64, "the kernel counts it as shared memory");
    unmap(anonymous, 20);
    unmap(memfd, 30);
}
