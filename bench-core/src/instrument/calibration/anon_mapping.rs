//! Memory mapped without a file, as an engine maps its arenas: for the workloads that calibrate.

// The room for `unsafe`: calls into the C library.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::io;
use std::ptr::{self, NonNull};

/// Private memory of its own; dropping it unmaps it. The kernel makes no huge pages of it, so that what is
/// resident is what was touched.
#[derive(Debug)]
pub struct AnonMapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the memory is this value's alone.
unsafe impl Send for AnonMapping {}

impl AnonMapping {
    /// Maps so many bytes, a multiple of the page size.
    ///
    /// # Errors
    /// When the kernel refuses: no bytes at all, or no memory.
    pub fn new(bytes: usize) -> io::Result<AnonMapping> {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: the kernel chooses the place, so nothing that is there is replaced.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
        let mapping = AnonMapping::of(start, bytes)?;
        mapping.advise(bytes, libc::MADV_NOHUGEPAGE)?;
        Ok(mapping)
    }

    /// Writes to the first so many bytes.
    pub fn write(&mut self, bytes: usize) {
        // SAFETY: the place lies within the mapping, which is this value's.
        unsafe { ptr::write_bytes(self.start.as_ptr(), 1, bytes.min(self.bytes)) };
    }

    /// Gives the first so many bytes back to the kernel, and stays mapped.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn give_back(&mut self, bytes: usize) -> io::Result<()> {
        self.advise(bytes.min(self.bytes), libc::MADV_DONTNEED)
    }

    /// Two mappings out of one: the first of so many bytes, a multiple of the page size.
    ///
    /// # Panics
    /// When it is not that long.
    pub fn split(self, bytes: usize) -> (AnonMapping, AnonMapping) {
        assert!(bytes <= self.bytes, "a mapping of {} bytes has no byte {bytes}", self.bytes);
        let whole = std::mem::ManuallyDrop::new(self);
        // SAFETY: the place lies within the mapping or at its end.
        let second = unsafe { whole.start.add(bytes) };
        (AnonMapping { start: whole.start, bytes }, AnonMapping { start: second, bytes: whole.bytes - bytes })
    }

    /// mremap: grows or shrinks it to so many bytes; it may move.
    ///
    /// # Errors
    /// When the kernel refuses; then it is unmapped.
    pub fn resize(self, bytes: usize) -> io::Result<AnonMapping> {
        // SAFETY: the memory is this value's, and nobody has its address.
        let start =
            unsafe { libc::mremap(self.start.as_ptr().cast(), self.bytes, bytes, libc::MREMAP_MAYMOVE) };
        let resized = AnonMapping::of(start, bytes)?;
        std::mem::forget(self);
        Ok(resized)
    }

    fn of(start: *mut c_void, bytes: usize) -> io::Result<AnonMapping> {
        match NonNull::new(start.cast()) {
            Some(start) if start.as_ptr() != libc::MAP_FAILED.cast() => Ok(AnonMapping { start, bytes }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn advise(&self, bytes: usize, advice: i32) -> io::Result<()> {
        // SAFETY: the place lies within the mapping, of which nobody has a reference; a kernel without huge
        // pages refuses the one advice, which then says nothing new.
        match unsafe { libc::madvise(self.start.as_ptr().cast(), bytes, advice) } {
            0 => Ok(()),
            _ if advice == libc::MADV_NOHUGEPAGE => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for AnonMapping {
    fn drop(&mut self) {
        if self.bytes > 0 {
            // SAFETY: it is mapped, and nobody uses it any more.
            unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
        }
    }
}
