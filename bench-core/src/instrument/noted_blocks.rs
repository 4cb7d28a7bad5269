//! Rust's global allocator in mode `native`: its large blocks are noted, so that what of them nobody touched
//! can be told.

// The room for `unsafe`: the `GlobalAlloc` implementation.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};

use super::mappings::{forget_large_block, note_large_block};

/// Notes what passes through to the allocator `A`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotedBlocks<A>(pub A);

fn noted(block: *mut u8, bytes: usize) -> *mut u8 {
    if !block.is_null() {
        note_large_block(block.addr(), bytes);
    }
    block
}

// SAFETY: every call is forwarded unchanged to `A`, which upholds the contract; noting neither allocates, nor
// unwinds, nor touches the memory.
unsafe impl<A: GlobalAlloc> GlobalAlloc for NotedBlocks<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        noted(unsafe { self.0.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        noted(unsafe { self.0.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        forget_large_block(block.addr(), layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { self.0.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let address = block.addr();
        forget_large_block(address, layout.size());
        // SAFETY: the caller's promise is passed on.
        let new_block = unsafe { self.0.realloc(block, layout, new_size) };
        if new_block.is_null() {
            note_large_block(address, layout.size());
        }
        noted(new_block, new_size)
    }
}
