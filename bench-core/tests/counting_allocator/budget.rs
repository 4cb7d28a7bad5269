//! The memory budget where the counting allocator is the global one: the heap is read to the byte, watching
//! takes none.

use std::hint::black_box;
use std::time::Duration;

use bench_core::budget::{Bytes, Limits, MemoryBudget, OperationMonitor, Pressure};
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
