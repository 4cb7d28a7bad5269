//! The sum of what is counted, as of one instant: Rust's heap, the C heap and anonymous mappings.
//!
//! Only in mode `native`, where Rust's heap publishes every operation (a threshold of 0), so that the peak of
//! the sum is that of the sum and not the sum of peaks. Every change is one atomic addition, which orders it
//! among all others.

// Elsewhere nothing keeps the sum.
#![cfg_attr(not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")), allow(dead_code))]

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

static COUNTS: AtomicBool = AtomicBool::new(false);
/// Live bytes of both heaps.
static HEAPS: AtomicI64 = AtomicI64::new(0);
/// Their highest since somebody asked.
static HEAPS_PEAK: AtomicI64 = AtomicI64::new(0);
/// Heaps and anonymous mappings together.
static SUM: AtomicI64 = AtomicI64::new(0);
static SUM_PEAK: AtomicI64 = AtomicI64::new(0);

/// From now on the sum is kept; until then it costs a glance.
pub(super) fn keep() {
    COUNTS.store(true, Relaxed);
}

/// A heap grew or shrank.
#[inline]
pub(super) fn change_heaps(by: i64) {
    if COUNTS.load(Relaxed) {
        add(&HEAPS, by, &HEAPS_PEAK);
        add(&SUM, by, &SUM_PEAK);
    }
}

/// What is mapped without a file grew or shrank.
pub(super) fn change_anon_mapped(by: i64) {
    if COUNTS.load(Relaxed) {
        add(&SUM, by, &SUM_PEAK);
    }
}

fn add(live: &AtomicI64, by: i64, peak: &AtomicI64) {
    let now = live.fetch_add(by, Relaxed).wrapping_add(by);
    if now > peak.load(Relaxed) {
        peak.fetch_max(now, Relaxed);
    }
}

/// A phase begins with so many bytes on both heaps, and so many mapped; the peaks restart.
pub(super) fn begin_phase(heaps: u64, anon_mapped: u64) {
    let (heaps, sum) = (heaps as i64, heaps.saturating_add(anon_mapped) as i64);
    for (counter, bytes) in [(&HEAPS, heaps), (&HEAPS_PEAK, heaps), (&SUM, sum), (&SUM_PEAK, sum)] {
        counter.store(bytes, Relaxed);
    }
}

/// Live bytes of both heaps, and their highest since this was last asked.
pub(super) fn take_heaps() -> (u64, u64) {
    let live = HEAPS.load(Relaxed);
    let peak = HEAPS_PEAK.swap(live, Relaxed).max(live);
    (unsigned(live), unsigned(peak))
}

/// The highest sum since the phase began.
pub(super) fn peak() -> u64 {
    unsigned(SUM_PEAK.load(Relaxed))
}

fn unsigned(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}
