//! What all threads of a profile share: read at every operation, written rarely.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

#[repr(align(64))]
pub(super) struct SharedState {
    /// The number of the running profile in the upper half, or 0 while none runs. The lower half changes with
    /// every thread that comes or goes.
    pub now: AtomicU64,
    pub epoch: AtomicU64,
    /// The highest live bytes at which an epoch has ended.
    pub peak: AtomicI64,
    /// The processor's clock when the last epoch ended.
    pub peak_clock: AtomicU64,
}

pub(super) static SHARED: SharedState = SharedState {
    now: AtomicU64::new(0),
    epoch: AtomicU64::new(0),
    peak: AtomicI64::new(0),
    peak_clock: AtomicU64::new(0),
};

/// A thread came or went: all look around at their next operation.
pub(super) fn note_that_threads_changed() {
    // Not while no profile runs: 0 says so.
    let changed = |now: u64| (now != 0).then(|| now & !0xFFFF_FFFF | u64::from((now as u32).wrapping_add(1)));
    let _ = SHARED.now.fetch_update(Relaxed, Relaxed, changed);
}
