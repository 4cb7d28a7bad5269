//! Walks a thread's stack by unwind rules, and remembers the last walk.
//!
//! A step is a function of the three registers of a frame and of the two words that it reads from the stack.
//! So where a walk meets registers that the last walk met, and the words that were read from there outwards
//! are still the same, the rest of the path is the same as well. Most of a stack is the same from one
//! allocation to the next. To check that costs a nanosecond a frame; to unwind a frame costs six.
//!
//! A walk reads nothing outside of the thread's stack. Where it cannot go on, the path ends.

// The room for `unsafe`: the registers, and words of the stack.
#![allow(unsafe_code)]

use std::arch::asm;

use super::unwind_rules::{UnwindRule, rule_for};

/// The deepest path. Of a deeper stack the innermost frames count.
pub(super) const DEEPEST: usize = 128;

/// The registers within a function that has called another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Registers {
    /// Where the function goes on.
    pub return_address: usize,
    pub stack_pointer: usize,
    pub frame_pointer: usize,
}

impl Registers {
    /// Those of the function that this is inlined into.
    #[inline(always)]
    pub fn here() -> Registers {
        let (return_address, stack_pointer, frame_pointer);
        // SAFETY: reads registers, and nothing else.
        unsafe {
            asm!(
                "lea {}, [rip]",
                "mov {}, rsp",
                "mov {}, rbp",
                out(reg) return_address,
                out(reg) stack_pointer,
                out(reg) frame_pointer,
                options(nomem, nostack, preserves_flags)
            );
        }
        Registers { return_address, stack_pointer, frame_pointer }
    }
}

/// Tells a path from others: two independent sums over its return addresses, from the outermost on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PathHash(pub u64, pub u64);

impl PathHash {
    fn with(self, return_address: usize) -> PathHash {
        let first = (self.0 ^ return_address as u64).wrapping_mul(0x9FB2_1C65_1E98_DF25);
        let second = (self.1.rotate_left(23) ^ return_address as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        PathHash(first ^ first >> 32, second)
    }
}

/// One frame of the remembered walk.
#[derive(Clone, Copy, Default)]
struct WalkStep {
    registers: Registers,
    /// Where the caller's frame pointer was saved; 0 where the function has left it alone.
    frame_pointer_at: usize,
    /// Whether this very step depends on the frame pointer.
    from_frame_pointer: bool,
    /// Whether it or the rest of the walk does. Where it does not, it is any register, and
    /// the one that is remembered may be an older one.
    needs_frame_pointer: bool,
    /// Of the path from here outwards.
    hash: PathHash,
    /// What the caller of [`StackWalk::walk`] knows of the path from here outwards; 0 is nothing.
    known: u32,
}

/// One frame of a walk that goes on.
#[derive(Clone, Copy)]
struct FreshStep {
    registers: Registers,
    frame_pointer_at: usize,
    /// Whether this very step depends on the frame pointer.
    from_frame_pointer: bool,
}

/// The bounds of a thread's stack.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StackBounds {
    pub lowest: usize,
    pub end: usize,
}

impl StackBounds {
    /// Those of the calling thread. glibc may allocate in C for it.
    pub fn of_this_thread() -> Option<StackBounds> {
        // SAFETY: the attributes are filled by the first call that succeeds, read, and destroyed once.
        unsafe {
            let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
            if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
                return None;
            }
            let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
            let failed = libc::pthread_attr_getstack(&attributes, &mut lowest, &mut size) != 0;
            libc::pthread_attr_destroy(&mut attributes);
            (!failed).then(|| StackBounds { lowest: lowest.addr(), end: lowest.addr() + size })
        }
    }
}

/// Walks one thread's stack. All zeros is a valid one that remembers nothing.
pub(super) struct StackWalk {
    /// From the outermost frame to the innermost.
    steps: [WalkStep; DEEPEST],
    length: usize,
    /// Steps of the walk that goes on, from the innermost frame to the outermost.
    fresh: [FreshStep; DEEPEST],
    /// Whether the outermost step is not the stack's, but the last one that a path may have.
    is_cut: bool,
}

