//! Noticing that a thread ends or that the process forks, so that no counters dangle.

// The room for `unsafe`: the pthread key and the fork handlers.
#![allow(unsafe_code)]

#[cfg(not(unix))]
pub(super) use elsewhere::{can_be_watched, watch};
#[cfg(unix)]
pub(super) use unix::{can_be_watched, watch};

#[cfg(unix)]
mod unix {
    use std::mem;
    use std::ptr;
    use std::sync::atomic::{AtomicUsize, Ordering::*};

    use super::super::list::THREADS;
    use super::super::{retire_other_threads, retire_this_thread};

    /// Whether [`watch`] works here.
    pub fn can_be_watched() -> bool {
        exit_key().is_some()
    }

    /// Has the calling thread retired when it ends.
    pub fn watch() {
        if let Some(key) = exit_key() {
            // SAFETY: the key is valid; a non-null value makes the destructor run. glibc may call its own
            // calloc here, which is not the Rust global allocator; if it were, this thread is already
            // registered.
            unsafe { libc::pthread_setspecific(key, ptr::from_ref(&THREADS).cast()) };
        }
    }

    /// The pthread key whose destructor retires a thread; made once, with the fork handlers.
    fn exit_key() -> Option<libc::pthread_key_t> {
        /// The key plus one; 0 while there is none.
        static KEY: AtomicUsize = AtomicUsize::new(0);

        if let Some(key) = KEY.load(Acquire).checked_sub(1) {
            return Some(key as libc::pthread_key_t);
        }
        let _lock = THREADS.lock();
        if KEY.load(Acquire) == 0 {
            let mut key: libc::pthread_key_t = 0;
            // SAFETY: `key` is a valid place; the destructor and the fork handlers are extern "C" functions
            // that do not unwind.
            let failed = unsafe {
                libc::pthread_key_create(&mut key, Some(at_thread_exit)) != 0
                    || libc::pthread_atfork(
                        Some(before_fork),
                        Some(after_fork_in_parent),
                        Some(after_fork_in_child),
                    ) != 0
            };
            if failed {
                return None;
            }
            KEY.store(key as usize + 1, Release);
        }
        Some((KEY.load(Acquire) - 1) as libc::pthread_key_t)
    }

    extern "C" fn at_thread_exit(_: *mut libc::c_void) {
        retire_this_thread();
    }

    /// Holds the list still while the process is copied.
    extern "C" fn before_fork() {
        mem::forget(THREADS.lock());
    }

    extern "C" fn after_fork_in_parent() {
        drop(THREADS.adopt());
    }

    extern "C" fn after_fork_in_child() {
        retire_other_threads(&THREADS.adopt());
    }
}

#[cfg(not(unix))]
mod elsewhere {
    /// There is no hook at thread exit that runs without allocating.
    pub fn can_be_watched() -> bool {
        false
    }

    /// Does nothing.
    pub fn watch() {}
}
