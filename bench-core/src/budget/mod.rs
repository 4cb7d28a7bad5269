//! A memory budget: limits for the heap, the process and the system, and how near memory is to them.
//!
//! A service asks it before and while it takes on work, and takes less at once when memory gets short. Here
//! imports are cut into batches:
//!
//! ```
//! use std::alloc::System;
//!
//! use bench_core::budget::{Bytes, Limits, MemoryBudget, OperationMonitor, Pressure};
//! use bench_core::instrument::CountingAllocator;
//!
//! // Without this line the heap is absent, and the limits of process and system hold alone.
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);
//!
//! # fn import(documents: &[String]) -> Vec<Vec<u8>> {
//! #     documents.iter().map(|document| document.clone().into_bytes()).collect()
//! # }
//! # fn main() -> anyhow::Result<()> {
//! # let documents = vec!["a document".to_string(); 100];
//! let limits = Limits::default()
//!     .heap(Bytes::mib(500))
//!     .process(Bytes::mib(4096))
//!     .system_available(Bytes::mib(1));
//! let monitor = OperationMonitor::new(MemoryBudget::new(limits)?);
//!
//! let mut operation = monitor.start("import");
//! let (mut waiting, mut batch) = (documents.as_slice(), 1);
//! while !waiting.is_empty() {
//!     let (now, later) = waiting.split_at(batch.min(waiting.len()));
//!     import(now);
//!     waiting = later;
//!     operation.add(now.len() as u64, now.iter().map(|document| document.len() as u64).sum());
//!     batch = match operation.check()? {
//!         Pressure::Normal => batch * 2,
//!         Pressure::Warning => (batch / 2).max(1),
//!         Pressure::Critical => 1,
//!         Pressure::Emergency => anyhow::bail!("out of memory: {}", monitor.budget().status()),
//!     };
//! }
//! println!("{}", operation.end()); // import: 100 items in 0.1 s, 1,000 per second, ...
//! # Ok(())
//! # }
//! ```

mod bytes;
mod error;
mod heap_limit;
mod operation;
mod pressure;
mod status;
mod trend;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use bytes::Bytes;
pub use error::BudgetError;
pub use heap_limit::{HeapLimit, HeapLimitError, HeapUse};
pub use operation::{Operation, OperationMonitor, OperationReport, Trends};
pub use pressure::{LevelCounts, Pressure};
pub use status::{Limits, Readings, Status};
pub use trend::{Growth, ThinnedReadings};

use crate::instrument::{ProcessProbe, SystemProbe, is_counting, live_bytes};

/// For how long a reading stands for the next ones: reading everything takes some 40 us, a check that finds a
/// reading some 40 ns.
const MAX_AGE: Duration = Duration::from_millis(100);

/// Limits, and what reads memory. Threads may share it; a check allocates nothing.
pub struct MemoryBudget {
    limits: Limits,
    sources: Sources,
    /// Live bytes that the heap's limit does not count.
    heap_base: Bytes,
    max_age: Duration,
    last: Mutex<Option<(Status, WantedReadings)>>,
}

/// Which readings are taken: each costs some microseconds, and a check needs those that have a limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WantedReadings {
    /// What has a limit.
    Limited,
    /// What can be shown, too.
    All,
}

impl MemoryBudget {
    /// A budget with these limits. A reading is kept for 100 ms.
    ///
    /// # Errors
    /// When there is no limit or one of 0, or when nothing that has a limit can be read: such a budget would
    /// always say that all is well.
    pub fn new(limits: Limits) -> Result<MemoryBudget, BudgetError> {
        MemoryBudget::below(Path::new("/"), limits)
    }

    /// `root` is where the system's files lie.
    fn below(root: &Path, limits: Limits) -> Result<MemoryBudget, BudgetError> {
        if limits.set().count() == 0 {
            return Err(BudgetError::NoLimit);
        }
        if let Some((name, _)) = limits.set().find(|(_, limit)| *limit == Bytes::new(0)) {
            return Err(BudgetError::ZeroLimit(name));
        }
        let sources = Sources::open(root);
        let (heap_base, last) = (Bytes::new(0), Mutex::new(None));
        let budget = MemoryBudget { limits, sources, heap_base, max_age: MAX_AGE, last };
        budget.check()?;
        Ok(budget)
    }

    /// Keeps readings for `max_age`; with `Duration::ZERO` every check reads.
    pub fn max_age(mut self, max_age: Duration) -> MemoryBudget {
        self.max_age = max_age;
        self
    }

    /// From now on the heap's limit is for what is allocated beyond what is live now: for the budget of one
    /// piece of work.
    pub fn heap_from_here(mut self) -> MemoryBudget {
        (self.heap_base, self.last) = (Bytes::new(0), Mutex::new(None));
        self.heap_base = self.read(WantedReadings::All).heap.unwrap_or_default();
        self
    }

