//! The METRICS table: every quantity that report, thresholds, comparison and exports know.
//!
//! A metric is one row. "Cannot be seen" is `None`, never 0.

mod absence;
pub mod answers;
mod arithmetic;
pub mod budget;
pub mod engine;
pub mod heap;
pub mod leak;
pub mod memory;
pub mod native;
pub mod process;
pub mod rss;
pub mod server;
mod table;
pub mod time;
pub(crate) mod unit;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use table::METRICS;
pub use unit::Unit;

use crate::case::Mode;
use crate::evidence::{Evidence, HeapRecord, PhaseRecord};
use crate::site_count::SiteCount;

/// One row of the table.
pub struct Metric {
    /// The name in thresholds, JSON and exports: `heap.peak`.
    pub id: &'static str,
    /// The name on the page.
    pub title: &'static str,
    /// Whose memory or work it is about.
    pub source: Source,
    /// What a value is counted in.
    pub unit: Unit,
    /// The mode whose evidence it reads.
    pub mode: Mode,
    /// Which way is better.
    pub direction: Direction,
    /// Whether equal binaries give equal values.
    pub class: Class,
    /// The absolute change, in `unit`, below which nothing is said.
    pub floor: f64,
    /// Why a comparison with a baseline judges it by an explicit rule only; `None`: its class has a default gate.
    pub only_by_rule: Option<&'static str>,
    /// The count of a call site that explains a change; `None`: call sites do not.
    pub sites: Option<SiteCount>,
    /// Why a record has no value of it; see [`Metric::why_absent`].
    pub absent: fn(&Evidence, &PhaseRecord) -> String,
    /// One sentence for the page's method section: what the number includes and what it does not.
    pub about: &'static str,
    /// The value of a phase, or of the whole case (see [`crate::evidence::Evidence::whole`]).
    pub of: fn(&PhaseRecord) -> Option<f64>,
}

impl Metric {
    /// The row with this id.
    pub fn by_id(id: &str) -> Option<&'static Metric> {
        METRICS.iter().find(|metric| metric.id == id)
    }

    /// Why `record`, a phase of `evidence` or the whole of it, has no value of this metric.
    pub fn why_absent(&self, evidence: &Evidence, record: &PhaseRecord) -> String {
        match &evidence.foreign_heap {
            Some(reason) if self.source == Source::RustHeap => reason.clone(),
            _ => (self.absent)(evidence, record),
        }
    }

    /// The class of this metric in one record: an exact peak is exact only with one allocating thread.
    pub fn class_in(&self, record: &PhaseRecord) -> Class {
        match self.class {
            Class::ExactOnOneThread if record.heap.is_some_and(allocated_on_one_thread) => Class::Exact,
            Class::ExactOnOneThread => Class::Noisy,
            class => class,
        }
    }
}

fn allocated_on_one_thread(heap: HeapRecord) -> bool {
    heap.allocating_threads.is_some_and(|threads| threads <= 1)
}

impl PartialEq for Metric {
    fn eq(&self, other: &Metric) -> bool {
        self.id == other.id
    }
}

impl Eq for Metric {}

impl fmt::Debug for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

/// Whose memory or work a metric is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The heap that Rust's global allocator serves, which an engine in C or C++ bypasses.
    RustHeap,
    /// The allocator's own books, C's blocks among them.
    Allocator,
    /// The C heap.
    CHeap,
    /// Both heaps and what the program maps itself.
    AllMemory,
    /// The resident memory of the process.
    Resident,
    /// The server that the case works with.
    Server,
    /// What the engine says of itself.
    Engine,
    /// What the answers are worth.
    Answers,
    /// The process: its threads.
    Process,
    /// How the work was cut under its memory budget.
    Workload,
    /// Wall time.
    Speed,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither: shown for understanding.
    Neutral,
}

