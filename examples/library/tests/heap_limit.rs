//! One call takes no more of the heap than it may.

use std::alloc::System;

use bench_core::budget::{Bytes, HeapLimit, HeapLimitError};
use bench_core::instrument::CountingAllocator;
use library_in_tests::count_words;

#[global_allocator]
static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);

#[test]
fn counting_four_words_stays_small() -> Result<(), HeapLimitError> {
    let limit = HeapLimit::peak(Bytes::kib(1)).growth(Bytes::kib(1)).allocations(10);
    let (counts, used) = limit.check(|| count_words("to be or not to be"))?;
    assert_eq!(counts["be"], 2);
    // Six words in lower case, and a table that grows once.
    assert_eq!(used.allocations, 6 + 2);

    let too_much = HeapLimit::peak(Bytes::new(16)).check(|| count_words("to be or not to be"));
    assert!(matches!(too_much, Err(HeapLimitError::Exceeded { .. })));
    Ok(())
}
