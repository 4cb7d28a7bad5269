//! The METRICS table: every quantity that report, thresholds, comparison and exports know.
//!
//! A metric is one row. "Cannot be seen" is `None`, never 0.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::case::Mode;
use crate::evidence::{HeapRecord, PhaseRecord};

/// One row of the table.
pub struct Metric {
    /// The name in thresholds, JSON and exports: `heap.peak`.
    pub id: &'static str,
    /// The name on the page.
    pub title: &'static str,
    /// What a value means.
    pub unit: Unit,
    /// The mode whose evidence it reads.
    pub mode: Mode,
    /// Which way is better.
    pub direction: Direction,
    /// Whether equal binaries give equal values.
    pub class: Class,
    /// The absolute change, in `unit`, below which nothing is said.
    pub floor: f64,
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

    /// The class of this metric in one record: an exact peak is exact only with one allocating thread.
    pub fn class_in(&self, record: &PhaseRecord) -> Class {
        match self.class {
            Class::ExactOnOneThread if record.heap.is_some_and(|heap| heap.allocating_threads <= 1) => {
                Class::Exact
            }
            Class::ExactOnOneThread => Class::Noisy,
            class => class,
        }
    }
}

/// What a value is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Bytes per item of the workload.
    BytesPerItem,
    /// Bytes per second.
    BytesPerSecond,
    /// A plain number of things.
    Count,
    /// A plain quotient.
    Ratio,
    /// Nanoseconds.
    Nanoseconds,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Bytes => "B",
            Unit::BytesPerItem => "B/item",
            Unit::BytesPerSecond => "B/s",
            Unit::Count => "count",
            Unit::Ratio => "ratio",
            Unit::Nanoseconds => "ns",
        })
    }
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

