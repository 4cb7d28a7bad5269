//! Random traces on several threads against a slow model; a fork and a signal's handler in the midst of it.

// Signals and forks.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Barrier, Mutex};

use super::mapping::*;

/// The slow truth: one lock, held around each call as the book's is, and what each page is.
type Model = Mutex<Pages>;

#[derive(Default)]
struct Pages {
    pages: BTreeMap<usize, Page>,
    calls: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Page {
    of_file: bool,
    /// The call that made it.
    made_by: usize,
}

/// A mapping where the kernel liked.
#[derive(Clone, Copy)]
struct Kept {
    at: At,
    count: usize,
    made_by: usize,
}

impl Pages {
    fn enter(&mut self, at: At, count: usize, of_file: bool) -> Kept {
        self.calls += 1;
        let made_by = self.calls;
        self.pages.extend(page_numbers(at, count).map(|page| (page, Page { of_file, made_by })));
        Kept { at, count, made_by }
    }

    fn leave(&mut self, at: At, count: usize) {
        self.pages.retain(|page, _| !page_numbers(at, count).contains(page));
    }

    /// The last one that is still whole: into a hole of a room, where the kernel may have put it, others map.
    fn pop(&self, kept: &mut Vec<Kept>) -> Option<Kept> {
        let last = kept.pop()?;
        let whole = page_numbers(last.at, last.count)
            .all(|page| self.pages.get(&page).is_some_and(|page| page.made_by == last.made_by));
        whole.then_some(last)
    }
}

fn page_numbers(at: At, count: usize) -> std::ops::Range<usize> {
    let first = at.0.addr() / PAGE;
    first..first + count
}

struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % below
    }
}

pub fn random_traces() {
    let file = file_of(16);
    let model = Model::default();
    // A thread that starts or ends maps memory for its signals, which could lie in the hole of another's
    // room.
    let all = Barrier::new(4);
    let ((), seen) = record(|| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (1..=4)
                .map(|seed| {
                    let (file, model, all) = (&file, &model, &all);
                    scope.spawn(move || {
                        all.wait();
                        trace(&mut Random(seed), file, model);
                        all.wait();
                    })
                })
                .collect();
            // Joined: only then a thread has unmapped what std mapped for its signals.
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    });
    let pages = model.lock().unwrap();
    let (all, of_file) = (pages.pages.len(), pages.pages.values().filter(|page| page.of_file).count());
    assert_eq!((anon_mapped(&seen), file_mapped(&seen)), ((all - of_file) as i64, of_file as i64));
    assert!(seen.mapped.unwrap().maps > 1000, "{:?}", seen.mapped);
    // The kernel is the second witness: a page that the model has is mapped.
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let ranges: Vec<(usize, usize)> = maps.lines().filter_map(range_of).collect();
    for page in pages.pages.keys() {
        let address = page * PAGE;
        assert!(ranges.iter().any(|(start, end)| (*start..*end).contains(&address)), "{address:x}");
    }
}

fn range_of(line: &str) -> Option<(usize, usize)> {
    let (start, rest) = line.split_once('-')?;
    let end = rest.split(' ').next()?;
    Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
}

/// One thread's calls: some where the kernel likes, some in a room of its own.
fn trace(random: &mut Random, file: &std::fs::File, model: &Model) {
    const ROOM: usize = 64;
    let room = {
        let mut pages = model.lock().unwrap();
        pages.enter(map(ROOM, PRIVATE), ROOM, false).at
    };
    let mut kept: Vec<Kept> = Vec::new();
    for _ in 0..1000 {
        let (at, count) = (random.below(ROOM - 16), 1 + random.below(16));
        let (place, call) = (room.page(at), random.below(7));
        let mut pages = model.lock().unwrap();
        match call {
            0 => _ = pages.enter(map_at(place, count, PRIVATE | libc::MAP_FIXED), count, false),
            1 => _ = pages.enter(map_file_at(place, file, count), count, true),
            2 => {
                unmap(place, count);
                pages.leave(place, count);
            }
            3 => kept.push(pages.enter(map(count, PRIVATE), count, false)),
            _ => {
                let Some(old) = pages.pop(&mut kept) else { continue };
                if page_numbers(old.at, old.count).any(|page| page_numbers(place, 16).contains(&page)) {
                    continue;
                }
                if call == 4 {
                    let moved = remap(old.at, old.count, count);
                    pages.leave(old.at, old.count);
                    kept.push(pages.enter(moved, count, false));
                } else if call == 5 {
                    // Into the room, over what is there.
                    let count = count.min(old.count);
                    remap_to(old.at, old.count, count, place, 0);
                    pages.leave(old.at, old.count);
                    pages.enter(place, count, false);
                } else {
                    // The old addresses stay mapped, and empty.
                    remap_to(old.at, old.count, old.count, place, libc::MREMAP_DONTUNMAP);
                    pages.enter(place, old.count, false);
                    kept.push(old);
                }
            }
        }
    }
}

pub fn a_fork_and_a_signal() {
    static SIGNALS: AtomicU64 = AtomicU64::new(0);
    static BUSY: AtomicU64 = AtomicU64::new(0);
    static ENOUGH: AtomicBool = AtomicBool::new(false);

    extern "C" fn on_signal(_: libc::c_int) {
        unmap(map(1, PRIVATE), 1);
        SIGNALS.fetch_add(1, Relaxed);
    }

    record(|| {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // SAFETY: it has no preconditions.
                BUSY.store(unsafe { libc::pthread_self() }, Relaxed);
                while !ENOUGH.load(Relaxed) {
                    unmap(map(3, PRIVATE), 3);
                }
            });
            // SAFETY: the handler calls what may be called there; the thread lives until the scope ends.
            unsafe {
                while BUSY.load(Relaxed) == 0 {
                    std::thread::yield_now();
                }
                libc::signal(libc::SIGUSR1, on_signal as *const () as usize);
                for _ in 0..2000 {
                    libc::pthread_kill(BUSY.load(Relaxed), libc::SIGUSR1);
                    if SIGNALS.load(Relaxed).is_multiple_of(50) {
                        std::thread::yield_now();
                    }
                }
                for _ in 0..50 {
                    let child = libc::fork();
                    if child == 0 {
                        unmap(map(2, PRIVATE), 2);
                        libc::_exit(0);
                    }
                    let mut status = -1;
                    assert_eq!(libc::waitpid(child, &mut status, 0), child);
                    assert_eq!(status, 0, "the child mapped and left");
                }
            }
            ENOUGH.store(true, Relaxed);
        });
    });
    assert!(SIGNALS.load(Relaxed) > 0);
}
