//! The system's allocator, through dhat while a profile is taken.
//!
//! So one process can count exactly first, and name call sites later. dhat takes every block from the
//! system's allocator as well, so a block may be freed on the other path than the one it came by. What must
//! not happen is that dhat records a block and does not see it freed while the profile runs: its table would
//! hold an address that is handed out again. Hence the order in [`profile`]: the switch is on from before the
//! profiler starts until after it has ended. A thread that frees a block which dhat recorded sees the switch
//! on: recording lies behind dhat's lock, and that behind the switch.

// The room for `unsafe`: the `GlobalAlloc` implementation.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::{Context, Result, ensure};

/// Whether allocations go through dhat.
static PROFILING: AtomicBool = AtomicBool::new(false);

/// One profile at a time: dhat's profiler is process-wide.
static TURN: Mutex<()> = Mutex::new(());

/// Allocates from the system, through dhat while [`profile`] runs.
///
/// ```no_run
/// use bench_core::instrument::{CountingAllocator, Profilable};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator<Profilable> = CountingAllocator::new(Profilable);
/// ```
pub struct Profilable;

// SAFETY: every call is forwarded unchanged to `System`, directly or by dhat, which forwards it, too.
unsafe impl GlobalAlloc for Profilable {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        unsafe { if PROFILING.load(Relaxed) { dhat::Alloc.alloc(layout) } else { System.alloc(layout) } }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        unsafe {
            if PROFILING.load(Relaxed) {
                dhat::Alloc.alloc_zeroed(layout)
            } else {
                System.alloc_zeroed(layout)
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on; both ways free a block of the system's.
        unsafe {
            if PROFILING.load(Relaxed) {
                dhat::Alloc.dealloc(block, layout)
            } else {
                System.dealloc(block, layout)
            }
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as for dealloc.
        unsafe {
            if PROFILING.load(Relaxed) {
                dhat::Alloc.realloc(block, layout, new_size)
            } else {
                System.realloc(block, layout, new_size)
            }
        }
    }
}

/// Runs `work` under dhat and leaves its profile, with stacks of `frames`, in `file`. Blocks that were live
/// before are in no profile.
///
/// # Errors
/// [`Profilable`] is not the program's global allocator (below a counting one it is), or the profile cannot
/// be read back.
///
/// # Panics
/// When another dhat profiler runs.
pub fn profile(file: &Path, frames: usize, work: impl FnOnce()) -> Result<String> {
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let switched = Switched::on();
    let profiler = dhat::Profiler::builder().file_name(file).trim_backtraces(Some(frames)).build();
    drop(std::hint::black_box(Box::new(0u64)));
    let is_seen = dhat::HeapStats::get().total_blocks > 0;
    if is_seen {
        work();
    }
    drop(profiler);
    drop(switched);
    let json = std::fs::read_to_string(file).with_context(|| format!("read dhat's {}", file.display()))?;
    std::fs::remove_file(file).with_context(|| format!("remove dhat's {}", file.display()))?;
    ensure!(is_seen, "the global allocator is not `CountingAllocator<Profilable>`");
    Ok(json)
}

/// The switch is on while this lives, also through a panic of the work.
struct Switched;

impl Switched {
    fn on() -> Switched {
        PROFILING.store(true, Relaxed);
        Switched
    }
}

impl Drop for Switched {
    fn drop(&mut self) {
        PROFILING.store(false, Relaxed);
    }
}
