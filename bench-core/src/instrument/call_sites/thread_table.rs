//! What a thread knows and counts while a profile runs, and the list of all threads.
//!
//! A table belongs to one thread at a time, which writes it without a lock or a locked instruction. When the
//! thread ends, its table and the counts in it stay, and the next new thread goes on with them. So the sums
//! over all tables are the counts of the process, and no table is ever given back.

// The room for `unsafe`: tables in memory from mmap, and the pthread key.
#![allow(unsafe_code)]

use std::cell::{Cell, UnsafeCell};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicUsize, Ordering::*};

use super::paths::{self, MOST_PATHS};
use super::shared_state::note_that_threads_changed;
use super::site_counters::SiteCounters;
use super::stack_walk::{PathHash, Registers, StackBounds, StackWalk};

/// Paths that a thread finds without the lock. A power of two.
const CACHED: usize = 1 << 13;

/// Counters per piece of memory.
const PIECE: usize = 1 << 8;
const PIECES: usize = (MOST_PATHS + 1).div_ceil(PIECE);

type Piece = [SiteCounters; PIECE];

/// A path that this thread has met.
#[derive(Clone, Copy)]
struct CachedPath {
    hash: PathHash,
    number: u32,
}

/// One thread's table. All zeros is a valid one.
pub(super) struct ThreadTable {
    next: AtomicPtr<ThreadTable>,
    is_claimed: AtomicBool,
    /// The profile that the counts are of.
    pub profile: AtomicU32,
    /// Bytes that came in minus bytes that went out.
    pub net: AtomicI64,
    /// Whether its thread is within the profiler: a signal's handler that allocates meanwhile is not counted.
    pub is_busy: Cell<bool>,
    /// What all threads shared when this one last looked around.
    pub seen: Cell<u64>,
    /// The peak, in this thread's net bytes: at or above it, a free ends an epoch.
    pub peak_at: Cell<i64>,
    /// Net bytes at which the thread looks around again.
    pub look_above: Cell<i64>,
    pub look_below: Cell<i64>,
    /// The net bytes of all others when it last looked, and how often they had changed.
    pub others: Cell<i64>,
    pub changes: Cell<u32>,
    bounds: Cell<StackBounds>,
    walk: UnsafeCell<StackWalk>,
    cache: UnsafeCell<[CachedPath; CACHED]>,
    pieces: [AtomicPtr<Piece>; PIECES],
}

// SAFETY: cells are touched by the claiming thread alone; what others read is atomic.
unsafe impl Sync for ThreadTable {}

static TABLES: AtomicPtr<ThreadTable> = AtomicPtr::new(ptr::null_mut());

thread_local! {
    // Const-initialised and without Drop: the access never allocates and never fails.
    static OWN: Cell<*const ThreadTable> = const { Cell::new(ptr::null()) };
}

/// Stands for a table while the thread gets one: what it allocates meanwhile is the profiler's own.
const COMING: *const ThreadTable = ptr::without_provenance(1);

/// What there is of the calling thread's table.
pub(super) enum Own {
    /// Its table.
    Table(&'static ThreadTable),
    /// The thread is getting one just now.
    Coming,
    /// There is no memory for one.
    None,
}

/// The calling thread's table; it gets one at the first call.
#[inline(always)]
pub(super) fn own() -> Own {
    let own = OWN.get();
    if own.is_null() {
        return claim();
    }
    // SAFETY: neither null nor standing for one, so it is a table, and tables are never given back.
    if own == COMING { Own::Coming } else { Own::Table(unsafe { &*own }) }
}

#[cold]
#[inline(never)]
fn claim() -> Own {
    OWN.set(COMING);
    let own = all().find(|table| table.is_claimed.compare_exchange(false, true, Acquire, Relaxed).is_ok());
    let Some(table) = own.or_else(ThreadTable::make) else {
        OWN.set(ptr::null());
        return Own::None;
    };
    table.bounds.set(StackBounds::of_this_thread().unwrap_or_default());
    table.walk().forget();
    table.seen.set(0);
    watch_exit();
    note_that_threads_changed();
    OWN.set(table);
    Own::Table(table)
}

/// All tables.
pub(super) fn all() -> impl Iterator<Item = &'static ThreadTable> {
    let mut next = TABLES.load(Acquire);
    std::iter::from_fn(move || {
        // SAFETY: null or a table, which is never given back.
        let table = unsafe { next.as_ref() }?;
        next = table.next.load(Relaxed);
        Some(table)
    })
}

