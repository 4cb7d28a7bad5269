//! A limit on the heap of one call: for tests.

use std::fmt;
use std::hint::black_box;
use std::time::Duration;

use super::bytes::Bytes;
use crate::instrument::{
    HeapSnapshot, counted_by_all_threads, counted_by_this_thread, is_counting, mark, since,
};

/// How long other threads must not have called the allocator before the call is made, and how often that is
/// waited for.
const WAIT: Duration = Duration::from_millis(1);
const MOST_WAITS: u32 = 50;

/// What one call may take of the heap. Three lines make a test, below the `#[global_allocator]` line:
///
/// ```
/// use std::alloc::System;
///
/// use bench_core::budget::{Bytes, HeapLimit, HeapLimitError};
/// use bench_core::instrument::CountingAllocator;
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);
///
/// # fn main() -> Result<(), HeapLimitError> {
/// let (words, used) = HeapLimit::peak(Bytes::kib(1)).check(|| vec![0u64; 100])?;
/// assert_eq!((words.len(), used.peak, used.growth_bytes, used.allocations), (100, Bytes::new(800), 800, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a limit does nothing before `check`"]
pub struct HeapLimit {
    peak: Bytes,
    growth: Option<Bytes>,
    allocations: Option<u64>,
    with_workers: bool,
}

/// What one call took of the heap, exactly: in bytes that were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapUse {
    /// Live bytes at the highest, above those that were live before.
    pub peak: Bytes,
    /// Live bytes that stay when it has returned, those of its answer among them; below zero where it freed
    /// more than it made.
    pub growth_bytes: i64,
    /// Blocks that it asked for; a block that grows or shrinks is none.
    pub allocations: u64,
}

/// A call without a clean verdict. Its `Debug` is its `Display`, so that `unwrap` and `?` in a test print it
/// well.
#[derive(Clone, PartialEq, Eq)]
pub enum HeapLimitError {
    /// It took more than it may.
    Exceeded {
        /// What it took.
        used: HeapUse,
        /// What it may take.
        limit: HeapLimit,
    },
    /// The counting allocator is not this program's `#[global_allocator]`.
    NotCounting,
    /// Other threads called the allocator meanwhile, so the bytes could be theirs.
    OtherThreads {
        /// How often.
        operations: u64,
    },
}

impl HeapLimit {
    /// Live bytes may rise by so many above what is live before the call.
    pub const fn peak(most: Bytes) -> HeapLimit {
        HeapLimit { peak: most, growth: None, allocations: None, with_workers: false }
    }

    /// So many bytes may stay when the call has returned, those of its answer among them.
    pub const fn growth(mut self, most: Bytes) -> HeapLimit {
        self.growth = Some(most);
        self
    }

    /// The call may ask for so many blocks.
    pub const fn allocations(mut self, most: u64) -> HeapLimit {
        self.allocations = Some(most);
        self
    }

    /// The call uses threads of its own, and nothing else runs in the process: the bytes of all threads are
    /// the call's, and its peak may be off by some KiB a thread.
    pub const fn with_workers(mut self) -> HeapLimit {
        self.with_workers = true;
        self
    }

    /// Makes the call; what comes back is its answer and what it took.
    ///
    /// # Errors
    /// When it took more, or when nobody can tell.
    pub fn check<T>(&self, work: impl FnOnce() -> T) -> Result<(T, HeapUse), HeapLimitError> {
        if !is_counting() {
            return Err(HeapLimitError::NotCounting);
        }
        let by_others =
            || counted_by_all_threads().operations.saturating_sub(counted_by_this_thread().operations);
        let others = quiet(by_others);
        let start = mark();
        let answer = black_box(work());
        let seen = since(&start, HeapSnapshot { live_bytes: 0, live_blocks: 0 });
        let others = by_others().saturating_sub(others);
        if others > 0 && !self.with_workers {
            return Err(HeapLimitError::OtherThreads { operations: others });
        }
        let used = HeapUse {
            peak: Bytes::new(seen.peak_live_bytes.saturating_sub(seen.start_live_bytes)),
            growth_bytes: seen.end_live_bytes as i64 - seen.start_live_bytes as i64,
            allocations: seen.allocated_blocks,
        };
        let is_kept = used.peak <= self.peak
            && self.growth.is_none_or(|most| used.growth_bytes <= most.get() as i64)
            && self.allocations.is_none_or(|most| used.allocations <= most);
        if is_kept { Ok((answer, used)) } else { Err(HeapLimitError::Exceeded { used, limit: *self }) }
    }
}

/// The count once it stands still: a test runner is still busy when its test begins.
fn quiet(count: impl Fn() -> u64) -> u64 {
    let mut last = count();
    for _ in 0..MOST_WAITS {
        std::thread::sleep(WAIT);
        let now = count();
        if now == last {
            break;
        }
        last = now;
    }
    last
}

impl std::error::Error for HeapLimitError {}

impl fmt::Debug for HeapLimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for HeapLimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeapLimitError::Exceeded { used, limit } => {
                write!(
                    f,
                    "the call took more of the heap than it may: peak {}, at most {}",
                    used.peak, limit.peak
                )?;
                if let Some(most) = limit.growth {
                    write!(f, "; {} B stay, at most {most}", used.growth_bytes)?;
                }
                if let Some(most) = limit.allocations {
                    write!(f, "; {} allocations, at most {most}", used.allocations)?;
                }
                Ok(())
            }
            HeapLimitError::NotCounting => f.write_str(
                "the heap is not counted: make CountingAllocator this program's #[global_allocator]",
            ),
            HeapLimitError::OtherThreads { operations } => write!(
                f,
                "other threads called the allocator {operations} times meanwhile, and their bytes count, too.\n  If these \
                 are other tests: give this test a file of its own below tests/, or run with --test-threads=1 or under \
                 nextest.\n  If they are the call's own threads: say .with_workers()."
            ),
        }
    }
}
