//! The profiler against programs with known counts, and against a slow model of what it counts.

// The room for `unsafe`: the allocator is called directly.
#![allow(unsafe_code)]

mod model;
mod programs;
mod unwinding;

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::{Mutex, MutexGuard};

use super::SiteAllocator;
use super::recorder::{self, Recorded};
use super::site_counters::SiteTotals;
use crate::instrument::set_publish_threshold;

/// The allocator that the tests call. It is not the test program's own, so nobody else is counted.
static SITES: SiteAllocator<System> = SiteAllocator::new(System);

/// A block that a test holds.
struct Block {
    start: usize,
    layout: Layout,
}

impl Block {
    #[inline(always)]
    fn new(size: usize, align: usize) -> Block {
        let layout = Layout::from_size_align(size, align).unwrap();
        // SAFETY: no test asks for no bytes.
        let start = black_box(unsafe { SITES.alloc(layout) });
        assert!(!start.is_null() && start.addr().is_multiple_of(align));
        // SAFETY: so many bytes are there.
        unsafe { start.write_bytes(0xA5, size) };
        Block { start: start.expose_provenance(), layout }
    }

    fn resize(&mut self, size: usize) {
        // SAFETY: the block is live, with this layout.
        let start =
            unsafe { SITES.realloc(std::ptr::with_exposed_provenance_mut(self.start), self.layout, size) };
        assert!(!start.is_null() && start.addr().is_multiple_of(self.layout.align()));
        self.start = start.expose_provenance();
        self.layout = Layout::from_size_align(size, self.layout.align()).unwrap();
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the block is live, with this layout.
        unsafe { SITES.dealloc(std::ptr::with_exposed_provenance_mut(self.start), self.layout) };
    }
}

/// One profile at a time, whatever the test runner does.
static TURN: Mutex<()> = Mutex::new(());

fn take_turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn profile<T>(work: impl FnOnce() -> T) -> (T, Recorded) {
    profile_with_threshold(16 * 1024, work)
}

fn profile_with_threshold<T>(threshold: u32, work: impl FnOnce() -> T) -> (T, Recorded) {
    let _turn = take_turn();
    set_publish_threshold(threshold);
    recorder::start();
    let answer = work();
    let recorded = recorder::stop();
    set_publish_threshold(16 * 1024);
    assert_eq!(recorded.lost, 0);
    (answer, recorded)
}

/// Allocates by a path of its own for each `N`.
#[inline(never)]
fn allocate_at<const N: usize>(size: usize) -> Block {
    let block = Block::new(size, 8);
    black_box(N);
    block
}

/// The counts of all paths, in an order that is the same for the same counts.
fn sorted(recorded: &Recorded) -> Vec<SiteTotals> {
    let mut totals: Vec<SiteTotals> = recorded.sites.iter().map(|(_, totals)| *totals).collect();
    totals.sort();
    totals
}
