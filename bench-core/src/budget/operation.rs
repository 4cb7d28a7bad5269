//! Watching a service's operations: how much memory each kind needs, at which pressure, and how fast it is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{BudgetError, Bytes, Growth, LevelCounts, MemoryBudget, Pressure, Status, ThinnedReadings};

/// Watches operations under one budget. Its memory does not grow with the length of the run: what it keeps is
/// one report for each name, and two trends.
pub struct OperationMonitor {
    budget: MemoryBudget,
    started: Instant,
    watched: Mutex<Watched>,
}

struct Watched {
    reports: BTreeMap<&'static str, OperationReport>,
    heap: ThinnedReadings,
    process: ThinnedReadings,
    /// The newest reading in the trends.
    read_at: Option<Instant>,
}

/// By how much memory grew since the monitor began, over all checks. What could not be read twice, or has no
/// limit, is absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trends {
    /// Live bytes of Rust's heap.
    pub heap: Option<Growth>,
    /// Resident memory.
    pub process: Option<Growth>,
}

impl OperationMonitor {
    /// Watches under `budget`.
    pub fn new(budget: MemoryBudget) -> OperationMonitor {
        let (heap, process) = (ThinnedReadings::new(), ThinnedReadings::new());
        let watched = Watched { reports: BTreeMap::new(), heap, process, read_at: None };
        OperationMonitor { budget, started: Instant::now(), watched: Mutex::new(watched) }
    }

    /// The budget, for what no operation pays.
    pub fn budget(&self) -> &MemoryBudget {
        &self.budget
    }

    /// Starts an operation. It ends with [`Operation::end`], or when it is dropped: an error on its way ends
    /// it, too. Several may run at the same time, on any thread; memory is the process's, so each sees what
    /// the others take.
    pub fn start(&self, name: &'static str) -> Operation<'_> {
        let report = OperationReport::new(name);
        let mut operation = Operation { monitor: self, started: Instant::now(), report };
        operation.observe();
        operation
    }

    /// All operations of this name that have ended, as one.
    pub fn report(&self, name: &str) -> Option<OperationReport> {
        self.watched().reports.get(name).cloned()
    }

    /// One report for each name, in the order of names.
    pub fn reports(&self) -> Vec<OperationReport> {
        self.watched().reports.values().cloned().collect()
    }

    /// By how much memory grew since the first check.
    pub fn trends(&self) -> Trends {
        let watched = self.watched();
        Trends { heap: watched.heap.growth(), process: watched.process.growth() }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a reading to the trends, each reading once.
    fn follow(&self, status: &Status) {
        let mut watched = self.watched();
        if watched.read_at.is_some_and(|newest| status.read_at <= newest) {
            return;
        }
        watched.read_at = Some(status.read_at);
        let at = status.read_at.saturating_duration_since(self.started);
        if let Some(heap) = status.readings.heap {
            watched.heap.add(at, heap);
        }
        if let Some(process) = status.readings.process {
            watched.process.add(at, process);
        }
    }
}

/// An operation that runs.
pub struct Operation<'a> {
    monitor: &'a OperationMonitor,
    started: Instant,
    report: OperationReport,
}

impl Operation<'_> {
    /// Says that so many items, of so many bytes together, are done.
    pub fn add(&mut self, items: u64, bytes: u64) {
        self.report.items += items;
        self.report.bytes = self.report.bytes.plus(Bytes::new(bytes));
    }

    /// Checks the budget: the level is counted, the readings enter the peaks.
    ///
    /// # Errors
    /// As [`MemoryBudget::check`].
    pub fn check(&mut self) -> Result<Pressure, BudgetError> {
        let status = self.observe();
        let blind = || BudgetError::Blind(self.monitor.budget.status().to_string());
        let pressure = status.pressure().ok_or_else(blind)?;
        self.report.levels.add(pressure);
        Ok(pressure)
    }

    /// Ends the operation: what was seen of it.
    pub fn end(mut self) -> OperationReport {
        self.finish();
        self.report.clone()
    }

    fn observe(&mut self) -> Status {
        let status = self.monitor.budget.checked();
        self.report.see(&status);
        self.monitor.follow(&status);
        status
    }

