//! Counts blocks by call path, from the start of a profile to its end.
//!
//! Every thread counts for itself. What all share is read by all and written rarely: whether a profile runs,
//! the epoch, and the peak. A thread that is alone knows the live bytes of the process exactly, and so its
//! peak. With several, each looks at the others' net bytes when its own have changed by `T`
//! ([`set_publish_threshold`]), so the peak that is kept lies at most `(threads + 2) * T` below the true one.
//! What is kept of it was live at one time all the same.
//!
//! [`set_publish_threshold`]: crate::instrument::set_publish_threshold

use std::sync::atomic::{AtomicU64, Ordering::*, compiler_fence};

use super::paths;
use super::shared_state::{SHARED, note_that_threads_changed};
use super::site_counters::{SiteSums, SiteTotals};
use super::stack_walk::Registers;
use super::thread_table::{self, Own, ThreadTable};
use crate::instrument::thread_counters::PUBLISH_THRESHOLD;

/// The number of the last profile.
static LAST_PROFILE: AtomicU64 = AtomicU64::new(0);

/// Allocations, reallocations and frees that could not be counted.
static LOST: AtomicU64 = AtomicU64::new(0);

/// So often must others have changed between two looks before a thread takes them to run beside it. Threads
/// that take turns have an exact peak.
const BESIDE: u32 = 64;

/// What is kept with each block: the profile that counted it, and its path. 0 is a block that none counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockTag(pub u64);

impl BlockTag {
    const NONE: BlockTag = BlockTag(0);

    fn new(profile: u32, path: u32) -> BlockTag {
        BlockTag(u64::from(profile) << 32 | u64::from(path))
    }

    fn path(self) -> u32 {
        self.0 as u32
    }
}

/// What a profile counted.
pub(super) struct Recorded {
    /// Each path's number, and its counts.
    pub sites: Vec<(u32, SiteTotals)>,
    /// Operations that are missing.
    pub lost: u64,
    /// The processor's clock at the peak.
    pub peak_clock: u64,
}

/// Begins a profile: what is live now is in none.
pub(super) fn start() {
    let profile = LAST_PROFILE.fetch_add(1, Relaxed) + 1;
    SHARED.peak.store(0, Relaxed);
    SHARED.peak_clock.store(clock(), Relaxed);
    LOST.store(0, Relaxed);
    SHARED.now.store(profile << 32, SeqCst);
}

/// Whether a profile runs.
pub(super) fn is_running() -> bool {
    SHARED.now.load(Relaxed) != 0
}

/// Ends the profile. Exact while no other thread allocates.
pub(super) fn stop() -> Recorded {
    let profile = (SHARED.now.swap(0, SeqCst) >> 32) as u32;
    let tables = || thread_table::all().filter(move |table| table.profile.load(Relaxed) == profile);
    let live: i64 = tables().map(|table| table.net.load(Relaxed)).sum();
    let mut epoch = SHARED.epoch.load(Relaxed);
    let mut peak_clock = SHARED.peak_clock.load(Relaxed);
    if live >= SHARED.peak.load(Relaxed) {
        epoch += 1;
        SHARED.epoch.store(epoch, Relaxed);
        peak_clock = clock();
    }
    let sites = (1..=paths::count()).filter_map(|path| {
        let mut sums = SiteSums::default();
        tables().filter_map(|table| table.counted(path)).for_each(|counters| sums.add(counters, epoch));
        Some((path, sums.totals()?))
    });
    Recorded { sites: sites.collect(), lost: LOST.load(Relaxed), peak_clock }
}

/// The processor's clock, in ticks of its own.
pub(super) fn clock() -> u64 {
    // SAFETY: every x86-64 has it.
    #[allow(unsafe_code, unused_unsafe)]
    unsafe {
        std::arch::x86_64::_rdtsc()
    }
}

/// A block of `size` bytes was handed out to whoever called the function that this is inlined into.
#[inline(always)]
pub(super) fn allocated(size: usize) -> BlockTag {
    let now = SHARED.now.load(Relaxed);
    if now == 0 {
        return BlockTag::NONE;
    }
    let registers = Registers::here();
    within(now, |table| {
        let path = table.path_to(registers)?;
        let counters = table.counters(path)?;
        counters.enter(SHARED.epoch.load(Relaxed));
        counters.count_in(size, size, 1);
        table.rise(size);
        Some(BlockTag::new((now >> 32) as u32, path))
    })
    .unwrap_or(BlockTag::NONE)
}

/// A block is given back; called before it is.
#[inline(always)]
pub(super) fn freed(tag: BlockTag, size: usize) {
    let now = SHARED.now.load(Relaxed);
    if !is_of(tag, now) {
        return;
    }
    within(now, |table| {
        table.before_fall(size);
        let counters = table.counters(tag.path())?;
        counters.enter(SHARED.epoch.load(Relaxed));
        counters.count_out(size, 1);
        table.fall(size);
        Some(())
    });
}

