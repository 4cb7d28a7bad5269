//! Calibration of the counting allocator: programs whose byte counts are known beforehand.
//!
//! The checks run one after the other on the main thread, because a test runner's own allocations would
//! count. Run it under valgrind, too: `valgrind target/debug/deps/counting_allocator-*`.

// Calling the allocator directly, and fork(2), are what is tested.
#![allow(unsafe_code)]

mod budget;
mod planted_defect;
mod threads;

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;

use bench_core::evidence::HeapRecord;
use bench_core::instrument::{CountingAllocator, ProcessProbe, mark, since};

#[global_allocator]
static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// A check's name and body.
type Check = (&'static str, fn());

const CHECKS: &[Check] = &[
    // The first: others set the threshold.
    ("by_default_a_thread_holds_back_at_most_16_kib", threads::by_default_a_thread_holds_back_at_most_16_kib),
    ("blocks_are_counted_to_the_byte", blocks_are_counted_to_the_byte),
    ("a_block_that_shrinks_gives_back_what_it_lost", a_block_that_shrinks_gives_back_what_it_lost),
    ("a_failed_allocation_is_not_counted", a_failed_allocation_is_not_counted),
    ("zeroed_memory_stays_untouched", zeroed_memory_stays_untouched),
    ("a_growing_vec_peaks_at_its_size", a_growing_vec_peaks_at_its_size),
    ("alignments_to_64_kib_are_counted_in_requested_bytes", alignments_are_counted_in_requested_bytes),
    ("blocks_freed_by_another_thread_come_back", threads::blocks_freed_by_another_thread_come_back),
    ("thread_local_destructors_may_allocate", threads::thread_local_destructors_may_allocate),
    ("a_thousand_short_threads_leave_nothing", threads::a_thousand_short_threads_leave_nothing),
    ("one_allocating_thread_has_an_exact_peak", threads::one_allocating_thread_has_an_exact_peak),
    ("several_threads_keep_the_bound", threads::several_threads_keep_the_bound),
    ("parallel_threads_keep_totals_exact", threads::parallel_threads_keep_totals_exact),
    (
        "an_ignored_thread_is_not_counted_until_it_asks",
        threads::an_ignored_thread_is_not_counted_until_it_asks,
    ),
    ("a_forked_child_goes_on_counting", threads::a_forked_child_goes_on_counting),
    ("a_forked_child_counts_no_thread_of_its_parent", threads::a_forked_child_counts_no_thread_of_its_parent),
    ("the_budget_reads_the_heap_to_the_byte", budget::the_budget_reads_the_heap_to_the_byte),
    ("a_check_of_the_budget_allocates_nothing", budget::a_check_of_the_budget_allocates_nothing),
    ("a_calls_limit_is_exact_to_the_byte", budget::a_calls_limit_is_exact_to_the_byte),
    ("a_calls_limit_tells_threads_apart", budget::a_calls_limit_tells_threads_apart),
];

fn main() {
    if let Ok(name) = std::env::var(planted_defect::VARIABLE) {
        return planted_defect::plant(&name);
    }
    // Some test runners ask for the list.
    if std::env::args().any(|argument| argument == "--list") {
        CHECKS.iter().for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let selected: Vec<&Check> = CHECKS
        .iter()
        .filter(|(name, _)| filter.as_ref().is_none_or(|part| name.contains(part.as_str())))
        .collect();
    println!("\nrunning {} tests", selected.len());
    let failed = selected.iter().filter(|(name, check)| !passes(name, *check)).count();
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    let (passed, filtered) = (selected.len() - failed, CHECKS.len() - selected.len());
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {filtered} filtered out\n"
    );
    std::process::exit(if failed == 0 { 0 } else { 101 });
}

fn passes(name: &str, check: fn()) -> bool {
    let passed = std::panic::catch_unwind(check).is_ok();
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    passed
}

/// What the counters saw of `work`; its answer is dropped afterwards.
fn record<T>(work: impl FnOnce() -> T) -> HeapRecord {
    let start = mark();
    let answer = black_box(work());
    let record = since(&start, start.snapshot());
    drop(answer);
    record
}

fn growth(record: &HeapRecord) -> i64 {
    record.end_live_bytes as i64 - record.start_live_bytes as i64
}

fn peak_over_start(record: &HeapRecord) -> u64 {
    record.peak_live_bytes - record.start_live_bytes
}

fn blocks_are_counted_to_the_byte() {
    let record = record(|| {
        let kept = (Box::new([0u8; 64]), Vec::<u32>::with_capacity(1000), vec![1u8; 4097]);
        drop(black_box(vec![0u64; 12_345]));
        kept
    });
    let kept = 64 + 4000 + 4097;
    assert_eq!(growth(&record), kept);
    assert_eq!(record.allocated_bytes, kept as u64 + 12_345 * 8);
    assert_eq!(record.allocated_blocks, 4);
    assert_eq!(record.freed_blocks, 1);
    assert_eq!(record.end_live_blocks - record.base_live_blocks.unwrap(), 3);
    assert_eq!(peak_over_start(&record), kept as u64 + 12_345 * 8);
    assert_eq!((record.allocating_threads, record.peak_slack_bytes), (Some(1), 0));
}

fn a_block_that_shrinks_gives_back_what_it_lost() {
    let record = record(|| {
        let mut block = Vec::<u8>::with_capacity(4096);
        black_box(&mut block).shrink_to(1000);
        black_box(&mut block).reserve_exact(3000);
        block
    });
    assert_eq!((growth(&record), peak_over_start(&record)), (3000, 4096));
    assert_eq!((record.allocated_blocks, record.allocated_bytes), (1, 4096));
    assert_eq!(record.reallocated_blocks, 2);
}

fn a_failed_allocation_is_not_counted() {
    let record = record(|| {
        let impossible = Layout::from_size_align(isize::MAX as usize - 4096, 8).unwrap();
        let small = Layout::from_size_align(64, 8).unwrap();
        // SAFETY: layouts of non-zero size; what succeeds is freed with the layout it was made with.
        unsafe {
            // The compiler may assume that a malloc whose result is only compared with null succeeds.
            assert!(black_box(ALLOCATOR.alloc(impossible)).is_null());
            assert!(black_box(ALLOCATOR.alloc_zeroed(impossible)).is_null());
            let block = black_box(ALLOCATOR.alloc(small));
            assert!(black_box(ALLOCATOR.realloc(block, small, isize::MAX as usize - 4096)).is_null());
            ALLOCATOR.dealloc(block, small);
        }
    });
    assert_eq!((record.allocated_blocks, record.allocated_bytes), (1, 64));
    assert_eq!((record.reallocated_blocks, record.freed_blocks, growth(&record)), (0, 1, 0));
}

fn zeroed_memory_stays_untouched() {
    if std::env::var_os("UNDER_VALGRIND").is_some() {
        // valgrind's own bookkeeping of the block is resident.
        return;
    }
    let probe = ProcessProbe::open().unwrap();
    let before = probe.read().unwrap();
    let record = record(|| {
        let zeroed = vec![0u8; 1 << 30];
        let after = probe.read().unwrap();
        let touched = after.rss_bytes.saturating_sub(before.rss_bytes);
        assert!(touched < 2 * MIB, "1 GiB of zeroes made {touched} bytes resident");
        zeroed
    });
    assert_eq!(growth(&record), 1 << 30);
}

fn a_growing_vec_peaks_at_its_size() {
    let record = record(|| {
        let mut grown: Vec<u8> = Vec::new();
        for size in [1000, 2000, 300_000, 64 << 20] {
            grown.reserve_exact(size - grown.len());
        }
        grown
    });
    assert_eq!((record.allocated_blocks, record.allocated_bytes), (1, 1000));
    assert_eq!((record.reallocated_blocks, record.reallocated_bytes), (3, 2000 + 300_000 + (64 << 20)));
    assert_eq!((growth(&record), peak_over_start(&record)), (64 << 20, 64 << 20));
}

fn alignments_are_counted_in_requested_bytes() {
    for align in (3..=16).map(|power| 1usize << power) {
        let layout = Layout::from_size_align(align * 3 + 1, align).unwrap();
        let record = record(|| {
            // SAFETY: the size is not zero; the block is freed with its layout.
            unsafe {
                let block = ALLOCATOR.alloc(layout);
                assert_eq!(block as usize % align, 0);
                block.write_bytes(7, layout.size());
                ALLOCATOR.dealloc(block, layout);
            }
        });
        assert_eq!(record.allocated_bytes, layout.size() as u64);
        assert_eq!(peak_over_start(&record), layout.size() as u64);
        assert_eq!(growth(&record), 0);
    }
}
