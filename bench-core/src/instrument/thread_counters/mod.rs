//! Per-thread allocation counters without locked instructions, and the list through which they are read.
//!
//! Every thread owns one block of counters in thread-local storage and writes it with plain (relaxed) loads
//! and stores. Live bytes are kept in two parts: what a thread has *pending* in its own block (`net -
//! published`), and the process-wide [`LIVE`], to which a thread publishes when its pending bytes leave `[-T,
//! T]` ([`PUBLISH_THRESHOLD`]).
//!
//! ```text
//!              first allocation            mark()                 thread exit
//! UNREGISTERED ---------------> ACTIVE <============> MARKED      (pthread key destructor)
//!       |                          \    next operation  /   \____> RETIRED: counts go to the
//!       |                           \__________________/           process-wide blocks by atomics
//!       '--- ignore_current_thread() ---> IGNORED: nothing is counted, until count_current_thread_again(): RETIRED
//! ```
//!
//! `mark()` begins a phase. It takes over ("absorbs") every thread's pending bytes into [`LIVE`] without
//! touching what only the owner may write: it adds them to the block's `absorbed`, and the owner moves that
//! to `published` at its next operation. So a thread that is idle within a phase adds no error to the phase's
//! peak.
//!
//! The fast path of an operation is a few instructions without a call: it compares the net bytes with the
//! block's limits, nothing else. Everything rare (first use, a mark, a publication) is done by
//! [`count_slowly`]. Blocks that are not `ACTIVE` have closed limits, which no net value passes, so the fast
//! path need not look at the state.

mod exit;
mod list;

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering::*};

use super::live_sum;
use super::totals::{AllocatorOperation, Totals, TotalsSnapshot, add};
use list::{LockedList, THREADS};

/// `T`: a thread publishes its pending bytes when they leave `[-T, T]`. 0 makes every peak exact.
pub(super) static PUBLISH_THRESHOLD: AtomicI64 = AtomicI64::new(DEFAULT_PUBLISH_THRESHOLD);
pub(super) const DEFAULT_PUBLISH_THRESHOLD: i64 = 16 * 1024;

/// Published live bytes of the process.
static LIVE: AtomicI64 = AtomicI64::new(0);
/// Highest live bytes seen at a publication since the last mark.
static PEAK: AtomicI64 = AtomicI64::new(0);
/// Totals of the threads that are gone, and of allocations in thread-local destructors.
static RETIRED: Totals = Totals::new();
/// Threads that allocated since the last mark and are gone.
static RETIRED_SINCE_MARK: AtomicU64 = AtomicU64::new(0);

const UNREGISTERED: u8 = 0;
const ACTIVE: u8 = 1;
const MARKED: u8 = 2;
const RETIRED_STATE: u8 = 3;
const IGNORED: u8 = 4;

/// One thread's counters. The owner writes all but `absorbed`, `next` and the step `ACTIVE -> MARKED`.
pub(super) struct ThreadCounters {
    state: AtomicU8,
    totals: Totals,
    /// Highest net bytes (`in - out`, negative where blocks of other threads were freed) since the last
    /// publication or mark.
    net_high: AtomicI64,
    /// Net bytes at which the thread publishes: `published + T` and `published - T`.
    publish_above: AtomicI64,
    publish_below: AtomicI64,
    /// The part of the net bytes that [`LIVE`] holds.
    published: AtomicI64,
    /// What marks have added to [`LIVE`] on the owner's behalf, not yet in `published`.
    absorbed: AtomicI64,
    /// The next block in [`THREADS`]; guarded by its lock.
    pub next: UnsafeCell<*const ThreadCounters>,
}

thread_local! {
    // Const-initialised and without Drop: the access never allocates and never fails, not even in the
    // destructors of other thread-local values.
    static COUNTERS: ThreadCounters = const { ThreadCounters::new() };
}

/// Counts an allocation on the fast path; `false` if [`count_slowly`] has to.
#[inline(always)]
#[must_use]
pub(super) fn count_alloc(bytes: usize) -> bool {
    COUNTERS.with(|counters| counters.count_in(bytes, &counters.totals.allocated_blocks))
}

/// Counts a deallocation on the fast path; `false` if [`count_slowly`] has to.
#[inline(always)]
#[must_use]
pub(super) fn count_free(bytes: usize) -> bool {
    COUNTERS.with(|counters| counters.count_out(bytes, &counters.totals.freed_blocks))
}

/// Counts a reallocation on the fast path; `false` if [`count_slowly`] has to.
#[inline(always)]
#[must_use]
pub(super) fn count_realloc(old_bytes: usize, new_bytes: usize) -> bool {
    COUNTERS.with(|counters| {
        let totals = &counters.totals;
        let grown = new_bytes.saturating_sub(old_bytes);
        let counted = if new_bytes >= old_bytes {
            counters.count_in(grown, &totals.reallocated_blocks)
        } else {
            counters.count_out(old_bytes - new_bytes, &totals.reallocated_blocks)
        };
        if counted {
            add(&totals.reallocated_bytes, new_bytes as u64);
            add(&totals.grown_bytes, grown as u64);
        }
        counted
    })
}

