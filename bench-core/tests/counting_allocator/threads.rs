//! Programs with several threads: totals stay exact, peaks within their bound.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::sync::{Arc, Barrier};
use std::thread;

use bench_core::evidence::HeapRecord;
use bench_core::instrument::{
    count_current_thread_again, ignore_current_thread, mark, set_publish_threshold, since,
};

use super::{ALLOCATOR, growth, peak_over_start, record};

/// Two threads that allocate, so that there is an error to bound.
pub fn by_default_a_thread_holds_back_at_most_16_kib() {
    let record = record(|| {
        let kept = vec![1u8; 100];
        thread::spawn(|| drop(black_box(vec![1u8; 100]))).join().unwrap();
        kept
    });
    assert_eq!((record.allocating_threads, record.peak_slack_bytes), (Some(2), (2 + 1) * 16 * 1024));
}

pub fn an_ignored_thread_is_not_counted_until_it_asks() {
    let turn = Arc::new(Barrier::new(2));
    let theirs = turn.clone();
    let thread = thread::spawn(move || {
        theirs.wait();
        theirs.wait();
        ignore_current_thread();
        drop(black_box(vec![1u8; 5000]));
        count_current_thread_again();
        drop(black_box(vec![1u8; 777]));
        theirs.wait();
        theirs.wait();
    });
    turn.wait();
    let record = record(|| {
        turn.wait();
        turn.wait();
    });
    turn.wait();
    thread.join().unwrap();
    assert_eq!((record.allocated_blocks, record.allocated_bytes), (1, 777));
    assert_eq!((record.freed_blocks, growth(&record), peak_over_start(&record)), (1, 0, 777));
}

pub fn blocks_freed_by_another_thread_come_back() {
    let blocks: Vec<Vec<u8>> = (0..100).map(|_| vec![1u8; 5000]).collect();
    let turn = Arc::new(Barrier::new(2));
    let theirs = turn.clone();
    let thread = thread::spawn(move || {
        // The first wait keeps the thread's own start out of the record.
        theirs.wait();
        theirs.wait();
        drop(blocks);
        theirs.wait();
        theirs.wait();
    });
    turn.wait();
    let record = record(|| {
        turn.wait();
        turn.wait();
    });
    turn.wait();
    thread.join().unwrap();
    assert_eq!(record.freed_blocks, 101);
    assert_eq!(growth(&record), -(100 * 5000 + 100 * size_of::<Vec<u8>>() as i64));
    assert_eq!(record.allocating_threads, Some(1));
}

pub fn thread_local_destructors_may_allocate() {
    struct AllocatesWhenDropped;
    impl Drop for AllocatesWhenDropped {
        fn drop(&mut self) {
            drop(black_box(vec![1u8; 777]));
        }
    }
    thread_local!(static LAST: AllocatesWhenDropped = const { AllocatesWhenDropped });

    /// Runs after Rust's thread-local destructors, in a later round of the pthread keys' destructors.
    extern "C" fn late(_: *mut libc::c_void) {
        drop(black_box(vec![1u8; 333]));
    }
    let mut key = 0;
    // SAFETY: a valid place, and a destructor that does not unwind.
    assert_eq!(unsafe { libc::pthread_key_create(&mut key, Some(late)) }, 0);

    let without = record(|| thread::spawn(|| ()).join().unwrap());
    let with = record(|| {
        thread::spawn(move || {
            LAST.with(|_| ());
            // SAFETY: the key is valid; a non-null value makes `late` run.
            unsafe { libc::pthread_setspecific(key, (&raw const ALLOCATOR).cast()) };
        })
        .join()
        .unwrap()
    });
    assert_eq!(growth(&with), growth(&without));
    // The two closures differ in size by the captured key; the blocks do not.
    assert_eq!(with.allocated_blocks - without.allocated_blocks, 2);
    assert_eq!(with.freed_blocks - without.freed_blocks, 2);
    let closure = with.allocated_bytes - without.allocated_bytes - 777 - 333;
    assert!(closure <= 16, "{closure} bytes too many");
}

pub fn a_thousand_short_threads_leave_nothing() {
    let run = |threads: usize| {
        record(|| {
            for _ in 0..threads {
                thread::spawn(|| drop(black_box(vec![1u8; 10_000]))).join().unwrap();
            }
        })
    };
    let (hundred, thousand) = (run(100), run(1100));
    assert_eq!(growth(&thousand), growth(&hundred));
    assert_eq!(growth(&thousand), 0);
    let per_thread = hundred.allocated_blocks / 100;
    assert_eq!(thousand.allocated_blocks, 1100 * per_thread);
    assert_eq!(thousand.freed_blocks, thousand.allocated_blocks);
}