/// Has the table given up when the thread ends.
fn watch_exit() {
    /// The key plus one; 0 while there is none.
    static KEY: AtomicUsize = AtomicUsize::new(0);

    if KEY.load(Acquire) == 0 {
        let mut key: libc::pthread_key_t = 0;
        // SAFETY: `key` is a valid place; the destructor is an extern "C" function that does not unwind.
        if unsafe { libc::pthread_key_create(&mut key, Some(at_thread_exit)) } != 0 {
            // Then tables of threads that are gone stay claimed.
            return;
        }
        if KEY.compare_exchange(0, key as usize + 1, AcqRel, Acquire).is_ok() {
            paths::watch_forks();
        } else {
            // SAFETY: made above, and nobody has seen it.
            unsafe { libc::pthread_key_delete(key) };
        }
    }
    let key = (KEY.load(Acquire) - 1) as libc::pthread_key_t;
    // SAFETY: the key is valid; a non-null value makes the destructor run.
    unsafe { libc::pthread_setspecific(key, (&raw const TABLES).cast()) };
}

/// Thread-local values of Rust are gone by now. Should the thread allocate once more, it claims a table anew,
/// and this runs once more.
extern "C" fn at_thread_exit(_: *mut libc::c_void) {
    let own = OWN.replace(ptr::null());
    if own.is_null() || own == COMING {
        return;
    }
    // SAFETY: a table, as in `own`.
    unsafe { &*own }.is_claimed.store(false, Release);
    note_that_threads_changed();
}

impl ThreadTable {
    fn make() -> Option<&'static ThreadTable> {
        // SAFETY: zeros are a valid table, and nobody else has seen it.
        let table = unsafe { &*paths::map::<ThreadTable>(1)? };
        table.is_claimed.store(true, Relaxed);
        let mut head = TABLES.load(Relaxed);
        loop {
            table.next.store(head, Relaxed);
            match TABLES.compare_exchange_weak(head, ptr::from_ref(table).cast_mut(), Release, Relaxed) {
                Ok(_) => return Some(table),
                Err(newer) => head = newer,
            }
        }
    }

    /// Whether a living thread counts with it in this profile.
    pub fn counts_in(&self, profile: u32) -> bool {
        self.is_claimed.load(Relaxed) && self.profile.load(Relaxed) == profile
    }

    /// Sets all counts to zero. Only the owner calls it.
    pub fn clear(&self) {
        for piece in &self.pieces {
            let piece = piece.load(Relaxed);
            if !piece.is_null() {
                // SAFETY: the owner's, and zeros are valid counters; the values are atomics, which another
                // thread reads at most while it sums up an older profile, and then drops.
                unsafe { ptr::write_bytes(piece, 0, 1) };
            }
        }
        self.net.store(0, Relaxed);
    }

    // The owner alone holds it, and for one step of the profiler.
    #[allow(clippy::mut_from_ref)]
    #[inline(always)]
    fn walk(&self) -> &mut StackWalk {
        // SAFETY: only the owner gets here, and never twice at a time: `is_busy` keeps signals out.
        unsafe { &mut *self.walk.get() }
    }

    /// The number of the path to `registers`; nothing where there is no room for it.
    #[inline(always)]
    pub fn path_to(&self, registers: Registers) -> Option<u32> {
        let walk = self.walk();
        walk.walk(registers, self.bounds.get());
        let (hash, known) = walk.path();
        if known != 0 { Some(known) } else { self.look_up(hash) }
    }

    #[inline(never)]
    fn look_up(&self, hash: PathHash) -> Option<u32> {
        let walk = self.walk();
        // SAFETY: as for the walk.
        let cached = unsafe { &mut (*self.cache.get())[hash.0 as usize % CACHED] };
        if cached.hash != hash || cached.number == 0 {
            let number = paths::number_of(hash, walk.return_addresses())?;
            *cached = CachedPath { hash, number };
        }
        walk.know(cached.number);
        Some(cached.number)
    }

    /// The owner's counters of a path; nothing where there is no memory for them.
    #[inline(always)]
    pub fn counters(&self, path: u32) -> Option<&SiteCounters> {
        let (piece, place) = (path as usize / PIECE, path as usize % PIECE);
        let mut counters = self.pieces[piece].load(Relaxed);
        if counters.is_null() {
            counters = self.make_piece(piece)?;
        }
        // SAFETY: a piece is valid from when it is made, and never given back.
        Some(unsafe { &(*counters)[place] })
    }

    #[cold]
    #[inline(never)]
    fn make_piece(&self, piece: usize) -> Option<*mut Piece> {
        let counters = paths::map::<Piece>(1)?;
        self.pieces[piece].store(counters, Release);
        Some(counters)
    }

    /// What it counted of a path, if anything; for other threads, too.
    pub fn counted(&self, path: u32) -> Option<&SiteCounters> {
        let counters = self.pieces[path as usize / PIECE].load(Acquire);
        // SAFETY: as in `counters`.
        unsafe { counters.as_ref() }.map(|piece| &piece[path as usize % PIECE])
    }
}
