//! A sorted table of regions in memory of its own: what keeps the book of mappings may not allocate.

// The room for `unsafe`: a slice over memory that the kernel handed out.
#![allow(unsafe_code)]

use std::ptr::{self, NonNull};
use std::slice;

use super::raw;
use super::region::Region;

/// The bytes of the first piece of memory; each later one is twice as large.
const FIRST_BYTES: usize = 64 * 1024;

/// Regions in the order of their addresses.
pub(super) struct Table {
    regions: NonNull<Region>,
    length: usize,
    capacity: usize,
}

// SAFETY: the table owns its memory, as a Vec does.
unsafe impl Send for Table {}

/// The kernel has no memory left for the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoMemory;

impl Table {
    pub(super) const fn new() -> Table {
        Table { regions: NonNull::dangling(), length: 0, capacity: 0 }
    }

    pub(super) fn as_slice(&self) -> &[Region] {
        // SAFETY: the first `length` regions were written, and the pointer is aligned.
        unsafe { slice::from_raw_parts(self.regions.as_ptr(), self.length) }
    }

    /// Puts `new` in the place of the regions `from..to`.
    pub(super) fn replace(&mut self, from: usize, to: usize, new: &[Region]) -> Result<(), NoMemory> {
        assert!(from <= to && to <= self.length, "{from}..{to} of {}", self.length);
        let length = self.length - (to - from) + new.len();
        self.reserve(length)?;
        // SAFETY: there is room for `length` regions; what is moved was written, and what is read lies in
        // `new`.
        unsafe {
            let regions = self.regions.as_ptr();
            ptr::copy(regions.add(to), regions.add(from + new.len()), self.length - to);
            ptr::copy_nonoverlapping(new.as_ptr(), regions.add(from), new.len());
        }
        self.length = length;
        Ok(())
    }

    fn reserve(&mut self, length: usize) -> Result<(), NoMemory> {
        if length <= self.capacity {
            return Ok(());
        }
        let old_bytes = self.capacity * size_of::<Region>();
        let bytes = (2 * old_bytes).max(FIRST_BYTES).max((length * size_of::<Region>()).next_power_of_two());
        let grown = raw::map_own(bytes).ok_or(NoMemory)?.cast::<Region>();
        // SAFETY: both have room for `length` regions and do not overlap; the old memory is used no more.
        unsafe {
            ptr::copy_nonoverlapping(self.regions.as_ptr(), grown.as_ptr(), self.length);
            if self.capacity > 0 {
                raw::unmap_own(self.regions.cast(), old_bytes);
            }
        }
        (self.regions, self.capacity) = (grown, bytes / size_of::<Region>());
        Ok(())
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if self.capacity > 0 {
            // SAFETY: the memory is the table's, and nobody uses it after this.
            unsafe { raw::unmap_own(self.regions.cast(), self.capacity * size_of::<Region>()) };
        }
    }
}
