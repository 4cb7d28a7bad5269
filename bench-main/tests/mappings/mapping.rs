//! Mappings as C makes them, and what a piece of work did to them.

// System calls on memory that only these tests use.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::ptr;

use bench_core::evidence::{MappingRecord, MemoryRecord};
use bench_core::instrument::MemoryProbe;

pub const PAGE: usize = 4096;
const READ_WRITE: c_int = libc::PROT_READ | libc::PROT_WRITE;
pub const PRIVATE: c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
pub const SHARED: c_int = libc::MAP_SHARED | libc::MAP_ANONYMOUS;

/// An address, by which C names a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At(pub *mut u8);

impl At {
    pub fn page(self, page: usize) -> At {
        At(self.0.wrapping_add(page * PAGE))
    }

    fn raw(self) -> *mut c_void {
        self.0.cast()
    }
}

/// From now on the kernel makes no huge page by itself: the counts are of small ones.
pub fn without_huge_pages() {
    // SAFETY: it has no other effect.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) }, 0);
}

/// mmap where the kernel likes.
pub fn map(pages: usize, flags: c_int) -> At {
    map_at(At(ptr::null_mut()), pages, flags)
}

pub fn map_at(at: At, pages: usize, flags: c_int) -> At {
    // SAFETY: with MAP_FIXED the tests name their own mappings only.
    checked(unsafe { libc::mmap(at.raw(), pages * PAGE, READ_WRITE, flags, -1, 0) })
}

pub fn map_file(file: &File, pages: usize, flags: c_int) -> At {
    // SAFETY: no address is asked for.
    checked(unsafe { libc::mmap(ptr::null_mut(), pages * PAGE, READ_WRITE, flags, file.as_raw_fd(), 0) })
}

pub fn map_file_at(at: At, file: &File, pages: usize) -> At {
    let flags = libc::MAP_PRIVATE | libc::MAP_FIXED;
    // SAFETY: the tests name their own mappings only.
    checked(unsafe { libc::mmap(at.raw(), pages * PAGE, READ_WRITE, flags, file.as_raw_fd(), 0) })
}

pub fn unmap(at: At, pages: usize) {
    unmap_bytes(at, pages * PAGE);
}

pub fn unmap_bytes(at: At, bytes: usize) {
    // SAFETY: the tests unmap what they mapped.
    assert_eq!(unsafe { libc::munmap(at.raw(), bytes) }, 0);
}

pub fn remap(at: At, old_pages: usize, new_pages: usize) -> At {
    let (old, new) = (old_pages * PAGE, new_pages * PAGE);
    // SAFETY: the tests remap what they mapped.
    checked(unsafe { libc::mremap(at.raw(), old, new, libc::MREMAP_MAYMOVE) })
}

pub fn remap_to(at: At, old_pages: usize, new_pages: usize, to: At, flags: c_int) -> At {
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED | flags;
    // SAFETY: as above, and what is at `to` is the tests' own.
    checked(unsafe { libc::mremap(at.raw(), old_pages * PAGE, new_pages * PAGE, flags, to.raw()) })
}

pub fn give_back(at: At, pages: usize) {
    // SAFETY: the tests advise on what they mapped.
    assert_eq!(unsafe { libc::madvise(at.raw(), pages * PAGE, libc::MADV_DONTNEED) }, 0);
}

/// Writes into each page.
pub fn write(at: At, pages: usize) {
    // SAFETY: the pages are mapped for writing, and the tests' own.
    (0..pages).for_each(|page| unsafe { at.page(page).0.write_volatile(1) });
}

/// Reads each page.
pub fn read(at: At, pages: usize) -> usize {
    // SAFETY: the pages are mapped.
    (0..pages).map(|page| usize::from(unsafe { at.page(page).0.read_volatile() })).sum()
}

fn checked(address: *mut c_void) -> At {
    assert_ne!(address, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    At(address.cast())
}

/// A file of so many pages, which lie in the page cache; it lives as long as it is open.
pub fn file_of(pages: usize) -> File {
    use std::io::Write;

    // Beside the binary, as a temporary folder may be memory.
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let mut file = tempfile::tempfile_in(folder).unwrap();
    file.write_all(&vec![7; pages * PAGE]).unwrap();
    file
}

/// What `work` did to all memory.
pub fn record<T>(work: impl FnOnce() -> T) -> (T, MemoryRecord) {
    static PROBE: std::sync::LazyLock<MemoryProbe> = std::sync::LazyLock::new(MemoryProbe::open);

    let start = PROBE.begin();
    PROBE.begin_peak();
    let answer = work();
    let record = PROBE.end(&start, start.reading()).expect("this system has mappings");
    (answer, record)
}

/// How many pages more there are at the end.
pub fn grown(record: &MemoryRecord, bytes: fn(&MappingRecord) -> u64) -> i64 {
    let [start, end] = [record.start, record.end].map(|reading| bytes(&reading.mappings.unwrap()) as i64);
    let bytes = end - start;
    assert_eq!(bytes % PAGE as i64, 0);
    bytes / PAGE as i64
}

pub fn anon_mapped(record: &MemoryRecord) -> i64 {
    grown(record, |mappings| mappings.anon_mapped_bytes)
}

pub fn file_mapped(record: &MemoryRecord) -> i64 {
    grown(record, |mappings| mappings.file_mapped_bytes)
}

/// Resident pages more: private without a file, shared memory, of files.
pub fn resident(record: &MemoryRecord) -> (i64, i64, i64) {
    let shared = grown(record, |mappings| mappings.resident.unwrap().shared_bytes);
    let anon = grown(record, |mappings| mappings.resident.unwrap().anon_bytes);
    (anon - shared, shared, grown(record, |mappings| mappings.resident.unwrap().file_bytes))
}

/// The highest number of pages without a file, over the start.
pub fn anon_peak(record: &MemoryRecord) -> i64 {
    let start = record.start.mappings.unwrap().anon_mapped_bytes as i64;
    (record.peak.unwrap().anon_mapped_bytes as i64 - start) / PAGE as i64
}
