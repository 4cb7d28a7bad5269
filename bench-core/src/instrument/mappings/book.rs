//! The book of live mappings: which addresses are mapped, and whether a file backs them.
//!
//! It is told what the kernel did, after it did it: mapped (over what was there before), unmapped (any part
//! of what is there), moved, grown, shrunk. Addresses that were never told of are nobody's, and unmapping
//! them changes nothing.

// The room for `unsafe`: the mirror's memory.
#![allow(unsafe_code)]

use std::ops::Range;
use std::ptr::NonNull;

use super::table::{NoMemory, Table};
use crate::preload::{Backing, Region};

/// Bytes of either backing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mapped {
    pub(super) anon: u64,
    pub(super) file: u64,
}

/// All live mappings, in the order of their addresses.
pub(super) struct Book {
    table: Table,
    mapped: Mapped,
}

impl Book {
    pub(super) const fn new() -> Book {
        Book { table: Table::new(), mapped: Mapped { anon: 0, file: 0 } }
    }

    /// Bytes that are mapped now.
    pub(super) fn mapped(&self) -> Mapped {
        self.mapped
    }

    /// Keeps a copy of all regions in `memory`: see [`Table::mirror_in`].
    ///
    /// # Safety
    /// As there.
    pub(super) unsafe fn mirror_in(&mut self, memory: NonNull<Region>, bytes: usize) -> Result<(), NoMemory> {
        // SAFETY: the caller's promise is passed on.
        unsafe { self.table.mirror_in(memory, bytes) }
    }

    /// How many regions there are.
    pub(super) fn len(&self) -> usize {
        self.table.as_slice().len()
    }

    /// One of them.
    pub(super) fn region(&self, index: usize) -> Region {
        self.table.as_slice()[index]
    }

    /// The part of a region that covers or follows `address`, within `addresses`.
    pub(super) fn next_within(&self, addresses: &Range<usize>) -> Option<Region> {
        let region = *self.table.as_slice().get(self.first_ending_after(addresses.start))?;
        let (start, end) = (region.start.max(addresses.start), region.end.min(addresses.end));
        (start < end).then_some(Region { start, end, ..region })
    }

    /// The kernel mapped these addresses, whatever was there before.
    pub(super) fn map(&mut self, addresses: Range<usize>, backing: Backing) -> Result<(), NoMemory> {
        let new = Region { start: addresses.start, end: addresses.end, backing };
        self.put(addresses, Some(new))
    }

    /// The kernel unmapped these addresses.
    pub(super) fn unmap(&mut self, addresses: Range<usize>) -> Result<(), NoMemory> {
        self.put(addresses, None)
    }

    /// The kernel made `new` of `old`: moved, grown, shrunk. `old` is empty where the same pages got a second
    /// address; `keep_old` is `MREMAP_DONTUNMAP`.
    pub(super) fn remap(
        &mut self,
        old: Range<usize>,
        new: Range<usize>,
        keep_old: bool,
    ) -> Result<(), NoMemory> {
        let last = if old.is_empty() { old.start } else { old.end - 1 };
        let last = self.next_within(&(last..last + 1)).map(|region| region.backing);
        if old.start != new.start {
            self.unmap(new.clone())?;
            let mut rest = old.start..old.end.min(old.start + new.len());
            while let Some(piece) = self.next_within(&rest) {
                let moved = |address: usize| address - old.start + new.start;
                self.map(moved(piece.start)..moved(piece.end), piece.backing)?;
                rest.start = piece.end;
            }
            if !keep_old {
                self.unmap(old.clone())?;
            }
        } else if new.end < old.end {
            self.unmap(new.end..old.end)?;
        }
        if new.len() <= old.len() {
            return Ok(());
        }
        let grown = new.start + old.len()..new.end;
        match last {
            Some(backing) => self.map(grown, backing),
            None => self.unmap(grown),
        }
    }

    /// Puts `new`, or nothing, in the place of what covers `addresses`; what sticks out on either side stays.
    fn put(&mut self, addresses: Range<usize>, new: Option<Region>) -> Result<(), NoMemory> {
        if addresses.is_empty() {
            return Ok(());
        }
        let regions = self.table.as_slice();
        let from = self.first_ending_after(addresses.start);
        let to = from + regions[from..].partition_point(|region| region.start < addresses.end);
        let covered = &regions[from..to];
        let before = covered.first().filter(|region| region.start < addresses.start);
        let before = before.map(|region| Region { end: addresses.start, ..*region });
        let after = covered.last().filter(|region| region.end > addresses.end);
        let after = after.map(|region| Region { start: addresses.end, ..*region });
        let mut mapped = self.mapped;
        for region in covered {
            *mapped.of(region.backing) -= region.bytes();
        }
        let mut pieces = [Region { start: 0, end: 0, backing: Backing::Anon }; 3];
        let mut count = 0;
        for piece in [before, new, after].into_iter().flatten() {
            *mapped.of(piece.backing) += piece.bytes();
            pieces[count] = piece;
            count += 1;
        }
        self.table.replace(from, to, &pieces[..count])?;
        self.mapped = mapped;
        Ok(())
    }

