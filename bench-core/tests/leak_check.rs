//! A leak check as you would write it: copy this file into the `tests/` folder of your crate and call your
//! own code.

use std::collections::HashMap;

use bench_core::instrument::{CountingAllocator, Profilable};
use bench_core::leak_detector::{LeakDetector, LeakError};

// Makes the verdict exact, to the byte, and names call sites.
#[global_allocator]
static ALLOCATOR: CountingAllocator<Profilable> = CountingAllocator::new(Profilable);

// One test in the file: others of the same binary would run beside it, and their bytes would count.
#[test]
fn counting_words_leaks_nothing() -> Result<(), LeakError> {
    let checked = LeakDetector::new().check(|| count_words("to be or not to be"))?;
    println!("{checked}");
    Ok(())
}

/// The code under test.
fn count_words(text: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts
}
