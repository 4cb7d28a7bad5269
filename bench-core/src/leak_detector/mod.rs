//! The leak detector: runs the same work again and again and says whether something stays from each
//! iteration.
//!
//! Three lines make a test, below a `#[global_allocator]` line that makes it exact:
//!
//! ```no_run
//! use bench_core::instrument::{CountingAllocator, Profilable};
//! use bench_core::leak_detector::{LeakDetector, LeakError};
//!
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator<Profilable> = CountingAllocator::new(Profilable);
//!
//! # fn search() -> Vec<u32> { Vec::new() }
//! #[test]
//! fn a_search_leaks_nothing() -> Result<(), LeakError> {
//!     LeakDetector::new().check(|| search()).map(drop)
//! }
//! ```
//!
//! With the counting allocator the verdict is on exact live bytes, by [`crate::leak::judge`]. When it is a
//! leak, the work runs again under dhat, in the same process, and the error names the call sites whose live
//! bytes grew. Without the allocator the verdict is on RSS, by [`crate::leak::rss_rises`]: weaker, and only
//! after the test has been run in five fresh processes. Threads and open file descriptors are watched in
//! either case.
//!
//! `cargo test` runs the tests of one binary in parallel. Where another thread allocated meanwhile the
//! detector cannot tell whose bytes it saw, and says so instead of guessing ([`CannotTell::OtherThreads`]):
//! put the test into a file of its own below `tests/`, or run with `--test-threads=1` or under nextest, or
//! say [`LeakDetector::only_this_thread`].

mod call_sites;
mod fresh_processes;
mod heap;
mod outcome;

use std::hint::black_box;
use std::panic::Location;

pub use call_sites::{CallSites, GrowingSite};
pub use outcome::{BeforeAfter, CannotTell, Checked, GrowthLimit, Leak, LeakError, ReadingSource};

use crate::instrument::is_counting;
use crate::leak::{Diagnosis, MEASURED, Shape};

/// Checks work for leaks; says what is allowed and what runs beside.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a detector does nothing before `check`"]
pub struct LeakDetector {
    /// Bytes per iteration that are no leak.
    max_slope: Option<f64>,
    /// The share of the baseline by which live bytes may grow over all iterations.
    max_growth: Option<f64>,
    iterations: usize,
    beside: Beside,
    more_threads: u64,
    more_descriptors: u64,
}

/// What may allocate while the work runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    /// Nothing: all live bytes are the work's, and another thread that allocates makes the verdict
    /// impossible.
    Nothing,
    /// Threads of the work: all live bytes are the work's.
    Workers,
    /// Other tests: the bytes of the calling thread are the work's.
    Others,
}

impl Default for LeakDetector {
    fn default() -> Self {
        LeakDetector::new()
    }
}

impl LeakDetector {
    /// Allows nothing to stay: any confirmed rise is a leak. 8 iterations of warm-up, 24 measured ones, and
    /// 48 more to confirm a suspect.
    pub fn new() -> LeakDetector {
        LeakDetector {
            max_slope: Some(0.0),
            max_growth: None,
            iterations: MEASURED,
            beside: Beside::Nothing,
            more_threads: 0,
            more_descriptors: 0,
        }
    }

    /// Allows live bytes to grow by 10 % over the iterations behind the warm-up: critical, long-running work.
    pub fn conservative() -> LeakDetector {
        LeakDetector { max_slope: None, ..LeakDetector::new() }.max_growth(0.10)
    }

    /// Allows live bytes to grow by 20 %: usual work.
    pub fn normal() -> LeakDetector {
        LeakDetector { max_slope: None, ..LeakDetector::new() }.max_growth(0.20)
    }

    /// Allows live bytes to grow by 30 %: work that keeps something on purpose.
    pub fn permissive() -> LeakDetector {
        LeakDetector { max_slope: None, ..LeakDetector::new() }.max_growth(0.30)
    }

