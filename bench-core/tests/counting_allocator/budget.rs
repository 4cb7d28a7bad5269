//! The memory budget where the counting allocator is the global one: the heap is read to the byte, watching
//! takes none.

use std::hint::black_box;
use std::time::Duration;

use bench_core::budget::{
    Bytes, HeapLimit, HeapLimitError, Limits, MemoryBudget, OperationMonitor, Pressure,
};
use bench_core::instrument::{mark, since};

/// Limits of everything; the heap's is for what is allocated from here on.
fn budget(heap: Bytes, max_age: Duration) -> MemoryBudget {
    let limits = Limits::default().heap(heap).process(Bytes::mib(1 << 20)).system_available(Bytes::kib(1));
    MemoryBudget::new(limits).unwrap().max_age(max_age).heap_from_here()
}

pub fn the_budget_reads_the_heap_to_the_byte() {
    let budget = budget(Bytes::new(10_000_000), Duration::ZERO);
    let before = budget.status().readings.heap.unwrap();
    let level_of = |bytes: usize| {
        let block = black_box(vec![1u8; bytes]);
        let read = budget.status().readings.heap.unwrap();
        assert_eq!(read.minus(before), Bytes::new(block.len() as u64));
        budget.check().unwrap()
    };
    assert_eq!(before, Bytes::new(0));
    for (bytes, level) in [
        (6_999_999, Pressure::Normal),
        (7_000_000, Pressure::Warning),
        (8_999_999, Pressure::Warning),
        (9_000_000, Pressure::Critical),
        (9_999_999, Pressure::Critical),
        (10_000_000, Pressure::Emergency),
    ] {
        assert_eq!(level_of(bytes), level, "{bytes} bytes");
    }
    assert_eq!(budget.check().unwrap(), Pressure::Normal, "freed");
}

pub fn a_check_of_the_budget_allocates_nothing() {
    for max_age in [Duration::from_secs(3600), Duration::ZERO] {
        let monitor = OperationMonitor::new(budget(Bytes::mib(100), max_age));
        let mut operation = monitor.start("import");
        let mut every_third = monitor.budget().check_every(3);
        operation.check().unwrap();
        let start = mark();
        // More checks than a trend keeps points.
        for _ in 0..2000 {
            black_box(monitor.budget().check().unwrap());
            black_box(monitor.budget().check_for(Bytes::mib(1)).unwrap());
            black_box(every_third.chunk().unwrap());
            operation.add(1, 1);
            black_box(operation.check().unwrap());
        }
        let heap = since(&start, start.snapshot());
        let blocks = (heap.allocated_blocks, heap.freed_blocks, heap.reallocated_blocks);
        assert_eq!(blocks, (0, 0, 0), "readings kept for {max_age:?}");
    }
}

pub fn a_calls_limit_is_exact_to_the_byte() {
    // 1,000 bytes stay, 3,000 more are live at the highest, in two blocks.
    let work = || {
        let answer = vec![1u8; 1000];
        drop(black_box(vec![1u8; 3000]));
        answer
    };
    let limit = HeapLimit::peak(Bytes::new(4000)).growth(Bytes::new(1000)).allocations(2);
    let (answer, used) = limit.check(work).unwrap();
    assert_eq!(
        (answer.len(), used.peak, used.growth_bytes, used.allocations),
        (1000, Bytes::new(4000), 1000, 2)
    );
    for limit in [
        HeapLimit::peak(Bytes::new(3999)),
        HeapLimit::peak(Bytes::new(4000)).growth(Bytes::new(999)),
        HeapLimit::peak(Bytes::new(4000)).allocations(1),
    ] {
        let error = limit.check(work).unwrap_err();
        assert_eq!(error, HeapLimitError::Exceeded { used, limit });
        assert!(error.to_string().contains("took more of the heap than it may"), "{error}");
    }
    let freed = HeapLimit::peak(Bytes::new(0)).check(|| drop(answer)).unwrap().1;
    assert_eq!((freed.peak, freed.growth_bytes, freed.allocations), (Bytes::new(0), -1000, 0));
}

pub fn a_calls_limit_tells_threads_apart() {
    let work = || std::thread::spawn(|| drop(black_box(vec![1u8; 100_000]))).join().unwrap();
    let alone = HeapLimit::peak(Bytes::mib(1));
    assert!(matches!(alone.check(work), Err(HeapLimitError::OtherThreads { operations: 2.. })));
    let ((), used) = alone.with_workers().check(work).unwrap();
    // Each thread may hold back 16 KiB.
    assert!(used.peak >= Bytes::new(100_000 - 2 * 16 * 1024), "{used:?}");
}
