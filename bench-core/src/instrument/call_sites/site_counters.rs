//! What one thread counted of one path.
//!
//! The peak is kept by epochs. An epoch ends where live bytes begin to fall from the highest so far. Whoever
//! changes a count for the first time after that, finds in it what was live at the peak, and notes it. So a
//! peak costs nothing for the paths that do not change.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64};

/// Counts of one path, of the blocks that one thread allocated and freed. Only the owner writes. Live counts
/// are below zero where it freed blocks of other threads. All zeros is a valid one.
#[repr(align(64))]
pub(super) struct SiteCounters {
    /// The epoch of the last change.
    epoch: AtomicU64,
    live_bytes: AtomicI64,
    total_bytes: AtomicU64,
    total_blocks: AtomicU64,
    /// At the end of the epoch before `epoch`.
    peak_bytes: AtomicI64,
    max_bytes: AtomicI64,
    // Modulo 2^32, as their sums over all threads are.
    live_blocks: AtomicU32,
    peak_blocks: AtomicU32,
    max_blocks: AtomicU32,
}

/// Counts of one path over all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SiteTotals {
    /// Bytes ever requested; of a realloc the whole new size.
    pub total_bytes: u64,
    /// Blocks ever requested; a realloc is one.
    pub total_blocks: u64,
    /// Live bytes at the peak of all live bytes.
    pub peak_bytes: u64,
    /// Live blocks at that peak.
    pub peak_blocks: u64,
    /// Live bytes at the end.
    pub end_bytes: u64,
    /// Live blocks at the end.
    pub end_blocks: u64,
    /// Most bytes of this path that were live at once. Where several threads allocated by it, the sum of
    /// their maxima: no less than the true one.
    pub max_bytes: u64,
    /// Live blocks at that maximum.
    pub max_blocks: u64,
}

impl SiteTotals {
    /// The counts of two paths that are taken for one.
    pub fn plus(self, other: SiteTotals) -> SiteTotals {
        SiteTotals {
            total_bytes: self.total_bytes + other.total_bytes,
            total_blocks: self.total_blocks + other.total_blocks,
            peak_bytes: self.peak_bytes + other.peak_bytes,
            peak_blocks: self.peak_blocks + other.peak_blocks,
            end_bytes: self.end_bytes + other.end_bytes,
            end_blocks: self.end_blocks + other.end_blocks,
            max_bytes: self.max_bytes + other.max_bytes,
            max_blocks: self.max_blocks + other.max_blocks,
        }
    }
}

impl SiteCounters {
    /// Notes what was live when the last epoch ended, if this is the first change since.
    #[inline(always)]
    pub fn enter(&self, epoch: u64) {
        if self.epoch.load(Relaxed) != epoch {
            self.peak_bytes.store(self.live_bytes.load(Relaxed), Relaxed);
            self.peak_blocks.store(self.live_blocks.load(Relaxed), Relaxed);
            self.epoch.store(epoch, Relaxed);
        }
    }

    /// A block of `requested` bytes, by which live bytes rise by `grown`, and live blocks by `blocks`.
    #[inline(always)]
    pub fn count_in(&self, requested: usize, grown: usize, blocks: u32) {
        let live_bytes = self.live_bytes.load(Relaxed).wrapping_add(grown as i64);
        let live_blocks = self.live_blocks.load(Relaxed).wrapping_add(blocks);
        self.live_bytes.store(live_bytes, Relaxed);
        self.live_blocks.store(live_blocks, Relaxed);
        if live_bytes >= self.max_bytes.load(Relaxed) {
            self.max_bytes.store(live_bytes, Relaxed);
            self.max_blocks.store(live_blocks, Relaxed);
        }
        self.count_request(requested);
    }

    /// Live bytes fall, and live blocks by `blocks`.
    #[inline(always)]
    pub fn count_out(&self, bytes: usize, blocks: u32) {
        self.live_bytes.store(self.live_bytes.load(Relaxed).wrapping_sub(bytes as i64), Relaxed);
        self.live_blocks.store(self.live_blocks.load(Relaxed).wrapping_sub(blocks), Relaxed);
    }

    /// A block was asked for.
    #[inline(always)]
    pub fn count_request(&self, requested: usize) {
        self.total_bytes.store(self.total_bytes.load(Relaxed).wrapping_add(requested as u64), Relaxed);
        self.total_blocks.store(self.total_blocks.load(Relaxed) + 1, Relaxed);
    }
}

/// The sums of one path over all threads, while they are being added up.
#[derive(Default)]
pub(super) struct SiteSums {
    totals: SiteTotals,
    peak_bytes: i64,
    end_bytes: i64,
    peak_blocks: u32,
    end_blocks: u32,
    max_blocks: u32,
}

impl SiteSums {
    /// Adds what one thread counted; `epoch` is the last one.
    pub fn add(&mut self, counters: &SiteCounters, epoch: u64) {
        let (live_bytes, live_blocks) =
            (counters.live_bytes.load(Relaxed), counters.live_blocks.load(Relaxed));
        let (peak_bytes, peak_blocks) = if counters.epoch.load(Relaxed) == epoch {
            (counters.peak_bytes.load(Relaxed), counters.peak_blocks.load(Relaxed))
        } else {
            (live_bytes, live_blocks)
        };
        self.totals.total_bytes += counters.total_bytes.load(Relaxed);
        self.totals.total_blocks += counters.total_blocks.load(Relaxed);
        self.totals.max_bytes += unsigned(counters.max_bytes.load(Relaxed));
        self.peak_bytes += peak_bytes;
        self.end_bytes += live_bytes;
        self.peak_blocks = self.peak_blocks.wrapping_add(peak_blocks);
        self.end_blocks = self.end_blocks.wrapping_add(live_blocks);
        self.max_blocks = self.max_blocks.wrapping_add(counters.max_blocks.load(Relaxed));
    }

    /// The sums; nothing where no block was asked for.
    pub fn totals(self) -> Option<SiteTotals> {
        (self.totals.total_blocks > 0).then(|| SiteTotals {
            peak_bytes: unsigned(self.peak_bytes),
            end_bytes: unsigned(self.end_bytes),
            peak_blocks: blocks(self.peak_blocks),
            end_blocks: blocks(self.end_blocks),
            max_blocks: blocks(self.max_blocks),
            ..self.totals
        })
    }
}

/// What is read while other threads free can pass below zero for a moment.
fn unsigned(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

fn blocks(wrapped: u32) -> u64 {
    unsigned(i64::from(wrapped as i32))
}