/// Counts what the fast path could not: wakes the thread's block, publishes, or counts without one.
#[cold]
#[inline(never)]
pub(super) fn count_slowly(operation: AllocatorOperation) {
    COUNTERS.with(|counters| {
        if counters.wake() {
            counters.totals.count(operation, add);
            let net = counters.net();
            if net > counters.net_high.load(Relaxed) {
                counters.net_high.store(net, Relaxed);
            }
            if net > counters.publish_above.load(Relaxed) || net < counters.publish_below.load(Relaxed) {
                counters.publish();
            }
        } else if counters.state.load(Relaxed) != IGNORED {
            let change = RETIRED.count(operation, |counter, by| {
                counter.fetch_add(by, Relaxed);
            });
            let live = LIVE.fetch_add(change, Relaxed) + change;
            live_sum::change_heaps(change);
            PEAK.fetch_max(live, Relaxed);
        }
    });
}

impl ThreadCounters {
    const fn new() -> ThreadCounters {
        ThreadCounters {
            state: AtomicU8::new(UNREGISTERED),
            totals: Totals::new(),
            net_high: AtomicI64::new(i64::MIN),
            publish_above: AtomicI64::new(i64::MIN),
            publish_below: AtomicI64::new(i64::MAX),
            published: AtomicI64::new(0),
            absorbed: AtomicI64::new(0),
            next: UnsafeCell::new(ptr::null()),
        }
    }

    fn is_active(&self) -> bool {
        self.state.load(Relaxed) == ACTIVE
    }

    #[inline(always)]
    fn count_in(&self, bytes: usize, blocks: &AtomicU64) -> bool {
        let in_bytes = self.totals.in_bytes.load(Relaxed).wrapping_add(bytes as u64);
        let net = in_bytes.wrapping_sub(self.totals.out_bytes.load(Relaxed)) as i64;
        if net > self.net_high.load(Relaxed) {
            if net > self.publish_above.load(Relaxed) {
                return false;
            }
            self.net_high.store(net, Relaxed);
        }
        self.totals.in_bytes.store(in_bytes, Relaxed);
        add(blocks, 1);
        true
    }

    #[inline(always)]
    fn count_out(&self, bytes: usize, blocks: &AtomicU64) -> bool {
        let out_bytes = self.totals.out_bytes.load(Relaxed).wrapping_add(bytes as u64);
        let net = self.totals.in_bytes.load(Relaxed).wrapping_sub(out_bytes) as i64;
        if net < self.publish_below.load(Relaxed) {
            return false;
        }
        self.totals.out_bytes.store(out_bytes, Relaxed);
        add(blocks, 1);
        true
    }

    /// Bytes that came in minus bytes that went out.
    fn net(&self) -> i64 {
        self.totals.in_bytes.load(Relaxed).wrapping_sub(self.totals.out_bytes.load(Relaxed)) as i64
    }

    /// Publishes the pending bytes; only the owner calls it, or the list's keeper for a thread that is gone.
    fn publish(&self) {
        let (net, published) = (self.net(), self.published.load(Relaxed));
        let before = LIVE.fetch_add(net - published, Relaxed);
        live_sum::change_heaps(net - published);
        let high = before + self.net_high.load(Relaxed) - published;
        if high > PEAK.load(Relaxed) {
            PEAK.fetch_max(high, Relaxed);
        }
        self.restart(net);
    }

    /// Closes the limits, so that the next operation takes the slow path.
    fn close(&self, state: u8) {
        self.net_high.store(i64::MIN, Relaxed);
        self.publish_above.store(i64::MIN, Relaxed);
        self.publish_below.store(i64::MAX, Relaxed);
        self.state.store(state, Release);
    }

    /// Begins anew with `published` bytes in [`LIVE`], and the threshold of now.
    fn restart(&self, published: i64) {
        let threshold = PUBLISH_THRESHOLD.load(Relaxed);
        self.published.store(published, Relaxed);
        self.net_high.store(self.net(), Relaxed);
        self.publish_above.store(published + threshold, Relaxed);
        self.publish_below.store(published - threshold, Relaxed);
    }

    /// Makes the block `ACTIVE` if it can be; `false` for a retired or ignored thread.
    fn wake(&self) -> bool {
        match self.state.load(Acquire) {
            ACTIVE => true,
            UNREGISTERED => register(self),
            MARKED => {
                self.state.store(ACTIVE, Relaxed);
                // Swapping, so that a mark running at this moment loses nothing.
                self.restart(self.published.load(Relaxed) + self.absorbed.swap(0, AcqRel));
                true
            }
            _ => false,
        }
    }

