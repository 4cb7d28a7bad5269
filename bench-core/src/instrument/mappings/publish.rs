//! Counts for another process to read: the page of counters in a file, the books' mirrors behind it.
//!
//! Which numbers stand where, and how the reader restarts the peaks, `crate::preload` says. The books'
//! numbers are written under their lock.

// The room for `unsafe`: memory that is shared with another process.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::ptr::NonNull;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Relaxed, Release},
};

use super::super::counter_page::{self, CounterPage, asked_epoch, page};
use super::super::{live_sum, native_heap};
use super::book::Mapped;
use super::large_blocks::{LARGE_BLOCKS, LargeBlocks};
use super::{MappingsState, STATE, fork, raw};
use crate::evidence::MappingTotals;
use crate::preload::{
    BLOCKS_AT, EPOCH_FILE, FILE_BYTES, MAGIC, PeakBounds, REGIONS_AT, Region, TABLE_BYTES, VERSION,
    WORDS_BYTES, Word,
};

/// The longest path of a folder that is taken.
const PATH_BYTES: usize = 512;
/// As many program images may have had one process number before.
const MOST_IMAGES: u32 = 10_000;

/// Where the counts are told.
pub(super) struct PublishedPage {
    /// The folder's path; empty where nobody reads.
    folder: Path,
    /// The file by which the reader restarts the peaks.
    epoch: Option<NonNull<AtomicU64>>,
    /// The epoch of the mappings' peaks.
    mappings_epoch: u64,
    /// Live bytes of the heap and what was mapped when the process was last about to fork.
    inherited: (i64, Mapped),
}

// SAFETY: the epoch is an atomic that stays mapped for good.
unsafe impl Send for PublishedPage {}

impl PublishedPage {
    pub(super) const NOTHING: PublishedPage = PublishedPage {
        folder: Path::EMPTY,
        epoch: None,
        mappings_epoch: 0,
        inherited: (0, Mapped { anon: 0, file: 0 }),
    };
}

/// A path without the heap, ending with a zero.
#[derive(Clone, Copy)]
struct Path {
    bytes: [u8; PATH_BYTES],
    length: usize,
}

impl Path {
    const EMPTY: Path = Path { bytes: [0; PATH_BYTES], length: 0 };

    /// This and more; `None` where it is too long.
    fn with(mut self, more: &[u8]) -> Option<Path> {
        let end = self.length + more.len();
        self.bytes.get_mut(self.length..end)?.copy_from_slice(more);
        self.length = end;
        (end < PATH_BYTES).then_some(self)
    }

    fn with_number(self, mut number: u64) -> Option<Path> {
        let (mut digits, mut first) = ([0; 20], 20);
        loop {
            first -= 1;
            digits[first] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return self.with(&digits[first..]);
            }
        }
    }

    fn as_c(&self) -> Option<&CStr> {
        CStr::from_bytes_until_nul(&self.bytes).ok()
    }
}

/// From now on the counts of this process, and of those that it forks, stand in files of this folder; false
/// where they cannot. `is_foreign` says that malloc is not ours.
///
/// To be called once, before the program starts threads.
pub fn publish_counts(folder: &CStr, is_foreign: bool) -> bool {
    fork::watch();
    let mut blocks = LARGE_BLOCKS.lock();
    let mut state = STATE.lock();
    let mut published = || {
        state.published.folder = Path::EMPTY.with(folder.to_bytes())?;
        let path = state.published.folder.with(b"/")?.with(EPOCH_FILE.as_bytes())?;
        let descriptor = raw::open_for_reading(path.as_c()?);
        let epoch = raw::map_shared(descriptor, 0, WORDS_BYTES, libc::PROT_READ);
        raw::close(descriptor);
        state.published.epoch = Some(epoch?.cast());
        let heaps = native_heap::totals().end_live_bytes;
        live_sum::keep();
        live_sum::begin_phase(heaps, state.book.mapped().anon);
        state.publish_in_new_page(&mut blocks, true)?;
        page().word(Word::ForeignMalloc).store(u64::from(is_foreign), Relaxed);
        state.complete_page();
        Some(())
    };
    published().is_some()
}

/// The program ends: looks at its pages for the last time.
pub fn publish_the_end() {
    raw::keeping_errno(|| {
        // Between vfork and exec a child runs in its parent's memory.
        if page().word(Word::Pid).load(Relaxed) == raw::process_id() {
            let mut state = STATE.lock();
            state.begin_change();
            state.look_at_bounds();
            state.end_change();
            page().word(Word::Ended).store(raw::monotonic_ns(), Release);
        }
    });
}

impl MappingsState {
    /// Before a change of the book: the peaks restart if the reader asked for it.
    pub(super) fn begin_change(&mut self) {
        page().word(Word::Sequence).fetch_add(1, AcqRel);
        let asked = asked_epoch();
        if self.published.epoch.is_some() && self.published.mappings_epoch != asked {
            page().follow_epoch();
            // What is resident by now was so at the mark, or has come since: nothing went.
            let is_marked = page().word(Word::MarkedEpoch).load(Relaxed) == asked;
            let resident = if is_marked { page().word(Word::MarkedResident).load(Relaxed) } else { 0 };
            self.begin_epoch(asked, resident);
        }
    }

    fn begin_epoch(&mut self, epoch: u64, resident: u64) {
        self.published.mappings_epoch = epoch;
        self.peak_mapped = self.book.mapped();
        self.bounds = PeakBounds { resident, ..PeakBounds::NONE };
        (self.measuring, self.bounded, self.changed) = (true, true, 0);
        self.look_at_bounds();
    }