    fn first_ending_after(&self, address: usize) -> usize {
        self.table.as_slice().partition_point(|region| region.end <= address)
    }
}

impl Mapped {
    pub(super) fn of(&mut self, backing: Backing) -> &mut u64 {
        match backing {
            Backing::Anon => &mut self.anon,
            Backing::File => &mut self.file,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The slow truth: what backs each page.
    #[derive(Default)]
    struct Model(BTreeMap<usize, Backing>);

    impl Model {
        fn map(&mut self, addresses: Range<usize>, backing: Backing) {
            self.0.extend(addresses.map(|page| (page, backing)));
        }

        fn unmap(&mut self, addresses: Range<usize>) {
            self.0.retain(|page, _| !addresses.contains(page));
        }

        fn remap(&mut self, old: Range<usize>, new: Range<usize>, keep_old: bool) {
            let last = if old.is_empty() { old.start } else { old.end - 1 };
            let last = self.0.get(&last).copied();
            let moved: Vec<_> = (0..old.len().min(new.len()))
                .filter_map(|page| Some((new.start + page, *self.0.get(&(old.start + page))?)))
                .collect();
            if !keep_old {
                self.unmap(old.clone());
            }
            self.unmap(new.clone());
            self.0.extend(moved);
            if let Some(backing) = last.filter(|_| new.len() > old.len()) {
                self.map(new.start + old.len()..new.end, backing);
            }
        }

        fn mapped(&self) -> Mapped {
            let bytes = |backing| self.0.values().filter(|other| **other == backing).count() as u64;
            Mapped { anon: bytes(Backing::Anon), file: bytes(Backing::File) }
        }
    }

    #[track_caller]
    fn agrees(book: &Book, model: &Model) {
        assert_eq!(book.mapped(), model.mapped());
        let regions = book.table.as_slice();
        assert!(regions.windows(2).all(|pair| pair[0].end <= pair[1].start), "in order: {regions:?}");
        let pages =
            regions.iter().flat_map(|region| (region.start..region.end).map(|page| (page, region.backing)));
        assert!(pages.eq(model.0.iter().map(|(page, backing)| (*page, *backing))), "{regions:?}");
    }

    #[test]
    fn the_book_is_a_map_of_pages_under_any_trace() {
        let mut seed = 7u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as usize % below
        };
        for _ in 0..200 {
            let (mut book, mut model) = (Book::new(), Model::default());
            for _ in 0..100 {
                let start = random(60);
                let addresses = start..start + 1 + random(12);
                match random(5) {
                    0 | 1 => {
                        let backing = if random(2) == 0 { Backing::Anon } else { Backing::File };
                        book.map(addresses.clone(), backing).unwrap();
                        model.map(addresses, backing);
                    }
                    2 => {
                        book.unmap(addresses.clone()).unwrap();
                        model.unmap(addresses);
                    }
                    // In place: the kernel grows into what is free only; the model does not care.
                    3 => {
                        let new = start..start + 1 + random(16);
                        book.remap(addresses.clone(), new.clone(), false).unwrap();
                        model.remap(addresses, new, false);
                    }
                    _ => {
                        let (to, keep_old) = (100 + random(60), random(3) == 0);
                        let old = if random(6) == 0 { start..start } else { addresses };
                        let new = to..to + 1 + random(16);
                        book.remap(old.clone(), new.clone(), keep_old).unwrap();
                        model.remap(old, new, keep_old);
                    }
                }
                agrees(&book, &model);
            }
        }
    }

    #[test]
    fn a_book_of_many_regions_grows_and_empties() {
        let mut book = Book::new();
        for page in 0..20_000 {
            book.map(2 * page..2 * page + 1, Backing::Anon).unwrap();
        }
        assert_eq!((book.mapped().anon, book.len()), (20_000, 20_000));
        book.unmap(1..39_998).unwrap();
        assert_eq!((book.mapped().anon, book.len()), (2, 2));
        book.unmap(0..40_000).unwrap();
        assert_eq!((book.mapped(), book.len()), (Mapped::default(), 0));
    }
}