impl StackWalk {
    /// Walks from `registers` outwards.
    #[inline(always)]
    pub fn walk(&mut self, registers: Registers, bounds: StackBounds) {
        if self.is_cut {
            self.forget();
        }
        self.forget_below(registers.stack_pointer);
        if !(self.meets(registers) && self.changed_step(registers.frame_pointer).is_none()) {
            self.walk_anew(registers, bounds);
        }
    }

    /// Whether the walk has met what the last one met at its innermost remembered step.
    #[inline(always)]
    fn meets(&self, registers: Registers) -> bool {
        self.length > 0 && {
            let step = &self.steps[self.length - 1];
            step.registers.return_address == registers.return_address
                && step.registers.stack_pointer == registers.stack_pointer
                && (!step.needs_frame_pointer || step.registers.frame_pointer == registers.frame_pointer)
        }
    }

    #[inline(never)]
    fn walk_anew(&mut self, mut registers: Registers, bounds: StackBounds) {
        let mut count = 0;
        loop {
            self.forget_below(registers.stack_pointer);
            if self.meets(registers) {
                let Some(changed) = self.changed_step(registers.frame_pointer) else { break };
                // From here up to the change the steps are as they were, but of another path.
                while self.length > changed && count < DEEPEST {
                    self.length -= 1;
                    let step = self.steps[self.length];
                    self.fresh[count] = FreshStep {
                        registers: Registers { frame_pointer: registers.frame_pointer, ..step.registers },
                        frame_pointer_at: step.frame_pointer_at,
                        from_frame_pointer: step.from_frame_pointer,
                    };
                    registers.frame_pointer = saved_or(step.frame_pointer_at, registers.frame_pointer);
                    count += 1;
                }
                if count == DEEPEST {
                    break;
                }
                registers.stack_pointer = self.steps[changed - 1].registers.stack_pointer;
                registers.return_address = word_at(registers.stack_pointer - 8);
                if registers.return_address == 0 {
                    self.length = 0;
                    break;
                }
                continue;
            }
            if count == DEEPEST {
                break;
            }
            let (from_frame_pointer, caller) = caller_of(registers, bounds);
            let frame_pointer_at = caller.map_or(0, |(_, frame_pointer_at)| frame_pointer_at);
            self.fresh[count] = FreshStep { registers, frame_pointer_at, from_frame_pointer };
            count += 1;
            match caller {
                Some((caller, _)) => registers = caller,
                None => {
                    self.length = 0;
                    break;
                }
            }
        }
        self.remember(count);
    }

    /// Puts `count` fresh steps on top of those that are still right.
    fn remember(&mut self, count: usize) {
        // The depth is cut from the innermost frame on, so that a path is the same however it was walked.
        if self.length + count > DEEPEST || count == DEEPEST {
            let outer = DEEPEST - count;
            self.steps.copy_within(self.length - outer..self.length, 0);
            self.length = 0;
            let mut hash = PathHash::default();
            for step in &mut self.steps[..outer] {
                hash = hash.with(step.registers.return_address);
                (step.hash, step.known) = (hash, 0);
            }
            self.length = outer;
            self.is_cut = true;
        }
        let outer = self.length.checked_sub(1).map(|last| &self.steps[last]);
        let (mut hash, mut needs) =
            outer.map_or_else(Default::default, |it| (it.hash, it.needs_frame_pointer));
        for &FreshStep { registers, frame_pointer_at, from_frame_pointer } in self.fresh[..count].iter().rev()
        {
            hash = hash.with(registers.return_address);
            needs = from_frame_pointer || frame_pointer_at == 0 && needs;
            self.steps[self.length] = WalkStep {
                registers,
                frame_pointer_at,
                from_frame_pointer,
                needs_frame_pointer: needs,
                hash,
                known: 0,
            };
            self.length += 1;
        }
    }