    /// Adds the report to those of its name, once.
    fn finish(&mut self) {
        if self.report.runs == 0 {
            self.observe();
            self.report.runs = 1;
            self.report.elapsed = self.started.elapsed();
            let mut watched = self.monitor.watched();
            let name = self.report.name;
            watched.reports.entry(name).or_insert_with(|| OperationReport::new(name)).add(&self.report);
        }
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

/// What was seen of one operation, or of all with its name. Of process and system only what has a limit is
/// read.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationReport {
    /// The operation's name.
    pub name: &'static str,
    /// How many operations this stands for.
    pub runs: u64,
    /// How long they took together.
    pub elapsed: Duration,
    /// Items done.
    pub items: u64,
    /// Bytes of the items.
    pub bytes: Bytes,
    /// Highest heap at the start, a check or the end. A peak between two checks is not seen, and a reading
    /// may be as old as the budget keeps it.
    pub peak_heap: Option<Bytes>,
    /// Highest resident memory, seen in the same way.
    pub peak_process: Option<Bytes>,
    /// Least available memory, seen in the same way.
    pub lowest_system_available: Option<Bytes>,
    /// The levels that the checks met.
    pub levels: LevelCounts,
}

impl OperationReport {
    fn new(name: &'static str) -> OperationReport {
        OperationReport {
            name,
            runs: 0,
            elapsed: Duration::ZERO,
            items: 0,
            bytes: Bytes::default(),
            peak_heap: None,
            peak_process: None,
            lowest_system_available: None,
            levels: LevelCounts::default(),
        }
    }

    /// Items per second; nothing for an operation without items or time.
    pub fn items_per_second(&self) -> Option<f64> {
        self.per_second(self.items)
    }

    /// Bytes per second; nothing for an operation without bytes or time.
    pub fn bytes_per_second(&self) -> Option<f64> {
        self.per_second(self.bytes.get())
    }

    fn per_second(&self, count: u64) -> Option<f64> {
        (count > 0 && !self.elapsed.is_zero()).then(|| count as f64 / self.elapsed.as_secs_f64())
    }

    fn see(&mut self, status: &Status) {
        let readings = &status.readings;
        self.peak_heap = self.peak_heap.max(readings.heap);
        self.peak_process = self.peak_process.max(readings.process);
        self.lowest_system_available = lower(self.lowest_system_available, readings.system_available);
    }

