//! Rust's global allocator in mode `native`: glibc's own functions, past the interposed ones.
//!
//! So the interposed functions see what is not Rust, and no block is counted twice. A block of Rust's freed
//! by C's `free`, or the other way round, would be counted on the wrong side; Rust forbids both.

// The room for `unsafe`: the `GlobalAlloc` implementation.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_void;
use std::ptr;

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
}

/// The alignment that every block of glibc's malloc has.
const MALLOC_ALIGNMENT: usize = 2 * size_of::<usize>();

/// The C library's allocator, called by names that nothing interposes. Linux with glibc only.
#[derive(Clone, Copy, Debug, Default)]
pub struct LibcDirect;

/// Whether malloc alone gives such a block.
fn is_aligned_by_malloc(layout: Layout) -> bool {
    layout.align() <= MALLOC_ALIGNMENT && layout.align() <= layout.size().max(1)
}

// SAFETY: the blocks are glibc's, of the size and alignment asked for; nothing unwinds.
unsafe impl GlobalAlloc for LibcDirect {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = if is_aligned_by_malloc(layout) {
            // SAFETY: malloc has no preconditions.
            unsafe { __libc_malloc(layout.size()) }
        } else {
            // SAFETY: a layout's alignment is a power of two.
            unsafe { __libc_memalign(layout.align(), layout.size()) }
        };
        block.cast()
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_aligned_by_malloc(layout) {
            // SAFETY: calloc has no preconditions. Not malloc and a write: untouched pages must stay so.
            return unsafe { __libc_calloc(layout.size(), 1) }.cast();
        }
        // SAFETY: the caller's promise is passed on; the block has `layout.size()` bytes.
        unsafe {
            let block = self.alloc(layout);
            if !block.is_null() {
                ptr::write_bytes(block, 0, layout.size());
            }
            block
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller's promise: the block is one of ours, and so of glibc.
        unsafe { __libc_free(block.cast()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.align() <= MALLOC_ALIGNMENT && layout.align() <= new_size {
            // SAFETY: the caller's promise: the block is one of ours, and `new_size` is not zero.
            return unsafe { __libc_realloc(block.cast(), new_size) }.cast();
        }
        // SAFETY: the caller promises that `new_size` and the alignment make a layout; both blocks have the
        // bytes that are copied, and a new block overlaps no live one.
        unsafe {
            let new_block = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !new_block.is_null() {
                ptr::copy_nonoverlapping(block, new_block, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            new_block
        }
    }
}
