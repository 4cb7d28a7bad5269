//! The book through a fork: the child's copy must not be half written, nor its lock held by a thread that is
//! not there.

// The room for `unsafe`: the fork handlers.
#![allow(unsafe_code)]

use std::mem;
use std::sync::Once;

use super::STATE;

/// Has the lock held while the process is copied.
pub(super) fn watch() {
    static ONCE: Once = Once::new();
    // SAFETY: the handlers are extern "C" functions that do not unwind.
    ONCE.call_once(|| unsafe {
        // Where there is no memory for it, only a fork in the middle of another thread's mmap is in danger.
        libc::pthread_atfork(Some(before), Some(after), Some(after));
    });
}

extern "C" fn before() {
    mem::forget(STATE.lock());
}

extern "C" fn after() {
    drop(STATE.adopt());
}
