//! Defects for valgrind and the sanitizers to find, in the very binary that they watch. A tool that reports
//! none of them would pass everything.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use super::ALLOCATOR;

/// The variable that asks for a defect in place of the checks.
pub const VARIABLE: &str = "PLANTED_DEFECT";

/// Does what it must not, and returns as if nothing had happened.
pub fn plant(name: &str) {
    match name {
        "use_after_free" => println!("read {}", use_after_free()),
        "overflow" => println!("read {}", overflow()),
        "data_race" => println!("counted to {}", data_race()),
        _ => panic!("{VARIABLE}={name}: expected use_after_free, overflow or data_race"),
    }
}

/// A block of the counting allocator, read when it is no longer ours.
fn use_after_free() -> u8 {
    let layout = Layout::new::<[u8; 64]>();
    // SAFETY: none, on purpose; without a tool that watches, the allocator still has the page.
    unsafe {
        let block = black_box(ALLOCATOR.alloc_zeroed(layout));
        ALLOCATOR.dealloc(block, layout);
        block.read_volatile()
    }
}

/// The byte behind a block of the counting allocator.
fn overflow() -> u8 {
    let layout = Layout::new::<[u8; 64]>();
    // SAFETY: none, on purpose; without a tool that watches, the byte is the allocator's own.
    unsafe {
        let block = black_box(ALLOCATOR.alloc_zeroed(layout));
        let byte = block.add(64).read_volatile();
        ALLOCATOR.dealloc(block, layout);
        byte
    }
}

/// A number that threads write without any order between them.
struct Unordered(UnsafeCell<u64>);

// SAFETY: none, on purpose.
unsafe impl Sync for Unordered {}

static UNORDERED: Unordered = Unordered(UnsafeCell::new(0));

/// Two threads that add to one number at the same time, and what came out. They wait for each other without
/// an order between them: the allocator's own lock would give them one if the first were gone before the
/// second came.
fn data_race() -> u64 {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let add = || {
        STARTED.fetch_add(1, Relaxed);
        while STARTED.load(Relaxed) < 2 {
            thread::yield_now();
        }
        for _ in 0..1000 {
            // SAFETY: none, on purpose.
            unsafe { UNORDERED.0.get().write_volatile(UNORDERED.0.get().read_volatile() + 1) };
        }
    };
    let threads = [thread::spawn(add), thread::spawn(add)];
    threads.into_iter().for_each(|it| it.join().expect("it ends"));
    // SAFETY: both threads have ended.
    unsafe { UNORDERED.0.get().read_volatile() }
}
