//! A lock for what interposed functions do: it never allocates, and a signal's handler may call them.

// The room for `unsafe`: the signal mask, and the value behind the lock.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering::*};

/// A value that one thread at a time may touch. While it does, it takes no signals, whose handlers might wait
/// for it.
pub(in crate::instrument) struct Lock<T> {
    locked: AtomicBool,
    /// The signal mask of the thread that holds it.
    mask: UnsafeCell<Option<libc::sigset_t>>,
    value: UnsafeCell<T>,
}

// SAFETY: `mask` and `value` are touched only while `locked` is held.
unsafe impl<T: Send> Sync for Lock<T> {}

/// Proof that the lock is held; gives it back when dropped.
pub(in crate::instrument) struct Guard<T: 'static>(&'static Lock<T>);

impl<T> Lock<T> {
    pub(in crate::instrument) const fn new(value: T) -> Lock<T> {
        Lock { locked: AtomicBool::new(false), mask: UnsafeCell::new(None), value: UnsafeCell::new(value) }
    }

    pub(in crate::instrument) fn lock(&'static self) -> Guard<T> {
        // SAFETY: a set of signals is plain numbers; both calls fill what they are given.
        let mask = unsafe {
            let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = (mem::zeroed(), mem::zeroed());
            libc::sigfillset(&mut all);
            (libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before) == 0).then_some(before)
        };
        while self.locked.compare_exchange_weak(false, true, Acquire, Relaxed).is_err() {
            std::thread::yield_now();
        }
        // SAFETY: the lock is held.
        unsafe { *self.mask.get() = mask };
        Guard(self)
    }

    /// Takes over a lock whose guard was forgotten (across a fork).
    pub(in crate::instrument) fn adopt(&'static self) -> Guard<T> {
        debug_assert!(self.locked.load(Relaxed));
        Guard(self)
    }
}

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        // SAFETY: the lock is held until the store; the mask was this thread's.
        unsafe {
            let mask = (*self.0.mask.get()).take();
            self.0.locked.store(false, Release);
            if let Some(mask) = mask {
                libc::pthread_sigmask(libc::SIG_SETMASK, &mask, std::ptr::null_mut());
            }
        }
    }
}

impl<T> Deref for Guard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is held.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Guard<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, and this guard is the only one.
        unsafe { &mut *self.0.value.get() }
    }
}