/// Whichever thread allocates, and whatever the idle ones left pending, the peak is exact.
pub fn one_allocating_thread_has_an_exact_peak() {
    // Leaves some KiB pending in each of four idle threads, and a high-water mark above it.
    let (go, done) = (Arc::new(Barrier::new(5)), Arc::new(Barrier::new(5)));
    let idle: Vec<_> = (0..4)
        .map(|i| {
            let (go, done) = (go.clone(), done.clone());
            thread::spawn(move || {
                let kept = vec![1u8; 1000 * (i + 1)];
                drop(black_box(vec![1u8; 3000]));
                done.wait();
                go.wait();
                drop(kept);
            })
        })
        .collect();
    done.wait();
    let spikes: [usize; 6] = [1, 100, 8191, 8193, 100_000, 5];
    let on_main = record(|| spikes.iter().for_each(|&bytes| drop(black_box(vec![1u8; bytes]))));
    assert_eq!((peak_over_start(&on_main), on_main.peak_slack_bytes), (100_000, 0));

    let turn = Arc::new(Barrier::new(2));
    let theirs = turn.clone();
    let worker = thread::spawn(move || {
        let kept = vec![1u8; 500];
        theirs.wait();
        theirs.wait();
        let more = vec![1u8; 6000];
        drop(black_box(vec![1u8; 1999]));
        drop((kept, more));
        theirs.wait();
        theirs.wait();
    });
    turn.wait();
    let on_worker = record(|| {
        turn.wait();
        turn.wait();
    });
    assert_eq!((peak_over_start(&on_worker), growth(&on_worker)), (7999, -500));
    assert_eq!((on_worker.allocating_threads, on_worker.peak_slack_bytes), (Some(1), 0));
    turn.wait();
    worker.join().unwrap();
    go.wait();
    idle.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Threads take turns in a random order, so that the true peak is known; the error stays within
/// `(threads + 1) * T` for every `T`, and is zero for `T = 0`.
pub fn several_threads_keep_the_bound() {
    let mut random = Random(42);
    for round in 0..120 {
        let threads = 1 + round % 8;
        let threshold = [0, 1024, 16384, 65536][(round / 8) % 4];
        set_publish_threshold(threshold as u32);
        let (record, true_peak, true_growth) = random_turns(threads, &mut random);
        let slack = if threads > 1 { (threads as u64 + 1) * threshold } else { 0 };
        let error = peak_over_start(&record).abs_diff(true_peak);
        assert!(error <= slack, "threads {threads}, T {threshold}: peak is off by {error}, bound {slack}");
        assert_eq!(record.peak_slack_bytes, slack);
        assert_eq!(growth(&record), true_growth);
    }
    set_publish_threshold(16384);
}

/// One run of `threads` threads that allocate and free in turns: the record, the true peak and the true
/// growth.
fn random_turns(threads: usize, random: &mut Random) -> (HeapRecord, u64, i64) {
    const TURNS: usize = 400;
    // Each turn: the thread, the bytes to allocate (0: free its oldest block instead).
    let mut turns: Vec<(usize, usize)> =
        (0..threads).map(|thread| (thread, 1 + random.below(5000))).collect();
    turns.extend((0..TURNS).map(|_| {
        let free = random.below(3) == 0;
        (random.below(threads), if free { 0 } else { 1 + random.below(5000) })
    }));
    let turns = Arc::new(turns);
    let current = Arc::new(AtomicUsize::new(usize::MAX));
    let ready = Arc::new(Barrier::new(threads + 1));
    let workers: Vec<_> = (0..threads)
        .map(|me| {
            let (turns, current, ready) = (turns.clone(), current.clone(), ready.clone());
            thread::spawn(move || {
                let mut kept: std::collections::VecDeque<Vec<u8>> =
                    std::collections::VecDeque::with_capacity(TURNS);
                ready.wait();
                for (turn, &(thread, bytes)) in turns.iter().enumerate() {
                    if thread == me {
                        while current.load(Acquire) != turn {
                            thread::yield_now();
                        }
                        if bytes > 0 {
                            kept.push_back(Vec::with_capacity(bytes));
                        } else {
                            kept.pop_front();
                        }
                        current.store(turn + 1, Release);
                    }
                }
                // Nothing may be freed before the record is taken.
                while current.load(Acquire) != usize::MAX {
                    thread::yield_now();
                }
                drop(kept);
            })
        })
        .collect();
    let (true_peak, true_growth) = replay(&turns, threads);
    ready.wait();
    let start = mark();
    current.store(0, Release);
    while current.load(Acquire) != turns.len() {
        thread::yield_now();
    }
    let record = since(&start, start.snapshot());
    current.store(usize::MAX, Release);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    (record, true_peak, true_growth)
}

/// The peak and the growth that the turns must have.
fn replay(turns: &[(usize, usize)], threads: usize) -> (u64, i64) {
    let mut kept: Vec<std::collections::VecDeque<usize>> = vec![Default::default(); threads];
    let (mut live, mut peak) = (0i64, 0i64);
    for &(thread, bytes) in turns {
        if bytes > 0 {
            kept[thread].push_back(bytes);
            live += bytes as i64;
        } else {
            live -= kept[thread].pop_front().unwrap_or(0) as i64;
        }
        peak = peak.max(live);
    }
    (peak as u64, live)
}

pub fn parallel_threads_keep_totals_exact() {
    const THREADS: usize = 8;
    const BLOCKS: usize = 20_000;
    let turn = Arc::new(Barrier::new(THREADS + 1));
    let workers: Vec<_> = (0..THREADS)
        .map(|_| {
            let turn = turn.clone();
            thread::spawn(move || {
                turn.wait();
                turn.wait();
                for i in 0..BLOCKS {
                    drop(black_box(Vec::<u8>::with_capacity(16 + i % 500)));
                }
                turn.wait();
                turn.wait();
            })
        })
        .collect();
    turn.wait();
    let record = record(|| {
        turn.wait();
        // A mark in the middle of the storm must lose nothing: the totals below are of the whole run.
        for _ in 0..200 {
            black_box(mark());
        }
        turn.wait();
    });
    turn.wait();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    let bytes: usize = (0..BLOCKS).map(|i| 16 + i % 500).sum();
    assert_eq!(record.allocated_blocks, (THREADS * BLOCKS) as u64);
    assert_eq!(record.allocated_bytes, (THREADS * bytes) as u64);
    assert_eq!(record.freed_blocks, record.allocated_blocks);
    assert_eq!(growth(&record), 0);
}

pub fn a_forked_child_goes_on_counting() {
    let ready = Arc::new(Barrier::new(2));
    let theirs = ready.clone();
    let bystander = thread::spawn(move || {
        let kept = vec![1u8; 1234];
        theirs.wait();
        theirs.wait();
        drop(kept);
    });
    ready.wait();
    // SAFETY: the child only allocates, counts and leaves by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let record = record(|| vec![1u8; 5000]);
        let spawned = std::panic::catch_unwind(|| thread::spawn(|| vec![1u8; 100]).join().unwrap().len());
        let right = growth(&record) == 5000 && matches!(spawned, Ok(100));
        // SAFETY: ends the child without running the parent's exit handlers.
        unsafe { libc::_exit(if right { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: `child` is our child and `status` a valid place.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "the child ended with {status:#x}");
    ready.wait();
    bystander.join().unwrap();
    let record = record(|| vec![1u8; 4321]);
    assert_eq!(growth(&record), 4321);
}

/// The parent's threads are not in the child, and it may use the memory in which their counters lie.
pub fn a_forked_child_counts_no_thread_of_its_parent() {
    let turn = Arc::new(Barrier::new(3));
    let bystanders = [(), ()].map(|()| {
        let theirs = turn.clone();
        thread::spawn(move || {
            // Once the parent has begun, and not before it has marked.
            theirs.wait();
            theirs.wait();
            let kept = black_box(vec![1u8; 1234]);
            theirs.wait();
            theirs.wait();
            drop(kept);
        })
    });
    turn.wait();
    let start = mark();
    turn.wait();
    turn.wait();
    // SAFETY: the child only allocates, counts and leaves by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(black_box(vec![1u8; 5000]));
        let record = since(&start, start.snapshot());
        let right = record.allocating_threads == Some(1) && growth(&record) == 2 * 1234;
        // SAFETY: ends the child without running the parent's exit handlers.
        unsafe { libc::_exit(if right { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: `child` is our child and `status` a valid place.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "the child ended with {status:#x}");
    turn.wait();
    bystanders.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Knuth's MMIX linear congruential generator: good enough to mix turns, and it allocates nothing.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) % bound as u64) as usize
    }
}
