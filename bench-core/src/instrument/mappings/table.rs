//! A sorted table of regions in memory of its own: what keeps the book of mappings may not allocate. It may
//! have a mirror, which another process reads.

// The room for `unsafe`: a slice over memory that the kernel handed out.
#![allow(unsafe_code)]

use std::ptr::{self, NonNull};
use std::slice;

use super::raw;
use crate::preload::Region;

/// The bytes of the first piece of memory; each later one is twice as large.
const FIRST_BYTES: usize = 64 * 1024;
/// As many regions as a page has room for.
const FIRST_MIRRORED: usize = 170;

/// Regions in the order of their addresses.
pub(super) struct Table {
    regions: NonNull<Region>,
    length: usize,
    capacity: usize,
    mirror: Option<Mirror>,
}

/// Memory that another process reads.
struct Mirror {
    regions: NonNull<Region>,
    /// So many are known to have room.
    ready: usize,
    /// So many have addresses.
    most: usize,
}

// SAFETY: the table owns its memory, as a Vec does.
unsafe impl Send for Table {}

/// The kernel has no memory left for the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoMemory;

impl Table {
    pub(super) const fn new() -> Table {
        Table { regions: NonNull::dangling(), length: 0, capacity: 0, mirror: None }
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
        self.copy_to_mirror(from)
    }

    /// Keeps a copy in `memory`, which has addresses for so many bytes and perhaps no room behind them yet.
    ///
    /// # Safety
    /// It stays mapped and writable as long as the table lives, and nobody else of this process uses it.
    pub(super) unsafe fn mirror_in(&mut self, memory: NonNull<Region>, bytes: usize) -> Result<(), NoMemory> {
        self.mirror = Some(Mirror { regions: memory, ready: 0, most: bytes / size_of::<Region>() });
        self.copy_to_mirror(0)
    }

    fn copy_to_mirror(&mut self, from: usize) -> Result<(), NoMemory> {
        let Some(mirror) = &mut self.mirror else { return Ok(()) };
        if self.length > mirror.ready {
            if self.length > mirror.most {
                return Err(NoMemory);
            }
            let wanted = (2 * self.length).clamp(FIRST_MIRRORED, mirror.most);
            // Not by writing: where the file system is full, that ends the process.
            if !raw::make_room(mirror.regions.cast(), wanted * size_of::<Region>()) {
                return Err(NoMemory);
            }
            mirror.ready = wanted;
        }
        // SAFETY: both have room for `length` regions and do not overlap.
        unsafe {
            let (table, mirror) = (self.regions.as_ptr(), mirror.regions.as_ptr());
            ptr::copy_nonoverlapping(table.add(from), mirror.add(from), self.length - from);
        }
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
