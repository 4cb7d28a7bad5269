//! The books through a fork: the child's copies must not be half written, nor their locks held by a thread
//! that is not there. Where counts are published, the child gets a page of its own.

// The room for `unsafe`: the fork handlers.
#![allow(unsafe_code)]

use std::mem;
use std::sync::Once;

use super::STATE;
use super::large_blocks::LARGE_BLOCKS;
use super::raw::keeping_errno;

/// Has the locks held while the process is copied.
pub(super) fn watch() {
    static ONCE: Once = Once::new();
    // SAFETY: the handlers are extern "C" functions that do not unwind.
    ONCE.call_once(|| unsafe {
        // Where there is no memory for it, only a fork in the middle of another thread's mmap is in danger.
        libc::pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child));
    });
}

extern "C" fn before() {
    mem::forget(LARGE_BLOCKS.lock());
    let mut state = STATE.lock();
    state.note_what_a_child_inherits();
    mem::forget(state);
}

extern "C" fn after_in_parent() {
    // Backwards: each puts back the signals that its thread took before.
    let mut state = STATE.adopt();
    state.has_forked();
    drop(state);
    drop(LARGE_BLOCKS.adopt());
}

extern "C" fn after_in_child() {
    let mut state = STATE.adopt();
    let mut blocks = LARGE_BLOCKS.adopt();
    keeping_errno(|| state.publish_of_child(&mut blocks));
    drop(state);
    drop(blocks);
}