    /// How near memory is to its limits: the worst of heap, process and system.
    ///
    /// # Errors
    /// When nothing that has a limit can be read any more.
    pub fn check(&self) -> Result<Pressure, BudgetError> {
        self.check_for(Bytes::new(0))
    }

    /// How near memory would be to its limits with `more` bytes allocated: to ask before taking on work.
    ///
    /// # Errors
    /// As [`MemoryBudget::check`].
    pub fn check_for(&self, more: Bytes) -> Result<Pressure, BudgetError> {
        let status = self.checked();
        match status::pressure(&self.limits, &status.readings.with(more)) {
            Some(pressure) => Ok(pressure),
            None => Err(BudgetError::Blind(self.status().to_string())),
        }
    }

    /// Checks at every `n`th chunk of work only.
    ///
    /// # Panics
    /// When `n` is 0.
    pub fn check_every(&self, n: u64) -> EveryNth<'_> {
        assert!(n > 0, "every 0th chunk is none");
        EveryNth { budget: self, n, chunks: 0 }
    }

    /// What memory is, against its limits, and what has none; its `Display` is one line for a log.
    pub fn status(&self) -> Status {
        self.status_at(Instant::now(), WantedReadings::All)
    }

    /// As [`MemoryBudget::status`], with what has a limit only.
    fn checked(&self) -> Status {
        self.status_at(Instant::now(), WantedReadings::Limited)
    }

    fn status_at(&self, now: Instant, wanted: WantedReadings) -> Status {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((status, read)) = *last
            && now.saturating_duration_since(status.read_at) < self.max_age
            && (read == WantedReadings::All || wanted == WantedReadings::Limited)
        {
            return status;
        }
        let status = Status { limits: self.limits, readings: self.read(wanted), read_at: now };
        *last = Some((status, wanted));
        status
    }

    fn read(&self, wanted: WantedReadings) -> Readings {
        let limits = Some(&self.limits).filter(|_| wanted == WantedReadings::Limited);
        let readings = self.sources.read(limits);
        Readings { heap: readings.heap.map(|live| live.minus(self.heap_base)), ..readings }
    }
}

/// Checks a budget at every nth chunk.
pub struct EveryNth<'a> {
    budget: &'a MemoryBudget,
    n: u64,
    chunks: u64,
}

impl EveryNth<'_> {
    /// Says that a chunk is done: the pressure at the nth, the 2nth and so on, nothing at the others.
    ///
    /// # Errors
    /// As [`MemoryBudget::check`].
    pub fn chunk(&mut self) -> Result<Option<Pressure>, BudgetError> {
        self.chunks += 1;
        if self.chunks.is_multiple_of(self.n) { self.budget.check().map(Some) } else { Ok(None) }
    }
}

/// What reads memory.
struct Sources {
    heap_is_counted: bool,
    process: Option<ProcessProbe>,
    system: SystemProbe,
}

impl Sources {
    fn open(root: &Path) -> Sources {
        Sources {
            heap_is_counted: is_counting(),
            process: ProcessProbe::open().ok(),
            system: SystemProbe::open(root),
        }
    }

    /// Reads what has a limit; everything without `limits`.
    fn read(&self, limits: Option<&Limits>) -> Readings {
        let wants = |limit: fn(&Limits) -> Option<Bytes>| limits.is_none_or(|limits| limit(limits).is_some());
        let process = self.process.as_ref().filter(|_| wants(|limits| limits.process));
        let resident = process.and_then(ProcessProbe::read_resident);
        let system = Some(&self.system).filter(|_| wants(|limits| limits.system_available));
        Readings {
            // As cheap as asking for its limit.
            heap: self.heap_is_counted.then(|| Bytes::new(live_bytes())),
            process: resident.map(|(anon, file)| Bytes::new(anon + file.unwrap_or(0))),
            system_available: system.and_then(SystemProbe::available_bytes).map(Bytes::new),
        }
    }
}

// The unit tests' allocator does not count, so the heap is absent here; `tests/counting_allocator` has it.
#[cfg(test)]
mod tests {
    use super::*;

    const ROOMY: Bytes = Bytes::mib(1 << 30);

    #[test]
    fn a_reading_stands_for_100_ms() {
        let budget = MemoryBudget::new(Limits::default().process(ROOMY)).unwrap();
        let start = Instant::now();
        let read_at =
            |ms| budget.status_at(start + Duration::from_millis(ms), WantedReadings::All).read_at - start;
        // `new` has read just before `start`.
        let first = read_at(100);
        assert_eq!(first, Duration::from_millis(100));
        for (asked, read) in [(100, 100), (150, 100), (199, 100), (200, 200), (120, 200), (1000, 1000)] {
            assert_eq!(read_at(asked), Duration::from_millis(read), "asked at {asked} ms");
        }
        let budget = budget.max_age(Duration::ZERO);
        let read_at =
            |ms| budget.status_at(start + Duration::from_millis(ms), WantedReadings::All).read_at - start;
        assert_eq!([read_at(5), read_at(6)], [5, 6].map(Duration::from_millis));
    }