/// A block got another size; the tag it has from now on. As dhat does, its path stays, and the whole new size
/// counts as requested. A block that this profile does not know counts as a new one.
#[inline(always)]
pub(super) fn reallocated(tag: BlockTag, old_size: usize, new_size: usize) -> BlockTag {
    let now = SHARED.now.load(Relaxed);
    if !is_of(tag, now) {
        return allocated(new_size);
    }
    within(now, |table| {
        let shrunk = old_size.saturating_sub(new_size);
        if shrunk > 0 {
            table.before_fall(shrunk);
        }
        let counters = table.counters(tag.path())?;
        counters.enter(SHARED.epoch.load(Relaxed));
        if shrunk > 0 {
            counters.count_out(shrunk, 0);
            counters.count_request(new_size);
            table.fall(shrunk);
        } else {
            counters.count_in(new_size, new_size - old_size, 0);
            table.rise(new_size - old_size);
        }
        Some(())
    });
    tag
}

#[inline(always)]
fn is_of(tag: BlockTag, now: u64) -> bool {
    now != 0 && tag.0 >> 32 == now >> 32
}

/// Runs `count` with this thread's table. What it cannot do, or what comes while the thread is counting
/// already, is lost.
#[inline(always)]
fn within<T>(now: u64, count: impl FnOnce(&'static ThreadTable) -> Option<T>) -> Option<T> {
    let table = match thread_table::own() {
        Own::Table(table) if !table.is_busy.get() => table,
        Own::Coming => return None,
        Own::Table(_) | Own::None => {
            LOST.fetch_add(1, Relaxed);
            return None;
        }
    };
    table.is_busy.set(true);
    // A signal's handler on this thread sees the one before what follows.
    compiler_fence(SeqCst);
    if table.seen.get() != now {
        table.look_around_anew(now);
    }
    let counted = count(table);
    compiler_fence(SeqCst);
    table.is_busy.set(false);
    if counted.is_none() {
        LOST.fetch_add(1, Relaxed);
    }
    counted
}

impl ThreadTable {
    /// Live bytes have risen.
    #[inline(always)]
    fn rise(&self, bytes: usize) {
        let net = self.net.load(Relaxed) + bytes as i64;
        self.net.store(net, Relaxed);
        if net >= self.peak_at.get() {
            self.peak_at.set(net);
        }
        if net > self.look_above.get() {
            self.look_around(net);
        }
    }

    /// Live bytes are about to fall. If they are at their highest, this is the peak.
    #[inline(always)]
    fn before_fall(&self, bytes: usize) {
        let net = self.net.load(Relaxed);
        if net >= self.peak_at.get() || net - (bytes as i64) < self.look_below.get() {
            self.end_epoch(net, net - bytes as i64);
        }
    }

    #[inline(always)]
    fn fall(&self, bytes: usize) {
        self.net.store(self.net.load(Relaxed) - bytes as i64, Relaxed);
    }

    /// Ends the epoch if live bytes are at their highest. `soon` is what net bytes are about to be.
    #[inline(never)]
    fn end_epoch(&self, net: i64, soon: i64) {
        if self.look_above.get() != i64::MAX {
            self.look_around(net);
        }
        let live = net + self.others.get();
        if net >= self.peak_at.get() {
            SHARED.peak.fetch_max(live, Relaxed);
            SHARED.peak_clock.store(clock(), Relaxed);
            SHARED.epoch.fetch_add(1, Relaxed);
            self.peak_at.set(net + self.slack());
        }
        if self.look_above.get() != i64::MAX {
            let threshold = PUBLISH_THRESHOLD.load(Relaxed);
            self.look_above.set(soon + threshold);
            self.look_below.set(soon - threshold);
        }
    }

    /// A profile has begun, or a thread came or went.
    #[cold]
    #[inline(never)]
    fn look_around_anew(&self, now: u64) {
        let profile = (now >> 32) as u32;
        if self.profile.load(Relaxed) != profile {
            self.clear();
            self.changes.set(0);
            self.profile.store(profile, Relaxed);
            note_that_threads_changed();
        }
        self.seen.set(SHARED.now.load(Relaxed));
        self.look_around(self.net.load(Relaxed));
    }

    /// Sees what the others hold, and so how far this thread is from the peak.
    #[inline(never)]
    fn look_around(&self, net: i64) {
        let profile = self.profile.load(Relaxed);
        let (mut others, mut is_alone) = (0, true);
        for table in thread_table::all().filter(|table| !std::ptr::eq(*table, self)) {
            if table.profile.load(Relaxed) == profile {
                others += table.net.load(Relaxed);
                is_alone &= !table.counts_in(profile);
            }
        }
        let changes = self.changes.get();
        let changed = others != self.others.replace(others);
        self.changes.set(if changed { changes.saturating_add(1) } else { changes.saturating_sub(1) });
        let threshold = PUBLISH_THRESHOLD.load(Relaxed);
        self.look_above.set(if is_alone { i64::MAX } else { net + threshold });
        self.look_below.set(if is_alone { i64::MIN } else { net - threshold });
        self.peak_at.set((SHARED.peak.load(Relaxed) + self.slack() - others).max(net));
    }

    /// How much higher than the last peak the next one must be: where threads run beside each other they
    /// would end an epoch at every other free.
    fn slack(&self) -> i64 {
        if self.changes.get() < BESIDE { 0 } else { PUBLISH_THRESHOLD.load(Relaxed) }
    }
}
