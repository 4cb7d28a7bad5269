//! Nothing stays from a call. One test a file: others of the same program would run beside it.

use bench_core::instrument::{CountingAllocator, Profilable};
use bench_core::leak_detector::{LeakDetector, LeakError};
use library_in_tests::count_words;

#[global_allocator]
static ALLOCATOR: CountingAllocator<Profilable> = CountingAllocator::new(Profilable);

#[test]
fn counting_words_leaks_nothing() -> Result<(), LeakError> {
    LeakDetector::new().check(|| count_words("to be or not to be"))?;

    // What does leak is found, with its place.
    let leak = LeakDetector::new().check(|| std::mem::forget(count_words("a leak")));
    let Err(LeakError::Leak(leak)) = leak else { panic!("no leak was found") };
    assert!(leak.to_string().contains("count_words"), "{leak}");
    Ok(())
}
