//! The global allocator that counts blocks by call path.
//!
//! Each block has a header of 16 bytes before it, or of its alignment where that is larger: which profile
//! counted it, and by which path it came. So a free finds its path without a search, and a block from before
//! the profile is told from one of it. The size is the layout's, so counts are in requested bytes.

// The room for `unsafe`: the `GlobalAlloc` implementation.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};

use super::recorder::{self, BlockTag};

/// Counts what passes through to the allocator `A` by call path, while a
/// [`SiteProfiler`](super::SiteProfiler) runs.
///
/// ```no_run
/// use bench_core::instrument::SiteAllocator;
/// use std::alloc::System;
///
/// #[global_allocator]
/// static ALLOCATOR: SiteAllocator<System> = SiteAllocator::new(System);
/// ```
pub struct SiteAllocator<A>(A);

impl<A> SiteAllocator<A> {
    /// Wraps `allocator`.
    pub const fn new(allocator: A) -> SiteAllocator<A> {
        SiteAllocator(allocator)
    }
}

/// Bytes before a block of such an alignment.
const fn header_bytes(layout: Layout) -> usize {
    if layout.align() > 16 { layout.align() } else { 16 }
}

/// The layout with its header; nothing where that is more than there can be.
fn with_header(layout: Layout) -> Option<Layout> {
    let header = header_bytes(layout);
    Layout::from_size_align(layout.size().checked_add(header)?, header).ok()
}

/// Writes the header, and returns the block after it.
///
/// # Safety
/// `start` is the start of a block for [`with_header`] of `layout`.
#[inline(always)]
unsafe fn tagged(start: *mut u8, layout: Layout, tag: BlockTag) -> *mut u8 {
    // SAFETY: the header is in the block, and its end is aligned to 16.
    unsafe {
        let block = start.add(header_bytes(layout));
        block.cast::<u64>().sub(1).write(tag.0);
        block
    }
}

/// # Safety
/// [`tagged`] returned `block`.
#[inline(always)]
unsafe fn tag_of(block: *mut u8) -> BlockTag {
    // SAFETY: the caller's promise.
    BlockTag(unsafe { block.cast::<u64>().sub(1).read() })
}

// SAFETY: blocks are `A`'s, of the size and alignment asked for after a header of a multiple of the
// alignment; they are given back to `A` with the layout that they were asked with. Counting does not unwind.
unsafe impl<A: GlobalAlloc> GlobalAlloc for SiteAllocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(whole) = with_header(layout) else { return std::ptr::null_mut() };
        // SAFETY: the size is not zero, and the block is for that layout.
        unsafe {
            let start = self.0.alloc(whole);
            if start.is_null() {
                return start;
            }
            tagged(start, layout, recorder::allocated(layout.size()))
        }
    }

    // Forwarded, not composed: `vec![0u8; 1 << 30]` must stay untouched.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(whole) = with_header(layout) else { return std::ptr::null_mut() };
        // SAFETY: as above.
        unsafe {
            let start = self.0.alloc_zeroed(whole);
            if start.is_null() {
                return start;
            }
            tagged(start, layout, recorder::allocated(layout.size()))
        }
    }

    // Counted before the free: another thread may get the block at once, and would write its own header.
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let header = header_bytes(layout);
        // SAFETY: the caller's promise: the block is one of ours with this layout, for which there was one
        // with a header.
        unsafe {
            recorder::freed(tag_of(block), layout.size());
            let whole = Layout::from_size_align_unchecked(layout.size() + header, header);
            self.0.dealloc(block.sub(header), whole);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let header = header_bytes(layout);
        let Some(new_whole_size) = new_size.checked_add(header).filter(|size| *size <= isize::MAX as usize)
        else {
            return std::ptr::null_mut();
        };
        // SAFETY: as for dealloc; the header moves with the block.
        unsafe {
            let tag = tag_of(block);
            let whole = Layout::from_size_align_unchecked(layout.size() + header, header);
            let start = self.0.realloc(block.sub(header), whole, new_whole_size);
            if start.is_null() {
                return start;
            }
            tagged(start, layout, recorder::reallocated(tag, layout.size(), new_size))
        }
    }
}
