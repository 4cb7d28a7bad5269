//! Counts the mappings that a program makes itself: what the interposed mmap and its kin report, and how a
//! phase reads it.
//!
//! glibc's own malloc, its thread stacks and the dynamic linker call names that nothing interposes: none of
//! them is here. Nor is System V shared memory. One lock is held around a system call and its entry in the
//! book, so that no other thread can get an address between the two. Nothing here allocates or panics, and
//! errno stays what the call made it.
//!
//! Mapped bytes are exact, and so is their peak. Resident bytes are exact at a phase's marks; their share of
//! the peak of all memory lies within bounds (`preload/peak_bounds.rs`), for which the pages are looked at
//! before a call that gives pages back, and whenever an eighth of what is mapped has changed: so the looks
//! cost no more than the program's own first touch.

mod book;
mod calls;
mod fork;
mod heap_segments;
mod large_blocks;
mod lock;
mod publish;
mod raw;
mod resident;
mod table;

use std::ops::Range;

pub use calls::{counted_madvise, counted_mmap, counted_mremap, counted_munmap};
pub(super) use heap_segments::HeapSegments;
pub(super) use large_blocks::not_resident;
pub use large_blocks::{forget_large_block, note_large_block};
pub use publish::{publish_counts, publish_the_end};

use super::live_sum;
use crate::evidence::{MappingRecord, MappingResident, MappingTotals, MemoryPeak, PeakRange};
use crate::preload::{Backing, Look, PeakBounds, Resident};
use book::{Book, Mapped};
pub(super) use lock::Lock;
use publish::PublishedPage;
pub(super) use raw::map_own;
use resident::Pagemap;
use table::NoMemory;

static STATE: Lock<MappingsState> = Lock::new(MappingsState::new());

/// Everything that is known of the mappings.
struct MappingsState {
    book: Book,
    /// Set once the book had no room left: from then on it says nothing.
    lost: bool,
    totals: MappingTotals,
    peak_mapped: Mapped,
    /// Between two marks; outside of phases nobody looks at pages.
    measuring: bool,
    bounds: PeakBounds,
    /// Bytes that were mapped, unmapped or given back since the last look.
    changed: u64,
    /// Unset once the pages could not be looked at.
    bounded: bool,
    /// Set once somebody may ask for resident pages.
    prepared: bool,
    pagemap: Pagemap,
    published: PublishedPage,
}

/// Whether this process's mmap is interposed: a page mapped here must show.
pub fn mappings_are_counted() -> bool {
    let before = STATE.lock().totals.maps;
    super::operating_system::map_and_unmap_a_page();
    STATE.lock().totals.maps != before
}

/// Makes ready for phases: resident pages may be asked for, and the book is kept through forks.
pub(super) fn prepare_mappings() {
    fork::watch();
    STATE.lock().prepared = true;
}

/// The mappings now, and what was mapped since the process began; `None` where the book had no room.
pub(super) fn read_mappings() -> Option<(MappingRecord, MappingTotals)> {
    let mut state = STATE.lock();
    if state.lost {
        return None;
    }
    let resident = state.resident().map(|resident| MappingResident {
        anon_bytes: resident.anon,
        shared_bytes: resident.shared,
        file_bytes: resident.file,
    });
    let Mapped { anon, file } = state.book.mapped();
    Some((MappingRecord { anon_mapped_bytes: anon, file_mapped_bytes: file, resident }, state.totals))
}

/// Resident private pages of these addresses, whoever mapped them, in bytes; `None` where the kernel does not
/// tell.
pub(super) fn private_resident_bytes(addresses: Range<u64>) -> Option<u64> {
    let addresses = usize::try_from(addresses.start).ok()?..usize::try_from(addresses.end).ok()?;
    Some(STATE.lock().pagemap.open()?.resident(addresses, Backing::Anon)?.anon)
}

/// Begins a phase with so many bytes on the heaps: the peaks restart.
pub(super) fn begin_phase_of_mappings(heaps: u64) {
    let mut state = STATE.lock();
    state.peak_mapped = state.book.mapped();
    live_sum::begin_phase(heaps, state.peak_mapped.anon);
    let look = state.look();
    state.bounded = look.is_some();
    state.bounds = look.map_or(PeakBounds::NONE, PeakBounds::start);
    (state.measuring, state.changed) = (true, 0);
}

