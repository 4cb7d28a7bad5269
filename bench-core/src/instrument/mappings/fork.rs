//! The books through a fork: the child's copies must not be half written, nor their locks held by a thread
//! that is not there.

// The room for `unsafe`: the fork handlers.
#![allow(unsafe_code)]

use std::mem;
use std::sync::Once;

use super::STATE;
use super::large_blocks::LARGE_BLOCKS;

/// Has the locks held while the process is copied.
pub(super) fn watch() {
    static ONCE: Once = Once::new();
    // SAFETY: the handlers are extern "C" functions that do not unwind.
    ONCE.call_once(|| unsafe {
        // Where there is no memory for it, only a fork in the middle of another thread's mmap is in danger.
        libc::pthread_atfork(Some(before), Some(after), Some(after));
    });
}

extern "C" fn before() {
    mem::forget(LARGE_BLOCKS.lock());
    mem::forget(STATE.lock());
}

extern "C" fn after() {
    // Backwards: each puts back the signals that its thread took before.
    drop(STATE.adopt());
    drop(LARGE_BLOCKS.adopt());
}
