//! Which pages of the mappings this process holds, from `/proc/self/pagemap`.
//!
//! The file is opened for each look: a descriptor that stayed open would be another one's after a program
//! closed all that it has, and the parent's after a fork.

use std::ops::Range;

use super::super::operating_system::page_bytes;
use super::raw;
use crate::preload::{Backing, Resident, SharedByFork};

/// How many pages one reading asks for.
const PAGES: usize = 2048;

/// Room for what the file says.
pub(super) struct Pagemap {
    by_fork: SharedByFork,
    entries: [u64; PAGES],
}

/// The file, open.
pub(super) struct OpenPagemap<'a> {
    descriptor: i32,
    page_bytes: usize,
    by_fork: SharedByFork,
    entries: &'a mut [u64; PAGES],
}

impl Pagemap {
    pub(super) const fn new() -> Pagemap {
        Pagemap { by_fork: SharedByFork::Left, entries: [0; PAGES] }
    }

    /// From now on pages count that a forked child may share.
    pub(super) fn count_shared_by_fork(&mut self) {
        self.by_fork = SharedByFork::Counted;
    }

    /// From now on they are the parent's.
    pub(super) fn leave_shared_by_fork(&mut self) {
        self.by_fork = SharedByFork::Left;
    }

    /// Opens it; `None` where it cannot be read.
    pub(super) fn open(&mut self) -> Option<OpenPagemap<'_>> {
        let descriptor = raw::open_for_reading(c"/proc/self/pagemap");
        let page_bytes = page_bytes() as usize;
        let (by_fork, entries) = (self.by_fork, &mut self.entries);
        (descriptor >= 0).then_some(OpenPagemap { descriptor, page_bytes, by_fork, entries })
    }
}

impl OpenPagemap<'_> {
    pub(super) fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// Counts the resident pages of these addresses, which are pages' starts and ends; `None` where it cannot
    /// be read.
    pub(super) fn resident(&mut self, addresses: Range<usize>, backing: Backing) -> Option<Resident> {
        let mut resident = Resident::default();
        let (mut page, end) = (addresses.start / self.page_bytes, addresses.end / self.page_bytes);
        while page < end {
            let wanted = (end - page).min(PAGES);
            let entries = &mut self.entries[..wanted];
            let read = raw::read_words(self.descriptor, entries, page as u64 * 8)?;
            // Nothing more: an address that no process can have.
            if read == 0 {
                return None;
            }
            let page_bytes = self.page_bytes as u64;
            let more = Resident::of_entries(&entries[..read], backing, self.by_fork, page_bytes);
            resident = resident.plus(more);
            page += read;
        }
        Some(resident)
    }
}

impl Drop for OpenPagemap<'_> {
    fn drop(&mut self) {
        raw::close(self.descriptor);
    }
}
