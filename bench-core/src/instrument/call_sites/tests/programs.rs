//! Small programs whose counts are known beforehand.

// The room for `unsafe`: a process is forked.
#![allow(unsafe_code)]

use std::thread;

use super::*;

#[test]
fn a_block_that_stays_is_in_total_at_the_peak_and_at_the_end() {
    let (_stays, recorded) = profile(|| allocate_at::<0>(100));
    let once = SiteTotals {
        total_bytes: 100,
        total_blocks: 1,
        peak_bytes: 100,
        peak_blocks: 1,
        end_bytes: 100,
        end_blocks: 1,
        max_bytes: 100,
        max_blocks: 1,
    };
    assert_eq!(sorted(&recorded), [once]);
}

#[test]
fn the_peak_is_of_all_paths_and_not_of_each() {
    let ((), recorded) = profile(|| {
        let small = allocate_at::<0>(100);
        drop(allocate_at::<1>(1000));
        drop(small);
        drop(allocate_at::<2>(500));
    });
    let peaks: Vec<(u64, u64)> = sorted(&recorded).iter().map(|it| (it.total_bytes, it.peak_bytes)).collect();
    assert_eq!(peaks, [(100, 100), (500, 0), (1000, 1000)]);
}

#[test]
fn of_equal_peaks_the_last_counts() {
    let ((), recorded) = profile(|| {
        drop(allocate_at::<0>(1000));
        drop(allocate_at::<1>(1000));
    });
    let peaks: Vec<u64> = sorted(&recorded).iter().map(|it| it.peak_bytes).collect();
    assert_eq!(peaks, [0, 1000]);
}

#[test]
fn a_realloc_stays_with_its_path_and_counts_whole() {
    let (_stays, recorded) = profile(|| {
        let mut block = allocate_at::<0>(100);
        block.resize(1000);
        block.resize(50);
        block
    });
    let [totals] = sorted(&recorded)[..] else { panic!("one path") };
    assert_eq!((totals.total_bytes, totals.total_blocks), (1150, 3));
    assert_eq!((totals.peak_bytes, totals.end_bytes, totals.end_blocks), (1000, 50, 1));
}

#[test]
fn what_was_live_before_is_in_no_profile_until_it_is_resized() {
    let (freed, mut resized) = {
        let _no_profile = take_turn();
        (allocate_at::<0>(100), allocate_at::<1>(200))
    };
    let ((), recorded) = profile(|| {
        drop(freed);
        resized.resize(300);
    });
    let [totals] = sorted(&recorded)[..] else { panic!("one path") };
    assert_eq!((totals.total_bytes, totals.total_blocks, totals.end_bytes), (300, 1, 300));
    let ((), next) = profile(|| drop(resized));
    assert_eq!(next.sites, []);
}

#[test]
fn alignments_up_to_64_kib_are_kept_and_counted_as_requested() {
    let ((), recorded) = profile(|| {
        for power in 0..=16 {
            let mut block = Block::new(24, 1 << power);
            block.resize(100_000);
        }
    });
    let total: u64 = sorted(&recorded).iter().map(|totals| totals.total_bytes).sum();
    assert_eq!(total, 17 * (24 + 100_000));
}

#[test]
fn a_block_freed_by_another_thread_is_gone_from_its_path() {
    let ((), recorded) = profile(|| {
        let blocks: Vec<Block> = (0..100).map(|_| allocate_at::<0>(10)).collect();
        thread::scope(|scope| scope.spawn(move || drop(blocks)).join().unwrap());
    });
    let [totals] = sorted(&recorded)[..] else { panic!("one path") };
    assert_eq!((totals.total_blocks, totals.peak_blocks, totals.end_blocks), (100, 100, 0));
}

#[test]
fn paths_differ_by_every_caller() {
    #[inline(never)]
    fn through<const N: usize>(depth: usize) -> Block {
        let block = if depth == 0 { allocate_at::<0>(1) } else { through::<N>(depth - 1) };
        black_box(N);
        block
    }
    let ((), recorded) = profile(|| {
        for depth in 0..50 {
            drop(through::<0>(depth));
            drop(through::<1>(depth));
            drop(through::<0>(depth));
        }
    });
    let mut blocks: Vec<u64> = sorted(&recorded).iter().map(|totals| totals.total_blocks).collect();
    // One call of the loop for each line and depth.
    blocks.sort();
    assert_eq!(blocks, [1; 150]);
}

#[test]
fn a_thousand_short_threads_share_a_few_tables() {
    let ((), recorded) = profile(|| {
        for _ in 0..1000 {
            thread::scope(|scope| scope.spawn(|| drop(allocate_at::<0>(64))).join().unwrap());
        }
    });
    let [totals] = sorted(&recorded)[..] else { panic!("one path") };
    assert_eq!((totals.total_blocks, totals.peak_bytes, totals.end_blocks), (1000, 64, 0));
    assert!(super::super::thread_table::all().count() < 200);
}

#[test]
fn allocation_in_a_destructor_of_thread_local_storage_is_counted() {
    struct Last;
    impl Drop for Last {
        fn drop(&mut self) {
            drop(allocate_at::<7>(77));
        }
    }
    thread_local!(static LAST: Last = const { Last });
    let ((), recorded) = profile(|| {
        thread::spawn(|| {
            LAST.with(|_| drop(allocate_at::<0>(1)));
        })
        .join()
        .unwrap();
    });
    let totals: Vec<u64> = sorted(&recorded).iter().map(|totals| totals.total_bytes).collect();
    assert_eq!(totals, [1, 77]);
}

#[test]
fn a_panic_that_is_caught_leaves_the_walk_right() {
    let ((), recorded) = profile(|| {
        for _ in 0..3 {
            let caught = std::panic::catch_unwind(|| {
                let _held = allocate_at::<0>(10);
                std::panic::resume_unwind(Box::new(()));
            });
            assert!(caught.is_err());
            drop(allocate_at::<1>(20));
        }
    });
    let blocks: Vec<(u64, u64)> =
        sorted(&recorded).iter().map(|it| (it.total_bytes, it.total_blocks)).collect();
    assert_eq!(blocks, [(30, 3), (60, 3)]);
}

#[test]
fn a_forked_child_goes_on_counting() {
    let (status, _) = profile(|| {
        let held = allocate_at::<0>(10);
        // SAFETY: the child calls the allocator and the profiler, neither of which waits for a lost thread.
        let child = unsafe { libc::fork() };
        if child == 0 {
            drop(held);
            drop(allocate_at::<9>(33));
            let recorded = recorder::stop();
            let right = recorded.sites.iter().any(|(_, totals)| totals.total_bytes == 33);
            // SAFETY: ends the child without its parent's handlers.
            unsafe { libc::_exit(i32::from(!right)) };
        }
        let mut status = -1;
        // SAFETY: `status` is a valid place.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        status
    });
    assert_eq!(status, 0);
}
