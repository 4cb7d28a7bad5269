//! Which pages of the mappings this process holds, from `/proc/self/pagemap`.
//!
//! Not mincore: of a file it says what lies in the page cache, whoever brought it there. Of an unprivileged
//! process the kernel hides the frames' numbers and leaves the bits that are needed here.

use std::ops::Range;

use super::raw;
use super::region::Backing;

/// Resident bytes of mappings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Resident {
    /// Of memory without a name, and a file's pages that the process changed for itself: what must stay.
    pub(super) anon: u64,
    /// What of `anon` is shared memory (the kernel counts it as RSS shmem and not as RSS anon).
    pub(super) shared: u64,
    /// Of files, as they are in the page cache.
    pub(super) file: u64,
}

impl Resident {
    pub(super) fn plus(self, other: Resident) -> Resident {
        Resident {
            anon: self.anon + other.anon,
            shared: self.shared + other.shared,
            file: self.file + other.file,
        }
    }
}

/// Bits of an entry: see proc_pid_pagemap(5).
const PRESENT: u64 = 1 << 63;
const OF_A_FILE_OR_SHARED: u64 = 1 << 61;
/// Only this process maps the page. Of a private page without it there are two kinds: the kernel's page of
/// zeros, which reading untouched memory maps and which RSS does not count; and pages that a forked child
/// still shares.
const EXCLUSIVE: u64 = 1 << 56;

/// How many pages one reading asks for.
const PAGES: usize = 2048;

/// The open file, and room for what it says.
pub(super) struct Pagemap {
    /// Negative while it is not open.
    pub(super) descriptor: i32,
    pub(super) page_bytes: usize,
    entries: [u64; PAGES],
}

impl Pagemap {
    pub(super) const CLOSED: Pagemap = Pagemap { descriptor: -1, page_bytes: 4096, entries: [0; PAGES] };

    /// Counts the resident pages of these addresses, which are pages' starts and ends; `None` where it cannot
    /// be read.
    pub(super) fn resident(&mut self, addresses: Range<usize>, backing: Backing) -> Option<Resident> {
        let mut pages = [0u64; 3];
        let (mut page, end) = (addresses.start / self.page_bytes, addresses.end / self.page_bytes);
        while page < end {
            let wanted = (end - page).min(PAGES);
            let entries = &mut self.entries[..wanted];
            let read = raw::read_words(self.descriptor, entries, page as u64 * 8)?;
            for kind in entries[..read].iter().filter_map(|entry| kind_of(*entry, backing)) {
                pages[kind as usize] += 1;
            }
            // Nothing more: an address that no process can have.
            if read == 0 {
                return None;
            }
            page += read;
        }
        let bytes = |kind: PageKind| pages[kind as usize] * self.page_bytes as u64;
        let shared = bytes(PageKind::Shared);
        Some(Resident { anon: bytes(PageKind::Private) + shared, shared, file: bytes(PageKind::File) })
    }
}

/// What a resident page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PageKind {
    Private,
    Shared,
    File,
}

fn kind_of(entry: u64, backing: Backing) -> Option<PageKind> {
    match (entry & PRESENT != 0, entry & OF_A_FILE_OR_SHARED != 0, backing) {
        (false, ..) => None,
        (true, true, Backing::File) => Some(PageKind::File),
        (true, true, Backing::Anon) => Some(PageKind::Shared),
        (true, false, _) => (entry & EXCLUSIVE != 0).then_some(PageKind::Private),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_its_bits_say() {
        let shared = PRESENT | OF_A_FILE_OR_SHARED;
        for (entry, anon, file) in [
            (0, None, None),
            // Swapped out.
            (1 << 62, None, None),
            (PRESENT | EXCLUSIVE, Some(PageKind::Private), Some(PageKind::Private)),
            // The page of zeros.
            (PRESENT, None, None),
            (shared, Some(PageKind::Shared), Some(PageKind::File)),
            (shared | EXCLUSIVE, Some(PageKind::Shared), Some(PageKind::File)),
        ] {
            assert_eq!(kind_of(entry, Backing::Anon), anon, "{entry:x}");
            assert_eq!(kind_of(entry, Backing::File), file, "{entry:x}");
        }
    }
}
