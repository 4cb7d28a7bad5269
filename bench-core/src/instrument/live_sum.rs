//! The sum of what is counted, as of one instant: Rust's heap, the C heap and anonymous mappings.
//!
//! Only in mode `native`, where Rust's heap publishes every operation (a threshold of 0), so that the peak of
//! the sum is that of the sum and not the sum of peaks. Every change is one atomic addition, which orders it
//! among all others.

// Elsewhere nothing keeps the sum.
#![cfg_attr(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")), allow(dead_code))]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::counter_page::page;
use crate::preload::Word;

static COUNTS: AtomicBool = AtomicBool::new(false);

/// From now on the sum is kept; until then it costs a glance.
pub(super) fn keep() {
    COUNTS.store(true, Relaxed);
}

/// A heap grew or shrank.
#[inline]
pub(super) fn change_heaps(by: i64) {
    if COUNTS.load(Relaxed) {
        page().change(Word::Heaps, Word::HeapsPeak, by);
        page().change(Word::Sum, Word::SumPeak, by);
    }
}

/// What is mapped without a file grew or shrank.
pub(super) fn change_anon_mapped(by: i64) {
    if COUNTS.load(Relaxed) {
        page().follow_epoch();
        page().change(Word::Sum, Word::SumPeak, by);
    }
}

/// A phase begins with so many bytes on both heaps, and so many mapped; the peaks restart.
pub(super) fn begin_phase(heaps: u64, anon_mapped: u64) {
    let (heaps, sum) = (heaps as i64, heaps.saturating_add(anon_mapped) as i64);
    let words = [(Word::Heaps, heaps), (Word::HeapsPeak, heaps), (Word::Sum, sum), (Word::SumPeak, sum)];
    for (word, bytes) in words {
        page().signed(word).store(bytes, Relaxed);
    }
}

/// Live bytes of both heaps, and their highest since this was last asked.
pub(super) fn take_heaps() -> (u64, u64) {
    let (live, peak) = page().take_peak(Word::Heaps, Word::HeapsPeak);
    (unsigned(live), unsigned(peak))
}

/// The highest sum since the phase began.
pub(super) fn peak() -> u64 {
    unsigned(page().signed(Word::SumPeak).load(Relaxed))
}

fn unsigned(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, because the sum is the process's own.
    #[test]
    fn the_sum_and_its_peaks_follow_every_change_from_when_they_are_kept() {
        change_heaps(5);
        change_anon_mapped(7);
        assert_eq!((take_heaps(), peak()), ((0, 0), 0), "nothing is kept unasked");
        keep();
        begin_phase(100, 1000);
        assert_eq!((take_heaps(), peak()), ((100, 100), 1100));
        change_heaps(50);
        change_heaps(-60);
        assert_eq!((take_heaps(), peak()), ((90, 150), 1150));
        assert_eq!(take_heaps(), (90, 90), "what was highest is told once");
        change_anon_mapped(400);
        change_anon_mapped(-500);
        assert_eq!((take_heaps(), peak()), ((90, 90), 1490), "mappings are no heap");
        change_heaps(-200);
        assert_eq!(take_heaps(), (0, 90), "what a phase frees of before is not below nothing");
    }
}