    /// Live bytes in this block that [`LIVE`] does not hold.
    fn unpublished(&self) -> i64 {
        self.net() - self.published.load(Relaxed) - self.absorbed.load(Acquire)
    }

    /// Highest live bytes since the mark, if [`LIVE`] is `live`.
    fn peak_over(&self, live: i64) -> i64 {
        live + self.net_high.load(Relaxed) - self.published.load(Relaxed)
    }

    /// Takes the block out of the list and folds it into the process-wide ones. Its owner is this thread, or
    /// no longer exists.
    fn leave(&self, list: &LockedList) {
        if !matches!(self.state.load(Relaxed), ACTIVE | MARKED) {
            return;
        }
        list.unlink(self);
        if self.is_active() {
            RETIRED_SINCE_MARK.fetch_add(1, Relaxed);
            self.publish();
        }
        LIVE.fetch_add(self.unpublished(), Relaxed);
        RETIRED.add(self.totals.snapshot());
        self.close(RETIRED_STATE);
    }
}

/// Everything the counters say at one instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub live_bytes: i64,
    /// Highest live bytes since the last mark.
    pub peak_bytes: i64,
    pub totals: TotalsSnapshot,
    /// Threads that allocated or freed since the last mark.
    pub allocating_threads: u64,
}

/// Reads all counters. Exact while no other thread allocates.
pub(super) fn read() -> Reading {
    let list = THREADS.lock();
    let published = LIVE.load(Relaxed);
    let mut reading = Reading {
        live_bytes: published,
        peak_bytes: PEAK.load(Relaxed),
        totals: RETIRED.snapshot(),
        allocating_threads: RETIRED_SINCE_MARK.load(Relaxed),
    };
    for counters in list.iter() {
        reading.live_bytes += counters.unpublished();
        reading.totals = reading.totals.plus(counters.totals.snapshot());
        if counters.is_active() {
            reading.allocating_threads += 1;
            reading.peak_bytes = reading.peak_bytes.max(counters.peak_over(published));
        }
    }
    reading.peak_bytes = reading.peak_bytes.max(reading.live_bytes);
    reading
}

/// Live bytes alone, for the sampler.
pub(super) fn read_live() -> i64 {
    let list = THREADS.lock();
    LIVE.load(Relaxed) + list.iter().map(ThreadCounters::unpublished).sum::<i64>()
}

/// What the calling thread did since it began: its own counters, and no lock.
pub(super) fn read_this_thread() -> TotalsSnapshot {
    COUNTERS.with(|counters| counters.totals.snapshot())
}

/// Begins a phase: every thread's pending bytes are absorbed, the peak restarts at the live bytes.
pub(super) fn begin_phase() -> Reading {
    let list = THREADS.lock();
    for counters in list.iter() {
        let unpublished = counters.unpublished();
        counters.absorbed.fetch_add(unpublished, AcqRel);
        LIVE.fetch_add(unpublished, Relaxed);
        // Only this function (under the lock) sets MARKED, and only the owner (under the lock) retires, so
        // this cannot overwrite a final state. An owner that runs at this very moment may open its limits
        // again; it then sees the mark at its next publication, and the bound on the peak's error covers
        // that.
        counters.close(MARKED);
    }
    PEAK.store(LIVE.load(Relaxed), Relaxed);
    RETIRED_SINCE_MARK.store(0, Relaxed);
    drop(list);
    read()
}

/// From now on nothing this thread does is counted.
pub(super) fn ignore_this_thread() {
    COUNTERS.with(|counters| {
        let list = THREADS.lock();
        counters.leave(&list);
        counters.close(IGNORED);
    });
}

/// From now on what this thread does is counted again, if it was ignored: by atomics, in the process-wide
/// blocks.
pub(super) fn count_this_thread_again() {
    COUNTERS.with(|counters| {
        if counters.state.load(Relaxed) == IGNORED {
            counters.close(RETIRED_STATE);
        }
    });
}

/// Links the calling thread's block into the list; `false` where thread exits cannot be seen: there the block
/// would dangle in the list, so such threads count by atomics.
fn register(counters: &ThreadCounters) -> bool {
    if !exit::can_be_watched() {
        counters.close(RETIRED_STATE);
        return false;
    }
    let list = THREADS.lock();
    counters.restart(0);
    list.link(counters);
    counters.state.store(ACTIVE, Release);
    drop(list);
    exit::watch();
    true
}

/// The calling thread ends: its counts go to the process-wide blocks, as does all that it allocates from now
/// on.
fn retire_this_thread() {
    COUNTERS.with(|counters| counters.leave(&THREADS.lock()));
}

/// The calling thread is the only one left (after a fork): the blocks of the others are folded before their
/// stacks are reused.
fn retire_other_threads(list: &LockedList) {
    COUNTERS.with(|own| {
        list.iter().filter(|counters| !ptr::eq(*counters, own)).for_each(|counters| counters.leave(list));
    });
    RETIRED_SINCE_MARK.store(0, Relaxed);
}