    fn add(&mut self, other: &OperationReport) {
        self.runs += other.runs;
        self.elapsed += other.elapsed;
        self.items += other.items;
        self.bytes = self.bytes.plus(other.bytes);
        self.peak_heap = self.peak_heap.max(other.peak_heap);
        self.peak_process = self.peak_process.max(other.peak_process);
        self.lowest_system_available = lower(self.lowest_system_available, other.lowest_system_available);
        self.levels.add_all(&other.levels);
    }
}

fn lower(a: Option<Bytes>, b: Option<Bytes>) -> Option<Bytes> {
    a.into_iter().chain(b).min()
}

/// `import: 200 items, 2.8 MiB in 4.1 s (49 items/s, 0.7 MB/s) | peak heap 7.1 MiB, process 31.0 MiB | Normal
/// 12, Warning 3`
impl fmt::Display for OperationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} items, {} in {:.1} s",
            self.name,
            self.items,
            self.bytes,
            self.elapsed.as_secs_f64()
        )?;
        if let (Some(items), Some(bytes)) = (self.items_per_second(), self.bytes_per_second()) {
            write!(f, " ({items:.0} items/s, {:.1} MB/s)", bytes / 1e6)?;
        }
        let or_absent = |peak: Option<Bytes>| peak.map_or("absent".into(), |peak| peak.to_string());
        let (heap, process) = (or_absent(self.peak_heap), or_absent(self.peak_process));
        write!(f, " | peak heap {heap}, process {process} | {}", self.levels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::{Limits, Readings};

    fn monitor() -> OperationMonitor {
        let budget = MemoryBudget::new(Limits::default().process(Bytes::mib(1 << 30))).unwrap();
        OperationMonitor::new(budget.max_age(Duration::ZERO))
    }

    fn status(heap: u64, process: Option<u64>, available: u64) -> Status {
        let readings = Readings {
            heap: Some(Bytes::new(heap)),
            process: process.map(Bytes::new),
            system_available: Some(Bytes::new(available)),
        };
        Status { limits: Limits::default().heap(Bytes::new(100)), readings, read_at: Instant::now() }
    }

    #[test]
    fn peaks_are_the_extremes_of_the_readings() {
        let mut report = OperationReport::new("x");
        for (heap, process, available) in
            [(10, None, 50), (40, Some(7), 60), (20, Some(9), 30), (5, None, 70)]
        {
            report.see(&status(heap, process, available));
        }
        assert_eq!(report.peak_heap, Some(Bytes::new(40)));
        assert_eq!(report.peak_process, Some(Bytes::new(9)));
        assert_eq!(report.lowest_system_available, Some(Bytes::new(30)));
        assert_eq!(OperationReport::new("x").lowest_system_available, None);
    }

    #[test]
    fn operations_of_a_name_are_reported_as_one() {
        let monitor = monitor();
        for items in [3, 4] {
            let mut operation = monitor.start("import");
            operation.add(items, 100);
            for _ in 0..items {
                assert_eq!(operation.check().unwrap(), Pressure::Normal);
            }
            let report = operation.end();
            assert_eq!((report.runs, report.items, report.levels.of(Pressure::Normal)), (1, items, items));
        }
        let other = monitor.start("export");
        assert_eq!(monitor.reports().len(), 1, "it still runs");
        drop(other);
        assert_eq!(
            monitor.reports().iter().map(|report| report.name).collect::<Vec<_>>(),
            ["export", "import"]
        );
        let report = monitor.report("import").unwrap();
        assert_eq!((report.runs, report.items, report.bytes), (2, 7, Bytes::new(200)));
        assert_eq!(report.levels.of(Pressure::Normal), 7);
        assert!(report.peak_process > Some(Bytes::mib(1)) && report.items_per_second() > Some(0.0));
        assert_eq!(monitor.report("export").unwrap().items_per_second(), None);
        assert_eq!(monitor.report("nothing"), None);
    }

    #[test]
    fn an_operation_that_fails_is_reported_too() {
        let monitor = monitor();
        let fails = || -> anyhow::Result<()> {
            let mut operation = monitor.start("import");
            operation.add(1, 1);
            anyhow::bail!("in the middle")
        };
        fails().unwrap_err();
        assert_eq!(monitor.report("import").unwrap().items, 1);
    }

    #[test]
    fn many_threads_are_watched_at_once() {
        let monitor = monitor();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let mut operation = monitor.start("import");
                        operation.add(1, 10);
                        operation.check().unwrap();
                    }
                });
            }
        });
        let report = monitor.report("import").unwrap();
        assert_eq!((report.runs, report.items, report.levels.of(Pressure::Normal)), (400, 400, 400));
    }

    #[test]
    fn trends_are_of_what_can_be_read() {
        let monitor = monitor();
        let mut operation = monitor.start("import");
        operation.check().unwrap();
        std::thread::sleep(Duration::from_millis(1));
        operation.check().unwrap();
        let trends = monitor.trends();
        assert_eq!(trends.heap, None, "the unit tests' allocator does not count");
        assert!(trends.process.is_some());
    }

    #[test]
    fn a_reading_enters_the_trends_once() {
        let monitor = monitor();
        let first = status(10, None, 1);
        for _ in 0..5 {
            monitor.follow(&first);
        }
        let later = Status { read_at: first.read_at + Duration::from_secs(60), ..status(1_000_010, None, 1) };
        monitor.follow(&later);
        let growth = monitor.trends().heap.unwrap();
        assert_eq!(growth.bytes, 1_000_000);
        assert!((growth.bytes_per_minute - 1e6).abs() < 1.0, "{growth:?}");
    }

    #[test]
    fn a_report_is_one_line() {
        let mut report = OperationReport::new("import");
        report.elapsed = Duration::from_secs(4);
        report.items = 200;
        report.bytes = Bytes::new(2_900_000);
        report.peak_process = Some(Bytes::mib(312));
        report.levels.add(Pressure::Warning);
        assert_eq!(
            report.to_string(),
            "import: 200 items, 2.8 MiB in 4.0 s (50 items/s, 0.7 MB/s) | peak heap absent, process 312 MiB | Warning 1"
        );
    }
}