    /// Calls a confirmed rise of more than so many bytes per iteration a leak.
    pub fn max_slope(mut self, bytes_per_iteration: f64) -> LeakDetector {
        self.max_slope = Some(bytes_per_iteration);
        self
    }

    /// Calls a growth of more than this share of the baseline a leak (0.1 is 10 %), see
    /// [`crate::leak::growth`]. The baseline is all that the process holds, so in a small one a small cache
    /// is a large share.
    pub fn max_growth(mut self, share: f64) -> LeakDetector {
        self.max_growth = Some(share);
        self
    }

    /// Measures so many iterations behind the warm-up, at least 24: more find what leaks now and then.
    pub fn iterations(mut self, iterations: usize) -> LeakDetector {
        self.iterations = iterations.max(MEASURED);
        self
    }

    /// Allows so many more threads at the end than behind the warm-up.
    pub fn allow_threads(mut self, more: u64) -> LeakDetector {
        self.more_threads = more;
        self
    }

    /// Allows so many more open file descriptors at the end than behind the warm-up.
    pub fn allow_descriptors(mut self, more: u64) -> LeakDetector {
        self.more_descriptors = more;
        self
    }

    /// The work uses threads of its own (a pool, a runtime), and nothing else runs in the process: the bytes
    /// of all threads are the work's.
    pub fn with_workers(mut self) -> LeakDetector {
        self.beside = Beside::Workers;
        self
    }

    /// Other tests may run beside, and the work neither starts threads nor hands memory to any: the bytes of
    /// this thread are the work's. Threads and descriptors are not watched, as they could be the others'.
    /// Only with the counting allocator; RSS is always that of a process of its own.
    pub fn only_this_thread(mut self) -> LeakDetector {
        self.beside = Beside::Others;
        self
    }

    /// Runs `work` again and again and judges what stays. What it returns is dropped within its iteration.
    ///
    /// # Errors
    /// [`LeakError::Leak`] with what grew and where; [`LeakError::CannotTell`] when there is no verdict, with
    /// what to do.
    #[track_caller]
    pub fn check<T>(&self, mut work: impl FnMut() -> T) -> Result<Checked, LeakError> {
        let place = Location::caller();
        let mut iteration = || drop(black_box(work()));
        if is_counting() {
            let checked = heap::observe(self, &mut iteration)?;
            // What doubles its room does so before as many iterations have run again.
            let again = match checked.finding {
                Diagnosis::Leak(Shape::Doubling) => checked.iterations + 2,
                _ => call_sites::ITERATIONS,
            };
            self.verdict(checked, || call_sites::growing(again, &mut iteration))
        } else {
            let checked = fresh_processes::observe(self, &mut iteration, place)?;
            let why = "the program has no `#[global_allocator]` of `CountingAllocator<Profilable>`";
            self.verdict(checked, || CallSites::Unknown(why.into()))
        }
    }

    fn verdict(&self, checked: Checked, sites: impl FnOnce() -> CallSites) -> Result<Checked, LeakError> {
        let grew =
            |change: Option<BeforeAfter>, more: u64| change.is_some_and(|it| it.after > it.before + more);
        let broken: Vec<GrowthLimit> = [
            (GrowthLimit::Slope, matches!(checked.finding, Diagnosis::Leak(_))),
            (GrowthLimit::Growth, self.max_growth.is_some_and(|limit| checked.trend.growth > limit)),
            (GrowthLimit::Threads, grew(checked.threads, self.more_threads)),
            (GrowthLimit::Descriptors, grew(checked.descriptors, self.more_descriptors)),
        ]
        .into_iter()
        .filter_map(|(watch, is_broken)| is_broken.then_some(watch))
        .collect();
        if broken.is_empty() {
            return Ok(checked);
        }
        let of_bytes = broken.iter().any(|watch| matches!(watch, GrowthLimit::Slope | GrowthLimit::Growth));
        let call_sites = if of_bytes { sites() } else { CallSites::Unknown("no bytes grew".into()) };
        Err(LeakError::Leak(Box::new(Leak { broken, checked, max_growth: self.max_growth, call_sites })))
    }
}