/// Every metric, in the order of the page.
pub const METRICS: &[Metric] = &[
    Metric {
        id: "heap.peak",
        title: "peak heap",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::ExactOnOneThread,
        floor: 1024.0,
        about: "highest sum of the requested sizes of all live blocks, over what set-up held before the first phase; \
                every thread; without the allocator's own overhead and without C or C++ allocations",
        of: |phase| heap(phase, |heap| over_base(heap.peak_live_bytes, heap)),
    },
    Metric {
        id: "heap.average",
        title: "average heap",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Noisy,
        floor: 65536.0,
        about: "mean live bytes over the sampler's points within the phase, over what set-up held; absent when the \
                phase was too short for two points",
        of: |phase| Some(phase.sampled?.mean_live_bytes - phase.heap?.base_live_bytes as f64),
    },
    Metric {
        id: "heap.growth",
        title: "heap growth",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Exact,
        floor: 1024.0,
        about: "live bytes at the end minus at the start: what the phase left behind, its answer included",
        of: |phase| heap(phase, |heap| heap.end_live_bytes as f64 - heap.start_live_bytes as f64),
    },
    Metric {
        id: "heap.growth_rate",
        title: "heap growth rate",
        unit: Unit::BytesPerSecond,
        mode: Mode::Heap,
        direction: Direction::Neutral,
        class: Class::Noisy,
        floor: 0.0,
        about: "growth over the wall time of the phase under the heap instruments; absent when the phase was too \
                short for two points of the sampler",
        of: |phase| {
            phase.sampled?;
            let grown = heap(phase, |heap| heap.end_live_bytes as f64 - heap.start_live_bytes as f64)?;
            quotient(grown, phase.wall_ns as f64 / 1e9)
        },
    },
    Metric {
        id: "heap.live",
        title: "live at the end",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Exact,
        floor: 1024.0,
        about: "live bytes at the phase's end, over what set-up held",
        of: |phase| heap(phase, |heap| over_base(heap.end_live_bytes, heap)),
    },
    Metric {
        id: "heap.live_blocks",
        title: "live blocks at the end",
        unit: Unit::Count,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Exact,
        floor: 0.0,
        about: "live blocks at the phase's end, over what set-up held",
        of: |phase| heap(phase, |heap| (heap.end_live_blocks as f64) - heap.base_live_blocks as f64),
    },
    Metric {
        id: "heap.allocated",
        title: "allocated bytes",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Exact,
        floor: 1024.0,
        about: "all bytes ever requested; a realloc counts its whole new size, as dhat counts",
        of: |phase| heap(phase, |heap| (heap.allocated_bytes + heap.reallocated_bytes) as f64),
    },
    Metric {
        id: "heap.blocks",
        title: "allocated blocks",
        unit: Unit::Count,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Exact,
        floor: 0.0,
        about: "successful calls of alloc, alloc_zeroed and realloc, as dhat counts",
        of: |phase| heap(phase, |heap| (heap.allocated_blocks + heap.reallocated_blocks) as f64),
    },
    Metric {
        id: "heap.peak_per_item",
        title: "peak heap per item",
        unit: Unit::BytesPerItem,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::ExactOnOneThread,
        floor: 1.0,
        about: "peak heap over the number of items (vectors, documents, queries)",
        of: |phase| quotient(heap(phase, |heap| over_base(heap.peak_live_bytes, heap))?, phase.items? as f64),
    },
    Metric {
        id: "heap.live_per_item",
        title: "live per item",
        unit: Unit::BytesPerItem,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Exact,
        floor: 1.0,
        about: "live bytes at the end over the number of items",
        of: |phase| quotient(heap(phase, |heap| over_base(heap.end_live_bytes, heap))?, phase.items? as f64),
    },
    Metric {
        id: "heap.peak_per_payload",
        title: "peak over payload",
        unit: Unit::Ratio,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::ExactOnOneThread,
        floor: 0.001,
        about: "peak heap over the bytes that the user's data takes by itself",
        of: |phase| {
            quotient(heap(phase, |heap| over_base(heap.peak_live_bytes, heap))?, phase.payload_bytes? as f64)
        },
    },
    Metric {
        id: "heap.amplification",
        title: "amplification",
        unit: Unit::Ratio,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::ExactOnOneThread,
        floor: 0.001,
        about: "peak heap over what stays at the end; absent when nothing stays",
        of: |phase| {
            let peak = heap(phase, |heap| over_base(heap.peak_live_bytes, heap))?;
            quotient(peak, heap(phase, |heap| over_base(heap.end_live_bytes, heap))?)
        },
    },
    Metric {
        id: "heap.fragmentation",
        title: "fragmentation ratio",
        unit: Unit::Ratio,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Noisy,
        floor: 0.05,
        about: "RSS anon at the end over live bytes at the end, the whole process; absent below 1 MiB live",
        of: |phase| {
            let live = phase.heap?.end_live_bytes;
            let anon = phase.process?.end.rss_anon_bytes?;
            (live >= 1 << 20).then(|| anon as f64 / live as f64)
        },
    },
    Metric {
        id: "rss.peak",
        title: "peak RSS",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Noisy,
        floor: 65536.0,
        about: "VmHWM, reset at the phase's start: the whole process, its code and what set-up holds included",
        of: |phase| Some(phase.process?.peak_rss_bytes? as f64),
    },
    Metric {
        id: "rss.delta",
        title: "RSS delta",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Noisy,
        floor: 65536.0,
        about: "RSS at the end minus RSS at the start; pages that the allocator keeps after a free stay in it",
        of: |phase| process_growth(phase, |memory| Some(memory.rss_bytes)),
    },
    Metric {
        id: "rss.anon_growth",
        title: "RSS anon growth",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Lower,
        class: Class::Noisy,
        floor: 65536.0,
        about: "growth of the resident pages that no file backs: heap, stacks and private mappings, C and C++ included",
        of: |phase| process_growth(phase, |memory| memory.rss_anon_bytes),
    },
    Metric {
        id: "rss.file_growth",
        title: "RSS file growth",
        unit: Unit::Bytes,
        mode: Mode::Heap,
        direction: Direction::Neutral,
        class: Class::Noisy,
        floor: 65536.0,
        about: "growth of the resident pages of mapped files, which the kernel can take back: code as it is first \
                run, memory-mapped indexes",
        of: |phase| process_growth(phase, |memory| memory.rss_file_bytes),
    },
    Metric {
        id: "process.threads",
        title: "threads",
        unit: Unit::Count,
        mode: Mode::Heap,
        direction: Direction::Neutral,
        class: Class::Noisy,
        floor: 0.0,
        about: "threads of the process at the end; one of them is the sampler",
        of: |phase| Some(phase.process?.end.threads? as f64),
    },
    Metric {
        id: "time.median",
        title: "median time",
        unit: Unit::Nanoseconds,
        mode: Mode::Time,
        direction: Direction::Lower,
        class: Class::Noisy,
        floor: 50.0,
        about: "criterion's median of the time one iteration spends in its phases, in a binary without instruments; \
                includes about 40 ns of clock per phase",
        of: |phase| Some(phase.time.as_ref()?.median_ns),
    },
    Metric {
        id: "time.mean",
        title: "mean time",
        unit: Unit::Nanoseconds,
        mode: Mode::Time,
        direction: Direction::Lower,
        class: Class::Noisy,
        floor: 50.0,
        about: "criterion's mean of the same",
        of: |phase| Some(phase.time.as_ref()?.mean_ns),
    },
];

