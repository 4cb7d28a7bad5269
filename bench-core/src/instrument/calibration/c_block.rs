//! Blocks of the C heap, as C and C++ make them: for the programs that calibrate mode `native`.

// The room for `unsafe`: calls into the C library.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_void};
use std::hint::black_box;
use std::ptr::{self, NonNull};

/// A block of the C heap; dropping it calls `free`.
#[derive(Debug)]
pub struct CBlock(NonNull<c_void>);

impl CBlock {
    /// `malloc`.
    ///
    /// # Panics
    /// As all that follow, when there is no memory.
    pub fn malloc(bytes: usize) -> CBlock {
        // SAFETY: malloc has no preconditions.
        CBlock::of(unsafe { libc::malloc(bytes) })
    }

    /// `calloc`: `count` times `bytes`, zeroed.
    pub fn calloc(count: usize, bytes: usize) -> CBlock {
        // SAFETY: calloc has no preconditions.
        CBlock::of(unsafe { libc::calloc(count, bytes) })
    }

    /// `aligned_alloc`; `alignment` is a power of two that divides `bytes`.
    pub fn aligned_alloc(alignment: usize, bytes: usize) -> CBlock {
        // SAFETY: aligned_alloc has no preconditions in glibc: a wrong alignment is an error.
        CBlock::of(unsafe { libc::aligned_alloc(alignment, bytes) })
    }

    /// `posix_memalign`; `alignment` is a power of two and a multiple of a pointer's size.
    pub fn posix_memalign(alignment: usize, bytes: usize) -> CBlock {
        let mut block = ptr::null_mut();
        // SAFETY: `block` can be written; where it is not, it stays null, and that is looked at.
        unsafe { libc::posix_memalign(&mut block, alignment, bytes) };
        CBlock::of(block)
    }

    /// `strdup`: libc allocates by itself.
    pub fn strdup(text: &CStr) -> CBlock {
        // SAFETY: a CStr ends with a null byte.
        CBlock::of(unsafe { libc::strdup(text.as_ptr()) }.cast())
    }

    /// `realloc` to so many bytes, more than none.
    pub fn realloc(self, bytes: usize) -> CBlock {
        assert!(bytes > 0, "realloc to nothing frees");
        let block = self.0.as_ptr();
        std::mem::forget(self);
        // SAFETY: `block` is live, and nobody uses it any more.
        CBlock::of(unsafe { libc::realloc(block, bytes) })
    }

    /// Writes to the first so many bytes.
    ///
    /// # Panics
    /// When it is not that large.
    pub fn filled(self, bytes: usize) -> CBlock {
        // SAFETY: the block is live, and nobody else has its address; it has as many bytes as it says.
        unsafe {
            assert!(bytes <= libc::malloc_usable_size(self.0.as_ptr()), "a block of less than {bytes} bytes");
            ptr::write_bytes(self.0.as_ptr().cast::<u8>(), 1, bytes);
        }
        self
    }

    /// The block's address.
    pub fn address(&self) -> usize {
        self.0.as_ptr().addr()
    }

    fn of(block: *mut c_void) -> CBlock {
        // Without black_box the optimiser may drop a block that nobody looks at.
        CBlock(NonNull::new(black_box(block)).expect("the C library has memory"))
    }
}

impl Drop for CBlock {
    fn drop(&mut self) {
        // SAFETY: the block is live and this is its only owner.
        unsafe { libc::free(self.0.as_ptr()) }
    }
}
