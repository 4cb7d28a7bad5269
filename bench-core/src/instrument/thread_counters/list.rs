//! The list of all threads' counters, behind a lock that never allocates (std's mutex does on some systems).

// The room for `unsafe`: a list of pointers to thread-local blocks.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::*};

use super::ThreadCounters;

/// The blocks of all registered threads.
pub(super) static THREADS: ThreadList = ThreadList::new();

/// A linked list through the thread-local blocks.
pub(super) struct ThreadList {
    locked: AtomicBool,
    head: UnsafeCell<*const ThreadCounters>,
}

// SAFETY: `head` and every `next` are only touched while `locked` is held.
unsafe impl Sync for ThreadList {}

/// Proof that [`THREADS`] is locked; unlocks when dropped.
pub(super) struct LockedList(());

impl ThreadList {
    pub const fn new() -> ThreadList {
        ThreadList { locked: AtomicBool::new(false), head: UnsafeCell::new(ptr::null()) }
    }

    pub fn lock(&self) -> LockedList {
        while self.locked.compare_exchange_weak(false, true, Acquire, Relaxed).is_err() {
            std::thread::yield_now();
        }
        LockedList(())
    }

    /// Takes over a lock whose guard was forgotten (across a fork).
    pub fn adopt(&self) -> LockedList {
        debug_assert!(self.locked.load(Relaxed));
        LockedList(())
    }
}

impl Drop for LockedList {
    fn drop(&mut self) {
        THREADS.locked.store(false, Release);
    }
}

impl LockedList {
    /// The registered blocks. A block may be unlinked while it is the current one.
    pub fn iter(&self) -> impl Iterator<Item = &ThreadCounters> {
        // SAFETY: the lock is held. A block stays valid while it is linked: it lies in its thread's
        // thread-local storage, and the thread unlinks it under the lock before it ends.
        let mut next = unsafe { *THREADS.head.get() };
        std::iter::from_fn(move || {
            // SAFETY: as above; `next` is null or a linked block.
            let counters = unsafe { next.as_ref() }?;
            // SAFETY: the lock is held.
            next = unsafe { *counters.next.get() };
            Some(counters)
        })
    }

    pub fn link(&self, counters: &ThreadCounters) {
        // SAFETY: the lock is held, so nobody else touches `head` or `next`.
        unsafe {
            *counters.next.get() = *THREADS.head.get();
            *THREADS.head.get() = counters;
        }
    }

    pub fn unlink(&self, counters: &ThreadCounters) {
        let mut place = THREADS.head.get();
        // SAFETY: the lock is held; `place` is `head` or the `next` of a linked block, which is valid (see
        // `iter`).
        unsafe {
            while let Some(current) = (*place).as_ref() {
                if ptr::eq(current, counters) {
                    *place = *current.next.get();
                    return;
                }
                place = current.next.get();
            }
        }
    }
}