    #[test]
    fn a_check_reads_what_has_a_limit_and_a_status_everything() {
        let process = || MemoryBudget::new(Limits::default().process(ROOMY)).unwrap();
        let budget = process();
        for _ in 0..2 {
            let readings = budget.checked().readings;
            assert!(readings.process.is_some() && readings.system_available.is_none(), "{readings:?}");
        }
        assert!(budget.status().readings.system_available.is_some(), "a kept check is not the whole");
        assert!(budget.checked().readings.system_available.is_some(), "the whole serves a check, too");
        let system = MemoryBudget::new(Limits::default().system_available(Bytes::kib(1))).unwrap();
        let readings = system.max_age(Duration::ZERO).checked().readings;
        assert!(readings.process.is_none() && readings.system_available.is_some(), "{readings:?}");
        // So an operation's report has a peak of what has a limit.
        let monitor = OperationMonitor::new(process().max_age(Duration::ZERO));
        let report = monitor.start("import").end();
        assert!(report.peak_process.is_some() && report.lowest_system_available.is_none(), "{report}");
    }

    #[test]
    fn every_nth_chunk_is_checked() {
        let budget = MemoryBudget::new(Limits::default().process(ROOMY)).unwrap();
        let mut every_third = budget.check_every(3);
        let checked: Vec<bool> = (0..7).map(|_| every_third.chunk().unwrap().is_some()).collect();
        assert_eq!(checked, [false, false, true, false, false, true, false]);
        assert_eq!(budget.check_every(1).chunk().unwrap(), Some(Pressure::Normal));
    }

    #[test]
    fn what_more_would_take_is_known_before() {
        let budget = MemoryBudget::new(Limits::default().process(ROOMY)).unwrap();
        assert_eq!(budget.check().unwrap(), Pressure::Normal);
        assert_eq!(budget.check_for(Bytes::mib(7 << 27)).unwrap(), Pressure::Warning);
        assert_eq!(budget.check_for(ROOMY).unwrap(), Pressure::Emergency);
        assert_eq!(budget.check().unwrap(), Pressure::Normal, "nothing was taken");
    }

    #[test]
    fn a_budget_that_can_see_nothing_is_refused() {
        let nowhere = tempfile::tempdir().unwrap();
        let error = |limits| MemoryBudget::below(nowhere.path(), limits).err().map(|error| error.to_string());
        let heap = error(Limits::default().heap(ROOMY)).unwrap();
        assert!(heap.contains("heap absent") && heap.contains("#[global_allocator]"), "{heap}");
        let both = error(Limits::default().heap(ROOMY).system_available(ROOMY)).unwrap();
        assert!(both.contains("system absent"), "{both}");
        assert!(error(Limits::default()).unwrap().contains("needs a limit"));
        assert!(error(Limits::default().process(Bytes::new(0))).unwrap().contains("the process is 0 bytes"));
    }

    #[test]
    fn what_is_absent_does_not_stop_the_rest() {
        let nowhere = tempfile::tempdir().unwrap();
        let limits = Limits::default().heap(ROOMY).process(ROOMY).system_available(Bytes::mib(1));
        let budget = MemoryBudget::below(nowhere.path(), limits).unwrap();
        assert_eq!(budget.check().unwrap(), Pressure::Normal);
        let status = budget.status();
        assert!(status.readings.process.is_some_and(|rss| rss > Bytes::mib(1)), "{status}");
        assert_eq!((status.readings.heap, status.readings.system_available), (None, None));
    }

    #[test]
    fn a_container_without_room_is_an_emergency() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("proc/meminfo", "MemAvailable: 64000000 kB\n");
        write("proc/self/cgroup", "0::/\n");
        write("sys/fs/cgroup/memory.max", "104857600\n");
        let limits = Limits::default().process(ROOMY).system_available(Bytes::mib(20));
        for (current_mib, level) in [
            (0, Pressure::Normal),
            (60, Pressure::Normal),
            (61, Pressure::Warning),
            (70, Pressure::Warning),
            (71, Pressure::Critical),
            (80, Pressure::Critical),
            (81, Pressure::Emergency),
        ] {
            write("sys/fs/cgroup/memory.current", &format!("{}\n", current_mib << 20));
            let budget = MemoryBudget::below(root.path(), limits).unwrap();
            assert_eq!(budget.check().unwrap(), level, "{current_mib} of 100 MiB: {}", budget.status());
        }
    }
}
