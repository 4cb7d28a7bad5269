//! The walk against the unwinder of the C++ runtime, and where a stack is not what it should be.

// The room for `unsafe`: registers that are wrong, and a signal stack.
#![allow(unsafe_code)]

use super::super::stack_walk::{DEEPEST, Registers, StackBounds, StackWalk};
use super::*;

/// Return addresses as `_Unwind_Backtrace` finds them.
fn by_the_runtime() -> Vec<usize> {
    let mut addresses = Vec::new();
    backtrace::trace(|frame| {
        addresses.push(frame.ip().addr());
        true
    });
    addresses
}

fn empty_walk() -> Box<StackWalk> {
    // SAFETY: all zeros is a valid walk.
    unsafe { Box::new_zeroed().assume_init() }
}

#[inline(never)]
fn at_depth<T>(depth: usize, work: &mut dyn FnMut() -> T) -> T {
    let answer = if depth == 0 { work() } else { at_depth(depth - 1, work) };
    black_box(depth);
    answer
}

#[test]
fn every_walk_finds_what_the_runtime_finds() {
    let bounds = StackBounds::of_this_thread().unwrap();
    let mut walk = empty_walk();
    // One walk after the other, so that the remembered one is used at other depths.
    for depth in [0, 1, 5, 5, 40, 39, 3, 60, 60, 0, 17] {
        at_depth(depth, &mut || {
            walk.walk(Registers::here(), bounds);
            let mut walked: Vec<usize> = walk.return_addresses().collect();
            let mut expected = by_the_runtime();
            // The innermost frames are of the one and of the other unwinder.
            walked.remove(0);
            let common = expected.iter().position(|address| *address == walked[0]).unwrap();
            expected.drain(..common);
            // The runtime goes on where no return address is, with a zero.
            expected.retain(|address| *address != 0);
            assert_eq!(walked, expected);
        });
    }
}

#[test]
fn a_remembered_walk_says_what_a_fresh_one_says() {
    let bounds = StackBounds::of_this_thread().unwrap();
    let mut remembering = empty_walk();
    let mut random = 1u64;
    for _ in 0..2000 {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        at_depth((random >> 33) as usize % 200, &mut || {
            let registers = Registers::here();
            remembering.walk(registers, bounds);
            let mut fresh = empty_walk();
            fresh.walk(registers, bounds);
            assert!(remembering.return_addresses().eq(fresh.return_addresses()));
            assert_eq!(remembering.path().0, fresh.path().0);
            assert!(fresh.return_addresses().len() <= DEEPEST);
        });
    }
}

#[test]
fn outside_of_the_bounds_nothing_is_read() {
    let mut walk = empty_walk();
    let here = Registers::here();
    for bounds in [
        StackBounds::default(),
        StackBounds { lowest: here.stack_pointer + 64, end: usize::MAX },
        StackBounds { lowest: 0, end: here.stack_pointer },
    ] {
        walk.forget();
        walk.walk(here, bounds);
        assert_eq!(walk.return_addresses().len(), 1);
    }
}

#[test]
fn registers_that_are_wrong_end_the_path() {
    let bounds = StackBounds::of_this_thread().unwrap();
    let here = Registers::here();
    for wrong in [0, 1, 8, usize::MAX, usize::MAX & !7, here.stack_pointer + 1, bounds.end, bounds.end - 8] {
        for registers in [
            Registers { return_address: wrong, ..here },
            Registers { stack_pointer: wrong, ..here },
            Registers { frame_pointer: wrong, ..here },
        ] {
            let mut walk = empty_walk();
            walk.walk(registers, bounds);
            assert!(walk.return_addresses().len() >= 1);
        }
    }
}

#[test]
fn allocation_on_a_signal_stack_has_a_path_of_its_own() {
    extern "C" fn handler(_: libc::c_int) {
        drop(allocate_at::<5>(55));
    }
    let mut stack = vec![0u8; 256 * 1024];
    let ((), recorded) = profile(|| {
        // SAFETY: the stack outlives its use, and the handler allocates while nobody else does.
        unsafe {
            let alternative =
                libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: stack.len() };
            assert_eq!(libc::sigaltstack(&alternative, std::ptr::null_mut()), 0);
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_ONSTACK;
            assert_eq!(libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut()), 0);
            libc::raise(libc::SIGUSR2);
            let none = libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
            libc::sigaltstack(&none, std::ptr::null_mut());
        }
        drop(allocate_at::<0>(1));
    });
    let totals: Vec<u64> = sorted(&recorded).iter().map(|totals| totals.total_bytes).collect();
    assert_eq!(totals, [1, 55]);
}
