//! The numbers that are kept of the C heap and of mappings, as a page of words: this process's own, or one
//! that another process reads.
//!
//! Nothing here allocates, panics or takes a lock.

// The room for `unsafe`: the page may lie in memory that the kernel maps.
#![allow(unsafe_code)]

use std::sync::atomic::{
    AtomicI64, AtomicPtr, AtomicU64,
    Ordering::{Acquire, Relaxed, SeqCst},
};

use crate::preload::{WORDS, Word};

/// The words, as `bench_core::preload` lays them out.
#[repr(C)]
pub(super) struct CounterPage([AtomicU64; WORDS]);

/// From the start on, as the dynamic linker allocates before anybody could map a page.
static OWN: CounterPage = CounterPage::new();
static PAGE: AtomicPtr<CounterPage> = AtomicPtr::new((&raw const OWN).cast_mut());

static NO_EPOCH: AtomicU64 = AtomicU64::new(0);
/// The epoch that the reader asks for; without a reader it never changes.
static EPOCH: AtomicPtr<AtomicU64> = AtomicPtr::new((&raw const NO_EPOCH).cast_mut());

/// The page that counts.
#[inline]
pub(super) fn page() -> &'static CounterPage {
    // SAFETY: the pointer is that of the static, or of a page that stays mapped for good.
    unsafe { &*PAGE.load(Acquire) }
}

/// The epoch that the reader asks for.
#[inline]
pub(super) fn asked_epoch() -> u64 {
    // SAFETY: as for the page.
    unsafe { (*EPOCH.load(Acquire)).load(Acquire) }
}

/// From now on the numbers are kept in this page of zeros; `goes_on` from where the current one stands.
///
/// # Safety
/// Both stay mapped and writable, the epoch readable, as long as the process lives; nobody else of this
/// process counts meanwhile.
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub(super) unsafe fn keep_in(new: *mut CounterPage, epoch: *mut AtomicU64, goes_on: bool) {
    // SAFETY: the caller's promise.
    let new_page = unsafe { &*new };
    for (new, old) in new_page.0.iter().zip(&page().0) {
        new.store(if goes_on { old.load(Relaxed) } else { 0 }, Relaxed);
    }
    EPOCH.store(epoch, std::sync::atomic::Ordering::Release);
    PAGE.store(new, std::sync::atomic::Ordering::Release);
}

/// From now on the numbers are kept in this process's own page, and nobody reads them.
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub(super) fn keep_in_own() {
    PAGE.store((&raw const OWN).cast_mut(), std::sync::atomic::Ordering::Release);
}

impl CounterPage {
    const fn new() -> CounterPage {
        CounterPage([const { AtomicU64::new(0) }; WORDS])
    }

    /// A word.
    #[inline(always)]
    pub(super) fn word(&self, word: Word) -> &AtomicU64 {
        &self.0[word as usize]
    }

    /// A word that is signed.
    #[inline(always)]
    pub(super) fn signed(&self, word: Word) -> &AtomicI64 {
        let word = std::ptr::from_ref(self.word(word)).cast();
        // SAFETY: both atomics have the same size and alignment, and any bits are numbers of both.
        unsafe { &*word }
    }

    /// Adds, without a look at the order.
    #[inline(always)]
    pub(super) fn add(&self, word: Word, by: u64) {
        self.word(word).fetch_add(by, Relaxed);
    }

    /// Adds to live bytes, and raises their peak where they pass it; what is live now.
    ///
    /// In one order with [`CounterPage::restart_peak`]: a rise is in the restarted peak, or raises it.
    #[inline(always)]
    pub(super) fn change(&self, live: Word, peak: Word, by: i64) -> i64 {
        let now = self.signed(live).fetch_add(by, SeqCst).wrapping_add(by);
        let peak = self.signed(peak);
        if now > peak.load(SeqCst) {
            peak.fetch_max(now, SeqCst);
        }
        now
    }

    /// The peak restarts at what is live now.
    pub(super) fn restart_peak(&self, live: Word, peak: Word) {
        let peak = self.signed(peak);
        peak.store(i64::MIN, SeqCst);
        peak.fetch_max(self.signed(live).load(SeqCst), SeqCst);
    }

    /// What is live now, and what was highest since the last time that this was asked.
    pub(super) fn take_peak(&self, live: Word, peak: Word) -> (i64, i64) {
        let now = self.signed(live).load(Relaxed);
        let highest = self.signed(peak).swap(now, Relaxed).max(now);
        (now, highest)
    }

    /// Restarts the heaps' peaks if the reader asked for it since: to be called before every operation.
    #[inline(always)]
    pub(super) fn follow_epoch(&self) {
        let (asked, epoch) = (asked_epoch(), self.word(Word::HeapEpoch));
        if epoch.load(Relaxed) != asked {
            self.begin_epoch(asked);
        }
    }

    #[cold]
    fn begin_epoch(&self, asked: u64) {
        let epoch = self.word(Word::HeapEpoch);
        let before = epoch.load(Relaxed);
        // One thread restarts them.
        if before != asked && epoch.compare_exchange(before, asked, SeqCst, Relaxed).is_ok() {
            self.restart_peak(Word::LiveBytes, Word::PeakBytes);
            self.restart_peak(Word::Heaps, Word::HeapsPeak);
            self.restart_peak(Word::Sum, Word::SumPeak);
            self.restart_low();
        }
    }

    /// Lowers the lowest live bytes where these are lower.
    #[inline(always)]
    pub(super) fn note_low(&self, live: i64) {
        let low = self.signed(Word::LowBytes);
        if live < low.load(SeqCst) {
            low.fetch_min(live, SeqCst);
        }
    }

    /// The lowest live bytes restart at those of now.
    pub(super) fn restart_low(&self) {
        let low = self.signed(Word::LowBytes);
        low.store(i64::MAX, SeqCst);
        low.fetch_min(self.signed(Word::LiveBytes).load(SeqCst), SeqCst);
    }
}