/// Ends a phase: its peaks.
pub(super) fn end_phase_of_mappings() -> Option<MemoryPeak> {
    let mut state = STATE.lock();
    state.look_at_bounds();
    state.measuring = false;
    let PeakBounds { least, most, .. } = state.bounds;
    let peak = MemoryPeak {
        mapped_sum_bytes: live_sum::peak(),
        anon_mapped_bytes: state.peak_mapped.anon,
        file_mapped_bytes: state.peak_mapped.file,
        resident_sum: state.bounded.then_some(PeakRange { least_bytes: least, most_bytes: most }),
    };
    (!state.lost).then_some(peak)
}

impl MappingsState {
    const fn new() -> MappingsState {
        MappingsState {
            book: Book::new(),
            lost: false,
            totals: MappingTotals::ZERO,
            peak_mapped: Mapped { anon: 0, file: 0 },
            measuring: false,
            bounds: PeakBounds::NONE,
            changed: 0,
            bounded: false,
            prepared: false,
            pagemap: Pagemap::new(),
            published: PublishedPage::NOTHING,
        }
    }

    /// Resident bytes of all mappings.
    fn resident(&mut self) -> Option<Resident> {
        if !self.prepared || self.lost {
            return None;
        }
        let mut pagemap = self.pagemap.open()?;
        let mut sum = Resident::default();
        for index in 0..self.book.len() {
            let region = self.book.region(index);
            sum = sum.plus(pagemap.resident(region.start..region.end, region.backing)?);
        }
        Some(sum)
    }

    /// Resident bytes of what is mapped within these addresses.
    fn resident_within(&mut self, addresses: &Range<usize>) -> Option<Resident> {
        let (mut sum, mut rest) = (Resident::default(), addresses.clone());
        if self.book.next_within(&rest).is_none() {
            return Some(sum);
        }
        let mut pagemap = self.pagemap.open()?;
        while let Some(region) = self.book.next_within(&rest) {
            sum = sum.plus(pagemap.resident(region.start..region.end, region.backing)?);
            rest.start = region.end;
        }
        Some(sum)
    }

    fn look(&mut self) -> Option<Look> {
        let (heaps, heaps_peak) = live_sum::take_heaps();
        Some(Look { heaps, heaps_peak, resident: self.resident()?.anon })
    }

    fn look_at_bounds(&mut self) {
        if self.measuring && self.bounded {
            match self.look() {
                Some(look) => self.bounds.look(look),
                None => self.bounded = false,
            }
            self.changed = 0;
        }
    }

    /// So many bytes are about to change: looks at the pages where that is due.
    fn before_change(&mut self, bytes: u64) {
        self.changed += bytes;
        if self.changed * 8 >= self.book.mapped().anon {
            self.look_at_bounds();
        }
    }

    /// What is resident of these addresses is about to go.
    fn before_giving_back(&mut self, addresses: &Range<usize>) {
        self.before_change(addresses.len() as u64);
        if self.measuring && self.bounded {
            match self.resident_within(addresses) {
                Some(resident) => self.bounds.give_back(resident.anon),
                None => self.bounded = false,
            }
        }
    }

    /// The kernel did it: enters the change into the book.
    fn enter(&mut self, change: impl FnOnce(&mut Book) -> Result<(), NoMemory>) {
        if self.lost {
            return;
        }
        let before = self.book.mapped();
        self.lost = change(&mut self.book).is_err();
        let now = self.book.mapped();
        self.peak_mapped.anon = self.peak_mapped.anon.max(now.anon);
        self.peak_mapped.file = self.peak_mapped.file.max(now.file);
        live_sum::change_anon_mapped(now.anon as i64 - before.anon as i64);
    }

    fn count_mapped(&mut self, bytes: u64, backing: Backing) {
        match backing {
            Backing::Anon => self.totals.anon_bytes += bytes,
            Backing::File => self.totals.file_bytes += bytes,
        }
    }
}