/// Whether equal binaries give equal values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The same number in every repetition; a case in which it is not is reported as "not repeatable".
    Exact,
    /// Exact while one thread allocates, noisy otherwise; [`Metric::class_in`] resolves it.
    ExactOnOneThread,
    /// Spreads between repetitions.
    Noisy,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{
        AllocatorRecord, BudgetRecord, MappingRecord, MappingResident, MemoryPeak, MemoryReading,
        MemoryRecord, PeakRange, ProcessMemory, ProcessRecord, SampledRecord, ServerMemory, ServerRecord,
    };

    fn value(id: &str, phase: &PhaseRecord) -> Option<f64> {
        (Metric::by_id(id).unwrap().of)(phase)
    }

    /// Rust, C, resident without a file, of files; and RSS anon.
    fn reading([rust_bytes, c_bytes, anon_bytes, file_bytes, rss_anon]: [u64; 5]) -> MemoryReading {
        let resident = Some(MappingResident { anon_bytes, shared_bytes: 0, file_bytes });
        MemoryReading {
            rust_bytes,
            c_bytes,
            mappings: Some(MappingRecord { resident, ..MappingRecord::default() }),
            process: Some(ProcessMemory {
                rss_anon_bytes: Some(rss_anon),
                rss_shmem_bytes: Some(10),
                ..ProcessMemory::default()
            }),
            ..MemoryReading::default()
        }
    }

    fn memory() -> MemoryRecord {
        let resident_sum = Some(PeakRange { least_bytes: 5500, most_bytes: 5600 });
        MemoryRecord {
            base: reading([500, 300, 300, 200, 1200]),
            start: reading([800, 400, 900, 200, 2250]),
            end: reading([1800, 800, 1000, 1000, 3800]),
            peak: Some(MemoryPeak { resident_sum, ..MemoryPeak::default() }),
            ..MemoryRecord::default()
        }
    }

    fn phase() -> PhaseRecord {
        PhaseRecord {
            wall_ns: 2_000_000_000,
            items: Some(10),
            payload_bytes: Some(1000),
            heap: Some(HeapRecord {
                base_live_bytes: 100,
                base_live_blocks: Some(1),
                start_live_bytes: 300,
                end_live_bytes: 2300,
                end_live_blocks: 21,
                peak_live_bytes: 4100,
                allocating_threads: Some(1),
                allocated_bytes: 5000,
                allocated_blocks: 30,
                reallocated_bytes: 700,
                reallocated_blocks: 7,
                ..HeapRecord::default()
            }),
            memory: Some(memory()),
            native: Some(HeapRecord {
                base_live_bytes: 64,
                start_live_bytes: 264,
                end_live_bytes: 1064,
                peak_live_bytes: 3064,
                allocated_bytes: 900,
                allocated_blocks: 9,
                reallocated_bytes: 100,
                reallocated_blocks: 1,
                ..HeapRecord::default()
            }),
            allocator: Some(AllocatorRecord {
                in_use_bytes: Some(8000),
                sys_bytes: Some(9000),
                free_bytes: None,
            }),
            sampled: Some(SampledRecord { points: 4, mean_live_bytes: 1100.0, mean_rss_bytes: None }),
            process: Some(ProcessRecord {
                start: ProcessMemory { rss_bytes: 5000, rss_anon_bytes: Some(4000), ..Default::default() },
                end: ProcessMemory { rss_bytes: 9000, rss_anon_bytes: Some(7000), ..Default::default() },
                peak_rss_bytes: Some(9500),
            }),
            budget: Some(BudgetRecord {
                heap_limit_bytes: 8000,
                batches: 9,
                smallest_batch: Some(2),
                largest_batch: 16,
                warnings: 3,
                criticals: 1,
            }),
            server: Some(ServerRecord {
                start: ServerMemory {
                    pss_bytes: Some(70_000),
                    allocated_bytes: Some(100),
                    ..Default::default()
                },
                end: ServerMemory {
                    pss_bytes: Some(90_000),
                    allocated_bytes: Some(350),
                    ..Default::default()
                },
                peak_pss_bytes: Some(95_000),
                readings: 3,
            }),
            ..PhaseRecord::default()
        }
    }

    #[test]
    fn each_row_computes_what_it_says() {
        for (id, expected) in [
            ("heap.peak", 4000.0),
            ("heap.average", 1000.0),
            ("heap.growth", 2000.0),
            ("heap.growth_rate", 1000.0),
            ("heap.live", 2200.0),
            ("heap.live_blocks", 20.0),
            ("heap.allocated", 5700.0),
            ("heap.blocks", 37.0),
            ("heap.peak_per_item", 400.0),
            ("heap.live_per_item", 220.0),
            ("heap.peak_per_payload", 4.0),
            ("heap.amplification", 4000.0 / 2200.0),
            ("heap.in_use", 8000.0),
            ("heap.sys", 9000.0),
            ("memory.live", 2500.0),
            ("memory.peak", 4500.0),
            ("memory.growth", 1500.0),
            ("memory.per_item", 250.0),
            ("memory.over_payload", 2.5),
            ("memory.amplification", 1.8),
            ("memory.transient", 2000.0),
            ("memory.anon", 2600.0),
            ("memory.file", 800.0),
            ("memory.rest", 50.0),
            ("native.peak", 3000.0),
            ("native.growth", 800.0),
            ("native.live", 1000.0),
            ("native.live_per_item", 100.0),
            ("native.allocated", 1000.0),
            ("native.blocks", 10.0),
            ("rss.peak", 9500.0),
            ("rss.delta", 4000.0),
            ("rss.anon_growth", 3000.0),
            ("budget.used", 0.5),
            ("budget.batches", 9.0),
            ("budget.smallest_batch", 2.0),
            ("budget.largest_batch", 16.0),
            ("budget.warnings", 3.0),
            ("budget.criticals", 1.0),
            ("server.peak", 95_000.0),
            ("server.growth", 20_000.0),
            ("server.bytes_per_item", 2000.0),
            ("server.allocated", 350.0),
            ("server.allocated_per_item", 25.0),
        ] {
            assert_eq!(value(id, &phase()), Some(expected), "{id}");
        }
    }

    #[test]
    fn only_a_deletion_gives_back() {
        let mut phase = phase();
        let given_back = ["heap.given_back", "native.given_back", "rss.given_back", "memory.given_back"];
        for id in given_back {
            assert_eq!(value(id, &phase), None, "{id}");
        }
        phase.name = "delete".into();
        // The phase grew: it gave back less than nothing.
        assert_eq!(
            given_back.map(|id| value(id, &phase)),
            [Some(-2000.0), Some(-800.0), Some(-3000.0), Some(-1500.0)],
            "{given_back:?}"
        );
        phase.heap.as_mut().unwrap().end_live_bytes = 200;
        assert_eq!(value("heap.given_back", &phase), Some(100.0));
        (phase.heap, phase.native, phase.process, phase.memory) = (None, None, None, None);
        assert_eq!(given_back.map(|id| value(id, &phase)), [None; 4]);
    }

    #[test]
    fn a_loop_has_a_slope_and_a_growth() {
        let mut phase = phase();
        for (id, expected) in [("leak.slope", 8.0), ("leak.growth", 100.0 * 8.0 * 62.0 / 1180.0)] {
            let in_native = format!("native.{}", id.replace("leak.", "leak_"));
            phase.iteration_live_bytes = (0..100).map(|i| 1000 + 8 * i).collect();
            for id in [id, &in_native] {
                let found = value(id, &phase).unwrap();
                assert!((found - expected).abs() < 1e-9, "{id}: {found}");
            }
            phase.iteration_live_bytes.truncate(31);
            assert_eq!(value(id, &phase), None, "too few iterations to tell");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_absent_in_every_row() {
        for metric in METRICS {
            assert_eq!((metric.of)(&PhaseRecord::default()), None, "{}", metric.id);
        }
        let mut blind = phase();
        blind.process.as_mut().unwrap().end.rss_anon_bytes = None;
        assert_eq!(value("rss.anon_growth", &blind), None);
        assert_eq!(value("heap.fragmentation", &phase()), None, "below 1 MiB live");
        blind.allocator = Some(AllocatorRecord { sys_bytes: Some(1), ..AllocatorRecord::default() });
        assert_eq!((value("heap.in_use", &blind), value("heap.sys", &blind)), (None, Some(1.0)));
        blind.server.as_mut().unwrap().start.pss_bytes = None;
        assert_eq!((value("server.growth", &blind), value("server.allocated", &blind)), (None, Some(350.0)));
        blind.sampled = None;
        assert_eq!(value("heap.average", &blind), None);
    }

    #[test]
    fn ids_are_unique_and_floors_are_numbers() {
        for (i, metric) in METRICS.iter().enumerate() {
            assert!(METRICS[..i].iter().all(|other| other.id != metric.id), "{}", metric.id);
            assert!(metric.floor.is_finite() && metric.floor >= 0.0);
        }
    }

    #[test]
    fn a_peak_is_exact_only_while_one_thread_allocates() {
        let peak = Metric::by_id("heap.peak").unwrap();
        let mut phase = phase();
        assert_eq!(peak.class_in(&phase), Class::Exact);
        phase.heap.as_mut().unwrap().allocating_threads = Some(2);
        assert_eq!(peak.class_in(&phase), Class::Noisy);
    }
}
