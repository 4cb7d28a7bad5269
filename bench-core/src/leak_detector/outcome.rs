//! What a check found: the facts, a leak with its call sites, or why there is no verdict.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::call_sites::CallSites;
use crate::instrument::{ProcessProbe, open_descriptors};
use crate::leak::{Diagnosis, PROCESSES, Shape, Trend};

/// What a check saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Where the bytes were read.
    pub source: ReadingSource,
    /// Iterations, those of the warm-up among them; on RSS, in each process.
    pub iterations: usize,
    /// Bytes at the end of the first iteration behind the warm-up.
    pub first_bytes: u64,
    /// Bytes at the end of the last iteration.
    pub last_bytes: u64,
    /// The bytes over the iterations behind the warm-up; on RSS, of the process in the middle.
    pub trend: Trend,
    /// What the rule says of the slope.
    pub finding: Diagnosis,
    /// Threads behind the warm-up and at the end, where they were watched.
    pub threads: Option<BeforeAfter>,
    /// Open file descriptors behind the warm-up and at the end, where they were watched.
    pub descriptors: Option<BeforeAfter>,
}

/// Where bytes were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingSource {
    /// Live bytes of the counting allocator: exact.
    Heap,
    /// RSS anon of fresh processes: weaker. It sees pages, so it misses less than 512 bytes per iteration and
    /// overstates what it finds.
    Rss,
}

/// A number before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeAfter {
    /// Behind the warm-up.
    pub before: u64,
    /// At the end.
    pub after: u64,
}

/// What can grow too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrowthLimit {
    /// Bytes per iteration.
    Slope,
    /// Bytes over all iterations, as a share of the baseline.
    Growth,
    /// Threads.
    Threads,
    /// Open file descriptors.
    Descriptors,
}

/// A check without a clean verdict. Its `Debug` is its `Display`, so that `unwrap` and `?` in a test print it
/// well.
pub enum LeakError {
    /// Something stays.
    Leak(Box<Leak>),
    /// There is no verdict.
    CannotTell(CannotTell),
}

/// What stays, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Leak {
    /// What grew too much; at least one.
    pub broken: Vec<GrowthLimit>,
    /// What was seen.
    pub checked: Checked,
    /// The growth that was allowed, if one was named.
    pub max_growth: Option<f64>,
    /// Where the bytes come from.
    pub call_sites: CallSites,
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq)]
pub enum CannotTell {
    /// Other threads called the allocator during the iterations, so the bytes could be theirs.
    OtherThreads {
        /// How often.
        operations: u64,
    },
    /// RSS needs fresh processes, and the test's name, by which they would be started, is not known.
    NoTestName,
    /// A fresh process did not do what it should.
    Process(String),
    /// Memory could not be read.
    Unreadable(String),
}

impl From<CannotTell> for LeakError {
    fn from(reason: CannotTell) -> LeakError {
        LeakError::CannotTell(reason)
    }
}

impl std::error::Error for LeakError {}

impl fmt::Debug for LeakError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for LeakError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeakError::Leak(leak) => leak.fmt(f),
            LeakError::CannotTell(reason) => write!(f, "cannot tell whether it leaks: {reason}"),
        }
    }
}

impl fmt::Display for CannotTell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CannotTell::OtherThreads { operations } => write!(
                f,
                "other threads called the allocator {operations} times meanwhile, and their bytes count, too.\n  If these \
                 are other tests: give this test a file of its own below tests/, or run with --test-threads=1 or under \
                 nextest,\n  or say .only_this_thread() if the work stays on its thread.\n  If they are the work's own \
                 threads: say .with_workers()."
            ),
            CannotTell::NoTestName => write!(
                f,
                "without the counting allocator it takes {PROCESSES} fresh processes, and this is not a test that can \
                 be started by its name.\n  Call the detector on the thread of a #[test], or make the verdict exact with \
                 a #[global_allocator] of CountingAllocator<Profilable>."
            ),
            CannotTell::Process(reason) => write!(f, "the test in a fresh process: {reason}"),
            CannotTell::Unreadable(reason) => write!(f, "memory could not be read: {reason}"),
        }
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.trend.line.slope_interval;
        write!(
            f,
            "{} {} B -> {} B ({:+.1} %), slope {:.1} B per iteration (95 % interval {low:.1} to {high:.1}), {} iterations",
            self.source,
            self.first_bytes,
            self.last_bytes,
            self.trend.growth * 100.0,
            self.trend.line.slope,
            self.iterations,
        )?;
        for (name, change) in [("threads", self.threads), ("descriptors", self.descriptors)] {
            if let Some(BeforeAfter { before, after }) = change {
                write!(f, ", {name} {before} -> {after}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for ReadingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadingSource::Heap => f.write_str("live heap"),
            ReadingSource::Rss => write!(
                f,
                "RSS (weaker than counting: blind below 512 B per iteration, and it overstates; middle one of {PROCESSES} \
                 processes)"
            ),
        }
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, watch) in self.broken.iter().enumerate() {
            f.write_str(if i == 0 { "leak: " } else { "\n      " })?;
            self.describe(*watch, f)?;
        }
        write!(f, "\n  {}", self.checked)?;
        if self.broken.iter().any(|watch| matches!(watch, GrowthLimit::Slope | GrowthLimit::Growth)) {
            write!(f, "\n{}", self.call_sites)?;
        }
        Ok(())
    }
}

impl Leak {
    fn describe(&self, watch: GrowthLimit, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checked { trend, threads, descriptors, .. } = &self.checked;
        let more = |change: &Option<BeforeAfter>| change.map_or(0, |change| change.after - change.before);
        match watch {
            GrowthLimit::Slope if self.checked.finding == Diagnosis::Leak(Shape::Doubling) => {
                f.write_str("a collection only grows: live bytes never fall and rise in doubling steps")
            }
            GrowthLimit::Slope => {
                write!(f, "{:.1} B stay from each iteration (p = {:.0e})", trend.line.slope, trend.p)
            }
            GrowthLimit::Growth => {
                let limit = self.max_growth.unwrap_or_default() * 100.0;
                write!(f, "live bytes grew by {:.1} %, allowed are {limit:.1} %", trend.growth * 100.0)
            }
            GrowthLimit::Threads => write!(f, "{} more threads than behind the warm-up", more(threads)),
            GrowthLimit::Descriptors => {
                write!(f, "{} more open file descriptors than behind the warm-up", more(descriptors))
            }
        }
    }
}

/// How many threads and descriptors there are at a moment.
pub(super) struct Standing {
    threads: Option<u64>,
    descriptors: Option<u64>,
}

impl Standing {
    pub(super) fn read() -> Standing {
        let memory = ProcessProbe::open().ok().and_then(|probe| probe.read());
        Standing { threads: memory.and_then(|memory| memory.threads), descriptors: open_descriptors() }
    }

    pub(super) fn threads_until(&self, later: &Standing) -> Option<BeforeAfter> {
        Some(BeforeAfter { before: self.threads?, after: later.threads? })
    }

    pub(super) fn descriptors_until(&self, later: &Standing) -> Option<BeforeAfter> {
        Some(BeforeAfter { before: self.descriptors?, after: later.descriptors? })
    }
}