    /// After it: tells the reader.
    pub(super) fn end_change(&self) {
        let page = page();
        let Mapped { anon, file } = self.book.mapped();
        let (peak, totals, bounds) = (self.peak_mapped, self.totals, self.bounds);
        for (word, number) in [
            (Word::Lost, page.word(Word::Lost).load(Relaxed) | u64::from(self.lost)),
            (Word::MappingsEpoch, self.published.mappings_epoch),
            (Word::AnonMapped, anon),
            (Word::FileMapped, file),
            (Word::AnonMappedPeak, peak.anon),
            (Word::FileMappedPeak, peak.file),
            (Word::AnonTotal, totals.anon_bytes),
            (Word::FileTotal, totals.file_bytes),
            (Word::Maps, totals.maps),
            (Word::Unmaps, totals.unmaps),
            (Word::Remaps, totals.remaps),
            (Word::Bounded, u64::from(self.bounded)),
            (Word::Least, bounds.least),
            (Word::Most, bounds.most),
            (Word::Resident, bounds.resident),
            (Word::GivenBack, bounds.given_back),
            (Word::Regions, self.book.len() as u64),
        ] {
            page.word(word).store(number, Relaxed);
        }
        page.word(Word::Sequence).fetch_add(1, AcqRel);
    }

    /// The process is about to fork.
    pub(super) fn note_what_a_child_inherits(&mut self) {
        let page = page();
        let inherited =
            page.signed(Word::LiveBytes).load(Relaxed) + page.word(Word::InheritedBytes).load(Relaxed) as i64;
        self.published.inherited = (inherited, self.book.mapped());
    }

    /// The process has forked: that a page is another process's as well says nothing any more.
    pub(super) fn has_forked(&mut self) {
        if self.published.epoch.is_some() {
            self.pagemap.count_shared_by_fork();
            page().word(Word::HasForked).store(1, Relaxed);
        }
    }

    /// In a forked child: a page of its own, which begins at zero.
    pub(super) fn publish_of_child(&mut self, blocks: &mut LargeBlocks) {
        if self.published.epoch.is_none() {
            return;
        }
        let parent = page();
        let forked_from = parent.word(Word::Pid).load(Relaxed);
        let is_foreign = parent.word(Word::ForeignMalloc).load(Relaxed);
        self.totals = MappingTotals::ZERO;
        self.pagemap.leave_shared_by_fork();
        if self.publish_in_new_page(blocks, false).is_none() {
            // It must not count in its parent's page.
            counter_page::keep_in_own();
            self.published.epoch = None;
            native_heap::stop_counting_native();
            return;
        }
        let (live, mapped) = self.published.inherited;
        let page = page();
        for (word, number) in [
            (Word::ForkedFrom, forked_from),
            (Word::ForeignMalloc, is_foreign),
            (Word::InheritedBytes, u64::try_from(live).unwrap_or(0)),
            (Word::InheritedAnon, mapped.anon),
            (Word::InheritedFile, mapped.file),
        ] {
            page.word(word).store(number, Relaxed);
        }
        self.complete_page();
    }

    /// Makes a page for this process, and counts in it; `goes_on` from where the current one stands. `None`
    /// where there is no room.
    fn publish_in_new_page(&mut self, blocks: &mut LargeBlocks, goes_on: bool) -> Option<()> {
        let name = self.published.folder.with(b"/")?.with_number(raw::process_id())?.with(b".")?;
        let descriptor = (0..MOST_IMAGES).find_map(|image| {
            let path = name.with_number(u64::from(image))?;
            let descriptor = raw::create(path.as_c()?, FILE_BYTES);
            (descriptor >= 0).then_some(descriptor)
        })?;
        let writable = libc::PROT_READ | libc::PROT_WRITE;
        let new = raw::map_shared(descriptor, 0, WORDS_BYTES, writable);
        let regions = raw::map_shared(descriptor, REGIONS_AT, TABLE_BYTES as usize, writable);
        let large = raw::map_shared(descriptor, BLOCKS_AT, TABLE_BYTES as usize, writable);
        raw::close(descriptor);
        let (new, regions, large) = (new?, regions?, large?);
        if !raw::make_room(new, WORDS_BYTES) {
            return None;
        }
        let epoch = self.published.epoch?;
        // SAFETY: the mappings are this process's and stay; nobody else counts: the program has not begun, or
        // this is the one thread of a forked child.
        unsafe {
            let mirrored = self.book.mirror_in(regions.cast::<Region>(), TABLE_BYTES as usize);
            self.lost |= mirrored.is_err();
            let mirrored = blocks.book.mirror_in(large.cast::<Region>(), TABLE_BYTES as usize);
            blocks.lost |= mirrored.is_err();
            counter_page::keep_in(new.cast::<CounterPage>().as_ptr(), epoch.as_ptr(), goes_on);
        }
        Some(())
    }

    /// Fills in what is known, and lets the reader see the page.
    fn complete_page(&mut self) {
        self.prepared = true;
        let (page, asked) = (page(), asked_epoch());
        page.word(Word::Version).store(VERSION, Relaxed);
        page.word(Word::Pid).store(raw::process_id(), Relaxed);
        page.word(Word::Began).store(raw::monotonic_ns(), Relaxed);
        page.word(Word::HeapEpoch).store(asked, Relaxed);
        page.word(Word::Sequence).fetch_add(1, AcqRel);
        self.begin_epoch(asked, 0);
        self.end_change();
        // What is live by now counts in the epoch in which the process began.
        page.word(Word::Magic).store(MAGIC, Release);
    }
}