    /// Drops remembered steps of functions that have returned.
    #[inline(always)]
    fn forget_below(&mut self, stack_pointer: usize) {
        while self.length > 0 && self.steps[self.length - 1].registers.stack_pointer < stack_pointer {
            self.length -= 1;
        }
    }

    /// The innermost remembered step whose caller is no longer the same; nothing where all are. The frame
    /// pointer is that of the innermost remembered step.
    #[inline(always)]
    fn changed_step(&self, mut frame_pointer: usize) -> Option<usize> {
        (1..self.length).rev().find(|&index| {
            let caller = &self.steps[index - 1];
            if caller.needs_frame_pointer {
                // The step before this one needs it as well, or it is saved here.
                frame_pointer = saved_or(self.steps[index].frame_pointer_at, frame_pointer);
            }
            word_at(caller.registers.stack_pointer - 8) != caller.registers.return_address
                || caller.needs_frame_pointer && frame_pointer != caller.registers.frame_pointer
        })
    }

    /// The path of the last walk: its hash, and what is known of it.
    #[inline(always)]
    pub fn path(&self) -> (PathHash, u32) {
        self.length.checked_sub(1).map_or((PathHash::default(), 0), |last| {
            let step = &self.steps[last];
            (step.hash, step.known)
        })
    }

    /// Notes what is known of the path of the last walk.
    pub fn know(&mut self, known: u32) {
        if let Some(last) = self.length.checked_sub(1) {
            self.steps[last].known = known;
        }
    }

    /// The return addresses of the last walk, the innermost first.
    pub fn return_addresses(&self) -> impl ExactSizeIterator<Item = usize> + Clone + '_ {
        self.steps[..self.length].iter().rev().map(|step| step.registers.return_address)
    }

    /// What the walk knew of its paths holds no longer.
    pub fn forget(&mut self) {
        self.length = 0;
        self.is_cut = false;
    }
}

/// Whether the step depends on the frame pointer; the caller's registers, and where its frame pointer was
/// saved.
#[inline]
fn caller_of(registers: Registers, bounds: StackBounds) -> (bool, Option<(Registers, usize)>) {
    let UnwindRule::Caller { from_frame_pointer, distance, saved_frame_pointer } =
        rule_for(registers.return_address)
    else {
        return (false, None);
    };
    let from = if from_frame_pointer { registers.frame_pointer } else { registers.stack_pointer };
    let stack_pointer = from.wrapping_add_signed(distance as isize);
    // Between this function's stack and its caller's, and on the thread's.
    let lowest = bounds.lowest.max(registers.stack_pointer);
    let within = |address: usize| {
        address.is_multiple_of(8) && address >= lowest && address < stack_pointer && address < bounds.end
    };
    let frame_pointer_at =
        saved_frame_pointer.map_or(0, |place| stack_pointer.wrapping_add_signed(isize::from(place)));
    let is_sound = registers.stack_pointer >= bounds.lowest
        && within(stack_pointer.wrapping_sub(8))
        && (frame_pointer_at == 0 || within(frame_pointer_at));
    if !is_sound {
        return (from_frame_pointer, None);
    }
    let return_address = word_at(stack_pointer - 8);
    let frame_pointer = saved_or(frame_pointer_at, registers.frame_pointer);
    let caller = Registers { return_address, stack_pointer, frame_pointer };
    (from_frame_pointer, (return_address != 0).then_some((caller, frame_pointer_at)))
}

#[inline(always)]
fn saved_or(place: usize, unchanged: usize) -> usize {
    if place == 0 { unchanged } else { word_at(place) }
}

/// A word of the stack. Every caller has made sure that it lies between the innermost frame and the stack's
/// end.
#[inline(always)]
fn word_at(address: usize) -> usize {
    // SAFETY: as said; the stack is mapped there, and this thread alone writes to it.
    unsafe { std::ptr::with_exposed_provenance::<usize>(address).read_volatile() }
}