fn heap(phase: &PhaseRecord, value: impl FnOnce(&HeapRecord) -> f64) -> Option<f64> {
    phase.heap.as_ref().map(value)
}

/// Live bytes over what set-up held; negative when a phase freed some of that.
fn over_base(live_bytes: u64, heap: &HeapRecord) -> f64 {
    live_bytes as f64 - heap.base_live_bytes as f64
}

fn process_growth(
    phase: &PhaseRecord,
    part: impl Fn(&crate::evidence::ProcessMemory) -> Option<u64>,
) -> Option<f64> {
    let process = phase.process.as_ref()?;
    Some(part(&process.end)? as f64 - part(&process.start)? as f64)
}

fn quotient(dividend: f64, divisor: f64) -> Option<f64> {
    (divisor > 0.0).then(|| dividend / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{ProcessMemory, ProcessRecord, SampledRecord};

    fn value(id: &str, phase: &PhaseRecord) -> Option<f64> {
        (Metric::by_id(id).unwrap().of)(phase)
    }

    fn phase() -> PhaseRecord {
        PhaseRecord {
            wall_ns: 2_000_000_000,
            items: Some(10),
            payload_bytes: Some(1000),
            heap: Some(HeapRecord {
                base_live_bytes: 100,
                base_live_blocks: 1,
                start_live_bytes: 300,
                end_live_bytes: 2300,
                end_live_blocks: 21,
                peak_live_bytes: 4100,
                allocated_bytes: 5000,
                allocated_blocks: 30,
                reallocated_bytes: 700,
                reallocated_blocks: 7,
                ..HeapRecord::default()
            }),
            sampled: Some(SampledRecord { points: 4, mean_live_bytes: 1100.0, mean_rss_bytes: None }),
            process: Some(ProcessRecord {
                start: ProcessMemory { rss_bytes: 5000, rss_anon_bytes: Some(4000), ..Default::default() },
                end: ProcessMemory { rss_bytes: 9000, rss_anon_bytes: Some(7000), ..Default::default() },
                peak_rss_bytes: Some(9500),
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
            ("rss.peak", 9500.0),
            ("rss.delta", 4000.0),
            ("rss.anon_growth", 3000.0),
        ] {
            assert_eq!(value(id, &phase()), Some(expected), "{id}");
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
        phase.heap.as_mut().unwrap().allocating_threads = 2;
        assert_eq!(peak.class_in(&phase), Class::Noisy);
    }
}
