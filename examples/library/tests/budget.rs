//! A service knows how near memory is to its limits.

use std::alloc::System;

use bench_core::budget::{BudgetError, Bytes, Limits, MemoryBudget, Pressure};
use bench_core::instrument::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);

#[test]
fn pressure_rises_with_the_heap() -> Result<(), BudgetError> {
    let budget =
        MemoryBudget::new(Limits::default().heap(Bytes::mib(10)))?.max_age(std::time::Duration::ZERO);
    assert_eq!(budget.check()?, Pressure::Normal);
    let block = vec![1u8; 11 << 20];
    assert_eq!(budget.check()?, Pressure::Emergency);
    drop(block);
    assert_eq!(budget.check()?, Pressure::Normal);
    assert_eq!(MemoryBudget::new(Limits::default()).err(), Some(BudgetError::NoLimit));
    Ok(())
}
