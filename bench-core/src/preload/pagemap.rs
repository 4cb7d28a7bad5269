//! What the entries of `/proc/PID/pagemap` say of mappings' pages: see proc_pid_pagemap(5).
//!
//! Not mincore: of a file it says what lies in the page cache, whoever brought it there. Of an unprivileged
//! process the kernel hides the frames' numbers and leaves the bits that are needed here.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use super::region::Backing;

/// Resident bytes of mappings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resident {
    /// Of memory without a name, and a file's pages that the process changed for itself: what must stay.
    pub anon: u64,
    /// What of `anon` is shared memory (the kernel counts it as RSS shmem and not as RSS anon).
    pub shared: u64,
    /// Of files, as they are in the page cache.
    pub file: u64,
}

const PRESENT: u64 = 1 << 63;
const OF_A_FILE_OR_SHARED: u64 = 1 << 61;
/// Only this process maps the page. Of a private page without it there are two kinds: the kernel's page of
/// zeros, which reading untouched memory maps and which RSS does not count; and pages that a forked child
/// still shares.
const EXCLUSIVE: u64 = 1 << 56;

/// Whose pages are counted that a fork shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedByFork {
    /// Nobody's: the process has no forked child, or is one.
    Left,
    /// This process's, which forked. Pages of zeros that it read count with them.
    Counted,
}

impl Resident {
    /// Both.
    pub fn plus(self, other: Resident) -> Resident {
        Resident {
            anon: self.anon + other.anon,
            shared: self.shared + other.shared,
            file: self.file + other.file,
        }
    }

    /// What these entries say, each of a page of so many bytes.
    pub fn of_entries(entries: &[u64], backing: Backing, by_fork: SharedByFork, page_bytes: u64) -> Resident {
        let mut resident = Resident::default();
        for kind in entries.iter().filter_map(|entry| kind_of(*entry, backing, by_fork)) {
            match kind {
                PageKind::Private => resident.anon += page_bytes,
                PageKind::Shared => {
                    resident.anon += page_bytes;
                    resident.shared += page_bytes;
                }
                PageKind::File => resident.file += page_bytes,
            }
        }
        resident
    }
}

/// What a resident page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PageKind {
    Private,
    Shared,
    File,
}

fn kind_of(entry: u64, backing: Backing, by_fork: SharedByFork) -> Option<PageKind> {
    match (entry & PRESENT != 0, entry & OF_A_FILE_OR_SHARED != 0, backing) {
        (false, ..) => None,
        (true, true, Backing::File) => Some(PageKind::File),
        (true, true, Backing::Anon) => Some(PageKind::Shared),
        (true, false, _) => {
            (entry & EXCLUSIVE != 0 || by_fork == SharedByFork::Counted).then_some(PageKind::Private)
        }
    }
}

/// Another process's page map, open.
pub(super) struct PagemapFile {
    file: File,
    page_bytes: u64,
    buffer: Vec<u8>,
}

impl PagemapFile {
    /// Opens it; `None` where this user may not, or there is none.
    pub(super) fn open(pid: u32) -> Option<PagemapFile> {
        let page_bytes = page_bytes(pid)?;
        let file = File::open(format!("/proc/{pid}/pagemap")).ok()?;
        Some(PagemapFile { file, page_bytes, buffer: vec![0; 16 << 10] })
    }

    pub(super) fn page_bytes(&self) -> u64 {
        self.page_bytes
    }

    /// What is resident of these addresses, which are pages' starts and ends; `None` where it cannot be read.
    pub(super) fn resident(
        &mut self,
        addresses: Range<u64>,
        backing: Backing,
        by_fork: SharedByFork,
    ) -> Option<Resident> {
        let (mut page, end) = (addresses.start / self.page_bytes, addresses.end / self.page_bytes);
        let mut resident = Resident::default();
        self.file.seek(SeekFrom::Start(page.checked_mul(8)?)).ok()?;
        while page < end {
            let wanted = usize::try_from((end - page) * 8)
                .map_or(self.buffer.len(), |bytes| bytes.min(self.buffer.len()));
            self.file.read_exact(&mut self.buffer[..wanted]).ok()?;
            let entries: Vec<u64> = words(&self.buffer[..wanted]).collect();
            resident = resident.plus(Resident::of_entries(&entries, backing, by_fork, self.page_bytes));
            page += entries.len() as u64;
        }
        Some(resident)
    }
}

/// The numbers that lie in these bytes.
pub(super) fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word))
}

/// The page size, as the kernel told the process.
fn page_bytes(pid: u32) -> Option<u64> {
    const AT_PAGESZ: u64 = 6;
    let auxv = std::fs::read(format!("/proc/{pid}/auxv")).ok()?;
    let numbers: Vec<u64> = words(&auxv).collect();
    numbers.as_chunks::<2>().0.iter().find(|[key, _]| *key == AT_PAGESZ).map(|[_, bytes]| *bytes)
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
            assert_eq!(kind_of(entry, Backing::Anon, SharedByFork::Left), anon, "{entry:x}");
            assert_eq!(kind_of(entry, Backing::File, SharedByFork::Left), file, "{entry:x}");
        }
        assert_eq!(kind_of(PRESENT, Backing::Anon, SharedByFork::Counted), Some(PageKind::Private));
    }
}
