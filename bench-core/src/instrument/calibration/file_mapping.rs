//! A mapped file, as an engine maps its index: for the workloads that calibrate and misbehave on purpose.

// The room for `unsafe`: calls into the C library.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::{self, NonNull};

/// The first bytes of a file, mapped for reading; dropping it unmaps them.
#[derive(Debug)]
pub struct FileMapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: nobody writes through it, and reading is an operation of this file alone.
unsafe impl Send for FileMapping {}

impl FileMapping {
    /// Maps so many bytes of the file, which holds at least as many.
    ///
    /// # Errors
    /// When the kernel refuses: no bytes at all, or no memory.
    pub fn new(file: &File, bytes: usize) -> io::Result<FileMapping> {
        // SAFETY: the kernel chooses the place, so nothing that is there is replaced.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), bytes, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        match NonNull::new(start.cast()) {
            Some(start) if start.as_ptr() != libc::MAP_FAILED.cast() => Ok(FileMapping { start, bytes }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Makes every page resident; what comes back is the sum of their first bytes.
    pub fn touch(&self) -> u64 {
        const PAGE: usize = 4096;
        let pages = (0..self.bytes).step_by(PAGE);
        // SAFETY: the place lies within the mapping. Volatile: another process may write to the file.
        pages.map(|offset| u64::from(unsafe { self.start.add(offset).read_volatile() })).sum()
    }
}

impl FileMapping {
    /// Takes the pages out of this process; they stay in the page cache.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn give_back(&self) -> io::Result<()> {
        // SAFETY: the place is the mapping, whose file has the contents.
        match unsafe { libc::madvise(self.start.as_ptr().cast(), self.bytes, libc::MADV_DONTNEED) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for FileMapping {
    fn drop(&mut self) {
        // SAFETY: it was mapped by `new`, and nobody uses it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
