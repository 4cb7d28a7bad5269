//! Every path by which a block was allocated, once for the process, with a number that stays.
//!
//! Behind a lock, which a thread takes for a path that it meets for the first time. The memory is the
//! kernel's own, so nothing here comes back into an allocator.

// The room for `unsafe`: memory from mmap, and the fork handlers.
#![allow(unsafe_code)]

use std::mem;
use std::ptr::{self, NonNull};
use std::slice;

use super::stack_walk::PathHash;
use crate::instrument::mappings::{Lock, map_own};

/// More paths are not told apart.
pub(super) const MOST_PATHS: usize = 1 << 20;

/// Twice as many places to look a path up, so that a search is short.
const PLACES: usize = 2 * MOST_PATHS;

/// Return addresses per piece of memory.
const PIECE: usize = 1 << 16;

static PATHS: Lock<Paths> = Lock::new(Paths::new());

/// One path: its return addresses lie in memory that is never given back.
#[derive(Clone, Copy)]
struct PathRecord {
    hash: PathHash,
    addresses: *const usize,
    length: usize,
}

impl PathRecord {
    fn addresses<'a>(self) -> &'a [usize] {
        // SAFETY: so many were written there, and nobody writes them again.
        unsafe { slice::from_raw_parts(self.addresses, self.length) }
    }
}

struct Paths {
    /// The number of a path, or 0; null before the first.
    places: *mut u32,
    /// By number, from 1 on.
    records: *mut PathRecord,
    count: usize,
    /// Where the next addresses go, and how many fit.
    unused: *mut usize,
    room: usize,
}

// SAFETY: the memory belongs to the value, and the value to whoever holds the lock.
unsafe impl Send for Paths {}

/// The number of a path, from 1 on; nothing where there are too many, or no memory for it.
pub(super) fn number_of(
    hash: PathHash,
    addresses: impl ExactSizeIterator<Item = usize> + Clone,
) -> Option<u32> {
    PATHS.lock().number_of(hash, addresses)
}

/// The return addresses of a path, the innermost first.
pub(super) fn addresses_of(number: u32) -> &'static [usize] {
    let paths = PATHS.lock();
    if number == 0 || number as usize > paths.count {
        return &[];
    }
    // SAFETY: so many records were written.
    unsafe { *paths.records.add(number as usize) }.addresses()
}

/// How many paths there are.
pub(super) fn count() -> u32 {
    PATHS.lock().count as u32
}

/// Has the lock held while the process is copied. Called once.
pub(super) fn watch_forks() {
    // SAFETY: the handlers are extern "C" functions that do not unwind. Where there is no memory for it, only
    // a fork beside another thread's first meeting with a path is in danger.
    unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(after_fork)) };
}

extern "C" fn before_fork() {
    mem::forget(PATHS.lock());
}

extern "C" fn after_fork() {
    drop(PATHS.adopt());
}

impl Paths {
    const fn new() -> Paths {
        Paths {
            places: ptr::null_mut(),
            records: ptr::null_mut(),
            count: 0,
            unused: ptr::null_mut(),
            room: 0,
        }
    }

    fn number_of(
        &mut self,
        hash: PathHash,
        addresses: impl ExactSizeIterator<Item = usize> + Clone,
    ) -> Option<u32> {
        if self.places.is_null() {
            self.places = map::<u32>(PLACES)?;
            self.records = map::<PathRecord>(MOST_PATHS + 1)?;
        }
        let mut place = hash.0 as usize % PLACES;
        loop {
            // SAFETY: there are so many places.
            let number = unsafe { *self.places.add(place) };
            if number == 0 {
                break;
            }
            // SAFETY: numbers in places are of records that were written.
            let record = unsafe { *self.records.add(number as usize) };
            if record.hash == hash && record.addresses().iter().copied().eq(addresses.clone()) {
                return Some(number);
            }
            place = (place + 1) % PLACES;
        }
        if self.count == MOST_PATHS {
            return None;
        }
        let record = PathRecord { hash, length: addresses.len(), addresses: self.keep(addresses)? };
        self.count += 1;
        // SAFETY: there is room for so many records, and the place exists.
        unsafe {
            *self.records.add(self.count) = record;
            *self.places.add(place) = self.count as u32;
        }
        Some(self.count as u32)
    }

    fn keep(&mut self, addresses: impl ExactSizeIterator<Item = usize>) -> Option<*const usize> {
        let length = addresses.len();
        if self.room < length {
            self.unused = map::<usize>(PIECE)?;
            self.room = PIECE;
        }
        let kept = self.unused;
        for (index, address) in addresses.enumerate() {
            // SAFETY: there is room for `length` of them.
            unsafe { *kept.add(index) = address };
        }
        // SAFETY: as above.
        self.unused = unsafe { kept.add(length) };
        self.room -= length;
        Some(kept)
    }
}

/// Zeros for `count` values; a page costs memory once it is written.
pub(super) fn map<T>(count: usize) -> Option<*mut T> {
    map_own(count * size_of::<T>()).map(NonNull::cast).map(NonNull::as_ptr)
}
